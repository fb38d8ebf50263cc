/* SPDX-License-Identifier: MIT */
/**
 * @file
 * An interrupt by its number, whose it is, and how it gets onto a list.
 *
 *     pending, enabled --> oracle: whose? --> locks in order, look again --> ap_list, kick
 */
#ifndef S2_HYP_VGIC_VGIC_IRQ_H
#define S2_HYP_VGIC_VGIC_IRQ_H

#include "hyp/vgic/state/kick.h"
#include "hyp/vgic/state/locks.h"
#include "hyp/vgic/state/vgic.h"

/* vgic_get_irq(); NULL if there is none. */
struct s2_irq *s2_vgic_irq(struct s2_vgic *vgic, struct s2_vgic_cpu *vcpu, uint32_t intid);

void s2_irq_reset_private(struct s2_vgic *vgic, unsigned index);
void s2_irq_reset_spi(struct s2_vgic *vgic, unsigned n);

void s2_ap_list_append(struct s2_ap_list *list, struct s2_irq *irq, uint16_t vcpu);
void s2_ap_list_remove(struct s2_ap_list *list, struct s2_irq *irq);

/* vgic_target_oracle(). @return the vcpu whose list should hold @irq, or S2_NO_VCPU */
static inline uint16_t s2_irq_target_oracle(const struct s2_vgic *vgic, const struct s2_irq *irq)
{
	/* An active interrupt stays where it is. */
	if (irq->active)
		return irq->vcpu != S2_NO_VCPU ? irq->vcpu : irq->target;
	if (irq->enabled && s2_irq_pending(irq))
		return vgic->dist_enabled ? irq->target : S2_NO_VCPU;
	return S2_NO_VCPU;
}

/* The second half of queueing: takes the list's lock, and starts over if overtaken. */
bool s2_irq_queue_on(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq, uint16_t v);

/* vgic_queue_irq_unlock(); @irq is locked on entry, nothing on return. */
static inline bool s2_irq_queue_unlock(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq)
{
	const uint16_t v = s2_irq_target_oracle(vgic, irq);

	if (irq->vcpu != S2_NO_VCPU || v == S2_NO_VCPU) {
		s2_unlock_irq(vgic, cpu, irq);
		/* It may need delivery again: pending, and active on that vcpu. */
		if (v != S2_NO_VCPU)
			s2_vgic_kick(vgic, cpu, v);
		return false;
	}
	s2_unlock_irq(vgic, cpu, irq);
	return s2_irq_queue_on(vgic, cpu, irq, v);
}

#endif
