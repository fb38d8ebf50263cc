/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A schedule of a scenario told step by step, kept in a file, and run again.
 *
 *     # s2-explore schedule, one run of a thread's steps a line
 *     scenario clears-unlocked
 *     contract bare-metal       only if one alone counts
 *     thread 0 17
 *     thread 1 9
 */
#ifndef S2_STUDY_CHECK_SCHEDULE_H
#define S2_STUDY_CHECK_SCHEDULE_H

#include <stdio.h>

#include <stage2sim/explore.h>

#include "study/base/error.h"

/**
 * Runs @p schedule and writes its steps to @p out, numbered, with each switch
 * between threads marked, and what was found at the end.
 * @return 0; an error of s2_explore_replay()
 */
int s2_schedule_print(const struct s2_scenario *scenario, const uint8_t *schedule, size_t n,
		      FILE *out);

/** Writes @p schedule to file @p path. @return 0; a negative errno value, and says so in @p err */
int s2_schedule_save(const char *path, const struct s2_scenario *scenario, const uint8_t *schedule,
		     size_t n, struct s2_error *err);

/**
 * Runs the schedule in file @p path and tells it as s2_schedule_print() does.
 * @param pause called after each step, once it is told; may be NULL
 * @param found whether there was a violation
 * @return 0; -EINVAL for a file that is none, with the line in @p err; another error
 */
int s2_schedule_replay(const char *path, FILE *out, void (*pause)(void), bool *found,
		       struct s2_error *err);

#endif
