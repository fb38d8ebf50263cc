/* SPDX-License-Identifier: MIT */
/* One SGI for one vcpu in any state: vgic_v3_queue_sgi(). */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/state/locks.h"
#include "hyp/vgic/sgi/sgi_queue.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/state/vgic_irq.h"
#include "hyp/vgic/delivery/vgic_v4.h"

void s2_sgi_raise_any(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq)
{
	if (irq->hw) {
		s2_vsgi_set_pending(vgic, cpu, irq, true);
		s2_unlock_irq(vgic, cpu, irq);
		return;
	}
	irq->latch = true;
	s2_irq_queue_unlock(vgic, cpu, irq);
}
