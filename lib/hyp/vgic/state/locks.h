/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Locks, counted, and their order checked.
 *
 * As the kernel has it: ap_list_lock (of two, the lower vcpu id first), then one
 * irq_lock.
 */
#ifndef S2_HYP_VGIC_LOCKS_H
#define S2_HYP_VGIC_LOCKS_H

#include "hyp/vgic/state/vgic.h"

static inline void s2_lock_ap(struct s2_vgic *vgic, struct s2_cpu *cpu, uint32_t id)
{
	struct s2_vgic_locks *held = &vgic->locks;

	if (held->irq || (held->n_ap && id <= held->ap_id))
		held->faults++;
	held->ap_id = id;
	held->n_ap++;
	s2_step(cpu, S2_OP_IRQ_LOCK, 1);
}

static inline void s2_unlock_ap(struct s2_vgic *vgic)
{
	vgic->locks.n_ap--;
}

static inline void s2_lock_irq(struct s2_vgic *vgic, struct s2_cpu *cpu)
{
	if (vgic->locks.irq)
		vgic->locks.faults++;
	vgic->locks.irq = true;
	s2_step(cpu, S2_OP_IRQ_LOCK, 1);
}

static inline void s2_unlock_irq(struct s2_vgic *vgic)
{
	vgic->locks.irq = false;
}

#endif
