/* SPDX-License-Identifier: MIT */
#include "study/check/scenarios.h"

#include <errno.h>
#include <string.h>

#include "study/check/scenario_world.h"

static const struct s2_world_config two_vcpus = {.vms = 1, .vcpus = 2};
static const struct s2_world_config three_vcpus = {.vms = 1, .vcpus = 3};
static const struct s2_world_config splitting = {
	.vms = 1, .vcpus = 2, .backing = S2_WORLD_BLOCK, .split_chunk = S2_WORLD_BLOCK};
static const struct s2_world_config three_vms = {.vms = 3, .vcpus = 2};

/* Vcpu k runs on CPU k. */
static int load_two(void *state)
{
	int ret = s2_world_load(state, 0, 0, 0);

	return ret ? ret : s2_world_load(state, 0, 1, 1);
}

/* The same, and both are in the guest: TLBs may hold what is mapped. */
static int two_run(void *state)
{
	struct s2_world *w = state;
	int ret = load_two(state);

	for (int vcpu = 0; !ret && vcpu < 2; vcpu++)
		s2_world_access(w, 0, vcpu, 600, S2_ACCESS_READ);
	return ret ? ret : w->error;
}

/* A vcpu on CPU 2 has written a page, and goes on running. */
static int writer_runs(void *state)
{
	struct s2_world *w = state;
	int ret = s2_world_load(w, 0, 0, 2);

	if (!ret)
		s2_world_access(w, 0, 0, 0, S2_ACCESS_WRITE);
	return ret ? ret : w->error;
}

/* Two vcpus fault. */

static void vcpu0_writes(void *state)
{
	s2_world_access(state, 0, 0, 0, S2_ACCESS_WRITE);
}

static void vcpu1_writes(void *state)
{
	s2_world_access(state, 0, 1, 0, S2_ACCESS_WRITE);
}

static void vcpu0_faults_block(void *state)
{
	s2_world_fault(state, 0, 0, S2_WORLD_BLOCK);
}

static void vcpu1_faults_page(void *state)
{
	s2_world_fault(state, 1, 3, S2_WORLD_PAGE);
}

/* Pages of a table that is about to give way to a block. */
static int two_pages(void *state)
{
	struct s2_world *w = state;
	int ret = load_two(state);

	if (!ret)
		s2_world_access(w, 0, 0, 1, S2_ACCESS_WRITE);
	if (!ret)
		s2_world_access(w, 0, 1, 2, S2_ACCESS_WRITE);
	return ret ? ret : w->error;
}

/* The same maps without mmu_lock, as if each walk were alone. */
static void map_alone(struct s2_world *w, unsigned cpu, unsigned page, uint64_t size)
{
	s2_world_expect(w, s2_pgtable_map(s2_vm_mmu(w->vm[0]), s2_world_cpu(w, cpu),
					  s2_range(s2_world_ipa(page).v, size),
					  s2_pa(S2_WORLD_PA + page * S2_WORLD_PAGE),
					  S2_PROT_R | S2_PROT_W, NULL, 0));
}

static void map_page_alone(void *state)
{
	map_alone(state, 1, 3, S2_WORLD_PAGE);
}

static void map_block_alone(void *state)
{
	map_alone(state, 0, 0, S2_WORLD_BLOCK);
}

/* The host takes a page away. */

static void unmap_page(void *state)
{
	struct s2_world *w = state;

	s2_world_expect(w, s2_vm_unmap_hva(w->vm[0], s2_world_cpu(w, 0), s2_va(S2_WORLD_HVA),
					   S2_WORLD_PAGE, S2_UNMAP_SWAP));
}

static void age_page(void *state)
{
	struct s2_world *w = state;

	s2_world_expect(w, s2_vm_age_hva(w->vm[0], s2_world_cpu(w, 0), s2_va(S2_WORLD_HVA),
					 S2_WORLD_PAGE));
}

static int vcpu1_runs(void *state)
{
	struct s2_world *w = state;
	int ret = s2_world_load(w, 0, 1, 1);

	if (!ret)
		s2_world_access(w, 0, 1, 0, S2_ACCESS_READ);
	return ret ? ret : w->error;
}

static void vcpu1_fetches(void *state)
{
	s2_world_access(state, 0, 1, 0, S2_ACCESS_FETCH);
	s2_world_access(state, 0, 1, 0, S2_ACCESS_WRITE);
}

static void start_logging(void *state)
{
	struct s2_world *w = state;

	s2_world_expect(w, s2_vm_log_start(w->vm[0], s2_world_cpu(w, 0), w->slot));
}

/* Tables of a VM whose vcpu may still run. */

static void vcpu1_reads_and_leaves(void *state)
{
	s2_world_access(state, 0, 1, 1, S2_ACCESS_READ);
	s2_world_put(state, 0, 1);
}

/* Whoever finds the tables gone has an error, which is not what is looked for. */
static void free_tables_at_once(void *state)
{
	struct s2_world *w = state;

	s2_world_expect(w, s2_pgtable_destroy(s2_vm_mmu(w->vm[0]), s2_world_cpu(w, 0)));
}

static void free_tables_when_idle(void *state)
{
	struct s2_world *w = state;
	int ret;

	while ((ret = s2_vm_teardown(w->vm[0], s2_world_cpu(w, 0))) == -EBUSY)
		s2_cpu_relax(s2_world_cpu(w, 0));
	s2_world_expect(w, ret);
}

/* A table is unlinked and freed, and only then the VMID is flushed. */
static void free_before_flush(void *state)
{
	struct s2_world *w = state;
	struct s2_mmu *mmu = s2_vm_mmu(w->vm[0]);
	struct s2_cpu *cpu = s2_world_cpu(w, 0);

	s2_world_expect(w, s2_pgtable_destroy(mmu, cpu));
	s2_tlbi_vmalls12e1is(cpu);
	s2_world_expect(w, s2_dsb(cpu, S2_DSB_ISH));
}

/* Dirty log. */

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
	CLEAR_SLOTS_LOCK = 1,	 /* others that clear wait for it */
	CLEAR_FLUSH_FIRST = 2,	 /* the flush comes before the entries change */
	CLEAR_IF_CHANGED = 4,	 /* no flush where nothing was writable */
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

/* Numbers run out while one VM runs. */

static int numbers_gone(void *state)
{
	struct s2_world *w = state;
	int ret = s2_world_load(w, 0, 0, 0);

	if (!ret)
		s2_world_access(w, 0, 0, 0, S2_ACCESS_READ);
	return ret ? ret : s2_world_burn(w);
}

static void vm0_then_vm1(void *state)
{
	s2_world_access(state, 0, 0, 1, S2_ACCESS_READ);
	s2_world_put(state, 0, 0);
	if (!s2_world_load(state, 1, 0, 0))
		s2_world_access(state, 1, 0, 0, S2_ACCESS_READ);
}

static void vm2_then_vm0(void *state)
{
	if (s2_world_load(state, 2, 0, 1))
		return;
	s2_world_access(state, 2, 0, 0, S2_ACCESS_READ);
	s2_world_put(state, 2, 0);
	if (!s2_world_load(state, 0, 1, 1))
		s2_world_access(state, 0, 1, 0, S2_ACCESS_READ);
}

#define WORLD(config) \
	.create = s2_world_create, .destroy = s2_world_destroy, .arg = (void *)(uintptr_t)&(config)

#define SOUND(config) WORLD(config), .check = s2_world_check

#define TWO(name0, run0, name1, run1) \
	.n_threads = 2, .threads = {{name0, run0}, {name1, run1}}

static const struct s2_named_scenario scenarios[] = {
	{{"faults-page", "two vcpus write the same page, which nobody has mapped",
	  SOUND(two_vcpus), .prepare = two_run,
	  TWO("vcpu 0", vcpu0_writes, "vcpu 1", vcpu1_writes)}, false, 3},
	{{"faults-block-page", "one vcpu faults in a block, another a page in it",
	  SOUND(two_vcpus), .prepare = two_run,
	  TWO("vcpu 0", vcpu0_faults_block, "vcpu 1", vcpu1_faults_page)}, false, 2},
	{{"maps-alone", "the same without mmu_lock and as if no other walk were under way",
	  WORLD(two_vcpus), .check = s2_world_check_tables, .prepare = two_run,
	  TWO("vcpu 0", map_block_alone, "vcpu 1", map_page_alone)}, true, 2},
	{{"collapse-walk", "a table gives way to a block while another fault walks in it",
	  SOUND(two_vcpus), .prepare = two_pages,
	  TWO("vcpu 0", vcpu0_faults_block, "vcpu 1", vcpu1_faults_page)}, false, 2},
	{{"unmap-fault", "the host takes a page away while a vcpu faults on it",
	  SOUND(two_vcpus), .prepare = vcpu1_runs,
	  TWO("host", unmap_page, "vcpu 1", vcpu1_writes)}, false, 3},
	{{"unmap-relax", "the host takes a page away while a vcpu gets more permissions",
	  SOUND(two_vcpus), .prepare = vcpu1_runs,
	  TWO("host", unmap_page, "vcpu 1", vcpu1_fetches)}, false, 2},
	{{"age-fault", "a page is aged while a vcpu faults on it",
	  SOUND(two_vcpus), .prepare = vcpu1_runs,
	  TWO("host", age_page, "vcpu 1", vcpu1_fetches)}, false, 2},
	{{"split-fault", "dirty logging splits a block while a vcpu writes it",
	  SOUND(splitting), .prepare = vcpu1_runs,
	  TWO("VMM", start_logging, "vcpu 1", vcpu1_writes)}, false, 1},
	{{"teardown-running", "table pages are freed before the one VMALL, and a vcpu may run",
	  WORLD(two_vcpus), .prepare = vcpu1_runs,
	  TWO("VMM", free_before_flush, "vcpu 1", vcpu1_reads_and_leaves)}, true, 2},
	{{"teardown-no-flush", "table pages are freed without a TLBI, and a vcpu may run",
	  WORLD(two_vcpus), .prepare = vcpu1_runs,
	  TWO("VMM", free_tables_at_once, "vcpu 1", vcpu1_reads_and_leaves)}, true, 2},
	{{"teardown-idle", "the same once no vcpu is loaded",
	  SOUND(two_vcpus), .prepare = vcpu1_runs,
	  TWO("VMM", free_tables_when_idle, "vcpu 1", vcpu1_reads_and_leaves)}, false, 2},
	{{"dirty-log", "the dirty log is got and cleared while a guest writes",
	  SOUND(two_vcpus), .prepare = logging,
	  TWO("VMM", get_log, "vcpu 1", vcpu1_writes_two)}, false, 2},
	{{"clear-flush-first", "a clear flushes before it write-protects",
	  WORLD(three_vcpus), .prepare = writer_runs,
	  TWO("VMM", clear_flush_first, "vcpu 0", writer_reads)}, true, 2},
	{{"clear-flush-last", "a clear flushes after it has write-protected",
	  SOUND(three_vcpus), .prepare = writer_runs,
	  TWO("VMM", clear_flush_last, "vcpu 0", writer_reads)}, false, 3},
	{{"clears-unlocked", "two clears, each flushing only what it has changed, no slots_lock",
	  WORLD(three_vcpus), .prepare = writer_runs,
	  TWO("VMM 0", clear_unlocked_0, "VMM 1", clear_unlocked_1)}, true, 2},
	{{"clears-locked", "the same under slots_lock",
	  SOUND(three_vcpus), .prepare = writer_runs,
	  TWO("VMM 0", clear_locked_0, "VMM 1", clear_locked_1)}, false, S2_EXPLORE_ANY},
	{{"vmid-rollover", "VMIDs run out: three VMs on two CPUs",
	  SOUND(three_vms), .prepare = numbers_gone,
	  TWO("CPU 0", vm0_then_vm1, "CPU 1", vm2_then_vm0)}, false, 1},
};

const struct s2_named_scenario *s2_scenario_at(size_t index)
{
	return index < sizeof(scenarios) / sizeof(scenarios[0]) ? &scenarios[index] : NULL;
}

const struct s2_named_scenario *s2_scenario_find(const char *name)
{
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (!strcmp(scenarios[i].scenario.name, name))
			return &scenarios[i];
	return NULL;
}
