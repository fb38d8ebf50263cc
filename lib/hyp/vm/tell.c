/* SPDX-License-Identifier: MIT */
#include "hyp/vm/tell.h"

#include "hyp/vm/memslot.h"
#include "hyp/vm/vcpu.h"

static bool watched(const struct s2_vm *vm)
{
	return vm->machine->n_sinks > 0;
}

/* An act of the VM, of which the rest is to be filled in. */
static struct s2_act act_of(const struct s2_vm *vm, enum s2_act_kind kind, const char *site)
{
	struct s2_act act = {.kind = kind, .vm = vm->number, .site = site};

	/* Without tables nothing is mapped that could be asked for. */
	if (vm->mmu->root)
		s2_mmu_registers(vm->mmu, &act.vtcr, &act.vttbr);
	return act;
}

static struct s2_act act_of_vcpu(const struct s2_vcpu *vcpu, enum s2_act_kind kind,
				 const char *site)
{
	struct s2_act act = act_of(vcpu->vm, kind, site);

	act.vcpu = (unsigned)vcpu->index;
	return act;
}

/* The part of @range that @slot has. @return false if none */
static bool within_slot(const struct vm_slot *slot, struct s2_range range, struct s2_act *act)
{
	const struct s2_slot_config *cfg = &slot->cfg;
	const uint64_t end = range.ipa.v + range.size, slot_end = cfg->ipa.v + cfg->size;
	const uint64_t lo = range.ipa.v > cfg->ipa.v ? range.ipa.v : cfg->ipa.v;
	const uint64_t hi = end < slot_end ? end : slot_end;

	if (lo >= hi)
		return false;
	act->ipa = s2_ipa(lo);
	act->pa = s2_pa(cfg->pa.v + (lo - cfg->ipa.v));
	act->size = hi - lo;
	return true;
}

void s2_tell_given(struct s2_vm *vm, const struct vm_slot *slot, struct s2_range range)
{
	struct s2_act act;

	if (!watched(vm))
		return;
	act = act_of(vm, S2_ACT_GIVE, "host:give");
	act.agent = slot->cfg.filled_by;
	act.cleaned = slot->cfg.fill_by_dma_api;
	if (within_slot(slot, range, &act))
		(void)s2_tell(vm->machine, &act);
}

/* The host, or its device, reads what the guest wrote, if that outlives the mapping. */
static void take(struct s2_vm *vm, const struct vm_slot *slot, struct s2_range range,
		 enum s2_unmap_reason reason)
{
	struct s2_act act = act_of(vm, S2_ACT_TAKE, "host:take");

	act.agent = slot->cfg.read_by;
	act.cleaned = slot->cfg.read_by_dma_api;
	/* Of a slot that says nothing a disk is taken for the worst that there is. */
	if (reason == S2_UNMAP_SWAP && act.agent == S2_AGENT_WRITE_BACK) {
		act.agent = S2_AGENT_NON_CACHEABLE;
		act.cleaned = true;
	}
	if (within_slot(slot, range, &act))
		(void)s2_tell(vm->machine, &act);
}

void s2_tell_unmapped(struct s2_vm *vm, struct s2_range range, enum s2_unmap_reason reason)
{
	for (int i = 0; watched(vm) && i < vm->n_by_ipa; i++) {
		const struct vm_slot *slot = vm->by_ipa[i];

		if (reason == S2_UNMAP_EVENT && slot->cfg.life == S2_BACKING_DIES)
			s2_tell_given(vm, slot, range);
		else
			take(vm, slot, range, reason);
	}
}

void s2_tell_torn_down(struct s2_vm *vm)
{
	for (int i = 0; watched(vm) && i < vm->n_by_ipa; i++) {
		const struct vm_slot *slot = vm->by_ipa[i];

		if (slot->cfg.life == S2_BACKING_SHARED)
			take(vm, slot, s2_range(slot->cfg.ipa.v, slot->cfg.size), S2_UNMAP_CLEAR);
	}
}

/* Of the zero page, which is another frame, nothing is known to be the guest's. */
static bool is_slot_frame(const struct vm_slot *slot, enum s2_access access)
{
	return slot->cfg.populated || access == S2_ACCESS_WRITE;
}

void s2_tell_access(const struct s2_vcpu *vcpu, struct s2_range range, enum s2_access access)
{
	const struct s2_vm *vm = vcpu->vm;
	struct s2_act act;

	if (!watched(vm))
		return;
	act = act_of_vcpu(vcpu, S2_ACT_ACCESS, "guest:access");
	act.access = access;
	act.cacheable = vcpu->caches_on || vm->mmu->fmt.fwb;
	for (int i = 0; i < vm->n_by_ipa; i++)
		if (is_slot_frame(vm->by_ipa[i], access) &&
		    within_slot(vm->by_ipa[i], range, &act))
			(void)s2_tell(vm->machine, &act);
}

void s2_tell_maintain(const struct s2_vcpu *vcpu, struct s2_range range, enum s2_line_op op)
{
	const struct s2_vm *vm = vcpu->vm;
	struct s2_act act;

	if (!watched(vm))
		return;
	act = act_of_vcpu(vcpu, S2_ACT_MAINTAIN, "guest:dc");
	act.op = op;
	for (int i = 0; i < vm->n_by_ipa; i++)
		if (within_slot(vm->by_ipa[i], range, &act))
			(void)s2_tell(vm->machine, &act);
}

void s2_tell_line(const struct s2_vcpu *vcpu, enum s2_access access, struct s2_ipa ipa,
		  struct s2_pa pa, bool cacheable)
{
	struct s2_act act;

	if (!watched(vcpu->vm))
		return;
	act = act_of_vcpu(vcpu, S2_ACT_ACCESS, "guest:access");
	act.ipa = ipa;
	act.pa = pa;
	act.size = 1;
	act.access = access;
	act.cacheable = cacheable;
	(void)s2_tell(vcpu->vm->machine, &act);
}

void s2_tell_vcpu(const struct s2_vcpu *vcpu, enum s2_act_kind kind, bool on, bool trapped)
{
	static const char *const sites[S2_ACT_KINDS] = {
		[S2_ACT_CACHES] = "guest:caches",
		[S2_ACT_SET_WAY] = "guest:set-way",
		[S2_ACT_RESET] = "vcpu:init",
	};
	struct s2_act act;

	if (!watched(vcpu->vm))
		return;
	act = act_of_vcpu(vcpu, kind, sites[kind]);
	act.on = on;
	act.trapped = trapped;
	(void)s2_tell(vcpu->vm->machine, &act);
}
