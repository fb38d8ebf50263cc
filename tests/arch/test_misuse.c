/* SPDX-License-Identifier: MIT */
/* Levels, granules and fields that there are none of: refused, or nothing, and never undefined. */
#include "support.h"

#include <limits.h>

#include <stage2sim/pte.h>
#include <stage2sim/tlbi.h>

static const enum s2_granule granules[] = {S2_GRANULE_4K, S2_GRANULE_16K, S2_GRANULE_64K};
static const int no_levels[] = {-2, 4, 5, 7, 127, -128, INT_MIN, INT_MAX};
static const uint8_t no_granules[] = {0, 1, 3, 11, 13, 15, 17, 63, 64, 255};

static struct s2_geometry shape_of(enum s2_granule granule)
{
	const struct s2_geometry_config cfg = {.granule = granule, .ipa_bits = 40, .pa_bits = 44};
	struct s2_geometry geo;

	assert_i64(s2_geometry_init(&geo, &cfg), 0);
	return geo;
}

static void a_level_that_there_is_none_has_no_size(void **state)
{
	(void)state;
	for (size_t g = 0; g < ARRAY_SIZE(granules); g++) {
		const struct s2_geometry geo = shape_of(granules[g]);

		for (size_t i = 0; i < ARRAY_SIZE(no_levels); i++) {
			s2_test_row("granule %d, level %d", granules[g], no_levels[i]);
			assert_true(s2_level_shift(&geo, no_levels[i]) >= 64);
			assert_u64(s2_level_size(&geo, no_levels[i]), 0);
			assert_u64(s2_level_index(&geo, s2_ipa(UINT64_MAX), no_levels[i]), 0);
			assert_false(s2_level_supports_leaf(&geo, no_levels[i]));
		}
	}
}

static void level_minus_one_is_past_64_bits_with_64k_only(void **state)
{
	const struct s2_geometry small = shape_of(S2_GRANULE_4K), large = shape_of(S2_GRANULE_64K);

	(void)state;
	assert_u64(s2_level_size(&small, S2_FIRST_LEVEL), UINT64_C(1) << 48);
	assert_u64(s2_level_size(&large, S2_FIRST_LEVEL), 0);
	assert_u64(s2_level_index(&large, s2_ipa(UINT64_MAX), S2_FIRST_LEVEL), 0);
}

static void a_shape_that_cannot_be_leaves_the_old_one(void **state)
{
	static const struct s2_geometry_config bad[] = {
		{.granule = (enum s2_granule)13, .ipa_bits = 40, .pa_bits = 44},
		{.granule = (enum s2_granule)-1, .ipa_bits = 40, .pa_bits = 44},
		{.granule = S2_GRANULE_4K, .ipa_bits = 0, .pa_bits = 44},
		{.granule = S2_GRANULE_4K, .ipa_bits = UINT_MAX, .pa_bits = 44},
		{.granule = S2_GRANULE_4K, .ipa_bits = 40, .pa_bits = UINT_MAX},
	};
	struct s2_geometry geo = shape_of(S2_GRANULE_16K);
	const struct s2_geometry before = geo;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("%zu", i);
		assert_i64(s2_geometry_init(&geo, &bad[i]), -EINVAL);
		assert_memory_equal(&geo, &before, sizeof(geo));
	}
}

static void a_format_of_no_granule_names_nothing(void **state)
{
	const s2_pte pte = UINT64_C(0x0000fffffffff7ff);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(no_granules); i++) {
		const struct s2_tlbi_format tlbi = {no_granules[i], true, i % 2, true};
		const struct s2_pte_format fmt = {no_granules[i], 48, i % 2, true, true};
		struct s2_tlbi_span span;
		uint64_t operand = 42;
		s2_pte made = 42;

		s2_test_row("granule %d", no_granules[i]);
		assert_u64(s2_tlbi_ipa_decode(&tlbi, UINT64_MAX).size, 0);
		assert_i64(s2_tlbi_range_decode(&tlbi, UINT64_MAX, &span), -EINVAL);
		assert_i64(s2_tlbi_range_operand(&tlbi, s2_ipa(0), 0, 0, 3, &operand), -EINVAL);
		assert_i64(s2_tlbi_range_decompose(&tlbi, S2_RANGE_DESCENDING, s2_ipa(0), 1, 3,
						   NULL, NULL),
			   -EINVAL);
		assert_u64(s2_pte_pa(pte, &fmt).v, 0);
		for (int level = -1; level <= 3; level++)
			assert_i64(s2_pte_make_leaf(&fmt, s2_pa(0), 0, level, &made), -EINVAL);
		assert_i64(s2_pte_make_table(&fmt, s2_pa(0), &made), -EINVAL);
		assert_u64(operand, 42);
		assert_u64(made, 42);
	}
}

static void a_range_of_no_order_or_form_is_not_cut(void **state)
{
	const struct s2_tlbi_format fmt = {12, true, false, true};
	const int orders[] = {-1, 2, 255, INT_MAX};
	uint64_t operand = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++)
		assert_i64(s2_tlbi_range_decompose(&fmt, (enum s2_range_order)orders[i], s2_ipa(0),
						   8, 3, NULL, NULL),
			   -EINVAL);
	assert_u64(s2_tlbi_range_pages(32, 0), 0);
	assert_u64(s2_tlbi_range_pages(0, 4), 0);
	assert_u64(s2_tlbi_range_pages(UINT_MAX, UINT_MAX), 0);
	assert_i64(s2_tlbi_range_operand(&fmt, s2_ipa(0), 32, 0, 3, &operand), -EINVAL);
	assert_i64(s2_tlbi_range_operand(&fmt, s2_ipa(0), 0, 4, 3, &operand), -EINVAL);
	assert_i64(s2_tlbi_range_operand(&fmt, s2_ipa(1), 0, 0, 3, &operand), -EINVAL);
	assert_u64(operand, 42);
	/* A hint of no level is none, as the kernel has it. */
	for (size_t i = 0; i < ARRAY_SIZE(no_levels); i++)
		assert_u64(s2_tlbi_ipa_operand(&fmt, s2_ipa(0x1000), no_levels[i]), 1);
}

static void a_descriptor_of_unknown_parts_is_not_made(void **state)
{
	const struct s2_pte_format fmt = {12, 44, false, false, false};
	s2_pte pte = 42;

	(void)state;
	assert_i64(s2_pte_attr(&fmt, 1U << 5, &pte), -EINVAL);
	assert_i64(s2_pte_attr(&fmt, UINT_MAX, &pte), -EINVAL);
	assert_i64(s2_pte_make_owner(256, &pte), -EINVAL);
	assert_i64(s2_pte_make_invalid((enum s2_invalid_type)4, &pte), -EINVAL);
	assert_i64(s2_pte_make_invalid((enum s2_invalid_type)-1, &pte), -EINVAL);
	assert_i64(s2_pte_set_sw(16, &pte), -EINVAL);
	assert_i64(s2_pte_set_xn(&fmt, true, false, &pte), -EOPNOTSUPP);
	for (size_t i = 0; i < ARRAY_SIZE(no_levels); i++)
		assert_i64(s2_pte_make_leaf(&fmt, s2_pa(0), 0, no_levels[i], &pte), -EINVAL);
	assert_u64(pte, 42);
}

static void a_field_of_no_bits_is_zero(void **state)
{
	(void)state;
	assert_u64(s2_field_get(UINT64_MAX, 0), 0);
	assert_u64(s2_field_put(UINT64_MAX, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_level_that_there_is_none_has_no_size),
		s2_unit_test(level_minus_one_is_past_64_bits_with_64k_only),
		s2_unit_test(a_shape_that_cannot_be_leaves_the_old_one),
		s2_unit_test(a_format_of_no_granule_names_nothing),
		s2_unit_test(a_range_of_no_order_or_form_is_not_cut),
		s2_unit_test(a_descriptor_of_unknown_parts_is_not_made),
		s2_unit_test(a_field_of_no_bits_is_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
