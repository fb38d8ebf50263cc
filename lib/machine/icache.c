/* SPDX-License-Identifier: MIT */
/*
 * I-caches as far as stale instructions need them: the lines that a CPU has
 * fetched since they were last invalidated, in one open-addressing table.
 * Lines leave by invalidation only: an eviction could hide a stale one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine/mem.h"

struct fetched {
	uint64_t key; /* line and CPU, + 1; 0 where there is none */
	uint32_t version;
	uint32_t cpu_generation;
};

struct s2_icache {
	unsigned n_cpus;
	size_t size, used;
	struct fetched *table;
	uint32_t generation[]; /* of each CPU: what it fetched before is gone */
};

#define CPU_BITS 12 /* S2_MAX_CPUS */

int s2_icache_create(unsigned cpus, struct s2_icache **out)
{
	struct s2_icache *icache = calloc(1, sizeof(*icache) + cpus * sizeof(uint32_t));

	if (!icache)
		return -ENOMEM;
	icache->n_cpus = cpus;
	*out = icache;
	return 0;
}

bool s2_icache_has_cpu(const struct s2_icache *icache, unsigned cpu)
{
	return cpu < icache->n_cpus;
}

void s2_icache_destroy(struct s2_icache *icache)
{
	if (icache)
		free(icache->table);
	free(icache);
}

static uint64_t key_of(unsigned cpu, uint64_t line)
{
	return (line << CPU_BITS | cpu) + 1;
}

/* The place of @key, or the free one where it would go. */
static struct fetched *slot_of(const struct s2_icache *icache, uint64_t key)
{
	size_t i = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (icache->size - 1);

	while (icache->table[i].key && icache->table[i].key != key)
		i = (i + 1) & (icache->size - 1);
	return &icache->table[i];
}

static bool is_live(const struct s2_icache *icache, const struct fetched *f)
{
	unsigned cpu = (unsigned)((f->key - 1) & ((1U << CPU_BITS) - 1));

	return f->key && f->cpu_generation == icache->generation[cpu];
}

bool s2_icache_find(const struct s2_icache *icache, unsigned cpu, uint64_t line, uint32_t *version)
{
	const struct fetched *f;

	if (!icache->used)
		return false;
	f = slot_of(icache, key_of(cpu, line));
	if (!is_live(icache, f))
		return false;
	*version = f->version;
	return true;
}

/* A larger table, without what has been invalidated. */
static int rebuild(struct s2_icache *icache)
{
	struct fetched *old = icache->table;
	size_t old_size = icache->size, live = 0;

	for (size_t i = 0; i < old_size; i++)
		live += is_live(icache, &old[i]);
	icache->size = 64;
	while (icache->size < 4 * (live + 1))
		icache->size *= 2;
	icache->table = calloc(icache->size, sizeof(*icache->table));
	if (!icache->table) {
		icache->table = old;
		icache->size = old_size;
		return -ENOMEM;
	}
	icache->used = live;
	for (size_t i = 0; i < old_size; i++)
		if (is_live(icache, &old[i]))
			*slot_of(icache, old[i].key) = old[i];
	free(old);
	return 0;
}

void s2_icache_each(const struct s2_icache *icache, void (*fn)(void *arg, uint32_t version),
		    void *arg)
{
	for (size_t i = 0; i < icache->size; i++)
		if (is_live(icache, &icache->table[i]))
			fn(arg, icache->table[i].version);
}

int s2_icache_fill(struct s2_icache *icache, unsigned cpu, uint64_t line, uint32_t version)
{
	struct fetched *f;

	if (2 * (icache->used + 1) > icache->size) {
		int ret = rebuild(icache);

		if (ret)
			return ret;
	}
	f = slot_of(icache, key_of(cpu, line));
	icache->used += !f->key;
	f->key = key_of(cpu, line);
	f->version = version;
	f->cpu_generation = icache->generation[cpu];
	return 0;
}

bool s2_icache_is_empty(const struct s2_icache *icache)
{
	return !icache->used;
}

void s2_icache_inval_lines(struct s2_icache *icache, uint64_t first, uint64_t n)
{
	for (size_t i = 0; icache->used && i < icache->size; i++) {
		struct fetched *f = &icache->table[i];

		/* Marked stale in place: a hole would break the chains of others. */
		if (f->key && ((f->key - 1) >> CPU_BITS) - first < n)
			f->cpu_generation =
				icache->generation[(f->key - 1) & ((1U << CPU_BITS) - 1)] - 1;
	}
}

void s2_icache_inval_cpu(struct s2_icache *icache, unsigned cpu)
{
	for (unsigned i = 0; i < icache->n_cpus; i++)
		if (cpu == S2_MEMORY_ALL_CPUS || i == cpu)
			icache->generation[i]++;
}
