#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coverage.py SUMMARY: gcovr's --json-summary as a table, a file of lib/ a line, then the total.

Files with less than LEAST % of their lines run are marked, and named at the end.
"""
import json
import sys

LEAST = 90


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def row(name, lines, branches, mark=''):
    print(f'{name:<44} {lines:6.1f} % {branches:8.1f} %{mark}')


def main(path):
    with open(path, encoding='utf-8') as file:
        summary = json.load(file)
    low = []
    print(f'{"file":<44} {"lines":>8} {"branches":>10}')
    for file in sorted(summary['files'], key=lambda f: f['filename']):
        lines = percent(file['line_covered'], file['line_total'])
        branches = percent(file['branch_covered'], file['branch_total'])
        is_low = lines < LEAST
        row(file['filename'], lines, branches, '  <' if is_low else '')
        if is_low:
            low.append(f'{file["filename"]} ({lines:.0f} %)')
    row('all', percent(summary['line_covered'], summary['line_total']),
        percent(summary['branch_covered'], summary['branch_total']))
    print(f'under {LEAST} % of lines: {", ".join(low) or "none"}')


main(sys.argv[1])
