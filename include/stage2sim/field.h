/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Fields of 64-bit words, named by their masks.
 *
 * A register's or descriptor's layout is one list of masks; code reads and
 * writes fields with the two functions below and never shifts by hand.  A
 * mask must be one run of set bits (of none, all values are 0); for a constant
 * mask a compiler turns the division and the multiplication into shifts.
 */
#ifndef STAGE2SIM_FIELD_H
#define STAGE2SIM_FIELD_H

#include <stage2sim/types.h>

S2_BEGIN_DECLS

/** Bit @p n. */
#define S2_BIT(n) (UINT64_C(1) << (n))
/** Bits @p hi to @p lo, as the Arm ARM writes them. */
#define S2_BITS(hi, lo) (((UINT64_C(2) << ((hi) - (lo))) - 1U) << (lo))

/** The value in the field @p mask of @p word. */
static inline uint64_t s2_field_get(uint64_t word, uint64_t mask)
{
	return mask ? (word & mask) / (mask & (~mask + 1U)) : 0;
}

/** @p value put at the place of the field @p mask; what does not fit is cut off. */
static inline uint64_t s2_field_put(uint64_t value, uint64_t mask)
{
	return (value * (mask & (~mask + 1U))) & mask;
}

S2_END_DECLS

#endif
