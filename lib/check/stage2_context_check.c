/* SPDX-License-Identifier: MIT */
/*
 * The stage-2 contexts of two VMs on two CPUs as a system to explore.  While a
 * vcpu is loaded its CPU must have the registers of its MMU, with the VMID
 * that the MMU has, and no other vcpu's stage-1 entries.
 */
#include "check/stage2_context_check.h"

#include <errno.h>

static const struct s2_stage2_event stage2_context_check_alphabet[] = {
	{S2_STAGE2_VCPU_LOAD, 0, 0},	{S2_STAGE2_VCPU_LOAD, 0, 1},
	{S2_STAGE2_VCPU_LOAD, 1, 0},	{S2_STAGE2_VCPU_LOAD, 1, 1},
	{S2_STAGE2_VCPU_LOAD, 2, 0},	{S2_STAGE2_VCPU_LOAD, 2, 1},
	{S2_STAGE2_VCPU_PUT, 0, 0},	{S2_STAGE2_VCPU_PUT, 1, 0},
	{S2_STAGE2_VCPU_PUT, 2, 0},	{S2_STAGE2_NESTED_ENTER, 0, 0},
	{S2_STAGE2_NESTED_ENTER, 1, 0}, {S2_STAGE2_NESTED_EXIT, 0, 0},
	{S2_STAGE2_NESTED_EXIT, 1, 0},	{S2_STAGE2_ROLLOVER, 0, 0},
};

#define N_EVENTS (sizeof(stage2_context_check_alphabet) / sizeof(stage2_context_check_alphabet[0]))

static int stage2_context_check_apply(void *arg, void *state, unsigned event)
{
	(void)arg;
	return s2_stage2_world_event(state, &stage2_context_check_alphabet[event]);
}

bool s2_stage2_cpu_right(const struct s2_stage2_world *w, unsigned c)
{
	const struct s2_stage2_cpu *cpu = &w->cpu[c];
	const unsigned mmu = cpu->vcpu ? w->vcpu[cpu->vcpu - 1].mmu : 0;

	if (!cpu->vcpu)
		return true;
	return w->vmid[mmu].number && (w->vmid[mmu].current || w->vmid[mmu].reserved) &&
	       cpu->vtcr == s2_stage2_vtcr(mmu) && cpu->vttbr == s2_stage2_vttbr(w, mmu) &&
	       cpu->last_ran[mmu] == cpu->vcpu;
}

static bool stage2_context_check_right(void *arg, const void *state)
{
	(void)arg;
	for (unsigned c = 0; c < S2_STAGE2_CPUS; c++)
		if (!s2_stage2_cpu_right(state, c))
			return false;
	return true;
}

static void stage2_context_check_tell_event(void *arg, unsigned event, struct s2_text *text)
{
	const struct s2_stage2_event *e = &stage2_context_check_alphabet[event];
	const char *name = s2_stage2_event_name(e->kind);

	(void)arg;
	s2_text_add(text, "%s", name ? name : "?");
	if (e->kind != S2_STAGE2_ROLLOVER)
		s2_text_add(text, " vcpu %u of VM %c", e->vcpu,
			    e->vcpu == S2_STAGE2_VCPUS - 1 ? 'B' : 'A');
	if (e->kind == S2_STAGE2_VCPU_LOAD)
		s2_text_add(text, " on CPU %u", e->cpu);
}

static void stage2_context_check_tell_register(struct s2_text *text, unsigned c, const char *reg,
					       uint64_t is, uint64_t should)
{
	if (is != should)
		s2_text_add(text, "     CPU %u: %s is 0x%llx, computed from nothing 0x%llx\n", c,
			    reg, (unsigned long long)is, (unsigned long long)should);
}

static void stage2_context_check_tell_wrong(void *arg, const void *state, struct s2_text *text)
{
	const struct s2_stage2_world *w = state;

	(void)arg;
	for (unsigned c = 0; c < S2_STAGE2_CPUS; c++) {
		const struct s2_stage2_cpu *cpu = &w->cpu[c];
		const unsigned mmu = cpu->vcpu ? w->vcpu[cpu->vcpu - 1].mmu : 0;

		if (s2_stage2_cpu_right(w, c))
			continue;
		stage2_context_check_tell_register(text, c, "VTCR_EL2", cpu->vtcr,
						   s2_stage2_vtcr(mmu));
		stage2_context_check_tell_register(text, c, "VTTBR_EL2", cpu->vttbr,
						   s2_stage2_vttbr(w, mmu));
		if (!w->vmid[mmu].current && !w->vmid[mmu].reserved)
			s2_text_add(text, "     CPU %u: its VMID is of an old generation\n", c);
		if (cpu->last_ran[mmu] != cpu->vcpu)
			s2_text_add(text, "     CPU %u: holds stage-1 entries of another vcpu\n",
				    c);
	}
}

static int stage2_context_check_apply_random(void *arg, void *state, uint64_t random,
					     struct s2_text *told)
{
	const unsigned event = (unsigned)(random % N_EVENTS);
	const int ret = stage2_context_check_apply(arg, state, event);

	if (!ret && told) {
		s2_text_add(told, "   - ");
		stage2_context_check_tell_event(arg, event, told);
		s2_text_add(told, "\n");
	}
	return ret;
}

int s2_stage2_flow_check(const struct s2_stage2_policy *policy, const struct s2_stage2_flow *flow,
			 const struct s2_context_bounds *bounds, struct s2_context_result *out)
{
	const struct s2_context_system sys = {
		.size = sizeof(struct s2_stage2_world),
		.hashed = offsetof(struct s2_stage2_world, policy),
		.n_events = N_EVENTS,
		.apply = stage2_context_check_apply,
		.right = stage2_context_check_right,
		.tell_event = stage2_context_check_tell_event,
		.tell_wrong = stage2_context_check_tell_wrong,
		.apply_random = stage2_context_check_apply_random,
	};
	struct s2_machine_config cfg = {.cpus = S2_STAGE2_CPUS, .allocator = S2_ALLOCATOR_LIBC};
	struct s2_stage2_world start;
	struct s2_machine *m;
	int ret = s2_features_preset("max", &cfg.features);

	if (!ret)
		ret = s2_machine_create(&cfg, &m);
	if (ret)
		return ret;
	ret = s2_stage2_world_init(&start, m, policy, flow);
	if (!ret)
		ret = s2_context_explore(&sys, &start, bounds, out);
	s2_machine_destroy(m);
	return ret;
}

int s2_stage2_context_check(const struct s2_stage2_policy *policy,
			    const struct s2_context_bounds *bounds, struct s2_context_result *out)
{
	return s2_stage2_flow_check(policy, &s2_stage2_kvm_flow, bounds, out);
}
