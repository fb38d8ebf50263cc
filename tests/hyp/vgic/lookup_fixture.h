/* SPDX-License-Identifier: MIT */
/* Looking vcpus up by MPIDR, for the tests of it. */
#ifndef STAGE2SIM_TESTS_LOOKUP_FIXTURE_H
#define STAGE2SIM_TESTS_LOOKUP_FIXTURE_H

#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/vgic_fixture.h"
#include "hyp/vgic/delivery/vgic_run.h"

static inline struct s2_vgic_config lookup_config(enum s2_vcpu_lookup lookup)
{
	const struct s2_vgic_config cfg = {.routing = {lookup, S2_SGI_BITS, S2_BROADCAST_PLAIN},
					   .late_vcpus = true};

	return cfg;
}

static inline void lookup_rebuild(struct vm *vm)
{
	s2_mpidr_table_drop(vm->vgic);
	s2_vcpu_hash_drop(vm->vgic);
	s2_vgic_build_index(vm->vgic);
}

static inline int lookup_find(struct vm *vm, uint64_t mpidr)
{
	const struct s2_vgic_cpu *v = s2_vgic_lookup(vm->vgic, vm_cpu(vm, 0), s2_mpidr(mpidr));

	return v ? (int)s2_vgic_vcpu_index(v) : -1;
}

#endif
