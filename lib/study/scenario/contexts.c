/* SPDX-License-Identifier: MIT */
/* Registers of stage 2 that are not reloaded, while another CPU loads, nests and rolls over. */
#include "study/scenario/contexts.h"

#include <errno.h>
#include <stdlib.h>

#include "check/stage2_context_check.h"
#include "machine/machine.h"
#include "study/scenario/scenarios.h"

/* A world: two VMs, two CPUs (stage2sim/stage2_context.h). */
struct contexts {
	struct s2_machine *m;
	const struct s2_context_world_config *cfg;
	struct s2_stage2_flow flow;
	struct s2_stage2_world w;
	const char *wrong;
	int error;
};

int s2_context_world_create(void *arg, void **state, struct s2_machine **m)
{
	struct s2_machine_config machine = {.cpus = S2_STAGE2_CPUS};
	struct contexts *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return -ENOMEM;
	c->cfg = arg;
	ret = s2_features_parse(S2_WORLD_MACHINE, &machine.features, NULL);
	if (!ret)
		ret = s2_machine_create(&machine, &c->m);
	if (ret) {
		free(c);
		return ret;
	}
	*state = c;
	*m = c->m;
	return 0;
}

static int prepare(void *state)
{
	struct contexts *c = state;

	c->flow = s2_stage2_kvm_flow;
	if (c->cfg->break_flow)
		c->cfg->break_flow(&c->flow);
	return s2_stage2_world_init(&c->w, c->m, s2_stage2_policy_find(c->cfg->policy), &c->flow);
}

static void destroy(void *state)
{
	struct contexts *c = state;

	s2_machine_destroy(c->m);
	free(c);
}

/* A guest runs: its CPU must have what it would have, had all been computed from nothing. */
static void guest_runs(struct contexts *c, unsigned cpu)
{
	s2_gate_touch(&c->m->cpus[cpu], "what the CPU has loaded", false);
	if (!s2_stage2_cpu_right(&c->w, cpu) && !c->wrong)
		c->wrong = "a guest runs with registers, a VMID or entries that are not its own";
}

static void event(struct contexts *c, enum s2_stage2_event_kind kind, unsigned vcpu, unsigned cpu)
{
	const struct s2_stage2_event e = {.kind = kind, .vcpu = vcpu, .cpu = cpu};
	int ret;

	s2_gate_touch(&c->m->cpus[cpu], "VMIDs and what CPUs have loaded", true);
	ret = s2_stage2_world_event(&c->w, &e);
	if (ret && !c->error)
		c->error = ret;
	if (kind != S2_STAGE2_VCPU_PUT)
		guest_runs(c, cpu);
}

static const char *check(void *state)
{
	struct contexts *c = state;

	for (unsigned cpu = 0; cpu < S2_STAGE2_CPUS; cpu++)
		guest_runs(c, cpu);
	return c->error ? "a call failed" : c->wrong;
}

/* Two VMs take turns on a CPU. */
static void cpu0_takes_turns(void *state)
{
	event(state, S2_STAGE2_VCPU_LOAD, 0, 0);
	event(state, S2_STAGE2_VCPU_PUT, 0, 0);
	event(state, S2_STAGE2_VCPU_LOAD, 2, 0);
	event(state, S2_STAGE2_VCPU_PUT, 2, 0);
	event(state, S2_STAGE2_VCPU_LOAD, 0, 0);
}

static void cpu1_rolls_over(void *state)
{
	event(state, S2_STAGE2_ROLLOVER, 0, 1);
	event(state, S2_STAGE2_VCPU_LOAD, 1, 1);
}

static void cpu1_nests(void *state)
{
	event(state, S2_STAGE2_VCPU_LOAD, 1, 1);
	event(state, S2_STAGE2_NESTED_ENTER, 1, 1);
	event(state, S2_STAGE2_NESTED_EXIT, 1, 1);
}

/* fb544d1ca65a: whom CPUs run is forgotten. */
static void reserve_nobody(struct s2_stage2_world *w, unsigned c)
{
	s2_stage2_new_generation(w, c, 0);
}

static void break_rollover(struct s2_stage2_flow *flow)
{
	flow->rollover = reserve_nobody;
}

/* fa808ed4e199: VTTBR_EL2, and then a VMID. */
static void load_registers_first(struct s2_stage2_world *w, unsigned vcpu, unsigned c)
{
	s2_stage2_load_registers(w, vcpu, c);
	s2_stage2_vmid_update(w, w->vcpu[vcpu].mmu);
	s2_stage2_check_last_ran(w, vcpu, c);
}

static void break_load(struct s2_stage2_flow *flow)
{
	flow->vcpu_load = load_registers_first;
}

#define CONTEXTS(...)                                                                        \
	.create = s2_context_world_create, .prepare = prepare, .destroy = destroy,           \
	.check = check, .arg = (void *)(uintptr_t) & (const struct s2_context_world_config)  \
	{                                                                                    \
		__VA_ARGS__                                                                  \
	}

static const struct s2_named_scenario rows[] = {
	{.scenario = {"context-rollover", "VMs take turns on a CPU while another rolls over and loads",
		      CONTEXTS(.policy = "rewrite-all"),
		      S2_TWO("CPU 0", cpu0_takes_turns, "CPU 1", cpu1_rolls_over)},
	 .preemptions = 2},
	{.scenario = {"context-nested", "VMs take turns on a CPU while another enters a nested guest",
		      CONTEXTS(.policy = "rewrite-all"),
		      S2_TWO("CPU 0", cpu0_takes_turns, "CPU 1", cpu1_nests)},
	 .preemptions = 2},
	{.scenario = {"context-init-flag", "VTCR_EL2 is written on a vcpu's first load alone",
		      CONTEXTS(.policy = "init-flag"),
		      S2_TWO("CPU 0", cpu0_takes_turns, "CPU 1", cpu1_rolls_over)},
	 .broken = true,
	 .preemptions = 2,
	 .origin = S2_ORIGIN_MADE_UP},
	{.scenario = {"context-not-reserved", "fb544d1ca65a: a rollover gives out what a CPU has loaded",
		      CONTEXTS(.policy = "rewrite-all", .break_flow = break_rollover),
		      S2_TWO("CPU 0", cpu0_takes_turns, "CPU 1", cpu1_rolls_over)},
	 .broken = true,
	 .preemptions = 2,
	 .origin = S2_ORIGIN_PUBLISHED},
	{.scenario = {"context-vttbr-first", "fa808ed4e199: VTTBR_EL2 is made before its VMID",
		      CONTEXTS(.policy = "rewrite-all", .break_flow = break_load),
		      S2_TWO("CPU 0", cpu0_takes_turns, "CPU 1", cpu1_rolls_over)},
	 .broken = true,
	 .preemptions = 2,
	 .origin = S2_ORIGIN_PUBLISHED},
};

S2_SCENARIO_TABLE(s2_context_scenarios, rows);
