/* SPDX-License-Identifier: MIT */
#include <stage2sim/reliance.h>

#include <errno.h>

#include "machine/machine.h"

const char *s2_reliance_name(enum s2_reliance_kind kind)
{
	static const char *const names[S2_RELIANCE_KINDS] = {
		[S2_RELY_RETURN] = "return",
		[S2_RELY_FAULT_RESOLVED] = "fault-resolved",
		[S2_RELY_DIRTY_HARVESTED] = "dirty-harvested",
		[S2_RELY_VMID_GIVEN] = "vmid-given",
		[S2_RELY_VMID_LEFT] = "vmid-left",
		[S2_RELY_CPU_LEFT] = "cpu-left",
	};

	return (unsigned)kind < S2_RELIANCE_KINDS ? names[kind] : NULL;
}

int s2_rely(struct s2_cpu *cpu, const struct s2_reliance *what)
{
	struct s2_machine *m = cpu->machine;

	if ((unsigned)what->kind >= S2_RELIANCE_KINDS || (unsigned)what->access > S2_ACCESS_FETCH)
		return -EINVAL;
	if (what->kind <= S2_RELY_DIRTY_HARVESTED && !what->size)
		return -EINVAL;
	m->told++;
	for (size_t i = 0; i < m->n_sinks; i++)
		if (m->sinks[i].rely)
			m->sinks[i].rely(m->sinks[i].arg, cpu->index, what);
	return 0;
}
