/* SPDX-License-Identifier: MIT */
/* Pieces of work in processes: what they print, and what comes of those that fail. */
#include "support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "study/run/jobs.h"

#define N 7

/* Later pieces are done sooner. */
static int print_it(void *arg, size_t i)
{
	const int *status = arg;
	const struct timespec rest = {0, (long)(N - i) * 2000000};

	nanosleep(&rest, NULL);
	for (size_t k = 0; k < 1000 * i; k++)
		printf("piece %zu, line %zu\n", i, k);
	return status[i];
}

static int kill_itself(void *arg, size_t i)
{
	(void)arg;
	if (i == 1)
		raise(SIGKILL);
	return 0;
}

/* What a run prints, to be freed. */
static char *printed(const struct s2_jobs *jobs, int *worst)
{
	struct s2_error err = {0};
	FILE *file = tmpfile();
	const int saved = dup(STDOUT_FILENO);
	char *text;
	long len;

	assert_non_null(file);
	fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	assert_i64(s2_jobs_run(jobs, worst, &err), 0);
	fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
	fseek(file, 0, SEEK_END);
	len = ftell(file);
	rewind(file);
	text = calloc(1, (size_t)len + 1);
	assert_non_null(text);
	assert_u64(fread(text, 1, (size_t)len, file), (uint64_t)len);
	fclose(file);
	return text;
}

static void any_number_at_once_prints_the_same(void **state)
{
	int statuses[N] = {0, 1, 0, 2, 0, 1, 0}, worst;
	struct s2_jobs jobs = {N, print_it, statuses, 1};
	char *alone = printed(&jobs, &worst);

	(void)state;
	assert_i64(worst, 2);
	assert_true(strlen(alone) > 100000);
	for (jobs.at_once = 2; jobs.at_once < N + 3; jobs.at_once++) {
		char *text = printed(&jobs, &worst);

		assert_string_equal(text, alone);
		assert_i64(worst, 2);
		free(text);
	}
	free(alone);
}

static void a_process_that_is_killed_is_the_worst(void **state)
{
	const struct s2_jobs jobs = {3, kill_itself, NULL, 2};
	struct s2_error err = {0};
	int worst;

	(void)state;
	assert_i64(s2_jobs_run(&jobs, &worst, &err), 0);
	assert_i64(worst, 127);
}

static void no_process_at_all_is_refused(void **state)
{
	struct s2_jobs jobs = {3, kill_itself, NULL, 0};
	struct s2_error err = {0};
	int worst;

	(void)state;
	assert_i64(s2_jobs_run(&jobs, &worst, &err), -EINVAL);
	jobs.at_once = S2_JOBS_MAX + 1;
	assert_i64(s2_jobs_run(&jobs, &worst, &err), -EINVAL);
}

/* The limit on files stands for a system that has no more of anything. */
static void what_cannot_be_started_is_an_error(void **state)
{
	const struct s2_jobs jobs = {3, kill_itself, NULL, 2};
	struct s2_error err = {0};
	struct rlimit old, none;
	int worst, ret;

	(void)state;
	assert_i64(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	assert_i64(setrlimit(RLIMIT_NOFILE, &none), 0);
	ret = s2_jobs_run(&jobs, &worst, &err);
	assert_i64(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_i64(ret, -EMFILE);
	assert_non_null(strstr(err.text, "--jobs: a file for what is printed: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(any_number_at_once_prints_the_same),
		s2_unit_test(a_process_that_is_killed_is_the_worst),
		s2_unit_test(no_process_at_all_is_refused),
		s2_unit_test(what_cannot_be_started_is_an_error),
	};

	return cmocka_run_group_tests_name("study/run/jobs", tests, NULL, NULL);
}
