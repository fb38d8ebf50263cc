/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The state of an interrupt that registers and userspace set.
 *
 * Enable and group of an SGI are kept twice more, for a matrix broadcast and for
 * hardware that has it (GICv4.1): set them here only.
 */
#ifndef S2_HYP_VGIC_IRQ_STATE_H
#define S2_HYP_VGIC_IRQ_STATE_H

#include "hyp/vgic/state/vgic.h"

void s2_irq_set_enabled(struct s2_vgic *vgic, struct s2_irq *irq, bool on);
void s2_irq_set_group1(struct s2_vgic *vgic, struct s2_irq *irq, bool on);
void s2_irq_set_priority(struct s2_vgic *vgic, struct s2_irq *irq, uint8_t priority);

#endif
