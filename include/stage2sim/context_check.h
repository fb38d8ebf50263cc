/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Is a context policy sound: after every event, is the active context equal
 * to one computed from nothing?
 *
 *     start --event--> state --event--> state ...   each state compared
 *
 * All sequences of events up to a depth are walked, breadth first, so that
 * what is found first is shortest; a state seen before is not walked again.
 * When no new state is left, sequences of any length were covered.  Random
 * sequences over all values of the events follow.  "Sound" means: explored
 * within these bounds, never more.  States are told apart by 128-bit hashes.
 */
#ifndef STAGE2SIM_CONTEXT_CHECK_H
#define STAGE2SIM_CONTEXT_CHECK_H

#include <stage2sim/x86_context.h>
#include <stage2sim/stage2_context.h>

S2_BEGIN_DECLS

/** How far an exploration goes.  -EINVAL where a bound says "at most" and is passed. */
struct s2_context_bounds {
	unsigned depth;		/**< longest sequence, in events; at most 250 */
	uint64_t max_states;	/**< stop the walk there; at most, and for 0, 2^31 */
	uint64_t random_events; /**< after it; in walks of 64 events each */
	uint64_t seed;		/**< of these */
};

/** What an exploration found. */
enum s2_context_verdict {
	S2_CONTEXT_EXPLORED, /**< no violation within what was explored */
	S2_CONTEXT_UNSOUND,  /**< some sequence leaves a context that is not the computed one */
};

/** What was explored, and how it ended. */
struct s2_context_result {
	enum s2_context_verdict verdict; /**< within the bounds, never more */
	uint64_t states;		 /**< different states compared */
	uint64_t transitions;		 /**< events applied in the walk */
	unsigned depth; /**< all sequences up to here were covered (unsound: shorter ones) */
	bool closed;	/**< no new state was left: any length was */
	uint64_t random_events; /**< applied and compared besides */
	size_t story_events;	/**< length of the sequence that failed */
	char *story;		/**< a line an event, or NULL; s2_context_result_clear() frees it */
};

/**
 * Explores @p cfg's policy over the events of vcpu contexts: SMM in and out,
 * CR0, CR4, EFER, nested in and out, CPUID, reset, run.
 * @param cfg of every vcpu explored
 * @param out overwritten; clear it when done
 * @return 0, whatever the verdict; -EINVAL for a configuration or bounds that
 *         cannot be; -ENOMEM.  On error @p out is untouched.
 */
S2_API int s2_x86_context_check(const struct s2_x86_vcpu_config *cfg,
				const struct s2_context_bounds *bounds,
				struct s2_context_result *out) S2_NONNULL(1, 2, 3);

/** As above, for what vcpus reload of stage 2 (arm64). @return the same; -EINVAL: no policy */
S2_API int s2_stage2_context_check(const struct s2_stage2_policy *policy,
				   const struct s2_context_bounds *bounds,
				   struct s2_context_result *out) S2_NONNULL(2, 3);

/** A bug that contexts had, or might have: what a check is tried on. */
struct s2_context_bug {
	const char *name;  /**< short, for lists */
	const char *what;  /**< goes wrong */
	const char *where; /**< it did: a commit, a patch; NULL: made up */
};

/** Bug @p index from 0, x86's first, or NULL past the last. */
S2_API const struct s2_context_bug *s2_context_bug_at(size_t index);

/**
 * Explores a policy with bug @p index put in, or if @p mended what it is a bug in.
 * @return 0, whatever the verdict; -EINVAL for a bug or bounds that cannot be; -ENOMEM
 */
S2_API int s2_context_bug_check(size_t index, bool mended, const struct s2_context_bounds *bounds,
				struct s2_context_result *out) S2_NONNULL(3, 4);

/** Frees the story of @p result, not @p result itself. */
S2_API void s2_context_result_clear(struct s2_context_result *result) S2_NONNULL(1);

S2_END_DECLS

#endif
