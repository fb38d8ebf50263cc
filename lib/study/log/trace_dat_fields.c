/* SPDX-License-Identifier: MIT */
/*
 * Names are those of Linux events/kvm and of the probes in docs/recording.md.
 */
#include "study/log/trace_dat_fields.h"

/* What ret of kvm_exit says when the guest was left by a trap (ARM_EXCEPTION_TRAP). */
#define DAT_EXIT_TRAP 2U

static bool fits_u32(uint64_t v)
{
	return v <= UINT32_MAX;
}

static bool fits_s32(uint64_t v)
{
	return v <= INT32_MAX || v >= (uint64_t)INT32_MIN;
}

static bool fill_nothing(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)ev;
	(void)v;
	(void)have;
	return true;
}

/* System calls and KVM's tracepoints. */

static bool fill_ioctl(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.ioctl.fd = (uint32_t)v[0];
	ev->u.ioctl.cmd = (uint32_t)v[1];
	ev->u.ioctl.arg = v[2];
	ev->u.ioctl.prefix = S2_TRACE_PREFIX_UNKNOWN;
	return true;
}

static bool fill_entry(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.entry.pc.v = v[0];
	return true;
}

static bool fill_exit(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.exit.is_trap = v[0] == DAT_EXIT_TRAP;
	ev->u.exit.ec = (uint8_t)v[1];
	ev->u.exit.pc.v = v[2];
	return v[1] <= 0x3f;
}

static bool fill_fault(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.fault.ipa.v = v[0];
	ev->u.fault.hsr = v[1];
	ev->u.fault.hxfar.v = v[2];
	ev->u.fault.pc.v = v[3];
	return true;
}

static bool fill_mmio(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	if (v[0] > S2_TRACE_MMIO_WRITE || !fits_u32(v[1]))
		return false;
	ev->u.mmio.type = (enum s2_trace_mmio)v[0];
	ev->u.mmio.len = (uint32_t)v[1];
	ev->u.mmio.gpa.v = v[2];
	ev->u.mmio.val = v[3];
	return true;
}

static bool fill_userspace_exit(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	const uint64_t number = v[1] >> 63 ? -v[1] : v[0];

	(void)have;
	ev->u.userspace_exit.is_error = v[1] >> 63;
	ev->u.userspace_exit.number = (uint32_t)number;
	return fits_u32(number);
}

static bool fill_unmap_hva(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.unmap_hva.start.v = v[0];
	ev->u.unmap_hva.end.v = v[1];
	return true;
}

static bool fill_set_spte(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.set_spte.hva.v = v[0];
	return true;
}

static bool fill_kvm_toggle(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.kvm_toggle.pc.v = v[0];
	ev->u.kvm_toggle.was_on = v[1] != 0;
	ev->u.kvm_toggle.now_on = v[2] != 0;
	return true;
}

static bool fill_kvm_set_way(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.kvm_set_way.pc.v = v[0];
	ev->u.kvm_set_way.caches_on = v[1] != 0;
	return true;
}

/* Probes. */

static bool fill_map(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.map.ipa.v = v[0];
	ev->u.map.size = v[1];
	ev->u.map.phys.v = v[2];
	ev->u.map.prot = v[3];
	return true;
}

static bool fill_range(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.range.ipa.v = v[0];
	ev->u.range.size = v[1];
	return true;
}

static bool fill_relax(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.relax.ipa.v = v[0];
	ev->u.relax.prot = v[1];
	return true;
}

static bool fill_mkyoung(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.mkyoung.ipa.v = v[0];
	return true;
}

static bool fill_free_unlinked(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.free_unlinked.level = (int32_t)v[0];
	return fits_s32(v[0]);
}

static bool fill_tlb_ipa(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.tlb_ipa.ipa.v = v[0];
	ev->u.tlb_ipa.level = (int32_t)v[1];
	return fits_s32(v[1]);
}

static bool fill_tlb_range(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.tlb_range.start.v = v[0];
	ev->u.tlb_range.pages = v[1];
	return true;
}

static bool fill_flush_memslot(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.flush_memslot.base_gfn = v[0];
	ev->u.flush_memslot.npages = v[1];
	return true;
}

static bool fill_clear_masked(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.clear_masked.gfn_offset = v[0];
	ev->u.clear_masked.mask = v[1];
	return true;
}

/* A deleted slot has no new one, and the probe then reads what was in the buffer before. */
static bool fill_commit_region(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	ev->u.commit_region.change = (uint32_t)v[0];
	if (have & 1U << 1)
		ev->u.commit_region.old = v[1];
	if ((have >> 2) == 3 && v[0] != S2_TRACE_REGION_DELETE) {
		ev->u.commit_region.has_slot = true;
		ev->u.commit_region.base_gfn = v[2];
		ev->u.commit_region.npages = v[3];
	}
	return fits_u32(v[0]);
}

static bool fill_toggle(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.toggle.was = (uint8_t)v[0];
	return v[0] <= UINT8_MAX;
}

static bool fill_sgi(struct s2_trace_event *ev, const uint64_t *v, unsigned have)
{
	(void)have;
	ev->u.sgi.reg = v[0];
	ev->u.sgi.allow_g1 = (uint8_t)v[1];
	return v[1] <= UINT8_MAX;
}

/* The table of them all. */

static const struct s2_dat_form dat_forms[] = {
	{S2_TRACE_SYS_IOCTL, {"fd", "cmd", "arg"}, 3, NULL, fill_ioctl},
	{S2_TRACE_KVM_ENTRY, {"vcpu_pc"}, 1, NULL, fill_entry},
	{S2_TRACE_KVM_EXIT, {"ret", "esr_ec", "vcpu_pc"}, 3, NULL, fill_exit},
	{S2_TRACE_KVM_GUEST_FAULT, {"ipa", "hsr", "hxfar", "vcpu_pc"}, 4, NULL, fill_fault},
	{S2_TRACE_KVM_MMIO, {"type", "len", "gpa", "val"}, 4, NULL, fill_mmio},
	{S2_TRACE_KVM_USERSPACE_EXIT, {"reason", "errno"}, 2, NULL, fill_userspace_exit},
	{S2_TRACE_KVM_UNMAP_HVA, {"start", "end"}, 2, NULL, fill_unmap_hva},
	{S2_TRACE_KVM_SET_SPTE, {"hva"}, 1, NULL, fill_set_spte},
	{S2_TRACE_KVM_TOGGLE_CACHE, {"vcpu_pc", "was", "now"}, 3, NULL, fill_kvm_toggle},
	{S2_TRACE_KVM_SET_WAY_FLUSH, {"vcpu_pc", "cache"}, 2, NULL, fill_kvm_set_way},
	{S2_TRACE_S2_MAP, {"ipa", "size", "phys", "prot"}, 4, "pgt", fill_map},
	{S2_TRACE_S2_UNMAP, {"ipa", "size"}, 2, "pgt", fill_range},
	{S2_TRACE_S2_WRPROTECT, {"ipa", "size"}, 2, "pgt", fill_range},
	{S2_TRACE_S2_FLUSH, {"ipa", "size"}, 2, "pgt", fill_range},
	{S2_TRACE_S2_SPLIT, {"ipa", "size"}, 2, "pgt", fill_range},
	{S2_TRACE_S2_RELAX_PERMS, {"ipa", "prot"}, 2, "pgt", fill_relax},
	{S2_TRACE_S2_MKYOUNG, {"ipa"}, 1, "pgt", fill_mkyoung},
	{S2_TRACE_S2_DESTROY, {NULL}, 0, "pgt", fill_nothing},
	{S2_TRACE_S2_FREE_UNLINKED, {"level"}, 1, "pgt", fill_free_unlinked},
	{S2_TRACE_TLB_VMID, {NULL}, 0, "mmu", fill_nothing},
	{S2_TRACE_TLB_IPA, {"ipa", "level"}, 2, "mmu", fill_tlb_ipa},
	{S2_TRACE_TLB_IPA_NSH, {"ipa", "level"}, 2, "mmu", fill_tlb_ipa},
	{S2_TRACE_TLB_RANGE, {"start", "pages"}, 2, "mmu", fill_tlb_range},
	{S2_TRACE_TLB_CPU_CTX, {NULL}, 0, "mmu", fill_nothing},
	{S2_TRACE_FLUSH_MEMSLOT, {"base_gfn", "npages"}, 2, NULL, fill_flush_memslot},
	{S2_TRACE_FLUSH_ALL, {NULL}, 0, NULL, fill_nothing},
	{S2_TRACE_CLEAR_MASKED, {"gfn_offset", "mask"}, 2, NULL, fill_clear_masked},
	{S2_TRACE_COMMIT_REGION,
	 {"change", "old", "base_gfn", "npages"},
	 1,
	 NULL,
	 fill_commit_region},
	{S2_TRACE_FLUSH_SHADOW_MEMSLOT, {NULL}, 0, NULL, fill_nothing},
	{S2_TRACE_FLUSH_SHADOW_ALL, {NULL}, 0, NULL, fill_nothing},
	{S2_TRACE_TOGGLE_CACHE, {"was"}, 1, NULL, fill_toggle},
	{S2_TRACE_SET_WAY_FLUSH, {NULL}, 0, NULL, fill_nothing},
	{S2_TRACE_SGI, {"reg", "allow_g1"}, 2, NULL, fill_sgi},
};

const struct s2_dat_form *s2_dat_form_of(enum s2_trace_kind kind)
{
	for (size_t i = 0; i < sizeof(dat_forms) / sizeof(dat_forms[0]); i++)
		if (dat_forms[i].kind == kind)
			return &dat_forms[i];
	return NULL;
}
