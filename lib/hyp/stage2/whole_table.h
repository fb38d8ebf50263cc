/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A last-level table answered for as a whole, in place of 512 visits.
 *
 * Invariant: the table lies whole in the walk's range, and nobody sees single
 * instructions (no sink, no run limit): then only sums count, and what a
 * visitor does to each entry depends on no more than the table tells of all of
 * them.  `refs` is 1 + entries that are not empty; a table that is not `mixed`
 * has write-back leaves only.  Entered from walk.c, at one place.
 */
#ifndef S2_HYP_WHOLE_TABLE_H
#define S2_HYP_WHOLE_TABLE_H

#include "hyp/stage2/walk.h"

/**
 * What visits of all entries of @p table, at @p level, would do and count is
 * done, and the walk stands behind it; or nothing is.  @return which
 */
static inline bool s2_whole_table(struct s2_walk *walk, struct s2_table *table, int level)
{
	const struct s2_mmu *mmu = walk->mmu;
	const uint64_t size = mmu->table_mask + 1;

	if (!walk->walker->whole || level != S2_LAST_LEVEL || walk->cpu->observed ||
	    mmu->machine->run_limit != UINT64_MAX || mmu->plain)
		return false;
	if ((walk->addr & mmu->table_mask) || walk->end - walk->addr < size)
		return false;
	if (!walk->walker->whole(walk, table))
		return false;
	walk->addr += size;
	return true;
}

/* How walkers answer: struct s2_walker.whole. */
bool s2_whole_unmap(struct s2_walk *walk, struct s2_table *table);
bool s2_whole_free(struct s2_walk *walk, struct s2_table *table);
bool s2_whole_flush(struct s2_walk *walk, struct s2_table *table);
bool s2_whole_split(struct s2_walk *walk, struct s2_table *table);

#endif
