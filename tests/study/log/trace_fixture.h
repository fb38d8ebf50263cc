/* SPDX-License-Identifier: MIT */
/* Logs made in a test, what to expect of the next line, and one of each event. */
#ifndef STAGE2SIM_TESTS_STUDY_TRACE_FIXTURE_H
#define STAGE2SIM_TESTS_STUDY_TRACE_FIXTURE_H

#include "support.h"
#include "temp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "study/log/trace.h"

#define HEADER                                                        \
	"# tracer: nop\n"                                             \
	"#\n"                                                         \
	"# entries-in-buffer/entries-written: 1/1   #P:4\n"           \
	"#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n" \
	"#              | |         |   |||||     |         |\n"
#define PREFIX "             lab-192     [003] d....    10.982683: "
#define PROBE  ": (f+0x0/0x140)"

/* --- logs made here ----------------------------------------------------- */

/* Opens a log of these bytes; the file is gone when it is closed. */
static inline struct s2_trace *open_bytes(const void *bytes, size_t len)
{
	char path[S2_TEST_PATH];
	struct s2_error err = {0};
	struct s2_trace *t;

	s2_test_temp_file(path, bytes, len);
	t = s2_trace_open(path, &err);
	assert_int_equal(unlink(path), 0);
	if (t == NULL)
		fail_msg("%s", err.text);
	return t;
}

static inline struct s2_trace *open_text(const char *text)
{
	return open_bytes(text, strlen(text));
}

/* The next call must give this error and no other. */
static inline void assert_error(struct s2_trace *t, int r, enum s2_trace_code code, uint64_t line)
{
	struct s2_trace_event ev;
	char at[32];

	assert_i64(s2_trace_next(t, &ev), r);
	if (s2_trace_error(t)->code != (int)code)
		fail_msg("code %d, expected %d: %s", s2_trace_error(t)->code, (int)code,
			 s2_trace_error(t)->text);
	snprintf(at, sizeof(at), ":%" PRIu64 ": ", line);
	if (strstr(s2_trace_error(t)->text, at) == NULL)
		fail_msg("\"%s\" does not name line %" PRIu64, s2_trace_error(t)->text, line);
	assert_u64(ev.line, line);
}

static inline void assert_event(struct s2_trace *t, struct s2_trace_event *ev)
{
	const int r = s2_trace_next(t, ev);

	if (r != 1)
		fail_msg("%d, expected an event: %s", r, s2_trace_error(t)->text);
}

static inline void assert_end(struct s2_trace *t)
{
	struct s2_trace_event ev;
	const int r = s2_trace_next(t, &ev);

	if (r != 0)
		fail_msg("%d, expected the end: %s", r, s2_trace_error(t)->text);
}

/* The one event of a log with a whole line; spans are gone with the log. */
static inline struct s2_trace_event read_line(const char *line)
{
	char text[1024];
	struct s2_trace_event ev;
	struct s2_trace *t;

	snprintf(text, sizeof(text), HEADER "%s\n", line);
	s2_test_row("%s", line);
	t = open_text(text);
	assert_event(t, &ev);
	assert_end(t);
	assert_u64(ev.line, 6);
	s2_trace_close(t);
	return ev;
}

/* The same of what stands behind the prefix. */
static inline struct s2_trace_event read_event(const char *event)
{
	char line[512];

	snprintf(line, sizeof(line), PREFIX "%s", event);
	return read_line(line);
}

/* What a line's only error is. */
static inline void assert_bad_line(const char *line, enum s2_trace_code code)
{
	char text[1024];
	struct s2_trace *t;

	snprintf(text, sizeof(text), HEADER "%s\n", line);
	s2_test_row("%s", line);
	t = open_text(text);
	assert_error(t, -EBADMSG, code, 6);
	assert_end(t);
	s2_trace_close(t);
}

static inline void assert_bad_event(const char *event, enum s2_trace_code code)
{
	char line[512];

	snprintf(line, sizeof(line), PREFIX "%s", event);
	assert_bad_line(line, code);
}

/* --- one of each event -------------------------------------------------- */

static const struct {
	const char *event;
	enum s2_trace_kind kind;
	bool has_owner;
} samples[] = {
	{"tracing_mark_write: BEGIN map fresh pages=4", S2_TRACE_MARK_BEGIN, false},
	{"tracing_mark_write: END", S2_TRACE_MARK_END, false},
	{"tracing_mark_write: HOST release=6.12.107 machine=max", S2_TRACE_MARK_HOST, false},
	{"sys_ioctl(fd: 3, cmd: ae01, arg: ffffd3793110)", S2_TRACE_SYS_IOCTL, false},
	{"kvm_entry: PC: 0x0000800008028648", S2_TRACE_KVM_ENTRY, false},
	{"kvm_exit: TRAP: HSR_EC: 0x0024 (DABT_LOW), PC: 0x0000000040000004", S2_TRACE_KVM_EXIT,
	 false},
	{"kvm_guest_fault: ipa 0xa000000, hsr 0x93c48045, hxfar 0xa000008, pc 0x00000040000004",
	 S2_TRACE_KVM_GUEST_FAULT, false},
	{"kvm_mmio: mmio write len 8 gpa 0xa000000 val 0x1234", S2_TRACE_KVM_MMIO, false},
	{"kvm_userspace_exit: reason KVM_EXIT_MMIO (6)", S2_TRACE_KVM_USERSPACE_EXIT, false},
	{"kvm_unmap_hva_range: mmu notifier unmap range: 0x000000005ca000 -- 0x00ffff96678000",
	 S2_TRACE_KVM_UNMAP_HVA, false},
	{"kvm_set_spte_hva: mmu notifier set pte hva: 0x00ffff8be00000", S2_TRACE_KVM_SET_SPTE,
	 false},
	{"kvm_toggle_cache: VM op at 0x0000000040000058 (cache was off, now on)",
	 S2_TRACE_KVM_TOGGLE_CACHE, false},
	{"kvm_set_way_flush: S/W flush at 0x000000004000008c (cache on)",
	 S2_TRACE_KVM_SET_WAY_FLUSH, false},
	{"s2_map" PROBE " ipa=0x40000000 size=0x1000 phys=0x1025ec000 prot=0x7", S2_TRACE_S2_MAP,
	 false},
	{"s2_map" PROBE " ipa=0x40000000 size=0x1000 phys=0x1025ec000 prot=0x7 pgt=0xffff0001",
	 S2_TRACE_S2_MAP, true},
	{"s2_unmap" PROBE " ipa=0x80000000 size=0x200000", S2_TRACE_S2_UNMAP, false},
	{"s2_unmap" PROBE " ipa=0x80000000 size=0x200000 pgt=0xffff0001", S2_TRACE_S2_UNMAP, true},
	{"s2_wrprotect" PROBE " ipa=0x80000000 size=0x200000", S2_TRACE_S2_WRPROTECT, false},
	{"s2_wrprotect" PROBE " ipa=0x80000000 size=0x200000 pgt=0xffff0001", S2_TRACE_S2_WRPROTECT,
	 true},
	{"s2_flush" PROBE " ipa=0x80000000 size=0x200000", S2_TRACE_S2_FLUSH, false},
	{"s2_flush" PROBE " ipa=0x80000000 size=0x200000 pgt=0xffff0001", S2_TRACE_S2_FLUSH, true},
	{"s2_split" PROBE " ipa=0x80000000 size=0x200000", S2_TRACE_S2_SPLIT, false},
	{"s2_split" PROBE " ipa=0x80000000 size=0x200000 pgt=0xffff0001", S2_TRACE_S2_SPLIT, true},
	{"s2_relax_perms" PROBE " ipa=0x80001000 prot=0x6", S2_TRACE_S2_RELAX_PERMS, false},
	{"s2_relax_perms" PROBE " ipa=0x80001000 prot=0x6 pgt=0xffff0001", S2_TRACE_S2_RELAX_PERMS,
	 true},
	{"s2_mkyoung" PROBE " ipa=0x80002000", S2_TRACE_S2_MKYOUNG, false},
	{"s2_mkyoung" PROBE " ipa=0x80002000 pgt=0xffff0001", S2_TRACE_S2_MKYOUNG, true},
	{"s2_destroy" PROBE, S2_TRACE_S2_DESTROY, false},
	{"s2_destroy" PROBE " pgt=0xffff0001", S2_TRACE_S2_DESTROY, true},
	{"s2_free_unlinked" PROBE " level=2", S2_TRACE_S2_FREE_UNLINKED, false},
	{"s2_free_unlinked" PROBE " level=-1 pgt=0xffff0001", S2_TRACE_S2_FREE_UNLINKED, true},
	{"tlb_vmid" PROBE, S2_TRACE_TLB_VMID, false},
	{"tlb_vmid" PROBE " mmu=0xffff0001", S2_TRACE_TLB_VMID, true},
	{"tlb_ipa" PROBE " ipa=0x80003000 level=3", S2_TRACE_TLB_IPA, false},
	{"tlb_ipa" PROBE " ipa=0x80003000 level=2147483647 mmu=0xffff0001", S2_TRACE_TLB_IPA, true},
	{"tlb_ipa_nsh" PROBE " ipa=0x80003000 level=3", S2_TRACE_TLB_IPA_NSH, false},
	{"tlb_ipa_nsh" PROBE " ipa=0x80003000 level=3 mmu=0xffff0001", S2_TRACE_TLB_IPA_NSH, true},
	{"tlb_range" PROBE " start=0x80000000 pages=512", S2_TRACE_TLB_RANGE, false},
	{"tlb_range" PROBE " start=0x80000000 pages=512 mmu=0xffff0001", S2_TRACE_TLB_RANGE, true},
	{"tlb_cpu_ctx" PROBE, S2_TRACE_TLB_CPU_CTX, false},
	{"tlb_cpu_ctx" PROBE " mmu=0xffff0001", S2_TRACE_TLB_CPU_CTX, true},
	{"flush_memslot" PROBE " base_gfn=0x40000 npages=18446603338408579584",
	 S2_TRACE_FLUSH_MEMSLOT, false},
	{"flush_all" PROBE, S2_TRACE_FLUSH_ALL, false},
	{"clear_masked" PROBE " gfn_offset=0x40 mask=0xffffffffffffffff", S2_TRACE_CLEAR_MASKED,
	 false},
	{"commit_region" PROBE " change=3", S2_TRACE_COMMIT_REGION, false},
	{"commit_region" PROBE " change=0 old=0xffff0002 base_gfn=0x80000 npages=512",
	 S2_TRACE_COMMIT_REGION, false},
	{"commit_region" PROBE " change=1 old=0xffff0002 base_gfn=(fault) npages=(fault)",
	 S2_TRACE_COMMIT_REGION, false},
	{"flush_shadow_memslot" PROBE, S2_TRACE_FLUSH_SHADOW_MEMSLOT, false},
	{"flush_shadow_all" PROBE, S2_TRACE_FLUSH_SHADOW_ALL, false},
	{"toggle_cache" PROBE " was=1", S2_TRACE_TOGGLE_CACHE, false},
	{"set_way_flush" PROBE, S2_TRACE_SET_WAY_FLUSH, false},
	{"sgi" PROBE " reg=0x1000002 allow_g1=1", S2_TRACE_SGI, false},
};

#endif
