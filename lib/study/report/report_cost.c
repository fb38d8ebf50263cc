/* SPDX-License-Identifier: MIT */
/* Times, by each profile, and what they are made of; see report_table.h. */
#include <math.h>
#include <string.h>

#include "study/report/report_table.h"

/** Room for a list of operations. */
#define LIST_ROOM 2048

/** A row of times: the whole run's, or a part's. */
struct cost_row {
	size_t profile;
	const struct s2_part *part; /**< of the first policy; NULL: the whole run */
	size_t part_index;
};

static struct s2_cost cost_of(const struct s2_filling *f, size_t c, const struct cost_row *row)
{
	const struct s2_result *result = s2_filling_result(f, c);

	if (row->part == NULL)
		return s2_report_cost(f->report, result, row->profile);
	if (row->part_index < result->n_parts)
		return s2_report_part_cost(f->report, &result->parts[row->part_index],
					   row->profile);
	return (struct s2_cost){.known = false};
}

/** What of a row is known of any policy, and on what it rests. */
struct knowledge {
	bool all, any; /**< any: more than that nothing costs nothing */
	bool fitted, some;
};

static struct knowledge know(const struct s2_filling *f, const struct cost_row *row)
{
	struct knowledge k = {.all = true};

	for (size_t c = 0; c < f->columns.n; c++) {
		const struct s2_cost cost = cost_of(f, c, row);

		if (!s2_filling_result(f, c)->applies)
			continue;
		k.all &= cost.known;
		k.any |= cost.known && cost.ns > 0;
		k.some |= cost.ns > 0;
		k.fitted |= cost.fitted;
	}
	return k;
}

/** A row's label: whose costs, where there are several, and how it is known. */
static void label(struct s2_filling *f, const struct cost_row *row, const char *what,
		  const char *basis)
{
	const struct s2_report *report = f->report;

	if (report->n_profiles > 1)
		s2_grid_set(&f->grid, f->row, 0, "%.16s: %s%s%s",
			    report->profiles[row->profile].name, what, *basis ? ", " : "", basis);
	else
		s2_grid_set(&f->grid, f->row, 0, "%s%s%s", what, *basis ? ", " : "", basis);
}

static void fill_row(struct s2_filling *f, const struct cost_row *row, bool known_part)
{
	const struct s2_result *first = s2_filling_first(f);
	double base = NAN;
	char text[S2_TEXT_ROOM];

	for (size_t c = 0; c < f->columns.n; c++) {
		const struct s2_cost cost = cost_of(f, c, row);
		const bool shown = cost.known || known_part;

		if (!s2_filling_result(f, c)->applies)
			continue;
		if (s2_filling_result(f, c) == first && shown)
			base = cost.ns;
		s2_filling_set(f, c, shown ? s2_text_time(cost.ns, text) : "unknown",
			       shown ? cost.ns : NAN, base);
	}
	f->row++;
}

static void fill_run(struct s2_filling *f, size_t profile)
{
	const struct cost_row row = {.profile = profile};
	const struct knowledge k = know(f, &row);
	const char *basis = k.fitted ? "fitted" : "predicted";

	label(f, &row, "estimated time", k.all ? basis : "");
	fill_row(f, &row, false);
	if (k.all || !k.some)
		return;
	label(f, &row, "  known part", basis);
	fill_row(f, &row, true);
}

static void fill_part(struct s2_filling *f, size_t profile, size_t part)
{
	const struct cost_row row = {profile, &s2_filling_first(f)->parts[part], part};
	const struct knowledge k = know(f, &row);

	if (!k.any)
		return;
	label(f, &row, row.part->name, k.fitted ? "fitted" : "predicted");
	fill_row(f, &row, false);
}

size_t s2_table_costs_most(const struct s2_report *report, const struct s2_point *point)
{
	size_t parts = 0;

	for (size_t i = 0; i < point->n_results; i++)
		parts = point->results[i].n_parts > parts ? point->results[i].n_parts : parts;
	return report->n_profiles * (parts + 2);
}

void s2_table_costs(struct s2_filling *f)
{
	for (size_t k = 0; k < f->report->n_profiles; k++) {
		for (size_t i = 0; i < s2_filling_first(f)->n_parts; i++)
			fill_part(f, k, i);
		fill_run(f, k);
	}
}

static void write_missing(const struct s2_filling *f, size_t profile, FILE *out)
{
	bool missing[S2_OP_COUNT] = {false};
	char list[LIST_ROOM];
	size_t at;
	bool any = false;

	for (size_t c = 0; c < f->columns.n; c++) {
		const struct s2_cost cost =
			s2_report_cost(f->report, s2_filling_result(f, c), profile);

		for (int op = 0; op < S2_OP_COUNT; op++)
			any |= missing[op] |= cost.missing[op];
	}
	if (!any)
		return;
	at = (size_t)snprintf(list, sizeof(list), "time is unknown: %s has no cost for",
			      f->report->profiles[profile].name);
	for (int op = 0; op < S2_OP_COUNT && at < sizeof(list); op++)
		if (missing[op])
			at += (size_t)snprintf(list + at, sizeof(list) - at, " %s",
					       s2_op_name((enum s2_op)op));
	s2_write_wrapped(out, list, 2, S2_TABLE_WIDTH);
}

static void write_source(const struct s2_filling *f, size_t profile, const char *name,
			 const struct s2_cost_entry *cost, FILE *out)
{
	char text[LIST_ROOM], whose[64] = "";

	if (f->report->n_profiles > 1)
		(void)snprintf(whose, sizeof(whose), "%.40s: ", f->report->profiles[profile].name);
	(void)snprintf(text, sizeof(text), "%s%s costs %.6g ns: %s%s%s", whose, name, cost->ns,
		       cost->thread != NULL ? cost->thread : "", cost->thread != NULL ? ", " : "",
		       cost->source);
	s2_write_wrapped(out, text, 2, S2_TABLE_WIDTH);
}

/** Whether any policy counts @p op, or has @p seq on the bill of a part (-1: neither). */
static bool on_a_bill(const struct s2_filling *f, int op, int seq)
{
	for (size_t c = 0; c < f->columns.n; c++) {
		const struct s2_result *r = s2_filling_result(f, c);

		if (op >= 0 && r->ops.n[op] != 0)
			return true;
		for (size_t i = 0; i < r->n_parts && seq >= 0; i++)
			if (r->parts[i].bill.seq[seq] != 0)
				return true;
	}
	return false;
}

void s2_table_sources(const struct s2_filling *f, FILE *out)
{
	for (size_t k = 0; k < f->report->n_profiles; k++) {
		const struct s2_profile *p = &f->report->profiles[k];

		write_missing(f, k, out);
		for (int op = 0; op < S2_OP_COUNT; op++)
			if (p->op[op].known && on_a_bill(f, op, -1))
				write_source(f, k, s2_op_name((enum s2_op)op), &p->op[op], out);
		for (int seq = 0; seq < S2_SEQ_COUNT; seq++)
			if (p->seq[seq].known && on_a_bill(f, -1, seq))
				write_source(f, k, s2_seq_name((enum s2_seq)seq), &p->seq[seq],
					     out);
	}
}
