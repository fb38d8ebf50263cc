/* SPDX-License-Identifier: MIT */
/**
 * @file
 * How a log comes to its first violation: the log is read again, and again without
 * some of its steps, until those are left that matter.
 */
#ifndef S2_STUDY_CHECK_STORY_H
#define S2_STUDY_CHECK_STORY_H

#include "study/check/check_log.h"

/** Whether the log can be read more than once, and a story be written. @return 0; negative with @p err */
int s2_check_story_possible(const struct s2_check_job *job, struct s2_error *err);

/** Writes the story of @p first, which @p job's log has, into file @p path. @return 0; negative with @p err */
int s2_check_story(const struct s2_check_job *job, const struct s2_violation *first,
		   const char *path, struct s2_error *err);

#endif
