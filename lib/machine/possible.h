/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Possible memory, inside: the set of states that a line may be in.
 *
 *   struct s2_set                states of the line: (PoC; cache)
 *     none        N = {p, ...}     (p; nothing)
 *     same        E = {p, ...}     (p; p clean)          E is part of N, and all of it with an alias
 *     stale, nc   K = {c, ...}     (nc; c clean)         nc is in N
 *     under, dirty  U = {p, ...}   (p; dirty)            dirty is in N and E
 *
 * No other form comes up: a write-back write leaves one dirty version over
 * whatever the PoC had; a non-cacheable one leaves all cached copies over one
 * version; nothing else makes two of them differ.  "In N and E" is closure:
 * what is dirty may be written back, what is clean may leave.
 *
 * Sets of versions are lists, newest first, with equal tails kept once: a
 * write adds a cell, however many versions there are.
 */
#ifndef S2_MACHINE_POSSIBLE_H
#define S2_MACHINE_POSSIBLE_H

#include <stage2sim/memory.h>

#include "machine/intern.h"

/** A list of versions; S2_NO_VERSIONS is empty. */
typedef uint32_t s2_versions;
#define S2_NO_VERSIONS 0U

struct s2_set {
	s2_versions none, same, stale, under;
	uint32_t nc;	/**< 0 if stale is empty */
	uint32_t dirty; /**< 0 if under is empty */
	uint32_t alias; /**< 1: a write-back alias may fetch it at any time */
};

struct s2_pending {
	uint64_t first, n; /* lines */
	enum s2_line_op op;
	bool overtaken; /**< by a write: no longer sure to end, but a DC IVAC may still lose it */
};

/** The DCs of a CPU that no DSB has completed. */
struct s2_pendings {
	struct s2_pending *ranges;
	size_t n, cap;
};

struct s2_possible {
	struct s2_intern cells; /**< of struct s2_version_cell */
	struct s2_intern sets;	/**< of struct s2_set */
	uint32_t *scratch;	/**< heads of a union under way */
	size_t scratch_cap;
	size_t n_pending; /**< of all CPUs */
	unsigned n_cpus;
	struct s2_pendings pending[];
};

struct s2_version_cell {
	uint32_t version;
	s2_versions next;
	uint32_t oldest; /**< of the list from here */
	uint32_t count;
};

struct s2_patterns;
struct s2_icache;

int s2_possible_create(unsigned cpus, struct s2_possible **out);
void s2_possible_destroy(struct s2_possible *pos);
/** Records, of versions and of sets. */
uint32_t s2_possible_live(const struct s2_possible *pos);

/** Frees the sets that no pattern has, and the versions that neither a set nor an I-cache has. */
void s2_possible_sweep(struct s2_possible *pos, const struct s2_patterns *pats,
		       const struct s2_icache *icache);

uint64_t s2_possible_bytes(const struct s2_possible *pos);

struct s2_version_cell s2_versions_head(const struct s2_possible *pos, s2_versions list);

/** @p version before @p list, all of which are older. @return 0 or -ENOMEM */
int s2_versions_cons(struct s2_possible *pos, uint32_t version, s2_versions list, s2_versions *out);
int s2_versions_union(struct s2_possible *pos, s2_versions a, s2_versions b, s2_versions *out);
void s2_versions_mark(struct s2_possible *pos, s2_versions list);

/** The set of a line that nobody has touched. @return 0 or -ENOMEM */
int s2_set_init(struct s2_possible *pos, struct s2_line *line);

/** From a line's set to its newest versions, as s2_memory_line() tells them. */
void s2_possible_newest(struct s2_possible *pos, struct s2_line *line);

struct s2_set s2_set_of(const struct s2_possible *pos, const struct s2_line *line);

/** Whether nothing has changed; of sets as s2_set_of() gives them, and what follows from them. */
static inline bool s2_set_equal(const struct s2_set *a, const struct s2_set *b)
{
	return a->none == b->none && a->same == b->same && a->stale == b->stale &&
	       a->under == b->under && a->alias == b->alias && a->nc == b->nc &&
	       a->dirty == b->dirty;
}

/** What the run of lines with this set looks like to patterns. @return 0 or -ENOMEM */
int s2_set_line(struct s2_possible *pos, const struct s2_set *set, struct s2_line *line);

/** What an agent may read. @return 0 or -ENOMEM */
int s2_set_view(struct s2_possible *pos, const struct s2_set *set, enum s2_agent agent,
		s2_versions *view);

/** What an operation makes of a set. */
typedef int s2_set_fn(struct s2_possible *pos, struct s2_set *set, uint32_t version);

s2_set_fn s2_set_write, s2_set_write_nc, s2_set_write_device, s2_set_fill, s2_set_clean,
	s2_set_clean_invalidate, s2_set_invalidate, s2_set_invalidate_issued, s2_set_same,
	s2_set_alias_on, s2_set_alias_off;

#endif
