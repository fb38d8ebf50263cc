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
 * Not used with a sink, a run limit, or a watcher of flushes: those see every
 * call.  tests/hyp/test_memo.c holds both ways against each other.
 */
#ifndef S2_HYP_MEMO_H
#define S2_HYP_MEMO_H

#include "hyp/mmu.h"

/** Whether calls on @p mmu from @p cpu may be tallied instead of run. */
static inline bool s2_memo_allowed(const struct s2_mmu *mmu, const struct s2_cpu *cpu)
{
	/* A user's own flush may issue something else each time. */
	return !cpu->observed && !mmu->on_flush && !mmu->flavour->flush_range_with && cpu->machine == mmu->machine &&
	       mmu->machine->run_limit == UINT64_MAX && mmu->root;
}

/** A last-level entry and its table, NULL if there is no such table. */
struct s2_entry {
	s2_pte *pte;
	struct s2_table *table;
};

/** Goes down to the last-level table of @p ipa and puts it in the index, if there is room. */
bool s2_memo_descend(struct s2_mmu *mmu, uint64_t ipa, struct s2_indexed *found);

/** Puts a last-level table that maps @p ipa in the index, if there is room. */
void s2_memo_index(struct s2_mmu *mmu, uint64_t ipa, struct s2_table *table);

/** The last-level entry of @p ipa; its table is NULL if there is none. */
static inline struct s2_entry s2_memo_entry(struct s2_mmu *mmu, uint64_t ipa)
{
	const uint64_t at = ipa >> mmu->table_shift;
	struct s2_indexed found = {NULL, NULL};
	struct s2_entry e = {NULL, NULL};

	if (at < mmu->index_len)
		found = mmu->index[at];
	if (!found.table && !s2_memo_descend(mmu, ipa, &found))
		return e;
	e.table = found.table;
	e.pte = &found.entries[(ipa >> mmu->geo.page_shift) & (s2_table_entries(&mmu->geo) - 1U)];
	return e;
}

/** Whether @p memo knows a call of this key on @p cpu as it stands. */
static inline bool s2_memo_knows(const struct s2_memo *memo, uint64_t key, const struct s2_cpu *cpu)
{
	return memo->known && memo->key == key && memo->vcpu_vttbr == cpu->vcpu_vttbr &&
	       memo->vttbr == cpu->sysreg[S2_SYSREG_VTTBR_EL2] &&
	       memo->hcr == cpu->sysreg[S2_SYSREG_HCR_EL2];
}

/** Starts to learn a call, which the caller then runs. */
void s2_memo_begin(struct s2_memo *memo, const struct s2_cpu *cpu);
/** The call is over: its counts are those of @p key from now on. */
void s2_memo_end(struct s2_memo *memo, uint64_t key, const struct s2_cpu *cpu);
/** Gives the tally back to the machine's counts. */
void s2_memo_fold(struct s2_memo *memo, struct s2_machine *m);

#endif
