/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The instructions that a hypervisor issues on a CPU of the machine.
 *
 * One call is one instruction, or one loop of equal instructions over an
 * address range; each is counted once, here.  A hypervisor algorithm is a
 * function that makes these calls in the order in which the kernel's code
 * has the instructions.  None of them can fail.
 */
#ifndef STAGE2SIM_INSN_H
#define STAGE2SIM_INSN_H

#include <stage2sim/machine.h>
#include <stage2sim/pte.h>

S2_BEGIN_DECLS

enum s2_dsb_kind {
	S2_DSB_ISH = S2_OP_DSB_ISH,
	S2_DSB_ISHST = S2_OP_DSB_ISHST,
	S2_DSB_NSH = S2_OP_DSB_NSH,
	S2_DSB_NSHST = S2_OP_DSB_NSHST,
	S2_DSB_SY = S2_OP_DSB_SY,
};

S2_API void s2_dsb(struct s2_cpu *cpu, enum s2_dsb_kind kind);
S2_API void s2_isb(struct s2_cpu *cpu);

/* TLB maintenance; the VMID is the one that the CPU has loaded. */
S2_API void s2_tlbi_vmalls12e1is(struct s2_cpu *cpu);
S2_API void s2_tlbi_vmalls12e1(struct s2_cpu *cpu);
S2_API void s2_tlbi_vmalle1is(struct s2_cpu *cpu);
S2_API void s2_tlbi_vmalle1(struct s2_cpu *cpu);
S2_API void s2_tlbi_alle1is(struct s2_cpu *cpu);
/** TLBI VALE2IS, xzr: the extra invalidation of the TLBI-repeat erratum. */
S2_API void s2_tlbi_vale2is(struct s2_cpu *cpu);

/** @param level TTL hint 0..3, or S2_TTL_UNKNOWN; encoded if the CPU has FEAT_TTL */
S2_API void s2_tlbi_ipas2e1is(struct s2_cpu *cpu, struct s2_ipa ipa, int level);
S2_API void s2_tlbi_ipas2e1(struct s2_cpu *cpu, struct s2_ipa ipa, int level);

/** @param operand from s2_tlbi_range_operand() or a decomposition */
S2_API void s2_tlbi_ripas2e1is(struct s2_cpu *cpu, uint64_t operand);
S2_API void s2_tlbi_ripas2e1(struct s2_cpu *cpu, uint64_t operand);

/** A DC CIVAC for each line of [pa, pa + size) (the host's linear map of it). */
S2_API void s2_dc_civac_range(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size);
S2_API void s2_dc_cvac_range(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size);
S2_API void s2_dc_ivac_range(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size);
/** An IC IVAU for each line of [pa, pa + size). */
S2_API void s2_ic_ivau_range(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size);
S2_API void s2_ic_ialluis(struct s2_cpu *cpu);
S2_API void s2_ic_iallu(struct s2_cpu *cpu);

S2_API void s2_write_sysreg(struct s2_cpu *cpu, enum s2_sysreg reg, uint64_t value);
S2_API uint64_t s2_read_sysreg(const struct s2_cpu *cpu, enum s2_sysreg reg);

/** HVC to EL2 and the ERET back: both synchronise the context. */
S2_API void s2_hypercall(struct s2_cpu *cpu);

/** Counts @p n of an operation that has no call of its own above. */
S2_API void s2_count(struct s2_cpu *cpu, enum s2_op op, uint64_t n);

S2_END_DECLS

#endif
