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

/** A kernel's own allocator has given a VM a number, after @p rollovers more of them. */
void s2_vmids_note(struct s2_vmids *vmids, uint64_t rollovers);

/** A VM with that fault comes, or has gone: while one is there, its allocator has the fault. */
void s2_vmids_fault_by_vm(struct s2_vmids *vmids, enum s2_vmid_fault fault, bool comes);
/** Whether @p vmids has that fault, by a VM or by s2_vmids_set_fault(). */
bool s2_vmids_has_fault(const struct s2_vmids *vmids, enum s2_vmid_fault fault);

#endif
