/* SPDX-License-Identifier: MIT */
/*
 * What pruning rests on: two ways to one state go on alike.  Random schedules of each
 * scenario; wherever two of them come to what counts as the same state by different
 * steps, both are gone on from by the same choices, and must do the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "check/explore.h"
#include "study/scenario/scenarios.h"

#define SCHEDULES 60U
#define STEPS_MAX 400U
#define PAIRS_MAX 150U

/* A schedule: what is given, and then random choices. */
struct walk {
	uint8_t given[STEPS_MAX];
	size_t n_given;
	uint64_t random;
	/* What came of it. */
	uint8_t chosen[STEPS_MAX];
	struct s2_digest state[STEPS_MAX];
	size_t n;
	struct s2_digest told; /* of what was done after what was given */
	size_t n_told;
};

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407U;
	return *state >> 33;
}

static unsigned nth(unsigned mask, unsigned n)
{
	unsigned i = 0;

	while (n--)
		mask &= mask - 1;
	while (!(mask >> i & 1))
		i++;
	return i;
}

static unsigned ones(unsigned mask)
{
	unsigned n = 0;

	for (; mask; mask &= mask - 1)
		n++;
	return n;
}

static int pick(void *arg, struct s2_xrun *run, unsigned enabled)
{
	struct walk *w = arg;
	unsigned chosen;

	if (w->n == STEPS_MAX)
		return -1;
	chosen = w->n < w->n_given
			 ? w->given[w->n]
			 : nth(enabled, (unsigned)next_random(&w->random) % ones(enabled));
	w->state[w->n] = s2_xstate(run);
	w->chosen[w->n++] = (uint8_t)chosen;
	return (int)chosen;
}

static void on_step(void *arg, const struct s2_explore_step *step)
{
	struct walk *w = arg;

	if (w->n <= w->n_given)
		return;
	w->n_told++;
	s2_digest_fold(&w->told, step->thread);
	for (const char *c = step->what; *c; c++)
		s2_digest_fold(&w->told, (unsigned char)*c);
	if (step->insn) {
		s2_digest_fold(&w->told, step->insn->addr);
		s2_digest_fold(&w->told, step->insn->value);
	}
}

static void go(struct s2_xrun *run, struct walk *w)
{
	w->n = w->n_told = 0;
	w->told.a = w->told.b = 0;
	run->pick = pick;
	run->pick_arg = w;
	run->tell = on_step;
	run->tell_arg = w;
	run->max_steps = STEPS_MAX;
	assert_i64(s2_xrun_once(run), 0);
	s2_digest_fold(&w->told, (uint64_t)run->kind);
	if (run->kind == S2_EXPLORE_VIOLATION) {
		s2_digest_fold(&w->told, (uint64_t)run->violation.finding << 32 |
						 (uint64_t)run->violation.contract);
		s2_digest_fold(&w->told, run->violation.ipa.v ^ run->violation.held);
	}
}

/* One state by two ways: @a's first @i steps, @b's first @j. @return whether they differ */
static bool go_on_alike(struct s2_xrun *run, const struct walk *a, size_t i, const struct walk *b,
			size_t j, uint64_t seed)
{
	static struct walk x, y;

	memset(&x, 0, sizeof(x));
	memset(&y, 0, sizeof(y));
	memcpy(x.given, a->chosen, i);
	memcpy(y.given, b->chosen, j);
	x.n_given = i;
	y.n_given = j;
	x.random = y.random = seed;
	go(run, &x);
	go(run, &y);
	return x.n_told == y.n_told && x.told.a == y.told.a && x.told.b == y.told.b;
}

static size_t same_state(const struct walk *a, struct s2_digest state)
{
	size_t i = 0;

	while (i < a->n && (a->state[i].a != state.a || a->state[i].b != state.b))
		i++;
	return i;
}

/* @return pairs that were looked at */
static unsigned compare(struct s2_xrun *run, const struct walk *walks, unsigned n, const char *name)
{
	unsigned pairs = 0;

	for (unsigned k = 1; k < n; k++) {
		const struct walk *a = &walks[k - 1], *b = &walks[k];

		for (size_t j = b->n; j-- > 0 && pairs < PAIRS_MAX;) {
			const size_t i = same_state(a, b->state[j]);

			if (i == a->n || (i == j && !memcmp(a->chosen, b->chosen, j)))
				continue;
			pairs++;
			if (!go_on_alike(run, a, i, b, j, 77 * k + j))
				fail_msg("%s: two ways to one state part (%zu and %zu steps)", name,
					 i, j);
		}
	}
	return pairs;
}

static unsigned look_at(const struct s2_scenario *s)
{
	static struct walk walks[SCHEDULES];
	struct s2_xrun *run = calloc(1, sizeof(*run));
	unsigned pairs;
	int ret;

	assert_non_null(run);
	ret = s2_xrun_create(run, s);
	if (ret == -ENOTSUP) {
		free(run);
		skip();
	}
	for (unsigned k = 0; k < SCHEDULES; k++) {
		/* Every other one begins as the one before, and so comes near its states. */
		const size_t same = k & 1 ? walks[k - 1].n / 3 : 0;

		memset(&walks[k], 0, sizeof(walks[k]));
		if (same)
			memcpy(walks[k].given, walks[k - 1].chosen, same);
		walks[k].n_given = same;
		walks[k].random = 1000 + k;
		go(run, &walks[k]);
	}
	pairs = compare(run, walks, SCHEDULES, s->name);
	s2_xrun_free(run);
	free(run);
	return pairs;
}

static void test_two_ways_to_one_state_go_on_alike(void **unused)
{
	const struct s2_named_scenario *s;
	unsigned pairs = 0;

	(void)unused;
	for (size_t i = 0; (s = s2_scenario_at(i)); i++) {
		struct s2_scenario all = s->scenario;
		unsigned n;

		s2_test_row("%s", s->scenario.name);
		n = look_at(&s->scenario);
		/* With the data rule, which then asks of FWB too. */
		all.rules = all.contracts = 0;
		n += look_at(&all);
		print_message("%-18s %u pairs\n", s->scenario.name, n);
		pairs += n;
	}
	assert_true(pairs > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(test_two_ways_to_one_state_go_on_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
