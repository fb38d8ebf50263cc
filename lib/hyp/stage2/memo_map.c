/* SPDX-License-Identifier: MIT */
/*
 * Mapping a page at an empty entry of a table that is there (memo.h).  What
 * such a map issues depends on its permissions and flags: its key.
 */
#include <stage2sim/pgtable.h>

#include "hyp/stage2/memo.h"
#include "hyp/stage2/plain.h"
#include "hyp/stage2/table_index.h"

static uint64_t map_key(unsigned prot, unsigned flags)
{
	return (uint64_t)flags << 32 | prot;
}

/* An entry that is empty, in a table that is there: only the entry has to be written. */
static inline bool map_entry(struct s2_mmu *mmu, struct s2_entry e, uint64_t pa)
{
	if (*e.pte)
		return false;
	*e.pte = mmu->map_attr | pa;
	e.table->refs++;
	s2_memo_tally(&mmu->map_memo, mmu->machine);
	return true;
}

static inline bool map_by_memo(struct s2_mmu *mmu, const struct s2_cpu *cpu, struct s2_range range,
			       uint64_t pa, uint64_t key)
{
	struct s2_entry e;

	return mmu->map_memo.key == key && s2_memo_trusted(&mmu->map_memo, cpu, pa) &&
	       s2_memo_is_page(mmu, range, pa) && s2_index_peek(mmu, range.ipa.v, &e) &&
	       map_entry(mmu, e, pa);
}

/* The same, looking closer; else it may be a call to @learn from. */
static bool map_by_closer_look(struct s2_mmu *mmu, const struct s2_cpu *cpu, struct s2_range range,
			       uint64_t pa, uint64_t key, bool *learn)
{
	struct s2_entry e;

	*learn = false;
	if (!s2_memo_is_page(mmu, range, pa) || !s2_memo_allowed(mmu, cpu) ||
	    !s2_index_find(mmu, range.ipa.v, &e) || *e.pte)
		return false;
	*learn = mmu->map_memo.key != key || !s2_memo_trust(&mmu->map_memo, mmu, cpu, pa);
	return !*learn && map_entry(mmu, e, pa);
}

/* Keeps the attributes of what was just mapped, so that the next entry can be composed. */
static void learn_map(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range, uint64_t key)
{
	struct s2_entry e;

	if (!s2_index_find(mmu, range.ipa.v, &e))
		return;
	mmu->map_attr = *e.pte & ~mmu->pa_mask;
	/* A table that must be told apart from others cannot be written past make_pte(). */
	if (!e.table->mixed)
		s2_memo_end(&mmu->map_memo, mmu, key, cpu);
}

static S2_SLOW int map_or_learn(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range,
				struct s2_pa pa, unsigned prot, struct s2_memcache *mc,
				unsigned flags)
{
	const uint64_t key = map_key(prot, flags);
	bool learn;
	int ret;

	if (map_by_closer_look(mmu, cpu, range, pa.v, key, &learn))
		return 0;
	learn = learn && s2_memo_begin(&mmu->map_memo, cpu, pa.v);
	ret = s2_stage2_map(mmu, cpu, range, pa, prot, mc, flags);
	if (learn && !ret)
		learn_map(mmu, cpu, range, key);
	return ret;
}

int s2_pgtable_map(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range, struct s2_pa pa,
		   unsigned prot, struct s2_memcache *mc, unsigned flags)
{
	if (map_by_memo(mmu, cpu, range, pa.v, map_key(prot, flags)))
		return 0;
	return map_or_learn(mmu, cpu, range, pa, prot, mc, flags);
}
