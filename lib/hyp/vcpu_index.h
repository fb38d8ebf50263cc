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

#include "hyp/vgic.h"

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

static inline unsigned s2_hash_first_slot(const struct s2_vcpu_hash *hash, struct s2_mpidr m)
{
	const unsigned mask = (1U << hash->shift) - 1U;

	if (!hash->multiplier) {
		const uint64_t id = s2_hash_default_id(m);

		/* Even slots first; ids beyond half the slots go to the odd ones. */
		return (unsigned)(2U * id + (id >> (hash->shift - 1U))) & mask;
	}
	return (unsigned)((m.v * hash->multiplier) >> (64U - hash->shift)) & mask;
}

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

#define S2_FREE_ROW S2_ADDR_UNDEF

/* Aff1 and Aff2 are adjacent: default MPIDRs never collide. */
#define S2_ROW_KEY_LOW	(S2_MPIDR_AFF2 | S2_MPIDR_AFF1)
#define S2_ROW_KEY_AFF0 S2_BITS(7, 4)

static inline unsigned s2_cluster_row_first(const struct s2_cluster_rows *rows, uint64_t key)
{
	const uint64_t hash = s2_field_get(key, S2_ROW_KEY_LOW) ^
			      s2_field_get(key, S2_MPIDR_AFF3) * 31U ^
			      s2_field_get(key, S2_ROW_KEY_AFF0) * 17U;

	return (unsigned)hash & ((1U << rows->shift) - 1U);
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
