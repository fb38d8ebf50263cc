/* SPDX-License-Identifier: MIT */
/*
 * Taking tables down: unmap, and freeing what nobody can reach any more.
 * Reads beside stage2_unmap_walker() and stage2_free_walker().
 */
#include "hyp/stage2/plain.h"
#include "hyp/stage2/put_off.h"
#include "hyp/stage2/table_index.h"
#include "hyp/stage2/walk.h"
#include "hyp/stage2/whole_table.h"

/* Whether all that is done about TLBs is done for the whole VMID, at the end. */
static bool spares_addresses(const struct s2_mmu *mmu)
{
	return mmu->unmap_how.tlbi == S2_UNMAP_TLBI_VMID ||
	       mmu->unmap_how.tlbi == S2_UNMAP_NEW_VMID;
}

static void put_entries(const struct s2_visit *v)
{
	v->table->refs = (uint16_t)(v->table->refs - v->n);
}

static int table_hint(const struct s2_walk *walk, const struct s2_visit *v)
{
	return walk->mmu->flavour->bug == S2_BUG_TABLE_LEAF_HINT ? v->level : S2_TTL_UNKNOWN;
}

/*
 * A table goes only when empty, and is flushed at once and without a hint: a
 * walk-cache entry of any level may lead to it (36e008323926, f62d4c3eb687).
 */
static int unmap_table(struct s2_walk *walk, const struct s2_visit *v)
{
	struct s2_table *child = s2_follow(walk->mmu, v->old);
	struct s2_put_off *put = walk->walker->arg;

	if (child->refs != 1)
		return 0;
	put->any = true;
	s2_visit_store(walk, v, 0, S2_MEM_PLAIN);
	put_entries(v);
	if (walk->mmu->unmap_how.skip_tlbi) {
		/* Freed with walk-cache entries about: right only if nothing can walk. */
		s2_walk_table_free(walk, child);
		return 0;
	}
	if (spares_addresses(walk->mmu)) {
		s2_put_off_table(put, walk, child);
		return 0;
	}
	if (walk->mmu->flavour->bug != S2_BUG_TABLE_DEFERRED)
		s2_flush_vmid_ipa(walk->mmu, walk->cpu, s2_ipa(v->addr), table_hint(walk, v));
	s2_walk_table_free(walk, child);
	return 0;
}

static int unmap_leaf(struct s2_walk *walk, const struct s2_visit *v)
{
	struct s2_mmu *mmu = walk->mmu;
	struct s2_put_off *put = walk->walker->arg;

	put->any = true;
	s2_visit_store(walk, v, 0, S2_MEM_PLAIN);
	if (!mmu->unmap_how.skip_tlbi && !s2_unmap_defer_tlb_flush(mmu))
		s2_flush_vmid_ipa_step(mmu, walk->cpu, s2_ipa(v->addr), v->level, s2_visit_step(v));
	put_entries(v);
	if (!s2_pte_cacheable(v->old, &mmu->fmt) || mmu->fmt.fwb || mmu->unmap_how.skip_cmo)
		return 0;
	/* After the TLBI, or the guest could bring lines back. */
	if (s2_unmap_defer_tlb_flush(mmu))
		return s2_put_off_clean(put, s2_visit_pa(walk, v).v, v->granule, v->n);
	s2_clean_dcache_guest_page(mmu, walk->cpu, s2_visit_pa(walk, v), v->granule,
				   s2_visit_step(v));
	return 0;
}

static int unmap_visit(struct s2_walk *walk, const struct s2_visit *v)
{
	if (!s2_pte_valid(v->old)) {
		if (s2_pte_is_counted(v->old)) {
			s2_visit_store(walk, v, 0, S2_MEM_PLAIN);
			put_entries(v);
		}
		return 0;
	}
	return v->kind == S2_WALK_TABLE_POST ? unmap_table(walk, v) : unmap_leaf(walk, v);
}

/* A new VMID is taken only for cause: numbers and kicks are dear. */
static void flush_unmapped(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range, bool any)
{
	if (mmu->unmap_how.tlbi == S2_UNMAP_NEW_VMID && !any)
		return;
	if (mmu->unmap_how.tlbi == S2_UNMAP_NEW_VMID && mmu->renew_vmid)
		mmu->renew_vmid(mmu->vm, cpu);
	else if (spares_addresses(mmu))
		s2_flush_vmid(mmu, cpu);
	else
		s2_flush_vmid_range(mmu, cpu, range);
}

/* kvm_pgtable_stage2_unmap() */
int s2_stage2_unmap(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	struct s2_put_off put = {.any = false};
	const struct s2_walker walker = {
		.visit = unmap_visit,
		.whole = s2_whole_unmap,
		.arg = &put,
		.flags = S2_WALK_LEAF | S2_WALK_TABLE_POST,
	};
	struct s2_walk walk = {.mmu = mmu, .cpu = cpu, .walker = &walker};
	int ret = s2_walk_check(mmu, cpu, range.ipa.v, range.size);

	if (ret)
		return ret;
	cpu->site = "stage2:unmap";
	ret = s2_walk(mmu, cpu, &walker, range.ipa.v, range.size);
	if (s2_unmap_defer_tlb_flush(mmu))
		flush_unmapped(mmu, cpu, range, put.any);
	s2_put_off_do(&put, &walk);
	return ret;
}

/* A walk in chunks comes to a table more than once. */
static bool frees_empty_only(const struct s2_flavour *f)
{
	return f->destroy == S2_DESTROY_PUT_EMPTY || f->teardown == S2_TEARDOWN_WALK_SPARSE;
}

/*
 * A table goes with what it holds, and the entry that leads to it stays: the next chunk
 * follows it.  Here it is that chunk's first read alone, for the page is really gone.
 */
static int free_live(struct s2_walk *walk, const struct s2_visit *v, struct s2_table *child)
{
	const uint64_t pa = child->pa;

	*v->ptep = 0;
	put_entries(v);
	s2_walk_table_free(walk, child);
	s2_pte_read(walk->cpu, pa, 0, 0);
	return 0;
}

/* stage2_free_walker(): references only; the walkers of hardware are gone. */
static int free_visit(struct s2_walk *walk, const struct s2_visit *v)
{
	struct s2_table *child;

	if (!s2_pte_is_counted(v->old))
		return 0;
	if (v->kind != S2_WALK_TABLE_POST) {
		put_entries(v);
		return 0;
	}
	child = s2_follow(walk->mmu, v->old);
	if (frees_empty_only(walk->mmu->flavour)) {
		if (child->refs != 1)
			return walk->mmu->flavour->bug == S2_BUG_DESTROY_LIVE ? free_live(walk, v, child)
									      : 0;
		s2_visit_store(walk, v, 0, S2_MEM_PLAIN);
	}
	put_entries(v);
	s2_walk_table_free(walk, child);
	return 0;
}

static const struct s2_walker free_walker = {
	.visit = free_visit,
	.whole = s2_whole_free,
	.flags = S2_WALK_LEAF | S2_WALK_TABLE_POST,
};

void s2_free_range(struct s2_mmu *mmu, struct s2_cpu *cpu, uint64_t start, uint64_t size)
{
	s2_walk(mmu, cpu, &free_walker, start, size);
}

void s2_put_unlinked(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_table *table, int level)
{
	s2_walk_subtree(mmu, cpu, &free_walker, table, level);
}

void s2_free_unlinked(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_table *table, int level)
{
	struct s2_walk walk = {.mmu = mmu, .cpu = cpu, .walker = &free_walker};

	const uint64_t pa = table->pa;

	s2_put_unlinked(mmu, cpu, table, level);
	s2_walk_table_free(&walk, table);
	if (mmu->flavour->bug == S2_BUG_FREE_TWICE)
		s2_table_event(cpu, S2_OP_TABLE_FREE, pa, mmu->page_size);
}

void s2_free_unlinked_later(struct s2_walk *walk, struct s2_table *table, int level)
{
	struct s2_mmu *mmu = walk->mmu;

	if (walk->cpu->observed)
		s2_gate_shares(walk->cpu, S2_SHARED_WALKERS);
	if (mmu->walkers <= 1) {
		s2_free_unlinked(mmu, walk->cpu, table, level);
		return;
	}
	/* Its place in the index is where the list has its link. */
	s2_index_forget_table(mmu, table);
	table->next_free = mmu->unlinked[level];
	mmu->unlinked[level] = s2_tablemem_number(mmu->dir, table->pa);
}

void s2_free_unlinked_now(struct s2_mmu *mmu, struct s2_cpu *cpu)
{
	for (int level = 0; level <= S2_LAST_LEVEL; level++) {
		while (mmu->unlinked[level]) {
			struct s2_table *table = s2_tablemem_table(
				mmu->dir, s2_tablemem_numbered(mmu->dir, mmu->unlinked[level]));

			if (cpu->observed)
				s2_gate_shares(cpu, S2_SHARED_WALKERS);
			mmu->unlinked[level] = table->next_free;
			table->indexed = 0;
			s2_free_unlinked(mmu, cpu, table, level);
		}
	}
}
