/* SPDX-License-Identifier: MIT */
#include "hyp/stage2/walk.h"

#include <errno.h>

#include "hyp/stage2/table_index.h"
#include "hyp/stage2/walk_run.h"
#include "hyp/stage2/whole_table.h"

struct s2_table *s2_follow(const struct s2_mmu *mmu, s2_pte pte)
{
	uint64_t pa = mmu->pa_mask ? pte & mmu->pa_mask : s2_pte_pa(pte, &mmu->fmt).v;

	return s2_tablemem_table(s2_tablemem_directory(mmu->machine->tables), pa);
}

struct s2_table *s2_walk_table_alloc(struct s2_walk *walk)
{
	struct s2_table *table = s2_table_alloc(walk->mmu->pool);

	if (walk->cpu->observed)
		s2_gate_shares(walk->cpu, S2_SHARED_PAGES);
	if (table)
		s2_table_event(walk->cpu, S2_OP_TABLE_ALLOC, table->pa,
			       s2_page_size(&walk->mmu->geo));
	return table;
}

void s2_walk_table_free(struct s2_walk *walk, struct s2_table *table)
{
	s2_table_event(walk->cpu, S2_OP_TABLE_FREE, table->pa, s2_page_size(&walk->mmu->geo));
	s2_index_forget_table(walk->mmu, table);
	s2_table_free(walk->mmu->pool, table);
	if (walk->cpu->observed)
		s2_gate_shares(walk->cpu, S2_SHARED_PAGES);
}

/* kvm_pgtable_walk_continue() */
static bool walk_continues(const struct s2_walk *walk, int ret)
{
	if (ret == -EAGAIN)
		return !(walk->walker->flags & S2_WALK_FAULT) &&
		       !walk->mmu->flavour->eagain_ends_walk;
	return !ret;
}

static int walk_table(struct s2_walk *walk, struct s2_table *table, int level);

/* One entry or run: read, visit, read again.  @table_pte gets the table to descend into, or 0. */
static int visit_entry(struct s2_walk *walk, struct s2_visit *v, s2_pte *table_pte)
{
	const struct s2_walker *walker = walk->walker;
	bool is_table = s2_pte_is_table(v->old, v->level);
	const uint64_t step = v->n > 1 ? s2_pte_step(v->old, v->granule) : 0;
	bool reload = false;
	int ret = 0;

	if (v->n > 1)
		s2_run_begin(walk->cpu, v->n);
	s2_pte_read(walk->cpu, v->pte_pa, v->old, step);
	v->kind = is_table ? S2_WALK_TABLE_PRE : S2_WALK_LEAF;
	if (walker->flags & v->kind) {
		if (walk->mmu->flavour->visitors_read && !is_table)
			s2_pte_read(walk->cpu, v->pte_pa, v->old, step);
		ret = walker->visit(walk, v);
		reload = !is_table || !walk->mmu->flavour->visitors_read;
		if (reload)
			s2_walk_before(walk, S2_OP_PTE_READ, v->pte_pa);
		v->old = *v->ptep;
		is_table = s2_pte_is_table(v->old, v->level);
	}
	/* A collapse that goes by an anchor does not look again at what it has put there. */
	if (reload)
		s2_pte_read(walk->cpu, v->pte_pa, v->old,
			    v->n > 1 ? s2_pte_step(v->old, v->granule) : 0);
	if (v->n > 1)
		s2_run_end(walk->cpu);
	*table_pte = is_table ? v->old : 0;
	return ret;
}

/* s2_level_size() without its checks: a walk has no other levels. */
static uint64_t entry_size(const struct s2_geometry *geo, int level)
{
	return UINT64_C(1) << ((unsigned)(4 - level) * (geo->page_shift - 3U) + 3U);
}

/* __kvm_pgtable_visit(). @return entries passed, or an error that ends the walk. */
static int64_t walk_entry(struct s2_walk *walk, struct s2_table *table, unsigned index, int level)
{
	const struct s2_geometry *geo = &walk->mmu->geo;

	s2_walk_before(walk, S2_OP_PTE_READ, table->pa + index * sizeof(s2_pte));
	struct s2_visit v = {
		.table = table,
		.ptep = &table->entries[index],
		.pte_pa = table->pa + index * sizeof(s2_pte),
		.old = table->entries[index],
		.addr = walk->addr,
		.granule = entry_size(geo, level),
		.n = 1,
		.level = level,
	};
	struct s2_table *child;
	s2_pte table_pte;
	int ret;

	if (!s2_pte_is_table(v.old, level))
		v.n = s2_run_length(walk, &v, s2_table_entries(geo) - index);
	ret = visit_entry(walk, &v, &table_pte);
	if (!walk_continues(walk, ret))
		return ret;
	if (!table_pte) {
		walk->addr = (v.addr & ~(v.granule - 1)) + v.n * v.granule;
		return (int64_t)v.n;
	}
	child = s2_follow(walk->mmu, table_pte);
	ret = s2_whole_table(walk, child, level + 1) ? 0 : walk_table(walk, child, level + 1);
	if (ret)
		return ret;
	if (walk->walker->flags & S2_WALK_TABLE_POST) {
		v.kind = S2_WALK_TABLE_POST;
		if (walk->mmu->flavour->visitors_read)
			s2_pte_read(walk->cpu, v.pte_pa, v.old, 0);
		ret = walk->walker->visit(walk, &v);
		if (!walk_continues(walk, ret))
			return ret;
	}
	return 1;
}

static int walk_table(struct s2_walk *walk, struct s2_table *table, int level)
{
	unsigned entries = s2_table_entries(&walk->mmu->geo);
	unsigned index = s2_level_index(&walk->mmu->geo, s2_ipa(walk->addr), level);

	while (index < entries && walk->addr < walk->end) {
		int64_t passed = walk_entry(walk, table, index, level);

		if (passed < 0)
			return (int)passed;
		index += (unsigned)passed;
	}
	return 0;
}

int s2_walk(struct s2_mmu *mmu, struct s2_cpu *cpu, const struct s2_walker *walker, uint64_t start,
	    uint64_t size)
{
	struct s2_walk walk = {mmu, cpu, walker, start, start, start + size, true};
	int ret = 0;

	if (cpu->observed)
		s2_gate_shares(cpu, S2_SHARED_WALKERS);
	mmu->walkers++;
	while (!ret && walk.addr < walk.end)
		ret = walk_table(&walk, &mmu->root[s2_root_index(&mmu->geo, s2_ipa(walk.addr))],
				 mmu->geo.start_level);
	if (cpu->observed)
		s2_gate_shares(cpu, S2_SHARED_WALKERS);
	if (!--mmu->walkers)
		s2_free_unlinked_now(mmu, cpu);
	return ret;
}

int s2_walk_subtree(struct s2_mmu *mmu, struct s2_cpu *cpu, const struct s2_walker *walker,
		    struct s2_table *table, int level)
{
	struct s2_walk walk = {mmu, cpu, walker, 0, 0, s2_level_size(&mmu->geo, level - 1), false};

	return walk_table(&walk, table, level);
}

int s2_walk_check(const struct s2_mmu *mmu, const struct s2_cpu *cpu, uint64_t start, uint64_t size)
{
	uint64_t limit = s2_ipa_limit(&mmu->geo);

	if (cpu->machine != mmu->machine || !mmu->root)
		return -EINVAL;
	if (!mmu->pool)
		return -EOPNOTSUPP; /* a kernel's own tables: hyp/vm/kernel.h */
	if (!size || ((start | size) & (s2_page_size(&mmu->geo) - 1)))
		return -EINVAL;
	if (start >= limit || size > limit - start)
		return -ERANGE;
	return 0;
}
