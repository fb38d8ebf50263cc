/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The last-level table of an IPA without a walk: one load in place of three.
 *
 *     index[ipa >> table_shift] --> last-level table, or NULL: not known here
 *
 * Invariant: what the index holds is reachable from the root, at that IPA.  A
 * table enters when it is linked, or when a look-up has met it; it leaves when
 * it is unlinked, before anything else can be asked.  What it does not hold
 * must be looked for in the tables.  A VM of few tables has none.
 */
#ifndef S2_HYP_TABLE_INDEX_H
#define S2_HYP_TABLE_INDEX_H

#include "hyp/stage2/mmu.h"

/** A last-level entry and its table. */
struct s2_entry {
	s2_pte *pte;
	struct s2_table *table;
};

/** The last-level @p table of @p ipa is linked: it enters, if there is room. */
void s2_index_table(struct s2_mmu *mmu, uint64_t ipa, struct s2_table *table);

/** Bytes of the index that are in use: of a place that no table ever had none is touched. */
uint64_t s2_index_footprint(const struct s2_mmu *mmu);

/** @p table is unlinked: nothing may find it by IPA any more. */
static inline void s2_index_forget_table(struct s2_mmu *mmu, struct s2_table *table)
{
	if (!table->indexed)
		return;
	mmu->index[table->indexed - 1] = NULL;
	table->indexed = 0;
}

/** All tables are gone, and the index with them. */
void s2_index_free(struct s2_mmu *mmu);

/**
 * The last-level entry of @p ipa, if its table is in the index.  Pages of
 * 4 KiB only: with shifts by constants more calls fit in what a core looks
 * ahead past a cache miss.
 */
static inline bool s2_index_peek(const struct s2_mmu *mmu, uint64_t ipa, struct s2_entry *e)
{
	const uint64_t at = ipa >> 21;

	if (at >= mmu->index_len_4k || !mmu->index[at])
		return false;
	e->table = mmu->index[at];
	e->pte = &e->table->entries[(ipa >> 12) & 511];
	return true;
}

/**
 * The last-level entry of @p ipa by the index or down the tables; then the
 * table is put in the index, if there is room.  @return whether it has a table
 */
bool s2_index_find(struct s2_mmu *mmu, uint64_t ipa, struct s2_entry *e);

#endif
