/* SPDX-License-Identifier: MIT */
/*
 * The lives of table pages: read and freed only while they live, freed only
 * where no walker comes any more, linked in only when what they hold is seen.
 */
#include "check/oracle.h"

#include <errno.h>
#include <stdlib.h>

static uint64_t page_of(const struct s2_oracle *o, uint64_t addr)
{
	return addr >> o->residues->page_shift << o->residues->page_shift;
}

static bool lives(const struct s2_oracle *o, uint64_t page)
{
	return s2_tablemem_find(o->machine->tables, s2_pa(page));
}

/* In a run memory has moved on when the event comes; only single events tell. */
static bool is_single(const struct s2_event *event)
{
	return event->repeat == 1 && event->n_insns == 1;
}

void s2_oracle_on_read(struct s2_oracle *o, const struct s2_event *event, const struct s2_insn *insn)
{
	const uint64_t page = page_of(o, insn->addr);
	struct s2_violation v = {.finding = S2_FOUND_READ_FREED,
				 .cpu = event->cpu,
				 .by = event->cpu,
				 .level = -1,
				 .now = insn->value,
				 .page = {page}};

	if (is_single(event) && !lives(o, page))
		s2_oracle_report(o, &v);
}

/* Pages that this CPU has written since its last DSB, while nothing led to them. */
static void note_fresh(struct s2_oracle *o, struct s2_oracle_cpu *cpu, uint64_t page)
{
	uint64_t *fresh;

	if (cpu->n_fresh && cpu->fresh[cpu->n_fresh - 1] == page)
		return;
	if (cpu->n_fresh == cpu->cap_fresh) {
		const size_t cap = cpu->cap_fresh ? 2 * cpu->cap_fresh : 64;

		fresh = realloc(cpu->fresh, cap * sizeof(*fresh));
		if (!fresh) {
			o->error = -ENOMEM;
			return;
		}
		cpu->fresh = fresh;
		cpu->cap_fresh = cap;
	}
	cpu->fresh[cpu->n_fresh++] = page;
}

void s2_oracle_on_alloc(struct s2_oracle *o, unsigned cpu, const struct s2_insn *insn, uint64_t n)
{
	/* A page is zeroed when it is allocated: that too must be seen before it is linked. */
	for (uint64_t i = 0; i < n; i++)
		for (uint64_t at = 0; at < insn->value; at += UINT64_C(1) << o->residues->page_shift)
			note_fresh(o, &o->cpus[cpu], insn->addr + i * insn->addr_step + at);
}

static bool is_fresh(const struct s2_oracle_cpu *cpu, uint64_t page)
{
	for (size_t i = 0; i < cpu->n_fresh; i++)
		if (cpu->fresh[i] == page)
			return true;
	return false;
}

/* The first page of the subtree at @page that was written and may not be seen yet, or 0. */
static uint64_t fresh_below(const struct s2_oracle *o, const struct s2_oracle_cpu *cpu,
			    uint64_t page, int level)
{
	const struct s2_table *table = s2_tablemem_find(o->machine->tables, s2_pa(page));
	const struct s2_features *f = &o->machine->features;
	const struct s2_pte_format fmt = {(uint8_t)f->granule, f->pa_bits, false, f->fwb, f->xnx};

	if (!table)
		return 0;
	if (is_fresh(cpu, page))
		return page;
	for (unsigned i = 0; level < S2_LAST_LEVEL && i < 1U << (f->granule - 3); i++) {
		uint64_t found = 0;

		if (s2_pte_is_table(table->entries[i], level))
			found = fresh_below(o, cpu, s2_pte_pa(table->entries[i], &fmt).v,
					    level + 1);
		if (found)
			return found;
	}
	return 0;
}

static void check_link(struct s2_oracle *o, unsigned cpu, const struct s2_insn *insn,
		       const struct s2_table_meta *meta)
{
	const struct s2_features *f = &o->machine->features;
	const struct s2_pte_format fmt = {(uint8_t)f->granule, f->pa_bits, false, f->fwb, f->xnx};
	struct s2_violation v = {.finding = S2_FOUND_UNPUBLISHED,
				 .cpu = cpu,
				 .by = cpu,
				 .vmid = meta->vm->vmid,
				 .level = (int8_t)meta->level,
				 .now = insn->value};

	v.page.v = fresh_below(o, &o->cpus[cpu], s2_pte_pa(insn->value, &fmt).v, meta->level + 1);
	v.ipa.v = s2_meta_ipa(o->residues, meta) +
		  (insn->addr - page_of(o, insn->addr)) / sizeof(s2_pte) *
			  (UINT64_C(1) << s2_res_shift(o->residues, meta->level));
	v.size = UINT64_C(1) << s2_res_shift(o->residues, meta->level);
	if (v.page.v)
		s2_oracle_report(o, &v);
}

void s2_oracle_on_store(struct s2_oracle *o, unsigned cpu, const struct s2_insn *insn, uint64_t n)
{
	const struct s2_table_meta *meta = s2_residues_page(o->residues, insn->addr);

	if (!s2_oracle_asks(o, S2_RULE_PUBLICATION))
		return;
	if (!meta) {
		note_fresh(o, &o->cpus[cpu], page_of(o, insn->addr));
		return;
	}
	if (n == 1 && insn->order == S2_MEM_PLAIN && o->cpus[cpu].n_fresh &&
	    s2_pte_is_table(insn->value, meta->level))
		check_link(o, cpu, insn, meta);
}

/* Whether a walk-cache entry of @vm may lead to @page. */
static bool walk_leads_to(const struct s2_oracle *o, const struct s2_res_vm *vm,
			  const struct s2_link *list, uint64_t page)
{
	const struct s2_features *f = &o->machine->features;
	const struct s2_pte_format fmt = {(uint8_t)f->granule, f->pa_bits, false, f->fwb, f->xnx};

	for (const struct s2_link *link = list->next; link != list; link = link->next) {
		const struct s2_group *g = (const struct s2_group *)(const void *)link;

		if (g->vm == vm && g->table && g->stage != S2_RESIDUE_SYNC &&
		    s2_pte_pa(g->base, &fmt).v == page)
			return true;
	}
	return false;
}

/* The VM of whose walks some may still come to @page, which nothing links any more. */
static struct s2_res_vm *walked_by(const struct s2_oracle *o, uint64_t page)
{
	const struct s2_table_meta *meta = s2_residues_known(o->residues, page);
	struct s2_res_vm *vm;

	if (meta && meta->unlinked && meta->unlinked->serial == meta->page &&
	    meta->unlinked->stage != S2_RESIDUE_SYNC)
		return meta->unlinked->vm;
	for (vm = o->residues->vms; vm; vm = vm->next)
		if (vm->entries && (walk_leads_to(o, vm, &vm->idle, page) ||
				    walk_leads_to(o, vm, &o->residues->pending, page)))
			return vm;
	return NULL;
}

static void freed_while_walked(struct s2_oracle *o, unsigned by, struct s2_res_vm *vm, uint64_t page,
			       bool linked)
{
	const unsigned cpu = s2_oracle_walker(o, vm->vmid);
	struct s2_number *number = &o->numbers[vm->vmid.v];
	struct s2_violation v = {.finding = S2_FOUND_FREED_REACHABLE,
				 .cpu = cpu,
				 .by = by,
				 .vmid = vm->vmid,
				 .level = -1,
				 .page = {page}};

	number->dead = number->dead || linked;
	number->dangling = number->dangling || !linked;
	if (cpu < o->machine->n_cpus)
		s2_oracle_report(o, &v);
}

void s2_oracle_on_free(struct s2_oracle *o, const struct s2_event *event, const struct s2_insn *insn,
		       uint64_t i)
{
	const uint64_t page = insn->addr + i * insn->addr_step;
	const struct s2_table_meta *linked = s2_residues_page(o->residues, page);
	struct s2_violation v = {.finding = S2_FOUND_FREED_TWICE,
				 .cpu = event->cpu,
				 .by = event->cpu,
				 .level = -1,
				 .page = {page}};
	struct s2_res_vm *vm;

	o->decided++;
	if (is_single(event) && !lives(o, page)) {
		s2_oracle_report(o, &v);
		return;
	}
	if (linked) {
		freed_while_walked(o, event->cpu, linked->vm, page, true);
		return;
	}
	vm = walked_by(o, page);
	if (vm)
		freed_while_walked(o, event->cpu, vm, page, false);
}
