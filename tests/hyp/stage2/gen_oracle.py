#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns tests/data/oracle/pgtable.json into a C table, so that the tests need no JSON parser.

usage: gen_oracle.py pgtable.json oracle_cells.h
"""
import json
import sys

FLAVOURS = {'v6.1.192': 'kvm-6.1', 'v6.12.117': 'kvm-6.12'}


def counts_name(cell, phase):
    return 'counts_%s_%s' % (cell, phase)


def emit_counts(out, name, counts):
    items = ', '.join('{"%s", %dU}' % (k, v) for k, v in sorted(counts.items()))
    out.append('static const struct oracle_count %s[] = {%s{NULL, 0}};' % (name, items and items + ', '))


def newest_cells(data):
    """The destroy walker of kernels after v6.12: same cells, other counts for some destroys."""
    diffs = {(d['fwb'], d['tlb_range'], d['id']): d['counts'] for d in data['newer_destroy_diffs']}
    for cell_set in data['sets']:
        if cell_set['kernel'] != 'v6.12.117':
            continue
        for workload in cell_set['workloads']:
            counts = diffs.get((cell_set['fwb'], cell_set['tlb_range'], workload['id']))
            if counts is None:
                continue
            phases = [dict(p, counts=counts) if p['phase'] == 'destroy' else p
                      for p in workload['phases']]
            yield 'kvm-7.2', cell_set, dict(workload, phases=phases)


def cells(data):
    for cell_set in data['sets']:
        for workload in cell_set['workloads']:
            yield FLAVOURS[cell_set['kernel']], cell_set, workload
    yield from newest_cells(data)


def main():
    with open(sys.argv[1], encoding='utf-8') as f:
        data = json.load(f)
    out = ['/* Generated from pgtable.json by gen_oracle.py; not to be edited. */']
    table = []
    for number, (flavour, cell_set, workload) in enumerate(cells(data)):
        phases = []
        for index, phase in enumerate(workload['phases']):
            name = counts_name(number, index)
            emit_counts(out, name, phase['counts'])
            after = phase['after']
            phases.append('{"%s", %s, %d, %d, {%d, %d, %d}, %d, %d}' % (
                phase['phase'], name, phase['calls_ok'], phase['calls_EAGAIN'],
                after['leaves_l1'], after['leaves_l2'], after['leaves_l3'],
                after['table_ptes'], after['table_pages_live']))
        out.append('static const struct oracle_phase phases_%d[] = {\n\t%s};'
                   % (number, ',\n\t'.join(phases)))
        ranged = cell_set['tlb_range'] == 1
        label = '%s %s %s %s' % (flavour, workload['id'], 'fwb' if cell_set['fwb'] else 'no-fwb',
                                 'range' if ranged else 'no-range')
        table.append('{"%s", "%s", "%s", %d, %d, phases_%d, %d}' % (
            label, flavour, workload['id'], cell_set['fwb'], ranged, number, len(phases)))
    out.append('static const struct oracle_cell oracle_cells[] = {\n\t%s};' % ',\n\t'.join(table))
    with open(sys.argv[2], 'w', encoding='utf-8') as f:
        f.write('\n'.join(out) + '\n')


main()
