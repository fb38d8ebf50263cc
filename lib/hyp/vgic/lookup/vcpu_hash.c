/* SPDX-License-Identifier: MIT */
/*
 * A lookup of ours: open addressing, linear probing, filled in index order.
 *
 * What a probe sequence passes before it reaches a vcpu was there when that
 * vcpu was put in, so it has a lower index.  Hence a hit costs at most one
 * probe for each vcpu that a scan would have visited, and a miss at most one
 * for each vcpu: for any set of MPIDRs, one step (the hash) more than the
 * scan.  Of duplicates the lowest index answers, as in the scan.
 *
 * Slots number at least twice the vcpus, two bytes each: 2 KiB for 512 vcpus,
 * so unlike KVM's table it always fits a page.  The first hash tried is twice
 * the id that KVM makes MPIDRs of, under which those of 0 to N - 1 never collide
 * and have a free slot after each, so that a miss ends at once too; if that
 * leaves long runs of full slots, some multipliers are tried and the best is
 * kept.
 */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/lookup/vcpu_index.h"
#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/state/gated.h"
#include "hyp/vgic/state/vcpu_tables.h"
#include "hyp/vgic/state/vgic.h"

#include <stdlib.h>
#include <string.h>

#define LONG_RUN 4U

/* 0: the default id.  The rest are odd constants of splitmix64 and Knuth. */
static const uint64_t multipliers[] = {
	0,
	UINT64_C(0x9e3779b97f4a7c15),
	UINT64_C(0xbf58476d1ce4e5b9),
	UINT64_C(0x94d049bb133111eb),
	UINT64_C(0x5851f42d4c957f2d),
};

void s2_vcpu_hash_drop(struct s2_vgic *vgic)
{
	free(vgic->hash.slot);
	vgic->hash.slot = NULL;
}

static void insert(const struct s2_vgic *vgic, struct s2_vcpu_hash *hash, unsigned index)
{
	const unsigned mask = (1U << hash->shift) - 1U;
	unsigned at = s2_hash_first_slot(hash, s2_mpidr(vgic->hwid[index]));

	for (; hash->slot[at] != S2_NO_VCPU; at = (at + 1U) & mask)
		if (vgic->hwid[hash->slot[at]] == vgic->hwid[index])
			return;
	hash->slot[at] = (uint16_t)index;
}

unsigned s2_hash_longest_run(const void *index, unsigned places, s2_hash_taken_fn taken)
{
	unsigned longest = 0;
	unsigned run = 0;

	for (unsigned i = 0; i < places; i++) {
		run = taken(index, i) ? run + 1U : 0;
		if (run > longest)
			longest = run;
	}
	return longest;
}

static bool is_full(const void *index, unsigned place)
{
	const struct s2_vcpu_hash *hash = index;

	return hash->slot[place] != S2_NO_VCPU;
}

static unsigned fill(const struct s2_vgic *vgic, void *index, uint64_t multiplier)
{
	struct s2_vcpu_hash *hash = index;

	hash->multiplier = multiplier;
	memset(hash->slot, 0xff, sizeof(*hash->slot) << hash->shift);
	for (unsigned i = 0; i < vgic->n_vcpus; i++)
		insert(vgic, hash, i);
	return s2_hash_longest_run(hash, 1U << hash->shift, is_full);
}

void s2_hash_fill_best(const struct s2_vgic *vgic, void *index, s2_hash_fill_fn fill_by)
{
	uint64_t last = multipliers[0];
	uint64_t best = last;
	unsigned best_run = fill_by(vgic, index, last);

	for (unsigned i = 1;
	     best_run > LONG_RUN && i < sizeof(multipliers) / sizeof(multipliers[0]); i++) {
		unsigned run;

		last = multipliers[i];
		run = fill_by(vgic, index, last);
		if (run < best_run) {
			best = last;
			best_run = run;
		}
	}
	if (last != best)
		fill_by(vgic, index, best);
}

/* Fills a hash aside: whoever looks meanwhile finds the old one, or none. */
static void hash_fill(struct s2_vgic *vgic, struct s2_vcpu_hash *hash)
{
	for (hash->shift = 1; 1U << hash->shift < 2U * vgic->n_vcpus;)
		hash->shift++;
	hash->slot = vgic->n_vcpus ? calloc(UINT64_C(1) << hash->shift, sizeof(*hash->slot)) : NULL;
	vgic->aside = hash->slot;
	s2_vgic_touch(vgic, "the vcpus' MPIDRs", false);
	if (hash->slot)
		s2_hash_fill_best(vgic, hash, fill);
}

static void hash_publish(struct s2_vgic *vgic)
{
	struct s2_vcpu_hash hash;

	hash_fill(vgic, &hash);
	s2_vgic_touch(vgic, "the hash", true);
	s2_vcpu_hash_drop(vgic);
	vgic->hash = hash;
	vgic->aside = NULL;
}

static void hash_build(struct s2_vgic *vgic)
{
	if (!vgic->hash.slot && vgic->n_vcpus)
		hash_publish(vgic);
}

/* The table is never stale: whoever changes vcpus or an MPIDR fills it again. */
static void hash_rebuild(struct s2_vgic *vgic)
{
	if (vgic->hash.slot)
		hash_publish(vgic);
}

static uint16_t hash_probe(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid)
{
	const struct s2_found found = s2_vcpu_hash_at(vgic, hwid);

	s2_step(cpu, S2_OP_MPIDR_GATHER, found.gathers);
	if (found.probes)
		s2_step(cpu, S2_OP_VCPU_PROBE, found.probes);
	return found.index;
}

static uint16_t hash_find(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid)
{
	return vgic->hash.slot ? hash_probe(vgic, cpu, hwid) : s2_vcpu_scan(vgic, cpu, hwid);
}

static uint16_t hash_fast(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid,
			  bool *sure)
{
	*sure = vgic->hash.slot != NULL;
	return *sure ? hash_probe(vgic, cpu, hwid) : S2_NO_VCPU;
}

static bool hash_exists(const struct s2_vgic *vgic)
{
	return vgic->hash.slot != NULL;
}

const struct s2_lookup_ops s2_lookup_hash_ops = {
	.build = hash_build,
	.vcpus_changed = hash_rebuild,
	.mpidr_changed = hash_rebuild,
	.find = hash_find,
	.find_fast = hash_fast,
	.has_index = hash_exists,
};
