/* SPDX-License-Identifier: MIT */
/*
 * Descriptors: every field in every format, against bit numbers written out
 * here once more, by hand.
 */
#include "arch/pte_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests_name("pte", tests, NULL, NULL);
}
