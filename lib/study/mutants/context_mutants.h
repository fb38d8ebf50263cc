/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Bugs of contexts as mutants.
 */
#ifndef S2_STUDY_CONTEXT_MUTANTS_H
#define S2_STUDY_CONTEXT_MUTANTS_H

#include "study/mutants/named.h"

/** Mutant @p index, from 0, of contexts. @return false past the last */
bool s2_context_mutant(size_t index, struct s2_mutant *out);

#endif
