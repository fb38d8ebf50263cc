/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The operations that are counted, and their names.
 *
 * An operation is an instruction (a TLBI, a barrier, a cache operation), an
 * access to a descriptor, or a step of an algorithm that costs time and that
 * a paper would count (a probe, a lock, a kick).  The names are those of the
 * programs' JSON output and of cost profiles.
 */
#ifndef STAGE2SIM_OP_H
#define STAGE2SIM_OP_H

#include <stage2sim/types.h>

S2_BEGIN_DECLS

/**
 * What is counted.  IS is all CPUs of the inner shareable domain, without it
 * the CPU that issues; what a name says by itself has no text.
 */
enum s2_op {
	S2_OP_TLBI_VMALLS12E1IS,
	S2_OP_TLBI_VMALLS12E1,
	S2_OP_TLBI_VMALLE1IS,
	S2_OP_TLBI_VMALLE1,
	S2_OP_TLBI_IPAS2E1IS,
	S2_OP_TLBI_IPAS2E1,
	S2_OP_TLBI_RIPAS2E1IS,
	S2_OP_TLBI_RIPAS2E1,
	S2_OP_TLBI_ALLE1IS,
	S2_OP_TLBI_VALE2IS,
	S2_OP_DVM_BROADCAST, /**< broadcast TLBIs and ICs, times the other CPUs */
	S2_OP_DSB_ISH,
	S2_OP_DSB_ISHST,
	S2_OP_DSB_NSH,
	S2_OP_DSB_NSHST,
	S2_OP_DSB_SY,
	S2_OP_DMB_ISH,
	S2_OP_DMB_ISHST,
	S2_OP_ISB,
	S2_OP_DC_CIVAC, /**< lines */
	S2_OP_DC_CVAC,  /**< lines */
	S2_OP_DC_IVAC,  /**< lines */
	S2_OP_DC_SETWAY,
	S2_OP_IC_IVAU, /**< lines */
	S2_OP_IC_IALLUIS,
	S2_OP_IC_IALLU,
	S2_OP_HYPERCALL,   /**< HVC from EL1 to EL2 and back (nVHE) */
	S2_OP_VMID_SWITCH, /**< VTCR_EL2 and VTTBR_EL2 loaded (__load_stage2) */
	S2_OP_SYSREG_WRITE,
	S2_OP_SYSREG_TRAP,
	S2_OP_GUEST_ENTRY,
	S2_OP_GUEST_EXIT,
	S2_OP_PTE_READ,  /**< by the hypervisor's software */
	S2_OP_PTE_WRITE, /**< by any primitive; of a compare-and-swap, the success */
	S2_OP_TABLE_ALLOC,
	S2_OP_TABLE_FREE,
	S2_OP_S2_FAULT,
	S2_OP_TLB_HIT,
	S2_OP_TLB_MISS,
	S2_OP_WALK_READ, /**< descriptor read by the hardware walker */
	S2_OP_VCPU_PROBE,   /**< one MPIDR compared, of a vcpu or of a row of 16 */
	S2_OP_VCPU_VISIT,   /**< one vcpu stepped over without a compare; or a word of 64 */
	S2_OP_MPIDR_GATHER, /**< one step of a compaction, or one hash */
	S2_OP_SGI_QUEUE,    /**< an SGI made pending for one target */
	S2_OP_KICK_IPI,
	S2_OP_VCPU_WAKE, /**< a kick that wakes from WFI, without an IPI of its own */
	S2_OP_IRQ_LOCK,  /**< an irq_lock or ap_list_lock taken */
	S2_OP_MMU_FIELD_WRITE,
	S2_OP_MMU_ROLE_COMPUTE,
	S2_OP_MMU_ROLE_COMPARE,
	S2_OP_ROOT_UNLOAD,
	S2_OP_COUNT, /**< how many there are; no operation */
};

/** How often each operation was issued. */
struct s2_counts {
	uint64_t n[S2_OP_COUNT]; /**< by enum s2_op */
};

/** The lower-case name of @p op, or NULL if there is no such operation. */
S2_API const char *s2_op_name(enum s2_op op);

/** The operation (enum s2_op) called @p name, or -ENOENT, also for NULL. */
S2_API int s2_op_find(const char *name);

/** Whether @p op is a TLBI or an IC that every other CPU must answer; false for a number of none. */
S2_API bool s2_op_is_broadcast(enum s2_op op);

/** to - from, operation by operation; both from one machine, from first. */
S2_API struct s2_counts s2_counts_since(const struct s2_counts *from, const struct s2_counts *to)
	S2_NONNULL(1, 2);

/** Adds @p more to @p sum. */
S2_API void s2_counts_add(struct s2_counts *sum, const struct s2_counts *more) S2_NONNULL(1, 2);

S2_END_DECLS

#endif
