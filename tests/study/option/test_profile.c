/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "study/option/profile.h"

static int read_text(const char *text, struct s2_profile *profile, struct s2_error *err)
{
	FILE *in = tmpfile();
	int r;

	assert_non_null(in);
	assert_true(fputs(text, in) >= 0);
	rewind(in);
	*err = (struct s2_error){0};
	r = s2_profile_read(in, "dir/x.profile", profile, err);
	assert_i64(fclose(in), 0);
	return r;
}

static void a_line_is_operation_cost_and_source(void **state)
{
	struct s2_profile profile;
	struct s2_error err;

	(void)state;
	assert_i64(read_text("# a comment\n\n"
			     "  vcpu_probe=19.7 # a thread\r\n"
			     "dsb_ish = 0  # as # a guess\n"
			     "\tseq_ipi_rest\t=\t2593\t#same",
			     &profile, &err),
		   0);
	assert_string_equal(profile.name, "x");
	assert_true(profile.op[S2_OP_VCPU_PROBE].known);
	assert_true(profile.op[S2_OP_VCPU_PROBE].ns == 19.7);
	assert_string_equal(profile.op[S2_OP_VCPU_PROBE].source, "a thread");
	assert_true(profile.op[S2_OP_DSB_ISH].known);
	assert_string_equal(profile.op[S2_OP_DSB_ISH].source, "as # a guess");
	assert_false(profile.op[S2_OP_ISB].known);
	assert_true(s2_profile_seq(&profile, S2_SEQ_IPI_REST) == 2593);
	assert_true(s2_profile_seq(&profile, S2_SEQ_MMU_INIT) < 0);
	assert_true(s2_profile_seq(NULL, S2_SEQ_MMU_INIT) < 0);
	s2_profile_free(&profile);
}

static void brackets_before_a_source_name_the_thread_it_came_from(void **state)
{
	struct s2_profile profile;
	struct s2_error err;

	(void)state;
	assert_i64(read_text("vcpu_probe = 1 # [sgi-2023]  a thread\n"
			     "isb = 2 # a thread [sgi-2023]\n"
			     "dsb_sy = 3 # [] x\n"
			     "dc_civac = 4 # [open\n"
			     "pte_read = 5 # [alone]\n",
			     &profile, &err),
		   0);
	assert_string_equal(profile.op[S2_OP_VCPU_PROBE].thread, "sgi-2023");
	assert_string_equal(profile.op[S2_OP_VCPU_PROBE].source, "a thread");
	assert_null(profile.op[S2_OP_ISB].thread);
	assert_string_equal(profile.op[S2_OP_ISB].source, "a thread [sgi-2023]");
	assert_null(profile.op[S2_OP_DSB_SY].thread);
	assert_null(profile.op[S2_OP_DC_CIVAC].thread);
	/* Without a source behind it, it is the source. */
	assert_null(profile.op[S2_OP_PTE_READ].thread);
	assert_string_equal(profile.op[S2_OP_PTE_READ].source, "[alone]");
	s2_profile_free(&profile);
}

static void a_time_is_fitted_if_a_cost_in_it_came_from_what_it_answers_for(void **state)
{
	char thread[] = "boot-2025";
	struct s2_profile profile = {0};
	struct s2_bill bill = {.seq[S2_SEQ_IPI_REST] = 2.5};
	struct s2_cost cost;

	(void)state;
	profile.op[S2_OP_ISB] = (struct s2_cost_entry){true, 1, NULL, thread};
	profile.seq[S2_SEQ_IPI_REST] = (struct s2_cost_entry){true, 100, NULL, NULL};
	cost = s2_profile_price(&profile, &bill, "boot-2025");
	assert_true(cost.known);
	assert_true(cost.ns == 250);
	/* The fitted cost is in the profile, but nothing on the bill needs it. */
	assert_string_equal(s2_cost_basis(&cost), "predicted");
	bill.ops.n[S2_OP_ISB] = 1;
	cost = s2_profile_price(&profile, &bill, "boot-2025");
	assert_true(cost.ns == 251);
	assert_string_equal(s2_cost_basis(&cost), "fitted");
	cost = s2_profile_price(&profile, &bill, "sgi-2023");
	assert_string_equal(s2_cost_basis(&cost), "predicted");
	cost = s2_profile_price(&profile, &bill, NULL);
	assert_string_equal(s2_cost_basis(&cost), "predicted");
	bill.seq[S2_SEQ_MMU_INIT] = 1;
	cost = s2_profile_price(&profile, &bill, NULL);
	assert_false(cost.known);
	assert_true(cost.ns == 251);
	assert_true(cost.missing_seq[S2_SEQ_MMU_INIT]);
	assert_false(cost.missing_seq[S2_SEQ_IPI_REST]);
}

/* Were one without its thread, what was fitted would be called predicted. */
static void each_shipped_cost_names_its_thread(void **state)
{
	static const char *const names[] = {"altra",	       "d05",	  "d06", "kunpeng920",
					    "range-tlbi-2023", "x86-2022"};
	struct s2_profile p;
	struct s2_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		s2_test_row("%s", names[i]);
		assert_i64(s2_profile_load(names[i], &p, &err), 0);
		for (int op = 0; op < S2_OP_COUNT; op++)
			assert_true(!p.op[op].known || p.op[op].thread);
		for (int seq = 0; seq < S2_SEQ_COUNT; seq++)
			assert_true(!p.seq[seq].known || p.seq[seq].thread);
		s2_profile_free(&p);
	}
}

static void a_bad_line_is_named_with_what_was_expected(void **state)
{
	static const struct {
		const char *line;
		enum s2_profile_code code;
		const char *text;
	} rows[] = {
		{"isb", S2_PROFILE_FORM,
		 "dir/x.profile:3: got \"isb\", expected `operation = nanoseconds  # source`"},
		{"isb = 1", S2_PROFILE_FORM,
		 "dir/x.profile:3: got \"isb = 1\", expected `operation = nanoseconds  # source`"},
		{"isb # = 1", S2_PROFILE_FORM,
		 "dir/x.profile:3: got \"isb # = 1\", expected `operation = nanoseconds  # source`"},
		{"isb = 1 # ", S2_PROFILE_FORM,
		 "dir/x.profile:3: got \"isb = 1\", expected a source behind the #"},
		{"ISB = 1 # x", S2_PROFILE_NAME,
		 "dir/x.profile:3: got \"ISB\", expected an operation's name, as in JSON output"},
		{" = 1 # x", S2_PROFILE_NAME,
		 "dir/x.profile:3: got \"\", expected an operation's name, as in JSON output"},
		{"isb = -1 # x", S2_PROFILE_NUMBER,
		 "dir/x.profile:3: got \"-1\", expected nanoseconds such as 19.7"},
		{"isb = nan # x", S2_PROFILE_NUMBER,
		 "dir/x.profile:3: got \"nan\", expected nanoseconds such as 19.7"},
		{"isb = 1e999 # x", S2_PROFILE_NUMBER,
		 "dir/x.profile:3: got \"1e999\", expected nanoseconds such as 19.7"},
		{"isb = # x", S2_PROFILE_NUMBER,
		 "dir/x.profile:3: got \"\", expected nanoseconds such as 19.7"},
		{"isb = 1 ns # x", S2_PROFILE_NUMBER,
		 "dir/x.profile:3: got \"1 ns\", expected nanoseconds such as 19.7"},
		{"dsb_sy = 2 # again", S2_PROFILE_TWICE,
		 "dir/x.profile:3: got \"dsb_sy\", expected each operation once"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_profile profile;
		struct s2_error err;
		char text[256];

		s2_test_row("%s", rows[i].line);
		(void)snprintf(text, sizeof(text), "# x\ndsb_sy = 1 # x\n%s\n", rows[i].line);
		assert_i64(read_text(text, &profile, &err), -EINVAL);
		assert_i64(err.code, rows[i].code);
		assert_string_equal(err.text, rows[i].text);
		assert_null(profile.name);
	}
}

static void an_endless_line_is_refused(void **state)
{
	struct s2_profile profile;
	struct s2_error err;
	char text[2000];

	(void)state;
	memset(text, '#', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_i64(read_text(text, &profile, &err), -EINVAL);
	assert_i64(err.code, S2_PROFILE_FORM);
}

static void an_estimate_is_the_sum_of_costs(void **state)
{
	struct s2_profile profile = {0};
	struct s2_counts counts = {{0}};
	struct s2_cost cost;

	(void)state;
	profile.op[S2_OP_ISB] = (struct s2_cost_entry){true, 2.5, NULL, NULL};
	profile.op[S2_OP_DSB_SY] = (struct s2_cost_entry){true, 10, NULL, NULL};
	counts.n[S2_OP_ISB] = 4;
	counts.n[S2_OP_DSB_SY] = 3;
	cost = s2_profile_estimate(&profile, &counts);
	assert_true(cost.known);
	assert_true(cost.ns == 40);
}

static void a_counted_operation_without_a_cost_makes_it_unknown(void **state)
{
	struct s2_profile profile = {0};
	struct s2_counts counts = {{0}};
	struct s2_cost cost;

	(void)state;
	profile.op[S2_OP_ISB] = (struct s2_cost_entry){true, 2.5, NULL, NULL};
	counts.n[S2_OP_ISB] = 4;
	counts.n[S2_OP_PTE_READ] = 1;
	cost = s2_profile_estimate(&profile, &counts);
	assert_false(cost.known);
	assert_true(cost.ns == 10);
	for (int op = 0; op < S2_OP_COUNT; op++)
		assert_true(cost.missing[op] == (op == S2_OP_PTE_READ));

	cost = s2_profile_estimate(NULL, &counts);
	assert_false(cost.known);
	assert_true(cost.missing[S2_OP_ISB]);

	/* Nothing issued costs nothing, whoever's machine it is. */
	counts = (struct s2_counts){{0}};
	assert_true(s2_profile_estimate(NULL, &counts).known);
}

/* The derivations are those that the profiles' own comments give. */
static void shipped_profiles_hold_what_was_measured(void **state)
{
	struct s2_profile p;
	struct s2_error err;

	(void)state;
	assert_i64(s2_profile_load("altra", &p, &err), 0);
	assert_true(fabs(p.op[S2_OP_VCPU_PROBE].ns - (3832.0 - 2593) / 63) < 0.05);
	assert_true(s2_profile_seq(&p, S2_SEQ_IPI_REST) == 2593);
	s2_profile_free(&p);

	assert_i64(s2_profile_load("d06", &p, &err), 0);
	assert_true(fabs(p.op[S2_OP_VCPU_PROBE].ns - (5309.0 - 2413) / 63) < 0.05);
	s2_profile_free(&p);

	assert_i64(s2_profile_load("kunpeng920", &p, &err), 0);
	assert_true(fabs(p.op[S2_OP_VCPU_PROBE].ns - (4238.0 - 1838) / 31) < 0.5);
	s2_profile_free(&p);

	assert_i64(s2_profile_load("d05", &p, &err), 0);
	assert_true(fabs(p.op[S2_OP_DC_CIVAC].ns - 12e9 * 0.99 / 0x1p30) < 0.05);
	s2_profile_free(&p);

	assert_i64(s2_profile_load("range-tlbi-2023", &p, &err), 0);
	assert_true(fabs(s2_profile_seq(&p, S2_SEQ_FLUSH_IPA) - 50e9 / 0x1p25) < 1);
	assert_true(fabs(s2_profile_seq(&p, S2_SEQ_UNMAP_PAGE_REST) - 14.7e9 / 0x1p25) < 2);
	s2_profile_free(&p);

	assert_i64(s2_profile_load("x86-2022", &p, &err), 0);
	assert_true(s2_profile_seq(&p, S2_SEQ_MMU_INIT) == 36000.0 / 600);
	s2_profile_free(&p);
}

/* Whether this program lies in a build folder of the source tree, which has them. */
static bool profiles_are_beside(void)
{
	static const char from_build[] = "/../../profiles/d05.profile";
	char path[4096];
	const ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof(from_build));
	char *slash;

	path[len > 0 ? len : 0] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return false;
	memcpy(slash, from_build, sizeof(from_build));
	return access(path, R_OK) == 0;
}

static void a_profile_that_is_not_there_is_named(void **state)
{
	struct s2_profile profile;
	struct s2_error err = {0};

	(void)state;
	assert_i64(s2_profile_load("no/such.profile", &profile, &err), -ENOENT);
	assert_i64(err.code, S2_PROFILE_OPEN);
	assert_string_equal(err.text,
			    "no/such.profile: No such file or directory, expected a cost profile");
	s2_profile_free(&profile);
	assert_i64(s2_profile_load("nosuch", &profile, &err), -ENOENT);
	assert_non_null(strstr(err.text, profiles_are_beside()
						 ? "\"nosuch\", expected one of altra, d05"
						 : "nosuch"));
	assert_i64(setenv("S2_PROFILE_DIR", "/no/such", 1), 0);
	assert_i64(s2_profile_load("d05", &profile, &err), -ENOENT);
	assert_i64(unsetenv("S2_PROFILE_DIR"), 0);
	assert_non_null(strstr(err.text, "$S2_PROFILE_DIR"));
	assert_non_null(strstr(err.text, "/d05.profile: "));
	assert_i64(s2_profile_load("/", &profile, &err), -EIO);
	assert_i64(err.code, S2_PROFILE_OPEN);
}

static void a_profile_is_found_without_a_variable(void **state)
{
	char dir[4096] = "";
	struct s2_profile profile;
	struct s2_error err = {0};

	(void)state;
	if (!profiles_are_beside())
		skip();
	if (getenv("S2_PROFILE_DIR"))
		(void)snprintf(dir, sizeof(dir), "%s", getenv("S2_PROFILE_DIR"));
	unsetenv("S2_PROFILE_DIR");
	assert_i64(s2_profile_load("d05", &profile, &err), 0);
	assert_true(profile.op[S2_OP_DC_CIVAC].known);
	s2_profile_free(&profile);
	if (dir[0])
		setenv("S2_PROFILE_DIR", dir, 1);
}

static void sequences_have_names_that_are_no_operations(void **state)
{
	(void)state;
	for (int seq = 0; seq < S2_SEQ_COUNT; seq++) {
		const char *name = s2_seq_name((enum s2_seq)seq);

		assert_non_null(name);
		assert_i64(s2_op_find(name), -ENOENT);
	}
	assert_null(s2_seq_name(S2_SEQ_COUNT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_line_is_operation_cost_and_source),
		s2_unit_test(brackets_before_a_source_name_the_thread_it_came_from),
		s2_unit_test(a_time_is_fitted_if_a_cost_in_it_came_from_what_it_answers_for),
		s2_unit_test(each_shipped_cost_names_its_thread),
		s2_unit_test(a_bad_line_is_named_with_what_was_expected),
		s2_unit_test(an_endless_line_is_refused),
		s2_unit_test(an_estimate_is_the_sum_of_costs),
		s2_unit_test(a_counted_operation_without_a_cost_makes_it_unknown),
		s2_unit_test(shipped_profiles_hold_what_was_measured),
		s2_unit_test(a_profile_that_is_not_there_is_named),
		s2_unit_test(a_profile_is_found_without_a_variable),
		s2_unit_test(sequences_have_names_that_are_no_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
