# SPDX-License-Identifier: MIT
"""What hardware does with instructions: TLBs, cache lines; see stage2sim/physics.h."""
from __future__ import annotations

from ._library import Error, Owner, call, choice, ffi, lib, struct
from ._machine import Machine


class Physics(Owner):
    """TLBs and cache lines of a machine.

    tlb: finite TLBs; True, or fields of struct s2_tlb_config that differ from the default.
    memory: None, states, versions or possible.
    """

    def __init__(self, machine: Machine, *, tlb: bool | dict[str, int] = True,
                 residue: bool = False, memory: str | None = None) -> None:
        config = ffi.new('struct s2_physics_config *', {'residue': residue})
        kept = None
        if tlb is not False:
            kept = ffi.new('struct s2_tlb_config *', lib.s2_tlb_config_default())
            for name, value in ({} if tlb is True else tlb).items():
                setattr(kept, name, value)
            config.tlb = kept
        if memory is not None:
            config.memory = True
            config.detail = choice('enum s2_memory_detail', memory)
        out = ffi.new('struct s2_physics **')
        call('s2_physics_attach', machine.raw, config, out)
        self._own(out[0], lib.s2_physics_detach, machine)

    def check(self) -> None:
        """Raises, if an event could not be followed for want of memory."""
        result = lib.s2_physics_error(self.raw)
        if result < 0:
            raise Error(-result, 's2_physics_error')

    @property
    def dc_counts(self) -> dict[str, int]:
        """Lines that DCs named so far, and found cached and dirty."""
        return struct(lib.s2_physics_dc_counts(self.raw))
