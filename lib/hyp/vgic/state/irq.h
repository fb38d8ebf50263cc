/* SPDX-License-Identifier: MIT */
/**
 * @file
 * An interrupt, and a list of those that a vcpu has to take (the kernel's ap_list).
 *
 *     line_level, latch --> pending --+
 *     enabled ------------------------+--> on the ap_list of its target
 *     active (stays where it is) -----'
 *
 * SGIs and PPIs are a vcpu's own, SPIs the VM's.
 */
#ifndef S2_HYP_VGIC_IRQ_H
#define S2_HYP_VGIC_IRQ_H

#include <stage2sim/vgic.h>

#define S2_NO_VCPU UINT16_MAX
#define S2_N_PPIS  (S2_GIC_PRIVATE_IRQS - S2_N_SGIS)

struct s2_irq {
	struct s2_irq *prev, *next; /* in the ap_list */
	uint32_t mpidr;		    /* GICD_IROUTER, of an SPI */
	uint16_t intid;
	uint16_t vcpu;	 /* index of the vcpu whose ap_list holds it */
	uint16_t target; /* index of the vcpu that it is for */
	uint8_t priority;
	uint8_t pintid; /* if mapped */
	bool line_level : 1;
	bool latch : 1;
	bool active : 1;
	bool enabled : 1;
	bool group1 : 1;
	bool level : 1;	 /* configured as level-sensitive */
	bool mapped : 1; /* a PPI that is a physical one's: LR.HW, pintid */
	bool hw : 1;	 /* GICv4.1: the hardware keeps enable, pending, priority, group */
};

struct s2_ap_list {
	struct s2_irq *head, *tail;
	unsigned len;
};

static inline bool s2_irq_pending(const struct s2_irq *irq)
{
	return irq->latch || (irq->level && irq->line_level);
}

#endif
