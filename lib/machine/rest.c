/* SPDX-License-Identifier: MIT */
/* When a machine's sinks, and a physics, are at rest. */
#include "machine/mem.h"
#include "machine/residue.h"

void s2_machine_set_rest(struct s2_machine *m, const void *arg, s2_rest_fn *fn)
{
	for (size_t i = 0; i < m->n_sinks; i++)
		if (m->sinks[i].arg == arg)
			m->rest[i] = fn;
	s2_machine_set_observed(m);
}

bool s2_machine_at_rest(const struct s2_machine *m, unsigned cpu, const struct s2_counts *each,
			struct s2_rest *rest)
{
	rest->from = 0;
	rest->size = UINT64_MAX;
	rest->state = 1;
	rest->findings = 0;
	for (size_t i = 0; i < m->n_sinks; i++)
		if (!m->rest[i] || !m->rest[i](m->sinks[i].arg, cpu, each, rest))
			return false;
	return true;
}

static void add_state(struct s2_rest *rest, uint64_t value)
{
	rest->state = ((rest->state ^ value) * UINT64_C(0x9e3779b97f4a7c15)) | 1;
}

/*
 * Registers are in effect, and no walk is made or under way by this CPU: then the loads of a
 * flush bring no tables into sight, and end as they began.
 */
static bool cpu_at_rest(const struct s2_physics *p, const struct s2_phys_cpu *cpu,
			struct s2_rest *rest)
{
	const struct s2_phys_regs *a = &cpu->issued, *b = &cpu->effective;

	if (a->vtcr != b->vtcr || a->vttbr != b->vttbr || a->hcr != b->hcr)
		return false;
	if (cpu->in_guest || cpu->draining || p->machine->features.speculative_at)
		return false;
	add_state(rest, a->vtcr);
	add_state(rest, a->vttbr);
	add_state(rest, a->hcr);
	return true;
}

/* What this file speaks for, of all that can be issued. */
static bool is_known(const struct s2_counts *each)
{
	static const enum s2_op others[] = {
		S2_OP_TLBI_VMALLS12E1IS, S2_OP_TLBI_VMALLS12E1, S2_OP_TLBI_ALLE1IS,
		S2_OP_GUEST_ENTRY,	 S2_OP_GUEST_EXIT,	S2_OP_DC_IVAC,
		S2_OP_TABLE_ALLOC,	 S2_OP_TABLE_FREE,
	};

	for (unsigned i = 0; each && i < sizeof(others) / sizeof(others[0]); i++)
		if (each->n[others[i]])
			return false;
	return true;
}

bool s2_physics_at_rest(const struct s2_physics *p, unsigned cpu, const struct s2_counts *each,
			struct s2_rest *rest)
{
	if (p->error || p->tlbs || !is_known(each) || !cpu_at_rest(p, &p->cpus[cpu], rest))
		return false;
	/* Nothing old is held anywhere, so that no barrier or TLBI has anything to move. */
	if (p->residues && p->residues->n_groups)
		return false;
	if (p->residues)
		add_state(rest, p->residues->trees);
	return !p->memory || s2_memory_at_rest(p->memory, cpu, each, rest);
}
