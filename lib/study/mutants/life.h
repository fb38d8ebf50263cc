/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A life in which everything happens once: what mutants are tried on.
 *
 *     boot, faults | dirty log, split, collapse | aging | unmaps | a reset | the end
 *     then VMs enough, one after another, for VMIDs to come round
 *
 * Memory is 8 MiB in blocks of 2 MiB; two vcpus, a CPU each, and a third CPU for the
 * VMM.  Guests write past their caches before they turn them on, and rely on what
 * upstream's toggles give.
 */
#ifndef STAGE2SIM_STUDY_LIFE_H
#define STAGE2SIM_STUDY_LIFE_H

#include <stage2sim/vm.h>

#include "study/work/judge.h"

/** Lives it, watched by @p judge. @return 0 or negative, @p err then set */
S2_API int s2_life_run(const struct s2_features *features, const struct s2_flavour *flavour,
		       struct s2_judge *judge, struct s2_error *err);

#endif
