/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A vcpu: the CPU that it is loaded on, its caches as it has them and as traps
 * have shown them, and whether it is in the guest.
 */
#ifndef S2_HYP_VCPU_H
#define S2_HYP_VCPU_H

#include <stage2sim/vm.h>

#include "machine/machine.h"

struct s2_vcpu {
	struct s2_vm *vm;
	int index;
	struct s2_cpu *cpu; /**< where it is loaded, or NULL */
	bool tvm;	    /**< HCR_EL2.TVM */
	bool caches_on;	    /**< SCTLR_EL1.M and .C both set */
	bool seen_on;	    /**< the same as far as traps have shown it */
	bool swept;	    /**< cleaned for set/way, or never on: further set/way needs nothing */
	bool has_run;
	bool kicked; /**< made to leave, and to enter again: vmid_renew.c */
	void *kernel_vcpu; /**< of vm->kernel */
};

/** Whether s2_vcpu_guest_access() has left @p vcpu in the guest. */
static inline bool s2_vcpu_in_guest(const struct s2_vcpu *vcpu)
{
	return vcpu->cpu && vcpu->cpu->guest == vcpu;
}

/** What KVM does on @p cpu it does in the host: the guest that is in there, if any, exits. */
void s2_cpu_enter_host(struct s2_cpu *cpu);

/** What s2_vcpu_load() does about stage 2: a VMID of this generation, VTTBR_EL2 (VHE). */
void s2_vcpu_load_stage2(struct s2_vcpu *vcpu, struct s2_cpu *cpu);

#endif
