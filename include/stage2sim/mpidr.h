/* SPDX-License-Identifier: MIT */
/**
 * @file
 * MPIDR_EL1: a vcpu's place in the affinity tree, and how KVM compacts it.
 *
 *   63    40 39  32 31 30 29 25 24 23  16 15   8 7    0
 *  |  RES0  | Aff3 | 1 | U| RES0| MT| Aff2 | Aff1 | Aff0 |
 *
 * Aff3 is apart from the others (bit 32, not 24), so an MPIDR is a type and
 * not a number to do arithmetic on.  GICR_TYPER and userspace's attributes use
 * a packed form, Aff3.Aff2.Aff1.Aff0 in 32 bits; GICD_IROUTER uses this one.
 *
 * Compaction gathers the bits in which at least two vcpus differ into a dense
 * number (x86 calls it PEXT): the index of KVM's table of vcpus.
 *
 * Stands for: Arm ARM MPIDR_EL1; arch/arm64/kvm/sys_regs.c reset_mpidr(),
 * arch/arm64/kvm/arm.c kvm_init_mpidr_data() (5544750efd51, Linux v6.7).
 */
#ifndef STAGE2SIM_MPIDR_H
#define STAGE2SIM_MPIDR_H

#include <stage2sim/field.h>

S2_BEGIN_DECLS

#define S2_MPIDR_AFF0 S2_BITS(7, 0)   /**< KVM resets it to the vcpu id 3:0 */
#define S2_MPIDR_AFF1 S2_BITS(15, 8)  /**< to id 11:4 */
#define S2_MPIDR_AFF2 S2_BITS(23, 16) /**< to id 19:12 */
#define S2_MPIDR_MT   S2_BIT(24)      /**< Aff0 numbers threads of a core */
#define S2_MPIDR_U    S2_BIT(30)      /**< a uniprocessor system */
#define S2_MPIDR_RES1 S2_BIT(31)      /**< set in a register as KVM resets it */
#define S2_MPIDR_AFF3 S2_BITS(39, 32) /**< to 0 */

/** The four affinity fields (the kernel's MPIDR_HWID_BITMASK). */
#define S2_MPIDR_HWID (S2_MPIDR_AFF3 | S2_MPIDR_AFF2 | S2_MPIDR_AFF1 | S2_MPIDR_AFF0)
/** All affinity above the 16 targets that one SGI register write can name. */
#define S2_MPIDR_CLUSTER (S2_MPIDR_HWID & ~S2_BITS(3, 0))

/** A value of MPIDR_EL1; any 64 bits, as KVM accepts any from userspace. */
struct s2_mpidr {
	uint64_t v; /**< the register */
};

/** MPIDR @p v, all 64 bits of it. */
static inline struct s2_mpidr s2_mpidr(uint64_t v)
{
	struct s2_mpidr mpidr = {v};

	return mpidr;
}

/** The affinity alone, without U, MT and the reserved bits. */
static inline struct s2_mpidr s2_mpidr_hwid(struct s2_mpidr m)
{
	return s2_mpidr(m.v & S2_MPIDR_HWID);
}

/** Affinity @p level, 0 to 3; 0 for a level that is none. */
S2_API uint8_t s2_mpidr_aff(struct s2_mpidr m, unsigned level);

/** An affinity of four fields, without the RES1 bit. */
S2_API struct s2_mpidr s2_mpidr_of(uint8_t aff3, uint8_t aff2, uint8_t aff1, uint8_t aff0);

/**
 * KVM's reset value for a vcpu id: 16 vcpus a cluster, since an SGI's target
 * list has 16 bits (Aff0 = id 3:0, Aff1 = id 11:4, Aff2 = id 19:12).
 */
S2_API struct s2_mpidr s2_mpidr_from_id(uint32_t id);

/** Aff3.Aff2.Aff1.Aff0 as in GICR_TYPER[63:32]. */
S2_API uint32_t s2_mpidr_pack(struct s2_mpidr m);

/** The affinity that s2_mpidr_pack() made @p packed of. */
S2_API struct s2_mpidr s2_mpidr_unpack(uint32_t packed);

/** A compaction: which bits, and the runs that they form. */
struct s2_mpidr_gather {
	uint64_t mask;	 /**< bits that are gathered, within S2_MPIDR_HWID */
	unsigned bits;	 /**< in the mask: steps that the kernel's loop takes */
	unsigned n_runs; /**< of adjacent bits in the mask: what a lookup here shifts */
	struct {
		uint64_t mask; /**< adjacent bits */
		uint8_t shift; /**< how far down they go */
	} run[16];	       /**< 24 bits have at most 12 runs, the 8 of Aff3 at most 4 */
};

/** Prepares the compaction by @p mask; bits outside S2_MPIDR_HWID are dropped. */
S2_API struct s2_mpidr_gather s2_mpidr_gather(uint64_t mask);

/** The bits of @p m under the mask of @p g, which s2_mpidr_gather() made, lowest mask bit to bit 0. */
static inline uint32_t s2_mpidr_index(const struct s2_mpidr_gather *g, struct s2_mpidr m)
{
	/* Two runs are the usual case (Aff1 and Aff0); a run that is not there is 0. */
	uint64_t index = (m.v & g->run[0].mask) >> g->run[0].shift |
			 (m.v & g->run[1].mask) >> g->run[1].shift;

	for (unsigned i = 2; i < g->n_runs; i++)
		index |= (m.v & g->run[i].mask) >> g->run[i].shift;
	return (uint32_t)index;
}

/**
 * Bytes of the kernel's table for a mask of @p bits bits: an 8-byte mask, then
 * a 2-byte vcpu index for each value.  It is built if that fits one page: 10
 * bits for 4 KiB pages, 12 for 16 KiB, 14 for 64 KiB.  Over 32 bits, which no
 * affinity has, UINT64_MAX.
 */
static inline uint64_t s2_mpidr_table_bytes(unsigned bits)
{
	return bits <= 32U ? sizeof(uint64_t) + ((uint64_t)sizeof(uint16_t) << bits) : UINT64_MAX;
}

S2_END_DECLS

#endif
