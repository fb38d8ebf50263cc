/* SPDX-License-Identifier: MIT */
/* trace-cmd's trace.dat: the same events as its text, and what a damaged one is. */
#include "study/log/trace_fixture.h"

#include <fcntl.h>

#include "study/log/dat_maker.h"

/* libtracecmd and libtraceevent free not all of a file that they do not open. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define LEAKS_OF_OTHERS_BEGIN() __lsan_disable()
#define LEAKS_OF_OTHERS_END()	__lsan_enable()
#else
#define LEAKS_OF_OTHERS_BEGIN() (void)0
#define LEAKS_OF_OTHERS_END()	(void)0
#endif

static const struct dat_maker_form forms[] = {
	{.version = 6},
	{.version = 7},
	{.version = 6, .big_endian = true},
	{.version = 7, .moved = true},
	{.version = 7, .big_endian = true, .moved = true},
#ifdef S2_HAVE_ZSTD
	{.version = 7, .zstd = true},
#endif
};

static const char name_of_host[] = "Linux host 6.12.107 aarch64";

static struct s2_trace *open_made(struct dat_maker *m)
{
	size_t len;
	const unsigned char *bytes = dat_maker_bytes(m, &len);

	return open_bytes(bytes, len);
}

/* A file of these lines in the first buffer. */
static struct s2_trace *open_lines(const struct dat_maker_form *form, const char *lines)
{
	struct dat_maker *m = dat_maker_new(form);
	struct s2_trace *t;

	dat_maker_text(m, 0, lines);
	t = open_made(m);
	dat_maker_free(m);
	return t;
}

static bool same_span(struct s2_span a, struct s2_span b)
{
	return a.len == b.len && !memcmp(a.text, b.text, a.len);
}

/* But for what a line alone says: its number, how numbers were printed. */
static void assert_same(struct s2_trace_event *dat, struct s2_trace_event *text)
{
	assert_int_equal(dat->kind, text->kind);
	assert_i64(dat->pid, text->pid);
	assert_u64(dat->cpu, text->cpu);
	assert_string_equal(dat->comm, text->comm);
	assert_int_equal(dat->has_owner, text->has_owner);
	assert_u64(dat->owner, text->owner);
	if (text->kind == S2_TRACE_OTHER)
		return;
	assert_true(same_span(dat->name, text->name));
	if (text->kind == S2_TRACE_MARK_BEGIN || text->kind == S2_TRACE_MARK_HOST) {
		assert_true(same_span(dat->u.mark.name, text->u.mark.name));
		return;
	}
	if (text->kind == S2_TRACE_SYS_IOCTL)
		text->u.ioctl.prefix = dat->u.ioctl.prefix;
	assert_memory_equal(&dat->u, &text->u, sizeof(dat->u));
}

static void compare_log(const struct dat_maker_form *form, const char *name)
{
	struct dat_maker *m = dat_maker_new(form);
	struct s2_trace_event dat, text;
	struct s2_trace *d, *t;
	struct s2_error err;
	char path[512];
	uint64_t n = 0;

	snprintf(path, sizeof(path), "%s/traces/%s.rich.txt.gz", getenv("S2_TEST_DATA"), name);
	dat_maker_log(m, 0, path);
	d = open_made(m);
	dat_maker_free(m);
	t = s2_trace_open(path, &err);
	assert_non_null(t);
	while (s2_trace_next(t, &text) == 1) {
		assert_event(d, &dat);
		s2_test_row("%s, version %d%s: line %" PRIu64, name, form->version,
			    form->big_endian ? ", big-endian" : "", text.line);
		assert_u64(dat.line, ++n);
		assert_same(&dat, &text);
	}
	assert_end(d);
	assert_u64(s2_trace_lines(d), n);
	assert_u64(s2_trace_cpus(d), DAT_MAKER_CPUS);
	s2_trace_close(d);
	s2_trace_close(t);
}

static void a_record_says_what_its_line_of_text_says(void **state)
{
	static const char *const logs[] = {"linux6.1-a55-dirty", "linux6.1-a55-map",
					   "linux6.12-a55-multi", "linux7.2-max-cache",
					   "linux7.2-max-unmap"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		for (size_t l = 0; l < ARRAY_SIZE(logs); l++)
			compare_log(&forms[i], logs[l]);
}

static void compare_events(const struct dat_maker_form *form, const char *const *events, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct s2_trace_event dat, text;
		struct s2_trace *d, *t;
		char line[256];

		s2_test_row("version %d, %s", form->version, events[i]);
		snprintf(line, sizeof(line), PREFIX "%s\n", events[i]);
		d = open_lines(form, line);
		t = open_text(line);
		assert_event(d, &dat);
		assert_event(t, &text);
		assert_same(&dat, &text);
		assert_end(d);
		s2_trace_close(d);
		s2_trace_close(t);
	}
}

static void fields_that_no_log_here_has_are_read_too(void **state)
{
	static const char *const events[] = {
		"kvm_toggle_cache: VM op at 0xffff8000 (cache was off, now on)",
		"kvm_set_way_flush: S/W flush at 0xffff8004 (cache on)",
		"kvm_userspace_exit: reason restart (4)",
		"kvm_userspace_exit: reason error (14)",
		"kvm_exit: SERROR: HSR_EC: 0x0000 (UNKNOWN), PC: 0x00000000ffff8000",
		"s2_split" PROBE " ipa=0x40000000 size=0x200000",
		"s2_flush" PROBE " ipa=0x80000000 size=0x1000",
		"s2_mkyoung" PROBE " ipa=0x3000",
		"s2_free_unlinked" PROBE " level=-1",
		"tlb_ipa_nsh" PROBE " ipa=0x5000 level=2147483647",
		"toggle_cache" PROBE " was=1",
		"set_way_flush" PROBE,
		"tracing_mark_write: HOST release=6.12 machine=max",
		"tracing_mark_write: of somebody else",
		"clear_masked" PROBE " gfn_offset=0x40 mask=0xffffffffffffffff",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		compare_events(&forms[i], events, ARRAY_SIZE(events));
}

static void newer_probes_tell_slots_and_owners(void **state)
{
	/* A slot that is deleted has no new one, whatever the probe found in the buffer. */
	static const char *const events[] = {
		"commit_region" PROBE " change=0 old=0x0 base_gfn=0x80000 npages=512",
		"commit_region" PROBE " change=1 old=0xffff0000 base_gfn=0x80000 npages=512",
		"tlb_ipa" PROBE " ipa=0x5000 level=3 mmu=0xffff000012340000",
		"s2_mkyoung" PROBE " ipa=0x5000 pgt=0xffff000012340040",
	};
	struct dat_maker_form form = {.version = 7, .newer = true};

	(void)state;
	compare_events(&form, events, ARRAY_SIZE(events));
	form.moved = true;
	compare_events(&form, events, ARRAY_SIZE(events));
}

/* "lab-PID [CPU] ..... SECONDS: s2_mkyoung" */
static void add_at(struct dat_maker *m, unsigned buffer, int pid, unsigned cpu, unsigned second)
{
	char line[128];

	snprintf(line, sizeof(line), "lab-%d [%03u] ..... %u.000000: s2_mkyoung" PROBE " ipa=0x0",
		 pid, cpu, second);
	dat_maker_line(m, buffer, line);
}

static void assert_pids(struct s2_trace *t, const int *pids, size_t n)
{
	struct s2_trace_event ev;

	for (size_t i = 0; i < n; i++) {
		s2_test_row("record %zu", i);
		assert_event(t, &ev);
		assert_i64(ev.pid, pids[i]);
	}
	assert_end(t);
}

static void records_of_all_cpus_and_buffers_come_in_the_order_of_their_time(void **state)
{
	/* At one time: the first buffer's first, and in it the lower CPU's. */
	static const int order[] = {1, 2, 3, 4, 5, 6, 7, 8};

	(void)state;
	for (int version = 6; version <= 7; version++) {
		const struct dat_maker_form form = {.version = version, .second = "guest"};
		struct dat_maker *m = dat_maker_new(&form);
		struct s2_trace *t;

		add_at(m, 0, 2, 3, 20);
		add_at(m, 0, 6, 3, 4000); /* further on than a record's own time can say */
		add_at(m, 0, 1, 0, 10);
		add_at(m, 0, 4, 0, 30);
		add_at(m, 0, 8, 0, 5000);
		add_at(m, 1, 3, 1, 25);
		add_at(m, 1, 5, 1, 30);
		add_at(m, 1, 7, 1, 4000);
		t = open_made(m);
		dat_maker_free(m);
		assert_pids(t, order, ARRAY_SIZE(order));
		s2_trace_close(t);
	}
}

static void lost_events_are_told_where_they_were_lost_and_reading_goes_on(void **state)
{
	const struct dat_maker_form form = {.version = 7};
	struct dat_maker *m = dat_maker_new(&form);
	struct s2_trace_event ev;
	struct s2_trace *t;

	(void)state;
	add_at(m, 0, 1, 0, 10);
	add_at(m, 0, 2, 1, 20);
	dat_maker_lose(m, 0, 1);
	add_at(m, 0, 3, 1, 30);
	dat_maker_lose(m, 0, 1);
	add_at(m, 0, 4, 1, 40);
	t = open_made(m);
	dat_maker_free(m);
	assert_event(t, &ev);
	assert_event(t, &ev);
	assert_error(t, -EBADMSG, S2_TRACE_ERR_LOST, 3);
	assert_event(t, &ev);
	assert_i64(ev.pid, 3);
	assert_u64(ev.line, 3);
	assert_error(t, -EBADMSG, S2_TRACE_ERR_LOST, 4);
	assert_event(t, &ev);
	assert_i64(ev.pid, 4);
	assert_end(t);
	assert_u64(s2_trace_lines(t), 4);
	s2_trace_close(t);
}

static void the_file_tells_the_kernels_release(void **state)
{
	struct s2_trace_event ev;

	(void)state;
	for (int version = 6; version <= 7; version++) {
		struct dat_maker_form form = {.version = version, .uname = name_of_host};
		struct s2_trace *t = open_lines(&form, PREFIX "tlb_vmid" PROBE "\n");

		assert_event(t, &ev);
		assert_string_equal(s2_trace_release(t), "6.12.107");
		s2_trace_close(t);
		form.uname = NULL;
		t = open_lines(&form, PREFIX "tlb_vmid" PROBE "\n");
		assert_event(t, &ev);
		assert_null(s2_trace_release(t));
		s2_trace_close(t);
	}
}

static void assert_refused(struct s2_trace *t, int r, enum s2_trace_code code, const char *words)
{
	struct s2_trace_event ev;

	assert_error(t, r, code, 1);
	if (!strstr(s2_trace_error(t)->text, words))
		fail_msg("\"%s\" does not say \"%s\"", s2_trace_error(t)->text, words);
	assert_i64(s2_trace_next(t, &ev), r);
	s2_trace_close(t);
}

static void what_is_not_of_arm64_is_refused(void **state)
{
	static const char entry[] = PREFIX "kvm_entry: PC: 0x0000ffff80008000\n";
	const struct dat_maker_form x86 = {.version = 7, .uname = "Linux host 6.12.1 x86_64"};
	const struct dat_maker_form longs = {.version = 6, .longs = 4};
	const struct dat_maker_form other = {.version = 5};

	(void)state;
	assert_refused(open_lines(&x86, entry), -EINVAL, S2_TRACE_ERR_ARCH, "x86_64");
	assert_refused(open_lines(&longs, entry), -EINVAL, S2_TRACE_ERR_DAT, "32-bit");
	assert_refused(open_lines(&other, entry), -EINVAL, S2_TRACE_ERR_DAT, "trace-cmd report");
}

static void an_event_of_another_architecture_ends_the_log(void **state)
{
	const struct dat_maker_form form = {.version = 7, .foreign = "kvm_page_fault"};
	struct s2_trace_event ev;
	struct s2_trace *t =
		open_lines(&form, PREFIX "tlb_vmid" PROBE "\n" PREFIX
					 "kvm_page_fault: vcpu 0\n" PREFIX "tlb_vmid" PROBE "\n");

	(void)state;
	assert_event(t, &ev);
	assert_error(t, -EINVAL, S2_TRACE_ERR_ARCH, 2);
	assert_error(t, -EINVAL, S2_TRACE_ERR_ARCH, 2);
	s2_trace_close(t);
}

static void a_number_that_cannot_be_is_one_bad_record(void **state)
{
	struct s2_trace_event ev;
	struct s2_trace *t =
		open_lines(&forms[0], PREFIX "kvm_exit: TRAP: HSR_EC: 0x0040 (?), PC: "
					     "0x0000000040000000\n" PREFIX "tlb_vmid" PROBE "\n");

	(void)state;
	assert_error(t, -EBADMSG, S2_TRACE_ERR_RANGE, 1);
	assert_event(t, &ev);
	assert_end(t);
	/* Of the file, what records take. */
	assert_true(s2_trace_bytes_read(t) > 0);
	assert_true(s2_trace_bytes_read(t) < s2_trace_bytes_total(t));
	s2_trace_close(t);
}

static void a_field_that_is_not_there_is_named(void **state)
{
	const struct dat_maker_form form = {.version = 7, .without = "vcpu_pc"};
	struct s2_trace *t = open_lines(&form, PREFIX "kvm_entry: PC: 0x0000ffff80008000\n" PREFIX
						      "tlb_vmid" PROBE "\n");
	struct s2_trace_event ev;

	(void)state;
	assert_error(t, -EBADMSG, S2_TRACE_ERR_FORM, 1);
	assert_non_null(strstr(s2_trace_error(t)->text, "\"vcpu_pc\""));
	assert_event(t, &ev);
	assert_int_equal(ev.kind, S2_TRACE_TLB_VMID);
	assert_end(t);
	s2_trace_close(t);
}

static void a_mark_that_is_cut_is_one_bad_record(void **state)
{
	struct s2_trace *t = open_lines(&forms[0], PREFIX "tracing_mark_write: BEGIN\n" PREFIX
							  "tracing_mark_write: END\n");
	struct s2_trace_event ev;

	(void)state;
	assert_error(t, -EBADMSG, S2_TRACE_ERR_FORM, 1);
	assert_event(t, &ev);
	assert_int_equal(ev.kind, S2_TRACE_MARK_END);
	s2_trace_close(t);
}

static void a_mark_lives_until_the_next_record(void **state)
{
	char lines[1024];
	struct s2_trace_event ev;
	struct s2_trace *t;

	(void)state;
	/* Longer than a record's head has room to say. */
	snprintf(lines, sizeof(lines), PREFIX "tracing_mark_write: BEGIN %0200d\n", 7);
	t = open_lines(&forms[1], lines);
	assert_event(t, &ev);
	assert_u64(ev.u.mark.name.len, 200);
	assert_int_equal(ev.u.mark.name.text[199], '7');
	assert_end(t);
	s2_trace_close(t);
}

static void a_pipe_is_refused_since_a_trace_dat_is_not_read_in_one_go(void **state)
{
	struct dat_maker *m = dat_maker_new(&forms[0]);
	struct s2_error err;
	struct s2_trace *t;
	char path[32];
	size_t len;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_i64(write(fds[1], dat_maker_bytes(m, &len), 1024), 1024);
	dat_maker_free(m);
	close(fds[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", fds[0]);
	t = s2_trace_open(path, &err);
	assert_non_null(t);
	assert_refused(t, -EINVAL, S2_TRACE_ERR_READ, "pipe");
	close(fds[0]);
}

/* A short file of the form, with records on two CPUs. */
static unsigned char *short_file(const struct dat_maker_form *form, size_t *len)
{
	struct dat_maker *m = dat_maker_new(form);
	const unsigned char *bytes;
	unsigned char *copy;

	for (int i = 0; i < 80; i++) {
		dat_maker_line(m, 0, PREFIX "tlb_ipa" PROBE " ipa=0x1000 level=3");
		add_at(m, 0, i, 1, (unsigned)i);
	}
	dat_maker_line(m, 0, PREFIX "tracing_mark_write: BEGIN a phase");
	bytes = dat_maker_bytes(m, len);
	copy = malloc(*len);
	assert_non_null(copy);
	memcpy(copy, bytes, *len);
	dat_maker_free(m);
	return copy;
}

static void a_file_that_is_cut_is_told_before_its_first_event(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		const struct dat_maker_form form = {.version = forms[i].version,
						    .big_endian = forms[i].big_endian,
						    .zstd = forms[i].zstd,
						    .uname = name_of_host};
		size_t len;
		unsigned char *bytes = short_file(&form, &len);

		for (size_t cut = 10; cut < len; cut += cut < 64 ? 1 : 61) {
			s2_test_row("form %zu, %zu of %zu bytes", i, cut, len);
			assert_refused(open_bytes(bytes, cut), -EIO, S2_TRACE_ERR_DAT, "cut");
		}
		free(bytes);
	}
}

static void a_file_that_is_damaged_is_an_error_or_read_to_its_end(void **state)
{
	struct s2_test_rng rng = {17};

	(void)state;
	LEAKS_OF_OTHERS_BEGIN();
	for (size_t i = 0; i < 40 * ARRAY_SIZE(forms); i++) {
		size_t len, events = 0;
		unsigned char *bytes = short_file(&forms[i % ARRAY_SIZE(forms)], &len);
		struct s2_trace_event ev;
		struct s2_trace *t;
		int r;

		/* Formats are text, which says little wrong: rather numbers and pages. */
		bytes[10 + s2_test_rng_below(&rng, 100)] = (unsigned char)s2_test_rng_next(&rng);
		bytes[s2_test_rng_below(&rng, len)] ^=
			(unsigned char)(1 + s2_test_rng_below(&rng, 255));
		bytes[len - 1 - s2_test_rng_below(&rng, len / 4)] =
			(unsigned char)s2_test_rng_next(&rng);
		t = open_bytes(bytes, len);
		s2_test_row("file %zu", i);
		while ((r = s2_trace_next(t, &ev)) == 1 || r == -EBADMSG)
			assert_true(++events < 1000);
		if (r < 0)
			assert_true(s2_trace_error(t)->text[0] != '\0');
		s2_trace_close(t);
		free(bytes);
	}
	LEAKS_OF_OTHERS_END();
}

static void a_record_that_leaves_its_page_is_damage(void **state)
{
	size_t len;
	unsigned char *bytes = short_file(&forms[0], &len);
	unsigned char *page = bytes + len - 4096;

	(void)state;
	/* The last CPU's pages come last; the third's and the fourth's are none. */
	page[16] = (unsigned char)((page[16] & ~31) | 0);
	page[20] = 0xff;
	page[21] = 0xff;
	assert_refused(open_bytes(bytes, len), -EIO, S2_TRACE_ERR_DAT, "longer than its page");
	page[8] = 0xff;
	page[9] = 0x1f;
	assert_refused(open_bytes(bytes, len), -EIO, S2_TRACE_ERR_DAT, "more than full");
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_record_says_what_its_line_of_text_says),
		s2_unit_test(fields_that_no_log_here_has_are_read_too),
		s2_unit_test(newer_probes_tell_slots_and_owners),
		s2_unit_test(records_of_all_cpus_and_buffers_come_in_the_order_of_their_time),
		s2_unit_test(lost_events_are_told_where_they_were_lost_and_reading_goes_on),
		s2_unit_test(the_file_tells_the_kernels_release),
		s2_unit_test(what_is_not_of_arm64_is_refused),
		s2_unit_test(an_event_of_another_architecture_ends_the_log),
		s2_unit_test(a_number_that_cannot_be_is_one_bad_record),
		s2_unit_test(a_field_that_is_not_there_is_named),
		s2_unit_test(a_mark_that_is_cut_is_one_bad_record),
		s2_unit_test(a_mark_lives_until_the_next_record),
		s2_unit_test(a_pipe_is_refused_since_a_trace_dat_is_not_read_in_one_go),
		s2_unit_test(a_file_that_is_cut_is_told_before_its_first_event),
		s2_unit_test(a_file_that_is_damaged_is_an_error_or_read_to_its_end),
		s2_unit_test(a_record_that_leaves_its_page_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
