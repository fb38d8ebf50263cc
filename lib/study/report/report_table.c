/* SPDX-License-Identifier: MIT */
/* Policies side by side, for people; see report.h. */
#include "study/report/report_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "study/base/text.h"

/** Widest ratio, so that the counts before it line up. */
#define RATIO_WIDTH 7

/** Room for a list of operations. */
#define LIST_ROOM 2048

/** A grid being filled. */
struct filling {
	const struct s2_point *point;
	struct s2_grid grid;
	size_t row;
};

static bool any_counted(const struct s2_point *point, int op)
{
	for (size_t i = 0; i < point->n_results; i++)
		if (point->results[i].ops.n[op] != 0)
			return true;
	return false;
}

/** The policy that the others are compared with: the first that applies. */
static const struct s2_result *first_result(const struct s2_point *point)
{
	for (size_t i = 0; i < point->n_results; i++)
		if (point->results[i].applies)
			return &point->results[i];
	return &point->results[0];
}

static void set_compared(struct filling *f, size_t i, const char *text, double value, double base)
{
	const struct s2_result *result = &f->point->results[i];
	char ratio[S2_TEXT_ROOM] = "";

	if (result != first_result(f->point))
		s2_text_ratio(value, base, ratio);
	if (ratio[0] == '\0')
		s2_grid_set(&f->grid, f->row, i + 1, "%s", text);
	else
		s2_grid_set(&f->grid, f->row, i + 1, "%s %*s", text, RATIO_WIDTH, ratio);
}

static void fill_header(struct filling *f)
{
	for (size_t i = 0; i < f->point->n_results; i++)
		s2_grid_set(&f->grid, 0, i + 1, "%s", f->point->results[i].policy);
	f->row = 1;
}

static void fill_ops(struct filling *f)
{
	const struct s2_result *first = first_result(f->point);
	char text[S2_TEXT_ROOM];

	for (int op = 0; op < S2_OP_COUNT; op++) {
		if (!any_counted(f->point, op))
			continue;
		s2_grid_set(&f->grid, f->row, 0, "%s", s2_op_name((enum s2_op)op));
		for (size_t i = 0; i < f->point->n_results; i++) {
			const struct s2_result *r = &f->point->results[i];

			if (r->applies)
				set_compared(f, i, s2_text_count(r->ops.n[op], text),
					     (double)r->ops.n[op], (double)first->ops.n[op]);
		}
		f->row++;
	}
}

static const char *measure_text(const struct s2_measure *m, char buf[S2_TEXT_ROOM])
{
	if (m->unit != NULL && !strcmp(m->unit, "ns"))
		return s2_text_time(m->value, buf);
	return s2_text_number(m->value, buf);
}

static void fill_measures(struct filling *f)
{
	const struct s2_result *first = first_result(f->point);
	char text[S2_TEXT_ROOM];

	for (size_t k = 0; k < first->n_measures; k++) {
		const struct s2_measure *base = &first->measures[k];

		s2_grid_set(&f->grid, f->row, 0, "%s", base->name);
		for (size_t i = 0; i < f->point->n_results; i++) {
			const struct s2_measure *m;

			m = s2_result_find(&f->point->results[i], base->name);
			if (m != NULL)
				set_compared(f, i, measure_text(m, text), m->value, base->value);
		}
		f->row++;
	}
}

static bool all_known(const struct s2_point *point)
{
	for (size_t i = 0; i < point->n_results; i++)
		if (point->results[i].applies && !point->results[i].cost.known)
			return false;
	return true;
}

static void fill_cost(struct filling *f)
{
	const struct s2_cost *base = &first_result(f->point)->cost;
	const bool known = all_known(f->point);
	char text[S2_TEXT_ROOM];

	s2_grid_set(&f->grid, f->row, 0, "estimated time");
	if (!known)
		s2_grid_set(&f->grid, f->row + 1, 0, "  known part");
	for (size_t i = 0; i < f->point->n_results; i++) {
		const struct s2_cost *cost = &f->point->results[i].cost;

		if (!f->point->results[i].applies)
			continue;
		s2_text_time(cost->ns, text);
		if (cost->known)
			set_compared(f, i, text, cost->ns, base->known ? base->ns : 0);
		else
			set_compared(f, i, "unknown", 0, 0);
		if (known)
			continue;
		f->row++;
		set_compared(f, i, text, cost->ns, base->ns);
		f->row--;
	}
	f->row += known ? 1 : 2;
}

static void fill_verdicts(struct filling *f)
{
	const struct s2_result *first = first_result(f->point);
	const size_t n = first->n_verdicts != 0 ? first->n_verdicts : 1;

	for (size_t v = 0; v < n; v++) {
		s2_grid_set(&f->grid, f->row, 0, "verdict%s%s", first->n_verdicts ? ": " : "",
			    first->n_verdicts ? first->verdicts[v].contract : "");
		for (size_t i = 0; i < f->point->n_results; i++) {
			const struct s2_result *r = &f->point->results[i];

			if (r->applies)
				set_compared(f, i,
					     s2_status_word(v < r->n_verdicts
								    ? r->verdicts[v].status
								    : S2_UNCHECKED),
					     0, 0);
			else
				s2_grid_set(&f->grid, f->row, i + 1, "not applicable");
		}
		f->row++;
	}
}

static void write_missing(const struct s2_report *report, const struct s2_point *point, FILE *out)
{
	char list[LIST_ROOM];
	size_t at;

	if (all_known(point))
		return;
	at = (size_t)snprintf(list, sizeof(list), "time is unknown: %s has no cost for",
			      report->profile->name);
	for (int op = 0; op < S2_OP_COUNT; op++) {
		bool missing = false;

		for (size_t i = 0; i < point->n_results; i++)
			missing |= point->results[i].cost.missing[op];
		if (missing && at < sizeof(list))
			at += (size_t)snprintf(list + at, sizeof(list) - at, " %s",
					       s2_op_name((enum s2_op)op));
	}
	s2_write_wrapped(out, list, 2, S2_TABLE_WIDTH);
}

static void write_sources(const struct s2_report *report, const struct s2_point *point, FILE *out)
{
	char text[LIST_ROOM];

	for (int op = 0; op < S2_OP_COUNT; op++) {
		const struct s2_cost_entry *cost = &report->profile->op[op];

		if (!cost->known || !any_counted(point, op))
			continue;
		(void)snprintf(text, sizeof(text), "%s costs %.6g ns: %s",
			       s2_op_name((enum s2_op)op), cost->ns, cost->source);
		s2_write_wrapped(out, text, 2, S2_TABLE_WIDTH);
	}
}

static void write_violations(const struct s2_point *point, FILE *out)
{
	for (size_t i = 0; i < point->n_results; i++) {
		const struct s2_result *r = &point->results[i];

		for (size_t v = 0; v < r->n_verdicts; v++)
			if (r->verdicts[v].violation != NULL)
				(void)fprintf(out, "\n%s breaks %s:\n%s\n", r->policy,
					      r->verdicts[v].contract, r->verdicts[v].violation);
	}
}

int s2_table_point(const struct s2_report *report, const struct s2_point *point, FILE *out)
{
	/* Heading, operations, measures, two lines of time, verdicts. */
	const size_t most = 1 + S2_OP_COUNT + S2_MEASURES_MAX + 2 + S2_VERDICTS_MAX;
	struct filling f = {.point = point};

	if (s2_grid_create(&f.grid, most, point->n_results + 1) < 0)
		return -ENOMEM;
	fill_header(&f);
	fill_ops(&f);
	fill_measures(&f);
	if (report->profile != NULL)
		fill_cost(&f);
	fill_verdicts(&f);
	f.grid.rows = f.row;
	s2_grid_print(&f.grid, S2_TABLE_WIDTH, out);
	s2_grid_free(&f.grid);
	if (report->profile != NULL) {
		(void)fputc('\n', out);
		write_missing(report, point, out);
		write_sources(report, point, out);
	}
	write_violations(point, out);
	return 0;
}

static void report_table_write_workload(const struct s2_report *report,
					const struct s2_point *point, FILE *out)
{
	char text[LIST_ROOM];

	s2_write_wrapped(out, s2_point_text(report, point, text, sizeof(text)), 2, S2_TABLE_WIDTH);
}

static void write_heading(const struct s2_report *report, FILE *out)
{
	(void)fprintf(out, "%s %s: %s\n", report->program, report->version, report->summary);
	if (report->machine != NULL)
		(void)fprintf(out, "machine %s, ", report->machine);
	if (report->flavour != NULL)
		(void)fprintf(out, "flavour %s, ", report->flavour);
	(void)fprintf(out, "seed %llu\n", (unsigned long long)report->seed);
}

int s2_report_table(const struct s2_report *report, FILE *out)
{
	write_heading(report, out);
	if (report->n_axes != 0) {
		report_table_write_workload(report, &report->points[0], out);
		(void)fputc('\n', out);
		return s2_table_sweep(report, out);
	}
	for (size_t i = 0; i < report->n_points; i++) {
		int r;

		if (i > 0)
			(void)fputc('\n', out);
		report_table_write_workload(report, &report->points[i], out);
		(void)fputc('\n', out);
		r = s2_table_point(report, &report->points[i], out);
		if (r < 0)
			return r;
	}
	return 0;
}
