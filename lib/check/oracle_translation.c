/* SPDX-License-Identifier: MIT */
/*
 * Residue against tables: what may still be held, and whether it grants more
 * than what stands there now.
 */
#include "check/oracle.h"

/* What an old leaf lets EL1 (bit 0) and EL0 (bit 1) execute. */
static unsigned executes(s2_pte pte, const struct s2_pte_format *fmt)
{
	static const unsigned by_xn[] = {3, 2, 0, 1}; /* enum s2_xn */

	if (!fmt->xnx)
		return pte & S2_PTE_XN ? 0 : 3;
	return by_xn[s2_field_get(pte, S2_PTE_XN_MASK)];
}

/* The attributes in which two leaves may not differ, whatever they permit. */
static s2_pte type_bits(s2_pte pte, const struct s2_pte_format *fmt)
{
	return pte & (S2_PTE_MEMATTR_MASK | (fmt->lpa2 ? 0 : S2_PTE_SH_MASK));
}

/* Whether an entry made of @held grants what @now, mapping @pa there, does not. */
static bool leaf_grants_more(const struct s2_regime *regime, s2_pte held, uint64_t held_pa,
			     s2_pte now, uint64_t now_pa, enum s2_finding *what)
{
	const struct s2_pte_format *fmt = &regime->fmt;

	if (held_pa != now_pa)
		*what = S2_FOUND_OTHER_OUTPUT;
	else if (type_bits(held, fmt) != type_bits(now, fmt))
		*what = S2_FOUND_OTHER_TYPE;
	else if (s2_pte_writable(held) && !s2_pte_writable(now))
		*what = S2_FOUND_WRITABLE;
	else if (s2_pte_readable(held) && !s2_pte_readable(now))
		*what = S2_FOUND_READABLE;
	else if (executes(held, fmt) & ~executes(now, fmt))
		*what = S2_FOUND_EXECUTABLE;
	else
		return false;
	return true;
}

/* An old leaf of which [start, end) is in question, and where its difference was found. */
struct held_leaf {
	const struct s2_oracle_claim *claim;
	s2_pte pte;
	uint64_t ipa, pa; /* of its first byte */
	uint64_t start, end;
	struct s2_violation *v;
};

static bool differs(const struct held_leaf *h, uint64_t ipa, uint64_t size, s2_pte now, int level,
		    enum s2_finding what)
{
	h->v->finding = what;
	h->v->ipa.v = ipa;
	h->v->size = size;
	h->v->now = now;
	h->v->level = (int8_t)level;
	return true;
}

static const struct s2_table *table_at(const struct s2_oracle_claim *c, struct s2_pa pa)
{
	return s2_tablemem_find(c->o->machine->tables, pa);
}

/* The entries of @table, which maps from @base on, against the part of the old leaf. */
static bool table_differs(const struct held_leaf *h, const struct s2_table *table, uint64_t base,
			  int level)
{
	const struct s2_regime *regime = h->claim->regime;
	const uint64_t size = s2_level_size(&regime->geo, level);
	uint64_t first = h->start > base ? (h->start - base) / size : 0;
	uint64_t ipa = base + first * size;

	for (uint64_t i = first; i < s2_table_entries(&regime->geo) && ipa < h->end;
	     i++, ipa += size) {
		const s2_pte now = table->entries[i];
		const struct s2_table *child;
		enum s2_finding what;

		if (s2_pte_is_table(now, level)) {
			child = table_at(h->claim, s2_pte_pa(now, &regime->fmt));
			if (!child)
				return differs(h, ipa, size, now, level, S2_FOUND_UNMAPPED);
			if (table_differs(h, child, ipa, level + 1))
				return true;
		} else if (!s2_pte_is_leaf(now, level)) {
			return differs(h, ipa, size, now, level, S2_FOUND_UNMAPPED);
		} else if (leaf_grants_more(regime, h->pte, h->pa + (ipa - h->ipa), now,
					    s2_pte_pa(now, &regime->fmt).v, &what)) {
			return differs(h, ipa, size, now, level, what);
		}
	}
	return false;
}

static bool held_leaf_differs(const struct held_leaf *h)
{
	const struct s2_geometry *geo = &h->claim->regime->geo;
	const uint64_t span = s2_level_size(geo, geo->start_level - 1);

	for (uint64_t base = h->start / span * span; base < h->end; base += span) {
		const struct s2_pa pa = {h->claim->regime->root.v +
					 base / span * s2_page_size(geo)};
		const struct s2_table *root = table_at(h->claim, pa);

		if (!root)
			return differs(h, base, span, 0, geo->start_level, S2_FOUND_UNMAPPED);
		if (table_differs(h, root, base, geo->start_level))
			return true;
	}
	return false;
}

static unsigned first_cpu(const struct s2_oracle *o, struct s2_group *g)
{
	const uint64_t *cpus = s2_group_cpus(o->residues, g);
	unsigned cpu = 0;

	while (cpu + 1 < o->machine->n_cpus && !(cpus[cpu / 64] >> cpu % 64 & 1))
		cpu++;
	return cpu;
}

/* Descriptor @index of @g, where it lies in the claim. */
static bool descriptor_grants_more(const struct s2_oracle_claim *c, struct s2_group *g,
				   unsigned index, struct s2_violation *v)
{
	const uint64_t size = UINT64_C(1) << s2_res_shift(c->o->residues, g->level);
	const uint64_t ipa = g->ipa + index * size;
	const s2_pte pte = s2_group_pte(g, index);
	struct held_leaf h = {.claim = c, .pte = pte, .ipa = ipa, .v = v};

	if (ipa >= c->end || ipa + size <= c->start)
		return false;
	v->vmid = c->regime->vmid;
	v->cpu = first_cpu(c->o, g);
	v->by = c->by;
	v->held = pte;
	if (g->table) {
		v->ipa.v = ipa;
		v->size = size;
		v->level = g->level;
		v->now = 0;
		v->finding = S2_FOUND_WALK;
		return true;
	}
	h.pa = s2_pte_pa(pte, &c->regime->fmt).v;
	h.start = ipa > c->start ? ipa : c->start;
	h.end = ipa + size < c->end ? ipa + size : c->end;
	return held_leaf_differs(&h);
}

/* Complete, and the issuer re-enters the guest by an ERET, which synchronises. */
static bool is_gone(const struct s2_group *g)
{
	return g->stage == S2_RESIDUE_SYNC;
}

static bool group_grants_more(const struct s2_oracle_claim *c, struct s2_group *g,
			      struct s2_violation *v)
{
	if (is_gone(g))
		return false;
	for (unsigned w = 0; w < c->o->residues->page_words; w++)
		for (uint64_t bits = g->words[w], i = 0; bits >> i; i++) {
			if ((bits >> i & 1) &&
			    descriptor_grants_more(c, g, w * 64 + (unsigned)i, v))
				return true;
			if (i == 63)
				break;
		}
	return false;
}

static struct s2_group *group_at(struct s2_link *link)
{
	return (struct s2_group *)(void *)link; /* the link stands first */
}

/* What @fn says of each group of the claim's VM, until it says true. */
typedef bool group_fn(const struct s2_oracle_claim *c, struct s2_group *g, void *arg);

static bool any_in_list(const struct s2_oracle_claim *c, struct s2_link *list, group_fn *fn,
			void *arg)
{
	for (struct s2_link *link = list->next; link != list; link = link->next)
		if (group_at(link)->vm == c->vm && fn(c, group_at(link), arg))
			return true;
	return false;
}

/* log2 of what a table page at @level maps, or 63: all of it. */
static unsigned page_span(const struct s2_residues *res, int level)
{
	const unsigned shift = s2_res_shift(res, level) + res->page_shift - 3U;

	return shift < 63 ? shift : 63;
}

/* How many table pages walks for the claim's range can go through. */
static uint64_t pages_of(const struct s2_oracle_claim *c)
{
	uint64_t n = 0;

	for (int level = 0; level <= S2_LAST_LEVEL; level++) {
		const unsigned shift = page_span(c->o->residues, level);

		n += ((c->end - 1) >> shift) - (c->start >> shift) + 1;
	}
	return n;
}

static bool any_in_pages(const struct s2_oracle_claim *c, int level, group_fn *fn, void *arg)
{
	const struct s2_residues *res = c->o->residues;
	const unsigned shift = page_span(res, level);

	for (uint64_t i = c->start >> shift; i <= (c->end - 1) >> shift; i++)
		for (struct s2_group *g = s2_group_first(res, c->vm, i << shift, level); g;
		     g = s2_group_next(g))
			if (fn(c, g, arg))
				return true;
	return false;
}

/* The groups of the pages that walks for the range go through, or all if these are fewer. */
static bool any_group(const struct s2_oracle_claim *c, group_fn *fn, void *arg)
{
	if (!c->vm || !c->vm->entries)
		return false;
	if (c->vm->groups <= 8 || pages_of(c) >= c->vm->groups)
		return any_in_list(c, &c->vm->idle, fn, arg) ||
		       any_in_list(c, &c->vm->active, fn, arg) ||
		       any_in_list(c, &c->o->residues->pending, fn, arg);
	for (int level = 0; level <= S2_LAST_LEVEL; level++)
		if (any_in_pages(c, level, fn, arg))
			return true;
	return false;
}

static bool grants_more(const struct s2_oracle_claim *c, struct s2_group *g, void *arg)
{
	return group_grants_more(c, g, arg);
}

bool s2_oracle_holds_more(struct s2_oracle_claim *c, struct s2_violation *v)
{
	return any_group(c, grants_more, v);
}

/* A CPU that still runs the VM under another number keeps what that one has. */
static void check_old_numbers(struct s2_oracle_claim *c)
{
	for (unsigned cpu = 0; cpu < c->o->machine->n_cpus; cpu++) {
		const struct s2_phys_cpu *state = &c->o->physics->cpus[cpu];
		struct s2_oracle_claim old = *c;
		struct s2_violation v = {.level = -1};

		if (!state->in_guest || state->regime_err ||
		    state->regime.root.v != c->regime->root.v ||
		    state->regime.vmid.v == c->regime->vmid.v)
			continue;
		old.regime = &state->regime;
		old.vm = c->o->residues->by_vmid[state->regime.vmid.v];
		if (s2_oracle_holds_more(&old, &v))
			s2_oracle_report(c->o, &v);
	}
}

void s2_oracle_check_return(struct s2_oracle_claim *c)
{
	struct s2_violation v = {.level = -1};

	if (s2_oracle_holds_more(c, &v))
		s2_oracle_report(c->o, &v);
	check_old_numbers(c);
}

static bool permits(const struct s2_oracle_claim *c, s2_pte pte, enum s2_access access)
{
	switch (access) {
	case S2_ACCESS_READ:
		return s2_pte_readable(pte);
	case S2_ACCESS_WRITE:
		return s2_pte_writable(pte);
	default:
		return executes(pte, &c->regime->fmt) != 0;
	}
}

/* An entry held by the CPU that faulted, and narrower than what it asked for. */
static bool refuses(const struct s2_oracle_claim *c, struct s2_group *g, void *arg)
{
	const uint64_t size = UINT64_C(1) << s2_res_shift(c->o->residues, g->level);
	struct s2_violation *v = arg;
	const enum s2_access access = (enum s2_access)v->level;
	unsigned index;

	if (is_gone(g) || g->table || c->start < g->ipa ||
	    !(s2_group_cpus(c->o->residues, g)[c->by / 64] >> c->by % 64 & 1))
		return false;
	index = (unsigned)((c->start - g->ipa) / size);
	if (index >= c->o->residues->page_words * 64 || !(g->words[index / 64] >> index % 64 & 1) ||
	    permits(c, s2_group_pte(g, index), access))
		return false;
	v->held = s2_group_pte(g, index);
	v->ipa.v = g->ipa + index * size;
	v->size = size;
	v->level = g->level;
	return true;
}

void s2_oracle_check_progress(struct s2_oracle_claim *c, struct s2_ipa ipa, enum s2_access access)
{
	struct s2_violation v = {.finding = S2_FOUND_REFUSED,
				 .cpu = c->by,
				 .by = c->by,
				 .vmid = c->regime->vmid,
				 .level = (int8_t)access};
	struct s2_oracle_claim one = *c;

	one.start = ipa.v;
	one.end = ipa.v + 1;
	if (any_group(&one, refuses, &v))
		s2_oracle_report(c->o, &v);
}

static bool lets_write(const struct s2_oracle_claim *c, struct s2_group *g, void *arg)
{
	const uint64_t size = UINT64_C(1) << s2_res_shift(c->o->residues, g->level);
	struct s2_violation *v = arg;

	if (is_gone(g) || g->table)
		return false;
	for (unsigned i = 0; i < c->o->residues->page_words * 64; i++) {
		const uint64_t ipa = g->ipa + i * size;

		if (!(g->words[i / 64] >> i % 64 & 1) || ipa >= c->end || ipa + size <= c->start ||
		    !s2_pte_writable(s2_group_pte(g, i)))
			continue;
		v->finding = S2_FOUND_DIRTY_HELD;
		v->cpu = first_cpu(c->o, g);
		v->held = s2_group_pte(g, i);
		v->ipa.v = ipa;
		v->size = size;
		v->level = g->level;
		return true;
	}
	return false;
}

/* The first leaf of [c->start, c->end) below @table that may be written. */
static bool table_lets_write(const struct s2_oracle_claim *c, const struct s2_table *table,
			     uint64_t base, int level, struct s2_violation *v)
{
	const uint64_t size = s2_level_size(&c->regime->geo, level);
	const uint64_t first = c->start > base ? (c->start - base) / size : 0;
	uint64_t ipa = base + first * size;

	for (uint64_t i = first; i < s2_table_entries(&c->regime->geo) && ipa < c->end;
	     i++, ipa += size) {
		const s2_pte now = table->entries[i];

		if (s2_pte_is_table(now, level)) {
			const struct s2_table *child =
				table_at(c, s2_pte_pa(now, &c->regime->fmt));

			if (child && table_lets_write(c, child, ipa, level + 1, v))
				return true;
		} else if (s2_pte_is_leaf(now, level) && s2_pte_writable(now)) {
			v->finding = S2_FOUND_DIRTY_WRITABLE;
			v->now = now;
			v->ipa.v = ipa;
			v->size = size;
			v->level = (int8_t)level;
			return true;
		}
	}
	return false;
}

static bool tables_let_write(const struct s2_oracle_claim *c, struct s2_violation *v)
{
	const struct s2_geometry *geo = &c->regime->geo;
	const uint64_t span = s2_level_size(geo, geo->start_level - 1);

	for (uint64_t base = c->start / span * span; base < c->end; base += span) {
		const struct s2_pa pa = {c->regime->root.v + base / span * s2_page_size(geo)};
		const struct s2_table *root = table_at(c, pa);

		if (root && table_lets_write(c, root, base, geo->start_level, v))
			return true;
	}
	return false;
}

void s2_oracle_check_harvest(struct s2_oracle_claim *c)
{
	struct s2_violation v = {.by = c->by, .vmid = c->regime->vmid};

	if (tables_let_write(c, &v) || any_group(c, lets_write, &v))
		s2_oracle_report(c->o, &v);
}
