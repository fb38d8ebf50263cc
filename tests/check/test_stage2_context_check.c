/* SPDX-License-Identifier: MIT */
/*
 * The check of what arm64 reloads: policies that compare with the CPU pass,
 * those that remember a vcpu fail, and so do published faults.
 */
#include "support.h"

#include <string.h>

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

static void faults_of_stage_2_reloads_are_found(void **state)
{
	static const struct {
		struct s2_stage2_flow flow;
		size_t events;
		const char *says;
	} faults[] = {
		{{registers_before_vmid, NULL}, 1, "VTTBR_EL2 is 0x1000001"},
		{{NULL, nothing_reserved}, 2, "VMID is of an old generation"},
		{{early_return_before_flush, NULL}, 3, "stage-1 entries of another vcpu"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct s2_stage2_flow flow = s2_stage2_kvm_flow;
		struct s2_context_result r;

		if (faults[i].flow.vcpu_load)
			flow.vcpu_load = faults[i].flow.vcpu_load;
		if (faults[i].flow.rollover)
			flow.rollover = faults[i].flow.rollover;
		r = check_arm(s2_stage2_policy_find("rewrite-all"), &flow);
		s2_test_row("fault %zu:\n%s", i, r.story ? r.story : "not found");
		assert_i64(r.verdict, S2_CONTEXT_UNSOUND);
		assert_u64(r.story_events, faults[i].events);
		assert_non_null(strstr(r.story, faults[i].says));
		s2_context_result_clear(&r);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		s2_unit_test(on_arm64_what_compares_with_the_cpu_is_sound),
		s2_unit_test(on_arm64_once_for_each_vcpu_is_not_enough),
		s2_unit_test(faults_of_stage_2_reloads_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
