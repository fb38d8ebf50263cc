/* SPDX-License-Identifier: MIT */
/*
 * A write that names one vcpu, which is what operating systems send: one look
 * into the index, then the interrupt, without a list to go through.
 *
 * Its steps are those of the dispatch in force, in that order.  A write that
 * turns out to be another, or a target that the index does not have, goes the
 * long way, nothing having been counted.  tests/hyp/vgic/test_sgi_one.c holds both
 * ways against each other.
 */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/state/locks.h"
#include "hyp/vgic/sgi/sgi_dispatch.h"
#include "hyp/vgic/sgi/sgi_queue.h"
#include "hyp/vgic/lookup/vcpu_index.h"
#include "hyp/vgic/state/vcpu_set.h"
#include "hyp/vgic/state/vcpu_tables.h"
#include "hyp/vgic/state/vgic.h"

typedef struct s2_found (*find_fn)(const struct s2_vgic *vgic, struct s2_mpidr hwid);

static inline bool names_one(uint64_t value)
{
	const uint64_t targets = value & S2_SGI_TARGETS;

	return targets && !(targets & (targets - 1U)) && !(value & S2_SGI_IRM);
}

static inline struct s2_mpidr target_of(uint64_t value)
{
	const struct s2_sgi sgi = s2_sgi_decode(value);

	return s2_mpidr(s2_sgi_cluster(&sgi, false).v | s2_lowest_bit(value & S2_SGI_TARGETS));
}

/* @return whether @value was such a write, and so is done */
static inline bool send_one(struct s2_vgic *vgic, struct s2_cpu *cpu, enum s2_sgi_reg reg,
			    uint64_t value, find_fn find)
{
	struct s2_found found;
	struct s2_irq *irq;

	if (!names_one(value) || reg != S2_ICC_SGI1R || !vgic->initialised || cpu->observed)
		return false;
	found = find(vgic, target_of(value));
	if (found.index == S2_NO_VCPU)
		return false;
	irq = s2_vgic_sgi(vgic, found.index, (uint32_t)s2_field_get(value, S2_SGI_INTID));
	s2_step(cpu, S2_OP_MPIDR_GATHER, found.gathers);
	s2_step(cpu, S2_OP_VCPU_PROBE, found.probes);
	s2_lock_irq(vgic, cpu, irq);
	s2_sgi_raise(vgic, cpu, irq);
	s2_step(cpu, S2_OP_SGI_QUEUE, 1);
	return true;
}

static inline struct s2_found row_at(const struct s2_vgic *vgic, struct s2_mpidr hwid)
{
	struct s2_found found = {S2_NO_VCPU, 1, 0};
	const struct s2_cluster_row *row =
		s2_cluster_row_at(&vgic->rows, hwid.v & S2_MPIDR_CLUSTER, &found.probes);

	if (row->key != S2_FREE_ROW)
		found.index = row->vcpu[hwid.v & ~S2_MPIDR_CLUSTER];
	return found;
}

/* @param built whether there is an index for @find to look into */
static inline int send_by(struct s2_vgic_cpu *sender, struct s2_cpu *cpu, enum s2_sgi_reg reg,
			  uint64_t value, bool built, find_fn find)
{
	if (built && send_one(sender->vgic, cpu, reg, value, find))
		return 0;
	return s2_sgi_send(sender, cpu, reg, value);
}

static int send_by_table(struct s2_vgic_cpu *sender, struct s2_cpu *cpu, enum s2_sgi_reg reg,
			 uint64_t value)
{
	return send_by(sender, cpu, reg, value, sender->vgic->table.entry, s2_mpidr_table_at);
}

static int send_by_hash(struct s2_vgic_cpu *sender, struct s2_cpu *cpu, enum s2_sgi_reg reg,
			uint64_t value)
{
	return send_by(sender, cpu, reg, value, sender->vgic->hash.slot, s2_vcpu_hash_at);
}

static int send_by_rows(struct s2_vgic_cpu *sender, struct s2_cpu *cpu, enum s2_sgi_reg reg,
			uint64_t value)
{
	return send_by(sender, cpu, reg, value, sender->vgic->rows.row, row_at);
}

s2_sgi_send_fn s2_sgi_send_for(const struct s2_vgic_config *cfg)
{
	static const s2_sgi_send_fn by_lookup[S2_LOOKUPS] = {
		[S2_LOOKUP_SCAN] = s2_sgi_send,
		[S2_LOOKUP_TABLE_FINAL] = send_by_table,
		[S2_LOOKUP_TABLE] = send_by_table,
		[S2_LOOKUP_HASH] = send_by_hash,
	};

	/* A group that is dropped, a range that is selected, and a walk go the long way. */
	if (cfg->group_rule != S2_SGI_GROUP_KVM || cfg->range_selector ||
	    cfg->routing.dispatch == S2_SGI_WALK)
		return s2_sgi_send;
	return cfg->routing.dispatch == S2_SGI_ROWS ? send_by_rows : by_lookup[cfg->routing.lookup];
}
