/* SPDX-License-Identifier: MIT */
/*
 * The check of contexts: sound policies pass, the 2022 patch and every fault
 * of the past fail with a shortest story, and what repaired each passes.
 */
#include "support.h"

#include <string.h>

#include "check/x86_context_check.h"

/* What a test explores at least: all sequences up to here, then at random. */
static const struct s2_context_bounds bounds = {.depth = 4, .random_events = 50000, .seed = 3};

/* --- the explorer itself -------------------------------------------------- */

/* A counter modulo 12: +1, +5, and an event that cannot happen; 11 is wrong if arg says so. */
static int count_on(void *arg, void *state, unsigned event)
{
	uint32_t *n = state;

	(void)arg;
	if (event == 2)
		return -EINVAL;
	*n = (*n + (event ? 5 : 1)) % 12;
	return 0;
}

static bool not_eleven(void *arg, const void *state)
{
	return !*(const bool *)arg || *(const uint32_t *)state != 11;
}

static void tell_step(void *arg, unsigned event, struct s2_text *text)
{
	(void)arg;
	s2_text_add(text, "+%d", event ? 5 : 1);
}

static void tell_eleven(void *arg, const void *state, struct s2_text *text)
{
	(void)arg;
	(void)state;
	s2_text_add(text, "     eleven\n");
}

static int any_step(void *arg, void *state, uint64_t random, struct s2_text *told)
{
	if (told)
		s2_text_add(told, "step\n");
	return count_on(arg, state, random % 3);
}

static struct s2_context_system counter(bool *eleven_is_wrong)
{
	const struct s2_context_system sys = {
		.size = sizeof(uint32_t),
		.hashed = sizeof(uint32_t),
		.n_events = 3,
		.apply = count_on,
		.right = not_eleven,
		.tell_event = tell_step,
		.tell_wrong = tell_eleven,
		.apply_random = any_step,
		.arg = eleven_is_wrong,
	};

	return sys;
}

static void all_states_are_found_and_the_walk_ends_when_none_is_new(void **state)
{
	bool eleven_is_wrong = false;
	const struct s2_context_system sys = counter(&eleven_is_wrong);
	const struct s2_context_bounds b = {.depth = 250, .random_events = 100};
	struct s2_context_result r;
	uint32_t start = 0;

	(void)state;
	assert_i64(s2_context_explore(&sys, &start, &b, &r), 0);
	assert_i64(r.verdict, S2_CONTEXT_EXPLORED);
	assert_u64(r.states, 12);
	assert_u64(r.transitions, 24);
	assert_true(r.closed);
	assert_true(r.random_events >= 100);
	assert_null(r.story);
}

static void the_story_is_a_shortest_one(void **state)
{
	bool eleven_is_wrong = true;
	const struct s2_context_system sys = counter(&eleven_is_wrong);
	struct s2_context_bounds b = {.depth = 2};
	struct s2_context_result r;
	uint32_t start = 0;

	(void)state;
	assert_i64(s2_context_explore(&sys, &start, &b, &r), 0);
	assert_i64(r.verdict, S2_CONTEXT_EXPLORED);
	assert_false(r.closed);
	b.depth = 3;
	assert_i64(s2_context_explore(&sys, &start, &b, &r), 0);
	assert_i64(r.verdict, S2_CONTEXT_UNSOUND);
	assert_string_equal(r.story, "  1. +1\n  2. +5\n  3. +5\n     eleven\n");
	assert_u64(r.story_events, 3);
	s2_context_result_clear(&r);
}

static void a_wrong_start_is_a_story_without_events(void **state)
{
	bool eleven_is_wrong = true;
	const struct s2_context_system sys = counter(&eleven_is_wrong);
	const struct s2_context_bounds b = {.depth = 3};
	struct s2_context_result r;
	uint32_t start = 11;

	(void)state;
	assert_i64(s2_context_explore(&sys, &start, &b, &r), 0);
	assert_i64(r.verdict, S2_CONTEXT_UNSOUND);
	assert_string_equal(r.story, "     eleven\n");
	s2_context_result_clear(&r);
}

static void random_walks_find_what_lies_deeper(void **state)
{
	bool eleven_is_wrong = true;
	const struct s2_context_system sys = counter(&eleven_is_wrong);
	const struct s2_context_bounds b = {.depth = 0, .random_events = 1000};
	struct s2_context_result r;
	uint32_t start = 0;

	(void)state;
	assert_i64(s2_context_explore(&sys, &start, &b, &r), 0);
	assert_i64(r.verdict, S2_CONTEXT_UNSOUND);
	assert_non_null(strstr(r.story, "step\n"));
	s2_context_result_clear(&r);
}

static void a_limit_on_states_is_kept_and_not_called_closed(void **state)
{
	bool eleven_is_wrong = false;
	const struct s2_context_system sys = counter(&eleven_is_wrong);
	struct s2_context_bounds b = {.depth = 250, .max_states = 5};
	struct s2_context_result r;
	uint32_t start = 0;

	(void)state;
	assert_i64(s2_context_explore(&sys, &start, &b, &r), 0);
	assert_u64(r.states, 5);
	assert_false(r.closed);
	assert_true(r.depth < 3);
	b.depth = 251;
	assert_i64(s2_context_explore(&sys, &start, &b, &r), -EINVAL);
}

/* --- x86 ------------------------------------------------------------------ */

static struct s2_context_result check_x86(const struct s2_x86_policy *policy,
					  const struct s2_x86_flow *flow, enum s2_x86_paging paging,
					  enum s2_x86_vendor vendor)
{
	const struct s2_x86_vcpu_config cfg = {
		.policy = policy, .paging = paging, .vendor = vendor};
	struct s2_context_result r;

	s2_test_row("%s, %s, vendor %d", policy->name, s2_x86_paging_name(paging), vendor);
	assert_i64(s2_x86_flow_check(&cfg, flow, &bounds, &r), 0);
	return r;
}

static bool is_sound(const struct s2_context_result *r)
{
	return r->verdict == S2_CONTEXT_EXPLORED && r->depth == bounds.depth &&
	       r->random_events >= bounds.random_events;
}

static void every_policy_but_the_init_flag_is_sound_on_every_host(void **state)
{
	(void)state;
	for (size_t p = 0; s2_x86_policy_at(p); p++) {
		const struct s2_x86_policy *policy = s2_x86_policy_at(p);

		if (!strcmp(policy->name, "init-flag"))
			continue;
		for (int paging = 0; paging < S2_X86_PAGINGS; paging++)
			for (int vendor = 0; vendor < S2_X86_VENDORS; vendor++) {
				const struct s2_context_result r = check_x86(
					policy, &s2_x86_kvm_flow, (enum s2_x86_paging)paging,
					(enum s2_x86_vendor)vendor);

				assert_true(is_sound(&r));
			}
	}
}

static void six_events_deep_and_a_million_at_random_nothing_is_found(void **state)
{
	static const char *const names[] = {"compare-role", "constants-once", "two-cached"};
	const struct s2_context_bounds deep = {.depth = 6, .random_events = 1000000, .seed = 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct s2_x86_vcpu_config cfg = {.policy = s2_x86_policy_find(names[i]),
						       .paging = S2_X86_TDP5};
		struct s2_context_result r;

		s2_test_row("%s", names[i]);
		assert_i64(s2_x86_context_check(&cfg, &deep, &r), 0);
		assert_i64(r.verdict, S2_CONTEXT_EXPLORED);
		assert_u64(r.depth, 6);
	}
}

static void the_init_flag_fails_when_maxphyaddr_brings_the_fifth_level(void **state)
{
	const struct s2_x86_policy *policy = s2_x86_policy_find("init-flag");

	(void)state;
	for (int vendor = 0; vendor < S2_X86_VENDORS; vendor++) {
		struct s2_context_result r = check_x86(policy, &s2_x86_kvm_flow, S2_X86_TDP5,
						       (enum s2_x86_vendor)vendor);

		assert_i64(r.verdict, S2_CONTEXT_UNSOUND);
		assert_string_equal(r.story,
				    "  1. cpuid-set MAXPHYADDR=52, 1 GiB pages yes, C-bit 0\n"
				    "     root: shadow_root_level is 4, computed from nothing 5\n"
				    "     root: shadow_zero is stale\n");
		s2_context_result_clear(&r);
	}
}

static void on_other_hosts_the_init_flag_is_never_wrong(void **state)
{
	static const enum s2_x86_paging pagings[] = {S2_X86_SHADOW, S2_X86_TDP4};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pagings); i++) {
		const struct s2_context_result r = check_x86(
			s2_x86_policy_find("init-flag"), &s2_x86_kvm_flow, pagings[i], S2_X86_VMX);

		assert_true(is_sound(&r));
	}
}

/* --- faults of the past --------------------------------------------------- */

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

struct fault {
	const char *what;
	const char *policy; /**< that runs with the fault, and is sound without it */
	enum s2_x86_paging paging;
	enum s2_x86_event_kind kind; /**< whose handler is swapped, if any */
	int (*handler)(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
		       const struct s2_x86_event *event);
	struct s2_x86_roles (*cpu_role)(const struct s2_x86_vcpu *vcpu,
					const struct s2_x86_regs *regs);
	void (*update)(const struct s2_x86_update *u);
	size_t events;	  /**< of the shortest story */
	const char *says; /**< in the story */
};

static const struct fault faults[] = {
	{"7dcd57552008: the early return misses CPUID", "compare-role", S2_X86_TDP4,
	 S2_X86_CPUID_SET, cpuid_without_forgetting, NULL, NULL, 1, "root: guest_rsvd is stale"},
	{"de3ccd26fafc: only MAXPHYADDR in the role", "compare-role", S2_X86_TDP4, S2_X86_CPUID_SET,
	 cpuid_without_forgetting, role_with_maxphyaddr, NULL, 2, "1 GiB pages no"},
	{"ad7dc69aeb23: root and guest switched, only one reset", "compare-role", S2_X86_TDP4,
	 S2_X86_NESTED_EXIT, without_set_up, NULL, NULL, 2, "guest_mode is 1"},
	{"78fcb2c91adf: SMM flag cleared, reset never reached", "compare-role", S2_X86_TDP4,
	 S2_X86_SMM_LEAVE_FAILS, without_set_up, NULL, NULL, 2,
	 "root_role.smm is 1, computed from nothing 0"},
	{"0aa1837533e5: no MMU reset at vcpu RESET", "compare-role", S2_X86_TDP4, S2_X86_VCPU_RESET,
	 without_set_up, NULL, NULL, 2, "  2. vcpu-reset"},
	{"654430efde27: nested role compared in part", "compare-role", S2_X86_TDP4, S2_X86_RUN,
	 NULL, NULL, nested_partial_compare, 3, "nested: root_level is"},
	{"0128116550ac: hook after RSM dropped", "compare-role", S2_X86_TDP4, S2_X86_SMM_LEAVE,
	 without_set_up, NULL, NULL, 2, "cpu_role.smm is 1"},
	{"fa75e08bbe4f: reset before the SMM flag is cleared", "rewrite-all", S2_X86_TDP4,
	 S2_X86_SMM_LEAVE, smm_leave_resets_first, NULL, NULL, 2, "cpu_role.smm is 1"},
	{"CPUID while L2 runs, if it were let through", "rewrite-all", S2_X86_TDP4,
	 S2_X86_CPUID_SET, cpuid_in_guest_mode, NULL, NULL, 2, "guest: cpu_role.valid is 0"},
	{"a cached context survives CPUID", "two-cached", S2_X86_TDP4, S2_X86_CPUID_SET,
	 cpuid_rewrites_what_is_in_use, NULL, NULL, 3, "root: guest_rsvd is stale"},
	{"SMM left out of the compare", "compare-role", S2_X86_TDP4, S2_X86_RUN, NULL, NULL,
	 smm_not_compared, 1, "cpu_role.smm is 0, computed from nothing 1"},
	{"inject_page_fault a constant without TDP", "rewrite-all", S2_X86_SHADOW, S2_X86_RUN, NULL,
	 NULL, inject_is_constant, 1, "root: inject_page_fault is stale"},
	{"a root outlives its role", "compare-role", S2_X86_TDP4, S2_X86_SMM_ENTER,
	 smm_enter_keeps_the_root, NULL, NULL, 2, "its root was built for another role"},
	{"the role is not noted", "rewrite-all", S2_X86_TDP4, S2_X86_RUN, NULL, NULL,
	 role_not_noted, 1, "root: cpu_role."},
	{"the root role is not noted", "rewrite-all", S2_X86_TDP4, S2_X86_RUN, NULL, NULL,
	 root_role_not_noted, 1, "root: root_role."},
	{"shadow_root_level a constant", "constants-per-vcpu", S2_X86_TDP5, S2_X86_RUN, NULL, NULL,
	 level_is_constant, 1, "shadow_root_level is 4, computed from nothing 5"},
};

static void each_fault_of_the_past_is_found_by_a_shortest_story(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		const struct fault *f = &faults[i];
		struct s2_x86_flow flow = s2_x86_kvm_flow;
		struct s2_x86_policy policy = *s2_x86_policy_find(f->policy);
		struct s2_context_result r;

		if (f->handler)
			flow.on[f->kind] = f->handler;
		if (f->cpu_role)
			flow.cpu_role = f->cpu_role;
		if (f->update)
			policy.update = f->update;
		r = check_x86(&policy, &flow, f->paging, S2_X86_VMX);
		s2_test_row("%s:\n%s", f->what, r.story ? r.story : "not found");
		assert_i64(r.verdict, S2_CONTEXT_UNSOUND);
		assert_u64(r.story_events, f->events);
		assert_non_null(strstr(r.story, f->says));
		s2_context_result_clear(&r);
	}
}

static void without_its_fault_each_passes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		const struct s2_context_result r =
			check_x86(s2_x86_policy_find(faults[i].policy), &s2_x86_kvm_flow,
				  faults[i].paging, S2_X86_VMX);

		assert_true(is_sound(&r));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		s2_unit_test(all_states_are_found_and_the_walk_ends_when_none_is_new),
		s2_unit_test(the_story_is_a_shortest_one),
		s2_unit_test(a_wrong_start_is_a_story_without_events),
		s2_unit_test(random_walks_find_what_lies_deeper),
		s2_unit_test(a_limit_on_states_is_kept_and_not_called_closed),
		s2_unit_test(every_policy_but_the_init_flag_is_sound_on_every_host),
		s2_unit_test(six_events_deep_and_a_million_at_random_nothing_is_found),
		s2_unit_test(the_init_flag_fails_when_maxphyaddr_brings_the_fifth_level),
		s2_unit_test(on_other_hosts_the_init_flag_is_never_wrong),
		s2_unit_test(each_fault_of_the_past_is_found_by_a_shortest_story),
		s2_unit_test(without_its_fault_each_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
