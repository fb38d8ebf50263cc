/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Scenarios by name: what KVM's threads and guests do at once, sound and broken.
 *
 * Each is a world (scenario_world.h) and two threads of a few calls.  A broken
 * one has a fault that only some order shows, and stands beside its mended form.
 */
#ifndef S2_STUDY_CHECK_SCENARIOS_H
#define S2_STUDY_CHECK_SCENARIOS_H

#include <stage2sim/explore.h>

/** One of them. */
struct s2_named_scenario {
	struct s2_scenario scenario;
	bool broken;	      /**< a violation is to be found */
	uint32_t preemptions; /**< bound within which it is searched unless another is asked for */
};

/** Scenario @p index from 0, or NULL past the last. */
const struct s2_named_scenario *s2_scenario_at(size_t index);
/** The one of that name, or NULL. */
const struct s2_named_scenario *s2_scenario_find(const char *name);

#endif
