/* SPDX-License-Identifier: MIT */
/**
 * @file
 * --machine and --flavour: what their texts mean, and what `--machine help` prints,
 * each preset with what it has and whose word that is.
 */
#ifndef STAGE2SIM_STUDY_MACHINE_H
#define STAGE2SIM_STUDY_MACHINE_H

#include <stage2sim/features.h>
#include <stage2sim/flavour.h>

#include "study/base/error.h"

/** A preset and changes, "max,-fwb". @return 0; or negative with @p err saying which word is wrong */
S2_API int s2_machine_parse(const char *spec, struct s2_features *features, struct s2_error *err);

/** A kernel's algorithms and changes, "newest,repeat=each". @return as s2_machine_parse() */
S2_API int s2_machine_flavour(const char *spec, struct s2_flavour *flavour, struct s2_error *err);

S2_API void s2_machine_help(FILE *out);

#endif
