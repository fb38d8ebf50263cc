/* SPDX-License-Identifier: MIT */
/*
 * Faults that some order of two threads shows: what is done without the lock that it
 * needs, before what must come first, or not by who loses a race.  Those of a subject
 * stand with it; here are the others.
 */
#include <stage2sim/insn.h>

#include "study/scenario/scenarios.h"

static struct s2_range page0(void)
{
	return s2_range(S2_WORLD_IPA, S2_WORLD_PAGE);
}

/* ---- without mmu_lock, or with it for reading ---- */

static void unmap_unlocked(void *state)
{
	struct s2_world *w = state;

	s2_world_expect(w, s2_pgtable_unmap(s2_vm_mmu(w->vm[0]), s2_world_cpu(w, 0), page0()));
}

static void age_unlocked(void *state)
{
	struct s2_world *w = state;
	bool young;

	s2_world_expect(w, s2_pgtable_test_clear_young(s2_vm_mmu(w->vm[0]), s2_world_cpu(w, 1),
						       page0(), true, &young));
}

static void relax_unlocked(void *state)
{
	struct s2_world *w = state;
	const int ret = s2_pgtable_relax_perms(s2_vm_mmu(w->vm[0]), s2_world_cpu(w, 1),
					       s2_world_ipa(0), S2_PROT_W);

	(void)ret; /* -EAGAIN where nothing is mapped any more */
}

static void young_unlocked(void *state)
{
	struct s2_world *w = state;
	const int ret =
		s2_pgtable_mkyoung(s2_vm_mmu(w->vm[0]), s2_world_cpu(w, 1), s2_world_ipa(0));

	(void)ret;
}

static void protect_unlocked(void *state)
{
	struct s2_world *w = state;

	s2_world_expect(w, s2_pgtable_wrprotect(s2_vm_mmu(w->vm[0]), s2_world_cpu(w, 0), page0()));
	s2_world_expect(w, s2_flush_vmid_range(s2_vm_mmu(w->vm[0]), s2_world_cpu(w, 0), page0()));
	s2_world_rely(w, 0, S2_RELY_DIRTY_HARVESTED, 0, "protect_unlocked");
}

static void split_unlocked(void *state)
{
	struct s2_world *w = state;
	struct s2_memcache mc = {4};

	s2_world_expect(w, s2_pgtable_split(s2_vm_mmu(w->vm[0]), s2_world_cpu(w, 0),
					    s2_range(S2_WORLD_IPA, S2_WORLD_BLOCK), &mc));
}

static void unmap_on_cpu1(void *state)
{
	struct s2_world *w = state;

	s2_world_expect(w, s2_vm_unmap_hva(w->vm[0], s2_world_cpu(w, 1), s2_va(S2_WORLD_HVA),
					   S2_WORLD_PAGE, S2_UNMAP_SWAP));
}

/* ---- locks ---- */

static void take_two(struct s2_world *w, unsigned cpu, const struct s2_lock *a,
		     const struct s2_lock *b)
{
	struct s2_cpu *c = s2_world_cpu(w, cpu);

	s2_lock_take(c, a, S2_LOCK_WRITE);
	s2_lock_take(c, b, S2_LOCK_WRITE);
	s2_lock_drop(c, b);
	s2_lock_drop(c, a);
}

static void slots_then_mmu(void *state)
{
	struct s2_world *w = state;

	take_two(w, 0, &w->slots_lock, &w->mmu_lock);
}

static void mmu_then_slots(void *state)
{
	struct s2_world *w = state;

	take_two(w, 1, &w->mmu_lock, &w->slots_lock);
}

/* ---- two vcpus relax one page ---- */

static int protected_page(void *state)
{
	struct s2_world *w = state;
	int ret = s2_world_load_two(state);

	for (int vcpu = 0; !ret && vcpu < 2; vcpu++)
		s2_world_access(w, 0, vcpu, 0, S2_ACCESS_WRITE);
	if (!ret)
		ret = s2_vm_log_start(w->vm[0], s2_world_cpu(w, 0), w->slot);
	return ret ? ret : w->error;
}

/* Only who changes the entry flushes, and nobody but its own CPU. */
static bool loser_does_not_flush(void *state, unsigned cpu, const struct s2_insn *insn)
{
	struct s2_world *w = state;
	struct s2_leaf leaf;

	if (insn->op != S2_OP_TLBI_IPAS2E1 && insn->op != S2_OP_TLBI_VMALLE1)
		return false;
	if (s2_pgtable_lookup(s2_vm_mmu(w->vm[0]), NULL, s2_world_ipa(0), &leaf))
		return false;
	/* The first of them is who has won. */
	if (!w->shared)
		w->shared = cpu + 1;
	return w->shared != cpu + 1;
}

/* ---- an unmap ---- */

static void not_on_event(struct s2_flavour *flavour)
{
	flavour->unmap_cmo = S2_UNMAP_CMO_NOT_ON_EVENT;
}

static void new_vmid(struct s2_flavour *flavour)
{
	flavour->unmap_tlbi = S2_UNMAP_NEW_VMID;
}

static int vcpu1_wrote_off(void *state)
{
	struct s2_world *w = state;
	int ret = s2_world_load(w, 0, 1, 1);

	if (!ret)
		s2_world_access(w, 0, 1, 0, S2_ACCESS_WRITE);
	return ret ? ret : w->error;
}

/* Cleaned while the guest can still write past its caches. */
static void clean_then_unmap(void *state)
{
	struct s2_world *w = state;

	s2_world_expect(w, s2_pgtable_flush(s2_vm_mmu(w->vm[0]), s2_world_cpu(w, 0), page0()));
	s2_world_expect(w, s2_vm_unmap_hva(w->vm[0], s2_world_cpu(w, 0), s2_va(S2_WORLD_HVA),
					   S2_WORLD_PAGE, S2_UNMAP_EVENT));
}

static bool no_dsb_of_unmapper(void *state, unsigned cpu, const struct s2_insn *insn)
{
	(void)state;
	return cpu == 0 && insn->op == S2_OP_DSB_ISH;
}

/* A page is mapped for one vcpu, whose caches are on, and not cleaned for another's. */
static int vcpu0_up(void *state)
{
	const int ret = s2_world_load_two(state);

	if (!ret)
		s2_world_caches(state, 0, true);
	return ret;
}

static void vcpu0_maps_unclean(void *state)
{
	struct s2_world *w = state;

	s2_world_expect(w, s2_pgtable_map(s2_vm_mmu(w->vm[0]), s2_world_cpu(w, 0), page0(),
					  s2_pa(S2_WORLD_PA), S2_PROT_R | S2_PROT_W, NULL,
					  S2_MAP_SKIP_CMO));
	s2_world_access(w, 0, 0, 0, S2_ACCESS_READ);
}

static void vcpu1_reads(void *state)
{
	s2_world_access(state, 0, 1, 0, S2_ACCESS_READ);
}

/* ---- caches ---- */

static void never(struct s2_flavour *flavour)
{
	flavour->toggle = S2_TOGGLE_NEVER;
}

static int written_off(void *state)
{
	struct s2_world *w = state;
	int ret = s2_world_load_two(state);

	for (unsigned vcpu = 0; !ret && vcpu < 2; vcpu++)
		s2_world_access(w, 0, (int)vcpu, vcpu, S2_ACCESS_WRITE);
	return ret ? ret : w->error;
}

/* The first vcpu cleans for all, and counts as up before it has. */
static void comes_up(struct s2_world *w, unsigned vcpu)
{
	struct s2_cpu *cpu = s2_world_cpu(w, vcpu);
	bool first;

	s2_explore_touch(cpu, 0, true);
	first = !w->shared;
	w->shared = 1;
	if (first)
		s2_world_expect(w, s2_pgtable_flush(s2_vm_mmu(w->vm[0]), cpu,
						    s2_range(S2_WORLD_IPA, 4 * S2_WORLD_PAGE)));
	s2_world_caches(w, (int)vcpu, true);
	s2_world_access(w, 0, (int)vcpu, vcpu, S2_ACCESS_READ);
}

static void vcpu0_comes_up(void *state)
{
	comes_up(state, 0);
}

static void vcpu1_comes_up(void *state)
{
	comes_up(state, 1);
}

#define TWO_VCPUS(...) S2_WORLD(.vms = 1, .vcpus = 2, __VA_ARGS__)
#define CACHES(...) \
	S2_CACHE_WORLD(.vms = 1, .vcpus = 2, .machine = S2_WORLD_CACHES, .pages = 4, __VA_ARGS__)
#define MUTANT(bound, from) .broken = true, .preemptions = bound, .origin = from

static const struct s2_named_scenario rows[] = {
	{.scenario = {"unmap-unlocked", "a page is unmapped without mmu_lock while a vcpu faults",
		      TWO_VCPUS(.prepare = s2_world_vcpu1_runs),
		      S2_TWO("host", unmap_unlocked, "vcpu 1", s2_world_vcpu1_writes),
		      .check = s2_world_check},
	 MUTANT(3, S2_ORIGIN_MADE_UP)},
	{.scenario = {"age-unlocked",
		      "a page is aged without mmu_lock, by a plain store, and unmapped",
		      TWO_VCPUS(.prepare = s2_world_vcpu1_runs),
		      S2_TWO("host", s2_world_unmap_page, "kswapd", age_unlocked)},
	 MUTANT(3, S2_ORIGIN_MADE_UP)},
	{.scenario = {"relax-unlocked", "permissions are relaxed without mmu_lock against an unmap",
		      TWO_VCPUS(.prepare = s2_world_vcpu1_runs),
		      S2_TWO("host", s2_world_unmap_page, "vcpu 1", relax_unlocked)},
	 MUTANT(3, S2_ORIGIN_MADE_UP)},
	{.scenario = {"young-unlocked", "an access fault sets AF without mmu_lock against an unmap",
		      TWO_VCPUS(.prepare = s2_world_vcpu1_runs),
		      S2_TWO("host", s2_world_unmap_page, "vcpu 1", young_unlocked)},
	 MUTANT(3, S2_ORIGIN_MADE_UP)},
	{.scenario = {"protect-unlocked", "a clear write-protects without mmu_lock against a fault",
		      TWO_VCPUS(.pages = 8, .prepare = protected_page),
		      S2_TWO("VMM", protect_unlocked, "vcpu 1", s2_world_vcpu1_writes)},
	 MUTANT(3, S2_ORIGIN_MADE_UP)},
	{.scenario = {"split-unlocked", "a block is split without mmu_lock against an unmap",
		      TWO_VCPUS(.backing = S2_WORLD_BLOCK, .prepare = s2_world_vcpu1_runs),
		      S2_TWO("VMM", split_unlocked, "host", unmap_on_cpu1)},
	 MUTANT(1, S2_ORIGIN_MADE_UP)},
	{.scenario = {"lock-order", "slots_lock is taken under mmu_lock",
		      TWO_VCPUS(.prepare = NULL),
		      S2_TWO("VMM", slots_then_mmu, "vcpu 1", mmu_then_slots)},
	 MUTANT(1, S2_ORIGIN_MADE_UP)},
	{.scenario = {"relax-both", "two vcpus write a page that was write-protected",
		      TWO_VCPUS(.pages = 8, .prepare = protected_page), .check = s2_world_check,
		      S2_TWO("vcpu 0", s2_world_vcpu0_writes, "vcpu 1", s2_world_vcpu1_writes)},
	 .preemptions = 2},
	{.scenario = {"relax-loser", "be097997a273: who loses the race does not flush its own CPU",
		      TWO_VCPUS(.pages = 8, .prepare = protected_page),
		      .left_out = loser_does_not_flush,
		      S2_TWO("vcpu 0", s2_world_vcpu0_writes, "vcpu 1", s2_world_vcpu1_writes)},
	 MUTANT(2, S2_ORIGIN_PUBLISHED)},
	{.scenario = {"clean-then-unmap", "an unmap cleans before the guest can write no more",
		      CACHES(.life = S2_BACKING_SHARED, .choose = not_on_event,
			     .prepare = vcpu1_wrote_off),
		      S2_TWO("host", clean_then_unmap, "vcpu 1", s2_world_vcpu1_writes)},
	 MUTANT(2, S2_ORIGIN_MADE_UP)},
	{.scenario = {"munmap-event-cmo", "2019, patch 7: a munmap by the VMM cleans nothing",
		      CACHES(.life = S2_BACKING_SHARED, .choose = not_on_event,
			     .prepare = vcpu1_wrote_off),
		      S2_TWO("host", clean_then_unmap, "vcpu 1", s2_world_vcpu1_writes)},
	 MUTANT(2, S2_ORIGIN_PUBLISHED)},
	{.scenario = {"new-vmid-unmapper",
		      "an unmap takes a new VMID, without the DSB of who unmaps",
		      TWO_VCPUS(.choose = new_vmid, .prepare = s2_world_vcpu1_runs),
		      .left_out = no_dsb_of_unmapper,
		      S2_TWO("host", s2_world_unmap_page, "vcpu 1", s2_world_vcpu1_writes)},
	 MUTANT(2, S2_ORIGIN_MADE_UP)},
	{.scenario = {"map-unclean", "8f36ebaf21fd: a vcpu with caches on maps without cleaning",
		      CACHES(.prepare = vcpu0_up),
		      S2_TWO("vcpu 0", vcpu0_maps_unclean, "vcpu 1", vcpu1_reads)},
	 MUTANT(2, S2_ORIGIN_PUBLISHED)},
	{.scenario = {"vcpu0-only", "the 2025 RFC: only vcpu 0's toggles clean",
		      CACHES(.choice = "toggle=vcpu0", .prepare = written_off),
		      S2_TWO("vcpu 0", vcpu0_comes_up, "vcpu 1", vcpu1_comes_up),
		      .contracts = 1U << S2_CONTRACT_BARE_METAL},
	 MUTANT(2, S2_ORIGIN_PUBLISHED)},
	{.scenario = {"first-counts-early", "the first vcpu up counts as up before it has cleaned",
		      CACHES(.choose = never, .prepare = written_off),
		      S2_TWO("vcpu 0", vcpu0_comes_up, "vcpu 1", vcpu1_comes_up),
		      .contracts = 1U << S2_CONTRACT_BARE_METAL},
	 MUTANT(2, S2_ORIGIN_MADE_UP)},
};

S2_SCENARIO_TABLE(s2_mutant_scenarios, rows);
