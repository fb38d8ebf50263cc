#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns tests/data/traces/counts.json, what KVM executed while the sample logs were taken, into C.

usage: gen_counts.py counts.json trace_counts.h
"""
import json
import sys


def main():
    with open(sys.argv[1], encoding='utf-8') as f:
        data = json.load(f)
    out = ['/* Generated from counts.json by gen_counts.py; not to be edited. */']
    logs = []
    for number, log in enumerate(data['logs']):
        phases = []
        for phase in log['phases']:
            counts = ', '.join('{"%s", %dU}' % item for item in sorted(phase['kvm'].items()))
            phases.append('{"%s", {%s{NULL, 0}}}' % (phase['phase'], counts and counts + ', '))
        out.append('static const struct counted_phase phases_%d[] = {\n\t%s};'
                   % (number, ',\n\t'.join(phases)))
        logs.append('{"%s", "%s", "%s", phases_%d, %d}'
                    % (log['file'], log['cpu'], log['kernel'], number, len(phases)))
    out.append('static const struct counted_log counted_logs[] = {\n\t%s};' % ',\n\t'.join(logs))
    with open(sys.argv[2], 'w', encoding='utf-8') as f:
        f.write('\n'.join(out) + '\n')


main()
