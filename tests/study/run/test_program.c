/* SPDX-License-Identifier: MIT */
/*
 * The runner end to end: which policies run on which workloads, and what is
 * refused before any of them does.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/run/fake_program.h"

static void a_run_compares_its_policies(void **state)
{
	char table[1024];

	(void)state;
	(void)snprintf(table, sizeof(table),
		       "s2-try " S2_VERSION ": cache toggles\n"
		       "machine max, flavour %s, seed 1\n"
		       "workload small: vcpus 4, memory 1M, chunk 4K\n"
		       "\n"
		       "                every           first           range\n"
		       "dc_civac       65,536  16,384   0.25x  16,384   0.25x\n"
		       "run                 1       2      2x       3      3x\n"
		       "verdict: arch   holds           holds           holds\n"
		       "\n"
		       "1 more row is the same for all policies; --all shows it\n"
		       "\n"
		       "1 points\n",
		       s2_flavour_at(0)->name);
	assert_ran("--flavour oldest", 0, table, "");
	assert_prints("--all", "isb                 1       1      1x       1      1x\n");
}

static void the_same_words_give_the_same_bytes(void **state)
{
	static const char *const words[] = {"", "--sweep default", "--format csv --workload all"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct ran a = run_words(&fake_program, words[i]),
			   b = run_words(&fake_program, words[i]);

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
	assert_prints("--workload large", "verdict: arch          holds");
	assert_prints("--workload large --broken", "verdict: arch         broken");
	assert_prints("--workload large --vcpus 2", "workload large: vcpus 2, memory 1G");
	assert_prints("--vcpus 2 --workload large", "workload large: vcpus 2, memory 1G");
	assert_prints("--vcpus 2 --workload large --sweep vcpus=8",
		      "workload large: memory 1G, chunk 4K\n");
}

static void flavours_are_named_or_told_by_age(void **state)
{
	char words[64], line[128];
	struct ran ran;

	(void)state;
	for (size_t i = 0; s2_flavour_at(i) != NULL; i++) {
		const char *name = s2_flavour_at(i)->name;

		(void)snprintf(words, sizeof(words), "--flavour %s", name);
		(void)snprintf(line, sizeof(line), "flavour %s, seed", name);
		assert_prints(words, line);
		if (s2_flavour_at(i + 1) == NULL)
			assert_prints("", line);
	}
	ran = run_words(&fake_program, "--flavour kvm-0");
	assert_i64(ran.status, 2);
	(void)snprintf(line, sizeof(line),
		       "s2-try: --flavour: got \"kvm-0\", expected one of oldest, newest, %s",
		       s2_flavour_at(0)->name);
	assert_true(!strncmp(ran.errs, line, strlen(line)));
	forget_run(&ran);
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
	struct ran ran = run_words(&fake_program, "--machine cortex-a72");

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
	assert_refused("--machine vax",
		       "--machine: got \"vax\", expected a machine that --machine help lists");
	assert_refused("--machine max,+frob",
		       "--machine: got \"+frob\", expected a change that a CPU can "
		       "have, such as -tlbirange or granule=16k");
	assert_refused(
		"--machine neoverse-n1,pa=52",
		"--machine: got \"neoverse-n1,pa=52\", expected features that a CPU can have "
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
	assert_refused("--metric frob",
		       "--metric: got \"frob\", expected a --sweep to be compared by it");
	assert_refused("--sweep default --metric frob",
		       "--metric: got \"frob\", which is unknown at every point, expected an "
		       "operation, a measure, or known_time or time with a --profile that has the "
		       "costs");
}

/* With --bad what runs would fail: nothing does. */
static void a_sweep_of_impossible_points_is_refused_before_any_runs(void **state)
{
	(void)state;
	assert_refused("--bad --sweep chunk=3K,5K",
		       "--memory: got 1048576 bytes, expected a multiple of --chunk");
}

static void machines_are_listed_with_what_each_has(void **state)
{
	(void)state;
	assert_prints("--machine help", "  generic       granule=4k pa=48 vmid=16 bbm=0 vhe\n");
	assert_prints("--machine help", "(QEMU's CPU of that name");
}

/* It says how many and why, and goes on. */
static void a_point_that_cannot_be_is_left_out(void **state)
{
	static const char why[] = "--memory: got 1048576 bytes, expected a multiple of --chunk";
	struct ran ran = run_words(&fake_program, "--sweep chunk=3K,4K,5K");
	char line[256];

	(void)state;
	(void)snprintf(line, sizeof(line),
		       "s2-try: 2 of 3 points cannot be, and are left out; the first: %s\n", why);
	assert_string_equal(ran.errs, line);
	assert_i64(ran.status, 0);
	assert_non_null(strstr(ran.out, "A every: lowest at 0 of 1 points"));
	assert_non_null(strstr(ran.out, "2 of 3 points cannot be, and were left out (-): --memory"));
	forget_run(&ran);
}

static void a_run_that_fails_prints_nothing_of_the_others(void **state)
{
	(void)state;
	assert_refused("--bad", "half way?through");
	assert_prints("--bad --policy every", "dc_civac       65,536\n");
}

static void help_teaches(void **state)
{
	static const char *const parts[] = {
		"Usage: s2-try [OPTION]...\ncache toggles\n\nCompares what toggles flush.\n",
		"      --vcpus N             virtual CPUs (default 4)\n",
		"  every                     each toggle flushes\n",
		"  large                     a large guest\n",
		"neoverse-n1",
		"Flavours, oldest and newest being two of them:\n  kvm-",
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
	struct s2_program p = fake_program;
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

static void a_sweep_runs_the_grid(void **state)
{
	(void)state;
	assert_prints("--sweep default", "4      65,536   16,384   0.25x*  16,384   0.25x*\n");
	assert_prints("--sweep vcpus=1..4,memory=1M..2M --seed 0",
		      "A every: lowest at 2 of 6 points, alone at 0; sound\n");
	assert_prints("--sweep vcpus=1..4,memory=1M..2M", "\n6 points\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_run_compares_its_policies),
		s2_unit_test(the_same_words_give_the_same_bytes),
		s2_unit_test(later_settings_win),
		s2_unit_test(flavours_are_named_or_told_by_age),
		s2_unit_test(several_workloads_have_a_table_each),
		s2_unit_test(policies_come_in_the_order_asked_for),
		s2_unit_test(a_policy_that_applies_nowhere_is_left_out_or_refused),
		s2_unit_test(pages_are_those_of_the_machine),
		s2_unit_test(wrong_usage_is_one_line_and_status_2),
		s2_unit_test(a_sweep_of_impossible_points_is_refused_before_any_runs),
		s2_unit_test(machines_are_listed_with_what_each_has),
		s2_unit_test(a_point_that_cannot_be_is_left_out),
		s2_unit_test(a_run_that_fails_prints_nothing_of_the_others),
		s2_unit_test(help_teaches),
		s2_unit_test(options_that_a_program_has_no_use_for_are_not_there),
		s2_unit_test(a_sweep_runs_the_grid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
