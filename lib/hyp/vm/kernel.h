/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A VM whose algorithms are somebody else's: a kernel's own code, run on the machine.
 *
 *     s2_vm_...()  arguments, slots, vcpus, what guests and the host do, locks' account
 *       |
 *       +-- vm->kernel is NULL: the algorithms of this room, on hyp/stage2
 *       +-- else: vm->kernel->...(), which keeps the tables
 *
 * The tables are foreign to the library (foreign.h), and are walked by it as its own are:
 * vm->mmu has their shape, root and registers, and none of its calls that change them
 * may be made.  Each call below stands for what its comment names, issues the same
 * instructions as the kernel does, and returns 0 or a negative errno value.
 */
#ifndef S2_HYP_VM_KERNEL_H
#define S2_HYP_VM_KERNEL_H

#include <stage2sim/vm.h>

struct vm_slot;

/** What is asked of it. */
struct s2_vm_kernel {
	/** Before anything else is built on @p m. */
	int (*boot)(struct s2_machine *m);
	/** KVM_CREATE_VM: sets vm->kernel_vm and vm->mmu. */
	int (*create)(struct s2_vm *vm);
	/** Frees both, after the tables have gone or not. */
	void (*free)(struct s2_vm *vm);
	/** KVM_SET_USER_MEMORY_REGION of @p slot, which the VM has; @p goes: it is deleted. */
	int (*slot)(struct s2_vm *vm, struct s2_cpu *cpu, struct vm_slot *slot, bool goes);
	/** The same, its dirty log being turned on or off as slot->logging says. */
	int (*log_switch)(struct s2_vm *vm, struct s2_cpu *cpu, struct vm_slot *slot);
	/** KVM_GET_DIRTY_LOG. @return dirty pages */
	int64_t (*log_get)(struct s2_vm *vm, struct s2_cpu *cpu, struct vm_slot *slot);
	/** KVM_CLEAR_DIRTY_LOG of all dirty ones. @return pages cleared */
	int64_t (*log_clear)(struct s2_vm *vm, struct s2_cpu *cpu, struct vm_slot *slot,
			     uint64_t first, uint64_t n);
	/** Whether a page's bit is set. */
	bool (*log_is_dirty)(const struct s2_vm *vm, const struct vm_slot *slot, uint64_t page);
	/** The notifier's unmap of [hva, hva + size). */
	int (*unmap_hva)(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_va hva, uint64_t size,
			 enum s2_unmap_reason reason);
	/** Its clear_flush_young. @return 1 if anything was young, else 0 */
	int (*age_hva)(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_va hva, uint64_t size);
	/** kvm_flush_shadow_all() */
	int (*teardown)(struct s2_vm *vm, struct s2_cpu *cpu);
	/** KVM_CREATE_VCPU and KVM_ARM_VCPU_INIT: sets vcpu->kernel_vcpu and vcpu->tvm. */
	int (*add_vcpu)(struct s2_vcpu *vcpu);
	/** KVM_ARM_VCPU_INIT again. */
	int (*reset)(struct s2_vcpu *vcpu, struct s2_cpu *cpu);
	/** vcpu_load(): sets the VMID of vm->mmu. */
	int (*load)(struct s2_vcpu *vcpu, struct s2_cpu *cpu);
	/** vcpu_put() of a vcpu that is loaded. */
	void (*put)(struct s2_vcpu *vcpu);
	/** kvm_handle_guest_abort(); the pages are those of the VM's slots. */
	int (*abort)(struct s2_vcpu *vcpu, const struct s2_fault *fault);
	/** kvm_toggle_cache() at a write of SCTLR_EL1 that was trapped: sets vcpu->tvm. */
	int (*toggle)(struct s2_vcpu *vcpu, bool was_on, bool on);
	/** access_dcsw(): sets vcpu->tvm. */
	int (*set_way)(struct s2_vcpu *vcpu);
	/** HCR_EL2.TVM is as vcpu->tvm says. */
	void (*set_tvm)(struct s2_vcpu *vcpu);
};

/**
 * From now on VMs with @p flavour, which must live as long as they, are @p kernel's, and
 * s2_flavour_find() finds it by its name.  One of a process; NULL: none.
 */
void s2_kernel_set(const struct s2_flavour *flavour, const struct s2_vm_kernel *kernel);

/** Whose VMs with @p flavour are, or NULL: the library's, as with one of other choices. */
const struct s2_vm_kernel *s2_kernel_of(const struct s2_flavour *flavour);

#endif
