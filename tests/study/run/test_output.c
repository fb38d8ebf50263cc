/* SPDX-License-Identifier: MIT */
/*
 * The runner end to end: what is written, where, and the status at the end.
 */
#include "support.h"
#include "temp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "study/run/fake_program.h"
#include "study/run/output.h"

static void violations_set_the_status_only_where_none_is_expected(void **state)
{
	struct ran ran = run_words(&fake_program, "--broken");

	(void)state;
	assert_i64(ran.status, 0);
	assert_non_null(strstr(ran.out, "every breaks arch:\n  1. lost\n"));
	forget_run(&ran);

	ran = run_words(&fake_program, "--broken --expect sound");
	assert_i64(ran.status, 1);
	assert_non_null(strstr(ran.out, "every breaks arch:\n"));
	assert_string_equal(
		ran.errs,
		"s2-try: --expect sound: got 3 broken verdicts (the first: every, arch), expected none\n");
	forget_run(&ran);

	ran = run_words(&fake_program, "--expect sound");
	assert_i64(ran.status, 0);
	assert_string_equal(ran.errs, "");
	forget_run(&ran);
}

static int run_unchecked(const struct s2_run *run, struct s2_result *result, struct s2_error *err)
{
	(void)run;
	(void)err;
	result->ops.n[S2_OP_ISB] = 1;
	return s2_result_verdict(result, "arch", S2_UNCHECKED, 0, NULL);
}

static void what_nobody_checked_is_said(void **state)
{
	struct s2_program p = fake_program;
	struct ran ran;

	(void)state;
	p.run = run_unchecked;
	ran = run_words(&p, "--expect sound");
	assert_i64(ran.status, 0);
	assert_string_equal(
		ran.errs,
		"s2-try: --expect sound: got 3 unchecked verdicts (the first: every, arch); --check always looks at more\n");
	forget_run(&ran);
	ran = run_words(&p, "--expect checked");
	assert_i64(ran.status, 1);
	forget_run(&ran);
}

static void profiles_estimate(void **state)
{
	(void)state;
	assert_prints("--profile d05", "estimated time           unknown         unknown");
	assert_prints("--profile d05", "time is unknown: d05 has no cost for isb\n");
	/* A seed of 0 issues no ISB here, and then every cost is known. */
	assert_prints("--profile d05 --seed 0",
		      "estimated time, predicted  727 us  182 us   0.25x");
	assert_prints("--profile d05 --sweep default --metric known_time",
		      "known_time, ratio to every");
	assert_prints("--profile d05,altra --seed 0", "d05: estimated time, predicted   727 us");
	assert_prints("--profile d05 --profile altra --seed 0",
		      "altra: estimated time           unknown");
	assert_refused("--profile d05,d05",
		       "--profile: got \"d05\", expected profiles of different names");
}

static char *read_file(const char *path)
{
	static char text[8192];
	FILE *in = fopen(path, "r");

	assert_non_null(in);
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	assert_i64(fclose(in), 0);
	return text;
}

static void output_goes_to_the_file_and_only_there(void **state)
{
	char dir[S2_TEST_PATH], path[S2_TEST_PATH + 16], words[2 * S2_TEST_PATH];

	(void)state;
	s2_test_temp_dir(dir);
	(void)snprintf(path, sizeof(path), "%s/out", dir);
	(void)snprintf(words, sizeof(words), "-o %s", path);
	assert_ran(words, 0, "", "");
	assert_non_null(strstr(read_file(path), "dc_civac       65,536"));

	/* A run that fails leaves what was there before. */
	(void)snprintf(words, sizeof(words), "--bad -o %s", path);
	assert_refused(words, "half way?through");
	assert_non_null(strstr(read_file(path), "dc_civac       65,536"));

	(void)snprintf(words, sizeof(words), "--format csv -o %s", path);
	assert_ran(words, 0, "", "");
	assert_true(!strncmp(read_file(path), "program,version,", 16));
	assert_i64(remove(path), 0);
	assert_i64(rmdir(dir), 0); /* nothing else was left there */
}

/* A limit on the size of files stands for a disk that fills up half way. */
static void output_that_does_not_fit_leaves_what_was_there(void **state)
{
	char dir[S2_TEST_PATH], path[S2_TEST_PATH + 16], words[2 * S2_TEST_PATH];
	struct rlimit old, small;
	struct ran ran;

	(void)state;
	s2_test_temp_dir(dir);
	(void)snprintf(path, sizeof(path), "%s/out", dir);
	(void)snprintf(words, sizeof(words), "--policy every -o %s", path);
	assert_ran(words, 0, "", "");
	assert_i64(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 64;
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_i64(setrlimit(RLIMIT_FSIZE, &small), 0);
	(void)snprintf(words, sizeof(words), "--policy first -o %s", path);
	ran = run_words(&fake_program, words);
	assert_i64(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_i64(ran.status, 2);
	assert_non_null(
		strstr(ran.errs, "/out: File too large, expected a place to write it to\n"));
	forget_run(&ran);
	assert_non_null(strstr(read_file(path), "dc_civac       65,536"));
	assert_i64(remove(path), 0);
	assert_i64(rmdir(dir), 0); /* nothing else was left there */
}

static void a_full_disk_is_an_error(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	char *argv[] = {(char[]){"s2-try"}, NULL};
	char errs[256] = "";
	FILE *err_out = fmemopen(errs, sizeof(errs), "w");

	(void)state;
	if (full == NULL)
		skip();
	assert_i64(s2_program_main(&fake_program, 1, argv, full, err_out), 2);
	(void)fclose(full);
	assert_i64(fclose(err_out), 0);
	assert_string_equal(errs, "s2-try: standard output: No space left on device, expected a "
				  "place to write it to\n");
}

/* A link goes on naming the file, a device stays one. */
static void what_is_no_file_is_written_into(void **state)
{
	char dir[S2_TEST_PATH], path[S2_TEST_PATH + 16], link[S2_TEST_PATH + 16];
	char words[2 * S2_TEST_PATH];
	struct stat st;

	(void)state;
	s2_test_temp_dir(dir);
	(void)snprintf(path, sizeof(path), "%s/out", dir);
	(void)snprintf(link, sizeof(link), "%s/link", dir);
	assert_i64(symlink("out", link), 0);
	(void)snprintf(words, sizeof(words), "-o %s", link);
	assert_ran(words, 0, "", "");
	assert_i64(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_non_null(strstr(read_file(path), "dc_civac       65,536"));
	assert_i64(remove(link), 0);
	assert_i64(remove(path), 0);
	assert_i64(rmdir(dir), 0);
	if (access("/dev/full", W_OK) == 0)
		assert_refused("-o /dev/full",
			       "/dev/full: No space left on device, expected a place to write it to");
}

static void what_cannot_be_a_file_is_an_error(void **state)
{
	char dir[S2_TEST_PATH];

	(void)state;
	s2_test_temp_dir(dir);
	assert_i64(s2_output_write(dir, NULL, "x", 1), -EISDIR);
	assert_i64(s2_output_write("/nowhere/at/all", NULL, "x", 1), -ENOENT);
	assert_i64(rmdir(dir), 0);
}

static void json_is_printed_or_said_to_be_left_out(void **state)
{
	(void)state;
#ifdef S2_HAVE_JANSSON
	assert_prints("--format json", "\"program\": \"s2-try\"");
	assert_prints("--format json", "\"workload\": {\n    \"name\": \"small\"");
	assert_prints("--format json --sweep default", "\"axes\": [\n    \"vcpus\"\n  ]");
#else
	assert_refused("--format json", "--format: got \"json\", expected table or csv: JSON was "
					"left out of this build (no jansson)");
#endif
}

static void a_plot_needs_a_sweep_of_one_or_two_options(void **state)
{
	struct ran ran = run_words(&fake_program, "--plot x.svg");

	(void)state;
	if (strstr(ran.errs, "no gnuplot") != NULL) {
		forget_run(&ran);
		skip();
	}
	assert_string_equal(ran.errs, "s2-try: --plot: got \"x.svg\", expected a --sweep to be "
				      "drawn\n");
	assert_i64(ran.status, 2);
	forget_run(&ran);
	assert_refused("--plot x.svg --sweep vcpus=1,memory=1M,chunk=1p",
		       "--plot: got \"x.svg\", expected a sweep of one or two options");
}

static void a_sweep_is_drawn(void **state)
{
	static const char *const sweeps[] = {"vcpus=1..8", "memory=1M..4M,vcpus=1..8", "vcpus=2",
					     "memory=1M,vcpus=1"};
	char dir[S2_TEST_PATH], path[S2_TEST_PATH + 16], words[2 * S2_TEST_PATH];

	(void)state;
	s2_test_temp_dir(dir);
	(void)snprintf(path, sizeof(path), "%s/plot.svg", dir);
	for (size_t i = 0; i < ARRAY_SIZE(sweeps); i++) {
		struct ran ran;

		(void)snprintf(words, sizeof(words), "--sweep %s --plot %s", sweeps[i], path);
		ran = run_words(&fake_program, words);
		if (strstr(ran.errs, "no gnuplot") != NULL) {
			forget_run(&ran);
			break;
		}
		assert_string_equal(ran.errs, "");
		assert_i64(ran.status, 0);
		forget_run(&ran);
		assert_non_null(strstr(read_file(path), "<svg"));
		assert_i64(remove(path), 0);
	}
	assert_i64(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(violations_set_the_status_only_where_none_is_expected),
		s2_unit_test(what_nobody_checked_is_said),
		s2_unit_test(profiles_estimate),
		s2_unit_test(output_goes_to_the_file_and_only_there),
		s2_unit_test(output_that_does_not_fit_leaves_what_was_there),
		s2_unit_test(a_full_disk_is_an_error),
		s2_unit_test(what_is_no_file_is_written_into),
		s2_unit_test(what_cannot_be_a_file_is_an_error),
		s2_unit_test(json_is_printed_or_said_to_be_left_out),
		s2_unit_test(a_plot_needs_a_sweep_of_one_or_two_options),
		s2_unit_test(a_sweep_is_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
