/* SPDX-License-Identifier: MIT */
/*
 * What the possible TLB knows of tables: which page maps what, what a store
 * leaves behind, and what hangs on a table that has been unlinked.
 */
#include <errno.h>
#include <stdlib.h>

#include "machine/residue.h"

#define WINDOW_SHIFT 21 /* of tablemem's slabs */

static const struct s2_tablemem *tables_of(const struct s2_residues *res)
{
	return res->p->machine->tables;
}

/* All formats put a table's address where a leaf's is. */
static struct s2_pte_format format_of(const struct s2_residues *res)
{
	const struct s2_features *f = &res->p->machine->features;
	const struct s2_pte_format fmt = {res->page_shift, f->pa_bits, false, f->fwb, f->xnx};

	return fmt;
}

static unsigned page_entries(const struct s2_residues *res)
{
	return 1U << (res->page_shift - 3);
}

static struct s2_table_meta *meta_find(const struct s2_residues *res, uint64_t pa)
{
	uint64_t window = (pa - res->table_base) >> WINDOW_SHIFT;
	uint64_t page = (pa & ((UINT64_C(1) << WINDOW_SHIFT) - 1)) >> res->page_shift;

	if (pa < res->table_base || window >= res->n_meta || !res->meta[window])
		return NULL;
	return &res->meta[window][page];
}

static int windows_grow(struct s2_residues *res, uint64_t window)
{
	size_t n = res->n_meta ? res->n_meta : 16;
	struct s2_table_meta **meta;

	while (n <= window)
		n *= 2;
	meta = realloc(res->meta, n * sizeof(struct s2_table_meta *));
	if (!meta)
		return -ENOMEM;
	res->meta = meta;
	for (size_t i = res->n_meta; i < n; i++)
		meta[i] = NULL;
	res->bytes += (n - res->n_meta) * sizeof(struct s2_table_meta *);
	res->n_meta = n;
	return 0;
}

/* As meta_find(), of a page that is heard of for the first time; NULL without memory. */
static struct s2_table_meta *meta_get(struct s2_residues *res, uint64_t pa)
{
	uint64_t window;
	size_t pages = (size_t)1 << (WINDOW_SHIFT - res->page_shift);

	/* Of tables that are somebody else's the first page tells where they begin. */
	if (!res->n_meta)
		res->table_base = s2_tablemem_base(tables_of(res));
	window = (pa - res->table_base) >> WINDOW_SHIFT;
	if (window >= res->n_meta && windows_grow(res, window))
		return NULL;
	if (!res->meta[window]) {
		res->meta[window] = calloc(pages, sizeof(**res->meta));
		if (!res->meta[window])
			return NULL;
		res->bytes += pages * sizeof(**res->meta);
	}
	return meta_find(res, pa);
}

const struct s2_table *s2_residues_child(const struct s2_residues *res, s2_pte pte)
{
	const struct s2_pte_format fmt = format_of(res);

	return s2_tablemem_find(tables_of(res), s2_pte_pa(pte, &fmt));
}

static uint64_t entry_ipa(const struct s2_residues *res, uint64_t ipa, int level, unsigned i)
{
	return ipa + ((uint64_t)i << s2_res_shift(res, level));
}

/* It is in no VM's tree any more. */
static void unlink_page(struct s2_table_meta *meta)
{
	if (meta->linked)
		meta->vm->linked--;
	meta->linked = false;
}

/* The page at @table, and all below, maps memory of @vm from @ipa on. */
static int adopt(struct s2_residues *res, const struct s2_table *table, struct s2_res_vm *vm,
		 uint64_t ipa, int level)
{
	struct s2_table_meta *meta = meta_get(res, table->pa);
	int ret = 0;

	if (!meta)
		return -ENOMEM;
	unlink_page(meta);
	meta->vm = vm;
	vm->linked++;
	meta->page = ipa >> res->page_shift;
	meta->level = level;
	meta->linked = true;
	for (unsigned i = 0; level < S2_LAST_LEVEL && i < page_entries(res) && !ret; i++) {
		const struct s2_table *child = s2_pte_is_table(table->entries[i], level)
						       ? s2_residues_child(res, table->entries[i])
						       : NULL;

		if (child)
			ret = adopt(res, child, vm, entry_ipa(res, ipa, level, i), level + 1);
	}
	return ret;
}

static struct s2_res_vm *vm_get(struct s2_residues *res, struct s2_vmid vmid)
{
	struct s2_res_vm *vm = res->by_vmid[vmid.v];

	if (vm)
		return vm;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return NULL;
	vm->vmid = vmid;
	vm->idle.next = vm->idle.prev = &vm->idle;
	vm->active.next = vm->active.prev = &vm->active;
	vm->next = res->vms;
	res->vms = vm;
	res->by_vmid[vmid.v] = vm;
	return vm;
}

static struct s2_group *idle_group(struct s2_link *link)
{
	return (struct s2_group *)(void *)link; /* the link stands first */
}

static bool may_be_unseen(const struct s2_residues *res, struct s2_group *g)
{
	return g->stage == S2_RESIDUE_STORED && !s2_group_visible(res, g, false, 0);
}

static int copy_group(struct s2_residues *res, struct s2_group *g, struct s2_res_vm *to)
{
	struct s2_group *copy = s2_group_new(res, to, g->ipa, g->level);

	if (!copy)
		return -ENOMEM;
	copy->base = g->base;
	copy->step_log2 = g->step_log2;
	copy->store_cpu = g->store_cpu;
	*s2_group_epochs(res, copy) = *s2_group_epochs(res, g);
	copy->table = g->table;
	copy->conflict = g->conflict;
	for (unsigned i = 0; i < page_entries(res); i++)
		if (g->words[i / 64] >> i % 64 & 1)
			s2_group_add(copy, i, 1);
	return 0;
}

/*
 * A VM goes on under another VMID: what its tables held before stores that
 * walkers may not see yet can be cached under that one too.
 */
static int carry_over(struct s2_residues *res, struct s2_res_vm *from, struct s2_res_vm *to)
{
	struct s2_link *link, *next;
	int ret = 0;

	for (link = from->idle.next; link != &from->idle && !ret; link = next) {
		next = link->next;
		if (may_be_unseen(res, idle_group(link)))
			ret = s2_residues_unfold(res, idle_group(link));
	}
	for (link = from->idle.next; link != &from->idle && !ret; link = link->next)
		if (may_be_unseen(res, idle_group(link)))
			ret = copy_group(res, idle_group(link), to);
	return ret;
}

int s2_residues_watch(struct s2_residues *res, const struct s2_regime *regime)
{
	const struct s2_table_meta *known = meta_find(res, regime->root.v);
	struct s2_res_vm *vm = vm_get(res, regime->vmid);

	if (!vm)
		return -ENOMEM;
	if (known && known->linked && known->vm == vm)
		return 0;
	if (known && known->linked && carry_over(res, known->vm, vm))
		return -ENOMEM;
	res->trees++;
	for (unsigned i = 0; i < regime->geo.root_pages; i++) {
		const struct s2_pa pa = {regime->root.v + i * s2_page_size(&regime->geo)};
		const struct s2_table *table = s2_tablemem_find(tables_of(res), pa);
		int ret;

		if (!table)
			return -EINVAL;
		ret = adopt(res, table, vm,
			    (uint64_t)i << s2_res_shift(res, regime->geo.start_level - 1),
			    regime->geo.start_level);
		if (ret)
			return ret;
	}
	return 0;
}

static void stamp(const struct s2_residues *res, struct s2_group *g, unsigned cpu)
{
	g->store_cpu = (uint16_t)cpu;
	*s2_group_epochs(res, g) = res->cpus[cpu];
}

/*
 * What a store replaced in a table that is unlinked no walker reaches once it
 * sees the unlinking; so it waits for the DSB of who unlinks at most.
 */
static void unlink_unseen(struct s2_residues *res, const struct s2_table_meta *meta, unsigned cpu)
{
	struct s2_group *g = s2_group_first(res, meta->vm, s2_meta_ipa(res, meta), meta->level);

	for (; g; g = s2_group_next(g))
		if (g->store_cpu != cpu && may_be_unseen(res, g))
			stamp(res, g, cpu);
}

/* The pages below an unlinked table are its group's from now on. */
static void orphan(struct s2_residues *res, const struct s2_table *table, struct s2_group *g)
{
	struct s2_table_meta *meta = meta_find(res, table->pa);

	if (!meta || !meta->linked)
		return;
	if (g)
		unlink_unseen(res, meta, g->store_cpu);
	unlink_page(meta);
	meta->unlinked = g;
	meta->page = g ? g->serial : 0;
	for (unsigned i = 0; meta->level < S2_LAST_LEVEL && i < page_entries(res); i++) {
		const struct s2_table *child = s2_pte_is_table(table->entries[i], meta->level)
						       ? s2_residues_child(res, table->entries[i])
						       : NULL;

		if (child)
			orphan(res, child, g);
	}
}

/* What the walkers may do with a descriptor: AF and above all the software bits apart. */
static bool same_to_hardware(s2_pte a, s2_pte b)
{
	return !((a ^ b) & ~S2_PTE_SW_MASK);
}

static bool may_be_cached(s2_pte pte, int level)
{
	if (s2_pte_is_table(pte, level))
		return true;
	return s2_pte_is_leaf(pte, level) && s2_pte_accessed(pte);
}

/* Steps are sizes of a level, or 0. */
static uint8_t log2_of(uint64_t step)
{
	uint8_t n = 0;

	while (step >> n > 1)
		n++;
	return n;
}

/* A group that a store by @cpu now can still join. */
static struct s2_group *open_group(struct s2_residues *res, const struct s2_table_meta *meta,
				   unsigned cpu, uint64_t base, uint64_t step)
{
	struct s2_group *g = s2_group_first(res, meta->vm, s2_meta_ipa(res, meta), meta->level);

	for (; g; g = s2_group_next(g)) {
		if (g->stage == S2_RESIDUE_STORED && !g->table && !g->conflict && g->base == base &&
		    s2_group_step(g) == step && g->store_cpu == cpu &&
		    s2_group_epochs(res, g)->ish == res->cpus[cpu].ish &&
		    s2_group_epochs(res, g)->any == res->cpus[cpu].any)
			return g;
	}
	return NULL;
}

/* The newest of the page, if all have seen it, joins those before it: there are few groups a page. */
static void rest_newest(struct s2_residues *res, const struct s2_table_meta *meta)
{
	struct s2_group *g = s2_group_first(res, meta->vm, s2_meta_ipa(res, meta), meta->level);

	if (g && s2_group_next(g) && s2_group_visible(res, g, false, 0))
		s2_group_join(res, g);
}

static int leave_leaves(struct s2_residues *res, const struct s2_table_meta *meta, unsigned cpu,
			unsigned index, s2_pte old, uint64_t n, uint64_t step)
{
	struct s2_group *g;
	uint64_t base;

	/* A single descriptor fits in with those beside it that map adjacent memory. */
	if (n == 1)
		step = UINT64_C(1) << s2_res_shift(res, meta->level);
	base = old - index * step;
	g = open_group(res, meta, cpu, base, step);
	if (!g) {
		rest_newest(res, meta);
		g = s2_group_new(res, meta->vm, s2_meta_ipa(res, meta), meta->level);
		if (!g)
			return -ENOMEM;
		g->base = base;
		g->step_log2 = log2_of(step);
		stamp(res, g, cpu);
	}
	s2_group_add(g, index, n);
	return 0;
}

static int leave_subtree(struct s2_residues *res, const struct s2_table_meta *meta, unsigned cpu,
			 unsigned index, s2_pte old)
{
	struct s2_group *g = s2_group_new(res, meta->vm, s2_meta_ipa(res, meta), meta->level);
	const struct s2_table *child = s2_residues_child(res, old);

	if (!g)
		return -ENOMEM;
	g->base = old;
	g->table = true;
	g->below = child != NULL;
	stamp(res, g, cpu);
	s2_group_add(g, index, 1);
	if (child)
		orphan(res, child, g);
	return 0;
}

/*
 * Who reads, or stores and so has read what is there: then another CPU's earlier store
 * has been observed, and is observed by every walker from now on (B2.3, a store is
 * other-multi-copy atomic).
 */
static int see_earlier_stores(struct s2_residues *res, const struct s2_table_meta *meta,
			      unsigned cpu, unsigned index, uint64_t n)
{
	struct s2_group *g = s2_group_first(res, meta->vm, s2_meta_ipa(res, meta), meta->level),
			*next;
	int err = 0;

	for (; g && !err; g = next) {
		next = s2_group_next(g);
		if (g->store_cpu == cpu || !may_be_unseen(res, g))
			continue;
		g = s2_group_take(res, g, index, index + n - 1, &err);
		if (g)
			s2_group_epochs(res, g)->ish = res->cpus[g->store_cpu].ish - 1;
	}
	return err;
}

/* Before anything changes in a page that a subtree's residue refers to. */
static int keep_contents(struct s2_residues *res, const struct s2_table_meta *meta)
{
	if (meta->linked || !meta->unlinked || meta->unlinked->serial != meta->page)
		return 0;
	return s2_residues_unfold(res, meta->unlinked);
}

static int store_new(struct s2_residues *res, const struct s2_table_meta *meta, unsigned cpu,
		     unsigned index, s2_pte new)
{
	const struct s2_table *child;
	int ret = 0;

	if (!s2_pte_valid(new))
		return 0;
	if (meta->vm->entries)
		ret = s2_residues_conflicts(res, meta, cpu, index, new);
	if (ret || !s2_pte_is_table(new, meta->level))
		return ret;
	child = s2_residues_child(res, new);
	if (!child)
		return 0;
	ret = adopt(res, child, meta->vm,
		    entry_ipa(res, s2_meta_ipa(res, meta), meta->level, index), meta->level + 1);
	if (ret || !meta->vm->entries)
		return ret;
	return s2_residues_conflicts_in(res, child, cpu, meta->level + 1);
}

int s2_residues_store(struct s2_residues *res, unsigned cpu, uint64_t addr, s2_pte old, s2_pte new,
		      uint64_t n, uint64_t old_step)
{
	const uint64_t page_mask = (UINT64_C(1) << res->page_shift) - 1;
	struct s2_table_meta *meta = meta_find(res, addr & ~page_mask);
	const unsigned index = (unsigned)((addr & page_mask) / sizeof(s2_pte));
	int ret = 0;

	if (!meta)
		return 0;
	if (!meta->linked)
		return keep_contents(res, meta);
	if (res->n_groups >= res->hash_size)
		s2_groups_more_buckets(res);
	if (meta->vm->entries && see_earlier_stores(res, meta, cpu, index, n))
		return -ENOMEM;
	if (may_be_cached(old, meta->level) && !same_to_hardware(old, new)) {
		if (s2_pte_is_table(old, meta->level))
			ret = leave_subtree(res, meta, cpu, index, old);
		else
			ret = leave_leaves(res, meta, cpu, index, old, n, old_step);
	}
	return ret ? ret : store_new(res, meta, cpu, index, new);
}

/* The entries of a linked page that [addr, addr + n) are; NULL if nothing can be unseen there. */
static const struct s2_table_meta *read_page(const struct s2_residues *res, uint64_t addr,
					     unsigned *index)
{
	const uint64_t page_mask = (UINT64_C(1) << res->page_shift) - 1;
	const struct s2_table_meta *meta = meta_find(res, addr & ~page_mask);

	*index = (unsigned)((addr & page_mask) / sizeof(s2_pte));
	return meta && meta->linked && meta->vm->entries ? meta : NULL;
}

int s2_residues_read(struct s2_residues *res, unsigned cpu, uint64_t addr, uint64_t n)
{
	unsigned index;
	const struct s2_table_meta *meta = res->n_groups ? read_page(res, addr, &index) : NULL;

	return meta && see_earlier_stores(res, meta, cpu, index, n) ? -ENOMEM : 0;
}

bool s2_residues_may_see(const struct s2_residues *res, unsigned cpu, uint64_t addr)
{
	unsigned index;
	const struct s2_table_meta *meta = read_page(res, addr, &index);
	struct s2_group *g = meta ? s2_group_first(res, meta->vm, s2_meta_ipa(res, meta), meta->level)
				  : NULL;

	while (g && (g->store_cpu == cpu || !may_be_unseen(res, g)))
		g = s2_group_next(g);
	return g;
}

const struct s2_table_meta *s2_residues_page(const struct s2_residues *res, uint64_t addr)
{
	const struct s2_table_meta *meta =
		meta_find(res, addr >> res->page_shift << res->page_shift);

	return meta && meta->linked ? meta : NULL;
}

const struct s2_table_meta *s2_residues_known(const struct s2_residues *res, uint64_t pa)
{
	return meta_find(res, pa);
}

int s2_residues_table_free(struct s2_residues *res, uint64_t pa)
{
	struct s2_table_meta *meta = meta_find(res, pa);
	int ret;

	if (!meta)
		return 0;
	ret = keep_contents(res, meta);
	unlink_page(meta);
	meta->unlinked = NULL;
	return ret;
}

/* As @g was, of the page at @ipa and @level. */
static struct s2_group *unfold_group(struct s2_residues *res, struct s2_group *g, uint64_t ipa,
				     int level, s2_pte base, uint64_t step)
{
	struct s2_group *new = s2_group_new(res, g->vm, ipa, level);

	if (!new)
		return NULL;
	new->base = base;
	new->step_log2 = log2_of(step);
	new->store_cpu = g->store_cpu;
	new->conflict = g->conflict;
	new->local = g->local;
	new->all = g->all;
	new->local_all = g->local_all;
	for (unsigned w = res->page_words; w < res->group_words; w++)
		new->words[w] = g->words[w];
	s2_group_move(res, new, (enum s2_residue_stage)g->stage);
	return new;
}

static int unfold_leaf(struct s2_residues *res, struct s2_group *g, uint64_t ipa, int level,
		       unsigned i, s2_pte pte, struct s2_group **last)
{
	uint64_t step = UINT64_C(1) << s2_res_shift(res, level);

	if (!*last || (*last)->base + i * step != pte)
		*last = unfold_group(res, g, ipa, level, pte - i * step, step);
	if (!*last)
		return -ENOMEM;
	s2_group_add(*last, i, 1);
	return 0;
}

/* The first entry from @i on that is not zero, or the end: most tables go when they are empty. */
static unsigned next_entry(const struct s2_residues *res, const struct s2_table *table, unsigned i)
{
	const unsigned end = page_entries(res);
	const s2_pte *e = table->entries;

	for (; i < end && i % 8; i++)
		if (e[i])
			return i;
	while (i < end &&
	       !(e[i] | e[i + 1] | e[i + 2] | e[i + 3] | e[i + 4] | e[i + 5] | e[i + 6] | e[i + 7]))
		i += 8;
	while (i < end && !e[i])
		i++;
	return i;
}

static int unfold_page(struct s2_residues *res, struct s2_group *g, const struct s2_table *table,
		       uint64_t ipa, int level)
{
	struct s2_group *last = NULL;
	int ret = 0;

	for (unsigned i = 0;; i++) {
		const struct s2_table *child;
		struct s2_group *walk;
		s2_pte pte;

		i = next_entry(res, table, i);
		if (ret || i >= page_entries(res))
			return ret;
		pte = table->entries[i];
		if (!may_be_cached(pte, level))
			continue;
		if (!s2_pte_is_table(pte, level)) {
			ret = unfold_leaf(res, g, ipa, level, i, pte, &last);
			continue;
		}
		walk = unfold_group(res, g, ipa, level, pte, 0);
		if (!walk)
			return -ENOMEM;
		walk->table = true;
		s2_group_add(walk, i, 1);
		child = s2_residues_child(res, pte);
		if (child)
			ret = unfold_page(res, g, child, entry_ipa(res, ipa, level, i), level + 1);
	}
}

int s2_residues_unfold(struct s2_residues *res, struct s2_group *g)
{
	const struct s2_table *table = s2_residues_child(res, g->base);
	unsigned index = 0;

	if (!g->below)
		return 0;
	g->below = false;
	g->serial = ++res->serial; /* nobody refers to it any more */
	while (!(g->words[index / 64] >> index % 64 & 1))
		index++;
	if (!table)
		return 0;
	return unfold_page(res, g, table, entry_ipa(res, g->ipa, g->level, index), g->level + 1);
}
