/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Redistributors: a place for each vcpu, in regions of slots filled in order.
 */
#ifndef S2_HYP_VGIC_VGIC_REGION_H
#define S2_HYP_VGIC_VGIC_REGION_H

#include "hyp/vgic/state/vgic.h"

/* vgic_register_redist_iodev(): a place for a new vcpu, if there is one. */
int s2_redist_register(struct s2_vgic_cpu *vcpu);
void s2_redist_unregister(struct s2_vgic_cpu *vcpu);
bool s2_redist_is_last(const struct s2_vgic_cpu *vcpu);

#endif
