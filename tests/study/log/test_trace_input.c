/* SPDX-License-Identifier: MIT */
/* Files that are no logs, buffers, standard input and gzip. */
#include "study/log/trace_fixture.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>

#ifdef S2_HAVE_ZLIB
#include <zlib.h>
#endif

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
	assert_for_good(open_bytes("\x1f", 1), -EINVAL, S2_TRACE_ERR_NOT_FTRACE, 1);
}

static void a_binary_is_refused_with_the_command_that_makes_it_text(void **state)
{
	static const struct {
		const char *bytes, *command;
		size_t size;
	} rows[] = {
#ifndef S2_HAVE_TRACECMD
		{"\x17\x08\x44tracing\0", "trace-cmd report", 11},
#endif
		{"PERFILE2\x68\0\0\n", "perf script", 12},
		{"BZh91AY\n", "bzip2 -d", 8},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_trace *t = open_bytes(rows[i].bytes, rows[i].size);
		struct s2_trace_event ev;

		s2_test_row("%s", rows[i].command);
		assert_i64(s2_trace_next(t, &ev), -EINVAL);
		assert_non_null(strstr(s2_trace_error(t)->text, rows[i].command));
		assert_for_good(t, -EINVAL, S2_TRACE_ERR_NOT_FTRACE, 1);
	}
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
		s2_unit_test(what_is_not_ftrace_is_refused),
		s2_unit_test(a_binary_is_refused_with_the_command_that_makes_it_text),
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

	return cmocka_run_group_tests_name("trace_input", tests, NULL, NULL);
}
