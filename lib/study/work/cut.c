/* SPDX-License-Identifier: MIT */
#include "study/work/cut.h"

#include <string.h>

/* A story being cut. */
struct cutting {
	struct s2_judge *judge;
	const struct s2_judged *what;
	struct s2_error *err;
	struct s2_judge trial; /* of the run at hand */
	bool dropped[S2_TOLD_STEPS];
	uint64_t steps; /* of all runs so far */
};

/* The run without what is dropped: is it still broken? */
static int run_without(struct cutting *c, bool *broken)
{
	const struct s2_told *whole = &c->judge->story;
	uint64_t at[S2_TOLD_STEPS];
	size_t n = 0;
	int ret;

	for (size_t i = 0; i < whole->n; i++)
		if (c->dropped[i])
			at[n++] = whole->steps[i].at;
	c->trial = (struct s2_judge){.edit = c->judge->edit,
				     .edit_arg = c->judge->edit_arg,
				     .told = true,
				     .tell = c->judge->tell,
				     .dropped = at,
				     .n_dropped = n};
	ret = c->what->run(c->what->arg, &c->trial, c->err);
	*broken = !ret && c->trial.watched && c->trial.story.n;
	c->steps += c->judge->steps;
	return ret;
}

static void set_dropped(struct cutting *c, size_t from, size_t to, bool value)
{
	for (size_t i = from; i < to; i++)
		c->dropped[i] = value && !c->judge->story.steps[i].fixed;
}

/* Drops what can be dropped of steps [from, to): all of them, or else of each half. */
static int cut(struct cutting *c, size_t from, size_t to)
{
	const size_t middle = from + (to - from) / 2;
	bool broken;
	int ret;

	if (from == to || c->steps + c->judge->steps > S2_CUT_STEPS)
		return 0;
	set_dropped(c, from, to, true);
	ret = run_without(c, &broken);
	if (ret || broken)
		return ret;
	set_dropped(c, from, to, false);
	if (to - from == 1)
		return 0;
	ret = cut(c, from, middle);
	return ret ? ret : cut(c, middle, to);
}

/* Maintenance between the last step that is needed and the one that broke it. */
static void keep_what_should_have_helped(struct cutting *c)
{
	const struct s2_told *whole = &c->judge->story;

	for (size_t i = whole->n - 1; i && c->dropped[i - 1]; i--)
		if (whole->steps[i - 1].maintains)
			c->dropped[i - 1] = false;
}

/* Stores before that of the old descriptor cannot be dropped, and say nothing. */
static void forget_older_stores(struct s2_told *told)
{
	size_t first = told->n, n = 0;

	while (first && (!told->of.held || told->steps[first - 1].stored != told->of.held))
		first--;
	if (!first)
		return;
	for (size_t i = first - 1; i < told->n; i++)
		told->steps[n++] = told->steps[i];
	told->n = n;
	told->left = 0;
}

int s2_cut_story(struct s2_judge *judge, const struct s2_judged *what, struct s2_error *err)
{
	struct cutting c = {.judge = judge, .what = what, .err = err};
	bool broken;
	int ret;

	if (!judge->story.n)
		return 0;
	ret = cut(&c, 0, judge->story.n - 1);
	if (ret)
		return ret;
	keep_what_should_have_helped(&c);
	ret = run_without(&c, &broken);
	if (ret)
		return ret;
	if (broken)
		judge->story = c.trial.story;
	forget_older_stores(&judge->story);
	return 0;
}
