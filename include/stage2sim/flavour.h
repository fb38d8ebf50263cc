/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Flavours: which choice a kernel makes wherever kernels differ.
 *
 * A flavour is data.  The algorithms read it; none of them knows a version.
 * Only flavour.c names kernels.  A user may copy one and change a field to
 * compare two policies with everything else equal; s2_flavour_check() says
 * whether it is one, and is asked once by whatever is made with it.
 */
#ifndef STAGE2SIM_FLAVOUR_H
#define STAGE2SIM_FLAVOUR_H

#include <stage2sim/bug.h>
#include <stage2sim/routing.h>
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
	S2_COLLAPSE_UNMAP,       /**< everything below is unmapped first (3c3736cd32bf) */
};

/** Whether S2_COLLAPSE_UNMAP cleans what it unmaps. */
enum s2_collapse_cmo {
	S2_COLLAPSE_CMO_ALWAYS, /**< each leaf after its TLBI, as any unmap */
	S2_COLLAPSE_CMO_ELIDED, /**< the new block cleans the same lines again (2019, patch 6) */
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

/** What a vcpu that turns its caches on or off makes KVM clean; set/way cleans the whole VM. */
enum s2_toggle {
	S2_TOGGLE_EVERY,         /**< the whole VM at every trapped change (upstream) */
	S2_TOGGLE_NEVER,         /**< nothing */
	S2_TOGGLE_VCPU0,         /**< the whole VM, vcpu 0's changes only (the 2025 RFC) */
	S2_TOGGLE_FIRST_LAST,    /**< first vcpu on and last off, as far as today's traps show */
	S2_TOGGLE_FIRST_LAST_TVM,/**< the same with TVM never cleared: every change is seen */
	S2_TOGGLE_FIRST_LAST_FGT,/**< the same with FEAT_FGT: only SCTLR_EL1 writes trap */
	S2_TOGGLE_SINCE_FLUSH,   /**< what was mapped since the last whole clean */
};

/** How a flush of more than 2^21 pages is cut into calls. */
enum s2_range_calls {
	S2_RANGE_PER_CHUNK,    /**< a whole call for each chunk (upstream) */
	S2_RANGE_ONE_CALL,     /**< one call, the loop inside (title of the 2026 RFC) */
	S2_RANGE_VMID_ABOVE,   /**< the whole VMID above one chunk (its body) */
	S2_RANGE_VMID_ALWAYS,  /**< the whole VMID, as without FEAT_TLBIRANGE */
	S2_RANGE_BY_COST,      /**< one call, or the whole VMID if its refills cost less */
};

/**
 * What BY_COST weighs, in thousandths of one flush call (barriers, switch and
 * one TLBI).  No source gives these: they are a study's to vary.
 */
struct s2_flush_costs {
	uint64_t range_op;     /**< one range TLBI more in a call */
	uint64_t refill;       /**< one translation that must be walked for again */
	uint64_t lost_entries; /**< translations outside the range that a VMID's flush loses */
};

/** What a dirty-log clear flushes. */
enum s2_clear_flush {
	S2_CLEAR_FLUSH_SLOT, /**< the whole memslot (upstream) */
	S2_CLEAR_FLUSH_SPAN, /**< from the first to the last page cleared */
	S2_CLEAR_FLUSH_ROUND, /**< the span, at most doubled until one range TLBI names it */
};

/** How an unmap invalidates TLBs. */
enum s2_unmap_tlbi {
	S2_UNMAP_TLBI_LEAF,  /**< each leaf; one range where the machine allows (defer_unmap) */
	S2_UNMAP_TLBI_RANGE, /**< one range a call, cache maintenance after it */
	S2_UNMAP_TLBI_VMID,  /**< the whole VMID once a call */
	S2_UNMAP_NEW_VMID,   /**< none: a new VMID, every running vcpu kicked and waited for */
};

/** When an unmap cleans to the PoC. */
enum s2_unmap_cmo {
	S2_UNMAP_CMO_ALWAYS,       /**< (upstream) */
	S2_UNMAP_CMO_NOT_ON_EVENT, /**< not when the VMM itself unmaps (2019, patch 7) */
	S2_UNMAP_CMO_NOT_IF_DYING, /**< the same, but only where nobody can read it afterwards */
};

/** What CPUs whose broadcast TLBIs may complete early (REPEAT_TLBI) are given besides. */
enum s2_repeat {
	S2_REPEAT_SYNC, /**< TLBI VALE2IS, xzr; DSB ISH once a sequence is complete (a8f78680ee6b) */
	S2_REPEAT_EACH, /**< after each TLBI a DSB ISH and the same TLBI again (before it) */
};

/** Where a walk of a long range offers to reschedule. */
enum s2_resched {
	S2_RESCHED_BLOCK,     /**< after each chunk of the largest block (5994bc9e05c2) */
	S2_RESCHED_PGD_ENTRY, /**< after each entry of the root */
};

/**
 * What is done to the tables of a dead VM.  The UNMAP family unmaps the whole
 * IPA space under mmu_lock; the others issue no TLBI, since the VMID's number
 * is not used again before a rollover has flushed everything.
 */
enum s2_teardown {
	S2_TEARDOWN_WALK,          /**< every table walked and put; see enum s2_destroy */
	S2_TEARDOWN_WALK_SPARSE,   /**< the same, chunks of empty space stepped over */
	S2_TEARDOWN_DROP,          /**< all table pages given back at once, none visited */
	S2_TEARDOWN_DROP_SHARED,   /**< the same, after cleaning memory that outlives the VM */
	S2_TEARDOWN_UNMAP,         /**< TLBI and CMO a leaf, TLBI a table (before 2020) */
	S2_TEARDOWN_UNMAP_NO_CMO,  /**< the same without CMOs (2019, patch 3's flag) */
	S2_TEARDOWN_UNMAP_NO_TLBI, /**< TLBIs left to one flush at the end (patch 4's flag) */
	S2_TEARDOWN_UNMAP_NEITHER, /**< both (patch 5) */
	S2_TEARDOWN_UNMAP_RANGE,   /**< leaves by one range flush a chunk, CMOs after it */
};

struct s2_mmu;
struct s2_cpu;

/**
 * A range flush of the user's own, in place of kvm_tlb_flush_vmid_range(): must
 * leave no CPU with a translation of @p range that is older than the call.  It
 * issues what it likes through insn.h, and flushes of mmu.h; s2_flush_enter()
 * and s2_flush_exit() bracket TLBIs as KVM does.  The range is whole pages
 * within the IPA space.
 */
typedef void (*s2_range_flush_fn)(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range);

/** One choice for each place where kernels differ. */
struct s2_flavour {
	const char *name;	/**< as s2_flavour_find() takes it */
	const char *stands_for; /**< kernels that were seen to behave so */
	unsigned since; /**< first release it is the nearest to, major << 8 | minor */

	enum s2_break break_with;	 /**< what stands in an entry meanwhile */
	enum s2_collapse collapse;	 /**< how a table gives way to a block */
	enum s2_relax relax;		 /**< what relaxing a permission flushes */
	enum s2_destroy destroy;	 /**< how a dead VM's tables are freed */
	enum s2_range_order range_order; /**< how a range is cut into operations */
	struct s2_routing routing;	 /**< how SGIs find their vcpus */

	enum s2_toggle toggle;		 /**< what a cache toggle cleans */
	enum s2_range_calls range_calls; /**< how a long range becomes calls */
	struct s2_flush_costs costs;	 /**< for S2_RANGE_BY_COST */
	enum s2_clear_flush clear_flush; /**< what a dirty-log clear flushes */
	enum s2_unmap_tlbi unmap_tlbi;	 /**< how an unmap invalidates TLBs */
	enum s2_unmap_cmo unmap_cmo;	 /**< when an unmap cleans to the PoC */
	enum s2_collapse_cmo collapse_cmo; /**< whether a collapse cleans the new block */
	enum s2_repeat repeat;		 /**< how the REPEAT_TLBI erratum is worked around */
	enum s2_resched resched;	 /**< where long walks may reschedule */
	enum s2_teardown teardown;	 /**< what becomes of a dead VM's tables */
	s2_range_flush_fn flush_range_with; /**< a user's own, or NULL for range_calls */

	bool range_flush;         /**< kvm_tlb_flush_vmid_range() exists and uses FEAT_TLBIRANGE */
	bool defer_unmap;         /**< leaf TLBIs of an unmap deferred (7657ea920c54) */
	bool eagain_ends_walk;    /**< also outside of fault handlers (before ddcadb297ce5) */
	bool attr_invalid_eagain; /**< attribute walk over an invalid entry: -EAGAIN */
	bool split;               /**< eager splitting of blocks exists */
	bool zero_page_change_pte;/**< a write to the zero page re-maps in change_pte too */
	bool lpa2;                /**< uses FEAT_LPA2 */
	bool xnx;                 /**< uses FEAT_XNX */
	bool icache_limit;        /**< IC by line only up to MAX_DVM_OPS lines (909b583f81b5) */
	bool visitors_read;       /**< visitors read the entry too; walker again after LEAF only */
	bool age_first_entry;     /**< kvm_age_gfn() ages the first entry of its range alone */
	bool mkyoung_always_dsb;  /**< DSB ISHST even if the walk found nothing */
	bool exit_clears_vttbr;   /**< VHE: VTTBR_EL2 zeroed after a flush */
	bool nvhe_full_entry_dsb; /**< nVHE: DSB ISH, not ISHST, before the switch (7e1b2329c205) */
	bool nvhe_exit_isb;       /**< nVHE: ISB after VTTBR_EL2 is restored (ed49fe5a6fb9) */
	enum s2_bug bug;          /**< put in on purpose: of stage 2 or VMIDs; no kernel's has one */
};

/**
 * @return 0; -EINVAL for a choice that its enum does not have, or a vGIC's bug, and for range
 *         operations in ascending order with LPA2, which cannot be encoded
 */
S2_API int s2_flavour_check(const struct s2_flavour *flavour) S2_NONNULL(1);

/**
 * Flavour @p name (of s2_flavour_at(), "oldest" or "newest"), which lives for
 * ever, or NULL; also for NULL.
 */
S2_API const struct s2_flavour *s2_flavour_find(const char *name);

/**
 * A flavour by its name, with choices of the user's own behind it:
 * "newest,repeat=each".  Choices are repeat=each|sync.
 * @param out overwritten on success; its name is that of the flavour
 * @param bad if not NULL, set on error to the offset of what is wrong in @p text
 * @return 0; -ENOENT for no such flavour or choice; -EINVAL for a value that
 *         the choice does not have, or NULL
 */
S2_API int s2_flavour_parse(const char *text, struct s2_flavour *out, size_t *bad);

/**
 * The flavour nearest to a kernel release ("6.12.107-1-arm64"): the newest that
 * began no later.  Whether it was seen to behave so says stands_for.
 * @return NULL for what is no release
 */
S2_API const struct s2_flavour *s2_flavour_for(const char *release);

/** Flavour @p index from 0, oldest first, or NULL past the last. */
S2_API const struct s2_flavour *s2_flavour_at(size_t index);

S2_END_DECLS

#endif
