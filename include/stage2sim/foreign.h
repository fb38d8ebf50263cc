/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Table pages that are somebody else's: a log's, or another hypervisor's.
 *
 *     their store of a descriptor --> s2_foreign_write() --> event, then the memory
 *     their page, at their PA     --> s2_foreign_page()
 *
 * The machine then has no tables of the library's own: pages live at the PAs
 * that their owner gives them, in memory of the library's or in a window of
 * theirs, which their code may read as it is.  Each event comes before the store that it is
 * about, as with the library's own walkers: what watches sees the old value
 * in memory and the new one in the event.
 */
#ifndef STAGE2SIM_FOREIGN_H
#define STAGE2SIM_FOREIGN_H

#include <stage2sim/insn.h>

S2_BEGIN_DECLS

struct s2_foreign;

/** Table pages of a machine lie in one region of 2 to this, aligned: that of the first. */
#define S2_FOREIGN_PA_BITS 44

/**
 * Makes the table memory of @p m somebody else's.
 * @param m must outlive it, and have had no table page yet; physics, oracles and logs
 *        come after it
 * @param out set on success; free with s2_foreign_free()
 * @return 0; -EBUSY if the machine has table pages, is foreign already, or has something
 *         built on it; -ENOMEM
 */
S2_API int s2_foreign_create(struct s2_machine *m, struct s2_foreign **out);

/**
 * The same, of pages in the caller's own memory: the one at PA p is at
 * @p memory + (p - @p pa), so that the owner's code finds a descriptor by its
 * address and reads it without a call.  It stores by s2_foreign_write() alone.
 * @param pa first PA of the window; it, @p size and the end are multiples of 2 MiB
 * @param memory aligned to the granule, of @p size bytes; must outlive it.  A page
 *        is zeroed as it begins to live
 * @return as s2_foreign_create(); -EINVAL for a window that is not aligned, or
 *         empty; -ERANGE past S2_FOREIGN_PA_BITS
 */
S2_API int s2_foreign_create_in(struct s2_machine *m, struct s2_pa pa, void *memory, uint64_t size,
				struct s2_foreign **out) S2_NONNULL(1, 3, 5);

/** Frees it with all its pages (NULL is fine); issues nothing. */
S2_API void s2_foreign_destroy(struct s2_foreign *f);

/** Whether a table page lives at @p pa, rounded down to the granule. */
S2_API bool s2_foreign_lives(const struct s2_foreign *f, struct s2_pa pa);

/** Whether one lived there, and was freed. */
S2_API bool s2_foreign_freed(const struct s2_foreign *f, struct s2_pa pa);

/**
 * A zeroed table page, counted (TABLE_ALLOC) unless one lives there.
 * @return 0; -EINVAL for a PA that is not aligned to the granule, or a CPU of
 *         another machine; -ERANGE outside of the first one's region (S2_FOREIGN_PA_BITS), or of
 *         the window; -ENOMEM
 */
S2_API int s2_foreign_page(struct s2_foreign *f, struct s2_cpu *cpu, struct s2_pa pa);

/** A page goes (TABLE_FREE); that none lives there is for an oracle to say. @return 0; -EINVAL */
S2_API int s2_foreign_free(struct s2_foreign *f, struct s2_cpu *cpu, struct s2_pa pa);

/**
 * A store of a descriptor (PTE_WRITE); a page that does not live yet is made.
 * @return 0; -EINVAL for a PA that is not aligned to 8, an unknown order, or a
 *         CPU of another machine; -ERANGE, -ENOMEM as s2_foreign_page()
 */
S2_API int s2_foreign_write(struct s2_foreign *f, struct s2_cpu *cpu, struct s2_pa pa,
			    s2_pte value, enum s2_mem_order order);

/**
 * A software read of a descriptor (PTE_READ).
 * @param value set to what the table has; 0 where no page lives
 * @return 0; -EINVAL as s2_foreign_write(); -ENOENT if no page lives there (counted too)
 */
S2_API int s2_foreign_read(struct s2_foreign *f, struct s2_cpu *cpu, struct s2_pa pa,
			   s2_pte *value);

/**
 * The pages of the root that VTTBR_EL2 names, made if they do not live yet.
 * @param limit set to the first IPA past the input range, if not NULL
 * @return 0; -ENOENT for a VTTBR_EL2 of 0; -EINVAL for another granule than the
 *         machine's; -EOPNOTSUPP for a shape that is not modelled; as s2_foreign_page()
 */
S2_API int s2_foreign_root(struct s2_foreign *f, struct s2_cpu *cpu, uint64_t vtcr, uint64_t vttbr,
			   uint64_t *limit);

S2_END_DECLS

#endif
