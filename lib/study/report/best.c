/* SPDX-License-Identifier: MIT */
/* Who is cheapest at a point of a sweep; see best.h. */
#include "study/report/best.h"

#include <math.h>
#include <string.h>

/** Relative difference up to which two metrics are equal. */
#define SAME 1e-9

static double metric(const struct s2_report *report, const struct s2_point *point, size_t i)
{
	return s2_result_metric(&point->results[i], report->metric);
}

static bool same(double a, double b)
{
	return fabs(a - b) <= SAME * fmax(fabs(a), fabs(b));
}

struct s2_best s2_best_find(const struct s2_report *report, const struct s2_point *point)
{
	struct s2_best best = {NAN, NAN};

	/* fmin() passes over NaN. */
	for (size_t i = 0; i < point->n_results; i++)
		best.value = fmin(best.value, metric(report, point, i));
	for (size_t i = 0; i < point->n_results; i++) {
		const double v = metric(report, point, i);

		if (!same(v, best.value))
			best.next = fmin(best.next, v);
	}
	return best;
}

bool s2_best_is(const struct s2_report *report, const struct s2_point *point, size_t i,
		const struct s2_best *best)
{
	return same(metric(report, point, i), best->value);
}
