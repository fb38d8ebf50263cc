/* SPDX-License-Identifier: MIT */
#include "hyp/stage2/whole_table.h"

#include "hyp/stage2/put_off.h"

static void count_reads(struct s2_walk *walk)
{
	walk->cpu->count[S2_OP_PTE_READ] +=
		s2_reads_per_leaf(walk->mmu) * s2_table_entries(&walk->mmu->geo);
}

/*
 * The page itself is not cleared: it is freed by the visit after this, and
 * zeroed when reused.  Cleaning that would follow a deferred flush is counted
 * here and now: nobody watches the order.
 */
bool s2_whole_unmap(struct s2_walk *walk, struct s2_table *table)
{
	struct s2_mmu *mmu = walk->mmu;
	uint64_t page = s2_page_size(&mmu->geo);
	uint64_t n = table->refs - 1U;

	if (table->mixed || mmu->on_flush)
		return false;
	count_reads(walk);
	table->refs = 1;
	if (!n)
		return true;
	s2_run_begin(walk->cpu, n);
	s2_pte_write(walk->cpu, table->pa, 0, 0, S2_MEM_PLAIN);
	if (!mmu->unmap_how.skip_tlbi && !s2_unmap_defer_tlb_flush(mmu))
		s2_flush_vmid_ipa_step(mmu, walk->cpu, s2_ipa(walk->addr), S2_LAST_LEVEL, page);
	if (!mmu->unmap_how.skip_cmo)
		s2_clean_dcache_guest_page(mmu, walk->cpu, s2_pa(0), page, page);
	s2_run_end(walk->cpu);
	return true;
}

/* References alone: what an entry holds makes no difference. */
bool s2_whole_free(struct s2_walk *walk, struct s2_table *table)
{
	count_reads(walk);
	table->refs = 1;
	return true;
}

/* Every leaf is write-back and is cleaned, wherever it points. */
bool s2_whole_flush(struct s2_walk *walk, struct s2_table *table)
{
	uint64_t n = table->refs - 1U, page = s2_page_size(&walk->mmu->geo);

	if (table->mixed)
		return false;
	count_reads(walk);
	if (!n)
		return true;
	s2_run_begin(walk->cpu, n);
	s2_clean_dcache_guest_page(walk->mmu, walk->cpu, s2_pa(0), page, page);
	s2_run_end(walk->cpu);
	return true;
}

/* Pages are looked at and left alone, whatever they are. */
bool s2_whole_split(struct s2_walk *walk, struct s2_table *table)
{
	(void)table;
	count_reads(walk);
	return true;
}
