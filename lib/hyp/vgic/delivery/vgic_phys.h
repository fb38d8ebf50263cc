/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Private interrupts that are a physical one's: the arch timer's (LR.HW, pINTID).
 */
#ifndef S2_HYP_VGIC_VGIC_PHYS_H
#define S2_HYP_VGIC_VGIC_PHYS_H

#include "hyp/vgic/state/vgic.h"

/* Nothing is done for an interrupt that is not mapped. */
void s2_phys_set_active(struct s2_vgic *vgic, const struct s2_irq *irq, bool on);
/* What a list register says about a mapped level makes it look at the line again. */
void s2_phys_resample(struct s2_vgic *vgic, struct s2_irq *irq, bool still_pending, bool ended);

#endif
