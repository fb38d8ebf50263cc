/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What `--machine help` prints: each preset with what it has, and whose word that is.
 */
#ifndef STAGE2SIM_STUDY_MACHINE_HELP_H
#define STAGE2SIM_STUDY_MACHINE_HELP_H

#include <stage2sim/features.h>

#include <stdio.h>

S2_API void s2_machine_help(FILE *out);

#endif
