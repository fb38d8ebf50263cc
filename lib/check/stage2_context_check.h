/* SPDX-License-Identifier: MIT */
/**
 * @file
 * s2_stage2_context_check() for other callers than the kernel's: published
 * faults, which tests bring back by swapping one function of a flow.
 */
#ifndef S2_CHECK_STAGE2_CONTEXT_CHECK_H
#define S2_CHECK_STAGE2_CONTEXT_CHECK_H

#include "check/context_check.h"
#include "hyp/context/stage2_context.h"

/** Whether CPU @p c has what the vcpu that it has loaded needs. */
bool s2_stage2_cpu_right(const struct s2_stage2_world *w, unsigned c);

int s2_stage2_flow_check(const struct s2_stage2_policy *policy, const struct s2_stage2_flow *flow,
			 const struct s2_context_bounds *bounds, struct s2_context_result *out);

#endif
