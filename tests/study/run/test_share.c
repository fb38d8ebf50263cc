/* SPDX-License-Identifier: MIT */
/*
 * Runs shared out among processes and commands: what is printed, and which error,
 * is what one process alone prints.
 */
#include "support.h"
#include "temp.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "study/run/fake_program.h"
#include "study/run/shard.h"

struct settings {
	uint64_t size, fails_at, dies_at;
};

static const struct s2_option options[] = {
	S2_ROW(U64, S2_FIELD(struct settings, size), "size", "N", "1", "what is swept", .max = 99),
	S2_ROW(U64, S2_FIELD(struct settings, fails_at), "fails-at", "N", NULL, "a size that fails",
	       .apart = true),
	S2_ROW(U64, S2_FIELD(struct settings, dies_at), "dies-at", "N", NULL, "a size that kills",
	       .apart = true),
};

static const struct s2_policy policies[] = {
	{"one", "one", 1, NULL},
	{"two", "two", 2, NULL},
	{"odd", "sizes that are odd", 3, NULL},
};

static int applies(const struct s2_run *run, struct s2_error *err)
{
	const struct settings *settings = run->settings;

	if (run->policy->id != 3 || settings->size % 2 == 1)
		return 0;
	s2_error_set(err, 1, "an even size");
	return -EOPNOTSUPP;
}

static int run(const struct s2_run *run, struct s2_result *result, struct s2_error *err)
{
	const struct settings *settings = run->settings;
	const uint64_t n = settings->size * 10 + (uint64_t)run->policy->id;

	if (settings->size == settings->fails_at && run->policy->id == 2) {
		s2_error_set(err, 1, "%s fails at %" PRIu64 "\nand says so", run->policy->name,
			     settings->size);
		return -EIO;
	}
	if (settings->size == settings->dies_at)
		(void)raise(SIGKILL);
	result->ops.n[S2_OP_ISB] = n;
	result->ops.n[S2_OP_COUNT - 1] = UINT64_MAX - n;
	assert_i64(s2_result_measure(result, "third", "parts of it", (double)n / 3), 0);
	assert_i64(s2_result_measure(result, "none", NULL, n % 2 ? -0.0 : 1e-310), 0);
	assert_i64(s2_result_verdict(result, "sound", S2_SOUND, n, NULL), 0);
	return s2_result_verdict(result, "broken", S2_UNSOUND, n, n % 2 ? "  1. a\n\tline\n" : "");
}

static const struct s2_program program = {
	.name = "s2-share",
	.summary = "shared out",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.settings_size = sizeof(struct settings),
	.policies = policies,
	.n_policies = ARRAY_SIZE(policies),
	.machine = "max",
	.metric = "third",
	.applies = applies,
	.run = run,
};

static void assert_same(const char *words, const char *other)
{
	struct ran want = run_words(&program, words);
	struct ran got = run_words(&program, other);

	assert_string_equal(got.errs, want.errs);
	assert_string_equal(got.out, want.out);
	assert_i64(got.status, want.status);
	forget_run(&want);
	forget_run(&got);
}

static void any_number_of_processes_prints_the_same(void **state)
{
	static const char *const words[] = {
		"--sweep size=1..9+1 --format csv",
		"--sweep size=1..9+1",
		"--format csv",
		"--sweep size=2..8+2 --profile d05 --metric known_time",
		"--sweep size=1..9+1 --expect sound",
		"--sweep size=1,2 --policy odd",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		for (int jobs = 0; jobs <= 40; jobs = jobs * 2 + 1) {
			char alone[256], other[256];

			(void)snprintf(alone, sizeof(alone), "%s --jobs 1", words[i]);
			(void)snprintf(other, sizeof(other), "%s --jobs %d", words[i], jobs);
			assert_same(alone, other);
		}
	}
}

static void the_first_error_in_order_is_the_one_that_is_said(void **state)
{
	(void)state;
	assert_same("--sweep size=1..9+1 --fails-at 4 --jobs 1",
		    "--sweep size=1..9+1 --fails-at 4 --jobs 3");
	assert_same("--sweep size=1..9+1,fails-at=3,5 --jobs 1",
		    "--sweep size=1..9+1,fails-at=3,5 --jobs 4");
}

static void a_process_that_is_killed_is_an_error(void **state)
{
	struct ran ran = run_words(&program, "--sweep size=1..9+1 --dies-at 6 --jobs 2");

	(void)state;
	assert_i64(ran.status, 2);
	assert_string_equal(ran.out, "");
	assert_string_equal(ran.errs, "s2-share: --jobs: a process was ended before its work was "
				      "done, expected memory for 2 of them\n");
	forget_run(&ran);
}

/* Files of a test, in a folder of their own. */
struct shards {
	char dir[S2_TEST_PATH];
	char merge[3 * S2_TEST_PATH]; /* "--merge a,b,c" */
	unsigned n;
};

static void shard_path(const struct shards *shards, unsigned i, char path[S2_TEST_PATH + 16])
{
	(void)snprintf(path, S2_TEST_PATH + 16, "%s/%u", shards->dir, i);
}

static void make_shards(struct shards *shards, unsigned n, const char *words)
{
	char path[S2_TEST_PATH + 16], all[1024];

	s2_test_temp_dir(shards->dir);
	(void)snprintf(shards->merge, sizeof(shards->merge), "--merge ");
	shards->n = n;
	for (unsigned i = 1; i <= n; i++) {
		struct ran ran;

		shard_path(shards, i, path);
		(void)snprintf(all, sizeof(all), "%s --shard %u/%u -o %s", words, i, n, path);
		ran = run_words(&program, all);
		assert_string_equal(ran.errs, "");
		assert_i64(ran.status, 0);
		forget_run(&ran);
		(void)snprintf(shards->merge + strlen(shards->merge),
			       sizeof(shards->merge) - strlen(shards->merge), "%s%s",
			       i == 1 ? "" : ",", path);
	}
}

static void forget_shards(const struct shards *shards)
{
	char path[S2_TEST_PATH + 16];

	for (unsigned i = 1; i <= shards->n; i++) {
		shard_path(shards, i, path);
		assert_i64(remove(path), 0);
	}
	assert_i64(rmdir(shards->dir), 0);
}

static void shards_merged_print_the_same(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 4; n++) {
		struct shards shards;
		char other[1024];

		make_shards(&shards, n, "--sweep size=1..5+1 --jobs 2");
		(void)snprintf(other, sizeof(other), "--sweep size=1..5+1 --format csv %s",
			       shards.merge);
		assert_same("--sweep size=1..5+1 --format csv --jobs 1", other);
		forget_shards(&shards);
	}
}

static void assert_merge_refused(const char *words, const char *part)
{
	struct ran ran = run_words(&program, words);

	if (strstr(ran.errs, part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, ran.errs);
	assert_string_equal(ran.out, "");
	assert_i64(ran.status, 2);
	forget_run(&ran);
}

static void a_merge_takes_each_shard_of_this_command_once(void **state)
{
	struct shards shards;
	char words[2048], path[S2_TEST_PATH + 16];

	(void)state;
	make_shards(&shards, 2, "--sweep size=1..5+1");
	shard_path(&shards, 1, path);
	(void)snprintf(words, sizeof(words), "--sweep size=1..5+1 --merge %s", path);
	assert_merge_refused(words, "8 of 13 runs, expected all: a shard is missing");
	(void)snprintf(words, sizeof(words), "--sweep size=1..5+1 %s,%s", shards.merge, path);
	assert_merge_refused(words, ": a run that is there already, expected each shard once");
	(void)snprintf(words, sizeof(words), "--sweep size=1..4+1 %s", shards.merge);
	assert_merge_refused(words, ": it is of another command");
	(void)snprintf(words, sizeof(words), "--sweep size=1..5+1 --seed 2 %s", shards.merge);
	assert_merge_refused(words, ": it is of another command");
	assert_merge_refused("--merge /nonexistent", "expected a file that --shard wrote");
	forget_shards(&shards);
}

/* One line of a shard changed at a time, and the file cut anywhere: never taken as whole. */
static void a_damaged_shard_is_refused(void **state)
{
	char path[S2_TEST_PATH], words[2 * S2_TEST_PATH], *text;
	struct ran good = run_words(&program, "--shard 1/1");

	(void)state;
	assert_i64(good.status, 0);
	text = malloc(good.out_size);
	assert_non_null(text);
	for (size_t i = 0; i < good.out_size; i++) {
		memcpy(text, good.out, good.out_size);
		text[i] = text[i] != '\n' && i % 2 ? '\n' : '\0';
		s2_test_temp_file(path, text, good.out_size);
		(void)snprintf(words, sizeof(words), "--merge %s", path);
		assert_merge_refused(words, path);
		text[i] = good.out[i] == '1' ? '2' : '1';
		s2_test_temp_file(path, text, good.out_size);
		(void)snprintf(words, sizeof(words), "--merge %s", path);
		assert_merge_refused(words, path);
		assert_i64(remove(path), 0);
		s2_test_temp_file(path, good.out, i);
		(void)snprintf(words, sizeof(words), "--merge %s", path);
		assert_merge_refused(words, path);
		assert_i64(remove(path), 0);
	}
	free(text);
	forget_run(&good);
}

static void options_that_do_not_go_with_a_shard_are_refused(void **state)
{
	static const char *const shards[] = {"0/2", "3/2", "1", "/2", "1/", "1/2/3", "a/b"};
	char words[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shards); i++) {
		(void)snprintf(words, sizeof(words), "--shard %s", shards[i]);
		assert_merge_refused(words, "expected I/N, such as 1/4 to 4/4");
	}
	assert_merge_refused("--shard 1/2 --merge x", "expected no --merge with it");
	assert_merge_refused("--shard 1/2 --format csv", "with --merge only");
	assert_merge_refused("--shard 1/2 --expect sound", "with --merge only");
}

/* What is written of a result with bills is written of what was read of it. */
static void bills_go_along_with_their_result(void **state)
{
	struct s2_bill bill = {.ops.n[S2_OP_DSB_ISH] = 3, .seq[S2_SEQ_FLUSH_VMID] = 1.5};
	struct s2_shard_names names = {0};
	struct s2_result out = {0}, in = {0};
	struct s2_error err = {0};
	struct s2_shard_text text = {.name = "memory", .names = &names, .err = &err};
	char bytes[4096] = "";
	uint64_t run;

	(void)state;
	assert_i64(s2_result_part(&out, "first_time", "what comes first", &bill), 0);
	bill.ops.n[S2_OP_ISB] = 1;
	assert_i64(s2_result_part(&out, "second_time", "and then", &bill), 0);
	text.in = fmemopen(bytes, sizeof(bytes), "w");
	assert_non_null(text.in);
	s2_shard_write_result(text.in, 7, &out);
	assert_i64(fclose(text.in), 0);
	text.in = fmemopen(bytes, strlen(bytes), "r");
	assert_non_null(text.in);
	assert_i64(s2_shard_read_result(&text, &run, &in), 1);
	assert_u64(run, 7);
	assert_int_equal(in.n_parts, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(in.parts[i].name, out.parts[i].name);
		assert_string_equal(in.parts[i].help, out.parts[i].help);
		assert_memory_equal(&in.parts[i].bill, &out.parts[i].bill, sizeof(bill));
	}
	fclose(text.in);
	s2_shard_end(&text);
	s2_shard_names_free(&names);
	s2_result_free(&in);
	s2_result_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_of_processes_prints_the_same),
		cmocka_unit_test(the_first_error_in_order_is_the_one_that_is_said),
		cmocka_unit_test(a_process_that_is_killed_is_an_error),
		cmocka_unit_test(shards_merged_print_the_same),
		cmocka_unit_test(a_merge_takes_each_shard_of_this_command_once),
		cmocka_unit_test(a_damaged_shard_is_refused),
		cmocka_unit_test(options_that_do_not_go_with_a_shard_are_refused),
		s2_unit_test(bills_go_along_with_their_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
