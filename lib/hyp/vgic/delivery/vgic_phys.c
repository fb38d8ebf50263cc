/* SPDX-License-Identifier: MIT */
/*
 * Private interrupts that are a physical one's: the arch timer's.
 *
 * The host takes the physical interrupt and leaves it active, so that it does
 * not fire again; a list register with HW and pINTID lets the guest's own
 * deactivation end both.  What the device's line is then must be looked at
 * again, since nobody will tell of a fall.  vgic.c, vgic-v3.c, arch_timer.c.
 */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/state/vgic_irq.h"
#include "hyp/vgic/delivery/vgic_phys.h"

#include <errno.h>

static uint32_t phys_bit(const struct s2_irq *irq)
{
	return UINT32_C(1) << irq->pintid;
}

static struct s2_vgic_cpu *owner(const struct s2_vgic *vgic, const struct s2_irq *irq)
{
	return vgic->vcpu[irq->target];
}

int s2_vgic_map_phys(struct s2_vgic_cpu *vcpu, uint32_t intid, const struct s2_phys_irq *phys)
{
	struct s2_irq *irq = s2_vgic_irq(vcpu->vgic, vcpu, intid);

	if (!irq || intid < S2_N_SGIS || phys->pintid < S2_N_SGIS ||
	    phys->pintid >= S2_GIC_FIRST_SPECIAL)
		return -EINVAL;
	if (intid >= S2_GIC_PRIVATE_IRQS || phys->pintid >= S2_GIC_PRIVATE_IRQS)
		return -EOPNOTSUPP;
	if (irq->mapped)
		return -EEXIST;
	vcpu->phys[intid - S2_N_SGIS] = *phys;
	irq->pintid = (uint8_t)phys->pintid;
	irq->mapped = true;
	return 0;
}

int s2_vgic_unmap_phys(struct s2_vgic_cpu *vcpu, uint32_t intid)
{
	struct s2_irq *irq = s2_vgic_irq(vcpu->vgic, vcpu, intid);

	if (!irq || !irq->mapped)
		return -EINVAL;
	irq->mapped = false;
	return 0;
}

void s2_phys_set_active(struct s2_vgic *vgic, const struct s2_irq *irq, bool on)
{
	struct s2_ich *ich;

	if (!irq->mapped)
		return;
	ich = s2_vgic_ich(owner(vgic, irq));
	if (on)
		ich->phys_active |= phys_bit(irq);
	else
		ich->phys_active &= ~phys_bit(irq);
}

bool s2_vgic_phys_active(struct s2_vgic_cpu *vcpu, uint32_t intid)
{
	const struct s2_irq *irq = s2_vgic_irq(vcpu->vgic, vcpu, intid);

	return irq && irq->mapped && (s2_vgic_ich(vcpu)->phys_active & phys_bit(irq));
}

/*
 * vgic_irq_handle_resampling(): the guest has not taken it, or has ended it
 * while its line was up (3134cc8beb69).  A line that is still up fires again.
 */
void s2_phys_resample(struct s2_vgic *vgic, struct s2_irq *irq, bool still_pending, bool ended)
{
	const struct s2_phys_irq *phys;

	if (!irq->mapped || vgic->cfg.bug == S2_BUG_NO_RESAMPLE)
		return;
	if (!irq->level || !(still_pending || (ended && irq->line_level)))
		return;
	phys = &owner(vgic, irq)->phys[irq->intid - S2_N_SGIS];
	irq->line_level = phys->line_level && phys->line_level(phys->arg);
	/* Low and active would be deaf, with nobody to end it. */
	s2_phys_set_active(vgic, irq, irq->line_level);
}
