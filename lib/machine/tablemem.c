/* SPDX-License-Identifier: MIT */
#include "machine/tablemem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/foreign.h>

#include "machine/slab.h"

#define SLAB_SHIFT S2_SLAB_SHIFT
#define SLAB_BYTES (UINT64_C(1) << SLAB_SHIFT)
/* A small VM's tables fit these; it must not cost a whole slab. */
#define FIRST_SLAB_PAGES 32U

struct s2_tablemem {
	struct s2_slab_directory dir; /* first: s2_tablemem_directory() */
	enum s2_allocator allocator;
	struct s2_arena_shelf shelf;
	uint32_t dir_cap;
	uint32_t lowest_free; /* no free directory index lies below */
	uint64_t live_pages;
	uint64_t held_bytes;
	uint64_t fail_after;
};

struct s2_table_pool {
	struct s2_tablemem *mem;
	struct s2_slab_source source;
	struct s2_slab *slabs; /* newest first; pages are cut from the newest */
	uint32_t free;	       /* number of the first free page, 0: none */
	uint64_t live_pages;
	struct {
		uint64_t pa, size;
		char *mem; /* NULL: there is none, pages lie wherever there is memory */
	} window;
};

int s2_tablemem_create(const struct s2_features *f, enum s2_allocator allocator,
		       struct s2_tablemem **out)
{
	struct s2_tablemem *mem;
	enum s2_allocator actual;
	int ret = s2_slab_allocator(allocator, &actual);

	if (ret)
		return ret;
	mem = calloc(1, sizeof(*mem));
	if (!mem)
		return -ENOMEM;
	mem->dir.page_shift = (uint8_t)f->granule;
	/*
	 * Table pages live in the upper half of the PA space, guests' memory
	 * below; within 48 bits, which every descriptor format can name.
	 */
	mem->dir.pa_base = UINT64_C(1) << ((f->pa_bits < 48 ? f->pa_bits : 48) - 1);
	mem->allocator = actual;
	mem->fail_after = UINT64_MAX;
	*out = mem;
	return 0;
}

void s2_tablemem_destroy(struct s2_tablemem *mem)
{
	if (!mem)
		return;
	s2_arena_shelf_free(&mem->shelf);
	free(mem->dir.slabs);
	free(mem->dir.mem);
	free(mem);
}

void s2_tablemem_usage(const struct s2_tablemem *mem, uint64_t *live, uint64_t *held)
{
	*live = mem->live_pages << mem->dir.page_shift;
	*held = mem->held_bytes;
}

uint64_t s2_tablemem_overhead(const struct s2_tablemem *mem)
{
	uint64_t bytes = mem->dir_cap * (sizeof(struct s2_slab *) + sizeof(char *));

	for (uint32_t i = 0; i < mem->dir.len; i++)
		if (mem->dir.slabs[i])
			bytes += sizeof(struct s2_slab) +
				 mem->dir.slabs[i]->n_pages * sizeof(struct s2_table);
	return bytes;
}

uint64_t s2_tablemem_base(const struct s2_tablemem *mem)
{
	return mem->dir.pa_base;
}

void s2_tablemem_fail_after(struct s2_tablemem *mem, uint64_t n)
{
	mem->fail_after = n;
}

struct s2_table *s2_tablemem_find(const struct s2_tablemem *mem, struct s2_pa pa)
{
	uint64_t index = (pa.v - mem->dir.pa_base) >> SLAB_SHIFT;
	struct s2_slab *slab;
	uint32_t page;

	if (pa.v < mem->dir.pa_base || index >= mem->dir.len || !mem->dir.slabs[index])
		return NULL;
	slab = mem->dir.slabs[index];
	page = (uint32_t)((pa.v & (SLAB_BYTES - 1)) >> mem->dir.page_shift);
	if (page >= slab->n_cut || !slab->tables[page].refs)
		return NULL;
	return &slab->tables[page];
}

static int directory_grow(struct s2_tablemem *mem, uint32_t cap)
{
	struct s2_slab **dir;
	char **slab_mem;

	dir = realloc(mem->dir.slabs, cap * sizeof(struct s2_slab *));
	if (!dir)
		return -ENOMEM;
	mem->dir.slabs = dir;
	slab_mem = realloc(mem->dir.mem, cap * sizeof(char *));
	if (!slab_mem)
		return -ENOMEM;
	mem->dir.mem = slab_mem;
	mem->dir_cap = cap;
	return 0;
}

/* @return a free index of the directory, or -ENOMEM. */
static int64_t directory_slot(struct s2_tablemem *mem)
{
	for (uint32_t i = mem->lowest_free; i < mem->dir.len; i++)
		if (!mem->dir.slabs[i])
			return i;
	/* The windows end with the upper half of the PA space, and with what can be numbered. */
	if (mem->dir.len >= mem->dir.pa_base >> SLAB_SHIFT ||
	    mem->dir.len >= UINT32_MAX >> (SLAB_SHIFT - mem->dir.page_shift))
		return -ENOMEM;
	if (mem->dir.len < mem->dir_cap)
		return mem->dir.len;
	if (directory_grow(mem, mem->dir_cap ? 2 * mem->dir_cap : 64))
		return -ENOMEM;
	return mem->dir.len;
}

static void directory_set(struct s2_tablemem *mem, uint32_t index, struct s2_slab *slab)
{
	mem->dir.slabs[index] = slab;
	mem->dir.mem[index] = slab->mem;
	mem->lowest_free = index + 1;
	if (index == mem->dir.len)
		mem->dir.len++;
}

static void directory_clear(struct s2_tablemem *mem, uint32_t index)
{
	mem->dir.slabs[index] = NULL;
	if (index < mem->lowest_free)
		mem->lowest_free = index;
}

static struct s2_slab *slab_create(struct s2_table_pool *pool, uint32_t n_pages)
{
	struct s2_tablemem *mem = pool->mem;
	int64_t index = directory_slot(mem);
	struct s2_slab *slab;

	if (index < 0)
		return NULL;
	slab = calloc(1, sizeof(*slab) + n_pages * sizeof(slab->tables[0]));
	if (!slab)
		return NULL;
	slab->bytes = (size_t)n_pages << mem->dir.page_shift;
	slab->mem = s2_slab_alloc(&pool->source, slab->bytes, &slab->from_arena);
	if (!slab->mem) {
		free(slab);
		return NULL;
	}
	slab->index = (uint32_t)index;
	slab->n_pages = n_pages;
	directory_set(mem, slab->index, slab);
	mem->held_bytes += slab->bytes;
	slab->next = pool->slabs;
	pool->slabs = slab;
	return slab;
}

int s2_table_pool_create(struct s2_tablemem *mem, struct s2_table_pool **out)
{
	struct s2_table_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	pool->mem = mem;
	pool->source.allocator = mem->allocator;
	pool->source.shelf = &mem->shelf;
	*out = pool;
	return 0;
}

uint64_t s2_table_pool_destroy(struct s2_table_pool *pool)
{
	struct s2_tablemem *mem = pool->mem;
	uint64_t live = pool->live_pages;
	struct s2_slab *slab, *next;

	for (slab = pool->slabs; slab; slab = next) {
		next = slab->next;
		directory_clear(mem, slab->index);
		if (!slab->lent)
			mem->held_bytes -= slab->bytes;
		if (!slab->from_arena && !slab->lent)
			s2_slab_free(&pool->source, slab->mem, slab->bytes);
		free(slab);
	}
	s2_slab_drop_arena(&pool->source);
	mem->live_pages -= live;
	free(pool);
	return live;
}

uint64_t s2_table_pool_live(const struct s2_table_pool *pool)
{
	return pool->live_pages;
}

void s2_table_pool_each_run(const struct s2_table_pool *pool,
			    void (*fn)(void *arg, uint64_t pa, uint64_t n), void *arg)
{
	for (const struct s2_slab *slab = pool->slabs; slab; slab = slab->next) {
		uint32_t end;

		for (uint32_t i = 0; i < slab->n_cut; i = end + 1) {
			for (end = i; end < slab->n_cut && slab->tables[end].refs;)
				end++;
			if (end > i)
				fn(arg, slab->tables[i].pa, end - i);
		}
	}
}

static bool may_allocate(struct s2_tablemem *mem, unsigned n)
{
	if (mem->fail_after < n)
		return false;
	if (mem->fail_after != UINT64_MAX)
		mem->fail_after -= n;
	return true;
}

static struct s2_table *cut(struct s2_table_pool *pool, struct s2_slab *slab)
{
	struct s2_tablemem *mem = pool->mem;
	uint32_t page = slab->n_cut++;
	struct s2_table *table = &slab->tables[page];
	size_t offset = (size_t)page << mem->dir.page_shift;

	table->entries = memset(slab->mem + offset, 0, (size_t)1 << mem->dir.page_shift);
	table->pa = mem->dir.pa_base + ((uint64_t)slab->index << SLAB_SHIFT) + offset;
	table->refs = 1;
	table->mixed = false;
	table->indexed = 0;
	pool->live_pages++;
	mem->live_pages++;
	return table;
}

static struct s2_slab *slab_with_room(struct s2_table_pool *pool, unsigned n)
{
	struct s2_slab *slab = pool->slabs;
	uint32_t full = (uint32_t)(SLAB_BYTES >> pool->mem->dir.page_shift);

	if (slab && slab->n_pages - slab->n_cut >= n)
		return slab;
	return slab_create(pool, slab ? full : FIRST_SLAB_PAGES);
}

struct s2_table *s2_table_alloc(struct s2_table_pool *pool)
{
	const struct s2_slab_directory *dir = &pool->mem->dir;
	struct s2_slab *slab;

	if (!may_allocate(pool->mem, 1))
		return NULL;
	if (pool->free) {
		struct s2_table *table =
			s2_tablemem_table(dir, s2_tablemem_numbered(dir, pool->free));

		pool->free = table->next_free;
		memset(table->entries, 0, (size_t)1 << pool->mem->dir.page_shift);
		table->refs = 1;
		table->mixed = false;
		table->indexed = 0;
		pool->live_pages++;
		pool->mem->live_pages++;
		return table;
	}
	slab = slab_with_room(pool, 1);
	return slab ? cut(pool, slab) : NULL;
}

struct s2_table *s2_table_alloc_contiguous(struct s2_table_pool *pool, unsigned n)
{
	struct s2_table *first;
	struct s2_slab *slab;

	if (!may_allocate(pool->mem, n))
		return NULL;
	/* Only a fresh slab is sure to be aligned; roots are made once a VM. */
	slab = pool->slabs ? slab_create(pool, FIRST_SLAB_PAGES) : slab_with_room(pool, n);
	if (!slab)
		return NULL;
	first = cut(pool, slab);
	for (unsigned i = 1; i < n; i++)
		cut(pool, slab);
	return first;
}

void s2_table_free(struct s2_table_pool *pool, struct s2_table *table)
{
	table->refs = 0;
	table->next_free = pool->free;
	pool->free = s2_tablemem_number(&pool->mem->dir, table->pa);
	pool->live_pages--;
	pool->mem->live_pages--;
}

/* ---- pages that are somebody else's ---- */

int s2_tablemem_be_foreign(struct s2_tablemem *mem)
{
	if (mem->dir.len || !mem->dir.pa_base)
		return -EBUSY;
	mem->dir.pa_base = 0;
	return 0;
}

/* Windows up to @index exist, those between without a slab. */
static int directory_reach(struct s2_tablemem *mem, uint32_t index)
{
	uint32_t cap = mem->dir_cap ? mem->dir_cap : 64;

	while (cap <= index)
		cap *= 2;
	if (cap > mem->dir_cap && directory_grow(mem, cap))
		return -ENOMEM;
	for (; mem->dir.len <= index; mem->dir.len++) {
		mem->dir.slabs[mem->dir.len] = NULL;
		mem->dir.mem[mem->dir.len] = NULL;
	}
	return 0;
}

void s2_table_pool_lend(struct s2_table_pool *pool, uint64_t pa, void *memory, uint64_t size)
{
	pool->window.pa = pa;
	pool->window.size = size;
	pool->window.mem = memory;
	pool->mem->dir.pa_base = pa; /* all pages lie in it */
}

bool s2_table_pool_reaches(const struct s2_table_pool *pool, uint64_t pa)
{
	if (pool->window.mem)
		return pa - pool->window.pa < pool->window.size;
	return !pool->mem->dir.len || !((pa - pool->mem->dir.pa_base) >> S2_FOREIGN_PA_BITS);
}

/* @return whether there is memory for all of @slab's pages */
static bool foreign_memory(struct s2_table_pool *pool, struct s2_slab *slab)
{
	slab->bytes = SLAB_BYTES;
	if (pool->window.mem) {
		slab->lent = true;
		slab->mem = pool->window.mem + ((uint64_t)slab->index << SLAB_SHIFT);
		return true;
	}
	slab->mem = s2_slab_alloc(&pool->source, slab->bytes, &slab->from_arena);
	if (slab->mem)
		pool->mem->held_bytes += slab->bytes;
	return slab->mem;
}

/* A whole window, no page of which lives yet. */
static struct s2_slab *foreign_window(struct s2_table_pool *pool, uint32_t index)
{
	struct s2_tablemem *mem = pool->mem;
	const uint32_t n_pages = (uint32_t)(SLAB_BYTES >> mem->dir.page_shift);
	struct s2_slab *slab;

	if (directory_reach(mem, index))
		return NULL;
	slab = calloc(1, sizeof(*slab) + n_pages * sizeof(slab->tables[0]));
	if (!slab)
		return NULL;
	slab->index = index;
	if (!foreign_memory(pool, slab)) {
		free(slab);
		return NULL;
	}
	slab->n_pages = slab->n_cut = n_pages;
	for (uint32_t i = 0; i < n_pages; i++) {
		slab->tables[i].entries =
			(s2_pte *)(void *)(slab->mem + ((size_t)i << mem->dir.page_shift));
		slab->tables[i].pa = mem->dir.pa_base + ((uint64_t)index << SLAB_SHIFT) +
				     ((uint64_t)i << mem->dir.page_shift);
	}
	mem->dir.slabs[index] = slab;
	mem->dir.mem[index] = slab->mem;
	slab->next = pool->slabs;
	pool->slabs = slab;
	return slab;
}

struct s2_table *s2_table_adopt(struct s2_table_pool *pool, uint64_t pa)
{
	struct s2_tablemem *mem = pool->mem;
	struct s2_slab *slab;
	struct s2_table *table;
	uint32_t index;

	if (!mem->dir.len && !pool->window.mem)
		mem->dir.pa_base = pa >> S2_FOREIGN_PA_BITS << S2_FOREIGN_PA_BITS;
	index = (uint32_t)((pa - mem->dir.pa_base) >> SLAB_SHIFT);
	slab = index < mem->dir.len ? mem->dir.slabs[index] : NULL;
	if (!slab)
		slab = foreign_window(pool, index);
	if (!slab)
		return NULL;
	table = &slab->tables[(pa & (SLAB_BYTES - 1)) >> mem->dir.page_shift];
	if (table->refs)
		return table;
	memset(table->entries, 0, (size_t)1 << mem->dir.page_shift);
	table->refs = 1;
	table->mixed = true; /* for good: it has lived */
	pool->live_pages++;
	mem->live_pages++;
	return table;
}

bool s2_tablemem_was_adopted(const struct s2_tablemem *mem, uint64_t pa)
{
	const uint64_t index = (pa - mem->dir.pa_base) >> SLAB_SHIFT;

	return index < mem->dir.len && mem->dir.slabs[index] &&
	       mem->dir.slabs[index]->tables[(pa & (SLAB_BYTES - 1)) >> mem->dir.page_shift].mixed;
}

void s2_table_disown(struct s2_table_pool *pool, struct s2_table *table)
{
	table->refs = 0;
	pool->live_pages--;
	pool->mem->live_pages--;
}
