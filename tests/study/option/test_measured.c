/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/option/measured.h"
#include "study/option/profile.h"

/* As arm/micro-bench.c of kvm-unit-tests prints it, with what QEMU says around it. */
static const char micro_bench[] =
	"Timer Frequency 25000000 Hz (Output in microseconds)\n\n"
	"name                                    total ns                         avg ns             \n"
	"--------------------------------------------------------------------------------------------\n"
	"hvc                                 112340000.0                        1714.0              \n"
	"mmio_read_user                      500000000.0                        7629.0              \n"
	"ipi                                 234000000.0                        3570.5              \n"
	"ipi_hw test skipped\n";

/* As `perf ftrace profile` does: total, average and most in us, calls, function. */
static const char perf[] =
	"# Total (us)   Avg (us)   Max (us)      Count   Function\n"
	"  444000.000 444000.000 444000.000          1   stage2_flush_vm\n"
	"      51.200      1.280      3.920         40   __kvm_tlb_flush_vmid_ipa\n"
	"      20.000      2.000      3.000         10   __kvm_tlb_flush_vmid\n"
	"      30.000      3.000      3.000         10   __kvm_tlb_flush_vmid_range\n"
	"       9.000      9.000      9.000          1   schedule\n";

static int measure(const char *text, double lines, unsigned *seen, char **out, struct s2_error *err)
{
	const struct s2_measured what = {"a board", lines};
	size_t size = 0;
	FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	FILE *to = open_memstream(out, &size);
	int r;

	assert_non_null(in);
	assert_non_null(to);
	*err = (struct s2_error){0};
	r = s2_measured_read(in, "log", &what, seen, to, err);
	assert_i64(fclose(in), 0);
	assert_i64(fclose(to), 0);
	return r;
}

/* What is written must be a profile that can be read. */
static void read_back(const char *text, struct s2_profile *profile)
{
	FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	struct s2_error err = {0};

	assert_non_null(in);
	if (s2_profile_read(in, "mine.profile", profile, &err) < 0)
		fail_msg("%s in:\n%s", err.text, text);
	assert_i64(fclose(in), 0);
}

static void micro_bench_gives_exits_and_ipis(void **state)
{
	struct s2_profile p;
	struct s2_error err;
	unsigned seen = 0;
	char *text;

	(void)state;
	assert_i64(measure(micro_bench, 0, &seen, &text, &err), 2);
	assert_non_null(strstr(text, "# a board, as measured there"));
	read_back(text, &p);
	assert_true(p.op[S2_OP_GUEST_EXIT].ns == 1714);
	assert_true(p.op[S2_OP_GUEST_ENTRY].known);
	assert_true(p.op[S2_OP_GUEST_ENTRY].ns == 0);
	assert_true(s2_profile_seq(&p, S2_SEQ_IPI_REST) == 3570.5);
	/* Nothing published is in it: what it gives is predicted, of whatever thread. */
	assert_null(p.op[S2_OP_GUEST_EXIT].thread);
	s2_profile_free(&p);
	free(text);
}

static void perf_gives_flushes_and_with_the_lines_their_cleaning(void **state)
{
	struct s2_profile p;
	struct s2_error err;
	unsigned seen = 0;
	char *text;

	(void)state;
	assert_i64(measure(perf, 40e6, &seen, &text, &err), 4);
	read_back(text, &p);
	assert_true(fabs(p.op[S2_OP_DC_CIVAC].ns - 11.1) < 1e-9);
	assert_true(s2_profile_seq(&p, S2_SEQ_FLUSH_IPA) == 1280);
	assert_true(s2_profile_seq(&p, S2_SEQ_FLUSH_VMID) == 2000);
	assert_true(s2_profile_seq(&p, S2_SEQ_FLUSH_RANGE) == 3000);
	s2_profile_free(&p);
	free(text);
	/* How many lines it cleaned is in no tool's output: without it there is no cost of one. */
	seen = 0;
	assert_i64(measure(perf, 0, &seen, &text, &err), 3);
	assert_null(strstr(text, "dc_civac"));
	free(text);
}

static void what_is_no_measurement_is_refused(void **state)
{
	struct s2_error err;
	unsigned seen = 0;
	char *text;

	(void)state;
	assert_i64(measure("a b c\nhvc nan 1.0\nhvc 1.0 -5.0\nhvc 1 2 3\nspin 1.0 2.0\n", 0, &seen,
			   &text, &err),
		   -EINVAL);
	assert_i64(err.code, S2_MEASURED_NOTHING);
	assert_non_null(
		strstr(err.text, "log: got no line that has a cost, expected the output of"));
	free(text);
}

static void one_measurement_stands_once(void **state)
{
	struct s2_error err;
	unsigned seen = 0;
	char *text;

	(void)state;
	assert_i64(measure("hvc 10.0 1.0\n", 0, &seen, &text, &err), 1);
	free(text);
	assert_i64(measure("hvc 10.0 2.0\n", 0, &seen, &text, &err), -EINVAL);
	assert_i64(err.code, S2_MEASURED_TWICE);
	assert_string_equal(err.text, "log: got \"hvc\" twice, expected each once");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(micro_bench_gives_exits_and_ipis),
		s2_unit_test(perf_gives_flushes_and_with_the_lines_their_cleaning),
		s2_unit_test(what_is_no_measurement_is_refused),
		s2_unit_test(one_measurement_stands_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
