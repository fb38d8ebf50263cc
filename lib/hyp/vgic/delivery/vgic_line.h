/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Lines of devices: who is told that the guest has ended a level.
 */
#ifndef S2_HYP_VGIC_VGIC_LINE_H
#define S2_HYP_VGIC_VGIC_LINE_H

#include "hyp/vgic/state/vgic.h"

/* A level SPI was ended by the guest; holds no lock. */
void s2_vgic_notify_ended(struct s2_vgic *vgic, struct s2_cpu *cpu, uint32_t intid);

#endif
