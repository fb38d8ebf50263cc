/* SPDX-License-Identifier: MIT */
/* Tables of a VM whose vcpu may still run. */
#include <errno.h>

#include <stage2sim/insn.h>

#include "study/scenario/scenarios.h"

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

/* No TLBI and the VMID retired: a DSB on every CPU that ran the VM, before its tables go. */

static int vcpu1_in_guest(void *state)
{
	struct s2_world *w = state;
	int ret = s2_world_vcpu1_runs(state);

	return ret ? ret : s2_vcpu_enter(s2_vm_vcpu(w->vm[0], 1));
}

static void leave_guest(struct s2_world *w, bool dsb)
{
	struct s2_cpu *cpu = s2_world_cpu(w, 1);

	s2_vcpu_exit(s2_vm_vcpu(w->vm[0], 1));
	if (dsb)
		s2_world_expect(w, s2_dsb(cpu, S2_DSB_NSH));
	s2_explore_touch(cpu, 0, true);
	w->shared = 1;
}

static void vcpu1_leaves(void *state)
{
	leave_guest(state, true);
}

static void vcpu1_leaves_without_dsb(void *state)
{
	leave_guest(state, false);
}

static void free_tables_when_left(void *state)
{
	s2_world_await(state, 0);
	free_tables_at_once(state);
}

/* Nobody in context, but one that is about to enter. */

static int vcpu1_ran(void *state)
{
	const int ret = s2_world_vcpu1_runs(state);

	if (!ret)
		s2_world_put(state, 0, 1);
	return ret;
}

/* Whoever looked a moment ago saw no vcpu loaded. */
static void vcpu1_enters(void *state)
{
	struct s2_world *w = state;
	struct s2_vcpu *vcpu = s2_vm_vcpu(w->vm[0], 1);

	if (!s2_vcpu_load(vcpu, s2_world_cpu(w, 1)))
		(void)s2_vcpu_enter(vcpu);
}

static const struct s2_named_scenario rows[] = {
	{.scenario = {"teardown-running",
		      "2019, patch 5: table pages are freed before the one VMALL, and a vcpu runs",
		      S2_WORLD(.vms = 1, .vcpus = 2, .prepare = s2_world_vcpu1_runs),
		      S2_TWO("VMM", free_before_flush, "vcpu 1", vcpu1_reads_and_leaves)},
	 .broken = true,
	 .preemptions = 2,
	 .origin = S2_ORIGIN_PUBLISHED},
	{.scenario = {"teardown-no-flush",
		      "table pages are freed without a TLBI, and a vcpu may run",
		      S2_WORLD(.vms = 1, .vcpus = 2, .prepare = s2_world_vcpu1_runs),
		      S2_TWO("VMM", free_tables_at_once, "vcpu 1", vcpu1_reads_and_leaves)},
	 .broken = true,
	 .preemptions = 2,
	 .origin = S2_ORIGIN_MADE_UP},
	{.scenario = {"teardown-idle", "the same once no vcpu is loaded",
		      S2_WORLD(.vms = 1, .vcpus = 2, .prepare = s2_world_vcpu1_runs),
		      .check = s2_world_check,
		      S2_TWO("VMM", free_tables_when_idle, "vcpu 1", vcpu1_reads_and_leaves)},
	 .preemptions = 2},
	{.scenario = {"teardown-left",
		      "tables are freed once the vcpu has left and its CPU done a DSB",
		      S2_WORLD(.vms = 1, .vcpus = 2, .pages = 4, .prepare = vcpu1_in_guest),
		      .check = s2_world_check,
		      S2_TWO("VMM", free_tables_when_left, "vcpu 1", vcpu1_leaves)},
	 .preemptions = S2_EXPLORE_ANY},
	{.scenario = {"teardown-no-dsb", "the same without the DSB on the CPU that ran it",
		      S2_WORLD(.vms = 1, .vcpus = 2, .pages = 4, .prepare = vcpu1_in_guest),
		      S2_TWO("VMM", free_tables_when_left, "vcpu 1", vcpu1_leaves_without_dsb)},
	 .broken = true,
	 .preemptions = 2,
	 .origin = S2_ORIGIN_MADE_UP},
	{.scenario = {"teardown-entering", "tables are freed while a vcpu is about to enter",
		      S2_WORLD(.vms = 1, .vcpus = 2, .pages = 4, .prepare = vcpu1_ran),
		      S2_TWO("VMM", free_tables_at_once, "vcpu 1", vcpu1_enters)},
	 .broken = true,
	 .preemptions = 2,
	 .origin = S2_ORIGIN_MADE_UP},
};

S2_SCENARIO_TABLE(s2_teardown_scenarios, rows);
