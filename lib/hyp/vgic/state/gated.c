/* SPDX-License-Identifier: MIT */
/* A vgic and the gate of its machine: its locks, and what it shares without one. */
#include "hyp/vgic/state/gated.h"

#include <stage2sim/gate.h>

/* Above those of the tables (hyp/vm): config_lock, lists by vcpu id, one interrupt. */
#define RANK_CONFIG 40U
#define RANK_AP	    64U
#define RANK_IRQ    (RANK_AP + S2_VGIC_MAX_CPUS)

static void gate(struct s2_cpu *cpu, const struct s2_lock *lock, bool take)
{
	if (take)
		s2_lock_take(cpu, lock, S2_LOCK_WRITE);
	else
		s2_lock_drop(cpu, lock);
}

void s2_vgic_gate_ap(struct s2_cpu *cpu, const struct s2_vgic_cpu *vcpu, bool take)
{
	const struct s2_lock lock = {"ap_list_lock", RANK_AP + vcpu->id, &vcpu->ap_list};

	cpu->count[S2_OP_IRQ_LOCK] += take;
	gate(cpu, &lock, take);
}

void s2_vgic_gate_irq(struct s2_cpu *cpu, const struct s2_irq *irq, bool take)
{
	const struct s2_lock lock = {"irq_lock", RANK_IRQ, irq};

	cpu->count[S2_OP_IRQ_LOCK] += take;
	gate(cpu, &lock, take);
}

/* Who makes a vcpu or writes its MPIDR is not on a CPU of the guest's: the gate is told one. */
static struct s2_cpu *any_cpu(const struct s2_vgic *vgic)
{
	return &vgic->machine->cpus[0];
}

static void gate_config(struct s2_vgic *vgic, bool take)
{
	const struct s2_lock lock = {"config_lock", RANK_CONFIG, vgic};

	if (s2_vgic_is_gated(vgic))
		gate(any_cpu(vgic), &lock, take);
}

void s2_vgic_config_lock(struct s2_vgic *vgic)
{
	gate_config(vgic, true);
}

void s2_vgic_config_unlock(struct s2_vgic *vgic)
{
	gate_config(vgic, false);
}

void s2_vgic_touch(const struct s2_vgic *vgic, const char *what, bool write)
{
	if (s2_vgic_is_gated(vgic))
		s2_gate_touch(any_cpu(vgic), what, write);
}
