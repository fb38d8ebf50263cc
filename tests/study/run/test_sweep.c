/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "study/run/sweep.h"

struct settings {
	uint64_t vcpus, memory, chunk, any;
	double ratio;
	int backing;
	bool split;
	struct s2_option_list policies;
	const char *name;
};

static const char *const backings[] = {"4k", "2m", "1g", NULL};

static const struct s2_option options[] = {
	{.name = "vcpus",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct settings, vcpus),
	 .min = 1,
	 .max = 512,
	 .help = ""},
	{.name = "memory", .kind = S2_OPTION_SIZE, S2_FIELD(struct settings, memory), .help = ""},
	{.name = "chunk", .kind = S2_OPTION_PAGES, S2_FIELD(struct settings, chunk), .help = ""},
	{.name = "any", .kind = S2_OPTION_U64, S2_FIELD(struct settings, any), .help = ""},
	{.name = "ratio", .kind = S2_OPTION_REAL, S2_FIELD(struct settings, ratio), .help = ""},
	{.name = "backing",
	 .kind = S2_OPTION_CHOICE,
	 S2_FIELD(struct settings, backing),
	 .choices = backings,
	 .help = ""},
	{.name = "split", .kind = S2_OPTION_FLAG, S2_FIELD(struct settings, split), .help = ""},
	{.name = "policy",
	 .kind = S2_OPTION_LIST,
	 S2_FIELD(struct settings, policies),
	 .choices = backings,
	 .help = ""},
	{.name = "name", .kind = S2_OPTION_STRING, S2_FIELD(struct settings, name), .help = ""},
};

static struct s2_option_table table_of(struct settings *settings)
{
	return (struct s2_option_table){options, ARRAY_SIZE(options), settings, 4096};
}

/* The values of the first axis, as a user would write them. */
static void assert_values(const char *sweep_text, const char *expected)
{
	struct settings settings = {0};
	const struct s2_option_table table = table_of(&settings);
	struct s2_sweep sweep;
	struct s2_error err = {0};
	char got[1024] = "";
	size_t at = 0;

	s2_test_row("%s", sweep_text);
	if (s2_sweep_parse(&table, sweep_text, &sweep, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t p = 0; p < s2_sweep_points(&sweep); p++) {
		struct s2_value value;
		char text[64];

		assert_i64(s2_sweep_apply(&sweep, &table, p, &err), 0);
		value = s2_option_value(&table, sweep.axes[0].option);
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s%s", p ? " " : "",
				       s2_value_text(&value, text, sizeof(text)));
	}
	assert_string_equal(got, expected);
	s2_sweep_free(&sweep);
}

static void ranges_double_and_end_where_they_were_told_to(void **state)
{
	(void)state;
	assert_values("vcpus=1..16", "1 2 4 8 16");
	assert_values("vcpus=1..20", "1 2 4 8 16 20");
	assert_values("vcpus=3..3", "3");
	assert_values("any=0..5", "0 1 2 4 5");
	assert_values("memory=512M..4G", "512M 1G 2G 4G");
	assert_values("chunk=64p..1M", "256K 512K 1M");
	assert_values("ratio=0.25..3", "0.25 0.5 1 2 3");
}

static void ranges_go_by_a_factor_or_a_step(void **state)
{
	(void)state;
	assert_values("vcpus=1..500*10", "1 10 100 500");
	assert_values("vcpus=16..64+16", "16 32 48 64");
	assert_values("vcpus=500..512+5", "500 505 510 512");
	assert_values("memory=1G..2G+512M", "1G 1536M 2G");
	assert_values("chunk=1p..4p+1p", "4K 8K 12K 16K");
	assert_values("ratio=0.01..10*10", "0.01 0.1 1 10");
	assert_values("ratio=0..1+0.25", "0 0.25 0.5 0.75 1");
	/* A step may be larger than the option's own bounds. */
	assert_values("vcpus=1..512+4000", "1 512");
	/* Neither multiplying nor adding wraps. */
	assert_values("any=9223372036854775809..18446744073709551615",
		      "9223372036854775809 18446744073709551615");
	assert_values("any=1..18446744073709551615*9223372036854775808",
		      "1 9223372036854775808 18446744073709551615");
	assert_values("any=18446744073709551600..18446744073709551615+14",
		      "18446744073709551600 18446744073709551614 18446744073709551615");
}

static void lists_take_any_value_and_ranges_too(void **state)
{
	(void)state;
	assert_values("vcpus=7,3,64..128", "7 3 64 128");
	assert_values("backing=1g,4k", "1g 4k");
	assert_values("split=off,on", "off on");
	assert_values("name=a,b", "a b");
}

static void the_last_axis_runs_fastest(void **state)
{
	struct settings settings = {0};
	const struct s2_option_table table = table_of(&settings);
	struct s2_sweep sweep;

	(void)state;
	assert_i64(s2_sweep_parse(&table, "vcpus=1,2,backing=4k,2m,1g,split=off,on", &sweep, NULL),
		   0);
	assert_u64(s2_sweep_points(&sweep), 12);
	for (size_t p = 0; p < 12; p++) {
		assert_i64(s2_sweep_apply(&sweep, &table, p, NULL), 0);
		assert_u64(settings.vcpus, p / 6 + 1);
		assert_i64(settings.backing, (int)(p / 2 % 3));
		assert_true(settings.split == (p % 2 != 0));
	}
	s2_sweep_free(&sweep);
}

static void no_axis_is_one_point(void **state)
{
	const struct s2_sweep sweep = {0};

	(void)state;
	assert_u64(s2_sweep_points(&sweep), 1);
}

static void an_impossible_sweep_is_one_clear_line(void **state)
{
	static const struct {
		const char *text;
		int r;
		const char *line;
	} rows[] = {
		{"", -EINVAL, "--sweep: got \"\", expected option=values, such as vcpus=1..512"},
		{"1..2", -EINVAL,
		 "--sweep: got \"1..2\", expected option=values, such as vcpus=1..512"},
		{"frob=1", -EINVAL,
		 "--sweep: got \"frob\", expected the name of an option of the workload"},
		{"policy=4k", -EINVAL,
		 "--sweep: got \"policy\", expected the name of an option of the workload"},
		{"vcpus=1,vcpus=2", -EINVAL, "--sweep: got \"vcpus\", expected each option once"},
		{"vcpus=1,memory=1,chunk=1,any=1,ratio=1", -EINVAL,
		 "--sweep: got \"ratio\", expected at most 4 options"},
		{"vcpus=", -EINVAL, "--vcpus: got \"\", expected a number from 1 to 512"},
		{"vcpus=1..", -EINVAL, "--vcpus: got \"\", expected a number from 1 to 512"},
		{"vcpus=0..4", -EINVAL, "--vcpus: got \"0\", expected a number from 1 to 512"},
		{"vcpus=1..513", -EINVAL, "--vcpus: got \"513\", expected a number from 1 to 512"},
		{"vcpus=4..1", -EINVAL, "--sweep: got \"4\", expected a range that rises"},
		{"vcpus=1..4*1", -EINVAL, "--sweep: got \"1\", expected a factor above 1"},
		{"vcpus=1..4*x", -EINVAL, "--vcpus: got \"x\", expected a number"},
		{"vcpus=1..4+0", -EINVAL, "--sweep: got \"0\", expected a step above 0"},
		{"ratio=0..1", -EINVAL,
		 "--sweep: got \"0\", expected a range that rises from above zero"},
		{"ratio=1..4*0.5", -EINVAL, "--sweep: got \"0.5\", expected a factor above 1"},
		{"backing=4k..1g", -EINVAL,
		 "--sweep: got \"4k\", expected a list of values, as this option has no ranges"},
		{"any=1..1000000+1", -ERANGE, "--sweep: any has too many values, expected 100000"},
		{"any=1..1000+1,memory=1..1000+1", -ERANGE,
		 "--sweep: got too many points, expected at most 100000"},
	};
	struct settings settings;
	const struct s2_option_table table = table_of(&settings);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_sweep sweep;
		struct s2_error err = {0};

		s2_test_row("%s", rows[i].text);
		assert_i64(s2_sweep_parse(&table, rows[i].text, &sweep, &err), rows[i].r);
		assert_string_equal(err.text, rows[i].line);
		assert_u64(sweep.n_axes, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(ranges_double_and_end_where_they_were_told_to),
		s2_unit_test(ranges_go_by_a_factor_or_a_step),
		s2_unit_test(lists_take_any_value_and_ranges_too),
		s2_unit_test(the_last_axis_runs_fastest),
		s2_unit_test(no_axis_is_one_point),
		s2_unit_test(an_impossible_sweep_is_one_clear_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
