/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a matrix broadcast has posted, and its target takes onto its own list.
 *
 * Whoever looks at a vcpu's SGIs collects first.
 */
#ifndef S2_HYP_VGIC_SGI_MAIL_H
#define S2_HYP_VGIC_SGI_MAIL_H

#include "hyp/vgic/state/vgic.h"

/* Queues what was posted for @vcpu by a matrix broadcast. */
void s2_vgic_collect_mail(struct s2_vgic_cpu *vcpu, struct s2_cpu *cpu);

static inline void s2_vgic_collect(struct s2_vgic_cpu *vcpu, struct s2_cpu *cpu)
{
	if (s2_vcpu_set_has(&vcpu->vgic->has_mail, vcpu->index))
		s2_vgic_collect_mail(vcpu, cpu);
}

#endif
