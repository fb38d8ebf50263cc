/* SPDX-License-Identifier: MIT */
#include "study/run/fake_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

struct boot {
	uint64_t vcpus, memory, chunk;
	bool broken, bad;
	const char *log;
};

/* What the fake program saw, for the tests; reached through run->state. */
struct memory {
	unsigned runs;
	char *kept;
};

enum {
	EVERY,
	FIRST,
	RANGE
};

static const struct s2_option options[] = {
	{.name = "vcpus",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct boot, vcpus),
	 .arg = "N",
	 .value = "4",
	 .min = 1,
	 .max = 512,
	 .help = "virtual CPUs"},
	{.name = "memory",
	 .kind = S2_OPTION_SIZE,
	 S2_FIELD(struct boot, memory),
	 .arg = "SIZE",
	 .value = "1M",
	 .help = "guest memory"},
	{.name = "chunk",
	 .kind = S2_OPTION_PAGES,
	 S2_FIELD(struct boot, chunk),
	 .arg = "SIZE",
	 .value = "1p",
	 .help = "one clear"},
	{.name = "broken",
	 .kind = S2_OPTION_FLAG,
	 S2_FIELD(struct boot, broken),
	 .apart = true,
	 .help = "break a contract"},
	{.name = "bad",
	 .kind = S2_OPTION_FLAG,
	 S2_FIELD(struct boot, bad),
	 .apart = true,
	 .help = "fail half way"},
};

static const struct s2_policy policies[] = {
	{"every", "each toggle flushes", EVERY, NULL},
	{"first", "the first toggle flushes", FIRST, NULL},
	{"range", "by range", RANGE, NULL},
};

static const struct s2_workload workloads[] = {
	{"small", "a small guest", NULL, 0, NULL},
	{"large", "a large guest", "vcpus=64 memory=1G broken=off", 1, NULL},
};

static const struct s2_example examples[] = {
	{"--vcpus 64 --memory 128G", "the case of the thread"},
};

static int check(const struct s2_run *run, struct s2_error *err)
{
	const struct boot *boot = run->settings;

	assert_null(run->policy);
	if (boot->memory % boot->chunk == 0)
		return 0;
	s2_error_set(err, 1, "--memory: got %llu bytes, expected a multiple of --chunk",
		     (unsigned long long)boot->memory);
	return -EINVAL;
}

static int applies(const struct s2_run *run, struct s2_error *err)
{
	if (run->policy->id != RANGE || run->features->tlbirange)
		return 0;
	s2_error_set(err, 1, "the machine has no TLBIRANGE");
	return -EOPNOTSUPP;
}

static int run(const struct s2_run *run, struct s2_result *result, struct s2_error *err)
{
	const struct boot *boot = run->settings;
	struct memory *memory = run->state;

	if (boot->bad && run->policy->id != EVERY) {
		s2_error_set(err, 1, "half way\nthrough");
		return -EIO;
	}
	if (memory->runs++ == 0)
		memory->kept = calloc(1, 1);
	s2_progress_steps(run->progress, 1);
	s2_progress_tick(run->progress, 1);
	result->ops.n[S2_OP_DC_CIVAC] =
		boot->memory / 64 * (run->policy->id == EVERY ? boot->vcpus : 1);
	result->ops.n[S2_OP_ISB] = run->seed;
	assert_i64(s2_result_measure(result, "run", NULL, memory->runs), 0);
	return s2_result_verdict(result, "arch", boot->broken ? S2_UNSOUND : S2_SOUND, 9,
				 boot->broken ? "  1. lost" : NULL);
}

static void notes(const struct s2_report *report, FILE *out)
{
	(void)fprintf(out, "%zu points\n", report->n_points);
}

static void forget(void *state)
{
	const struct memory *memory = state;

	free(memory->kept);
}

const struct s2_program fake_program = {
	.name = "s2-try",
	.summary = "cache toggles",
	.about = "Compares what toggles flush.",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.settings_size = sizeof(struct boot),
	.state_size = sizeof(struct memory),
	.policies = policies,
	.n_policies = ARRAY_SIZE(policies),
	.workloads = workloads,
	.n_workloads = ARRAY_SIZE(workloads),
	.examples = examples,
	.n_examples = ARRAY_SIZE(examples),
	.machine = "max",
	.flavour = "newest",
	.metric = "dc_civac",
	.sweep = "vcpus=1..4",
	.check = check,
	.applies = applies,
	.run = run,
	.notes = notes,
	.close = forget,
};

struct ran run_words(const struct s2_program *p, const char *words)
{
	char text[512];
	char *argv[32] = {(char[]){"s2-try"}};
	struct ran ran = {0};
	FILE *out = open_memstream(&ran.out, &ran.out_size);
	FILE *errs = open_memstream(&ran.errs, &ran.errs_size);
	int argc = 1;

	s2_test_row("%s", words);
	assert_non_null(out);
	assert_non_null(errs);
	(void)snprintf(text, sizeof(text), "%s", words);
	for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	ran.status = s2_program_main(p, argc, argv, out, errs);
	assert_i64(fclose(out), 0);
	assert_i64(fclose(errs), 0);
	return ran;
}

void forget_run(struct ran *ran)
{
	free(ran->out);
	free(ran->errs);
}

void assert_ran(const char *words, int status, const char *out, const char *errs)
{
	struct ran ran = run_words(&fake_program, words);

	assert_string_equal(ran.errs, errs);
	assert_string_equal(ran.out, out);
	assert_i64(ran.status, status);
	forget_run(&ran);
}

void assert_prints(const char *words, const char *part)
{
	struct ran ran = run_words(&fake_program, words);

	assert_string_equal(ran.errs, "");
	assert_i64(ran.status, 0);
	if (strstr(ran.out, part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, ran.out);
	forget_run(&ran);
}

void assert_refused(const char *words, const char *line)
{
	char errs[512];

	(void)snprintf(errs, sizeof(errs), "s2-try: %s\n", line);
	assert_ran(words, 2, "", errs);
}
