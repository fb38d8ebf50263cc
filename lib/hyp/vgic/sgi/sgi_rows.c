/* SPDX-License-Identifier: MIT */
/*
 * Dispatch by clusters: a row holds the 16 vcpus that one write can name.
 *
 * A write finds its row once and reads the targets off it; a target that is
 * absent costs nothing.  Rows are hashed and filled in index order, so, as in
 * vcpu_hash.c, no write compares more rows than a walk would visit vcpus; those
 * of ids 0 to N - 1 have a free place after each, so that no write compares
 * more than one.  At least two places a vcpu, 40 bytes each: 40 KiB for 512.
 */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/sgi/sgi_dispatch.h"
#include "hyp/vgic/sgi/sgi_queue.h"
#include "hyp/vgic/lookup/vcpu_index.h"
#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/state/vcpu_set.h"
#include "hyp/vgic/state/gated.h"
#include "hyp/vgic/state/vcpu_tables.h"
#include "hyp/vgic/state/vgic.h"

#include <stdlib.h>
#include <string.h>

static void add_vcpu(const struct s2_vgic *vgic, struct s2_cluster_rows *rows, unsigned index)
{
	const uint64_t hwid = vgic->hwid[index];
	const unsigned bit = (unsigned)(hwid & ~S2_MPIDR_CLUSTER);
	unsigned probes;
	struct s2_cluster_row *row = s2_cluster_row_at(rows, hwid & S2_MPIDR_CLUSTER, &probes);

	row->key = hwid & S2_MPIDR_CLUSTER;
	/* Of duplicates the first is the one that a walk would reach. */
	if (row->vcpu[bit] == S2_NO_VCPU)
		row->vcpu[bit] = (uint16_t)index;
}

void s2_rows_drop(struct s2_vgic *vgic)
{
	free(vgic->rows.row);
	vgic->rows.row = NULL;
}

static bool is_taken(const void *index, unsigned place)
{
	const struct s2_cluster_rows *rows = index;

	return rows->row[place].key != S2_FREE_ROW;
}

static unsigned fill(const struct s2_vgic *vgic, void *index, uint64_t multiplier)
{
	struct s2_cluster_rows *rows = index;

	rows->multiplier = multiplier;
	memset(rows->row, 0xff, sizeof(*rows->row) << rows->shift);
	for (unsigned i = 0; i < vgic->n_vcpus; i++)
		add_vcpu(vgic, rows, i);
	return s2_hash_longest_run(rows, 1U << rows->shift, is_taken);
}

/* Builds the rows anew, aside; without memory there are none, and writes walk. */
void s2_rows_build(struct s2_vgic *vgic)
{
	struct s2_cluster_rows rows = {.shift = 1};

	while (1U << rows.shift < 2U * vgic->n_vcpus)
		rows.shift++;
	rows.row = malloc(sizeof(*rows.row) << rows.shift);
	vgic->aside = rows.row;
	s2_vgic_touch(vgic, "the vcpus' MPIDRs", false);
	if (rows.row)
		s2_hash_fill_best(vgic, &rows, fill);
	s2_vgic_touch(vgic, "the rows", true);
	s2_rows_drop(vgic);
	vgic->rows = rows;
	vgic->aside = NULL;
}

void s2_sgi_rows(struct s2_sgi_write *w)
{
	const struct s2_cluster_rows *rows = &w->vgic->rows;
	const struct s2_cluster_row *row;
	unsigned probes;

	if (!rows->row) {
		s2_sgi_walk(w);
		return;
	}
	if (!w->targets)
		return;
	row = s2_cluster_row_at(rows, w->cluster.v, &probes);
	s2_step(w->cpu, S2_OP_MPIDR_GATHER, 1);
	if (probes)
		s2_step(w->cpu, S2_OP_VCPU_PROBE, probes);
	if (row->key == S2_FREE_ROW)
		return;
	for (unsigned left = w->targets; left; left &= left - 1U) {
		const uint16_t index = row->vcpu[s2_lowest_bit(left)];

		if (index != S2_NO_VCPU)
			s2_sgi_queue(w, index);
	}
}
