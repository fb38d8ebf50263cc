/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The hardware walker: from an IPA to a descriptor, over the real tables.
 *
 *   VTTBR --> root page(s) --> table --> ... --> leaf   checks, in this order:
 *                                                address size, valid, AF, permission
 *
 * It reads what the hypervisor's walkers wrote and changes one bit only: AF,
 * if VTCR_EL2.HA is set.  Stands for: Arm ARM D8.2 (walks), D8.4 (permissions),
 * D8.5 (access flag), the fault codes of ESR_EL2.ISS.DFSC.
 */
#ifndef S2_MACHINE_WALKER_H
#define S2_MACHINE_WALKER_H

#include <stage2sim/physics.h>

#include "machine/regime.h"
#include "machine/tablemem.h"

/** Where a walk starts, and then where it ended. */
struct s2_hw_walk {
	int level;	    /**< in: of the first table; out: of the last descriptor */
	struct s2_pa table; /**< in: the first table; out: the last one that was read */
	s2_pte pte;	    /**< out: the last descriptor read */
	unsigned reads;	    /**< out: descriptors read */
};

/** From the root. */
struct s2_hw_walk s2_hw_walk_begin(const struct s2_regime *regime, struct s2_ipa ipa);

/** One descriptor further. @return whether it points to another table. */
bool s2_hw_walk_step(const struct s2_tablemem *tables, const struct s2_regime *regime,
		     struct s2_ipa ipa, struct s2_hw_walk *walk, struct s2_fault *fault);

/** Whether the leaf @p pte at @p level lets @p access through; if not, @p fault says why. */
bool s2_hw_permits(const struct s2_regime *regime, s2_pte pte, int level,
		   const struct s2_guest_access *access, struct s2_fault *fault);

/** A whole walk, AF written where the regime lets the walker do so. @return no fault. */
bool s2_hw_walk_all(const struct s2_tablemem *tables, const struct s2_regime *regime,
		    const struct s2_guest_access *access, struct s2_hw_walk *walk,
		    struct s2_fault *fault);

/** Ends a walk at a leaf: AF and permissions. @return no fault. */
bool s2_hw_walk_end(const struct s2_tablemem *tables, const struct s2_regime *regime,
		    const struct s2_guest_access *access, struct s2_hw_walk *walk,
		    struct s2_fault *fault);

#endif
