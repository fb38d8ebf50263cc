/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Between an ap_list and the list registers.
 *
 *     enter: flush     ap_list --> LR0..n
 *     exit:  fold      LR0..n --> state of each interrupt
 *            prune     interrupts that are done leave, others move
 */
#ifndef S2_HYP_VGIC_VGIC_LR_H
#define S2_HYP_VGIC_VGIC_LR_H

#include "hyp/vgic/state/vgic.h"

void s2_lr_flush(struct s2_vgic_cpu *vcpu);
void s2_lr_fold(struct s2_vgic_cpu *vcpu);
void s2_lr_prune(struct s2_vgic_cpu *vcpu);
/* @vcpu's guest ended active @irq, which is in no list register. */
void s2_lr_end_unlisted(struct s2_vgic_cpu *vcpu, struct s2_irq *irq);

#endif
