/* SPDX-License-Identifier: MIT */
/*
 * vcpu by MPIDR: what each policy costs and finds, and where the kernel's own
 * differ from a search, the difference itself.
 */
#include "hyp/vgic/lookup_fixture.h"

static void a_scan_costs_a_probe_for_each_vcpu_up_to_the_target(void **state)
{
	const struct s2_vgic_config cfg = lookup_config(S2_LOOKUP_SCAN);
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_start(&vm, &cfg, 64);
	for (unsigned i = 0; i < 64; i++) {
		vm_mark(&vm);
		assert_i64(lookup_find(&vm, s2_mpidr_from_id(i).v), i);
		assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE), i + 1);
		assert_u64(vm_counted(&vm, S2_OP_MPIDR_GATHER), 0);
	}
	vm_mark(&vm);
	assert_i64(lookup_find(&vm, 0xff), -1);
	assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE), 64);
	vm_stop(&vm);
}

/* bits: what the ids 0 to n - 1 differ in, Aff0 holding four of them. */
static void a_table_costs_one_probe_and_a_step_for_each_differing_bit(void **state)
{
	const struct s2_vgic_config cfg = lookup_config(S2_LOOKUP_TABLE);

	(void)state;
	for (unsigned n = 2; n <= 512; n += n < 40 ? 1 : 31) {
		struct vm vm = {0};
		unsigned bits = 0;

		vm_machine(&vm, 1);
		vm_start(&vm, &cfg, n);
		lookup_rebuild(&vm);
		while ((n - 1) >> bits)
			bits++;
		s2_test_row("N = %u", n);
		vm_mark(&vm);
		assert_i64(lookup_find(&vm, s2_mpidr_from_id(n - 1).v), n - 1);
		assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE), 1);
		assert_u64(vm_counted(&vm, S2_OP_MPIDR_GATHER), bits);
		assert_u64(s2_vgic_mpidr_report(vm.vgic).bits, bits);
		vm_stop(&vm);
	}
}

static void default_masks_are_those_of_the_layout(void **state)
{
	static const struct {
		unsigned n;
		uint64_t mask;
	} rows[] = {{2, 0x1},	 {3, 0x3},    {5, 0x7},	    {16, 0xf},	   {17, 0x10f},
		    {64, 0x30f}, {65, 0x70f}, {129, 0xf0f}, {257, 0x1f0f}, {512, 0x1f0f}};
	const struct s2_vgic_config cfg = lookup_config(S2_LOOKUP_TABLE);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_start(&vm, &cfg, rows[i].n);
		lookup_rebuild(&vm);
		s2_test_row("N = %u", rows[i].n);
		assert_u64(vm.vgic->table.gather.mask, rows[i].mask);
		vm_stop(&vm);
	}
}

static void bits_that_all_vcpus_have_set_are_not_in_the_mask(void **state)
{
	const struct s2_vgic_config cfg = lookup_config(S2_LOOKUP_TABLE);
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_start(&vm, &cfg, 4);
	for (unsigned i = 0; i < 4; i++)
		s2_vgic_set_mpidr(vm_vcpu(&vm, i), s2_mpidr_of(0xff, 0xff, 0xff, (uint8_t)i));
	lookup_rebuild(&vm);
	assert_u64(vm.vgic->table.gather.mask, 0x3);
	assert_true(s2_vgic_has_index(vm.vgic));
	vm_stop(&vm);
}

static void one_vcpu_has_no_table(void **state)
{
	const struct s2_vgic_config cfg = lookup_config(S2_LOOKUP_TABLE);
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_start(&vm, &cfg, 1);
	lookup_rebuild(&vm);
	assert_false(s2_vgic_has_index(vm.vgic));
	assert_i64(lookup_find(&vm, 0), 0);
	vm_stop(&vm);
}

static void a_miss_is_final_or_scans_by_version(void **state)
{
	static const struct {
		enum s2_vcpu_lookup lookup;
		unsigned probes;
	} rows[] = {{S2_LOOKUP_TABLE_FINAL, 1}, {S2_LOOKUP_TABLE, 1 + 32}, {S2_LOOKUP_SCAN, 32}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct s2_vgic_config cfg = lookup_config(rows[i].lookup);
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_start(&vm, &cfg, 32);
		lookup_rebuild(&vm);
		s2_test_row("%s", s2_vcpu_lookup_name(rows[i].lookup));
		vm_mark(&vm);
		assert_i64(lookup_find(&vm, 0x10003), -1);
		assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE), rows[i].probes);
		vm_stop(&vm);
	}
}

static void of_duplicates_the_table_names_the_last_and_the_scan_the_first(void **state)
{
	static const int expected[S2_LOOKUPS] = {
		[S2_LOOKUP_SCAN] = 1,
		[S2_LOOKUP_TABLE_FINAL] = 3,
		[S2_LOOKUP_TABLE] = 3,
		[S2_LOOKUP_HASH] = 1,
	};

	(void)state;
	for (int p = 0; p < S2_LOOKUPS; p++) {
		const struct s2_vgic_config cfg = lookup_config(p);
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_start(&vm, &cfg, 4);
		s2_vgic_set_mpidr(vm_vcpu(&vm, 3), s2_mpidr(1));
		lookup_rebuild(&vm);
		s2_test_row("%s", s2_vcpu_lookup_name(p));
		assert_i64(lookup_find(&vm, 1), expected[p]);
		assert_u64(s2_vgic_mpidr_report(vm.vgic).duplicates, 1);
		vm_stop(&vm);
	}
}

static void over_10_12_or_14_differing_bits_fall_back_silently_by_page_size(void **state)
{
	(void)state;
	for (unsigned bits = 10; bits <= 15; bits++) {
		for (unsigned page_shift = 12; page_shift <= 16; page_shift += 2) {
			const bool fits = bits <= page_shift - 2;
			struct s2_vgic_config cfg = lookup_config(S2_LOOKUP_TABLE);
			struct vm vm = {0};

			cfg.page_shift = page_shift;
			vm_machine(&vm, 1);
			vm_start(&vm, &cfg, bits);
			for (unsigned i = 0; i < bits; i++)
				s2_vgic_set_mpidr(vm_vcpu(&vm, i), s2_mpidr(UINT64_C(1) << i));
			lookup_rebuild(&vm);
			s2_test_row("%u bits, pages 2^%u", bits, page_shift);
			assert_int_equal(s2_vgic_has_index(vm.vgic), fits);
			assert_int_equal(s2_vgic_mpidr_report(vm.vgic).table_fits, fits);
			for (unsigned i = 0; i < bits; i++)
				assert_i64(lookup_find(&vm, UINT64_C(1) << i), i);
			vm_stop(&vm);
		}
	}
}

static void an_mpidr_written_after_the_table_is_lost_in_6_7_and_slow_in_6_10(void **state)
{
	static const struct {
		enum s2_vcpu_lookup lookup;
		int found;
		unsigned probes;
	} rows[] = {
		{S2_LOOKUP_TABLE_FINAL, -1, 1}, {S2_LOOKUP_TABLE, 2, 4}, {S2_LOOKUP_HASH, 2, 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct s2_vgic_config cfg = lookup_config(rows[i].lookup);
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_start(&vm, &cfg, 4);
		lookup_rebuild(&vm);
		s2_vgic_set_mpidr(vm_vcpu(&vm, 2), s2_mpidr(0x705));
		s2_test_row("%s", s2_vcpu_lookup_name(rows[i].lookup));
		vm_mark(&vm);
		assert_i64(lookup_find(&vm, 0x705), rows[i].found);
		assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE), rows[i].probes);
		/* The compare is with the live value: the old one never resolves. */
		assert_i64(lookup_find(&vm, 2), -1);
		vm_stop(&vm);
	}
}

/* ce5d2448eb8f */
static void a_late_vcpu_is_unreachable_in_6_7_and_found_since(void **state)
{
	static const int found[S2_LOOKUPS] = {
		[S2_LOOKUP_SCAN] = 8,
		[S2_LOOKUP_TABLE_FINAL] = -1,
		[S2_LOOKUP_TABLE] = 8,
		[S2_LOOKUP_HASH] = 8,
	};

	(void)state;
	for (int p = 0; p < S2_LOOKUPS; p++) {
		const struct s2_vgic_config cfg = lookup_config(p);
		struct vm vm = {0};

		vm_machine(&vm, 2);
		vm_start(&vm, &cfg, 8);
		assert_i64(s2_vgic_load(vm_vcpu(&vm, 0), vm_cpu(&vm, 0)), 0);
		assert_i64(s2_vgic_add_vcpu(vm.vgic, 8, NULL), 0);
		s2_test_row("%s", s2_vcpu_lookup_name(p));
		assert_int_equal(s2_vgic_has_index(vm.vgic),
				 p == S2_LOOKUP_TABLE_FINAL || p == S2_LOOKUP_HASH);
		assert_i64(lookup_find(&vm, 8), found[p]);
		/* Its own first run builds the table anew, where it had been dropped. */
		assert_i64(s2_vgic_load(vm_vcpu(&vm, 8), vm_cpu(&vm, 1)), 0);
		assert_i64(lookup_find(&vm, 8), found[p]);
		assert_int_equal(s2_vgic_has_index(vm.vgic), p != S2_LOOKUP_SCAN);
		vm_stop(&vm);
	}
}

static void a_vcpu_taken_back_is_not_found_and_its_place_is_free(void **state)
{
	(void)state;
	for (int p = 0; p < S2_LOOKUPS; p++) {
		const struct s2_vgic_config cfg = lookup_config(p);
		struct s2_vgic_cpu *v;
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_start(&vm, &cfg, 8);
		lookup_rebuild(&vm);
		s2_test_row("%s", s2_vcpu_lookup_name(p));
		assert_i64(s2_vgic_remove_vcpu(vm_vcpu(&vm, 3)), -EBUSY);
		assert_i64(s2_vgic_remove_vcpu(vm_vcpu(&vm, 7)), 0);
		assert_i64(lookup_find(&vm, 7), -1);
		assert_null(s2_vgic_vcpu_by_id(vm.vgic, 7));
		assert_i64(s2_vgic_add_vcpu(vm.vgic, 100, &v), 0);
		assert_u64(s2_vgic_vcpu_index(v), 7);
		lookup_rebuild(&vm);
		assert_i64(lookup_find(&vm, s2_mpidr_from_id(100).v), 7);
		vm_stop(&vm);
	}
}

static void ids_in_reverse_order_are_found_at_their_indices(void **state)
{
	(void)state;
	for (int p = 0; p < S2_LOOKUPS; p++) {
		const struct s2_vgic_config cfg = lookup_config(p);
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_raw(&vm, &cfg, 0);
		for (unsigned i = 0; i < 64; i++)
			assert_i64(s2_vgic_add_vcpu(vm.vgic, 63 - i, NULL), 0);
		lookup_rebuild(&vm);
		for (unsigned id = 0; id < 64; id++) {
			s2_test_row("%s id %u", s2_vcpu_lookup_name(p), id);
			assert_i64(lookup_find(&vm, s2_mpidr_from_id(id).v), 63 - (int)id);
		}
		vm_stop(&vm);
	}
}

static void values_that_a_guest_will_stumble_over_are_accepted_and_reported(void **state)
{
	const struct s2_vgic_config cfg = lookup_config(S2_LOOKUP_SCAN);
	struct s2_mpidr_report report;
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_start(&vm, &cfg, 5);
	s2_vgic_set_mpidr(vm_vcpu(&vm, 1), s2_mpidr(0x10));
	s2_vgic_set_mpidr(vm_vcpu(&vm, 2), s2_mpidr(UINT64_C(0x100000000)));
	s2_vgic_set_mpidr(vm_vcpu(&vm, 3), s2_mpidr(UINT64_MAX));
	s2_vgic_set_mpidr(vm_vcpu(&vm, 4), s2_mpidr(S2_MPIDR_U));
	report = s2_vgic_mpidr_report(vm.vgic);
	assert_int_equal(report.far_aff0, 2);
	assert_int_equal(report.aff3, 2);
	assert_int_equal(report.duplicates, 1);
	assert_int_equal(report.bits, 32);
	assert_false(report.table_fits);
	assert_u64(s2_vgic_mpidr(vm_vcpu(&vm, 3)).v, UINT64_MAX);
	vm_stop(&vm);
}

static void ids_are_bounded_unique_and_fixed_by_init(void **state)
{
	struct s2_vgic_config cfg = lookup_config(S2_LOOKUP_SCAN);
	struct vm vm = {0};

	(void)state;
	cfg.late_vcpus = false;
	cfg.max_vcpus = 8;
	vm_machine(&vm, 1);
	vm_raw(&vm, &cfg, 2);
	assert_i64(s2_vgic_add_vcpu(vm.vgic, 8, NULL), -EINVAL);
	assert_i64(s2_vgic_add_vcpu(vm.vgic, 1, NULL), -EEXIST);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	assert_i64(s2_vgic_add_vcpu(vm.vgic, 3, NULL), -EBUSY);
	assert_int_equal(s2_vgic_vcpus(vm.vgic), 2);
	vm_stop(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_scan_costs_a_probe_for_each_vcpu_up_to_the_target),
		s2_unit_test(a_table_costs_one_probe_and_a_step_for_each_differing_bit),
		s2_unit_test(default_masks_are_those_of_the_layout),
		s2_unit_test(bits_that_all_vcpus_have_set_are_not_in_the_mask),
		s2_unit_test(one_vcpu_has_no_table),
		s2_unit_test(a_miss_is_final_or_scans_by_version),
		s2_unit_test(of_duplicates_the_table_names_the_last_and_the_scan_the_first),
		s2_unit_test(over_10_12_or_14_differing_bits_fall_back_silently_by_page_size),
		s2_unit_test(an_mpidr_written_after_the_table_is_lost_in_6_7_and_slow_in_6_10),
		s2_unit_test(a_late_vcpu_is_unreachable_in_6_7_and_found_since),
		s2_unit_test(a_vcpu_taken_back_is_not_found_and_its_place_is_free),
		s2_unit_test(ids_in_reverse_order_are_found_at_their_indices),
		s2_unit_test(values_that_a_guest_will_stumble_over_are_accepted_and_reported),
		s2_unit_test(ids_are_bounded_unique_and_fixed_by_init),
	};

	return cmocka_run_group_tests_name("hyp/lookup", tests, NULL, NULL);
}
