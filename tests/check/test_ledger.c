/* SPDX-License-Identifier: MIT */
/* The ledger's runs against an array with a record for each line. */
#include "property.h"

#include <stdio.h>
#include <string.h>

#include "check/ledger.h"

/* More runs than a leaf has, and several leaves of them. */
#define LINES 1024U

enum op { OP_GIVE, OP_MARK, OP_STATE, N_OPS };

struct model {
	bool there;
	uint32_t vm, last;
	uint8_t state;
};

/* A step on one run; its lines are counted. */
struct change {
	const struct s2_step *step;
	uint64_t next; /* where the next run must begin */
	bool good;
};

static void change_run(void *arg, struct s2_ledger_run *run)
{
	struct change *c = arg;

	c->good &= run->first == c->next && run->end > run->first;
	c->next = run->end;
	if (c->step->op == OP_GIVE)
		run->vm = (uint32_t)c->step->c;
	else if (c->step->op == OP_MARK)
		run->last = (uint32_t)c->step->c;
	else
		run->state[S2_CONTRACT_ARCH] = (uint8_t)c->step->c;
}

/* The same to both; lines [first, first + n). */
static bool do_step(struct s2_ledger *l, struct model *model, const struct s2_step *step)
{
	const uint64_t first = step->a, n = 1 + step->b % (LINES - first);
	struct change change = {step, first, true};

	if (s2_ledger_change(l, first, first + n, 9, change_run, &change))
		return false;
	if (!change.good || change.next != first + n)
		return false;
	for (uint64_t i = first; i < first + n; i++) {
		if (!model[i].there)
			model[i] = (struct model){.there = true, .vm = 9};
		if (step->op == OP_GIVE)
			model[i].vm = (uint32_t)step->c;
		else if (step->op == OP_MARK)
			model[i].last = (uint32_t)step->c;
		else
			model[i].state = (uint8_t)step->c;
	}
	return true;
}

static bool same(const struct model *m, const struct s2_ledger_run *run)
{
	return m->there && m->vm == run->vm && m->last == run->last &&
	       m->state == run->state[S2_CONTRACT_ARCH];
}

/* Every line is in the run that find tells, alike runs that adjoin are one, and none overlap. */
static bool agrees(const struct s2_ledger *l, const struct model *model)
{
	const struct s2_ledger_run *before = NULL;

	for (uint64_t i = 0; i < LINES; i++) {
		const struct s2_ledger_run *at = s2_ledger_find(l, i);
		const bool has = at && at->first <= i;

		if (has != model[i].there || (has && !same(&model[i], at)))
			return false;
		if (at && before && at != before &&
		    (before->end > at->first ||
		     (before->end == at->first && same(&model[before->first], at))))
			return false;
		before = at;
	}
	return true;
}

static bool run(void *arg, const struct s2_step *steps, size_t n)
{
	struct model model[LINES] = {{0}};
	struct s2_ledger l = {0};
	bool good = true;

	(void)arg;
	for (size_t i = 0; good && i < n; i++)
		good = do_step(&l, model, &steps[i]) && (i % 16 || agrees(&l, model));
	good = good && agrees(&l, model);
	s2_ledger_free(&l);
	return good;
}

static void print(void *arg, const struct s2_step *step)
{
	(void)arg;
	printf("op %u: %u lines from %u, %u\n", step->op,
	       (unsigned)(1 + step->b % (LINES - step->a)), (unsigned)step->a, (unsigned)step->c);
}

static void runs_agree_with_a_record_for_each_line(void **state)
{
	const struct s2_property property = {
		.name = "ledger",
		.n_ops = N_OPS,
		.max_a = LINES,
		.max_b = 24,
		.max_c = 3,
		.steps = S2_PROPERTY_MAX_STEPS,
		.programs = 600,
		.run = run,
		.print = print,
	};

	(void)state;
	s2_property_check(&property, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(runs_agree_with_a_record_for_each_line),
	};

	return cmocka_run_group_tests_name("check/ledger", tests, NULL, NULL);
}
