/* SPDX-License-Identifier: MIT */
/* Dispatches that were published and are wrong; no routing policy has one. */
#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/sgi/sgi_dispatch.h"
#include "hyp/vgic/sgi/sgi_queue.h"
#include "hyp/vgic/state/vgic.h"

static void stops_at_hole(struct s2_sgi_write *w)
{
	for (unsigned left = w->targets; left; left &= left - 1U) {
		const struct s2_mpidr target = s2_mpidr(w->cluster.v | s2_lowest_bit(left));
		const uint16_t index = s2_mpidr_to_vcpu(w->vgic, w->cpu, target);

		if (index == S2_NO_VCPU)
			return;
		s2_sgi_queue(w, index);
	}
}

static void affinity_is_index(struct s2_sgi_write *w)
{
	for (unsigned left = w->targets; left; left &= left - 1U) {
		const unsigned index = s2_mpidr_aff(w->cluster, 1) * S2_SGI_LIST_BITS +
				       s2_lowest_bit(left);

		if (index < w->vgic->n_vcpus)
			s2_sgi_queue(w, index);
	}
}

/* A shift by Aff0, of which hardware takes six bits. */
static void shift_by_aff0(struct s2_sgi_write *w)
{
	for (unsigned i = 0; i < w->vgic->n_vcpus; i++) {
		const uint64_t hwid = w->vgic->hwid[i];

		if ((hwid & ~S2_MPIDR_AFF0) == w->cluster.v &&
		    w->targets >> (hwid & S2_MPIDR_AFF0) % 64 & 1)
			s2_sgi_queue(w, i);
	}
}

/* Of those that agree with the write under @mask, who is in its list. */
static void match_under(struct s2_sgi_write *w, uint64_t mask)
{
	for (unsigned i = 0; i < w->vgic->n_vcpus; i++) {
		const uint64_t hwid = w->vgic->hwid[i];

		if (!((hwid ^ w->cluster.v) & mask) && w->targets >> (hwid & 15) & 1)
			s2_sgi_queue(w, i);
	}
}

static void mask_short(struct s2_sgi_write *w)
{
	match_under(w, S2_BITS(22, 4));
}

static void list_alone(struct s2_sgi_write *w)
{
	for (unsigned left = w->targets; left; left &= left - 1U) {
		const uint16_t index =
			s2_mpidr_to_vcpu(w->vgic, w->cpu, s2_mpidr(s2_lowest_bit(left)));

		if (index != S2_NO_VCPU)
			s2_sgi_queue(w, index);
	}
}

s2_sgi_dispatch_fn s2_sgi_bug_dispatch(enum s2_bug bug)
{
	switch (bug) {
	case S2_BUG_SGI_STOPS_AT_HOLE:
		return stops_at_hole;
	case S2_BUG_SGI_AFF_IS_INDEX:
		return affinity_is_index;
	case S2_BUG_SGI_SHIFT_BY_AFF0:
		return shift_by_aff0;
	case S2_BUG_SGI_MASK_SHORT:
		return mask_short;
	case S2_BUG_SGI_LIST_ALONE:
		return list_alone;
	default:
		return NULL;
	}
}
