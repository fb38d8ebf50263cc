/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The registers that generate SGIs: ICC_SGI1R_EL1, ICC_SGI0R_EL1, ICC_ASGI1R_EL1.
 *
 *   63   56 55  48 47 44 43 41 40 39  32 31 28 27  24 23  16 15         0
 *  |  RES0 | Aff3 | RS  | RES0|IRM| Aff2 | RES0|INTID | Aff1 | TargetList |
 *
 * TargetList bit b names Aff0 = RS * 16 + b.  With IRM set the list and the
 * affinities mean nothing: all PEs but the sender are targets.  Write-only.
 *
 * Stands for: Arm GICv3 architecture (IHI 0069), ICC_SGI1R_EL1;
 * include/linux/irqchip/arm-gic-v3.h ICC_SGI1R_*.
 */
#ifndef STAGE2SIM_SGI_H
#define STAGE2SIM_SGI_H

#include <stage2sim/mpidr.h>

S2_BEGIN_DECLS

#define S2_SGI_TARGETS S2_BITS(15, 0)  /**< TargetList */
#define S2_SGI_AFF1    S2_BITS(23, 16) /**< of every target */
#define S2_SGI_INTID   S2_BITS(27, 24) /**< which SGI */
#define S2_SGI_AFF2    S2_BITS(39, 32) /**< of every target */
#define S2_SGI_IRM     S2_BIT(40)      /**< all PEs but the sender */
#define S2_SGI_RS      S2_BITS(47, 44) /**< RangeSelector: which 16 of Aff0 */
#define S2_SGI_AFF3    S2_BITS(55, 48) /**< of every target */

/** Interrupts 0 to 15 are SGIs. */
#define S2_N_SGIS 16U
/** Targets that one write can name. */
#define S2_SGI_LIST_BITS 16U

/** Which register is written; it decides which groups the SGI may be of. */
enum s2_sgi_reg {
	S2_ICC_SGI1R,  /**< S3_0_C12_C11_5 */
	S2_ICC_ASGI1R, /**< S3_0_C12_C11_6 */
	S2_ICC_SGI0R,  /**< S3_0_C12_C11_7 */
	S2_SGI_REGS,   /**< how many there are */
};

/** Who delivers an SGI register write to which group (the GIC runs with DS = 1). */
enum s2_sgi_group_rule {
	S2_SGI_GROUP_KVM,   /**< SGI1R: group 0 or 1; the others: group 0 */
	S2_SGI_GROUP_EQUAL, /**< SGI1R: group 1; the others: group 0 (QEMU, OpenVMM) */
};

/** A write of such a register, taken apart. */
struct s2_sgi {
	uint16_t targets;  /**< bit b: Aff0 = rs * 16 + b */
	uint8_t aff1;	   /**< of every target */
	uint8_t aff2;	   /**< of every target */
	uint8_t aff3;	   /**< of every target */
	uint8_t rs;	   /**< 0 to 15 */
	uint8_t intid;	   /**< 0 to 15 */
	bool all_but_self; /**< IRM: nothing above but intid means anything */
};

/** Lower-case name of a register ("icc_sgi1r_el1"), or NULL. */
S2_API const char *s2_sgi_reg_name(enum s2_sgi_reg reg);

/** The register (enum s2_sgi_reg) that MSR S3_0_C12_C11_<op2> writes, or -EINVAL. */
S2_API int s2_sgi_reg_from_op2(unsigned op2);

/** @return 0; -ERANGE if intid or rs does not fit its four bits, and @p value is as it was. */
S2_API int s2_sgi_encode(const struct s2_sgi *sgi, uint64_t *value);

/** Takes @p value apart; reserved bits are ignored. */
static inline struct s2_sgi s2_sgi_decode(uint64_t value)
{
	const struct s2_sgi sgi = {
		(uint16_t)s2_field_get(value, S2_SGI_TARGETS),
		(uint8_t)s2_field_get(value, S2_SGI_AFF1),
		(uint8_t)s2_field_get(value, S2_SGI_AFF2),
		(uint8_t)s2_field_get(value, S2_SGI_AFF3),
		(uint8_t)s2_field_get(value, S2_SGI_RS),
		(uint8_t)s2_field_get(value, S2_SGI_INTID),
		(value & S2_SGI_IRM) != 0,
	};

	return sgi;
}

/**
 * The affinity that bit 0 of the list names.
 * @param rss whether RS is honoured (hardware with RSS); KVM takes it for 0
 */
static inline struct s2_mpidr s2_sgi_cluster(const struct s2_sgi *sgi, bool rss)
{
	return s2_mpidr(s2_field_put(sgi->aff3, S2_MPIDR_AFF3) |
			s2_field_put(sgi->aff2, S2_MPIDR_AFF2) |
			s2_field_put(sgi->aff1, S2_MPIDR_AFF1) |
			(rss ? s2_field_put(sgi->rs, S2_BITS(7, 4)) : 0));
}

/** The write that names just @p target. @return 0; -ERANGE: Aff0 > 15 without @p rss, INTID > 15 */
S2_API int s2_sgi_to(struct s2_mpidr target, uint8_t intid, bool rss, uint64_t *value);

/**
 * Whether a write of @p reg may raise an SGI of that group.  Not checked, as it is
 * asked for every target: @p rule and @p reg must be ones that there are.
 */
static inline bool s2_sgi_group_ok(enum s2_sgi_group_rule rule, enum s2_sgi_reg reg, bool group1)
{
	if (rule == S2_SGI_GROUP_EQUAL)
		return group1 == (reg == S2_ICC_SGI1R);
	return !group1 || reg == S2_ICC_SGI1R;
}

S2_END_DECLS

#endif
