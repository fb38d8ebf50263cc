/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The shape of a stage-2 translation: granule, levels, concatenated roots.
 *
 * A level-n entry maps 2^shift(n) bytes, shift(n) = (4 - n)(PS - 3) + 3 for a
 * granule of 2^PS bytes; level 3 is the last.  The root is 1 to 16 adjacent
 * table pages (concatenation) at the start level, which lets KVM always start
 * one level further down than a single root page would allow.
 *
 * Stands for: Arm ARM D8.2 (translation table walks, concatenation), KVM's
 * asm/kvm_pgtable.h and asm/stage2_pgtable.h.  Pure arithmetic, no state.
 */
#ifndef STAGE2SIM_GEOMETRY_H
#define STAGE2SIM_GEOMETRY_H

#include <stage2sim/types.h>

S2_BEGIN_DECLS

/** Translation granule; the value is log2 of the page size in bytes. */
enum s2_granule {
	S2_GRANULE_4K = 12,  /**< 512 entries a table page */
	S2_GRANULE_16K = 14, /**< 2048 entries */
	S2_GRANULE_64K = 16, /**< 8192 entries */
};

/** The level of page descriptors, for every granule. */
#define S2_LAST_LEVEL 3
/** Level -1 exists for LPA2 stage 1; KVM's stage 2 never starts there. */
#define S2_FIRST_LEVEL (-1)
/** At most 16 root table pages may be concatenated (Arm ARM D8.2.2). */
#define S2_MAX_ROOT_PAGES 16

/** KVM's default size of a guest's physical space, in bits: what 0 means where a VM is made. */
#define S2_DEFAULT_IPA_BITS 40

/** What decides the shape of one VM's stage 2. */
struct s2_geometry_config {
	enum s2_granule granule; /**< page size of stage 2 */
	unsigned ipa_bits; /**< input size, 32 to 52; arithmetic has no default: 0 is refused */
	unsigned pa_bits;  /**< output size, 32 to 52; ipa_bits may not exceed it */
	bool lpa2;	   /**< FEAT_LPA2: 52 bits with 4 KiB and 16 KiB granules */
};

/** A valid shape; made by s2_geometry_init(), read freely. */
struct s2_geometry {
	uint8_t page_shift; /**< log2 of the granule */
	uint8_t ipa_bits;   /**< input size */
	uint8_t pa_bits;    /**< output size */
	bool lpa2;	     /**< descriptors use the LPA2 address layout */
	uint8_t levels;	     /**< levels of lookup, 2 to 4 */
	int8_t start_level;  /**< 4 - levels */
	uint16_t root_pages; /**< concatenated pages at the start level, 1 to 16 */
};

/**
 * Works out the shape that KVM gives a VM of @p cfg (stage2_pgtable_levels(),
 * kvm_get_vtcr()).
 *
 * @param geo filled on success, untouched on error
 * @return 0; otherwise, looked at in this order: -EINVAL for an unknown
 *         granule or a size outside 32 to 52; -ERANGE if ipa_bits exceeds
 *         pa_bits; -EOPNOTSUPP if more than 48 bits, of IPA or PA, are asked of
 *         a 4 KiB or 16 KiB granule without LPA2, or LPA2 of a 64 KiB granule
 *         (which has 52 bits without it).
 */
S2_API int s2_geometry_init(struct s2_geometry *geo, const struct s2_geometry_config *cfg)
	S2_NONNULL(1, 2);

/** The granule in bytes. */
static inline uint64_t s2_page_size(const struct s2_geometry *geo)
{
	return UINT64_C(1) << geo->page_shift;
}

/** Entries in one table page: 512, 2048 or 8192. */
static inline unsigned s2_table_entries(const struct s2_geometry *geo)
{
	return 1U << (geo->page_shift - 3);
}

/**
 * log2 of the bytes that one entry at @p level maps, -1 to 3; 64 or more for a
 * level that there is none, and for level -1 of a 64 KiB granule.
 */
static inline unsigned s2_level_shift(const struct s2_geometry *geo, int level)
{
	return level >= S2_FIRST_LEVEL && level <= S2_LAST_LEVEL
		       ? (unsigned)(4 - level) * (geo->page_shift - 3U) + 3U
		       : 64U;
}

/** Bytes that one entry at @p level maps; 0 if they are no 64-bit number, or no such level. */
static inline uint64_t s2_level_size(const struct s2_geometry *geo, int level)
{
	const unsigned shift = s2_level_shift(geo, level);

	return shift < 64 ? UINT64_C(1) << shift : 0;
}

/** Index of the entry for @p ipa in its table page at @p level; 0 for a level of no size. */
static inline unsigned s2_level_index(const struct s2_geometry *geo, struct s2_ipa ipa, int level)
{
	const unsigned shift = s2_level_shift(geo, level);

	return shift < 64 ? (unsigned)(ipa.v >> shift) & (s2_table_entries(geo) - 1U) : 0;
}

/** Which of the concatenated root pages holds the entry for @p ipa, which is below the limit. */
static inline unsigned s2_root_index(const struct s2_geometry *geo, struct s2_ipa ipa)
{
	return (unsigned)(ipa.v >> s2_level_shift(geo, geo->start_level - 1));
}

/** The first address past the input range. */
static inline uint64_t s2_ipa_limit(const struct s2_geometry *geo)
{
	return UINT64_C(1) << geo->ipa_bits;
}

/** The level of the largest block that KVM installs: 1 for 4 KiB, else 2. */
static inline int s2_min_block_level(const struct s2_geometry *geo)
{
	return geo->page_shift == S2_GRANULE_4K ? 1 : 2;
}

/** Whether KVM installs a leaf (block or page) at @p level. */
static inline bool s2_level_supports_leaf(const struct s2_geometry *geo, int level)
{
	return level >= s2_min_block_level(geo) && level <= S2_LAST_LEVEL;
}

/** Whether @p size is that of a page, or of a block that KVM installs. */
static inline bool s2_is_leaf_size(const struct s2_geometry *geo, uint64_t size)
{
	for (int level = s2_min_block_level(geo); level <= S2_LAST_LEVEL; level++)
		if (size == s2_level_size(geo, level))
			return true;
	return false;
}

/** Bytes of the largest block that KVM installs: 1 GiB, 32 MiB or 512 MiB. */
static inline uint64_t s2_max_block_size(const struct s2_geometry *geo)
{
	return s2_level_size(geo, s2_min_block_level(geo));
}

S2_END_DECLS

#endif
