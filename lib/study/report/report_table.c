/* SPDX-License-Identifier: MIT */
/* Policies side by side, for people; see report.h. */
#include "study/report/report_table.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/** Widest ratio, so that the counts before it line up. */
#define RATIO_WIDTH 7

/** Room for a workload's text. */
#define TEXT_ROOM 2048

const struct s2_result *s2_filling_result(const struct s2_filling *f, size_t c)
{
	return &f->point->results[f->columns.column[c].at[0]];
}

const struct s2_result *s2_filling_first(const struct s2_filling *f)
{
	for (size_t i = 0; i < f->point->n_results; i++)
		if (f->point->results[i].applies)
			return &f->point->results[i];
	return &f->point->results[0];
}

void s2_filling_set(struct s2_filling *f, size_t c, const char *text, double value, double base)
{
	char ratio[S2_TEXT_ROOM] = "";

	if (s2_filling_result(f, c) != s2_filling_first(f))
		s2_text_ratio(value, base, ratio);
	if (ratio[0] == '\0')
		s2_grid_set(&f->grid, f->row, c + 1, "%s", text);
	else
		s2_grid_set(&f->grid, f->row, c + 1, "%s %*s", text, RATIO_WIDTH, ratio);
}

/** The value of a row in a column; NaN where there is none. */
typedef double value_fn(const struct s2_result *result, const void *row);

static double op_value(const struct s2_result *result, const void *row)
{
	return (double)result->ops.n[*(const int *)row];
}

static double measure_value(const struct s2_result *result, const void *row)
{
	const struct s2_measure *m = s2_result_find(result, row);

	return m != NULL ? m->value : NAN;
}

/**
 * Whether a row says something: it is what the program asks, or is not the same
 * for all policies.  Beside no other policy any count says something.
 */
static bool row_says(const struct s2_filling *f, const char *name, value_fn *value, const void *row)
{
	const double first = value(s2_filling_first(f), row);
	size_t applying = 0;

	if (f->report->all || (f->report->metric != NULL && !strcmp(name, f->report->metric)))
		return true;
	for (size_t i = 0; i < f->point->n_results; i++) {
		const struct s2_result *result = &f->point->results[i];

		if (!result->applies)
			continue;
		if (value(result, row) != first)
			return true;
		applying++;
	}
	return applying == 1 && first != 0;
}

/** Names of policies that share a column stand above each other. */
static void fill_header(struct s2_filling *f)
{
	for (size_t c = 0; c < f->columns.n; c++) {
		const struct s2_column *column = &f->columns.column[c];

		for (size_t i = 0; i < column->n; i++)
			s2_grid_set(&f->grid, f->columns.most - column->n + i, c + 1, "%s",
				    f->point->results[column->at[i]].policy);
	}
	f->row = f->columns.most;
}

static bool any_counted(const struct s2_point *point, int op)
{
	for (size_t i = 0; i < point->n_results; i++)
		if (point->results[i].ops.n[op] != 0)
			return true;
	return false;
}

static void fill_op(struct s2_filling *f, int op)
{
	const struct s2_result *first = s2_filling_first(f);
	char text[S2_TEXT_ROOM];

	s2_grid_set(&f->grid, f->row, 0, "%s", s2_op_name((enum s2_op)op));
	for (size_t c = 0; c < f->columns.n; c++) {
		const struct s2_result *r = s2_filling_result(f, c);

		if (r->applies)
			s2_filling_set(f, c, s2_text_count(r->ops.n[op], text),
				       (double)r->ops.n[op], (double)first->ops.n[op]);
	}
	f->row++;
}

static void fill_ops(struct s2_filling *f)
{
	for (int op = 0; op < S2_OP_COUNT; op++) {
		if (!any_counted(f->point, op))
			continue;
		if (row_says(f, s2_op_name((enum s2_op)op), op_value, &op))
			fill_op(f, op);
		else
			f->hidden++;
	}
}

static const char *measure_text(const struct s2_measure *m, char buf[S2_TEXT_ROOM])
{
	if (m->unit != NULL && !strcmp(m->unit, "ns"))
		return s2_text_time(m->value, buf);
	return s2_text_number(m->value, buf);
}

static void fill_measure(struct s2_filling *f, const struct s2_measure *base)
{
	char text[S2_TEXT_ROOM];

	s2_grid_set(&f->grid, f->row, 0, "%s", base->name);
	for (size_t c = 0; c < f->columns.n; c++) {
		const struct s2_measure *m;

		m = s2_result_find(s2_filling_result(f, c), base->name);
		if (m != NULL)
			s2_filling_set(f, c, measure_text(m, text), m->value, base->value);
	}
	f->row++;
}

static void fill_measures(struct s2_filling *f)
{
	const struct s2_result *first = s2_filling_first(f);

	for (size_t k = 0; k < first->n_measures; k++) {
		const struct s2_measure *base = &first->measures[k];

		if (row_says(f, base->name, measure_value, base->name))
			fill_measure(f, base);
		else
			f->hidden++;
	}
}

static void fill_verdicts(struct s2_filling *f)
{
	const struct s2_result *first = s2_filling_first(f);
	const size_t n = first->n_verdicts != 0 ? first->n_verdicts : 1;

	for (size_t v = 0; v < n; v++) {
		s2_grid_set(&f->grid, f->row, 0, "verdict%s%s", first->n_verdicts ? ": " : "",
			    first->n_verdicts ? first->verdicts[v].contract : "");
		for (size_t c = 0; c < f->columns.n; c++) {
			const struct s2_result *r = s2_filling_result(f, c);

			s2_grid_set(&f->grid, f->row, c + 1, "%s",
				    !r->applies ? "not applicable"
						: s2_status_word(v < r->n_verdicts
									 ? r->verdicts[v].status
									 : S2_UNCHECKED));
		}
		f->row++;
	}
}

int s2_table_point(const struct s2_report *report, const struct s2_point *point, FILE *out)
{
	struct s2_filling f = {.report = report, .point = point};
	size_t most;

	s2_columns_of(point, report->all, &f.columns);
	most = f.columns.most + S2_OP_COUNT + S2_MEASURES_MAX + S2_VERDICTS_MAX +
	       s2_table_costs_most(report, point);
	if (s2_grid_create(&f.grid, most, f.columns.n + 1) < 0)
		return -ENOMEM;
	fill_header(&f);
	fill_ops(&f);
	fill_measures(&f);
	s2_table_costs(&f);
	fill_verdicts(&f);
	f.grid.rows = f.row;
	s2_grid_print(&f.grid, S2_TABLE_WIDTH, out);
	s2_grid_free(&f.grid);
	if (f.hidden != 0)
		(void)fprintf(out, "\n%zu more %s the same for all policies; --all shows %s\n",
			      f.hidden, f.hidden == 1 ? "row is" : "rows are",
			      f.hidden == 1 ? "it" : "them");
	if (report->n_profiles != 0) {
		(void)fputc('\n', out);
		s2_table_sources(&f, out);
	}
	s2_table_stories(&f, out);
	return 0;
}

static void report_table_write_workload(const struct s2_report *report,
					const struct s2_point *point, FILE *out)
{
	char text[TEXT_ROOM];

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
