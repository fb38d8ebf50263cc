/* SPDX-License-Identifier: MIT */
/*
 * Unmapping a page whose table keeps others (memo.h).  What such an unmap
 * issues depends on how it is done and on the kind of the leaf: its key.
 */
#include <stage2sim/pgtable.h>

#include "hyp/stage2/memo.h"
#include "hyp/stage2/plain.h"
#include "hyp/stage2/table_index.h"

/* What the counts of an unmap depend on: what is mapped, and how it is unmapped. */
static inline uint64_t unmap_key(const struct s2_mmu *mmu, s2_pte pte)
{
	return mmu->unmap_key | (pte & (S2_PTE_VALID | S2_PTE_AF | S2_PTE_MEMATTR_MASK));
}

/* A page that shares its table: only the entry has to be written. */
static inline bool unmap_entry(struct s2_mmu *mmu, struct s2_entry e)
{
	if (e.table->refs <= 2 || unmap_key(mmu, *e.pte) != mmu->unmap_memo.key)
		return false;
	*e.pte = 0;
	e.table->refs--;
	s2_memo_tally(&mmu->unmap_memo, mmu->machine);
	return true;
}

static inline bool unmap_by_memo(struct s2_mmu *mmu, const struct s2_cpu *cpu,
				 struct s2_range range)
{
	struct s2_entry e;

	return s2_memo_is_page(mmu, range, 0) && s2_index_peek(mmu, range.ipa.v, &e) &&
	       s2_memo_trusted(&mmu->unmap_memo, cpu, *e.pte & mmu->pa_mask) &&
	       unmap_entry(mmu, e);
}

/* The same, looking closer; else it may be a call to @learn from. */
static bool unmap_by_closer_look(struct s2_mmu *mmu, const struct s2_cpu *cpu,
				 struct s2_range range, uint64_t *key, uint64_t *pa, bool *learn)
{
	struct s2_entry e;

	*learn = false;
	/* A number is there once; the next call's rollover is another's. */
	if (mmu->unmap_how.tlbi == S2_UNMAP_NEW_VMID)
		return false;
	if (!s2_memo_is_page(mmu, range, 0) || !s2_memo_allowed(mmu, cpu) ||
	    !s2_index_find(mmu, range.ipa.v, &e) || e.table->refs <= 2 || !s2_pte_valid(*e.pte))
		return false;
	*key = unmap_key(mmu, *e.pte);
	*pa = s2_pte_pa(*e.pte, &mmu->fmt).v;
	*learn = mmu->unmap_memo.key != *key ||
		 !s2_memo_trust(&mmu->unmap_memo, mmu, cpu, *pa);
	return !*learn && unmap_entry(mmu, e);
}

static S2_SLOW int unmap_or_learn(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	uint64_t key = 0, pa = 0;
	bool learn;
	int ret;

	if (unmap_by_closer_look(mmu, cpu, range, &key, &pa, &learn))
		return 0;
	learn = learn && s2_memo_begin(&mmu->unmap_memo, cpu, pa);
	ret = s2_stage2_unmap(mmu, cpu, range);
	if (learn && !ret)
		s2_memo_end(&mmu->unmap_memo, mmu, key, cpu);
	return ret;
}

int s2_pgtable_unmap(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	return unmap_by_memo(mmu, cpu, range) ? 0 : unmap_or_learn(mmu, cpu, range);
}
