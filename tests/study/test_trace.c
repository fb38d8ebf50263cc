/* SPDX-License-Identifier: MIT */
/* The reader of ftrace text logs: what it reads, and what it refuses. */
#include "study/trace.h"

#include "support.h"
#include "temp.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef S2_HAVE_ZLIB
#include <zlib.h>
#endif

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
static struct s2_trace *open_bytes(const void *bytes, size_t len)
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

static struct s2_trace *open_text(const char *text)
{
	return open_bytes(text, strlen(text));
}

/* The next call must give this error and no other. */
static void assert_error(struct s2_trace *t, int r, enum s2_trace_code code, uint64_t line)
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

static void assert_event(struct s2_trace *t, struct s2_trace_event *ev)
{
	const int r = s2_trace_next(t, ev);

	if (r != 1)
		fail_msg("%d, expected an event: %s", r, s2_trace_error(t)->text);
}

static void assert_end(struct s2_trace *t)
{
	struct s2_trace_event ev;
	const int r = s2_trace_next(t, &ev);

	if (r != 0)
		fail_msg("%d, expected the end: %s", r, s2_trace_error(t)->text);
}

/* The one event of a log with a whole line; spans are gone with the log. */
static struct s2_trace_event read_line(const char *line)
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
static struct s2_trace_event read_event(const char *event)
{
	char line[512];

	snprintf(line, sizeof(line), PREFIX "%s", event);
	return read_line(line);
}

/* What a line's only error is. */
static void assert_bad_line(const char *line, enum s2_trace_code code)
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

static void assert_bad_event(const char *event, enum s2_trace_code code)
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

static void every_event_is_told_by_its_kind(void **state)
{
	bool seen[S2_TRACE_KINDS] = {[S2_TRACE_OTHER] = true};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct s2_trace_event ev = read_event(samples[i].event);

		assert_i64(ev.kind, (int)samples[i].kind);
		assert_i64(ev.has_owner, samples[i].has_owner);
		assert_u64(ev.owner, samples[i].has_owner ? 0xffff0001 : 0);
		assert_i64(ev.pid, 192);
		assert_i64(ev.tgid, -1);
		assert_u64(ev.cpu, 3);
		assert_string_equal(ev.comm, "lab");
		seen[ev.kind] = true;
	}
	for (int kind = 0; kind < S2_TRACE_KINDS; kind++) {
		s2_test_row("kind %d", kind);
		assert_true(seen[kind]);
	}
}

static void every_kind_and_code_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int a = 0; a < S2_TRACE_KINDS; a++) {
		assert_non_null(s2_trace_kind_name((enum s2_trace_kind)a));
		for (int b = 0; b < a; b++)
			assert_string_not_equal(s2_trace_kind_name((enum s2_trace_kind)a),
						s2_trace_kind_name((enum s2_trace_kind)b));
	}
	for (int a = 0; a < S2_TRACE_CODES; a++)
		assert_non_null(s2_trace_code_name((enum s2_trace_code)a));
	assert_null(s2_trace_kind_name(S2_TRACE_KINDS));
	assert_null(s2_trace_code_name(S2_TRACE_CODES));
	assert_string_equal(s2_trace_kind_name(S2_TRACE_SYS_IOCTL), "sys_ioctl");
}

static void arguments_of_kvm_events_are_read(void **state)
{
	struct s2_trace_event ev = read_event("kvm_entry: PC: 0xffff800008028648");

	(void)state;
	assert_u64(ev.u.entry.pc.v, UINT64_C(0xffff800008028648));
	ev = read_event("kvm_exit: TRAP: HSR_EC: 0x0024 (DABT_LOW), PC: 0x0000000040000004");
	assert_true(ev.u.exit.is_trap);
	assert_u64(ev.u.exit.ec, 0x24);
	assert_u64(ev.u.exit.pc.v, 0x40000004);
	ev = read_event("kvm_exit: IRQ: HSR_EC: 0x0000 (UNKNOWN), PC: 0x0000000040000004");
	assert_false(ev.u.exit.is_trap);
	ev = read_event("kvm_guest_fault: ipa 0x8000, hsr 0x93c48045, hxfar 0x00a008, "
			"pc 0xffff800008028648");
	assert_u64(ev.u.fault.ipa.v, 0x8000);
	assert_u64(ev.u.fault.hsr, 0x93c48045);
	assert_u64(ev.u.fault.hxfar.v, 0xa008);
	assert_u64(ev.u.fault.pc.v, UINT64_C(0xffff800008028648));
	ev = read_event("kvm_unmap_hva_range: mmu notifier unmap range: 0x000000005ca000 -- "
			"0x00ffff96678000");
	assert_u64(ev.u.unmap_hva.start.v, 0x5ca000);
	assert_u64(ev.u.unmap_hva.end.v, UINT64_C(0xffff96678000));
	ev = read_event("kvm_toggle_cache: VM op at 0x0000000040000058 (cache was off, now on)");
	assert_u64(ev.u.kvm_toggle.pc.v, 0x40000058);
	assert_true(!ev.u.kvm_toggle.was_on && ev.u.kvm_toggle.now_on);
	ev = read_event("kvm_toggle_cache: VM op at 0x0000000040000058 (cache was on, now off)");
	assert_true(ev.u.kvm_toggle.was_on && !ev.u.kvm_toggle.now_on);
	ev = read_event("kvm_set_way_flush: S/W flush at 0x000000004000008c (cache off)");
	assert_u64(ev.u.kvm_set_way.pc.v, 0x4000008c);
	assert_false(ev.u.kvm_set_way.caches_on);
	ev = read_event("kvm_set_way_flush: S/W flush at 0x000000004000008c (cache on)");
	assert_true(ev.u.kvm_set_way.caches_on);
}

static void arguments_of_exits_to_user_space_are_read(void **state)
{
	struct s2_trace_event ev = read_event("kvm_mmio: mmio write len 8 gpa 0xa000000 val 0x12");

	(void)state;
	assert_i64(ev.u.mmio.type, S2_TRACE_MMIO_WRITE);
	assert_u64(ev.u.mmio.len, 8);
	assert_u64(ev.u.mmio.gpa.v, 0xa000000);
	assert_u64(ev.u.mmio.val, 0x12);
	ev = read_event("kvm_mmio: mmio read len 2 gpa 0xa000000 val 0x0");
	assert_i64(ev.u.mmio.type, S2_TRACE_MMIO_READ);
	ev = read_event("kvm_mmio: mmio unsatisfied-read len 4 gpa 0xa000000 val 0x0");
	assert_i64(ev.u.mmio.type, S2_TRACE_MMIO_UNSATISFIED_READ);
	ev = read_event("kvm_userspace_exit: reason KVM_EXIT_SYSTEM_EVENT (24)");
	assert_false(ev.u.userspace_exit.is_error);
	assert_u64(ev.u.userspace_exit.number, 24);
	ev = read_event("kvm_userspace_exit: reason restart (4)");
	assert_true(ev.u.userspace_exit.is_error);
	assert_u64(ev.u.userspace_exit.number, 4);
	ev = read_event("kvm_userspace_exit: reason error (14)");
	assert_true(ev.u.userspace_exit.is_error);
	ev = read_event("kvm_userspace_exit: reason 0x27 (39)");
	assert_false(ev.u.userspace_exit.is_error);
	assert_u64(ev.u.userspace_exit.number, 39);
}

static void arguments_of_table_probes_are_read(void **state)
{
	struct s2_trace_event ev = read_event("s2_map: (kvm_pgtable_stage2_map+0x0/0x140) "
					      "ipa=0x40000000 size=0x1000 phys=0x1025ec000 "
					      "prot=0x7");

	(void)state;
	assert_u64(ev.u.map.ipa.v, 0x40000000);
	assert_u64(ev.u.map.size, 0x1000);
	assert_u64(ev.u.map.phys.v, UINT64_C(0x1025ec000));
	assert_u64(ev.u.map.prot, 7);
	ev = read_event("s2_wrprotect" PROBE " ipa=0x80000000 size=0x200000");
	assert_u64(ev.u.range.ipa.v, 0x80000000);
	assert_u64(ev.u.range.size, 0x200000);
	ev = read_event("s2_relax_perms" PROBE " ipa=0x80001000 prot=0x6");
	assert_u64(ev.u.relax.ipa.v, 0x80001000);
	assert_u64(ev.u.relax.prot, 6);
	ev = read_event("s2_mkyoung" PROBE " ipa=0x80002000");
	assert_u64(ev.u.mkyoung.ipa.v, 0x80002000);
	ev = read_event("s2_free_unlinked" PROBE " level=-1");
	assert_i64(ev.u.free_unlinked.level, -1);
}

static void arguments_of_flush_probes_are_read(void **state)
{
	struct s2_trace_event ev = read_event("tlb_ipa" PROBE " ipa=0x80003000 level=2147483647");

	(void)state;
	assert_u64(ev.u.tlb_ipa.ipa.v, 0x80003000);
	assert_i64(ev.u.tlb_ipa.level, S2_TRACE_NO_LEVEL);
	ev = read_event("tlb_ipa_nsh" PROBE " ipa=0x80004000 level=-2147483648");
	assert_u64(ev.u.tlb_ipa.ipa.v, 0x80004000);
	assert_i64(ev.u.tlb_ipa.level, INT32_MIN);
	ev = read_event("tlb_range" PROBE " start=0x80000000 pages=18446744073709551615");
	assert_u64(ev.u.tlb_range.start.v, 0x80000000);
	assert_u64(ev.u.tlb_range.pages, UINT64_MAX);
	ev = read_event("flush_memslot" PROBE " base_gfn=0x40000 npages=18446603338408579584");
	assert_u64(ev.u.flush_memslot.base_gfn, 0x40000);
	assert_u64(ev.u.flush_memslot.npages, UINT64_C(18446603338408579584));
	ev = read_event("clear_masked" PROBE " gfn_offset=0x40 mask=0xffffffffffffffff");
	assert_u64(ev.u.clear_masked.gfn_offset, 0x40);
	assert_u64(ev.u.clear_masked.mask, UINT64_MAX);
	ev = read_event("toggle_cache" PROBE " was=255");
	assert_u64(ev.u.toggle.was, 255);
	ev = read_event("sgi" PROBE " reg=0x1000002 allow_g1=1");
	assert_u64(ev.u.sgi.reg, 0x1000002);
	assert_u64(ev.u.sgi.allow_g1, 1);
}

static void an_ioctl_is_cut_to_what_the_kernel_takes(void **state)
{
	/* A libc may pass the request sign-extended, and rubbish above the fd. */
	const struct s2_trace_event ev = read_event(
		"sys_ioctl(fd: ff00000003, cmd: ffffffffc018aec0, arg: fffffffffffff000)");

	(void)state;
	assert_u64(ev.u.ioctl.fd, 3);
	assert_u64(ev.u.ioctl.cmd, 0xc018aec0);
	assert_u64(ev.u.ioctl.arg, UINT64_C(0xfffffffffffff000));
}

static void a_region_has_a_slot_when_the_probe_could_read_one(void **state)
{
	struct s2_trace_event ev = read_event("commit_region" PROBE " change=2");

	(void)state;
	assert_u64(ev.u.commit_region.change, 2);
	assert_false(ev.u.commit_region.has_slot);
	ev = read_event("commit_region" PROBE " change=0 old=0x0 base_gfn=0x80000 npages=512");
	assert_true(ev.u.commit_region.has_slot);
	assert_u64(ev.u.commit_region.base_gfn, 0x80000);
	assert_u64(ev.u.commit_region.npages, 512);
	assert_u64(ev.u.commit_region.old, 0);
	/* The new slot of a deletion is NULL; the old one is there. */
	ev = read_event("commit_region" PROBE " change=1 old=0xffff0002 base_gfn=0x5 npages=7");
	assert_false(ev.u.commit_region.has_slot);
	assert_u64(ev.u.commit_region.base_gfn, 0);
	assert_u64(ev.u.commit_region.old, 0xffff0002);
	ev = read_event("commit_region" PROBE " change=1 old=0xffff0002 base_gfn=(fault) "
			"npages=(fault)");
	assert_false(ev.u.commit_region.has_slot);
	ev = read_event("commit_region" PROBE " change=0 base_gfn=0x80000 npages=512");
	assert_true(ev.u.commit_region.has_slot);
}

static void a_phase_has_the_rest_of_the_line_for_its_name(void **state)
{
	struct s2_trace *t = open_text(PREFIX "tracing_mark_write: BEGIN cache_on vcpu=0 of=1\n");
	struct s2_trace_event ev;

	(void)state;
	assert_event(t, &ev);
	assert_u64(ev.u.mark.name.len, strlen("cache_on vcpu=0 of=1"));
	assert_memory_equal(ev.u.mark.name.text, "cache_on vcpu=0 of=1", ev.u.mark.name.len);
	s2_trace_close(t);
	assert_bad_event("tracing_mark_write: BEGIN", S2_TRACE_ERR_CUT);
	assert_bad_event("tracing_mark_write: BEGIN ", S2_TRACE_ERR_CUT);
	assert_bad_event("tracing_mark_write: END now", S2_TRACE_ERR_FORM);
}

static void events_of_no_interest_are_told_by_name(void **state)
{
	static const char *const rows[] = {
		"kvm_sys_access: PC: 40000058 SYS_SCTLR_EL1 (3,0,1,0,0) write",
		"kvm_handle_sys_reg: HSR 0x62300400",
		"tracing_mark_write: B|192|not ours",
		"tracing_mark_write: BEGINNING",
		"tracing_mark_write: ENDLESS",
		"sys_ioctl -> 0x0",
		"sys_close(fd: 3)",
		"kvm_map: anything",
		"kvm_entry2: PC: 0x0",
		"do_fault.cold <-handle_mm_fault",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const size_t len = strcspn(rows[i], ":( ");
		char text[256];
		struct s2_trace_event ev;
		struct s2_trace *t;

		s2_test_row("%s", rows[i]);
		snprintf(text, sizeof(text), PREFIX "%s\n", rows[i]);
		t = open_text(text);
		assert_event(t, &ev);
		assert_i64(ev.kind, S2_TRACE_OTHER);
		assert_u64(ev.name.len, len);
		assert_memory_equal(ev.name.text, rows[i], len);
		s2_trace_close(t);
	}
}

/* Is the sample's event called exactly this? */
static bool is_known(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		if (strcspn(samples[i].event, ":(") == len &&
		    strncmp(samples[i].event, name, len) == 0)
			return true;
	}
	return false;
}

static void a_part_of_a_name_is_another_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const char *const name = samples[i].event;
		const size_t whole = strcspn(name, ":(");
		char text[128];

		for (size_t len = 1; len < whole; len++) {
			snprintf(text, sizeof(text), "%.*s: x", (int)len, name);
			if (!is_known(name, len))
				assert_i64(read_event(text).kind, S2_TRACE_OTHER);
		}
		snprintf(text, sizeof(text), "%.*sx: x", (int)whole, name);
		assert_i64(read_event(text).kind, S2_TRACE_OTHER);
	}
}

/* --- the prefix --------------------------------------------------------- */

static void tasks_are_told_whatever_their_names(void **state)
{
	static const struct {
		const char *line, *comm;
		int32_t pid, tgid;
		uint32_t cpu;
	} rows[] = {
		{"      kvm-vcpu-0-163     [002] d.h..     8.8: s2_destroy: (f)", "kvm-vcpu-0", 163,
		 -1, 2},
		{"          <idle>-0       [000] d....     8.8: s2_destroy: (f)", "<idle>", 0, -1,
		 0},
		{"           <...>-4194303 [127] d....     8.8: s2_destroy: (f)", "<...>", 4194303,
		 -1, 127},
		{"   a b-1 [009] x-77      [1023] d....   8.8: s2_destroy: (f)", "a b-1 [009] x",
		 77, -1, 1023},
		{" fifteen-letters-5       [001] .....     8.8: s2_destroy: (f)", "fifteen-letters",
		 5, -1, 1},
		{"                -6       [001] .....     8.8: s2_destroy: (f)", "", 6, -1, 1},
		{"             lab-192     (    190) [003] d....    10.9: s2_destroy: (f)", "lab",
		 192, 190, 3},
		{"             lab-192     (-------) [003] d....    10.9: s2_destroy: (f)", "lab",
		 192, -1, 3},
		{"             lab-192   (4194303) [003] d....    10.9: s2_destroy: (f)", "lab",
		 192, 4194303, 3},
		{"lab-192 [003] d.... 10.9: s2_destroy: (f)", "lab", 192, -1, 3},
		{"a-b [2] c-192   (190) [003] d.... 10.9: s2_destroy: (f)", "a-b [2] c", 192, 190,
		 3},
		{"a b-1 [009] x-77 [1023] d.... 8.8: s2_destroy: (f)", "a b-1 [009] x", 77, -1,
		 1023},
		{"             lab-192     [003]    10.982683: s2_destroy: (f)", "lab", 192, -1, 3},
		{"             lab-192     [003] d...  10.982683: s2_destroy: (f)", "lab", 192, -1,
		 3},
		{"             lab-192     [003] d....  1098268312345: s2_destroy: (f)", "lab", 192,
		 -1, 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct s2_trace_event ev = read_line(rows[i].line);

		assert_string_equal(ev.comm, rows[i].comm);
		assert_i64(ev.pid, rows[i].pid);
		assert_i64(ev.tgid, rows[i].tgid);
		assert_u64(ev.cpu, rows[i].cpu);
		assert_i64(ev.kind, S2_TRACE_S2_DESTROY);
	}
}

static void a_task_is_not_mistaken_for_the_one_before(void **state)
{
	static const struct {
		const char *task;
		int32_t pid, tgid;
		uint32_t cpu;
	} rows[] = {
		{"             lab-192     [003] ", 192, -1, 3},
		{"             lab-192     [003] ", 192, -1, 3},
		{"             lab-192     [002] ", 192, -1, 2},
		{"             lab-193     [002] ", 193, -1, 2},
		{"             lab-193     (    190) [002] ", 193, 190, 2},
		{"             lab-193     (    190) [002] ", 193, 190, 2},
		{"             lab-193     (-------) [002] ", 193, -1, 2},
		{"             lab-1931    [002] ", 1931, -1, 2},
		{"             lac-1931    [002] ", 1931, -1, 2},
	};
	char text[2048] = "";
	struct s2_trace_event ev;
	struct s2_trace *t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		strcat(text, rows[i].task);
		strcat(text, "d....    10.9: s2_destroy: (f)\n");
	}
	t = open_text(text);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s2_test_row("line %zu", i + 1);
		assert_event(t, &ev);
		assert_u64(ev.line, i + 1);
		assert_i64(ev.pid, rows[i].pid);
		assert_i64(ev.tgid, rows[i].tgid);
		assert_u64(ev.cpu, rows[i].cpu);
	}
	assert_string_equal(ev.comm, "lac");
	assert_end(t);
	s2_trace_close(t);
}

static void lines_that_are_no_events_are_bad(void **state)
{
	(void)state;
	assert_bad_line("lab", S2_TRACE_ERR_FORM);
	assert_bad_line("Hello, world!", S2_TRACE_ERR_FORM);
	assert_bad_line("             lab-192     [003", S2_TRACE_ERR_CUT);
	assert_bad_line("             lab-192     [003] ", S2_TRACE_ERR_CUT);
	assert_bad_line("             lab-192     [003] d....    10.9", S2_TRACE_ERR_CUT);
	assert_bad_line("             lab-192     [003] d....    10.9: ", S2_TRACE_ERR_CUT);
	assert_bad_line("             lab-192     [003] d....    10.9: s2_m", S2_TRACE_ERR_CUT);
	assert_bad_line("             lab-192     [003] d....    10.9: ?: x", S2_TRACE_ERR_FORM);
	assert_bad_line("             lab-192     [003] d....    10.x: f: x", S2_TRACE_ERR_FORM);
	assert_bad_line("             lab-192     [00x] d....    10.9: f: x", S2_TRACE_ERR_FORM);
	assert_bad_line("             lab-192     (19x) [000] d....    10.9: f: x",
			S2_TRACE_ERR_FORM);
	assert_bad_line("sixteen-letters!-192     [000] d....    10.9: f: x", S2_TRACE_ERR_FORM);
	assert_bad_line("             lab-99999999999 [000] d....    10.9: f: x",
			S2_TRACE_ERR_RANGE);
	assert_bad_line("             lab-1 [99999999999] d....    10.9: f: x", S2_TRACE_ERR_RANGE);
}

static void empty_lines_comments_and_stack_traces_are_passed_over(void **state)
{
	struct s2_trace *t =
		open_text(PREFIX "tlb_vmid: (f)\n"
				 "\n"
				 "   \n"
				 "##### CPU 2 buffer started ####\n" PREFIX "<stack trace>\n"
				 " => kvm_tlb_flush_vmid\n"
				 " => el0_svc\n" PREFIX "tlb_vmid: (f)\n");
	struct s2_trace_event ev;

	(void)state;
	assert_event(t, &ev);
	assert_u64(ev.line, 1);
	assert_event(t, &ev);
	assert_u64(ev.line, 8);
	assert_end(t);
	assert_u64(s2_trace_lines(t), 8);
	s2_trace_close(t);
}

/* --- strictness --------------------------------------------------------- */

/* May an event end before this part of it?  Older probes print no pointers. */
static bool is_optional(const char *rest)
{
	return rest[0] == '\0' || strncmp(rest, " pgt=", 5) == 0 ||
	       strncmp(rest, " mmu=", 5) == 0 || strncmp(rest, " old=", 5) == 0;
}

/*
 * Is what was cut away the tail of a number?  Of the padded ones only what is
 * left at the width of older kernels looks whole: the samples' have zeros in
 * front.
 */
static bool within_last_number(const char *event, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t left = 0;

	if (!is_optional(event + len + strspn(event + len, digits)))
		return false;
	while (left < len && strchr(digits, event[len - 1 - left]) != NULL)
		left++;
	if (strncmp(event, "kvm_guest_fault", 15) == 0)
		return left == 6;
	if (strncmp(event, "kvm_entry", 9) == 0 || strncmp(event, "kvm_exit", 8) == 0)
		return left == 8;
	return left > 0 && strncmp(event, "kvm_unmap", 9) != 0;
}

/* A mark that is cut is another mark. */
static bool is_whole(const char *event, size_t len)
{
	return strncmp(event, "tracing_mark_write: ", 20) == 0 ? len >= 20
							       : is_optional(event + len);
}

static void a_line_cut_anywhere_is_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const char *const event = samples[i].event;

		for (size_t len = 0; len < strlen(event); len++) {
			char text[512];
			struct s2_trace_event ev;
			struct s2_trace *t;
			int r;

			snprintf(text, sizeof(text), PREFIX "%.*s\n", (int)len, event);
			s2_test_row("%.*s", (int)len, event);
			t = open_text(text);
			r = s2_trace_next(t, &ev);
			if (r != -EBADMSG &&
			    !(r == 1 && (is_whole(event, len) || within_last_number(event, len))))
				fail_msg("%d: %.*s", r, (int)len, event);
			if (r < 0 && s2_trace_error(t)->code != S2_TRACE_ERR_CUT)
				fail_msg("%s", s2_trace_error(t)->text);
			s2_trace_close(t);
		}
	}
}

static void anything_behind_an_event_is_bad(void **state)
{
	static const char *const tails[] = {" ", "x", " x=0x1", "\r", ")", ",", " pgt", " mmu=0x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(tails); k++) {
			char text[512];
			struct s2_trace_event ev;
			struct s2_trace *t;

			if (samples[i].kind == S2_TRACE_MARK_BEGIN)
				continue;
			/* "ENDx" is somebody else's mark. */
			if (samples[i].kind == S2_TRACE_MARK_END && tails[k][0] != ' ')
				continue;
			snprintf(text, sizeof(text), PREFIX "%s%s\n", samples[i].event, tails[k]);
			s2_test_row("%s%s", samples[i].event, tails[k]);
			t = open_text(text);
			assert_i64(s2_trace_next(t, &ev), -EBADMSG);
			s2_trace_close(t);
		}
	}
}

static void a_pointer_is_read_under_its_own_name_only(void **state)
{
	(void)state;
	assert_bad_event("s2_destroy" PROBE " mmu=0x1", S2_TRACE_ERR_FORM);
	assert_bad_event("tlb_vmid" PROBE " pgt=0x1", S2_TRACE_ERR_FORM);
	assert_bad_event("flush_all" PROBE " pgt=0x1", S2_TRACE_ERR_FORM);
	assert_bad_event("tlb_vmid" PROBE " mmu=0x1 mmu=0x1", S2_TRACE_ERR_FORM);
}

static void forms_that_no_kernel_prints_are_bad(void **state)
{
	static const char *const rows[] = {
		"kvm_entry PC: 0x0000000040000000",
		"kvm_entry: PC: 0000000040000000",
		"kvm_exit: TRAP: HSR_EC: 0x0024 (DABT_LOW) PC: 0x0000000040000004",
		"kvm_mmio: mmio fetch len 8 gpa 0xa000000 val 0x1234",
		"kvm_toggle_cache: VM op at 0x0000000040000058 (cache was of, now on)",
		"kvm_set_way_flush: S/W flush at 0x000000004000008c (cache dim)",
		"sys_ioctl: fd 3",
		"s2_map: ipa=0x40000000 size=0x1000 phys=0x1025ec000 prot=0x7",
		"s2_map" PROBE " size=0x1000 ipa=0x40000000 phys=0x1025ec000 prot=0x7",
		"s2_map" PROBE " ipa=40000000 size=0x1000 phys=0x1025ec000 prot=0x7",
		"s2_unmap" PROBE "  ipa=0x0 size=0x1000",
		"s2_unmap: () ipa=0x0 size=0x1000",
		"tlb_ipa" PROBE " ipa=0x80003000 level=+3",
		"tlb_ipa" PROBE " ipa=0x80003000 level=0x3",
		"tlb_range" PROBE " start=0x80000000 pages=-1",
		"commit_region" PROBE " change=1 base_gfn=(fault) npages=3",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_bad_event(rows[i], S2_TRACE_ERR_FORM);
}

static void numbers_of_more_bits_are_out_of_range(void **state)
{
	static const char *const rows[] = {
		"s2_unmap" PROBE " ipa=0x10000000000000000 size=0x1000",
		"s2_mkyoung" PROBE " ipa=0x00000fffffffffffffffff",
		"s2_destroy" PROBE " pgt=0x10000000000000000",
		"tlb_range" PROBE " start=0x0 pages=18446744073709551616",
		"tlb_range" PROBE " start=0x0 pages=99999999999999999999999",
		"tlb_range" PROBE " start=0x0 pages=184467440737095516150",
		"tlb_ipa" PROBE " ipa=0x0 level=2147483648",
		"tlb_ipa" PROBE " ipa=0x0 level=-2147483649",
		"commit_region" PROBE " change=4294967296",
		"toggle_cache" PROBE " was=256",
		"sgi" PROBE " reg=0x1 allow_g1=256",
		"sys_ioctl(fd: 3, cmd: ae01, arg: 10000000000000000)",
		"kvm_exit: TRAP: HSR_EC: 0x0040 (?), PC: 0x0000000040000004",
		"kvm_entry: PC: 0x10000000040000000",
		"kvm_mmio: mmio read len 4294967296 gpa 0x0 val 0x0",
		"kvm_userspace_exit: reason error (4294967296)",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_bad_event(rows[i], S2_TRACE_ERR_RANGE);
	/* Zeros in front are no bits. */
	assert_u64(read_event("s2_mkyoung" PROBE " ipa=0x00000000000000000012000").u.mkyoung.ipa.v,
		   0x12000);
}

static void numbers_printed_by_older_kernels_are_read(void **state)
{
	(void)state;
	assert_u64(read_event("kvm_entry: PC: 0x40000000").u.entry.pc.v, 0x40000000);
	assert_u64(read_event("kvm_entry: PC: 0xffff80008").u.entry.pc.v, UINT64_C(0xffff80008));
	assert_bad_event("kvm_entry: PC: 0x4000000", S2_TRACE_ERR_CUT);
	assert_bad_event("kvm_entry: PC: 0x000040000000", S2_TRACE_ERR_CUT);
}

static void a_message_names_file_line_event_and_field(void **state)
{
	struct s2_trace *t = open_text(PREFIX "s2_map" PROBE " ipa=0x40000000 syze=0x1000\n");
	struct s2_trace_event ev;
	const char *text;

	(void)state;
	assert_i64(s2_trace_next(t, &ev), -EBADMSG);
	text = s2_trace_error(t)->text;
	assert_non_null(strstr(text, "/s2-test-"));
	assert_non_null(strstr(text, ":1: s2_map: expected \"size=\", found \" syze=0x1000\""));
	s2_trace_close(t);
}

static void a_long_path_leaves_room_for_the_message(void **state)
{
	char path[1024] = "";
	struct s2_error err;

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(path, "/nowhere");
	strcat(path, "/the-end");
	assert_null(s2_trace_open(path, &err));
	assert_i64(err.code, S2_TRACE_ERR_OPEN);
	assert_memory_equal(err.text, "...", 3);
	assert_non_null(strstr(err.text, "/the-end: cannot open: "));
	assert_null(s2_trace_open(path, NULL));
}

/* --- lost events, and going on ------------------------------------------ */

static void lost_events_are_an_error_and_the_rest_can_be_read(void **state)
{
	struct s2_trace *t = open_text("# tracer: nop\n"
				       "# entries-in-buffer/entries-written: 2/7   #P:4\n" PREFIX
				       "tlb_vmid: (f)\n"
				       "CPU:3 [LOST 12 EVENTS]\n"
				       "CPU:3 [LOST EVENTS]\n" PREFIX "tlb_vmid: (f)\n");
	struct s2_trace_event ev;

	(void)state;
	assert_error(t, -EBADMSG, S2_TRACE_ERR_LOST, 2);
	assert_non_null(strstr(s2_trace_error(t)->text, "2 of 7"));
	assert_event(t, &ev);
	assert_error(t, -EBADMSG, S2_TRACE_ERR_LOST, 4);
	assert_error(t, -EBADMSG, S2_TRACE_ERR_LOST, 5);
	assert_event(t, &ev);
	assert_u64(ev.line, 6);
	assert_end(t);
	assert_u64(s2_trace_entries(t), 2);
	assert_u64(s2_trace_cpus(t), 4);
	s2_trace_close(t);
	t = open_text("CPU:0 [LOST 1 EVENTS]\n");
	assert_error(t, -EBADMSG, S2_TRACE_ERR_LOST, 1);
	assert_end(t);
	s2_trace_close(t);
}

static void a_header_must_count_its_events(void **state)
{
	static const char *const rows[] = {
		"# entries-in-buffer/entries-written: \n",
		"# entries-in-buffer/entries-written: 1\n",
		"# entries-in-buffer/entries-written: 1/x\n",
		"# entries-in-buffer/entries-written: 1/1x\n",
		"# entries-in-buffer/entries-written: 99999999999999999999/1\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_trace *t = open_text(rows[i]);

		s2_test_row("%s", rows[i]);
		assert_error(t, -EBADMSG, S2_TRACE_ERR_FORM, 1);
		s2_trace_close(t);
	}
}

static void after_a_bad_line_the_next_is_read(void **state)
{
	struct s2_trace *t = open_text(HEADER PREFIX "tlb_vmid: (f)\n" PREFIX "tlb_vmid: (\n"
						     "rubbish\n" PREFIX "tlb_vmid: (f)\n");
	struct s2_trace_event ev;

	(void)state;
	assert_event(t, &ev);
	assert_error(t, -EBADMSG, S2_TRACE_ERR_CUT, 7);
	assert_error(t, -EBADMSG, S2_TRACE_ERR_FORM, 8);
	assert_event(t, &ev);
	assert_u64(ev.line, 9);
	assert_end(t);
	assert_end(t);
	s2_trace_close(t);
}

static void a_last_line_without_a_newline_is_cut(void **state)
{
	struct s2_trace *t = open_text(PREFIX "tlb_vmid: (f)\n" PREFIX "tlb_vmid: (f)");
	struct s2_trace_event ev;

	(void)state;
	assert_event(t, &ev);
	assert_error(t, -EBADMSG, S2_TRACE_ERR_CUT, 2);
	assert_end(t);
	s2_trace_close(t);
	t = open_text(PREFIX "tlb_vmid: (f)");
	assert_error(t, -EBADMSG, S2_TRACE_ERR_CUT, 1);
	s2_trace_close(t);
	t = open_text(HEADER "# the end");
	assert_error(t, -EBADMSG, S2_TRACE_ERR_CUT, 6);
	s2_trace_close(t);
}

/* --- files that are no logs of ours ------------------------------------- */

static void assert_for_good(struct s2_trace *t, int r, enum s2_trace_code code, uint64_t line)
{
	struct s2_trace_event ev;

	assert_error(t, r, code, line);
	assert_i64(s2_trace_next(t, &ev), r);
	assert_i64(s2_trace_error(t)->code, (int)code);
	s2_trace_close(t);
}

static void what_is_not_ftrace_is_refused(void **state)
{
	(void)state;
	assert_for_good(open_text(""), -EINVAL, S2_TRACE_ERR_NOT_FTRACE, 0);
	assert_for_good(open_text("\n\n"), -EINVAL, S2_TRACE_ERR_NOT_FTRACE, 2);
	assert_for_good(open_text("# just\n# comments\n"), -EINVAL, S2_TRACE_ERR_NOT_FTRACE, 2);
	assert_for_good(open_text("#!/bin/sh\necho\n"), -EINVAL, S2_TRACE_ERR_NOT_FTRACE, 2);
	assert_for_good(open_text("{\"a\": [1, 2]}\n"), -EINVAL, S2_TRACE_ERR_NOT_FTRACE, 1);
	assert_for_good(open_text("no newline"), -EINVAL, S2_TRACE_ERR_NOT_FTRACE, 1);
	assert_for_good(open_text(" => stack\n" PREFIX "tlb_vmid: (f)\n"), -EINVAL,
			S2_TRACE_ERR_NOT_FTRACE, 1);
	assert_for_good(open_bytes("\x17\x08\x44tracing\0", 11), -EINVAL, S2_TRACE_ERR_NOT_FTRACE,
			1);
	assert_for_good(open_bytes("\x1f", 1), -EINVAL, S2_TRACE_ERR_NOT_FTRACE, 1);
}

static void an_empty_log_is_a_log(void **state)
{
	struct s2_trace *t = open_text("# tracer: nop\n#\n"
				       "# entries-in-buffer/entries-written: 0/0   #P:4\n");

	(void)state;
	assert_end(t);
	assert_u64(s2_trace_lines(t), 3);
	s2_trace_close(t);
}

static void a_nul_ends_a_log_at_its_line(void **state)
{
	static const char text[] = PREFIX "tlb_vmid: (f)\n" PREFIX "other: a\0b\n";
	static const char in_comment[] = PREFIX "tlb_vmid: (f)\n# \0\n";
	struct s2_trace_event ev;
	struct s2_trace *t = open_bytes(text, sizeof(text) - 1);

	(void)state;
	assert_event(t, &ev);
	assert_for_good(t, -EINVAL, S2_TRACE_ERR_NOT_FTRACE, 2);
	t = open_bytes(in_comment, sizeof(in_comment) - 1);
	assert_event(t, &ev);
	assert_for_good(t, -EINVAL, S2_TRACE_ERR_NOT_FTRACE, 2);
}

static void logs_of_other_architectures_are_refused(void **state)
{
	static const struct {
		const char *event, *arch;
	} rows[] = {
		{"kvm_exit: reason EPT_VIOLATION rip 0xffffffff81000000 info 181 0", "x86"},
		{"kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0xfff0 info1 0x181", "x86"},
		{"kvm_entry: vcpu 0, rip 0xfff0", "x86"},
		{"kvm_page_fault: vcpu 0 rip 0xfff0 address 0xfee00000 error_code 0x181", "x86"},
		{"kvm_cr: cr_write 0 = 0x60000010", "x86"},
		{"kvm_msr: msr_write 10 = 0x0", "x86"},
		{"kvm_apic: apic_write APIC_EOI = 0x0", "x86"},
		{"kvm_entry: PC: 0x01680200000", "RISC-V"},
		{"kvm_exit: SEPC:0x80200000, SCAUSE:0x15, STVAL:0x0", "RISC-V"},
		{"kvm_s390_sie_enter: 00[0706c00180000000-000003ff]: entering sie", "s390"},
		{"kvm_exit: trap=EXTERNAL | pc=0x100 | msr=0x0 | dar=0x0", "PowerPC"},
		{"kvm_exit: [TLB Mod]PC: 0x80000000", "MIPS or LoongArch"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[1024];
		struct s2_trace *t;

		s2_test_row("%s", rows[i].event);
		snprintf(text, sizeof(text), HEADER PREFIX "%s\n", rows[i].event);
		t = open_text(text);
		assert_error(t, -EINVAL, S2_TRACE_ERR_ARCH, 6);
		assert_non_null(strstr(s2_trace_error(t)->text, rows[i].arch));
		assert_for_good(t, -EINVAL, S2_TRACE_ERR_ARCH, 6);
	}
}

static void files_that_cannot_be_read_are_named(void **state)
{
	struct s2_error err;
	struct s2_trace *t = s2_trace_open("/nowhere/trace", &err);

	(void)state;
	assert_null(t);
	assert_i64(err.code, S2_TRACE_ERR_OPEN);
	assert_non_null(strstr(err.text, "/nowhere/trace"));
	t = s2_trace_open("/", &err);
	assert_non_null(t);
	assert_for_good(t, -EISDIR, S2_TRACE_ERR_READ, 1);
	s2_trace_close(NULL);
}

static void a_closed_log_leaves_no_descriptor(void **state)
{
	const int before = dup(STDERR_FILENO);
	int after;

	(void)state;
	close(before);
	s2_trace_close(open_text("x\n"));
	after = dup(STDERR_FILENO);
	close(after);
	assert_int_equal(after, before);
}

/* --- buffers ------------------------------------------------------------ */

/* A text of @n events of uneven length; the pid tells which. */
static char *many_events(unsigned int n, size_t *len)
{
	char *const text = malloc((size_t)n * 128);

	assert_non_null(text);
	*len = 0;
	for (unsigned int i = 0; i < n; i++)
		*len += (size_t)snprintf(
			text + *len, 128, "%16s-%-7u [%03u] d....    10.9: %.*s: (f)%s\n", "lab",
			i + 1, i % 4, (int)(i * 7919 % 40) + 1,
			"other_event_with_a_name_of_forty_letters", i % 3 ? "" : " x");
	return text;
}

static void assert_many(struct s2_trace *t, unsigned int n)
{
	struct s2_trace_event ev;

	for (unsigned int i = 0; i < n; i++) {
		s2_test_row("event %u", i);
		assert_event(t, &ev);
		assert_u64(ev.line, i + 1);
		assert_i64(ev.pid, (int32_t)i + 1);
		assert_u64(ev.name.len, i * 7919 % 40 + 1);
	}
	assert_end(t);
}

static void a_log_longer_than_the_buffer_is_read_whole(void **state)
{
	size_t len;
	char *const text = many_events(50000, &len);
	struct s2_trace *const t = open_bytes(text, len);

	(void)state;
	assert_many(t, 50000);
	assert_u64(s2_trace_bytes_read(t), len);
	assert_u64(s2_trace_bytes_total(t), len);
	s2_trace_close(t);
	free(text);
}

/* An event whose line is @len bytes with its newline; returns its end. */
static char *long_line(char *to, size_t len)
{
	memset(to, 'x', len);
	memcpy(to, PREFIX "other: ", strlen(PREFIX "other: "));
	to[len - 1] = '\n';
	return to + len;
}

static void lines_are_read_up_to_the_longest(void **state)
{
	static const size_t lengths[] = {
		S2_TRACE_LINE_MAX,	   S2_TRACE_LINE_MAX + 1,
		S2_TRACE_LINE_MAX + 2,	   100,
		2 * S2_TRACE_LINE_MAX,	   100,
		2 * S2_TRACE_LINE_MAX + 1, 5 * S2_TRACE_LINE_MAX + 3,
		S2_TRACE_LINE_MAX,	   100,
	};
	char *const text = malloc(20 * (size_t)S2_TRACE_LINE_MAX);
	char *end = text;
	struct s2_trace_event ev;
	struct s2_trace *t;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		end = long_line(end, lengths[i]);
	t = open_bytes(text, (size_t)(end - text));
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		s2_test_row("line %zu", i + 1);
		if (lengths[i] - 1 > S2_TRACE_LINE_MAX) {
			assert_error(t, -EBADMSG, S2_TRACE_ERR_LONG, i + 1);
			continue;
		}
		assert_event(t, &ev);
		assert_u64(ev.line, i + 1);
	}
	assert_end(t);
	assert_u64(s2_trace_lines(t), ARRAY_SIZE(lengths));
	s2_trace_close(t);
	/* The first line of a file that is no log at all. */
	memset(text, 'x', 4 * (size_t)S2_TRACE_LINE_MAX);
	assert_for_good(open_bytes(text, 4 * (size_t)S2_TRACE_LINE_MAX), -EINVAL,
			S2_TRACE_ERR_NOT_FTRACE, 1);
	free(text);
}

static void a_nul_in_a_long_line_is_seen(void **state)
{
	const size_t len = 6 * (size_t)S2_TRACE_LINE_MAX;

	(void)state;
	for (size_t at = 1000; at < len; at += len / 7) {
		char *const text = malloc(len + 100);
		struct s2_trace_event ev;
		struct s2_trace *t;
		int r;

		s2_test_row("NUL at %zu", at);
		assert_non_null(text);
		long_line(long_line(text, 100), len);
		text[100 + at] = '\0';
		t = open_bytes(text, len + 100);
		assert_event(t, &ev);
		r = s2_trace_next(t, &ev);
		if (r == -EBADMSG)
			r = s2_trace_next(t, &ev);
		assert_i64(r, -EINVAL);
		assert_i64(s2_trace_error(t)->code, S2_TRACE_ERR_NOT_FTRACE);
		s2_trace_close(t);
		free(text);
	}
}

/* --- standard input and gzip -------------------------------------------- */

/* Standard input comes byte by byte from a child while this runs. */
static void with_input_by_bytes(const void *bytes, size_t len, void (*run)(struct s2_trace *))
{
	const int saved = dup(STDIN_FILENO);
	struct s2_trace *t;
	int ends[2];
	int status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* So that the reader sees the first byte alone. */
		const struct timespec a_while = {.tv_nsec = 50 * 1000 * 1000};

		close(ends[0]);
		if (write(ends[1], bytes, 1) != 1 || nanosleep(&a_while, NULL) != 0)
			_exit(1);
		for (size_t i = 1; i < len; i++)
			if (write(ends[1], (const char *)bytes + i, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	t = s2_trace_open("-", NULL);
	assert_non_null(t);
	run(t);
	s2_trace_close(t);
	assert_int_equal(waitpid(child, &status, 0), child);
	/* It is not the reader's to close. */
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
	close(saved);
}

static void expect_100(struct s2_trace *t)
{
	assert_many(t, 100);
	assert_u64(s2_trace_bytes_total(t), 0);
}

static void standard_input_is_read(void **state)
{
	size_t len;
	char *const text = many_events(100, &len);

	(void)state;
	with_input_by_bytes(text, len, expect_100);
	free(text);
}

static void expect_its_name(struct s2_trace *t)
{
	assert_error(t, -EINVAL, S2_TRACE_ERR_NOT_FTRACE, 1);
	assert_non_null(strstr(s2_trace_error(t)->text, "(standard input):1: "));
}

static void standard_input_is_called_so(void **state)
{
	(void)state;
	with_input_by_bytes("hello\n", 6, expect_its_name);
}

#ifdef S2_HAVE_ZLIB

/* Compresses into new memory. */
static unsigned char *gzip(const char *text, size_t len, size_t *gz_len)
{
	z_stream z = {0};
	unsigned char *gz;

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	*gz_len = deflateBound(&z, (uLong)len);
	gz = malloc(*gz_len);
	assert_non_null(gz);
	z.next_in = (unsigned char *)text;
	z.avail_in = (uInt)len;
	z.next_out = gz;
	z.avail_out = (uInt)*gz_len;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	*gz_len = z.total_out;
	deflateEnd(&z);
	return gz;
}

static void gzip_is_read_like_plain_text(void **state)
{
	size_t len, gz_len;
	char *const text = many_events(50000, &len);
	unsigned char *const gz = gzip(text, len, &gz_len);
	struct s2_trace *const t = open_bytes(gz, gz_len);

	(void)state;
	assert_many(t, 50000);
	assert_u64(s2_trace_bytes_read(t), gz_len);
	s2_trace_close(t);
	free(gz);
	free(text);
}

static void gzip_is_read_from_standard_input(void **state)
{
	size_t len, gz_len;
	char *const text = many_events(100, &len);
	unsigned char *const gz = gzip(text, len, &gz_len);

	(void)state;
	with_input_by_bytes(gz, gz_len, expect_100);
	free(gz);
	free(text);
}

static void joined_gzip_files_are_one(void **state)
{
	size_t len, a_len, b_len;
	char *const text = many_events(1000, &len);
	unsigned char *const a = gzip(text, 12345, &a_len);
	unsigned char *const b = gzip(text + 12345, len - 12345, &b_len);
	unsigned char *const both = malloc(a_len + b_len);
	struct s2_trace *t;

	(void)state;
	assert_non_null(both);
	memcpy(both, a, a_len);
	memcpy(both + a_len, b, b_len);
	t = open_bytes(both, a_len + b_len);
	assert_many(t, 1000);
	s2_trace_close(t);
	free(both);
	free(b);
	free(a);
	free(text);
}

static int read_to_end(struct s2_trace *t)
{
	struct s2_trace_event ev;
	int r;

	do {
		r = s2_trace_next(t, &ev);
	} while (r == 1);
	return r;
}

static void truncated_gzip_is_an_error_wherever_it_ends(void **state)
{
	size_t len, gz_len;
	char *const text = many_events(5000, &len);
	unsigned char *const gz = gzip(text, len, &gz_len);

	(void)state;
	for (size_t cut = 2; cut < gz_len; cut += cut < 20 || cut + 12 > gz_len ? 1 : 997) {
		struct s2_trace *const t = open_bytes(gz, cut);

		s2_test_row("%zu of %zu bytes", cut, gz_len);
		assert_i64(read_to_end(t), -EIO);
		assert_i64(s2_trace_error(t)->code, S2_TRACE_ERR_GZIP);
		assert_non_null(strstr(s2_trace_error(t)->text, "truncated"));
		assert_i64(read_to_end(t), -EIO);
		s2_trace_close(t);
	}
	free(gz);
	free(text);
}

static void damaged_gzip_is_an_error(void **state)
{
	size_t len, gz_len;
	char *const text = many_events(5000, &len);
	unsigned char *const gz = gzip(text, len, &gz_len);
	struct s2_trace *t;

	(void)state;
	gz[gz_len - 6] ^= 1; /* of the checksum */
	t = open_bytes(gz, gz_len);
	assert_i64(read_to_end(t), -EIO);
	assert_i64(s2_trace_error(t)->code, S2_TRACE_ERR_GZIP);
	assert_non_null(strstr(s2_trace_error(t)->text, "damaged"));
	s2_trace_close(t);
	free(gz);
	free(text);
}

#else

static void without_zlib_gzip_is_refused_by_name(void **state)
{
	struct s2_trace *const t = open_bytes("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);

	(void)state;
	assert_error(t, -ENOTSUP, S2_TRACE_ERR_NO_ZLIB, 1);
	assert_non_null(strstr(s2_trace_error(t)->text, "no zlib"));
	assert_for_good(t, -ENOTSUP, S2_TRACE_ERR_NO_ZLIB, 1);
}

#endif

int main(void)
{
	static const struct CMUnitTest tests[] = {
		s2_unit_test(every_event_is_told_by_its_kind),
		s2_unit_test(every_kind_and_code_has_a_name_of_its_own),
		s2_unit_test(arguments_of_kvm_events_are_read),
		s2_unit_test(arguments_of_exits_to_user_space_are_read),
		s2_unit_test(arguments_of_table_probes_are_read),
		s2_unit_test(arguments_of_flush_probes_are_read),
		s2_unit_test(an_ioctl_is_cut_to_what_the_kernel_takes),
		s2_unit_test(a_region_has_a_slot_when_the_probe_could_read_one),
		s2_unit_test(a_phase_has_the_rest_of_the_line_for_its_name),
		s2_unit_test(events_of_no_interest_are_told_by_name),
		s2_unit_test(a_part_of_a_name_is_another_name),
		s2_unit_test(tasks_are_told_whatever_their_names),
		s2_unit_test(a_task_is_not_mistaken_for_the_one_before),
		s2_unit_test(lines_that_are_no_events_are_bad),
		s2_unit_test(empty_lines_comments_and_stack_traces_are_passed_over),
		s2_unit_test(a_line_cut_anywhere_is_bad),
		s2_unit_test(anything_behind_an_event_is_bad),
		s2_unit_test(a_pointer_is_read_under_its_own_name_only),
		s2_unit_test(forms_that_no_kernel_prints_are_bad),
		s2_unit_test(numbers_of_more_bits_are_out_of_range),
		s2_unit_test(numbers_printed_by_older_kernels_are_read),
		s2_unit_test(a_message_names_file_line_event_and_field),
		s2_unit_test(a_long_path_leaves_room_for_the_message),
		s2_unit_test(lost_events_are_an_error_and_the_rest_can_be_read),
		s2_unit_test(a_header_must_count_its_events),
		s2_unit_test(after_a_bad_line_the_next_is_read),
		s2_unit_test(a_last_line_without_a_newline_is_cut),
		s2_unit_test(what_is_not_ftrace_is_refused),
		s2_unit_test(an_empty_log_is_a_log),
		s2_unit_test(a_nul_ends_a_log_at_its_line),
		s2_unit_test(logs_of_other_architectures_are_refused),
		s2_unit_test(files_that_cannot_be_read_are_named),
		s2_unit_test(a_closed_log_leaves_no_descriptor),
		s2_unit_test(a_log_longer_than_the_buffer_is_read_whole),
		s2_unit_test(lines_are_read_up_to_the_longest),
		s2_unit_test(a_nul_in_a_long_line_is_seen),
		s2_unit_test(standard_input_is_read),
		s2_unit_test(standard_input_is_called_so),
#ifdef S2_HAVE_ZLIB
		s2_unit_test(gzip_is_read_like_plain_text),
		s2_unit_test(gzip_is_read_from_standard_input),
		s2_unit_test(joined_gzip_files_are_one),
		s2_unit_test(truncated_gzip_is_an_error_wherever_it_ends),
		s2_unit_test(damaged_gzip_is_an_error),
#else
		s2_unit_test(without_zlib_gzip_is_refused_by_name),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
