/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Telling a vcpu that it has something to take: kvm_vcpu_kick().
 *
 *     requested   set by each kick, until the vcpu enters
 *     blocked     the kick wakes it
 *     in_guest    on another CPU: an IPI, once
 */
#ifndef S2_HYP_VGIC_KICK_H
#define S2_HYP_VGIC_KICK_H

#include "hyp/vgic/state/gated.h"
#include "hyp/vgic/state/vgic.h"

/* Of the vcpus of word @at, those whose kick is more than to set a request that is set already. */
static inline uint64_t s2_vgic_need_kick(const struct s2_vgic *vgic, unsigned at)
{
	return ~vgic->requested.w[at] | vgic->blocked.w[at] | vgic->in_guest.w[at];
}

static inline bool s2_vgic_needs_kick(const struct s2_vgic *vgic, unsigned index)
{
	return s2_vgic_need_kick(vgic, index / 64U) >> (index % 64U) & 1U;
}

void s2_vgic_kick_needed(struct s2_vgic *vgic, struct s2_cpu *cpu, unsigned index);

/*
 * kvm_vcpu_kick() after a request: wakes a blocked vcpu, or sends an IPI to
 * one that is in its guest on another CPU and has not been told already.
 */
static inline void s2_vgic_kick(struct s2_vgic *vgic, struct s2_cpu *cpu, unsigned index)
{
	s2_vgic_touch_on(vgic, cpu, "vcpu->requests", true);
	if (s2_vgic_needs_kick(vgic, index))
		s2_vgic_kick_needed(vgic, cpu, index);
}

/* An IPI to each vcpu that is in its guest on another CPU. */
void s2_vgic_kick_running(struct s2_vgic *vgic, struct s2_cpu *cpu);

#endif
