/* SPDX-License-Identifier: MIT */
#include "study/mutants/rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "study/option/options.h"

const char *s2_mutant_kind_name(enum s2_mutant_kind kind)
{
	static const char *const names[S2_MUTANT_KINDS] = {"happened", "made-up", "left-out",
							   "swapped"};

	return (unsigned)kind < S2_MUTANT_KINDS ? names[kind] : NULL;
}

static void name_rule(struct s2_mutant_row *row, enum s2_rule rule, enum s2_contract contract)
{
	const bool data = rule == S2_RULE_DATA;

	(void)snprintf(row->rule, sizeof(row->rule), "%s%s%s", s2_rule_name(rule), data ? ", " : "",
		       data ? s2_contract_name(contract) : "");
}

static struct s2_mutant_row *add(struct s2_mutant_rows *rows, enum s2_mutant_kind kind)
{
	struct s2_mutant_row *grown = realloc(rows->row, (rows->n + 1) * sizeof(*grown));

	if (!grown)
		return NULL;
	rows->row = grown;
	grown += rows->n++;
	*grown = (struct s2_mutant_row){.kind = kind};
	rows->of[kind]++;
	return grown;
}

static bool breaks_any(const struct s2_mutant_found *found)
{
	for (int rule = 0; rule < S2_RULES; rule++)
		if (found->broken[rule])
			return true;
	return false;
}

static void judge_row(struct s2_mutant_rows *rows, const struct s2_mutant_row *row)
{
	rows->found[row->kind] += row->found;
	rows->missed += !row->found && !row->harmless;
}

static int collect_named(struct s2_mutant_rows *rows, const struct s2_mutant *m, bool list,
			 struct s2_error *err)
{
	struct s2_mutant_row *row = add(rows, m->where ? S2_MUTANT_HAPPENED : S2_MUTANT_MADE_UP);
	struct s2_mutant_found found;
	int ret;

	if (!row)
		return -ENOMEM;
	(void)snprintf(row->name, sizeof(row->name), "%s", m->name);
	name_rule(row, m->rule, m->contract);
	row->what = m->what;
	row->where = m->where;
	row->scenario = s2_mutant_scenario(m);
	if (list)
		return 0;
	ret = s2_mutant_run(m, true, &found, err);
	if (ret)
		return ret;
	rows->alarms += breaks_any(&found);
	ret = s2_mutant_run(m, false, &found, err);
	if (ret)
		return ret;
	row->run = true;
	row->found = found.found;
	row->step = found.step;
	judge_row(rows, row);
	return 0;
}

static int collect_step(struct s2_mutant_rows *rows, const struct s2_features *features,
			const struct s2_flavour *flavour, const struct s2_step_mutant *m, bool list,
			struct s2_error *err)
{
	struct s2_mutant_row *row =
		add(rows, m->with == S2_OP_COUNT ? S2_MUTANT_LEFT_OUT : S2_MUTANT_SWAPPED);
	struct s2_judge judge;
	int ret;

	if (!row)
		return -ENOMEM;
	s2_step_mutant_name(m, row->name, sizeof(row->name));
	row->times = m->n;
	row->harmless = s2_step_mutant_harmless(features, flavour, m);
	if (list)
		return 0;
	ret = s2_step_mutant_run(features, flavour, m, false, &judge, err);
	if (ret)
		return ret;
	row->run = true;
	row->found = judge.told;
	if (judge.told) {
		name_rule(row, judge.tell.rule, judge.tell.contract);
		row->step = judge.tell.step;
	}
	judge_row(rows, row);
	return 0;
}

static int collect_steps(struct s2_mutant_rows *rows, const struct s2_features *features,
			 const struct s2_flavour *flavour, bool list, struct s2_error *err)
{
	struct s2_step_mutants *steps = malloc(sizeof(*steps));
	struct s2_judge judge = {0};
	int ret = steps ? s2_step_mutants_find(features, flavour, steps, err) : -ENOMEM;

	if (!ret && !list)
		ret = s2_step_mutant_run(features, flavour, NULL, false, &judge, err);
	rows->alarms += judge.told;
	for (size_t i = 0; !ret && i < steps->n; i++)
		ret = collect_step(rows, features, flavour, &steps->mutant[i], list, err);
	free(steps);
	return ret;
}

int s2_mutant_rows_collect(const struct s2_features *features, const struct s2_flavour *flavour,
			   bool list, struct s2_mutant_rows *rows, struct s2_error *err)
{
	struct s2_mutant m;
	int ret = 0;

	*rows = (struct s2_mutant_rows){.machine = features->name, .flavour = flavour->name};
	for (size_t i = 0; !ret && s2_mutant_at(i, &m); i++)
		ret = collect_named(rows, &m, list, err);
	if (!ret)
		ret = collect_steps(rows, features, flavour, list, err);
	if (ret == -ENOMEM)
		s2_error_set(err, 1, "out of memory");
	if (ret)
		s2_mutant_rows_free(rows);
	return ret;
}

void s2_mutant_rows_free(struct s2_mutant_rows *rows)
{
	free(rows->row);
	rows->row = NULL;
	rows->n = 0;
}

static bool is_step(const struct s2_mutant_row *row)
{
	return row->kind == S2_MUTANT_LEFT_OUT || row->kind == S2_MUTANT_SWAPPED;
}

static void print_named(const struct s2_mutant_row *row, FILE *out)
{
	(void)fprintf(out, "%-29s %-22s %8" PRIu64 "  %s\n", row->name,
		      row->found ? row->rule : "NOT FOUND", row->step,
		      row->where ? row->where : "made up");
}

static void print_step(const struct s2_mutant_row *row, FILE *out)
{
	(void)fprintf(out, "%-45s %5" PRIu64 "  ", row->name, row->times);
	if (row->found)
		(void)fprintf(out, "%s, at step %" PRIu64 "\n", row->rule, row->step);
	else
		(void)fprintf(out, "%s\n", row->harmless ? row->harmless : "NOT FOUND");
}

static void print_totals(const struct s2_mutant_rows *rows, FILE *out)
{
	const size_t *of = rows->of, *found = rows->found;

	(void)fprintf(out, "\n%zu that happened: %zu found by the rule named; %zu made up: %zu found\n",
		      of[S2_MUTANT_HAPPENED], found[S2_MUTANT_HAPPENED], of[S2_MUTANT_MADE_UP],
		      found[S2_MUTANT_MADE_UP]);
	for (int kind = S2_MUTANT_LEFT_OUT; kind <= S2_MUTANT_SWAPPED; kind++)
		(void)fprintf(out, "steps of %s on %s, each %s: %zu found, %zu lose nothing, of %zu\n",
			      rows->flavour, rows->machine,
			      kind == S2_MUTANT_SWAPPED ? "swapped with the next" : "left out",
			      found[kind], of[kind] - found[kind], of[kind]);
	(void)fprintf(out, "false alarms, without any of them: %zu\n", rows->alarms);
}

void s2_mutant_rows_table(const struct s2_mutant_rows *rows, bool steps, FILE *out)
{
	if (steps)
		(void)fprintf(out, "%-45s %5s  %s\n", "left out, or a/b: a after b", "times",
			      "found by, or why nothing is lost");
	else
		(void)fprintf(out, "%-29s %-22s %8s  %s\n", "mutant", "found by", "in steps", "where");
	for (size_t i = 0; i < rows->n; i++) {
		if (is_step(&rows->row[i]) != steps)
			continue;
		if (steps)
			print_step(&rows->row[i], out);
		else
			print_named(&rows->row[i], out);
	}
	print_totals(rows, out);
}

static void list_missing(bool explorer, FILE *out)
{
	const struct s2_mutant_missing *missing;

	char text[512];

	for (size_t i = 0; (missing = s2_mutant_missing_at(i)) != NULL; i++) {
		if (missing->explorer != explorer)
			continue;
		(void)snprintf(text, sizeof(text), "%s (%s): %s", missing->what,
			       missing->where ? missing->where : "made up", missing->why);
		(void)fputs("  - ", out);
		s2_write_wrapped(out, text, 4, 120);
	}
}

void s2_mutant_rows_list(const struct s2_mutant_rows *rows, bool steps, FILE *out)
{
	for (size_t i = 0; i < rows->n; i++) {
		const struct s2_mutant_row *row = &rows->row[i];

		if (is_step(row) != steps)
			continue;
		if (steps)
			(void)fprintf(out, "%s\n", row->name);
		else
			(void)fprintf(out, "%s (%s; %s)\n    %s\n    in: %s\n", row->name, row->rule,
				      row->where ? row->where : "made up", row->what,
				      row->scenario);
	}
	if (steps)
		return;
	(void)fputs("\nTake two threads, and are the explorer's (s2-explore):\n", out);
	list_missing(true, out);
	(void)fputs("\nCannot be expressed:\n", out);
	list_missing(false, out);
}
