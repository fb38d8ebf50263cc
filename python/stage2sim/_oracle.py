# SPDX-License-Identifier: MIT
"""What says whether it was sound; see stage2sim/oracle.h."""
from __future__ import annotations

from typing import Any

from ._library import Owner, call, ffi, lib
from ._machine import Machine


class Oracle(Owner):
    """Watches a machine from when it is made: before VMs and slots, for the data rule."""

    def __init__(self, machine: Machine) -> None:
        out = ffi.new('struct s2_oracle **')
        call('s2_oracle_attach', machine.raw, ffi.NULL, out)
        self._own(out[0], lib.s2_oracle_detach, machine)

    def counts(self) -> dict[str, int]:
        """Violations so far, by rule; raises if memory ran out on the way: no verdict then."""
        call('s2_oracle_error', self.raw)
        return {ffi.string(lib.s2_rule_name(rule)).decode():
                int(lib.s2_oracle_count(self.raw, rule)) for rule in range(lib.S2_RULES)}

    def violations(self) -> list[dict[str, Any]]:
        """Those that were kept, each with its rule, a line of text, and where."""
        out: list[dict[str, Any]] = []
        while (found := lib.s2_oracle_violation(self.raw, len(out))) != ffi.NULL:
            text = ffi.new('char[]', lib.s2_violation_text(found, ffi.NULL, 0) + 1)
            lib.s2_violation_text(found, text, len(text))
            out.append({'rule': ffi.string(lib.s2_rule_name(found.rule)).decode(),
                        'text': ffi.string(text).decode(), 'cpu': int(found.cpu),
                        'ipa': int(found.ipa.v), 'size': int(found.size)})
        return out

    @property
    def decided(self) -> int:
        """Reliances, guest entries and freed pages that were decided."""
        return int(lib.s2_oracle_decided(self.raw))
