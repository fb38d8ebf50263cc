/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Operations on stage-2 tables: map, unmap, protect, relax, age, flush,
 * split, collapse, destroy.
 *
 * Each stands for the kernel function of the same name in hyp/pgtable.c and
 * issues the instructions that function issues, in its order, on @p cpu.
 * Addresses and sizes are in bytes and multiples of the granule.
 *
 * Errors common to all: -EINVAL for an unaligned or empty range, for a CPU of
 * another machine, and for tables that were destroyed, -ERANGE for a range that
 * passes the IPA size (ipa_bits); nothing is changed or issued then.
 */
#ifndef STAGE2SIM_PGTABLE_H
#define STAGE2SIM_PGTABLE_H

#include <stage2sim/mmu.h>

S2_BEGIN_DECLS

/** Table pages set aside for an operation (struct kvm_mmu_memory_cache). */
struct s2_memcache {
	uint64_t nobjs; /**< pages left */
};

/** How s2_pgtable_map() goes about it (enum kvm_pgtable_walk_flags). */
enum s2_map_flags {
	/** On the fault path: parallel to others, ends at the first -EAGAIN. */
	S2_MAP_FAULT = 1 << 0,
	/** Never a block (map of a single page at any alignment). */
	S2_MAP_FORCE_PTE = 1 << 1,
	/** No cache maintenance of the new mapping (KVM_PGTABLE_WALK_SKIP_CMO). */
	S2_MAP_SKIP_CMO = 1 << 2,
};

/**
 * kvm_pgtable_stage2_map().  Over an existing mapping: the same mapping, or
 * one that differs in permissions only, is left alone with -EAGAIN; any other
 * is replaced by break-before-make; a table under a new block is collapsed.
 * -EAGAIN ends the walk, what is below being mapped, with S2_MAP_FAULT or where
 * the flavour's eagain_ends_walk says so; else the walk goes on and returns 0.
 *
 * @param prot enum s2_prot flags
 * @param mc pages for new tables, taken as used; NULL: never short
 * @param flags enum s2_map_flags
 * @return 0; -EAGAIN; -EINVAL also for @p prot, @p flags and an unaligned @p pa; -ERANGE
 *         also for a PA past pa_bits; -ENOMEM without a table page, and then
 *         the part of the range below it has been mapped.
 */
S2_API int s2_pgtable_map(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range,
			  struct s2_pa pa, unsigned prot, struct s2_memcache *mc, unsigned flags)
	S2_NONNULL(1, 2);

/**
 * kvm_pgtable_stage2_unmap(): leaves cleared, flushed, cleaned to the PoC;
 * tables that become empty freed.  A block that is touched goes whole.
 * @return 0; -ENOMEM where cleaning waits for the flush and cannot be noted: the
 *         part of the range below is unmapped, its last leaves not cleaned
 */
S2_API int s2_pgtable_unmap(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
	S2_NONNULL(1, 2);

/**
 * kvm_pgtable_stage2_wrprotect(): write permission taken; the caller must flush.
 * @return 0; -EAGAIN at an empty entry for a flavour with both attr_invalid_eagain
 *         and eagain_ends_walk, which is no kernel's
 */
S2_API int s2_pgtable_wrprotect(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
	S2_NONNULL(1, 2);

/**
 * kvm_pgtable_stage2_relax_perms(): @p prot's R, W and X added to the leaf.
 * @return 0; -EAGAIN if nothing is mapped there (flavours with
 *         attr_invalid_eagain); -EINVAL for unknown flags in @p prot; those
 *         that are no permission are ignored.
 */
S2_API int s2_pgtable_relax_perms(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa,
				  unsigned prot) S2_NONNULL(1, 2);

/** kvm_pgtable_stage2_mkyoung(): AF set. @return 0, or -EAGAIN as relax_perms. */
S2_API int s2_pgtable_mkyoung(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa)
	S2_NONNULL(1, 2);

/**
 * kvm_pgtable_stage2_test_clear_young(): AF cleared if @p mkold; no TLBI.
 * @param young set to whether any leaf of the range had AF; untouched on error
 * @return 0 or a common error
 */
S2_API int s2_pgtable_test_clear_young(struct s2_mmu *mmu, struct s2_cpu *cpu,
				       struct s2_range range, bool mkold, bool *young)
	S2_NONNULL(1, 2, 5);

/**
 * kvm_pgtable_stage2_flush(): write-back leaves cleaned and invalidated to the
 * PoC; with FWB nothing.  @return 0 or a common error
 */
S2_API int s2_pgtable_flush(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
	S2_NONNULL(1, 2);

/**
 * kvm_pgtable_stage2_split(): each block that the range touches becomes pages
 * if @p mc has the tables for it, else one level smaller, and again.
 * @param mc NULL: never short
 * @return 0; -EOPNOTSUPP if the flavour cannot split; -ENOMEM when @p mc is
 *         empty, blocks below that point having been split.
 */
S2_API int s2_pgtable_split(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range,
			    struct s2_memcache *mc) S2_NONNULL(1, 2);

/**
 * kvm_pgtable_stage2_destroy(): every table freed, root included; no TLBI and
 * no cache maintenance.  Afterwards @p mmu can only be freed: other operations
 * return -EINVAL.  @return 0; -EINVAL for a CPU of another machine, or the
 * second time
 */
S2_API int s2_pgtable_destroy(struct s2_mmu *mmu, struct s2_cpu *cpu) S2_NONNULL(1, 2);

/** What the tables hold. */
struct s2_pgtable_state {
	uint64_t leaves[S2_LAST_LEVEL + 1]; /**< valid leaves by level */
	uint64_t table_entries;             /**< entries that point to tables */
	uint64_t invalid_counted;           /**< non-zero invalid entries */
	uint64_t table_pages;               /**< live, root included */
};

/** Reads the whole tree, and issues nothing; all 0 once it is destroyed. */
S2_API void s2_pgtable_state(const struct s2_mmu *mmu, struct s2_pgtable_state *state)
	S2_NONNULL(1, 2);

/** A leaf as s2_pgtable_lookup() found it. */
struct s2_leaf {
	s2_pte pte;          /**< the entry that ends the walk, valid or not */
	int level;	     /**< where the walk ended */
	struct s2_pa pa;     /**< output address of the IPA looked up, if valid */
};

/**
 * kvm_pgtable_get_leaf(): follows the tables for @p ipa; reads are counted if
 * @p cpu is given.
 * @return 0 (the entry may be invalid); -ERANGE past the IPA size; -EINVAL for
 *         tables that were destroyed, or another machine's CPU.
 */
S2_API int s2_pgtable_lookup(const struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa,
			     struct s2_leaf *leaf) S2_NONNULL(1, 4);

S2_END_DECLS

#endif
