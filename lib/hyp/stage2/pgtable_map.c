/* SPDX-License-Identifier: MIT */
/*
 * Building tables: map (with collapse and block splitting by refault) and
 * eager split.  Reads beside stage2_map_walker() and stage2_split_walker().
 */
#include <errno.h>

#include "hyp/stage2/plain.h"
#include "hyp/stage2/table_index.h"
#include "hyp/stage2/walk.h"
#include "hyp/stage2/whole_table.h"

struct map_data {
	uint64_t phys;
	s2_pte attr;
	bool force_pte;
	struct s2_memcache *mc;
};

/* stage2_map_walker_phys_addr() */
static uint64_t map_phys(const struct s2_walk *walk, const struct s2_visit *v)
{
	const struct map_data *data = walk->walker->arg;

	return data->phys + (v->addr - walk->start);
}

/* stage2_leaf_mapping_allowed() */
static bool leaf_mapping_allowed(const struct s2_walk *walk, const struct s2_visit *v)
{
	const struct map_data *data = walk->walker->arg;

	if (data->force_pte && v->level < S2_LAST_LEVEL)
		return false;
	if (!s2_level_supports_leaf(&walk->mmu->geo, v->level))
		return false;
	if (v->granule > walk->end - v->addr)
		return false;
	return !((v->addr | map_phys(walk, v)) & (v->granule - 1));
}

/*
 * How many descriptors from @pa on differ by the address alone: up to where the
 * upper address bits change, which stand apart from the others.
 */
static uint64_t affine_descriptors(const struct s2_pte_format *fmt, uint64_t pa, uint64_t granule)
{
	uint64_t in_place = fmt->lpa2 ? S2_PTE_PA_MASK_LPA2 : S2_PTE_PA_MASK;

	return (in_place - (pa & in_place)) / granule + 1;
}

static uint64_t map_run(const struct s2_walk *walk, const struct s2_visit *v, uint64_t max)
{
	uint64_t whole = (walk->end - v->addr) / v->granule;
	uint64_t affine;

	if (v->old || !leaf_mapping_allowed(walk, v))
		return 1;
	affine = affine_descriptors(&walk->mmu->fmt, map_phys(walk, v), v->granule);
	if (whole > affine)
		whole = affine;
	return max < whole ? max : whole;
}

/* stage2_pte_needs_update(): not for the same mapping, nor for permissions alone. */
static bool needs_update(s2_pte old, s2_pte new)
{
	if (!s2_pte_valid(old) || !s2_pte_valid(new))
		return true;
	return (old ^ new) & ~S2_PTE_PERMS;
}

/* The flush of a table that gives way, with what kernels once had in its place. */
static void flush_broken_table(struct s2_walk *walk, uint64_t base, uint64_t granule)
{
	const uint64_t page = walk->mmu->page_size;

	switch (walk->mmu->flavour->bug) {
	case S2_BUG_COLLAPSE_FROM_FAULT:
		s2_flush_vmid_range(walk->mmu, walk->cpu, s2_range(base + page, granule));
		break;
	case S2_BUG_COLLAPSE_ONE_IPA:
		s2_flush_vmid_ipa(walk->mmu, walk->cpu, s2_ipa(base), S2_TTL_UNKNOWN);
		break;
	case S2_BUG_COLLAPSE_NO_FLUSH:
		break;
	default:
		s2_flush_vmid_range(walk->mmu, walk->cpu, s2_range(base, granule));
		break;
	}
}

static void flush_broken(struct s2_walk *walk, const struct s2_visit *v)
{
	uint64_t base = v->addr & ~(v->granule - 1);

	if (s2_pte_is_table(v->old, v->level))
		flush_broken_table(walk, base, v->granule);
	else if (s2_pte_valid(v->old))
		s2_flush_vmid_ipa(walk->mmu, walk->cpu, s2_ipa(v->addr), v->level);
}

/*
 * stage2_try_break_pte(): the entry is out of use and so is every translation made of it;
 * or somebody else was faster.  @return which
 */
static bool break_pte(struct s2_walk *walk, const struct s2_visit *v)
{
	bool locked = walk->mmu->flavour->break_with == S2_BREAK_LOCKED;

	if (locked && v->old == S2_PTE_LOCKED)
		return false;
	if (locked || s2_pte_valid(v->old)) {
		if (!s2_visit_unchanged(walk, v))
			return false;
		s2_visit_write_transient(walk, v, locked ? S2_PTE_LOCKED : 0);
	}
	if (!(walk->walker->flags & S2_WALK_SKIP_BBM_TLBI))
		flush_broken(walk, v);
	if (s2_pte_is_counted(v->old))
		v->table->refs--;
	return true;
}

/* stage2_make_pte() */
static void make_pte(struct s2_walk *walk, const struct s2_visit *v, s2_pte new)
{
	v->table->refs = (uint16_t)(v->table->refs + v->n);
	v->table->mixed |= !s2_pte_cacheable(new, &walk->mmu->fmt);
	s2_visit_store(walk, v, new, S2_MEM_RELEASE);
}

/* Contents and instructions must be right before the guest can reach them. */
static void clean_new_mapping(struct s2_walk *walk, const struct s2_visit *v, s2_pte new)
{
	struct s2_mmu *mmu = walk->mmu;
	struct s2_pa pa = s2_pte_pa(new, &mmu->fmt);
	uint64_t step = s2_visit_step(v);

	if (walk->walker->flags & S2_WALK_SKIP_CMO)
		return;
	if (s2_pte_cacheable(new, &mmu->fmt))
		s2_clean_dcache_guest_page(mmu, walk->cpu, pa, v->granule, step);
	if (s2_pte_executable(new, &mmu->fmt))
		s2_invalidate_icache_guest_page(mmu, walk->cpu, pa, v->granule, step);
}

/* stage2_map_walker_try_leaf(): -E2BIG if no leaf can stand here. */
static int map_try_leaf(struct s2_walk *walk, const struct s2_visit *v)
{
	const struct map_data *data = walk->walker->arg;
	s2_pte new;
	int ret;

	if (!leaf_mapping_allowed(walk, v))
		return -E2BIG;
	ret = s2_pte_make_leaf(&walk->mmu->fmt, s2_pa(map_phys(walk, v)), data->attr, v->level,
			       &new);
	if (ret)
		return ret;
	if (!needs_update(v->old, new))
		return -EAGAIN;
	if (!break_pte(walk, v))
		return -EAGAIN;
	clean_new_mapping(walk, v, new);
	make_pte(walk, v, new);
	return 0;
}

static struct s2_table *take_from_cache(struct s2_walk *walk, struct s2_memcache *mc)
{
	struct s2_table *table;

	if (mc && !mc->nobjs)
		return NULL;
	table = s2_walk_table_alloc(walk);
	if (table && mc)
		mc->nobjs--;
	return table;
}

/* @child takes the place of what is in the entry: the only way for a table to be linked. */
static int replace_by_table(struct s2_walk *walk, const struct s2_visit *v, struct s2_table *child)
{
	s2_pte new;
	int ret = s2_pte_make_table(&walk->mmu->fmt, s2_pa(child->pa), &new);

	if (ret)
		return ret;
	if (!break_pte(walk, v))
		return -EAGAIN;
	make_pte(walk, v, new);
	if (walk->in_tree && v->level == S2_LAST_LEVEL - 1)
		s2_index_table(walk->mmu, v->addr, child);
	return 0;
}

/* stage2_map_walk_leaf(): a leaf, or a table to go down into; a block gives way to it. */
static int map_walk_leaf(struct s2_walk *walk, const struct s2_visit *v)
{
	const struct map_data *data = walk->walker->arg;
	struct s2_table *child;
	int ret = map_try_leaf(walk, v);

	if (ret != -E2BIG)
		return ret;
	if (v->level == S2_LAST_LEVEL)
		return -EINVAL;
	child = take_from_cache(walk, data->mc);
	if (!child)
		return -ENOMEM;
	ret = replace_by_table(walk, v, child);
	if (ret)
		s2_walk_table_free(walk, child);
	return ret;
}

/*
 * A table under a new block, before blocks were unlinked whole: the entry is
 * cleared and the VMID flushed once, the leaves are put without a flush each.
 */
static int collapse_flush_vmid(struct s2_walk *walk, const struct s2_visit *v)
{
	struct s2_table *child = s2_follow(walk->mmu, v->old);
	struct s2_visit leaf = *v;
	int ret;

	s2_visit_store(walk, v, 0, S2_MEM_PLAIN);
	s2_flush_vmid(walk->mmu, walk->cpu);
	v->table->refs--;
	leaf.old = 0;
	/* stage2_map_walk_table_post(): what is below first, the table itself after the new leaf. */
	s2_put_unlinked(walk->mmu, walk->cpu, child, v->level + 1);
	ret = map_try_leaf(walk, &leaf);
	s2_walk_table_free(walk, child);
	return ret;
}

/*
 * The same before 2020: all below is unmapped as for any other reason, then the
 * block's fault is retried (3c3736cd32bf).  A parent that only led here stays.
 */
static int collapse_unmap(struct s2_walk *walk, const struct s2_visit *v)
{
	struct s2_mmu *mmu = walk->mmu;
	struct s2_unmap_how how = s2_mmu_unmap_how(mmu);
	struct s2_visit leaf = *v;
	int ret;

	leaf.old = 0;
	how.skip_cmo = mmu->flavour->collapse_cmo == S2_COLLAPSE_CMO_ELIDED;
	s2_mmu_set_unmap_how(mmu, how);
	v->table->refs++;
	ret = s2_stage2_unmap(mmu, walk->cpu, s2_range(v->addr, v->granule));
	v->table->refs--;
	s2_mmu_set_unmap_how(mmu, s2_mmu_unmap_how(mmu));
	walk->cpu->site = "stage2:map";
	return ret ? ret : map_try_leaf(walk, &leaf);
}

/* stage2_map_walk_table_pre() */
static int map_walk_table_pre(struct s2_walk *walk, const struct s2_visit *v)
{
	struct s2_table *child;
	uint64_t freed;
	int ret;

	if (!leaf_mapping_allowed(walk, v))
		return 0;
	if (walk->mmu->flavour->collapse == S2_COLLAPSE_FLUSH_VMID)
		return collapse_flush_vmid(walk, v);
	if (walk->mmu->flavour->collapse == S2_COLLAPSE_UNMAP)
		return collapse_unmap(walk, v);
	child = s2_follow(walk->mmu, v->old);
	ret = map_try_leaf(walk, v);
	if (ret)
		return ret;
	freed = child->pa;
	s2_free_unlinked_later(walk, child, v->level + 1);
	/* The walker has the old entry in its hand, and reads where that leads. */
	if (walk->mmu->flavour->bug == S2_BUG_WALK_UNLINKED)
		s2_pte_read(walk->cpu, freed, 0, 0);
	return 0;
}

static int map_visit(struct s2_walk *walk, const struct s2_visit *v)
{
	return v->kind == S2_WALK_TABLE_PRE ? map_walk_table_pre(walk, v) : map_walk_leaf(walk, v);
}

static int check_map(const struct s2_mmu *mmu, struct s2_range range, struct s2_pa pa)
{
	uint64_t pa_limit = UINT64_C(1) << mmu->geo.pa_bits;

	if (pa.v & (s2_page_size(&mmu->geo) - 1))
		return -EINVAL;
	if (pa.v >= pa_limit || range.size > pa_limit - pa.v)
		return -ERANGE;
	return 0;
}

/* kvm_pgtable_stage2_map() */
int s2_stage2_map(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range, struct s2_pa pa,
		  unsigned prot, struct s2_memcache *mc, unsigned flags)
{
	struct map_data data = {
		.phys = pa.v,
		.force_pte = flags & S2_MAP_FORCE_PTE,
		.mc = mc,
	};
	const struct s2_walker walker = {
		.visit = map_visit,
		.run = map_run,
		.arg = &data,
		.flags = S2_WALK_TABLE_PRE | S2_WALK_LEAF |
			 (flags & S2_MAP_FAULT ? S2_WALK_FAULT : 0U) |
			 (flags & S2_MAP_SKIP_CMO ? S2_WALK_SKIP_CMO : 0U),
	};
	int ret = s2_walk_check(mmu, cpu, range.ipa.v, range.size);

	if (!ret && (flags & ~(unsigned)(S2_MAP_FAULT | S2_MAP_FORCE_PTE | S2_MAP_SKIP_CMO)))
		ret = -EINVAL;
	if (!ret)
		ret = check_map(mmu, range, pa);
	if (!ret)
		ret = s2_pte_attr(&mmu->fmt, prot, &data.attr);
	if (ret)
		return ret;
	cpu->site = "stage2:map";
	ret = s2_walk(mmu, cpu, &walker, range.ipa.v, range.size);
	s2_dsb(cpu, S2_DSB_ISHST);
	return ret;
}

/* stage2_block_get_nr_page_tables(): to map one block at @level with pages. */
static uint64_t pgtable_map_split_tables(const struct s2_geometry *geo, int level)
{
	return level == S2_LAST_LEVEL - 1 ? 1 : s2_table_entries(geo) + 1;
}

static uint64_t split_run(const struct s2_walk *walk, const struct s2_visit *v, uint64_t max)
{
	(void)walk;
	return v->level < S2_LAST_LEVEL && s2_pte_valid(v->old) ? 1 : max;
}

/* kvm_pgtable_stage2_create_unlinked(): a private subtree that maps what a block maps. */
static struct s2_table *create_unlinked(struct s2_walk *walk, const struct s2_visit *v,
					struct s2_memcache *mc, bool force_pte, int *err)
{
	const struct s2_pte_format *fmt = &walk->mmu->fmt;
	struct map_data data = {
		.phys = s2_visit_pa(walk, v).v,
		.force_pte = force_pte,
		.mc = mc,
	};
	const struct s2_walker walker = {
		.visit = map_visit,
		.run = map_run,
		.arg = &data,
		.flags = S2_WALK_LEAF | S2_WALK_SKIP_BBM_TLBI | S2_WALK_SKIP_CMO,
	};
	struct s2_table *table;

	/* As kvm_pgtable_stage2_pte_prot() does, permissions only: any block becomes write-back. */
	*err = s2_pte_attr(fmt, s2_pte_prot(v->old, fmt) & (S2_PROT_R | S2_PROT_W | S2_PROT_X),
			   &data.attr);
	if (*err)
		return NULL;
	/* Software bits travel with the mapping. */
	data.attr |= v->old & S2_PTE_SW_MASK;
	table = take_from_cache(walk, mc);
	*err = -ENOMEM;
	if (!table)
		return NULL;
	*err = s2_walk_subtree(walk->mmu, walk->cpu, &walker, table, v->level + 1);
	if (!*err)
		return table;
	s2_free_unlinked(walk->mmu, walk->cpu, table, v->level + 1);
	return NULL;
}

/* stage2_split_walker() */
static int split_visit(struct s2_walk *walk, const struct s2_visit *v)
{
	struct s2_memcache *mc = walk->walker->arg;
	uint64_t needed = pgtable_map_split_tables(&walk->mmu->geo, v->level);
	struct s2_table *child;
	bool force_pte = true;
	int ret;

	if (v->level == S2_LAST_LEVEL || !s2_pte_valid(v->old))
		return 0;
	if (mc && mc->nobjs < needed) {
		/* One level at a time; the walk comes back for the smaller blocks. */
		force_pte = false;
		needed = 1;
	}
	if (mc && mc->nobjs < needed)
		return -ENOMEM;
	child = create_unlinked(walk, v, mc, force_pte, &ret);
	if (!child)
		return ret;
	ret = replace_by_table(walk, v, child);
	if (ret)
		s2_free_unlinked(walk->mmu, walk->cpu, child, v->level + 1);
	return ret;
}

/* kvm_pgtable_stage2_split() */
int s2_pgtable_split(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range,
		     struct s2_memcache *mc)
{
	const struct s2_walker walker = {
		.visit = split_visit,
		.run = split_run,
		.whole = s2_whole_split,
		.arg = mc,
		.flags = S2_WALK_LEAF,
	};
	int ret = s2_walk_check(mmu, cpu, range.ipa.v, range.size);

	if (ret)
		return ret;
	if (!mmu->flavour->split)
		return -EOPNOTSUPP;
	cpu->site = "stage2:split";
	ret = s2_walk(mmu, cpu, &walker, range.ipa.v, range.size);
	s2_dsb(cpu, S2_DSB_ISHST);
	return ret;
}
