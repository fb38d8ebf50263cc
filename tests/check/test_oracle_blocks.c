/* SPDX-License-Identifier: MIT */
/* Break-before-make across levels: a new block, and what is held of the pages that it lies over. */
#include "check/oracle_rig.h"

#define PAGES 4

/* Pages are mapped, their table is unlinked, and @flushed bytes of it by IPA; then a block. */
static void block_over_pages(struct oracle_rig *r, const char *spec, uint64_t flushed, uint64_t pa,
			     unsigned prot)
{
	s2_pte block, table;

	oracle_rig_up(r, spec, "newest");
	map(r, IPA, PAGES * PAGE, PA, RW);
	map(r, IPA + BLOCK, BLOCK, pa, prot);
	s2_dsb(r->cpu, S2_DSB_ISHST);
	block = store(r, IPA + BLOCK, 2, 0, S2_MEM_PLAIN);
	table = store(r, IPA, 2, 0, S2_MEM_PLAIN);
	if (flushed)
		assert_i64(s2_flush_vmid_range(r->mmu, r->cpu, s2_range(IPA, flushed)), 0);
	assert_u64(s2_oracle_count(r->o, S2_RULES), 0);
	store(r, IPA, 2, block, S2_MEM_RELEASE);
	/* Put back, so that what is freed is whole. */
	r->broken = s2_oracle_count(r->o, S2_RULE_BREAK_BEFORE_MAKE);
	store(r, IPA, 2, table, S2_MEM_RELEASE);
	store(r, IPA + BLOCK, 2, block, S2_MEM_PLAIN);
	oracle_rig_down(r);
}

/* 3a0b870e3448: the flush named one address, and pages at the others are held beside the block. */
static void pages_that_one_address_did_not_name_are_held_beside_a_block(void **state)
{
	static const struct {
		uint64_t flushed;
		bool held;
	} rows[] = {{PAGE, true}, {(PAGES - 1) * PAGE, true}, {PAGES * PAGE, false}, {BLOCK, false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct oracle_rig r;

		s2_test_row("row %zu", i);
		block_over_pages(&r, "max,bbm=0", rows[i].flushed, PA, RW);
		assert_int_equal(r.broken != 0, rows[i].held);
	}
}

/* With FEAT_BBM level 2 that is none where only the size differs, and still one where more does. */
static void from_bbm_level_2_on_size_alone_is_no_conflict_across_levels(void **state)
{
	static const struct {
		const char *spec;
		uint64_t pa;
		unsigned prot;
		bool conflict;
	} rows[] = {
		{"max,bbm=0", PA, RW, true},	    {"max,bbm=1", PA, RW, true},
		{"max,bbm=2", PA, RW, false},	    {"max,bbm=2", PA, S2_PROT_R, false},
		{"max,bbm=2", PA + BLOCK, RW, true}, {"max,bbm=2", PA, S2_PROT_R | S2_PROT_DEVICE, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct oracle_rig r;

		s2_test_row("row %zu", i);
		block_over_pages(&r, rows[i].spec, PAGE, rows[i].pa, rows[i].prot);
		assert_int_equal(r.broken != 0, rows[i].conflict);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_that_one_address_did_not_name_are_held_beside_a_block),
		cmocka_unit_test(from_bbm_level_2_on_size_alone_is_no_conflict_across_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
