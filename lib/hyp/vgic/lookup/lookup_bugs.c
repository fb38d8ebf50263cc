/* SPDX-License-Identifier: MIT */
/* Look-ups that are wrong, each KVM's table with one thing changed; no policy has one. */
#include "hyp/vgic/lookup/vcpu_index.h"
#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/state/vgic.h"

static uint16_t entry_of(const struct s2_vgic *vgic, struct s2_mpidr hwid)
{
	return vgic->table.entry[s2_mpidr_index(&vgic->table.gather, hwid)];
}

static uint16_t if_it_is(const struct s2_vgic *vgic, unsigned index, struct s2_mpidr hwid)
{
	return index < vgic->n_vcpus && vgic->hwid[index] == hwid.v ? (uint16_t)index : S2_NO_VCPU;
}

/* A hole answers with index 0, an alias with another. */
static uint16_t no_compare(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid)
{
	return vgic->table.entry ? entry_of(vgic, hwid) : s2_vcpu_scan(vgic, cpu, hwid);
}

static uint16_t narrow(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid)
{
	if (!vgic->table.entry)
		return s2_vcpu_scan(vgic, cpu, hwid);
	return if_it_is(vgic, entry_of(vgic, hwid) & UINT8_MAX, hwid);
}

static uint16_t ids(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid)
{
	if (!vgic->table.entry)
		return s2_vcpu_scan(vgic, cpu, hwid);
	return if_it_is(vgic, vgic->vcpu[entry_of(vgic, hwid)]->id, hwid);
}

/* Bits 31:24, which are no affinity: 0 but for RES1, U and MT. */
static uint16_t aff3_at_24(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid)
{
	const uint64_t aff3 = s2_field_get(hwid.v, S2_MPIDR_AFF3);

	(void)cpu;
	for (unsigned i = 0; i < vgic->n_vcpus; i++)
		if (!((vgic->hwid[i] ^ hwid.v) & S2_BITS(23, 0)) &&
		    s2_field_get(vgic->hwid[i], S2_BITS(31, 24)) == aff3)
			return (uint16_t)i;
	return S2_NO_VCPU;
}

/* Built and dropped as KVM's table is; nothing is found but by find. */
static uint16_t never_fast(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid,
			   bool *sure)
{
	*sure = true;
	return vgic->lookup->find(vgic, cpu, hwid);
}

static void build(struct s2_vgic *vgic)
{
	s2_lookup_table_ops.build(vgic);
}

static void drop(struct s2_vgic *vgic)
{
	s2_mpidr_table_drop(vgic);
}

#define OPS(how) {.build = build, .vcpus_changed = drop, .find = (how), .find_fast = never_fast}

const struct s2_lookup_ops *s2_lookup_bug_ops(enum s2_bug bug)
{
	static const struct s2_lookup_ops compare = OPS(no_compare), width = OPS(narrow),
					  id = OPS(ids), aff3 = OPS(aff3_at_24);

	switch (bug) {
	case S2_BUG_LOOKUP_NO_COMPARE:
		return &compare;
	case S2_BUG_LOOKUP_NARROW:
		return &width;
	case S2_BUG_LOOKUP_IDS:
		return &id;
	case S2_BUG_LOOKUP_AFF3_AT_24:
		return &aff3;
	default:
		return NULL;
	}
}
