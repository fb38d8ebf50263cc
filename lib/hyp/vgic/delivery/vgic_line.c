/* SPDX-License-Identifier: MIT */
/*
 * Lines of devices: KVM_IRQ_LINE, irqfds with and without a resampler, and the
 * level that userspace saves and restores.  vgic.c, vgic-irqfd.c, eventfd.c.
 */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/state/locks.h"
#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/state/vgic_irq.h"
#include "hyp/vgic/delivery/vgic_line.h"
#include "hyp/vgic/delivery/vgic_phys.h"

#include <errno.h>
#include <stdlib.h>

/* vgic_validate_injection(): an edge must rise, a level must change. */
static bool is_news(const struct s2_irq *irq, bool level)
{
	return irq->level ? irq->line_level != level : level;
}

int s2_vgic_inject(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_vgic_cpu *vcpu,
		   uint32_t intid, bool level)
{
	struct s2_irq *irq = s2_vgic_irq(vgic, vcpu, intid);

	if (!s2_vgic_has_cpu(vgic, cpu) || !s2_vgic_has_vcpu(vgic, vcpu))
		return -EINVAL;
	if (!irq || intid < S2_N_SGIS || (vcpu && intid >= S2_GIC_PRIVATE_IRQS))
		return -EINVAL;
	if (!vgic->initialised)
		return -EBUSY;
	s2_lock_irq(vgic, cpu, irq);
	if (!is_news(irq, level) ||
	    (vgic->cfg.bug == S2_BUG_INJECT_DISABLED_LOST && !irq->enabled)) {
		s2_unlock_irq(vgic, cpu, irq);
		return 0;
	}
	if (irq->level)
		irq->line_level = level;
	else
		irq->latch = true;
	/* The host has taken the physical interrupt, and left it active. */
	if (level)
		s2_phys_set_active(vgic, irq, true);
	s2_irq_queue_unlock(vgic, cpu, irq);
	return 0;
}

static struct s2_resampler *resampler_of(const struct s2_vgic *vgic, uint32_t intid)
{
	const uint32_t n = intid - S2_GIC_PRIVATE_IRQS;

	return vgic->resamplers && n < vgic->n_spis && vgic->resamplers[n].ended
		       ? &vgic->resamplers[n]
		       : NULL;
}

/* irqfd_inject(): a pulse, or with a resampler a line that stays up. */
int s2_vgic_irqfd(struct s2_vgic *vgic, struct s2_cpu *cpu, uint32_t intid)
{
	const int ret = s2_vgic_inject(vgic, cpu, NULL, intid, true);

	if (ret || resampler_of(vgic, intid))
		return ret;
	return s2_vgic_inject(vgic, cpu, NULL, intid, false);
}

int s2_vgic_set_resampler(struct s2_vgic *vgic, uint32_t intid, s2_vgic_ended_fn ended, void *arg)
{
	if (!vgic->initialised)
		return -EBUSY;
	if (intid < S2_GIC_PRIVATE_IRQS || !s2_vgic_irq(vgic, NULL, intid))
		return -EINVAL;
	if (!vgic->resamplers)
		vgic->resamplers = calloc(vgic->n_spis, sizeof(*vgic->resamplers));
	if (!vgic->resamplers)
		return -ENOMEM;
	vgic->resamplers[intid - S2_GIC_PRIVATE_IRQS].ended = ended;
	vgic->resamplers[intid - S2_GIC_PRIVATE_IRQS].arg = arg;
	return 0;
}

/* kvm_notify_acked_irq(), irqfd_resampler_ack(): the line falls, then the device is asked. */
void s2_vgic_notify_ended(struct s2_vgic *vgic, struct s2_cpu *cpu, uint32_t intid)
{
	const struct s2_resampler *r = resampler_of(vgic, intid);

	if (!r)
		return;
	s2_vgic_inject(vgic, cpu, NULL, intid, false);
	r->ended(r->arg, cpu, intid);
}

/* What KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO refuses; @vcpu is whose private ones are meant. */
static int check_level_info(struct s2_vgic *vgic, uint32_t affinity, struct s2_cpu *cpu,
			    uint32_t first, struct s2_vgic_cpu **vcpu)
{
	uint16_t index;

	if (!s2_vgic_has_cpu(vgic, cpu) || first % S2_LEVEL_INFO_IRQS)
		return -EINVAL;
	index = s2_mpidr_to_vcpu(vgic, cpu, s2_mpidr_unpack(affinity));
	if (index == S2_NO_VCPU)
		return -EINVAL;
	if (!vgic->initialised)
		return -EBUSY;
	*vcpu = vgic->vcpu[index];
	return 0;
}

/* vgic_read_irq_line_level_info(): edge-triggered ones have no level. */
static uint32_t read_levels(struct s2_vgic *vgic, struct s2_vgic_cpu *vcpu, uint32_t first)
{
	uint32_t levels = 0;

	for (unsigned i = 0; i < S2_LEVEL_INFO_IRQS; i++) {
		const struct s2_irq *irq = s2_vgic_irq(vgic, vcpu, first + i);

		if (irq && irq->level && irq->line_level)
			levels |= UINT32_C(1) << i;
	}
	return levels;
}

/* vgic_write_irq_line_level_info(): what has risen may be pending now. */
static void write_levels(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_vgic_cpu *vcpu,
			 uint32_t first, uint32_t levels)
{
	for (unsigned i = 0; i < S2_LEVEL_INFO_IRQS; i++) {
		struct s2_irq *irq = s2_vgic_irq(vgic, vcpu, first + i);

		if (!irq || first + i < S2_N_SGIS)
			continue;
		s2_lock_irq(vgic, cpu, irq);
		irq->line_level = levels >> i & 1U;
		if (irq->line_level)
			s2_irq_queue_unlock(vgic, cpu, irq);
		else
			s2_unlock_irq(vgic, cpu, irq);
	}
}

int s2_vgic_level_info(struct s2_vgic *vgic, struct s2_cpu *cpu, uint32_t affinity, uint32_t first,
		       bool write, uint32_t *levels)
{
	struct s2_vgic_cpu *vcpu;
	const int ret = check_level_info(vgic, affinity, cpu, first, &vcpu);

	if (ret)
		return ret;
	if (write)
		write_levels(vgic, cpu, vcpu, first, *levels);
	else
		*levels = read_levels(vgic, vcpu, first);
	return 0;
}
