/* SPDX-License-Identifier: MIT */
/* What the host's memory management does to a VM.  Reads beside kvm_unmap_gfn_range(). */
#include <errno.h>

#include <stage2sim/vm.h>

#include "hyp/vm/notifier.h"
#include "hyp/vm/host_pages.h"
#include "hyp/vm/kernel.h"
#include "hyp/vm/memslot.h"
#include "hyp/vm/mmu_lock.h"
#include "hyp/vm/tell.h"
#include "hyp/vm/vcpu.h"
#include "hyp/vm/vm.h"
#include "hyp/stage2/walk.h"

/* Whether cleaning can be left out: a device may read what is swapped out. */
static bool skips_cmo(struct s2_vm *vm, struct s2_ipa ipa, enum s2_unmap_reason reason)
{
	const struct vm_slot *slot = s2_vm_slot_at(vm, ipa);

	if (reason != S2_UNMAP_EVENT)
		return false;
	switch (vm->cfg.flavour->unmap_cmo) {
	case S2_UNMAP_CMO_NOT_ON_EVENT:
		return true;
	case S2_UNMAP_CMO_NOT_IF_DYING:
		return slot && slot->cfg.life == S2_BACKING_DIES;
	default:
		return false;
	}
}

int s2_vm_unmap(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_range range,
		enum s2_unmap_reason reason)
{
	struct s2_unmap_how how = s2_mmu_unmap_how(vm->mmu);
	int ret;

	s2_vm_lock(vm, cpu);
	how.skip_cmo = skips_cmo(vm, range.ipa, reason);
	how.skip_tlbi = vm->cfg.flavour->bug == S2_BUG_DETACH_NO_FLUSH;
	s2_mmu_set_unmap_how(vm->mmu, how);
	ret = s2_vm_apply_locked(vm, cpu, range, s2_pgtable_unmap);
	s2_mmu_set_unmap_how(vm->mmu, s2_mmu_unmap_how(vm->mmu));
	/* The pages are the host's again: to free, to swap out, to give to a device. */
	if (!ret)
		s2_mmu_returned(vm->mmu, cpu, range.ipa, range.size, "__unmap_stage2_range");
	s2_vm_unlock(vm, cpu);
	if (!ret)
		s2_tell_unmapped(vm, range, reason);
	return ret;
}

/* The part of @slot that host range [start, end) maps, as IPAs; false if none. */
static bool hva_to_ipa(const struct vm_slot *s, uint64_t start, uint64_t end,
		       struct s2_range *range)
{
	uint64_t lo = start > s->cfg.hva.v ? start : s->cfg.hva.v;
	uint64_t hi = end < s->cfg.hva.v + s->cfg.size ? end : s->cfg.hva.v + s->cfg.size;

	if (lo >= hi)
		return false;
	range->ipa.v = s->cfg.ipa.v + (lo - s->cfg.hva.v);
	range->size = hi - lo;
	return true;
}

static int check_hva(const struct s2_vm *vm, const struct s2_cpu *cpu, struct s2_va hva,
		     uint64_t size)
{
	if (!s2_vm_callable(vm, cpu) || !size || hva.v + size < hva.v)
		return -EINVAL;
	return (hva.v | size) & (s2_page_size(&vm->mmu->geo) - 1) ? -EINVAL : 0;
}

static void unmapped_by_kernel(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_range range,
			       enum s2_unmap_reason reason)
{
	s2_mmu_returned(vm->mmu, cpu, range.ipa, range.size, "kvm_unmap_gfn_range");
	s2_tell_unmapped(vm, range, reason);
}

int s2_vm_unmap_hva(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_va hva, uint64_t size,
		    enum s2_unmap_reason reason)
{
	int ret = (unsigned)reason > S2_UNMAP_SWAP ? -EINVAL : check_hva(vm, cpu, hva, size);

	if (!ret)
		s2_cpu_enter_host(cpu);
	if (!ret && vm->kernel)
		ret = vm->kernel->unmap_hva(vm, cpu, hva, size, reason);
	for (int i = 0; !ret && i < vm->n_by_ipa; i++) {
		struct s2_range range;

		/* Memory in two slots is unmapped once for each. */
		if (!hva_to_ipa(vm->by_ipa[i], hva.v, hva.v + size, &range))
			continue;
		if (vm->kernel)
			unmapped_by_kernel(vm, cpu, range, reason);
		else
			ret = s2_vm_unmap(vm, cpu, range, reason);
		if (!ret && reason == S2_UNMAP_EVENT)
			ret = s2_slot_forget_pages(vm, vm->by_ipa[i],
						   s2_vm_slot_page(vm, vm->by_ipa[i], range.ipa),
						   range.size >> vm->mmu->geo.page_shift);
	}
	return ret;
}

int s2_vm_age_hva(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_va hva, uint64_t size)
{
	bool any = false;
	int ret = check_hva(vm, cpu, hva, size);

	if (ret)
		return ret;
	s2_cpu_enter_host(cpu);
	if (vm->kernel)
		return vm->kernel->age_hva(vm, cpu, hva, size);
	s2_lock_take(cpu, &vm->mmu_lock, S2_LOCK_WRITE);
	for (int i = 0; !ret && i < vm->n_by_ipa; i++) {
		struct s2_range range;
		bool young = false;

		if (!hva_to_ipa(vm->by_ipa[i], hva.v, hva.v + size, &range))
			continue;
		/* kvm_age_gfn() of some kernels: kvm_pgtable_stage2_mkold(range->start) alone. */
		if (vm->cfg.flavour->age_first_entry)
			range.size = s2_page_size(&vm->mmu->geo);
		ret = s2_pgtable_test_clear_young(vm->mmu, cpu, range, true, &young);
		any |= young;
	}
	/* Entries with AF may be cached, and must be gone before "old" means anything. */
	if (!ret && any)
		s2_flush_vmid(vm->mmu, cpu);
	s2_lock_drop(cpu, &vm->mmu_lock);
	return ret ? ret : any;
}
