/* SPDX-License-Identifier: MIT */
/*
 * The measured rules of what a vcpu does to caches and TLBs: toggles, set/way, another vcpu on the
 * CPU, the first fetch, reset.
 */
#include "hyp/vm/vm_rig.h"

static void rule_11_each_vcpus_first_on_cleans_all_that_is_mapped(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55", .vcpus = 2});
	touch(&r, 256, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vcpu_set_caches(r.vcpu, true), 0);
	expect(&r, (struct expected){.civac = 256 * 64});
	assert_false(s2_vcpu_tvm(r.vcpu));
	/* TVM is off: turning them off and on again executes nothing. */
	assert_i64(s2_vcpu_set_caches(r.vcpu, false), 0);
	assert_i64(s2_vcpu_set_caches(r.vcpu, true), 0);
	expect(&r, nothing);
	assert_i64(s2_vcpu_load(s2_vm_vcpu(r.vm, 1), s2_machine_cpu(r.m, 1)), 0);
	lap(&r);
	assert_i64(s2_vcpu_set_caches(s2_vm_vcpu(r.vm, 1), true), 0);
	expect(&r, (struct expected){.civac = 256 * 64});
	rig_down(&r);
	rig_up(&r, &(struct shape){.machine = "max"});
	touch(&r, 256, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vcpu_set_caches(r.vcpu, true), 0);
	expect(&r, nothing);
	rig_down(&r);
}

static void rule_12_the_first_set_way_after_on_cleans_and_arms_tvm(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	touch(&r, 256, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vcpu_set_way(r.vcpu, 1), 0);
	expect(&r, nothing);
	assert_i64(s2_vcpu_set_caches(r.vcpu, true), 0);
	lap(&r);
	assert_i64(s2_vcpu_set_way(r.vcpu, 1), 0);
	expect(&r, (struct expected){.civac = 256 * 64});
	assert_i64(s2_vcpu_set_way(r.vcpu, 64), 0);
	expect(&r, nothing);
	assert_i64(s2_vcpu_set_caches(r.vcpu, false), 0);
	expect(&r, (struct expected){.civac = 256 * 64});
	assert_i64(s2_vcpu_set_caches(r.vcpu, true), 0);
	expect(&r, (struct expected){.civac = 256 * 64});
	rig_down(&r);
}

static void rule_14_another_vcpu_on_the_cpu_flushes_its_context(void **state)
{
	struct s2_vcpu *one;
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55", .vcpus = 2});
	one = s2_vm_vcpu(r.vm, 1);
	s2_vcpu_put(r.vcpu);
	lap(&r);
	assert_i64(s2_vcpu_load(r.vcpu, r.cpu), 0);
	expect(&r, nothing);
	assert_i64(s2_vcpu_load(one, r.cpu), -EBUSY);
	s2_vcpu_put(r.vcpu);
	assert_i64(s2_vcpu_load(one, r.cpu), 0);
	expect(&r, (struct expected){.vmalle1 = 1, .iallu = 1});
	s2_vcpu_put(one);
	/* One that migrates away and back with nobody between is not flushed. */
	assert_i64(s2_vcpu_load(one, s2_machine_cpu(r.m, 1)), 0);
	expect(&r, (struct expected){.vmalle1 = 1, .iallu = 1});
	s2_vcpu_put(one);
	assert_i64(s2_vcpu_load(one, r.cpu), 0);
	expect(&r, nothing);
	rig_down(&r);
}

static void rule_15_the_first_fetch_invalidates_the_icache(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	assert_i64(touch(&r, 64, S2_ACCESS_FETCH), 64);
	expect(&r, (struct expected){.civac = 64 * 64, .ialluis = 64});
	rig_down(&r);
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	touch(&r, 64, S2_ACCESS_READ);
	lap(&r);
	assert_i64(touch(&r, 64, S2_ACCESS_FETCH), 64);
	expect(&r, (struct expected){.ipas2e1 = 64, .vmalle1 = 64, .ialluis = 64});
	rig_down(&r);
	rig_up(&r, &(struct shape){.machine = "max"});
	touch(&r, 64, S2_ACCESS_READ);
	assert_i64(touch(&r, 64, S2_ACCESS_FETCH), 0);
	expect(&r, nothing);
	rig_down(&r);
}

static void reset_unmaps_ram_and_arms_tvm_without_fwb(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	touch(&r, 512, S2_ACCESS_WRITE);
	s2_vcpu_set_caches(r.vcpu, true);
	s2_vcpu_put(r.vcpu);
	lap(&r);
	assert_i64(s2_vcpu_reset(r.vcpu, r.cpu), 0);
	expect(&r,
	       (struct expected){.ipas2e1is = 512 + 2, .vmalle1is = 512 + 2, .civac = 512 * 64});
	assert_true(s2_vcpu_tvm(r.vcpu));
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(rule_11_each_vcpus_first_on_cleans_all_that_is_mapped),
		s2_unit_test(rule_12_the_first_set_way_after_on_cleans_and_arms_tvm),
		s2_unit_test(rule_14_another_vcpu_on_the_cpu_flushes_its_context),
		s2_unit_test(rule_15_the_first_fetch_invalidates_the_icache),
		s2_unit_test(reset_unmaps_ram_and_arms_tvm_without_fwb),
	};

	return cmocka_run_group_tests_name("caches", tests, NULL, NULL);
}
