/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Inside a VM: slots with what the host and the log know of their pages,
 * vcpus, and the mmu_lock's account.
 *
 * vm.c creates and takes down; memslot.c the slots; vcpu.c loads, puts, resets; world_switch.c
 * enters and leaves the guest; fault.c is the fault path; host_pages.c what is
 * behind a slot; caches.c toggles and set/way; dirty_log.c the log; notifier.c
 * what the host's memory management does; vmid_renew.c an unmap's new VMID;
 * teardown.c the end.
 */
#ifndef S2_HYP_VM_H
#define S2_HYP_VM_H

#include <stage2sim/vm.h>

#include "hyp/vm/bits.h"
#include "hyp/stage2/mmu.h"

struct vm_slot {
	int number;
	bool logging;
	struct s2_slot_config cfg;
	struct s2_bits dirty; /**< while logging */
	/* Of unpopulated slots, host_pages.c: */
	struct s2_bits zero;  /**< pages that are read as the zero page */
	struct s2_bits there; /**< pages that the host has given a frame */
	struct s2_bits split; /**< of a backing's size: the host has pages there, no huge one */
};

/**
 * A fault on a page that nobody has touched, of one kind of access, whose
 * counts are known (hyp/stage2/memo.h): from the exit to the entry.  Of one slot, in
 * which all pages are there and are mapped as pages.
 */
struct vm_fault_memo {
	struct s2_memo memo;
	uint64_t start, size; /**< of the slot, in IPA */
	uint64_t pa_offset;   /**< what is added to an IPA of the slot to get its PA */
	s2_pte attr;
	const struct vm_slot *last; /**< of the last fault that was not known */
};

struct s2_vcpu {
	struct s2_vm *vm;
	int index;
	struct s2_cpu *cpu; /**< where it is loaded, or NULL */
	bool tvm;	    /**< HCR_EL2.TVM */
	bool caches_on;	    /**< SCTLR_EL1.M and .C both set */
	bool seen_on;	    /**< the same as far as traps have shown it */
	bool swept;	    /**< cleaned for set/way, or never on: further set/way needs nothing */
	bool has_run;
	bool kicked;	    /**< made to leave, and to enter again: vmid_renew.c */
};

struct s2_vm {
	struct s2_machine *machine;
	struct s2_vm_config cfg;
	struct s2_mmu *mmu;
	struct s2_vmids *vmids;
	uint64_t vmid; /**< generation and number, 0: none yet (struct kvm_vmid) */
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

/**
 * Faults that one access may take.  A page may be mapped for a read, made
 * writable, then executable; the zero page is copied in between.  What faults
 * oftener makes no progress.
 */
#define S2_VM_MAX_FAULTS 8

/** A table operation over a range. */
typedef int (*s2_range_fn)(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range);

/**
 * stage2_apply_range() under mmu_lock: @p fn for chunks of the largest block,
 * a reschedule point after each.
 */
int s2_vm_apply_range(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_range range, s2_range_fn fn);

/* mmu_lock: how much is done between its reschedule points. */
void s2_vm_lock(struct s2_vm *vm);
void s2_vm_cond_resched(struct s2_vm *vm);
void s2_vm_unlock(struct s2_vm *vm);
/** cond_resched() outside the lock; @p stretches equal ones have passed. */
void s2_vm_resched_unlocked(struct s2_vm *vm, uint64_t stretches);

/** The slot that has @p ipa, or NULL. */
struct vm_slot *s2_vm_slot_at(const struct s2_vm *vm, struct s2_ipa ipa);
/** Slot number @p slot, or NULL. */
struct vm_slot *s2_vm_slot(const struct s2_vm *vm, int slot);
void s2_vm_free_slots(struct s2_vm *vm);
/** The page of @p slot that @p ipa is in. */
uint64_t s2_vm_slot_page(const struct s2_vm *vm, const struct vm_slot *slot, struct s2_ipa ipa);

/** What faults are known to do is not so any more: a slot changes. */
void s2_vm_forget_faults(struct s2_vm *vm);

/* What the host has behind a slot. */

/** @return 0, -ENOMEM and then to be freed */
int s2_slot_init_host(const struct s2_vm *vm, struct vm_slot *slot);
void s2_slot_free_host(struct vm_slot *slot);
/** Whether @p page is read as the shared zero page. */
bool s2_slot_is_zero(const struct vm_slot *slot, uint64_t page);
/** Bytes of the host page that @p page is in, or would be if the guest wrote it. */
uint64_t s2_slot_host_page_size(const struct s2_vm *vm, const struct vm_slot *slot, uint64_t page);
/** __gfn_to_pfn_memslot(): @p page is given a frame. @return 0, -ENOMEM */
int s2_slot_get_page(const struct s2_vm *vm, struct vm_slot *slot, uint64_t page, bool write,
		     bool *writable);
/** The contents of @p n pages are gone. @return 0, -ENOMEM */
int s2_slot_forget_pages(const struct s2_vm *vm, struct vm_slot *slot, uint64_t first, uint64_t n);

/** Tells the toggle policy of a mapping made. @return 0, -ENOMEM */
int s2_vm_note_mapped(struct s2_vm *vm, struct s2_ipa ipa, uint64_t size);

/** Whether a write of SCTLR_EL1 reaches the hypervisor at all. */
bool s2_vcpu_sctlr_traps(const struct s2_vcpu *vcpu);

/** stage2_unmap_vm(). */
int s2_vm_unmap_all(struct s2_vm *vm, struct s2_cpu *cpu);
/** Unmaps [range) as __unmap_stage2_range() does, with the flavour's unmap policies. */
int s2_vm_unmap(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_range range,
		enum s2_unmap_reason reason);
/** kvm_mmu_split_huge_pages() */
int s2_vm_split(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_range range);

/** Whether s2_vcpu_guest_access() has left @p vcpu in the guest. */
static inline bool s2_vcpu_in_guest(const struct s2_vcpu *vcpu)
{
	return vcpu->cpu && vcpu->cpu->guest == vcpu;
}

/** Whether a call on @p vm can be made on @p cpu: neither torn down, nor another machine's. */
static inline bool s2_vm_callable(const struct s2_vm *vm, const struct s2_cpu *cpu)
{
	return !vm->dead && vm->mmu->root && cpu->machine == vm->machine;
}

/** What KVM does on @p cpu it does in the host: the guest that is in there, if any, exits. */
void s2_cpu_enter_host(struct s2_cpu *cpu);

/** What s2_vcpu_load() does about stage 2: a VMID of this generation, VTTBR_EL2 (VHE). */
void s2_vcpu_load_stage2(struct s2_vcpu *vcpu, struct s2_cpu *cpu);
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

/* The VMID allocator, at vcpu_load() and vcpu_put(). */
bool s2_vmids_serve(const struct s2_vmids *vmids, const struct s2_machine *m);
/** A VM begins to take numbers from @p vmids, or has gone. */
void s2_vmids_use(struct s2_vmids *vmids, bool begins);
bool s2_vmids_update(struct s2_vmids *vmids, struct s2_vm *vm, struct s2_cpu *cpu);
void s2_vmids_clear_active(struct s2_vmids *vmids, const struct s2_cpu *cpu);

#endif
