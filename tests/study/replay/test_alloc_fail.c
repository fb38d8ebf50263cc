/* SPDX-License-Identifier: MIT */
/*
 * A log from file to report, in which each allocation fails: -ENOMEM with a
 * text, nothing written, nothing leaked; or it did not need it.
 */
#include "alloc_fail.h"
#include "temp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/replay/replay_log.h"

#ifdef S2_HAVE_TRACECMD
#include "study/log/dat_maker.h"
#endif

struct replayed {
	int ret;
	char *text; /* to be freed */
	struct s2_error err;
};

static struct replayed replay(const struct s2_replay_job *job)
{
	struct s2_replay_outcome outcome;
	struct replayed r = {0};
	FILE *out;
	size_t size;

	out = open_memstream(&r.text, &size);
	assert_non_null(out);
	r.ret = s2_replay_log(job, out, &outcome, &r.err);
	assert_i64(fclose(out), 0);
	return r;
}

/* A long log has as many sites as it has events: ever fewer of them are tried. */
static uint64_t next_site(uint64_t n)
{
	return n + 1 + n / 8;
}

static void each_allocation_fails(const struct s2_replay_job *job)
{
	struct replayed good = replay(job);

	assert_string_equal(good.err.text, "");
	assert_i64(good.ret, 0);
	for (unsigned sticky = 0; sticky < 2; sticky++) {
		bool reached = true;

		for (uint64_t n = 0; reached; n = next_site(n)) {
			struct replayed r;

			s2_alloc_fail_at(n, sticky);
			r = replay(job);
			reached = s2_alloc_fail_end() > n;
			s2_test_row("format %d, allocation %" PRIu64 "%s", job->format, n,
				    sticky ? " and all after it" : "");
			if (r.ret == 0) {
				assert_string_equal(r.text, good.text);
			} else {
				assert_true(reached);
				assert_i64(r.ret, -ENOMEM);
				assert_string_equal(r.text, "");
				assert_string_not_equal(r.err.text, "");
			}
			free(r.text);
		}
	}
	free(good.text);
}

static struct s2_replay_job job_of(const char *path)
{
	struct s2_replay_job job = {.path = path,
				    .flavour = s2_flavour_find("newest"),
				    .format = S2_REPORT_TABLE,
				    .compare = true};

	assert_i64(s2_features_preset("cortex-a55", &job.features), 0);
	return job;
}

static void each_format_of(struct s2_replay_job *job)
{
	for (int format = S2_REPORT_TABLE; format <= S2_REPORT_CSV; format++) {
		job->format = (enum s2_report_format)format;
		if (s2_replay_report_can(job->format))
			each_allocation_fails(job);
	}
}

static void a_rich_log_needs_memory(void **state)
{
	char path[1024];
	struct s2_replay_job job;

	(void)state;
#ifndef S2_HAVE_ZLIB
	skip();
#endif
	if (!s2_alloc_fail_works())
		skip();
	snprintf(path, sizeof(path), "%s/traces/linux6.12-a55-multi.rich.txt.gz",
		 getenv("S2_TEST_DATA"));
	job = job_of(path);
	each_format_of(&job);
}

/* What libtracecmd allocates is its own; what is said of the file is ours. */
static void a_trace_dat_needs_memory(void **state)
{
	(void)state;
#ifdef S2_HAVE_TRACECMD
	const struct dat_maker_form form = {.version = 7, .uname = "Linux h 6.12.107 aarch64"};
	char path[S2_TEST_PATH], text[1024];
	struct s2_replay_job job;
	struct dat_maker *m;
	const unsigned char *bytes;
	size_t len;

	if (!s2_alloc_fail_works())
		skip();
	m = dat_maker_new(&form);
	snprintf(text, sizeof(text), "%s/traces/linux6.12-a55-multi.rich.txt.gz",
		 getenv("S2_TEST_DATA"));
	dat_maker_log(m, 0, text);
	bytes = dat_maker_bytes(m, &len);
	s2_test_temp_file(path, bytes, len);
	dat_maker_free(m);
	job = job_of(path);
	each_allocation_fails(&job);
	remove(path);
#else
	skip();
#endif
}

#define LINE(task, event) "    " task " [000] .....    12.345678: " event "\n"

/* Faults of a guest, with a file of slots beside it. */
static void a_plain_log_and_its_slots_need_memory(void **state)
{
	static const char slots[] = "0x40000000 0x4000000 0x7f0000000000\n"
				    "0x50000000 0x200000 0x7f1000000000\n";
	char path[S2_TEST_PATH], slots_path[S2_TEST_PATH], log[8192];
	size_t at = (size_t)snprintf(log, sizeof(log), "# tracer: nop\n");
	struct s2_replay_job job;

	(void)state;
	if (!s2_alloc_fail_works())
		skip();
	at += (size_t)snprintf(log + at, sizeof(log) - at,
			       LINE("vcpu-2", "kvm_entry: PC: 0x0000000040000000"));
	for (unsigned i = 0; i < 16; i++)
		at += (size_t)snprintf(log + at, sizeof(log) - at,
				       LINE("vcpu-2",
					    "kvm_guest_fault: ipa 0x%x, hsr 0x92000047, hxfar "
					    "0x%x, pc 0x40000000")
					       LINE("vcpu-2", "kvm_entry: PC: 0x0000000040000000"),
				       0x40000000U + i * 0x301000U, 0x40000000U + i * 0x301000U);
	s2_test_temp_file(path, log, at);
	s2_test_temp_file(slots_path, slots, sizeof(slots) - 1);
	job = job_of(path);
	job.cpus = 4;
	job.memslots = slots_path;
	job.keep_going = true;
	each_format_of(&job);
	remove(path);
	remove(slots_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_rich_log_needs_memory),
		s2_unit_test(a_trace_dat_needs_memory),
		s2_unit_test(a_plain_log_and_its_slots_need_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
