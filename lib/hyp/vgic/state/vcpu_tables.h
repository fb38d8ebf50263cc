/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What an index of vcpus by MPIDR is made of.
 *
 *     KVM's table   gathered bits of the MPIDR --> vcpu
 *     hash          MPIDR --> slots to try --> vcpu
 *     rows          cluster --> slots to try --> its 16 vcpus
 *
 * vcpu_index.h looks into them, vcpu_lookup.h says when they are built.
 */
#ifndef S2_HYP_VGIC_VCPU_TABLES_H
#define S2_HYP_VGIC_VCPU_TABLES_H

#include <stage2sim/mpidr.h>
#include <stage2sim/sgi.h>

/* KVM's kvm_mpidr_data. */
struct s2_mpidr_table {
	struct s2_mpidr_gather gather;
	uint16_t *entry; /* NULL: there is no table */
};

/* Ours: see vcpu_hash.c and sgi_rows.c. */
struct s2_vcpu_hash {
	uint16_t *slot; /* vcpu indices, or S2_NO_VCPU */
	unsigned shift; /* 1 << shift slots */
	uint64_t multiplier;
};

struct s2_cluster_row {
	uint64_t key; /* MPIDR of the row, without Aff0 3:0 */
	uint16_t vcpu[S2_SGI_LIST_BITS];
};

#define S2_FREE_ROW UINT64_MAX

struct s2_cluster_rows {
	struct s2_cluster_row *row; /* key S2_FREE_ROW: free */
	unsigned shift;
	uint64_t multiplier;
};

#endif
