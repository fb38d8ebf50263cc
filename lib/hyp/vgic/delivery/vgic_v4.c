/* SPDX-License-Identifier: MIT */
/*
 * GICv4.1 SGIs: once the guest has agreed to have no active state for them,
 * hardware keeps a vPE's SGIs, and sending one is a write of GITS_SGIR instead
 * of a list and a kick.  Who is sent to is found as before.  vgic-v4.c.
 */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/state/kick.h"
#include "hyp/vgic/state/locks.h"
#include "hyp/vgic/state/vcpu_set.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/state/vgic_irq.h"
#include "hyp/vgic/delivery/vgic_run.h"
#include "hyp/vgic/delivery/vgic_v4.h"

static struct s2_ich *vpe(const struct s2_vgic *vgic, const struct s2_irq *irq)
{
	return s2_vgic_ich(vgic->vcpu[irq->target]);
}

/* vgic_v4_sync_sgi_config(): the enable, group and priority that hardware acts on. */
void s2_vsgi_update(struct s2_vgic *vgic, const struct s2_irq *irq)
{
	const uint16_t bit = (uint16_t)(1U << irq->intid);
	struct s2_ich *ich;

	if (!irq->hw)
		return;
	ich = vpe(vgic, irq);
	ich->vsgi_enabled = (uint16_t)((ich->vsgi_enabled & ~bit) | (irq->enabled ? bit : 0));
	ich->vsgi_group1 = (uint16_t)((ich->vsgi_group1 & ~bit) | (irq->group1 ? bit : 0));
	ich->vsgi_priority[irq->intid] = irq->priority;
}

bool s2_vsgi_pending(const struct s2_vgic *vgic, const struct s2_irq *irq)
{
	return vpe(vgic, irq)->vsgi_pending >> irq->intid & 1U;
}

/* A vPE that is not in its guest is told by a doorbell, which kicks. */
void s2_vsgi_set_pending(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq, bool on)
{
	const uint16_t bit = (uint16_t)(1U << irq->intid);
	struct s2_ich *ich = vpe(vgic, irq);

	if (!on) {
		ich->vsgi_pending &= (uint16_t)~bit;
		return;
	}
	ich->vsgi_pending |= bit;
	if (irq->enabled && !s2_vcpu_set_has(&vgic->in_guest, irq->target))
		s2_vgic_kick(vgic, cpu, irq->target);
}

static void to_hardware(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq)
{
	const bool pending = irq->latch;

	if (irq->vcpu != S2_NO_VCPU)
		s2_ap_list_remove(&vgic->vcpu[irq->vcpu]->ap_list, irq);
	irq->hw = true;
	irq->latch = false;
	irq->active = false;
	s2_vsgi_update(vgic, irq);
	s2_vsgi_set_pending(vgic, cpu, irq, pending);
}

static void to_software(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq)
{
	const bool pending = s2_vsgi_pending(vgic, irq);

	s2_vsgi_set_pending(vgic, cpu, irq, false);
	irq->hw = false;
	irq->latch = pending;
	s2_lock_irq(vgic, cpu, irq);
	s2_irq_queue_unlock(vgic, cpu, irq);
}

/* vgic_v4_configure_vsgis(): all SGIs of all vcpus change hands. */
void s2_vgic_configure_vsgis(struct s2_vgic *vgic, struct s2_cpu *cpu)
{
	s2_vgic_halt(vgic, cpu);
	s2_vgic_collect_all(vgic, cpu);
	for (unsigned i = 0; i < vgic->n_vcpus; i++) {
		s2_vgic_ich(vgic->vcpu[i])->vsgi = vgic->nassgireq;
		for (unsigned n = 0; n < S2_N_SGIS; n++) {
			struct s2_irq *irq = s2_vgic_sgi(vgic, i, n);

			if (vgic->nassgireq && !irq->hw)
				to_hardware(vgic, cpu, irq);
			else if (!vgic->nassgireq && irq->hw)
				to_software(vgic, cpu, irq);
		}
	}
	vgic->vsgis_in_hw = vgic->nassgireq;
}
