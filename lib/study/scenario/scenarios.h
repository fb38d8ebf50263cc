/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Scenarios by name: what KVM's threads and guests do at once, sound and broken.
 *
 * Each is a world (world.h) and a few threads of a few calls.  A broken one has a
 * fault, and stands beside its mended form where there is one.  A scenario may be
 * run with a choice of the flavour changed: "unmap-fault,unmap=vmid" (choices.h).
 */
#ifndef S2_STUDY_SCENARIO_SCENARIOS_H
#define S2_STUDY_SCENARIO_SCENARIOS_H

#include <stage2sim/explore.h>

#include "study/scenario/contexts.h"
#include "study/scenario/gic_world.h"
#include "study/scenario/world.h"

/** Where a fault comes from. */
enum s2_scenario_origin {
	S2_ORIGIN_NONE,	     /**< no fault, or the subject's own */
	S2_ORIGIN_PUBLISHED, /**< a commit, a patch or a report, named in about */
	S2_ORIGIN_MADE_UP,   /**< ours */
};

/** One of them. */
struct s2_named_scenario {
	struct s2_scenario scenario;
	bool broken;	      /**< a violation is to be found */
	uint32_t preemptions; /**< bound within which it is searched unless another is asked for */
	enum s2_scenario_origin origin;
};

/** Rows of a table. */
struct s2_scenario_table {
	const struct s2_named_scenario *rows;
	size_t n;
};

extern const struct s2_scenario_table s2_fault_scenarios;
extern const struct s2_scenario_table s2_dirty_log_scenarios;
extern const struct s2_scenario_table s2_teardown_scenarios;
extern const struct s2_scenario_table s2_vmid_scenarios;
extern const struct s2_scenario_table s2_cache_scenarios;
extern const struct s2_scenario_table s2_notifier_scenarios;
extern const struct s2_scenario_table s2_mutant_scenarios;
extern const struct s2_scenario_table s2_interrupt_scenarios;
extern const struct s2_scenario_table s2_context_scenarios;

/** Scenario @p index from 0, or NULL past the last. */
const struct s2_named_scenario *s2_scenario_at(size_t index);
/** The one of that name, or NULL. */
const struct s2_named_scenario *s2_scenario_find(const char *name);

/** A scenario with a choice changed; not to be copied. */
struct s2_scenario_variant {
	struct s2_named_scenario named;
	struct s2_world_config world;
	struct s2_gic_world_config gic;
	struct s2_context_world_config contexts;
	char name[96];
};

/**
 * "NAME" or "NAME,CHOICE".
 * @return 0; -ENOENT for no such scenario or choice
 */
int s2_scenario_variant(const char *text, struct s2_scenario_variant *out);

/** A world with FWB, where caches are no question: every rule but that of data. */
#define S2_WORLD(...)	  S2_CACHE_WORLD(__VA_ARGS__), .rules = S2_RULES_BUT_DATA
#define S2_RULES_BUT_DATA ((1U << S2_RULES) - 1 - (1U << S2_RULE_DATA))

/** A world of that configuration, as struct s2_scenario wants it. */
#define S2_CACHE_WORLD(...)                                                                  \
	.create = s2_world_create, .prepare = s2_world_prepare, .destroy = s2_world_destroy, \
	.arg = (void *)(uintptr_t) & (const struct s2_world_config)                          \
	{                                                                                    \
		__VA_ARGS__                                                                  \
	}

/** Two threads. */
#define S2_TWO(name0, run0, name1, run1) .n_threads = 2, .threads = {{name0, run0}, {name1, run1}}

/** A table of the rows of an array. */
#define S2_SCENARIO_TABLE(name, rows_) \
	const struct s2_scenario_table name = {rows_, sizeof(rows_) / sizeof((rows_)[0])}

#endif
