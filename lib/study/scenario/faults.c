/* SPDX-License-Identifier: MIT */
/* Two vcpus fault, or one while the host changes what it faults on. */
#include "study/scenario/scenarios.h"

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
	int ret = s2_world_load_two(state);

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

static void age_page(void *state)
{
	struct s2_world *w = state;

	s2_world_expect(
		w, s2_vm_age_hva(w->vm[0], s2_world_cpu(w, 0), s2_va(S2_WORLD_HVA), S2_WORLD_PAGE));
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

static const struct s2_named_scenario rows[] = {
	{.scenario = {"faults-page", "two vcpus write the same page, which nobody has mapped",
		      S2_WORLD(.vms = 1, .vcpus = 2, .prepare = s2_world_two_run),
		      .check = s2_world_check,
		      S2_TWO("vcpu 0", s2_world_vcpu0_writes, "vcpu 1", s2_world_vcpu1_writes)},
	 .preemptions = 3},
	{.scenario = {"faults-block-page", "one vcpu faults in a block, another a page in it",
		      S2_WORLD(.vms = 1, .vcpus = 2, .prepare = s2_world_two_run),
		      .check = s2_world_check,
		      S2_TWO("vcpu 0", vcpu0_faults_block, "vcpu 1", vcpu1_faults_page)},
	 .preemptions = 2},
	{.scenario = {"maps-alone",
		      "the same without mmu_lock and as if no other walk were under way",
		      S2_WORLD(.vms = 1, .vcpus = 2, .prepare = s2_world_two_run),
		      .check = s2_world_check_tables,
		      S2_TWO("vcpu 0", map_block_alone, "vcpu 1", map_page_alone)},
	 .broken = true,
	 .preemptions = 2},
	{.scenario = {"collapse-walk",
		      "a table gives way to a block while another fault walks in it",
		      S2_WORLD(.vms = 1, .vcpus = 2, .prepare = two_pages), .check = s2_world_check,
		      S2_TWO("vcpu 0", vcpu0_faults_block, "vcpu 1", vcpu1_faults_page)},
	 .preemptions = 2},
	{.scenario = {"unmap-fault", "the host takes a page away while a vcpu faults on it",
		      S2_WORLD(.vms = 1, .vcpus = 2, .prepare = s2_world_vcpu1_runs),
		      .check = s2_world_check,
		      S2_TWO("host", s2_world_unmap_page, "vcpu 1", s2_world_vcpu1_writes)},
	 .preemptions = S2_EXPLORE_ANY},
	{.scenario = {"unmap-relax",
		      "the host takes a page away while a vcpu gets more permissions",
		      S2_WORLD(.vms = 1, .vcpus = 2, .prepare = s2_world_vcpu1_runs),
		      .check = s2_world_check,
		      S2_TWO("host", s2_world_unmap_page, "vcpu 1", vcpu1_fetches)},
	 .preemptions = S2_EXPLORE_ANY},
	{.scenario = {"age-fault", "a page is aged while a vcpu faults on it",
		      S2_WORLD(.vms = 1, .vcpus = 2, .prepare = s2_world_vcpu1_runs),
		      .check = s2_world_check, S2_TWO("host", age_page, "vcpu 1", vcpu1_fetches)},
	 .preemptions = S2_EXPLORE_ANY},
	{.scenario = {"split-fault", "dirty logging splits a block while a vcpu writes it",
		      S2_WORLD(.vms = 1, .vcpus = 2, .backing = S2_WORLD_BLOCK,
			       .split_chunk = S2_WORLD_BLOCK, .prepare = s2_world_vcpu1_runs),
		      .check = s2_world_check,
		      S2_TWO("VMM", start_logging, "vcpu 1", s2_world_vcpu1_writes)},
	 .preemptions = 1},
};

S2_SCENARIO_TABLE(s2_fault_scenarios, rows);
