/* SPDX-License-Identifier: MIT */
/*
 * The measured rules of the dirty log: each test repeats a phase that was counted on real KVM
 * hosts and expects its counts.
 */
#include "hyp/vm/vm_rig.h"

#include <stage2sim/pgtable.h>

static void rules_5_to_8_dirty_logging_of_a_block(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55", .size = BLOCK, .backing = BLOCK});
	touch(&r, 1, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
	expect(&r, (struct expected){.vmalls12e1is = 1});
	assert_i64(touch(&r, 1, S2_ACCESS_WRITE), 1);
	expect(&r, (struct expected){.ipas2e1is = 1, .vmalle1is = 1, .civac = 64});
	assert_i64(touch(&r, 512, S2_ACCESS_WRITE), 511);
	expect(&r, (struct expected){.civac = 511 * 64});
	assert_i64(s2_vm_log_get(r.vm, r.cpu, r.ram), 512);
	expect(&r, (struct expected){.vmalls12e1is = 1});
	assert_i64(touch(&r, 512, S2_ACCESS_WRITE), 512);
	expect(&r, (struct expected){.ipas2e1 = 512, .vmalle1 = 512});
	assert_i64(s2_vm_log_get(r.vm, r.cpu, r.ram), 512);
	assert_i64(s2_vm_log_get(r.vm, r.cpu, r.ram), 0);
	expect(&r, (struct expected){.vmalls12e1is = 1});
	/* Rule 10: the block comes back over the table. */
	assert_i64(s2_vm_log_stop(r.vm, r.cpu, r.ram), 0);
	assert_i64(touch(&r, 1, S2_ACCESS_WRITE), 1);
	expect(&r, (struct expected){.vmalls12e1is = 1, .civac = 32768});
	rig_down(&r);
}

static void rule_6_every_chunk_cleared_flushes_the_whole_slot(void **state)
{
	static const struct shape shapes[] = {
		{.machine = "cortex-a55", .size = 64 * GIB, .manual = true},
		{.machine = "max,-lpa2", .size = 64 * GIB, .manual = true},
	};
	struct rig r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		s2_test_row("%s", shapes[i].machine);
		rig_up(&r, &shapes[i]);
		assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
		for (uint64_t g = 0; g < 64; g++)
			s2_vcpu_access(r.vcpu, s2_ipa(RAM + g * GIB), PAGE, S2_ACCESS_WRITE);
		lap(&r);
		for (uint64_t g = 0; g < 64; g++)
			assert_i64(s2_vm_log_clear(r.vm, r.cpu, r.ram, g * (GIB / PAGE), 64), 1);
		if (i)
			expect(&r, (struct expected){.ripas2e1is = 512, .vmalle1is = 512});
		else
			expect(&r, (struct expected){.vmalls12e1is = 64});
		assert_i64(s2_vm_log_clear(r.vm, r.cpu, r.ram, 0, 64 * GIB / PAGE), 0);
		expect(&r, nothing);
		rig_down(&r);
	}
}

static void rule_7_relaxing_is_broadcast_in_the_old_flavour_and_local_in_the_new(void **state)
{
	struct rig r;

	(void)state;
	for (int old = 0; old < 2; old++) {
		rig_up(&r, &(struct shape){.machine = "cortex-a55",
					   .flavour = old ? "kvm-6.1" : "kvm-6.12"});
		touch(&r, 1, S2_ACCESS_WRITE);
		assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
		lap(&r);
		assert_i64(touch(&r, 1, S2_ACCESS_WRITE), 1);
		if (old)
			expect(&r, (struct expected){.ipas2e1is = 1, .vmalle1is = 1});
		else
			expect(&r, (struct expected){.ipas2e1 = 1, .vmalle1 = 1});
		assert_true(s2_vm_log_is_dirty(r.vm, r.ram, 0));
		rig_down(&r);
	}
}

/* Or the log would miss what the guest then writes without a fault. */
static void a_page_that_is_read_while_it_is_logged_is_not_writable(void **state)
{
	static const enum s2_access harmless[] = {S2_ACCESS_READ, S2_ACCESS_FETCH};
	static const char *const flavours[] = {"kvm-5.4", "kvm-6.1", "kvm-6.12", "kvm-7.2"};

	(void)state;
	for (size_t i = 0; i < 4 * ARRAY_SIZE(flavours); i++) {
		const bool unpopulated = i / 2 % 2;
		struct s2_leaf leaf;
		struct rig r;

		rig_up(&r, &(struct shape){.machine = "cortex-a55,+vhe",
					   .flavour = flavours[i / 4],
					   .unpopulated = unpopulated});
		s2_test_row("%s, access %d, %s", flavours[i / 4], (int)harmless[i % 2],
			    unpopulated ? "nothing there" : "there");
		assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
		assert_i64(touch(&r, 1, harmless[i % 2]), 1);
		assert_i64(s2_pgtable_lookup(s2_vm_mmu(r.vm), NULL, s2_ipa(RAM), &leaf), 0);
		assert_true(s2_pte_valid(leaf.pte));
		assert_false(s2_pte_writable(leaf.pte));
		assert_false(s2_vm_log_is_dirty(r.vm, r.ram, 0));
		/* The write is a fault of its own, and is logged. */
		assert_i64(touch(&r, 1, S2_ACCESS_WRITE), 1);
		assert_true(s2_vm_log_is_dirty(r.vm, r.ram, 0));
		assert_false(s2_vm_log_is_dirty(r.vm, r.ram, 1));
		rig_down(&r);
	}
}

static void rule_9_eager_split_flushes_once_a_block_and_cleans_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r,
	       &(struct shape){
		       .machine = "cortex-a55", .backing = BLOCK, .manual = true, .chunk = BLOCK});
	touch(&r, 16 * 512, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
	expect(&r, (struct expected){.vmalls12e1is = 1, .ipas2e1is = 16, .vmalle1is = 16});
	rig_down(&r);
	/* Under initially-set the first clear does it. */
	rig_up(&r, &(struct shape){.machine = "cortex-a55",
				   .backing = BLOCK,
				   .manual = true,
				   .initset = true,
				   .chunk = BLOCK});
	touch(&r, 16 * 512, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
	expect(&r, nothing);
	assert_i64(s2_vm_log_clear(r.vm, r.cpu, r.ram, 0, 16 * 512), 16 * 512);
	expect(&r, (struct expected){.vmalls12e1is = 1, .ipas2e1is = 16, .vmalle1is = 16});
	rig_down(&r);
	/* A 1 GiB block: 1 + 512 with a 2 MiB chunk, 1 with a 1 GiB chunk. */
	for (int whole = 0; whole < 2; whole++) {
		rig_up(&r, &(struct shape){.machine = "cortex-a55",
					   .size = GIB,
					   .backing = GIB,
					   .chunk = whole ? GIB : BLOCK});
		assert_i64(touch(&r, 1, S2_ACCESS_WRITE), 1);
		lap(&r);
		assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
		expect(&r, (struct expected){.vmalls12e1is = 1,
					     .ipas2e1is = whole ? 1 : 513,
					     .vmalle1is = whole ? 1 : 513});
		rig_down(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(rules_5_to_8_dirty_logging_of_a_block),
		s2_unit_test(rule_6_every_chunk_cleared_flushes_the_whole_slot),
		s2_unit_test(rule_7_relaxing_is_broadcast_in_the_old_flavour_and_local_in_the_new),
		s2_unit_test(a_page_that_is_read_while_it_is_logged_is_not_writable),
		s2_unit_test(rule_9_eager_split_flushes_once_a_block_and_cleans_nothing),
	};

	return cmocka_run_group_tests_name("dirty_log", tests, NULL, NULL);
}
