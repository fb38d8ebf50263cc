/* SPDX-License-Identifier: MIT */
/* The explorer on toys whose orders can be counted by hand. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <stage2sim/explore.h>
#include <stage2sim/insn.h>

struct toy {
	struct s2_machine *m;
	struct s2_lock lock, other;
	int value, read_at_end;
	bool began, given, seen;
	bool locked;
};

struct toy_config {
	bool locked, unranked;
};

static int toy_create(void *arg, void **state, struct s2_machine **m)
{
	struct s2_machine_config cfg = {.cpus = 4};
	const struct toy_config *c = arg;
	struct toy *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	assert_i64(s2_features_parse("max,vmid=8", &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &t->m), 0);
	t->lock.name = "inner";
	t->lock.rank = 2;
	t->other.name = "outer";
	t->other.rank = 1;
	if (c && c->unranked)
		t->lock.rank = t->other.rank = 0;
	t->locked = c && c->locked;
	*state = t;
	*m = t->m;
	return 0;
}

static void toy_destroy(void *state)
{
	struct toy *t = state;

	s2_machine_destroy(t->m);
	free(t);
}

static void add_one(struct toy *t, unsigned cpu)
{
	struct s2_cpu *c = s2_machine_cpu(t->m, cpu);
	int seen;

	if (t->locked)
		s2_lock_take(c, &t->lock, S2_LOCK_WRITE);
	s2_explore_touch(c, 0, false);
	seen = t->value;
	s2_explore_touch(c, 0, true);
	t->value = seen + 1;
	if (t->locked)
		s2_lock_drop(c, &t->lock);
}

static void add_on_0(void *state)
{
	add_one(state, 0);
}

static void add_on_1(void *state)
{
	add_one(state, 1);
}

static const char *both_counted(void *state)
{
	const struct toy *t = state;

	return t->value == 2 ? NULL : "an update was lost";
}

static struct s2_scenario adders(struct toy_config *cfg)
{
	struct s2_scenario s = {
		.name = "adders",
		.create = toy_create,
		.destroy = toy_destroy,
		.check = both_counted,
		.arg = cfg,
		.n_threads = 2,
		.threads = {{"first", add_on_0}, {"second", add_on_1}},
	};

	return s;
}

static void explore(const struct s2_scenario *s, const struct s2_explore_config *cfg,
		    struct s2_explore_result *r)
{
	const int ret = s2_explore(s, cfg, r);

	if (ret == -ENOTSUP)
		skip();
	assert_i64(ret, 0);
}

static void test_a_lost_update_is_found_with_one_preemption(void **unused)
{
	struct s2_scenario s = adders(NULL);
	struct s2_explore_result r;

	(void)unused;
	explore(&s, NULL, &r);
	assert_i64(r.end, S2_EXPLORED_FINDING);
	assert_i64(r.kind, S2_EXPLORE_CHECK);
	assert_string_equal(r.text, "an update was lost");
	assert_u64(r.preemptions, 1);
	s2_explore_result_free(&r);
}

/*
 * Without a lock a step may use anything.  The order that is right is come to first, and the
 * wrong one leads to the same steps: who takes them to commute misses it.
 */
static void looks_between(void *state)
{
	struct toy *t = state;
	struct s2_cpu *c = s2_machine_cpu(t->m, 0);

	s2_isb(c);
	t->began = true;
	s2_isb(c);
	t->seen = t->given;
	s2_isb(c);
	s2_isb(c);
}

static void gives_once_begun(void *state)
{
	struct toy *t = state;

	s2_isb(s2_machine_cpu(t->m, 1));
	t->given = t->began;
}

static const char *nothing_was_seen(void *state)
{
	const struct toy *t = state;

	return t->seen ? "it was seen" : NULL;
}

static void test_steps_without_a_lock_are_not_taken_to_commute(void **unused)
{
	const struct s2_scenario s = {
		.name = "unlocked",
		.create = toy_create,
		.destroy = toy_destroy,
		.check = nothing_was_seen,
		.n_threads = 2,
		.threads = {{"looks", looks_between}, {"gives", gives_once_begun}},
	};
	struct s2_explore_result r;

	(void)unused;
	explore(&s, NULL, &r);
	assert_string_equal(r.text, "it was seen");
	assert_u64(r.preemptions, 1);
	s2_explore_result_free(&r);
}

static void test_under_a_lock_no_update_is_lost(void **unused)
{
	struct toy_config cfg = {.locked = true};
	struct s2_scenario s = adders(&cfg);
	struct s2_explore_result r;

	(void)unused;
	explore(&s, NULL, &r);
	assert_i64(r.end, S2_EXPLORED_ALL);
	assert_i64(r.kind, S2_EXPLORE_NOTHING);
	s2_explore_result_free(&r);
}

static void test_plain_enumeration_runs_each_order_once(void **unused)
{
	const struct s2_explore_config cfg = {
		.preemptions = S2_EXPLORE_ANY, .no_pruning = true, .go_on = true};
	struct s2_scenario s = adders(NULL);
	struct s2_explore_result r;

	(void)unused;
	explore(&s, &cfg, &r);
	/* With 0 preemptions 2 orders, with 1 at most 2 + 2, and all: 4! / (2! 2!) = 6. */
	assert_u64(r.schedules, 2 + 4 + 6);
	assert_true(r.plain == 6);
	assert_u64(r.findings, 1);
	assert_u64(r.depth, 4);
	s2_explore_result_free(&r);
}

static void test_a_finding_is_replayed_step_by_step(void **unused)
{
	struct s2_scenario s = adders(NULL);
	struct s2_explore_result r, again;

	(void)unused;
	explore(&s, NULL, &r);
	assert_i64(s2_explore_replay(&s, r.schedule, r.n_schedule, NULL, NULL, &again), 0);
	assert_i64(again.kind, S2_EXPLORE_CHECK);
	assert_string_equal(again.text, r.text);
	assert_u64(again.n_schedule, r.n_schedule);
	assert_memory_equal(again.schedule, r.schedule, r.n_schedule);
	s2_explore_result_free(&again);
	/* The thread that is named has ended. */
	assert_i64(s2_explore_replay(&s, (const uint8_t[]){0, 0, 0}, 3, NULL, NULL, &again), -EINVAL);
	s2_explore_result_free(&again);
	assert_i64(s2_explore_replay(&s, (const uint8_t[]){2}, 1, NULL, NULL, &again), -EINVAL);
	s2_explore_result_free(&again);
	s2_explore_result_free(&r);
}

static void take_both(struct toy *t, unsigned cpu, const struct s2_lock *a, const struct s2_lock *b)
{
	struct s2_cpu *c = s2_machine_cpu(t->m, cpu);

	s2_lock_take(c, a, S2_LOCK_WRITE);
	s2_lock_take(c, b, S2_LOCK_WRITE);
	s2_lock_drop(c, b);
	s2_lock_drop(c, a);
}

static void outer_first(void *state)
{
	struct toy *t = state;

	take_both(t, 0, &t->other, &t->lock);
}

static void outer_first_on_1(void *state)
{
	struct toy *t = state;

	take_both(t, 1, &t->other, &t->lock);
}

static void inner_first(void *state)
{
	struct toy *t = state;

	take_both(t, 1, &t->lock, &t->other);
}

static void wait_for_value(void *state)
{
	struct toy *t = state;
	struct s2_cpu *c = s2_machine_cpu(t->m, 1);

	s2_explore_touch(c, 0, false);
	while (!t->value)
		s2_cpu_relax(c);
}

static void set_value(void *state)
{
	struct toy *t = state;

	s2_explore_touch(s2_machine_cpu(t->m, 0), 0, true);
	t->value = 1;
}

static void test_a_wrong_order_of_locks_is_found_without_a_deadlock(void **unused)
{
	struct s2_scenario s = adders(NULL);
	struct s2_explore_result r;

	(void)unused;
	s.check = NULL;
	s.threads[0].run = inner_first;
	s.n_threads = 1;
	explore(&s, NULL, &r);
	assert_i64(r.kind, S2_EXPLORE_LOCK_ORDER);
	s2_explore_result_free(&r);
	s.threads[0].run = outer_first;
	explore(&s, NULL, &r);
	assert_i64(r.kind, S2_EXPLORE_NOTHING);
	assert_u64(r.schedules, 1);
	s2_explore_result_free(&r);
}

static void ends_with_lock(void *state)
{
	struct toy *t = state;

	s2_lock_take(s2_machine_cpu(t->m, 0), &t->lock, S2_LOCK_WRITE);
}

static void drops_what_it_has_not(void *state)
{
	struct toy *t = state;

	s2_lock_drop(s2_machine_cpu(t->m, 0), &t->lock);
}

static void takes_twice(void *state)
{
	struct toy *t = state;

	take_both(t, 0, &t->lock, &t->lock);
}

static void test_a_lock_is_taken_once_and_given_back_by_who_has_it(void **unused)
{
	static const struct {
		void (*run)(void *state);
		enum s2_explore_kind kind;
	} rows[] = {
		{ends_with_lock, S2_EXPLORE_LOCK_HELD},
		{drops_what_it_has_not, S2_EXPLORE_LOCK_HELD},
		{takes_twice, S2_EXPLORE_LOCK_ORDER},
	};
	struct s2_scenario s = adders(NULL);
	struct s2_explore_result r;

	(void)unused;
	s.check = NULL;
	s.n_threads = 1;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s.threads[0].run = rows[i].run;
		explore(&s, NULL, &r);
		assert_i64(r.kind, rows[i].kind);
		s2_explore_result_free(&r);
	}
}

static void test_two_locks_taken_crosswise_are_a_deadlock(void **unused)
{
	struct toy_config unranked = {.unranked = true};
	struct s2_scenario s = adders(&unranked);
	struct s2_explore_result r;

	(void)unused;
	s.check = NULL;
	s.threads[0].run = outer_first;
	s.threads[1].run = inner_first;
	explore(&s, NULL, &r);
	assert_i64(r.kind, S2_EXPLORE_DEADLOCK);
	assert_u64(r.preemptions, 1);
	assert_string_equal(r.text, "deadlock: first waits for inner; second waits for outer;");
	s2_explore_result_free(&r);
	s.threads[1].run = outer_first_on_1;
	explore(&s, NULL, &r);
	assert_i64(r.end, S2_EXPLORED_ALL);
	assert_i64(r.kind, S2_EXPLORE_NOTHING);
	s2_explore_result_free(&r);
}

static void test_who_waits_goes_on_when_another_has(void **unused)
{
	struct s2_scenario s = adders(NULL);
	struct s2_explore_config cfg = {.preemptions = S2_EXPLORE_ANY, .steps = 100};
	struct s2_explore_result r;

	(void)unused;
	s.check = NULL;
	s.threads[0].run = set_value;
	s.threads[1].run = wait_for_value;
	explore(&s, &cfg, &r);
	assert_i64(r.end, S2_EXPLORED_ALL);
	assert_i64(r.kind, S2_EXPLORE_NOTHING);
	s2_explore_result_free(&r);
}

/* Each thread does what its seed says: touches of a few objects. */
static uint64_t script;

static void scripted(struct toy *t, unsigned cpu)
{
	struct s2_cpu *c = s2_machine_cpu(t->m, cpu);
	uint64_t bits = script >> (16 * cpu);

	for (int i = 0; i < 3; i++, bits >>= 4) {
		const unsigned object = bits & 1;
		const bool write = bits >> 1 & 1;

		if ((bits & 0xf) == 0xf) {
			s2_dsb(c, S2_DSB_ISH);
			continue;
		}
		s2_explore_touch(c, object, write);
		if (write && object)
			t->value = 3 * t->value + (int)cpu + 1;
		else if (write)
			t->read_at_end = 5 * t->read_at_end + (int)cpu + 1;
	}
}

static void script_0(void *state)
{
	scripted(state, 0);
}

static void script_1(void *state)
{
	scripted(state, 1);
}

static void script_2(void *state)
{
	scripted(state, 2);
}

/* Every end that can be told apart is a finding of its own. */
static const char *tell_end(void *state)
{
	static char text[64];
	const struct toy *t = state;

	snprintf(text, sizeof(text), "%d %d", t->value, t->read_at_end);
	return text;
}

static void test_pruning_changes_no_outcome(void **unused)
{
	struct s2_explore_config cfg = {.preemptions = S2_EXPLORE_ANY, .go_on = true};
	struct s2_scenario s = adders(NULL);
	uint64_t random = 1, full = 0, less = 0;

	(void)unused;
	s.check = tell_end;
	s.n_threads = 3;
	s.threads[0].run = script_0;
	s.threads[1].run = script_1;
	s.threads[2].run = script_2;
	s.threads[2].name = "third";
	cfg.no_oracle = true;
	for (int round = 0; round < 12; round++) {
		struct s2_explore_result with, without;

		random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
		script = random >> 8;
		cfg.no_pruning = false;
		explore(&s, &cfg, &with);
		cfg.no_pruning = true;
		explore(&s, &cfg, &without);
		assert_i64(with.end, S2_EXPLORED_ALL);
		assert_i64(without.end, S2_EXPLORED_ALL);
		assert_u64(with.findings, without.findings);
		assert_u64(with.findings_hash, without.findings_hash);
		assert_true(with.plain == without.plain);
		full += without.schedules;
		less += with.schedules;
		s2_explore_result_free(&with);
		s2_explore_result_free(&without);
	}
	print_message("schedules: %llu plain, %llu pruned\n", (unsigned long long)full,
		      (unsigned long long)less);
	assert_true(less < full);
}

static void test_two_searches_are_the_same(void **unused)
{
	const struct s2_explore_config cfg = {.preemptions = 2, .go_on = true};
	struct s2_scenario s = adders(NULL);
	struct s2_explore_result a, b;

	(void)unused;
	explore(&s, &cfg, &a);
	explore(&s, &cfg, &b);
	assert_u64(a.schedules, b.schedules);
	assert_u64(a.states, b.states);
	assert_u64(a.steps, b.steps);
	assert_u64(a.n_schedule, b.n_schedule);
	assert_memory_equal(a.schedule, b.schedule, a.n_schedule);
	s2_explore_result_free(&a);
	s2_explore_result_free(&b);
}

static void test_random_schedules_are_those_of_their_seeds(void **unused)
{
	struct s2_explore_config cfg = {.seed = 7, .schedules = 200};
	struct s2_scenario s = adders(NULL);
	struct s2_explore_result a, b;

	(void)unused;
	explore(&s, &cfg, &a);
	assert_i64(a.kind, S2_EXPLORE_CHECK);
	cfg.seed = a.seed;
	cfg.schedules = 1;
	explore(&s, &cfg, &b);
	assert_i64(b.kind, S2_EXPLORE_CHECK);
	assert_u64(a.n_schedule, b.n_schedule);
	assert_memory_equal(a.schedule, b.schedule, a.n_schedule);
	s2_explore_result_free(&a);
	s2_explore_result_free(&b);
}

static void test_what_cannot_be_explored_is_refused(void **unused)
{
	struct s2_scenario s = adders(NULL);
	struct s2_explore_result r;

	(void)unused;
	s.n_threads = 0;
	assert_i64(s2_explore(&s, NULL, &r), -EINVAL);
	s.n_threads = S2_EXPLORE_THREADS + 1;
	assert_i64(s2_explore(&s, NULL, &r), -EINVAL);
	s.n_threads = 3; /* the third has no function */
	assert_i64(s2_explore(&s, NULL, &r), -EINVAL);
	s.n_threads = 2;
	s.create = NULL;
	assert_i64(s2_explore(&s, NULL, &r), -EINVAL);
}

static void test_bounds_end_a_search_and_are_told(void **unused)
{
	struct s2_explore_config cfg = {.preemptions = S2_EXPLORE_ANY, .go_on = true, .schedules = 3};
	struct s2_scenario s = adders(NULL);
	struct s2_explore_result r;

	(void)unused;
	explore(&s, &cfg, &r);
	assert_i64(r.end, S2_EXPLORED_SCHEDULES);
	assert_u64(r.schedules, 3);
	s2_explore_result_free(&r);
	cfg.schedules = 0;
	cfg.steps = 3;
	explore(&s, &cfg, &r);
	assert_i64(r.end, S2_EXPLORED_STEPS);
	s2_explore_result_free(&r);
	cfg.steps = 0;
	cfg.preemptions = 0;
	explore(&s, &cfg, &r);
	assert_i64(r.end, S2_EXPLORED_PREEMPTIONS);
	assert_u64(r.findings, 0);
	s2_explore_result_free(&r);
	cfg.preemptions = S2_EXPLORE_ANY;
	cfg.states = 2;
	explore(&s, &cfg, &r);
	assert_i64(r.end, S2_EXPLORED_STATES);
	s2_explore_result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_without_a_lock_are_not_taken_to_commute),
		cmocka_unit_test(test_a_lost_update_is_found_with_one_preemption),
		cmocka_unit_test(test_under_a_lock_no_update_is_lost),
		cmocka_unit_test(test_plain_enumeration_runs_each_order_once),
		cmocka_unit_test(test_a_finding_is_replayed_step_by_step),
		cmocka_unit_test(test_a_wrong_order_of_locks_is_found_without_a_deadlock),
		cmocka_unit_test(test_a_lock_is_taken_once_and_given_back_by_who_has_it),
		cmocka_unit_test(test_two_locks_taken_crosswise_are_a_deadlock),
		cmocka_unit_test(test_who_waits_goes_on_when_another_has),
		cmocka_unit_test(test_pruning_changes_no_outcome),
		cmocka_unit_test(test_two_searches_are_the_same),
		cmocka_unit_test(test_random_schedules_are_those_of_their_seeds),
		cmocka_unit_test(test_what_cannot_be_explored_is_refused),
		cmocka_unit_test(test_bounds_end_a_search_and_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
