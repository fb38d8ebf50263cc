/* SPDX-License-Identifier: MIT */
/**
 * @file
 * How it came to a violation, step by step.
 *
 *     run, watched --> violation --> the same run, watched for its story --> steps
 *                                       ^                                      |
 *                                       '-- without a step: is it still so? <--'
 *
 * A story has the steps of a run that concern the address, line, page or VMID of
 * one violation (s2_oracle_config.story), with what TLBs or memory may hold after
 * each.  Some of them do not matter: what still breaks without a step does not need
 * it.  A run that is made again without some (s2_oracle_config.dropped) shows which;
 * steps keep their numbers.
 */
#ifndef STAGE2SIM_STORY_H
#define STAGE2SIM_STORY_H

#include <stage2sim/oracle.h>

S2_BEGIN_DECLS

/** Who did a step. */
enum s2_story_who {
	S2_STORY_HOST, /**< the host, outside of KVM */
	S2_STORY_CPU,  /**< the hypervisor, on a CPU */
	S2_STORY_VCPU, /**< the guest, on a vcpu */
};

/** Bytes of each text of a step, its end included. */
#define S2_STORY_TEXT 120

/** One step. */
struct s2_story_step {
	uint64_t at;	       /**< which of the run: the same in each run of the same */
	enum s2_story_who who; /**< who did it */
	unsigned number;       /**< of the CPU or vcpu */
	bool maintains;	       /**< a TLBI, a DC, a barrier: what might have helped */
	bool fixed;	       /**< is not dropped: a descriptor stored, a page given or freed */
	s2_pte stored;	       /**< the descriptor that was stored, or 0 */
	char did[S2_STORY_TEXT];  /**< what was done, and at which step of the code */
	char then[S2_STORY_TEXT]; /**< what may be held or read after it */
};

/** Steps that a story keeps: its first, and of the others the last. */
#define S2_STORY_STEPS 256

/** How many steps the story of @p o has; 0 if it tells none. */
S2_API size_t s2_oracle_story_steps(const struct s2_oracle *o) S2_NONNULL(1);

/** Steps between its first and its second that it has not kept. */
S2_API uint64_t s2_oracle_story_left(const struct s2_oracle *o) S2_NONNULL(1);

/** Step @p i of them, good until @p o is fed or detached; NULL past the last. */
S2_API const struct s2_story_step *s2_oracle_story_step(const struct s2_oracle *o, size_t i)
	S2_NONNULL(1);

/**
 * What may be seen at its end, and what would have been right, in a line; NULL
 * until the violation has come.  Good until @p o is detached.
 */
S2_API const char *s2_oracle_story_end(const struct s2_oracle *o) S2_NONNULL(1);

/** Who did it ("CPU 3", "vcpu 0", "host"). As snprintf(): @return the length of the whole */
S2_API int s2_story_who_text(const struct s2_story_step *step, char *buf, size_t size)
	S2_NONNULL(1);

S2_END_DECLS

#endif
