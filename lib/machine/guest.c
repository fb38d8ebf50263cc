/* SPDX-License-Identifier: MIT */
/*
 * An access of a guest: the TLBs by VA, the TLBs by IPA, the walk cache, the
 * tables, and what is filled on the way back.
 */
#include <errno.h>

#include "machine/physics.h"
#include "machine/walker.h"

/* A leaf as TLBs keep it: the descriptor, with its level in bits that it does not use. */
#define CACHED_LEVEL S2_BITS(60, 59)

struct guest_walk {
	struct s2_physics *p;
	struct s2_cpu *cpu;
	const struct s2_regime *regime;
	const struct s2_guest_access *access;
	struct s2_guest_result *result;
};

static bool lookup(const struct guest_walk *w, enum s2_tlb_kind kind, uint64_t addr, uint64_t *data,
		   unsigned *shift)
{
	const struct s2_tlb_tag tag = {kind, w->regime->vmid,
				       kind & S2_TLB_BY_VA ? w->access->asid : 0};

	return s2_tlb_lookup(w->p->tlbs, w->cpu->index, &tag, addr, data, shift);
}

static void guest_fill(const struct guest_walk *w, enum s2_tlb_kind kind, uint64_t addr,
		       unsigned shift, uint64_t data)
{
	const struct s2_tlb_tag tag = {kind, w->regime->vmid,
				       kind & S2_TLB_BY_VA ? w->access->asid : 0};

	s2_tlb_fill(w->p->tlbs, w->cpu->index, &tag, addr, shift, data);
}

static bool combined_cacheable(const struct guest_walk *w, s2_pte pte)
{
	switch (s2_pte_memtype(pte, &w->regime->fmt)) {
	case S2_MEMTYPE_NORMAL_WB:
		/* With FWB stage 2 forces write-back, else the weaker of the two wins. */
		return w->regime->fmt.fwb || w->access->cacheable;
	case S2_MEMTYPE_AS_S1:
		return w->access->cacheable;
	default:
		return false;
	}
}

/* Bits of an address inside a leaf at @level that name a page of it. */
static uint64_t page_bits(const struct guest_walk *w, int level)
{
	const struct s2_geometry *geo = &w->regime->geo;

	return (s2_level_size(geo, level) - 1) & ~(s2_page_size(geo) - 1);
}

static void translated(const struct guest_walk *w, s2_pte pte, int level, struct s2_pa pa)
{
	w->result->pte = pte & ~page_bits(w, level);
	w->result->level = (int8_t)level;
	w->result->pa = pa;
	w->result->cacheable = combined_cacheable(w, pte);
}

/* What the leaf @pte makes of the access' IPA. */
static struct s2_pa leaf_pa(const struct guest_walk *w, s2_pte pte, int level)
{
	const uint64_t offset = w->access->ipa.v & (s2_level_size(&w->regime->geo, level) - 1);

	return s2_pa(s2_pte_pa(pte, &w->regime->fmt).v + offset);
}

/*
 * A combined entry covers what both stages map as one, and has the PA of just
 * that: a later access is not asked for its IPA.
 */
static void fill_combined(const struct guest_walk *w, s2_pte pte, int level)
{
	unsigned s1 = w->access->s1_shift;
	unsigned s2 = s2_level_shift(&w->regime->geo, level);
	unsigned shift = s1 && s1 < s2 ? s1 : s2;
	uint64_t inside = w->access->ipa.v & page_bits(w, level) & ~((UINT64_C(1) << shift) - 1);

	if (s1)
		guest_fill(w, S2_TLB_S1_ONLY, w->access->va.v, s1, w->access->ipa.v >> s1 << s1);
	/* The descriptor's format has no room for pages smaller than its granule. */
	if (shift >= w->regime->geo.page_shift)
		guest_fill(w, S2_TLB_COMBINED, w->access->va.v, shift,
			   ((pte & ~CACHED_LEVEL) | inside) |
				   s2_field_put((uint64_t)level, CACHED_LEVEL));
}

/* @return whether a TLB had a translation; then the access is over, faulted or not. */
static bool try_tlbs(const struct guest_walk *w)
{
	struct s2_pa pa;
	uint64_t data;
	unsigned shift;
	bool combined;
	s2_pte pte;
	int level;

	if (!w->p->tlbs)
		return false;
	combined = lookup(w, S2_TLB_COMBINED, w->access->va.v, &data, &shift);
	if (!combined && !lookup(w, S2_TLB_S2_LEAF, w->access->ipa.v, &data, &shift))
		return false;
	w->result->hit = true;
	level = (int)s2_field_get(data, CACHED_LEVEL);
	pte = data & ~CACHED_LEVEL;
	pa = leaf_pa(w, pte, level);
	if (combined)
		pa.v = s2_pte_pa(pte, &w->regime->fmt).v +
		       (w->access->va.v & ((UINT64_C(1) << shift) - 1));
	else
		fill_combined(w, pte, level);
	/* An entry raises permission faults of its own, however the tables stand. */
	if (s2_hw_permits(w->regime, pte, level, w->access, &w->result->fault))
		translated(w, pte, level, pa);
	return true;
}

/* The deepest table that the walk cache knows for this IPA. */
static void start_deep(const struct guest_walk *w, struct s2_hw_walk *walk)
{
	const struct s2_tlb_tag tag = {S2_TLB_S2_WALK, w->regime->vmid, 0};
	uint64_t data;
	unsigned shift;

	if (!w->p->tlbs ||
	    !s2_tlb_lookup(w->p->tlbs, w->cpu->index, &tag, w->access->ipa.v, &data, &shift))
		return;
	for (int level = 0; level < S2_LAST_LEVEL; level++) {
		if (s2_level_shift(&w->regime->geo, level) != shift)
			continue;
		walk->table.v = data;
		walk->level = level + 1;
	}
}

static void guest_walk_tables(const struct guest_walk *w)
{
	const struct s2_tablemem *tables = w->p->machine->tables;
	const struct s2_geometry *geo = &w->regime->geo;
	struct s2_hw_walk walk = s2_hw_walk_begin(w->regime, w->access->ipa);
	struct s2_fault *fault = &w->result->fault;

	if (w->access->ipa.v < s2_ipa_limit(geo)) {
		start_deep(w, &walk);
		while (s2_hw_walk_step(tables, w->regime, w->access->ipa, &walk, fault))
			if (w->p->tlbs)
				guest_fill(w, S2_TLB_S2_WALK, w->access->ipa.v,
					   s2_level_shift(geo, walk.level - 1), walk.table.v);
	}
	if (walk.reads)
		s2_count(w->cpu, S2_OP_WALK_READ, walk.reads);
	if (!s2_hw_walk_end(tables, w->regime, w->access, &walk, fault))
		return;
	translated(w, walk.pte, walk.level, leaf_pa(w, walk.pte, walk.level));
	if (!w->p->tlbs)
		return;
	guest_fill(w, S2_TLB_S2_LEAF, w->access->ipa.v, s2_level_shift(geo, walk.level),
		   (walk.pte & ~CACHED_LEVEL) | s2_field_put((uint64_t)walk.level, CACHED_LEVEL));
	fill_combined(w, walk.pte, walk.level);
}

static void translate(const struct guest_walk *w)
{
	static const struct s2_guest_result nothing;

	*w->result = nothing;
	if (try_tlbs(w)) {
		s2_count(w->cpu, S2_OP_TLB_HIT, 1);
		return;
	}
	s2_count(w->cpu, S2_OP_TLB_MISS, 1);
	guest_walk_tables(w);
}

/* With possible memory, what the access may have seen: reads narrow nothing. */
static int possible_versions(const struct guest_walk *w, enum s2_agent agent)
{
	struct s2_guest_result *result = w->result;
	struct s2_memory *mem = w->p->memory;

	if (!s2_memory_is_possible(mem) || w->access->kind == S2_ACCESS_WRITE)
		return 0;
	if (w->access->kind == S2_ACCESS_READ)
		return s2_memory_possible(mem, agent, result->pa, &result->versions);
	return s2_memory_possible_fetch(mem, w->cpu->index, result->pa, &result->versions);
}

static int use_memory(const struct guest_walk *w)
{
	struct s2_guest_result *result = w->result;
	struct s2_memory *mem = w->p->memory;
	enum s2_agent agent = result->cacheable ? S2_AGENT_WRITE_BACK : S2_AGENT_NON_CACHEABLE;
	int ret;

	switch (w->access->kind) {
	case S2_ACCESS_READ:
		ret = s2_memory_read(mem, agent, result->pa, &result->version);
		break;
	case S2_ACCESS_WRITE:
		ret = s2_memory_write(mem, agent, result->pa, 1, &result->version);
		break;
	default:
		ret = s2_memory_fetch(mem, w->cpu->index, result->pa, &result->version);
		break;
	}
	return ret ? ret : possible_versions(w, agent);
}

int s2_guest_access_check(const struct s2_physics *p, const struct s2_cpu *cpu,
			  const struct s2_guest_access *access)
{
	uint64_t offset = UINT64_MAX; /* what stage 1 keeps: without it, all */

	if (cpu->machine != p->machine || (unsigned)access->kind > S2_ACCESS_FETCH)
		return -EINVAL;
	if (access->s1_shift && (access->s1_shift < 12 || access->s1_shift > 52))
		return -EINVAL;
	if (access->s1_shift)
		offset = (UINT64_C(1) << access->s1_shift) - 1;
	return (access->va.v ^ access->ipa.v) & offset ? -EINVAL : 0;
}

bool s2_physics_in_context(const struct s2_physics *p, const struct s2_cpu *cpu)
{
	const struct s2_phys_cpu *state;

	if (cpu->machine != p->machine)
		return false;
	state = &p->cpus[cpu->index];
	return state->in_guest && !state->regime_err;
}

static bool may_speculate(const struct s2_physics *p, const struct s2_cpu *cpu)
{
	const struct s2_phys_cpu *state = &p->cpus[cpu->index];

	if (state->regime_err)
		return false;
	return state->in_guest || state->draining || p->machine->features.speculative_at;
}

int s2_guest_access(struct s2_physics *p, struct s2_cpu *cpu, const struct s2_guest_access *access,
		    struct s2_guest_result *result)
{
	struct guest_walk w = {p, cpu, NULL, access, result};
	int ret = s2_guest_access_check(p, cpu, access);

	if (ret)
		return ret;
	if (!s2_physics_in_context(p, cpu))
		return -ENOENT;
	w.regime = &p->cpus[cpu->index].regime;
	translate(&w);
	if (result->fault.raised) {
		s2_count(cpu, S2_OP_S2_FAULT, 1);
		return 0;
	}
	return p->memory ? use_memory(&w) : 0;
}

int s2_guest_speculate(struct s2_physics *p, struct s2_cpu *cpu,
		       const struct s2_guest_access *access, struct s2_guest_result *result)
{
	struct guest_walk w = {p, cpu, NULL, access, result};
	int ret = s2_guest_access_check(p, cpu, access);

	if (ret)
		return ret;
	if (!may_speculate(p, cpu))
		return -ENOENT;
	w.regime = &p->cpus[cpu->index].regime;
	translate(&w);
	return 0;
}

int s2_guest_tlbi_vmalle1(struct s2_physics *p, struct s2_cpu *cpu)
{
	if (cpu->machine != p->machine)
		return -EINVAL;
	if (p->tlbs && s2_physics_in_context(p, cpu))
		s2_tlb_inval_vmid(p->tlbs, S2_ALL_CPUS, p->cpus[cpu->index].regime.vmid, true);
	return 0;
}

int s2_guest_dc(struct s2_physics *p, enum s2_line_op op, struct s2_pa pa)
{
	if (op != S2_LINE_CLEAN && op != S2_LINE_CLEAN_INVALIDATE && op != S2_LINE_INVALIDATE)
		return -EINVAL;
	if (!p->memory)
		return 0;
	if (op == S2_LINE_INVALIDATE)
		op = S2_LINE_CLEAN_INVALIDATE;
	return s2_memory_apply(p->memory, op, pa, 1, NULL);
}

int s2_guest_dc_setway(struct s2_physics *p, struct s2_cpu *cpu)
{
	return cpu->machine == p->machine ? 0 : -EINVAL;
}

int s2_guest_ic_iallu(struct s2_physics *p, struct s2_cpu *cpu)
{
	if (cpu->machine != p->machine)
		return -EINVAL;
	if (p->memory && s2_physics_in_context(p, cpu))
		s2_memory_ic_iallu(p->memory, S2_MEMORY_ALL_CPUS);
	return 0;
}
