# SPDX-License-Identifier: MIT
"""The notebook runs from top to bottom and draws the map; it is kept without outputs."""
import json
import os
import tempfile
import unittest
from pathlib import Path

NOTEBOOK = Path(__file__).resolve().parents[2] / 'examples' / 'migrate-map.ipynb'
CELLS = json.loads(NOTEBOOK.read_text(encoding='utf-8'))['cells']
CODE = [cell for cell in CELLS if cell['cell_type'] == 'code']


class Notebook(unittest.TestCase):
    def test_it_is_kept_without_outputs(self):
        for cell in CODE:
            self.assertEqual(cell['outputs'], [])
            self.assertIsNone(cell['execution_count'])

    def test_its_cells_run_in_order_and_draw_the_map(self):
        with tempfile.TemporaryDirectory() as config:
            os.environ['MPLCONFIGDIR'] = config
            try:
                import matplotlib
                import pandas  # noqa: F401
            except ImportError as missing:
                self.skipTest(f'no {missing.name}')
            matplotlib.use('Agg')
            names = {}
            for cell in CODE:
                exec(compile(''.join(cell['source']), NOTEBOOK.name, 'exec'), names)
            if 'S2_KEEP_MAP' in os.environ:
                names['fig'].savefig(os.environ['S2_KEEP_MAP'])
        # What the map says is what the rows say: no policy is below the best, upstream included.
        table, factor = names['table'], names['factor']
        self.assertEqual(factor.shape, (7, 5))
        self.assertTrue((factor >= 1).all().all())
        for slot, ratio in ((1 << 30, 1.0), (4 << 40, 0.01)):
            cell = table[(table['workload.slot'] == slot) & (table['workload.ratio'] == ratio)]
            lowest = cell['measures.work'].min()
            winners = names['names'].loc[slot, ratio].split(', ')
            self.assertEqual(winners, sorted(cell['policy'][cell['measures.work'] == lowest]))


if __name__ == '__main__':
    unittest.main()
