/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What is lost when an instruction is left out: each that the hypervisor issues,
 * step by step (an operation at a site of the code), in the life of life.h.
 *
 *     a life, watched --> its steps --> the same life without one of them --> what broke first
 */
#ifndef STAGE2SIM_STUDY_MUTANTS_H
#define STAGE2SIM_STUDY_MUTANTS_H

#include "study/work/life.h"

/** A step that may be left out. */
struct s2_mutant {
	enum s2_op op;
	const char *site; /**< kept by pointer: the code's own */
	uint64_t n;	  /**< instructions, or runs of them, in the life */
};

#define S2_MUTANTS_MAX 128

/** All steps of a life, in order of their first. */
struct s2_mutants {
	struct s2_mutant mutant[S2_MUTANTS_MAX];
	size_t n;
};

/** Finds them. @return 0; -E2BIG for more than there is room for; negative with @p err set */
S2_API int s2_mutants_find(const struct s2_features *features, const struct s2_flavour *flavour,
			   struct s2_mutants *mutants, struct s2_error *err);

/**
 * Lives without one, or with all of them for NULL; with more lives, if anything broke
 * and judge->brief is not set, for the story.  @p judge has what was found: tell, story.
 */
S2_API int s2_mutant_run(const struct s2_features *features, const struct s2_flavour *flavour,
			 const struct s2_mutant *mutant, struct s2_judge *judge,
			 struct s2_error *err);

/** Why nothing is lost without it in that life, or NULL: then something should be. */
S2_API const char *s2_mutant_harmless(const struct s2_features *features,
				      const struct s2_flavour *flavour,
				      const struct s2_mutant *mutant);

#endif
