/* SPDX-License-Identifier: MIT */
/**
 * @file
 * GICv3 register maps, and the fields of the registers that we model.
 *
 *   a redistributor        RD_base  +0x00000  CTLR IIDR TYPER ...  64 KiB
 *   (128 KiB a vcpu)       SGI_base +0x10000  IGROUPR0 ...         64 KiB
 *   the distributor                 +0x00000  CTLR TYPER ...       64 KiB
 *
 * Offsets of a redistributor are from its RD_base, so those of SGI_base start
 * at 0x10000.  One table row is one register, or one array of registers that
 * hold some bits for each interrupt; the rows say which accesses exist.  No
 * GICv2, no ITS, no VLPI frames.
 *
 * Stands for: Arm IHI 0069 chapter 12; arch/arm64/kvm/vgic/vgic-mmio-v3.c.
 */
#ifndef STAGE2SIM_GIC_H
#define STAGE2SIM_GIC_H

#include <stage2sim/sgi.h>

S2_BEGIN_DECLS

#define S2_GICR_FRAME_SIZE  UINT64_C(0x10000) /**< RD_base or SGI_base */
#define S2_GICR_SIZE	    UINT64_C(0x20000) /**< one vcpu's redistributor */
#define S2_GICR_SGI_BASE    UINT32_C(0x10000) /**< offset of SGI_base from RD_base */
#define S2_GICD_SIZE	    UINT64_C(0x10000) /**< the distributor */
#define S2_GICV3_ARCH_REV   UINT32_C(0x3b)    /**< PIDR2: GICv3 */
#define S2_GIC_PRIVATE_IRQS 32U		      /**< 16 SGIs, 16 PPIs */
#define S2_GIC_PRIORITY	    UINT8_C(0xf8)     /**< the five bits of priority that are kept */

/** Interrupt numbers that no SPI has. */
#define S2_GIC_FIRST_SPECIAL 1020U
#define S2_GIC_SPURIOUS	     1023U /**< ICC_IAR: nothing to acknowledge */

/** Every register that an access can reach, by the name that IHI 0069 has for it. */
enum s2_gic_reg {
	/* RD_base */
	S2_GICR_CTLR,
	S2_GICR_IIDR,
	S2_GICR_TYPER,
	S2_GICR_STATUSR,
	S2_GICR_WAKER,
	S2_GICR_PROPBASER,
	S2_GICR_PENDBASER,
	S2_GICR_INVLPIR,
	S2_GICR_INVALLR,
	S2_GICR_SYNCR,
	S2_GICR_ID,
	/* SGI_base */
	S2_GICR_IGROUPR0,
	S2_GICR_ISENABLER0,
	S2_GICR_ICENABLER0,
	S2_GICR_ISPENDR0,
	S2_GICR_ICPENDR0,
	S2_GICR_ISACTIVER0,
	S2_GICR_ICACTIVER0,
	S2_GICR_IPRIORITYR,
	S2_GICR_ICFGR,
	S2_GICR_IGRPMODR0,
	S2_GICR_NSACR,
	/* the distributor */
	S2_GICD_CTLR,
	S2_GICD_TYPER,
	S2_GICD_IIDR,
	S2_GICD_TYPER2,
	S2_GICD_STATUSR,
	S2_GICD_IGROUPR,
	S2_GICD_ISENABLER,
	S2_GICD_ICENABLER,
	S2_GICD_ISPENDR,
	S2_GICD_ICPENDR,
	S2_GICD_ISACTIVER,
	S2_GICD_ICACTIVER,
	S2_GICD_IPRIORITYR,
	S2_GICD_ITARGETSR,
	S2_GICD_ICFGR,
	S2_GICD_IGRPMODR,
	S2_GICD_IROUTER,
	S2_GICD_ID,
	S2_GIC_REGS, /**< how many there are; no register */
};

/* Widths of access that a register takes, as bytes. */
#define S2_GIC_ACCESS_8	 UINT8_C(1) /**< a byte */
#define S2_GIC_ACCESS_32 UINT8_C(4) /**< 32 bits */
#define S2_GIC_ACCESS_64 UINT8_C(8) /**< 64 bits */

/** One register, or one array of registers: a row of IHI 0069 tables 12-25, 12-27, 12-29. */
struct s2_gic_reg_info {
	const char *name;     /**< lower case ("gicr_ctlr") */
	uint32_t offset;      /**< from RD_base, or into the distributor */
	uint32_t size;	      /**< bytes of the register, or of the whole array */
	uint8_t access;	      /**< S2_GIC_ACCESS_*, or-ed */
	uint8_t bits_per_irq; /**< 0: not an array over interrupts */
};

/** The row of @p reg, which lives for ever, or NULL if there is no such register. */
S2_API const struct s2_gic_reg_info *s2_gic_reg_info(enum s2_gic_reg reg);

/**
 * The register (enum s2_gic_reg) at @p offset of a redistributor, for an access
 * of @p size bytes; -ENOENT if none is there, or not for that size and alignment.
 */
S2_API int s2_gicr_decode(uint32_t offset, unsigned size);

/** The same in the distributor; -ENOENT likewise. */
S2_API int s2_gicd_decode(uint32_t offset, unsigned size);

/* GICR_CTLR */
#define S2_GICR_CTLR_CES S2_BIT(1) /**< EnableLPIs can be cleared; 1 from revision 3 on */
#define S2_GICR_CTLR_IR	 S2_BIT(2) /**< INVLPIR and INVALLR exist; 1 from revision 3 on */

/* GICR_TYPER; the packed affinity is in 63:32. */
#define S2_GICR_TYPER_LAST S2_BIT(4)	   /**< no redistributor follows this one */
#define S2_GICR_TYPER_CPU  S2_BITS(23, 8)  /**< Processor_Number: the vcpu id */
#define S2_GICR_TYPER_AFF  S2_BITS(63, 32) /**< Affinity_Value; KVM leaves Aff3 0 */

/* GICR_PROPBASER, GICR_PENDBASER. */
#define S2_GICR_PENDBASER_PTZ  S2_BIT(62) /**< pending table is zero; reads 0 */
#define S2_GICR_PROPBASER_RES0 (S2_BITS(63, 59) | S2_BITS(55, 52) | S2_BITS(6, 5)) /**< stay 0 */
/** GICR_PENDBASER: bits that stay 0. */
#define S2_GICR_PENDBASER_RES0 \
	(S2_BIT(63) | S2_BITS(61, 59) | S2_BITS(55, 52) | S2_BITS(15, 12) | S2_BITS(6, 0))
#define S2_GICR_BASER_SHARE	  S2_BITS(11, 10) /**< Shareability; 2 (outer) becomes 1 (inner) */
#define S2_GICR_BASER_INNER_CACHE S2_BITS(9, 7)	  /**< InnerCache; 0 and 1 become 3 (RaWb) */
#define S2_GICR_BASER_OUTER_CACHE S2_BITS(58, 56) /**< OuterCache; all but 1 become 0 */

/* GICD_CTLR */
#define S2_GICD_CTLR_ENABLE_G1 S2_BIT(1) /**< EnableGrp1: interrupts reach vcpus at all */
#define S2_GICD_CTLR_ARE_NS    S2_BIT(4) /**< ARE: affinity routing; reads 1 */
#define S2_GICD_CTLR_DS	       S2_BIT(6) /**< one security state; reads 1 */
#define S2_GICD_CTLR_NASSGIREQ S2_BIT(8) /**< nASSGIreq: SGIs without an active state */

/* GICD_TYPER */
#define S2_GICD_TYPER_LINES S2_BITS(4, 0)   /**< ITLinesNumber: interrupts / 32 - 1 */
#define S2_GICD_TYPER_IDS   S2_BITS(23, 19) /**< IDbits: bits of an INTID - 1; 9, without LPIs */

/* GICD_TYPER2 */
#define S2_GICD_TYPER2_NASSGICAP S2_BIT(8) /**< nASSGIcap: nASSGIreq can be set (GICv4.1) */

/* GICD_IIDR, GICR_IIDR */
#define S2_GIC_IIDR_PRODUCT S2_BITS(31, 24) /**< ProductID; KVM: 0x4b */
#define S2_GIC_IIDR_REV	    S2_BITS(15, 12) /**< Revision, 2 or 3; GICD_IIDR only */
#define S2_GIC_IIDR_IMPL    S2_BITS(11, 0)  /**< Implementer; Arm: 0x43b */

/** Aff2 to Aff0: all that KVM keeps of GICD_IROUTER (no Aff3, no 1-of-N). */
#define S2_GICD_IROUTER_AFF (S2_MPIDR_AFF2 | S2_MPIDR_AFF1 | S2_MPIDR_AFF0)

/* KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION */
#define S2_REDIST_REGION_COUNT S2_BITS(63, 52) /**< redistributors; not 0 */
#define S2_REDIST_REGION_BASE  S2_BITS(51, 16) /**< IPA of the first, in its own place */
#define S2_REDIST_REGION_FLAGS S2_BITS(15, 12) /**< must be 0 */
#define S2_REDIST_REGION_INDEX S2_BITS(11, 0)  /**< of the region, from 0 */

S2_END_DECLS

#endif
