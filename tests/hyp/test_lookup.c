/* SPDX-License-Identifier: MIT */
/*
 * vcpu by MPIDR: every policy agrees with a naive search, except where the
 * kernel's own differ, and there the difference is what is tested.
 *
 * S2_TEST_SETS: random MPIDR sets for the property test (default 1,000,000).
 */
#include <stdlib.h>

#include "hyp/vgic_fixture.h"

static struct s2_vgic_config with(enum s2_vcpu_lookup lookup)
{
	const struct s2_vgic_config cfg = {.routing = {lookup, S2_SGI_BITS, S2_BROADCAST_PLAIN},
					   .late_vcpus = true};

	return cfg;
}

static void rebuild(struct vm *vm)
{
	s2_mpidr_table_drop(vm->vgic);
	s2_vcpu_hash_drop(vm->vgic);
	s2_vgic_build_index(vm->vgic);
}

static int find(struct vm *vm, uint64_t mpidr)
{
	const struct s2_vgic_cpu *v = s2_vgic_lookup(vm->vgic, vm_cpu(vm, 0), s2_mpidr(mpidr));

	return v ? (int)s2_vgic_vcpu_index(v) : -1;
}

/* What MPIDRs a random set is made of: dense, clustered, sparse, or anything. */
static uint64_t random_mpidr(struct s2_test_rng *rng, unsigned kind)
{
	static const uint64_t masks[] = {
		0xff, 0x30f, 0xf0f0f, UINT64_C(0xff00ffffff), UINT64_MAX, UINT64_C(0x0300000103)};

	return s2_test_rng_next(rng) & masks[kind % ARRAY_SIZE(masks)];
}

static bool is_new(const uint64_t *mpidr, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (((mpidr[i] ^ mpidr[n]) & S2_MPIDR_HWID) == 0)
			return false;
	return true;
}

static unsigned random_set(struct s2_test_rng *rng, uint64_t *mpidr, unsigned n)
{
	const unsigned kind = (unsigned)s2_test_rng_next(rng) % 6U;

	for (unsigned i = 0; i < n; i++) {
		unsigned tries = 0;

		do
			mpidr[i] = random_mpidr(rng, kind);
		while (!is_new(mpidr, i) && ++tries < 100);
		if (tries == 100)
			return i;
	}
	return n;
}

static int naive(const uint64_t *mpidr, unsigned n, uint64_t wanted)
{
	for (unsigned i = 0; i < n; i++)
		if (((mpidr[i] ^ wanted) & S2_MPIDR_HWID) == 0)
			return (int)i;
	return -1;
}

#define SET_MAX 24U

/* Puts a set on VMs of every policy; vcpus beyond it get places of their own. */
static void place(struct vm *vms, const uint64_t *mpidr, unsigned n)
{
	for (int p = 0; p < S2_LOOKUPS; p++) {
		struct s2_vgic *vgic = vms[p].vgic;

		vgic->n_vcpus = n;
		for (unsigned i = 0; i < n; i++) {
			vgic->vcpu[i]->mpidr = s2_mpidr(mpidr[i]);
			vgic->hwid[i] = mpidr[i] & S2_MPIDR_HWID;
		}
		rebuild(&vms[p]);
	}
}

static unsigned long number_from(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

static void all_policies_agree_with_a_naive_search_on_random_sets(void **state)
{
	const unsigned long sets = number_from("S2_TEST_SETS", 1000000);
	struct vm vms[S2_LOOKUPS] = {{0}};
	struct s2_test_rng rng = {4};
	uint64_t mpidr[SET_MAX];

	(void)state;
	for (int p = 0; p < S2_LOOKUPS; p++) {
		const struct s2_vgic_config cfg = with(p);

		vm_machine(&vms[p], 1);
		vm_start(&vms[p], &cfg, SET_MAX);
	}
	for (unsigned long s = 0; s < sets; s++) {
		const unsigned n =
			random_set(&rng, mpidr, 1U + (unsigned)s2_test_rng_below(&rng, SET_MAX));

		place(vms, mpidr, n);
		for (unsigned q = 0; q < 4; q++) {
			const uint64_t wanted = q < 2 ? mpidr[s2_test_rng_below(&rng, n)]
						      : random_mpidr(&rng, (unsigned)s + q);
			const int expected = naive(mpidr, n, wanted);

			s2_test_row("set %lu of %u, 0x%" PRIx64, s, n, wanted);
			for (int p = 0; p < S2_LOOKUPS; p++)
				assert_i64(find(&vms[p], wanted), expected);
		}
	}
	for (int p = 0; p < S2_LOOKUPS; p++) {
		vms[p].vgic->n_vcpus = SET_MAX;
		vm_stop(&vms[p]);
	}
}

static void a_scan_costs_a_probe_for_each_vcpu_up_to_the_target(void **state)
{
	const struct s2_vgic_config cfg = with(S2_LOOKUP_SCAN);
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_start(&vm, &cfg, 64);
	for (unsigned i = 0; i < 64; i++) {
		vm_mark(&vm);
		assert_i64(find(&vm, s2_mpidr_from_id(i).v), i);
		assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE), i + 1);
		assert_u64(vm_counted(&vm, S2_OP_MPIDR_GATHER), 0);
	}
	vm_mark(&vm);
	assert_i64(find(&vm, 0xff), -1);
	assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE), 64);
	vm_stop(&vm);
}

/* bits: what the ids 0 to n - 1 differ in, Aff0 holding four of them. */
static void a_table_costs_one_probe_and_a_step_for_each_differing_bit(void **state)
{
	const struct s2_vgic_config cfg = with(S2_LOOKUP_TABLE);

	(void)state;
	for (unsigned n = 2; n <= 512; n += n < 40 ? 1 : 31) {
		struct vm vm = {0};
		unsigned bits = 0;

		vm_machine(&vm, 1);
		vm_start(&vm, &cfg, n);
		rebuild(&vm);
		while ((n - 1) >> bits)
			bits++;
		s2_test_row("N = %u", n);
		vm_mark(&vm);
		assert_i64(find(&vm, s2_mpidr_from_id(n - 1).v), n - 1);
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
	const struct s2_vgic_config cfg = with(S2_LOOKUP_TABLE);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_start(&vm, &cfg, rows[i].n);
		rebuild(&vm);
		s2_test_row("N = %u", rows[i].n);
		assert_u64(vm.vgic->table.gather.mask, rows[i].mask);
		vm_stop(&vm);
	}
}

static void bits_that_all_vcpus_have_set_are_not_in_the_mask(void **state)
{
	const struct s2_vgic_config cfg = with(S2_LOOKUP_TABLE);
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_start(&vm, &cfg, 4);
	for (unsigned i = 0; i < 4; i++)
		s2_vgic_set_mpidr(vm_vcpu(&vm, i), s2_mpidr_of(0xff, 0xff, 0xff, (uint8_t)i));
	rebuild(&vm);
	assert_u64(vm.vgic->table.gather.mask, 0x3);
	assert_true(s2_vgic_has_index(vm.vgic));
	vm_stop(&vm);
}

static void one_vcpu_has_no_table(void **state)
{
	const struct s2_vgic_config cfg = with(S2_LOOKUP_TABLE);
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_start(&vm, &cfg, 1);
	rebuild(&vm);
	assert_false(s2_vgic_has_index(vm.vgic));
	assert_i64(find(&vm, 0), 0);
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
		const struct s2_vgic_config cfg = with(rows[i].lookup);
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_start(&vm, &cfg, 32);
		rebuild(&vm);
		s2_test_row("%s", s2_vcpu_lookup_name(rows[i].lookup));
		vm_mark(&vm);
		assert_i64(find(&vm, 0x10003), -1);
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
		const struct s2_vgic_config cfg = with(p);
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_start(&vm, &cfg, 4);
		s2_vgic_set_mpidr(vm_vcpu(&vm, 3), s2_mpidr(1));
		rebuild(&vm);
		s2_test_row("%s", s2_vcpu_lookup_name(p));
		assert_i64(find(&vm, 1), expected[p]);
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
			struct s2_vgic_config cfg = with(S2_LOOKUP_TABLE);
			struct vm vm = {0};

			cfg.page_shift = page_shift;
			vm_machine(&vm, 1);
			vm_start(&vm, &cfg, bits);
			for (unsigned i = 0; i < bits; i++)
				s2_vgic_set_mpidr(vm_vcpu(&vm, i), s2_mpidr(UINT64_C(1) << i));
			rebuild(&vm);
			s2_test_row("%u bits, pages 2^%u", bits, page_shift);
			assert_int_equal(s2_vgic_has_index(vm.vgic), fits);
			assert_int_equal(s2_vgic_mpidr_report(vm.vgic).table_fits, fits);
			for (unsigned i = 0; i < bits; i++)
				assert_i64(find(&vm, UINT64_C(1) << i), i);
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
		const struct s2_vgic_config cfg = with(rows[i].lookup);
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_start(&vm, &cfg, 4);
		rebuild(&vm);
		s2_vgic_set_mpidr(vm_vcpu(&vm, 2), s2_mpidr(0x705));
		s2_test_row("%s", s2_vcpu_lookup_name(rows[i].lookup));
		vm_mark(&vm);
		assert_i64(find(&vm, 0x705), rows[i].found);
		assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE), rows[i].probes);
		/* The compare is with the live value: the old one never resolves. */
		assert_i64(find(&vm, 2), -1);
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
		const struct s2_vgic_config cfg = with(p);
		struct vm vm = {0};

		vm_machine(&vm, 2);
		vm_start(&vm, &cfg, 8);
		assert_i64(s2_vgic_load(vm_vcpu(&vm, 0), vm_cpu(&vm, 0)), 0);
		assert_i64(s2_vgic_add_vcpu(vm.vgic, 8, NULL), 0);
		s2_test_row("%s", s2_vcpu_lookup_name(p));
		assert_int_equal(s2_vgic_has_index(vm.vgic),
				 p == S2_LOOKUP_TABLE_FINAL || p == S2_LOOKUP_HASH);
		assert_i64(find(&vm, 8), found[p]);
		/* Its own first run builds the table anew, where it had been dropped. */
		assert_i64(s2_vgic_load(vm_vcpu(&vm, 8), vm_cpu(&vm, 1)), 0);
		assert_i64(find(&vm, 8), found[p]);
		assert_int_equal(s2_vgic_has_index(vm.vgic), p != S2_LOOKUP_SCAN);
		vm_stop(&vm);
	}
}

static void a_vcpu_taken_back_is_not_found_and_its_place_is_free(void **state)
{
	(void)state;
	for (int p = 0; p < S2_LOOKUPS; p++) {
		const struct s2_vgic_config cfg = with(p);
		struct s2_vgic_cpu *v;
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_start(&vm, &cfg, 8);
		rebuild(&vm);
		s2_test_row("%s", s2_vcpu_lookup_name(p));
		assert_i64(s2_vgic_remove_vcpu(vm_vcpu(&vm, 3)), -EBUSY);
		assert_i64(s2_vgic_remove_vcpu(vm_vcpu(&vm, 7)), 0);
		assert_i64(find(&vm, 7), -1);
		assert_null(s2_vgic_vcpu_by_id(vm.vgic, 7));
		assert_i64(s2_vgic_add_vcpu(vm.vgic, 100, &v), 0);
		assert_u64(s2_vgic_vcpu_index(v), 7);
		rebuild(&vm);
		assert_i64(find(&vm, s2_mpidr_from_id(100).v), 7);
		vm_stop(&vm);
	}
}

static void ids_in_reverse_order_are_found_at_their_indices(void **state)
{
	(void)state;
	for (int p = 0; p < S2_LOOKUPS; p++) {
		const struct s2_vgic_config cfg = with(p);
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_raw(&vm, &cfg, 0);
		for (unsigned i = 0; i < 64; i++)
			assert_i64(s2_vgic_add_vcpu(vm.vgic, 63 - i, NULL), 0);
		rebuild(&vm);
		for (unsigned id = 0; id < 64; id++) {
			s2_test_row("%s id %u", s2_vcpu_lookup_name(p), id);
			assert_i64(find(&vm, s2_mpidr_from_id(id).v), 63 - (int)id);
		}
		vm_stop(&vm);
	}
}

/* Sets that a hash may find hard: one field, multiples, one-hot, all in one slot. */
static uint64_t hard_mpidr(unsigned set, unsigned i)
{
	switch (set) {
	case 0:
		return s2_mpidr_of((uint8_t)(i >> 2), 0, 0, (uint8_t)(i % 4)).v;
	case 1:
		return s2_mpidr_of((uint8_t)i, (uint8_t)(i >> 8), 0, 0).v;
	case 2:
		return s2_mpidr_of((uint8_t)(i * 16), (uint8_t)(i >> 4), 0, 0).v;
	case 3:
		/* The default id modulo 1024 is 0 for all of these. */
		return s2_mpidr_of((uint8_t)(i >> 2), (uint8_t)(i % 4 * 64), 0, 0).v;
	default:
		return s2_mpidr_from_id(i * 37 % 512).v;
	}
}

static void the_hash_never_probes_more_than_the_scan_would(void **state)
{
	(void)state;
	for (unsigned set = 0; set < 5; set++) {
		const struct s2_vgic_config cfg = with(S2_LOOKUP_HASH);
		const unsigned n = set == 0 || set == 3 ? 512 : 500;
		uint64_t total = 0;
		uint64_t misses = 0;
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_start(&vm, &cfg, n);
		for (unsigned i = 0; i < n; i++)
			s2_vgic_set_mpidr(vm_vcpu(&vm, i), s2_mpidr(hard_mpidr(set, i)));
		rebuild(&vm);
		for (unsigned i = 0; i < n; i++) {
			s2_test_row("set %u vcpu %u", set, i);
			vm_mark(&vm);
			assert_i64(find(&vm, hard_mpidr(set, i)), i);
			assert_true(vm_counted(&vm, S2_OP_VCPU_PROBE) <= i + 1);
			assert_u64(vm_counted(&vm, S2_OP_MPIDR_GATHER), 1);
			total += vm_counted(&vm, S2_OP_VCPU_PROBE);
		}
		for (unsigned i = 0; i < 100; i++) {
			vm_mark(&vm);
			assert_i64(find(&vm, s2_mpidr_of(1, 2, 0xff, (uint8_t)i).v), -1);
			misses += vm_counted(&vm, S2_OP_VCPU_PROBE);
		}
		assert_true(misses <= (set == 4 ? 100 : 400));
		/* Not only bounded: short on average, and 1 for MPIDRs made of ids. */
		s2_test_row("set %u", set);
		assert_true(total <= (set == 4 ? n : 3 * n));
		vm_stop(&vm);
	}
}

/* The bound itself, with a hash that puts everything in one slot. */
static void even_one_slot_for_all_keeps_the_bound(void **state)
{
	const struct s2_vgic_config cfg = with(S2_LOOKUP_HASH);
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_start(&vm, &cfg, 32);
	rebuild(&vm);
	for (unsigned i = 0; i < 32; i++)
		vm.vgic->hash.slot[i] = (uint16_t)i;
	for (unsigned i = 32; i < 64; i++)
		vm.vgic->hash.slot[i] = S2_NO_VCPU;
	for (unsigned i = 0; i < 32; i++) {
		vm.vgic->hwid[i] = (uint64_t)i << 32;
		vm.vgic->vcpu[i]->mpidr = s2_mpidr(vm.vgic->hwid[i]);
	}
	for (unsigned i = 0; i < 32; i++) {
		vm.vgic->hash.multiplier = 0;
		vm_mark(&vm);
		/* Aff3 i is at id bit 20: beyond the 64 slots, so all start at 0. */
		assert_i64(find(&vm, (uint64_t)i << 32), i);
		assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE), i + 1);
	}
	vm_stop(&vm);
}

static void values_that_a_guest_will_stumble_over_are_accepted_and_reported(void **state)
{
	const struct s2_vgic_config cfg = with(S2_LOOKUP_SCAN);
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
	struct s2_vgic_config cfg = with(S2_LOOKUP_SCAN);
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
		s2_unit_test(all_policies_agree_with_a_naive_search_on_random_sets),
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
		s2_unit_test(the_hash_never_probes_more_than_the_scan_would),
		s2_unit_test(even_one_slot_for_all_keeps_the_bound),
		s2_unit_test(values_that_a_guest_will_stumble_over_are_accepted_and_reported),
		s2_unit_test(ids_are_bounded_unique_and_fixed_by_init),
	};

	return cmocka_run_group_tests_name("hyp/lookup", tests, NULL, NULL);
}
