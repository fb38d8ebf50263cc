/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Physical memory and the caches in front of it, line by line.
 *
 *    write-back agents        non-cacheable agents
 *    (guest, host's map)      (guest with caches off, devices)
 *          |                          |
 *      [ cache line: version, dirty ] |     one coherent domain of all CPUs
 *          |  fill, evict, write back |
 *      [ PoC: version ] <-------------'
 *
 * Contents are versions: each write makes a new one; 0 is what memory held at
 * first.  The unit is a cache line (write-back granule): a write of less
 * counts as one of all of it.  Lines that are equal are stored as one node at
 * any size from a line to hundreds of gigabytes; counts are exact.
 *
 * With S2_MEMORY_POSSIBLE nobody needs to call hardware's choices: a line is
 * the set of all states that fills, evictions and write-backs can have led to,
 * and a read has a set of answers (the second half of this file).
 *
 * Stands for: Arm ARM B2.8 (memory types, mismatched attributes), D7.5
 * (cache maintenance by VA to the PoC).  Evictions, fills and write-backs
 * happen when they are called: hardware may choose to at any time.
 */
#ifndef STAGE2SIM_MEMORY_H
#define STAGE2SIM_MEMORY_H

#include <stage2sim/features.h>

S2_BEGIN_DECLS

struct s2_memory;

/** What is kept of a line. */
enum s2_memory_detail {
	S2_MEMORY_STATES,   /**< cached and dirty only: what counting needs */
	S2_MEMORY_VERSIONS, /**< contents too, for one choice of hardware's: as called */
	S2_MEMORY_POSSIBLE, /**< contents under every choice of hardware's: what an oracle needs */
};

/** Who reads or writes. */
enum s2_agent {
	S2_AGENT_WRITE_BACK,	  /**< a CPU through a write-back mapping; allocates */
	S2_AGENT_NON_CACHEABLE,	  /**< a CPU without, or a device that snoops nothing */
	S2_AGENT_COHERENT_DEVICE, /**< reads what caches hold; its writes replace them */
};

/** What can happen to a line. */
enum s2_line_op {
	S2_LINE_FILL,		  /**< fetched, perhaps speculatively, if not there */
	S2_LINE_EVICT,		  /**< leaves the cache, written back if dirty */
	S2_LINE_WRITE_BACK,	  /**< written back if dirty, and stays */
	S2_LINE_CLEAN,		  /**< DC CVAC */
	S2_LINE_CLEAN_INVALIDATE, /**< DC CIVAC; a guest's DC IVAC under stage 2 */
	S2_LINE_INVALIDATE,	  /**< DC IVAC: dirty contents are lost */
};

/**
 * A line: @p cache is meaningful if @p cached.  With S2_MEMORY_POSSIBLE the
 * newest versions that the PoC, and a write-back read, may give; and whether
 * it may be cached, and may be dirty.
 */
struct s2_line {
	uint32_t poc;	/**< version at the PoC; always 0 with S2_MEMORY_STATES */
	uint32_t cache; /**< version in the caches, else 0 */
	bool cached;	/**< some cache of the domain has it */
	bool dirty;	/**< cached, and not written back */
};

/**
 * Lines that an operation named, and those of them that were cached and dirty
 * before; with S2_MEMORY_POSSIBLE: that may have been.
 */
struct s2_line_counts {
	uint64_t lines; /**< named */
	uint64_t valid; /**< of these, cached */
	uint64_t dirty; /**< of these, dirty */
};

/**
 * Memory of the machine's PA size, version 0 everywhere, nothing cached.
 * With FEAT_S2FWB and S2_MEMORY_STATES nothing is ever stored, since no agent
 * can see a difference; counts then are of lines only.
 * @param f not kept
 * @param out set on success; free with s2_memory_destroy()
 * @return 0; -EINVAL for features, a number of CPUs (1 to S2_MAX_CPUS) or a
 *         detail that cannot be; -ENOMEM
 */
S2_API int s2_memory_create(const struct s2_features *f, unsigned cpus,
			    enum s2_memory_detail detail, struct s2_memory **out);

/** Frees @p mem (NULL is fine), which its maker owns; a physics destroys its own. */
S2_API void s2_memory_destroy(struct s2_memory *mem);

/*
 * The operations return 0; -EINVAL for an empty range, or an operation or agent
 * that does not exist; -ERANGE past the PA
 * size, nothing then being changed; -ENOMEM when the nodes of a range that is
 * no longer uniform cannot be had: the part of the range below the failure
 * has then been done.  Ranges are rounded outwards to lines.
 */

/** Does @p op to each line of the range. @param counts if not NULL, added to. @return as above */
S2_API int s2_memory_apply(struct s2_memory *mem, enum s2_line_op op, struct s2_pa pa,
			   uint64_t size, struct s2_line_counts *counts);

/**
 * A write of every line of the range: one new version for all of them.
 * @param version if not NULL, the new version; 0 with S2_MEMORY_STATES
 * @return as above; -EOVERFLOW when there are no more versions
 */
S2_API int s2_memory_write(struct s2_memory *mem, enum s2_agent agent, struct s2_pa pa,
			   uint64_t size, uint32_t *version);

/**
 * Reads the line of @p pa; a write-back agent's read brings it into the cache.
 * With S2_MEMORY_POSSIBLE @p version is the newest of those that
 * s2_memory_possible() tells.
 * @return as above; with -ENOMEM @p version is right, and the line not cached
 */
S2_API int s2_memory_read(struct s2_memory *mem, enum s2_agent agent, struct s2_pa pa,
			  uint32_t *version);

/** Looks at the line of @p pa and changes nothing. @return 0; -ERANGE past the PA size */
S2_API int s2_memory_line(const struct s2_memory *mem, struct s2_pa pa, struct s2_line *line);

/**
 * An instruction fetch of a CPU: from its I-cache, or, into it, from the data
 * side; with CTR_EL0.DIC always from there.
 * @param cpu below the number that the memory was made for
 * @return 0; -EINVAL for another CPU; -ERANGE past the PA size; -ENOMEM: not kept, @p version is right
 */
S2_API int s2_memory_fetch(struct s2_memory *mem, unsigned cpu, struct s2_pa pa, uint32_t *version);

/**
 * IC IVAU of the range on all CPUs; by PA, so it names nothing for sure in a
 * VIPT cache.  An empty range, or one past the PA size, does nothing.
 */
S2_API void s2_memory_ic_ivau(struct s2_memory *mem, struct s2_pa pa, uint64_t size);

/** In place of a CPU's index: IC IALLUIS. */
#define S2_MEMORY_ALL_CPUS (~0U)

/** IC IALLU of one CPU, or IC IALLUIS for S2_MEMORY_ALL_CPUS; of a CPU of none, nothing. */
S2_API void s2_memory_ic_iallu(struct s2_memory *mem, unsigned cpu);

/*
 * S2_MEMORY_POSSIBLE.  A line's set of (version at the PoC; cached version or
 * none; dirty) is closed under eviction, write-back and, while a write-back
 * alias may reach it, fill.  A write, DC or device maps the set.  All is exact
 * but for what s2_memory_dc_issue() says.  A read narrows nothing: each later
 * read is answered from the whole set again, whatever an earlier one returned;
 * a set holds for the line by itself, not jointly with others.
 */

/** Versions that a line may give, newest first. */
struct s2_version_set {
	uint32_t newest; /**< the largest */
	uint32_t oldest; /**< the smallest */
	uint32_t count;	 /**< at least 1 */
	uint32_t next;	 /**< s2_version_next()'s */
};

/**
 * All versions that a read of @p pa by @p agent may return, now or at any later
 * time if nothing but hardware acts in between.  Changes nothing; a
 * write-back read that happens must also be told by s2_memory_read().
 * @param set good until the next call that is not of a const memory
 * @return 0; -EINVAL if there is no such agent, or without S2_MEMORY_POSSIBLE;
 *         -ERANGE past the PA size; -ENOMEM
 */
S2_API int s2_memory_possible(struct s2_memory *mem, enum s2_agent agent, struct s2_pa pa,
			      struct s2_version_set *set);

/** Whether @p mem was made with S2_MEMORY_POSSIBLE. */
S2_API bool s2_memory_is_possible(const struct s2_memory *mem);

/** As s2_memory_possible(), for an instruction fetch of @p cpu. @return the same */
S2_API int s2_memory_possible_fetch(struct s2_memory *mem, unsigned cpu, struct s2_pa pa,
				    struct s2_version_set *set);

/** The next version of @p set, downwards. @return false after the last */
S2_API bool s2_version_next(const struct s2_memory *mem, struct s2_version_set *set,
			    uint32_t *version);

/**
 * Says whether any write-back alias may reach lines, so that they may be
 * fetched at any time.  At first the host's linear map does, everywhere.
 * @param alias false: the last of them, guests' included, has been taken away
 * @return as the operations above; -EINVAL also without S2_MEMORY_POSSIBLE
 */
S2_API int s2_memory_set_alias(struct s2_memory *mem, struct s2_pa pa, uint64_t size, bool alias);

/** What lines should be; a line that may be anything else offends. */
struct s2_line_want {
	unsigned agents; /**< bits 1 << enum s2_agent: whose reads are looked at */
	uint32_t oldest; /**< they may return this version */
	uint32_t newest; /**< and this, and all between, and no other */
	bool not_dirty;	 /**< no later eviction may write to the PoC */
	bool not_cached; /**< no cached copy, clean or dirty, may be there */
};

/**
 * The first line of [pa, pa + size) that may be other than @p want, at the cost
 * of regions.
 * @param found if not NULL, set with 1: the line's start
 * @return 1 if there is one; 0 if there is none; -EINVAL for an empty range, an
 *         agent that does not exist, or without S2_MEMORY_POSSIBLE; -ERANGE
 */
S2_API int s2_memory_find(struct s2_memory *mem, const struct s2_line_want *want, struct s2_pa pa,
			  uint64_t size, struct s2_pa *found);

/**
 * A DC that @p cpu has issued: it may happen from now on, and has when
 * s2_memory_dsb() of the CPU returns; s2_memory_apply() is both at once.
 * Where a line is written, fetched by a call, or loses its alias in between,
 * the set keeps both orders and more: as if that DC might never happen to that
 * line (a superset; the one place where sets are not exact).
 * With another detail the same as s2_memory_apply().
 * @param op S2_LINE_CLEAN, _CLEAN_INVALIDATE or _INVALIDATE
 * @param cpu below the number that the memory was made for
 * @return as s2_memory_apply()
 */
S2_API int s2_memory_dc_issue(struct s2_memory *mem, unsigned cpu, enum s2_line_op op,
			      struct s2_pa pa, uint64_t size, struct s2_line_counts *counts);

/**
 * A DSB of @p cpu for loads and stores, inner shareable or wider: its DCs are complete.
 * @return 0; -EINVAL if there is no such CPU; -ENOMEM: some DCs are still pending
 */
S2_API int s2_memory_dsb(struct s2_memory *mem, unsigned cpu);

/** The host's memory that holds all this but the I-caches' lines, in bytes. */
S2_API uint64_t s2_memory_footprint(const struct s2_memory *mem);

S2_END_DECLS

#endif
