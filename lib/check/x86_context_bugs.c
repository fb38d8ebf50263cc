/* SPDX-License-Identifier: MIT */
/*
 * Bugs that x86's MMU contexts had, and some that they might have: a policy's or a
 * caller's function swapped for one that is wrong.
 */
#include "check/context_bugs.h"

#include <errno.h>

#include "check/x86_context_check.h"

static void no_update(const struct s2_x86_update *u)
{
	(void)u;
}

static const struct s2_x86_policy nothing = {"nothing", "", no_update, NULL, false};

/* What the kernel does on this event, but no context is set up. */
static int without_set_up(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
			  const struct s2_x86_event *event)
{
	const struct s2_x86_policy *policy = vcpu->policy;
	int ret;

	vcpu->policy = &nothing;
	ret = s2_x86_kvm_flow.on[event->kind](vcpu, cpu, event);
	vcpu->policy = policy;
	return ret;
}

static bool cpuid_possible(const struct s2_x86_vcpu *vcpu, const struct s2_x86_event *event)
{
	return !vcpu->ran && event->cpuid.maxphyaddr >= 32 && event->cpuid.maxphyaddr <= 52;
}

/* The early return trusts a role in which CPUID has no part. */
static int cpuid_without_forgetting(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
				    const struct s2_x86_event *event)
{
	if (!cpuid_possible(vcpu, event) || vcpu->guest_mode)
		return -EINVAL;
	vcpu->cpuid = event->cpuid;
	s2_x86_reset_context(vcpu, cpu);
	return 0;
}

/* The first repair, v5.0: MAXPHYADDR, and only it, is a part of the role. */
static struct s2_x86_roles role_with_maxphyaddr(const struct s2_x86_vcpu *vcpu,
						const struct s2_x86_regs *regs)
{
	struct s2_x86_roles role = s2_x86_calc_cpu_role(vcpu, regs);

	role.cpu_ext |= (uint32_t)vcpu->cpuid.maxphyaddr << 8;
	return role;
}

/* The reset while the flag still stands, then the flag. */
static int smm_leave_resets_first(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
				  const struct s2_x86_event *event)
{
	const int ret = without_set_up(vcpu, cpu, event);

	if (ret)
		return ret;
	vcpu->smm = 1;
	s2_x86_reset_context(vcpu, cpu);
	vcpu->smm = 0;
	return 0;
}

/* The big hammer without its first half: a root outlives its role. */
static int smm_enter_keeps_the_root(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
				    const struct s2_x86_event *event)
{
	const uint32_t root = s2_x86_ctx(vcpu, S2_X86_ROOT)->root;
	const int ret = s2_x86_kvm_flow.on[event->kind](vcpu, cpu, event);

	if (!ret)
		s2_x86_ctx(vcpu, S2_X86_ROOT)->root = root;
	return ret;
}

/* CPUID while L2 runs: only the nested context is looked at again. */
static int cpuid_in_guest_mode(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
			       const struct s2_x86_event *event)
{
	if (!cpuid_possible(vcpu, event))
		return -EINVAL;
	vcpu->cpuid = event->cpuid;
	s2_x86_forget_roles(vcpu);
	s2_x86_reset_context(vcpu, cpu);
	return 0;
}

/* A cache's own trap: what is in use is written anew, what is set aside is not told. */
static int cpuid_rewrites_what_is_in_use(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
					 const struct s2_x86_event *event)
{
	struct s2_x86_update u = {.vcpu = vcpu, .cpu = cpu, .id = S2_X86_ROOT};

	if (!cpuid_possible(vcpu, event) || vcpu->guest_mode)
		return -EINVAL;
	vcpu->cpuid = event->cpuid;
	u.role = s2_x86_calc_role(vcpu, S2_X86_ROOT, vcpu->flow);
	s2_x86_rewrite(&u);
	return 0;
}

/* kvm_calc_mmu_role_common(): what was compared before 5.13 has no level. */
static void nested_partial_compare(const struct s2_x86_update *u)
{
	const uint32_t compared =
		u->id == S2_X86_NESTED ? ~(ROLE_LEVEL | ROLE_4_BYTE_GPTE) : ~UINT32_C(0);
	const struct s2_x86_roles *old = &s2_x86_ctx(u->vcpu, u->id)->role;

	if (!((old->cpu_base ^ u->role.cpu_base) & compared) && old->cpu_ext == u->role.cpu_ext &&
	    old->root_base == u->role.root_base)
		return;
	s2_x86_rewrite(u);
}

/* What the seed would have liked: SMM is no reason to look. */
static void smm_not_compared(const struct s2_x86_update *u)
{
	const struct s2_x86_roles *old = &s2_x86_ctx(u->vcpu, u->id)->role;

	if (!((old->cpu_base ^ u->role.cpu_base) & ~ROLE_SMM) && old->cpu_ext == u->role.cpu_ext &&
	    !((old->root_base ^ u->role.root_base) & ~ROLE_SMM))
		return;
	s2_x86_rewrite(u);
}

/* Without TDP, inject_page_fault taken for a constant. */
static void inject_is_constant(const struct s2_x86_update *u)
{
	struct s2_x86_context *ctx = s2_x86_ctx(u->vcpu, u->id);
	const uint32_t inject = ctx->field[S2_X86_INJECT_PAGE_FAULT];

	s2_x86_rewrite(u);
	if (inject)
		ctx->field[S2_X86_INJECT_PAGE_FAULT] = inject;
}

/* The shadow root level taken for a constant: the patch's mistake in the maintainer's form. */
static void level_is_constant(const struct s2_x86_update *u)
{
	struct s2_x86_context *ctx = s2_x86_ctx(u->vcpu, u->id);
	const uint32_t level = ctx->field[S2_X86_SHADOW_ROOT_LEVEL];

	s2_x86_rewrite(u);
	if (level)
		ctx->field[S2_X86_SHADOW_ROOT_LEVEL] = level;
}

/* Every field is right, and the role that they are for is not noted. */
static void role_not_noted(const struct s2_x86_update *u)
{
	struct s2_x86_context *ctx = s2_x86_ctx(u->vcpu, u->id);
	const uint32_t cpu_base = ctx->role.cpu_base;

	s2_x86_rewrite(u);
	if (cpu_base)
		ctx->role.cpu_base = cpu_base;
}

static void root_role_not_noted(const struct s2_x86_update *u)
{
	struct s2_x86_context *ctx = s2_x86_ctx(u->vcpu, u->id);
	const uint32_t root_base = ctx->role.root_base;

	s2_x86_rewrite(u);
	if (root_base)
		ctx->role.root_base = root_base;
}

/* A swap: of the policy's function, a caller's, or how a role is computed. */
struct x86_bug {
	struct s2_context_bug bug;
	const char *policy; /* that is sound without it, but for init-flag */
	enum s2_x86_paging paging;
	enum s2_x86_event_kind kind; /* whose handler is swapped, if any */
	int (*handler)(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
		       const struct s2_x86_event *event);
	struct s2_x86_roles (*cpu_role)(const struct s2_x86_vcpu *vcpu,
					const struct s2_x86_regs *regs);
	void (*update)(const struct s2_x86_update *u);
	const char *mended; /* policy of the mended form; NULL: the same */
};

static const struct x86_bug bugs[] = {
	{{"x86-early-return-cpuid", "the early return trusts a role in which CPUID has no part",
	  "7dcd57552008"},
	 "compare-role", S2_X86_TDP4, S2_X86_CPUID_SET, cpuid_without_forgetting, NULL, NULL, NULL},
	{{"x86-role-maxphyaddr-only", "of CPUID only MAXPHYADDR is a part of the role", "de3ccd26fafc"},
	 "compare-role", S2_X86_TDP4, S2_X86_CPUID_SET, cpuid_without_forgetting,
	 role_with_maxphyaddr, NULL, NULL},
	{{"x86-nested-exit-not-reset", "root and guest contexts are switched, and one is reset",
	  "ad7dc69aeb23"},
	 "compare-role", S2_X86_TDP4, S2_X86_NESTED_EXIT, without_set_up, NULL, NULL, NULL},
	{{"x86-smm-fails-not-reset", "RSM fails: the SMM flag is cleared, a reset never reached",
	  "78fcb2c91adf"},
	 "compare-role", S2_X86_TDP4, S2_X86_SMM_LEAVE_FAILS, without_set_up, NULL, NULL, NULL},
	{{"x86-reset-not-reset", "a vcpu's RESET leaves its MMU as it was", "0aa1837533e5"},
	 "compare-role", S2_X86_TDP4, S2_X86_VCPU_RESET, without_set_up, NULL, NULL, NULL},
	{{"x86-nested-role-in-part", "the nested role is compared in part", "654430efde27"},
	 "compare-role", S2_X86_TDP4, S2_X86_RUN, NULL, NULL, nested_partial_compare, NULL},
	{{"x86-rsm-hook-dropped", "the hook after RSM is dropped", "0128116550ac"},
	 "compare-role", S2_X86_TDP4, S2_X86_SMM_LEAVE, without_set_up, NULL, NULL, NULL},
	{{"x86-rsm-reset-first", "the reset comes before the SMM flag is cleared", "fa75e08bbe4f"},
	 "rewrite-all", S2_X86_TDP4, S2_X86_SMM_LEAVE, smm_leave_resets_first, NULL, NULL, NULL},
	{{"x86-init-flag", "constants are skipped by a flag, and shadow_root_level is none",
	  "the 2022 patch"},
	 "init-flag", S2_X86_TDP5, S2_X86_RUN, NULL, NULL, NULL, "compare-role"},

	{{"x86-cpuid-in-guest", "CPUID changes while L2 runs", NULL},
	 "rewrite-all", S2_X86_TDP4, S2_X86_CPUID_SET, cpuid_in_guest_mode, NULL, NULL, NULL},
	{{"x86-cache-survives-cpuid", "a cached context survives CPUID", NULL},
	 "two-cached", S2_X86_TDP4, S2_X86_CPUID_SET, cpuid_rewrites_what_is_in_use, NULL, NULL, NULL},
	{{"x86-smm-not-compared", "SMM is left out of the compare", NULL},
	 "compare-role", S2_X86_TDP4, S2_X86_RUN, NULL, NULL, smm_not_compared, NULL},
	{{"x86-inject-constant", "without TDP inject_page_fault is taken for a constant", NULL},
	 "rewrite-all", S2_X86_SHADOW, S2_X86_RUN, NULL, NULL, inject_is_constant, NULL},
	{{"x86-root-outlives-role", "a root outlives its role", NULL},
	 "compare-role", S2_X86_TDP4, S2_X86_SMM_ENTER, smm_enter_keeps_the_root, NULL, NULL, NULL},
	{{"x86-role-not-noted", "the CPU role that fields are for is not noted", NULL},
	 "rewrite-all", S2_X86_TDP4, S2_X86_RUN, NULL, NULL, role_not_noted, NULL},
	{{"x86-root-role-not-noted", "the root role is not noted", NULL},
	 "rewrite-all", S2_X86_TDP4, S2_X86_RUN, NULL, NULL, root_role_not_noted, NULL},
	{{"x86-level-constant", "shadow_root_level is taken for a constant", NULL},
	 "constants-per-vcpu", S2_X86_TDP5, S2_X86_RUN, NULL, NULL, level_is_constant, NULL},
};

const struct s2_context_bug *s2_x86_context_bug_at(size_t index)
{
	return index < sizeof(bugs) / sizeof(bugs[0]) ? &bugs[index].bug : NULL;
}

int s2_x86_context_bug_check(size_t index, bool mended, const struct s2_context_bounds *bounds,
			     struct s2_context_result *out)
{
	const struct x86_bug *b = &bugs[index];
	const char *name = mended && b->mended ? b->mended : b->policy;
	struct s2_x86_policy policy = *s2_x86_policy_find(name);
	struct s2_x86_flow flow = s2_x86_kvm_flow;
	const struct s2_x86_vcpu_config cfg = {
		.policy = &policy, .paging = b->paging, .vendor = S2_X86_VMX};

	if (!mended && b->handler)
		flow.on[b->kind] = b->handler;
	if (!mended && b->cpu_role)
		flow.cpu_role = b->cpu_role;
	if (!mended && b->update)
		policy.update = b->update;
	return s2_x86_flow_check(&cfg, &flow, bounds, out);
}
