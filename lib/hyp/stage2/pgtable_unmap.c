/* SPDX-License-Identifier: MIT */
/*
 * Taking tables down: unmap, and freeing what nobody can reach any more.
 * Reads beside stage2_unmap_walker() and stage2_free_walker().
 */
#include <stage2sim/pgtable.h>

#include <errno.h>
#include <stdlib.h>

#include "hyp/stage2/memo.h"
#include "hyp/stage2/walk.h"

/*
 * stage2_unmap_defer_tlb_flush(): needs FWB, since CMOs must follow the TLBI.
 * The other policies that flush once put the CMOs off as well.
 */
static bool defer_tlb_flush(const struct s2_mmu *mmu)
{
	if (mmu->unmap_how.skip_tlbi)
		return false;
	if (mmu->unmap_how.tlbi != S2_UNMAP_TLBI_LEAF)
		return true;
	return mmu->flavour->defer_unmap && mmu->fmt.fwb && s2_mmu_uses_range(mmu);
}

/* A run of leaves whose memory is cleaned after the flush. */
struct put_off_run {
	uint64_t pa, granule, n;
};

/* What one unmap call has put off until its flush. */
struct put_off {
	struct put_off_run *runs;
	size_t n_runs, cap;
	uint32_t tables; /* by number: unlinked, not freed: the VMID's flush comes first */
	bool any;	 /* something was unmapped */
};

static int put_off_clean(struct put_off *put, uint64_t pa, uint64_t granule, uint64_t n)
{
	if (put->n_runs == put->cap) {
		size_t cap = put->cap ? 2 * put->cap : 64;
		struct put_off_run *runs = realloc(put->runs, cap * sizeof(*runs));

		if (!runs)
			return -ENOMEM;
		put->runs = runs;
		put->cap = cap;
	}
	put->runs[put->n_runs].pa = pa;
	put->runs[put->n_runs].granule = granule;
	put->runs[put->n_runs++].n = n;
	return 0;
}

static void clean_put_off(struct s2_mmu *mmu, struct s2_cpu *cpu, const struct put_off *put)
{
	for (size_t i = 0; i < put->n_runs; i++) {
		const struct put_off_run *run = &put->runs[i];

		if (run->n > 1)
			s2_run_begin(cpu, run->n);
		s2_clean_dcache_guest_page(mmu, cpu, s2_pa(run->pa), run->granule,
					   run->n > 1 ? run->granule : 0);
		if (run->n > 1)
			s2_run_end(cpu);
	}
}

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

/*
 * A table goes only when empty, and is flushed at once and without a hint: a
 * walk-cache entry of any level may lead to it (36e008323926, f62d4c3eb687).
 */
static int unmap_table(struct s2_walk *walk, const struct s2_visit *v)
{
	struct s2_table *child = s2_follow(walk->mmu, v->old);
	struct put_off *put = walk->walker->arg;

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
		s2_memo_forget_table(walk->mmu, child);
		child->next_free = put->tables;
		put->tables = s2_tablemem_number(walk->mmu->dir, child->pa);
		return 0;
	}
	s2_flush_vmid_ipa(walk->mmu, walk->cpu, s2_ipa(v->addr), S2_TTL_UNKNOWN);
	s2_walk_table_free(walk, child);
	return 0;
}

static int unmap_leaf(struct s2_walk *walk, const struct s2_visit *v)
{
	struct s2_mmu *mmu = walk->mmu;
	struct put_off *put = walk->walker->arg;

	put->any = true;
	s2_visit_store(walk, v, 0, S2_MEM_PLAIN);
	if (!mmu->unmap_how.skip_tlbi && !defer_tlb_flush(mmu))
		s2_flush_vmid_ipa_step(mmu, walk->cpu, s2_ipa(v->addr), v->level, s2_visit_step(v));
	put_entries(v);
	if (!s2_pte_cacheable(v->old, &mmu->fmt) || mmu->fmt.fwb || mmu->unmap_how.skip_cmo)
		return 0;
	/* After the TLBI, or the guest could bring lines back. */
	if (defer_tlb_flush(mmu))
		return put_off_clean(put, s2_visit_pa(walk, v).v, v->granule, v->n);
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

static void free_put_off_tables(struct s2_walk *walk, struct put_off *put)
{
	while (put->tables) {
		const struct s2_slab_directory *dir = walk->mmu->dir;
		struct s2_table *table =
			s2_tablemem_table(dir, s2_tablemem_numbered(dir, put->tables));

		put->tables = table->next_free;
		table->indexed = 0;
		s2_walk_table_free(walk, table);
	}
}

/*
 * All leaves of a table, whose number its references tell.  The page itself
 * is not cleared: it is freed by the visit after this, and zeroed when reused.
 * Cleaning that would follow a deferred flush is counted here and now: nobody
 * watches the order.
 */
static bool unmap_whole(struct s2_walk *walk, struct s2_table *table)
{
	struct s2_mmu *mmu = walk->mmu;
	uint64_t page = s2_page_size(&mmu->geo);
	uint64_t n = table->refs - 1U;

	if (table->mixed || mmu->on_flush)
		return false;
	s2_count_reads(walk, s2_reads_per_leaf(mmu) * s2_table_entries(&mmu->geo));
	table->refs = 1;
	if (!n)
		return true;
	s2_run_begin(walk->cpu, n);
	s2_pte_write(walk->cpu, table->pa, 0, 0, S2_MEM_PLAIN);
	if (!mmu->unmap_how.skip_tlbi && !defer_tlb_flush(mmu))
		s2_flush_vmid_ipa_step(mmu, walk->cpu, s2_ipa(walk->addr), S2_LAST_LEVEL, page);
	if (!mmu->unmap_how.skip_cmo)
		s2_clean_dcache_guest_page(mmu, walk->cpu, s2_pa(0), page, page);
	s2_run_end(walk->cpu);
	return true;
}

static int unmap_walk(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	struct put_off put = {NULL, 0, 0, 0, false};
	const struct s2_walker walker = {
		.visit = unmap_visit,
		.whole = unmap_whole,
		.arg = &put,
		.flags = S2_WALK_LEAF | S2_WALK_TABLE_POST,
	};
	struct s2_walk walk = {.mmu = mmu, .cpu = cpu, .walker = &walker};
	int ret;

	cpu->site = "stage2:unmap";
	ret = s2_walk(mmu, cpu, &walker, range.ipa.v, range.size);
	if (defer_tlb_flush(mmu))
		flush_unmapped(mmu, cpu, range, put.any);
	clean_put_off(mmu, cpu, &put);
	free_put_off_tables(&walk, &put);
	free(put.runs);
	return ret;
}

/* What the counts of an unmap depend on: what is mapped, and how it is unmapped. */
static inline uint64_t unmap_key(const struct s2_mmu *mmu, s2_pte pte)
{
	return mmu->unmap_key | (pte & (S2_PTE_VALID | S2_PTE_MEMATTR_MASK));
}

/* A page that shares its table: only the entry has to be written. */
static inline bool unmap_entry(struct s2_mmu *mmu, struct s2_entry e)
{
	if (e.table->refs <= 2 || unmap_key(mmu, *e.pte) != mmu->unmap_memo.key)
		return false;
	*e.pte = 0;
	e.table->refs--;
	mmu->unmap_memo.tally.n++;
	return true;
}

static inline bool unmap_by_memo(struct s2_mmu *mmu, const struct s2_cpu *cpu,
				 struct s2_range range)
{
	struct s2_entry e;

	return s2_memo_trusted(&mmu->unmap_memo, cpu) && s2_memo_is_page(mmu, range, 0) &&
	       s2_memo_peek(mmu, range.ipa.v, &e) && unmap_entry(mmu, e);
}

/* The same for a call that passed its checks; else it may be one to @learn from. */
static bool unmap_by_closer_look(struct s2_mmu *mmu, const struct s2_cpu *cpu,
				 struct s2_range range, uint64_t *key, bool *learn)
{
	struct s2_entry e;

	*learn = false;
	/* A number is there once; the next call's rollover is another's. */
	if (mmu->unmap_how.tlbi == S2_UNMAP_NEW_VMID)
		return false;
	if (!s2_memo_is_page(mmu, range, 0) || !s2_memo_allowed(mmu, cpu) ||
	    !s2_memo_find(mmu, range.ipa.v, &e) || e.table->refs <= 2 || !s2_pte_valid(*e.pte))
		return false;
	*key = unmap_key(mmu, *e.pte);
	*learn = mmu->unmap_memo.key != *key || !s2_memo_trust(&mmu->unmap_memo, mmu, cpu);
	return !*learn && unmap_entry(mmu, e);
}

static S2_SLOW int unmap_in_full(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	uint64_t key = 0;
	bool learn;
	int ret = s2_walk_check(mmu, cpu, range.ipa.v, range.size);

	if (ret)
		return ret;
	if (unmap_by_closer_look(mmu, cpu, range, &key, &learn))
		return 0;
	if (learn)
		s2_memo_begin(&mmu->unmap_memo, cpu);
	ret = unmap_walk(mmu, cpu, range);
	if (learn && !ret)
		s2_memo_end(&mmu->unmap_memo, mmu, key, cpu);
	return ret;
}

int s2_pgtable_unmap(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	return unmap_by_memo(mmu, cpu, range) ? 0 : unmap_in_full(mmu, cpu, range);
}

/* A walk in chunks comes to a table more than once. */
static bool frees_empty_only(const struct s2_flavour *f)
{
	return f->destroy == S2_DESTROY_PUT_EMPTY || f->teardown == S2_TEARDOWN_WALK_SPARSE;
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
			return 0;
		s2_visit_store(walk, v, 0, S2_MEM_PLAIN);
	}
	put_entries(v);
	s2_walk_table_free(walk, child);
	return 0;
}

/* References alone: what an entry holds makes no difference. */
static bool free_whole(struct s2_walk *walk, struct s2_table *table)
{
	s2_count_reads(walk, s2_reads_per_leaf(walk->mmu) * s2_table_entries(&walk->mmu->geo));
	table->refs = 1;
	return true;
}

static const struct s2_walker free_walker = {
	.visit = free_visit,
	.whole = free_whole,
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

	s2_put_unlinked(mmu, cpu, table, level);
	s2_walk_table_free(&walk, table);
}
