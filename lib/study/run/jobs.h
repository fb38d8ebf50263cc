/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Pieces of work in processes of their own, some at a time; what they print comes in order.
 *
 *     work 0 --> its output --.
 *     work 1 --> its output --+--> standard output: 0, 1, 2, ...
 *     work 2 ...            --'
 */
#ifndef STAGE2SIM_STUDY_JOBS_H
#define STAGE2SIM_STUDY_JOBS_H

#include <stddef.h>
#include <stdint.h>

#include <stage2sim/types.h>

#include "study/base/error.h"

/** Most processes at a time. */
#define S2_JOBS_MAX 256

/** Pieces of work. */
struct s2_jobs {
	size_t n;
	/** Does piece @p i, and prints to stdout. @return an exit status, 0 to 127 */
	int (*work)(void *arg, size_t i);
	void *arg;
	uint64_t at_once; /**< processes, 1 to S2_JOBS_MAX; 1: none but this one */
};

/**
 * Does them all.
 * @param worst the highest exit status; a process that was killed counts as 127
 * @return 0; -EINVAL for at_once; -EAGAIN, -ENOMEM or -EIO with @p err set where no process
 *         or file could be had: those that run are waited for
 */
S2_API int s2_jobs_run(const struct s2_jobs *jobs, int *worst, struct s2_error *err);

#endif
