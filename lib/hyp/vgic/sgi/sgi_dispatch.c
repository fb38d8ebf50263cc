/* SPDX-License-Identifier: MIT */
/*
 * From a write of an SGI register to its targets: vgic_v3_dispatch_sgi() as
 * kernels have had it, and one walk for whatever the table missed.
 */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/sgi/sgi_dispatch.h"
#include "hyp/vgic/sgi/sgi_queue.h"
#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/state/gated.h"
#include "hyp/vgic/state/vcpu_set.h"
#include "hyp/vgic/state/vgic.h"

#include <errno.h>

/* match_mpidr(): which of the 16 targets @hwid is, if any. */
static bool match(const struct s2_sgi_write *w, uint64_t hwid, unsigned *bit)
{
	*bit = (unsigned)(hwid & ~S2_MPIDR_CLUSTER);
	return (hwid & S2_MPIDR_CLUSTER) == w->cluster.v;
}

/* One walk over all vcpus, until no target of @list is left. */
static void walk_for(struct s2_sgi_write *w, unsigned list)
{
	const struct s2_vgic *vgic = w->vgic;
	unsigned probes = 0;

	for (unsigned i = 0; i < vgic->n_vcpus && list; i++) {
		unsigned bit;

		probes++;
		if (!match(w, vgic->hwid[i], &bit) || !(list & 1U << bit))
			continue;
		list &= ~(1U << bit);
		s2_sgi_queue(w, i);
	}
	if (probes)
		s2_step(w->cpu, S2_OP_VCPU_PROBE, probes);
}

void s2_sgi_walk(struct s2_sgi_write *w)
{
	walk_for(w, w->targets);
}

void s2_sgi_bits(struct s2_sgi_write *w)
{
	for (unsigned left = w->targets; left; left &= left - 1U) {
		const struct s2_mpidr target = s2_mpidr(w->cluster.v | s2_lowest_bit(left));
		const uint16_t index = s2_mpidr_to_vcpu(w->vgic, w->cpu, target);

		if (index != S2_NO_VCPU)
			s2_sgi_queue(w, index);
	}
}

/* Never over N probes more than the targets, whether or not there is a table. */
void s2_sgi_bits_walk(struct s2_sgi_write *w)
{
	unsigned missed = 0;

	for (unsigned left = w->targets; left; left &= left - 1U) {
		const unsigned bit = s2_lowest_bit(left);
		bool sure;
		uint16_t index;

		index = w->vgic->lookup->find_fast(w->vgic, w->cpu, s2_mpidr(w->cluster.v | bit),
						   &sure);
		if (index != S2_NO_VCPU)
			s2_sgi_queue(w, index);
		else if (!sure)
			missed |= 1U << bit;
	}
	walk_for(w, missed);
}

int s2_vgic_send_sgi(struct s2_vgic_cpu *sender, struct s2_cpu *cpu, enum s2_sgi_reg reg,
		     uint64_t value)
{
	if (!s2_vgic_has_cpu(sender->vgic, cpu))
		return -EINVAL;
	return sender->vgic->send(sender, cpu, reg, value);
}

int s2_sgi_send(struct s2_vgic_cpu *sender, struct s2_cpu *cpu, enum s2_sgi_reg reg, uint64_t value)
{
	struct s2_vgic *vgic = sender->vgic;
	const struct s2_sgi sgi = s2_sgi_decode(value);
	struct s2_sgi_write w = {
		.vgic = vgic,
		.cpu = cpu,
		.sender = sender,
		.cluster = s2_sgi_cluster(&sgi, vgic->cfg.range_selector),
		.reg = reg,
		.targets = sgi.targets,
		.intid = sgi.intid,
		.any_group = reg == S2_ICC_SGI1R && vgic->cfg.group_rule == S2_SGI_GROUP_KVM,
	};

	if ((unsigned)reg >= S2_SGI_REGS)
		return -EINVAL;
	if (!vgic->initialised)
		return -EBUSY;
	s2_vgic_touch_on(vgic, cpu, "the index of vcpus", false);
	if (sgi.all_but_self)
		vgic->broadcast(&w);
	else
		vgic->dispatch(&w);
	if (w.queued)
		s2_step(cpu, S2_OP_SGI_QUEUE, w.queued);
	return 0;
}
