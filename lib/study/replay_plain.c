/* SPDX-License-Identifier: MIT */
/*
 * Plain logs: what events/kvm alone can tell.  Requests are made up of faults,
 * cache toggles and set/way flushes; slots, vcpus and the VM's death are not
 * seen, so nothing is compared.
 */
#include "study/replay_internal.h"

#include <errno.h>
#include <inttypes.h>

#define EC_IABT_LOW 0x20U
#define HSR_WNR UINT64_C(0x40)
#define FSC_TYPE_MASK 0x3cU
#define FSC_TRANSLATION 0x04U
#define FSC_ACCESS 0x08U
#define FSC_PERMISSION 0x0cU

static struct replay_vm *plain_vm(struct s2_replay *r, struct replay_task *t)
{
	struct replay_process *p;
	struct s2_trace_event run = {.pid = t->pid, .tgid = -1};

	if (r->vms)
		return r->vms;
	/* Any fd and request will do to make the one process and VM there is. */
	run.u.ioctl.cmd = 0x0000ae80;
	if (s2_replay_ioctl(r, t, &run) < 0)
		return NULL;
	p = t->process;
	t->running = NULL;
	if (!r->vms && p)
		s2_replay_assumed_vm(r, p);
	return r->vms;
}

/* Bytes that a fault at @ipa maps: the backing, or less where a slot ends. */
static uint64_t backing_at(const struct s2_replay *r, const struct replay_vm *vm, uint64_t ipa)
{
	uint64_t page = s2_page_size(s2_mmu_geometry(vm->mmu));
	uint64_t size = r->cfg.backing ? r->cfg.backing : page;
	const struct s2_memslot_line *slot =
		r->cfg.slots ? s2_memslots_find(r->cfg.slots, s2_ipa(ipa)) : NULL;
	uint64_t base = ipa & ~(size - 1);

	if (slot && (base < slot->ipa.v || base + size > slot->ipa.v + slot->size))
		return page;
	return size;
}

static int map_fault(struct s2_replay *r, struct replay_vm *vm, struct s2_cpu *cpu, uint64_t ipa,
		     unsigned prot)
{
	uint64_t size = backing_at(r, vm, ipa);
	uint64_t base = ipa & ~(size - 1);

	/* The PA is not in the log; any that keeps the backing's alignment counts the same. */
	return s2_pgtable_map(vm->mmu, cpu, s2_range(base, size), s2_pa(base), prot, NULL,
			      S2_MAP_FAULT);
}

static unsigned fault_prot(const struct s2_replay *r, const struct s2_trace_event *ev)
{
	unsigned ec = (unsigned)(ev->u.fault.hsr >> 26) & 0x3f;
	unsigned prot = S2_PROT_R;

	if (ec == EC_IABT_LOW || r->cfg.features.dic)
		prot |= S2_PROT_X;
	/* Memory that a VMM gives is writable unless it says otherwise, which no log shows. */
	return prot | S2_PROT_W;
}

static int take_fault(struct s2_replay *r, struct replay_task *t, const struct s2_trace_event *ev)
{
	struct replay_vm *vm = plain_vm(r, t);
	struct s2_cpu *cpu = s2_replay_cpu(r, ev);
	uint64_t page, ipa;

	if (!vm)
		return -EINVAL;
	page = s2_page_size(s2_mmu_geometry(vm->mmu));
	ipa = ev->u.fault.ipa.v & ~(page - 1);
	switch (ev->u.fault.hsr & FSC_TYPE_MASK) {
	case FSC_TRANSLATION:
		return map_fault(r, vm, cpu, ipa, fault_prot(r, ev));
	case FSC_ACCESS:
		return s2_pgtable_mkyoung(vm->mmu, cpu, s2_ipa(ipa));
	case FSC_PERMISSION:
		return s2_pgtable_relax_perms(vm->mmu, cpu, s2_ipa(ipa), fault_prot(r, ev));
	default:
		return 0;
	}
}

/* A fault is settled when its vcpu enters the guest again without an MMIO exit. */
static int settle_fault(struct s2_replay *r, struct replay_task *t)
{
	int ret;

	if (!t->fault_pending)
		return 0;
	t->fault_pending = false;
	ret = take_fault(r, t, &t->fault);
	if (!ret || ret == -EAGAIN)
		return 1;
	if (r->err && r->err->text[0])
		return ret;
	return s2_replay_fail(r, S2_REPLAY_ERR_REQUEST, ret,
			      "kvm_guest_fault: IPA 0x%" PRIx64
			      " is past the VM's IPA size; --ipa-bits sets it",
			      t->fault.u.fault.ipa.v);
}

/* stage2_flush_vm(): everything mapped, cleaned to the PoC. */
static int flush_vm(struct s2_replay *r, struct replay_task *t, const struct s2_trace_event *ev)
{
	struct replay_vm *vm = plain_vm(r, t);
	const struct s2_geometry *geo;

	if (!vm)
		return -EINVAL;
	geo = s2_mmu_geometry(vm->mmu);
	return s2_pgtable_flush(vm->mmu, s2_replay_cpu(r, ev), s2_range(0, s2_ipa_limit(geo)));
}

static int unmap_hva(struct s2_replay *r, struct replay_task *t, const struct s2_trace_event *ev)
{
	struct replay_vm *vm = r->vms;
	uint64_t start = ev->u.unmap_hva.start.v, end = ev->u.unmap_hva.end.v;
	int done = 0;

	(void)t;
	for (size_t i = 0; vm && r->cfg.slots && i < r->cfg.slots->count; i++) {
		const struct s2_memslot_line *s = &r->cfg.slots->slot[i];
		uint64_t lo = start > s->hva.v ? start : s->hva.v;
		uint64_t hi = end < s->hva.v + s->size ? end : s->hva.v + s->size;

		if (!s->has_hva || lo >= hi)
			continue;
		s2_pgtable_unmap(vm->mmu, s2_replay_cpu(r, ev),
				 s2_range(s->ipa.v + (lo - s->hva.v), hi - lo));
		done = 1;
	}
	if (!done && !r->cfg.slots)
		s2_replay_infer(r, "kvm_unmap_hva_range gives host addresses: unmaps are left out "
				   "without --memslots");
	return done;
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

int s2_replay_plain(struct s2_replay *r, struct replay_task *t, const struct s2_trace_event *ev)
{
	int ret;

	say_what_is_unseen(r);
	switch (ev->kind) {
	case S2_TRACE_KVM_GUEST_FAULT:
		t->fault = *ev;
		t->fault_pending = true;
		return 1;
	case S2_TRACE_KVM_MMIO:
		t->fault_pending = false;
		return 1;
	case S2_TRACE_KVM_ENTRY:
		return settle_fault(r, t);
	case S2_TRACE_KVM_TOGGLE_CACHE:
		/* The fault before, if any, was settled when the guest ran again. */
		if (ev->u.kvm_toggle.was_on == ev->u.kvm_toggle.now_on)
			return 0;
		ret = flush_vm(r, t, ev);
		return ret ? ret : 1;
	case S2_TRACE_KVM_SET_WAY_FLUSH:
		ret = flush_vm(r, t, ev);
		return ret ? ret : 1;
	case S2_TRACE_KVM_UNMAP_HVA:
		return unmap_hva(r, t, ev);
	case S2_TRACE_SYS_IOCTL:
		return s2_replay_fail(r, S2_REPLAY_ERR_DETAIL, -EINVAL,
				      "sys_ioctl in what began as a plain log; --kind rich reads it");
	default:
		return 0;
	}
}
