/* SPDX-License-Identifier: MIT */
/* Bugs of what arm64 reloads, and policies that would be right on x86 and are not here. */
#include "check/context_bugs.h"

#include "check/stage2_context_check.h"

/* fa808ed4e199: VTTBR_EL2 programmed, then a VMID allocated. */
static void registers_before_vmid(struct s2_stage2_world *w, unsigned vcpu, unsigned c)
{
	s2_stage2_load_registers(w, vcpu, c);
	s2_stage2_vmid_update(w, w->vcpu[vcpu].mmu);
	s2_stage2_check_last_ran(w, vcpu, c);
}

/* fb544d1ca65a and its kind: who runs across the rollover keeps a number that others get. */
static void nothing_reserved(struct s2_stage2_world *w, unsigned c)
{
	s2_stage2_new_generation(w, c, 0);
}

/* 94d0e5980d67 brought back by an early return: nothing to load, so nothing to flush. */
static void early_return_before_flush(struct s2_stage2_world *w, unsigned vcpu, unsigned c)
{
	const unsigned mmu = w->vcpu[vcpu].mmu;

	s2_stage2_vmid_update(w, mmu);
	if (w->cpu[c].vttbr == s2_stage2_vttbr(w, mmu))
		return;
	s2_stage2_load_registers(w, vcpu, c);
	s2_stage2_check_last_ran(w, vcpu, c);
}

struct arm_bug {
	struct s2_context_bug bug;
	const char *policy;
	void (*vcpu_load)(struct s2_stage2_world *w, unsigned vcpu, unsigned c); /* or NULL */
	void (*rollover)(struct s2_stage2_world *w, unsigned c);		  /* or NULL */
};

static const struct arm_bug bugs[] = {
	{{"arm64-vttbr-before-vmid", "VTTBR_EL2 is programmed, then a VMID allocated", "fa808ed4e199"},
	 "rewrite-all", registers_before_vmid, NULL},
	{{"arm64-rollover-reserves-none", "who runs across a rollover keeps a number that others get",
	  "fb544d1ca65a"},
	 "rewrite-all", NULL, nothing_reserved},
	{{"arm64-no-flush-between-vcpus",
	  "another vcpu of the VM is loaded, and hits the stage-1 entries of the one before",
	  "94d0e5980d67"},
	 "rewrite-all", early_return_before_flush, NULL},
	{{"arm64-init-flag", "VTCR_EL2 is written on a vcpu's first load, of all CPUs", NULL},
	 "init-flag", NULL, NULL},
	{{"arm64-constants-per-vcpu", "VTCR_EL2 is written on a vcpu's first load on each CPU", NULL},
	 "constants-per-vcpu", NULL, NULL},
};

const struct s2_context_bug *s2_stage2_context_bug_at(size_t index)
{
	return index < sizeof(bugs) / sizeof(bugs[0]) ? &bugs[index].bug : NULL;
}

int s2_stage2_context_bug_check(size_t index, bool mended, const struct s2_context_bounds *bounds,
				struct s2_context_result *out)
{
	const struct arm_bug *b = &bugs[index];
	struct s2_stage2_flow flow = s2_stage2_kvm_flow;

	if (!mended && b->vcpu_load)
		flow.vcpu_load = b->vcpu_load;
	if (!mended && b->rollover)
		flow.rollover = b->rollover;
	return s2_stage2_flow_check(s2_stage2_policy_find(mended ? "rewrite-all" : b->policy), &flow,
				    bounds, out);
}
