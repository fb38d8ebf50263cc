/* SPDX-License-Identifier: MIT */
/*
 * How instructions move residue from stage to stage.  The worst is assumed:
 * an instruction helps only from where its barrier has made sure of it.
 */
#include <errno.h>

#include <stage2sim/tlbi.h>

#include "machine/residue.h"

/* A TLBI at work: whose entries, of which CPUs, and by whom. */
struct tlbi {
	struct s2_residues *res;
	struct s2_res_vm *vm;
	unsigned cpu;
	bool local;
	struct s2_tlbi_span span; /* by IPA */
	bool unfolded; /* a subtree was taken apart: its parts must be looked at too */
	int err;
};

static struct s2_group *group_of(struct s2_link *link)
{
	return (struct s2_group *)(void *)link; /* the link stands first */
}

static void pend(const struct tlbi *t, struct s2_group *g, enum s2_residue_stage stage)
{
	struct s2_residues *res = t->res;
	uint64_t *pending = s2_group_pending(res, g);

	if (g->stage != stage) {
		s2_cpus_only(res, pending, t->cpu);
		s2_group_move(res, g, stage);
		g->local = t->local;
		return;
	}
	/* Several may have issued it: the first that completes is enough. */
	pending[t->cpu / 64] |= UINT64_C(1) << t->cpu % 64;
	g->local |= t->local;
}

/* A TLBI of all is under way beside whatever else is: each goes on by itself. */
static void pend_all(const struct tlbi *t, struct s2_group *g)
{
	struct s2_residues *res = t->res;
	uint64_t *all = s2_group_all(res, g);

	if (!g->all)
		s2_cpus_only(res, all, t->cpu);
	all[t->cpu / 64] |= UINT64_C(1) << t->cpu % 64;
	g->local_all = (g->all && g->local_all) || t->local;
	g->all = true;
	if (g->stage == S2_RESIDUE_STORED)
		pend(t, g, S2_RESIDUE_ALL_ISSUED);
	else if (g->stage == S2_RESIDUE_S2_DONE)
		s2_group_move(res, g, S2_RESIDUE_S2_DONE);
}

static bool others_hold(const struct tlbi *t, struct s2_group *g)
{
	const uint64_t *cpus = s2_group_cpus(t->res, g);
	uint64_t others = cpus[t->cpu / 64] & ~(UINT64_C(1) << t->cpu % 64);

	for (unsigned w = 0; w < t->res->cpu_words; w++)
		others |= w == t->cpu / 64 ? 0 : cpus[w];
	return others;
}

/* The part of @g that a local TLBI can reach; all of it for a broadcast. */
static struct s2_group *reached(struct tlbi *t, struct s2_group *g)
{
	struct s2_group *part;

	if (!t->local)
		return g;
	/* What is below it parts with it, entry by entry. */
	if (g->below && others_hold(t, g)) {
		t->err = s2_residues_unfold(t->res, g);
		t->unfolded = true;
	}
	part = s2_group_take_cpu(t->res, g, t->cpu, &t->err);
	/* What the other CPUs may hold is at rest, and there may be more like it. */
	if (part && part != g)
		s2_group_join(t->res, g);
	return part;
}

/* Tells a run whether an instruction concerned more than what the run itself left. */
static void note_change(struct tlbi *t, const struct s2_group *g)
{
	t->res->changes += g->serial <= t->res->run_serial;
}

/* The descriptors of @g that the operand names: any overlap names all of one (R_TVTYQ). */
static struct s2_group *named(struct tlbi *t, struct s2_group *g)
{
	const unsigned shift = s2_res_shift(t->res, g->level);
	const uint64_t end = t->span.start.v + t->span.size;
	const uint64_t page_end = g->ipa + ((uint64_t)t->res->page_words * 64 << shift);
	uint64_t first, last;

	if (t->span.start.v >= page_end || end <= g->ipa)
		return NULL;
	/* A hint speaks of leaves at its level and of nothing else. */
	if (t->span.level != S2_TTL_UNKNOWN && (g->table || t->span.level != g->level))
		return NULL;
	first = t->span.start.v > g->ipa ? (t->span.start.v - g->ipa) >> shift : 0;
	last = end < page_end ? (end - 1 - g->ipa) >> shift : (page_end - 1 - g->ipa) >> shift;
	return s2_group_take(t->res, g, first, last, &t->err);
}

/* A subtree that is named in part is its parts; @return whether it was taken apart. */
static bool unfold_if_partial(struct tlbi *t, struct s2_group *g)
{
	const unsigned shift = s2_res_shift(t->res, g->level);
	const uint64_t end = t->span.start.v + t->span.size;
	uint64_t index = 0, ipa;

	while (!(g->words[index / 64] >> index % 64 & 1))
		index++;
	ipa = g->ipa + (index << shift);
	if (end <= ipa || t->span.start.v >= ipa + (UINT64_C(1) << shift))
		return false;
	if (t->span.level == S2_TTL_UNKNOWN && t->span.start.v <= ipa &&
	    end >= ipa + (UINT64_C(1) << shift))
		return false;
	t->err = s2_residues_unfold(t->res, g);
	return true;
}

/* Its stage-2 entries may still be there. */
static bool is_before_va(const struct s2_group *g)
{
	return g->stage == S2_RESIDUE_STORED || g->stage == S2_RESIDUE_S2_ISSUED ||
	       g->stage == S2_RESIDUE_ALL_ISSUED;
}

static bool tlb_possible_hit_by_ipa(struct tlbi *t, struct s2_group *g)
{
	const struct s2_group *whole;
	bool unfolded = false;

	if (g->vm != t->vm || g->conflict || !is_before_va(g))
		return false;
	if (g->stage == S2_RESIDUE_STORED && !s2_group_visible(t->res, g, t->local, t->cpu))
		return false;
	if (g->below)
		unfolded = unfold_if_partial(t, g);
	whole = g;
	g = named(t, g);
	if (!g)
		return unfolded;
	note_change(t, whole);
	g = reached(t, g);
	if (g)
		pend(t, g, S2_RESIDUE_S2_ISSUED);
	return unfolded;
}

/* Every group of a list; parts that split off stand before it and are not seen again. */
static bool hit_list(struct tlbi *t, struct s2_link *list)
{
	struct s2_link *link, *next;
	bool again = false;

	for (link = list->next; link != list; link = next) {
		next = link->next;
		again |= tlb_possible_hit_by_ipa(t, group_of(link));
	}
	return again;
}

static bool hit_page(struct tlbi *t, uint64_t ipa, int level)
{
	struct s2_group *g = s2_group_first(t->res, t->vm, ipa, level), *next;
	bool again = false;

	for (; g; g = next) {
		next = s2_group_next(g);
		again |= tlb_possible_hit_by_ipa(t, g);
	}
	return again;
}

/* One page of IPA: the tables on the way to it, of which there are few. */
static bool hit_single(struct tlbi *t)
{
	bool again = false;

	for (int level = 0; level <= S2_LAST_LEVEL; level++) {
		/* Above level 0 there are only root pages, of up to 16 tables side by side. */
		unsigned shift = s2_res_shift(t->res, level) + t->res->page_shift - 3U;

		if (shift < 64)
			again |= hit_page(t, t->span.start.v >> shift << shift, level);
	}
	return again;
}

static void tlbi_ipa(struct tlbi *t)
{
	const bool single = t->span.size <= UINT64_C(1) << t->res->page_shift;
	bool again = true;

	/* What a subtree is taken apart into must be looked at too; it has few levels. */
	while ((again || t->unfolded) && !t->err) {
		t->unfolded = false;
		if (single && t->vm->groups > 8) {
			again = hit_single(t);
		} else {
			/* In this order, or what the first finds is looked at twice. */
			again = hit_list(t, &t->res->pending);
			again |= hit_list(t, &t->vm->idle);
		}
	}
}

/* VMALLE1: combined entries, which a stage-2 entry that is left would make anew. */
static void by_va(struct tlbi *t)
{
	struct s2_link *link, *next;

	/* In this order, or what moves to this list is looked at twice. */
	for (link = t->res->pending.next; link != &t->res->pending; link = next) {
		struct s2_group *g = group_of(link);

		next = link->next;
		if (g->vm != t->vm ||
		    (g->stage != S2_RESIDUE_VA_ISSUED && g->stage != S2_RESIDUE_S2_DONE))
			continue;
		g = reached(t, g);
		if (g)
			pend(t, g, S2_RESIDUE_VA_ISSUED);
	}
	for (link = t->vm->active.next; link != &t->vm->active; link = next) {
		struct s2_group *g = group_of(link);

		next = link->next;
		note_change(t, g);
		g = reached(t, g);
		if (g)
			pend(t, g, S2_RESIDUE_VA_ISSUED);
	}
}

static void tlbi_by_va(struct tlbi *t)
{
	do {
		t->unfolded = false;
		by_va(t);
	} while (t->unfolded && !t->err);
}

static void all_of(struct tlbi *t, struct s2_group *g)
{
	if (g->vm != t->vm || g->stage == S2_RESIDUE_SYNC)
		return;
	/* Without tables nobody can bring back what a store has taken away. */
	if (g->stage == S2_RESIDUE_STORED && g->vm->linked &&
	    !s2_group_visible(t->res, g, t->local, t->cpu))
		return;
	note_change(t, g);
	g = reached(t, g);
	if (g)
		pend_all(t, g);
}

static void all_lists(struct tlbi *t)
{
	struct s2_link *lists[] = {&t->res->pending, &t->vm->idle, &t->vm->active};

	for (unsigned i = 0; i < 3; i++) {
		struct s2_link *link, *next;

		for (link = lists[i]->next; link != lists[i]; link = next) {
			next = link->next;
			all_of(t, group_of(link));
		}
	}
}

static void tlbi_all(struct tlbi *t)
{
	do {
		t->unfolded = false;
		all_lists(t);
	} while (t->unfolded && !t->err);
}

/* Whose VMID a TLBI carries, if the registers leave no doubt; NULL if nothing is sure to go. */
static struct s2_res_vm *tlbi_vm(const struct s2_residues *res, unsigned cpu)
{
	const struct s2_phys_cpu *state = &res->p->cpus[cpu];
	const struct s2_features *f = &res->p->machine->features;
	const struct s2_vmid vmid = s2_vttbr_vmid(f, state->effective.vttbr);

	if (state->issued.vttbr != state->effective.vttbr &&
	    vmid.v != s2_vttbr_vmid(f, state->issued.vttbr).v)
		return NULL;
	return res->by_vmid[vmid.v];
}

static bool regime_is_host(const struct s2_residues *res, unsigned cpu)
{
	const struct s2_phys_cpu *state = &res->p->cpus[cpu];

	return s2_hcr_is_host(state->effective.hcr) || s2_hcr_is_host(state->issued.hcr);
}

bool s2_residues_span(const struct s2_residues *res, unsigned cpu, const struct s2_insn *insn,
		      uint64_t i, struct s2_tlbi_span *span)
{
	const struct s2_features *f = &res->p->machine->features;
	const struct s2_phys_cpu *state = &res->p->cpus[cpu];
	const struct s2_tlbi_format fmt = {res->page_shift, f->ttl,
					   !state->regime_err && state->regime.geo.lpa2,
					   f->tlbirange};
	const uint64_t operand = insn->value + i * insn->value_step;
	struct s2_tlbi_span single;

	if (insn->op == S2_OP_TLBI_RIPAS2E1IS || insn->op == S2_OP_TLBI_RIPAS2E1)
		return !s2_tlbi_range_decode(&fmt, operand, span);
	/* Field by field: what was just returned in parts is slow to copy as a whole. */
	single = s2_tlbi_ipa_decode(&fmt, operand);
	span->start.v = single.start.v;
	span->size = single.size;
	span->level = single.level;
	return span->size != 0;
}

static void tlbi_alle1(struct tlbi *t)
{
	for (t->vm = t->res->vms; t->vm; t->vm = t->vm->next)
		if (t->vm->entries)
			tlbi_all(t);
}

int s2_residues_tlbi(struct s2_residues *res, unsigned cpu, const struct s2_insn *insn, uint64_t i)
{
	struct tlbi t = {.res = res, .cpu = cpu, .local = !s2_op_is_broadcast(insn->op)};

	if (!res->n_groups || insn->op == S2_OP_TLBI_VALE2IS)
		return 0;
	if (insn->op == S2_OP_TLBI_ALLE1IS) {
		tlbi_alle1(&t);
		return t.err;
	}
	t.vm = tlbi_vm(res, cpu);
	if (!t.vm || !t.vm->entries)
		return 0;
	switch (insn->op) {
	case S2_OP_TLBI_VMALLS12E1IS:
	case S2_OP_TLBI_VMALLS12E1:
		tlbi_all(&t);
		break;
	case S2_OP_TLBI_VMALLE1IS:
	case S2_OP_TLBI_VMALLE1:
		if (!regime_is_host(res, cpu))
			tlbi_by_va(&t);
		break;
	default:
		if (s2_residues_span(res, cpu, insn, i, &t.span))
			tlbi_ipa(&t);
		break;
	}
	return t.err;
}

/* Gone everywhere but on the issuer, whose own fetches and walks wait for its ISB. */
static void complete_all(struct s2_residues *res, struct s2_group *g, unsigned cpu)
{
	uint64_t *cpus = s2_group_cpus(res, g);
	const uint64_t own = cpus[cpu / 64] & UINT64_C(1) << cpu % 64;

	/* Without VHE this is EL2, and the ERET that must follow synchronises. */
	if (!own || !res->p->machine->features.vhe) {
		s2_group_free(res, g);
		return;
	}
	s2_cpus_only(res, cpus, cpu);
	g->all = false;
	s2_group_move(res, g, S2_RESIDUE_SYNC);
}

static void complete(struct s2_residues *res, struct s2_group *g, unsigned cpu)
{
	if (g->stage != S2_RESIDUE_S2_ISSUED) {
		complete_all(res, g, cpu);
		return;
	}
	/* A walk-cache entry is of stage 2 only; nothing combined is made of it alone. */
	if (g->table && !g->below)
		complete_all(res, g, cpu);
	else
		s2_group_move(res, g, S2_RESIDUE_S2_DONE);
}

/*
 * Whether a DSB of @cpu completes TLBIs of it.  A local one has split off what its CPU
 * holds: that CPU's DSB completes it, of any domain.
 */
static bool completes(const struct s2_residues *res, struct s2_group *g, unsigned cpu, bool domain,
		      bool local)
{
	return domain || (local && (s2_group_cpus(res, g)[cpu / 64] >> cpu % 64 & 1));
}

static S2_SLOW void complete_pending(struct s2_residues *res, unsigned cpu, bool domain)
{
	struct s2_link *link, *next;

	for (link = res->pending.next; link != &res->pending; link = next) {
		struct s2_group *g = group_of(link);

		next = link->next;
		if (g->stage == S2_RESIDUE_SYNC)
			continue;
		if (g->all && (s2_group_all(res, g)[cpu / 64] >> cpu % 64 & 1) &&
		    completes(res, g, cpu, domain, g->local_all))
			complete_all(res, g, cpu);
		else if (g->stage != S2_RESIDUE_S2_DONE && g->stage != S2_RESIDUE_ALL_ISSUED &&
			 (s2_group_pending(res, g)[cpu / 64] >> cpu % 64 & 1) &&
			 completes(res, g, cpu, domain, g->local))
			complete(res, g, cpu);
	}
}

void s2_residues_dsb(struct s2_residues *res, unsigned cpu, enum s2_op op)
{
	const bool domain = op != S2_OP_DSB_NSH && op != S2_OP_DSB_NSHST;

	res->cpus[cpu].any++;
	res->cpus[cpu].ish += domain;
	/* TLBIs are completed by a DSB for loads and stores, not by one for stores alone. */
	if (op != S2_OP_DSB_ISHST && op != S2_OP_DSB_NSHST && res->pending.next != &res->pending)
		complete_pending(res, cpu, domain);
}

static S2_SLOW void sync_pending(struct s2_residues *res, unsigned cpu)
{
	struct s2_link *link, *next;

	for (link = res->pending.next; link != &res->pending; link = next) {
		struct s2_group *g = group_of(link);

		next = link->next;
		if (g->stage == S2_RESIDUE_SYNC &&
		    (s2_group_cpus(res, g)[cpu / 64] >> cpu % 64 & 1))
			s2_group_free(res, g);
	}
}

void s2_residues_sync(struct s2_residues *res, unsigned cpu)
{
	if (res->pending.next != &res->pending)
		sync_pending(res, cpu);
}
