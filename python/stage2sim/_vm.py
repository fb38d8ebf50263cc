# SPDX-License-Identifier: MIT
"""VMs and vcpus; see stage2sim/vm.h."""
from __future__ import annotations

from typing import Any

from ._library import Addresses, Error, Owner, addresses, call, choice, choices, ffi, lib
from ._machine import Machine
from ._physics import Physics


def _flavour(text: str, policy: dict[str, Any]) -> Any:
    """A struct s2_flavour *: the flavour named, with the fields that policy changes."""
    flavour, bad = ffi.new('struct s2_flavour *'), ffi.new('size_t *')
    encoded = text.encode()
    result = lib.s2_flavour_parse(encoded, flavour, bad)
    if result < 0:
        error = Error(-result, 's2_flavour_parse')
        error.strerror = f'{text!r}, at {encoded[bad[0]:].decode()!r}: {error.strerror}'
        raise error
    fields = {name: field.type for name, field in ffi.typeof('struct s2_flavour').fields}
    for name, value in policy.items():
        kind = fields[name].kind if name in fields else None
        if kind == 'enum':
            setattr(flavour, name, choice(fields[name].cname, value))
        elif kind == 'primitive' and isinstance(value, bool):
            setattr(flavour, name, value)
        else:
            known = [key for key, type_ in fields.items() if type_.kind in ('enum', 'primitive')]
            raise ValueError(f'policy: got {name}={value!r}, expected one of {", ".join(known)} '
                             'and a choice of its')
    return flavour


class VM(Owner):
    """A VM on a machine.

    policy changes fields of the flavour: {'clear_flush': 'span', 'split': False};
    the rest is struct s2_vm_config's.
    """

    def __init__(self, machine: Machine, flavour: str = 'newest', *,
                 policy: dict[str, Any] | None = None, ipa_bits: int = 0, split_chunk: int = 0,
                 manual_protect: bool = False, initially_set: bool = False) -> None:
        self.machine = machine
        kept = _flavour(flavour, policy or {})
        config = ffi.new('struct s2_vm_config *', {
            'flavour': kept, 'ipa_bits': ipa_bits, 'vmids': machine.vmids.raw,
            'split_chunk': split_chunk, 'manual_protect': manual_protect,
            'initially_set': initially_set})
        out = ffi.new('struct s2_vm **')
        call('s2_vm_create', machine.raw, config, out)

        def free(ptr: Any, _kept: Any = kept) -> None:
            lib.s2_vm_free(ptr)  # the flavour outlives it

        self._own(out[0], free, machine.vmids)

    @property
    def number(self) -> int:
        """Which of its machine's VMs it is."""
        return int(lib.s2_vm_number(self.raw))

    def add_slot(self, *, ipa: int, size: int, hva: int | None = None, pa: int | None = None,
                 backing: int | None = None, populated: bool = True, life: str = 'dies') -> int:
        """A memslot; its number.  HVA and PA are as the IPA, the backing is pages, if not given."""
        page = 1 << int(self.machine.features['granule'])
        config = ffi.new('struct s2_slot_config *', {
            'ipa': {'v': ipa}, 'size': size, 'hva': {'v': ipa if hva is None else hva},
            'pa': {'v': ipa if pa is None else pa}, 'backing': backing or page,
            'populated': populated, 'life': choice('enum s2_backing_life', life)})
        return call('s2_vm_add_slot', self.raw, config)

    def delete_slot(self, slot: int, *, cpu: int = 0) -> None:
        """Unmaps a slot, then forgets it."""
        call('s2_vm_delete_slot', self.raw, self.machine.cpu(cpu), slot)

    def add_vcpu(self) -> Vcpu:
        """One vcpu more."""
        return Vcpu(self, call('s2_vm_add_vcpu', self.raw))

    def log_start(self, slot: int, *, cpu: int = 0) -> None:
        """Starts dirty logging."""
        call('s2_vm_log_start', self.raw, self.machine.cpu(cpu), slot)

    def log_stop(self, slot: int, *, cpu: int = 0) -> None:
        """Stops it."""
        call('s2_vm_log_stop', self.raw, self.machine.cpu(cpu), slot)

    def log_get(self, slot: int, *, cpu: int = 0) -> int:
        """KVM_GET_DIRTY_LOG: how many pages are dirty."""
        return call('s2_vm_log_get', self.raw, self.machine.cpu(cpu), slot)

    def log_clear(self, slot: int, first: int, pages: int, *, cpu: int = 0) -> int:
        """KVM_CLEAR_DIRTY_LOG: how many pages it cleared."""
        return call('s2_vm_log_clear', self.raw, self.machine.cpu(cpu), slot, first, pages)

    def log_is_dirty(self, slot: int, page: int) -> bool:
        """Whether a page is in the log."""
        return bool(lib.s2_vm_log_is_dirty(self.raw, slot, page))

    def unmap_hva(self, hva: int, size: int, *, reason: str = 'event', cpu: int = 0) -> None:
        """The host takes pages away: reason is event, clear or swap."""
        call('s2_vm_unmap_hva', self.raw, self.machine.cpu(cpu), (hva,), size,
             choice('enum s2_unmap_reason', reason))

    def age_hva(self, hva: int, size: int, *, cpu: int = 0) -> bool:
        """The notifier's clear_flush_young: whether anything was young."""
        return bool(call('s2_vm_age_hva', self.raw, self.machine.cpu(cpu), (hva,), size))

    def teardown(self, *, cpu: int = 0) -> None:
        """The tables go, as the flavour says."""
        call('s2_vm_teardown', self.raw, self.machine.cpu(cpu))

    @property
    def longest_lock(self) -> int:
        """Longest stretch under mmu_lock without a reschedule point, in operations."""
        return int(lib.s2_vm_longest_lock(self.raw))

    @property
    def longest_stretch(self) -> int:
        """The same, whether the lock is held or not."""
        return int(lib.s2_vm_longest_stretch(self.raw))

    def forget_longest(self) -> None:
        """Both begin anew."""
        lib.s2_vm_forget_longest(self.raw)


class Vcpu:
    """A vcpu of a VM, which it lives as long as."""

    def __init__(self, vm: VM, index: int) -> None:
        self.vm = vm
        self.index = index
        self._pointer = lib.s2_vm_vcpu(vm.raw, index)

    @property
    def raw(self) -> Any:
        """The struct s2_vcpu *, for calls of stage2sim.lib."""
        self.vm.raw  # raises once it is closed
        return self._pointer

    def load(self, cpu: int = 0) -> None:
        """vcpu_load() on a CPU."""
        call('s2_vcpu_load', self.raw, self.vm.machine.cpu(cpu))

    def put(self) -> None:
        """vcpu_put()."""
        call('s2_vcpu_put', self.raw)

    def reset(self, *, cpu: int = 0) -> None:
        """KVM_ARM_VCPU_INIT of a vcpu that is not loaded."""
        call('s2_vcpu_reset', self.raw, self.vm.machine.cpu(cpu))

    def power_off(self) -> None:
        """PSCI CPU_OFF."""
        call('s2_vcpu_power_off', self.raw)

    def power_on(self) -> None:
        """PSCI CPU_ON."""
        call('s2_vcpu_power_on', self.raw)

    def enter(self) -> None:
        """Enters the guest."""
        call('s2_vcpu_enter', self.raw)

    def exit(self) -> None:
        """Leaves it."""
        lib.s2_vcpu_exit(self.raw)

    def access(self, ipa: int, size: int = 1, access: str = 'read') -> int:
        """Accesses a range, page by page; how many faults that took."""
        return call('s2_vcpu_access', self.raw, (ipa,), size, choice('enum s2_access', access))

    def access_many(self, ipas: Addresses, access: str | bytes | bytearray | memoryview = 'read',
                    *, size: int = 1) -> dict[str, int]:
        """access() at each address of an array, in one call.

        access is a kind for all, or a buffer of bytes, enum s2_access each.  An address at
        which it fails is the exception's index; those before it have been accessed.
        """
        many, _kept = _many(ipas, access, size)
        done = ffi.new('struct s2_many_done *')
        _raise_at('s2_vcpu_access', lib.s2_many_access(self.raw, many, done), done)
        return {'accesses': int(done.done), 'faults': int(done.faults)}

    def guest_access_many(self, physics: Physics, ipas: Addresses,
                          access: str | bytes | bytearray | memoryview = 'read', *,
                          pas: Any = None) -> dict[str, int]:
        """The same through TLBs, tables and memory of a physics, as hardware sees it.

        pas is an array of as many 64-bit integers, to be filled with where each went.
        """
        many, _kept = _many(ipas, access, 1)
        out = ffi.NULL if pas is None else addresses(pas)
        if pas is not None and (len(out) != many.n or memoryview(pas).readonly):
            raise ValueError(f'pas: got {len(out)} items, expected {many.n} that can be written')
        done = ffi.new('struct s2_many_done *')
        result = lib.s2_many_guest_access(self.raw, physics.raw, many, out, done)
        _raise_at('s2_vcpu_guest_access', result, done)
        return {'accesses': int(done.done), 'faults': int(done.faults), 'hits': int(done.hits)}

    @property
    def caches_on(self) -> bool:
        """Whether its M and C are on."""
        return bool(lib.s2_vcpu_caches_on(self.raw))

    def set_caches(self, on: bool) -> None:
        """The guest writes SCTLR_EL1 with M and C on or off."""
        call('s2_vcpu_set_caches', self.raw, on)

    def set_way(self, n: int) -> None:
        """The guest executes n DC by set/way."""
        call('s2_vcpu_set_way', self.raw, n)

    def write_vm_regs(self, n: int) -> None:
        """The guest writes n other VM registers."""
        call('s2_vcpu_write_vm_regs', self.raw, n)

    @property
    def tvm(self) -> bool:
        """Whether writes of VM registers trap."""
        return bool(lib.s2_vcpu_tvm(self.raw))


def _many(ipas: Addresses, access: Any, size: int) -> tuple[Any, Any]:
    """A struct s2_many *, and what must live as long."""
    at = addresses(ipas)
    kinds = ffi.NULL
    if not isinstance(access, str):
        kinds = ffi.from_buffer('uint8_t[]', access)
        if len(kinds) != len(at):
            raise ValueError(f'access: got {len(kinds)} kinds, expected {len(at)}')
        unknown = set(bytes(access)) - set(choices('enum s2_access').values())
        if unknown:
            raise ValueError(f'access: got {min(unknown)}, expected numbers of enum s2_access')
    kind = choice('enum s2_access', access) if isinstance(access, str) else 0
    many = ffi.new('struct s2_many *', {'ipas': at, 'kinds': kinds, 'n': len(at), 'kind': kind,
                                        'size': size})
    return many, (at, kinds)


def _raise_at(function: str, result: int, done: Any) -> None:
    if result < 0:
        raise Error(-result, function, int(done.done))
