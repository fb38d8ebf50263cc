/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A VM: memory slots, vcpus, and what the host does to them.
 *
 *     guest:  s2_vcpu_access(), s2_vcpu_set_caches(), s2_vcpu_set_way()
 *       |  stage-2 fault, trap
 *     KVM:    fault path, cache toggles, dirty log, notifiers, teardown
 *       |  requests of pgtable.h
 *     tables, TLBs, caches of the machine
 *
 * Stands for kvm/mmu.c, kvm/arm.c (vcpu_load), kvm/sys_regs.c (set/way,
 * VM registers) and virt/kvm/kvm_main.c (slots, dirty log).  A vcpu runs on
 * the CPU where it is loaded; calls on a VM name the CPU that makes them, and
 * a guest that s2_vcpu_guest_access() has left running there exits first.
 *
 * Errors common to all: -EINVAL for what no VM can be asked (no such slot, a
 * range that is no whole pages or no part of the slot, a vcpu not loaded, a CPU
 * of another machine, or a VM whose tables have been destroyed), -ENOMEM (what
 * was done before it stays).
 * A call that fails with -EINVAL has changed and issued nothing.  Before a VM its
 * VMIDs and its machine may not go; a physics may, if no guest is then entered by it.
 */
#ifndef STAGE2SIM_VM_H
#define STAGE2SIM_VM_H

#include <stage2sim/access.h>
#include <stage2sim/memory.h>
#include <stage2sim/pgtable.h>

S2_BEGIN_DECLS

struct s2_fault;
struct s2_guest_access;
struct s2_guest_result;
struct s2_physics;
struct s2_vm;
struct s2_vcpu;
struct s2_vmids;

/** Most slots of a VM (KVM_USER_MEM_SLOTS). */
#define S2_MAX_SLOTS 32764
/** Most vcpus of a VM (VGIC_V3_MAX_CPUS). */
#define S2_MAX_VCPUS 512

/** What becomes of memory when its mapping goes. */
enum s2_backing_life {
	S2_BACKING_DIES,   /**< anonymous: its contents go with the mapping */
	S2_BACKING_SHARED, /**< a file or memfd: outlives it */
};

/** A memslot as KVM_SET_USER_MEMORY_REGION gives it, and what is behind it. */
struct s2_slot_config {
	struct s2_ipa ipa;    /**< its first address */
	uint64_t size;        /**< bytes */
	struct s2_va hva;     /**< where the VMM mapped it */
	struct s2_pa pa;      /**< of its first byte; memory is taken to be contiguous */
	uint64_t backing;     /**< bytes of a host page: a page, or a block KVM installs */
	/** Pages are there; else the first read finds the zero page, in each slot for itself. */
	bool populated;
	enum s2_backing_life life; /**< what an unmap means for the contents */
	/** Who put there what a VM finds: a CPU by the linear map, or a device. */
	enum s2_agent filled_by;
	/**
	 * Who reads what outlives the mapping; WRITE_BACK: a CPU, and of what is swapped out a
	 * device that snoops nothing, through the DMA API.
	 */
	enum s2_agent read_by;
	bool fill_by_dma_api; /**< if filled by a device, by the DMA API (struct s2_act's cleaned) */
	bool read_by_dma_api; /**< the same of who reads */
};

/** What a VM is created with: KVM_CREATE_VM and the capabilities enabled on it. */
struct s2_vm_config {
	const struct s2_flavour *flavour; /**< must outlive the VM */
	unsigned ipa_bits;                /**< as of struct s2_mmu_config */
	struct s2_vmids *vmids;           /**< where VMIDs come from; must outlive the VM */
	uint64_t split_chunk;             /**< KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE; 0: off */
	bool manual_protect;              /**< KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 */
	bool initially_set;               /**< KVM_DIRTY_LOG_INITIALLY_SET, with manual_protect */
};

/**
 * The VMID allocator of one machine (kvm/vmid.c): generations, active and
 * reserved values per CPU, and a rollover that flushes all CPUs.
 * @param m must outlive it
 * @param out set on success; free with s2_vmids_free()
 * @return 0; -EINVAL unless there are more VMIDs, 0 apart, than CPUs; -ENOMEM
 */
S2_API int s2_vmids_create(struct s2_machine *m, struct s2_vmids **out) S2_NONNULL(1, 2);
/** Frees @p vmids (NULL is fine); its VMs must be gone before: a debug build asserts that. */
S2_API void s2_vmids_free(struct s2_vmids *vmids);

/** Generations begun so far, the first not counted: how often all VMIDs were flushed. */
S2_API uint64_t s2_vmids_rollovers(const struct s2_vmids *vmids) S2_NONNULL(1);

/** Numbers taken so far by VMs that had none, or none that could be kept. */
S2_API uint64_t s2_vmids_taken(const struct s2_vmids *vmids) S2_NONNULL(1);

/** Published faults of VMID allocation, kept so that tests can catch them. */
enum s2_vmid_fault {
	S2_VMID_SOUND,	      /**< none */
	S2_VMID_AFTER_VTTBR,  /**< VTTBR_EL2 is programmed before a VMID is there (fa808ed4e199) */
	S2_VMID_NOT_RESERVED, /**< a rollover forgets whom CPUs run (fb544d1ca65a) */
	S2_VMID_OLD_ACCEPTED, /**< a vcpu is loaded by a number of the last generation (f0cf47d939d0) */
};

/** From now on @p vmids has that fault. */
S2_API void s2_vmids_set_fault(struct s2_vmids *vmids, enum s2_vmid_fault fault) S2_NONNULL(1);

/**
 * To be called on a machine that was just created, before VMIDs, an oracle or a log are made
 * for it, where VMs with @p flavour may be a kernel's own code (docs/your-patch.md).
 * @return 0, at once for a flavour of the library's; -EOPNOTSUPP or -EINVAL for a machine that
 *         the kernel cannot run on; -EBUSY if something was built on it; -ENOMEM
 */
S2_API int s2_vm_prepare(struct s2_machine *m, const struct s2_flavour *flavour) S2_NONNULL(1);

/**
 * An empty VM on @p m, which must outlive it.
 * @param out set on success; free with s2_vm_free()
 * @return 0; an error of s2_mmu_create(); -EINVAL for no flavour, no VMIDs or
 *         another machine's, a chunk that is no leaf's size, initially_set
 *         without manual_protect, or a flavour that s2_flavour_check() refuses;
 *         -EOPNOTSUPP for a chunk if the flavour cannot split; -ENOMEM
 */
S2_API int s2_vm_create(struct s2_machine *m, const struct s2_vm_config *cfg, struct s2_vm **out)
	S2_NONNULL(1, 2, 3);

/** Frees the model of @p vm as it stands (NULL is fine), vcpus put first; else issues nothing. */
S2_API void s2_vm_free(struct s2_vm *vm);

/** Which of its machine's VMs it is, from 0 in order of creation: how acts name it (act.h). */
S2_API uint32_t s2_vm_number(const struct s2_vm *vm) S2_NONNULL(1);

/** Its stage 2; lives as long as the VM. */
S2_API struct s2_mmu *s2_vm_mmu(struct s2_vm *vm) S2_NONNULL(1);

/**
 * KVM_SET_USER_MEMORY_REGION.
 * @return slot number; -EINVAL for what is not page aligned, an unknown life, a backing that no
 *         leaf has or that HVA and PA do not agree modulo; -ERANGE past the IPA or
 *         PA size; -EEXIST on overlap; -ENOSPC past S2_MAX_SLOTS; -ENOMEM
 */
S2_API int s2_vm_add_slot(struct s2_vm *vm, const struct s2_slot_config *cfg) S2_NONNULL(1, 2);

/** The same with size 0: unmapped, then forgotten. @return 0; -EINVAL; -ENOMEM: not forgotten */
S2_API int s2_vm_delete_slot(struct s2_vm *vm, struct s2_cpu *cpu, int slot) S2_NONNULL(1, 2);

/**
 * KVM_CREATE_VCPU and the first KVM_ARM_VCPU_INIT.
 * @return index; -ENOSPC past S2_MAX_VCPUS; -EBUSY after s2_vm_teardown(); -ENOMEM
 */
S2_API int s2_vm_add_vcpu(struct s2_vm *vm) S2_NONNULL(1);
/** The vcpu of that index, or NULL; lives as long as the VM. */
S2_API struct s2_vcpu *s2_vm_vcpu(struct s2_vm *vm, int index) S2_NONNULL(1);

/**
 * vcpu_load(): VMID, stage 2, last-ran check.
 * @return 0; -EBUSY if loaded, or @p cpu is taken; -EINVAL for another machine's CPU
 */
S2_API int s2_vcpu_load(struct s2_vcpu *vcpu, struct s2_cpu *cpu) S2_NONNULL(1, 2);

/** vcpu_put(). @return 0; -EINVAL if not loaded */
S2_API int s2_vcpu_put(struct s2_vcpu *vcpu) S2_NONNULL(1);

/**
 * KVM_ARM_VCPU_INIT of a vcpu that is not loaded: MMU off; without FWB TVM armed
 * and, if it has run, RAM unmapped; with FWB the I-cache invalidated (not with DIC).
 * @return 0; -EINVAL if loaded; -ENOMEM
 */
S2_API int s2_vcpu_reset(struct s2_vcpu *vcpu, struct s2_cpu *cpu) S2_NONNULL(1, 2);

/** PSCI CPU_OFF: it leaves its CPU; what traps is as it was. @return 0; -EINVAL if not loaded */
S2_API int s2_vcpu_power_off(struct s2_vcpu *vcpu) S2_NONNULL(1);

/**
 * PSCI CPU_ON of a vcpu that is not loaded: its MMU and caches are off.  TVM is
 * not armed again, unlike by s2_vcpu_reset().  @return 0; -EINVAL if loaded
 */
S2_API int s2_vcpu_power_on(struct s2_vcpu *vcpu) S2_NONNULL(1);

/**
 * The guest accesses [ipa, ipa + size), page by page upwards; each access that
 * stage 2 does not allow is a fault, handled as user_mem_abort() does.  It asks
 * the tables, not TLBs: where a physics is attached, s2_vcpu_guest_access() is
 * what enters the guest, and leaves it at s2_vcpu_put().
 * @return faults taken; -EFAULT if part of it is in no slot (the accesses
 *         before it are done); -ELOOP if a page faults again and again;
 *         -EINVAL if not loaded, empty, or past the IPA size; -ENOMEM
 */
S2_API int64_t s2_vcpu_access(struct s2_vcpu *vcpu, struct s2_ipa ipa, uint64_t size,
			      enum s2_access access) S2_NONNULL(1);

/** What the host found behind a page that faulted: __gfn_to_pfn_memslot() and its VMA. */
struct s2_host_page {
	struct s2_pa pa; /**< of the first byte of the host's page */
	uint64_t size;	 /**< bytes to map: a page, or a block that fits the slot */
	unsigned prot;	 /**< S2_PROT_W if it may be written; S2_PROT_DEVICE, S2_PROT_NORMAL_NC */
};

/**
 * kvm_handle_guest_abort(): the vcpu, loaded, has left the guest with @p fault,
 * which a walk raised (physics.h) or a log shows.  Counts neither the fault
 * nor the exit: they were the hardware's.
 * @param page NULL: as the slot tells; else no slot is asked, nor its dirty log
 * @return 0; -EFAULT outside all slots, and for a code that KVM gives to user
 *         space (nothing has changed); -EINVAL for a fault that was not raised,
 *         a code of more than 6 bits, a level that the tables do not have, a page of no leaf's size;
 *         -ERANGE past the IPA size; -ENOMEM
 */
S2_API int s2_vcpu_abort(struct s2_vcpu *vcpu, const struct s2_fault *fault,
			 const struct s2_host_page *page) S2_NONNULL(1, 2);

/**
 * One access of the guest through the TLBs, tables and memory of @p p, the
 * machine's physics: the vcpu, loaded, enters the guest if it is not there;
 * a fault makes it exit, KVM resolves it, and the access is made again.
 * Other than s2_vcpu_access() this is what hardware sees, stale entries included.
 * @param result of the access that went through
 * @return faults taken; -ELOOP if it still faults after what any sound fault
 *         path needs (the progress rule); -EINVAL if not loaded, or for another
 *         machine's physics; an error of
 *         s2_guest_access() but -ENOENT; one of s2_vcpu_abort(): -EFAULT in
 *         no slot
 */
S2_API int s2_vcpu_guest_access(struct s2_vcpu *vcpu, struct s2_physics *p,
				const struct s2_guest_access *access,
				struct s2_guest_result *result) S2_NONNULL(1, 2, 3, 4);

/**
 * The vcpu, loaded, enters the guest, if it is not in it (__kvm_vcpu_run()), and
 * runs there until s2_vcpu_exit(), s2_vcpu_put(), or a call on its CPU.
 * @return 0; -EINVAL if not loaded, or its tables are gone
 */
S2_API int s2_vcpu_enter(struct s2_vcpu *vcpu) S2_NONNULL(1);

/** Leaves the guest, if the vcpu is in it, as an interrupt makes it do. */
S2_API void s2_vcpu_exit(struct s2_vcpu *vcpu) S2_NONNULL(1);

/**
 * Sets what user space or a log says of the vcpu, as KVM_SET_ONE_REG does to
 * SCTLR_EL1 of a vcpu that migrated in.  Issues nothing.
 * @param caches_on SCTLR_EL1.M and .C
 * @param tvm HCR_EL2.TVM: the next write of a VM register traps; ignored with FWB
 */
S2_API void s2_vcpu_set_state(struct s2_vcpu *vcpu, bool caches_on, bool tvm) S2_NONNULL(1);

/**
 * The guest does DC by VA to the PoC on a range, and a DSB: its own instructions,
 * counted nowhere.  Has an effect on what contents may be (act.h), and no other.
 * @param op S2_LINE_CLEAN, _CLEAN_INVALIDATE, or _INVALIDATE, which is the latter
 *        under stage 2
 * @return 0; -EFAULT where stage 2 maps nothing; -EINVAL if not loaded, empty,
 *         past the IPA size, or another operation
 */
S2_API int s2_vcpu_maintain(struct s2_vcpu *vcpu, struct s2_range range, enum s2_line_op op)
	S2_NONNULL(1);

/** Whether its M and C are on. */
S2_API bool s2_vcpu_caches_on(const struct s2_vcpu *vcpu) S2_NONNULL(1);

/**
 * The guest writes SCTLR_EL1 with M and C on or off; trapped while TVM is set
 * (or, with the FGT policy, always).
 * @return 0; -EINVAL if not loaded; -ENOMEM
 */
S2_API int s2_vcpu_set_caches(struct s2_vcpu *vcpu, bool on) S2_NONNULL(1);

/** The guest writes @p n other VM registers (TTBR0_EL1, ...). @return 0; -EINVAL if not loaded */
S2_API int s2_vcpu_write_vm_regs(struct s2_vcpu *vcpu, unsigned n) S2_NONNULL(1);

/** The guest executes @p n DC by set/way: all trap. @return 0; -EINVAL if not loaded; -ENOMEM */
S2_API int s2_vcpu_set_way(struct s2_vcpu *vcpu, unsigned n) S2_NONNULL(1);

/** Whether writes of VM registers trap (HCR_EL2.TVM). */
S2_API bool s2_vcpu_tvm(const struct s2_vcpu *vcpu) S2_NONNULL(1);

/** Starts dirty logging. @return 0; -EEXIST if on; -EINVAL; -ENOMEM: off, or on and unsplit */
S2_API int s2_vm_log_start(struct s2_vm *vm, struct s2_cpu *cpu, int slot) S2_NONNULL(1, 2);
/** Stops it; what is write-protected stays so. @return 0; -EINVAL if it is off */
S2_API int s2_vm_log_stop(struct s2_vm *vm, struct s2_cpu *cpu, int slot) S2_NONNULL(1, 2);

/** KVM_GET_DIRTY_LOG; clears too, unless manual_protect. @return dirty pages; -EINVAL: off */
S2_API int64_t s2_vm_log_get(struct s2_vm *vm, struct s2_cpu *cpu, int slot) S2_NONNULL(1, 2);

/**
 * KVM_CLEAR_DIRTY_LOG of @p n pages from @p first, every dirty one.
 * @return pages cleared; -EINVAL if logging is off, without manual_protect, or
 *         unless both are multiples of 64 (the end of the slot apart); an error
 *         of s2_pgtable_wrprotect(); -ENOMEM: what was cleared has been flushed
 */
S2_API int64_t s2_vm_log_clear(struct s2_vm *vm, struct s2_cpu *cpu, int slot, uint64_t first,
			       uint64_t n) S2_NONNULL(1, 2);

/**
 * The flush that ends an ioctl which cleared dirty bits, as the flavour's
 * clear_flush says: for who knows what was cleared from elsewhere.
 * @param slot its extent
 * @param cleared from the first to the last page cleared
 * @return 0; -EINVAL for a span that is empty or not of the slot, or not page
 *         aligned; -ERANGE past the IPA size
 */
S2_API int s2_vm_flush_cleared(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_range slot,
			       struct s2_range cleared) S2_NONNULL(1, 2);

/** Whether page @p page of the slot is dirty; false if there is none, or no log. */
S2_API bool s2_vm_log_is_dirty(const struct s2_vm *vm, int slot, uint64_t page) S2_NONNULL(1);

/** Why the host takes pages away. */
enum s2_unmap_reason {
	S2_UNMAP_EVENT,   /**< munmap by the VMM (MMU_NOTIFY_UNMAP): the contents are gone */
	S2_UNMAP_CLEAR,   /**< migration, a protection change: they come back by faults */
	S2_UNMAP_SWAP,    /**< to be written out, perhaps by a device that is not coherent */
};

/**
 * The mmu notifier's unmap of host range [hva, hva + size), in every slot that
 * maps it.  What the VMM or the kernel then puts there is found by faults.
 * @return 0, also if no slot does; -EINVAL if empty or not page aligned; -ENOMEM
 */
S2_API int s2_vm_unmap_hva(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_va hva, uint64_t size,
			   enum s2_unmap_reason reason) S2_NONNULL(1, 2);

/** The notifier's clear_flush_young. @return 1 if anything was young, and so flushed; 0; -EINVAL */
S2_API int s2_vm_age_hva(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_va hva, uint64_t size)
	S2_NONNULL(1, 2);

/**
 * kvm_flush_shadow_all(), as the flavour's teardown policy says: the tables go.
 * @return 0; -EBUSY while a vcpu is loaded; -EINVAL the second time, or for
 *         another machine's CPU; -ENOMEM with S2_TEARDOWN_UNMAP_RANGE
 */
S2_API int s2_vm_teardown(struct s2_vm *vm, struct s2_cpu *cpu) S2_NONNULL(1, 2);

/** Longest stretch under mmu_lock without a reschedule point, in counted operations. */
S2_API uint64_t s2_vm_longest_lock(const struct s2_vm *vm) S2_NONNULL(1);

/** The same, whether the lock is held or not: what the scheduler waits for. */
S2_API uint64_t s2_vm_longest_stretch(const struct s2_vm *vm) S2_NONNULL(1);

/** Both begin anew. */
S2_API void s2_vm_forget_longest(struct s2_vm *vm) S2_NONNULL(1);

S2_END_DECLS

#endif
