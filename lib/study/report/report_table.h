/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The bodies of a table, apart: one workload, its times and stories, a sweep.
 *
 *     s2_table_point --- operations, measures, verdicts: a row each
 *        |-- s2_table_costs       rows of times, a block a profile
 *        |-- s2_table_sources     what they were made of, and what is missing
 *        `-- s2_table_stories     what a broken policy did
 */
#ifndef STAGE2SIM_STUDY_REPORT_TABLE_H
#define STAGE2SIM_STUDY_REPORT_TABLE_H

#include "study/base/text.h"
#include "study/report/columns.h"
#include "study/report/report.h"

/** Most lines that the story of a column takes, its heading included. */
#define S2_STORY_LINES 10

/** A point's grid being filled: row by row, a column for policies that are alike. */
struct s2_filling {
	const struct s2_report *report;
	const struct s2_point *point;
	struct s2_columns columns;
	struct s2_grid grid;
	size_t row;
	size_t hidden; /**< rows left out, for they say nothing */
};

/** The result that stands for column @p c. */
const struct s2_result *s2_filling_result(const struct s2_filling *f, size_t c);

/** The policy that the others are compared with: the first that applies. */
const struct s2_result *s2_filling_first(const struct s2_filling *f);

/** Sets a cell: a text, and @p value's ratio to @p base but in the first policy's column. */
void s2_filling_set(struct s2_filling *f, size_t c, const char *text, double value, double base);

/** Rows of what the run and its parts would take, by each profile. */
void s2_table_costs(struct s2_filling *f);

/** How many rows s2_table_costs() fills at most. */
size_t s2_table_costs_most(const struct s2_report *report, const struct s2_point *point);

/** Below the grid: each cost with its source, and which is not known. */
void s2_table_sources(const struct s2_filling *f, FILE *out);

/** Below it: who breaks what, and how. */
void s2_table_stories(const struct s2_filling *f, FILE *out);

/** One point: rows are operations, columns policies. @return 0 or -ENOMEM */
int s2_table_point(const struct s2_report *report, const struct s2_point *point, FILE *out);

/** A sweep: of one axis the metric, of more who is cheapest. @return 0 or -ENOMEM */
int s2_table_sweep(const struct s2_report *report, FILE *out);

#endif
