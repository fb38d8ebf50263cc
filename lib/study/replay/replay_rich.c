/* SPDX-License-Identifier: MIT */
/* Rich logs: each s2_* line is a request; dirty-log ioctls owe a flush at their end. */
#include "study/replay/replay_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static uint64_t page_size(const struct replay_vm *vm)
{
	return s2_page_size(s2_mmu_geometry(vm->mmu));
}

/* ---- slots ---- */

static struct replay_slot *find_slot(struct replay_vm *vm, uint64_t ipa)
{
	struct replay_slot *s = vm->slots;

	while (s && s->ipa != ipa)
		s = s->next;
	return s;
}

/* The slot that starts at @ipa, at least @size long; its exact size if @exact. */
static struct replay_slot *learn_slot(struct replay_vm *vm, uint64_t ipa, uint64_t size, bool exact)
{
	struct replay_slot *s = find_slot(vm, ipa);

	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return NULL;
		s->ipa = ipa;
		s->next = vm->slots;
		vm->slots = s;
	}
	if (exact || (!s->exact && size > s->size))
		s->size = size;
	s->exact |= exact;
	return s;
}

static void commit_region(struct s2_replay *r, struct replay_vm *vm,
			  const struct s2_trace_event *ev)
{
	uint64_t page = page_size(vm);

	if (ev->u.commit_region.has_slot)
		r->oom |= !learn_slot(vm, ev->u.commit_region.base_gfn * page,
				      ev->u.commit_region.npages * page, true);
}

static unsigned first_bit(uint64_t mask)
{
	unsigned bit = 0;

	while (!(mask >> bit & 1))
		bit++;
	return bit;
}

static unsigned last_bit(uint64_t mask)
{
	unsigned bit = 63;

	while (!(mask >> bit & 1))
		bit--;
	return bit;
}

/*
 * A wrprotect right after clear_masked starts at the first page of the mask:
 * that gives the slot's base, and the last page a lower bound of its size.
 */
static int learn_cleared_slot(struct s2_replay *r, struct replay_task *t, struct replay_vm *vm,
			      uint64_t ipa)
{
	uint64_t page = page_size(vm);
	uint64_t offset = (t->clear_offset + first_bit(t->clear_mask)) * page;
	uint64_t end = (t->clear_offset + last_bit(t->clear_mask) + 1) * page;
	const struct s2_memslot_line *given =
		r->cfg.slots ? s2_memslots_find(r->cfg.slots, s2_ipa(ipa)) : NULL;

	t->clear_mask = 0;
	if (offset > ipa)
		return s2_replay_fail(r, S2_REPLAY_ERR_REQUEST, -EINVAL,
				      "s2_wrprotect: expected an IPA past the page offset that "
				      "clear_masked gave, 0x%" PRIx64,
				      offset);
	if (given)
		t->clear_slot = learn_slot(vm, given->ipa.v, given->size, true);
	else
		t->clear_slot = learn_slot(vm, ipa - offset, end, false);
	r->oom |= !t->clear_slot;
	return 0;
}

/* ---- the end of an ioctl ---- */

/* From the first to the last page that this ioctl write-protected, if the slot has them. */
static struct s2_range cleared_span(const struct replay_task *t, struct s2_range slot)
{
	if (t->wp_start < slot.ipa.v || t->wp_end > slot.ipa.v + slot.size ||
	    t->wp_start >= t->wp_end)
		return slot;
	return s2_range(t->wp_start, t->wp_end - t->wp_start);
}

static void flush_cleared_slot(struct s2_replay *r, const struct replay_task *t,
			       struct replay_vm *vm)
{
	const struct replay_slot *slot = t->clear_slot;
	const struct s2_range range = s2_range(slot->ipa, slot->size);
	const struct s2_features *f = &r->cfg.features;

	if (!slot->exact && f->tlbirange && r->cfg.flavour->range_flush)
		s2_replay_infer(r,
				"slot at IPA 0x%" PRIx64 " of VM %" PRIu64
				": size not in the log, taken up to the highest page ever cleared",
				slot->ipa, vm->number);
	s2_vm_flush_cleared(vm->vm, s2_machine_cpu(r->machine, t->cpu), range,
			    cleared_span(t, range));
}

/* A flush that is in the log: @return whether it is the one that an ioctl owes, now paid. */
static bool pays_clear(struct s2_replay *r, struct replay_task *t, struct replay_vm *vm)
{
	if (!t->clear_pending || !t->clear_slot || t->ioctl_vm != vm)
		return false;
	flush_cleared_slot(r, t, vm);
	t->clear_pending = false;
	return true;
}

void s2_replay_end_ioctl(struct s2_replay *r, struct replay_task *t)
{
	struct replay_vm *vm = t->ioctl_vm;

	/* GET and CLEAR_DIRTY_LOG flush the memslot once, after the lock is dropped. */
	if (t->clear_pending && vm && t->clear_slot)
		flush_cleared_slot(r, t, vm);
	t->clear_pending = false;
	t->clear_slot = NULL;
	t->wp_start = t->wp_end = 0;
	t->ioctl_vm = NULL;
}

/* What happens within an ioctl on memory slots or the dirty log, and does not end it. */
static bool continues_ioctl(const struct replay_task *t, enum s2_trace_kind kind)
{
	switch (kind) {
	case S2_TRACE_OTHER:
	case S2_TRACE_CLEAR_MASKED:
	case S2_TRACE_COMMIT_REGION:
	case S2_TRACE_FLUSH_MEMSLOT:
	case S2_TRACE_FLUSH_SHADOW_MEMSLOT:
	case S2_TRACE_FLUSH_ALL:
	case S2_TRACE_S2_WRPROTECT:
	case S2_TRACE_S2_SPLIT:
	case S2_TRACE_S2_FREE_UNLINKED:
	case S2_TRACE_TLB_VMID:
	case S2_TRACE_TLB_IPA:
	case S2_TRACE_TLB_IPA_NSH:
	case S2_TRACE_TLB_RANGE:
		return true;
	case S2_TRACE_S2_UNMAP:
	case S2_TRACE_S2_FLUSH:
		return !t->clear_pending;
	default:
		return false;
	}
}

/* ---- requests ---- */

static int request_failed(struct s2_replay *r, const struct s2_trace_event *ev, int ret)
{
	const char *name = s2_trace_kind_name(ev->kind);

	if (ret && r->err && r->err->text[0])
		return ret;
	switch (ret) {
	case 0:
	case -EAGAIN: /* a mapping that is there already, a race lost: normal */
		return 1;
	case -ERANGE:
		return s2_replay_fail(r, S2_REPLAY_ERR_REQUEST, ret,
				      "%s: address past the VM's IPA size or the machine's PA size",
				      name);
	case -ENOMEM:
		return s2_replay_fail(r, S2_REPLAY_ERR_MEMORY, ret, "%s: out of memory", name);
	default:
		return s2_replay_fail(
			r, S2_REPLAY_ERR_REQUEST, ret,
			"%s: expected whole pages, at least one, and known permissions", name);
	}
}

/*
 * Whether a request on @vm that covers @range settles the fault that @t's vcpu has
 * taken: then the vcpu is given the fault, and comes to the request by itself.
 */
static bool settles_fault(const struct replay_task *t, const struct replay_vm *vm,
			  struct s2_range range)
{
	const struct s2_geometry *geo;
	enum s2_fault_code code;

	if (!t->running || t->running->vm != vm || !t->fault_pending)
		return false;
	/* Faults of other kinds come to no map. */
	code = s2_replay_fault(&t->fault).code;
	if (code != S2_FAULT_TRANSLATION && code != S2_FAULT_PERMISSION)
		return false;
	geo = s2_mmu_geometry(vm->mmu);
	return s2_is_leaf_size(geo, range.size) && !(range.ipa.v & (range.size - 1)) &&
	       t->fault.u.fault.ipa.v - range.ipa.v < range.size;
}

static int resolve_fault(struct replay_task *t, const struct s2_host_page *page)
{
	const struct s2_fault fault = s2_replay_fault(&t->fault);

	t->fault_pending = false;
	return s2_vcpu_abort(t->running->vcpu, &fault, page);
}

static bool has_page_table(const struct replay_vm *vm, struct s2_ipa ipa)
{
	struct s2_leaf leaf;

	return !s2_pgtable_lookup(vm->mmu, NULL, ipa, &leaf) && leaf.level == S2_LAST_LEVEL;
}

/*
 * kvm_set_spte_gfn(): the host has put another page there; a fault is still to
 * come.  It has no cache of tables to map from: where the unmap before it freed
 * the table, or none ever was, it maps nothing.
 */
static int change_pte(struct replay_vm *vm, struct s2_cpu *cpu, struct s2_range range,
		      struct s2_pa pa, unsigned prot)
{
	struct s2_memcache none = {0};
	const int ret = s2_pgtable_map(vm->mmu, cpu, range, pa, prot, &none, 0);

	return ret == -ENOMEM && !has_page_table(vm, range.ipa) ? 0 : ret;
}

static int replay_map(struct s2_replay *r, struct replay_task *t, struct replay_vm *vm,
		      const struct s2_trace_event *ev)
{
	const struct s2_range range = {ev->u.map.ipa, ev->u.map.size};
	/* Software bits of the kernel's prot say nothing about the mapping here. */
	uint64_t prot = ev->u.map.prot & ~S2_PTE_SW_MASK;
	const struct s2_host_page page = {ev->u.map.phys, range.size, (unsigned)prot};
	unsigned flags = t->running ? S2_MAP_FAULT : 0;

	if (prot > S2_PROT_MASK)
		return request_failed(r, ev, -EINVAL);
	if (t->changing_pte)
		return change_pte(vm, s2_replay_cpu(r, ev), range, page.pa, page.prot);
	if (settles_fault(t, vm, range) && !(page.pa.v & (page.size - 1)))
		return resolve_fault(t, &page);
	return s2_pgtable_map(vm->mmu, s2_replay_cpu(r, ev), range, ev->u.map.phys, (unsigned)prot,
			      NULL, flags);
}

/* The page is not in the log: it is the one that the tables have. */
static int replay_relax(struct s2_replay *r, struct replay_task *t, struct replay_vm *vm,
			const struct s2_trace_event *ev)
{
	const struct s2_geometry *geo = s2_mmu_geometry(vm->mmu);
	const uint64_t ipa = ev->u.relax.ipa.v;
	const unsigned prot = (unsigned)ev->u.relax.prot & S2_PROT_MASK;
	struct s2_leaf leaf;
	int ret = s2_pgtable_lookup(vm->mmu, NULL, ev->u.relax.ipa, &leaf);

	if (!ret && s2_pte_valid(leaf.pte)) {
		const uint64_t offset = s2_level_size(geo, leaf.level) - 1;
		const struct s2_host_page page = {s2_pa(leaf.pa.v & ~offset), offset + 1, prot};

		if (settles_fault(t, vm, s2_range(ipa & ~offset, page.size)))
			return resolve_fault(t, &page);
	}
	return s2_pgtable_relax_perms(vm->mmu, s2_replay_cpu(r, ev), ev->u.relax.ipa, prot);
}

/* kvm_mmu_split_nr_page_tables() of the chunk, of which the largest split so far tells. */
static uint64_t split_cache_pages(const struct s2_geometry *geo, uint64_t chunk)
{
	uint64_t pages = 0;

	for (int level = s2_min_block_level(geo); level < S2_LAST_LEVEL; level++)
		pages += (chunk + s2_level_size(geo, level) - 1) >> s2_level_shift(geo, level);
	return pages;
}

static int replay_split(struct s2_replay *r, struct replay_vm *vm, const struct s2_trace_event *ev)
{
	const struct s2_range range = {ev->u.range.ipa, ev->u.range.size};
	struct s2_memcache mc;

	if (!r->cfg.flavour->split) {
		s2_replay_infer(r, "%s does not split blocks eagerly: s2_split requests left out",
				r->cfg.flavour->name);
		s2_replay_unplaced(r, ev->kind);
		return 0;
	}
	if (range.size > vm->split_chunk)
		vm->split_chunk = range.size;
	s2_replay_infer(r,
			"VM %" PRIu64 ": eager-split chunk not in the log, the largest s2_split so "
			"far taken for it",
			vm->number);
	mc.nobjs = split_cache_pages(s2_mmu_geometry(vm->mmu), vm->split_chunk);
	return s2_pgtable_split(vm->mmu, s2_replay_cpu(r, ev), range, &mc);
}

static int replay_wrprotect(struct s2_replay *r, struct replay_task *t, struct replay_vm *vm,
			    const struct s2_trace_event *ev)
{
	const struct s2_range range = {ev->u.range.ipa, ev->u.range.size};
	int ret = 0;

	if (t->clear_mask)
		ret = learn_cleared_slot(r, t, vm, range.ipa.v);
	if (!ret)
		ret = s2_pgtable_wrprotect(vm->mmu, s2_replay_cpu(r, ev), range);
	if (ret)
		return ret;
	if (t->wp_start == t->wp_end)
		t->wp_start = range.ipa.v;
	t->wp_end = range.ipa.v + range.size;
	return 0;
}

/*
 * kvm_flush_remote_tlbs(): of the whole VMID, for whoever calls it.  Kernels in
 * which a dirty-log ioctl does pay by it what it owes.
 */
static int replay_flush_all(struct s2_replay *r, struct replay_task *t, struct replay_vm *vm,
			    const struct s2_trace_event *ev)
{
	if (!pays_clear(r, t, vm))
		s2_flush_vmid(vm->mmu, s2_replay_cpu(r, ev));
	return 0;
}

/*
 * kvm_flush_remote_tlbs_memslot() after a whole slot was write-protected, or,
 * where it was not inlined, at the end of a dirty-log ioctl.
 */
static int replay_flush_memslot(struct s2_replay *r, struct replay_task *t, struct replay_vm *vm,
				const struct s2_trace_event *ev)
{
	uint64_t size = t->wp_end - t->wp_start;

	if (pays_clear(r, t, vm))
		return 0;
	if (!size) {
		s2_replay_infer(r, "flush_memslot without a write-protect before it in the same "
				   "ioctl: its slot is not known, not replayed");
		s2_replay_unplaced(r, ev->kind);
		return 0;
	}
	r->oom |= !learn_slot(vm, t->wp_start, size, true);
	return s2_flush_vmid_range(vm->mmu, s2_replay_cpu(r, ev), s2_range(t->wp_start, size));
}

static int replay_destroy(struct s2_replay *r, struct replay_vm *vm,
			  const struct s2_trace_event *ev)
{
	int ret;

	s2_replay_unload_all(r, vm);
	ret = s2_vm_teardown(vm->vm, s2_replay_cpu(r, ev));
	if (!ret)
		s2_replay_vm_gone(r, vm);
	return ret;
}

/*
 * kvm_arch_flush_shadow_all() frees the tables: kernels differ in the name of
 * the function that does, not in this one.  Where it was placed, the s2_destroy
 * that may follow is the same end seen again.
 */
static int replay_shadow_all(struct s2_replay *r, struct replay_task *t,
			     const struct s2_trace_event *ev)
{
	struct replay_vm *vm = s2_replay_place(r, t, ev);

	t->end_seen = vm ? END_DONE : END_OPEN;
	return vm ? replay_destroy(r, vm, ev) : 0;
}

/* @return whether @ev is the end that flush_shadow_all has brought about already. */
static bool ends_again(struct s2_replay *r, struct replay_task *t, enum s2_trace_kind kind)
{
	const enum replay_end seen = t->end_seen;

	t->end_seen = END_NONE;
	if (kind != S2_TRACE_S2_DESTROY && seen == END_OPEN)
		s2_replay_unplaced(r, S2_TRACE_FLUSH_SHADOW_ALL);
	return kind == S2_TRACE_S2_DESTROY && seen == END_DONE;
}

static int replay_clear_masked(struct s2_replay *r, struct replay_task *t,
			       const struct s2_trace_event *ev)
{
	if (!ev->u.clear_masked.mask)
		return s2_replay_fail(r, S2_REPLAY_ERR_REQUEST, -EINVAL,
				      "clear_masked: expected a mask with a bit set");
	if (ev->u.clear_masked.gfn_offset > UINT64_C(1) << 40)
		return s2_replay_fail(r, S2_REPLAY_ERR_REQUEST, -ERANGE,
				      "clear_masked: page offset past any slot");
	t->clear_offset = ev->u.clear_masked.gfn_offset;
	t->clear_mask = ev->u.clear_masked.mask;
	t->clear_pending = true;
	return 0;
}

static int do_request(struct s2_replay *r, struct replay_task *t, struct replay_vm *vm,
		      const struct s2_trace_event *ev)
{
	struct s2_cpu *cpu = s2_replay_cpu(r, ev);
	const struct s2_range range = {ev->u.range.ipa, ev->u.range.size};

	switch (ev->kind) {
	case S2_TRACE_S2_MAP:
		return replay_map(r, t, vm, ev);
	case S2_TRACE_S2_UNMAP:
		return s2_pgtable_unmap(vm->mmu, cpu, range);
	case S2_TRACE_S2_FLUSH:
		return s2_pgtable_flush(vm->mmu, cpu, range);
	case S2_TRACE_S2_WRPROTECT:
		return replay_wrprotect(r, t, vm, ev);
	case S2_TRACE_S2_SPLIT:
		return replay_split(r, vm, ev);
	case S2_TRACE_S2_RELAX_PERMS:
		return replay_relax(r, t, vm, ev);
	case S2_TRACE_S2_MKYOUNG:
		return s2_pgtable_mkyoung(vm->mmu, cpu, ev->u.mkyoung.ipa);
	case S2_TRACE_S2_DESTROY:
		return replay_destroy(r, vm, ev);
	case S2_TRACE_FLUSH_MEMSLOT:
		return replay_flush_memslot(r, t, vm, ev);
	case S2_TRACE_FLUSH_ALL:
		return replay_flush_all(r, t, vm, ev);
	case S2_TRACE_CLEAR_MASKED:
		return replay_clear_masked(r, t, ev);
	default:
		commit_region(r, vm, ev);
		return 0;
	}
}

static bool is_request(enum s2_trace_kind kind)
{
	switch (kind) {
	case S2_TRACE_S2_MAP:
	case S2_TRACE_S2_UNMAP:
	case S2_TRACE_S2_FLUSH:
	case S2_TRACE_S2_WRPROTECT:
	case S2_TRACE_S2_SPLIT:
	case S2_TRACE_S2_RELAX_PERMS:
	case S2_TRACE_S2_MKYOUNG:
	case S2_TRACE_S2_DESTROY:
	case S2_TRACE_FLUSH_MEMSLOT:
	case S2_TRACE_FLUSH_ALL:
	case S2_TRACE_CLEAR_MASKED:
	case S2_TRACE_COMMIT_REGION:
		return true;
	default:
		return false;
	}
}

static bool is_observed_call(enum s2_trace_kind kind)
{
	return kind >= S2_TRACE_TLB_VMID && kind <= S2_TRACE_TLB_CPU_CTX;
}

static int replay_request(struct s2_replay *r, struct replay_task *t,
			  const struct s2_trace_event *ev)
{
	struct replay_vm *vm = s2_replay_place(r, t, ev);
	int ret = 0;

	/* A recording begun in the middle of a VM's life, and seen from a notifier first. */
	if (!vm && !r->vms_made && t->process && ev->kind != S2_TRACE_S2_DESTROY)
		ret = s2_replay_assumed_vm(r, t->process, &vm);
	if (ret)
		return ret;
	if (!vm) {
		s2_replay_unplaced(r, ev->kind);
		return 0;
	}
	return request_failed(r, ev, do_request(r, t, vm, ev));
}

/* What a running vcpu did that is no request yet, or never was one. @return 1: it had a meaning */
static int take_rich_vcpu_event(struct s2_replay *r, struct replay_task *t,
				const struct s2_trace_event *ev)
{
	int ret;

	if (!t->running)
		return 0;
	switch (ev->kind) {
	case S2_TRACE_KVM_SET_SPTE:
		return 1;
	case S2_TRACE_KVM_GUEST_FAULT:
		t->fault = *ev;
		t->fault_pending = true;
		return 1;
	case S2_TRACE_KVM_ENTRY:
	case S2_TRACE_KVM_USERSPACE_EXIT:
		t->fault_pending = false;
		return ev->kind == S2_TRACE_KVM_USERSPACE_EXIT;
	case S2_TRACE_KVM_TOGGLE_CACHE:
		ret = s2_replay_toggle(r, t->running, ev);
		return ret ? ret : 1;
	case S2_TRACE_KVM_SET_WAY_FLUSH:
		ret = s2_replay_set_way(t->running, ev);
		return ret ? ret : 1;
	default:
		return 0;
	}
}

int s2_replay_rich(struct s2_replay *r, struct replay_task *t, const struct s2_trace_event *ev)
{
	if (is_observed_call(ev->kind)) {
		s2_replay_observe(r, t, ev);
		return 1;
	}
	/* It maps the page at once, in each slot that has it. */
	if (ev->kind != S2_TRACE_S2_MAP)
		t->changing_pte = ev->kind == S2_TRACE_KVM_SET_SPTE;
	if (!continues_ioctl(t, ev->kind))
		s2_replay_end_ioctl(r, t);
	if (ev->kind != S2_TRACE_OTHER && !t->clear_pending)
		s2_replay_settle(r, t);
	if (ends_again(r, t, ev->kind))
		return 1;
	if (ev->kind == S2_TRACE_FLUSH_SHADOW_ALL)
		return request_failed(r, ev, replay_shadow_all(r, t, ev));
	if (ev->kind == S2_TRACE_SYS_IOCTL)
		return s2_replay_ioctl(r, t, ev);
	if (!is_request(ev->kind))
		return take_rich_vcpu_event(r, t, ev);
	return replay_request(r, t, ev);
}
