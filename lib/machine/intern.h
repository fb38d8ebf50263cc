/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Interned records: equal ones are one, so that a record is a number.
 *
 *   id --> [ word 0 | word 1 | ... ]    all of a table's have the same length
 *
 * Who uses a table marks what is still in use, then sweeps the rest.
 */
#ifndef S2_MACHINE_INTERN_H
#define S2_MACHINE_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct s2_intern {
	uint32_t words; /**< in a record */
	uint32_t n, cap, live, lowest_free;
	uint32_t *records;
	uint8_t *use;	/**< 0 free, 1 in use, 2 marked */
	uint32_t *hash; /**< of ids + 1, open addressing; size a power of 2 */
	uint32_t hash_size;
};

void s2_intern_free(struct s2_intern *t);

/** The id of @p record. @return 0 or -ENOMEM */
int s2_intern_get(struct s2_intern *t, const uint32_t *record, uint32_t *id);

/** @return whether it was not marked before */
static inline bool s2_intern_mark(struct s2_intern *t, uint32_t id)
{
	const bool first = t->use[id] == 1;

	t->use[id] = 2;
	return first;
}

/** Frees what is not marked, and clears the marks. */
void s2_intern_sweep(struct s2_intern *t);

static inline const uint32_t *s2_intern_record(const struct s2_intern *t, uint32_t id)
{
	return &t->records[(size_t)id * t->words];
}

uint64_t s2_intern_bytes(const struct s2_intern *t);

#endif
