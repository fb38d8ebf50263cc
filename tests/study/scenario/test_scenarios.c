/* SPDX-License-Identifier: MIT */
/* The scenarios: each broken one is found out, each sound one exhausted without a finding. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support.h"
#include "temp.h"

#include "study/scenario/scenarios.h"
#include "study/scenario/schedule.h"

/* Searched in tests with no more preemptions than this: programs search further. */
#define FEW 1U
/* From so many steps on one preemption is a thousand schedules: none then. */
#define DEEP 500U

static void explore(const struct s2_scenario *s, const struct s2_explore_config *cfg,
		    struct s2_explore_result *r)
{
	const int ret = s2_explore(s, cfg, r);

	if (ret == -ENOTSUP)
		skip();
	assert_i64(ret, 0);
}

static uint32_t few_of(const struct s2_named_scenario *s)
{
	return s->preemptions < FEW || s->broken ? s->preemptions : FEW;
}

/* What a search for all findings can afford in a test. */
static uint32_t affordable(const struct s2_scenario *s, uint32_t preemptions)
{
	const struct s2_explore_config cfg = {.preemptions = 0, .go_on = true};
	struct s2_explore_result r;

	explore(s, &cfg, &r);
	s2_explore_result_free(&r);
	return r.depth < DEEP ? preemptions : 0;
}

static void test_the_broken_are_found_out_and_the_sound_are_not(void **unused)
{
	const struct s2_named_scenario *s;

	(void)unused;
	for (size_t i = 0; (s = s2_scenario_at(i)); i++) {
		const struct s2_explore_config cfg = {.preemptions = few_of(s)};
		struct s2_explore_result r;

		s2_test_row("%s", s->scenario.name);
		explore(&s->scenario, &cfg, &r);
		if (!s->broken && r.kind != S2_EXPLORE_NOTHING)
			fail_msg("%s: %s", s->scenario.name, r.text);
		assert_i64(r.kind != S2_EXPLORE_NOTHING, s->broken);
		if (!s->broken)
			assert_true(r.end <= S2_EXPLORED_PREEMPTIONS);
		s2_explore_result_free(&r);
	}
}

static void test_two_searches_of_a_scenario_are_the_same(void **unused)
{
	const struct s2_named_scenario *s;

	(void)unused;
	for (size_t i = 0; (s = s2_scenario_at(i)); i++) {
		const struct s2_explore_config cfg = {
			.preemptions = affordable(&s->scenario, FEW),
			.go_on = true};
		struct s2_explore_result a, b;

		s2_test_row("%s", s->scenario.name);
		explore(&s->scenario, &cfg, &a);
		explore(&s->scenario, &cfg, &b);
		assert_u64(a.states, b.states);
		assert_u64(a.schedules, b.schedules);
		assert_u64(a.steps, b.steps);
		assert_u64(a.findings_hash, b.findings_hash);
		s2_explore_result_free(&a);
		s2_explore_result_free(&b);
	}
}

static void test_pruning_hides_no_violation_of_a_scenario(void **unused)
{
	const struct s2_named_scenario *s;

	(void)unused;
	for (size_t i = 0; (s = s2_scenario_at(i)); i++) {
		/* The first at which states are met again. */
		const bool small = !s->broken && strstr(s->scenario.name, "clear");
		struct s2_explore_config cfg = {
			.preemptions = affordable(&s->scenario, small ? 3 : FEW),
			.go_on = true};
		struct s2_explore_result with, without;

		s2_test_row("%s", s->scenario.name);
		explore(&s->scenario, &cfg, &with);
		cfg.no_pruning = true;
		explore(&s->scenario, &cfg, &without);
		assert_i64(with.end, without.end);
		assert_u64(with.findings, without.findings);
		assert_u64(with.findings_hash, without.findings_hash);
		assert_true(with.schedules <= without.schedules);
		print_message("%-18s %llu findings, %llu schedules, %llu without pruning\n",
			      s->scenario.name, (unsigned long long)with.findings,
			      (unsigned long long)with.schedules,
			      (unsigned long long)without.schedules);
		s2_explore_result_free(&with);
		s2_explore_result_free(&without);
	}
}

static void test_faults_of_two_threads_are_many_and_say_where_they_are_from(void **unused)
{
	unsigned published = 0, made_up = 0;
	const struct s2_named_scenario *s;

	(void)unused;
	for (size_t i = 0; (s = s2_scenario_at(i)); i++) {
		s2_test_row("%s", s->scenario.name);
		assert_true(s->broken || s->origin == S2_ORIGIN_NONE);
		published += s->origin == S2_ORIGIN_PUBLISHED;
		made_up += s->origin == S2_ORIGIN_MADE_UP;
		/* A commit, or whose patch it was. */
		if (s->origin == S2_ORIGIN_PUBLISHED)
			assert_true(strspn(s->scenario.about, "0123456789abcdef") == 12 ||
				    strstr(s->scenario.about, "20"));
	}
	print_message("faults of two threads: %u published, %u made up\n", published, made_up);
	assert_true(published + made_up >= 20);
}

static void test_a_scenario_takes_a_choice_and_no_other(void **unused)
{
	struct s2_scenario_variant v;

	(void)unused;
	assert_i64(s2_scenario_variant("unmap-fault,unmap=vmid", &v), 0);
	assert_string_equal(v.named.scenario.name, "unmap-fault,unmap=vmid");
	assert_i64(s2_scenario_variant("unmap-fault", &v), 0);
	assert_i64(s2_scenario_variant("unmap-fault,unmap=", &v), -ENOENT);
	assert_i64(s2_scenario_variant("unmap-fault,", &v), -ENOENT);
	assert_i64(s2_scenario_variant("unmap", &v), -ENOENT);
}

static void test_a_schedule_is_kept_in_a_file_and_leads_to_the_same(void **unused)
{
	const struct s2_named_scenario *s = s2_scenario_find("clears-unlocked");
	const struct s2_explore_config cfg = {.preemptions = 2};
	char path[S2_TEST_PATH];
	struct s2_explore_result r;
	struct s2_error err = {0};
	FILE *out = tmpfile();
	char line[512], last[512] = "";
	bool found = false;

	(void)unused;
	assert_non_null(out);
	s2_test_temp_file(path, "", 0);
	explore(&s->scenario, &cfg, &r);
	assert_i64(s2_schedule_save(path, &s->scenario, r.schedule, r.n_schedule, &err), 0);
	assert_i64(s2_schedule_replay(path, out, NULL, &found, &err), 0);
	assert_true(found);
	rewind(out);
	while (fgets(line, sizeof(line), out))
		memcpy(last, line, sizeof(last));
	assert_non_null(strstr(last, r.text));
	fclose(out);
	remove(path);
	s2_explore_result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(test_the_broken_are_found_out_and_the_sound_are_not),
		s2_unit_test(test_two_searches_of_a_scenario_are_the_same),
		s2_unit_test(test_pruning_hides_no_violation_of_a_scenario),
		s2_unit_test(test_faults_of_two_threads_are_many_and_say_where_they_are_from),
		s2_unit_test(test_a_scenario_takes_a_choice_and_no_other),
		s2_unit_test(test_a_schedule_is_kept_in_a_file_and_leads_to_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
