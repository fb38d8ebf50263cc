/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Published measurements of one SGI, and what the model says of them.
 *
 * A series is a set of measurements on one machine with one kernel.  The model
 * gives the number of steps of each (probes, or gather steps); two of the
 * measurements fix what the fixed part and a step cost there, and so say
 * nothing: they are marked fitted.  The others are predicted, and may be wrong.
 */
#ifndef STAGE2SIM_STUDY_SGI_PUBLISHED_H
#define STAGE2SIM_STUDY_SGI_PUBLISHED_H

#include <stage2sim/op.h>

#include "study/work/sgi_load.h"

/** One measurement: an SGI to vcpu @ref target of @ref vcpus, or to nobody. */
struct s2_sgi_measurement {
	unsigned vcpus;
	unsigned target; /**< S2_SGI_NOBODY: a target that does not exist */
	double value;	 /**< in the series' unit */
	bool fitted;
};

#define S2_SGI_NOBODY UINT32_MAX

struct s2_sgi_series {
	const char *name;
	const char *source;
	const char *unit;
	const char *policy; /**< s2_routing_find() */
	enum s2_op step;    /**< what the cost grows by */
	const struct s2_sgi_measurement *rows;
	size_t n_rows;
};

/** Series @p index from 0, or NULL. */
const struct s2_sgi_series *s2_sgi_series_at(size_t index);

/** What the model makes of a series. */
struct s2_sgi_fit {
	double fixed; /**< cost of an SGI without any step */
	double per_step;
	double worst_error; /**< of the predicted rows: (predicted - measured) / measured */
};

/** Most rows of a series. */
#define S2_SGI_ROWS_MAX 24

/**
 * Runs each row's SGI by the series' policy.
 * @param predicted a value a row, S2_SGI_ROWS_MAX of room
 */
int s2_sgi_predict(const struct s2_sgi_series *series, const struct s2_features *features,
		   struct s2_sgi_fit *fit, double *predicted, struct s2_error *err);

#endif
