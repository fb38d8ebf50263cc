/* SPDX-License-Identifier: MIT */
/* One SGI for one vcpu, and the kick after it: vgic_v3_queue_sgi(). */
#include "hyp/vgic/vgic.h"

void s2_sgi_raise_any(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq)
{
	if (irq->hw) {
		s2_vsgi_set_pending(vgic, cpu, irq, true);
		s2_unlock_irq(vgic);
		return;
	}
	irq->latch = true;
	s2_irq_queue_unlock(vgic, cpu, irq);
}

void s2_vgic_kick_needed(struct s2_vgic *vgic, struct s2_cpu *cpu, unsigned index)
{
	s2_vcpu_set_to(&vgic->requested, index, true);
	if (s2_vcpu_set_has(&vgic->blocked, index)) {
		s2_vcpu_set_to(&vgic->blocked, index, false);
		s2_step(cpu, S2_OP_VCPU_WAKE, 1);
		return;
	}
	if (s2_vcpu_set_has(&vgic->in_guest, index) && vgic->cpu_of[index] != cpu->index) {
		s2_vcpu_set_to(&vgic->in_guest, index, false);
		s2_step(cpu, S2_OP_KICK_IPI, 1);
	}
}
