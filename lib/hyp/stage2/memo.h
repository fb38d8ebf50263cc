/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a call on one page costs, remembered.
 *
 * Mapping an empty entry of a table that is there issues the same instructions
 * every time, addresses apart; so does unmapping a page whose table keeps
 * others.  While nobody watches the instructions, the first such call runs the
 * algorithm and its counts are kept; the next ones change the entry and add
 * one to a tally.  Counts are expanded when they are read.
 *
 * That nobody watches and the registers are as they were is looked at once;
 * from then on the CPU's count of changes tells that it is so still.
 *
 * Not used with a sink, a run limit, or a watcher of flushes: those see every
 * call.  tests/hyp/stage2/test_memo.c holds both ways against each other.
 */
#ifndef S2_HYP_MEMO_H
#define S2_HYP_MEMO_H

#include <stage2sim/pgtable.h>

#include "hyp/stage2/mmu.h"

/** Whether calls on @p mmu from @p cpu may be tallied instead of run. */
static inline bool s2_memo_allowed(const struct s2_mmu *mmu, const struct s2_cpu *cpu)
{
	/* A user's own flush may issue something else each time. */
	return !cpu->observed && !mmu->on_flush && !mmu->flavour->flush_range_with &&
	       cpu->machine == mmu->machine && mmu->machine->run_limit == UINT64_MAX && mmu->root;
}

/** A last-level entry and its table. */
struct s2_entry {
	s2_pte *pte;
	struct s2_table *table;
};

/** Puts a last-level table that maps @p ipa in the index, if there is room. */
void s2_memo_index(struct s2_mmu *mmu, uint64_t ipa, struct s2_table *table);

/** Bytes of the index that are in use: of a place that no table ever had none is touched. */
uint64_t s2_memo_footprint(const struct s2_mmu *mmu);

/** @p table is unlinked: nothing may find it by IPA any more. */
static inline void s2_memo_forget_table(struct s2_mmu *mmu, struct s2_table *table)
{
	if (!table->indexed)
		return;
	mmu->index[table->indexed - 1] = NULL;
	table->indexed = 0;
}

/** All tables are gone, and with them what the memos could be used on. */
void s2_memo_forget_tables(struct s2_mmu *mmu);

/** Which of its table's entries that of @p ipa is. */
static inline uint64_t s2_memo_index_of(const struct s2_mmu *mmu, uint64_t ipa)
{
	return (ipa & mmu->table_mask) >> mmu->geo.page_shift;
}

/**
 * The last-level entry of @p ipa, if its table is in the index.  Pages of
 * 4 KiB only: with shifts by constants more calls fit in what a core looks
 * ahead past a cache miss.
 */
static inline bool s2_memo_peek(const struct s2_mmu *mmu, uint64_t ipa, struct s2_entry *e)
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
bool s2_memo_find(struct s2_mmu *mmu, uint64_t ipa, struct s2_entry *e);

/** Whether @p range is one page, and it and @p pa are where pages can be. */
static inline bool s2_memo_is_page(const struct s2_mmu *mmu, struct s2_range range, uint64_t pa)
{
	return range.size == mmu->page_size && !((range.ipa.v | pa) & mmu->not_pa);
}

/** Whether @p memo may be used on @p cpu: nothing has changed since s2_memo_trust(). */
static inline bool s2_memo_trusted(const struct s2_memo *memo, const struct s2_cpu *cpu)
{
	return memo->cpu == cpu && memo->settings == cpu->settings;
}

/** Looks closer whether @p memo, if it is known, holds on @p cpu as it stands. */
bool s2_memo_trust(struct s2_memo *memo, const struct s2_mmu *mmu, const struct s2_cpu *cpu);

/** Something other than the CPU's settings changes that the memos of @p mmu rest on. */
void s2_memo_distrust(struct s2_mmu *mmu);

/** Starts to learn a call, which the caller then runs. */
void s2_memo_begin(struct s2_memo *memo, const struct s2_cpu *cpu);
/** The call is over: its counts are those of @p key from now on. */
void s2_memo_end(struct s2_memo *memo, const struct s2_mmu *mmu, uint64_t key,
		 const struct s2_cpu *cpu);
/** Gives the tally back to the machine's counts. */
void s2_memo_fold(struct s2_memo *memo, struct s2_machine *m);

#endif
