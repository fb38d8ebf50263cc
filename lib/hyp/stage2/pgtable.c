/* SPDX-License-Identifier: MIT */
/* Reading tables: look-up, and the whole tree's state for tests and reports. */
#include <stage2sim/pgtable.h>

#include <errno.h>
#include <string.h>

#include "hyp/stage2/table_index.h"
#include "hyp/stage2/walk.h"

/* Down from the root without counting: what the look-ups of tests and guests are. */
static inline s2_pte peek(const struct s2_mmu *mmu, uint64_t ipa, int *level)
{
	const struct s2_slab_directory *dir = s2_tablemem_directory(mmu->machine->tables);
	const unsigned bits = mmu->geo.page_shift - 3U;
	unsigned shift = s2_level_shift(&mmu->geo, mmu->geo.start_level);
	/* Root pages are adjacent, so they are one table here. */
	s2_pte pte = mmu->root->entries[ipa >> shift];

	*level = mmu->geo.start_level;
	while (s2_pte_is_table(pte, *level)) {
		const s2_pte *entries = s2_tablemem_entries(
			dir, mmu->pa_mask ? pte & mmu->pa_mask : s2_pte_pa(pte, &mmu->fmt).v);

		shift -= bits;
		pte = entries[(ipa >> shift) & ((UINT64_C(1) << bits) - 1)];
		++*level;
	}
	return pte;
}

/* The same reads, counted. */
static void count_lookup(const struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa, int last)
{
	const struct s2_table *table = &mmu->root[s2_root_index(&mmu->geo, ipa)];

	for (int level = mmu->geo.start_level;; level++) {
		unsigned index = s2_level_index(&mmu->geo, ipa, level);
		s2_pte pte = table->entries[index];

		s2_pte_read(cpu, table->pa + index * sizeof(pte), pte, 0);
		if (level == last) {
			/* leaf_walker(), and the walker again after that visit. */
			for (uint64_t n = s2_reads_per_leaf(mmu); n > 1; n--)
				s2_pte_read(cpu, table->pa + index * sizeof(pte), pte, 0);
			return;
		}
		table = s2_follow(mmu, pte);
	}
}

static S2_SLOW int lookup_by_walk(const struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa,
				  struct s2_leaf *leaf)
{
	uint64_t pa;

	if (!mmu->root || (cpu && cpu->machine != mmu->machine))
		return -EINVAL;
	if (ipa.v >> mmu->geo.ipa_bits)
		return -ERANGE;
	leaf->pte = peek(mmu, ipa.v, &leaf->level);
	if (cpu)
		count_lookup(mmu, cpu, ipa, leaf->level);
	pa = mmu->pa_mask ? leaf->pte & mmu->pa_mask : s2_pte_pa(leaf->pte, &mmu->fmt).v;
	leaf->pa.v = pa + (ipa.v & (s2_level_size(&mmu->geo, leaf->level) - 1));
	return 0;
}

int s2_pgtable_lookup(const struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa,
		      struct s2_leaf *leaf)
{
	struct s2_entry e;

	/*
	 * What this finds is in range, and a page of 4 KiB or nothing; reads that
	 * count are walked.
	 */
	if (cpu || !s2_index_peek(mmu, ipa.v, &e))
		return lookup_by_walk(mmu, cpu, ipa, leaf);
	leaf->pte = *e.pte;
	leaf->level = S2_LAST_LEVEL;
	leaf->pa.v = (leaf->pte & mmu->pa_mask) | (ipa.v & 0xfff);
	return 0;
}

static void count_table(const struct s2_mmu *mmu, const struct s2_table *table, int level,
			struct s2_pgtable_state *state)
{
	state->table_pages++;
	for (unsigned i = 0; i < s2_table_entries(&mmu->geo); i++) {
		s2_pte pte = table->entries[i];

		if (s2_pte_is_table(pte, level)) {
			state->table_entries++;
			count_table(mmu, s2_follow(mmu, pte), level + 1, state);
		} else if (s2_pte_valid(pte)) {
			state->leaves[level]++;
		} else if (s2_pte_is_counted(pte)) {
			state->invalid_counted++;
		}
	}
}

void s2_pgtable_state(const struct s2_mmu *mmu, struct s2_pgtable_state *state)
{
	memset(state, 0, sizeof(*state));
	if (!mmu->root)
		return;
	for (unsigned i = 0; i < mmu->geo.root_pages; i++)
		count_table(mmu, &mmu->root[i], mmu->geo.start_level, state);
}
