/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Bugs of contexts by architecture: the two tables that context_check.h shows as one.
 */
#ifndef S2_CHECK_CONTEXT_BUGS_H
#define S2_CHECK_CONTEXT_BUGS_H

#include <stage2sim/context_check.h>

/** Bug @p index from 0, or NULL. */
const struct s2_context_bug *s2_x86_context_bug_at(size_t index);
const struct s2_context_bug *s2_stage2_context_bug_at(size_t index);

/** Explores with bug @p index, which is there, or what it is a bug in. */
int s2_x86_context_bug_check(size_t index, bool mended, const struct s2_context_bounds *bounds,
			     struct s2_context_result *out);
int s2_stage2_context_bug_check(size_t index, bool mended, const struct s2_context_bounds *bounds,
				struct s2_context_result *out);

#endif
