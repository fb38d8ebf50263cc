# SPDX-License-Identifier: MIT
"""Machines: their features, what has been counted on them, and what is made on them."""
from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator

from ._library import Error, Owner, call, choice, ffi, lib, struct

if TYPE_CHECKING:
    from ._oracle import Oracle
    from ._physics import Physics
    from ._vm import VM


def _names(at: Any) -> Iterator[Any]:
    index = 0
    while (item := at(index)) != ffi.NULL:
        yield item
        index += 1


def machines() -> dict[str, str]:
    """Presets of machines, each with where what it has is from."""
    return {ffi.string(name).decode(): ffi.string(lib.s2_features_preset_source(i)).decode()
            for i, name in enumerate(_names(lib.s2_features_preset_name))}


def flavours() -> dict[str, str]:
    """Flavours of KVM, oldest first, each with kernels that were seen to behave so."""
    return {ffi.string(f.name).decode(): ffi.string(f.stands_for).decode()
            for f in _names(lib.s2_flavour_at)}


def _features(spec: str) -> Any:
    features, bad = ffi.new('struct s2_features *'), ffi.new('size_t *')
    text = spec.encode()
    result = lib.s2_features_parse(text, features, bad)
    if result < 0:
        error = Error(-result, 's2_features_parse')
        error.strerror = f'{spec!r}, at {text[bad[0]:].decode()!r}: {error.strerror}'
        raise error
    return features


class Machine(Owner):
    """A simulated machine: CPUs of one kind, and counts of what they were made to do.

    spec is "PRESET[,OVERRIDE]..." as programs' --machine takes it: "max,-tlbirange,granule=16k".
    """

    def __init__(self, spec: str = 'generic', *, cpus: int = 1, run_limit: int = 0,
                 allocator: str = 'default') -> None:
        config = ffi.new('struct s2_machine_config *')
        config.features = _features(spec)[0]
        config.cpus = cpus
        config.run_limit = run_limit
        config.allocator = choice('enum s2_allocator', allocator)
        out = ffi.new('struct s2_machine **')
        call('s2_machine_create', config, out)
        self._own(out[0], lib.s2_machine_destroy)
        self._vmids: Vmids | None = None

    @property
    def features(self) -> dict[str, Any]:
        """What its CPUs can do."""
        return struct(lib.s2_machine_features(self.raw)[0])

    @property
    def cpus(self) -> int:
        """How many CPUs it has."""
        return int(lib.s2_machine_cpus(self.raw))

    def cpu(self, index: int) -> Any:
        """A struct s2_cpu *, for calls of stage2sim.lib."""
        found = lib.s2_machine_cpu(self.raw, index)
        if found == ffi.NULL:
            raise IndexError(f'got CPU {index}, expected 0 to {self.cpus - 1}')
        return found

    def counts(self, *, all: bool = False) -> dict[str, int]:
        """Operations since it was made, by name; all: those that have not happened too."""
        return _named(lib.s2_machine_counts(self.raw), all)

    @contextmanager
    def counting(self, *, all: bool = False) -> Iterator[dict[str, int]]:
        """A dict that holds, at the end of the with, what was counted within."""
        before = ffi.new('struct s2_counts *', lib.s2_machine_counts(self.raw))
        ops: dict[str, int] = {}
        try:
            yield ops
        finally:
            after = ffi.new('struct s2_counts *', lib.s2_machine_counts(self.raw))
            ops.update(_named(lib.s2_counts_since(before, after), all))

    @property
    def table_memory(self) -> dict[str, int]:
        """Bytes of table pages that live now, and the host's memory held for them."""
        live, held = ffi.new('uint64_t *'), ffi.new('uint64_t *')
        lib.s2_machine_table_memory(self.raw, live, held)
        return {'live': live[0], 'held': held[0]}

    @property
    def vmids(self) -> Vmids:
        """The VMID allocator that its VMs share."""
        if self._vmids is None:
            self._vmids = Vmids(self)
        return self._vmids

    def vm(self, flavour: str = 'newest', **config: Any) -> VM:
        """A VM on this machine; see VM."""
        from ._vm import VM
        return VM(self, flavour, **config)

    def physics(self, **config: Any) -> Physics:
        """What hardware does with instructions, for guest_access(); see Physics."""
        from ._physics import Physics
        return Physics(self, **config)

    def oracle(self) -> Oracle:
        """What judges all that happens from now on; see Oracle."""
        from ._oracle import Oracle
        return Oracle(self)


class Vmids(Owner):
    """The VMID allocator of one machine."""

    def __init__(self, machine: Machine) -> None:
        out = ffi.new('struct s2_vmids **')
        call('s2_vmids_create', machine.raw, out)
        self._own(out[0], lib.s2_vmids_free, machine)

    @property
    def rollovers(self) -> int:
        """How often all VMIDs were flushed."""
        return int(lib.s2_vmids_rollovers(self.raw))

    @property
    def taken(self) -> int:
        """Numbers taken so far."""
        return int(lib.s2_vmids_taken(self.raw))


def _named(counts: Any, all: bool) -> dict[str, int]:
    named = ((ffi.string(lib.s2_op_name(op)).decode(), int(n)) for op, n in enumerate(counts.n))
    return {name: n for name, n in named if n or all}
