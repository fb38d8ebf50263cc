/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What is lost when an instruction is left out, or comes one too late: each that the
 * hypervisor issues, step by step (an operation at a site of the code), in the life of life.h.
 *
 *     a life, watched --> its steps --> the same life without one, or with two that are
 *                                       neighbours swapped --> what broke first
 */
#ifndef STAGE2SIM_STUDY_STEPS_H
#define STAGE2SIM_STUDY_STEPS_H

#include "study/mutants/life.h"

/** A step that may be left out, or swapped with the one that follows it. */
struct s2_step_mutant {
	enum s2_op op;
	enum s2_op with;   /**< which then comes first; S2_OP_COUNT: op is left out */
	const char *site;  /**< kept by pointer: the code's own */
	uint32_t reg;	   /**< of a SYSREG_WRITE, 1 + enum s2_sysreg; else 0 */
	uint32_t with_reg; /**< the same of with */
	uint64_t n;	   /**< instructions, or runs of them, in the life */
};

#define S2_STEP_MUTANTS_MAX 256

/** All steps of a life, in order of their first: left out, then swapped. */
struct s2_step_mutants {
	struct s2_step_mutant mutant[S2_STEP_MUTANTS_MAX];
	size_t n;
	size_t n_left_out; /**< the first of them */
};

/** Finds them. @return 0; -E2BIG for more than there is room for; negative with @p err set */
S2_API int s2_step_mutants_find(const struct s2_features *features,
				const struct s2_flavour *flavour, struct s2_step_mutants *mutants,
				struct s2_error *err);

/** "dsb_ish@tlb:flush_vmid", or "isb/dsb_ish@tlb:flush_vmid": isb after dsb_ish; @return @p buf */
S2_API const char *s2_step_mutant_name(const struct s2_step_mutant *mutant, char *buf, size_t size);

/**
 * Lives with that mutant, or as it is for NULL; if anything broke and @p story, once
 * more for it.  @p judge has what was found: tell, story.
 */
S2_API int s2_step_mutant_run(const struct s2_features *features, const struct s2_flavour *flavour,
			      const struct s2_step_mutant *mutant, bool story,
			      struct s2_judge *judge, struct s2_error *err);

/** Why nothing is lost by it in that life, or NULL: then something should be. */
S2_API const char *s2_step_mutant_harmless(const struct s2_features *features,
					   const struct s2_flavour *flavour,
					   const struct s2_step_mutant *mutant);

#endif
