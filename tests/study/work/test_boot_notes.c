/* SPDX-License-Identifier: MIT */
/* What s2-boot says below its table: of what it touched, and of the thread's seconds. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/work/boot_notes.h"

#define GIB UINT64_C(0x40000000)
#define MIB UINT64_C(0x100000)

enum {
	VCPUS,
	MEMORY,
	BACKING,
	TOUCHED,
	KERNEL,
	INITRAMFS,
	PER_VCPU,
	THEN,
	N_PAIRS
};

/* The thread's own boot, by two policies. */
struct told {
	struct s2_pair pairs[N_PAIRS];
	struct s2_result results[2];
	struct s2_point points[2];
	struct s2_profile profile;
	struct s2_report report;
};

static struct s2_pair numbered(const char *key, uint64_t number)
{
	return (struct s2_pair){key, {.kind = S2_OPTION_U64, .number = number}};
}

static struct s2_pair worded(const char *key, const char *text)
{
	return (struct s2_pair){key, {.kind = S2_OPTION_CHOICE, .text = text}};
}

static void make(struct told *t)
{
	memset(t, 0, sizeof(*t));
	t->pairs[VCPUS] = numbered("vcpus", 64);
	t->pairs[MEMORY] = numbered("memory", 128 * GIB);
	t->pairs[BACKING] = numbered("backing", 2 * MIB);
	t->pairs[TOUCHED] = worded("touched", "linux");
	t->pairs[KERNEL] = numbered("kernel", 32 * MIB);
	t->pairs[INITRAMFS] = numbered("initramfs", 16 * MIB);
	t->pairs[PER_VCPU] = numbered("per-vcpu", MIB / 4);
	t->pairs[THEN] = worded("then", "nothing");
	t->results[0].policy = "every";
	t->results[1].policy = "vcpu0";
	for (size_t i = 0; i < 2; i++) {
		t->results[i].applies = true;
		/* 1.4e9 lines less. */
		s2_result_measure(&t->results[i], "toggle_lines", NULL, i ? 1e8 : 15e8);
		t->points[i].workload = i ? "second" : "first";
		t->points[i].pairs = t->pairs;
		t->points[i].n_pairs = N_PAIRS;
		t->points[i].results = t->results;
		t->points[i].n_results = 2;
	}
	t->profile.op[S2_OP_DC_CIVAC].known = true;
	t->profile.op[S2_OP_DC_CIVAC].ns = 10;
	t->report.points = t->points;
	t->report.n_points = 1;
	t->report.profiles = &t->profile;
	t->report.n_profiles = 1;
}

/* To be freed. */
static char *notes(const struct told *t)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	s2_boot_notes(&t->report, out);
	assert_i64(fclose(out), 0);
	return text;
}

static void assert_says(const struct told *t, const char *part, bool says)
{
	char *text = notes(t);

	if ((strstr(text, part) != NULL) != says)
		fail_msg("\"%s\" is %s in:\n%s", part, says ? "not" : "", text);
	free(text);
}

static void what_is_touched_is_the_sum_of_its_parts(void **state)
{
	struct told t;

	(void)state;
	make(&t);
	/* 128 GiB / 4 KiB x 64 bytes = 2048 MiB; 63 further vcpus x 0.25 MiB = 15.75. */
	assert_says(&t, "touched: 2112 MiB = 32 kernel + 16 initramfs + 2048 struct pages", true);
	assert_says(&t, "+ 63 x 0.25 for further vcpus", true);
	/* One workload needs no name, several do. */
	assert_says(&t, "first: ", false);
	t.report.n_points = 2;
	assert_says(&t, "first: touched", true);
	assert_says(&t, "second: touched", true);
}

static void nothing_is_said_of_a_sweep_or_of_memory_touched_otherwise(void **state)
{
	struct told t;
	char *text;

	(void)state;
	make(&t);
	t.report.n_axes = 1;
	text = notes(&t);
	assert_string_equal(text, "");
	free(text);
	make(&t);
	t.pairs[TOUCHED].value.text = "all";
	text = notes(&t);
	assert_string_equal(text, "");
	free(text);
}

#define CROSS "cross-check: every less vcpu0"

static void the_threads_seconds_are_checked_against_lines_times_their_cost(void **state)
{
	struct told t;

	(void)state;
	make(&t);
	/* 1.4e9 lines of 10 ns are 14 of 28 seconds. */
	assert_says(&t, CROSS " is 1,400,000,000 lines, at 10 ns", true);
	assert_says(&t, ": 50 % of it.", true);
}

static void only_the_threads_own_boot_is_compared_with_it(void **state)
{
	static const struct {
		int pair;
		uint64_t number;
		const char *text;
	} others[] = {{VCPUS, 63, NULL},
		      {MEMORY, 64 * GIB, NULL},
		      {BACKING, 4096, NULL},
		      {THEN, 0, "kexec"},
		      {THEN, 0, NULL}};
	struct told t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		s2_test_row("%zu", i);
		make(&t);
		t.pairs[others[i].pair].value.number = others[i].number;
		t.pairs[others[i].pair].value.text = others[i].text;
		assert_says(&t, "touched: ", true);
		assert_says(&t, CROSS, false);
	}
	/* Nor without a cost, or one of the two policies. */
	make(&t);
	t.profile.op[S2_OP_DC_CIVAC].known = false;
	assert_says(&t, CROSS, false);
	make(&t);
	t.report.n_profiles = 0;
	assert_says(&t, CROSS, false);
	for (size_t i = 0; i < 2; i++) {
		make(&t);
		t.results[i].applies = false;
		assert_says(&t, CROSS, false);
		make(&t);
		t.results[i].policy = "other";
		assert_says(&t, CROSS, false);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(what_is_touched_is_the_sum_of_its_parts),
		s2_unit_test(nothing_is_said_of_a_sweep_or_of_memory_touched_otherwise),
		s2_unit_test(the_threads_seconds_are_checked_against_lines_times_their_cost),
		s2_unit_test(only_the_threads_own_boot_is_compared_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
