/* SPDX-License-Identifier: MIT */
/*
 * Plain logs: what events/kvm alone can tell.  Requests are made up of faults,
 * cache toggles and set/way flushes; slots, vcpus and the VM's death are not
 * seen, so nothing is compared.
 */
#include "study/replay/replay_internal.h"

#include <errno.h>
#include <inttypes.h>

/* Where no host address can be: for slots of which the log's unmaps cannot be. */
#define NO_HVA (UINT64_C(1) << 63)

static uint64_t backing(const struct s2_replay *r, const struct replay_vm *vm)
{
	return r->cfg.backing ? r->cfg.backing : s2_page_size(s2_mmu_geometry(vm->mmu));
}

/* The PA is not in the log; any that lies in its block as the HVA does counts the same. */
static int plain_add_slot(struct s2_replay *r, struct replay_vm *vm, struct s2_ipa ipa,
			  uint64_t size, struct s2_va hva)
{
	const uint64_t offset = backing(r, vm) - 1;
	const struct s2_slot_config cfg = {
		.ipa = ipa,
		.size = size,
		.hva = hva,
		.pa = {hva.v & offset},
		.backing = offset + 1,
		/* Memory that a VMM gives is writable unless it says otherwise, which no log shows. */
		.populated = true,
	};
	int slot = s2_vm_add_slot(vm->vm, &cfg);

	if (slot >= 0)
		return 0;
	if (slot == -ENOMEM)
		return s2_replay_fail(r, S2_REPLAY_ERR_MEMORY, slot, "out of memory for a slot");
	return s2_replay_fail(r, S2_REPLAY_ERR_VM, -EINVAL,
			      slot == -ENOSPC ? "more than %d memory slots"
					      : "a slot past %d-bit addresses of the VM or machine",
			      slot == -ENOSPC ? S2_MAX_SLOTS
					      : (int)s2_mmu_geometry(vm->mmu)->ipa_bits);
}

static int plain_add_slots(struct s2_replay *r, struct replay_vm *vm)
{
	const struct s2_memslots *slots = r->cfg.slots;
	int ret = 0;

	if (!slots)
		return plain_add_slot(r, vm, s2_ipa(0), s2_ipa_limit(s2_mmu_geometry(vm->mmu)),
				      s2_va(NO_HVA));
	for (size_t i = 0; !ret && i < slots->count; i++) {
		const struct s2_memslot_line *s = &slots->slot[i];

		ret = plain_add_slot(r, vm, s->ipa, s->size,
				     s->has_hva ? s->hva : s2_va(NO_HVA | s->ipa.v));
	}
	return ret;
}

/* The one VM, with its slots or not at all. */
static int need_vm(struct s2_replay *r, struct replay_task *t)
{
	struct replay_vm *vm = NULL;
	int ret;

	if (r->vms)
		return 0;
	ret = s2_replay_plain_vm(r, t, &vm);
	if (ret)
		return ret;
	ret = plain_add_slots(r, vm);
	if (!ret)
		return 0;
	/* It never was: the next line that needs it tries again. */
	s2_replay_vm_gone(r, vm);
	r->vms_made--;
	return ret;
}

/* Task @t, which the log shows in the guest on this CPU, runs a vcpu of its own. */
static int need_vcpu(struct s2_replay *r, struct replay_task *t, const struct s2_trace_event *ev)
{
	int ret = need_vm(r, t);

	if (!ret && !t->vcpu)
		ret = s2_replay_add_vcpu(r, r->vms, &t->vcpu);
	if (ret)
		return ret;
	t->running = t->vcpu;
	s2_replay_on_cpu(r, t, ev->cpu);
	return 0;
}

/* With a backing of the user's own, what faulted is what the model has there. */
static int take_fault(struct s2_replay *r, struct replay_vcpu *v, const struct s2_trace_event *ev)
{
	struct s2_fault fault = s2_replay_fault(ev);
	struct s2_leaf leaf;
	int ret = s2_pgtable_lookup(v->vm->mmu, NULL, fault.ipa, &leaf);

	if (ret)
		return ret;
	fault.level = (int8_t)leaf.level;
	if (fault.code == S2_FAULT_PERMISSION && !s2_pte_valid(leaf.pte))
		fault.code = S2_FAULT_TRANSLATION;
	ret = s2_vcpu_abort(v->vcpu, &fault, NULL);
	if (ret != -EFAULT)
		return ret;
	s2_replay_infer(r, "faults outside all --memslots, or of a kind that KVM gives to user "
			   "space: left out");
	s2_replay_unplaced(r, ev->kind);
	return 0;
}

/* A fault is settled when its vcpu enters the guest again without an MMIO exit. */
static int settle_fault(struct s2_replay *r, struct replay_task *t, struct replay_vcpu *v)
{
	int ret;

	if (!t->fault_pending)
		return 0;
	t->fault_pending = false;
	ret = take_fault(r, v, &t->fault);
	if (!ret)
		return 1;
	if (ret == -ENOMEM)
		return s2_replay_fail(r, S2_REPLAY_ERR_MEMORY, ret,
				      "kvm_guest_fault: out of memory");
	return s2_replay_fail(r, S2_REPLAY_ERR_REQUEST, ret,
			      "kvm_guest_fault: IPA 0x%" PRIx64
			      " is past the VM's IPA size; --ipa-bits sets it",
			      t->fault.u.fault.ipa.v);
}

static int unmap_hva(struct s2_replay *r, const struct s2_trace_event *ev)
{
	const uint64_t page = s2_page_size(s2_mmu_geometry(r->vms->mmu));
	const uint64_t start = ev->u.unmap_hva.start.v & ~(page - 1);
	const uint64_t end = ev->u.unmap_hva.end.v < NO_HVA ? ev->u.unmap_hva.end.v : NO_HVA;
	int ret;

	if (!r->cfg.slots) {
		s2_replay_infer(r, "kvm_unmap_hva_range gives host addresses: unmaps are left out "
				   "without --memslots");
		return 0;
	}
	if (end <= ev->u.unmap_hva.start.v)
		return 0;
	ret = s2_vm_unmap_hva(r->vms->vm, s2_replay_cpu(r, ev), s2_va(start),
			      (end - start + page - 1) & ~(page - 1), S2_UNMAP_CLEAR);
	if (ret)
		return s2_replay_fail(r, S2_REPLAY_ERR_MEMORY, ret,
				      "kvm_unmap_hva_range: out of memory");
	return 1;
}

static void say_what_is_unseen(struct s2_replay *r)
{
	if (r->said_plain)
		return;
	r->said_plain = true;
	s2_replay_infer(r, "plain log: VM death, vcpus, slots, write-protection and PAs are not in "
			   "it; one VM taken, nothing compared");
	if (!r->cfg.backing)
		s2_replay_infer(r, "--backing not given: each fault taken to map one page");
}

/* Events of a task that runs a vcpu. */
static int take_plain_vcpu_event(struct s2_replay *r, struct replay_task *t,
				 const struct s2_trace_event *ev)
{
	int ret = need_vcpu(r, t, ev);
	struct replay_vcpu *v = t->vcpu;

	if (ret)
		return ret;
	switch (ev->kind) {
	case S2_TRACE_KVM_GUEST_FAULT:
		t->fault = *ev;
		t->fault_pending = true;
		return 1;
	case S2_TRACE_KVM_MMIO:
		t->fault_pending = false;
		return 1;
	case S2_TRACE_KVM_ENTRY:
		return settle_fault(r, t, v);
	case S2_TRACE_KVM_TOGGLE_CACHE:
		/* The fault before, if any, was settled when the guest ran again. */
		ret = s2_replay_toggle(r, v, ev);
		return ret ? ret : 1;
	default:
		ret = s2_replay_set_way(v, ev);
		return ret ? ret : 1;
	}
}

int s2_replay_plain(struct s2_replay *r, struct replay_task *t, const struct s2_trace_event *ev)
{
	say_what_is_unseen(r);
	switch (ev->kind) {
	case S2_TRACE_KVM_GUEST_FAULT:
	case S2_TRACE_KVM_MMIO:
	case S2_TRACE_KVM_ENTRY:
	case S2_TRACE_KVM_TOGGLE_CACHE:
	case S2_TRACE_KVM_SET_WAY_FLUSH:
		return take_plain_vcpu_event(r, t, ev);
	case S2_TRACE_KVM_UNMAP_HVA:
		return r->vms ? unmap_hva(r, ev) : 0;
	case S2_TRACE_SYS_IOCTL:
		return s2_replay_fail(
			r, S2_REPLAY_ERR_DETAIL, -EINVAL,
			"sys_ioctl in what began as a plain log; --kind rich reads it");
	default:
		return 0;
	}
}
