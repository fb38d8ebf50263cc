/* SPDX-License-Identifier: MIT */
/* A run logged, and the log told to s2-check's reader again. */
#include "support.h"
#include "study/work/boot_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/check/check_log.h"
#include "temp.h"

struct job {
	struct s2_boot boot;
	struct s2_features features;
	struct s2_flavour flavour;
};

static int run_boot(void *arg, struct s2_judge *judge, struct s2_error *err)
{
	struct job *job = arg;
	struct s2_boot_cost cost;

	job->boot.judge = judge;
	return s2_boot_run(&job->boot, &job->features, &job->flavour, &cost, err);
}

static struct job boot_job(unsigned vcpus)
{
	struct job job = {.boot = small_boot(), .flavour = toggling(S2_TOGGLE_EVERY)};

	job.boot.vcpus = vcpus;
	assert_i64(s2_features_parse("neoverse-n1", &job.features, NULL), 0);
	return job;
}

struct text {
	char *buf;
	size_t len, size;
	size_t stop; /* from here on writing fails; 0: nowhere */
};

static int append(void *arg, const char *text, size_t len)
{
	struct text *t = arg;

	if (t->stop && t->len + len > t->stop)
		return -EIO;
	if (t->len + len > t->size) {
		t->size = 2 * (t->len + len);
		t->buf = realloc(t->buf, t->size);
		assert_non_null(t->buf);
	}
	memcpy(t->buf + t->len, text, len);
	t->len += len;
	return 0;
}

static int log_it(struct job *job, struct s2_insn_log *log, struct s2_error *err)
{
	const struct s2_judged judged = {run_boot, job, NULL, 0};

	return s2_judge_log(log, &judged, err);
}

static struct s2_check_outcome check(const struct text *text, const struct job *job)
{
	struct s2_check_outcome outcome;
	struct s2_error err = {0};
	char path[S2_TEST_PATH];
	FILE *out = tmpfile();
	const struct s2_check_job check = {
		.path = path, .features = job->features, .cpus = 64, .keep = 1, .at_end = true};

	assert_non_null(out);
	s2_test_temp_file(path, text->buf, text->len);
	if (s2_check_log(&check, out, &outcome, &err))
		fail_msg("%s", err.text);
	remove(path);
	fclose(out);
	return outcome;
}

/* With what is relied on; of tables at the PAs that the library gives them. */
static void a_full_log_is_judged_again(void **state)
{
	struct job job = boot_job(2);
	struct text text = {0};
	struct s2_insn_log log = {.config = {append, &text, false}};
	struct s2_error err = {0};
	struct s2_check_outcome outcome;

	(void)state;
	assert_i64(log_it(&job, &log, &err), 0);
	assert_u64(log.left_out, 0);
	outcome = check(&text, &job);
	assert_u64(outcome.violations, 0);
	assert_u64(outcome.changed, 0);
	assert_true(outcome.reliances > 2);
	free(text.buf);
}

static void the_other_form_has_what_casemate_reads(void **state)
{
	struct job job = boot_job(2);
	struct text text = {0};
	struct s2_insn_log log = {.config = {append, &text, true}};
	struct s2_error err = {0};
	struct s2_check_outcome outcome;

	(void)state;
	assert_i64(log_it(&job, &log, &err), 0);
	assert_true(log.left_out > 0);
	outcome = check(&text, &job);
	assert_u64(outcome.ignored, 0);
	assert_u64(outcome.reliances, 0);
	assert_u64(outcome.violations, 0);
	free(text.buf);
}

static void more_cpus_than_casemate_has_are_refused(void **state)
{
	struct job job = boot_job(S2_LOG_CASEMATE_CPUS + 1);
	struct text text = {0};
	struct s2_insn_log log = {.config = {append, &text, true}};
	struct s2_error err = {0};

	(void)state;
	assert_i64(log_it(&job, &log, &err), -EINVAL);
	assert_string_equal(err.text, "--log: casemate has 4 CPUs, expected no more of them");
	assert_u64(text.len, 0);
}

static void a_log_that_cannot_be_written_is_an_error(void **state)
{
	struct job job = boot_job(2);
	struct text text = {.stop = 4096};
	struct s2_insn_log log = {.config = {append, &text, false}};
	struct s2_error err = {0};

	(void)state;
	assert_i64(log_it(&job, &log, &err), -EIO);
	assert_true(text.len <= text.stop);
	assert_non_null(strstr(err.text, "--log: "));
	free(text.buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_full_log_is_judged_again),
		s2_unit_test(the_other_form_has_what_casemate_reads),
		s2_unit_test(more_cpus_than_casemate_has_are_refused),
		s2_unit_test(a_log_that_cannot_be_written_is_an_error),
	};

	return cmocka_run_group_tests_name("study/work/judge_log", tests, NULL, NULL);
}
