/* SPDX-License-Identifier: MIT */
/*
 * Events for the possible TLB, and runs of them.
 *
 * A run whose first repetition leaves the residue as it was need not be
 * expanded: the others are the same at other addresses.  A run of stores alone
 * leaves one group.  Anything else is expanded.
 */
#include "machine/residue.h"

#include <errno.h>

#include <stage2sim/tlbi.h>

/*
 * What a store of an event replaces.  In a run memory has moved on when the
 * event comes, but the walker has read the descriptor before it stored.
 */
static s2_pte replaced(const struct s2_residues *res, const struct s2_event *event, size_t index,
		       uint64_t repetition, uint64_t *step)
{
	const uint64_t addr = event->insns[index].addr;
	const uint64_t page = addr >> res->page_shift << res->page_shift;
	const struct s2_table *table;

	for (size_t i = index; i-- > 0;) {
		const struct s2_insn *before = &event->insns[i];

		if (before->addr != addr ||
		    (before->op != S2_OP_PTE_READ && before->op != S2_OP_PTE_WRITE))
			continue;
		*step = before->value_step;
		return before->value + repetition * before->value_step;
	}
	*step = 0;
	table = s2_tablemem_find(res->p->machine->tables, s2_pa(page));
	return table ? table->entries[(addr - page) / sizeof(s2_pte) + repetition] : 0;
}

static int store(struct s2_residues *res, const struct s2_event *event, size_t index,
		 uint64_t repetition)
{
	const struct s2_insn *insn = &event->insns[index];
	uint64_t step;
	s2_pte old = replaced(res, event, index, repetition, &step);

	return s2_residues_store(res, event->cpu, insn->addr + repetition * insn->addr_step, old,
				 insn->value + repetition * insn->value_step, 1, 0);
}

int s2_residues_insn(struct s2_residues *res, const struct s2_event *event, size_t index,
		     uint64_t repetition)
{
	const struct s2_insn *insn = &event->insns[index];

	if (insn->op == S2_OP_PTE_WRITE)
		return store(res, event, index, repetition);
	if (insn->op == S2_OP_PTE_READ)
		return s2_residues_read(res, event->cpu, insn->addr + repetition * insn->addr_step,
					1);
	return s2_residues_table_free(res, insn->addr + repetition * insn->addr_step);
}

/* Whether residue from before could meet the other repetitions as it did not meet the first. */
static bool page_is_bare(const struct s2_residues *res, uint64_t addr)
{
	const struct s2_table_meta *page = s2_residues_page(res, addr);

	if (!page)
		return true;
	if (page->level < S2_LAST_LEVEL)
		return !page->vm->entries;
	if (res->p->machine->features.bbm_level >= 2 && page->vm->entries &&
	    !s2_residues_bare_above(res, page))
		return false;
	return !s2_group_first(res, page->vm, s2_meta_ipa(res, page), page->level);
}

/* The event's one store, if reads are all else that it has; NULL otherwise. */
static const struct s2_insn *only_store(const struct s2_event *event)
{
	const struct s2_insn *found = NULL;

	for (size_t i = 0; i < event->n_insns; i++) {
		const struct s2_insn *insn = &event->insns[i];

		if (insn->op == S2_OP_PTE_READ)
			continue;
		if (insn->op != S2_OP_PTE_WRITE || found || insn->addr_step != sizeof(s2_pte))
			return NULL;
		found = insn;
	}
	return found;
}

int s2_residues_stores(struct s2_residues *res, const struct s2_event *event)
{
	const struct s2_insn *insn = only_store(event);
	const struct s2_table_meta *page;
	uint64_t step;
	s2_pte old;

	if (!insn)
		return 1;
	page = s2_residues_page(res, insn->addr);
	/* New leaves over residue of their own page, or below, are looked at one by one. */
	if (page && s2_pte_valid(insn->value) &&
	    !page_is_bare(res, insn->addr))
		return 1;
	old = replaced(res, event, (size_t)(insn - event->insns), 0, &step);
	/* A group can only tell of steps that are a size. */
	if (s2_pte_valid(old) && (!step || (step & (step - 1))))
		return 1;
	return s2_residues_store(res, event->cpu, insn->addr, old, insn->value, event->repeat,
				 step);
}

struct s2_res_mark s2_residues_mark(struct s2_residues *res)
{
	const struct s2_res_mark mark = {res->n_groups, res->changes};

	res->run_serial = res->serial;
	return mark;
}

static bool is_by_ipa(enum s2_op op)
{
	return op == S2_OP_TLBI_IPAS2E1IS || op == S2_OP_TLBI_IPAS2E1 ||
	       op == S2_OP_TLBI_RIPAS2E1IS || op == S2_OP_TLBI_RIPAS2E1;
}

/* Whether a TLBI names in every repetition what lies in the table page at @addr, or the same. */
static bool stays_in_page(const struct s2_residues *res, const struct s2_event *event,
			  const struct s2_insn *tlbi, uint64_t addr)
{
	const struct s2_table_meta *page = s2_residues_page(res, addr);
	struct s2_tlbi_span first, last;
	uint64_t start, size;

	if (!tlbi->value_step)
		return true;
	if (!page || !s2_residues_span(res, event->cpu, tlbi, 0, &first) ||
	    !s2_residues_span(res, event->cpu, tlbi, event->repeat - 1, &last))
		return false;
	start = s2_meta_ipa(res, page);
	size = (uint64_t)res->page_words * 64 << s2_res_shift(res, page->level);
	return first.start.v >= start && last.start.v >= first.start.v &&
	       last.start.v + last.size <= start + size;
}

/* Operands advance: the first repetition says nothing of what the others name elsewhere. */
static bool tlbis_stay(const struct s2_residues *res, const struct s2_event *event)
{
	const struct s2_insn *store = NULL;

	for (size_t i = 0; i < event->n_insns; i++)
		if (event->insns[i].op == S2_OP_PTE_WRITE)
			store = &event->insns[i];
	for (size_t i = 0; i < event->n_insns; i++) {
		const struct s2_insn *tlbi = &event->insns[i];

		if (is_by_ipa(tlbi->op) &&
		    (store ? !stays_in_page(res, event, tlbi, store->addr) : tlbi->value_step != 0))
			return false;
	}
	return true;
}

bool s2_residues_settled(const struct s2_residues *res, const struct s2_res_mark *mark,
			 const struct s2_event *event)
{
	if (res->n_groups != mark->groups || res->changes != mark->changes)
		return false;
	if (!res->n_groups)
		return true;
	for (size_t i = 0; i < event->n_insns; i++) {
		const struct s2_insn *insn = &event->insns[i];

		if (insn->op == S2_OP_PTE_WRITE && !page_is_bare(res, insn->addr))
			return false;
		if (insn->op == S2_OP_PTE_READ && s2_residues_may_see(res, event->cpu, insn->addr))
			return false;
	}
	return tlbis_stay(res, event);
}
