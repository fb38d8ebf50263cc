/* SPDX-License-Identifier: MIT */
/* One search in several goes comes to what it comes to in one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"
#include "temp.h"

#include "study/part/part.h"
#include "study/scenario/scenarios.h"

#define SHARDS 3U
/* From so many steps on a search with preemptions is no matter for a test. */
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
	const struct s2_explore_config none = {.preemptions = 0, .go_on = true};
	struct s2_explore_result r;

	explore(&s->scenario, &none, &r);
	s2_explore_result_free(&r);
	return r.depth >= DEEP ? 0 : s->broken ? s->preemptions : 1;
}

static void write_parts(const struct s2_named_scenario *s, const struct s2_explore_config *whole,
			char paths[SHARDS][S2_TEST_PATH])
{
	for (uint32_t i = 0; i < SHARDS; i++) {
		struct s2_explore_config cfg = *whole;
		struct s2_search_part part = {.contract = "-",
					      .preemptions = cfg.preemptions,
					      .pruning = true,
					      .shard = i + 1,
					      .shards = SHARDS};
		struct s2_error err = {0};

		cfg.shard = i + 1;
		cfg.shards = SHARDS;
		explore(&s->scenario, &cfg, &part.result);
		snprintf(part.scenario, sizeof(part.scenario), "%s", s->scenario.name);
		s2_test_temp_file(paths[i], "", 0);
		assert_i64(s2_search_part_write(paths[i], &part, &err), 0);
		s2_explore_result_free(&part.result);
	}
}

static void remove_parts(char paths[SHARDS][S2_TEST_PATH])
{
	for (unsigned i = 0; i < SHARDS; i++)
		remove(paths[i]);
}

static void test_parts_together_find_what_the_whole_finds_and_tell_its_story(void **unused)
{
	const struct s2_named_scenario *s;

	(void)unused;
	for (size_t i = 0; (s = s2_scenario_at(i)); i++) {
		const struct s2_explore_config cfg = {.preemptions = few_of(s)};
		char paths[SHARDS][S2_TEST_PATH];
		const char *const names[SHARDS] = {paths[0], paths[1], paths[2]};
		struct s2_explore_result whole;
		struct s2_search_part all;
		struct s2_error err = {0};

		s2_test_row("%s", s->scenario.name);
		explore(&s->scenario, &cfg, &whole);
		write_parts(s, &cfg, paths);
		assert_i64(s2_search_part_merge(names, SHARDS, &all, &err), 0);
		assert_i64(all.result.kind, whole.kind);
		assert_i64(all.result.end, whole.end);
		assert_i64(all.result.preemptions, whole.preemptions);
		assert_string_equal(all.result.text, whole.text);
		assert_u64(all.result.n_schedule, whole.n_schedule);
		if (whole.n_schedule)
			assert_memory_equal(all.result.schedule, whole.schedule, whole.n_schedule);
		assert_true(whole.kind != S2_EXPLORE_NOTHING ||
			    all.result.states >= whole.states);
		remove_parts(paths);
		s2_explore_result_free(&all.result);
		s2_explore_result_free(&whole);
	}
}

/* Without pruning nothing is done twice, and nothing left out. */
static void test_each_schedule_is_of_one_part(void **unused)
{
	const struct s2_named_scenario *s;

	(void)unused;
	for (size_t i = 0; (s = s2_scenario_at(i)); i++) {
		struct s2_explore_config cfg = {
			.preemptions = few_of(s) ? 1 : 0, .go_on = true, .no_pruning = true};
		uint64_t schedules = 0, steps = 0;
		struct s2_explore_result whole, part;

		s2_test_row("%s", s->scenario.name);
		explore(&s->scenario, &cfg, &whole);
		for (cfg.shards = SHARDS, cfg.shard = 1; cfg.shard <= SHARDS; cfg.shard++) {
			explore(&s->scenario, &cfg, &part);
			schedules += part.schedules;
			steps += part.steps;
			s2_explore_result_free(&part);
		}
		/* Else the whole knew at a lower bound that nothing was left. */
		if (whole.end == S2_EXPLORED_PREEMPTIONS) {
			assert_u64(schedules, whole.schedules);
			assert_u64(steps, whole.steps);
		}
		s2_explore_result_free(&whole);
	}
}

static void assert_same(const struct s2_explore_result *a, const struct s2_explore_result *b)
{
	assert_i64(a->end, b->end);
	assert_i64(a->kind, b->kind);
	assert_u64(a->states, b->states);
	assert_u64(a->schedules, b->schedules);
	assert_u64(a->pruned, b->pruned);
	assert_u64(a->steps, b->steps);
	assert_u64(a->findings, b->findings);
	assert_u64(a->findings_hash, b->findings_hash);
	assert_true(a->plain >= b->plain && a->plain <= b->plain);
	assert_string_equal(a->text, b->text);
	assert_u64(a->n_schedule, b->n_schedule);
}

/* Stops every few schedules, and goes on from what was kept. */
static void in_goes(const struct s2_scenario *s, struct s2_explore_config cfg, uint64_t at_once,
		    struct s2_explore_result *r)
{
	uint8_t *kept = NULL;

	cfg.save = true;
	cfg.schedules = at_once;
	for (;;) {
		explore(s, &cfg, r);
		free(kept);
		if (r->end != S2_EXPLORED_SCHEDULES)
			return;
		assert_non_null(r->saved);
		kept = malloc(r->n_saved);
		memcpy(kept, r->saved, r->n_saved);
		cfg.resume = kept;
		cfg.n_resume = r->n_saved;
		cfg.schedules += at_once;
		s2_explore_result_free(r);
	}
}

static void test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(void **unused)
{
	static const char *const names[] = {"clears-unlocked", "relax-unlocked", "sgi-entry",
					    "spi-moves", "clear-flush-last", "relax-loser"};

	(void)unused;
	for (unsigned i = 0; i < 2 * sizeof(names) / sizeof(names[0]); i++) {
		const struct s2_named_scenario *s = s2_scenario_find(names[i / 2]);
		const struct s2_explore_config cfg = {.preemptions = 2, .go_on = i & 1};
		struct s2_explore_result whole, goes;

		s2_test_row("%s", names[i / 2]);
		explore(&s->scenario, &cfg, &whole);
		in_goes(&s->scenario, cfg, 13 + i, &goes);
		assert_same(&whole, &goes);
		s2_explore_result_free(&whole);
		s2_explore_result_free(&goes);
	}
}

static void test_what_was_kept_of_another_search_is_refused(void **unused)
{
	const struct s2_named_scenario *s = s2_scenario_find("spi-moves");
	struct s2_explore_config cfg = {.preemptions = 2, .schedules = 20, .save = true};
	struct s2_explore_result first, r;

	(void)unused;
	explore(&s->scenario, &cfg, &first);
	cfg.resume = first.saved;
	for (cfg.n_resume = 0; cfg.n_resume < first.n_saved; cfg.n_resume += 1 + first.n_saved / 64) {
		assert_i64(s2_explore(&s->scenario, &cfg, &r), -EINVAL);
		s2_explore_result_free(&r);
	}
	cfg.n_resume = first.n_saved;
	for (size_t at = 0; at < first.n_saved; at += 1 + first.n_saved / 256) {
		first.saved[at] ^= 1U << at % 8;
		assert_i64(s2_explore(&s->scenario, &cfg, &r), -EINVAL);
		s2_explore_result_free(&r);
		first.saved[at] ^= 1U << at % 8;
	}
	cfg.preemptions = 3;
	assert_i64(s2_explore(&s->scenario, &cfg, &r), -EINVAL);
	s2_explore_result_free(&r);
	cfg.preemptions = 2;
	assert_i64(s2_explore(&s2_scenario_find("spi-forgotten")->scenario, &cfg, &r), -EINVAL);
	s2_explore_result_free(&r);
	s2_explore_result_free(&first);
}

static void test_parts_that_are_not_all_of_one_search_are_refused(void **unused)
{
	const struct s2_named_scenario *s = s2_scenario_find("spi-moves");
	const struct s2_explore_config cfg = {.preemptions = 1}, other = {.preemptions = 2};
	char paths[SHARDS][S2_TEST_PATH], others[SHARDS][S2_TEST_PATH];
	const char *const twice[] = {paths[0], paths[1], paths[1]};
	const char *const mixed[] = {paths[0], paths[1], others[2]};
	const char *const edited[] = {paths[0], paths[1], paths[2]};
	char text[4096];
	size_t n;
	struct s2_search_part all;
	struct s2_error err = {0};
	FILE *file;

	(void)unused;
	write_parts(s, &cfg, paths);
	write_parts(s, &other, others);
	assert_i64(s2_search_part_merge(twice, 3, &all, &err), -EINVAL);
	assert_non_null(strstr(err.text, "twice"));
	assert_i64(s2_search_part_merge(twice, 2, &all, &err), -EINVAL);
	assert_non_null(strstr(err.text, "not as many"));
	assert_i64(s2_search_part_merge(mixed, 3, &all, &err), -EINVAL);
	assert_non_null(strstr(err.text, "another search"));
	file = fopen(paths[2], "r+");
	assert_non_null(file);
	n = fread(text, 1, sizeof(text), file);
	/* A digit in place of each byte; then without it and what follows. */
	for (size_t i = 0; i < n; i++) {
		rewind(file);
		fwrite(text, 1, i, file);
		fputc(text[i] == '1' ? '2' : '1', file);
		fwrite(text + i + 1, 1, n - i - 1, file);
		fflush(file);
		assert_i64(s2_search_part_merge(edited, 3, &all, &err), -EINVAL);
	}
	for (size_t i = n; i-- > 0;) {
		assert_i64(ftruncate(fileno(file), (off_t)i), 0);
		assert_i64(s2_search_part_merge(edited, 3, &all, &err), -EINVAL);
	}
	fclose(file);
	remove_parts(paths);
	remove_parts(others);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(test_parts_together_find_what_the_whole_finds_and_tell_its_story),
		s2_unit_test(test_each_schedule_is_of_one_part),
		s2_unit_test(test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been),
		s2_unit_test(test_what_was_kept_of_another_search_is_refused),
		s2_unit_test(test_parts_that_are_not_all_of_one_search_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
