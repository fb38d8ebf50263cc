/* SPDX-License-Identifier: MIT */
#include "machine/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool line_equal(const struct s2_line *a, const struct s2_line *b)
{
	return a->poc == b->poc && a->cache == b->cache && a->cached == b->cached &&
	       a->dirty == b->dirty;
}

static uint32_t hash_runs(const struct s2_line_run *runs, unsigned n)
{
	uint64_t h = n;

	for (unsigned i = 0; i < n; i++) {
		const struct s2_line *line = &runs[i].line;
		uint64_t word = (uint64_t)line->poc << 32 | line->cache;

		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
		h += (uint64_t)runs[i].end << 2 | (uint64_t)line->cached << 1 | line->dirty;
	}
	h *= UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(h >> 32);
}

static bool same_runs(const struct s2_pattern *p, const struct s2_line_run *runs, unsigned n)
{
	if (p->n_runs != n)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (p->runs[i].end != runs[i].end || !line_equal(&p->runs[i].line, &runs[i].line))
			return false;
	return true;
}

static void hash_insert(struct s2_patterns *pats, uint32_t id)
{
	uint32_t slot = pats->by_id[id]->hash & (pats->hash_size - 1);

	while (pats->hash[slot])
		slot = (slot + 1) & (pats->hash_size - 1);
	pats->hash[slot] = id + 1;
}

static int hash_grow(struct s2_patterns *pats)
{
	uint32_t size = pats->hash_size ? 2 * pats->hash_size : 64;
	uint32_t *hash = calloc(size, sizeof(*hash));

	if (!hash)
		return -ENOMEM;
	free(pats->hash);
	pats->bytes += (size - pats->hash_size) * sizeof(*hash);
	pats->hash = hash;
	pats->hash_size = size;
	for (uint32_t id = 0; id < pats->n_ids; id++)
		if (pats->by_id[id])
			hash_insert(pats, id);
	return 0;
}

static int ids_grow(struct s2_patterns *pats)
{
	uint32_t cap = pats->cap ? 2 * pats->cap : 32;
	struct s2_pattern **by_id = realloc(pats->by_id, cap * sizeof(struct s2_pattern *));

	if (!by_id)
		return -ENOMEM;
	pats->bytes += (cap - pats->cap) * sizeof(struct s2_pattern *);
	pats->by_id = by_id;
	pats->cap = cap;
	return 0;
}

static size_t pattern_bytes(unsigned n_runs)
{
	return sizeof(struct s2_pattern) + n_runs * sizeof(struct s2_line_run);
}

static struct s2_pattern *pattern_new(const struct s2_line_run *runs, unsigned n, uint32_t hash)
{
	struct s2_pattern *p = calloc(1, pattern_bytes(n));
	unsigned start = 0;

	if (!p)
		return NULL;
	p->hash = hash;
	p->n_runs = (uint16_t)n;
	memcpy(p->runs, runs, n * sizeof(*runs));
	for (unsigned i = 0; i < n; i++) {
		unsigned lines = runs[i].end - start;

		p->valid = (uint16_t)(p->valid + (runs[i].line.cached ? lines : 0));
		p->dirty = (uint16_t)(p->dirty + (runs[i].line.dirty ? lines : 0));
		start = runs[i].end;
	}
	return p;
}

static int add(struct s2_patterns *pats, const struct s2_line_run *runs, unsigned n, uint32_t hash,
	       uint32_t *id)
{
	uint32_t free_id = pats->lowest_free;
	struct s2_pattern *p;

	if (2 * (pats->live + 1) > pats->hash_size && hash_grow(pats))
		return -ENOMEM;
	while (free_id < pats->n_ids && pats->by_id[free_id])
		free_id++;
	if (free_id == pats->cap && ids_grow(pats))
		return -ENOMEM;
	p = pattern_new(runs, n, hash);
	if (!p)
		return -ENOMEM;
	pats->by_id[free_id] = p;
	pats->lowest_free = free_id + 1;
	if (free_id == pats->n_ids)
		pats->n_ids++;
	pats->live++;
	pats->bytes += pattern_bytes(n);
	hash_insert(pats, free_id);
	*id = free_id;
	return 0;
}

int s2_pattern_intern(struct s2_patterns *pats, const struct s2_line_run *runs, unsigned n,
		      uint32_t *id)
{
	uint32_t hash = hash_runs(runs, n);
	uint32_t slot = pats->hash_size ? hash & (pats->hash_size - 1) : 0;

	while (pats->hash_size && pats->hash[slot]) {
		uint32_t found = pats->hash[slot] - 1;
		const struct s2_pattern *p = pats->by_id[found];

		if (p->hash == hash && same_runs(p, runs, n)) {
			*id = found;
			return 0;
		}
		slot = (slot + 1) & (pats->hash_size - 1);
	}
	return add(pats, runs, n, hash, id);
}

int s2_patterns_init(struct s2_patterns *pats, unsigned line_shift, struct s2_line line)
{
	struct s2_line_run untouched = {.line = line, .end = 0};
	uint32_t id;

	memset(pats, 0, sizeof(*pats));
	pats->lines = 1U << (S2_FRAME_SHIFT - line_shift);
	untouched.end = (uint16_t)pats->lines;
	return s2_pattern_intern(pats, &untouched, 1, &id);
}

void s2_patterns_free(struct s2_patterns *pats)
{
	for (uint32_t i = 0; i < pats->n_ids; i++)
		free(pats->by_id[i]);
	free(pats->by_id);
	free(pats->hash);
}

void s2_patterns_sweep(struct s2_patterns *pats)
{
	pats->by_id[0]->marked = true;
	for (uint32_t id = pats->n_ids; id-- > 0;) {
		struct s2_pattern *p = pats->by_id[id];

		if (!p)
			continue;
		if (p->marked) {
			p->marked = false;
			continue;
		}
		pats->bytes -= pattern_bytes(p->n_runs);
		pats->by_id[id] = NULL;
		pats->lowest_free = id;
		pats->live--;
		free(p);
	}
	memset(pats->hash, 0, pats->hash_size * sizeof(*pats->hash));
	for (uint32_t id = 0; id < pats->n_ids; id++)
		if (pats->by_id[id])
			hash_insert(pats, id);
}

struct s2_line s2_pattern_line(const struct s2_pattern *pattern, unsigned index)
{
	unsigned run = 0;

	while (pattern->runs[run].end <= index)
		run++;
	return pattern->runs[run].line;
}
