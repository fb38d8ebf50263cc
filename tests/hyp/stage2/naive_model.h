/* SPDX-License-Identifier: MIT */
/*
 * A naive model of stage 2: an array with one record a page, and what each
 * operation of the page tables does to it, page by page.  It knows no table,
 * no run and no instruction; only which level a mapping gets.
 */
#ifndef STAGE2SIM_TESTS_HYP_NAIVE_MODEL_H
#define STAGE2SIM_TESTS_HYP_NAIVE_MODEL_H

#include <stdio.h>
#include <string.h>

#include "support.h"

#include "hyp/stage2/mmu.h"

#include <stage2sim/pgtable.h>

#define PERMS	    (S2_PROT_R | S2_PROT_W | S2_PROT_X)
#define MC_NO_LIMIT UINT64_MAX

struct page {
	uint64_t pa;
	uint8_t valid, af, prot;
	int8_t level;
};

enum op_kind {
	MAP,
	UNMAP,
	WRPROTECT,
	RELAX,
	MKYOUNG,
	AGE,
	FLUSH,
	SPLIT,
	N_KINDS
};

struct op {
	enum op_kind kind;
	uint64_t first, n; /* pages of the window */
	uint64_t pa;	   /* of the window's first page */
	unsigned prot, flags;
	uint64_t mc; /* split: tables in the cache; age: whether to clear */
	bool each;   /* page by page, in calls of their own */
};

/* One machine, one VM, and the model of a window of its IPA space. */
struct rig {
	struct s2_machine *machine;
	struct s2_cpu *cpu;
	struct s2_mmu *mmu;
	const struct s2_geometry *geo;
	const struct s2_flavour *flavour;
	uint64_t base, n_pages;
	struct page *now, *before;
	uint8_t *hit; /* flushed in this operation */
	bool hit_all;
	uint64_t leaves[S2_LAST_LEVEL + 1]; /* that the tables have */
	enum op_kind kind;
	char why[256]; /* what differs, or empty */
};

static void differ(struct rig *r, const char *what, uint64_t page)
{
	if (!r->why[0])
		snprintf(r->why, sizeof(r->why), "%s, page %" PRIu64, what, page);
}

static uint64_t level_pages(const struct rig *r, int level)
{
	return s2_level_size(r->geo, level) >> r->geo->page_shift;
}

static struct page *leaf_start(struct rig *r, uint64_t page, uint64_t *n)
{
	*n = level_pages(r, r->now[page].level);
	return &r->now[page & ~(*n - 1)];
}

static void model_forget_leaf(struct rig *r, uint64_t page)
{
	uint64_t n;
	struct page *p = leaf_start(r, page, &n);

	memset(p, 0, n * sizeof(*p));
}

static int model_map_level(const struct rig *r, const struct op *op, uint64_t page, uint64_t pa)
{
	for (int level = r->geo->start_level; level < S2_LAST_LEVEL; level++) {
		uint64_t n = level_pages(r, level);

		if ((op->flags & S2_MAP_FORCE_PTE) || !s2_level_supports_leaf(r->geo, level))
			continue;
		if (n <= op->first + op->n - page && !(page & (n - 1)) &&
		    !(pa & (s2_level_size(r->geo, level) - 1)))
			return level;
	}
	return S2_LAST_LEVEL;
}

static bool same_but_perms(const struct page *p, uint64_t pa, unsigned prot, int level)
{
	return p->valid && p->level == level && p->pa == pa && p->af &&
	       !((p->prot ^ prot) & ~(unsigned)PERMS);
}

static void model_fill(struct rig *r, uint64_t page, uint64_t pa, unsigned prot, int level)
{
	uint64_t n = level_pages(r, level);

	for (uint64_t i = 0; i < n; i++) {
		struct page *p = &r->now[page + i];

		if (p->valid)
			model_forget_leaf(r, page + i);
		*p = (struct page){pa + (i << r->geo->page_shift), true, true, (uint8_t)prot,
				   (int8_t)level};
	}
}

static int model_map(struct rig *r, const struct op *op)
{
	bool stops = (op->flags & S2_MAP_FAULT) || r->flavour->eagain_ends_walk;

	for (uint64_t page = op->first; page < op->first + op->n;) {
		uint64_t pa = op->pa + (page << r->geo->page_shift);
		int level = model_map_level(r, op, page, pa);

		if (!same_but_perms(&r->now[page], pa, op->prot, level))
			model_fill(r, page, pa, op->prot, level);
		else if (stops)
			return -EAGAIN;
		page += level_pages(r, level);
	}
	return 0;
}

/* Does @fn to each leaf that the operation touches, whole. */
static void model_each_leaf(struct rig *r, const struct op *op, void (*fn)(struct page *p))
{
	for (uint64_t page = op->first; page < op->first + op->n;) {
		uint64_t n;
		struct page *p;

		if (!r->now[page].valid) {
			page++;
			continue;
		}
		p = leaf_start(r, page, &n);
		page = (uint64_t)(p - r->now) + n;
		for (uint64_t i = 0; i < n; i++)
			fn(&p[i]);
	}
}

static void take_all(struct page *p)
{
	memset(p, 0, sizeof(*p));
}

static void take_write(struct page *p)
{
	p->prot &= (uint8_t)~S2_PROT_W;
}

static void take_af(struct page *p)
{
	p->af = false;
}

static int model_one_leaf(struct rig *r, const struct op *op)
{
	uint64_t n;
	struct page *p;

	if (!r->now[op->first].valid)
		return r->flavour->attr_invalid_eagain ? -EAGAIN : 0;
	p = leaf_start(r, op->first, &n);
	for (uint64_t i = 0; i < n; i++) {
		if (op->kind == RELAX)
			p[i].prot |= (uint8_t)(op->prot & PERMS);
		else
			p[i].af = true;
	}
	return 0;
}

/* Leaves of @level from @page on, the permissions kept, the memory write-back. */
static void model_resize(struct rig *r, uint64_t page, uint64_t n, int level)
{
	for (uint64_t i = page; i < page + n; i++) {
		r->now[i].level = (int8_t)level;
		r->now[i].af = true;
		r->now[i].prot &= PERMS;
	}
}

static int model_split(struct rig *r, const struct op *op)
{
	uint64_t mc = op->mc;

	if (!r->flavour->split)
		return -EOPNOTSUPP;
	for (uint64_t page = op->first; page < op->first + op->n;) {
		const struct page *p = &r->now[page];
		uint64_t n = p->valid ? level_pages(r, p->level) : 1;
		uint64_t all = p->level == 2 ? 1 : level_pages(r, 2) + 1;

		if (!p->valid || p->level == S2_LAST_LEVEL) {
			page++;
			continue;
		}
		if (!mc)
			return -ENOMEM;
		if (mc >= all) {
			model_resize(r, page & ~(n - 1), n, S2_LAST_LEVEL);
			page = (page & ~(n - 1)) + n;
		} else {
			/* One level; the same page again, now in a smaller block. */
			model_resize(r, page & ~(n - 1), n, p->level + 1);
			all = 1;
		}
		if (mc != MC_NO_LIMIT)
			mc -= all;
	}
	return 0;
}

static bool model_young(const struct rig *r, const struct op *op)
{
	for (uint64_t i = 0; i < op->n; i++)
		if (r->now[op->first + i].af)
			return true;
	return false;
}

static int model_do(struct rig *r, const struct op *op)
{
	switch (op->kind) {
	case MAP:
		return model_map(r, op);
	case UNMAP:
		model_each_leaf(r, op, take_all);
		return 0;
	case WRPROTECT:
		model_each_leaf(r, op, take_write);
		return 0;
	case RELAX:
	case MKYOUNG:
		return model_one_leaf(r, op);
	case AGE:
		if (op->mc)
			model_each_leaf(r, op, take_af);
		return 0;
	case SPLIT:
		return model_split(r, op);
	default:
		return 0;
	}
}

#endif
