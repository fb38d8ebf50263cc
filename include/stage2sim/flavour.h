/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Flavours: which choice a kernel makes wherever kernels differ.
 *
 * A flavour is data.  The algorithms read it; none of them knows a version.
 * Only flavour.c names kernels.  A user may copy one and change a field to
 * compare two policies with everything else equal.
 */
#ifndef STAGE2SIM_FLAVOUR_H
#define STAGE2SIM_FLAVOUR_H

#include <stage2sim/tlbi.h>

S2_BEGIN_DECLS

/** What stands in an entry while it is being replaced (break-before-make). */
enum s2_break {
	S2_BREAK_CLEAR,  /**< zero, and only over a valid entry */
	S2_BREAK_LOCKED, /**< a locked marker, over any entry: parallel faults (v6.2) */
};

/** How a table gives way to a block. */
enum s2_collapse {
	S2_COLLAPSE_FLUSH_VMID,  /**< whole VMID; leaves put one by one (3a0b870e3448) */
	S2_COLLAPSE_FLUSH_RANGE, /**< the block's range; subtree unlinked (defc8cc7abf0) */
};

/** What relaxing a permission flushes. */
enum s2_relax {
	S2_RELAX_FLUSH_IS,  /**< broadcast, only if the walk succeeded */
	S2_RELAX_FLUSH_NSH, /**< this CPU, also if it lost a race (a12ab1378a88, be097997a273) */
};

/** How the tables of a dead VM are freed. */
enum s2_destroy {
	S2_DESTROY_PUT_ALL,   /**< every reference put, entries left as they are */
	S2_DESTROY_PUT_EMPTY, /**< a table only when empty, its entry cleared (156f70afcfec) */
};

/** One choice for each place where kernels differ. */
struct s2_flavour {
	const char *name;	/**< "kvm-6.12" */
	const char *stands_for; /**< kernels that were seen to behave so */

	enum s2_break break_with;	 /**< what stands in an entry meanwhile */
	enum s2_collapse collapse;	 /**< how a table gives way to a block */
	enum s2_relax relax;		 /**< what relaxing a permission flushes */
	enum s2_destroy destroy;	 /**< how a dead VM's tables are freed */
	enum s2_range_order range_order; /**< how a range is cut into operations */

	bool range_flush;         /**< kvm_tlb_flush_vmid_range() exists and uses FEAT_TLBIRANGE */
	bool defer_unmap;         /**< leaf TLBIs of an unmap deferred (7657ea920c54) */
	bool eagain_ends_walk;    /**< also outside of fault handlers (before ddcadb297ce5) */
	bool attr_invalid_eagain; /**< attribute walk over an invalid entry: -EAGAIN */
	bool split;               /**< eager splitting of blocks exists */
	bool lpa2;                /**< uses FEAT_LPA2 */
	bool xnx;                 /**< uses FEAT_XNX */
	bool icache_limit;        /**< IC by line only up to MAX_DVM_OPS lines (909b583f81b5) */
	bool mkyoung_always_dsb;  /**< DSB ISHST even if the walk found nothing */
	bool exit_clears_vttbr;   /**< VHE: VTTBR_EL2 zeroed after a flush */
	bool nvhe_full_entry_dsb; /**< nVHE: DSB ISH, not ISHST, before the switch (7e1b2329c205) */
	bool nvhe_exit_isb;       /**< nVHE: ISB after VTTBR_EL2 is restored (ed49fe5a6fb9) */
};

/** Flavour @p name ("kvm-6.12"), or NULL. */
S2_API const struct s2_flavour *s2_flavour_find(const char *name);

/** Flavour @p index from 0, oldest first, or NULL past the last. */
S2_API const struct s2_flavour *s2_flavour_at(size_t index);

S2_END_DECLS

#endif
