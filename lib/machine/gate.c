/* SPDX-License-Identifier: MIT */
#include <stage2sim/gate.h>

#include <errno.h>

#include "machine/machine.h"

int s2_machine_set_gate(struct s2_machine *m, const struct s2_gate *gate)
{
	const struct s2_gate none = {.before = NULL};

	if (gate && (!gate->before || !gate->take || !gate->drop || !gate->wait))
		return -EINVAL;
	if (gate && m->gate.before)
		return -EBUSY;
	m->gate = gate ? *gate : none;
	s2_machine_set_observed(m);
	return 0;
}

void s2_gate_before(struct s2_cpu *cpu, enum s2_op op, uint64_t addr)
{
	const struct s2_gate *gate = &cpu->machine->gate;

	if (gate->before)
		gate->before(gate->arg, cpu->index, op, addr);
}

void s2_gate_shares(struct s2_cpu *cpu, enum s2_shared what)
{
	const struct s2_gate *gate = &cpu->machine->gate;

	if (gate->shares)
		gate->shares(gate->arg, cpu->index, what);
}

void s2_gate_touch(struct s2_cpu *cpu, const char *what, bool write)
{
	const struct s2_gate *gate = &cpu->machine->gate;

	if (gate->touch)
		gate->touch(gate->arg, cpu->index, what, write);
}

void s2_lock_take(struct s2_cpu *cpu, const struct s2_lock *lock, enum s2_lock_mode mode)
{
	const struct s2_gate *gate = &cpu->machine->gate;

	if (gate->before)
		gate->take(gate->arg, cpu->index, lock, mode);
}

void s2_lock_drop(struct s2_cpu *cpu, const struct s2_lock *lock)
{
	const struct s2_gate *gate = &cpu->machine->gate;

	if (gate->before)
		gate->drop(gate->arg, cpu->index, lock);
}

void s2_cpu_relax(struct s2_cpu *cpu)
{
	const struct s2_gate *gate = &cpu->machine->gate;

	if (gate->before)
		gate->wait(gate->arg, cpu->index);
}
