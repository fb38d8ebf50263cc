/* SPDX-License-Identifier: MIT */
/*
 * The check of what arm64 reloads: policies that compare with the CPU pass,
 * those that remember a vcpu fail, and so do published bugs.
 */
#include "support.h"

#include <string.h>

#include "check/context_bugs.h"
#include "check/stage2_context_check.h"

static const struct s2_context_bounds bounds = {.depth = 9, .random_events = 20000, .seed = 3};

static struct s2_context_result check_arm(const struct s2_stage2_policy *policy,
					  const struct s2_stage2_flow *flow)
{
	struct s2_context_result r;

	s2_test_row("%s", policy->name);
	assert_i64(s2_stage2_flow_check(policy, flow, &bounds, &r), 0);
	return r;
}

static void on_arm64_what_compares_with_the_cpu_is_sound(void **state)
{
	static const char *const sound[] = {"rewrite-all", "compare-role", "constants-once",
					    "two-cached"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sound); i++) {
		const struct s2_context_result r =
			check_arm(s2_stage2_policy_find(sound[i]), &s2_stage2_kvm_flow);

		assert_i64(r.verdict, S2_CONTEXT_EXPLORED);
		assert_i64(r.depth, bounds.depth);
	}
}

static void on_arm64_once_for_each_vcpu_is_not_enough(void **state)
{
	struct s2_context_result r;

	(void)state;
	r = check_arm(s2_stage2_policy_find("init-flag"), &s2_stage2_kvm_flow);
	assert_i64(r.verdict, S2_CONTEXT_UNSOUND);
	assert_u64(r.story_events, 3);
	s2_context_result_clear(&r);
	r = check_arm(s2_stage2_policy_find("constants-per-vcpu"), &s2_stage2_kvm_flow);
	assert_i64(r.verdict, S2_CONTEXT_UNSOUND);
	assert_string_equal(
		r.story, "  1. vcpu-load vcpu 0 of VM A on CPU 0\n"
			 "  2. vcpu-put vcpu 0 of VM A\n"
			 "  3. vcpu-load vcpu 2 of VM B on CPU 0\n"
			 "  4. vcpu-put vcpu 2 of VM B\n"
			 "  5. vcpu-load vcpu 0 of VM A on CPU 0\n"
			 "     CPU 0: VTCR_EL2 is 0x80000010, computed from nothing 0x80000018\n");
	s2_context_result_clear(&r);
}

static void bugs_of_stage_2_reloads_are_found(void **state)
{
	static const struct {
		size_t events;
		const char *says;
	} stories[] = {
		{1, "VTTBR_EL2 is 0x1000001"},
		{2, "VMID is of an old generation"},
		{3, "stage-1 entries of another vcpu"},
		{3, "VTCR_EL2 is"},
		{5, "VTCR_EL2 is"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		struct s2_context_result r;

		assert_i64(s2_stage2_context_bug_check(i, false, &bounds, &r), 0);
		s2_test_row("%s:\n%s", s2_stage2_context_bug_at(i)->name,
			    r.story ? r.story : "not found");
		assert_i64(r.verdict, S2_CONTEXT_UNSOUND);
		assert_u64(r.story_events, stories[i].events);
		assert_non_null(strstr(r.story, stories[i].says));
		s2_context_result_clear(&r);
	}
	assert_null(s2_stage2_context_bug_at(ARRAY_SIZE(stories)));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		s2_unit_test(on_arm64_what_compares_with_the_cpu_is_sound),
		s2_unit_test(on_arm64_once_for_each_vcpu_is_not_enough),
		s2_unit_test(bugs_of_stage_2_reloads_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
