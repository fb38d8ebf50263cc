/* SPDX-License-Identifier: MIT */
/* The ledger's runs against an array with a record for each line. */
#include "property.h"

#include <stdio.h>
#include <string.h>

#include "check/ledger.h"

#define LINES 64U

enum op { OP_GIVE, OP_MARK, OP_STATE, N_OPS };

struct model {
	bool there;
	uint32_t vm, last;
	uint8_t state;
};

/* The same to both; lines [first, first + n). */
static bool do_step(struct s2_ledger *l, struct model *model, const struct s2_step *step)
{
	const uint64_t first = step->a, n = 1 + step->b % (LINES - first);
	size_t from, to;

	if (s2_ledger_cover(l, first, first + n, 9, &from, &to))
		return false;
	if (l->runs[from].first != first || l->runs[to - 1].end != first + n)
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
	for (size_t i = from; i < to; i++) {
		if (step->op == OP_GIVE)
			l->runs[i].vm = (uint32_t)step->c;
		else if (step->op == OP_MARK)
			l->runs[i].last = (uint32_t)step->c;
		else
			l->runs[i].state[S2_CONTRACT_ARCH] = (uint8_t)step->c;
	}
	s2_ledger_join(l, from, to);
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
	for (uint64_t i = 0; i < LINES; i++) {
		const size_t at = s2_ledger_find(l, i);
		const bool has = at < l->n && l->runs[at].first <= i;

		if (has != model[i].there || (has && !same(&model[i], &l->runs[at])))
			return false;
	}
	for (size_t i = 1; i < l->n; i++) {
		const struct s2_ledger_run *a = &l->runs[i - 1], *b = &l->runs[i];

		if (a->end > b->first)
			return false;
		if (a->end == b->first && same(&model[a->first], b))
			return false;
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
		good = do_step(&l, model, &steps[i]) && agrees(&l, model);
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
		.steps = 40,
		.programs = 2000,
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
