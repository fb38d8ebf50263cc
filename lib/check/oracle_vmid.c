/* SPDX-License-Identifier: MIT */
/*
 * What VMIDs stand for.  TLBs are tagged by the number alone, so a number is
 * another VM's to use only after a flush that left nothing of the one before.
 */
#include "check/oracle.h"
#include "machine/digest.h"

/* A walk-cache entry of this number's whose table is no page any more. */
static bool leads_nowhere(const struct s2_oracle *o, const struct s2_res_vm *vm,
			  const struct s2_link *list)
{
	const struct s2_features *f = &o->machine->features;
	const struct s2_pte_format fmt = {(uint8_t)f->granule, f->pa_bits, false, f->fwb, f->xnx};

	for (const struct s2_link *link = list->next; link != list; link = link->next) {
		const struct s2_group *g = (const struct s2_group *)(const void *)link;

		if (g->vm == vm && g->table && g->stage != S2_RESIDUE_SYNC &&
		    !s2_tablemem_find(o->machine->tables, s2_pte_pa(g->base, &fmt)))
			return true;
	}
	return false;
}

static void check_dangling(struct s2_oracle *o, unsigned cpu, struct s2_number *number,
			   struct s2_res_vm *vm)
{
	struct s2_violation v = {.finding = S2_FOUND_ENTERED_FREED,
				 .cpu = cpu,
				 .by = cpu,
				 .vmid = vm->vmid,
				 .level = -1};

	number->dangling = leads_nowhere(o, vm, &vm->idle) ||
			   leads_nowhere(o, vm, &o->residues->pending);
	if (number->dangling)
		s2_oracle_report(o, &v);
}

/* The VM has another number, and comes back by this one with all that it left there. */
static void check_left(struct s2_oracle *o, unsigned cpu, const struct s2_regime *regime)
{
	struct s2_oracle_claim c = {.o = o,
				    .regime = regime,
				    .vm = o->residues->by_vmid[regime->vmid.v],
				    .by = cpu,
				    .start = 0,
				    .end = s2_ipa_limit(&regime->geo)};
	struct s2_violation v = {.level = -1};

	if (!s2_oracle_holds_more(&c, &v))
		return;
	v.finding = S2_FOUND_VMID_LEFT;
	s2_oracle_report(o, &v);
}

static void check_number(struct s2_oracle *o, unsigned cpu, const struct s2_regime *regime,
			 struct s2_number *number)
{
	struct s2_violation v = {.finding = S2_FOUND_VMID_OF_ANOTHER,
				 .cpu = cpu,
				 .by = cpu,
				 .vmid = regime->vmid,
				 .level = -1,
				 .page = regime->root};

	/* The same VM goes on, or another has its root's page: what is held leads to what was freed. */
	if (number->dead && number->root == regime->root.v) {
		v.finding = S2_FOUND_ENTERED_FREED;
		v.page.v = 0;
	}
	if (number->live && (number->dead || number->root != regime->root.v))
		s2_oracle_report(o, &v);
	else if (number->left)
		check_left(o, cpu, regime);
}

void s2_oracle_entered(struct s2_oracle *o, unsigned cpu, const struct s2_regime *regime)
{
	struct s2_number *number = &o->numbers[regime->vmid.v];
	struct s2_res_vm *vm = o->residues->by_vmid[regime->vmid.v];

	o->decided++;
	check_number(o, cpu, regime, number);
	if (number->dangling && vm)
		check_dangling(o, cpu, number, vm);
	number->live = true;
	number->dead = false;
	number->idle = false;
	number->root = regime->root.v;
}

void s2_oracle_on_entry(struct s2_oracle *o, unsigned cpu)
{
	const struct s2_phys_cpu *state = &o->physics->cpus[cpu];

	if (!state->regime_err && s2_oracle_walks(o, cpu, state->regime.vmid))
		s2_oracle_entered(o, cpu, &state->regime);
}

void s2_oracle_on_tlbi(struct s2_oracle *o, unsigned cpu, enum s2_op op)
{
	const struct s2_phys_cpu *state = &o->physics->cpus[cpu];
	const struct s2_features *f = &o->machine->features;

	if (op == S2_OP_TLBI_ALLE1IS) {
		o->cpus[cpu].alle1_issued = true;
		return;
	}
	if (state->issued.vttbr != state->effective.vttbr)
		return;
	o->cpus[cpu].vmalls12_issued = true;
	o->cpus[cpu].vmalls12_vmid = s2_vttbr_vmid(f, state->effective.vttbr);
}

/* TLBs have nothing under this number but what walks made now bring in again. */
static void flushed(struct s2_oracle *o, struct s2_vmid vmid)
{
	struct s2_number *number = &o->numbers[vmid.v];

	if (s2_oracle_walker(o, vmid) < o->machine->n_cpus)
		return;
	number->live = false;
	number->dead = false;
	number->dangling = false;
	number->left = false;
}

/* It completes no store, but none that follows is seen before those it stands after. */
void s2_oracle_on_dmb(struct s2_oracle *o, unsigned cpu)
{
	o->cpus[cpu].n_fresh = 0;
}

void s2_oracle_on_dsb(struct s2_oracle *o, unsigned cpu, enum s2_op op)
{
	struct s2_oracle_cpu *state = &o->cpus[cpu];

	/* Its own walks are ordered by any DSB; others' by one of their domain. */
	if (o->machine->n_cpus == 1 || (op != S2_OP_DSB_NSH && op != S2_OP_DSB_NSHST))
		state->n_fresh = 0;
	if (op != S2_OP_DSB_ISH && op != S2_OP_DSB_SY)
		return;
	if (state->alle1_issued)
		for (struct s2_res_vm *vm = o->residues->vms; vm; vm = vm->next)
			flushed(o, vm->vmid);
	if (state->vmalls12_issued)
		flushed(o, state->vmalls12_vmid);
	state->alle1_issued = false;
	state->vmalls12_issued = false;
}

void s2_oracle_number_given(struct s2_oracle *o, const struct s2_regime *regime)
{
	for (struct s2_res_vm *vm = o->residues->vms; vm; vm = vm->next) {
		struct s2_number *number = &o->numbers[vm->vmid.v];

		if (number->live && number->root == regime->root.v)
			number->left = vm->vmid.v != regime->vmid.v;
	}
}

/* Who is in it all the same is translated by what it holds: then it is not left. */
void s2_oracle_number_left(struct s2_oracle *o, const struct s2_regime *regime)
{
	struct s2_number *number = &o->numbers[regime->vmid.v];

	if (s2_oracle_walker(o, regime->vmid) < o->machine->n_cpus)
		return;
	number->left = number->live;
	number->idle = true;
}

/* VMIDs that were never used are as they began, and there are many. */
static void add_number(const struct s2_number *number, unsigned vmid, struct s2_digest *d)
{
	const unsigned flags = (unsigned)number->live << 4 | (unsigned)number->dead << 3 |
			       (unsigned)number->left << 2 | (unsigned)number->idle << 1 |
			       number->dangling;
	struct s2_digest member = {7, 8};

	if (!flags && !number->root)
		return;
	s2_digest_fold(&member, (uint64_t)vmid << 8 | flags);
	s2_digest_fold(&member, number->root);
	s2_digest_add(d, member);
}

void s2_oracle_digest(const struct s2_oracle *o, struct s2_digest *d)
{
	for (unsigned i = 0; i < o->machine->n_cpus; i++) {
		const struct s2_oracle_cpu *cpu = &o->cpus[i];

		s2_digest_fold(d, (uint64_t)cpu->alle1_issued << 17 |
					  (uint64_t)cpu->vmalls12_issued << 16 | cpu->vmalls12_vmid.v);
		s2_digest_fold(d, cpu->n_fresh);
		for (size_t k = 0; k < cpu->n_fresh; k++)
			s2_digest_fold(d, cpu->fresh[k]);
	}
	s2_physics_digest(o->physics, d);
	for (unsigned vmid = 0; vmid < 1U << o->machine->features.vmid_bits; vmid++)
		add_number(&o->numbers[vmid], vmid, d);
}
