/* SPDX-License-Identifier: MIT */
/*
 * What each event prints.  See trace_line.h.
 *
 * A parser starts behind the event's name and ends with the line.  The KVM_
 * ones stand next to their TP_printk() of Linux 6.12, the probes next to their
 * line in docs/recording.md.
 */
#include "study/log/trace_line.h"

/* The two ends that every probe has. */

/** `: (function+0x0/0x140)`. */
static bool probe_head(struct s2_cursor *c)
{
	return S2_LIT(c, ": (") && s2_scan_until(c, ')') && S2_LIT(c, ")");
}

/** The end of the line, or before it the optional pointer that @p key begins. */
static bool probe_owner(struct s2_cursor *c, struct s2_trace_event *ev, const char *key)
{
	if (c->p == c->end)
		return true;
	ev->has_owner = s2_scan_text(c, key, strlen(key)) && s2_scan_0x(c, &ev->owner);
	return ev->has_owner && s2_scan_end(c);
}

static bool end_or_pgt(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return probe_owner(c, ev, " pgt=");
}

static bool end_or_mmu(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return probe_owner(c, ev, " mmu=");
}

/* Marks and system calls. */

bool s2_trace_mark(struct s2_cursor *c, struct s2_trace_event *ev)
{
	if (S2_AT(c, "BEGIN ") || (S2_AT(c, "BEGIN") && c->end - c->p == 5)) {
		if (!S2_LIT(c, "BEGIN "))
			return false;
		ev->kind = S2_TRACE_MARK_BEGIN;
		ev->u.mark.name.text = c->p;
		ev->u.mark.name.len = (size_t)(c->end - c->p);
		return c->p < c->end || s2_scan_miss(c, S2_WANT_WORD);
	}
	if (S2_AT(c, "HOST ")) {
		ev->kind = S2_TRACE_MARK_HOST;
		ev->u.mark.name.text = c->p + 5;
		ev->u.mark.name.len = (size_t)(c->end - c->p) - 5;
		return true;
	}
	if (S2_AT(c, "END ") || (S2_AT(c, "END") && c->end - c->p == 3)) {
		ev->kind = S2_TRACE_MARK_END;
		return S2_LIT(c, "END") && s2_scan_end(c);
	}
	return true;
}

static bool form_mark(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return S2_LIT(c, ": ") && s2_trace_mark(c, ev);
}

/** "%s(fd: %lx, cmd: %lx, arg: %lx)"; "%s -> 0x%lx" on the way out. */
/** Hexadecimal; newer kernels put 0x before all but 0. */
static bool syscall_arg(struct s2_cursor *c, uint64_t *value, bool *prefixed)
{
	if (!S2_AT(c, "0x"))
		return s2_scan_hex(c, value);
	*prefixed = true;
	return s2_scan_0x(c, value);
}

static bool form_ioctl(struct s2_cursor *c, struct s2_trace_event *ev)
{
	bool prefixed = false;
	uint64_t fd, cmd;

	if (S2_AT(c, " -> ")) {
		ev->kind = S2_TRACE_OTHER;
		return true;
	}
	if (!S2_LIT(c, "(fd: ") || !syscall_arg(c, &fd, &prefixed) ||
	    !S2_LIT(c, ", cmd: ") || !syscall_arg(c, &cmd, &prefixed) || !S2_LIT(c, ", arg: ") ||
	    !syscall_arg(c, &ev->u.ioctl.arg, &prefixed) ||
	    !S2_LIT(c, ")"))
		return false;
	ev->u.ioctl.prefix = prefixed ? S2_TRACE_PREFIX_0X : S2_TRACE_PREFIX_NONE;
	ev->u.ioctl.fd = (uint32_t)fd;
	ev->u.ioctl.cmd = (uint32_t)cmd;
	return s2_scan_end(c);
}

/* KVM's tracepoints. */

/** "PC: 0x%016lx" */
static bool form_kvm_entry(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return S2_LIT(c, ": PC: ") && s2_scan_padded(c, 16, 8, &ev->u.entry.pc.v) && s2_scan_end(c);
}

/** "%s: HSR_EC: 0x%04x (%s), PC: 0x%016lx" */
static bool form_kvm_exit(struct s2_cursor *c, struct s2_trace_event *ev)
{
	uint64_t ec;

	if (!S2_LIT(c, ": "))
		return false;
	ev->u.exit.is_trap = S2_AT(c, "TRAP:");
	if (!s2_scan_until(c, ':') || !S2_LIT(c, ": HSR_EC: ") || !s2_scan_padded(c, 4, 4, &ec))
		return false;
	if (ec > 0x3f)
		return s2_scan_miss(c, S2_WANT_RANGE);
	ev->u.exit.ec = (uint8_t)ec;
	return S2_LIT(c, " (") && s2_scan_until(c, ')') && S2_LIT(c, "), PC: ") &&
	       s2_scan_padded(c, 16, 8, &ev->u.exit.pc.v) && s2_scan_end(c);
}

/** "ipa %#llx, hsr %#08lx, hxfar %#08lx, pc %#016lx": widths count the 0x. */
static bool form_kvm_guest_fault(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return S2_LIT(c, ": ipa ") && s2_scan_0x(c, &ev->u.fault.ipa.v) && S2_LIT(c, ", hsr ") &&
	       s2_scan_padded(c, 6, 6, &ev->u.fault.hsr) && S2_LIT(c, ", hxfar ") &&
	       s2_scan_padded(c, 6, 6, &ev->u.fault.hxfar.v) && S2_LIT(c, ", pc ") &&
	       s2_scan_padded(c, 14, 6, &ev->u.fault.pc.v) && s2_scan_end(c);
}

/** The first letter decides, so that a word which is cut is still known. */
static bool mmio_type(struct s2_cursor *c, enum s2_trace_mmio *type)
{
	switch (c->p < c->end ? *c->p : '\0') {
	case 'w':
		*type = S2_TRACE_MMIO_WRITE;
		return S2_LIT(c, "write ");
	case 'u':
		*type = S2_TRACE_MMIO_UNSATISFIED_READ;
		return S2_LIT(c, "unsatisfied-read ");
	default:
		*type = S2_TRACE_MMIO_READ;
		return S2_LIT(c, "read ");
	}
}

/** "mmio %s len %u gpa 0x%llx val 0x%llx" */
static bool form_kvm_mmio(struct s2_cursor *c, struct s2_trace_event *ev)
{
	uint64_t len;

	if (!S2_LIT(c, ": mmio ") || !mmio_type(c, &ev->u.mmio.type) || !S2_LIT(c, "len ") ||
	    !s2_scan_decimal(c, UINT32_MAX, &len))
		return false;
	ev->u.mmio.len = (uint32_t)len;
	return S2_LIT(c, " gpa ") && s2_scan_0x(c, &ev->u.mmio.gpa.v) && S2_LIT(c, " val ") &&
	       s2_scan_0x(c, &ev->u.mmio.val) && s2_scan_end(c);
}

/** "reason %s (%d)": an errno's words are "error" and "restart". */
static bool form_kvm_userspace_exit(struct s2_cursor *c, struct s2_trace_event *ev)
{
	uint64_t number;

	if (!S2_LIT(c, ": reason "))
		return false;
	ev->u.userspace_exit.is_error = S2_AT(c, "error ") || S2_AT(c, "restart ");
	if (!s2_scan_until(c, ' ') || !S2_LIT(c, " (") || !s2_scan_decimal(c, UINT32_MAX, &number))
		return false;
	ev->u.userspace_exit.number = (uint32_t)number;
	return S2_LIT(c, ")") && s2_scan_end(c);
}

/** "mmu notifier unmap range: %#016lx -- %#016lx" */
static bool form_kvm_unmap_hva(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return S2_LIT(c, ": mmu notifier unmap range: ") &&
	       s2_scan_padded(c, 14, 14, &ev->u.unmap_hva.start.v) && S2_LIT(c, " -- ") &&
	       s2_scan_padded(c, 14, 14, &ev->u.unmap_hva.end.v) && s2_scan_end(c);
}

/** "mmu notifier set pte hva: %#016lx" */
static bool form_kvm_set_spte(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return S2_LIT(c, ": mmu notifier set pte hva: ") &&
	       s2_scan_padded(c, 14, 14, &ev->u.set_spte.hva.v) && s2_scan_end(c);
}

static bool on_or_off(struct s2_cursor *c, bool *on)
{
	*on = S2_AT(c, "on");
	return *on ? S2_LIT(c, "on") : S2_LIT(c, "off");
}

/** "VM op at 0x%016lx (cache was %s, now %s)" */
static bool form_kvm_toggle_cache(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return S2_LIT(c, ": VM op at ") && s2_scan_padded(c, 16, 8, &ev->u.kvm_toggle.pc.v) &&
	       S2_LIT(c, " (cache was ") && on_or_off(c, &ev->u.kvm_toggle.was_on) &&
	       S2_LIT(c, ", now ") && on_or_off(c, &ev->u.kvm_toggle.now_on) && S2_LIT(c, ")") &&
	       s2_scan_end(c);
}

/** "S/W flush at 0x%016lx (cache %s)" */
static bool form_kvm_set_way_flush(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return S2_LIT(c, ": S/W flush at ") && s2_scan_padded(c, 16, 8, &ev->u.kvm_set_way.pc.v) &&
	       S2_LIT(c, " (cache ") && on_or_off(c, &ev->u.kvm_set_way.caches_on) &&
	       S2_LIT(c, ")") && s2_scan_end(c);
}

/* Probes on the stage-2 code: what was asked. */

static bool form_map(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return probe_head(c) && S2_LIT(c, " ipa=") && s2_scan_0x(c, &ev->u.map.ipa.v) &&
	       S2_LIT(c, " size=") && s2_scan_0x(c, &ev->u.map.size) && S2_LIT(c, " phys=") &&
	       s2_scan_0x(c, &ev->u.map.phys.v) && S2_LIT(c, " prot=") &&
	       s2_scan_0x(c, &ev->u.map.prot) && end_or_pgt(c, ev);
}

/** s2_unmap, s2_wrprotect, s2_flush, s2_split. */
static bool form_range(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return probe_head(c) && S2_LIT(c, " ipa=") && s2_scan_0x(c, &ev->u.range.ipa.v) &&
	       S2_LIT(c, " size=") && s2_scan_0x(c, &ev->u.range.size) && end_or_pgt(c, ev);
}

static bool form_relax_perms(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return probe_head(c) && S2_LIT(c, " ipa=") && s2_scan_0x(c, &ev->u.relax.ipa.v) &&
	       S2_LIT(c, " prot=") && s2_scan_0x(c, &ev->u.relax.prot) && end_or_pgt(c, ev);
}

static bool form_mkyoung(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return probe_head(c) && S2_LIT(c, " ipa=") && s2_scan_0x(c, &ev->u.mkyoung.ipa.v) &&
	       end_or_pgt(c, ev);
}

static bool form_free_unlinked(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return probe_head(c) && S2_LIT(c, " level=") &&
	       s2_scan_s32(c, &ev->u.free_unlinked.level) && end_or_pgt(c, ev);
}

static bool form_destroy(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return probe_head(c) && end_or_pgt(c, ev);
}

/* Probes on the flush calls: what was done. */

/** tlb_vmid, tlb_cpu_ctx. */
static bool form_tlb_whole(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return probe_head(c) && end_or_mmu(c, ev);
}

/** tlb_ipa, tlb_ipa_nsh. */
static bool form_tlb_ipa(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return probe_head(c) && S2_LIT(c, " ipa=") && s2_scan_0x(c, &ev->u.tlb_ipa.ipa.v) &&
	       S2_LIT(c, " level=") && s2_scan_s32(c, &ev->u.tlb_ipa.level) && end_or_mmu(c, ev);
}

static bool form_tlb_range(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return probe_head(c) && S2_LIT(c, " start=") && s2_scan_0x(c, &ev->u.tlb_range.start.v) &&
	       S2_LIT(c, " pages=") && s2_scan_decimal(c, UINT64_MAX, &ev->u.tlb_range.pages) &&
	       end_or_mmu(c, ev);
}

/* Probes on who asked. */

/** flush_all, flush_shadow_memslot, flush_shadow_all, set_way_flush. */
static bool form_bare(struct s2_cursor *c, struct s2_trace_event *ev)
{
	(void)ev;
	return probe_head(c) && s2_scan_end(c);
}

static bool form_flush_memslot(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return probe_head(c) && S2_LIT(c, " base_gfn=") &&
	       s2_scan_0x(c, &ev->u.flush_memslot.base_gfn) && S2_LIT(c, " npages=") &&
	       s2_scan_decimal(c, UINT64_MAX, &ev->u.flush_memslot.npages) && s2_scan_end(c);
}

static bool form_clear_masked(struct s2_cursor *c, struct s2_trace_event *ev)
{
	return probe_head(c) && S2_LIT(c, " gfn_offset=") &&
	       s2_scan_0x(c, &ev->u.clear_masked.gfn_offset) && S2_LIT(c, " mask=") &&
	       s2_scan_0x(c, &ev->u.clear_masked.mask) && s2_scan_end(c);
}

/** The new slot's fields of commit_region; a NULL slot's may print "(fault)". */
static bool new_slot(struct s2_cursor *c, struct s2_trace_event *ev)
{
	const bool deleted = ev->u.commit_region.change == S2_TRACE_REGION_DELETE;
	uint64_t base_gfn, npages;

	if (S2_AT(c, " base_gfn=("))
		return S2_LIT(c, " base_gfn=(fault) npages=(fault)");
	if (!S2_LIT(c, " base_gfn=") || !s2_scan_0x(c, &base_gfn) || !S2_LIT(c, " npages=") ||
	    !s2_scan_decimal(c, UINT64_MAX, &npages))
		return false;
	/*
	 * Reading through the NULL of a deleted slot fails in the probe, and the
	 * kernel then prints what the ring buffer held before.
	 */
	if (deleted)
		return true;
	ev->u.commit_region.has_slot = true;
	ev->u.commit_region.base_gfn = base_gfn;
	ev->u.commit_region.npages = npages;
	return true;
}

/** " change=%u", and from the corrected probe " old=… base_gfn=… npages=…". */
static bool form_commit_region(struct s2_cursor *c, struct s2_trace_event *ev)
{
	uint64_t change;

	if (!probe_head(c) || !S2_LIT(c, " change=") || !s2_scan_decimal(c, UINT32_MAX, &change))
		return false;
	ev->u.commit_region.change = (uint32_t)change;
	if (c->p == c->end)
		return true;
	if (S2_AT(c, " o") && !(S2_LIT(c, " old=") && s2_scan_0x(c, &ev->u.commit_region.old)))
		return false;
	return new_slot(c, ev) && s2_scan_end(c);
}

static bool form_toggle(struct s2_cursor *c, struct s2_trace_event *ev)
{
	uint64_t was;

	if (!probe_head(c) || !S2_LIT(c, " was=") || !s2_scan_decimal(c, UINT8_MAX, &was))
		return false;
	ev->u.toggle.was = (uint8_t)was;
	return s2_scan_end(c);
}

static bool form_sgi(struct s2_cursor *c, struct s2_trace_event *ev)
{
	uint64_t allow;

	if (!probe_head(c) || !S2_LIT(c, " reg=") || !s2_scan_0x(c, &ev->u.sgi.reg) ||
	    !S2_LIT(c, " allow_g1=") || !s2_scan_decimal(c, UINT8_MAX, &allow))
		return false;
	ev->u.sgi.allow_g1 = (uint8_t)allow;
	return s2_scan_end(c);
}

/* The table of them all. */

#define TRACE_FORM(name, kind, parse)              \
	{                                          \
		name, S2_TRACE_##kind, parse, NULL \
	}
#define TRACE_FOREIGN(name, arch)                \
	{                                        \
		name, S2_TRACE_OTHER, NULL, arch \
	}

static const struct s2_trace_form trace_forms[] = {
	TRACE_FORM("tracing_mark_write", OTHER, form_mark),
	TRACE_FORM("sys_ioctl", SYS_IOCTL, form_ioctl),
	TRACE_FORM("kvm_entry", KVM_ENTRY, form_kvm_entry),
	TRACE_FORM("kvm_exit", KVM_EXIT, form_kvm_exit),
	TRACE_FORM("kvm_guest_fault", KVM_GUEST_FAULT, form_kvm_guest_fault),
	TRACE_FORM("kvm_mmio", KVM_MMIO, form_kvm_mmio),
	TRACE_FORM("kvm_userspace_exit", KVM_USERSPACE_EXIT, form_kvm_userspace_exit),
	TRACE_FORM("kvm_unmap_hva_range", KVM_UNMAP_HVA, form_kvm_unmap_hva),
	TRACE_FORM("kvm_set_spte_hva", KVM_SET_SPTE, form_kvm_set_spte),
	TRACE_FORM("kvm_toggle_cache", KVM_TOGGLE_CACHE, form_kvm_toggle_cache),
	TRACE_FORM("kvm_set_way_flush", KVM_SET_WAY_FLUSH, form_kvm_set_way_flush),
	TRACE_FORM("s2_map", S2_MAP, form_map),
	TRACE_FORM("s2_unmap", S2_UNMAP, form_range),
	TRACE_FORM("s2_wrprotect", S2_WRPROTECT, form_range),
	TRACE_FORM("s2_flush", S2_FLUSH, form_range),
	TRACE_FORM("s2_split", S2_SPLIT, form_range),
	TRACE_FORM("s2_relax_perms", S2_RELAX_PERMS, form_relax_perms),
	TRACE_FORM("s2_mkyoung", S2_MKYOUNG, form_mkyoung),
	TRACE_FORM("s2_destroy", S2_DESTROY, form_destroy),
	TRACE_FORM("s2_free_unlinked", S2_FREE_UNLINKED, form_free_unlinked),
	TRACE_FORM("tlb_vmid", TLB_VMID, form_tlb_whole),
	TRACE_FORM("tlb_ipa", TLB_IPA, form_tlb_ipa),
	TRACE_FORM("tlb_ipa_nsh", TLB_IPA_NSH, form_tlb_ipa),
	TRACE_FORM("tlb_range", TLB_RANGE, form_tlb_range),
	TRACE_FORM("tlb_cpu_ctx", TLB_CPU_CTX, form_tlb_whole),
	TRACE_FORM("flush_memslot", FLUSH_MEMSLOT, form_flush_memslot),
	TRACE_FORM("flush_all", FLUSH_ALL, form_bare),
	TRACE_FORM("clear_masked", CLEAR_MASKED, form_clear_masked),
	TRACE_FORM("commit_region", COMMIT_REGION, form_commit_region),
	TRACE_FORM("flush_shadow_memslot", FLUSH_SHADOW_MEMSLOT, form_bare),
	TRACE_FORM("flush_shadow_all", FLUSH_SHADOW_ALL, form_bare),
	TRACE_FORM("toggle_cache", TOGGLE_CACHE, form_toggle),
	TRACE_FORM("set_way_flush", SET_WAY_FLUSH, form_bare),
	TRACE_FORM("sgi", SGI, form_sgi),
	/* Tracepoints that no arm64 kernel has: the log cannot be one of ours. */
	TRACE_FOREIGN("kvm_page_fault", "x86"),
	TRACE_FOREIGN("kvm_cr", "x86"),
	TRACE_FOREIGN("kvm_msr", "x86"),
	TRACE_FOREIGN("kvm_pio", "x86"),
	TRACE_FOREIGN("kvm_cpuid", "x86"),
	TRACE_FOREIGN("kvm_eoi", "x86"),
	TRACE_FOREIGN("kvm_pv_eoi", "x86"),
	TRACE_FOREIGN("kvm_apic", "x86"),
	TRACE_FOREIGN("kvm_apic_ipi", "x86"),
	TRACE_FOREIGN("kvm_apic_accept_irq", "x86"),
	TRACE_FOREIGN("kvm_apicv_accept_irq", "x86"),
	TRACE_FOREIGN("kvm_apicv_inhibit_changed", "x86"),
	TRACE_FOREIGN("kvm_inj_virq", "x86"),
	TRACE_FOREIGN("kvm_inj_exception", "x86"),
	TRACE_FOREIGN("kvm_emulate_insn", "x86"),
	TRACE_FOREIGN("kvm_hypercall", "x86"),
	TRACE_FOREIGN("kvm_fast_mmio", "x86"),
	TRACE_FOREIGN("kvm_msi_set_irq", "x86"),
	TRACE_FOREIGN("kvm_pic_set_irq", "x86"),
	TRACE_FOREIGN("kvm_ioapic_set_irq", "x86"),
	TRACE_FOREIGN("kvm_write_tsc_offset", "x86"),
	TRACE_FOREIGN("kvm_wait_lapic_expire", "x86"),
	TRACE_FOREIGN("kvm_nested_vmexit", "x86"),
	TRACE_FOREIGN("kvm_nested_vmenter", "x86"),
	TRACE_FOREIGN("kvm_nested_vmrun", "x86"),
	TRACE_FOREIGN("kvm_nested_vmexit_inject", "x86"),
	TRACE_FOREIGN("kvm_hv_hypercall", "x86"),
	TRACE_FOREIGN("kvm_ple_window_update", "x86"),
	TRACE_FOREIGN("kvm_pi_irte_update", "x86"),
	TRACE_FOREIGN("kvm_tdp_mmu_spte_changed", "x86"),
	TRACE_FOREIGN("kvm_mmu_spte_requested", "x86"),
	TRACE_FOREIGN("kvm_mmu_set_spte", "x86"),
	TRACE_FOREIGN("kvm_mmu_get_page", "x86"),
	TRACE_FOREIGN("kvm_s390_sie_enter", "s390"),
	TRACE_FOREIGN("kvm_s390_sie_exit", "s390"),
	TRACE_FOREIGN("kvm_s390_intercept_instruction", "s390"),
	TRACE_FOREIGN("kvm_guest_enter", "PowerPC"),
	TRACE_FOREIGN("kvm_guest_exit", "PowerPC"),
	TRACE_FOREIGN("kvm_hcall_enter", "PowerPC"),
	TRACE_FOREIGN("kvm_enter", "MIPS or LoongArch"),
	TRACE_FOREIGN("kvm_reenter", "MIPS or LoongArch"),
};

#define TRACE_FORMS (sizeof(trace_forms) / sizeof(trace_forms[0]))

_Static_assert(2 * TRACE_FORMS <= S2_TRACE_INDEX, "the index is too full to be quick");

static unsigned int trace_event_hash_name(struct s2_span name)
{
	const unsigned char *const s = (const unsigned char *)name.text;

	return ((unsigned int)name.len + 13U * s[name.len - 1] + 29U * s[name.len / 2] +
		7U * s[0]) &
	       (S2_TRACE_INDEX - 1);
}

void s2_trace_index_build(struct s2_trace_index *index)
{
	memset(index, 0, sizeof(*index));
	for (size_t i = 0; i < TRACE_FORMS; i++) {
		const struct s2_span name = {trace_forms[i].name, strlen(trace_forms[i].name)};
		unsigned int at = trace_event_hash_name(name);

		while (index->slot[at] != 0)
			at = (at + 1) & (S2_TRACE_INDEX - 1);
		index->slot[at] = (uint8_t)(i + 1);
	}
}

const struct s2_trace_form *s2_trace_form_find(const struct s2_trace_index *index,
					       struct s2_span name)
{
	unsigned int at = trace_event_hash_name(name);

	for (; index->slot[at] != 0; at = (at + 1) & (S2_TRACE_INDEX - 1)) {
		const struct s2_trace_form *const form = &trace_forms[index->slot[at] - 1];

		if (strncmp(form->name, name.text, name.len) == 0 && form->name[name.len] == '\0')
			return form;
	}
	return NULL;
}

const char *s2_trace_foreign(const struct s2_trace_form *form, struct s2_span rest)
{
	static const struct {
		const char *begins, *arch;
	} hints[] = {
		{": vcpu ", "x86"},
		{": reason ", "x86"},
		{": SEPC:", "RISC-V"},
		/* RISC-V's kvm_entry has "0x016%lx" where "0x%016lx" was meant. */
		{": PC: 0x016", "RISC-V"},
		{": trap=", "PowerPC"},
		{": [", "MIPS or LoongArch"},
	};

	if (form->arch != NULL)
		return form->arch;
	if (form->kind != S2_TRACE_KVM_ENTRY && form->kind != S2_TRACE_KVM_EXIT)
		return NULL;
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		const size_t len = strlen(hints[i].begins);

		if (rest.len >= len && memcmp(rest.text, hints[i].begins, len) == 0)
			return hints[i].arch;
	}
	return NULL;
}

const char *s2_trace_kind_name(enum s2_trace_kind kind)
{
	switch (kind) {
	case S2_TRACE_OTHER:
		return "other";
	case S2_TRACE_MARK_BEGIN:
		return "BEGIN";
	case S2_TRACE_MARK_END:
		return "END";
	case S2_TRACE_MARK_HOST:
		return "HOST";
	default:
		break;
	}
	for (size_t i = 0; i < TRACE_FORMS; i++) {
		if (trace_forms[i].kind == kind)
			return trace_forms[i].name;
	}
	return NULL;
}
