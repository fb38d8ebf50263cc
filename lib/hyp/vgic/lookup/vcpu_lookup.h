/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A vcpu by its MPIDR: the policies, and when their index is built and dropped.
 *
 *     find    kvm_mpidr_to_vcpu(): index, then, for some, a scan
 *     build   at each vcpu's first run; dropped, or rebuilt, when vcpus change
 */
#ifndef S2_HYP_VGIC_VCPU_LOOKUP_H
#define S2_HYP_VGIC_VCPU_LOOKUP_H

#include "hyp/vgic/state/vgic.h"

/* A lookup policy.  All but find may be NULL. */
struct s2_lookup_ops {
	/* kvm_init_mpidr_data(); no memory means no table. */
	void (*build)(struct s2_vgic *vgic);
	/* A vcpu was made or taken back. */
	void (*vcpus_changed)(struct s2_vgic *vgic);
	/* Userspace wrote an MPIDR. */
	void (*mpidr_changed)(struct s2_vgic *vgic);
	/* @return index or S2_NO_VCPU */
	uint16_t (*find)(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid);
	/* Without a scan: S2_NO_VCPU if it must be looked for, or, if *sure, is nowhere. */
	uint16_t (*find_fast)(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid,
			      bool *sure);
	bool (*has_index)(const struct s2_vgic *vgic);
};

extern const struct s2_lookup_ops s2_lookup_scan_ops;
extern const struct s2_lookup_ops s2_lookup_table_final_ops;
extern const struct s2_lookup_ops s2_lookup_table_ops;
extern const struct s2_lookup_ops s2_lookup_hash_ops;

/** The lookup that @p bug has, or NULL. */
const struct s2_lookup_ops *s2_lookup_bug_ops(enum s2_bug bug);

uint16_t s2_vcpu_scan(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid);
void s2_mpidr_table_drop(struct s2_vgic *vgic);
void s2_vcpu_hash_drop(struct s2_vgic *vgic);
void s2_rows_build(struct s2_vgic *vgic);
void s2_rows_drop(struct s2_vgic *vgic);

/* kvm_mpidr_to_vcpu(). @return index or S2_NO_VCPU */
static inline uint16_t s2_mpidr_to_vcpu(const struct s2_vgic *vgic, struct s2_cpu *cpu,
					struct s2_mpidr mpidr)
{
	return vgic->lookup->find(vgic, cpu, s2_mpidr_hwid(mpidr));
}

#endif
