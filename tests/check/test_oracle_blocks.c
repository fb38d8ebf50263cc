/* SPDX-License-Identifier: MIT */
/* Break-before-make's conditions (R_WHZWS), and across levels: a new block over pages that are held. */
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

/* The same of a table that is linked in with other pages in it, as an eager split does. */
static void pages_that_a_flush_did_not_name_are_held_beside_a_filled_table(void **state)
{
	static const struct {
		uint64_t flushed;
		bool held;
	} rows[] = {{PAGE, true}, {PAGES * PAGE, false}, {BLOCK, false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct oracle_rig r;
		s2_pte old, other;

		s2_test_row("row %zu", i);
		oracle_rig_up(&r, "max,bbm=0", "newest");
		map(&r, IPA, PAGES * PAGE, PA, RW);
		map(&r, IPA + BLOCK, PAGES * PAGE, PA + 16 * BLOCK, RW);
		s2_dsb(r.cpu, S2_DSB_ISHST);
		other = store(&r, IPA + BLOCK, 2, 0, S2_MEM_PLAIN);
		assert_i64(s2_flush_vmid_range(r.mmu, r.cpu, s2_range(IPA + BLOCK, BLOCK)), 0);
		old = store(&r, IPA, 2, 0, S2_MEM_PLAIN);
		assert_i64(s2_flush_vmid_range(r.mmu, r.cpu, s2_range(IPA, rows[i].flushed)), 0);
		assert_u64(s2_oracle_count(r.o, S2_RULES), 0);
		store(&r, IPA, 2, other, S2_MEM_RELEASE);
		assert_int_equal(s2_oracle_count(r.o, S2_RULE_BREAK_BEFORE_MAKE) != 0, rows[i].held);
		store(&r, IPA, 2, old, S2_MEM_RELEASE);
		store(&r, IPA + BLOCK, 2, other, S2_MEM_PLAIN);
		oracle_rig_down(&r);
	}
}

/* A block gives way to a table of pages, or a table to a block, without a break. */
static void change_of_size(struct oracle_rig *r, const char *spec, bool to_table, uint64_t pa)
{
	s2_pte block, table;

	oracle_rig_up(r, spec, "newest");
	map(r, IPA, to_table ? BLOCK : PAGES * PAGE, PA, RW);
	map(r, IPA + BLOCK, to_table ? PAGES * PAGE : BLOCK, pa, RW);
	s2_dsb(r->cpu, S2_DSB_ISHST);
	table = store(r, IPA + BLOCK, 2, 0, S2_MEM_PLAIN);
	assert_i64(s2_flush_vmid_range(r->mmu, r->cpu, s2_range(IPA + BLOCK, BLOCK)), 0);
	assert_u64(s2_oracle_count(r->o, S2_RULES), 0);
	block = store(r, IPA, 2, table, S2_MEM_RELEASE);
	r->broken = s2_oracle_count(r->o, S2_RULE_BREAK_BEFORE_MAKE);
	store(r, IPA, 2, block, S2_MEM_RELEASE);
	store(r, IPA + BLOCK, 2, table, S2_MEM_PLAIN);
	oracle_rig_down(r);
}

static void a_change_of_size_is_that_alone_if_outputs_agree(void **state)
{
	static const struct {
		const char *spec;
		uint64_t pa;
		bool conflict;
	} rows[] = {
		{"max,bbm=0", PA, true},
		{"max,bbm=0", PA + 16 * BLOCK, true},
		{"max,bbm=2", PA, false},
		{"max,bbm=2", PA + 16 * BLOCK, true},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		struct oracle_rig r;

		s2_test_row("row %zu, %s", i / 2, i % 2 ? "to a table" : "to a block");
		change_of_size(&r, rows[i / 2].spec, i % 2, rows[i / 2].pa);
		assert_int_equal(r.broken != 0, rows[i / 2].conflict);
	}
}

/* TLBIs of a VM's range and of combined entries, by each CPU for itself. */
static void flush_locally(struct oracle_rig *r, unsigned cpu, bool combined)
{
	const struct s2_tlbi_format fmt = {12, true, false, true};
	struct s2_cpu *c = s2_machine_cpu(r->m, cpu);
	uint64_t table;

	/* 8 << 6 pages are 2 MiB. */
	assert_i64(s2_tlbi_range_operand(&fmt, s2_ipa(IPA), 7, 1, S2_TTL_UNKNOWN, &table), 0);
	s2_write_sysreg(c, S2_SYSREG_HCR_EL2, S2_HCR_E2H);
	s2_load_vttbr(c, r->vtcr, r->vttbr);
	s2_isb(c);
	s2_dsb(c, S2_DSB_ISH);
	s2_tlbi_ripas2e1(c, table);
	s2_dsb(c, S2_DSB_NSH);
	if (combined)
		s2_tlbi_vmalle1(c);
	s2_dsb(c, S2_DSB_NSH);
	s2_isb(c);
}

/* A CPU's part of an unlinked table's entries is its own, combined ones too. */
static void each_cpu_flushes_its_own_part_of_a_subtree(void **state)
{
	(void)state;
	for (unsigned lacking = 0; lacking < 3; lacking++) {
		struct oracle_rig r;
		s2_pte table;

		s2_test_row("CPU %u lacks VMALLE1", lacking);
		oracle_rig_up(&r, "max,-lpa2,bbm=0", "newest");
		map(&r, IPA, PAGES * PAGE, PA, RW);
		s2_dsb(r.cpu, S2_DSB_ISH);
		table = store(&r, IPA, 2, 0, S2_MEM_PLAIN);
		s2_dsb(r.cpu, S2_DSB_ISH);
		flush_locally(&r, 1, lacking != 1);
		flush_locally(&r, 0, lacking != 0);
		returns(&r, IPA, PAGES * PAGE);
		assert_int_equal(s2_oracle_count(r.o, S2_RULE_TRANSLATION) != 0, lacking < 2);
		store(&r, IPA, 2, table, S2_MEM_RELEASE);
		oracle_rig_down(&r);
	}
}

static void write_page(struct oracle_rig *r, uint64_t pa)
{
	const struct s2_act give = {.kind = S2_ACT_GIVE, .pa = {pa}, .size = PAGE};

	assert_i64(s2_tell(r->m, &give), 0);
}

/* What the host wrote to the old output and to the new one, before one replaces the other. */
enum contents { UNKNOWN, OLD_ONLY, ONE_WRITE, TWO_WRITES };

static void fill(struct oracle_rig *r, enum contents contents)
{
	const struct s2_act both = {.kind = S2_ACT_GIVE, .pa = {PA}, .size = 2 * PAGE};

	if (contents == ONE_WRITE)
		assert_i64(s2_tell(r->m, &both), 0);
	if (contents == OLD_ONLY || contents == TWO_WRITES)
		write_page(r, PA);
	if (contents == TWO_WRITES)
		write_page(r, PA + PAGE);
}

/*
 * R_WHZWS: another output needs a break if either translation lets it be written, or if
 * what the two hold differs; R_KHRBC: the contiguous bit needs none from BBM level 1 on.
 */
static void outputs_and_the_contiguous_bit_by_arms_own_conditions(void **state)
{
	static const struct {
		const char *spec;
		unsigned old, new;
		uint64_t pa;
		enum contents contents;
		s2_pte toggle;
		bool conflict;
	} rows[] = {
		{"max", S2_PROT_R, S2_PROT_R, PA + PAGE, UNKNOWN, 0, false},
		{"max", S2_PROT_R, S2_PROT_R, PA + PAGE, OLD_ONLY, 0, false},
		{"max", S2_PROT_R, S2_PROT_R, PA + PAGE, ONE_WRITE, 0, false},
		{"max", S2_PROT_R, S2_PROT_R, PA + PAGE, TWO_WRITES, 0, true},
		{"max,bbm=0", RX, S2_PROT_R, PA + PAGE, UNKNOWN, 0, false},
		{"max", RW, S2_PROT_R, PA + PAGE, UNKNOWN, 0, true},
		{"max", S2_PROT_R, RW, PA + PAGE, UNKNOWN, 0, true},
		{"max", S2_PROT_R, S2_PROT_R | S2_PROT_DEVICE, PA + PAGE, UNKNOWN, 0, true},
		{"max,bbm=0", RW, RW, PA, UNKNOWN, S2_PTE_CONTIGUOUS, true},
		{"max,bbm=1", RW, RW, PA, UNKNOWN, S2_PTE_CONTIGUOUS, false},
		{"max,bbm=2", RW, RW, PA, UNKNOWN, S2_PTE_CONTIGUOUS, false},
		{"max,bbm=2", RW, RW, PA + PAGE, UNKNOWN, S2_PTE_CONTIGUOUS, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct oracle_rig r;
		s2_pte attr, pte;

		s2_test_row("row %zu", i);
		oracle_rig_up(&r, rows[i].spec, "newest");
		fill(&r, rows[i].contents);
		map(&r, IPA, PAGE, PA, rows[i].old);
		assert_i64(s2_pte_attr(&r.mmu->fmt, rows[i].new, &attr), 0);
		assert_i64(s2_pte_make_leaf(&r.mmu->fmt, s2_pa(rows[i].pa), attr, S2_LAST_LEVEL,
					    &pte), 0);
		store(&r, IPA, S2_LAST_LEVEL, pte ^ rows[i].toggle, S2_MEM_PLAIN);
		if (rows[i].conflict) {
			expect_found(&r, S2_FOUND_COEXISTENCE);
		} else {
			/* That it needs no break does not make the old one right. */
			expect_sound(&r);
			s2_flush_vmid_ipa(r.mmu, r.cpu, s2_ipa(IPA), S2_LAST_LEVEL);
			returns(&r, IPA, PAGE);
			expect_sound(&r);
		}
		oracle_rig_down(&r);
	}
}

/* Two outputs that may coexist: without a flush the old one is still another than the tables'. */
static void an_old_output_is_flushed_even_if_it_needs_no_break(void **state)
{
	struct oracle_rig r;
	s2_pte attr, pte;

	(void)state;
	oracle_rig_up(&r, "max", "newest");
	map(&r, IPA, PAGE, PA, S2_PROT_R);
	assert_i64(s2_pte_attr(&r.mmu->fmt, S2_PROT_R, &attr), 0);
	assert_i64(s2_pte_make_leaf(&r.mmu->fmt, s2_pa(PA + PAGE), attr, S2_LAST_LEVEL, &pte), 0);
	store(&r, IPA, S2_LAST_LEVEL, pte, S2_MEM_PLAIN);
	returns(&r, IPA, PAGE);
	expect_found(&r, S2_FOUND_OTHER_OUTPUT);
	oracle_rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_that_one_address_did_not_name_are_held_beside_a_block),
		cmocka_unit_test(from_bbm_level_2_on_size_alone_is_no_conflict_across_levels),
		cmocka_unit_test(outputs_and_the_contiguous_bit_by_arms_own_conditions),
		cmocka_unit_test(an_old_output_is_flushed_even_if_it_needs_no_break),
		cmocka_unit_test(pages_that_a_flush_did_not_name_are_held_beside_a_filled_table),
		cmocka_unit_test(each_cpu_flushes_its_own_part_of_a_subtree),
		cmocka_unit_test(a_change_of_size_is_that_alone_if_outputs_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
