/* SPDX-License-Identifier: MIT */
/*
 * Memory slots, by number and by address.  Reads beside
 * kvm_set_memory_region() and gfn_to_memslot() of virt/kvm/kvm_main.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hyp/vm/memslot.h"
#include "hyp/vm/fault_memo.h"
#include "hyp/vm/host_pages.h"
#include "hyp/vm/kernel.h"
#include "hyp/vm/notifier.h"
#include "hyp/vm/tell.h"
#include "hyp/vm/vcpu.h"
#include "hyp/vm/vm.h"

static void slot_free(struct vm_slot *slot)
{
	s2_bits_free(&slot->dirty);
	s2_slot_free_host(slot);
	free(slot);
}

void s2_vm_free_slots(struct s2_vm *vm)
{
	for (int i = 0; i < vm->n_by_ipa; i++)
		slot_free(vm->by_ipa[i]);
	free(vm->slots);
	free(vm->by_ipa);
}

/* The first place in by_ipa whose slot ends above @ipa. */
static int slot_place(const struct s2_vm *vm, struct s2_ipa ipa)
{
	int low = 0, high = vm->n_by_ipa;

	while (low < high) {
		const int mid = low + (high - low) / 2;
		const struct s2_slot_config *cfg = &vm->by_ipa[mid]->cfg;

		if (cfg->ipa.v + cfg->size > ipa.v)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

struct vm_slot *s2_vm_slot_at(const struct s2_vm *vm, struct s2_ipa ipa)
{
	const int i = slot_place(vm, ipa);

	return i < vm->n_by_ipa && vm->by_ipa[i]->cfg.ipa.v <= ipa.v ? vm->by_ipa[i] : NULL;
}

struct vm_slot *s2_vm_slot(const struct s2_vm *vm, int slot)
{
	return slot >= 0 && slot < vm->n_slots ? vm->slots[slot] : NULL;
}

uint64_t s2_vm_slot_page(const struct s2_vm *vm, const struct vm_slot *slot, struct s2_ipa ipa)
{
	return (ipa.v - slot->cfg.ipa.v) >> vm->mmu->geo.page_shift;
}

static int check_slot(const struct s2_vm *vm, const struct s2_slot_config *cfg)
{
	const struct s2_geometry *geo = &vm->mmu->geo;
	uint64_t limit = s2_ipa_limit(geo), pa_limit = UINT64_C(1) << geo->pa_bits;
	int next;

	if ((unsigned)cfg->life > S2_BACKING_SHARED ||
	    (unsigned)cfg->filled_by > S2_AGENT_COHERENT_DEVICE ||
	    (unsigned)cfg->read_by > S2_AGENT_COHERENT_DEVICE)
		return -EINVAL;
	if (!cfg->size ||
	    ((cfg->ipa.v | cfg->size | cfg->hva.v | cfg->pa.v) & (s2_page_size(geo) - 1)))
		return -EINVAL;
	if (cfg->hva.v + cfg->size < cfg->hva.v || !s2_is_leaf_size(geo, cfg->backing) ||
	    (cfg->pa.v & (cfg->backing - 1)) != (cfg->hva.v & (cfg->backing - 1)))
		return -EINVAL;
	if (cfg->ipa.v >= limit || cfg->size > limit - cfg->ipa.v)
		return -ERANGE;
	if (cfg->pa.v >= pa_limit || cfg->size > pa_limit - cfg->pa.v)
		return -ERANGE;
	next = slot_place(vm, cfg->ipa);
	if (next < vm->n_by_ipa && vm->by_ipa[next]->cfg.ipa.v < cfg->ipa.v + cfg->size)
		return -EEXIST;
	return 0;
}

/* Room for one more in both tables. */
static int slots_room(struct s2_vm *vm)
{
	const int cap = vm->cap_slots ? 2 * vm->cap_slots : 8;
	struct vm_slot **slots, **by_ipa;

	if (vm->n_slots < vm->cap_slots)
		return 0;
	slots = realloc(vm->slots, (size_t)cap * sizeof(struct vm_slot *));
	if (!slots)
		return -ENOMEM;
	vm->slots = slots;
	by_ipa = realloc(vm->by_ipa, (size_t)cap * sizeof(struct vm_slot *));
	if (!by_ipa)
		return -ENOMEM;
	vm->by_ipa = by_ipa;
	vm->cap_slots = cap;
	return 0;
}

/* The lowest number that is free; the one past the last if there is none. */
static int free_number(struct s2_vm *vm)
{
	while (vm->free_slot < vm->n_slots && vm->slots[vm->free_slot])
		vm->free_slot++;
	return vm->free_slot;
}

static void slot_link(struct s2_vm *vm, struct vm_slot *slot)
{
	const int i = slot_place(vm, slot->cfg.ipa);

	memmove(&vm->by_ipa[i + 1], &vm->by_ipa[i],
		(size_t)(vm->n_by_ipa - i) * sizeof(struct vm_slot *));
	vm->by_ipa[i] = slot;
	vm->n_by_ipa++;
	vm->slots[slot->number] = slot;
	if (slot->number == vm->n_slots)
		vm->n_slots++;
}

static void slot_unlink(struct s2_vm *vm, const struct vm_slot *slot)
{
	const int i = slot_place(vm, slot->cfg.ipa);

	vm->n_by_ipa--;
	memmove(&vm->by_ipa[i], &vm->by_ipa[i + 1],
		(size_t)(vm->n_by_ipa - i) * sizeof(struct vm_slot *));
	vm->slots[slot->number] = NULL;
	if (slot->number < vm->free_slot)
		vm->free_slot = slot->number;
}

int s2_vm_add_slot(struct s2_vm *vm, const struct s2_slot_config *cfg)
{
	int ret = vm->dead ? -EINVAL : check_slot(vm, cfg);
	struct vm_slot *slot;

	if (!ret && vm->n_by_ipa == S2_MAX_SLOTS)
		ret = -ENOSPC;
	if (!ret)
		ret = slots_room(vm);
	if (ret)
		return ret;
	slot = calloc(1, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	slot->cfg = *cfg;
	slot->number = free_number(vm);
	ret = s2_slot_init_host(vm, slot);
	if (ret) {
		slot_free(slot);
		return ret;
	}
	slot_link(vm, slot);
	if (vm->kernel)
		ret = vm->kernel->slot(vm, s2_machine_cpu(vm->machine, 0), slot, false);
	if (ret) {
		slot_unlink(vm, slot);
		slot_free(slot);
		return ret;
	}
	s2_tell_given(vm, slot, s2_range(cfg->ipa.v, cfg->size));
	return slot->number;
}

static int unmap_by_kernel(struct s2_vm *vm, struct s2_cpu *cpu, struct vm_slot *s)
{
	const struct s2_range range = s2_range(s->cfg.ipa.v, s->cfg.size);
	int ret = vm->kernel->slot(vm, cpu, s, true);

	if (ret)
		return ret;
	s2_mmu_returned(vm->mmu, cpu, range.ipa, range.size, "kvm_arch_flush_shadow_memslot");
	s2_tell_unmapped(vm, range, S2_UNMAP_CLEAR);
	return 0;
}

int s2_vm_delete_slot(struct s2_vm *vm, struct s2_cpu *cpu, int slot)
{
	struct vm_slot *s = s2_vm_slot(vm, slot);
	int ret;

	if (!s || !s2_vm_callable(vm, cpu))
		return -EINVAL;
	s2_cpu_enter_host(cpu);
	/* kvm_arch_flush_shadow_memslot() */
	if (vm->kernel)
		ret = unmap_by_kernel(vm, cpu, s);
	else
		ret = s2_vm_unmap(vm, cpu, s2_range(s->cfg.ipa.v, s->cfg.size), S2_UNMAP_CLEAR);
	if (ret)
		return ret;
	s2_vm_forget_faults(vm);
	slot_unlink(vm, s);
	slot_free(s);
	return 0;
}
