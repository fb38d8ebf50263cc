/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The two bodies of a table, apart: one workload, and a sweep.
 */
#ifndef STAGE2SIM_STUDY_REPORT_TABLE_H
#define STAGE2SIM_STUDY_REPORT_TABLE_H

#include "study/report/report.h"

/** One point: rows are operations, columns policies. @return 0 or -ENOMEM */
int s2_table_point(const struct s2_report *report, const struct s2_point *point, FILE *out);

/** A sweep: of one axis the metric, of more who is cheapest. @return 0 or -ENOMEM */
int s2_table_sweep(const struct s2_report *report, FILE *out);

#endif
