/* SPDX-License-Identifier: MIT */
/* A machine with one VM: what tests of a VM begin and end with. */
#ifndef STAGE2SIM_TESTS_HYP_VM_FIXTURE_H
#define STAGE2SIM_TESTS_HYP_VM_FIXTURE_H

#include "support.h"

#include <string.h>

#include <stage2sim/physics.h>
#include <stage2sim/vm.h>

struct vm_fixture {
	struct s2_machine *m;
	struct s2_physics *p; /* or NULL */
	struct s2_vmids *vmids;
	struct s2_vm *vm;
	struct s2_flavour flavour;  /* the VM's; it and the next may be changed */
	struct s2_vm_config config; /* until vm_fixture_vm() */
};

/* A machine of @spec; with physics if @physics is given. */
static inline void vm_fixture_machine(struct vm_fixture *f, const char *spec, unsigned cpus,
				      const char *flavour, const struct s2_physics_config *physics)
{
	struct s2_machine_config mc = {.cpus = cpus};

	memset(f, 0, sizeof(*f));
	f->flavour = *s2_flavour_find(flavour);
	assert_i64(s2_features_parse(spec, &mc.features, NULL), 0);
	assert_i64(s2_machine_create(&mc, &f->m), 0);
	if (physics)
		assert_i64(s2_physics_attach(f->m, physics, &f->p), 0);
	assert_i64(s2_vmids_create(f->m, &f->vmids), 0);
	f->config.flavour = &f->flavour;
	f->config.vmids = f->vmids;
}

/* Its VM, with one slot, number 0, if @slot is given. */
static inline void vm_fixture_vm(struct vm_fixture *f, const struct s2_slot_config *slot)
{
	assert_i64(s2_vm_create(f->m, &f->config, &f->vm), 0);
	if (slot)
		assert_i64(s2_vm_add_slot(f->vm, slot), 0);
}

/* Its next vcpu, loaded on @cpu unless that is negative. */
static inline struct s2_vcpu *vm_fixture_vcpu(struct vm_fixture *f, int cpu)
{
	const int index = s2_vm_add_vcpu(f->vm);
	struct s2_vcpu *vcpu = s2_vm_vcpu(f->vm, index);

	assert_non_null(vcpu);
	if (cpu >= 0)
		assert_i64(s2_vcpu_load(vcpu, s2_machine_cpu(f->m, (unsigned)cpu)), 0);
	return vcpu;
}

static inline void vm_fixture_down(struct vm_fixture *f)
{
	s2_vm_free(f->vm);
	s2_vmids_free(f->vmids);
	s2_physics_detach(f->p);
	s2_machine_destroy(f->m);
}

#endif
