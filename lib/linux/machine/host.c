/* SPDX-License-Identifier: MIT */
/* The host of the VM whose request runs: what is behind its slots, and its mmu_lock. */
#include "hyp/vm/host_pages.h"
#include "hyp/vm/memslot.h"
#include "hyp/vm/mmu_lock.h"
#include "hyp/vm/vm.h"
#include "linux/glue/vm_requests.h"
#include "linux/machine/running.h"

/* The slot whose memory is at @hva, or NULL. */
static struct vm_slot *slot_of(const struct s2_vm *vm, uint64_t hva)
{
	for (int i = 0; i < vm->n_by_ipa; i++) {
		struct vm_slot *s = vm->by_ipa[i];

		if (hva - s->cfg.hva.v < s->cfg.size)
			return s;
	}
	return NULL;
}

/* One frame stands for all zero pages: the last below the tables. */
static uint64_t zero_frame(void)
{
	return s2_tree_running->tables - 4096;
}

static bool is_there(const struct vm_slot *s, uint64_t page)
{
	return s->cfg.populated || s2_slot_is_zero(s, page) || s2_bits_test(&s->there, page);
}

int s2k_host_page(unsigned long hva, int how, struct tree_host_page *page)
{
	const struct s2_vm *vm = s2_tree_running->vm;
	struct vm_slot *s = slot_of(vm, hva);
	uint64_t n;
	bool writable;

	if (!s)
		return -1;
	n = (hva - s->cfg.hva.v) >> vm->mmu->geo.page_shift;
	if (how == TREE_LOOK && !is_there(s, n))
		return -1;
	if (how != TREE_LOOK && !s2_slot_is_zero(s, n) &&
	    s2_slot_get_page(vm, s, n, how == TREE_WRITE, &writable))
		return -1;
	page->zero = s2_slot_is_zero(s, n);
	page->writable = !page->zero;
	page->pa = page->zero ? zero_frame() : s->cfg.pa.v + (hva - s->cfg.hva.v);
	page->size = s2_slot_host_page_size(vm, s, n);
	return 0;
}

void s2k_host_copied(unsigned long hva)
{
	const struct s2_vm *vm = s2_tree_running->vm;
	struct vm_slot *s = slot_of(vm, hva);
	bool writable;

	if (s && s2_slot_get_page(vm, s, (hva - s->cfg.hva.v) >> vm->mmu->geo.page_shift, true,
				  &writable))
		s2k_stop("out of memory", __func__, 0);
}

int s2k_host_map(unsigned long start, unsigned long end, struct tree_host_map *map)
{
	const struct s2_vm *vm = s2_tree_running->vm;
	const struct vm_slot *first = NULL;

	for (int i = 0; i < vm->n_by_ipa; i++) {
		const struct vm_slot *s = vm->by_ipa[i];

		if (s->cfg.hva.v < end && start < s->cfg.hva.v + s->cfg.size &&
		    (!first || s->cfg.hva.v < first->cfg.hva.v))
			first = s;
	}
	if (!first)
		return -1;
	map->start = first->cfg.hva.v;
	map->end = first->cfg.hva.v + first->cfg.size;
	map->page = first->cfg.backing;
	return 0;
}

void s2k_flush_call(int kind, unsigned long ipa, int level, unsigned long pages)
{
	static const enum s2_flush_kind kinds[] = {S2_FLUSH_VMID, S2_FLUSH_VMID_IPA,
						   S2_FLUSH_VMID_IPA_NSH, S2_FLUSH_VMID_RANGE};
	const struct s2_vm *vm = s2_tree_running->vm;
	const struct s2_flush_call call = {
		.kind = kinds[kind],
		.ipa = {ipa},
		.level = level,
		.pages = pages,
		.repeat = 1,
	};

	if (vm && vm->mmu && vm->mmu->on_flush)
		vm->mmu->on_flush(vm->mmu->on_flush_arg, &call);
}

void s2k_mmu_lock(int what)
{
	struct s2_vm *vm = s2_tree_running->vm;

	switch (what) {
	case TREE_LOCKED:
		s2_vm_lock(vm, s2_tree_cpu);
		break;
	case TREE_UNLOCKED:
		s2_vm_unlock(vm, s2_tree_cpu);
		break;
	case TREE_OFFERED:
		s2_vm_cond_resched(vm, s2_tree_cpu);
		break;
	default:
		s2_vm_resched_unlocked(vm, 1);
		break;
	}
}
