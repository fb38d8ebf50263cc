/* SPDX-License-Identifier: MIT */
/**
 * @file
 * PSCI calls that look vcpus up by MPIDR.
 *
 * CPU_ON names one vcpu and uses the lookup in force.  AFFINITY_INFO names all
 * below an affinity level and compares each vcpu, whatever the policy.  Both
 * count vcpu_probe.  Power states only: what a vcpu is reset to is not here.
 *
 * A CPU of another machine, or a level that is none, is S2_PSCI_INVALID_PARAMS, and
 * nothing is counted or changed.  Pointers must not be NULL.
 *
 * Stands for: Arm DEN 0022 (PSCI), CPU_ON, CPU_OFF, AFFINITY_INFO;
 * arch/arm64/kvm/psci.c.
 */
#ifndef STAGE2SIM_PSCI_H
#define STAGE2SIM_PSCI_H

#include <stage2sim/vgic.h>

S2_BEGIN_DECLS

/** What a call returns to the guest in X0. */
enum s2_psci_ret {
	S2_PSCI_SUCCESS = 0, /**< of AFFINITY_INFO: S2_PSCI_AFFINITY_ON */
	S2_PSCI_AFFINITY_ON = 0,
	S2_PSCI_AFFINITY_OFF = 1,
	S2_PSCI_INVALID_PARAMS = -2,
	S2_PSCI_ALREADY_ON = -4,
};

/** Whether @p vcpu is on; all are when they are made. */
S2_API bool s2_psci_is_on(const struct s2_vgic_cpu *vcpu);

/** KVM_ARM_VCPU_POWER_OFF, or CPU_OFF: @p vcpu is off.  It should not be loaded. */
S2_API void s2_psci_cpu_off(struct s2_vgic_cpu *vcpu);

/** CPU_ON of the vcpu at @p target, from a trap on @p cpu. */
S2_API enum s2_psci_ret s2_psci_cpu_on(struct s2_vgic *vgic, struct s2_cpu *cpu, uint64_t target);

/**
 * AFFINITY_INFO: on if any vcpu is that @p target names down to affinity
 * @p level (0 to 3), off if all are.  Ends at the first that is on.
 */
S2_API enum s2_psci_ret s2_psci_affinity_info(struct s2_vgic *vgic, struct s2_cpu *cpu,
					      uint64_t target, uint64_t level);

S2_END_DECLS

#endif
