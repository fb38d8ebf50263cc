/* SPDX-License-Identifier: MIT */
/*
 * Caches that vcpus turn on and off, in every order, on a machine without FWB.  Page k is
 * vcpu k's; a write past the caches or in them is made by each before others can reach
 * for it, so that what a guest may count on is a question of toggles alone.
 */
#include <errno.h>

#include "study/scenario/scenarios.h"

#define PAGES 4U

static void own_page(struct s2_world *w, int vcpu, enum s2_access how)
{
	s2_world_access(w, 0, vcpu, (unsigned)vcpu, how);
}

/* Both are there with caches off, and have written their pages past them. */
static int written_off(void *state)
{
	struct s2_world *w = state;
	int ret = s2_world_load_two(state);

	for (int vcpu = 0; !ret && vcpu < 2; vcpu++)
		own_page(w, vcpu, S2_ACCESS_WRITE);
	return ret ? ret : w->error;
}

/* Which of them turns them on first is what orders differ in. */
static void comes_up(struct s2_world *w, int vcpu)
{
	s2_world_caches(w, vcpu, true);
	own_page(w, vcpu, S2_ACCESS_READ);
	s2_world_access(w, 0, vcpu, 1U - (unsigned)vcpu, S2_ACCESS_READ);
}

static void vcpu0_comes_up(void *state)
{
	comes_up(state, 0);
}

static void vcpu1_comes_up(void *state)
{
	comes_up(state, 1);
}

/* A secondary writes its page once more when it is called, which vcpu 0 does once it is up. */

static void vcpu0_calls(void *state)
{
	struct s2_world *w = state;

	s2_world_caches(w, 0, true);
	s2_explore_touch(s2_world_cpu(w, 0), 0, true);
	w->shared = 1;
	own_page(w, 0, S2_ACCESS_READ);
}

static void vcpu1_is_called(void *state)
{
	struct s2_world *w = state;

	s2_world_await(w, 1);
	own_page(w, 1, S2_ACCESS_WRITE);
	s2_world_caches(w, 1, true);
	own_page(w, 1, S2_ACCESS_READ);
}

/* Vcpu 0 is up; a secondary writes past its caches, and joins. */
static int vcpu0_is_up(void *state)
{
	struct s2_world *w = state;
	int ret = s2_world_load_two(state);

	if (!ret)
		own_page(w, 0, S2_ACCESS_WRITE);
	if (!ret)
		s2_world_caches(w, 0, true);
	return ret ? ret : w->error;
}

static void vcpu1_joins(void *state)
{
	struct s2_world *w = state;

	own_page(w, 1, S2_ACCESS_WRITE);
	s2_world_caches(w, 1, true);
	own_page(w, 1, S2_ACCESS_READ);
}

static void vcpu0_goes_on(void *state)
{
	own_page(state, 0, S2_ACCESS_WRITE);
	own_page(state, 0, S2_ACCESS_READ);
}

/* Both are up and write their pages, which they clean by set and way and leave. */
static int both_up(void *state)
{
	struct s2_world *w = state;
	int ret = s2_world_load_two(state);

	for (int vcpu = 0; !ret && vcpu < 2; vcpu++) {
		s2_world_caches(w, vcpu, true);
		own_page(w, vcpu, S2_ACCESS_WRITE);
	}
	return ret ? ret : w->error;
}

static void goes_down(struct s2_world *w, int vcpu)
{
	s2_world_expect(w, s2_vcpu_set_way(s2_vm_vcpu(w->vm[0], vcpu), 1));
	s2_world_caches(w, vcpu, false);
	own_page(w, vcpu, S2_ACCESS_READ);
}

static void vcpu0_goes_down(void *state)
{
	goes_down(state, 0);
}

static void vcpu1_goes_down(void *state)
{
	goes_down(state, 1);
}

/* Without set/way, as kexec does it: the toggle alone is to clean. */
static void vcpu0_turns_off(void *state)
{
	s2_world_caches(state, 0, false);
	own_page(state, 0, S2_ACCESS_READ);
}

static void vcpu1_turns_off(void *state)
{
	s2_world_caches(state, 1, false);
	own_page(state, 1, S2_ACCESS_READ);
}

/* Vcpu 1 was up, and is on again after CPU_OFF: TVM has been clear since it first was. */
static int vcpu1_is_back(void *state)
{
	struct s2_world *w = state;
	struct s2_vcpu *vcpu;
	int ret = vcpu0_is_up(state);

	vcpu = s2_vm_vcpu(w->vm[0], 1);
	if (!ret) {
		s2_world_caches(w, 1, true);
		s2_world_expect(w, s2_vcpu_power_off(vcpu));
		s2_world_expect(w, s2_vcpu_power_on(vcpu));
		ret = s2_world_load(w, 0, 1, 1);
	}
	return ret ? ret : w->error;
}

/* The host takes a page whose last write was made past the caches, and reads it. */

static int vcpu1_wrote_off(void *state)
{
	struct s2_world *w = state;
	int ret = s2_world_load(w, 0, 1, 1);

	if (!ret)
		s2_world_access(w, 0, 1, 0, S2_ACCESS_WRITE);
	return ret ? ret : w->error;
}

static void vcpu1_writes_on(void *state)
{
	s2_world_access(state, 0, 1, 0, S2_ACCESS_WRITE);
	s2_world_access(state, 0, 1, 0, S2_ACCESS_READ);
}

static void unmap_by_vmm(void *state)
{
	struct s2_world *w = state;

	s2_world_expect(w, s2_vm_unmap_hva(w->vm[0], s2_world_cpu(w, 0), s2_va(S2_WORLD_HVA),
					   S2_WORLD_PAGE, S2_UNMAP_EVENT));
}

/* The VM ends when its vcpu has gone; its memory is a file's. */
static void close_when_idle(void *state)
{
	struct s2_world *w = state;
	int ret;

	while ((ret = s2_vm_teardown(w->vm[0], s2_world_cpu(w, 0))) == -EBUSY)
		s2_cpu_relax(s2_world_cpu(w, 0));
	s2_world_expect(w, ret);
}

static void vcpu1_writes_and_leaves(void *state)
{
	s2_world_access(state, 0, 1, 0, S2_ACCESS_WRITE);
	s2_world_put(state, 0, 1);
}

#define OFF(life_)                                                                       \
	S2_CACHE_WORLD(.vms = 1, .vcpus = 2, .machine = S2_WORLD_CACHES, .pages = PAGES, \
		       .life = life_, .prepare = vcpu1_wrote_off)

#define CACHES(before)                                                                   \
	S2_CACHE_WORLD(.vms = 1, .vcpus = 2, .machine = S2_WORLD_CACHES, .pages = PAGES, \
		       .prepare = before)

/* What upstream keeps: each trapped toggle cleans the whole VM. */
#define ALL_BUT_ANY ((1U << S2_CONTRACT_KVM_COMPAT_ANY) - 1)

static const struct s2_named_scenario rows[] = {
	{.scenario = {"boot", "two vcpus, which have written with caches off, turn them on",
		      CACHES(written_off), .check = s2_world_check,
		      S2_TWO("vcpu 0", vcpu0_comes_up, "vcpu 1", vcpu1_comes_up)},
	 .preemptions = S2_EXPLORE_ANY},
	{.scenario = {"called", "a secondary writes once more what it wrote before another was up",
		      CACHES(written_off), .check = s2_world_check,
		      S2_TWO("vcpu 0", vcpu0_calls, "vcpu 1", vcpu1_is_called)},
	 .preemptions = S2_EXPLORE_ANY},
	{.scenario = {"secondary", "a secondary writes with caches off and joins a vcpu that is up",
		      CACHES(vcpu0_is_up), .check = s2_world_check,
		      S2_TWO("vcpu 0", vcpu0_goes_on, "vcpu 1", vcpu1_joins)},
	 .preemptions = S2_EXPLORE_ANY},
	{.scenario = {"set-way", "two vcpus clean by set and way, and turn their caches off",
		      CACHES(both_up), .check = s2_world_check,
		      S2_TWO("vcpu 0", vcpu0_goes_down, "vcpu 1", vcpu1_goes_down)},
	 .preemptions = 2},
	{.scenario = {"caches-off", "two vcpus turn their caches off, with no set/way before",
		      CACHES(both_up), .check = s2_world_check,
		      S2_TWO("vcpu 0", vcpu0_turns_off, "vcpu 1", vcpu1_turns_off),
		      .contracts = ALL_BUT_ANY},
	 .preemptions = S2_EXPLORE_ANY},
	{.scenario = {"replug", "a vcpu writes and turns caches on again after CPU_OFF and CPU_ON",
		      CACHES(vcpu1_is_back), .check = s2_world_check,
		      S2_TWO("vcpu 0", vcpu0_goes_on, "vcpu 1", vcpu1_joins),
		      .contracts = ALL_BUT_ANY},
	 .preemptions = S2_EXPLORE_ANY},
	{.scenario = {"swap-out", "a page is swapped out while a vcpu writes it past its caches",
		      OFF(S2_BACKING_DIES), .check = s2_world_check,
		      S2_TWO("host", s2_world_unmap_page, "vcpu 1", vcpu1_writes_on)},
	 .preemptions = S2_EXPLORE_ANY},
	{.scenario = {"munmap", "the VMM unmaps a page of its own while a vcpu writes it",
		      OFF(S2_BACKING_DIES), .check = s2_world_check,
		      S2_TWO("host", unmap_by_vmm, "vcpu 1", vcpu1_writes_on)},
	 .preemptions = S2_EXPLORE_ANY},
	{.scenario = {"munmap-shared", "the same of a file that others read",
		      OFF(S2_BACKING_SHARED), .check = s2_world_check,
		      S2_TWO("host", unmap_by_vmm, "vcpu 1", vcpu1_writes_on)},
	 .preemptions = S2_EXPLORE_ANY},
	{.scenario = {"close", "a VM ends once its vcpu, which writes past its caches, has left",
		      OFF(S2_BACKING_DIES), .check = s2_world_check,
		      S2_TWO("VMM", close_when_idle, "vcpu 1", vcpu1_writes_and_leaves)},
	 .preemptions = S2_EXPLORE_ANY},
	{.scenario = {"close-shared", "the same of a file's memory: nothing is cleaned at the end",
		      OFF(S2_BACKING_SHARED), .check = s2_world_check,
		      S2_TWO("VMM", close_when_idle, "vcpu 1", vcpu1_writes_and_leaves)},
	 .broken = true,
	 .preemptions = 1},
};

S2_SCENARIO_TABLE(s2_cache_scenarios, rows);
