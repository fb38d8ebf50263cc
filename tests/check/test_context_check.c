/* SPDX-License-Identifier: MIT */
/*
 * The check of contexts: sound policies pass, the 2022 patch and every bug
 * of the past fail with a shortest story, and what repaired each passes.
 */
#include "support.h"

#include <string.h>

#include "check/context_bugs.h"
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

/* --- bugs of the past - --------------------------------------------------- */

/* Of each the length of the shortest story, and what is in it. */
static const struct {
	const char *name;
	size_t events;
	const char *says;
} stories[] = {
	{"x86-early-return-cpuid", 1, "root: guest_rsvd is stale"},
	{"x86-role-maxphyaddr-only", 2, "1 GiB pages no"},
	{"x86-nested-exit-not-reset", 2, "guest_mode is 1"},
	{"x86-smm-fails-not-reset", 2, "root_role.smm is 1, computed from nothing 0"},
	{"x86-reset-not-reset", 2, "  2. vcpu-reset"},
	{"x86-nested-role-in-part", 3, "nested: root_level is"},
	{"x86-rsm-hook-dropped", 2, "cpu_role.smm is 1"},
	{"x86-rsm-reset-first", 2, "cpu_role.smm is 1"},
	{"x86-init-flag", 1, "shadow_root_level is 4, computed from nothing 5"},
	{"x86-cpuid-in-guest", 2, "guest: cpu_role.valid is 0"},
	{"x86-cache-survives-cpuid", 3, "root: guest_rsvd is stale"},
	{"x86-smm-not-compared", 1, "cpu_role.smm is 0, computed from nothing 1"},
	{"x86-inject-constant", 1, "root: inject_page_fault is stale"},
	{"x86-root-outlives-role", 2, "its root was built for another role"},
	{"x86-role-not-noted", 1, "root: cpu_role."},
	{"x86-root-role-not-noted", 1, "root: root_role."},
	{"x86-level-constant", 1, "shadow_root_level is 4, computed from nothing 5"},
};

static void each_bug_of_the_past_is_found_by_a_shortest_story(void **state)
{
	const struct s2_context_bug *bug;
	size_t n = 0;

	(void)state;
	for (; (bug = s2_x86_context_bug_at(n)) != NULL; n++) {
		struct s2_context_result r;

		assert_i64(s2_x86_context_bug_check(n, false, &bounds, &r), 0);
		s2_test_row("%s:\n%s", bug->name, r.story ? r.story : "not found");
		assert_string_equal(bug->name, stories[n].name);
		assert_i64(r.verdict, S2_CONTEXT_UNSOUND);
		assert_u64(r.story_events, stories[n].events);
		assert_non_null(strstr(r.story, stories[n].says));
		s2_context_result_clear(&r);
	}
	assert_int_equal(n, ARRAY_SIZE(stories));
}

static void without_its_bug_each_passes(void **state)
{
	(void)state;
	for (size_t i = 0; s2_x86_context_bug_at(i); i++) {
		struct s2_context_result r;

		assert_i64(s2_x86_context_bug_check(i, true, &bounds, &r), 0);
		s2_test_row("%s", s2_x86_context_bug_at(i)->name);
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
		s2_unit_test(each_bug_of_the_past_is_found_by_a_shortest_story),
		s2_unit_test(without_its_bug_each_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
