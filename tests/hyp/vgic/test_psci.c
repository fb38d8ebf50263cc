/* SPDX-License-Identifier: MIT */
/* PSCI calls that look vcpus up: by the policy in force, or by a scan with a mask. */
#include <stage2sim/psci.h>

#include "hyp/vgic/sgi_fixture.h"

static void all_off_but_the_first(struct vm *vm)
{
	for (unsigned i = 1; i < s2_vgic_vcpus(vm->vgic); i++)
		s2_psci_cpu_off(vm_vcpu(vm, i));
}

static enum s2_psci_ret cpu_on(struct vm *vm, uint64_t target)
{
	vm_mark(vm);
	return s2_psci_cpu_on(vm->vgic, vm_cpu(vm, 0), target);
}

static enum s2_psci_ret info(struct vm *vm, uint64_t target, uint64_t level)
{
	vm_mark(vm);
	return s2_psci_affinity_info(vm->vgic, vm_cpu(vm, 0), target, level);
}

static void cpu_on_finds_its_vcpu_by_the_policy_in_force(void **state)
{
	(void)state;
	for (size_t p = 0; s2_routing_at(p); p++) {
		const struct s2_vgic_config cfg = sgi_policy(s2_routing_at(p)->name);
		struct vm vm = {0};

		sgi_start(&vm, &cfg, 64);
		all_off_but_the_first(&vm);
		s2_test_row("%s", s2_routing_at(p)->name);
		assert_int_equal(cpu_on(&vm, 0x30f), S2_PSCI_SUCCESS);
		assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE),
			   cfg.routing.lookup == S2_LOOKUP_SCAN ? 64 : 1);
		assert_true(s2_psci_is_on(vm_vcpu(&vm, 63)));
		assert_false(s2_psci_is_on(vm_vcpu(&vm, 62)));
		vm_stop(&vm);
	}
}

static void cpu_on_refuses_who_is_on_and_who_is_not_there(void **state)
{
	const struct s2_vgic_config cfg = sgi_policy("bits");
	struct vm vm = {0};

	(void)state;
	sgi_start(&vm, &cfg, 4);
	all_off_but_the_first(&vm);
	assert_int_equal(cpu_on(&vm, 0), S2_PSCI_ALREADY_ON);
	assert_int_equal(cpu_on(&vm, 0x4), S2_PSCI_INVALID_PARAMS);
	assert_int_equal(cpu_on(&vm, S2_MPIDR_RES1 | 1), S2_PSCI_INVALID_PARAMS);
	assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE), 0);
	assert_int_equal(cpu_on(&vm, 1), S2_PSCI_SUCCESS);
	assert_int_equal(cpu_on(&vm, 1), S2_PSCI_ALREADY_ON);
	vm_stop(&vm);
}

/* More than one vcpu can match above level 0, so no table serves. */
static void affinity_info_scans_with_a_mask_whatever_the_policy(void **state)
{
	(void)state;
	for (size_t p = 0; s2_routing_at(p); p++) {
		const struct s2_vgic_config cfg = sgi_policy(s2_routing_at(p)->name);
		struct vm vm = {0};

		sgi_start(&vm, &cfg, 48);
		all_off_but_the_first(&vm);
		assert_int_equal(cpu_on(&vm, 0x105), S2_PSCI_SUCCESS);
		s2_test_row("%s", s2_routing_at(p)->name);
		assert_int_equal(info(&vm, 0x105, 0), S2_PSCI_AFFINITY_ON);
		assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE), 0x15 + 1);
		assert_int_equal(info(&vm, 0x106, 0), S2_PSCI_AFFINITY_OFF);
		assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE), 48);
		assert_u64(vm_counted(&vm, S2_OP_MPIDR_GATHER), 0);
		/* One of the cluster is on; the other cluster is off. */
		assert_int_equal(info(&vm, 0x1ff, 1), S2_PSCI_AFFINITY_ON);
		assert_int_equal(info(&vm, 0x200, 1), S2_PSCI_AFFINITY_OFF);
		assert_int_equal(info(&vm, 0x300, 1), S2_PSCI_INVALID_PARAMS);
		assert_int_equal(info(&vm, 0xffff, 2), S2_PSCI_AFFINITY_ON);
		assert_int_equal(info(&vm, 0xffffff, 3), S2_PSCI_AFFINITY_ON);
		assert_int_equal(info(&vm, UINT64_C(0x100000000), 3), S2_PSCI_INVALID_PARAMS);
		assert_int_equal(info(&vm, 0, 4), S2_PSCI_INVALID_PARAMS);
		assert_int_equal(info(&vm, S2_MPIDR_MT, 0), S2_PSCI_INVALID_PARAMS);
		assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE), 0);
		vm_stop(&vm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(cpu_on_finds_its_vcpu_by_the_policy_in_force),
		s2_unit_test(cpu_on_refuses_who_is_on_and_who_is_not_there),
		s2_unit_test(affinity_info_scans_with_a_mask_whatever_the_policy),
	};

	return cmocka_run_group_tests_name("hyp/psci", tests, NULL, NULL);
}
