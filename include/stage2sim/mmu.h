/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One VM's stage-2 MMU: its tables, its VMID, and how they are flushed.
 *
 * Stands for struct kvm_s2_mmu, hyp/{vhe,nvhe}/tlb.c and the flush entry
 * points of kvm/mmu.c.  Each flush is a call into EL2: a function call with
 * VHE, a hypercall with nVHE.  A flush returns 0, or -EINVAL for a CPU of
 * another machine, and of a VMID for tables that were destroyed; it has then
 * issued nothing.
 */
#ifndef STAGE2SIM_MMU_H
#define STAGE2SIM_MMU_H

#include <stage2sim/flavour.h>
#include <stage2sim/insn.h>

S2_BEGIN_DECLS

struct s2_mmu;

/** What decides one VM's stage 2, its machine apart. */
struct s2_mmu_config {
	const struct s2_flavour *flavour; /**< must outlive the MMU */
	unsigned ipa_bits; /**< 32 to the host's limit; 0: S2_DEFAULT_IPA_BITS */
	struct s2_vmid vmid;              /**< tag of this VM's translations; not 0 */
};

/** The calls into EL2 that flush. */
enum s2_flush_kind {
	S2_FLUSH_VMID,        /**< __kvm_tlb_flush_vmid */
	S2_FLUSH_VMID_IPA,    /**< __kvm_tlb_flush_vmid_ipa */
	S2_FLUSH_VMID_IPA_NSH, /**< __kvm_tlb_flush_vmid_ipa_nsh */
	S2_FLUSH_VMID_RANGE,   /**< __kvm_tlb_flush_vmid_range */
	S2_FLUSH_CPU_CONTEXT, /**< __kvm_flush_cpu_context */
	S2_FLUSH_VM_CONTEXT,  /**< __kvm_flush_vm_context */
	S2_FLUSH_KINDS,	      /**< how many there are */
};

/** One flush call, or a run of them: ipa advances by step. */
struct s2_flush_call {
	enum s2_flush_kind kind; /**< which function */
	struct s2_ipa ipa;  /**< by IPA and range */
	int level;          /**< by IPA: TTL hint or S2_TTL_UNKNOWN */
	uint64_t pages;     /**< range */
	uint64_t repeat;    /**< calls in the run, at least 1 */
	uint64_t step;	    /**< bytes from one call's ipa to the next's */
};

/** Short name of a flush call ("tlb_ipa"), or NULL. */
S2_API const char *s2_flush_kind_name(enum s2_flush_kind kind);

/**
 * An MMU with empty tables.  The pages of its root are table_alloc's of CPU 0,
 * as s2_pgtable_destroy() and s2_vm_teardown() free them as table_free's.
 * @param m must outlive the MMU, like the flavour of @p cfg
 * @param out set on success; free with s2_mmu_free()
 * @return 0; -EINVAL for VMID 0, one too wide for the machine, no flavour, or one
 *         that s2_flavour_check() refuses;
 *         an error of s2_geometry_init(); -ENOMEM.
 */
S2_API int s2_mmu_create(struct s2_machine *m, const struct s2_mmu_config *cfg,
			 struct s2_mmu **out) S2_NONNULL(1, 2, 3);

/**
 * Frees the model's memory of @p mmu, tables included (NULL is fine), and issues
 * and counts nothing: a VM that is to be seen dying is torn down before.  A VM
 * frees its own: a debug build asserts that.
 */
S2_API void s2_mmu_free(struct s2_mmu *mmu);

/** The shape of its tables; lives as long as the MMU. */
S2_API const struct s2_geometry *s2_mmu_geometry(const struct s2_mmu *mmu) S2_NONNULL(1);
/** The flavour it was made with. */
S2_API const struct s2_flavour *s2_mmu_flavour(const struct s2_mmu *mmu) S2_NONNULL(1);
/** The machine its tables are in. */
S2_API struct s2_machine *s2_mmu_machine(const struct s2_mmu *mmu) S2_NONNULL(1);
/** The tag of its translations; s2_vcpu_load() may change it (kvm_arm_vmid_update()). */
S2_API struct s2_vmid s2_mmu_vmid(const struct s2_mmu *mmu) S2_NONNULL(1);
/** VTCR_EL2 and VTTBR_EL2 as a CPU that runs this VM has them. */
S2_API void s2_mmu_registers(const struct s2_mmu *mmu, uint64_t *vtcr, uint64_t *vttbr) S2_NONNULL(1, 2, 3);
/** How fields lie in its descriptors. */
S2_API struct s2_pte_format s2_mmu_pte_format(const struct s2_mmu *mmu) S2_NONNULL(1);
/** How operands of TLBIs are encoded, for s2_tlbi_range_decompose(). */
S2_API struct s2_tlbi_format s2_mmu_tlbi_format(const struct s2_mmu *mmu) S2_NONNULL(1);

/**
 * Tells @p fn, in place of the one before, of every flush call as it is made;
 * NULL for none.  What is issued, counted and left is the same with and
 * without, but not the time: while there is a watcher, or a sink on the
 * machine, calls that the model would else answer from an earlier, equal one
 * are walked through, each by itself.
 */
S2_API void s2_mmu_watch_flushes(struct s2_mmu *mmu,
				 void (*fn)(void *arg, const struct s2_flush_call *call),
				 void *arg) S2_NONNULL(1);

/**
 * A vcpu of this VM is loaded on @p cpu from here on: flushes of another VM
 * that are made there put its stage 2 back.  Issues nothing by itself.
 * @return 0; -EINVAL for another machine's CPU, or tables that were destroyed
 */
S2_API int s2_mmu_load(const struct s2_mmu *mmu, struct s2_cpu *cpu) S2_NONNULL(1, 2);

/** No vcpu is loaded on @p cpu any more. */
S2_API void s2_cpu_unload_stage2(struct s2_cpu *cpu) S2_NONNULL(1);

/** What a flush found loaded, to be put back; its fields are the flush's own. */
struct s2_flush_context {
	const char *site; /**< of the CPU, before the call */
	bool restore;	  /**< another VM's stage 2 is loaded on this CPU (VHE) */
	uint64_t tcr;	  /**< TCR_EL1 as it was (SPECULATIVE_AT erratum) */
	uint64_t sctlr;	  /**< SCTLR_EL1 as it was (the same, with VHE) */
};

/**
 * Begins a flush of the user's own (flavour.h, flush_range_with): the call into
 * EL2, the DSB that orders table updates before it, the switch to this VMID.
 */
S2_API int s2_flush_enter(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_flush_context *cxt)
	S2_NONNULL(1, 2, 3);

/** Ends it: the DSB that completes broadcast TLBIs, ISB, the switch back, the return. */
S2_API int s2_flush_exit(struct s2_mmu *mmu, struct s2_cpu *cpu,
			 const struct s2_flush_context *cxt) S2_NONNULL(1, 2, 3);

/** kvm_arch_flush_remote_tlbs(): everything of this VMID, all CPUs. */
S2_API int s2_flush_vmid(struct s2_mmu *mmu, struct s2_cpu *cpu) S2_NONNULL(1, 2);

/**
 * __kvm_tlb_flush_vmid_ipa(): one IPA, all CPUs.
 * @param level TTL hint 0 to 3, or S2_TTL_UNKNOWN; -EINVAL for another
 * @return as above; -ERANGE past the IPA size
 */
S2_API int s2_flush_vmid_ipa(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa, int level)
	S2_NONNULL(1, 2);

/** __kvm_tlb_flush_vmid_ipa_nsh(): the same, this CPU only. */
S2_API int s2_flush_vmid_ipa_nsh(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa,
				 int level) S2_NONNULL(1, 2);

/**
 * kvm_tlb_flush_vmid_range(): a range of IPA, in calls as the flavour's
 * range_calls has it (upstream: of at most 2^21 pages), or by its
 * flush_range_with; the whole VMID if the CPU or the flavour has no range
 * operations.
 * @return 0; -EINVAL if empty or not page aligned, or for another machine's CPU;
 *         -ERANGE past the IPA size.
 */
S2_API int s2_flush_vmid_range(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
	S2_NONNULL(1, 2);

/** __kvm_flush_cpu_context(): stage-1 and combined entries and I-cache of this CPU. */
S2_API int s2_flush_cpu_context(struct s2_mmu *mmu, struct s2_cpu *cpu) S2_NONNULL(1, 2);

/** __kvm_flush_vm_context(): everything of all VMIDs (rollover). */
S2_API int s2_flush_vm_context(struct s2_mmu *mmu, struct s2_cpu *cpu) S2_NONNULL(1, 2);

S2_END_DECLS

#endif
