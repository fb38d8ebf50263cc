/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Locks, counted, and their order checked; with a gate they are its locks.
 *
 * As the kernel has it: config_lock, ap_list_lock (of two, the lower vcpu id
 * first), then one irq_lock.
 */
#ifndef S2_HYP_VGIC_LOCKS_H
#define S2_HYP_VGIC_LOCKS_H

#include "hyp/vgic/state/gated.h"
#include "hyp/vgic/state/vgic.h"

static inline void s2_lock_ap(struct s2_vgic *vgic, struct s2_cpu *cpu,
			      const struct s2_vgic_cpu *vcpu)
{
	struct s2_vgic_locks *held = &vgic->locks;

	if (cpu->observed && s2_vgic_is_gated(vgic)) {
		s2_vgic_gate_ap(cpu, vcpu, true);
		return;
	}
	if (held->irq || (held->n_ap && vcpu->id <= held->ap_id))
		held->faults++;
	held->ap_id = vcpu->id;
	held->n_ap++;
	s2_step(cpu, S2_OP_IRQ_LOCK, 1);
}

static inline void s2_unlock_ap(struct s2_vgic *vgic, struct s2_cpu *cpu,
				const struct s2_vgic_cpu *vcpu)
{
	if (cpu->observed && s2_vgic_is_gated(vgic))
		s2_vgic_gate_ap(cpu, vcpu, false);
	else
		vgic->locks.n_ap--;
}

static inline void s2_lock_irq(struct s2_vgic *vgic, struct s2_cpu *cpu, const struct s2_irq *irq)
{
	if (cpu->observed && s2_vgic_is_gated(vgic)) {
		s2_vgic_gate_irq(cpu, irq, true);
		return;
	}
	if (vgic->locks.irq)
		vgic->locks.faults++;
	vgic->locks.irq = true;
	s2_step(cpu, S2_OP_IRQ_LOCK, 1);
}

static inline void s2_unlock_irq(struct s2_vgic *vgic, struct s2_cpu *cpu, const struct s2_irq *irq)
{
	if (cpu->observed && s2_vgic_is_gated(vgic))
		s2_vgic_gate_irq(cpu, irq, false);
	else
		vgic->locks.irq = false;
}

#endif
