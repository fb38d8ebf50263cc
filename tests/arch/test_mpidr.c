/* SPDX-License-Identifier: MIT */
/* MPIDR_EL1 as KVM makes and compacts it; vectors worked out by hand. */
#include <stage2sim/mpidr.h>

#include "support.h"

static void affinity_3_is_at_bit_32_and_not_at_24(void **state)
{
	const struct s2_mpidr m = s2_mpidr_of(0x44, 0x33, 0x22, 0x11);

	(void)state;
	assert_u64(m.v, UINT64_C(0x4400332211));
	for (unsigned level = 0; level < 4; level++)
		assert_u64(s2_mpidr_aff(m, level), 0x11 * (level + 1));
	assert_u64(s2_mpidr_aff(m, 4), 0);
}

static void the_hardware_id_is_the_four_affinities(void **state)
{
	(void)state;
	assert_u64(S2_MPIDR_HWID, UINT64_C(0xff00ffffff));
	assert_u64(s2_mpidr_hwid(s2_mpidr(UINT64_MAX)).v, UINT64_C(0xff00ffffff));
	assert_u64(s2_mpidr_hwid(s2_mpidr(S2_MPIDR_RES1 | S2_MPIDR_U | S2_MPIDR_MT)).v, 0);
}

static void the_default_has_16_vcpus_a_cluster(void **state)
{
	static const struct {
		uint32_t id;
		uint64_t mpidr;
	} rows[] = {
		{0, 0x80000000},   {15, 0x8000000f},  {16, 0x80000100},	 {17, 0x80000101},
		{255, 0x80000f0f}, {256, 0x80001000}, {511, 0x80001f0f}, {4096, 0x80010000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s2_test_row("id %" PRIu32, rows[i].id);
		assert_u64(s2_mpidr_from_id(rows[i].id).v, rows[i].mpidr);
	}
}

static void default_ids_come_back_from_their_affinities(void **state)
{
	(void)state;
	for (uint32_t id = 0; id < 1U << 20; id += 7) {
		const struct s2_mpidr m = s2_mpidr_from_id(id);

		s2_test_row("id %" PRIu32, id);
		assert_u64(s2_mpidr_aff(m, 0) + 16U * s2_mpidr_aff(m, 1) +
				   4096U * s2_mpidr_aff(m, 2),
			   id);
		assert_u64(s2_mpidr_aff(m, 3), 0);
	}
}

static void packing_closes_the_gap_and_loses_nothing(void **state)
{
	struct s2_test_rng rng = {1};

	(void)state;
	assert_u64(s2_mpidr_pack(s2_mpidr_of(0x44, 0x33, 0x22, 0x11)), 0x44332211);
	for (unsigned i = 0; i < 10000; i++) {
		const struct s2_mpidr m = s2_mpidr_hwid(s2_mpidr(s2_test_rng_next(&rng)));

		assert_u64(s2_mpidr_unpack(s2_mpidr_pack(m)).v, m.v);
	}
}

static void compaction_vectors_of_mask_10f(void **state)
{
	const struct s2_mpidr_gather g = s2_mpidr_gather(0x10f);

	(void)state;
	assert_u64(g.bits, 5);
	assert_u64(s2_mpidr_index(&g, s2_mpidr(0x000)), 0);
	assert_u64(s2_mpidr_index(&g, s2_mpidr(0x00f)), 15);
	assert_u64(s2_mpidr_index(&g, s2_mpidr(0x100)), 16);
	assert_u64(s2_mpidr_index(&g, s2_mpidr(0x10f)), 31);
	/* An alias: only the compare after the lookup can refuse it. */
	assert_u64(s2_mpidr_index(&g, s2_mpidr(0x10003)), 3);
}

/* Bit by bit, as the kernel's first version had it. */
static uint32_t gather_slowly(uint64_t mask, uint64_t value)
{
	uint32_t index = 0;
	unsigned n = 0;

	for (unsigned bit = 0; bit < 64; bit++)
		if (mask >> bit & 1)
			index |= (uint32_t)(value >> bit & 1) << n++;
	return index;
}

static void compaction_agrees_with_a_loop_over_the_bits(void **state)
{
	struct s2_test_rng rng = {2};

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		const uint64_t mask =
			s2_test_rng_next(&rng) & s2_test_rng_next(&rng) & S2_MPIDR_HWID;
		const struct s2_mpidr_gather g = s2_mpidr_gather(mask);
		const uint64_t value = s2_test_rng_next(&rng);

		s2_test_row("mask 0x%" PRIx64 " value 0x%" PRIx64, mask, value);
		assert_u64(s2_mpidr_index(&g, s2_mpidr(value)), gather_slowly(mask, value));
	}
}

static void the_mask_with_most_runs_fits(void **state)
{
	const struct s2_mpidr_gather g = s2_mpidr_gather(UINT64_C(0x5555555555));

	(void)state;
	assert_u64(g.n_runs, 16);
	assert_u64(g.bits, 16);
	assert_u64(s2_mpidr_index(&g, s2_mpidr(UINT64_MAX)), 0xffff);
}

static void a_table_of_10_12_14_bits_is_the_largest_for_each_page(void **state)
{
	static const struct {
		unsigned page_shift, bits, bytes;
	} rows[] = {{12, 10, 2056}, {14, 12, 8200}, {16, 14, 32776}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s2_test_row("page 2^%u", rows[i].page_shift);
		assert_u64(s2_mpidr_table_bytes(rows[i].bits), rows[i].bytes);
		assert_true(s2_mpidr_table_bytes(rows[i].bits) <= 1U << rows[i].page_shift);
		assert_true(s2_mpidr_table_bytes(rows[i].bits + 1) > 1U << rows[i].page_shift);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(affinity_3_is_at_bit_32_and_not_at_24),
		s2_unit_test(the_hardware_id_is_the_four_affinities),
		s2_unit_test(the_default_has_16_vcpus_a_cluster),
		s2_unit_test(default_ids_come_back_from_their_affinities),
		s2_unit_test(packing_closes_the_gap_and_loses_nothing),
		s2_unit_test(compaction_vectors_of_mask_10f),
		s2_unit_test(compaction_agrees_with_a_loop_over_the_bits),
		s2_unit_test(the_mask_with_most_runs_fits),
		s2_unit_test(a_table_of_10_12_14_bits_is_the_largest_for_each_page),
	};

	return cmocka_run_group_tests_name("arch/mpidr", tests, NULL, NULL);
}
