/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One verdict out of all that was judged: the headline's workload, and those
 * that were run besides.
 *
 * A program lists its contracts from what every hypervisor owes to what only
 * some guests count on, so the first that is broken is the worst.
 */
#ifndef STAGE2SIM_STUDY_HEADLINE_VERDICT_H
#define STAGE2SIM_STUDY_HEADLINE_VERDICT_H

#include "study/headline/headline_table.h"

/** The result of @p policy at a point, if it applies there; or NULL. */
const struct s2_result *s2_headline_find(const struct s2_point *point, const char *policy);

/** Fills verdict, broken and story of @p row for the policy of @p result. */
void s2_headline_verdict(const struct s2_headline_part *part, const struct s2_result *result,
			 struct s2_headline_row *row);

#endif
