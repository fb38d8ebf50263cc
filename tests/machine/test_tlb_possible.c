/* SPDX-License-Identifier: MIT */
/*
 * The possible TLB against a model that keeps one entry a page and CPU, with
 * random programs of stores, TLBIs and barriers on two CPUs; runs against the
 * same instructions one by one; subtrees and conflicts.
 */
#include "property.h"

#include <string.h>

#include <stage2sim/pgtable.h>
#include <stage2sim/residue.h>
#include <stage2sim/tlbi.h>

#include "hyp/stage2/mmu.h"
#include "machine/residue.h"

#define PAGE	UINT64_C(0x1000)
#define MIB	UINT64_C(0x100000)
#define RW	(S2_PROT_R | S2_PROT_W)
#define PA	UINT64_C(0x40000000)
#define N_SLOTS 16U
/* The slots lie on both sides of where two tables meet. */
#define IPA  (4 * MIB - N_SLOTS / 2 * PAGE)
#define VMID 7

struct rig {
	struct s2_machine *m;
	struct s2_mmu *mmu;
	struct s2_physics *p;
};

static void rig_init(struct rig *r, const char *spec, uint64_t run_limit, unsigned cpus)
{
	struct s2_machine_config cfg = {.cpus = cpus, .run_limit = run_limit};
	const struct s2_physics_config physics = {
		.residue = true, .memory = true, .detail = S2_MEMORY_STATES};
	const struct s2_mmu_config mmu = {s2_flavour_find("kvm-6.12"), 40, {VMID}};

	assert_i64(s2_features_parse(spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &r->m), 0);
	assert_i64(s2_mmu_create(r->m, &mmu, &r->mmu), 0);
	assert_i64(s2_physics_attach(r->m, &physics, &r->p), 0);
	assert_i64(s2_physics_watch(r->p, r->mmu->vtcr, r->mmu->vttbr), 0);
}

static void rig_free(struct rig *r)
{
	assert_i64(s2_physics_error(r->p), 0);
	s2_physics_detach(r->p);
	s2_mmu_free(r->mmu);
	s2_machine_destroy(r->m);
}

static void map(struct rig *r, uint64_t ipa, uint64_t size, uint64_t pa)
{
	assert_i64(s2_pgtable_map(r->mmu, s2_machine_cpu(r->m, 0), s2_range(ipa, size), s2_pa(pa),
				  RW, NULL, 0),
		   0);
}

/* The page with the last-level entry of an IPA. */
static struct s2_table *last_table(const struct s2_mmu *mmu, struct s2_ipa ipa)
{
	struct s2_table *table = &mmu->root[s2_root_index(&mmu->geo, ipa)];

	for (int level = mmu->geo.start_level; level < S2_LAST_LEVEL; level++) {
		s2_pte pte = table->entries[s2_level_index(&mmu->geo, ipa, level)];

		table = s2_tablemem_find(mmu->machine->tables, s2_pte_pa(pte, &mmu->fmt));
	}
	return table;
}

static uint64_t count(const struct rig *r)
{
	return s2_residue_count(r->p, s2_vmid(VMID));
}

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
	/* Where in CPU 0's flush the other's TLBI comes: before each of the four steps. */
	for (unsigned at = 0; at < 4; at++) {
		struct s2_flush_context cxt[2];
		struct s2_cpu *cpu[2];
		struct rig r;

		(void)state;
		s2_test_row("before step %u", at);
		rig_init(&r, "neoverse-v1,-repeat_tlbi", 0, 2);
		map(&r, MIB, PAGE, PA);
		for (unsigned i = 0; i < 2; i++) {
			cpu[i] = s2_machine_cpu(r.m, i);
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

/* The naive model. */
enum {
	STORE_PA,
	STORE_RO,
	STORE_0,
	TLBI_IPA,
	TLBI_HINT,
	TLBI_RANGE,
	VMALLE1,
	VMALLS12,
	DSB_ISH,
	DSB_ISHST,
	DSB_NSH,
	DSB_NSHST,
	ISB,
	N_OPS
};

struct naive_entry {
	bool live, conflict;
	bool own;  /* pending: its CPU has issued a local TLBI, which any DSB of its completes */
	bool all_own; /* the same of a TLBI of all */
	bool seen; /* by another CPU, which stored over it */
	unsigned slot, cpu, storer, pending;
	unsigned all; /* CPUs whose TLBI of all is under way, whatever else is */
	uint64_t ish, any;
	s2_pte pte;
	enum s2_residue_stage stage; /* VISIBLE is not used, as in the library */
};

static struct {
	size_t n;
	struct naive_entry entries[2 * S2_PROPERTY_MAX_STEPS];
	uint64_t ish[2], any[2];
	s2_pte tables[N_SLOTS];
} model;

static bool naive_visible(const struct naive_entry *e, bool local, unsigned cpu)
{
	return e->seen || model.ish[e->storer] > e->ish ||
	       (local && cpu == e->storer && model.any[cpu] > e->any);
}

static void naive_store(unsigned cpu, unsigned slot, s2_pte new)
{
	s2_pte old = model.tables[slot];

	model.tables[slot] = new;
	for (size_t i = 0; i < model.n; i++)
		model.entries[i].seen |=
			model.entries[i].slot == slot && model.entries[i].storer != cpu;
	for (unsigned i = 0; i < 2 && s2_pte_valid(old) && old != new; i++) {
		const struct naive_entry e = {.live = true,
					      .slot = slot,
					      .cpu = i,
					      .storer = cpu,
					      .ish = model.ish[cpu],
					      .any = model.any[cpu],
					      .pte = old,
					      .stage = S2_RESIDUE_STORED};

		model.entries[model.n++] = e;
	}
	for (size_t i = 0; i < model.n && s2_pte_valid(new); i++) {
		struct naive_entry *e = &model.entries[i];

		if (e->slot == slot && e->stage != S2_RESIDUE_SYNC &&
		    ((e->pte ^ new) & ~(S2_PTE_PERMS | S2_PTE_AF)))
			e->conflict = true;
	}
}

static void naive_pend(struct naive_entry *e, unsigned cpu, bool local, enum s2_residue_stage stage)
{
	if (e->stage != stage) {
		e->pending = 0;
		e->own = false;
	}
	e->stage = stage;
	e->pending |= 1U << cpu;
	e->own |= local;
}

static void naive_tlbi(struct naive_entry *e, const struct s2_step *s, unsigned first,
		       unsigned last, bool hint_wrong)
{
	unsigned cpu = s->a & 1;
	bool local = s->a & 2;

	if (local && e->cpu != cpu)
		return;
	if (s->op == VMALLS12) {
		if (e->stage == S2_RESIDUE_SYNC ||
		    (e->stage == S2_RESIDUE_STORED && !naive_visible(e, local, cpu)))
			return;
		if (e->stage == S2_RESIDUE_STORED)
			naive_pend(e, cpu, local, S2_RESIDUE_ALL_ISSUED);
		e->all |= 1U << cpu;
		e->all_own |= local;
	} else if (s->op == VMALLE1) {
		if (e->stage == S2_RESIDUE_S2_DONE || e->stage == S2_RESIDUE_VA_ISSUED)
			naive_pend(e, cpu, local, S2_RESIDUE_VA_ISSUED);
	} else if (!hint_wrong && !e->conflict && e->slot >= first && e->slot <= last) {
		if ((e->stage == S2_RESIDUE_STORED && naive_visible(e, local, cpu)) ||
		    e->stage == S2_RESIDUE_S2_ISSUED || e->stage == S2_RESIDUE_ALL_ISSUED)
			naive_pend(e, cpu, local, S2_RESIDUE_S2_ISSUED);
	}
}

static void naive_dsb(unsigned cpu, unsigned op)
{
	const bool domain = op == DSB_ISH || op == DSB_ISHST;

	model.any[cpu]++;
	model.ish[cpu] += domain;
	if (op == DSB_ISHST || op == DSB_NSHST)
		return;
	for (size_t i = 0; i < model.n; i++) {
		struct naive_entry *e = &model.entries[i];

		bool all = (e->all >> cpu & 1) && (domain || (e->all_own && e->cpu == cpu));

		if (!e->live || e->stage == S2_RESIDUE_SYNC)
			continue;
		if (!all && (!(e->pending >> cpu & 1) || e->stage == S2_RESIDUE_S2_DONE ||
			     (!domain && !(e->own && e->cpu == cpu))))
			continue;
		if (!all && e->stage == S2_RESIDUE_S2_ISSUED) {
			e->stage = S2_RESIDUE_S2_DONE;
			e->pending = 0;
		} else if (e->cpu == cpu) {
			e->stage = S2_RESIDUE_SYNC;
		} else {
			e->live = false;
		}
	}
}

struct program {
	struct rig r;
	struct s2_table *tables[2];
};

static s2_pte *slot_of(struct program *prog, unsigned slot, uint64_t *pa)
{
	struct s2_table *table = prog->tables[slot >= N_SLOTS / 2];
	unsigned index = (512 - N_SLOTS / 2 + slot) % 512;

	*pa = table->pa + index * sizeof(s2_pte);
	return &table->entries[index];
}

static void step_store(struct program *prog, const struct s2_step *s)
{
	struct s2_cpu *cpu = s2_machine_cpu(prog->r.m, s->a & 1);
	unsigned slot = (unsigned)s->b;
	uint64_t pa;
	s2_pte *entry = slot_of(prog, slot, &pa);
	s2_pte new = 0, attr;

	assert_i64(s2_pte_attr(&prog->r.mmu->fmt, RW, &attr), 0);
	assert_i64(s2_pte_make_leaf(&prog->r.mmu->fmt, s2_pa(PA + (slot + s->c * 64) * PAGE), attr,
				    3, &new),
		   0);
	if (s->op == STORE_0)
		new = 0;
	if (s->op == STORE_RO)
		new = *entry & ~S2_PTE_S2AP_W;
	s2_pte_write(cpu, pa, new, 0, S2_MEM_PLAIN);
	*entry = new;
	naive_store(s->a & 1, slot, new);
}

static void step_tlbi(struct program *prog, const struct s2_step *s)
{
	struct s2_cpu *cpu = s2_machine_cpu(prog->r.m, s->a & 1);
	const bool local = s->a & 2;
	const struct s2_ipa ipa = {IPA + s->b * PAGE};
	const int level = s->op == TLBI_HINT ? (s->c ? 3 : 2) : S2_TTL_UNKNOWN;
	unsigned last = (unsigned)s->b;
	uint64_t operand;

	if (s->op == TLBI_RANGE) {
		assert_i64(s2_tlbi_range_operand(&prog->r.mmu->tlbi, ipa, (unsigned)s->c, 0,
						 S2_TTL_UNKNOWN, &operand),
			   0);
		last += (unsigned)(2 * (s->c + 1) - 1);
		(local ? s2_tlbi_ripas2e1 : s2_tlbi_ripas2e1is)(cpu, operand);
	} else if (s->op == VMALLE1) {
		(local ? s2_tlbi_vmalle1 : s2_tlbi_vmalle1is)(cpu);
	} else if (s->op == VMALLS12) {
		(local ? s2_tlbi_vmalls12e1 : s2_tlbi_vmalls12e1is)(cpu);
	} else {
		(local ? s2_tlbi_ipas2e1 : s2_tlbi_ipas2e1is)(cpu, ipa, level);
	}
	for (size_t i = 0; i < model.n; i++)
		if (model.entries[i].live)
			naive_tlbi(&model.entries[i], s, (unsigned)s->b, last, level == 2);
}

static void step_barrier(struct program *prog, const struct s2_step *s)
{
	static const enum s2_dsb_kind kinds[] = {S2_DSB_ISH, S2_DSB_ISHST, S2_DSB_NSH,
						 S2_DSB_NSHST};
	struct s2_cpu *cpu = s2_machine_cpu(prog->r.m, s->a & 1);

	if (s->op != ISB) {
		s2_dsb(cpu, kinds[s->op - DSB_ISH]);
		naive_dsb(s->a & 1, s->op);
		return;
	}
	s2_isb(cpu);
	for (size_t i = 0; i < model.n; i++)
		if (model.entries[i].stage == S2_RESIDUE_SYNC && model.entries[i].cpu == (s->a & 1))
			model.entries[i].live = false;
}

struct seen {
	unsigned slot, cpu;
	bool agree;
	size_t n;
};

/* What the library has must be in the model, with its stage. */
static void in_model(void *arg, const struct s2_residue *residue)
{
	struct seen *seen = arg;
	enum s2_residue_stage stage =
		residue->stage == S2_RESIDUE_VISIBLE ? S2_RESIDUE_STORED : residue->stage;

	for (size_t i = 0; i < model.n; i++) {
		const struct naive_entry *e = &model.entries[i];

		if (e->live && e->slot == seen->slot && e->cpu == seen->cpu &&
		    e->pte == residue->pte && e->stage == stage && e->conflict == residue->conflict)
			return;
	}
	seen->agree = false;
}

struct wanted {
	const struct naive_entry *e;
	bool found;
};

static void in_library(void *arg, const struct s2_residue *residue)
{
	struct wanted *w = arg;
	enum s2_residue_stage stage =
		residue->stage == S2_RESIDUE_VISIBLE ? S2_RESIDUE_STORED : residue->stage;

	w->found |= residue->pte == w->e->pte && stage == w->e->stage &&
		    residue->conflict == w->e->conflict;
}

static bool agree(struct program *prog)
{
	bool any = false;

	for (unsigned k = 0; k < 2 * N_SLOTS; k++) {
		struct seen seen = {k / 2, k % 2, true, 0};

		s2_residue_at(prog->r.p, s2_vmid(VMID), s2_ipa(IPA + k / 2 * PAGE), k % 2, in_model,
			      &seen);
		if (!seen.agree)
			return false;
	}
	for (size_t i = 0; i < model.n; i++) {
		struct wanted w = {&model.entries[i], false};

		if (!w.e->live)
			continue;
		any = true;
		s2_residue_at(prog->r.p, s2_vmid(VMID), s2_ipa(IPA + w.e->slot * PAGE), w.e->cpu,
			      in_library, &w);
		if (!w.found)
			return false;
	}
	return any == (count(&prog->r) != 0);
}

static void program_init(struct program *prog)
{
	rig_init(&prog->r, "neoverse-n2,-fwb,-repeat_tlbi", 1, 2);
	map(&prog->r, IPA, N_SLOTS * PAGE, PA);
	memset(&model, 0, sizeof(model));
	for (unsigned i = 0; i < 2; i++) {
		struct s2_cpu *cpu = s2_machine_cpu(prog->r.m, i);

		prog->tables[i] = last_table(prog->r.mmu, s2_ipa(IPA + i * 2 * MIB));
		s2_load_vttbr(cpu, prog->r.mmu->vtcr, prog->r.mmu->vttbr);
		s2_write_sysreg(cpu, S2_SYSREG_HCR_EL2, S2_HCR_E2H);
		s2_isb(cpu);
	}
	for (unsigned i = 0; i < N_SLOTS; i++) {
		uint64_t pa;

		model.tables[i] = *slot_of(prog, i, &pa);
	}
}

static bool run(void *arg, const struct s2_step *steps, size_t n)
{
	struct program prog;
	bool same = true;

	(void)arg;
	program_init(&prog);
	for (size_t i = 0; i < n && same; i++) {
		if (steps[i].op <= STORE_0)
			step_store(&prog, &steps[i]);
		else if (steps[i].op <= VMALLS12)
			step_tlbi(&prog, &steps[i]);
		else
			step_barrier(&prog, &steps[i]);
		same = agree(&prog);
	}
	rig_free(&prog.r);
	return same;
}

static void print(void *arg, const struct s2_step *s)
{
	static const char *const names[] = {"store pa",	 "store ro",   "store 0", "tlbi ipa",
					    "tlbi hint", "tlbi range", "vmalle1", "vmalls12e1",
					    "dsb ish",	 "dsb ishst",  "dsb nsh", "dsb nshst",
					    "isb"};

	(void)arg;
	print_error("%s cpu %" PRIu64 "%s slot %" PRIu64 " c %" PRIu64 "\n", names[s->op], s->a & 1,
		    s->op >= TLBI_IPA && s->op <= VMALLS12 && !(s->a & 2) ? " is" : "", s->b, s->c);
}

static void test_random_programs_agree_with_an_entry_by_entry_model(void **state)
{
	const struct s2_property property = {
		.name = "possible TLB",
		.n_ops = N_OPS,
		.max_a = 4,
		.max_b = N_SLOTS,
		.max_c = 2,
		.steps = 80,
		.programs = 6000,
		.run = run,
		.print = print,
	};

	(void)state;
	s2_property_check(&property, 3);
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
		s2_unit_test(test_random_programs_agree_with_an_entry_by_entry_model),
	};

	return cmocka_run_group_tests_name("machine/tlb_possible", tests, NULL, NULL);
}
