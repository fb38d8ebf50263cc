/* SPDX-License-Identifier: MIT */
/* A story cut to what matters: of made-up runs, of which it is known what they need. */
#include "support.h"

#include <string.h>

#include "study/work/cut.h"

#define STEPS 12

/* A run whose violation needs some of its steps. */
struct made_up {
	bool needed[STEPS], fixed[STEPS], maintains[STEPS];
	uint64_t steps; /* that each run claims to have */
	unsigned runs;
};

static bool is_dropped(const struct s2_judge *judge, uint64_t at)
{
	for (size_t i = 0; i < judge->n_dropped; i++)
		if (judge->dropped[i] == at)
			return true;
	return false;
}

static int run(void *arg, struct s2_judge *judge, struct s2_error *err)
{
	struct made_up *m = arg;
	bool broken = true;

	(void)err;
	m->runs++;
	judge->watched = true;
	judge->steps = m->steps;
	judge->broken[0] = 1;
	for (unsigned i = 0; i < STEPS; i++) {
		const bool gone = is_dropped(judge, 10 * i + 3);

		assert_false(gone && m->fixed[i]);
		broken = broken && !(gone && m->needed[i]);
		if (judge->told && !gone)
			judge->story.steps[judge->story.n++] =
				(struct s2_story_step){.at = 10 * i + 3,
						       .number = i,
						       .fixed = m->fixed[i],
						       .maintains = m->maintains[i]};
	}
	if (!broken)
		judge->story.n = 0;
	return 0;
}

static struct s2_judge judge_it(struct made_up *m)
{
	static const struct s2_question all = {"all", 1, 0};
	const struct s2_judged judged = {run, m, &all, 1};
	struct s2_judge judge = {0};
	struct s2_error err = {0};

	assert_i64(s2_judge_run(&judge, &judged, &err), 0);
	return judge;
}

static struct made_up make_up(struct s2_test_rng *rng)
{
	struct made_up m = {.steps = 100};

	for (unsigned i = 0; i + 1 < STEPS; i++) {
		m.needed[i] = !s2_test_rng_below(rng, 4);
		m.fixed[i] = !s2_test_rng_below(rng, 4);
		m.maintains[i] = !s2_test_rng_below(rng, 2);
	}
	return m;
}

/* The rule, said another way: the last step that stays, but for that which broke it. */
static unsigned last_cause(const struct made_up *m)
{
	unsigned i = STEPS - 1;

	while (i-- > 0)
		if (m->needed[i] || m->fixed[i])
			return i;
	return 0;
}

static bool is_told(const struct made_up *m, unsigned i)
{
	if (i == STEPS - 1 || m->needed[i] || m->fixed[i])
		return true;
	return m->maintains[i] && (i > last_cause(m) || !(m->needed[last_cause(m)] ||
							   m->fixed[last_cause(m)]));
}

static void what_breaks_without_a_step_does_not_need_it(void **state)
{
	struct s2_test_rng rng = {7};

	(void)state;
	for (unsigned n = 0; n < 3000; n++) {
		struct made_up m = make_up(&rng);
		const struct s2_judge judge = judge_it(&m);
		size_t at = 0;

		for (unsigned i = 0; i < STEPS; i++) {
			s2_test_row("program %u, step %u", n, i);
			assert_int_equal(at < judge.story.n && judge.story.steps[at].number == i,
					 is_told(&m, i));
			at += is_told(&m, i);
		}
		assert_int_equal(at, judge.story.n);
	}
}

/* What was found is of the whole run, whatever the shorter ones found. */
static void verdicts_are_of_the_whole_run(void **state)
{
	struct made_up m = {.steps = 100};
	const struct s2_judge judge = judge_it(&m);

	(void)state;
	assert_null(judge.dropped);
	assert_int_equal(judge.n_dropped, 0);
	assert_u64(judge.broken[0], 1);
}

static void a_long_run_is_not_made_often(void **state)
{
	struct made_up m = {.steps = S2_CUT_STEPS + 1};
	const struct s2_judge judge = judge_it(&m);

	(void)state;
	/* Watched, told, and told once more as it stays. */
	assert_true(m.runs <= 3);
	assert_int_equal(judge.story.n, STEPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(what_breaks_without_a_step_does_not_need_it),
		s2_unit_test(verdicts_are_of_the_whole_run),
		s2_unit_test(a_long_run_is_not_made_often),
	};

	return cmocka_run_group_tests_name("study/work/cut", tests, NULL, NULL);
}
