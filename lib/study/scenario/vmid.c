/* SPDX-License-Identifier: MIT */
/* Numbers run out while VMs run. */
#include "study/scenario/scenarios.h"

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

static void vm0_vm1_vm0(void *state)
{
	struct s2_world *w = state;

	vm0_then_vm1(state);
	s2_world_put(state, 1, 0);
	if (!s2_world_load(state, 0, 0, 0))
		s2_world_expect(state, s2_vcpu_enter(s2_vm_vcpu(w->vm[0], 0)));
}

static void vm2_runs(void *state)
{
	struct s2_world *w = state;

	if (s2_world_load(w, 2, 0, 1))
		return;
	s2_world_expect(w, s2_vcpu_enter(s2_vm_vcpu(w->vm[2], 0)));
	s2_world_access(w, 2, 0, 0, S2_ACCESS_READ);
}

static void vm1_runs(void *state)
{
	struct s2_world *w = state;

	if (s2_world_load(w, 1, 0, 0))
		return;
	s2_world_expect(w, s2_vcpu_enter(s2_vm_vcpu(w->vm[1], 0)));
	s2_world_access(w, 1, 0, 0, S2_ACCESS_READ);
}

/* The rollover's TLBI ALLE1IS. */
static bool no_alle1(void *state, unsigned cpu, const struct s2_insn *insn)
{
	(void)state;
	(void)cpu;
	return insn->op == S2_OP_TLBI_ALLE1IS;
}

/* The DSB that completes it. */
static bool no_dsb_after_alle1(void *state, unsigned cpu, const struct s2_insn *insn)
{
	struct s2_world *w = state;
	const bool after = w->shared == cpu + 1 && insn->op == S2_OP_DSB_ISH;

	if (insn->op == S2_OP_TLBI_ALLE1IS)
		w->shared = cpu + 1;
	else if (after)
		w->shared = 0;
	return after;
}

#define ROLLOVER(...) S2_WORLD(.vms = 3, .vcpus = 2, .prepare = numbers_gone, __VA_ARGS__)
#define VMS	      S2_TWO("CPU 0", vm0_then_vm1, "CPU 1", vm2_then_vm0)

static const struct s2_named_scenario rows[] = {
	{.scenario = {"vmid-rollover", "VMIDs run out: three VMs on two CPUs",
		      ROLLOVER(.vmid_fault = S2_VMID_SOUND), .check = s2_world_check, VMS},
	 .preemptions = 1},
	{.scenario = {"vmid-return",
		      "a VM comes back after the rollover, while another takes a number",
		      ROLLOVER(.vmid_fault = S2_VMID_SOUND), .check = s2_world_check,
		      S2_TWO("CPU 0", vm0_vm1_vm0, "CPU 1", vm2_runs)},
	 .preemptions = 1},
	{.scenario = {"vmid-not-reserved", "fb544d1ca65a: a rollover forgets whom CPUs run",
		      ROLLOVER(.vmid_fault = S2_VMID_NOT_RESERVED), VMS},
	 .broken = true,
	 .preemptions = 2,
	 .origin = S2_ORIGIN_PUBLISHED},
	{.scenario = {"vmid-old-accepted", "f0cf47d939d0: a number of the last generation is taken",
		      ROLLOVER(.vmid_fault = S2_VMID_OLD_ACCEPTED),
		      S2_TWO("CPU 0", vm0_vm1_vm0, "CPU 1", vm2_runs)},
	 .broken = true,
	 .preemptions = 2,
	 .origin = S2_ORIGIN_PUBLISHED},
	{.scenario = {"vmid-after-vttbr",
		      "fa808ed4e199: VTTBR_EL2 is loaded before there is a VMID",
		      S2_WORLD(.vms = 3, .vcpus = 2, .vmid_fault = S2_VMID_AFTER_VTTBR),
		      S2_TWO("CPU 0", vm1_runs, "CPU 1", vm2_runs)},
	 .broken = true,
	 .preemptions = 2,
	 .origin = S2_ORIGIN_PUBLISHED},
	{.scenario = {"vmid-no-flush", "numbers are given out anew without the rollover's ALLE1IS",
		      ROLLOVER(.vmid_fault = S2_VMID_SOUND), .left_out = no_alle1, VMS},
	 .broken = true,
	 .preemptions = 2,
	 .origin = S2_ORIGIN_MADE_UP},
	{.scenario = {"vmid-not-complete", "numbers are given out before ALLE1IS is complete",
		      ROLLOVER(.vmid_fault = S2_VMID_SOUND), .left_out = no_dsb_after_alle1, VMS},
	 .broken = true,
	 .preemptions = 2,
	 .origin = S2_ORIGIN_MADE_UP},
};

S2_SCENARIO_TABLE(s2_vmid_scenarios, rows);
