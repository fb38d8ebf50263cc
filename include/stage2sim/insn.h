/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The instructions that a hypervisor issues on a CPU of the machine.
 *
 * One call is one instruction, or one loop of equal instructions over an
 * address range; each is counted once, here.  A hypervisor algorithm is a
 * function that makes these calls in the order in which the kernel's code
 * has the instructions.  Those that name something by a number, or a range,
 * return -EINVAL for a number that is none and -ERANGE for lines past the PA
 * size, and have then issued and counted nothing; the others cannot fail.
 */
#ifndef STAGE2SIM_INSN_H
#define STAGE2SIM_INSN_H

#include <stage2sim/machine.h>
#include <stage2sim/pte.h>
#include <stage2sim/tlbi.h>

S2_BEGIN_DECLS

/** Whose accesses a DSB completes, and which: the value is the operation it counts as. */
enum s2_dsb_kind {
	S2_DSB_ISH = S2_OP_DSB_ISH,	/**< inner shareable, loads and stores */
	S2_DSB_ISHST = S2_OP_DSB_ISHST, /**< inner shareable, stores */
	S2_DSB_NSH = S2_OP_DSB_NSH,	/**< this CPU, loads and stores */
	S2_DSB_NSHST = S2_OP_DSB_NSHST, /**< this CPU, stores */
	S2_DSB_SY = S2_OP_DSB_SY,	/**< full system */
};

/** DSB: what was issued before it is complete after it. @return 0; -EINVAL: no such DSB */
S2_API int s2_dsb(struct s2_cpu *cpu, enum s2_dsb_kind kind) S2_NONNULL(1);
/** What a DMB orders: the value is the operation it counts as. */
enum s2_dmb_kind {
	S2_DMB_ISH = S2_OP_DMB_ISH,	/**< loads and stores: smp_mb() */
	S2_DMB_ISHST = S2_OP_DMB_ISHST, /**< stores: smp_wmb() */
};

/**
 * DMB, inner shareable or wider: of what it names, what was issued before it is seen
 * before what is issued after.  It completes nothing: no store, TLBI or DC.  One of loads
 * alone orders no store, and is none.
 * @return 0; -EINVAL: no such DMB
 */
S2_API int s2_dmb(struct s2_cpu *cpu, enum s2_dmb_kind kind) S2_NONNULL(1);
/** ISB: register writes before it are in force after it. */
S2_API void s2_isb(struct s2_cpu *cpu) S2_NONNULL(1);

/* TLB maintenance; the VMID is the one that the CPU has loaded. */
/** Both stages of the VMID, all CPUs. */
S2_API void s2_tlbi_vmalls12e1is(struct s2_cpu *cpu) S2_NONNULL(1);
/** Both stages of the VMID, this CPU. */
S2_API void s2_tlbi_vmalls12e1(struct s2_cpu *cpu) S2_NONNULL(1);
/** Stage-1 and combined entries of the VMID, all CPUs. */
S2_API void s2_tlbi_vmalle1is(struct s2_cpu *cpu) S2_NONNULL(1);
/** Stage-1 and combined entries of the VMID, this CPU. */
S2_API void s2_tlbi_vmalle1(struct s2_cpu *cpu) S2_NONNULL(1);
/** Everything of EL1 and EL0, whatever its VMID, all CPUs. */
S2_API void s2_tlbi_alle1is(struct s2_cpu *cpu) S2_NONNULL(1);
/** TLBI VALE2IS, xzr: the extra invalidation of the TLBI-repeat erratum. */
S2_API void s2_tlbi_vale2is(struct s2_cpu *cpu) S2_NONNULL(1);

/**
 * Stage-2 entries for one IPA, all CPUs.
 * @param level TTL hint 0..3, or S2_TTL_UNKNOWN; encoded if the CPU has FEAT_TTL
 */
S2_API void s2_tlbi_ipas2e1is(struct s2_cpu *cpu, struct s2_ipa ipa, int level) S2_NONNULL(1);
/** The same, this CPU. */
S2_API void s2_tlbi_ipas2e1(struct s2_cpu *cpu, struct s2_ipa ipa, int level) S2_NONNULL(1);

/**
 * Stage-2 entries for a range of IPA, all CPUs.
 * @param operand from s2_tlbi_range_operand() or a decomposition
 */
S2_API void s2_tlbi_ripas2e1is(struct s2_cpu *cpu, uint64_t operand) S2_NONNULL(1);
/** The same, this CPU. */
S2_API void s2_tlbi_ripas2e1(struct s2_cpu *cpu, uint64_t operand) S2_NONNULL(1);

/**
 * A TLBI as its operation and its operand stand in the code: nothing is encoded here.
 * @param op S2_OP_TLBI_...
 * @param operand Xt; 0 where it takes none
 * @return 0; -EINVAL for what is no TLBI, or an operand where it takes none
 */
S2_API int s2_tlbi(struct s2_cpu *cpu, enum s2_op op, uint64_t operand) S2_NONNULL(1);

/**
 * A DC CIVAC for each line of [pa, pa + size) (the host's linear map of it).
 * @return 0, also for an empty range; -ERANGE past the PA size
 */
S2_API int s2_dc_civac_range(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size) S2_NONNULL(1);
/** A DC CVAC for each line: cleaned to the PoC. @return as above */
S2_API int s2_dc_cvac_range(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size) S2_NONNULL(1);
/** A DC IVAC for each line: invalidated to the PoC. @return as above */
S2_API int s2_dc_ivac_range(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size) S2_NONNULL(1);
/** An IC IVAU for each line of [pa, pa + size). @return as above */
S2_API int s2_ic_ivau_range(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size) S2_NONNULL(1);
/** All of the I-cache, all CPUs. */
S2_API void s2_ic_ialluis(struct s2_cpu *cpu) S2_NONNULL(1);
/** All of the I-cache, this CPU. */
S2_API void s2_ic_iallu(struct s2_cpu *cpu) S2_NONNULL(1);

/** MSR: @p value is in force after the next ISB or exception. @return 0; -EINVAL: no such register */
S2_API int s2_write_sysreg(struct s2_cpu *cpu, enum s2_sysreg reg, uint64_t value) S2_NONNULL(1);
/** What was last written to @p reg, 0 for a number of none.  Not counted. */
S2_API uint64_t s2_read_sysreg(const struct s2_cpu *cpu, enum s2_sysreg reg) S2_NONNULL(1);

/** HVC to EL2 and the ERET back: both synchronise the context. */
S2_API void s2_hypercall(struct s2_cpu *cpu) S2_NONNULL(1);

/**
 * Counts @p n of an operation that has no call of its own above.
 * @return 0; -EINVAL for one that has, since it needs its operands, for
 *         DVM_BROADCAST, which they count, and for a number of none
 */
S2_API int s2_count(struct s2_cpu *cpu, enum s2_op op, uint64_t n) S2_NONNULL(1);

S2_END_DECLS

#endif
