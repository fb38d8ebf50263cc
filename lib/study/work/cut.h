/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A story cut to the steps that matter.
 *
 *     story --> the run again without some of its steps --> still broken? they go
 *
 * What breaks without a step does not need it.  One exception: maintenance after the
 * last step that is needed is told all the same, since a reader will ask for it.
 */
#ifndef STAGE2SIM_STUDY_CUT_H
#define STAGE2SIM_STUDY_CUT_H

#include "study/work/judge.h"

/** Steps of runs, all in all, after which no more are made: what is left of it is told. */
#define S2_CUT_STEPS UINT64_C(1000000)

/**
 * Cuts judge->story, which @p what was just run for.
 * @return 0; what run() returned, and the story is as it was
 */
int s2_cut_story(struct s2_judge *judge, const struct s2_judged *what, struct s2_error *err);

#endif
