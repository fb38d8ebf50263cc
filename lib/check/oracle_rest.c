/* SPDX-License-Identifier: MIT */
/*
 * When a call like one before tells the oracle nothing: it would count its steps, and
 * keep what it has.  No rule decides anything in such a call: nothing old is held that
 * could grant more, no page is written that is not linked, none is freed or linked, and
 * no flush by VMID is under way.
 */
#include "check/oracle.h"

/* Whoever looks at each step, or sees another run than there is, has to be told. */
static bool is_plain(const struct s2_oracle *o)
{
	const struct s2_oracle_config *cfg = &o->cfg;

	return !o->error && !o->story && !cfg->edit && !cfg->left_out && !cfg->n_dropped &&
	       !cfg->most_steps;
}

bool s2_oracle_at_rest(void *arg, unsigned cpu, const struct s2_counts *each, struct s2_rest *rest)
{
	const struct s2_oracle *o = arg;
	const struct s2_oracle_cpu *state = &o->cpus[cpu];

	if (!is_plain(o) || state->alle1_issued || state->vmalls12_issued || state->n_fresh)
		return false;
	/* Runs count once in one and n times in the other: one in the call would show. */
	rest->findings += o->decided + (o->steps - o->at);
	for (unsigned i = 0; i < S2_RULES; i++)
		rest->findings += o->found[i];
	return s2_physics_at_rest(o->physics, cpu, each, rest);
}
