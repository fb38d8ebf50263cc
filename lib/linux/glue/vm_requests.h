/* SPDX-License-Identifier: MIT */
/*
 * What a VMM asks of the tree's KVM, and what its host has: plain C types, for both sides.
 *
 *     machine/kvm.c --> tree_kvm_...() in glue/vm.c --> ioctls of kvm_main.c, notifiers, faults
 *     machine/host.c <-- s2k_host_...() <-- glue/host_mm.c, where the kernel's mm would answer
 *
 * Errors are the kernel's, negative errno values.
 */
#ifndef S2_LINUX_VM_REQUESTS_H
#define S2_LINUX_VM_REQUESTS_H

struct tree_kvm;
struct tree_vcpu;

/* ---- asked of KVM ---- */

/* Whether this tree got stage 2: else nothing below may be asked. */
int tree_has_vm(void);

/* kvm_init(), what boot knows being there (tree_boot()), on that many CPUs. */
int tree_kvm_boot(unsigned int cpus);

/* open("/dev/kvm"), KVM_CREATE_VM.  @return NULL: *error says why */
struct tree_kvm *tree_kvm_create(unsigned int ipa_bits, int *error);
/* Its files are closed.  @vcpus go with it. */
void tree_kvm_close(struct tree_kvm *vm);
void tree_kvm_registers(const struct tree_kvm *vm, unsigned long *vtcr, unsigned long *vttbr);

/* KVM_ENABLE_CAP: KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE. */
int tree_kvm_manual_protect(struct tree_kvm *vm, int initially_set);
int tree_kvm_split_chunk(struct tree_kvm *vm, unsigned long bytes);

/* KVM_SET_USER_MEMORY_REGION; size 0: goes.  A changed flag starts or stops the dirty log. */
int tree_kvm_slot(struct tree_kvm *vm, unsigned int slot, unsigned long ipa, unsigned long size,
		  unsigned long hva, int log);
/* KVM_GET_DIRTY_LOG into @bitmap, KVM_CLEAR_DIRTY_LOG of what is one there. */
int tree_kvm_log_get(struct tree_kvm *vm, unsigned int slot, void *bitmap);
int tree_kvm_log_clear(struct tree_kvm *vm, unsigned int slot, unsigned long first,
		       unsigned long pages, void *bitmap);
/* The bitmap as it stands, or NULL: looked at, nothing is asked. */
const unsigned long *tree_kvm_log_peek(struct tree_kvm *vm, unsigned int slot);

/* The mmu notifier, as the VMM's mm calls it. @event: TREE_NOTIFY_... */
enum {
	TREE_NOTIFY_UNMAP,
	TREE_NOTIFY_CLEAR,
};
int tree_kvm_notify(struct tree_kvm *vm, unsigned long hva, unsigned long size, int event);
/* clear_flush_young(), test_young(). @return whether one was young */
int tree_kvm_age(struct tree_kvm *vm, unsigned long hva, unsigned long size);
int tree_kvm_test_age(struct tree_kvm *vm, unsigned long hva);
/* The VMM's mm goes: kvm_flush_shadow_all(). */
void tree_kvm_release(struct tree_kvm *vm);

/* KVM_CREATE_VCPU, KVM_ARM_VCPU_INIT. @return NULL: *error says why */
struct tree_vcpu *tree_vcpu_create(struct tree_kvm *vm, unsigned int id, int *error);
int tree_vcpu_init(struct tree_vcpu *vcpu);
/* vcpu_load() and what the run loop does about its VMID; vcpu_put(). */
void tree_vcpu_load(struct tree_vcpu *vcpu);
void tree_vcpu_put(struct tree_vcpu *vcpu);
/* kvm_handle_guest_abort(). @fsc as ESR_EL2 has it. @return 1: goes on; 0 or an error: does not */
int tree_vcpu_abort(struct tree_vcpu *vcpu, unsigned long ipa, int write, int exec,
		    unsigned int fsc);
/* access_vm_reg() of SCTLR_EL1 by a vcpu that traps; without it the register alone changes. */
void tree_vcpu_caches(struct tree_vcpu *vcpu, int on, int traps);
void tree_vcpu_set_way(struct tree_vcpu *vcpu);
/* HCR_EL2.TVM, SCTLR_EL1.M and C. */
int tree_vcpu_tvm(struct tree_vcpu *vcpu);
void tree_vcpu_set_tvm(struct tree_vcpu *vcpu, int on);
int tree_vcpu_caches_on(struct tree_vcpu *vcpu);

/* Whether vcpu_load() of this tree, with VHE, programs VTTBR_EL2. */
int tree_loads_stage2(void);

/* A request is over: no lock is held.  It was left in its midst: they are gone. */
void tree_locks_over(void);
void tree_host_abandon(void);

/* ---- asked of the host ---- */

/* A page of the VMM's, and the mapping that it is in. */
struct tree_host_page {
	unsigned long pa;   /* of the byte that was asked for */
	unsigned long size; /* of the page */
	int writable, zero; /* the shared zero page, which a write copies */
};
struct tree_host_map {
	unsigned long start, end, page;
};

/* For what a page is asked: as it is; to be read, and given a frame; to be written. */
enum {
	TREE_LOOK,
	TREE_READ,
	TREE_WRITE,
};
/* @return 0; -1: nothing is there. */
int s2k_host_page(unsigned long hva, int how, struct tree_host_page *page);
/* The first mapping that has a part of [start, end). @return 0, -1 */
int s2k_host_map(unsigned long start, unsigned long end, struct tree_host_map *map);
/* The zero page at @hva has been copied. */
void s2k_host_copied(unsigned long hva);
/*
 * mmu_lock is taken for writing, or dropped; cond_resched() offers it to others, or is
 * called without it.
 */
enum {
	TREE_LOCKED,
	TREE_UNLOCKED,
	TREE_OFFERED,
	TREE_RESCHED,
};
void s2k_mmu_lock(int what);
/* glue/flush_calls.c */
void s2k_flush_call(int kind, unsigned long ipa, int level, unsigned long pages);

#endif
