/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Operands of TLB invalidations by IPA, single and by range.
 *
 *   by IPA    63      48 47 46 45 44 43                         0
 *            |   RES0   |  TG |level|        IPA >> 12           |
 *   by range  63      48 47 46 45 44 43    39 38 37 36          0
 *            |   RES0   |  TG |SCALE|   NUM   | TTL |    BADDR   |
 *
 * One range operation covers (NUM + 1) << (5 * SCALE + 1) pages; the largest
 * is 2^21 pages.  BADDR counts granules, or 64 KiB units with LPA2.  TG is 1,
 * 2, 3 for 4, 16, 64 KiB.
 *
 * A level hint promises the level of the leaf entries: with a wrong one
 * hardware need not invalidate anything.  Hints that name no level of the
 * granule's leaves are reserved and read as "no hint": level 0 except for
 * 4 KiB with LPA2, level 1 of 16 KiB without LPA2.  The encoders write them as
 * the kernel does, the decoders read them as hardware does.
 *
 * Stands for: Arm ARM D8.14 (TLBI operands, FEAT_TTL, FEAT_TLBIRANGE), the
 * kernel's asm/tlbflush.h (__tlbi_level, __flush_tlb_range_op).
 */
#ifndef STAGE2SIM_TLBI_H
#define STAGE2SIM_TLBI_H

#include <stage2sim/geometry.h>

S2_BEGIN_DECLS

/** "Level not known": no TTL hint (TLBI_TTL_UNKNOWN). */
#define S2_TTL_UNKNOWN INT8_C(127)

/** Pages in the largest range operation: NUM 31, SCALE 3 (MAX_TLBI_RANGE_PAGES). */
#define S2_TLBI_RANGE_MAX_PAGES (UINT64_C(1) << 21)

/**
 * Most operations that one decomposition can need with FEAT_TLBIRANGE: 15
 * pages to a 64 KiB boundary (LPA2 with 4 KiB; 3 with 16 KiB, else none), one
 * per scale, an odd page.
 */
#define S2_TLBI_RANGE_MAX_OPS 20

/** What decides the form of an operand; of another page_shift an operand names nothing. */
struct s2_tlbi_format {
	uint8_t page_shift; /**< log2 of the granule: enum s2_granule */
	bool ttl;	/**< FEAT_TTL: the single form has level hints (the range form always) */
	bool lpa2;	/**< BADDR in 64 KiB units */
	bool tlbirange; /**< FEAT_TLBIRANGE: range operations exist */
};

/** One operation of a decomposition. */
struct s2_tlbi_op {
	bool range;	  /**< (R)IPAS2E1(IS): the range form or the single one */
	uint64_t operand; /**< the Xt value */
};

/** The addresses that an operand names. */
struct s2_tlbi_span {
	struct s2_ipa start; /**< the first address */
	uint64_t size; /**< bytes */
	int8_t level;  /**< hint, or S2_TTL_UNKNOWN */
};

/** Direction in which scales are tried. */
enum s2_range_order {
	S2_RANGE_DESCENDING, /**< since v6.8 (e2768b798a19): 1 to 2^21 pages */
	S2_RANGE_ASCENDING,  /**< before: 1 to 2^21 - 1 pages, its known limit */
};

/** Pages that a range operation with @p num (0..31) and @p scale (0..3) covers; else 0. */
static inline uint64_t s2_tlbi_range_pages(unsigned num, unsigned scale)
{
	if (num > 31 || scale > 3)
		return 0;
	return (uint64_t)(num + 1U) << (5U * scale + 1U);
}

/**
 * Operand of TLBI IPAS2E1(IS).  The address field counts 4 KiB whatever the
 * granule; bits above 55 are cut off.
 * @param level TTL hint 0..3, or anything else for none (as the kernel has it)
 */
S2_API uint64_t s2_tlbi_ipa_operand(const struct s2_tlbi_format *fmt, struct s2_ipa ipa, int level)
	S2_NONNULL(1);

/**
 * What an operand of TLBI IPAS2E1(IS) names: one granule, or nothing (size 0)
 * if its hint is of another granule, since then no entry is sure to go, and
 * for a format of no granule.
 */
S2_API struct s2_tlbi_span s2_tlbi_ipa_decode(const struct s2_tlbi_format *fmt, uint64_t operand)
	S2_NONNULL(1);

/**
 * Operand of TLBI RIPAS2E1(IS).
 * @param level TTL hint 1..3, or anything else for none; 0 has no code here
 * @return 0; -EINVAL for a format of no granule, num > 31, scale > 3, or a start
 *         that is not aligned to the unit of BADDR; -ERANGE for a start that BADDR cannot hold.
 */
S2_API int s2_tlbi_range_operand(const struct s2_tlbi_format *fmt, struct s2_ipa start,
				 unsigned num, unsigned scale, int level, uint64_t *operand)
	S2_NONNULL(1, 6);

/**
 * What an operand of TLBI RIPAS2E1(IS) names.
 * @return 0; -EINVAL if its TG field is not this format's granule, or that is none.
 */
S2_API int s2_tlbi_range_decode(const struct s2_tlbi_format *fmt, uint64_t operand,
				struct s2_tlbi_span *span) S2_NONNULL(1, 3);

/**
 * Splits a range into operations as the kernel's __flush_tlb_range_op() does.
 *
 * Descending: scale 3 first, an odd page last; with LPA2 single pages until
 * the start is 64 KiB aligned.  Ascending: an odd page first.  Without
 * FEAT_TLBIRANGE every page is an operation of its own (KVM does not get here
 * then: it invalidates the whole VMID).
 *
 * @param start first address, page aligned
 * @param pages 1 to 2^21 (descending) or 2^21 - 1 (ascending)
 * @param level TTL hint for every operation, or S2_TTL_UNKNOWN
 * @param emit called for each operation, in order; NULL to count only
 * @return number of operations; -EINVAL for a format of no granule, an unknown
 *         order, a start that is not page aligned, zero pages, or LPA2 with the
 *         ascending form (which predates it);
 *         -ERANGE for more pages than the form can encode, or past the end of
 *         the IPA space: 2^52 with LPA2 or 64 KiB, else 2^48.  On error
 *         nothing has been emitted.
 */
S2_API int s2_tlbi_range_decompose(const struct s2_tlbi_format *fmt, enum s2_range_order order,
				   struct s2_ipa start, uint64_t pages, int level,
				   void (*emit)(void *arg, const struct s2_tlbi_op *op), void *arg)
	S2_NONNULL(1);

S2_END_DECLS

#endif
