/* SPDX-License-Identifier: MIT */
/**
 * @file
 * How a scenario of stage-2 contexts is set: a policy, and what of its callers is broken.
 */
#ifndef S2_STUDY_SCENARIO_CONTEXTS_H
#define S2_STUDY_SCENARIO_CONTEXTS_H

#include <stage2sim/explore.h>

struct s2_stage2_flow;

struct s2_context_world_config {
	const char *policy; /**< as s2_stage2_policy_find() takes it */
	/** Changes what the kernel does; may be NULL. */
	void (*break_flow)(struct s2_stage2_flow *flow);
};

/** struct s2_scenario.create: @p arg a struct s2_context_world_config. */
int s2_context_world_create(void *arg, void **state, struct s2_machine **m);

#endif
