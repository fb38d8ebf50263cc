/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Memory for table pages: the one seam through which they are allocated.
 *
 *   directory     slab (2 MiB of PA)         one s2_table a page
 *   [0] --------> | page | page | ... |      { entries, pa, refs, ... }
 *   [1] --> ...
 *
 * Pages are cut from slabs.  A slab owns a 2 MiB window of simulated PA, so
 * that the walkers find a page by its PA in two loads, and PAs do not depend
 * on host addresses.  A pool belongs to one VM and can be dropped whole.
 *
 * Back ends: plain C allocation, or jemalloc, where a pool that grows gets a
 * private arena (they are few: arenas are recycled within the machine).
 */
#ifndef S2_MACHINE_TABLEMEM_H
#define S2_MACHINE_TABLEMEM_H

#include <stage2sim/machine.h>
#include <stage2sim/pte.h>

struct s2_tablemem;
struct s2_table_pool;

/**
 * One table page.  refs is the kernel's page count: 1 + counted entries.  Kept
 * small: a call on one page of a large VM waits for this as for the entry.
 */
struct s2_table {
	s2_pte *entries;
	uint64_t pa;
	union {
		uint32_t indexed;   /**< 1 + its place in the MMU's index of tables, 0: none */
		uint32_t next_free; /**< number of the next in a list of unlinked tables, 0: none */
	};
	uint16_t refs;
	/** Some entry may be no write-back leaf; once set, until the page is freed. */
	bool mixed;
};

/** log2 of a slab's window of PA. */
#define S2_SLAB_SHIFT 21

/** A slab; only the look-up below and tablemem.c look inside. */
struct s2_slab {
	char *mem;
	size_t bytes;
	bool from_arena;
	bool lent; /**< the memory is the window's owner's */
	uint32_t index;	  /**< in the directory */
	uint32_t n_pages; /**< that it can hold */
	uint32_t n_cut;	  /**< handed out at least once */
	struct s2_slab *next;
	struct s2_table tables[];
};

/** The part of the table memory that a look-up needs. */
struct s2_slab_directory {
	uint64_t pa_base;
	uint8_t page_shift;
	uint32_t len;
	struct s2_slab **slabs;
	char **mem; /**< slabs[i]->mem, one load nearer */
};

/** The directory of @p mem, for look-ups without a call; first in its struct. */
static inline const struct s2_slab_directory *s2_tablemem_directory(const struct s2_tablemem *mem)
{
	return (const struct s2_slab_directory *)(const void *)mem;
}

/** The number of the table page at @p pa: from 1 on, so that 0 can stand for none. */
static inline uint32_t s2_tablemem_number(const struct s2_slab_directory *dir, uint64_t pa)
{
	return (uint32_t)((pa - dir->pa_base) >> dir->page_shift) + 1;
}

/** The PA of table page number @p number. */
static inline uint64_t s2_tablemem_numbered(const struct s2_slab_directory *dir, uint32_t number)
{
	return dir->pa_base + ((uint64_t)(number - 1) << dir->page_shift);
}

/** The entries of the table page at @p pa, which must live. */
static inline s2_pte *s2_tablemem_entries(const struct s2_slab_directory *dir, uint64_t pa)
{
	uint64_t offset = pa - dir->pa_base;

	return (s2_pte *)(void *)(dir->mem[offset >> S2_SLAB_SHIFT] +
				  (offset & ((UINT64_C(1) << S2_SLAB_SHIFT) - 1)));
}

/** The table page at @p pa, which must live. */
static inline struct s2_table *s2_tablemem_table(const struct s2_slab_directory *dir, uint64_t pa)
{
	uint64_t offset = pa - dir->pa_base;
	uint64_t in_slab = offset & ((UINT64_C(1) << S2_SLAB_SHIFT) - 1);

	return &dir->slabs[offset >> S2_SLAB_SHIFT]->tables[in_slab >> dir->page_shift];
}

/** @return 0, -EOPNOTSUPP for an allocator that is not built in, -ENOMEM. */
int s2_tablemem_create(const struct s2_features *f, enum s2_allocator allocator,
		       struct s2_tablemem **out);
void s2_tablemem_destroy(struct s2_tablemem *mem);

/** Bytes of live table pages, and bytes of slabs held. */
void s2_tablemem_usage(const struct s2_tablemem *mem, uint64_t *live, uint64_t *held);

/** Bytes that are held besides table pages, to know of them. */
uint64_t s2_tablemem_overhead(const struct s2_tablemem *mem);

/** The table page at @p pa, or NULL if none lives there. */
struct s2_table *s2_tablemem_find(const struct s2_tablemem *mem, struct s2_pa pa);

/** The lowest PA that a table page can have. */
uint64_t s2_tablemem_base(const struct s2_tablemem *mem);

/**
 * From now on pages live where s2_table_adopt() says (foreign.h).
 * @return 0; -EBUSY if there was a page before, or it is so already
 */
int s2_tablemem_be_foreign(struct s2_tablemem *mem);

/**
 * From now on pages of @p pool lie in a window of the caller's: PA p at @p memory + (p - @p pa).
 * Both ends are multiples of a slab's window.
 */
void s2_table_pool_lend(struct s2_table_pool *pool, uint64_t pa, void *memory, uint64_t size);

/** Whether a page at @p pa could be adopted. */
bool s2_table_pool_reaches(const struct s2_table_pool *pool, uint64_t pa);

/**
 * A zeroed page at @p pa, which is in reach, aligned to the granule and below
 * S2_FOREIGN_PA_BITS; the one that lives there already, as it is.
 * @return NULL without memory
 */
struct s2_table *s2_table_adopt(struct s2_table_pool *pool, uint64_t pa);

/** Whether a page was ever adopted at @p pa. */
bool s2_tablemem_was_adopted(const struct s2_tablemem *mem, uint64_t pa);

/** The page lives no more. */
void s2_table_disown(struct s2_table_pool *pool, struct s2_table *table);

/** Test hook: allocations of pages fail once @p n more have succeeded. */
void s2_tablemem_fail_after(struct s2_tablemem *mem, uint64_t n);

/** @return 0, -ENOMEM. */
int s2_table_pool_create(struct s2_tablemem *mem, struct s2_table_pool **out);

/** Gives everything back, pages that still live included. @return pages that lived. */
uint64_t s2_table_pool_destroy(struct s2_table_pool *pool);

/** Pages that live in @p pool. */
uint64_t s2_table_pool_live(const struct s2_table_pool *pool);

/** Calls @p fn for each run of adjacent pages that live, @p n from @p pa on. */
void s2_table_pool_each_run(const struct s2_table_pool *pool,
			    void (*fn)(void *arg, uint64_t pa, uint64_t n), void *arg);

/** A zeroed page with one reference, or NULL. */
struct s2_table *s2_table_alloc(struct s2_table_pool *pool);

/** @p n adjacent zeroed pages, aligned to their total size if @p n is a power of 2; or NULL. */
struct s2_table *s2_table_alloc_contiguous(struct s2_table_pool *pool, unsigned n);

/** Frees one page, which must have been allocated from @p pool. */
void s2_table_free(struct s2_table_pool *pool, struct s2_table *table);

#endif
