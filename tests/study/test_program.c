/* SPDX-License-Identifier: MIT */
/*
 * The runner end to end: a program of three policies, run with the words that
 * a user would give it, judged by what is on its two streams and its status.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "study/program.h"

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
	{"large", "a large guest", "vcpus=64 memory=1G", 1, NULL},
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

static const struct s2_program program = {
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
	.flavour = "kvm-6.12",
	.metric = "dc_civac",
	.sweep = "vcpus=1..4",
	.check = check,
	.applies = applies,
	.run = run,
	.notes = notes,
	.close = forget,
};

/* What a run left: to be cleared. */
struct ran {
	int status;
	char *out, *errs;
	size_t out_size, errs_size;
};

static struct ran run_words(const struct s2_program *p, const char *words)
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

static void forget_run(struct ran *ran)
{
	free(ran->out);
	free(ran->errs);
}

static void assert_ran(const char *words, int status, const char *out, const char *errs)
{
	struct ran ran = run_words(&program, words);

	assert_string_equal(ran.errs, errs);
	assert_string_equal(ran.out, out);
	assert_i64(ran.status, status);
	forget_run(&ran);
}

static void assert_prints(const char *words, const char *part)
{
	struct ran ran = run_words(&program, words);

	assert_string_equal(ran.errs, "");
	assert_i64(ran.status, 0);
	if (strstr(ran.out, part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, ran.out);
	forget_run(&ran);
}

/* Nothing on standard output, one line on standard error, status 2. */
static void assert_refused(const char *words, const char *line)
{
	char errs[512];

	(void)snprintf(errs, sizeof(errs), "s2-try: %s\n", line);
	assert_ran(words, 2, "", errs);
}

static void a_run_compares_its_policies(void **state)
{
	(void)state;
	assert_ran("", 0,
		   "s2-try " S2_VERSION ": cache toggles\n"
		   "machine max, flavour kvm-6.12, seed 1\n"
		   "workload small: vcpus 4, memory 1M, chunk 4K\n"
		   "\n"
		   "                every           first           range\n"
		   "isb                 1       1      1x       1      1x\n"
		   "dc_civac       65,536  16,384   0.25x  16,384   0.25x\n"
		   "run                 1       2      2x       3      3x\n"
		   "verdict: arch   sound           sound           sound\n"
		   "\n"
		   "1 points\n",
		   "");
}

static void the_same_words_give_the_same_bytes(void **state)
{
	static const char *const words[] = {"", "--sweep default", "--format csv --workload all"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct ran a = run_words(&program, words[i]), b = run_words(&program, words[i]);

		assert_string_equal(a.out, b.out);
		forget_run(&a);
		forget_run(&b);
	}
}

static void later_settings_win(void **state)
{
	(void)state;
	assert_prints("", "workload small: vcpus 4, memory 1M");
	assert_prints("--workload large", "workload large: vcpus 64, memory 1G");
	assert_prints("--workload large --vcpus 2", "workload large: vcpus 2, memory 1G");
	assert_prints("--vcpus 2 --workload large", "workload large: vcpus 2, memory 1G");
	assert_prints("--vcpus 2 --workload large --sweep vcpus=8",
		      "workload large: memory 1G, chunk 4K\n");
}

static void several_workloads_have_a_table_each(void **state)
{
	(void)state;
	assert_prints("--workload large,small", "workload small: vcpus 4, memory 1M");
	assert_prints("--workload all", "workload large: vcpus 64, memory 1G");
	assert_prints("--workload all", "\n2 points\n");
}

static void policies_come_in_the_order_asked_for(void **state)
{
	(void)state;
	assert_prints("--policy first,every", "           first           every\n");
	assert_prints("--policy first,every", "dc_civac       16,384  65,536      4x\n");
}

static void a_policy_that_applies_nowhere_is_left_out_or_refused(void **state)
{
	struct ran ran = run_words(&program, "--machine cortex-a72");

	(void)state;
	assert_i64(ran.status, 0);
	assert_null(strstr(ran.out, "range"));
	forget_run(&ran);
	assert_refused(
		"--machine cortex-a72 --policy every,range",
		"--policy: got \"range\", expected one that applies here: the machine has no "
		"TLBIRANGE");
}

static void pages_are_those_of_the_machine(void **state)
{
	(void)state;
	assert_prints("--machine neoverse-n1,granule=64k", "chunk 64K\n");
	assert_prints("--chunk 2p --machine neoverse-n1,granule=16k", "chunk 32K\n");
}

static void wrong_usage_is_one_line_and_status_2(void **state)
{
	(void)state;
	assert_refused("--vcpus 0", "--vcpus: got \"0\", expected a number from 1 to 512");
	assert_refused("--frob", "\"--frob\": no such option, expected one that --help lists");
	assert_refused("--fr\nob", "\"--fr?ob\": no such option, expected one that --help lists");
	assert_refused("x", "got \"x\", expected only options");
	assert_refused("--policy none",
		       "--policy: got \"none\", expected one of every, first, range");
	assert_refused("--flavour kvm-0", "--flavour: got \"kvm-0\", expected one of kvm-6.1, "
					  "kvm-6.12, kvm-7.2");
	assert_refused("--machine vax",
		       "--machine: got \"vax\", expected a machine that --help lists");
	assert_refused("--machine max,+frob",
		       "--machine: got \"+frob\", expected a change that a CPU can "
		       "have, such as -tlbirange or granule=16k");
	assert_refused("--machine max,granule=64k",
		       "--machine: got \"max,granule=64k\", expected features that a CPU can have "
		       "together");
	assert_refused("--profile no/such",
		       "no/such: No such file or directory, expected a cost profile");
	assert_refused("--memory 1000 --chunk 4K",
		       "--memory: got 1000 bytes, expected a multiple of --chunk");
	assert_refused("--output /nonexistent/x",
		       "--output: got \"/nonexistent/x\" (No such file or directory), expected a "
		       "file that can be written");
	assert_refused("--plot x.svg --sweep frob=1",
		       "--sweep: got \"frob\", expected the name of an option of the workload");
	assert_refused("--workload all --sweep default",
		       "--sweep: got \"default\", expected one --workload with it");
	assert_refused("--sweep default --metric frob",
		       "--metric: got \"frob\", which is unknown at every point, expected an "
		       "operation, a measure, or known_time or time with a --profile that has the "
		       "costs");
}

/* The bad point is the last one: the first ones must not have run. */
static void every_point_is_checked_before_any_runs(void **state)
{
	(void)state;
	assert_refused("--bad --sweep chunk=4K,3K",
		       "--memory: got 1048576 bytes, expected a multiple of --chunk");
}

static void a_run_that_fails_prints_nothing_of_the_others(void **state)
{
	(void)state;
	assert_refused("--bad", "half way?through");
	assert_prints("--bad --policy every", "dc_civac       65,536\n");
}

static void violations_set_the_status_only_where_none_is_expected(void **state)
{
	struct ran ran = run_words(&program, "--broken");

	(void)state;
	assert_i64(ran.status, 0);
	assert_non_null(strstr(ran.out, "every breaks arch:\n  1. lost\n"));
	forget_run(&ran);

	ran = run_words(&program, "--broken --expect sound");
	assert_i64(ran.status, 1);
	assert_non_null(strstr(ran.out, "every breaks arch:\n"));
	assert_string_equal(ran.errs, "s2-try: --expect: got 3 unsound, expected no violation\n");
	forget_run(&ran);

	ran = run_words(&program, "--expect sound");
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
	struct s2_program p = program;
	struct ran ran;

	(void)state;
	p.run = run_unchecked;
	ran = run_words(&p, "--expect sound");
	assert_i64(ran.status, 0);
	assert_string_equal(ran.errs, "s2-try: --expect: got 0 sound, 3 unchecked\n");
	forget_run(&ran);
	ran = run_words(&p, "--expect checked");
	assert_i64(ran.status, 1);
	forget_run(&ran);
}

static void help_teaches(void **state)
{
	static const char *const parts[] = {
		"Usage: s2-try [OPTION]...\ncache toggles\n\nCompares what toggles flush.\n",
		"      --vcpus N             virtual CPUs (default 4)\n",
		"  every                     each toggle flushes\n",
		"  large                     a large guest\n",
		"neoverse-n1",
		"kvm-6.12",
		"`--sweep default` is:\n  vcpus=1..4\n",
		"  s2-try --vcpus 64 --memory 128G\n      the case of the thread\n",
		"Exit status: 0 done;",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		assert_prints("--help", parts[i]);
	assert_prints("-h", "Usage: ");
	assert_ran("--version", 0, "s2-try (stage2sim) " S2_VERSION "\n", "");
}

static void options_that_a_program_has_no_use_for_are_not_there(void **state)
{
	struct s2_program p = program;
	struct ran ran;

	(void)state;
	p.machine = NULL;
	p.flavour = NULL;
	p.workloads = NULL;
	p.n_workloads = 0;
	p.applies = NULL;
	p.check = NULL;
	p.n_options = 2; /* without a machine there are no pages */
	ran = run_words(&p, "--help");
	assert_null(strstr(ran.out, "--machine"));
	assert_null(strstr(ran.out, "--flavour"));
	assert_null(strstr(ran.out, "--workload"));
	forget_run(&ran);
	ran = run_words(&p, "");
	assert_i64(ran.status, 0);
	assert_non_null(
		strstr(ran.out, "s2-try " S2_VERSION ": cache toggles\nseed 1\nworkload: vcpus 4"));
	forget_run(&ran);
}

static void profiles_estimate(void **state)
{
	(void)state;
	assert_prints("--profile d05", "estimated time  unknown         unknown");
	assert_prints("--profile d05", "time is unknown: d05 has no cost for isb\n");
	/* A seed of 0 issues no ISB here, and then every cost is known. */
	assert_prints("--profile d05 --seed 0", "estimated time  727 us  182 us   0.25x");
	assert_prints("--profile d05 --sweep default --metric known_time",
		      "known_time, ratio to every");
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
	char dir[] = "/tmp/s2-program-XXXXXX";
	char path[64], words[128];

	(void)state;
	assert_non_null(mkdtemp(dir));
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

static void a_full_disk_is_an_error(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	char *argv[] = {(char[]){"s2-try"}, NULL};
	char errs[256] = "";
	FILE *err_out = fmemopen(errs, sizeof(errs), "w");

	(void)state;
	if (full == NULL)
		skip();
	assert_i64(s2_program_main(&program, 1, argv, full, err_out), 2);
	(void)fclose(full);
	assert_i64(fclose(err_out), 0);
	assert_string_equal(errs, "s2-try: standard output: No space left on device, expected to "
				  "write it whole\n");
}

static void a_sweep_runs_the_grid(void **state)
{
	(void)state;
	assert_prints("--sweep default", "4      65,536   16,384   0.25x*  16,384   0.25x*\n");
	assert_prints("--sweep vcpus=1..4,memory=1M..2M --seed 0",
		      "A every: lowest at 2 of 6 points, alone at 0; sound\n");
	assert_prints("--sweep vcpus=1..4,memory=1M..2M", "\n6 points\n");
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
	struct ran ran = run_words(&program, "--plot x.svg");

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
	char dir[] = "/tmp/s2-program-XXXXXX";
	char path[64], words[128];

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/plot.svg", dir);
	for (size_t i = 0; i < ARRAY_SIZE(sweeps); i++) {
		struct ran ran;

		(void)snprintf(words, sizeof(words), "--sweep %s --plot %s", sweeps[i], path);
		ran = run_words(&program, words);
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
		s2_unit_test(a_run_compares_its_policies),
		s2_unit_test(the_same_words_give_the_same_bytes),
		s2_unit_test(later_settings_win),
		s2_unit_test(several_workloads_have_a_table_each),
		s2_unit_test(policies_come_in_the_order_asked_for),
		s2_unit_test(a_policy_that_applies_nowhere_is_left_out_or_refused),
		s2_unit_test(pages_are_those_of_the_machine),
		s2_unit_test(wrong_usage_is_one_line_and_status_2),
		s2_unit_test(every_point_is_checked_before_any_runs),
		s2_unit_test(a_run_that_fails_prints_nothing_of_the_others),
		s2_unit_test(violations_set_the_status_only_where_none_is_expected),
		s2_unit_test(what_nobody_checked_is_said),
		s2_unit_test(help_teaches),
		s2_unit_test(options_that_a_program_has_no_use_for_are_not_there),
		s2_unit_test(profiles_estimate),
		s2_unit_test(output_goes_to_the_file_and_only_there),
		s2_unit_test(a_full_disk_is_an_error),
		s2_unit_test(a_sweep_runs_the_grid),
		s2_unit_test(json_is_printed_or_said_to_be_left_out),
		s2_unit_test(a_plot_needs_a_sweep_of_one_or_two_options),
		s2_unit_test(a_sweep_is_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
