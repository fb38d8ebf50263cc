/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The VMID allocator, at vcpu_load() and vcpu_put(): a value is generation |
 * number, and a VM keeps its number until its generation ends.
 */
#ifndef S2_HYP_VMID_H
#define S2_HYP_VMID_H

#include <stage2sim/vm.h>

/** Whether @p vmids gives out the numbers of @p m. */
bool s2_vmids_serve(const struct s2_vmids *vmids, const struct s2_machine *m);
/** A VM begins to take numbers from @p vmids, or has gone. */
void s2_vmids_use(struct s2_vmids *vmids, bool begins);
/** kvm_arm_vmid_update(). @return whether the VM's number has changed */
bool s2_vmids_update(struct s2_vmids *vmids, struct s2_vm *vm, struct s2_cpu *cpu);
/** kvm_arm_vmid_clear_active(): an idle CPU pins no VMID. */
void s2_vmids_clear_active(struct s2_vmids *vmids, const struct s2_cpu *cpu);

/** S2_UNMAP_NEW_VMID: after it no CPU translates by what tables held before. @p arg the VM */
void s2_vm_renew_vmid(void *arg, struct s2_cpu *cpu);

/** Published faults of VMID allocation, kept so that tests can catch them. */
enum s2_vmid_fault {
	S2_VMID_SOUND,
	S2_VMID_AFTER_VTTBR,  /**< VTTBR_EL2 is programmed before a VMID is there (fa808ed4e199) */
	S2_VMID_NOT_RESERVED, /**< a rollover forgets whom CPUs run (fb544d1ca65a) */
	S2_VMID_OLD_ACCEPTED, /**< a vcpu is loaded by a number of the last generation (f0cf47d939d0) */
};
void s2_vmids_set_fault(struct s2_vmids *vmids, enum s2_vmid_fault fault);
enum s2_vmid_fault s2_vmids_fault(const struct s2_vmids *vmids);

#endif
