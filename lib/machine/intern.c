/* SPDX-License-Identifier: MIT */
#include "machine/intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash_record(const struct s2_intern *t, const uint32_t *record)
{
	uint64_t h = t->words;

	for (uint32_t i = 0; i < t->words; i++) {
		h = (h ^ record[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	h *= UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(h >> 32);
}

static void put(struct s2_intern *t, uint32_t id)
{
	uint32_t slot = hash_record(t, s2_intern_record(t, id)) & (t->hash_size - 1);

	while (t->hash[slot])
		slot = (slot + 1) & (t->hash_size - 1);
	t->hash[slot] = id + 1;
}

static void put_all(struct s2_intern *t)
{
	for (uint32_t id = 0; id < t->n; id++)
		if (t->use[id])
			put(t, id);
}

static int grow_hash(struct s2_intern *t)
{
	const uint32_t size = t->hash_size ? 2 * t->hash_size : 64;
	uint32_t *hash = calloc(size, sizeof(*hash));

	if (!hash)
		return -ENOMEM;
	free(t->hash);
	t->hash = hash;
	t->hash_size = size;
	put_all(t);
	return 0;
}

static int grow_records(struct s2_intern *t)
{
	const uint32_t cap = t->cap ? 2 * t->cap : 32;
	uint32_t *records = realloc(t->records, (size_t)cap * t->words * sizeof(*records));
	uint8_t *use;

	if (!records)
		return -ENOMEM;
	t->records = records;
	use = realloc(t->use, cap);
	if (!use)
		return -ENOMEM;
	t->use = use;
	t->cap = cap;
	return 0;
}

static int add(struct s2_intern *t, const uint32_t *record, uint32_t *id)
{
	uint32_t at = t->lowest_free;

	if (2 * (t->live + 1) > t->hash_size && grow_hash(t))
		return -ENOMEM;
	while (at < t->n && t->use[at])
		at++;
	if (at == t->cap && grow_records(t))
		return -ENOMEM;
	memcpy(&t->records[(size_t)at * t->words], record, t->words * sizeof(*record));
	t->use[at] = 1;
	t->lowest_free = at + 1;
	if (at == t->n)
		t->n++;
	t->live++;
	put(t, at);
	*id = at;
	return 0;
}

int s2_intern_get(struct s2_intern *t, const uint32_t *record, uint32_t *id)
{
	uint32_t slot = t->hash_size ? hash_record(t, record) & (t->hash_size - 1) : 0;

	while (t->hash_size && t->hash[slot]) {
		const uint32_t found = t->hash[slot] - 1;

		if (!memcmp(s2_intern_record(t, found), record, t->words * sizeof(*record))) {
			*id = found;
			return 0;
		}
		slot = (slot + 1) & (t->hash_size - 1);
	}
	return add(t, record, id);
}

void s2_intern_sweep(struct s2_intern *t)
{
	t->lowest_free = t->n;
	for (uint32_t id = t->n; id-- > 0;) {
		if (t->use[id] == 1)
			t->live--;
		t->use[id] = t->use[id] == 2;
		if (!t->use[id])
			t->lowest_free = id;
	}
	memset(t->hash, 0, t->hash_size * sizeof(*t->hash));
	put_all(t);
}

void s2_intern_free(struct s2_intern *t)
{
	free(t->records);
	free(t->use);
	free(t->hash);
}

uint64_t s2_intern_bytes(const struct s2_intern *t)
{
	return (uint64_t)t->cap * (t->words * sizeof(*t->records) + 1) +
	       t->hash_size * sizeof(*t->hash);
}
