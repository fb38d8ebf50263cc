/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What Python needs besides the library's public face: loops over arrays.
 *
 *     array of addresses --> one call of the library each --> sums, or the index at fault
 *
 * A call from Python costs as much as some hundred accesses of a guest; so the
 * loop is here.  Arrays come through the buffer protocol, not copied.
 */
#ifndef STAGE2SIM_PYTHON_NATIVE_H
#define STAGE2SIM_PYTHON_NATIVE_H

#include <stage2sim/stage2sim.h>

/** Accesses to be made in order. */
struct s2_many {
	const uint64_t *ipas; /**< an IPA each */
	const uint8_t *kinds; /**< enum s2_access each; NULL: all are of @p kind */
	size_t n;	      /**< how many */
	uint8_t kind;	      /**< enum s2_access, without kinds */
	uint64_t size;	      /**< bytes each, at least 1; s2_many_guest_access() needs none */
};

/** What became of them. */
struct s2_many_done {
	uint64_t done;	 /**< accesses made; the index of the one at fault after an error */
	uint64_t faults; /**< stage-2 faults taken */
	uint64_t hits;	 /**< found in a TLB; s2_many_guest_access() only */
};

/** s2_vcpu_access() for each. @return 0; the error that ended it, @p done telling where */
int s2_many_access(struct s2_vcpu *vcpu, const struct s2_many *many, struct s2_many_done *done);

/**
 * s2_vcpu_guest_access() for each, stage 1 off and write-back.
 * @param pas NULL, or room for n: where each went
 * @return as above
 */
int s2_many_guest_access(struct s2_vcpu *vcpu, struct s2_physics *p, const struct s2_many *many,
			 uint64_t *pas, struct s2_many_done *done);

#endif
