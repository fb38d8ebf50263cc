/* SPDX-License-Identifier: MIT */
/* The reader of ftrace text logs: what it reads of events and of tasks. */
#include "study/log/trace_fixture.h"

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
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
