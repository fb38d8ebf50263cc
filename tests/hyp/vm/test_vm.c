/* SPDX-License-Identifier: MIT */
/*
 * The measured rules of mapping and unmapping, driven by what guests and hosts do: each test repeats
 * a phase that was counted on real KVM hosts and expects its counts.
 */
#include "hyp/vm/vm_rig.h"

static void rule_1_a_fault_cleans_its_page_or_block_and_flushes_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	assert_i64(touch(&r, 512, S2_ACCESS_WRITE), 512);
	expect(&r, (struct expected){.civac = 512 * 64});
	assert_i64(touch(&r, 512, S2_ACCESS_WRITE), 0);
	expect(&r, nothing);
	rig_down(&r);
	rig_up(&r, &(struct shape){.machine = "cortex-a55", .backing = BLOCK});
	assert_i64(touch(&r, 1024, S2_ACCESS_WRITE), 2);
	expect(&r, (struct expected){.civac = 2 * 32768});
	rig_down(&r);
	rig_up(&r, &(struct shape){.machine = "max"});
	assert_i64(touch(&r, 512, S2_ACCESS_WRITE), 512);
	expect(&r, nothing);
	rig_down(&r);
}

static void rule_2_unmap_flushes_leaf_by_leaf_and_each_freed_table(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	touch(&r, 1024, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA), 512 * PAGE, S2_UNMAP_CLEAR), 0);
	expect(&r, (struct expected){.ipas2e1is = 513, .vmalle1is = 513, .civac = 512 * 64});
	assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA), 512 * PAGE, S2_UNMAP_CLEAR), 0);
	expect(&r, nothing);
	/* The rest: 512 pages, their table, and the two tables above. */
	assert_i64(s2_vm_delete_slot(r.vm, r.cpu, r.ram), 0);
	expect(&r, (struct expected){.ipas2e1is = 514, .vmalle1is = 514, .civac = 512 * 64});
	rig_down(&r);
}

static void rule_3_with_fwb_and_range_leaves_cost_one_range_flush_a_gib(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "max,-lpa2", .size = 64 * GIB});
	for (uint64_t g = 0; g < 64; g++)
		assert_i64(s2_vcpu_access(r.vcpu, s2_ipa(RAM + g * GIB), PAGE, S2_ACCESS_WRITE), 1);
	lap(&r);
	assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA), 64 * GIB, S2_UNMAP_CLEAR), 0);
	/* 64 chunks of a range flush each; two tables freed in each GiB. */
	expect(&r, (struct expected){.ripas2e1is = 64, .ipas2e1is = 128, .vmalle1is = 192});
	rig_down(&r);
}

static void rule_4_a_range_is_one_vmalle1is_whatever_its_operations(void **state)
{
	/* Pages unmapped from page @first of a table that stays, and the operations by kind. */
	static const struct {
		const char *machine;
		uint64_t first, pages;
		uint64_t ripas2e1is, ipas2e1is;
	} rows[] = {
		{"max,-lpa2", 0, 1, 0, 1},  {"max,-lpa2", 0, 2, 1, 0},	 {"max,-lpa2", 0, 64, 1, 0},
		{"max,-lpa2", 1, 3, 1, 1},  {"max,-lpa2", 0, 100, 2, 0}, {"max,pa=48", 1, 3, 0, 3},
		{"max,pa=48", 16, 2, 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig r;

		s2_test_row("%s: %" PRIu64 " pages", rows[i].machine, rows[i].pages);
		rig_up(&r, &(struct shape){.machine = rows[i].machine, .size = BLOCK});
		assert_i64(touch(&r, 512, S2_ACCESS_WRITE), 512);
		lap(&r);
		assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA + rows[i].first * PAGE),
					   rows[i].pages * PAGE, S2_UNMAP_CLEAR),
			   0);
		expect(&r, (struct expected){.ripas2e1is = rows[i].ripas2e1is,
					     .ipas2e1is = rows[i].ipas2e1is,
					     .vmalle1is = 1});
		rig_down(&r);
	}
}

static void rule_13_teardown_issues_no_tlbi_and_cleans_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	touch(&r, 4096, S2_ACCESS_WRITE);
	assert_i64(s2_vm_teardown(r.vm, r.cpu), -EBUSY);
	assert_i64(s2_vcpu_put(r.vcpu), 0);
	lap(&r);
	assert_i64(s2_vm_teardown(r.vm, r.cpu), 0);
	expect(&r, nothing);
	assert_i64(s2_vm_teardown(r.vm, r.cpu), -EINVAL);
	rig_down(&r);
}

static void rule_16_a_write_to_the_zero_page_flushes_once_or_twice(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55", .unpopulated = true});
	assert_i64(touch(&r, 1024, S2_ACCESS_READ), 1024);
	expect(&r, (struct expected){.civac = 1024 * 64});
	/* A page that is left keeps the tables, so that none is freed between. */
	assert_i64(touch(&r, 256, S2_ACCESS_WRITE), 256);
	expect(&r, (struct expected){.ipas2e1is = 256, .vmalle1is = 256, .civac = 2 * 256 * 64});
	rig_down(&r);
	rig_up(&r, &(struct shape){.machine = "cortex-a55,+vhe",
				   .flavour = "kvm-6.1",
				   .unpopulated = true});
	touch(&r, 1024, S2_ACCESS_READ);
	lap(&r);
	assert_i64(touch(&r, 256, S2_ACCESS_WRITE), 256);
	/* The unmap's flush and the relaxed permission's; the unmap and change_pte() clean. */
	expect(&r, (struct expected){.ipas2e1is = 2 * 256,
				     .vmalle1is = 2 * 256,
				     .civac = 2 * 256 * 64});
	rig_down(&r);
}

static void rule_17_vmids_run_out_after_255_vms_and_everything_is_flushed_once(void **state)
{
	struct s2_vm_config vc = {.flavour = s2_flavour_find("kvm-6.12")};
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a72"});
	s2_vcpu_put(r.vcpu);
	vc.vmids = r.f.vmids;
	lap(&r);
	for (int i = 1; i < 600; i++) {
		struct s2_vm *vm;

		assert_i64(s2_vm_create(r.m, &vc, &vm), 0);
		assert_i64(s2_vm_add_vcpu(vm), 0);
		assert_i64(s2_vcpu_load(s2_vm_vcpu(vm, 0), r.cpu), 0);
		s2_vm_free(vm);
	}
	/* 600 VMs: 255 in each generation, so two rollovers. */
	assert_u64(s2_vmids_rollovers(r.f.vmids), 2);
	assert_u64(lap(&r).n[S2_OP_TLBI_ALLE1IS], 2);
	rig_down(&r);
}

static void rule_18_memory_in_two_slots_is_unmapped_twice(void **state)
{
	const struct s2_slot_config alias = {.ipa = {0x100000000},
					     .size = 32 * MIB,
					     .hva = {HVA},
					     .pa = {0x100000000},
					     .backing = PAGE,
					     .populated = true};
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	assert_true(s2_vm_add_slot(r.vm, &alias) >= 0);
	touch(&r, 16, S2_ACCESS_WRITE);
	s2_vcpu_access(r.vcpu, s2_ipa(0x100000000), 16 * PAGE, S2_ACCESS_WRITE);
	/* One page more in each, so that no table is freed. */
	s2_vcpu_access(r.vcpu, s2_ipa(RAM + MIB), PAGE, S2_ACCESS_WRITE);
	s2_vcpu_access(r.vcpu, s2_ipa(0x100000000 + MIB), PAGE, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA), 16 * PAGE, S2_UNMAP_EVENT), 0);
	expect(&r, (struct expected){.ipas2e1is = 32, .vmalle1is = 32, .civac = 32 * 64});
	rig_down(&r);
}

static void aging_flushes_the_vmid_only_if_anything_was_young(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	touch(&r, 16, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vm_age_hva(r.vm, r.cpu, s2_va(HVA), 32 * PAGE), 1);
	expect(&r, (struct expected){.vmalls12e1is = 1});
	assert_i64(s2_vm_age_hva(r.vm, r.cpu, s2_va(HVA), 32 * PAGE), 0);
	expect(&r, nothing);
	/* The access makes it young again without a flush: on this CPU without a fault too. */
	assert_i64(touch(&r, 1, S2_ACCESS_WRITE), 0);
	expect(&r, nothing);
	rig_down(&r);
}

static void bad_requests_are_refused_and_change_nothing(void **state)
{
	struct s2_slot_config s = {.ipa = {RAM + MIB},
				   .size = MIB,
				   .pa = {0x200000000},
				   .backing = PAGE,
				   .populated = true};
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	assert_i64(s2_vm_add_slot(r.vm, &s), -EEXIST);
	s.ipa.v = 0x10000000000;
	assert_i64(s2_vm_add_slot(r.vm, &s), -ERANGE);
	s.ipa.v = RAM + 64 * MIB;
	s.size = 0;
	assert_i64(s2_vm_add_slot(r.vm, &s), -EINVAL);
	s.size = MIB;
	s.backing = 3 * PAGE;
	assert_i64(s2_vm_add_slot(r.vm, &s), -EINVAL);
	assert_i64(s2_vm_delete_slot(r.vm, r.cpu, 7), -EINVAL);
	assert_i64(s2_vm_log_stop(r.vm, r.cpu, r.ram), -EINVAL);
	assert_i64(s2_vm_log_clear(r.vm, r.cpu, r.ram, 0, 64), -EINVAL);
	assert_i64(s2_vcpu_access(r.vcpu, s2_ipa(0x10000000), PAGE, S2_ACCESS_READ), -EFAULT);
	assert_i64(s2_vcpu_access(r.vcpu, s2_ipa(RAM), 0, S2_ACCESS_READ), -EINVAL);
	assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA + 1), PAGE, S2_UNMAP_CLEAR), -EINVAL);
	assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA), PAGE, (enum s2_unmap_reason)3),
		   -EINVAL);
	assert_i64(s2_vcpu_access(r.vcpu, s2_ipa(RAM), PAGE, (enum s2_access)3), -EINVAL);
	assert_i64(s2_vcpu_reset(r.vcpu, r.cpu), -EINVAL);
	expect(&r, nothing);
	/* The log of a VM that is gone is not cleared. */
	assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
	assert_i64(touch(&r, 1, S2_ACCESS_WRITE), 1);
	assert_i64(s2_vcpu_put(r.vcpu), 0);
	assert_i64(s2_vm_teardown(r.vm, r.cpu), 0);
	assert_i64(s2_vm_log_get(r.vm, r.cpu, r.ram), -EINVAL);
	assert_true(s2_vm_log_is_dirty(r.vm, r.ram, 0));
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(rule_1_a_fault_cleans_its_page_or_block_and_flushes_nothing),
		s2_unit_test(rule_2_unmap_flushes_leaf_by_leaf_and_each_freed_table),
		s2_unit_test(rule_3_with_fwb_and_range_leaves_cost_one_range_flush_a_gib),
		s2_unit_test(rule_4_a_range_is_one_vmalle1is_whatever_its_operations),
		s2_unit_test(rule_13_teardown_issues_no_tlbi_and_cleans_nothing),
		s2_unit_test(rule_16_a_write_to_the_zero_page_flushes_once_or_twice),
		s2_unit_test(rule_17_vmids_run_out_after_255_vms_and_everything_is_flushed_once),
		s2_unit_test(rule_18_memory_in_two_slots_is_unmapped_twice),
		s2_unit_test(aging_flushes_the_vmid_only_if_anything_was_young),
		s2_unit_test(bad_requests_are_refused_and_change_nothing),
	};

	return cmocka_run_group_tests_name("vm", tests, NULL, NULL);
}
