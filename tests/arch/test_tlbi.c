/* SPDX-License-Identifier: MIT */
/* Operands of TLBIs: what they name, and which cannot be. */
#include "arch/tlbi_fixture.h"

/* --- operands ----------------------------------------------------------- */

static void single_operands_are_those_worked_out_by_hand(void **state)
{
	const struct s2_ipa ipa = s2_ipa(UINT64_C(0x123456780000));

	(void)state;
	assert_u64(s2_tlbi_ipa_operand(&fmt4, ipa, S2_TTL_UNKNOWN), 0x123456780);
	assert_u64(s2_tlbi_ipa_operand(&fmt4, ipa, 3), UINT64_C(0x700123456780));
	assert_u64(s2_tlbi_ipa_operand(&fmt4, ipa, 0), UINT64_C(0x400123456780));
	assert_u64(s2_tlbi_ipa_operand(&fmt16, ipa, 2), UINT64_C(0xa00123456780));
	assert_u64(s2_tlbi_ipa_operand(&fmt64, ipa, 1), UINT64_C(0xd00123456780));
	assert_u64(s2_tlbi_ipa_operand(&fmt4_lpa2, ipa, 3), UINT64_C(0x700123456780));
	assert_u64(s2_tlbi_ipa_operand(&fmt4_no_ttl, ipa, 3), 0x123456780);
}

static void range_operands_are_those_worked_out_by_hand(void **state)
{
	const struct s2_ipa start = s2_ipa(UINT64_C(0x123456780000));
	uint64_t operand;

	(void)state;
	/* TG 1 at 46, SCALE 2 at 44, NUM 5 at 39, TTL 3 at 37. */
	assert_i64(s2_tlbi_range_operand(&fmt4, start, 5, 2, 3, &operand), 0);
	assert_u64(operand, UINT64_C(0x62e123456780));
	assert_i64(s2_tlbi_range_operand(&fmt4, start, 31, 3, S2_TTL_UNKNOWN, &operand), 0);
	assert_u64(operand, UINT64_C(0x7f8123456780));
	assert_i64(s2_tlbi_range_operand(&fmt16, start, 0, 0, S2_TTL_UNKNOWN, &operand), 0);
	assert_u64(operand, UINT64_C(0x800048d159e0));
	assert_i64(s2_tlbi_range_operand(&fmt64, start, 0, 1, 2, &operand), 0);
	assert_u64(operand, UINT64_C(0xd04012345678));
	/* LPA2: 64 KiB units for every granule. */
	assert_i64(s2_tlbi_range_operand(&fmt4_lpa2, start, 0, 0, S2_TTL_UNKNOWN, &operand), 0);
	assert_u64(operand, UINT64_C(0x400012345678));
	assert_i64(s2_tlbi_range_operand(&fmt16_lpa2, start, 0, 0, 1, &operand), 0);
	assert_u64(operand, UINT64_C(0x802012345678));
}

/* Hints that hardware takes for none: Arm ARM, TTL of TLBI IPAS2E1 and RIPAS2E1. */
static bool level_is_reserved(const struct s2_tlbi_format *fmt, int level)
{
	if (level == 0)
		return fmt->page_shift != 12 || !fmt->lpa2;
	return level == 1 && fmt->page_shift == 14 && !fmt->lpa2;
}

static void single_hints_come_back_unless_reserved(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct s2_tlbi_format *fmt = formats[i];

		for (int level = -2; level <= 130; level++) {
			const bool hint =
				level >= 0 && level <= 3 && !level_is_reserved(fmt, level);
			const uint64_t op = s2_tlbi_ipa_operand(fmt, s2_ipa(0), level);

			name_format(fmt, "operand", op);
			assert_i64(s2_tlbi_ipa_decode(fmt, op).level,
				   hint ? level : S2_TTL_UNKNOWN);
			assert_u64(op != 0, level >= 0 && level <= 3);
		}
	}
}

static void range_hints_come_back_unless_reserved(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct s2_tlbi_format *fmt = formats[i];

		for (int level = -2; level <= 130; level++) {
			const bool hint =
				level >= 1 && level <= 3 && !level_is_reserved(fmt, level);
			struct s2_tlbi_span span;
			uint64_t op;

			assert_i64(s2_tlbi_range_operand(fmt, s2_ipa(0), 0, 0, level, &op), 0);
			assert_i64(s2_tlbi_range_decode(fmt, op, &span), 0);
			name_format(fmt, "operand", op);
			assert_i64(span.level, hint ? level : S2_TTL_UNKNOWN);
		}
	}
}

static void without_ttl_the_bits_of_a_hint_are_ignored(void **state)
{
	(void)state;
	for (uint64_t ttl = 0; ttl < 16; ttl++) {
		const struct s2_tlbi_span span = s2_tlbi_ipa_decode(&fmt4_no_ttl, ttl << 44 | 5);

		assert_i64(span.level, S2_TTL_UNKNOWN);
		assert_u64(span.start.v, 0x5000);
		assert_u64(span.size, 0x1000);
	}
}

static void a_hint_of_another_granule_names_nothing_sure(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct s2_tlbi_format *fmt = formats[i];
		const unsigned own = fmt->page_shift == 12 ? 1 : fmt->page_shift == 14 ? 2 : 3;

		for (unsigned tg = 0; tg < 4; tg++) {
			const uint64_t op = (uint64_t)tg << 46 | UINT64_C(3) << 44;
			struct s2_tlbi_span span = {.size = 0x5a};

			name_format(fmt, "TG", tg);
			assert_u64(s2_tlbi_ipa_decode(fmt, op).size,
				   tg == 0 || tg == own ? UINT64_C(1) << fmt->page_shift : 0);
			assert_i64(s2_tlbi_range_decode(fmt, op, &span), tg == own ? 0 : -EINVAL);
			if (tg != own)
				assert_u64(span.size, 0x5a);
		}
	}
}

static void a_single_operand_names_the_granule_around_its_address(void **state)
{
	struct s2_test_rng rng = {4};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct s2_tlbi_format *fmt = formats[i];

		for (int n = 0; n < 2000; n++) {
			const uint64_t ipa = s2_test_rng_next(&rng) >> 12;
			const uint64_t op = s2_tlbi_ipa_operand(fmt, s2_ipa(ipa), 3);
			const struct s2_tlbi_span span = s2_tlbi_ipa_decode(fmt, op);

			name_format(fmt, "IPA", ipa);
			assert_u64(op & ((UINT64_C(1) << 44) - 1), ipa >> 12);
			assert_u64(span.start.v, ipa >> fmt->page_shift << fmt->page_shift);
			assert_u64(span.size, UINT64_C(1) << fmt->page_shift);
			assert_i64(span.level, 3);
		}
	}
}

static void range_operands_come_back_whole(void **state)
{
	struct s2_test_rng rng = {5};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct s2_tlbi_format *fmt = formats[i];
		const unsigned unit = fmt->lpa2 ? 16 : fmt->page_shift;

		for (unsigned n = 0; n < 32 * 4 * 16; n++) {
			const unsigned num = n % 32, scale = n / 32 % 4;
			const uint64_t start = s2_test_rng_next(&rng) >> 27 << unit;
			struct s2_tlbi_span span;
			uint64_t op;

			name_format(fmt, "start", start);
			assert_i64(s2_tlbi_range_operand(fmt, s2_ipa(start), num, scale, 3, &op),
				   0);
			assert_u64(op >> 48, 0);
			assert_i64(s2_tlbi_range_decode(fmt, op, &span), 0);
			assert_u64(span.start.v, start);
			assert_u64(span.size, ((num + UINT64_C(1)) << (5 * scale + 1))
						      << fmt->page_shift);
			assert_i64(span.level, 3);
		}
	}
}

static void a_range_covers_num_plus_one_units_of_its_scale(void **state)
{
	(void)state;
	assert_u64(s2_tlbi_range_pages(0, 0), 2);
	assert_u64(s2_tlbi_range_pages(31, 0), 64);
	assert_u64(s2_tlbi_range_pages(0, 1), 64);
	assert_u64(s2_tlbi_range_pages(31, 1), 2048);
	assert_u64(s2_tlbi_range_pages(0, 2), 2048);
	assert_u64(s2_tlbi_range_pages(31, 2), 65536);
	assert_u64(s2_tlbi_range_pages(0, 3), 65536);
	assert_u64(s2_tlbi_range_pages(31, 3), PAGES_MAX);
	assert_u64(S2_TLBI_RANGE_MAX_PAGES, PAGES_MAX);
}

static void refused_operand(const struct s2_tlbi_format *fmt, uint64_t start, unsigned num,
			    unsigned scale, int err)
{
	uint64_t op = 0x5a;

	name_format(fmt, "start", start);
	assert_i64(s2_tlbi_range_operand(fmt, s2_ipa(start), num, scale, 3, &op), err);
	assert_u64(op, 0x5a);
}

static void impossible_range_operands_are_refused(void **state)
{
	(void)state;
	refused_operand(&fmt4, 0, 32, 0, -EINVAL);
	refused_operand(&fmt4, 0, ~0U, 0, -EINVAL);
	refused_operand(&fmt4, 0, 0, 4, -EINVAL);
	refused_operand(&fmt4, 0x800, 0, 0, -EINVAL);
	refused_operand(&fmt16, 0x1000, 0, 0, -EINVAL);
	refused_operand(&fmt64, 0x8000, 0, 0, -EINVAL);
	refused_operand(&fmt4_lpa2, 0x1000, 0, 0, -EINVAL);
	refused_operand(&fmt4_lpa2, 0x8000, 0, 0, -EINVAL);
	refused_operand(&fmt16_lpa2, 0x4000, 0, 0, -EINVAL);
	refused_operand(&fmt4, UINT64_C(1) << 49, 0, 0, -ERANGE);
	refused_operand(&fmt16, UINT64_C(1) << 51, 0, 0, -ERANGE);
	refused_operand(&fmt64, UINT64_C(1) << 53, 0, 0, -ERANGE);
	refused_operand(&fmt4_lpa2, UINT64_C(1) << 53, 0, 0, -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(single_operands_are_those_worked_out_by_hand),
		s2_unit_test(range_operands_are_those_worked_out_by_hand),
		s2_unit_test(single_hints_come_back_unless_reserved),
		s2_unit_test(range_hints_come_back_unless_reserved),
		s2_unit_test(without_ttl_the_bits_of_a_hint_are_ignored),
		s2_unit_test(a_hint_of_another_granule_names_nothing_sure),
		s2_unit_test(a_single_operand_names_the_granule_around_its_address),
		s2_unit_test(range_operands_come_back_whole),
		s2_unit_test(a_range_covers_num_plus_one_units_of_its_scale),
		s2_unit_test(impossible_range_operands_are_refused),
	};

	return cmocka_run_group_tests_name("tlbi", tests, NULL, NULL);
}
