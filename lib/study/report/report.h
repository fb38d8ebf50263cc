/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The three forms in which a report is printed.
 *
 * The table is for people: policies side by side, at most 100 columns wide;
 * of a sweep, who is cheapest where.  JSON and CSV are for programs and have
 * everything.  Each writes to a stream and returns 0 or a negative errno; the
 * caller looks at ferror().
 */
#ifndef STAGE2SIM_STUDY_REPORT_H
#define STAGE2SIM_STUDY_REPORT_H

#include "study/report/result.h"

/** Widest line of a table. */
#define S2_TABLE_WIDTH 100

S2_API int s2_report_table(const struct s2_report *report, FILE *out);

/** One object; -ENOTSUP in a build without JSON. */
S2_API int s2_report_json(const struct s2_report *report, FILE *out);

/** A header line, then a line for each point and policy. */
S2_API int s2_report_csv(const struct s2_report *report, FILE *out);

#endif
