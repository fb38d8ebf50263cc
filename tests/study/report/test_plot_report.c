/* SPDX-License-Identifier: MIT */
/*
 * A report as a plot: what gnuplot is told of it.  A program in gnuplot's place
 * keeps what it was told, so that this needs none.
 */
#include "alloc_fail.h"
#include "temp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "study/report/plot.h"

#define MAX_POINTS 12

struct told {
	char dir[S2_TEST_PATH], path[S2_TEST_PATH + 32], script[S2_TEST_PATH + 32];
	char tool[S2_TEST_PATH + 32];
	char *search;
};

/* A sweep of the metric dc_civac. */
struct sweep {
	struct s2_report report;
	const char *axes[2];
	size_t axis_values[2];
	struct s2_pair pairs[MAX_POINTS][3];
};

static int put_in_gnuplots_place(void **state)
{
	static const char tool[] =
		"#!/bin/sh\n"
		"cat > \"$S2_TEST_SCRIPT\"\n"
		"out=$(sed -n \"s/^set output '\\(.*\\)'$/\\1/p\" \"$S2_TEST_SCRIPT\")\n"
		"[ -z \"$out\" ] || cp \"$S2_TEST_SCRIPT\" \"$out\"\n"
		"exit ${S2_TEST_STATUS:-0}\n";
	struct told *told = calloc(1, sizeof(*told));
	char search[4096];
	FILE *out;

	assert_non_null(told);
	s2_test_temp_dir(told->dir);
	(void)snprintf(told->path, sizeof(told->path), "%s/plot.svg", told->dir);
	(void)snprintf(told->script, sizeof(told->script), "%s/script", told->dir);
	(void)snprintf(told->tool, sizeof(told->tool), "%s/gnuplot", told->dir);
	out = fopen(told->tool, "w");
	assert_non_null(out);
	assert_i64(fputs(tool, out) >= 0, 1);
	assert_i64(fclose(out), 0);
	assert_i64(chmod(told->tool, 0700), 0);
	told->search = strdup(getenv("PATH"));
	(void)snprintf(search, sizeof(search), "%s:%s", told->dir, told->search);
	assert_i64(setenv("PATH", search, 1), 0);
	assert_i64(setenv("S2_TEST_SCRIPT", told->script, 1), 0);
	*state = told;
	return s2_test_forget_row(state);
}

static int take_away(void **state)
{
	struct told *told = *state;

	assert_i64(setenv("PATH", told->search, 1), 0);
	(void)remove(told->path);
	(void)remove(told->script);
	(void)remove(told->tool);
	assert_i64(rmdir(told->dir), 0);
	free(told->search);
	free(told);
	return 0;
}

/* Axes of @nx or @ny by @nx points, the last one vcpus; what is measured is set by the test. */
static void make_sweep(struct sweep *s, size_t ny, size_t nx, const char *const *policies, size_t n)
{
	const size_t points = (ny ? ny : 1) * nx;

	memset(s, 0, sizeof(*s));
	assert_i64(s2_report_alloc(&s->report, points, n), 0);
	s->report.program = "s2-boot";
	s->report.summary = "cache toggles";
	s->report.machine = "neoverse-n1";
	s->report.flavour = "kvm-6.12";
	s->report.metric = "dc_civac";
	s->axes[0] = ny ? "memory" : "vcpus";
	s->axes[1] = "vcpus";
	s->axis_values[0] = ny ? ny : nx;
	s->axis_values[1] = nx;
	s->report.axes = s->axes;
	s->report.axis_values = s->axis_values;
	s->report.n_axes = ny ? 2 : 1;
	for (size_t p = 0; p < points; p++) {
		struct s2_point *point = &s->report.points[p];

		s->pairs[p][0] = (struct s2_pair){
			"vcpus", {.kind = S2_OPTION_U64, .number = UINT64_C(1) << p % nx}};
		s->pairs[p][1] = (struct s2_pair){
			"memory", {.kind = S2_OPTION_SIZE, .number = UINT64_C(4096) << p / nx}};
		s->pairs[p][2] = (struct s2_pair){"seed", {.kind = S2_OPTION_U64, .number = 7}};
		point->workload = "kexec";
		point->pairs = s->pairs[p];
		point->n_pairs = 3;
		for (size_t i = 0; i < n; i++) {
			point->results[i].policy = policies[i];
			point->results[i].applies = true;
		}
	}
}

static void free_sweep(struct sweep *s)
{
	for (size_t p = 0; p < s->report.n_points; p++)
		s->report.points[p].pairs = NULL; /* its own */
	s2_report_free(&s->report);
}

static void set(struct sweep *s, size_t policy, size_t point, uint64_t value)
{
	s->report.points[point].results[policy].ops.n[S2_OP_DC_CIVAC] = value;
}

/* What gnuplot was told; to be freed. */
static char *drawn(struct told *told, struct sweep *s)
{
	struct s2_error err = {0};
	char *text = calloc(1, 65536);
	FILE *in;

	assert_non_null(text);
	if (s2_plot_report(told->path, &s->report, &err) != 0)
		fail_msg("%s", err.text);
	in = fopen(told->path, "r");
	assert_non_null(in);
	assert_true(fread(text, 1, 65535, in) > 0);
	assert_i64(fclose(in), 0);
	return text;
}

static void assert_says(const char *text, const char *part, bool says)
{
	if ((strstr(text, part) != NULL) != says)
		fail_msg("\"%s\" is %s in:\n%s", part, says ? "not" : "", text);
}

static void policies_that_coincide_are_one_line_with_all_their_names(void **state)
{
	static const char *const policies[] = {"every", "twin", "other", "third"};
	struct sweep s;
	char *text;

	make_sweep(&s, 0, 3, policies, 4);
	for (size_t p = 0; p < 3; p++)
		for (size_t i = 0; i < 4; i++)
			set(&s, i, p, i == 2 && p == 1 ? 900 : 100 * (p + 1));
	text = drawn(*state, &s);
	assert_says(text, "$line0 << EOD\n1 100\n2 200\n4 300\nEOD\n", true);
	assert_says(text, "$line1 << EOD\n1 100\n2 900\n4 300\nEOD\n", true);
	assert_says(text, "$line2 ", false);
	assert_says(text, "'every'.\"\\n\".'= twin'.\"\\n\".'= third' at ", true);
	assert_says(text, "'other' at ", true);
	free(text);
	free_sweep(&s);
}

/* Numbers that were added up in another order are the same; a part in a million is not. */
static void lines_coincide_but_for_rounding(void **state)
{
	static const char *const policies[] = {"a", "rounded", "near", "nowhere"};
	struct sweep s;
	char *text;

	make_sweep(&s, 0, 2, policies, 4);
	for (size_t p = 0; p < 2; p++) {
		set(&s, 0, p, UINT64_C(1000000000000));
		set(&s, 1, p, UINT64_C(1000000000000) + p);
		set(&s, 2, p, UINT64_C(1000001000000));
		/* A policy that means nothing at a point has a gap there. */
		s.report.points[p].results[3].applies = false;
	}
	text = drawn(*state, &s);
	assert_says(text, "'a'.\"\\n\".'= rounded' at ", true);
	assert_says(text, "'near' at ", true);
	assert_says(text, "1 NaN\n2 NaN\n", true);
	assert_says(text, "= nowhere", false);
	free(text);
	free_sweep(&s);
}

static void axes_are_in_words_the_title_says_what_and_the_caption_with_what(void **state)
{
	static const char *const policies[] = {"a", "b"};
	struct sweep s;
	char *text;

	make_sweep(&s, 0, 2, policies, 2);
	set(&s, 0, 0, 1);
	set(&s, 0, 1, 2);
	text = drawn(*state, &s);
	assert_says(text, "set xlabel 'virtual CPUs'\n", true);
	assert_says(text, "set ylabel 'cache lines cleaned and invalidated'\n", true);
	assert_says(text, "'s2-boot: cache toggles, neoverse-n1, kvm-6.12'", true);
	/* All that was given but what is swept. */
	assert_says(text, "'workload kexec: memory 4K, seed 7'", true);
	free(text);
	/* A name that has no words stands for itself; what plays no part is not said. */
	s.report.metric = "tlbi_vale2is";
	s.report.machine = s.report.flavour = NULL;
	text = drawn(*state, &s);
	assert_says(text, "set ylabel 'tlbi_vale2is'\n", true);
	assert_says(text, "'s2-boot: cache toggles'", true);
	free(text);
	free_sweep(&s);
}

static void long_titles_and_captions_are_broken_at_spaces(void **state)
{
	static const char *const policies[] = {"a"};
	char summary[256];
	struct sweep s;
	char *text;

	make_sweep(&s, 0, 2, policies, 1);
	memset(summary, 'x', 100);
	(void)snprintf(summary + 100, sizeof(summary) - 100, " more and more of it");
	s.report.summary = summary;
	text = drawn(*state, &s);
	/* 9 for the program's name: the first break before the x's, which alone are a line. */
	assert_says(text, "'s2-boot:'.\"\\n\".'xxxx", true);
	assert_says(text, "xxxx'.\"\\n\".'more and more of it, neoverse-n1, kvm-6.12'", true);
	free(text);
	free_sweep(&s);
}

static void zeros_make_an_axis_logarithmic_only_beside_what_spans_it(void **state)
{
	static const char *const policies[] = {"a", "b"};
	static const struct {
		uint64_t low, high;
		bool log;
	} rows[] = {{1, 999, false}, {1, 1000, true}};
	struct sweep s;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *text;

		s2_test_row("%zu", i);
		make_sweep(&s, 0, 2, policies, 2);
		set(&s, 0, 0, rows[i].low);
		set(&s, 0, 1, rows[i].high);
		text = drawn(*state, &s);
		assert_says(text, "set logscale y", rows[i].log);
		/* Twice as many vcpus are no span. */
		assert_says(text, "set logscale x", false);
		free(text);
		/* Without zeros it always is. */
		set(&s, 1, 0, 5);
		set(&s, 1, 1, 6);
		text = drawn(*state, &s);
		assert_says(text, "set logscale y", true);
		free(text);
		free_sweep(&s);
	}
}

static void a_map_names_who_is_cheapest_and_who_ties_with_it(void **state)
{
	static const char *const policies[] = {"a", "b", "c"};
	struct sweep s;
	char *text;

	make_sweep(&s, 2, 2, policies, 3);
	for (size_t p = 0; p < 4; p++) {
		set(&s, 0, p, 10);
		set(&s, 1, p, p == 3 ? 5 : 10);
		set(&s, 2, p, 40);
	}
	text = drawn(*state, &s);
	assert_says(text, ": a = b'", true);
	assert_says(text, ": b'", true);
	assert_says(text, ": c'", false);
	/* Three points, one set, one row of the legend. */
	assert_null(strstr(strstr(text, ": a = b'") + 1, ": a = b'"));
	assert_says(text, "set xlabel 'virtual CPUs'\n", true);
	assert_says(text, "set ylabel 'memory of the guest (bytes)'\n", true);
	assert_says(text, "least cache lines cleaned and invalidated, and how many times", true);
	free(text);
	free_sweep(&s);
}

/* More names than a row of the legend has room for are counted. */
static void a_tie_of_many_is_counted(void **state)
{
	enum {
		N = 12
	};
	static char names[N][20];
	const char *policies[N];
	struct sweep s;
	char *text;

	for (size_t i = 0; i < N; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "policy-number-%02zu", i);
		policies[i] = names[i];
	}
	make_sweep(&s, 2, 2, policies, N);
	text = drawn(*state, &s);
	/* 96 bytes: four of 16 and their signs; the others, and no half of a name. */
	assert_says(text,
		    ": policy-number-00 = policy-number-01 = policy-number-02 = "
		    "policy-number-03 = 8 more'",
		    true);
	free(text);
	free_sweep(&s);
}

static void what_cannot_be_drawn_is_refused(void **state)
{
	static const char *const policies[] = {"a"};
	struct told *told = *state;
	struct s2_error err = {0};
	struct sweep s;

	make_sweep(&s, 0, 3, policies, 1);
	s.pairs[2][0].value.number = 2; /* as the one before */
	assert_i64(s2_plot_report(told->path, &s.report, &err), -EINVAL);
	assert_i64(err.code, S2_PLOT_SHAPE);
	assert_non_null(strstr(err.text, "vcpus do not rise"));
	s.report.n_axes = 0;
	assert_i64(s2_plot_report(told->path, &s.report, &err), -EINVAL);
	assert_non_null(strstr(err.text, "got a sweep of 0 options"));
	assert_i64(access(told->path, F_OK), -1);
	free_sweep(&s);
}

static void a_gnuplot_that_fails_leaves_no_file(void **state)
{
	static const char *const policies[] = {"a"};
	struct told *told = *state;
	char part[S2_TEST_PATH + 40];
	struct s2_error err = {0};
	struct sweep s;

	make_sweep(&s, 0, 3, policies, 1);
	(void)snprintf(part, sizeof(part), "%s.part", told->path);
	assert_i64(setenv("S2_TEST_STATUS", "3", 1), 0);
	assert_i64(s2_plot_report(told->path, &s.report, &err), -EIO);
	assert_i64(unsetenv("S2_TEST_STATUS"), 0);
	assert_i64(err.code, S2_PLOT_GNUPLOT);
	assert_non_null(strstr(err.text, "(status 3)"));
	assert_i64(access(told->path, F_OK), -1);
	assert_i64(access(part, F_OK), -1);
	free_sweep(&s);
}

static void each_allocation_fails(struct told *told, struct sweep *s)
{
	bool reached = true;

	for (uint64_t n = 0; reached; n++) {
		struct s2_error err = {0};
		int ret;

		s2_alloc_fail_at(n, false);
		ret = s2_plot_report(told->path, &s->report, &err);
		reached = s2_alloc_fail_end() > n;
		s2_test_row("allocation %" PRIu64, n);
		assert_i64(access(told->path, F_OK), ret == 0 ? 0 : -1);
		if (ret == 0) {
			assert_i64(remove(told->path), 0);
			continue;
		}
		assert_true(reached);
		assert_i64(ret, -ENOMEM);
		assert_i64(err.code, S2_PLOT_MEMORY);
	}
}

static void a_plot_needs_memory(void **state)
{
	static const char *const policies[] = {"a", "b"};
	struct sweep s;

	if (!s2_alloc_fail_works())
		skip();
	make_sweep(&s, 0, 3, policies, 2);
	each_allocation_fails(*state, &s);
	free_sweep(&s);
	make_sweep(&s, 2, 3, policies, 2);
	each_allocation_fails(*state, &s);
	free_sweep(&s);
}

#define plot_test(f) cmocka_unit_test_setup_teardown(f, put_in_gnuplots_place, take_away)

int main(void)
{
	const struct CMUnitTest tests[] = {
		plot_test(policies_that_coincide_are_one_line_with_all_their_names),
		plot_test(lines_coincide_but_for_rounding),
		plot_test(axes_are_in_words_the_title_says_what_and_the_caption_with_what),
		plot_test(long_titles_and_captions_are_broken_at_spaces),
		plot_test(zeros_make_an_axis_logarithmic_only_beside_what_spans_it),
		plot_test(a_map_names_who_is_cheapest_and_who_ties_with_it),
		plot_test(a_tie_of_many_is_counted),
		plot_test(what_cannot_be_drawn_is_refused),
		plot_test(a_gnuplot_that_fails_leaves_no_file),
		plot_test(a_plot_needs_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
