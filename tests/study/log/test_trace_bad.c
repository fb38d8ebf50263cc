/* SPDX-License-Identifier: MIT */
/* What the reader of logs refuses, line by line, and how it goes on. */
#include "study/log/trace_fixture.h"

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

			if (samples[i].kind == S2_TRACE_MARK_BEGIN ||
			    samples[i].kind == S2_TRACE_MARK_HOST)
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests_name("trace_bad", tests, NULL, NULL);
}
