/* SPDX-License-Identifier: MIT */
/* --log: of one run, whole or not there, and into what is no file without replacing it. */
#include "support.h"
#include "temp.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "study/report/insn_log.h"
#include "study/run/fake_program.h"

#define LINES 2000

/* As a workload does: what is issued goes to the log, which stops at the first line that it cannot write. */
static int run_logged(const struct s2_run *run, struct s2_result *result, struct s2_error *err)
{
	struct s2_insn_log *log = run->log;

	(void)result;
	assert_non_null(log);
	for (int i = 0; i < LINES && !log->error; i++)
		log->error = log->config.write(log->config.arg, "isb\n", 4);
	log->left_out = log->config.casemate_only ? 3 : 0;
	if (log->error)
		s2_error_set(err, 1, "--log: cut short");
	return log->error;
}

static struct ran run_log(const char *words)
{
	struct s2_program p = fake_program;

	p.judged = true;
	p.run = run_logged;
	return run_words(&p, words);
}

static void assert_fails(const char *words, const char *part)
{
	struct ran ran = run_log(words);

	assert_i64(ran.status, 2);
	if (strstr(ran.errs, part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, ran.errs);
	forget_run(&ran);
}

static uint64_t size_of(const char *path)
{
	struct stat st;

	assert_i64(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}

static void a_log_is_of_one_run(void **state)
{
	(void)state;
	assert_fails("--log full", "--log: a log is of one run, expected one --policy");
	assert_fails("--log full --policy every,first", "expected one --policy");
	assert_fails("--log full --policy every --workload all", "expected one --workload");
	assert_fails("--log full --policy every --sweep vcpus=1,2", "expected no --sweep");
}

static void it_is_printed_and_what_was_left_out_is_said(void **state)
{
	struct ran ran = run_log("--log full --policy every");

	(void)state;
	assert_i64(ran.status, 0);
	assert_string_equal(ran.errs, "");
	assert_u64(ran.out_size, LINES * 4);
	forget_run(&ran);
	ran = run_log("--log casemate --policy every");
	assert_i64(ran.status, 0);
	assert_string_equal(ran.errs, "s2-try: --log: 3 instructions that casemate has no word for "
				      "are left out\n");
	forget_run(&ran);
}

static void a_file_is_whole_or_as_it_was(void **state)
{
	char dir[S2_TEST_PATH], path[S2_TEST_PATH + 16], words[2 * S2_TEST_PATH + 64];
	struct rlimit old, small;
	struct ran ran;

	(void)state;
	s2_test_temp_dir(dir);
	(void)snprintf(path, sizeof(path), "%s/out", dir);
	(void)snprintf(words, sizeof(words), "--log full --policy every -o %s", path);
	ran = run_log(words);
	assert_i64(ran.status, 0);
	assert_string_equal(ran.out, "");
	forget_run(&ran);
	assert_u64(size_of(path), LINES * 4);

	/* A limit on the size of files stands for a disk that fills up, at once and half way. */
	assert_i64(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	for (int i = 0; i < 2; i++) {
		small = old;
		small.rlim_cur = i ? LINES * 4 - 1 : 64;
		assert_i64(setrlimit(RLIMIT_FSIZE, &small), 0);
		ran = run_log(words);
		assert_i64(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_i64(ran.status, 2);
		assert_non_null(strstr(ran.errs, "s2-try: --log: "));
		forget_run(&ran);
		assert_u64(size_of(path), LINES * 4);
	}
	assert_i64(remove(path), 0);
	assert_i64(rmdir(dir), 0); /* nothing else was left there */
}

static void what_is_no_file_is_written_into(void **state)
{
	char dir[S2_TEST_PATH], path[S2_TEST_PATH + 16], link[S2_TEST_PATH + 16];
	char words[2 * S2_TEST_PATH + 64];
	struct stat st;
	struct ran ran;

	(void)state;
	s2_test_temp_dir(dir);
	(void)snprintf(path, sizeof(path), "%s/out", dir);
	(void)snprintf(link, sizeof(link), "%s/link", dir);
	assert_i64(symlink("out", link), 0);
	(void)snprintf(words, sizeof(words), "--log full --policy every -o %s", link);
	ran = run_log(words);
	assert_i64(ran.status, 0);
	forget_run(&ran);
	assert_i64(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_u64(size_of(path), LINES * 4);
	assert_i64(remove(link), 0);
	assert_i64(remove(path), 0);
	assert_i64(rmdir(dir), 0);
	if (access("/dev/full", W_OK) == 0)
		assert_fails("--log full --policy every -o /dev/full", "--log: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_log_is_of_one_run),
		s2_unit_test(it_is_printed_and_what_was_left_out_is_said),
		s2_unit_test(a_file_is_whole_or_as_it_was),
		s2_unit_test(what_is_no_file_is_written_into),
	};

	return cmocka_run_group_tests_name("study/run/session_log", tests, NULL, NULL);
}
