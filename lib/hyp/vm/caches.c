/* SPDX-License-Identifier: MIT */
/*
 * Caches turned on and off, and set/way.  Reads beside access_vm_reg(),
 * kvm_toggle_cache() and kvm_set_way_flush(); each policy says where it leaves
 * them.
 */
#include <errno.h>

#include "hyp/vm/caches.h"
#include "hyp/vm/kernel.h"
#include "hyp/vm/memslot.h"
#include "hyp/vm/mmu_lock.h"
#include "hyp/vm/tell.h"
#include "hyp/vm/vcpu.h"
#include "hyp/vm/vm.h"

static enum s2_toggle policy(const struct s2_vm *vm)
{
	return vm->cfg.flavour->toggle;
}

static int apply_to_slots(struct s2_vm *vm, struct s2_cpu *cpu, s2_range_fn fn)
{
	int ret = 0;

	for (int i = 0; !ret && i < vm->n_by_ipa; i++) {
		const struct vm_slot *s = vm->by_ipa[i];

		ret = s2_vm_apply_range(vm, cpu, s2_range(s->cfg.ipa.v, s->cfg.size), fn);
	}
	return ret;
}

/* Takes what was mapped since and lies side by side, from @at on, within one largest block. */
static int take_mapped(struct s2_vm *vm, uint64_t at, struct s2_range *range)
{
	const unsigned shift = vm->clean_shift;
	uint64_t per_chunk = s2_max_block_size(&vm->mmu->geo) >> shift;
	uint64_t first = s2_bits_next(&vm->clean, at), end = first;
	uint64_t limit = (first / per_chunk + 1) * per_chunk;
	int ret = 0;

	while (!ret && end < vm->clean.n && end < limit && s2_bits_test(&vm->clean, end))
		ret = s2_bits_clear(&vm->clean, end++);
	*range = s2_range(first << shift, (end - first) << shift);
	return ret;
}

/*
 * SINCE_FLUSH: only what was mapped since everything was last clean.  What is
 * adjacent goes together: a block must be cleaned once, not for each of its
 * parts.
 */
static int flush_since_last(struct s2_vm *vm, struct s2_cpu *cpu)
{
	struct s2_range range = {.size = 0};
	int ret = 0;

	/* Under the lock, or another that comes now would find nothing to wait for. */
	s2_vm_lock(vm, cpu);
	if (vm->clean.set)
		ret = take_mapped(vm, 0, &range);
	while (!ret && range.size) {
		ret = s2_pgtable_flush(vm->mmu, cpu, range);
		s2_vm_cond_resched(vm, cpu);
		if (!ret)
			ret = take_mapped(vm, (range.ipa.v + range.size) >> vm->clean_shift,
					  &range);
	}
	s2_vm_unlock(vm, cpu);
	return ret;
}

/*
 * What is clean is off the account, before the lock is offered: what others map from then on
 * is on it, and whoever looks at it before has still to clean.
 */
static int flush_and_account(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	struct s2_vm *vm = mmu->vm;
	const uint64_t end = (range.ipa.v + range.size) >> vm->clean_shift;
	uint64_t b = range.ipa.v >> vm->clean_shift;
	int ret = s2_pgtable_flush(mmu, cpu, range);

	while (!ret && vm->clean.set && (b = s2_bits_next(&vm->clean, b)) < end)
		ret = s2_bits_clear(&vm->clean, b);
	return ret;
}

/* stage2_flush_vm(): all of every slot. */
static int flush_all(struct s2_vm *vm, struct s2_cpu *cpu)
{
	cpu->site = "caches:flush_vm";
	if (vm->mmu->fmt.fwb)
		return 0;
	return apply_to_slots(vm, cpu, flush_and_account);
}

/* What a toggle cleans, if it does. */
static int flush_for_toggle(struct s2_vm *vm, struct s2_cpu *cpu)
{
	if (policy(vm) != S2_TOGGLE_SINCE_FLUSH)
		return flush_all(vm, cpu);
	cpu->site = "caches:flush_vm";
	return vm->mmu->fmt.fwb ? 0 : flush_since_last(vm, cpu);
}

int s2_vm_unmap_all(struct s2_vm *vm, struct s2_cpu *cpu)
{
	int ret = apply_to_slots(vm, cpu, s2_pgtable_unmap);

	for (int i = 0; !ret && i < vm->n_by_ipa; i++)
		s2_mmu_returned(vm->mmu, cpu, vm->by_ipa[i]->cfg.ipa, vm->by_ipa[i]->cfg.size,
				"stage2_unmap_vm");
	return ret;
}

/* Account is kept in the smallest pages that the host has behind the VM by now. */
static int start_account(struct s2_vm *vm)
{
	const struct s2_geometry *geo = &vm->mmu->geo;
	uint64_t smallest = s2_max_block_size(geo);

	for (int i = 0; i < vm->n_by_ipa; i++)
		if (vm->by_ipa[i]->cfg.backing < smallest)
			smallest = vm->by_ipa[i]->cfg.backing;
	vm->clean_shift = geo->page_shift;
	while (UINT64_C(1) << vm->clean_shift < smallest)
		vm->clean_shift++;
	return s2_bits_init(&vm->clean, s2_ipa_limit(geo) >> vm->clean_shift, false);
}

int s2_vm_note_mapped(struct s2_vm *vm, struct s2_ipa ipa, uint64_t size)
{
	unsigned shift;
	int ret = 0;

	if (policy(vm) != S2_TOGGLE_SINCE_FLUSH)
		return 0;
	if (!vm->clean.chunks)
		ret = start_account(vm);
	shift = vm->clean_shift;
	for (uint64_t b = ipa.v >> shift; !ret && b <= (ipa.v + size - 1) >> shift; b++)
		ret = s2_bits_set(&vm->clean, b);
	return ret;
}

/* Whether a change seen on @vcpu makes KVM clean the VM. */
static bool change_flushes(const struct s2_vcpu *vcpu, unsigned others_on)
{
	switch (policy(vcpu->vm)) {
	case S2_TOGGLE_NEVER:
		return false;
	case S2_TOGGLE_VCPU0:
		return vcpu->index == 0;
	case S2_TOGGLE_FIRST_LAST:
	case S2_TOGGLE_FIRST_LAST_TVM:
	case S2_TOGGLE_FIRST_LAST_FGT:
		return !others_on;
	default:
		return true;
	}
}

bool s2_vcpu_sctlr_traps(const struct s2_vcpu *vcpu)
{
	if (vcpu->vm->mmu->fmt.fwb)
		return false;
	return vcpu->tvm || policy(vcpu->vm) == S2_TOGGLE_FIRST_LAST_FGT;
}

/* After the first "on" upstream sees no more changes; these policies do. */
static bool keeps_tvm(const struct s2_vm *vm)
{
	return policy(vm) == S2_TOGGLE_FIRST_LAST_TVM;
}

static void note_seen(struct s2_vcpu *vcpu, bool on)
{
	vcpu->vm->n_seen_on = vcpu->vm->n_seen_on - vcpu->seen_on + on;
	vcpu->seen_on = on;
}

/* kvm_toggle_cache() */
static int toggle_cache(struct s2_vcpu *vcpu, bool was_on, bool on)
{
	struct s2_vm *vm = vcpu->vm;
	unsigned others_on = vm->n_seen_on - vcpu->seen_on;
	int ret = 0;

	if (vm->kernel)
		return vm->kernel->toggle(vcpu, was_on, on);
	/* Others may count on a vcpu that is on: not before all has been cleaned for it. */
	if (!on)
		note_seen(vcpu, false);
	if (!on && vm->cfg.flavour->bug == S2_BUG_OFF_NOT_CLEANED)
		return 0;
	if (on != was_on && change_flushes(vcpu, others_on))
		ret = flush_for_toggle(vm, vcpu->cpu);
	if (on && !ret) {
		note_seen(vcpu, true);
		vcpu->swept = false;
		vcpu->tvm = keeps_tvm(vm);
	}
	return ret;
}

int s2_vcpu_set_caches(struct s2_vcpu *vcpu, bool on)
{
	bool was_on = vcpu->caches_on;
	int ret = 0;

	if (!vcpu->cpu)
		return -EINVAL;
	vcpu->caches_on = on;
	if (!s2_vcpu_sctlr_traps(vcpu)) {
		s2_before_pte(vcpu->cpu, S2_OP_WALK_READ, 0);
		s2_tell_vcpu(vcpu, S2_ACT_CACHES, on, false);
		return 0;
	}
	s2_count(vcpu->cpu, S2_OP_SYSREG_TRAP, 1);
	s2_count(vcpu->cpu, S2_OP_GUEST_EXIT, 1);
	ret = toggle_cache(vcpu, was_on, on);
	s2_count(vcpu->cpu, S2_OP_GUEST_ENTRY, 1);
	if (!ret)
		s2_tell_vcpu(vcpu, S2_ACT_CACHES, on, true);
	return ret;
}

int s2_vcpu_write_vm_regs(struct s2_vcpu *vcpu, unsigned n)
{
	if (!vcpu->cpu)
		return -EINVAL;
	/* With FGT only SCTLR_EL1 is trapped; without, TVM traps the whole group. */
	if (!vcpu->tvm || policy(vcpu->vm) == S2_TOGGLE_FIRST_LAST_FGT)
		return 0;
	s2_count(vcpu->cpu, S2_OP_SYSREG_TRAP, n);
	s2_count(vcpu->cpu, S2_OP_GUEST_EXIT, n);
	s2_count(vcpu->cpu, S2_OP_GUEST_ENTRY, n);
	return 0;
}

/*
 * kvm_set_way_flush(), with every policy: the guest asks for all that it has
 * written, mapped when it may.  The first one stands for all, until caches are on
 * again.  Upstream asks TVM, which says the same; a policy that keeps TVM set
 * needs the flag of its own.
 */
static int set_way_flush(struct s2_vcpu *vcpu)
{
	int ret;

	if (vcpu->vm->kernel)
		return vcpu->vm->kernel->set_way(vcpu);
	if (vcpu->swept || vcpu->vm->cfg.flavour->bug == S2_BUG_SET_WAY_IGNORED)
		return 0;
	ret = flush_all(vcpu->vm, vcpu->cpu);
	vcpu->swept = true;
	vcpu->tvm = true;
	return ret;
}

int s2_vcpu_set_way(struct s2_vcpu *vcpu, unsigned n)
{
	const bool first = !vcpu->swept;
	int ret = 0;

	if (!vcpu->cpu)
		return -EINVAL;
	for (unsigned i = 0; !ret && i < n; i++) {
		s2_count(vcpu->cpu, S2_OP_SYSREG_TRAP, 1);
		s2_count(vcpu->cpu, S2_OP_GUEST_EXIT, 1);
		s2_count(vcpu->cpu, S2_OP_DC_SETWAY, 1);
		if (!vcpu->vm->mmu->fmt.fwb)
			ret = set_way_flush(vcpu);
		s2_count(vcpu->cpu, S2_OP_GUEST_ENTRY, 1);
	}
	if (!ret && n)
		s2_tell_vcpu(vcpu, S2_ACT_SET_WAY, false, first);
	return ret;
}
