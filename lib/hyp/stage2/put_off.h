/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What an unmap that flushes once puts off until then.
 *
 *     entries cleared ... | one flush | memory cleaned | tables freed
 *
 * Cleaning must follow the TLBI, or the guest could bring lines back; a table
 * may be freed only when no CPU can have its entries cached.
 */
#ifndef S2_HYP_PUT_OFF_H
#define S2_HYP_PUT_OFF_H

#include "hyp/stage2/walk.h"

/** A run of leaves whose memory is cleaned after the flush. */
struct s2_put_off_run {
	uint64_t pa, granule, n;
};

/** What one unmap call has put off. */
struct s2_put_off {
	struct s2_put_off_run *runs;
	size_t n_runs, cap;
	uint32_t tables; /**< by number: unlinked, not freed: the VMID's flush comes first */
	bool any;	 /**< something was unmapped */
};

/**
 * stage2_unmap_defer_tlb_flush(): needs FWB, since CMOs must follow the TLBI.
 * The other policies that flush once put the CMOs off as well.
 */
static inline bool s2_unmap_defer_tlb_flush(const struct s2_mmu *mmu)
{
	if (mmu->unmap_how.skip_tlbi)
		return false;
	if (mmu->unmap_how.tlbi != S2_UNMAP_TLBI_LEAF)
		return true;
	return mmu->flavour->defer_unmap && mmu->fmt.fwb && s2_mmu_uses_range(mmu);
}

/** Memory of @p n leaves of @p granule from @p pa on is to be cleaned. @return 0, -ENOMEM */
int s2_put_off_clean(struct s2_put_off *put, uint64_t pa, uint64_t granule, uint64_t n);

/** The unlinked @p table is to be freed. */
void s2_put_off_table(struct s2_put_off *put, struct s2_walk *walk, struct s2_table *table);

/** The flush is done: cleans, and frees, and forgets. */
void s2_put_off_do(struct s2_put_off *put, struct s2_walk *walk);

#endif
