/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Finite TLBs: sets, ways and replacement, so that hits and misses count.
 *
 *    page number --hash--> set  [ way | way | way | way ]
 *                                 tag: kind, ASID, size, page number
 *                                 generation of the VMID when it was filled
 *
 * An entry is live while the generation it was filled in is its VMID's still;
 * so forgetting all of a VMID is an addition, whatever the TLB holds.
 *
 * This is a TLB that could be; what hardware may hold at most is residue.h.
 * Stands for: Arm ARM D8.16 (TLB contents, tags), D8.17 (maintenance).
 */
#ifndef STAGE2SIM_TLB_H
#define STAGE2SIM_TLB_H

#include <stage2sim/pte.h>

S2_BEGIN_DECLS

/** What an entry translates; the values are bits of a mask. */
enum s2_tlb_kind {
	S2_TLB_S2_LEAF = 1 << 0,  /**< IPA to PA */
	S2_TLB_S2_WALK = 1 << 1,  /**< IPA prefix to the next table */
	S2_TLB_COMBINED = 1 << 2, /**< VA to PA, both stages */
	S2_TLB_S1_ONLY = 1 << 3,  /**< VA to IPA */
};

#define S2_TLB_KINDS  4					 /**< how many there are */
#define S2_TLB_BY_IPA (S2_TLB_S2_LEAF | S2_TLB_S2_WALK)	 /**< what a TLBI by IPA removes */
#define S2_TLB_BY_VA  (S2_TLB_COMBINED | S2_TLB_S1_ONLY) /**< what it does not; VMALLE1 does */

/** Which way of a full set goes; one that is not live always goes first. */
enum s2_tlb_replacement {
	S2_TLB_LRU,	    /**< the one whose last hit or fill is longest ago */
	S2_TLB_ROUND_ROBIN, /**< each in turn */
	S2_TLB_RANDOM,	    /**< by a generator of each CPU's own */
};

/** The TLBs of one CPU: a walk cache for S2_TLB_S2_WALK, one TLB for the other kinds. */
struct s2_tlb_config {
	uint16_t sets;			     /**< of one CPU; a power of 2 */
	uint16_t ways;			     /**< 1 to 64 */
	uint16_t walk_sets;		     /**< of the walk cache; a power of 2 */
	uint16_t walk_ways;		     /**< 1 to 64 */
	enum s2_tlb_replacement replacement; /**< of both */
	unsigned kinds; /**< enum s2_tlb_kind bits: what this TLB keeps at all */
	uint64_t seed;	/**< of S2_TLB_RANDOM */
};

/**
 * 256 sets of 4 ways, a walk cache of 16 sets of 4, LRU, all four kinds.  The
 * sizes are a choice: they are in the range of server cores, but no source of
 * this project gives them for a preset.
 */
S2_API struct s2_tlb_config s2_tlb_config_default(void);

/** The tags under which a translation is kept. */
struct s2_tlb_tag {
	enum s2_tlb_kind kind; /**< one bit */
	struct s2_vmid vmid;   /**< within the bits that the TLBs were made for */
	uint16_t asid;	       /**< 0 for the kinds by IPA */
};

/** The TLBs of all CPUs of a machine. */
struct s2_tlbs;

/** All CPUs, where a CPU's index is asked for: the inner shareable domain. */
#define S2_ALL_CPUS (~0U)

/**
 * Empty TLBs.  Nothing is allocated later, but for 2 KiB when a CPU first
 * forgets one of 256 adjacent VMIDs on its own.
 * @param cfg copied
 * @param vmid_bits 8 or 16
 * @param out set on success; free with s2_tlbs_destroy()
 * @return 0; -EINVAL for sizes, a replacement, kinds, VMID bits or a number of CPUs
 *         (1 to S2_MAX_CPUS) that cannot be; -ENOMEM.
 */
S2_API int s2_tlbs_create(const struct s2_tlb_config *cfg, unsigned cpus, unsigned vmid_bits,
			  struct s2_tlbs **out) S2_NONNULL(1, 4);
/** Frees @p tlbs (NULL is fine), which their maker owns; a physics destroys its own. */
S2_API void s2_tlbs_destroy(struct s2_tlbs *tlbs);

/**
 * Looks @p addr (VA or IPA, as the kind has it) up on CPU @p cpu.
 * @param data what s2_tlb_fill() was given, if there is an entry
 * @param shift log2 of the bytes that the entry covers; may be NULL
 * @return whether there is an entry; of several the smallest is taken; false for
 *         a CPU, kind or VMID that cannot be
 */
S2_API bool s2_tlb_lookup(struct s2_tlbs *tlbs, unsigned cpu, const struct s2_tlb_tag *tag,
			  uint64_t addr, uint64_t *data, unsigned *shift) S2_NONNULL(1, 3, 5);

/**
 * Enters a translation of 2^shift bytes (shift 0 to 63); another entry may go.
 * Not kept: a kind that the configuration leaves out, less than 2^12, and any
 * size after the 16th different one of the CPU's TLB, or of its walk cache.
 * @return 0, kept or not; -EINVAL for a CPU, kind, VMID or shift that cannot be
 */
S2_API int s2_tlb_fill(struct s2_tlbs *tlbs, unsigned cpu, const struct s2_tlb_tag *tag,
			uint64_t addr, unsigned shift, uint64_t data) S2_NONNULL(1, 3);

/**
 * Forgets all entries of @p vmid of the kinds by VA, or of all kinds: O(1).
 * Short of memory all CPUs forget them, not @p cpu alone.
 * @param cpu an index, or S2_ALL_CPUS
 * @return 0; -EINVAL for a CPU or VMID that cannot be
 */
S2_API int s2_tlb_inval_vmid(struct s2_tlbs *tlbs, unsigned cpu, struct s2_vmid vmid,
			      bool by_va_only) S2_NONNULL(1);

/** Forgets everything of all VMIDs on all CPUs: O(1). */
S2_API void s2_tlb_inval_all(struct s2_tlbs *tlbs) S2_NONNULL(1);

/** What a TLBI by IPA removes. */
struct s2_tlb_ipa_range {
	struct s2_vmid vmid; /**< no other VMID's entries go */
	struct s2_ipa start; /**< the first address */
	uint64_t size;	     /**< bytes, at least 1; start + size may not pass 2^64 */
	unsigned leaf_shift; /**< only leaves of 2^leaf_shift bytes (a hint); 0: leaves and walks */
};

/**
 * Forgets stage-2 entries; one that is hit in part goes whole (R_TVTYQ).
 * @param cpu an index, or S2_ALL_CPUS
 * @return 0; -EINVAL for a CPU, VMID, range or leaf_shift (over 63) that cannot be
 */
S2_API int s2_tlb_inval_ipa(struct s2_tlbs *tlbs, unsigned cpu,
			     const struct s2_tlb_ipa_range *range) S2_NONNULL(1, 3);

/** Live entries of a kind on a CPU, 0 if either is none; looks at all of them. */
S2_API uint64_t s2_tlb_live(const struct s2_tlbs *tlbs, unsigned cpu, enum s2_tlb_kind kind)
	S2_NONNULL(1);

S2_END_DECLS

#endif
