/* SPDX-License-Identifier: MIT */
/* The dirty log is got, cleared, and written to. */
#include "study/scenario/scenarios.h"

static int logging(void *state)
{
	struct s2_world *w = state;
	int ret = s2_world_load(w, 0, 1, 1);

	if (!ret)
		s2_world_access(w, 0, 1, 0, S2_ACCESS_WRITE);
	if (!ret)
		ret = s2_vm_log_start(w->vm[0], s2_world_cpu(w, 0), w->slot);
	if (!ret)
		s2_world_access(w, 0, 1, 0, S2_ACCESS_WRITE);
	return ret ? ret : w->error;
}

static void get_log(void *state)
{
	struct s2_world *w = state;

	s2_world_expect(w, s2_vm_log_get(w->vm[0], s2_world_cpu(w, 0), w->slot));
}

static void vcpu1_writes_two(void *state)
{
	s2_world_access(state, 0, 1, 0, S2_ACCESS_WRITE);
	s2_world_access(state, 0, 1, 1, S2_ACCESS_WRITE);
}

/* How a thread clears the log of one page by hand. */
enum clear_how {
	CLEAR_SLOTS_LOCK = 1,  /* others that clear wait for it */
	CLEAR_FLUSH_FIRST = 2, /* the flush comes before the entries change */
	CLEAR_IF_CHANGED = 4,  /* no flush where nothing was writable */
};

static void flush_page(struct s2_world *w, unsigned cpu)
{
	s2_world_expect(w, s2_flush_vmid_range(s2_vm_mmu(w->vm[0]), s2_world_cpu(w, cpu),
					       s2_range(S2_WORLD_IPA, S2_WORLD_PAGE)));
}

static void clear_page(struct s2_world *w, unsigned cpu, unsigned how)
{
	struct s2_mmu *mmu = s2_vm_mmu(w->vm[0]);
	struct s2_cpu *c = s2_world_cpu(w, cpu);
	struct s2_leaf leaf;
	bool changed;

	if (how & CLEAR_SLOTS_LOCK)
		s2_lock_take(c, &w->slots_lock, S2_LOCK_WRITE);
	s2_lock_take(c, &w->mmu_lock, S2_LOCK_WRITE);
	if (how & CLEAR_FLUSH_FIRST)
		flush_page(w, cpu);
	s2_world_expect(w, s2_pgtable_lookup(mmu, NULL, s2_world_ipa(0), &leaf));
	changed = s2_pte_valid(leaf.pte) && s2_pte_writable(leaf.pte);
	s2_world_expect(w, s2_pgtable_wrprotect(mmu, c, s2_range(S2_WORLD_IPA, S2_WORLD_PAGE)));
	s2_lock_drop(c, &w->mmu_lock);
	if (!(how & CLEAR_FLUSH_FIRST) && (changed || !(how & CLEAR_IF_CHANGED)))
		flush_page(w, cpu);
	s2_world_rely(w, cpu, S2_RELY_DIRTY_HARVESTED, 0, "clear_page");
	if (how & CLEAR_SLOTS_LOCK)
		s2_lock_drop(c, &w->slots_lock);
}

static void clear_flush_first(void *state)
{
	clear_page(state, 0, CLEAR_FLUSH_FIRST);
}

static void clear_flush_last(void *state)
{
	clear_page(state, 0, 0);
}

static void clear_unlocked_0(void *state)
{
	clear_page(state, 0, CLEAR_IF_CHANGED);
}

static void clear_unlocked_1(void *state)
{
	clear_page(state, 1, CLEAR_IF_CHANGED);
}

static void clear_locked_0(void *state)
{
	clear_page(state, 0, CLEAR_IF_CHANGED | CLEAR_SLOTS_LOCK);
}

static void clear_locked_1(void *state)
{
	clear_page(state, 1, CLEAR_IF_CHANGED | CLEAR_SLOTS_LOCK);
}

/* The guest on CPU 2 touches what it has. */
static void writer_reads(void *state)
{
	s2_world_access(state, 0, 0, 1, S2_ACCESS_READ);
}

static const struct s2_named_scenario rows[] = {
	{.scenario = {"dirty-log", "the dirty log is got and cleared while a guest writes",
		      S2_WORLD(.vms = 1, .vcpus = 2, .pages = 8, .prepare = logging),
		      .check = s2_world_check, S2_TWO("VMM", get_log, "vcpu 1", vcpu1_writes_two)},
	 .preemptions = S2_EXPLORE_ANY},
	{.scenario = {"clear-flush-first", "a clear flushes before it write-protects",
		      S2_WORLD(.vms = 1, .vcpus = 3, .prepare = s2_world_writer_runs),
		      S2_TWO("VMM", clear_flush_first, "vcpu 0", writer_reads)},
	 .broken = true,
	 .preemptions = 2},
	{.scenario = {"clear-flush-last", "a clear flushes after it has write-protected",
		      S2_WORLD(.vms = 1, .vcpus = 3, .prepare = s2_world_writer_runs),
		      .check = s2_world_check,
		      S2_TWO("VMM", clear_flush_last, "vcpu 0", writer_reads)},
	 .preemptions = 3},
	{.scenario = {"clears-unlocked",
		      "two clears, each flushing only what it has changed, no slots_lock",
		      S2_WORLD(.vms = 1, .vcpus = 3, .prepare = s2_world_writer_runs),
		      S2_TWO("VMM 0", clear_unlocked_0, "VMM 1", clear_unlocked_1)},
	 .broken = true,
	 .preemptions = 2},
	{.scenario = {"clears-locked", "the same under slots_lock",
		      S2_WORLD(.vms = 1, .vcpus = 3, .prepare = s2_world_writer_runs),
		      .check = s2_world_check,
		      S2_TWO("VMM 0", clear_locked_0, "VMM 1", clear_locked_1)},
	 .preemptions = S2_EXPLORE_ANY},
};

S2_SCENARIO_TABLE(s2_dirty_log_scenarios, rows);
