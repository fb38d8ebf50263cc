/* SPDX-License-Identifier: MIT */
/* Bugs that were once published: each misroutes, and no policy does. */
#include "hyp/vgic/sgi_fixture.h"

/* f3f60a565391: a vcpu of id 0 is not the first. */
static void by_index_the_wrong_vcpu_is_skipped_where_ids_are_out_of_order(void **state)
{
	static const enum s2_sgi_broadcast forms[] = {S2_BROADCAST_BY_INDEX, S2_BROADCAST_PLAIN,
						      S2_BROADCAST_MATRIX};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		const struct s2_vgic_config cfg = {.routing.broadcast = forms[i]};
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_raw(&vm, &cfg, 0);
		for (unsigned v = 0; v < 4; v++)
			assert_i64(s2_vgic_add_vcpu(vm.vgic, 3 - v, NULL), 0);
		assert_i64(s2_vgic_init(vm.vgic), 0);
		vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1);
		/* The sender has index 0 and id 3. */
		vm_sgi(&vm, 0, S2_SGI_IRM);
		s2_test_row("%s", s2_sgi_broadcast_name(forms[i]));
		assert_u64(sgi_pending(&vm, 0), forms[i] == S2_BROADCAST_BY_INDEX ? 0x7 : 0xe);
		vm_stop(&vm);
	}
}

static uint64_t reached_with(enum s2_bug bug, const uint64_t *mpidr, unsigned n, uint64_t value)
{
	struct s2_vgic_config cfg = sgi_policy("bits");

	cfg.bug = bug;
	return sgi_reached(&cfg, mpidr, n, value);
}

static void each_published_dispatch_fault_misroutes_and_the_policies_do_not(void **state)
{
	/* Bit 1 is absent and bit 2 is not. */
	static const uint64_t hole[] = {0x0, 0x2, 0x3, 0x4};
	static const uint64_t reversed[] = {0x3, 0x2, 0x1, 0x0};
	static const uint64_t far[] = {0x0, 0x1, 0x2, 0x40};
	static const uint64_t high[] = {0x0, 0x1, 0x2, 0x800001};
	static const struct {
		enum s2_bug bug;
		const uint64_t *mpidr;
		uint64_t value;
		uint64_t right;
	} rows[] = {
		{S2_BUG_SGI_STOPS_AT_HOLE, hole, 0x6, 0x2},
		{S2_BUG_SGI_AFF_IS_INDEX, reversed, 0x1, 0x8},
		{S2_BUG_SGI_SHIFT_BY_AFF0, far, 0x1, 0x1},
		{S2_BUG_SGI_MASK_SHORT, high, 0x2, 0x2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s2_test_row("row %zu", i);
		for (size_t p = 0; s2_routing_at(p); p++) {
			const struct s2_vgic_config cfg = sgi_policy(s2_routing_at(p)->name);

			assert_u64(sgi_reached(&cfg, rows[i].mpidr, 4, rows[i].value),
				   rows[i].right);
		}
		assert_true(reached_with(rows[i].bug, rows[i].mpidr, 4, rows[i].value) !=
			    rows[i].right);
	}
}

/* --- faults of the table, as lookups --------------------------------------- */

/* No compare after the access: a hole answers with index 0, an alias with another. */
static void without_the_compare_an_alias_and_a_hole_are_taken_for_vcpus(void **state)
{
	(void)state;
	for (int compares = 0; compares < 2; compares++) {
		struct s2_vgic_config cfg = sgi_policy("bits");
		struct vm vm = {0};

		cfg.bug = compares ? S2_BUG_NONE : S2_BUG_LOOKUP_NO_COMPARE;
		sgi_start(&vm, &cfg, 20);
		s2_test_row("compares %d", compares);
		assert_int_equal(!s2_vgic_lookup(vm.vgic, vm_cpu(&vm, 0), s2_mpidr(0x10003)), compares);
		assert_int_equal(!s2_vgic_lookup(vm.vgic, vm_cpu(&vm, 0), s2_mpidr(0x10f)), compares);
		vm_stop(&vm);
	}
}

/* The table built of a mask, and with entries, as a fault would have them. */
static unsigned lost_with(uint64_t mask, unsigned entry_bits, unsigned n)
{
	const struct s2_vgic_config cfg = sgi_policy("bits-final");
	unsigned lost = 0;
	struct vm vm = {0};
	struct s2_mpidr_table *table;

	sgi_start(&vm, &cfg, n);
	table = &vm.vgic->table;
	table->gather = s2_mpidr_gather(mask);
	for (unsigned i = 0; i < n; i++)
		table->entry[s2_mpidr_index(&table->gather, s2_mpidr(vm.vgic->hwid[i]))] =
			(uint16_t)(i & ((1U << entry_bits) - 1U));
	for (unsigned i = 0; i < n; i++)
		lost += !s2_vgic_lookup(vm.vgic, vm_cpu(&vm, 0), s2_mpidr_from_id(i));
	vm_stop(&vm);
	return lost;
}

static void a_wrong_mask_or_narrow_entries_lose_vcpus(void **state)
{
	(void)state;
	assert_int_equal(lost_with(0x1f0f, 16, 512), 0);
	/* Entries of eight bits: indices from 256 wrap. */
	assert_int_equal(lost_with(0x1f0f, 8, 512), 256);
	/* AND begun at 0 makes the mask the OR: right here, but larger than it need be. */
	assert_int_equal(lost_with(0x0f0f, 16, 512), 256);
	/* Affinities of ids put together without the gap of Aff1. */
	assert_int_equal(lost_with(0x01ff, 16, 512), 512 - 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(by_index_the_wrong_vcpu_is_skipped_where_ids_are_out_of_order),
		s2_unit_test(each_published_dispatch_fault_misroutes_and_the_policies_do_not),
		s2_unit_test(without_the_compare_an_alias_and_a_hole_are_taken_for_vcpus),
		s2_unit_test(a_wrong_mask_or_narrow_entries_lose_vcpus),
	};

	return cmocka_run_group_tests_name("hyp/sgi_faults", tests, NULL, NULL);
}
