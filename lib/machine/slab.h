/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Where slabs come from: plain C allocation or a jemalloc arena.
 *
 * A source belongs to one pool; an arena is taken only when the pool has
 * grown past S2_ARENA_SLABS slabs and goes back to the shelf with the pool.
 */
#ifndef S2_MACHINE_SLAB_H
#define S2_MACHINE_SLAB_H

#include <stage2sim/machine.h>

/** Slabs that a pool takes from the common heap before it gets an arena. */
#define S2_ARENA_SLABS 8

/** Arenas that lie idle, of one machine. */
struct s2_arena_shelf {
	unsigned *idle;
	size_t n, cap;
};

struct s2_slab_source {
	enum s2_allocator allocator;
	struct s2_arena_shelf *shelf;
	unsigned arena; /**< valid if has_arena */
	bool has_arena;
	size_t n_slabs;
};

/** The allocator that @p wanted stands for here. @return 0 or -EOPNOTSUPP. */
int s2_slab_allocator(enum s2_allocator wanted, enum s2_allocator *actual);

/** Memory as it comes, or NULL: pages are zeroed as they are cut, when they are used next. @param from_arena tells s2_slab_free() how to give it back */
void *s2_slab_alloc(struct s2_slab_source *src, size_t bytes, bool *from_arena);

/** Gives back a slab that did not come from the arena. */
void s2_slab_free(struct s2_slab_source *src, void *mem, size_t bytes);

/** Gives back all slabs of the arena in one call, and the arena to the shelf. */
void s2_slab_drop_arena(struct s2_slab_source *src);

void s2_arena_shelf_free(struct s2_arena_shelf *shelf);

#endif
