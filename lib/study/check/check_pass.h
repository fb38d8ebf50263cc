/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One pass over a log: each of its lines told to a machine that somebody watches.
 */
#ifndef S2_STUDY_CHECK_PASS_H
#define S2_STUDY_CHECK_PASS_H

#include "study/check/check_log.h"
#include "study/check/check_tell.h"
#include "study/log/trace_input.h"

struct s2_check_pass {
	const struct s2_check_job *job;
	struct s2_check_outcome *outcome; /**< lines and expected are set */
	struct s2_input *input;
	struct s2_retold *told;
	uint64_t line; /**< at hand */
	char *begun;   /**< an event that is not complete yet, n_begun bytes of it, or NULL */
	size_t n_begun;
	uint64_t began; /**< the line that it begins in, or 0 */
};

/** Opens the log, and makes the machine, which nobody watches yet. @return 0; negative with @p err */
int s2_check_pass_open(struct s2_check_pass *p, const struct s2_check_job *job,
		       struct s2_check_outcome *outcome, struct s2_error *err);
/** All lines, and what is relied on at the end. @return 0; negative with @p err naming the line */
int s2_check_pass_run(struct s2_check_pass *p, struct s2_error *err);
void s2_check_pass_close(struct s2_check_pass *p);

#endif
