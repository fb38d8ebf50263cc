/* SPDX-License-Identifier: MIT */
/**
 * @file
 * GICv4.1: SGIs that hardware keeps.  irq->hw says which; the rest is as before.
 */
#ifndef S2_HYP_VGIC_VGIC_V4_H
#define S2_HYP_VGIC_VGIC_V4_H

#include "hyp/vgic/state/vgic.h"

void s2_vgic_configure_vsgis(struct s2_vgic *vgic, struct s2_cpu *cpu);
void s2_vsgi_set_pending(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq, bool on);
bool s2_vsgi_pending(const struct s2_vgic *vgic, const struct s2_irq *irq);
void s2_vsgi_update(struct s2_vgic *vgic, const struct s2_irq *irq);

#endif
