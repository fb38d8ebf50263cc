/* SPDX-License-Identifier: MIT */
#include <stage2sim/act.h>

#include <errno.h>

#include "machine/machine.h"

const char *s2_act_name(enum s2_act_kind kind)
{
	static const char *const names[S2_ACT_KINDS] = {
		[S2_ACT_GIVE] = "give",		[S2_ACT_TAKE] = "take",
		[S2_ACT_ACCESS] = "access",	[S2_ACT_MAINTAIN] = "maintain",
		[S2_ACT_CACHES] = "caches",	[S2_ACT_SET_WAY] = "set-way",
		[S2_ACT_RESET] = "reset",
	};

	return (unsigned)kind < S2_ACT_KINDS ? names[kind] : NULL;
}

static int check_range(const struct s2_machine *m, const struct s2_act *act)
{
	const uint64_t limit = UINT64_C(1) << m->features.pa_bits;

	if (!act->size)
		return -EINVAL;
	return act->pa.v >= limit || act->size > limit - act->pa.v ? -ERANGE : 0;
}

static int check_act(const struct s2_machine *m, const struct s2_act *act)
{
	if (act->vcpu >= S2_ACT_VCPUS)
		return -EINVAL;
	switch (act->kind) {
	case S2_ACT_GIVE:
	case S2_ACT_TAKE:
		if ((unsigned)act->agent > S2_AGENT_COHERENT_DEVICE)
			return -EINVAL;
		return check_range(m, act);
	case S2_ACT_ACCESS:
		if ((unsigned)act->access > S2_ACCESS_FETCH)
			return -EINVAL;
		return check_range(m, act);
	case S2_ACT_MAINTAIN:
		if (act->op < S2_LINE_CLEAN || act->op > S2_LINE_INVALIDATE)
			return -EINVAL;
		return check_range(m, act);
	case S2_ACT_CACHES:
	case S2_ACT_SET_WAY:
	case S2_ACT_RESET:
		return 0;
	default:
		return -EINVAL;
	}
}

int s2_tell(struct s2_machine *m, const struct s2_act *act)
{
	int ret = check_act(m, act);

	m->told += !ret;
	for (size_t i = 0; !ret && i < m->n_sinks; i++)
		if (m->sinks[i].act)
			m->sinks[i].act(m->sinks[i].arg, act);
	return ret;
}
