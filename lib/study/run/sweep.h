/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Sweeps: a grid of workloads, from one text.
 *
 *     vcpus=1..512                    1 2 4 ... 512
 *     slot=1G..4T,chunk=64p..1G       a grid; the last axis runs fastest
 *     vcpus=1,8,64..512               lists, and both
 *     vcpus=16..128+16                by a step
 *     ratio=0.01..100*10              by a factor
 *
 * A range doubles unless it says otherwise, and always ends in the end that
 * was named.  An axis is any option with a value; its values are kept as texts
 * and go through the option's own checks at each point.
 */
#ifndef STAGE2SIM_STUDY_SWEEP_H
#define STAGE2SIM_STUDY_SWEEP_H

#include "study/option/options.h"

#define S2_AXES_MAX 4

/** One option and the values that it takes. */
struct s2_axis {
	const struct s2_option *option;
	char **values; /**< as texts */
	size_t n;
};

struct s2_sweep {
	struct s2_axis axes[S2_AXES_MAX];
	size_t n_axes;
};

/** Most points of a sweep. */
#define S2_SWEEP_POINTS_MAX 100000

/**
 * Reads @p text; the axes are options of @p table, whose page size must be set.
 * @return 0 with @p sweep to be freed; -EINVAL, -ERANGE (too many points) or
 *         -ENOMEM with @p err set
 */
S2_API int s2_sweep_parse(const struct s2_option_table *table, const char *text,
			  struct s2_sweep *sweep, struct s2_error *err);

S2_API void s2_sweep_free(struct s2_sweep *sweep);

/** How many points the grid has; 1 without an axis. */
S2_API size_t s2_sweep_points(const struct s2_sweep *sweep);

/** Sets the swept options of @p table to their values at @p point. @return 0 or -EINVAL */
S2_API int s2_sweep_apply(const struct s2_sweep *sweep, const struct s2_option_table *table,
			  size_t point, struct s2_error *err);

#endif
