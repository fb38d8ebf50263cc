/* SPDX-License-Identifier: MIT */
/* Reads beside stage2_apply_range() of kvm/mmu.c. */
#include "hyp/vm/mmu_lock.h"

#include "hyp/vm/vm.h"

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

void s2_vm_lock(struct s2_vm *vm, struct s2_cpu *cpu)
{
	s2_lock_take(cpu, &vm->mmu_lock, S2_LOCK_WRITE);
	vm->lock_start = operations(vm);
}

static uint64_t longer(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void s2_vm_stretch_ends(struct s2_vm *vm)
{
	vm->longest_lock = longer(vm->longest_lock, operations(vm) - vm->lock_start);
	s2_vm_resched_unlocked(vm, 1);
}

void s2_vm_cond_resched(struct s2_vm *vm, struct s2_cpu *cpu)
{
	s2_vm_stretch_ends(vm);
	s2_lock_drop(cpu, &vm->mmu_lock);
	s2_lock_take(cpu, &vm->mmu_lock, S2_LOCK_WRITE);
}

void s2_vm_resched_unlocked(struct s2_vm *vm, uint64_t stretches)
{
	uint64_t now = operations(vm);

	vm->longest_stretch = longer(vm->longest_stretch, (now - vm->lock_start) / stretches);
	vm->lock_start = now;
}

void s2_vm_unlock(struct s2_vm *vm, struct s2_cpu *cpu)
{
	s2_vm_stretch_ends(vm);
	s2_lock_drop(cpu, &vm->mmu_lock);
}

void s2_vm_lock_for_fault(struct s2_vm *vm, struct s2_cpu *cpu)
{
	const bool shared = vm->cfg.flavour->break_with == S2_BREAK_LOCKED;

	s2_lock_take(cpu, &vm->mmu_lock, shared ? S2_LOCK_READ : S2_LOCK_WRITE);
}

void s2_vm_unlock_for_fault(struct s2_vm *vm, struct s2_cpu *cpu)
{
	s2_lock_drop(cpu, &vm->mmu_lock);
}

/* How much of a range is done between two reschedule points. */
static uint64_t resched_size(const struct s2_vm *vm)
{
	const struct s2_geometry *geo = &vm->mmu->geo;

	if (vm->cfg.flavour->resched == S2_RESCHED_PGD_ENTRY)
		return s2_level_size(geo, geo->start_level);
	return s2_max_block_size(geo);
}

int s2_vm_apply_locked(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_range range, s2_range_fn fn)
{
	uint64_t chunk = resched_size(vm);
	uint64_t addr = range.ipa.v, end = range.ipa.v + range.size;
	int ret = 0;

	while (!ret && addr < end) {
		uint64_t next = (addr & ~(chunk - 1)) + chunk;

		if (next > end)
			next = end;
		ret = fn(vm->mmu, cpu, s2_range(addr, next - addr));
		if (ret || next == end)
			s2_vm_stretch_ends(vm);
		else
			s2_vm_cond_resched(vm, cpu);
		addr = next;
	}
	return ret;
}

int s2_vm_apply_range(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_range range, s2_range_fn fn)
{
	int ret;

	s2_vm_lock(vm, cpu);
	ret = s2_vm_apply_locked(vm, cpu, range, fn);
	s2_vm_unlock(vm, cpu);
	return ret;
}
