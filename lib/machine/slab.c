/* SPDX-License-Identifier: MIT */
#include "machine/slab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#ifdef S2_HAVE_JEMALLOC
#include <jemalloc/jemalloc.h>

int s2_slab_allocator(enum s2_allocator wanted, enum s2_allocator *actual)
{
	*actual = wanted == S2_ALLOCATOR_LIBC ? S2_ALLOCATOR_LIBC : S2_ALLOCATOR_JEMALLOC;
	return 0;
}

/* What a VM leaves the next one uses: the first touch of a page is what costs. */
static void keep_memory(unsigned arena)
{
	ssize_t never = -1;
	char name[48];

	snprintf(name, sizeof(name), "arena.%u.dirty_decay_ms", arena);
	mallctl(name, NULL, NULL, &never, sizeof(never));
}

/* An arena of our own keeps slabs together and lets a pool be dropped at once. */
static void take_arena(struct s2_slab_source *src)
{
	struct s2_arena_shelf *shelf = src->shelf;
	size_t len = sizeof(src->arena);

	if (shelf->n) {
		src->arena = shelf->idle[--shelf->n];
		src->has_arena = true;
		return;
	}
	src->has_arena = !mallctl("arenas.create", &src->arena, &len, NULL, 0);
	if (src->has_arena)
		keep_memory(src->arena);
}

static void *jemalloc_slab(struct s2_slab_source *src, size_t bytes, bool *from_arena)
{
	int flags = MALLOCX_TCACHE_NONE;

	if (!src->has_arena && src->n_slabs >= S2_ARENA_SLABS)
		take_arena(src);
	*from_arena = src->has_arena;
	if (src->has_arena)
		flags |= MALLOCX_ARENA(src->arena);
	return mallocx(bytes, flags);
}

void s2_slab_drop_arena(struct s2_slab_source *src)
{
	struct s2_arena_shelf *shelf = src->shelf;
	char name[48];

	if (!src->has_arena)
		return;
	snprintf(name, sizeof(name), "arena.%u.reset", src->arena);
	mallctl(name, NULL, NULL, NULL, 0);
	if (shelf->n == shelf->cap) {
		size_t cap = shelf->cap ? 2 * shelf->cap : 16;
		unsigned *idle = realloc(shelf->idle, cap * sizeof(*idle));

		/* Without room on the shelf the empty arena is forgotten; it holds nothing. */
		if (!idle)
			return;
		shelf->idle = idle;
		shelf->cap = cap;
	}
	shelf->idle[shelf->n++] = src->arena;
	src->has_arena = false;
}

static void jemalloc_free(void *mem)
{
	dallocx(mem, MALLOCX_TCACHE_NONE);
}

/* A destroyed arena's number can be had again; an idle one would be lost to the process. */
static void destroy_arena(unsigned arena)
{
	char name[48];

	snprintf(name, sizeof(name), "arena.%u.destroy", arena);
	mallctl(name, NULL, NULL, NULL, 0);
}
#else
int s2_slab_allocator(enum s2_allocator wanted, enum s2_allocator *actual)
{
	if (wanted == S2_ALLOCATOR_JEMALLOC)
		return -EOPNOTSUPP;
	*actual = S2_ALLOCATOR_LIBC;
	return 0;
}

static void *jemalloc_slab(struct s2_slab_source *src, size_t bytes, bool *from_arena)
{
	(void)src;
	(void)bytes;
	(void)from_arena;
	return NULL;
}

void s2_slab_drop_arena(struct s2_slab_source *src)
{
	(void)src;
}

static void jemalloc_free(void *mem)
{
	(void)mem;
}

static void destroy_arena(unsigned arena)
{
	(void)arena;
}
#endif

void *s2_slab_alloc(struct s2_slab_source *src, size_t bytes, bool *from_arena)
{
	void *mem;

	*from_arena = false;
	if (src->allocator == S2_ALLOCATOR_JEMALLOC)
		mem = jemalloc_slab(src, bytes, from_arena);
	else
		mem = malloc(bytes);
	if (mem)
		src->n_slabs++;
	return mem;
}

void s2_slab_free(struct s2_slab_source *src, void *mem, size_t bytes)
{
	(void)bytes;
	if (src->allocator == S2_ALLOCATOR_JEMALLOC)
		jemalloc_free(mem);
	else
		free(mem);
}

void s2_arena_shelf_free(struct s2_arena_shelf *shelf)
{
	for (size_t i = 0; i < shelf->n; i++)
		destroy_arena(shelf->idle[i]);
	free(shelf->idle);
	shelf->idle = NULL;
	shelf->n = shelf->cap = 0;
}
