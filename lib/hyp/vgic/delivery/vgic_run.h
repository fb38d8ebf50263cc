/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A vcpu on a CPU, for the rest of the vgic: make it leave, collect, tell it.
 */
#ifndef S2_HYP_VGIC_VGIC_RUN_H
#define S2_HYP_VGIC_VGIC_RUN_H

#include "hyp/vgic/state/vgic.h"

/* kvm_arm_halt_guest(): no vcpu is in its guest afterwards. */
void s2_vgic_halt(struct s2_vgic *vgic, struct s2_cpu *cpu);
/* vgic_kick_vcpus(): those with something pending. */
void s2_vgic_kick_pending(struct s2_vgic *vgic, struct s2_cpu *cpu);

/* kvm_init_mpidr_data() and whatever else the routing policy prepares. */
void s2_vgic_build_index(struct s2_vgic *vgic);
/* vcpu @index leaves its guest, if it is there. */
void s2_vgic_halt_one(struct s2_vgic *vgic, struct s2_cpu *cpu, unsigned index);

/* Everything that was posted reaches its list now. */
void s2_vgic_collect_all(struct s2_vgic *vgic, struct s2_cpu *cpu);

#endif
