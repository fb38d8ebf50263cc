/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A vgic whose machine has a gate (stage2sim/gate.h): other threads may go on at any
 * lock, and where what they share is read or written without one.
 */
#ifndef S2_HYP_VGIC_GATED_H
#define S2_HYP_VGIC_GATED_H

#include "hyp/vgic/state/vgic.h"

static inline bool s2_vgic_is_gated(const struct s2_vgic *vgic)
{
	return vgic->machine->gate.before != NULL;
}

/* Takes or drops the lock of a vcpu's list, or of an interrupt. */
void s2_vgic_gate_ap(struct s2_cpu *cpu, const struct s2_vgic_cpu *vcpu, bool take);
void s2_vgic_gate_irq(struct s2_cpu *cpu, const struct s2_irq *irq, bool take);

/* kvm->arch.config_lock: around what builds, drops and fills the index of vcpus. */
void s2_vgic_config_lock(struct s2_vgic *vgic);
void s2_vgic_config_unlock(struct s2_vgic *vgic);

/* @what is about to be read or written without a lock. */
void s2_vgic_touch(const struct s2_vgic *vgic, const char *what, bool write);

/* The same in hot paths, on @cpu: with a gate all CPUs are observed. */
static inline void s2_vgic_touch_on(const struct s2_vgic *vgic, const struct s2_cpu *cpu,
				    const char *what, bool write)
{
	if (cpu->observed)
		s2_vgic_touch(vgic, what, write);
}

#endif
