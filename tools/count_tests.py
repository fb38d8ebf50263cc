#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up test cases over a Meson test log: prints PASSED FAILED SKIPPED.

A cmocka program counts as many as it says; any other counts as one.  A program
that went wrong counts at least one failure, whatever it managed to say, and so
does one that says it is fine while its own counts do not add up.
"""
import json
import re
import sys

RUNNING = re.compile(r'^\[==========\] (?:.*: )?Running (\d+) test\(s\)', re.M)
PASSED = re.compile(r'^\[  PASSED  \] (\d+) test\(s\)', re.M)
FAILED = re.compile(r'^\[  FAILED  \] (\d+) test\(s\)', re.M)
SKIPPED = re.compile(r'^\[  SKIPPED \] (\d+) test\(s\)', re.M)
ONE_OK = re.compile(r'^\[       OK \] ', re.M)
GOOD = ('OK', 'EXPECTEDFAIL')


def total(pattern, text):
    return sum(int(number) for number in pattern.findall(text))


def count(record):
    text = record.get('stdout', '') + '\n' + record.get('stderr', '')
    good = record['result'] in GOOD
    if record['result'] == 'SKIP':
        return 0, 0, 1
    if not RUNNING.search(text):
        return int(good), int(not good), 0

    skipped = total(SKIPPED, text)
    if len(PASSED.findall(text)) == len(RUNNING.findall(text)):
        passed = total(PASSED, text)
        # Cases whose fixture broke are in no line of their own.
        failed = max(total(FAILED, text), total(RUNNING, text) - passed - skipped)
    else: # it never came to its last line
        passed, failed = len(ONE_OK.findall(text)), 1
    return passed, max(failed, int(not good)), skipped


def main(path):
    with open(path, encoding='utf-8', errors='replace') as log:
        counts = [count(json.loads(line)) for line in log if line.strip()]
    print(*(sum(column) for column in zip(*counts)) if counts else (0, 0, 0))


if __name__ == '__main__':
    main(sys.argv[1])
