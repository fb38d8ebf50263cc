/* SPDX-License-Identifier: MIT */
/* Kinds of descriptors, what none can hold, and all fields together. */
#include "arch/pte_fixture.h"

/* --- kinds of descriptor ------------------------------------------------ */

static void tables_and_leaves_are_told_apart_by_level(void **state)
{
	(void)state;
	for (int level = -1; level <= 3; level++) {
		s2_test_row("level %d", level);
		for (s2_pte pte = 0; pte <= 2; pte += 2) {
			assert_false(s2_pte_valid(pte));
			assert_false(s2_pte_is_table(pte, level));
			assert_false(s2_pte_is_leaf(pte, level));
		}
		assert_true(s2_pte_valid(1) && s2_pte_valid(3));
		assert_false(s2_pte_is_table(1, level));
		assert_u64(s2_pte_is_leaf(1, level), level < 3);
		assert_u64(s2_pte_is_table(3, level), level < 3);
		assert_u64(s2_pte_is_leaf(3, level), level == 3);
	}
}

static void leaves_are_blocks_above_level_3_and_pages_at_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct s2_pte_format *fmt = &formats[i];

		for (int level = fmt->page_shift == 12 ? 1 : 2; level <= 3; level++) {
			const s2_pte pte = leaf_of(fmt, 0, 0, level);

			name_format(fmt, "level", (uint64_t)level);
			assert_u64(pte, level == 3 ? 3 : 1);
			assert_true(s2_pte_is_leaf(pte, level));
		}
		assert_true(s2_pte_is_table(table_of(fmt, 0), 2));
	}
}

static void every_nonzero_descriptor_is_counted(void **state)
{
	(void)state;
	assert_false(s2_pte_is_counted(0));
	for (unsigned n = 0; n < 64; n++)
		assert_true(s2_pte_is_counted(bit(n)));
}

static void locked_is_bit_10_of_an_invalid_descriptor(void **state)
{
	(void)state;
	assert_true(s2_pte_is_locked(S2_PTE_LOCKED));
	assert_false(s2_pte_is_locked(S2_PTE_LOCKED | S2_PTE_VALID));
	assert_false(s2_pte_is_locked(0));
	assert_u64(s2_pte_owner(S2_PTE_LOCKED), 0);
}

static void owners_of_eight_bits_come_back_and_others_are_refused(void **state)
{
	s2_pte pte = 0;

	(void)state;
	for (unsigned owner = 0; owner < 256; owner++) {
		s2_test_row("owner %u", owner);
		assert_i64(s2_pte_make_owner(owner, &pte), 0);
		assert_u64(pte, (s2_pte)owner << 2);
		assert_u64(s2_pte_owner(pte), owner);
		assert_false(s2_pte_valid(pte));
		assert_false(s2_pte_is_locked(pte));
		assert_u64(s2_pte_prot(pte, &plain), 0);
		assert_u64(s2_pte_owner(pte | S2_PTE_VALID), 0);
	}
	pte = 0x5a;
	assert_i64(s2_pte_make_owner(256, &pte), -EINVAL);
	assert_i64(s2_pte_make_owner(~0U, &pte), -EINVAL);
	assert_u64(pte, 0x5a);
}

static void invalid_types_come_back_and_others_are_refused(void **state)
{
	s2_pte pte = 0;

	(void)state;
	for (unsigned type = 0; type < 4; type++) {
		assert_i64(s2_pte_make_invalid((enum s2_invalid_type)type, &pte), 0);
		assert_u64(pte, (uint64_t)type << 60);
		assert_u64(s2_pte_invalid_type(pte), type);
		assert_u64(s2_pte_invalid_type(pte | S2_PTE_VALID), 0);
	}
	pte = 0x5a;
	for (unsigned type = 4; type < 20; type++)
		assert_i64(s2_pte_make_invalid((enum s2_invalid_type)type, &pte), -EINVAL);
	assert_i64(s2_pte_make_invalid((enum s2_invalid_type) ~0U, &pte), -EINVAL);
	assert_u64(pte, 0x5a);
}

static void software_bits_are_four_and_change_nothing_else(void **state)
{
	const uint64_t field = UINT64_C(15) << 55;

	(void)state;
	for (unsigned sw = 0; sw < 16; sw++) {
		s2_pte pte = ~UINT64_C(0), other = 0;

		s2_test_row("SW %u", sw);
		assert_i64(s2_pte_set_sw(sw, &pte), 0);
		assert_i64(s2_pte_set_sw(sw, &other), 0);
		assert_u64(pte, ~field | (uint64_t)sw << 55);
		assert_u64(other, (uint64_t)sw << 55);
		assert_u64(s2_pte_sw(pte), sw);
		assert_i64(s2_pte_set_sw(16 + sw, &pte), -EINVAL);
		assert_u64(s2_pte_sw(pte), sw);
	}
}

/* --- refusals ----------------------------------------------------------- */

static void refused(const struct s2_pte_format *fmt, uint64_t pa, s2_pte attr, int level, int err)
{
	s2_pte pte = 0x5a;

	name_format(fmt, "PA", pa);
	assert_i64(s2_pte_make_leaf(fmt, s2_pa(pa), attr, level, &pte), err);
	assert_u64(pte, 0x5a);
}

static void leaves_at_levels_without_them_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		for (int level = -2; level < (formats[i].page_shift == 12 ? 1 : 2); level++)
			refused(&formats[i], 0, 0, level, -EINVAL);
		refused(&formats[i], 0, 0, 4, -EINVAL);
	}
}

static void bits_that_are_no_attribute_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct s2_pte_format *fmt = &formats[i];

		for (unsigned n = 0; n < 64; n++) {
			bool ok = (n >= 2 && n <= 10) || n == 51 || n == 52 || n == 54 ||
				  (n >= 55 && n <= 58);

			ok = ok && !(fmt->lpa2 && (n == 8 || n == 9));
			ok = ok || (fmt->xnx && n == 53);
			if (!ok)
				refused(fmt, 0, bit(n), 3, -EINVAL);
			else
				assert_u64(leaf_of(fmt, 0, bit(n), 3), bit(n) | 3);
		}
	}
}

static void unaligned_addresses_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct s2_pte_format *fmt = &formats[i];
		const struct s2_geometry geo = {.page_shift = fmt->page_shift};
		s2_pte pte = 0x5a;

		for (int level = fmt->page_shift == 12 ? 1 : 2; level <= 3; level++) {
			const unsigned shift = s2_level_shift(&geo, level);

			for (unsigned n = 0; n < shift; n++)
				refused(fmt, bit(n), 0, level, -EINVAL);
			(void)leaf_of(fmt, bit(shift), 0, level);
		}
		assert_i64(s2_pte_make_table(fmt, s2_pa(bit(fmt->page_shift - 1U)), &pte), -EINVAL);
		assert_u64(pte, 0x5a);
	}
}

static void addresses_past_the_output_size_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct s2_pte_format *fmt = &formats[i];

		for (unsigned n = fmt->pa_bits; n < 64; n++) {
			s2_pte pte = 0x5a;

			refused(fmt, bit(n), 0, 3, -ERANGE);
			assert_i64(s2_pte_make_table(fmt, s2_pa(bit(n)), &pte), -ERANGE);
			assert_u64(pte, 0x5a);
		}
	}
}

/* A format made by hand can promise more PA bits than its descriptors have. */
static void addresses_past_the_format_are_refused(void **state)
{
	const struct s2_pte_format too_wide = {14, 52, false, false, false};
	const struct s2_pte_format wider = {12, 64, true, false, false};

	(void)state;
	refused(&too_wide, bit(48), 0, 3, -ERANGE);
	refused(&wider, bit(52), 0, 3, -ERANGE);
	(void)leaf_of(&too_wide, bit(47), 0, 3);
}

/* --- all fields together ------------------------------------------------ */

static uint64_t random_pa(struct s2_test_rng *rng, const struct s2_pte_format *fmt, unsigned shift)
{
	return s2_test_rng_below(rng, bit(fmt->pa_bits)) >> shift << shift;
}

static void check_random_leaf(struct s2_test_rng *rng, const struct s2_pte_format *fmt)
{
	const struct s2_geometry geo = {.page_shift = fmt->page_shift};
	const int level = 3 - (int)s2_test_rng_below(rng, fmt->page_shift == 12 ? 3 : 2);
	const uint64_t pa = random_pa(rng, fmt, s2_level_shift(&geo, level));
	const uint64_t r = s2_test_rng_next(rng);
	const unsigned memattr = r & 15, sh = r >> 4 & 3, sw = r >> 6 & 15;
	const unsigned xn = fmt->xnx ? r >> 10 & 3 : r >> 10 & 2;
	s2_pte attr = memattr * 4U | (fmt->lpa2 ? 0 : sh << 8) | (uint64_t)xn << 53;
	s2_pte pte;

	attr |= (r & bit(12) ? bit(6) : 0) | (r & bit(13) ? bit(7) : 0);
	attr |= (r & bit(14) ? bit(10) : 0) | (uint64_t)sw << 55;
	pte = leaf_of(fmt, pa, attr, level);
	name_format(fmt, "pte", pte);
	assert_u64(s2_pte_pa(pte, fmt).v, pa);
	assert_u64(s2_pte_memattr(pte), memattr);
	assert_i64(s2_pte_sh(pte, fmt), fmt->lpa2 ? -EOPNOTSUPP : (int)sh);
	assert_u64(s2_pte_xn(pte, fmt), xn);
	assert_u64(s2_pte_sw(pte), sw);
	assert_u64(s2_pte_readable(pte), (r & bit(12)) != 0);
	assert_u64(s2_pte_writable(pte), (r & bit(13)) != 0);
	assert_u64(s2_pte_accessed(pte), (r & bit(14)) != 0);
	assert_true(s2_pte_is_leaf(pte, level));
	assert_false(s2_pte_is_table(pte, level));
}

static void random_leaves_come_back_whole(void **state)
{
	struct s2_test_rng rng = {2};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		for (int n = 0; n < 4000; n++)
			check_random_leaf(&rng, &formats[i]);
}

static void random_tables_come_back_whole(void **state)
{
	struct s2_test_rng rng = {3};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct s2_pte_format *fmt = &formats[i];

		for (int n = 0; n < 4000; n++) {
			const uint64_t pa = random_pa(&rng, fmt, fmt->page_shift);
			const s2_pte pte = table_of(fmt, pa);

			assert_u64(s2_pte_pa(pte, fmt).v, pa);
			assert_true(s2_pte_is_table(pte, 2));
		}
	}
}

static void the_format_follows_the_geometry(void **state)
{
	const struct s2_geometry_config cfg = {S2_GRANULE_16K, 50, 52, true};
	struct s2_geometry geo;
	struct s2_pte_format fmt;

	(void)state;
	assert_i64(s2_geometry_init(&geo, &cfg), 0);
	fmt = s2_pte_format(&geo, true, false);
	assert_u64(fmt.page_shift, 14);
	assert_u64(fmt.pa_bits, 52);
	assert_true(fmt.lpa2 && fmt.fwb && !fmt.xnx);
	fmt = s2_pte_format(&geo, false, true);
	assert_true(!fmt.fwb && fmt.xnx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(tables_and_leaves_are_told_apart_by_level),
		s2_unit_test(leaves_are_blocks_above_level_3_and_pages_at_it),
		s2_unit_test(every_nonzero_descriptor_is_counted),
		s2_unit_test(locked_is_bit_10_of_an_invalid_descriptor),
		s2_unit_test(owners_of_eight_bits_come_back_and_others_are_refused),
		s2_unit_test(invalid_types_come_back_and_others_are_refused),
		s2_unit_test(software_bits_are_four_and_change_nothing_else),
		s2_unit_test(leaves_at_levels_without_them_are_refused),
		s2_unit_test(bits_that_are_no_attribute_are_refused),
		s2_unit_test(unaligned_addresses_are_refused),
		s2_unit_test(addresses_past_the_output_size_are_refused),
		s2_unit_test(addresses_past_the_format_are_refused),
		s2_unit_test(random_leaves_come_back_whole),
		s2_unit_test(random_tables_come_back_whole),
		s2_unit_test(the_format_follows_the_geometry),
	};

	return cmocka_run_group_tests_name("pte_kinds", tests, NULL, NULL);
}
