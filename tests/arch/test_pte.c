/* SPDX-License-Identifier: MIT */
/*
 * Descriptors: every field in every format, against bit numbers written out
 * here once more, by hand.
 */
#include <stage2sim/pte.h>

#include "support.h"

/* {page_shift, pa_bits, lpa2, fwb, xnx} */
static const struct s2_pte_format formats[] = {
	{12, 48, false, false, false}, {12, 40, false, true, false},  {12, 48, false, false, true},
	{12, 52, true, false, false},  {12, 52, true, true, true},    {12, 48, true, false, false},
	{14, 48, false, false, false}, {14, 44, false, true, true},   {14, 52, true, false, true},
	{14, 52, true, true, false},   {16, 48, false, false, false}, {16, 52, false, false, true},
	{16, 52, false, true, false},  {16, 32, false, true, true},
};

static const struct s2_pte_format plain = {12, 48, false, false, false};
static const struct s2_pte_format fwb = {12, 48, false, true, false};
static const struct s2_pte_format xnx = {12, 48, false, false, true};
static const struct s2_pte_format lpa2 = {12, 52, true, false, false};
static const struct s2_pte_format large = {16, 52, false, false, false};

static void name_format(const struct s2_pte_format *fmt, const char *what, uint64_t value)
{
	s2_test_row("2^%d pa_bits %d lpa2 %d fwb %d xnx %d, %s 0x%" PRIx64, fmt->page_shift,
		    fmt->pa_bits, fmt->lpa2, fmt->fwb, fmt->xnx, what, value);
}

static uint64_t bit(unsigned n)
{
	return UINT64_C(1) << n;
}

/* The attributes for @prot, which must be accepted. */
static s2_pte attr_of(const struct s2_pte_format *fmt, unsigned prot)
{
	s2_pte attr = 0;

	assert_i64(s2_pte_attr(fmt, prot, &attr), 0);
	return attr;
}

static s2_pte leaf_of(const struct s2_pte_format *fmt, uint64_t pa, s2_pte attr, int level)
{
	s2_pte pte = 0;

	assert_i64(s2_pte_make_leaf(fmt, s2_pa(pa), attr, level, &pte), 0);
	return pte;
}

static s2_pte table_of(const struct s2_pte_format *fmt, uint64_t pa)
{
	s2_pte pte = 0;

	assert_i64(s2_pte_make_table(fmt, s2_pa(pa), &pte), 0);
	return pte;
}

/* --- layout ------------------------------------------------------------- */

static void fields_stand_where_the_architecture_puts_them(void **state)
{
	(void)state;
	assert_u64(S2_PTE_VALID, 0x1);
	assert_u64(S2_PTE_TYPE, 0x2);
	assert_u64(S2_PTE_MEMATTR_MASK, 0x3c);
	assert_u64(S2_PTE_S2AP_R, 0x40);
	assert_u64(S2_PTE_S2AP_W, 0x80);
	assert_u64(S2_PTE_SH_MASK, 0x300);
	assert_u64(S2_PTE_AF, 0x400);
	assert_u64(S2_PTE_DBM, UINT64_C(0x0008000000000000));
	assert_u64(S2_PTE_CONTIGUOUS, UINT64_C(0x0010000000000000));
	assert_u64(S2_PTE_XN_MASK, UINT64_C(0x0060000000000000));
	assert_u64(S2_PTE_XN, UINT64_C(0x0040000000000000));
	assert_u64(S2_PTE_SW_MASK, UINT64_C(0x0780000000000000));
	assert_u64(S2_PTE_PERMS, UINT64_C(0x00600000000000c0));
	assert_u64(S2_PTE_LOCKED, 0x400);
	assert_u64(S2_PTE_OWNER_MASK, 0x3fc);
	assert_u64(S2_PTE_INVALID_TYPE_MASK, UINT64_C(0xf000000000000000));
}

/* Descriptors worked out by hand: 0x7fc is AF, SH inner, W, R and MemAttr 0xf. */
static void descriptors_are_those_worked_out_by_hand(void **state)
{
	const uint64_t xn = UINT64_C(1) << 54;
	const unsigned rw = S2_PROT_R | S2_PROT_W;

	(void)state;
	assert_u64(leaf_of(&plain, 0x12345000, attr_of(&plain, rw), 3), xn | 0x123457ff);
	assert_u64(leaf_of(&plain, 0x40000000, attr_of(&plain, rw | S2_PROT_X), 1), 0x400007fd);
	assert_u64(leaf_of(&plain, 0x40200000, attr_of(&plain, S2_PROT_R), 2), xn | 0x4020077d);
	assert_u64(leaf_of(&plain, 0x1000, attr_of(&plain, rw | S2_PROT_DEVICE), 3), xn | 0x17c7);
	assert_u64(leaf_of(&plain, 0x1000, attr_of(&plain, rw | S2_PROT_NORMAL_NC), 3),
		   xn | 0x17d7);
	assert_u64(leaf_of(&fwb, 0x1000, attr_of(&fwb, rw), 3), xn | 0x17db);
	/* LPA2: PA[51:50] = 2 goes to 9:8, where SH is otherwise. */
	assert_u64(leaf_of(&lpa2, UINT64_C(0xb00ba98765000), attr_of(&lpa2, rw), 3),
		   xn | UINT64_C(0x300ba987656ff));
	/* 64 KiB: PA[51:48] = 0xb goes to 15:12. */
	assert_u64(leaf_of(&large, UINT64_C(0xb00ba98760000), attr_of(&large, rw), 3),
		   xn | UINT64_C(0x00ba9876b7ff));
	assert_u64(table_of(&plain, 0xabcde000), 0xabcde003);
	assert_u64(table_of(&lpa2, UINT64_C(0xf000000001000)), UINT64_C(0x3000000001303));
	assert_u64(table_of(&large, UINT64_C(0xf000000010000)), UINT64_C(0x1f003));
}

/* Where bit @n of an address stands in a descriptor. */
static unsigned place_of_pa_bit(const struct s2_pte_format *fmt, unsigned n)
{
	if (fmt->lpa2 && n >= 50)
		return n - 50 + 8;
	if (fmt->page_shift == 16 && n >= 48)
		return n - 48 + 12;
	return n;
}

static void each_address_bit_has_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct s2_pte_format *fmt = &formats[i];

		for (unsigned n = fmt->page_shift; n < fmt->pa_bits; n++) {
			const s2_pte pte = table_of(fmt, bit(n));

			name_format(fmt, "PA bit", n);
			assert_u64(pte, bit(place_of_pa_bit(fmt, n)) | 3);
			assert_u64(s2_pte_pa(pte, fmt).v, bit(n));
		}
	}
}

static void attributes_never_read_as_address(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct s2_pte_format *fmt = &formats[i];
		uint64_t not_address = ~UINT64_C(0);

		for (unsigned n = fmt->page_shift; n < 52; n++) {
			if (n < 48 || fmt->lpa2 || fmt->page_shift == 16)
				not_address &= ~bit(place_of_pa_bit(fmt, n));
		}
		name_format(fmt, "mask", not_address);
		assert_u64(s2_pte_pa(not_address, fmt).v, 0);
	}
}

/* --- attributes --------------------------------------------------------- */

static bool prot_is_refused(unsigned prot)
{
	const unsigned special = prot & (S2_PROT_DEVICE | S2_PROT_NORMAL_NC);

	if (special == (S2_PROT_DEVICE | S2_PROT_NORMAL_NC))
		return true;
	return special && (prot & S2_PROT_X);
}

/* What KVM's stage2_set_prot_attr() says, bit by bit. */
static s2_pte expected_attr(const struct s2_pte_format *fmt, unsigned prot)
{
	unsigned memattr = fmt->fwb ? 6 : 15;
	s2_pte attr = bit(10);

	if (prot & S2_PROT_DEVICE)
		memattr = 1;
	if (prot & S2_PROT_NORMAL_NC)
		memattr = 5;
	attr |= (s2_pte)memattr << 2;
	attr |= prot & S2_PROT_R ? bit(6) : 0;
	attr |= prot & S2_PROT_W ? bit(7) : 0;
	attr |= prot & S2_PROT_X ? 0 : bit(54);
	attr |= fmt->lpa2 ? 0 : bit(8) | bit(9);
	return attr;
}

static void each_prot_gives_its_attributes_and_comes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		for (unsigned prot = 0; prot <= S2_PROT_MASK; prot++) {
			const struct s2_pte_format *fmt = &formats[i];
			s2_pte attr = 0x5a;

			name_format(fmt, "prot", prot);
			if (prot_is_refused(prot)) {
				assert_i64(s2_pte_attr(fmt, prot, &attr), -EINVAL);
				assert_u64(attr, 0x5a);
				continue;
			}
			assert_i64(s2_pte_attr(fmt, prot, &attr), 0);
			assert_u64(attr, expected_attr(fmt, prot));
			assert_u64(s2_pte_prot(leaf_of(fmt, 0, attr, 3), fmt), prot);
		}
	}
}

static void unknown_prot_flags_are_refused(void **state)
{
	s2_pte attr = 0x5a;

	(void)state;
	for (unsigned n = 5; n < 32; n++)
		assert_i64(s2_pte_attr(&plain, S2_PROT_R | 1U << n, &attr), -EINVAL);
	assert_u64(attr, 0x5a);
}

static void memattr_names_a_memory_type_or_none(void **state)
{
	static const enum s2_memtype without_fwb[16] = {
		[0x0] = S2_MEMTYPE_UNKNOWN, [0x1] = S2_MEMTYPE_DEVICE_nGnRE,
		[0x2] = S2_MEMTYPE_UNKNOWN, [0x3] = S2_MEMTYPE_UNKNOWN,
		[0x4] = S2_MEMTYPE_UNKNOWN, [0x5] = S2_MEMTYPE_NORMAL_NC,
		[0x6] = S2_MEMTYPE_UNKNOWN, [0x7] = S2_MEMTYPE_UNKNOWN,
		[0x8] = S2_MEMTYPE_UNKNOWN, [0x9] = S2_MEMTYPE_UNKNOWN,
		[0xa] = S2_MEMTYPE_UNKNOWN, [0xb] = S2_MEMTYPE_UNKNOWN,
		[0xc] = S2_MEMTYPE_UNKNOWN, [0xd] = S2_MEMTYPE_UNKNOWN,
		[0xe] = S2_MEMTYPE_UNKNOWN, [0xf] = S2_MEMTYPE_NORMAL_WB,
	};

	(void)state;
	for (unsigned memattr = 0; memattr < 16; memattr++) {
		const s2_pte pte = memattr << 2 | 3;
		enum s2_memtype with_fwb = without_fwb[memattr];

		if (memattr == 6)
			with_fwb = S2_MEMTYPE_NORMAL_WB;
		else if (memattr == 7)
			with_fwb = S2_MEMTYPE_AS_S1;
		else if (memattr == 15)
			with_fwb = S2_MEMTYPE_UNKNOWN;
		s2_test_row("MemAttr %u", memattr);
		assert_u64(s2_pte_memattr(pte), memattr);
		assert_u64(s2_pte_memtype(pte, &plain), without_fwb[memattr]);
		assert_u64(s2_pte_memtype(pte, &fwb), with_fwb);
	}
}

static void only_valid_write_back_memory_is_cleaned(void **state)
{
	(void)state;
	for (unsigned memattr = 0; memattr < 16; memattr++) {
		const s2_pte invalid = memattr << 2;

		s2_test_row("MemAttr %u", memattr);
		assert_u64(s2_pte_cacheable(invalid | 3, &plain), memattr == 15);
		assert_u64(s2_pte_cacheable(invalid | 3, &fwb), memattr == 6);
		assert_false(s2_pte_cacheable(invalid, &plain));
		assert_false(s2_pte_cacheable(invalid, &fwb));
	}
}

static void an_unknown_memory_type_adds_no_prot(void **state)
{
	(void)state;
	assert_u64(s2_pte_prot(S2_PTE_VALID | S2_PTE_XN, &plain), 0);
	assert_u64(s2_pte_prot(S2_PTE_VALID | S2_PTE_XN | 7 << 2, &fwb), 0);
}

static void shareability_is_inner_and_absent_with_lpa2(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct s2_pte_format *fmt = &formats[i];
		const s2_pte pte = leaf_of(fmt, 0, attr_of(fmt, S2_PROT_R), 3);

		name_format(fmt, "pte", pte);
		assert_i64(s2_pte_sh(pte, fmt), fmt->lpa2 ? -EOPNOTSUPP : 3);
	}
}

/* --- execute-never ------------------------------------------------------ */

static void xn_tells_el0_from_el1_only_with_xnx(void **state)
{
	/* By XN[1:0]: what EL1 may do. */
	static const bool el1_exec[] = {true, false, false, true};

	(void)state;
	for (unsigned xn = 0; xn < 4; xn++) {
		const s2_pte pte = (uint64_t)xn << 53 | 3;

		s2_test_row("XN %u", xn);
		assert_u64(s2_pte_xn(pte, &xnx), xn);
		assert_u64(s2_pte_executable(pte, &xnx), el1_exec[xn]);
		assert_u64(s2_pte_prot(pte, &xnx) & S2_PROT_X, el1_exec[xn]);
		assert_u64(s2_pte_xn(pte, &plain), xn & 2);
		assert_u64(s2_pte_executable(pte, &plain), xn < 2);
		assert_false(s2_pte_executable(pte & ~S2_PTE_VALID, &xnx));
		assert_false(s2_pte_executable(pte & ~S2_PTE_VALID, &plain));
	}
}

static void xn_is_set_for_el0_and_el1_apart_only_with_xnx(void **state)
{
	static const unsigned xn[2][2] = {{2, 3}, {1, 0}}; /* [EL0][EL1] */
	const uint64_t field = UINT64_C(3) << 53;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		const unsigned el0 = i & 1, el1 = i >> 1;
		const s2_pte before = i & 1 ? ~UINT64_C(0) : 0;
		s2_pte pte = before;

		s2_test_row("EL0 %u, EL1 %u", el0, el1);
		assert_i64(s2_pte_set_xn(&xnx, el0 != 0, el1 != 0, &pte), 0);
		assert_u64(pte, (before & ~field) | (uint64_t)xn[el0][el1] << 53);
		pte = before;
		if (el0 != el1) {
			assert_i64(s2_pte_set_xn(&plain, el0 != 0, el1 != 0, &pte), -EOPNOTSUPP);
			assert_u64(pte, before);
			continue;
		}
		assert_i64(s2_pte_set_xn(&plain, el0 != 0, el1 != 0, &pte), 0);
		assert_u64(pte, (before & ~field) | (uint64_t)xn[el0][el1] << 53);
	}
}

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
	static const struct CMUnitTest tests[] = {
		s2_unit_test(fields_stand_where_the_architecture_puts_them),
		s2_unit_test(descriptors_are_those_worked_out_by_hand),
		s2_unit_test(each_address_bit_has_its_place),
		s2_unit_test(attributes_never_read_as_address),
		s2_unit_test(each_prot_gives_its_attributes_and_comes_back),
		s2_unit_test(unknown_prot_flags_are_refused),
		s2_unit_test(memattr_names_a_memory_type_or_none),
		s2_unit_test(only_valid_write_back_memory_is_cleaned),
		s2_unit_test(an_unknown_memory_type_adds_no_prot),
		s2_unit_test(shareability_is_inner_and_absent_with_lpa2),
		s2_unit_test(xn_tells_el0_from_el1_only_with_xnx),
		s2_unit_test(xn_is_set_for_el0_and_el1_apart_only_with_xnx),
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

	return cmocka_run_group_tests(tests, NULL, NULL);
}
