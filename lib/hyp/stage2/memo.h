/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a call on one page costs, remembered.
 *
 * Mapping an empty entry of a table that is there issues the same instructions
 * every time, addresses apart; so does unmapping a page whose table keeps
 * others.  The first such call runs the algorithm and its counts are kept; the
 * next ones change the entry and add one to a tally.  Counts are expanded when
 * they are read.
 *
 * Invariant: a memo is used where nobody watches the instructions, or only sinks
 * which they leave as they are (machine/rest.h), and where all that they depend on
 * is as it was: the call's arguments and the kind of entry (its key), registers,
 * the vcpu loaded, VMIDs.  That is looked at once; from then on the CPU's count of
 * changes, and the machine's of what sinks are told, say that it is so still.
 *
 *     s2_memo_trusted(): as it was? --no--> s2_memo_trust(): look closer
 *            | yes                             | yes        | no
 *       write the entry, tally <---------------+      begin, run, end
 *
 * memo_map.c, memo_unmap.c and vm/fault_memo.c are the calls.
 */
#ifndef S2_HYP_MEMO_H
#define S2_HYP_MEMO_H

#include <stage2sim/pgtable.h>

#include "hyp/stage2/mmu.h"

/** Whether calls on @p mmu from @p cpu may be tallied instead of run. */
static inline bool s2_memo_allowed(const struct s2_mmu *mmu, const struct s2_cpu *cpu)
{
	/* A user's own flush may issue something else each time. */
	return !mmu->plain && (!cpu->observed || (cpu->machine->may_rest && mmu->pa_mask)) &&
	       !mmu->on_flush && !mmu->flavour->flush_range_with && cpu->machine == mmu->machine &&
	       mmu->machine->run_limit == UINT64_MAX && mmu->root;
}

/** Whether @p range is one page, and it and @p pa are where pages can be. */
static inline bool s2_memo_is_page(const struct s2_mmu *mmu, struct s2_range range, uint64_t pa)
{
	return range.size == mmu->page_size && !((range.ipa.v | pa) & mmu->not_pa);
}

/**
 * Whether @p memo may be used on @p cpu for the page at @p pa: nothing has changed since
 * s2_memo_trust().
 */
static inline bool s2_memo_trusted(const struct s2_memo *memo, const struct s2_cpu *cpu,
				   uint64_t pa)
{
	if (memo->cpu != cpu || memo->settings != cpu->settings)
		return false;
	/* With no sinks nobody has to be at rest; with a new one the settings are others. */
	return !cpu->observed || (memo->told == cpu->machine->told &&
				  pa - memo->rest.from < memo->rest.size);
}

/** Looks closer whether @p memo, if it is known, holds for a page as @p cpu stands. */
bool s2_memo_trust(struct s2_memo *memo, const struct s2_mmu *mmu, const struct s2_cpu *cpu,
		   uint64_t pa);

/** One more call by @p memo. */
static inline void s2_memo_tally(struct s2_memo *memo, struct s2_machine *m)
{
	memo->tally.n++;
	if (memo->insns)
		m->unseen += memo->insns;
}

/** Something other than the CPU's settings changes that the memos of @p mmu rest on. */
void s2_memo_distrust(struct s2_mmu *mmu);

/** Starts to learn a call on the page at @p pa, which the caller then runs. @return whether it can */
bool s2_memo_begin(struct s2_memo *memo, const struct s2_cpu *cpu, uint64_t pa);
/** The call is over: its counts are those of @p key from now on, if it left sinks as they were. */
void s2_memo_end(struct s2_memo *memo, const struct s2_mmu *mmu, uint64_t key,
		 const struct s2_cpu *cpu);
/** Gives the tally back to the machine's counts. */
void s2_memo_fold(struct s2_memo *memo, struct s2_machine *m);

#endif
