/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One SGI of a write on its way to one vcpu: vgic_v3_queue_sgi().
 *
 *     let through by its group? --> latch --> list, kick
 *                               `-> merges with one that waits: kick
 */
#ifndef S2_HYP_VGIC_SGI_QUEUE_H
#define S2_HYP_VGIC_SGI_QUEUE_H

#include "hyp/vgic/state/vgic_irq.h"

/* One write of an SGI register on its way. */
struct s2_sgi_write {
	struct s2_vgic *vgic;
	struct s2_cpu *cpu;
	const struct s2_vgic_cpu *sender;
	struct s2_mpidr cluster; /* of bit 0 of the list */
	enum s2_sgi_reg reg;
	unsigned targets; /* the list */
	unsigned intid;
	bool any_group; /* nothing can be dropped for its group */
	unsigned queued;
};

/* On a list, pending and enabled: one more merges with it.  (What hardware holds is on none.) */
static inline bool s2_sgi_merges(const struct s2_irq *irq)
{
	return irq->latch && irq->enabled && irq->vcpu != S2_NO_VCPU;
}

/* s2_sgi_raise(), whatever state @irq is in. */
void s2_sgi_raise_any(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq);

/*
 * What vgic_v3_queue_sgi() does with an SGI that is let through; @irq is locked
 * on entry, nothing on return.  In a storm most are pending already, which
 * takes a kick and writes nothing.
 */
static inline void s2_sgi_raise(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq)
{
	if (!vgic->dist_enabled || !s2_sgi_merges(irq)) {
		s2_sgi_raise_any(vgic, cpu, irq);
		return;
	}
	s2_unlock_irq(vgic, cpu, irq);
	s2_vgic_kick(vgic, cpu, irq->target);
}

/* vgic_v3_queue_sgi(): one SGI for one vcpu. */
static inline void s2_sgi_queue(struct s2_sgi_write *w, unsigned index)
{
	struct s2_vgic *vgic = w->vgic;
	struct s2_irq *irq = s2_vgic_sgi(vgic, index, w->intid);

	s2_lock_irq(vgic, w->cpu, irq);
	if (!w->any_group && !s2_sgi_group_ok(vgic->cfg.group_rule, w->reg, irq->group1)) {
		s2_unlock_irq(vgic, w->cpu, irq);
		return;
	}
	w->queued++;
	s2_sgi_raise(vgic, w->cpu, irq);
}

#endif
