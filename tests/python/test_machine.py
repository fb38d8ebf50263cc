# SPDX-License-Identifier: MIT
"""Machines, VMs, accesses and counts from Python, held against what the headers say."""
import array
import errno
import gc
import unittest

import stage2sim

BASE = 0x8000_0000
PAGE = 4096
SIZE = 64 << 20


def booted(machine, **config):
    """A VM with a slot, and a vcpu on CPU 0."""
    vm = machine.vm(**config)
    slot = vm.add_slot(ipa=BASE, size=SIZE)
    vcpu = vm.add_vcpu()
    vcpu.load(0)
    return vm, slot, vcpu


class Machines(unittest.TestCase):
    def test_every_preset_makes_a_machine_with_its_features(self):
        for name, source in stage2sim.machines().items():
            with stage2sim.Machine(name) as machine:
                self.assertEqual(machine.features['name'], name)
                self.assertTrue(source)

    def test_an_override_changes_one_feature(self):
        with stage2sim.Machine('max') as plain, stage2sim.Machine('max,-fwb') as changed:
            differs = {key for key, value in plain.features.items()
                       if changed.features[key] != value}
        self.assertEqual(differs, {'name', 'fwb'})

    def test_a_cpu_that_is_not_there_is_refused_before_the_library_sees_it(self):
        with stage2sim.Machine(cpus=2) as machine:
            machine.cpu(1)
            with self.assertRaisesRegex(IndexError, 'got CPU 2, expected 0 to 1'):
                machine.cpu(2)

    def test_counts_are_of_this_machine_alone(self):
        with stage2sim.Machine() as one, stage2sim.Machine() as other:
            booted(one)[2].access(BASE, PAGE)
            self.assertGreater(one.counts()['s2_fault'], 0)
            self.assertNotIn('s2_fault', other.counts())
            self.assertEqual(other.counts(all=True)['s2_fault'], 0)
            self.assertEqual(len(other.counts(all=True)), stage2sim.lib.S2_OP_COUNT)

    def test_counting_tells_what_was_done_within_also_past_an_exception(self):
        with stage2sim.Machine() as machine:
            vcpu = booted(machine)[2]
            vcpu.access(BASE, PAGE)
            with self.assertRaises(KeyError), machine.counting() as ops:
                vcpu.access(BASE + PAGE, 3 * PAGE)
                raise KeyError
            self.assertEqual(ops['s2_fault'], 3)


class Accesses(unittest.TestCase):
    def setUp(self):
        self.machine = self.enterContext(stage2sim.Machine('neoverse-n1', cpus=2))
        self.vm, self.slot, self.vcpu = booted(self.machine)

    def test_many_are_as_many_single_ones(self):
        ipas = array.array('Q', (BASE + i * 7 * PAGE % SIZE for i in range(3000)))
        with self.machine.counting() as together:
            done = self.vcpu.access_many(ipas, 'write')
        with stage2sim.Machine('neoverse-n1', cpus=2) as other:
            vcpu = booted(other)[2]
            with other.counting() as one_by_one:
                faults = sum(vcpu.access(ipa, 1, 'write') for ipa in ipas)
        self.assertEqual(done, {'accesses': 3000, 'faults': faults})
        self.assertEqual(together, one_by_one)

    def test_each_access_may_be_of_its_own_kind(self):
        kinds = stage2sim.ffi.typeof('enum s2_access').relements
        read, write = kinds['S2_ACCESS_READ'], kinds['S2_ACCESS_WRITE']
        self.vm.log_start(self.slot)
        self.vcpu.access_many([BASE, BASE + PAGE], bytes([read, write]))
        self.assertFalse(self.vm.log_is_dirty(self.slot, 0))
        self.assertTrue(self.vm.log_is_dirty(self.slot, 1))

    def test_the_address_at_fault_is_the_index_of_the_exception(self):
        with self.assertRaises(stage2sim.Error) as caught:
            self.vcpu.access_many([BASE, BASE + PAGE, BASE + SIZE, BASE + 2 * PAGE])
        self.assertEqual(caught.exception.index, 2)
        self.assertEqual(caught.exception.errno, errno.EFAULT)
        self.assertEqual(self.vcpu.access(BASE + PAGE), 0)  # those before it were done

    def test_an_array_of_other_items_is_refused(self):
        for items in (array.array('I', [1]), array.array('d', [1.0]), b'12345678'):
            with self.subTest(items), self.assertRaisesRegex(TypeError, '64-bit integers'):
                self.vcpu.access_many(items)
        with self.assertRaisesRegex(ValueError, 'got 1 kinds, expected 2'):
            self.vcpu.access_many([BASE, BASE], b'\0')
        with self.assertRaisesRegex(ValueError, 'enum s2_access'):
            self.vcpu.access_many([BASE], b'\x09')
        with self.assertRaisesRegex(ValueError, 'expected one of read, write, fetch'):
            self.vcpu.access_many([BASE], 'execute')

    def test_numpy_arrays_are_read_in_place(self):
        try:
            import numpy
        except ImportError:
            self.skipTest('no numpy')
        ipas = BASE + numpy.arange(SIZE // PAGE, dtype=numpy.int64) * PAGE
        self.assertEqual(self.vcpu.access_many(ipas)['faults'], SIZE // PAGE)
        with self.assertRaises((ValueError, BufferError)):
            self.vcpu.access_many(ipas[::2])  # not contiguous

    def test_hardware_sees_what_tlbs_hold(self):
        with self.machine.physics(tlb={'sets': 16, 'ways': 4}) as physics:
            pas = array.array('Q', bytes(8 * 4))
            ipas = [BASE, BASE, BASE + PAGE, BASE]
            done = self.vcpu.guest_access_many(physics, ipas, 'read', pas=pas)
            physics.check()
            self.assertEqual(done, {'accesses': 4, 'faults': 2, 'hits': 2})
            self.assertEqual(list(pas), ipas)
            with self.assertRaisesRegex(ValueError, 'expected 2 that can be written'):
                self.vcpu.guest_access_many(physics, ipas[:2], pas=pas)


class Vms(unittest.TestCase):
    def test_a_cleared_page_is_written_by_a_fault_again(self):
        with stage2sim.Machine('neoverse-n2') as machine:
            vm, slot, vcpu = booted(machine, manual_protect=True)
            vm.log_start(slot)
            self.assertEqual(vcpu.access(BASE, PAGE, 'write'), 1)
            self.assertEqual(vcpu.access(BASE, PAGE, 'write'), 0)
            self.assertEqual(vm.log_get(slot), 1)
            self.assertEqual(vm.log_clear(slot, 0, SIZE // PAGE), 1)
            self.assertEqual(vcpu.access(BASE, PAGE, 'write'), 1)

    def test_a_policy_changes_one_choice_of_the_flavour(self):
        def flushes(policy):
            with stage2sim.Machine('neoverse-n2') as machine:
                vm, slot, vcpu = booted(machine, manual_protect=True, policy=policy)
                vm.log_start(slot)
                vcpu.access(BASE, PAGE, 'write')
                vm.log_get(slot)
                with machine.counting() as ops:
                    vm.log_clear(slot, 0, SIZE // PAGE)
                return ops.get('tlbi_ripas2e1is', 0), ops.get('tlbi_vmalls12e1is', 0)

        by_range, none = flushes(None)
        self.assertGreaterEqual(by_range, 1)
        self.assertEqual(none, 0)
        self.assertEqual(flushes({'range_flush': False}), (0, 1))

    def test_an_unknown_policy_is_refused_with_those_there_are(self):
        with stage2sim.Machine() as machine:
            for policy in ({'nonsense': 'span'}, {'split': 'span'}, {'name': 'mine'}):
                with self.subTest(policy), self.assertRaisesRegex(ValueError, 'clear_flush'):
                    machine.vm(policy=policy)
            with self.assertRaisesRegex(ValueError, 'slot, span, round'):
                machine.vm(policy={'clear_flush': 'all'})

    def test_a_teardown_leaves_no_table(self):
        with stage2sim.Machine() as machine:
            vm, _, vcpu = booted(machine)
            vcpu.access(BASE, SIZE)
            vcpu.put()
            vm.teardown()
            self.assertEqual(machine.table_memory['live'], 0)

    def test_an_oracle_finds_a_flush_that_was_left_out(self):
        lib, ffi = stage2sim.lib, stage2sim.ffi
        for flushed in (True, False):
            with stage2sim.Machine('neoverse-n2', cpus=2) as machine:
                oracle = machine.oracle()
                vm, _, vcpu = booted(machine)
                vcpu.enter()
                vcpu.access(BASE, PAGE, 'write')
                mmu, cpu, page = lib.s2_vm_mmu(vm.raw), machine.cpu(1), ((BASE,), PAGE)
                self.assertEqual(lib.s2_pgtable_wrprotect(mmu, cpu, page), 0)
                if flushed:
                    self.assertEqual(lib.s2_flush_vmid_range(mmu, cpu, page), 0)
                vtcr, vttbr = ffi.new('uint64_t *'), ffi.new('uint64_t *')
                lib.s2_mmu_registers(mmu, vtcr, vttbr)
                lib.s2_rely(cpu, ffi.new('struct s2_reliance *', {
                    'kind': lib.S2_RELY_RETURN, 'vtcr': vtcr[0], 'vttbr': vttbr[0],
                    'ipa': (BASE,), 'size': PAGE, 'function': ffi.NULL}))
                found = [violation['rule'] for violation in oracle.violations()]
                self.assertEqual(found, [] if flushed else ['translation'])
                self.assertEqual(oracle.counts()['translation'], len(found))


class Errors(unittest.TestCase):
    def test_they_say_what_the_header_says(self):
        with stage2sim.Machine() as machine:
            vm, _, vcpu = booted(machine)
            with self.assertRaises(OSError) as caught:
                vm.add_slot(ipa=BASE, size=SIZE)
            self.assertEqual(str(caught.exception), 's2_vm_add_slot(): EEXIST, on overlap')
            self.assertEqual(caught.exception.errno, errno.EEXIST)
            with self.assertRaisesRegex(stage2sim.Error, r's2_vcpu_load\(\): EBUSY, if loaded'):
                vcpu.load(0)

    def test_a_bad_word_is_shown(self):
        for spec, word in (('max,+nonsense', 'nonsense'), ('nothing', 'nothing'),
                           ('max,granule=5k', 'granule=5k')):
            with self.assertRaisesRegex(stage2sim.Error, rf"at '.?{word}'.*s2_features_parse"):
                stage2sim.Machine(spec)
        with stage2sim.Machine() as machine, self.assertRaisesRegex(
                stage2sim.Error, "at 'repeat=nonsense'.*s2_flavour_parse.*EINVAL"):
            machine.vm('newest,repeat=nonsense')


class Lives(unittest.TestCase):
    """In a debug build the library asserts that nothing is freed before what is built on it."""

    def test_what_is_closed_is_refused(self):
        machine = stage2sim.Machine()
        vm, _, vcpu = booted(machine)
        vm.close()
        vm.close()
        for use in (lambda: vm.add_vcpu(), lambda: vcpu.access(BASE)):
            with self.assertRaisesRegex(ValueError, 'this VM has been closed'):
                use()
        machine.close()
        with self.assertRaisesRegex(ValueError, 'this Machine has been closed'):
            machine.counts()

    def test_a_machine_lives_while_something_on_it_does(self):
        vm, _, vcpu = booted(stage2sim.Machine())
        vm.machine.close()
        gc.collect()
        self.assertEqual(stage2sim.lib.s2_vcpu_access(vcpu.raw, (BASE,), PAGE, 0), 1)

    def test_a_cycle_of_them_is_freed_in_any_order(self):
        for first in ('vm', 'machine'):
            machine = stage2sim.Machine()
            vm, _, _ = booted(machine)
            machine.cycle, vm.cycle = (vm, machine) if first == 'vm' else ([vm], [machine])
            del machine, vm
            gc.collect()


if __name__ == '__main__':
    unittest.main()
