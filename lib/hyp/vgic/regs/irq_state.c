/* SPDX-License-Identifier: MIT */
/* One interrupt, as registers set it and the API shows it. */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/regs/irq_state.h"
#include "hyp/vgic/delivery/sgi_mail.h"
#include "hyp/vgic/state/vcpu_set.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/state/vgic_irq.h"
#include "hyp/vgic/delivery/vgic_v4.h"

#include <errno.h>

void s2_irq_set_enabled(struct s2_vgic *vgic, struct s2_irq *irq, bool on)
{
	irq->enabled = on;
	if (irq->intid >= S2_N_SGIS)
		return;
	s2_vcpu_set_to(&vgic->sgi_enabled[irq->intid], irq->target, on);
	s2_vsgi_update(vgic, irq);
}

void s2_irq_set_group1(struct s2_vgic *vgic, struct s2_irq *irq, bool on)
{
	irq->group1 = on;
	if (irq->intid >= S2_N_SGIS)
		return;
	s2_vcpu_set_to(&vgic->sgi_group1[irq->intid], irq->target, on);
	s2_vsgi_update(vgic, irq);
}

void s2_irq_set_priority(struct s2_vgic *vgic, struct s2_irq *irq, uint8_t priority)
{
	irq->priority = priority & S2_GIC_PRIORITY;
	if (irq->intid < S2_N_SGIS)
		s2_vsgi_update(vgic, irq);
}

static int index_or_none(uint16_t index)
{
	return index == S2_NO_VCPU ? -1 : (int)index;
}

int s2_vgic_irq_state(struct s2_vgic *vgic, struct s2_vgic_cpu *vcpu, uint32_t intid,
		      struct s2_irq_state *state)
{
	const struct s2_irq *irq;

	if (!s2_vgic_has_vcpu(vgic, vcpu))
		return -EINVAL;
	irq = s2_vgic_irq(vgic, vcpu, intid);
	if (!irq)
		return -EINVAL;
	if (vcpu)
		s2_vgic_collect(vcpu, &vgic->machine->cpus[0]);
	*state = (struct s2_irq_state){
		.pending = irq->hw ? s2_vsgi_pending(vgic, irq) : s2_irq_pending(irq),
		.active = irq->active,
		.enabled = irq->enabled,
		.group1 = irq->group1,
		.level_config = irq->level,
		.line_level = irq->line_level,
		.latch = irq->latch,
		.hw = irq->hw,
		.priority = irq->priority,
		.queued_on = index_or_none(irq->vcpu),
		.target = index_or_none(irq->target),
	};
	return 0;
}
