/* SPDX-License-Identifier: MIT */
/**
 * @file
 * s2_x86_context_check() for other callers than the kernel's: faults of the
 * past, which tests bring back by swapping one function of a flow or a policy.
 */
#ifndef S2_CHECK_MMU_CONTEXT_CHECK_H
#define S2_CHECK_MMU_CONTEXT_CHECK_H

#include "check/context_check.h"
#include "hyp/context/x86_context.h"

int s2_x86_flow_check(const struct s2_x86_vcpu_config *cfg, const struct s2_x86_flow *flow,
		      const struct s2_context_bounds *bounds, struct s2_context_result *out);

#endif
