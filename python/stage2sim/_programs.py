# SPDX-License-Identifier: MIT
"""Workloads and sweeps: the programs, run with --format json.

A workload, its policies and how they are judged are a program's; the library has none
of them.  So the program is what is asked, and its answer is what people see of it.
"""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any, Iterable, Mapping


class ProgramError(RuntimeError):
    """A program ended with an error; the text is what it said.

    status 1: a violation where expect= wants none, and report has what was found;
    2: wrong usage, bad input.
    """

    def __init__(self, text: str, status: int, report: dict[str, Any] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.report = report


def run(program: str, *operands: str | os.PathLike[str], **options: Any) -> dict[str, Any]:
    """The report of a program, as its --format json prints it.

    Options are the program's, with _ for -: a text or number; True or False for
    --name and --no-name; a list for A,B,C; None for not given.  sweep may be
    {'slot': '1G..1T', 'chunk': ['64p', '1G']}.
    """
    words = [_find(program), '--format', 'json', '--progress', 'never']
    for name, value in options.items():
        words += _option(name.replace('_', '-'), value)
    words += ['--', *(os.fspath(operand) for operand in operands)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False, env=_environment(words[0]))
    report: dict[str, Any] | None = json.loads(done.stdout) if done.stdout else None
    if done.returncode != 0 or report is None:
        raise ProgramError(done.stderr.strip() or f'{program}: status {done.returncode}',
                           done.returncode, report)
    return report


def rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A report as a table: one flat dict for each workload and policy that was run.

    Keys say where a value stood: workload.slot, policy, ops.pte_read, measures.work,
    cost.ns, verdicts.isolation.
    """
    table = []
    for point in report.get('points', [report]):
        workload = {f'workload.{key}': value for key, value in point['workload'].items()}
        for result in point['results']:
            if 'ops' in result:
                table.append({**workload, **_row(result)})
    return table


def _row(result: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {'policy': result['policy']}
    for part in ('ops', 'measures', 'cost'):
        row.update({f'{part}.{key}': value for key, value in result.get(part, {}).items()
                    if not isinstance(value, list)})
    for verdict in result.get('verdicts', []):
        row[f'verdicts.{verdict["contract"]}'] = verdict['status']
    return row


def _find(program: str) -> str:
    """S2_PROGRAM_DIR; else where this Python's packages put programs; else PATH."""
    asked = os.environ.get('S2_PROGRAM_DIR')
    for place in (asked,) if asked else (sysconfig.get_path('scripts'), None):
        found = shutil.which(program, path=place)
        if found:
            return found
    raise FileNotFoundError(f'got {program!r}, expected one of the s2-* programs in '
                            f'{asked or "PATH"}; S2_PROGRAM_DIR names another folder')


def _environment(program: str) -> dict[str, str]:
    """Ours; and where cost profiles are, if a wheel put them where the program does not look.

    A wheel's data lies under share/ or not, as its meson-python had it.
    """
    profiles = Path(program).resolve().parents[1] / 'stage2sim' / 'profiles'
    return {'S2_PROFILE_DIR': str(profiles), **os.environ} if profiles.is_dir() else {**os.environ}


def _option(name: str, value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return [f'--{name}' if value else f'--no-{name}']
    if isinstance(value, Mapping):
        value = [f'{key}={_text(values)}' for key, values in value.items()]
    return [f'--{name}', _text(value)]


def _text(value: Any) -> str:
    if isinstance(value, (str, Path)) or not isinstance(value, Iterable):
        return str(value)
    return ','.join(str(item) for item in value)
