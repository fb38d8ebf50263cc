/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Stories that scenes and context checks tell as lines, as steps like all others.
 */
#ifndef S2_STUDY_NAMED_STORY_H
#define S2_STUDY_NAMED_STORY_H

#include "study/mutants/named.h"

/**
 * Makes steps of found->story, "  1. vcpu 0 ..." a line, and an end of @p v, which is also
 * what found->text says.  A line without a number goes to the step before it.
 */
void s2_mutant_tell(struct s2_mutant_found *found, const struct s2_violation *v);

#endif
