/* SPDX-License-Identifier: MIT */
/* What the possible TLB says to those who ask. */
#include <errno.h>

#include "machine/residue.h"

const char *s2_residue_stage_name(enum s2_residue_stage stage)
{
	static const char *const names[] = {
		[S2_RESIDUE_STORED] = "stored",
		[S2_RESIDUE_VISIBLE] = "visible",
		[S2_RESIDUE_S2_ISSUED] = "stage-2 TLBI issued",
		[S2_RESIDUE_S2_DONE] = "combined entries left",
		[S2_RESIDUE_VA_ISSUED] = "VMALLE1 issued",
		[S2_RESIDUE_ALL_ISSUED] = "TLBI of all issued",
		[S2_RESIDUE_SYNC] = "issuer not synchronised",
	};

	return (unsigned)stage <= S2_RESIDUE_SYNC ? names[stage] : NULL;
}

int s2_physics_watch(struct s2_physics *p, uint64_t vtcr, uint64_t vttbr)
{
	struct s2_regime regime;
	int ret;

	if (!p->residues)
		return -EINVAL;
	ret = s2_regime_init(&regime, &p->machine->features, vtcr, vttbr);
	return ret ? ret : s2_residues_watch(p->residues, &regime);
}

static const struct s2_res_vm *vm_of(const struct s2_physics *p, struct s2_vmid vmid)
{
	if (!p->residues || vmid.v >> p->machine->features.vmid_bits)
		return NULL;
	return p->residues->by_vmid[vmid.v];
}

uint64_t s2_residue_count(const struct s2_physics *p, struct s2_vmid vmid)
{
	const struct s2_res_vm *vm = vm_of(p, vmid);

	return vm ? vm->entries : 0;
}

static unsigned kinds_left(const struct s2_group *g)
{
	unsigned kinds = g->table ? S2_TLB_S2_WALK : S2_TLB_S2_LEAF | S2_TLB_COMBINED;

	if (g->below)
		kinds |= S2_TLB_S2_LEAF | S2_TLB_COMBINED;
	if (g->stage == S2_RESIDUE_S2_DONE || g->stage == S2_RESIDUE_VA_ISSUED)
		kinds &= S2_TLB_COMBINED;
	return kinds;
}

static enum s2_residue_stage stage_of(const struct s2_residues *res, struct s2_group *g)
{
	if (g->stage == S2_RESIDUE_STORED && s2_group_visible(res, g, false, 0))
		return S2_RESIDUE_VISIBLE;
	return (enum s2_residue_stage)g->stage;
}

/* Descriptors [index, index + n) of a group. */
struct s2_residue s2_residues_describe(const struct s2_residues *res, struct s2_group *g,
				       unsigned index, uint64_t n)
{
	const unsigned shift = s2_res_shift(res, g->level);
	const struct s2_residue residue = {
		.vmid = g->vm->vmid,
		.ipa = {g->ipa + ((uint64_t)index << shift)},
		.size = UINT64_C(1) << shift,
		.n = n,
		.level = g->level,
		.pte = s2_group_pte(g, index),
		.kinds = kinds_left(g),
		.subtree = g->below,
		.conflict = g->conflict,
		.stage = stage_of(res, g),
		.cpus = s2_group_cpus(res, g),
	};

	return residue;
}

static bool has(const struct s2_group *g, unsigned index)
{
	return g->words[index / 64] >> index % 64 & 1;
}

static void each_run(const struct s2_residues *res, struct s2_group *g,
		     void (*fn)(void *arg, const struct s2_residue *residue), void *arg)
{
	const unsigned entries = res->page_words * 64;

	for (unsigned i = 0; i < entries; i++) {
		struct s2_residue residue;
		unsigned n = 0;

		while (i + n < entries && has(g, i + n))
			n++;
		if (!n)
			continue;
		residue = s2_residues_describe(res, g, i, n);
		fn(arg, &residue);
		i += n;
	}
}

static struct s2_group *tlb_query_group_of(struct s2_link *link)
{
	return (struct s2_group *)(void *)link; /* the link stands first */
}

void s2_residue_each(const struct s2_physics *p, struct s2_vmid vmid,
		     void (*fn)(void *arg, const struct s2_residue *residue), void *arg)
{
	const struct s2_res_vm *vm = vm_of(p, vmid);
	struct s2_link *link;

	if (!vm)
		return;
	for (link = vm->idle.next; link != &vm->idle; link = link->next)
		each_run(p->residues, tlb_query_group_of(link), fn, arg);
	for (link = vm->active.next; link != &vm->active; link = link->next)
		each_run(p->residues, tlb_query_group_of(link), fn, arg);
	for (link = p->residues->pending.next; link != &p->residues->pending; link = link->next)
		if (tlb_query_group_of(link)->vm == vm)
			each_run(p->residues, tlb_query_group_of(link), fn, arg);
}

/* The groups of the page at @level that the walk for an IPA goes through. */
static unsigned at_level(const struct s2_residues *res, const struct s2_res_vm *vm,
			 struct s2_ipa ipa, int level, unsigned cpu,
			 void (*fn)(void *arg, const struct s2_residue *residue), void *arg)
{
	const unsigned shift = s2_res_shift(res, level);
	const unsigned page = shift + res->page_shift - 3U;
	const uint64_t base = page < 64 ? ipa.v >> page << page : 0;
	const unsigned index = (unsigned)((ipa.v - base) >> shift);
	struct s2_group *g = s2_group_first(res, vm, base, level);
	unsigned n = 0;

	for (; g; g = s2_group_next(g)) {
		struct s2_residue residue;

		if (!has(g, index) || !(s2_group_cpus(res, g)[cpu / 64] >> cpu % 64 & 1))
			continue;
		n++;
		residue = s2_residues_describe(res, g, index, 1);
		if (fn)
			fn(arg, &residue);
	}
	return n;
}

unsigned s2_residue_at(const struct s2_physics *p, struct s2_vmid vmid, struct s2_ipa ipa,
		       unsigned cpu, void (*fn)(void *arg, const struct s2_residue *residue),
		       void *arg)
{
	const struct s2_res_vm *vm = vm_of(p, vmid);
	unsigned n = 0;

	if (!vm || !vm->entries || cpu >= p->n_cpus)
		return 0;
	for (int level = 0; level <= S2_LAST_LEVEL; level++)
		n += at_level(p->residues, vm, ipa, level, cpu, fn, arg);
	return n;
}

uint64_t s2_residue_footprint(const struct s2_physics *p)
{
	return p->residues ? p->residues->bytes : 0;
}
