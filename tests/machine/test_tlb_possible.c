/* SPDX-License-Identifier: MIT */
/*
 * The possible TLB: each rule by a case; runs against the same instructions
 * one by one; subtrees and conflicts.
 */
#include "machine/tlb_possible_rig.h"

static void test_nothing_is_residue_before_a_guest_was_entered(void **state)
{
	const struct s2_mmu_config mmu = {s2_flavour_find("kvm-6.12"), 40, {8}};
	struct s2_cpu *cpu;
	struct rig r;

	(void)state;
	rig_init(&r, "neoverse-n1", 0, 1);
	cpu = s2_machine_cpu(r.m, 0);
	/* The next MMU may get the pages of this one, which was watched. */
	assert_i64(s2_pgtable_destroy(r.mmu, cpu), 0);
	s2_mmu_free(r.mmu);
	assert_i64(s2_mmu_create(r.m, &mmu, &r.mmu), 0);
	map(&r, IPA, PAGE, PA);
	assert_i64(s2_pgtable_wrprotect(r.mmu, cpu, s2_range(IPA, PAGE)), 0);
	assert_u64(s2_residue_count(r.p, s2_vmid(8)), 0);
	s2_load_vttbr(cpu, r.mmu->vtcr, r.mmu->vttbr);
	s2_count(cpu, S2_OP_GUEST_ENTRY, 1);
	s2_count(cpu, S2_OP_GUEST_EXIT, 1);
	assert_i64(s2_pgtable_mkyoung(r.mmu, cpu, s2_ipa(IPA)), 0);
	assert_u64(s2_residue_count(r.p, s2_vmid(8)), 0);
	assert_i64(s2_pgtable_relax_perms(r.mmu, cpu, s2_ipa(IPA), S2_PROT_W), 0);
	assert_u64(s2_residue_count(r.p, s2_vmid(8)), 0);
	assert_i64(s2_pgtable_wrprotect(r.mmu, cpu, s2_range(IPA, PAGE)), 0);
	assert_u64(s2_residue_count(r.p, s2_vmid(8)), 1);
	rig_free(&r);
}

static void keep(void *arg, const struct s2_residue *residue)
{
	*(struct s2_residue *)arg = *residue;
}

static void test_a_subtree_is_one_until_a_part_of_it_goes(void **state)
{
	struct s2_residue residue;
	struct s2_cpu *cpu;
	struct s2_table *root;
	uint64_t entry;
	struct rig r;

	(void)state;
	rig_init(&r, "neoverse-v1,-repeat_tlbi", 0, 2);
	cpu = s2_machine_cpu(r.m, 0);
	map(&r, 4 * MIB, 4 * PAGE, PA);
	root = &r.mmu->root[0];
	entry = root->entries[0];
	/* A level-1 entry goes, with a table of tables under it. */
	s2_pte_write(cpu, root->pa, 0, 0, S2_MEM_PLAIN);
	root->entries[0] = 0;
	assert_u64(count(&r), 1);
	assert_u64(s2_residue_at(r.p, s2_vmid(VMID), s2_ipa(4 * MIB), 1, keep, &residue), 1);
	assert_true(residue.subtree);
	assert_u64(residue.pte, entry);
	assert_i64(residue.level, 1);
	/* One page flushed without a hint: both walk-cache entries and that page, not the others. */
	s2_flush_vmid_ipa(r.mmu, cpu, s2_ipa(4 * MIB), S2_TTL_UNKNOWN);
	assert_u64(count(&r), 3);
	assert_u64(s2_residue_at(r.p, s2_vmid(VMID), s2_ipa(4 * MIB), 1, NULL, NULL), 0);
	assert_u64(s2_residue_at(r.p, s2_vmid(VMID), s2_ipa(4 * MIB + PAGE), 1, keep, &residue), 1);
	assert_u64(s2_pte_pa(residue.pte, &r.mmu->fmt).v, PA + PAGE);
	s2_flush_vmid(r.mmu, cpu);
	assert_u64(count(&r), 0);
	rig_free(&r);
}

static void relax_flush_local(struct s2_cpu *cpu, bool va)
{
	if (va)
		s2_tlbi_vmalle1(cpu);
	else
		s2_tlbi_ipas2e1(cpu, s2_ipa(MIB), S2_TTL_UNKNOWN);
	assert_i64(s2_dsb(cpu, S2_DSB_NSH), 0);
}

/* A clear on CPU 0 and a relaxed fault on CPU 1, whose TLBIs overlap. */
static void test_a_cpus_own_tlbi_counts_beside_anothers_broadcast(void **state)
{
	struct s2_flush_context cxt[2];
	struct s2_cpu *cpu[2];
	struct rig r;

	(void)state;
	rig_init(&r, "neoverse-v1,-repeat_tlbi", 0, 2);
	map(&r, MIB, PAGE, PA);
	for (unsigned i = 0; i < 2; i++) {
		cpu[i] = s2_machine_cpu(r.m, i);
		s2_flush_enter(r.mmu, cpu[i], &cxt[i]);
	}
	assert_i64(s2_pgtable_wrprotect(r.mmu, cpu[0], s2_range(MIB, PAGE)), 0);
	assert_i64(s2_dsb(cpu[0], S2_DSB_ISHST), 0);
	s2_tlbi_ipas2e1is(cpu[0], s2_ipa(MIB), S2_TTL_UNKNOWN);
	relax_flush_local(cpu[1], false);
	/* What CPU 1 held of stage 2 is gone, and VMALLE1 takes the rest; CPU 0's is pending. */
	s2_tlbi_vmalle1is(cpu[0]);
	relax_flush_local(cpu[1], true);
	s2_isb(cpu[1]);
	assert_u64(s2_residue_at(r.p, s2_vmid(VMID), s2_ipa(MIB), 1, NULL, NULL), 0);
	assert_u64(s2_residue_at(r.p, s2_vmid(VMID), s2_ipa(MIB), 0, NULL, NULL), 1);
	rig_free(&r);
}

static void flush_local(struct s2_cpu *cpu)
{
	assert_i64(s2_dsb(cpu, S2_DSB_NSHST), 0);
	relax_flush_local(cpu, false);
	relax_flush_local(cpu, true);
	s2_isb(cpu);
}

/* Who loses the race to relax a page has read the winner's descriptor, which no DSB of it made sure of. */
static void test_a_store_that_another_cpu_has_read_is_seen_by_all_walkers(void **state)
{
	for (int reads = 0; reads < 2; reads++) {
		struct s2_flush_context cxt[2];
		struct s2_cpu *cpu[2];
		struct s2_leaf leaf;
		struct rig r;

		(void)state;
		rig_init(&r, "neoverse-v1,-repeat_tlbi", 0, 2);
		map(&r, MIB, PAGE, PA);
		for (unsigned i = 0; i < 2; i++) {
			cpu[i] = s2_machine_cpu(r.m, i);
			s2_flush_enter(r.mmu, cpu[i], &cxt[i]);
		}
		assert_i64(s2_pgtable_wrprotect(r.mmu, cpu[0], s2_range(MIB, PAGE)), 0);
		if (reads)
			assert_i64(s2_pgtable_lookup(r.mmu, cpu[1], s2_ipa(MIB), &leaf), 0);
		flush_local(cpu[1]);
		assert_u64(s2_residue_at(r.p, s2_vmid(VMID), s2_ipa(MIB), 1, NULL, NULL), !reads);
		rig_free(&r);
	}
}

/* CPU 0 flushes one page, CPU 1 the whole VMID; each is sure after its own last DSB, whoever began. */
static void test_a_flush_by_ipa_goes_on_beside_anothers_of_all(void **state)
{
	/* Of few CPUs, and of so many that a set of them is several words. */
	static const unsigned who[][2] = {{0, 1}, {129, 0}};

	/* Where in a CPU's flush the other's TLBI comes: before each of the four steps. */
	for (unsigned row = 0; row < 8; row++) {
		const unsigned at = row % 4, *const of = who[row / 4];
		struct s2_flush_context cxt[2];
		struct s2_cpu *cpu[2];
		struct rig r;

		(void)state;
		s2_test_row("CPU %u before step %u of CPU %u", of[1], at, of[0]);
		rig_init(&r, "neoverse-v1,-repeat_tlbi", 0, (of[0] > of[1] ? of[0] : of[1]) + 1);
		map(&r, MIB, PAGE, PA);
		for (unsigned i = 0; i < 2; i++) {
			cpu[i] = s2_machine_cpu(r.m, of[i]);
			s2_flush_enter(r.mmu, cpu[i], &cxt[i]);
		}
		assert_i64(s2_pgtable_wrprotect(r.mmu, cpu[0], s2_range(MIB, PAGE)), 0);
		assert_i64(s2_dsb(cpu[0], S2_DSB_ISHST), 0);
		for (unsigned step = 0; step < 4; step++) {
			if (step == at)
				s2_tlbi_vmalls12e1is(cpu[1]);
			assert_u64(count(&r), 1);
			if (step == 0)
				s2_tlbi_ipas2e1is(cpu[0], s2_ipa(MIB), S2_TTL_UNKNOWN);
			else if (step == 2)
				s2_tlbi_vmalle1is(cpu[0]);
			else
				assert_i64(s2_dsb(cpu[0], S2_DSB_ISH), 0);
		}
		s2_isb(cpu[0]);
		assert_u64(count(&r), 0);
		rig_free(&r);
	}
}

/* The VMALLS12E1 of another CPU that is not complete makes up for none of one's own TLBIs. */
static void test_anothers_tlbi_of_all_counts_for_nothing_before_its_own_dsb(void **state)
{
	for (unsigned left_out = 0; left_out < 2; left_out++) {
		struct s2_flush_context cxt[2];
		struct s2_cpu *cpu[2];
		struct rig r;

		(void)state;
		s2_test_row("without %s", left_out ? "vmalle1is" : "ipas2e1is");
		rig_init(&r, "neoverse-v1,-repeat_tlbi", 0, 2);
		map(&r, MIB, PAGE, PA);
		for (unsigned i = 0; i < 2; i++) {
			cpu[i] = s2_machine_cpu(r.m, i);
			s2_flush_enter(r.mmu, cpu[i], &cxt[i]);
		}
		assert_i64(s2_pgtable_wrprotect(r.mmu, cpu[0], s2_range(MIB, PAGE)), 0);
		assert_i64(s2_dsb(cpu[0], S2_DSB_ISHST), 0);
		if (left_out != 0)
			s2_tlbi_ipas2e1is(cpu[0], s2_ipa(MIB), S2_TTL_UNKNOWN);
		s2_tlbi_vmalls12e1is(cpu[1]);
		assert_i64(s2_dsb(cpu[0], S2_DSB_ISH), 0);
		if (left_out != 1)
			s2_tlbi_vmalle1is(cpu[0]);
		assert_i64(s2_dsb(cpu[0], S2_DSB_ISH), 0);
		s2_isb(cpu[0]);
		assert_u64(count(&r), 1);
		assert_i64(s2_dsb(cpu[1], S2_DSB_ISH), 0);
		s2_isb(cpu[1]);
		assert_u64(count(&r), 0);
		rig_free(&r);
	}
}

static void test_without_break_before_make_only_all_is_sure(void **state)
{
	struct s2_residue residue;
	struct s2_cpu *cpu;
	struct s2_table *table;
	struct s2_leaf leaf;
	struct rig r;

	(void)state;
	rig_init(&r, "neoverse-n1", 0, 2);
	cpu = s2_machine_cpu(r.m, 0);
	map(&r, 4 * MIB, PAGE, PA);
	assert_i64(s2_pgtable_lookup(r.mmu, NULL, s2_ipa(4 * MIB), &leaf), 0);
	table = last_table(r.mmu, s2_ipa(4 * MIB));
	s2_pte_write(cpu, table->pa, leaf.pte + PAGE, 0, S2_MEM_PLAIN);
	table->entries[0] = leaf.pte + PAGE;
	s2_flush_vmid_ipa(r.mmu, cpu, s2_ipa(4 * MIB), 3);
	assert_u64(s2_residue_at(r.p, s2_vmid(VMID), s2_ipa(4 * MIB), 1, keep, &residue), 1);
	assert_true(residue.conflict);
	s2_flush_vmid(r.mmu, cpu);
	assert_u64(count(&r), 0);
	rig_free(&r);
}

/* Runs: the same state as one by one, whatever the operation leaves. */
static void runs_agree(const char *spec, bool lingering)
{
	uint64_t counts[2][3], dirty[2];

	for (unsigned i = 0; i < 2; i++) {
		struct s2_range all = s2_range(2 * MIB, 3 * MIB);
		struct s2_cpu *cpu;
		struct rig r;

		rig_init(&r, spec, i, 2);
		cpu = s2_machine_cpu(r.m, 0);
		assert_i64(s2_memory_write(s2_physics_memory(r.p), S2_AGENT_WRITE_BACK, s2_pa(PA),
					   MIB, NULL),
			   0);
		assert_i64(s2_pgtable_map(r.mmu, cpu, all, s2_pa(PA), RW, NULL, S2_MAP_FORCE_PTE),
			   0);
		if (lingering)
			assert_i64(s2_pgtable_relax_perms(r.mmu, cpu, s2_ipa(2 * MIB + PAGE),
							  S2_PROT_X),
				   0);
		assert_i64(s2_pgtable_wrprotect(r.mmu, cpu, s2_range(2 * MIB, MIB)), 0);
		counts[i][0] = count(&r);
		assert_i64(s2_pgtable_unmap(r.mmu, cpu, s2_range(2 * MIB, 2 * MIB)), 0);
		counts[i][1] = count(&r);
		assert_i64(s2_pgtable_unmap(r.mmu, cpu, all), 0);
		counts[i][2] = count(&r);
		dirty[i] = s2_physics_dc_counts(r.p).dirty;
		rig_free(&r);
	}
	for (unsigned k = 0; k < 3; k++)
		assert_u64(counts[0][k], counts[1][k]);
	assert_u64(counts[0][0], 256 + lingering);
	assert_u64(dirty[0], dirty[1]);
}

/* A range above 2^21 pages is a run of TLBIs: what the first names says nothing of the second's. */
static void test_a_run_of_range_tlbis_names_what_each_of_them_names(void **state)
{
	const uint64_t far = 9 * 1024 * MIB;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct s2_cpu *cpu;
		struct rig r;

		rig_init(&r, "max", i, 2);
		cpu = s2_machine_cpu(r.m, 0);
		map(&r, far, PAGE, PA);
		assert_i64(s2_pgtable_wrprotect(r.mmu, cpu, s2_range(far, PAGE)), 0);
		assert_u64(count(&r), 1);
		assert_i64(s2_flush_vmid_range(r.mmu, cpu, s2_range(0, 8 * 1024 * MIB)), 0);
		assert_u64(count(&r), 1);
		assert_i64(s2_flush_vmid_range(r.mmu, cpu, s2_range(0, 16 * 1024 * MIB)), 0);
		assert_u64(count(&r), 0);
		rig_free(&r);
	}
}

/* Stores that are each seen before the next rest together: one group a table page. */
static void test_stores_with_barriers_between_them_are_kept_together(void **state)
{
	struct s2_cpu *cpu;
	struct rig r;

	(void)state;
	rig_init(&r, "neoverse-n1", 1, 2);
	cpu = s2_machine_cpu(r.m, 0);
	assert_i64(s2_pgtable_map(r.mmu, cpu, s2_range(2 * MIB, 2 * MIB), s2_pa(PA), RW, NULL,
				  S2_MAP_FORCE_PTE),
		   0);
	for (unsigned i = 0; i < 512; i++) {
		assert_i64(s2_pgtable_wrprotect(r.mmu, cpu, s2_range(2 * MIB + i * PAGE, PAGE)), 0);
		s2_dsb(cpu, S2_DSB_ISH);
	}
	assert_u64(count(&r), 512);
	/* The newest is not at rest before the next store of its page. */
	assert_in_range(r.p->residues->by_vmid[VMID]->groups, 1, 2);
	rig_free(&r);
}

static void test_runs_are_their_instructions_one_by_one(void **state)
{
	static const char *const specs[] = {"neoverse-n1", "max,-lpa2,pa=48", "cortex-a72"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		s2_test_row("%s", specs[i]);
		runs_agree(specs[i], false);
		runs_agree(specs[i], true);
	}
}

/* Of an unmapped page, only combined entries are left when this is through. */
static void unmap_but_for_combined(struct rig *r, struct s2_cpu *cpu)
{
	struct s2_table *table = last_table(r->mmu, s2_ipa(IPA));
	const unsigned index = s2_level_index(&r->mmu->geo, s2_ipa(IPA), S2_LAST_LEVEL);

	s2_pte_write(cpu, table->pa + index * sizeof(s2_pte), 0, 0, S2_MEM_PLAIN);
	table->entries[index] = 0;
	s2_dsb(cpu, S2_DSB_ISHST);
	s2_tlbi_ipas2e1is(cpu, s2_ipa(IPA), S2_TTL_UNKNOWN);
	s2_dsb(cpu, S2_DSB_ISH);
}

static uint64_t left_after_vmalle1(const struct rig *r, struct s2_cpu *cpu)
{
	s2_tlbi_vmalle1is(cpu);
	s2_dsb(cpu, S2_DSB_ISH);
	s2_isb(cpu);
	return count(r);
}

/*
 * With E2H and TGE a VMALLE1 is about the host's regime.  Until an ISB either of
 * the two values of HCR_EL2 may be in effect, so that nothing is sure to go.
 */
static void test_hcr_el2_between_write_and_isb_may_be_either(void **state)
{
	const uint64_t guest = S2_HCR_E2H, host = S2_HCR_E2H | S2_HCR_TGE;
	struct s2_cpu *cpu;
	struct rig r;

	(void)state;
	rig_init(&r, "neoverse-v1,-repeat_tlbi", 0, 2);
	cpu = s2_machine_cpu(r.m, 0);
	map(&r, IPA, PAGE, PA);
	s2_load_vttbr(cpu, r.mmu->vtcr, r.mmu->vttbr);
	s2_write_sysreg(cpu, S2_SYSREG_HCR_EL2, guest);
	s2_isb(cpu);
	unmap_but_for_combined(&r, cpu);
	assert_u64(count(&r), 1);
	/* The guest's is in effect, the host's issued; then the other way round. */
	s2_write_sysreg(cpu, S2_SYSREG_HCR_EL2, host);
	assert_u64(left_after_vmalle1(&r, cpu), 1);
	s2_write_sysreg(cpu, S2_SYSREG_HCR_EL2, guest);
	assert_u64(left_after_vmalle1(&r, cpu), 1);
	/* That ended in an ISB: now there is no doubt. */
	assert_u64(left_after_vmalle1(&r, cpu), 0);
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(test_nothing_is_residue_before_a_guest_was_entered),
		s2_unit_test(test_a_subtree_is_one_until_a_part_of_it_goes),
		s2_unit_test(test_a_cpus_own_tlbi_counts_beside_anothers_broadcast),
		s2_unit_test(test_a_store_that_another_cpu_has_read_is_seen_by_all_walkers),
		s2_unit_test(test_a_flush_by_ipa_goes_on_beside_anothers_of_all),
		s2_unit_test(test_anothers_tlbi_of_all_counts_for_nothing_before_its_own_dsb),
		s2_unit_test(test_without_break_before_make_only_all_is_sure),
		s2_unit_test(test_a_run_of_range_tlbis_names_what_each_of_them_names),
		s2_unit_test(test_stores_with_barriers_between_them_are_kept_together),
		s2_unit_test(test_runs_are_their_instructions_one_by_one),
		s2_unit_test(test_hcr_el2_between_write_and_isb_may_be_either),
	};

	return cmocka_run_group_tests_name("machine/tlb_possible", tests, NULL, NULL);
}
