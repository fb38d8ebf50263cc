/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What is in an index of vcpus for an MPIDR, and what it took to find it.
 *
 * One look each into KVM's table, the hash and the rows, without counting it:
 * the lookups count it, and so does the short way of an SGI that merges.
 */
#ifndef S2_HYP_VCPU_INDEX_H
#define S2_HYP_VCPU_INDEX_H

#include "hyp/vgic/state/vcpu_tables.h"
#include "hyp/vgic/state/vgic.h"

struct s2_found {
	uint16_t index; /* or S2_NO_VCPU */
	unsigned gathers;
	unsigned probes;
};

/* One access to the table, which must be there, and one compare. */
static inline struct s2_found s2_mpidr_table_at(const struct s2_vgic *vgic, struct s2_mpidr hwid)
{
	const struct s2_mpidr_table *table = &vgic->table;
	struct s2_found found = {table->entry[s2_mpidr_index(&table->gather, hwid)],
				 table->gather.bits, 1};

	/* A stale table may name a vcpu that has been taken back since. */
	if (found.index >= vgic->n_vcpus || vgic->hwid[found.index] != hwid.v)
		found.index = S2_NO_VCPU;
	return found;
}

/* Where the bits of a default MPIDR's id are (Aff3 is put on top of them). */
#define S2_HASH_ID_AFF1 S2_BITS(11, 4)
#define S2_HASH_ID_AFF2 S2_BITS(19, 12)
#define S2_HASH_ID_AFF3 S2_BITS(27, 20)

static inline uint64_t s2_hash_default_id(struct s2_mpidr m)
{
	return s2_field_get(m.v, S2_MPIDR_AFF0) +
	       s2_field_put(s2_field_get(m.v, S2_MPIDR_AFF1), S2_HASH_ID_AFF1) +
	       s2_field_put(s2_field_get(m.v, S2_MPIDR_AFF2), S2_HASH_ID_AFF2) +
	       s2_field_put(s2_field_get(m.v, S2_MPIDR_AFF3), S2_HASH_ID_AFF3);
}

/* Even slots first; ids beyond half of the 1 << shift slots go to the odd ones. */
static inline unsigned s2_hash_spread(uint64_t id, unsigned shift)
{
	return (unsigned)(2U * id + (id >> (shift - 1U))) & ((1U << shift) - 1U);
}

static inline unsigned s2_hash_multiply(uint64_t key, uint64_t multiplier, unsigned shift)
{
	return (unsigned)((key * multiplier) >> (64U - shift));
}

static inline unsigned s2_hash_first_slot(const struct s2_vcpu_hash *hash, struct s2_mpidr m)
{
	return hash->multiplier ? s2_hash_multiply(m.v, hash->multiplier, hash->shift)
				: s2_hash_spread(s2_hash_default_id(m), hash->shift);
}

/* Fills an index anew. @return its longest run of full slots */
typedef unsigned (*s2_hash_fill_fn)(const struct s2_vgic *vgic, void *index, uint64_t multiplier);
/* Fills it with the multiplier (0: none) that leaves the shortest, or one that will do. */
void s2_hash_fill_best(const struct s2_vgic *vgic, void *index, s2_hash_fill_fn fill);
/** Whether place @p place of an index has someone. */
typedef bool (*s2_hash_taken_fn)(const void *index, unsigned place);
/** The longest run of taken places, which bounds hits and misses; one that wraps counts as two. */
unsigned s2_hash_longest_run(const void *index, unsigned places, s2_hash_taken_fn taken);

/* Goes along the probe sequence of @hwid; the hash must be there. */
static inline struct s2_found s2_vcpu_hash_at(const struct s2_vgic *vgic, struct s2_mpidr hwid)
{
	const struct s2_vcpu_hash *hash = &vgic->hash;
	const unsigned mask = (1U << hash->shift) - 1U;
	unsigned at = s2_hash_first_slot(hash, hwid);
	struct s2_found found = {S2_NO_VCPU, 1, 0};

	for (; hash->slot[at] != S2_NO_VCPU; at = (at + 1U) & mask) {
		found.probes++;
		if (vgic->hwid[hash->slot[at]] == hwid.v) {
			found.index = hash->slot[at];
			break;
		}
	}
	return found;
}

/* Aff1 and Aff2 are adjacent: rows of default MPIDRs never collide. */
#define S2_ROW_KEY_LOW	(S2_MPIDR_AFF2 | S2_MPIDR_AFF1)
#define S2_ROW_KEY_AFF0 S2_BITS(7, 4)

static inline unsigned s2_cluster_row_first(const struct s2_cluster_rows *rows, uint64_t key)
{
	const uint64_t id = s2_field_get(key, S2_ROW_KEY_LOW) ^
			    s2_field_get(key, S2_MPIDR_AFF3) * 31U ^
			    s2_field_get(key, S2_ROW_KEY_AFF0) * 17U;

	return rows->multiplier ? s2_hash_multiply(key, rows->multiplier, rows->shift)
				: s2_hash_spread(id, rows->shift);
}

/* The row of @key, or the free one where it would be. */
static inline struct s2_cluster_row *s2_cluster_row_at(const struct s2_cluster_rows *rows,
						       uint64_t key, unsigned *probes)
{
	const unsigned mask = (1U << rows->shift) - 1U;
	unsigned at = s2_cluster_row_first(rows, key);

	*probes = 0;
	for (; rows->row[at].key != S2_FREE_ROW; at = (at + 1U) & mask) {
		++*probes;
		if (rows->row[at].key == key)
			break;
	}
	return &rows->row[at];
}

#endif
