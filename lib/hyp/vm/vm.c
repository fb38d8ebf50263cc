/* SPDX-License-Identifier: MIT */
/* Creating and freeing VMs. */
#include "hyp/vm/vm.h"

#include <errno.h>
#include <stdlib.h>

#include "hyp/vm/kernel.h"
#include "hyp/vm/memslot.h"
#include "hyp/vm/vmid.h"

static int create_mmu(struct s2_vm *vm)
{
	const struct s2_mmu_config cfg = {
		.flavour = vm->cfg.flavour,
		.ipa_bits = vm->cfg.ipa_bits,
		.vmid = {1}, /* until the first vcpu_load() */
	};
	struct s2_geometry geo;
	int ret = s2_mmu_shape(vm->machine, &cfg, &geo);

	if (!ret && vm->cfg.split_chunk && !s2_is_leaf_size(&geo, vm->cfg.split_chunk))
		ret = -EINVAL;
	if (!ret)
		ret = s2_mmu_create(vm->machine, &cfg, &vm->mmu);
	if (ret)
		return ret;
	vm->mmu->renew_vmid = s2_vm_renew_vmid;
	vm->mmu->vm = vm;
	return 0;
}

/* A flavour's bug of VMIDs is one of the allocator, which VMs share. */
static enum s2_vmid_fault vmid_fault_of(const struct s2_flavour *flavour)
{
	switch (flavour->bug) {
	case S2_BUG_VMID_AFTER_VTTBR:
		return S2_VMID_AFTER_VTTBR;
	case S2_BUG_VMID_NOT_RESERVED:
		return S2_VMID_NOT_RESERVED;
	case S2_BUG_VMID_OLD_ACCEPTED:
		return S2_VMID_OLD_ACCEPTED;
	default:
		return S2_VMID_SOUND;
	}
}

int s2_vm_create(struct s2_machine *m, const struct s2_vm_config *cfg, struct s2_vm **out)
{
	struct s2_vm *vm;
	int ret;

	if (!cfg->flavour || !cfg->vmids || (cfg->initially_set && !cfg->manual_protect))
		return -EINVAL;
	if (!s2_vmids_serve(cfg->vmids, m))
		return -EINVAL;
	if (cfg->split_chunk && !cfg->flavour->split)
		return -EOPNOTSUPP;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return -ENOMEM;
	vm->machine = m;
	vm->number = m->vms_made;
	vm->cfg = *cfg;
	vm->vmids = cfg->vmids;
	vm->slots_lock = (struct s2_lock){"slots_lock", S2_RANK_SLOTS_LOCK, NULL};
	vm->mmu_lock = (struct s2_lock){"mmu_lock", S2_RANK_MMU_LOCK, NULL};
	vm->last_ran = malloc(m->n_cpus * sizeof(*vm->last_ran));
	vm->kernel = s2_kernel_of(cfg->flavour);
	ret = !vm->last_ran ? -ENOMEM : vm->kernel ? vm->kernel->create(vm) : create_mmu(vm);
	if (ret) {
		free(vm->last_ran);
		free(vm);
		return ret;
	}
	for (unsigned i = 0; i < m->n_cpus; i++)
		vm->last_ran[i] = -1;
	m->vms_made++;
	s2_vmids_use(vm->vmids, true);
	vm->vmid_fault = vmid_fault_of(cfg->flavour);
	s2_vmids_fault_by_vm(vm->vmids, vm->vmid_fault, true);
	*out = vm;
	return 0;
}

void s2_vm_free(struct s2_vm *vm)
{
	if (!vm)
		return;
	for (int i = 0; i < vm->n_vcpus; i++) {
		s2_vcpu_put(vm->vcpus[i]);
		free(vm->vcpus[i]);
	}
	s2_vm_forget_faults(vm);
	s2_vm_free_slots(vm);
	s2_bits_free(&vm->clean);
	vm->mmu->vm = NULL;
	if (vm->kernel)
		vm->kernel->free(vm);
	else
		s2_mmu_free(vm->mmu);
	s2_vmids_fault_by_vm(vm->vmids, vm->vmid_fault, false);
	s2_vmids_use(vm->vmids, false);
	free(vm->last_ran);
	free(vm);
}

uint32_t s2_vm_number(const struct s2_vm *vm)
{
	return vm->number;
}

struct s2_mmu *s2_vm_mmu(struct s2_vm *vm)
{
	return vm->mmu;
}
