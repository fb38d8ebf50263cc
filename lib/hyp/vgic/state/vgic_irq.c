/* SPDX-License-Identifier: MIT */
/* The state of one interrupt, whose it is, and how it gets onto a list: vgic.c. */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/state/kick.h"
#include "hyp/vgic/state/locks.h"
#include "hyp/vgic/state/vcpu_set.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/state/vgic_irq.h"

#include <string.h>

static void reset_irq(struct s2_irq *irq, uint32_t intid, uint16_t target)
{
	memset(irq, 0, sizeof(*irq));
	irq->intid = (uint16_t)intid;
	irq->vcpu = S2_NO_VCPU;
	irq->target = target;
	irq->group1 = true;
}

/* kvm_vgic_vcpu_init(): SGIs are edge-triggered and enabled, PPIs neither. */
void s2_irq_reset_private(struct s2_vgic *vgic, unsigned index)
{
	for (unsigned i = 0; i < S2_N_SGIS; i++) {
		struct s2_irq *irq = s2_vgic_sgi(vgic, index, i);

		reset_irq(irq, i, (uint16_t)index);
		irq->enabled = true;
		s2_vcpu_set_to(&vgic->sgi_enabled[i], index, true);
		s2_vcpu_set_to(&vgic->sgi_group1[i], index, true);
	}
	for (unsigned i = 0; i < S2_N_PPIS; i++) {
		struct s2_irq *irq = &vgic->vcpu[index]->ppi[i];

		reset_irq(irq, S2_N_SGIS + i, (uint16_t)index);
		irq->level = true;
	}
}

/* kvm_vgic_dist_init(): affinity 0, target the first vcpu. */
void s2_irq_reset_spi(struct s2_vgic *vgic, unsigned n)
{
	reset_irq(&vgic->spi[n], S2_GIC_PRIVATE_IRQS + n, vgic->n_vcpus ? 0 : S2_NO_VCPU);
}

struct s2_irq *s2_vgic_irq(struct s2_vgic *vgic, struct s2_vgic_cpu *vcpu, uint32_t intid)
{
	if (intid < S2_N_SGIS)
		return vcpu ? s2_vgic_sgi(vgic, vcpu->index, intid) : NULL;
	if (intid < S2_GIC_PRIVATE_IRQS)
		return vcpu ? &vcpu->ppi[intid - S2_N_SGIS] : NULL;
	if (!vgic->spi || intid >= S2_GIC_FIRST_SPECIAL ||
	    intid - S2_GIC_PRIVATE_IRQS >= vgic->n_spis)
		return NULL;
	return &vgic->spi[intid - S2_GIC_PRIVATE_IRQS];
}

void s2_ap_list_append(struct s2_ap_list *list, struct s2_irq *irq, uint16_t vcpu)
{
	irq->vcpu = vcpu;
	irq->prev = list->tail;
	irq->next = NULL;
	if (list->tail)
		list->tail->next = irq;
	else
		list->head = irq;
	list->tail = irq;
	list->len++;
}

void s2_ap_list_remove(struct s2_ap_list *list, struct s2_irq *irq)
{
	if (irq->prev)
		irq->prev->next = irq->next;
	else
		list->head = irq->next;
	if (irq->next)
		irq->next->prev = irq->prev;
	else
		list->tail = irq->prev;
	irq->prev = NULL;
	irq->next = NULL;
	irq->vcpu = S2_NO_VCPU;
	list->len--;
}

/* Takes the locks in their order and queues, unless something changed meanwhile. */
static bool try_queue(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq, uint16_t v)
{
	struct s2_vgic_cpu *vcpu = vgic->vcpu[v];
	bool queued = false;

	s2_lock_ap(vgic, cpu, vcpu);
	s2_lock_irq(vgic, cpu, irq);
	if (irq->vcpu == S2_NO_VCPU && s2_irq_target_oracle(vgic, irq) == v) {
		s2_ap_list_append(&vcpu->ap_list, irq, v);
		queued = true;
	}
	s2_unlock_irq(vgic, cpu, irq);
	s2_unlock_ap(vgic, cpu, vcpu);
	return queued;
}

/*
 * Since v6.19 any vcpu may end an SPI: the first in flight makes all leave their
 * guests, that their deactivations trap from then on.
 */
static void note_listed(struct s2_vgic *vgic, struct s2_cpu *cpu, const struct s2_irq *irq)
{
	if (irq->intid < S2_GIC_PRIVATE_IRQS || vgic->spis_listed++)
		return;
	if (vgic->cfg.overflow == S2_OVERFLOW_NPIE)
		s2_vgic_kick_running(vgic, cpu);
}

/*
 * A list's lock comes before an interrupt's, so the interrupt, which is
 * unlocked here, must be let go of to take both, and looked at again.
 */
bool s2_irq_queue_on(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq, uint16_t v)
{
	if (vgic->race)
		vgic->race(vgic->race_arg, irq);
	if (try_queue(vgic, cpu, irq, v)) {
		note_listed(vgic, cpu, irq);
		s2_vgic_kick(vgic, cpu, v);
		return true;
	}
	s2_lock_irq(vgic, cpu, irq);
	return s2_irq_queue_unlock(vgic, cpu, irq);
}
