/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Inside story files: lanes, and a writer for each form.
 *
 *     steps --> lanes: the host, CPUs, vcpus, in order --> columns or threads
 */
#ifndef S2_STUDY_STORY_FILE_H
#define S2_STUDY_STORY_FILE_H

#include "study/report/story.h"

/** Who takes part in a story. */
struct s2_lanes {
	size_t n;
	const struct s2_story_step *who[S2_TOLD_STEPS]; /**< a step of each */
};

void s2_lanes_of(const struct s2_told *told, struct s2_lanes *lanes);
/** Which lane a step is in. */
size_t s2_lane(const struct s2_lanes *lanes, const struct s2_story_step *step);

/** @return 0; -ENOMEM; -ENOTSUP in a build without JSON */
int s2_told_json(const struct s2_told *told, FILE *out);
int s2_told_trace(const struct s2_told *told, const struct s2_lanes *lanes, FILE *out);
void s2_told_svg(const struct s2_told *told, const struct s2_lanes *lanes, FILE *out);

#endif
