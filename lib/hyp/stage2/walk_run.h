/* SPDX-License-Identifier: MIT */
/**
 * @file
 * How many adjacent entries one visit stands for (walk.h): what makes an event
 * of a run, and a walk of a million entries short.
 *
 * Invariant: a visitor issues the same for each of a run, operands advancing
 * by one entry, and leaves entries that do so too; where that ends its own
 * run() says.  With a run limit of 1 the same is visited entry by entry.
 */
#ifndef S2_HYP_WALK_RUN_H
#define S2_HYP_WALK_RUN_H

#include "hyp/stage2/walk.h"

/** Entries from @p v on that differ from it by their position only, at most @p max. */
uint64_t s2_affine_run(const struct s2_visit *v, uint64_t max);

/** The run from @p v on, of at most the @p in_table entries that its table has left. */
static inline uint64_t s2_run_length(const struct s2_walk *walk, const struct s2_visit *v,
				     uint64_t in_table)
{
	uint64_t max = (walk->end - v->addr + v->granule - 1) / v->granule;

	if (v->addr & (v->granule - 1))
		return 1;
	if (max > in_table)
		max = in_table;
	if (max > walk->mmu->machine->run_limit)
		max = walk->mmu->machine->run_limit;
	if (max > 1 && walk->walker->run)
		max = walk->walker->run(walk, v, max);
	/* A table that nothing refers to has only empty entries: they need not be read. */
	if (!v->old && v->table->refs == 1 && !walk->mmu->plain)
		return max;
	return max > 1 ? s2_affine_run(v, max) : 1;
}

#endif
