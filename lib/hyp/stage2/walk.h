/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The walker under every table operation: __kvm_pgtable_walk() of
 * hyp/pgtable.c, handing its visitors runs of entries.
 *
 * Depth first.  Each entry is read once; a table is visited before
 * (TABLE_PRE) and after (TABLE_POST) what is below it, anything else, invalid
 * entries included, as a LEAF.  After a visit the entry is read again, so
 * that the walk goes down into what the visitor installed; up to v6.2 only
 * after a LEAF, and each visitor read it once more for itself.
 *
 * A run is n adjacent entries of one table that are all zero, or leaves whose
 * output addresses follow on one another: what a visitor issues for the first
 * stands for all, operands advancing by one entry.  Only the first entry of a
 * run may start inside its granule.
 */
#ifndef S2_HYP_WALK_H
#define S2_HYP_WALK_H

#include "hyp/stage2/mmu.h"

enum s2_walk_flags {
	S2_WALK_LEAF = 1 << 0,
	S2_WALK_TABLE_PRE = 1 << 1,
	S2_WALK_TABLE_POST = 1 << 2,
	S2_WALK_FAULT = 1 << 3, /**< -EAGAIN ends the walk (HANDLE_FAULT) */
	S2_WALK_SKIP_BBM_TLBI = 1 << 4,
	S2_WALK_SKIP_CMO = 1 << 5,
};

struct s2_walk;

/** One entry, or a run of @p n. */
struct s2_visit {
	struct s2_table *table; /**< the page that holds the entry */
	s2_pte *ptep;
	uint64_t pte_pa;
	s2_pte old;
	uint64_t addr; /**< IPA where the walk stands; may lie inside the granule */
	uint64_t granule;
	uint64_t n;
	int level;
	enum s2_walk_flags kind; /**< LEAF, TABLE_PRE or TABLE_POST */
};

struct s2_walker {
	/** @return 0, -EAGAIN for "changed by someone else", or an error that ends the walk. */
	int (*visit)(struct s2_walk *walk, const struct s2_visit *v);
	/** Longest run from @p v on, at most @p max, that one visit may do; NULL: @p max. */
	uint64_t (*run)(const struct s2_walk *walk, const struct s2_visit *v, uint64_t max);
	/**
	 * Does for a whole last-level table what visits of its entries would,
	 * counts included, or says false (whole_table.h).  May be NULL.
	 */
	bool (*whole)(struct s2_walk *walk, struct s2_table *table);
	void *arg;
	unsigned flags;
};

struct s2_walk {
	struct s2_mmu *mmu;
	struct s2_cpu *cpu;
	const struct s2_walker *walker;
	uint64_t start, addr, end;
	bool in_tree; /**< from the root; else a subtree that nothing points to (any more) */
};

/** Walks [range), which s2_walk_check() has accepted, from the root. */
int s2_walk(struct s2_mmu *mmu, struct s2_cpu *cpu, const struct s2_walker *walker, uint64_t start,
	    uint64_t size);

/** Walks the private subtree @p table, whose entries are at @p level, from address 0. */
int s2_walk_subtree(struct s2_mmu *mmu, struct s2_cpu *cpu, const struct s2_walker *walker,
		    struct s2_table *table, int level);

/** @return 0, -EINVAL (unaligned, empty, destroyed, foreign CPU), -ERANGE. */
int s2_walk_check(const struct s2_mmu *mmu, const struct s2_cpu *cpu, uint64_t start,
		  uint64_t size);

/** The table that the table entry @p pte points to. */
struct s2_table *s2_follow(const struct s2_mmu *mmu, s2_pte pte);

/** Amount by which leaf @p pte advances from one entry of a run to the next; 0 if none. */
static inline uint64_t s2_pte_step(s2_pte pte, uint64_t granule)
{
	return s2_pte_valid(pte) ? granule : 0;
}

/** The store itself, which nothing comes before. */
static inline void s2_visit_write(struct s2_walk *walk, const struct s2_visit *v, s2_pte pte,
				  enum s2_mem_order order)
{
	uint64_t step = v->n > 1 ? s2_pte_step(pte, v->granule) : 0;

	/* Copies, for the compiler cannot know that entries do not overlap *v. */
	s2_pte *const entries = v->ptep;
	const uint64_t n = v->n;

	s2_pte_write(walk->cpu, v->pte_pa, pte, step, order);
	for (uint64_t i = 0; i < n; i++)
		entries[i] = pte + i * step;
}

/**
 * The entry at @p pa is about to be read or written: others may come first, unless it is
 * in a subtree that nobody else can reach, where nothing that they do makes a difference.
 */
static inline void s2_walk_before(const struct s2_walk *walk, enum s2_op op, uint64_t pa)
{
	if (walk->in_tree)
		s2_before_pte(walk->cpu, op, pa);
}

/** Stores @p pte in the entries of @p v. */
static inline void s2_visit_store(struct s2_walk *walk, const struct s2_visit *v, s2_pte pte,
				  enum s2_mem_order order)
{
	s2_walk_before(walk, S2_OP_PTE_WRITE, v->pte_pa);
	s2_visit_write(walk, v, pte, order);
}

/** Whether others walk and change the same tables meanwhile (KVM_PGTABLE_WALK_SHARED). */
static inline bool s2_walk_is_shared(const struct s2_walk *walk)
{
	return (walk->walker->flags & S2_WALK_FAULT) &&
	       walk->mmu->flavour->break_with == S2_BREAK_LOCKED;
}

/**
 * What a store of @p v is the compare of, where walks are shared: whether the entry is
 * as it was read.  The store must follow at once, by s2_visit_write().
 */
static inline bool s2_visit_unchanged(const struct s2_walk *walk, const struct s2_visit *v)
{
	s2_walk_before(walk, S2_OP_PTE_WRITE, v->pte_pa);
	return !s2_walk_is_shared(walk) || *v->ptep == v->old;
}

/** As s2_visit_write(), of a value that the visit itself replaces. */
static inline void s2_visit_write_transient(struct s2_walk *walk, const struct s2_visit *v,
					    s2_pte pte)
{
	s2_pte_write(walk->cpu, v->pte_pa, pte, 0, S2_MEM_PLAIN);
	/* Nobody looks at the tables within a run. */
	if (v->n == 1)
		*v->ptep = pte;
}

/** Reads of an entry that is visited as a LEAF: the walker's two, and perhaps the visitor's. */
static inline uint64_t s2_reads_per_leaf(const struct s2_mmu *mmu)
{
	return mmu->flavour->visitors_read ? 3 : 2;
}

/** Output address of the leaf @p v. */
static inline struct s2_pa s2_visit_pa(const struct s2_walk *walk, const struct s2_visit *v)
{
	return s2_pte_pa(v->old, &walk->mmu->fmt);
}

/** Bytes by which a run's addresses advance: none if it is a single entry. */
static inline uint64_t s2_visit_step(const struct s2_visit *v)
{
	return v->n > 1 ? v->granule : 0;
}

/** A table page for @p walk, counted, or NULL. */
struct s2_table *s2_walk_table_alloc(struct s2_walk *walk);

/** Frees a table page, counted. */
void s2_walk_table_free(struct s2_walk *walk, struct s2_table *table);

/** stage2_free_walker() over a range of tables that no hardware walks any more. */
void s2_free_range(struct s2_mmu *mmu, struct s2_cpu *cpu, uint64_t start, uint64_t size);

/** Puts what the unlinked @p table holds, and frees all tables below it. */
void s2_put_unlinked(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_table *table, int level);

/** free_unlinked_table(): @p table, whose entries are at @p level, and all below it. */
void s2_free_unlinked(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_table *table, int level);

/**
 * stage2_free_unlinked_table() of a table that other walks may be in: as above, once no
 * walk is under way that may have met it (RCU's grace period).
 */
void s2_free_unlinked_later(struct s2_walk *walk, struct s2_table *table, int level);
/** A walk of @p mmu has ended on @p cpu: frees what nobody can be in any more. */
void s2_free_unlinked_now(struct s2_mmu *mmu, struct s2_cpu *cpu);

#endif
