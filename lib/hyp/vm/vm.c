/* SPDX-License-Identifier: MIT */
/* Creating and taking down VMs, slots, and walking ranges under mmu_lock. */
#include "hyp/vm/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hyp/stage2/memo.h"

static int create_mmu(struct s2_vm *vm)
{
	const struct s2_mmu_config cfg = {
		.flavour = vm->cfg.flavour,
		.ipa_bits = vm->cfg.ipa_bits ? vm->cfg.ipa_bits : S2_DEFAULT_IPA_BITS,
		.vmid = {1}, /* until the first vcpu_load() */
	};
	int ret = s2_mmu_create(vm->machine, &cfg, &vm->mmu);

	if (ret)
		return ret;
	if (vm->cfg.split_chunk && !s2_is_leaf_size(&vm->mmu->geo, vm->cfg.split_chunk)) {
		s2_mmu_free(vm->mmu);
		return -EINVAL;
	}
	vm->mmu->renew_vmid = s2_vm_renew_vmid;
	vm->mmu->vm = vm;
	return 0;
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
	vm->cfg = *cfg;
	vm->vmids = cfg->vmids;
	vm->last_ran = malloc(m->n_cpus * sizeof(*vm->last_ran));
	ret = vm->last_ran ? create_mmu(vm) : -ENOMEM;
	if (ret) {
		free(vm->last_ran);
		free(vm);
		return ret;
	}
	for (unsigned i = 0; i < m->n_cpus; i++)
		vm->last_ran[i] = -1;
	s2_vmids_use(vm->vmids, true);
	*out = vm;
	return 0;
}

void s2_vm_forget_faults(struct s2_vm *vm)
{
	for (unsigned i = 0; i < sizeof(vm->faults) / sizeof(vm->faults[0]); i++) {
		s2_memo_fold(&vm->faults[i].memo, vm->machine);
		vm->faults[i].last = NULL;
	}
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
	s2_mmu_free(vm->mmu);
	s2_vmids_use(vm->vmids, false);
	free(vm->last_ran);
	free(vm);
}

struct s2_mmu *s2_vm_mmu(struct s2_vm *vm)
{
	return vm->mmu;
}

uint64_t s2_vm_longest_lock(const struct s2_vm *vm)
{
	return vm->longest_lock;
}

uint64_t s2_vm_longest_stretch(const struct s2_vm *vm)
{
	return vm->longest_stretch;
}

void s2_vm_forget_longest(struct s2_vm *vm)
{
	vm->longest_lock = 0;
	vm->longest_stretch = 0;
}

/* ---- mmu_lock ---- */

static uint64_t operations(const struct s2_vm *vm)
{
	uint64_t sum = 0;

	s2_machine_fold(vm->machine);
	/* Broadcasts are what operations cost others, not operations. */
	for (int op = 0; op < S2_OP_COUNT; op++)
		if (op != S2_OP_DVM_BROADCAST)
			sum += vm->machine->counts.n[op];
	return sum;
}

void s2_vm_lock(struct s2_vm *vm)
{
	vm->lock_start = operations(vm);
}

static uint64_t longer(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void s2_vm_cond_resched(struct s2_vm *vm)
{
	vm->longest_lock = longer(vm->longest_lock, operations(vm) - vm->lock_start);
	s2_vm_resched_unlocked(vm, 1);
}

void s2_vm_resched_unlocked(struct s2_vm *vm, uint64_t stretches)
{
	uint64_t now = operations(vm);

	vm->longest_stretch = longer(vm->longest_stretch, (now - vm->lock_start) / stretches);
	vm->lock_start = now;
}

void s2_vm_unlock(struct s2_vm *vm)
{
	s2_vm_cond_resched(vm);
}

/* How much of a range is done between two reschedule points. */
static uint64_t resched_size(const struct s2_vm *vm)
{
	const struct s2_geometry *geo = &vm->mmu->geo;

	if (vm->cfg.flavour->resched == S2_RESCHED_PGD_ENTRY)
		return s2_level_size(geo, geo->start_level);
	return s2_max_block_size(geo);
}

int s2_vm_apply_range(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_range range, s2_range_fn fn)
{
	uint64_t chunk = resched_size(vm);
	uint64_t addr = range.ipa.v, end = range.ipa.v + range.size;
	int ret = 0;

	s2_vm_lock(vm);
	while (!ret && addr < end) {
		uint64_t next = (addr & ~(chunk - 1)) + chunk;

		if (next > end)
			next = end;
		ret = fn(vm->mmu, cpu, s2_range(addr, next - addr));
		s2_vm_cond_resched(vm);
		addr = next;
	}
	return ret;
}
