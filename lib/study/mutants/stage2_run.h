/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A mutant of stage 2 is run: a life on its machine, under the oracle.
 */
#ifndef S2_STUDY_STAGE2_RUN_H
#define S2_STUDY_STAGE2_RUN_H

#include "study/mutants/named.h"

/** As struct s2_mutant's run. */
int s2_stage2_mutant_run(const struct s2_mutant *mutant, bool mended, struct s2_mutant_found *found,
			 struct s2_error *err);

#endif
