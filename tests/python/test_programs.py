# SPDX-License-Identifier: MIT
"""Workloads and sweeps from Python: what a program says is what is returned."""
import json
import os
import subprocess
import unittest
from pathlib import Path
from unittest import mock

import stage2sim

PROGRAMS = Path(os.environ['S2_PROGRAM_DIR'])


@unittest.skipIf('JSON was left out' in subprocess.run(
    [PROGRAMS / 's2-boot', '--format', 'json'], capture_output=True, text=True).stderr, 'no JSON')
class Programs(unittest.TestCase):
    def test_a_report_is_what_the_program_prints(self):
        printed = subprocess.run(
            [PROGRAMS / 's2-boot', '--vcpus', '8', '--policy', 'every,fwb', '--format', 'json'],
            capture_output=True, check=True, text=True).stdout
        self.assertEqual(stage2sim.run('s2-boot', vcpus=8, policy=['every', 'fwb']),
                         json.loads(printed))

    def test_a_sweep_is_a_row_for_each_point_and_policy(self):
        report = stage2sim.run('s2-migrate', policy='upstream,round', metric='work',
                               sweep={'slot': '1G..4G', 'chunk': ['64p', '1G']})
        rows = stage2sim.rows(report)
        self.assertEqual([(row['workload.slot'] >> 30, row['workload.chunk'], row['policy'])
                          for row in rows],
                         [(slot, chunk, policy) for slot in (1, 2, 4)
                          for chunk in (64 * 4096, 1 << 30) for policy in ('upstream', 'round')])
        result = report['points'][0]['results'][0]
        self.assertEqual(rows[0]['ops.dsb_ish'], result['ops']['dsb_ish'])
        self.assertEqual(rows[0]['measures.refills'], result['measures']['refills'])
        self.assertEqual(rows[0]['verdicts.isolation'], 'unchecked')
        self.assertIsNone(rows[0]['cost.ns'])

    def test_pandas_takes_the_rows(self):
        try:
            import pandas
        except ImportError:
            self.skipTest('no pandas')
        table = pandas.DataFrame(stage2sim.rows(stage2sim.run('s2-boot', sweep={'vcpus': '1..8'})))
        self.assertEqual(sorted(set(table['workload.vcpus'])), [1, 2, 4, 8])

    def test_flags_are_on_off_or_not_given(self):
        for given, value in ((True, True), (False, False), (None, True)):
            report = stage2sim.run('s2-migrate', policy='upstream', manual=given)
            self.assertEqual(report['workload']['manual'], value)

    def test_an_error_is_what_the_program_says(self):
        with self.assertRaisesRegex(stage2sim.ProgramError, '^s2-boot: --vcpus: got "0"') as caught:
            stage2sim.run('s2-boot', vcpus=0)
        self.assertEqual(caught.exception.status, 2)
        self.assertIsNone(caught.exception.report)

    def test_a_violation_where_none_is_wanted_has_its_report(self):
        with self.assertRaises(stage2sim.ProgramError) as caught:
            stage2sim.run('s2-boot', policy='never', expect='sound', check='always')
        self.assertEqual(caught.exception.status, 1)
        rows = stage2sim.rows(caught.exception.report)
        self.assertEqual(rows[0]['verdicts.bare-metal'], 'unsound')

    def test_a_program_that_is_not_there_is_said_so(self):
        with self.assertRaisesRegex(FileNotFoundError, "got 's2-nothing'.*S2_PROGRAM_DIR"):
            stage2sim.run('s2-nothing')
        with mock.patch.dict(os.environ, {'S2_PROGRAM_DIR': '/nonexistent'}), \
                self.assertRaisesRegex(FileNotFoundError, '/nonexistent'):
            stage2sim.run('s2-boot')


if __name__ == '__main__':
    unittest.main()
