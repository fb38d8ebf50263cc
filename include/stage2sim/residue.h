/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The possible TLB: all translations that hardware may legally still hold.
 *
 *     possible = what the visible tables give now   (not stored)
 *              + residue: old descriptors that may survive
 *
 *     store --DSB--> visible --TLBI, DSB--> stage 2 gone --VMALLE1, DSB, ISB--> gone
 *                       `--VMALLS12E1 or ALLE1, DSB, ISB---------------------> gone
 *
 * A store over an invalid descriptor, or one that changes nothing hardware
 * looks at, leaves no residue.  An instruction that lacks a barrier, has the
 * wrong domain, hint or span, or comes in the wrong order moves nothing on
 * this line; what is left at the end of a sequence is its fault.
 *
 * Stands for: Arm ARM D8.16, D8.17 (R_SQBCS, R_FXGNQ: fills only in context;
 * R_XCLRD: none without AF; R_TVTYQ: a source descriptor goes whole; R_YNJCP:
 * completion by DSB; R_WHZWS: break-before-make).
 */
#ifndef STAGE2SIM_RESIDUE_H
#define STAGE2SIM_RESIDUE_H

#include <stage2sim/physics.h>

S2_BEGIN_DECLS

/** How far the invalidation of an old descriptor has come. */
enum s2_residue_stage {
	S2_RESIDUE_STORED,     /**< replaced, but walkers may still read it */
	S2_RESIDUE_VISIBLE,    /**< no walk reads it any more; any TLB may have it */
	S2_RESIDUE_S2_ISSUED,  /**< TLBI by IPA issued, not complete */
	S2_RESIDUE_S2_DONE,    /**< only combined entries are left */
	S2_RESIDUE_VA_ISSUED,  /**< VMALLE1 issued, not complete */
	S2_RESIDUE_ALL_ISSUED, /**< VMALLS12E1 or ALLE1 issued, not complete */
	S2_RESIDUE_SYNC,       /**< complete, but for the issuer, which has had no ISB */
};

/** Its name, or NULL. */
S2_API const char *s2_residue_stage_name(enum s2_residue_stage stage);

/** One old descriptor, or @p n adjacent ones of one table that are alike. */
struct s2_residue {
	struct s2_vmid vmid; /**< whose tables it was of */
	struct s2_ipa ipa;   /**< what the (first) source descriptor mapped, */
	uint64_t size;	     /**< and how much */
	uint64_t n;	     /**< adjacent descriptors, each of that size */
	int8_t level;	     /**< of their table */
	s2_pte pte;	     /**< the (first) old value; the others map what adjoins */
	unsigned kinds;	     /**< enum s2_tlb_kind bits that may be left */
	bool subtree;	     /**< a table: all that was below it, too */
	bool conflict;	     /**< may have met a newer one (no BBM): address TLBIs are not sure */
	enum s2_residue_stage stage; /**< the same for all of them */
	const uint64_t *cpus; /**< bit i % 64 of word i / 64: CPU i may hold it; for the call */
};

/**
 * Follows the tables of @p vttbr from now on, as if a CPU had been in this
 * guest: what they map may be in any TLB.  A guest entry does it by itself;
 * before it no translation of a VM can be cached, and none is residue.
 * @return 0; -ENOENT for a @p vttbr of 0; -EINVAL without the possible TLB, for
 *         a granule that is not the machine's, an IPA size outside 32 to 52
 *         bits, or a root that is no table page; -ERANGE if it exceeds the PA
 *         size; -EOPNOTSUPP for VTCR_EL2.HD, a start level that KVM would not
 *         choose, or what s2_geometry_init() refuses so; -ENOMEM.
 */
S2_API int s2_physics_watch(struct s2_physics *p, uint64_t vtcr, uint64_t vttbr) S2_NONNULL(1);

/** Old descriptors of a VMID that may survive; a subtree counts as one.  O(1). */
S2_API uint64_t s2_residue_count(const struct s2_physics *p, struct s2_vmid vmid) S2_NONNULL(1);

/** Tells @p fn of all residue of a VMID, single or in runs, in no order; it must issue nothing. */
S2_API void s2_residue_each(const struct s2_physics *p, struct s2_vmid vmid,
			    void (*fn)(void *arg, const struct s2_residue *residue), void *arg)
	S2_NONNULL(1, 3);

/** Tells @p fn (if not NULL) of the residue for one IPA that @p cpu may hold. @return how many */
S2_API unsigned s2_residue_at(const struct s2_physics *p, struct s2_vmid vmid, struct s2_ipa ipa,
			      unsigned cpu, void (*fn)(void *arg, const struct s2_residue *residue),
			      void *arg) S2_NONNULL(1);

/** The host's memory that residue and what is known of tables take, in bytes. */
S2_API uint64_t s2_residue_footprint(const struct s2_physics *p) S2_NONNULL(1);

S2_END_DECLS

#endif
