/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Reports made by hand, for the tests of what prints them.
 */
#ifndef STAGE2SIM_TESTS_REPORT_FIXTURE_H
#define STAGE2SIM_TESTS_REPORT_FIXTURE_H

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/report/report.h"

/* A report with what it points to. */
struct fixture {
	struct s2_report report;
	struct s2_profile profile;
	const char *axes[3];
	size_t axis_values[3];
};

static inline void add_pair(struct s2_point *point, const char *key, enum s2_option_kind kind,
			    uint64_t number)
{
	point->pairs[point->n_pairs++] = (struct s2_pair){key, {.kind = kind, .number = number}};
}

static inline void start(struct fixture *f, size_t n_points, size_t n_results)
{
	static const char *const names[] = {"upstream", "vcpu0-only", "mine"};

	*f = (struct fixture){
		.report = {.program = "s2-boot",
			   .version = "1.2",
			   .summary = "cache toggles",
			   .machine = "max",
			   .flavour = "kvm-x",
			   .metric = "dc_civac",
			   .seed = 7},
	};
	assert_i64(s2_report_alloc(&f->report, n_points, n_results), 0);
	for (size_t p = 0; p < n_points; p++) {
		struct s2_point *point = &f->report.points[p];

		point->pairs = calloc(4, sizeof(*point->pairs));
		assert_non_null(point->pairs);
		for (size_t i = 0; i < n_results; i++) {
			point->results[i].policy = names[i];
			point->results[i].applies = true;
		}
	}
}

/* Two policies, the second with half of the first's flushes and a violation. */
static inline void start_boot(struct fixture *f)
{
	struct s2_result *r;

	start(f, 1, 2);
	f->report.points[0].workload = "smp";
	add_pair(&f->report.points[0], "vcpus", S2_OPTION_U64, 64);
	add_pair(&f->report.points[0], "memory", S2_OPTION_SIZE, UINT64_C(128) << 30);
	add_pair(&f->report.points[0], "split", S2_OPTION_FLAG, 1);
	r = f->report.points[0].results;
	r[0].ops.n[S2_OP_DC_CIVAC] = 1234567;
	r[1].ops.n[S2_OP_DC_CIVAC] = 123456;
	r[0].ops.n[S2_OP_DSB_ISH] = 64;
	r[1].ops.n[S2_OP_DSB_ISH] = 1;
	r[1].ops.n[S2_OP_SYSREG_TRAP] = 3;
	for (size_t i = 0; i < 2; i++) {
		assert_i64(s2_result_measure(&r[i], "lock_hold_max", NULL, i ? 12.5 : 1000), 0);
		assert_i64(s2_result_measure(&r[i], "round_trip", "ns", i ? 2593 : 3832), 0);
	}
	assert_i64(s2_result_verdict(&r[0], "arch", S2_SOUND, 4096, NULL), 0);
	assert_i64(s2_result_verdict(&r[1], "arch", S2_UNSOUND, 17, "  1. cpu0 writes\n  2. lost"),
		   0);
	assert_i64(s2_result_verdict(&r[0], "bare-metal", S2_UNCHECKED, 0, NULL), 0);
	assert_i64(s2_result_verdict(&r[1], "bare-metal", S2_UNCHECKED, 0, NULL), 0);
}

static inline void estimate(struct fixture *f)
{
	f->report.profiles = &f->profile;
	f->report.n_profiles = 1;
	for (size_t p = 0; p < f->report.n_points; p++)
		for (size_t i = 0; i < f->report.points[p].n_results; i++) {
			struct s2_result *r = &f->report.points[p].results[i];

			r->cost = s2_profile_estimate(&f->profile, &r->ops);
		}
}

static inline char *print(int (*reporter)(const struct s2_report *, FILE *), struct fixture *f)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_i64(reporter(&f->report, out), 0);
	assert_i64(fclose(out), 0);
	return text;
}

static inline void assert_lines_fit(const char *text)
{
	for (const char *line = text; *line != '\0';) {
		const size_t len = strcspn(line, "\n");

		if (len > S2_TABLE_WIDTH)
			fail_msg("%zu columns: %.*s", len, (int)len, line);
		if (len > 0 && line[len - 1] == ' ')
			fail_msg("blank at the end: %.*s", (int)len, line);
		line += len + (line[len] != '\0');
	}
}

/* @p part is in @p text, however wide the columns are. */
static inline void assert_has(const char *text, const char *part)
{
	char *squeezed = calloc(strlen(text) + 1, 1), *to = squeezed;

	assert_non_null(squeezed);
	for (; *text != '\0'; text++)
		if (*text != ' ' || text[1] != ' ')
			*to++ = *text;
	if (strstr(squeezed, part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, squeezed);
	free(squeezed);
}

static inline void assert_printed(char *text, const char *expected)
{
	assert_lines_fit(text);
	assert_string_equal(text, expected);
	free(text);
}

#endif
