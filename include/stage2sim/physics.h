/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The machine's physics: what hardware does with the instructions it is given.
 *
 *     hypervisor --instructions--> machine --events--> counters, log, ...
 *                                                 `--> physics
 *     guest accesses ------------------------------------^   TLBs, walker,
 *     choices of hardware (fill, evict, write back) -----^   residue, memory
 *
 * A physics is a sink of the machine's events and nothing more: a machine
 * without one pays nothing.  Runs are applied as runs.  Each part is optional:
 * finite TLBs (tlb.h), the possible TLB (residue.h), memory (memory.h).
 *
 * An effect may happen at any time from its instruction to the barrier that
 * completes it (R_YNJCP).  The finite TLBs, and memory of one state a line,
 * take the moment of issue; the possible TLB takes the last; possible memory
 * (S2_MEMORY_POSSIBLE) holds all of them: a DC is complete at the CPU's DSB ISH
 * or SY.
 *
 * What a guest executes is not counted as an instruction of the hypervisor;
 * walks, hits, misses and faults are.
 */
#ifndef STAGE2SIM_PHYSICS_H
#define STAGE2SIM_PHYSICS_H

#include <stage2sim/access.h>
#include <stage2sim/insn.h>
#include <stage2sim/memory.h>
#include <stage2sim/tlb.h>

S2_BEGIN_DECLS

struct s2_physics;

/** Which parts there are; copied, with what tlb points to. */
struct s2_physics_config {
	const struct s2_tlb_config *tlb; /**< finite TLBs; NULL: none, each access walks */
	bool residue;			 /**< the possible TLB */
	bool memory;			 /**< memory and cache lines */
	enum s2_memory_detail detail;	 /**< of memory */
};

/**
 * Attaches physics to @p m, whose instructions it sees from now on.
 * @param m must outlive the physics
 * @param out set on success; s2_physics_detach() frees it
 * @return 0; -EINVAL for sizes that s2_tlbs_create() refuses, or an unknown detail
 *         where there is memory; -ENOSPC for more
 *         than S2_MAX_SINKS; -ENOMEM.
 */
S2_API int s2_physics_attach(struct s2_machine *m, const struct s2_physics_config *cfg,
			     struct s2_physics **out) S2_NONNULL(1, 2, 3);

/** Detaches and frees (NULL is fine), TLBs and memory included. */
S2_API void s2_physics_detach(struct s2_physics *p);

/** The finite TLBs, which @p p owns, or NULL. */
S2_API struct s2_tlbs *s2_physics_tlbs(struct s2_physics *p) S2_NONNULL(1);

/** Memory and its cache lines, which @p p owns, or NULL. */
S2_API struct s2_memory *s2_physics_memory(struct s2_physics *p) S2_NONNULL(1);

/** What the DCs by line have named so far, and found cached and dirty. */
S2_API struct s2_line_counts s2_physics_dc_counts(const struct s2_physics *p) S2_NONNULL(1);

/**
 * 0, or -ENOMEM from the first event that could not be followed for want of
 * memory: an event has no one to tell.  What the physics says is unreliable
 * from there on, though nothing is lost that an earlier answer depended on.
 */
S2_API int s2_physics_error(const struct s2_physics *p) S2_NONNULL(1);

/** An access as a guest makes it; its stage 1 is the caller's word. */
struct s2_guest_access {
	enum s2_access kind; /**< a fetch asks XN, the others S2AP */
	struct s2_va va;     /**< tags the entries by VA */
	struct s2_ipa ipa;   /**< what its stage 1 makes of that */
	uint16_t asid;	     /**< tags the entries by VA */
	uint8_t s1_shift;    /**< log2 of the stage-1 mapping; 0: stage 1 is off, VA is IPA */
	bool el0;	     /**< made at EL0: what XN of FEAT_XNX tells apart */
	bool cacheable;	     /**< what stage 1 (or SCTLR_ELx) makes of it: write-back, else not */
};

/** ESR_EL2.ISS.DFSC without its level. */
enum s2_fault_code {
	S2_FAULT_ADDRESS_SIZE = 0x00,	  /**< the leaf's PA is past VTCR_EL2.PS */
	S2_FAULT_TRANSLATION = 0x04,	  /**< no leaf, or an IPA past VTCR_EL2.T0SZ */
	S2_FAULT_ACCESS_FLAG = 0x08,	  /**< AF is clear and no walker sets it */
	S2_FAULT_PERMISSION = 0x0c,	  /**< S2AP or XN refuses */
	S2_FAULT_EXTERNAL_ON_WALK = 0x14, /**< the walk led to memory that is no table */
};

/** A stage-2 abort as ESR_EL2 and HPFAR_EL2 tell it. */
struct s2_fault {
	bool raised;		 /**< else there was none, and the rest is 0 */
	enum s2_fault_code code; /**< ESR_EL2.ISS.DFSC or IFSC, level apart */
	int8_t level;		 /**< where the walk ended, 0 to 3 */
	bool write;		 /**< WnR */
	bool exec;		 /**< an instruction abort */
	struct s2_ipa ipa;	 /**< HPFAR_EL2, and the offset in the page as FAR_EL2 has it */
};

/** The status code field: code and level. */
static inline unsigned s2_fault_status(const struct s2_fault *fault)
{
	return (unsigned)fault->code | ((unsigned)fault->level & 3U);
}

/** What became of an access. */
struct s2_guest_result {
	struct s2_fault fault; /**< if raised, all below but hit is 0 */
	struct s2_pa pa;       /**< if there was no fault */
	s2_pte pte;	       /**< the leaf that translated it */
	int8_t level;	       /**< of that leaf */
	bool hit;	       /**< in a TLB: combined, or stage 2 */
	bool cacheable;	       /**< stage 1 and stage 2 combined */
	uint32_t version;      /**< read, fetched or written, if there is memory; the newest
				    of versions with S2_MEMORY_POSSIBLE */
	/** Read or fetched, with S2_MEMORY_POSSIBLE: what may have been; else of count 0. */
	struct s2_version_set versions;
};

/**
 * One access of the guest on @p cpu: looked up, walked, filled, then made.
 * @param result overwritten; untouched with -EINVAL or -ENOENT
 * @return 0 (also with a fault); -EINVAL for a stage-1 size that cannot be
 *         (12 to 52 bits, or 0 and then VA = IPA), a VA and an IPA whose offsets
 *         in such a mapping differ, an unknown access, or another machine's CPU;
 *         -ENOENT if the CPU is not in a guest with a stage 2 that the model
 *         has; an error of memory.
 */
S2_API int s2_guest_access(struct s2_physics *p, struct s2_cpu *cpu,
			   const struct s2_guest_access *access, struct s2_guest_result *result)
	S2_NONNULL(1, 2, 3, 4);

/**
 * The same translation made ahead of any access: it fills TLBs, sets AF where
 * walkers do, and counts TLB_HIT, TLB_MISS and WALK_READ; nothing else.
 * Allowed also for walks begun in the guest, until the next DSB of the CPU
 * (R_SQBCS), and with the speculative-AT erratum at any time.
 * @return as s2_guest_access(), no error of memory
 */
S2_API int s2_guest_speculate(struct s2_physics *p, struct s2_cpu *cpu,
			      const struct s2_guest_access *access, struct s2_guest_result *result)
	S2_NONNULL(1, 2, 3, 4);

/** Whether @p cpu may walk its loaded stage 2 now; false for another machine's. */
S2_API bool s2_physics_in_context(const struct s2_physics *p, const struct s2_cpu *cpu)
	S2_NONNULL(1, 2);

/**
 * A guest's TLBI VMALLE1 (HCR_EL2.FB makes it inner shareable) with its DSB and
 * ISB: the finite TLBs forget; of residue none goes.  Nothing out of the guest.
 * @return 0; -EINVAL for another machine's CPU
 */
S2_API int s2_guest_tlbi_vmalle1(struct s2_physics *p, struct s2_cpu *cpu) S2_NONNULL(1, 2);

/**
 * A guest's DC by VA of the line at @p pa, with its DSB: DC IVAC acts as CIVAC
 * under stage 2.
 * @return 0, -EINVAL if @p op is no DC; with memory -ERANGE past the
 *         PA size; -ENOMEM.
 */
S2_API int s2_guest_dc(struct s2_physics *p, enum s2_line_op op, struct s2_pa pa) S2_NONNULL(1);

/**
 * A guest's DC by set and way that was not trapped: of no effect here, since
 * the line may have moved to another cache before it (the worst of its cases).
 * @return 0; -EINVAL for another machine's CPU
 */
S2_API int s2_guest_dc_setway(struct s2_physics *p, struct s2_cpu *cpu) S2_NONNULL(1, 2);

/**
 * A guest's IC IALLU (HCR_EL2.FB makes it inner shareable); nothing out of the guest.
 * @return 0; -EINVAL for another machine's CPU
 */
S2_API int s2_guest_ic_iallu(struct s2_physics *p, struct s2_cpu *cpu) S2_NONNULL(1, 2);

S2_END_DECLS

#endif
