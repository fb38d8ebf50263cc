/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Who is cheapest at a point of a sweep, by the report's metric.
 *
 * Metrics that differ by rounding alone are equal: they may be sums of the
 * same costs in another order.  An unknown metric (NaN) is never the best.
 */
#ifndef STAGE2SIM_STUDY_BEST_H
#define STAGE2SIM_STUDY_BEST_H

#include "study/report/result.h"

/** The lowest metric at a point, and the next above it; NaN for none. */
struct s2_best {
	double value, next;
};

struct s2_best s2_best_find(const struct s2_report *report, const struct s2_point *point);

/** Whether result @p i has the lowest. */
bool s2_best_is(const struct s2_report *report, const struct s2_point *point, size_t i,
		const struct s2_best *best);

#endif
