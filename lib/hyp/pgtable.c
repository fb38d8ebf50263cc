/* SPDX-License-Identifier: MIT */
/* Reading tables: look-up, and the whole tree's state for tests and reports. */
#include <stage2sim/pgtable.h>

#include <errno.h>
#include <string.h>

#include "hyp/walk.h"

int s2_pgtable_lookup(const struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa,
		      struct s2_leaf *leaf)
{
	const struct s2_geometry *geo = &mmu->geo;
	const struct s2_table *table;

	if (!mmu->root)
		return -EINVAL;
	if (ipa.v >= s2_ipa_limit(geo))
		return -ERANGE;
	table = &mmu->root[s2_root_index(geo, ipa)];
	for (int level = geo->start_level;; level++) {
		unsigned index = s2_level_index(geo, ipa, level);
		s2_pte pte = table->entries[index];

		if (cpu)
			s2_pte_read(cpu, table->pa + index * sizeof(pte), pte, 0);
		if (s2_pte_is_table(pte, level)) {
			table = s2_follow(mmu, pte);
			continue;
		}
		/* The walker reads a leaf again after its visit. */
		if (cpu)
			s2_pte_read(cpu, table->pa + index * sizeof(pte), pte, 0);
		leaf->pte = pte;
		leaf->level = level;
		leaf->pa.v = s2_pte_pa(pte, &mmu->fmt).v + (ipa.v & (s2_level_size(geo, level) - 1));
		return 0;
	}
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
