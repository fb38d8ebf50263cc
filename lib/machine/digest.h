/* SPDX-License-Identifier: MIT */
/**
 * @file
 * 128 bits that stand for a state: words folded in, and sets of such whose order does
 * not matter.
 */
#ifndef S2_MACHINE_DIGEST_H
#define S2_MACHINE_DIGEST_H

#include <stdint.h>

/** A digest; it begins as zero. */
struct s2_digest {
	uint64_t a, b;
};

/** Folds @p v in; the order of calls matters. */
static inline void s2_digest_fold(struct s2_digest *d, uint64_t v)
{
	d->a = (d->a ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	d->a ^= d->a >> 32;
	d->b = (d->b ^ v) * UINT64_C(0xc2b2ae3d27d4eb4f);
	d->b ^= d->b >> 29;
}

/** Adds one member of a set; the order of calls does not matter. */
static inline void s2_digest_add(struct s2_digest *sum, struct s2_digest member)
{
	sum->a += member.a;
	sum->b += member.b;
}

#endif
