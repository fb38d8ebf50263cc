/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A VM: its configuration, its stage 2, its slots and vcpus, and what it keeps
 * of toggles, faults, VMIDs and mmu_lock.
 *
 * What is done with a part is declared beside it: memslot.h, host_pages.h,
 * vcpu.h, vmid.h, mmu_lock.h, fault.h, fault_memo.h, caches.h, notifier.h.
 */
#ifndef S2_HYP_VM_H
#define S2_HYP_VM_H

#include <stage2sim/gate.h>
#include <stage2sim/vm.h>

#include "hyp/stage2/mmu.h"
#include "hyp/vm/bits.h"
#include "hyp/vm/fault_memo.h"

struct s2_vm_kernel;
struct vm_slot;

/** Order of KVM's locks: one is taken only under those of lower ranks. */
enum s2_vm_lock_rank {
	S2_RANK_SLOTS_LOCK = 10, /**< kvm->slots_lock: memslots, dirty log */
	S2_RANK_MMU_LOCK = 20,	 /**< kvm->mmu_lock: the tables */
	S2_RANK_VMID_LOCK = 30,	 /**< cpu_vmid_lock: of all VMs */
};

struct s2_vm {
	struct s2_machine *machine;
	uint32_t number; /**< in order of creation on the machine, from 0 */
	struct s2_vm_config cfg;
	struct s2_mmu *mmu;
	const struct s2_vm_kernel *kernel; /**< whose algorithms; NULL: the library's */
	void *kernel_vm;
	struct s2_vmids *vmids;
	enum s2_vmid_fault vmid_fault; /**< that it brought to them */
	struct s2_lock slots_lock, mmu_lock;
	uint64_t vmid;		 /**< generation and number, 0: none yet (struct kvm_vmid) */
	struct vm_slot **slots;	 /**< by number; NULL where one was deleted */
	struct vm_slot **by_ipa; /**< the same in order of address */
	int n_slots, n_by_ipa, cap_slots;
	int free_slot; /**< no lower number is free */
	struct s2_vcpu *vcpus[S2_MAX_VCPUS];
	int n_vcpus;
	unsigned n_seen_on; /**< vcpus with caches on, as far as traps have shown */
	int *last_ran;	    /**< of each CPU, vcpu index or -1 */
	struct vm_fault_memo faults[S2_ACCESS_FETCH + 1]; /**< by enum s2_access */
	struct s2_bits clean; /**< SINCE_FLUSH: what was mapped since the last whole clean */
	unsigned clean_shift; /**< log2 of what a bit of it stands for */
	uint64_t lock_start;  /**< operations when mmu_lock was taken, or last offered up */
	uint64_t longest_lock;
	uint64_t longest_stretch; /**< the same, lock or no lock */
	bool dead;
};

/** Whether a call on @p vm can be made on @p cpu: neither torn down, nor another machine's. */
static inline bool s2_vm_callable(const struct s2_vm *vm, const struct s2_cpu *cpu)
{
	return !vm->dead && vm->mmu->root && cpu->machine == vm->machine;
}

#endif
