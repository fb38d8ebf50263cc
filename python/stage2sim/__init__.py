# SPDX-License-Identifier: MIT
"""stage2sim from Python: machines, VMs, accesses, counts; workloads and sweeps.

    with stage2sim.Machine('neoverse-n1', cpus=4) as machine:
        vm = machine.vm(flavour='newest')
        slot = vm.add_slot(ipa=0x8000_0000, size=1 << 30)
        vcpu = vm.add_vcpu()
        vcpu.load(cpu=0)
        with machine.counting() as ops:
            vcpu.access_many(numpy_array_of_ipas, access='write')
        print(ops)

    report = stage2sim.run('s2-migrate', sweep={'slot': '1G..1T', 'chunk': ['64p', '1G']})
    table = pandas.DataFrame(stage2sim.rows(report))

What a call means, what it counts and how it fails is said by the public headers, from
whose declarations this module is made; names here are theirs without "s2_".  What has
no class here is reached as C would: stage2sim.lib.s2_..., with stage2sim.ffi.

A machine, and what is built on it, is used from one thread at a time.
"""
from ._library import Error, ffi, lib
from ._machine import Machine, flavours, machines
from ._oracle import Oracle
from ._physics import Physics
from ._programs import ProgramError, rows, run
from ._vm import VM, Vcpu

__all__ = ['Error', 'Machine', 'Oracle', 'Physics', 'ProgramError', 'VM', 'Vcpu', 'ffi',
           'flavours', 'lib', 'machines', 'rows', 'run']
