/* SPDX-License-Identifier: MIT */
#include "hyp/stage2/table_index.h"

#include <stdlib.h>

/* Entries of the index at most: 2 TiB of guest in 2 MiB tables, 8 MiB of host memory if full. */
#define INDEX_MAX (UINT64_C(1) << 20)

/* A VM with fewer tables than this finds them quickly enough without. */
#define INDEX_FROM_BYTES (UINT64_C(32) << 10)

static void make_index(struct s2_mmu *mmu)
{
	uint64_t len = UINT64_C(1) << (mmu->geo.ipa_bits - mmu->table_shift);
	uint64_t live, held;

	s2_tablemem_usage(mmu->machine->tables, &live, &held);
	if (live < INDEX_FROM_BYTES)
		return;
	if (len > INDEX_MAX)
		len = INDEX_MAX;
	/* Without memory for it look-ups go down the tables, which is only slower. */
	mmu->index = calloc((size_t)len, sizeof(struct s2_table *));
	if (!mmu->index)
		return;
	mmu->index_len = len;
	mmu->index_len_4k = mmu->geo.page_shift == S2_GRANULE_4K ? len : 0;
}

void s2_index_table(struct s2_mmu *mmu, uint64_t ipa, struct s2_table *table)
{
	uint64_t at = ipa >> mmu->table_shift;

	if (mmu->plain)
		return;
	if (!mmu->index_len)
		make_index(mmu);
	if (at >= mmu->index_len || !mmu->pa_mask)
		return;
	mmu->index[at] = table;
	table->indexed = (uint32_t)at + 1;
}

/* The PA of the last-level table of @ipa by the tables above it; 0 if there is none. */
static uint64_t find_table(const struct s2_mmu *mmu, uint64_t ipa)
{
	const unsigned bits = mmu->geo.page_shift - 3U;
	unsigned shift = s2_level_shift(&mmu->geo, mmu->geo.start_level);
	s2_pte pte;

	if (!mmu->pa_mask || ipa >> mmu->geo.ipa_bits)
		return 0;
	/* Root pages are adjacent, so they are one table here. */
	pte = mmu->root->entries[ipa >> shift];
	while (shift > mmu->table_shift && s2_pte_is_table(pte, 0)) {
		const s2_pte *entries = s2_tablemem_entries(mmu->dir, pte & mmu->pa_mask);

		shift -= bits;
		pte = entries[(ipa >> shift) & ((UINT64_C(1) << bits) - 1)];
	}
	return s2_pte_is_table(pte, 0) ? pte & mmu->pa_mask : 0;
}

bool s2_index_find(struct s2_mmu *mmu, uint64_t ipa, struct s2_entry *e)
{
	const uint64_t at = ipa >> mmu->table_shift;

	e->table = at < mmu->index_len ? mmu->index[at] : NULL;
	if (!e->table) {
		const uint64_t pa = find_table(mmu, ipa);

		if (!pa)
			return false;
		e->table = s2_tablemem_table(mmu->dir, pa);
		s2_index_table(mmu, ipa, e->table);
	}
	e->pte = &e->table->entries[(ipa & mmu->table_mask) >> mmu->geo.page_shift];
	return true;
}

uint64_t s2_index_footprint(const struct s2_mmu *mmu)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < mmu->index_len; i++)
		n += mmu->index[i] != NULL;
	return n * sizeof(struct s2_table *);
}

void s2_index_free(struct s2_mmu *mmu)
{
	free(mmu->index);
	mmu->index = NULL;
	mmu->index_len = 0;
	mmu->index_len_4k = 0;
}
