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

/** What is lived. */
enum s2_life_kind {
	S2_LIFE_ALL,	    /**< everything, and VMs enough after it for VMIDs to come round */
	S2_LIFE_VM,	    /**< everything that happens to one VM */
	S2_LIFE_DETACH,	    /**< pages are touched by both vcpus, and one is taken away */
	S2_LIFE_UNMAP,	    /**< pages are touched by both vcpus, and all are taken away */
	S2_LIFE_MIXED,	    /**< a vcpu with its caches on maps what one with them off reads */
	S2_LIFE_RESET,	    /**< one vcpu boots, is reset, and boots again */
	S2_LIFE_OFF,	    /**< one vcpu writes, and turns its caches off */
	S2_LIFE_SET_WAY,    /**< one vcpu writes, and cleans by set and way */
	S2_LIFE_HOLES,	    /**< dirty logging of a slot that is mapped but for a page */
	S2_LIFE_LOG,	    /**< a dirty log whose pages are written, got and written again */
	S2_LIFE_SPLIT,	    /**< dirty logging that splits blocks at its start */
	S2_LIFE_WIDE,	    /**< memory on both sides of a GiB, torn down */
	S2_LIFE_BIG,	    /**< dirty logging of 8 GiB, which one range operation names */
	S2_LIFE_BOOT_LEFT,  /**< a host that booted before has left translations in TLBs */
	S2_LIFE_ROLLOVER,   /**< VMIDs come round while vcpus run */
	S2_LIFE_KINDS,	    /**< how many there are */
};

/** What a kind of life is, in words, or NULL. */
S2_API const char *s2_life_about(enum s2_life_kind kind);

/**
 * Lives it, watched by @p judge.  Pages are of 4 KiB, but for DETACH of any size.
 * @return 0 or negative, @p err then set
 */
S2_API int s2_life_run(enum s2_life_kind kind, const struct s2_features *features, const struct s2_flavour *flavour,
		       struct s2_judge *judge, struct s2_error *err);

#endif
