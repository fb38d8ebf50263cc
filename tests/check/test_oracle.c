/* SPDX-License-Identifier: MIT */
/*
 * Every rule of the oracle about translations: what keeps it, and the least
 * that breaks it.
 */
#include "check/oracle_rig.h"

/* As if it had stood there all along: over residue its store would break another rule. */
static void put_unseen(struct oracle_rig *r, uint64_t ipa, s2_pte pte)
{
	s2_pte *entry;

	entry_address(r, ipa, S2_LAST_LEVEL, &entry);
	*entry = pte;
}

/* What kernel code does is sound, and what it leaves out is not asked for. */
static void what_the_flavours_do_breaks_no_rule(void **state)
{
	static const char *const specs[] = {"max", "cortex-a55", "cortex-a72", "neoverse-n1"};

	(void)state;
	for (size_t s = 0; s < 4; s++) {
		for (size_t f = 0; s2_flavour_at(f); f++) {
			struct oracle_rig r;
			bool young;

			s2_test_row("%s %s", specs[s], s2_flavour_at(f)->name);
			oracle_rig_up(&r, specs[s], s2_flavour_at(f)->name);
			map(&r, IPA, BLOCK, PA, RWX);
			returns(&r, IPA, BLOCK);
			assert_i64(s2_pgtable_wrprotect(r.mmu, r.cpu, s2_range(IPA, BLOCK)), 0);
			flush(&r);
			rely(&r, S2_RELY_DIRTY_HARVESTED, IPA, BLOCK, S2_ACCESS_READ);
			map(&r, IPA + PAGE, PAGE, PA + PAGE, RW);
			rely(&r, S2_RELY_FAULT_RESOLVED, IPA + PAGE, PAGE, S2_ACCESS_WRITE);
			assert_i64(s2_pgtable_test_clear_young(r.mmu, r.cpu, s2_range(IPA, BLOCK),
							       true, &young),
				   0);
			returns(&r, IPA, BLOCK);
			map(&r, IPA, BLOCK, PA, RWX);
			returns(&r, IPA, BLOCK);
			assert_i64(s2_pgtable_unmap(r.mmu, r.cpu, s2_range(IPA, BLOCK)), 0);
			returns(&r, IPA, BLOCK);
			expect_sound(&r);
			oracle_rig_down(&r);
		}
	}
}

static void an_unmapped_page_may_not_be_held(void **state)
{
	struct oracle_rig r;
	const struct s2_violation *v;

	(void)state;
	oracle_rig_up(&r, "max", "newest");
	map(&r, IPA, PAGE, PA, RW);
	store(&r, IPA, 3, 0, S2_MEM_PLAIN);
	/* Elsewhere nothing has changed. */
	returns(&r, IPA + PAGE, PAGE);
	expect_sound(&r);
	returns(&r, IPA, PAGE);
	v = expect_found(&r, S2_FOUND_UNMAPPED);
	assert_u64(v->ipa.v, IPA);
	assert_u64(v->held, leaf(&r, PA, RW));
	assert_u64(v->now, 0);
	assert_string_equal(v->site, "test");
	oracle_rig_down(&r);
}

static void another_output_or_type_may_not_be_held(void **state)
{
	static const struct {
		uint64_t pa;
		unsigned prot;
		enum s2_finding finding;
	} rows[] = {
		{PA + PAGE, RW, S2_FOUND_OTHER_OUTPUT},
		{PA, RW | S2_PROT_NORMAL_NC, S2_FOUND_OTHER_TYPE},
		{PA, RW | S2_PROT_DEVICE, S2_FOUND_OTHER_TYPE},
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct oracle_rig r;

		s2_test_row("row %zu", i);
		oracle_rig_up(&r, "max", "newest");
		map(&r, IPA, PAGE, PA, RW);
		store(&r, IPA, 3, 0, S2_MEM_PLAIN);
		put_unseen(&r, IPA, leaf(&r, rows[i].pa, rows[i].prot));
		returns(&r, IPA, PAGE);
		expect_found(&r, rows[i].finding);
		oracle_rig_down(&r);
	}
}

/* Each permission alone; a narrower one may be held, and an older AF. */
static void more_permission_may_not_be_held_and_less_may(void **state)
{
	static const struct {
		unsigned before, after;
		enum s2_finding finding; /* S2_FINDINGS: sound */
	} rows[] = {
		{RW, S2_PROT_R, S2_FOUND_WRITABLE},	  {RW, S2_PROT_W, S2_FOUND_READABLE},
		{RX, S2_PROT_R, S2_FOUND_EXECUTABLE},	  {S2_PROT_R, RW, S2_FINDINGS},
		{S2_PROT_R, RX, S2_FINDINGS},		  {S2_PROT_R, RWX, S2_FINDINGS},
		{RWX, RW, S2_FOUND_EXECUTABLE},		  {S2_PROT_W, RW, S2_FINDINGS},
	};
	static const char *const specs[] = {"max", "cortex-a55"};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t k = i / 2;
		struct oracle_rig r;

		s2_test_row("row %zu on %s", k, specs[i % 2]);
		oracle_rig_up(&r, specs[i % 2], "newest");
		map(&r, IPA, PAGE, PA, rows[k].before);
		store(&r, IPA, 3, leaf(&r, PA, rows[k].after), S2_MEM_PLAIN);
		returns(&r, IPA, PAGE);
		if (rows[k].finding == S2_FINDINGS)
			expect_sound(&r);
		else
			expect_found(&r, rows[k].finding);
		oracle_rig_down(&r);
	}
}

static void an_older_access_flag_may_be_held(void **state)
{
	struct oracle_rig r;
	bool young;

	(void)state;
	oracle_rig_up(&r, "max", "newest");
	map(&r, IPA, PAGE, PA, RW);
	assert_i64(s2_pgtable_test_clear_young(r.mmu, r.cpu, s2_range(IPA, PAGE), true, &young), 0);
	assert_true(young);
	returns(&r, IPA, PAGE);
	expect_sound(&r);
	oracle_rig_down(&r);
}

/* A block is compared with the pages that have come in its place, one by one. */
static void a_block_is_held_against_the_pages_in_its_place(void **state)
{
	struct oracle_rig r;
	const struct s2_violation *v;

	(void)state;
	oracle_rig_up(&r, "max", "newest");
	map(&r, IPA, BLOCK, PA, RW);
	assert_i64(s2_pgtable_wrprotect(r.mmu, r.cpu, s2_range(IPA, BLOCK)), 0);
	returns(&r, IPA + 5 * PAGE, PAGE);
	v = expect_found(&r, S2_FOUND_WRITABLE);
	assert_u64(v->size, BLOCK);
	assert_i64(v->level, 2);
	oracle_rig_down(&r);
}

static void a_walk_into_an_unlinked_table_may_not_be_held(void **state)
{
	struct oracle_rig r;

	(void)state;
	oracle_rig_up(&r, "max", "newest");
	map(&r, IPA, PAGE, PA, RW);
	/* The leaf is gone, well flushed; its table's entry is cleared and flushed as a leaf is. */
	store(&r, IPA, 3, 0, S2_MEM_PLAIN);
	s2_flush_vmid_ipa(r.mmu, r.cpu, s2_ipa(IPA), 3);
	store(&r, IPA, 2, 0, S2_MEM_PLAIN);
	s2_flush_vmid_ipa(r.mmu, r.cpu, s2_ipa(IPA), 3);
	returns(&r, IPA, PAGE);
	expect_found(&r, S2_FOUND_WALK);
	oracle_rig_down(&r);
}

static void a_hint_is_no_rule_of_its_own(void **state)
{
	struct oracle_rig r;

	(void)state;
	oracle_rig_up(&r, "max", "newest");
	map(&r, IPA, PAGE, PA, RW);
	store(&r, IPA, 3, 0, S2_MEM_PLAIN);
	s2_flush_vmid_ipa(r.mmu, r.cpu, s2_ipa(IPA), 3);
	store(&r, IPA, 2, 0, S2_MEM_PLAIN);
	s2_flush_vmid_ipa(r.mmu, r.cpu, s2_ipa(IPA), S2_TTL_UNKNOWN);
	returns(&r, IPA, PAGE);
	expect_sound(&r);
	oracle_rig_down(&r);
}

static void a_cpu_that_was_refused_may_not_hold_what_refused_it(void **state)
{
	struct oracle_rig r;
	const struct s2_violation *v;

	(void)state;
	oracle_rig_up(&r, "max", "newest");
	map(&r, IPA, PAGE, PA, S2_PROT_R);
	store(&r, IPA, 3, leaf(&r, PA, RW), S2_MEM_PLAIN);
	rely(&r, S2_RELY_FAULT_RESOLVED, IPA, PAGE, S2_ACCESS_READ);
	expect_sound(&r);
	rely(&r, S2_RELY_FAULT_RESOLVED, IPA, PAGE, S2_ACCESS_WRITE);
	v = expect_found(&r, S2_FOUND_REFUSED);
	assert_u64(v->held, leaf(&r, PA, S2_PROT_R));
	oracle_rig_down(&r);
}

/* What other CPUs hold is narrower, and legal: they fault, and are served in turn. */
static void progress_is_asked_of_the_cpu_that_faulted(void **state)
{
	struct oracle_rig r;

	(void)state;
	oracle_rig_up(&r, "max", "newest");
	map(&r, IPA, PAGE, PA, S2_PROT_R);
	store(&r, IPA, 3, leaf(&r, PA, RW), S2_MEM_PLAIN);
	s2_flush_vmid_ipa_nsh(r.mmu, r.cpu, s2_ipa(IPA), 3);
	rely(&r, S2_RELY_FAULT_RESOLVED, IPA, PAGE, S2_ACCESS_WRITE);
	expect_sound(&r);
	r.cpu = s2_machine_cpu(r.m, 1);
	rely(&r, S2_RELY_FAULT_RESOLVED, IPA, PAGE, S2_ACCESS_WRITE);
	expect_found(&r, S2_FOUND_REFUSED);
	oracle_rig_down(&r);
}

/*
 * R_WHZWS: the output address, the type, and the size of a valid entry are
 * changed through an invalid one and a TLBI; permissions, AF and what is for
 * software are not.
 */
static void what_is_changed_without_a_break(void **state)
{
	static const struct {
		const char *spec;
		uint64_t pa;
		unsigned prot;
		s2_pte toggle;
		bool conflict;
	} rows[] = {
		{"max", PA + PAGE, RW, 0, true},
		{"max", PA, RW | S2_PROT_NORMAL_NC, 0, true},
		{"max", PA, RW | S2_PROT_DEVICE, 0, true},
		{"max", PA, S2_PROT_R, 0, false},
		{"max", PA, RX, 0, false},
		{"max", PA, RW, S2_PTE_AF, false},
		{"max", PA, RW, S2_BIT(55), false},
		{"cortex-a55", PA + PAGE, RW, 0, true},
		{"cortex-a55", PA, S2_PROT_R, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct oracle_rig r;

		s2_test_row("row %zu", i);
		oracle_rig_up(&r, rows[i].spec, "newest");
		map(&r, IPA, PAGE, PA, RW);
		store(&r, IPA, 3, leaf(&r, rows[i].pa, rows[i].prot) ^ rows[i].toggle, S2_MEM_PLAIN);
		if (rows[i].conflict)
			expect_found(&r, S2_FOUND_COEXISTENCE);
		else
			expect_sound(&r);
		oracle_rig_down(&r);
	}
}

/* An entry whose AF is clear is never held, so nothing can coexist with what follows it. */
static void an_entry_without_af_needs_no_break(void **state)
{
	struct oracle_rig r;

	(void)state;
	oracle_rig_up(&r, "max", "newest");
	map(&r, IPA, PAGE, PA, RW);
	store(&r, IPA, 3, 0, S2_MEM_PLAIN);
	s2_flush_vmid_ipa(r.mmu, r.cpu, s2_ipa(IPA), 3);
	store(&r, IPA, 3, leaf(&r, PA, RW) & ~S2_PTE_AF, S2_MEM_PLAIN);
	store(&r, IPA, 3, leaf(&r, PA + PAGE, RW), S2_MEM_PLAIN);
	returns(&r, IPA, PAGE);
	expect_sound(&r);
	oracle_rig_down(&r);
}

/* A break that is not completed before the make: by address, domain, or order. */
static void a_make_waits_for_the_whole_break(void **state)
{
	struct oracle_rig r;

	(void)state;
	for (unsigned how = 0; how < 5; how++) {
		s2_test_row("way %u", how);
		oracle_rig_up(&r, "max", "newest");
		map(&r, IPA, PAGE, PA, RW);
		if (how == 4) /* the TLBI comes first */
			s2_flush_vmid_ipa(r.mmu, r.cpu, s2_ipa(IPA), 3);
		store(&r, IPA, 3, 0, S2_MEM_PLAIN);
		if (how == 1) /* another address */
			s2_flush_vmid_ipa(r.mmu, r.cpu, s2_ipa(IPA + PAGE), 3);
		if (how == 2) /* one CPU alone */
			s2_flush_vmid_ipa_nsh(r.mmu, r.cpu, s2_ipa(IPA), 3);
		if (how == 3) { /* complete */
			s2_flush_vmid_ipa(r.mmu, r.cpu, s2_ipa(IPA), 3);
		}
		store(&r, IPA, 3, leaf(&r, PA + PAGE, RW), S2_MEM_RELEASE);
		if (how == 3)
			expect_sound(&r);
		else
			expect_found(&r, S2_FOUND_COEXISTENCE);
		oracle_rig_down(&r);
	}
}

/* From level 2 of FEAT_BBM on a change of size alone is none of a translation. */
static void a_change_of_size_alone_depends_on_feat_bbm(void **state)
{
	static const struct {
		const char *spec;
		bool conflict;
	} rows[] = {{"max,bbm=0", true}, {"max,bbm=1", true}, {"max,bbm=2", false}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct s2_features f;
		struct oracle_rig r;
		s2_pte table, block;

		if (s2_features_parse(rows[i].spec, &f, NULL))
			skip();
		s2_test_row("%s", rows[i].spec);
		oracle_rig_up(&r, rows[i].spec, "newest");
		for (uint64_t at = 0; at < BLOCK; at += PAGE)
			map(&r, IPA + at, PAGE, PA + at, RW);
		s2_dsb(r.cpu, S2_DSB_ISHST);
		map(&r, IPA + BLOCK, BLOCK, PA, RW);
		block = store(&r, IPA + BLOCK, 2, 0, S2_MEM_PLAIN);
		assert_true(s2_pte_is_leaf(block, 2));
		table = store(&r, IPA, 2, block, S2_MEM_PLAIN);
		assert_true(s2_pte_is_table(table, 2));
		assert_u64(s2_oracle_count(r.o, S2_RULE_BREAK_BEFORE_MAKE), rows[i].conflict);
		/* Put back, so that what is freed is whole. */
		store(&r, IPA, 2, table, S2_MEM_RELEASE);
		store(&r, IPA + BLOCK, 2, block, S2_MEM_PLAIN);
		oracle_rig_down(&r);
	}
}

static void what_cannot_be_is_refused(void **state)
{
	const struct s2_oracle_config bad = {.rules = 1U << S2_RULES};
	struct s2_reliance what = {.kind = S2_RELIANCE_KINDS, .size = PAGE};
	struct s2_oracle *o;
	struct oracle_rig r;

	(void)state;
	oracle_rig_up(&r, "max", "newest");
	assert_i64(s2_oracle_attach(r.m, &bad, &o), -EINVAL);
	assert_i64(s2_rely(r.cpu, &what), -EINVAL);
	what.kind = S2_RELY_RETURN;
	what.size = 0;
	assert_i64(s2_rely(r.cpu, &what), -EINVAL);
	what.size = PAGE;
	what.access = (enum s2_access)3;
	assert_i64(s2_rely(r.cpu, &what), -EINVAL);
	assert_null(s2_rule_name(S2_RULES));
	assert_null(s2_finding_text(S2_FINDINGS));
	assert_i64(s2_finding_rule(S2_FINDINGS), S2_RULES);
	assert_null(s2_reliance_name(S2_RELIANCE_KINDS));
	assert_null(s2_oracle_violation(r.o, 0));
	oracle_rig_down(&r);
}

/* All are counted, the first ones kept; a rule that is not asked for is not broken. */
static void violations_are_counted_and_the_first_ones_kept(void **state)
{
	struct s2_oracle_config cfg = {.keep = 2, .rules = 1U << S2_RULE_TRANSLATION};
	struct s2_oracle *some, *none;
	struct oracle_rig r;
	char text[512], small[8];

	(void)state;
	oracle_rig_up(&r, "max", "newest");
	assert_i64(s2_oracle_attach(r.m, &cfg, &some), 0);
	cfg.rules = 1U << S2_RULE_VMID;
	assert_i64(s2_oracle_attach(r.m, &cfg, &none), 0);
	assert_i64(s2_oracle_watch(some, r.vtcr, r.vttbr), 0);
	assert_i64(s2_oracle_watch(none, r.vtcr, r.vttbr), 0);
	map(&r, IPA, PAGE, PA, RW);
	store(&r, IPA, 3, 0, S2_MEM_PLAIN);
	for (int i = 0; i < 5; i++)
		returns(&r, IPA, PAGE);
	assert_u64(s2_oracle_count(some, S2_RULE_TRANSLATION), 5);
	assert_u64(s2_oracle_count(some, S2_RULES), 5);
	assert_u64(s2_oracle_decided(some), 5);
	assert_non_null(s2_oracle_violation(some, 1));
	assert_null(s2_oracle_violation(some, 2));
	assert_u64(s2_oracle_count(none, S2_RULES), 0);
	s2_violation_text(s2_oracle_violation(some, 0), text, sizeof(text));
	assert_non_null(strstr(text, "translation: CPU 0 may still translate what is not mapped"));
	assert_non_null(strstr(text, "IPA 0x80000000"));
	assert_non_null(strstr(text, "(test on CPU 0"));
	assert_i64(s2_violation_text(s2_oracle_violation(some, 0), small, sizeof(small)),
		   strlen(text));
	assert_memory_equal(small, "transla", 8);
	s2_oracle_detach(some);
	s2_oracle_detach(none);
	oracle_rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_flavours_do_breaks_no_rule),
		cmocka_unit_test(an_unmapped_page_may_not_be_held),
		cmocka_unit_test(another_output_or_type_may_not_be_held),
		cmocka_unit_test(more_permission_may_not_be_held_and_less_may),
		cmocka_unit_test(an_older_access_flag_may_be_held),
		cmocka_unit_test(a_block_is_held_against_the_pages_in_its_place),
		cmocka_unit_test(a_walk_into_an_unlinked_table_may_not_be_held),
		cmocka_unit_test(a_hint_is_no_rule_of_its_own),
		cmocka_unit_test(a_cpu_that_was_refused_may_not_hold_what_refused_it),
		cmocka_unit_test(progress_is_asked_of_the_cpu_that_faulted),
		cmocka_unit_test(what_is_changed_without_a_break),
		cmocka_unit_test(an_entry_without_af_needs_no_break),
		cmocka_unit_test(a_make_waits_for_the_whole_break),
		cmocka_unit_test(a_change_of_size_alone_depends_on_feat_bbm),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(violations_are_counted_and_the_first_ones_kept),
	};

	return cmocka_run_group_tests_name("oracle", tests, NULL, NULL);
}
