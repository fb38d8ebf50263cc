/* SPDX-License-Identifier: MIT */
/*
 * Writes of SGI registers to VMs of every routing policy: what one costs, and
 * whom it reaches.
 */
#ifndef STAGE2SIM_TESTS_SGI_FIXTURE_H
#define STAGE2SIM_TESTS_SGI_FIXTURE_H

#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/vgic_fixture.h"
#include "hyp/vgic/delivery/vgic_run.h"

static inline struct s2_vgic_config sgi_policy(const char *name)
{
	const struct s2_vgic_config cfg = {.routing = s2_routing_find(name)->routing,
					   .late_vcpus = true};

	return cfg;
}

/* A VM that has run: tables are built. */
static inline void sgi_start(struct vm *vm, const struct s2_vgic_config *cfg, unsigned n)
{
	vm_machine(vm, 1);
	vm_start(vm, cfg, n);
	s2_vgic_build_index(vm->vgic);
}

/* Without a table, as when MPIDRs differ in too many bits. */
static inline void sgi_drop_table(struct vm *vm)
{
	s2_mpidr_table_drop(vm->vgic);
	vm->vgic->cfg.page_shift = 0;
}

/* Probes of one write. */
static inline uint64_t sgi_probes(struct vm *vm, uint64_t value)
{
	vm_mark(vm);
	vm_sgi(vm, 0, value);
	return vm_counted(vm, S2_OP_VCPU_PROBE);
}

static inline uint64_t sgi_list(struct s2_mpidr cluster, uint16_t targets)
{
	const struct s2_sgi sgi = {.targets = targets,
				   .aff1 = s2_mpidr_aff(cluster, 1),
				   .aff2 = s2_mpidr_aff(cluster, 2),
				   .intid = 1};
	uint64_t value;

	assert_i64(s2_sgi_encode(&sgi, &value), 0);
	return value;
}

static inline uint64_t sgi_pending(struct vm *vm, unsigned intid)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < s2_vgic_vcpus(vm->vgic); i++)
		set |= (uint64_t)vm_pending(vm, i, intid) << i;
	return set;
}

/* Whom a write reaches on a VM with these MPIDRs, by each policy. */
static inline uint64_t sgi_reached(const struct s2_vgic_config *cfg, const uint64_t *mpidr,
				   unsigned n, uint64_t value)
{
	struct vm vm = {0};
	uint64_t set;

	vm_machine(&vm, 1);
	vm_start(&vm, cfg, n);
	for (unsigned i = 0; mpidr && i < n; i++)
		s2_vgic_set_mpidr(vm_vcpu(&vm, i), s2_mpidr(mpidr[i]));
	s2_vgic_build_index(vm.vgic);
	vm_sgi(&vm, 0, value);
	set = sgi_pending(&vm, (unsigned)s2_field_get(value, S2_SGI_INTID));
	vm_stop(&vm);
	return set;
}

#endif
