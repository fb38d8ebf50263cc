/* SPDX-License-Identifier: MIT */
/*
 * Ways to take a translation away that no kernel here uses, instruction by instruction: each
 * sound one has a broken neighbour, which lacks one thing that the architecture asks for.
 */
#include "check/oracle_rig.h"

#define OTHER_VMID (UINT64_C(9) << 48)
#define ROOT       UINT64_C(0xffffffffffff)
#define LEVEL_ANY  S2_TTL_UNKNOWN

static struct s2_cpu *second(const struct oracle_rig *r)
{
	return s2_machine_cpu(r->m, 1);
}

static void load_vmid(const struct oracle_rig *r, struct s2_cpu *cpu, uint64_t vttbr)
{
	s2_write_sysreg(cpu, S2_SYSREG_VTCR_EL2, r->vtcr);
	s2_write_sysreg(cpu, S2_SYSREG_VTTBR_EL2, vttbr);
	s2_write_sysreg(cpu, S2_SYSREG_HCR_EL2, 0);
}

/* The host on @cpu, with this VM's number in force for its TLBIs. */
static void prepare(const struct oracle_rig *r, struct s2_cpu *cpu)
{
	load_vmid(r, cpu, r->vttbr);
	s2_isb(cpu);
}

static void clear(struct oracle_rig *r, uint64_t ipa)
{
	store(r, ipa, S2_LAST_LEVEL, 0, S2_MEM_PLAIN);
}

static void by_ipa(struct s2_cpu *cpu, uint64_t ipa, int level)
{
	s2_tlbi_ipas2e1is(cpu, s2_ipa(ipa), level);
	s2_dsb(cpu, S2_DSB_ISH);
	s2_tlbi_vmalle1is(cpu);
	s2_dsb(cpu, S2_DSB_ISH);
}

static void by_all(struct s2_cpu *cpu)
{
	s2_tlbi_vmalls12e1is(cpu);
	s2_dsb(cpu, S2_DSB_ISH);
}

/* ---- one CPU's order ---- */

static void all_in_place_of_one(struct oracle_rig *r)
{
	clear(r, IPA);
	s2_dsb(r->cpu, S2_DSB_ISHST);
	by_all(r->cpu);
}

static void all_of_stage_1_only(struct oracle_rig *r)
{
	clear(r, IPA);
	s2_dsb(r->cpu, S2_DSB_ISHST);
	s2_tlbi_vmalle1is(r->cpu);
	s2_dsb(r->cpu, S2_DSB_ISH);
}

static void two_stores_and_one_barrier(struct oracle_rig *r)
{
	clear(r, IPA);
	clear(r, IPA + PAGE);
	s2_dsb(r->cpu, S2_DSB_ISHST);
	s2_tlbi_ipas2e1is(r->cpu, s2_ipa(IPA), 3);
	by_ipa(r->cpu, IPA + PAGE, 3);
}

static void the_second_store_behind_the_barrier(struct oracle_rig *r)
{
	clear(r, IPA);
	s2_dsb(r->cpu, S2_DSB_ISHST);
	clear(r, IPA + PAGE);
	s2_tlbi_ipas2e1is(r->cpu, s2_ipa(IPA), 3);
	by_ipa(r->cpu, IPA + PAGE, 3);
}

static void a_dmb_for_the_dsb(struct oracle_rig *r)
{
	clear(r, IPA);
	s2_dmb(r->cpu, S2_DMB_ISH);
	by_all(r->cpu);
}

static void the_flush_twice_the_first_too_early(struct oracle_rig *r)
{
	by_ipa(r->cpu, IPA, 3);
	clear(r, IPA);
	s2_dsb(r->cpu, S2_DSB_ISH);
	by_ipa(r->cpu, IPA, 3);
}

static void the_flush_before_the_store(struct oracle_rig *r)
{
	by_ipa(r->cpu, IPA, 3);
	clear(r, IPA);
	s2_dsb(r->cpu, S2_DSB_ISH);
}

static void stage_1_before_stage_2(struct oracle_rig *r)
{
	clear(r, IPA);
	s2_dsb(r->cpu, S2_DSB_ISHST);
	s2_tlbi_vmalle1is(r->cpu);
	s2_dsb(r->cpu, S2_DSB_ISH);
	s2_tlbi_ipas2e1is(r->cpu, s2_ipa(IPA), 3);
	s2_dsb(r->cpu, S2_DSB_ISH);
}

static void the_hint_of_a_block(struct oracle_rig *r)
{
	clear(r, IPA);
	s2_dsb(r->cpu, S2_DSB_ISHST);
	by_ipa(r->cpu, IPA, 2);
}

static void no_hint(struct oracle_rig *r)
{
	clear(r, IPA);
	s2_dsb(r->cpu, S2_DSB_ISHST);
	by_ipa(r->cpu, IPA, LEVEL_ANY);
}

/* ---- two CPUs ---- */

static void the_second_cpu_flushes(struct oracle_rig *r)
{
	clear(r, IPA);
	s2_dsb(r->cpu, S2_DSB_ISH);
	by_all(second(r));
}

static void the_second_cpu_flushes_and_waits_for_its_own_stores(struct oracle_rig *r)
{
	clear(r, IPA);
	s2_dsb(second(r), S2_DSB_ISH);
	by_all(second(r));
}

static void the_second_cpu_waits_for_the_first_ones_flush(struct oracle_rig *r)
{
	clear(r, IPA);
	s2_dsb(r->cpu, S2_DSB_ISHST);
	s2_tlbi_vmalls12e1is(r->cpu);
	s2_dsb(second(r), S2_DSB_ISH);
}

static void each_cpu_flushes_itself(struct oracle_rig *r)
{
	clear(r, IPA);
	s2_dsb(r->cpu, S2_DSB_ISH);
	for (unsigned c = 0; c < 2; c++) {
		s2_tlbi_vmalls12e1(s2_machine_cpu(r->m, c));
		s2_dsb(s2_machine_cpu(r->m, c), S2_DSB_NSH);
	}
}

static void one_cpu_flushes_itself(struct oracle_rig *r)
{
	clear(r, IPA);
	s2_dsb(r->cpu, S2_DSB_ISH);
	s2_tlbi_vmalls12e1(r->cpu);
	s2_dsb(r->cpu, S2_DSB_NSH);
}

static void each_flushes_itself_one_before_the_store_is_complete(struct oracle_rig *r)
{
	clear(r, IPA);
	s2_tlbi_vmalls12e1(second(r));
	s2_dsb(second(r), S2_DSB_NSH);
	s2_dsb(r->cpu, S2_DSB_ISH);
	s2_tlbi_vmalls12e1(r->cpu);
	s2_dsb(r->cpu, S2_DSB_NSH);
}

/* ---- whose number ---- */

static void under_the_number_of_another(struct oracle_rig *r)
{
	clear(r, IPA);
	s2_dsb(r->cpu, S2_DSB_ISH);
	load_vmid(r, r->cpu, (r->vttbr & ROOT) | OTHER_VMID);
	s2_isb(r->cpu);
	by_all(r->cpu);
}

static void back_under_its_own_number(struct oracle_rig *r)
{
	under_the_number_of_another(r);
	prepare(r, r->cpu);
	by_all(r->cpu);
}

static void back_without_an_isb(struct oracle_rig *r)
{
	under_the_number_of_another(r);
	load_vmid(r, r->cpu, r->vttbr);
	by_all(r->cpu);
}

static void everybodys_entries(struct oracle_rig *r)
{
	clear(r, IPA);
	s2_dsb(r->cpu, S2_DSB_ISHST);
	load_vmid(r, r->cpu, (r->vttbr & ROOT) | OTHER_VMID);
	s2_isb(r->cpu);
	s2_tlbi_alle1is(r->cpu);
	s2_dsb(r->cpu, S2_DSB_ISH);
}

struct policy {
	const char *name;
	void (*run)(struct oracle_rig *r);
	uint64_t size; /* of what it says is gone */
	bool sound;
	bool by_hint; /* without FEAT_TTL the operand has no hint, which makes it sound */
};

#define SOUND(f, pages)  {#f, f, (pages)*PAGE, true, false}
#define BROKEN(f, pages) {#f, f, (pages)*PAGE, false, false}

static const struct policy policies[] = {
	SOUND(all_in_place_of_one, 1),
	BROKEN(all_of_stage_1_only, 1),
	SOUND(two_stores_and_one_barrier, 2),
	BROKEN(the_second_store_behind_the_barrier, 2),
	BROKEN(a_dmb_for_the_dsb, 1),
	SOUND(the_flush_twice_the_first_too_early, 1),
	BROKEN(the_flush_before_the_store, 1),
	BROKEN(stage_1_before_stage_2, 1),
	{"the_hint_of_a_block", the_hint_of_a_block, PAGE, false, true},
	SOUND(no_hint, 1),
	SOUND(the_second_cpu_flushes, 1),
	BROKEN(the_second_cpu_flushes_and_waits_for_its_own_stores, 1),
	BROKEN(the_second_cpu_waits_for_the_first_ones_flush, 1),
	SOUND(each_cpu_flushes_itself, 1),
	BROKEN(one_cpu_flushes_itself, 1),
	BROKEN(each_flushes_itself_one_before_the_store_is_complete, 1),
	BROKEN(under_the_number_of_another, 1),
	SOUND(back_under_its_own_number, 1),
	BROKEN(back_without_an_isb, 1),
	SOUND(everybodys_entries, 1),
};

/* On each machine the page, and its neighbour, may be held by both CPUs. */
static void a_page_is_gone_by_the_architectures_rules_alone(void **state)
{
	static const char *const specs[] = {"max", "cortex-a55", "neoverse-n1,-repeat_tlbi"};

	(void)state;
	for (size_t i = 0; i < 3 * ARRAY_SIZE(policies); i++) {
		const struct policy *p = &policies[i / 3];
		struct oracle_rig r;

		s2_test_row("%s on %s", p->name, specs[i % 3]);
		oracle_rig_up(&r, specs[i % 3], "newest");
		map(&r, IPA, 2 * PAGE, PA, RW);
		prepare(&r, second(&r));
		prepare(&r, r.cpu);
		p->run(&r);
		returns(&r, IPA, p->size);
		if (p->sound || (p->by_hint && !s2_machine_features(r.m)->ttl))
			expect_sound(&r);
		else
			expect_found(&r, S2_FOUND_UNMAPPED);
		oracle_rig_down(&r);
	}
}

/* ---- a table page that is freed while the second CPU is in the guest ---- */

static struct s2_pa unlink_table(struct oracle_rig *r)
{
	const s2_pte table = store(r, IPA, 2, 0, S2_MEM_PLAIN);

	return s2_pte_pa(table, &r->mmu->fmt);
}

static void free_table(struct oracle_rig *r, struct s2_pa page)
{
	s2_table_event(r->cpu, S2_OP_TABLE_FREE, page.v, PAGE);
	s2_table_free(r->mmu->pool, s2_tablemem_find(r->m->tables, page));
}

static void freed_after_the_flush(struct oracle_rig *r)
{
	const struct s2_pa page = unlink_table(r);

	s2_dsb(r->cpu, S2_DSB_ISHST);
	by_all(r->cpu);
	free_table(r, page);
}

static void freed_before_the_flush_is_complete(struct oracle_rig *r)
{
	const struct s2_pa page = unlink_table(r);

	s2_dsb(r->cpu, S2_DSB_ISHST);
	s2_tlbi_vmalls12e1is(r->cpu);
	free_table(r, page);
	s2_dsb(r->cpu, S2_DSB_ISH);
}

static void freed_after_a_flush_of_leaves(struct oracle_rig *r)
{
	const struct s2_pa page = unlink_table(r);

	s2_dsb(r->cpu, S2_DSB_ISHST);
	by_ipa(r->cpu, IPA, 3); /* of what the table maps, not of who leads to it */
	free_table(r, page);
}

static void freed_after_a_flush_of_its_entries_and_of_it(struct oracle_rig *r)
{
	const struct s2_pa page = unlink_table(r);

	s2_dsb(r->cpu, S2_DSB_ISHST);
	s2_tlbi_ipas2e1is(r->cpu, s2_ipa(IPA), LEVEL_ANY);
	s2_tlbi_ipas2e1is(r->cpu, s2_ipa(IPA + PAGE), LEVEL_ANY);
	s2_dsb(r->cpu, S2_DSB_ISH);
	s2_tlbi_vmalle1is(r->cpu);
	s2_dsb(r->cpu, S2_DSB_ISH);
	free_table(r, page);
}

static void freed_after_the_guest_has_left_and_each_cpu_was_flushed(struct oracle_rig *r)
{
	struct s2_pa page;

	s2_count(second(r), S2_OP_GUEST_EXIT, 1);
	page = unlink_table(r);
	s2_dsb(r->cpu, S2_DSB_ISH);
	by_all(second(r));
	free_table(r, page);
}

/* A page of leaves is gone: whoever still walks must not come there. */
static void a_table_is_freed_by_the_architectures_rules_alone(void **state)
{
	static const struct {
		const char *name;
		void (*run)(struct oracle_rig *r);
		bool sound;
	} rows[] = {
		{"freed_after_the_flush", freed_after_the_flush, true},
		{"freed_before_the_flush_is_complete", freed_before_the_flush_is_complete, false},
		{"freed_after_a_flush_of_leaves", freed_after_a_flush_of_leaves, false},
		{"freed_after_a_flush_of_its_entries_and_of_it",
		 freed_after_a_flush_of_its_entries_and_of_it, true},
		{"freed_after_the_guest_has_left_and_each_cpu_was_flushed",
		 freed_after_the_guest_has_left_and_each_cpu_was_flushed, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct oracle_rig r;

		s2_test_row("%s", rows[i].name);
		oracle_rig_up(&r, "max", "newest");
		map(&r, IPA, 2 * PAGE, PA, RW);
		load_vmid(&r, second(&r), r.vttbr);
		s2_count(second(&r), S2_OP_GUEST_ENTRY, 1);
		prepare(&r, r.cpu);
		rows[i].run(&r);
		returns(&r, IPA, 2 * PAGE);
		if (rows[i].sound)
			expect_sound(&r);
		else
			assert_true(s2_oracle_count(r.o, S2_RULE_TABLES) > 0);
		oracle_rig_down(&r);
	}
}

/* ---- another value in the place of a valid one ---- */

static void replace(struct oracle_rig *r, s2_pte pte)
{
	store(r, IPA, S2_LAST_LEVEL, pte, S2_MEM_PLAIN);
	s2_dsb(r->cpu, S2_DSB_ISHST);
}

static void another_page_after_a_break(struct oracle_rig *r)
{
	replace(r, 0);
	by_all(r->cpu);
	replace(r, leaf(r, PA + 8 * PAGE, RW));
}

static void another_page_at_once(struct oracle_rig *r)
{
	replace(r, leaf(r, PA + 8 * PAGE, RW));
	by_all(r->cpu);
}

static void another_page_after_a_break_that_is_not_complete(struct oracle_rig *r)
{
	replace(r, 0);
	s2_tlbi_vmalls12e1is(r->cpu);
	replace(r, leaf(r, PA + 8 * PAGE, RW));
	s2_dsb(r->cpu, S2_DSB_ISH);
}

static void less_permission_at_once(struct oracle_rig *r)
{
	replace(r, leaf(r, PA, S2_PROT_R));
	by_all(r->cpu);
}

static void another_type_at_once(struct oracle_rig *r)
{
	replace(r, leaf(r, PA, RW | S2_PROT_NORMAL_NC));
	by_all(r->cpu);
}

static void a_valid_entry_is_replaced_by_the_architectures_rules_alone(void **state)
{
	static const struct {
		const char *name;
		void (*run)(struct oracle_rig *r);
		bool sound;
	} rows[] = {
		{"another_page_after_a_break", another_page_after_a_break, true},
		{"another_page_at_once", another_page_at_once, false},
		{"another_page_after_a_break_that_is_not_complete",
		 another_page_after_a_break_that_is_not_complete, false},
		{"less_permission_at_once", less_permission_at_once, true},
		{"another_type_at_once", another_type_at_once, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct oracle_rig r;

		s2_test_row("%s", rows[i].name);
		oracle_rig_up(&r, "max", "newest");
		map(&r, IPA, PAGE, PA, RW);
		prepare(&r, r.cpu);
		rows[i].run(&r);
		returns(&r, IPA, PAGE);
		if (rows[i].sound)
			expect_sound(&r);
		else
			expect_found(&r, S2_FOUND_COEXISTENCE);
		oracle_rig_down(&r);
	}
}

/* ---- more permission, and a dirty log's batch ---- */

static void the_fault_is_raised_again_unless_the_entry_goes(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		struct oracle_rig r;

		s2_test_row("way %u", how);
		oracle_rig_up(&r, "max", "newest");
		map(&r, IPA, PAGE, PA, S2_PROT_R);
		prepare(&r, r.cpu);
		replace(&r, leaf(&r, PA, RW));
		if (how == 1) { /* this CPU's alone: others fault and come back */
			s2_tlbi_ipas2e1(r.cpu, s2_ipa(IPA), 3);
			s2_dsb(r.cpu, S2_DSB_NSH);
			s2_tlbi_vmalle1(r.cpu);
			s2_dsb(r.cpu, S2_DSB_NSH);
		}
		if (how == 2)
			by_all(r.cpu);
		if (how == 3) /* another CPU's own */
			s2_tlbi_vmalls12e1(second(&r));
		s2_dsb(second(&r), S2_DSB_NSH);
		rely(&r, S2_RELY_FAULT_RESOLVED, IPA, PAGE, S2_ACCESS_WRITE);
		if (how == 1 || how == 2)
			expect_sound(&r);
		else
			expect_found(&r, S2_FOUND_REFUSED);
		oracle_rig_down(&r);
	}
}

/* Write-protected one by one, flushed once for all, and only then handed out; or before. */
static void a_batch_of_dirty_bits_is_handed_out_after_its_flush(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		struct oracle_rig r;

		s2_test_row("way %u", how);
		oracle_rig_up(&r, "max", "newest");
		map(&r, IPA, 8 * PAGE, PA, RW);
		prepare(&r, r.cpu);
		for (uint64_t k = 0; k < 8; k++)
			store(&r, IPA + k * PAGE, S2_LAST_LEVEL, leaf(&r, PA + k * PAGE, S2_PROT_R),
			      S2_MEM_PLAIN);
		s2_dsb(r.cpu, S2_DSB_ISHST);
		if (how == 0)
			by_all(r.cpu);
		if (how == 1) /* all but the last */
			for (uint64_t k = 0; k < 7; k++)
				by_ipa(r.cpu, IPA + k * PAGE, 3);
		rely(&r, S2_RELY_DIRTY_HARVESTED, IPA, 8 * PAGE, S2_ACCESS_READ);
		if (how == 0)
			expect_sound(&r);
		else
			expect_found(&r, S2_FOUND_DIRTY_HELD);
		oracle_rig_down(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_page_is_gone_by_the_architectures_rules_alone),
		s2_unit_test(a_table_is_freed_by_the_architectures_rules_alone),
		s2_unit_test(a_valid_entry_is_replaced_by_the_architectures_rules_alone),
		s2_unit_test(the_fault_is_raised_again_unless_the_entry_goes),
		s2_unit_test(a_batch_of_dirty_bits_is_handed_out_after_its_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
