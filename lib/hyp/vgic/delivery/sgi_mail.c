/* SPDX-License-Identifier: MIT */
/* The other half of a matrix broadcast. */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/state/locks.h"
#include "hyp/vgic/delivery/sgi_mail.h"
#include "hyp/vgic/state/vcpu_set.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/state/vgic_irq.h"

/* Run by the target, on its own list: sgi_queue counts what the plain form counts. */
void s2_vgic_collect_mail(struct s2_vgic_cpu *vcpu, struct s2_cpu *cpu)
{
	struct s2_vgic *vgic = vcpu->vgic;
	unsigned queued = 0;

	s2_vcpu_set_to(&vgic->has_mail, vcpu->index, false);
	for (unsigned intid = 0; intid < S2_N_SGIS; intid++) {
		struct s2_irq *irq = s2_vgic_sgi(vgic, vcpu->index, intid);

		if (!s2_vcpu_set_has(&vgic->mail[intid], vcpu->index))
			continue;
		s2_vcpu_set_to(&vgic->mail[intid], vcpu->index, false);
		queued++;
		s2_lock_irq(vgic, cpu, irq);
		irq->latch = true;
		s2_irq_queue_unlock(vgic, cpu, irq);
	}
	s2_step(cpu, S2_OP_SGI_QUEUE, queued);
}
