/* SPDX-License-Identifier: MIT */
/* IRM = 1: an SGI to every vcpu but the sender. */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/sgi/sgi_dispatch.h"
#include "hyp/vgic/sgi/sgi_queue.h"
#include "hyp/vgic/state/gated.h"
#include "hyp/vgic/state/vcpu_set.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/state/vgic_irq.h"

/* The vcpus of word @at. */
static uint64_t vcpus_of_word(const struct s2_vgic *vgic, unsigned at)
{
	const unsigned left = vgic->n_vcpus - at * 64U;

	return left >= 64U ? ~UINT64_C(0) : (UINT64_C(1) << left) - 1U;
}

static uint64_t without(uint64_t word, unsigned at, unsigned index)
{
	return index / 64U == at ? word & ~(UINT64_C(1) << (index % 64U)) : word;
}

/* Of word @at the vcpu that is loaded on this CPU: it needs no IPI. */
static uint64_t here_in_word(const struct s2_sgi_write *w, unsigned at)
{
	const struct s2_vgic_cpu *here = w->cpu->ich_of;

	if (!here || here->vgic != w->vgic || here->index / 64U != at)
		return 0;
	return UINT64_C(1) << (here->index % 64U);
}

/* s2_vgic_kick() of 64 vcpus. */
static void kick_word(struct s2_sgi_write *w, unsigned at, uint64_t kick)
{
	struct s2_vgic *vgic = w->vgic;
	const uint64_t wake = vgic->blocked.w[at] & kick;
	uint64_t ipi = vgic->in_guest.w[at] & kick & ~wake;

	vgic->requested.w[at] |= kick;
	vgic->blocked.w[at] &= ~wake;
	if (ipi)
		ipi &= ~here_in_word(w, at);
	vgic->in_guest.w[at] &= ~ipi;
	if (wake)
		s2_step(w->cpu, S2_OP_VCPU_WAKE, s2_popcount(wake));
	if (ipi)
		s2_step(w->cpu, S2_OP_KICK_IPI, s2_popcount(ipi));
}

/* Where nobody sees in which order it is done, it is done 64 vcpus at a time. */
static bool may_go_by_word(const struct s2_sgi_write *w)
{
	return w->any_group && w->vgic->dist_enabled && !w->cpu->observed && !w->vgic->race;
}

static void count_word(struct s2_sgi_write *w, uint64_t done, unsigned locks)
{
	const unsigned n = s2_popcount(done);

	w->queued += n;
	s2_step(w->cpu, S2_OP_IRQ_LOCK, (uint64_t)n * locks);
}

/* s2_sgi_queue() of those among @to that merge: one lock each. @return which they were */
static uint64_t merge_word(struct s2_sgi_write *w, unsigned at, uint64_t to)
{
	const struct s2_vgic *vgic = w->vgic;
	const struct s2_irq *irq = s2_vgic_sgi(vgic, at * 64U, w->intid);
	const unsigned left = vgic->n_vcpus - at * 64U;
	uint64_t merged = 0;

	for (unsigned i = 0; i < 64U && i < left; i++)
		merged |= (uint64_t)s2_sgi_merges(&irq[i]) << i;
	merged &= to;
	count_word(w, merged, 1);
	return merged;
}

/* On no list, and, once pending, with nothing to keep it off one. */
static bool will_be_listed(const struct s2_irq *irq)
{
	return irq->enabled && !irq->hw && irq->vcpu == S2_NO_VCPU;
}

/* The same of those that go onto a list: its lock, and twice the interrupt's. */
static uint64_t list_word(struct s2_sgi_write *w, unsigned at, uint64_t to)
{
	struct s2_vgic *vgic = w->vgic;
	uint64_t listed = 0;

	for (uint64_t left = to; left; left &= left - 1U) {
		const unsigned index = at * 64U + s2_lowest_bit(left);
		struct s2_irq *irq = s2_vgic_sgi(vgic, index, w->intid);

		if (!will_be_listed(irq))
			continue;
		irq->latch = true;
		s2_ap_list_append(&vgic->vcpu[index]->ap_list, irq, (uint16_t)index);
		listed |= left & (~left + 1U);
	}
	count_word(w, listed, 3);
	return listed;
}

/* @return which of @to are still to be queued, one by one */
static uint64_t queue_word(struct s2_sgi_write *w, unsigned at, uint64_t to)
{
	uint64_t done = merge_word(w, at, to);

	done |= list_word(w, at, to & ~done);
	kick_word(w, at, done);
	return to & ~done;
}

/* To every vcpu but that of index @but, in the order of indices. */
static void broadcast_but(struct s2_sgi_write *w, unsigned but)
{
	const struct s2_vgic *vgic = w->vgic;
	const bool by_word = may_go_by_word(w);

	s2_step(w->cpu, S2_OP_VCPU_VISIT, vgic->n_vcpus);
	for (unsigned at = 0; at * 64U < vgic->n_vcpus; at++) {
		uint64_t to = without(vcpus_of_word(vgic, at), at, but);

		if (by_word)
			to = queue_word(w, at, to);
		for (; to; to &= to - 1U)
			s2_sgi_queue(w, at * 64U + s2_lowest_bit(to));
	}
}

/* Up to v6.6: the loop's index was compared with the sender's id. */
void s2_broadcast_by_index(struct s2_sgi_write *w)
{
	broadcast_but(w, w->sender->id);
}

/* f3f60a565391 */
void s2_broadcast_plain(struct s2_sgi_write *w)
{
	broadcast_but(w, w->sender->index);
}

/* The vcpus of word @at that get the SGI: all but the sender, of a group that may. */
static uint64_t targets_of_word(const struct s2_sgi_write *w, unsigned at)
{
	const struct s2_vgic *vgic = w->vgic;
	const uint64_t group1 = vgic->sgi_group1[w->intid].w[at];
	uint64_t to = without(vcpus_of_word(vgic, at), at, w->sender->index);

	if (!s2_sgi_group_ok(vgic->cfg.group_rule, w->reg, true))
		to &= ~group1;
	if (!s2_sgi_group_ok(vgic->cfg.group_rule, w->reg, false))
		to &= group1;
	return to;
}

/*
 * Posts the SGI in the matrix, 64 vcpus at a time, and kicks those that have it
 * enabled; each queues it on its own list when it next looks.  While the
 * distributor is off, or SGIs are in the hardware, nothing may be deferred.
 */
void s2_broadcast_matrix(struct s2_sgi_write *w)
{
	struct s2_vgic *vgic = w->vgic;
	const unsigned words = (vgic->n_vcpus + 63U) / 64U;

	if (!vgic->dist_enabled || vgic->vsgis_in_hw) {
		s2_broadcast_plain(w);
		return;
	}
	for (unsigned at = 0; at < words; at++) {
		const uint64_t to = targets_of_word(w, at);

		vgic->mail[w->intid].w[at] |= to;
		vgic->has_mail.w[at] |= to;
		s2_vgic_touch_on(vgic, w->cpu, "vcpu->requests", true);
		kick_word(w, at, to & vgic->sgi_enabled[w->intid].w[at]);
	}
	s2_step(w->cpu, S2_OP_VCPU_VISIT, words);
}
