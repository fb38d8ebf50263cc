/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/option/options.h"

#define KIB UINT64_C(0x400)
#define GIB (KIB * KIB * KIB)

struct settings {
	bool split, eager;
	uint64_t vcpus, memory, chunk;
	double ratio;
	const char *file;
	int backing;
	struct s2_option_list policies;
};

static const char *const backings[] = {"4k", "2m", "1g", NULL};
static const char *const policies[] = {"never", "always", "first", NULL};

static const struct s2_option options[] = {
	{.name = "split",
	 .kind = S2_OPTION_FLAG,
	 S2_FIELD(struct settings, split),
	 .letter = 's',
	 .help = "split blocks"},
	{.name = "eager",
	 .kind = S2_OPTION_FLAG,
	 S2_FIELD(struct settings, eager),
	 .value = "on",
	 .letter = 'e',
	 .help = "early"},
	{.name = "vcpus",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct settings, vcpus),
	 .arg = "N",
	 .value = "64",
	 .min = 1,
	 .max = 512,
	 .help = "virtual CPUs"},
	{.name = "memory",
	 .kind = S2_OPTION_SIZE,
	 S2_FIELD(struct settings, memory),
	 .arg = "SIZE",
	 .value = "128G",
	 .min = 4096,
	 .letter = 'm',
	 .help = "guest memory"},
	{.name = "chunk",
	 .kind = S2_OPTION_PAGES,
	 S2_FIELD(struct settings, chunk),
	 .arg = "SIZE",
	 .value = "64p",
	 .help = "one clear",
	 .group = "Clearing"},
	{.name = "ratio",
	 .kind = S2_OPTION_REAL,
	 S2_FIELD(struct settings, ratio),
	 .arg = "R",
	 .value = "0.5",
	 .help = "refill to flush"},
	{.name = "file",
	 .kind = S2_OPTION_STRING,
	 S2_FIELD(struct settings, file),
	 .arg = "FILE",
	 .help = "a log"},
	{.name = "backing",
	 .kind = S2_OPTION_CHOICE,
	 S2_FIELD(struct settings, backing),
	 .arg = "SIZE",
	 .value = "2m",
	 .choices = backings,
	 .help = "host pages"},
	{.name = "policy",
	 .kind = S2_OPTION_LIST,
	 S2_FIELD(struct settings, policies),
	 .arg = "A,B",
	 .choices = policies,
	 .help = "which"},
};

static struct s2_option_table table_of(struct settings *settings)
{
	return (struct s2_option_table){options, ARRAY_SIZE(options), settings, 4096};
}

/* Reads a command line given as one string, its words parted by blanks. */
static int read_line(const char *words, struct settings *settings, struct s2_command_line *line,
		     struct s2_error *err)
{
	static char text[512];
	const struct s2_option_table table = table_of(settings);
	char *argv[32] = {(char[]){"prog"}};
	int argc = 1;
	int r;

	(void)snprintf(text, sizeof(text), "%s", words);
	for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	*err = (struct s2_error){0};
	r = s2_options_scan(&table, 1, argc, argv, line, err);
	if (r == 0)
		r = s2_options_defaults(&table, err);
	if (r == 0)
		r = s2_options_apply(&table, 0, line, err);
	return r;
}

static struct settings read_good(const char *words)
{
	struct s2_command_line line;
	struct settings settings;
	struct s2_error err;

	s2_test_row("%s", words);
	memset(&settings, 0xff, sizeof(settings));
	assert_i64(read_line(words, &settings, &line, &err), 0);
	s2_command_line_free(&line);
	return settings;
}

static void an_empty_line_gives_the_defaults(void **state)
{
	const struct settings s = read_good("");

	(void)state;
	assert_false(s.split);
	assert_true(s.eager);
	assert_u64(s.vcpus, 64);
	assert_u64(s.memory, 128 * GIB);
	assert_u64(s.chunk, 64 * 4 * KIB);
	assert_true(s.ratio == 0.5);
	assert_null(s.file);
	assert_i64(s.backing, 1);
	assert_u64(s.policies.n, 0);
}

static void each_kind_reads_its_form(void **state)
{
	const struct settings s = read_good("--vcpus 8 --memory=0x2000 --chunk 2M --ratio 1e-2 "
					    "--file a=b --backing 1g --policy first,never --split");

	(void)state;
	assert_u64(s.vcpus, 8);
	assert_u64(s.memory, 0x2000);
	assert_u64(s.chunk, 2 * KIB * KIB);
	assert_true(s.ratio == 0.01);
	assert_string_equal(s.file, "a=b");
	assert_i64(s.backing, 2);
	assert_true(s.split);
	assert_u64(s.policies.n, 2);
	assert_u64(s.policies.at[0], 2);
	assert_u64(s.policies.at[1], 0);
}

static void all_is_every_name_of_a_list(void **state)
{
	const struct settings s = read_good("--policy all");

	(void)state;
	assert_u64(s.policies.n, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_u64(s.policies.at[i], i);
}

static void names_may_be_cut_while_unique(void **state)
{
	(void)state;
	assert_u64(read_good("--v 3").vcpus, 3);
	assert_u64(read_good("--mem=1G").memory, GIB);
	assert_true(read_good("--sp").split);
}

static void flags_can_be_negated(void **state)
{
	(void)state;
	assert_false(read_good("--no-eager").eager);
	assert_false(read_good("--split --no-split").split);
	assert_true(read_good("--no-split --split").split);
}

static void letters_stand_alone_in_a_row_and_with_a_value(void **state)
{
	(void)state;
	assert_true(read_good("-s").split);
	assert_u64(read_good("-m1G").memory, GIB);
	assert_u64(read_good("-m 1G").memory, GIB);
	assert_u64(read_good("-sem1G").memory, GIB);
	assert_true(read_good("-sm1G").split);
}

static void the_last_of_several_wins(void **state)
{
	(void)state;
	assert_u64(read_good("--vcpus 3 --vcpus=5").vcpus, 5);
}

static void operands_are_kept_in_order(void **state)
{
	struct s2_command_line line;
	struct settings settings;
	struct s2_error err;

	(void)state;
	assert_i64(read_line("a --vcpus 2 - -- --memory b", &settings, &line, &err), 0);
	assert_u64(settings.vcpus, 2);
	assert_u64(line.n_operands, 4);
	assert_string_equal(line.operands[0], "a");
	assert_string_equal(line.operands[1], "-");
	assert_string_equal(line.operands[2], "--memory");
	assert_string_equal(line.operands[3], "b");
	assert_true(s2_options_given(&line, &options[2]));
	assert_false(s2_options_given(&line, &options[3]));
	s2_command_line_free(&line);
}

static const struct {
	const char *words;
	enum s2_options_code code;
	const char *text;
} wrong[] = {
	{"--frob", S2_OPTIONS_UNKNOWN,
	 "\"--frob\": no such option, expected one that --help lists"},
	{"--no-vcpus", S2_OPTIONS_UNKNOWN,
	 "\"--no-vcpus\": no such option, expected one that --help lists"},
	{"-x", S2_OPTIONS_UNKNOWN, "\"-x\": no such option, expected one that --help lists"},
	{"-sx", S2_OPTIONS_UNKNOWN, "\"-sx\": no such option, expected one that --help lists"},
	{"--", S2_OPTIONS_OK, ""},
	{"--=3", S2_OPTIONS_AMBIGUOUS,
	 "\"--=3\": several options start so, expected one of them in full"},
	{"--vcpus", S2_OPTIONS_NO_VALUE, "--vcpus: got no value, expected N"},
	{"-m", S2_OPTIONS_NO_VALUE, "--memory: got no value, expected SIZE"},
	{"--split=on", S2_OPTIONS_UNWANTED, "--split: got \"on\", expected no value"},
	{"--vcpus 0", S2_OPTIONS_VALUE, "--vcpus: got \"0\", expected a number from 1 to 512"},
	{"--vcpus 513", S2_OPTIONS_VALUE, "--vcpus: got \"513\", expected a number from 1 to 512"},
	{"--vcpus -1", S2_OPTIONS_VALUE, "--vcpus: got \"-1\", expected a number from 1 to 512"},
	{"--vcpus 1K", S2_OPTIONS_VALUE, "--vcpus: got \"1K\", expected a number from 1 to 512"},
	{"--vcpus=", S2_OPTIONS_VALUE, "--vcpus: got \"\", expected a number from 1 to 512"},
	{"--memory 1", S2_OPTIONS_VALUE,
	 "--memory: got \"1\", expected a size such as 64G or 2M from 4K"},
	{"--memory 99999999999T", S2_OPTIONS_VALUE,
	 "--memory: got \"99999999999T\", expected a size such as 64G or 2M from 4K"},
	{"--memory 64p", S2_OPTIONS_VALUE,
	 "--memory: got \"64p\", expected a size such as 64G or 2M from 4K"},
	{"--chunk p", S2_OPTIONS_VALUE, "--chunk: got \"p\", expected a size such as 64G or 2M"},
	{"--chunk 18446744073709551615p", S2_OPTIONS_VALUE,
	 "--chunk: got \"18446744073709551615p\", expected a size such as 64G or 2M"},
	{"--ratio inf", S2_OPTIONS_VALUE, "--ratio: got \"inf\", expected a number such as 0.5"},
	{"--ratio -1", S2_OPTIONS_VALUE, "--ratio: got \"-1\", expected a number such as 0.5"},
	{"--ratio 1e999", S2_OPTIONS_VALUE,
	 "--ratio: got \"1e999\", expected a number such as 0.5"},
	{"--ratio 1x", S2_OPTIONS_VALUE, "--ratio: got \"1x\", expected a number such as 0.5"},
	{"--backing 3m", S2_OPTIONS_VALUE, "--backing: got \"3m\", expected one of 4k, 2m, 1g"},
	{"--policy never,,first", S2_OPTIONS_VALUE,
	 "--policy: got \"\", expected one of never, always, first"},
	{"--policy never,frob,first", S2_OPTIONS_VALUE,
	 "--policy: got \"frob\", expected one of never, always, first"},
	{"--policy never,first,never", S2_OPTIONS_VALUE,
	 "--policy: got \"never,first,never\", expected each name once"},
};

static void wrong_usage_names_option_value_and_what_was_expected(void **state)
{
	struct settings settings;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct s2_command_line line = {0};
		struct s2_error err;
		const int r = read_line(wrong[i].words, &settings, &line, &err);

		s2_test_row("%s", wrong[i].words);
		assert_i64(r, wrong[i].code == S2_OPTIONS_OK ? 0 : -EINVAL);
		assert_i64(err.code, wrong[i].code);
		assert_string_equal(err.text, wrong[i].text);
		s2_command_line_free(&line);
	}
}

static void a_bad_value_changes_nothing(void **state)
{
	struct settings settings = {.vcpus = 7, .backing = 2, .policies = {.n = 1}};
	const struct s2_option_table table = table_of(&settings);

	(void)state;
	assert_i64(s2_option_set(&table, s2_options_find(&table, "vcpus"), "0", NULL), -EINVAL);
	assert_u64(settings.vcpus, 7);
	assert_i64(s2_option_set(&table, s2_options_find(&table, "backing"), "x", NULL), -EINVAL);
	assert_i64(settings.backing, 2);
	assert_i64(s2_option_set(&table, s2_options_find(&table, "policy"), "never,x", NULL),
		   -EINVAL);
	assert_u64(settings.policies.n, 1);
}

static void pages_need_a_page_size_and_follow_it(void **state)
{
	struct settings settings = {0};
	struct s2_option_table table = table_of(&settings);
	const struct s2_option *chunk = s2_options_find(&table, "chunk");

	(void)state;
	table.page_size = 65536;
	assert_i64(s2_option_set(&table, chunk, "64p", NULL), 0);
	assert_u64(settings.chunk, 4 * KIB * KIB);
	table.page_size = 0;
	assert_i64(s2_option_set(&table, chunk, "64p", NULL), -EINVAL);
	assert_i64(s2_option_set(&table, chunk, "4M", NULL), 0);
}

static void values_are_written_as_a_user_would(void **state)
{
	static const struct {
		struct s2_value value;
		const char *text;
	} rows[] = {
		{{.kind = S2_OPTION_SIZE, .number = 128 * GIB}, "128G"},
		{{.kind = S2_OPTION_SIZE, .number = 4 * KIB * GIB}, "4T"},
		{{.kind = S2_OPTION_SIZE, .number = 4096 * KIB * GIB}, "4096T"},
		{{.kind = S2_OPTION_SIZE, .number = 1536}, "1536"},
		{{.kind = S2_OPTION_PAGES, .number = 3 * KIB}, "3K"},
		{{.kind = S2_OPTION_SIZE, .number = 0}, "0"},
		{{.kind = S2_OPTION_U64, .number = 1024}, "1024"},
		{{.kind = S2_OPTION_FLAG, .number = 1}, "on"},
		{{.kind = S2_OPTION_FLAG, .number = 0}, "off"},
		{{.kind = S2_OPTION_REAL, .real = 0.25}, "0.25"},
		{{.kind = S2_OPTION_CHOICE, .text = "2m"}, "2m"},
		{{.kind = S2_OPTION_STRING, .text = NULL}, ""},
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(s2_value_text(&rows[i].value, buf, sizeof(buf)), rows[i].text);
}

static void options_are_read_back_as_values(void **state)
{
	struct settings settings = read_good("--split --vcpus 9 --ratio 2 --file f --backing 4k");
	const struct s2_option_table table = table_of(&settings);
	static const char *const texts[] = {"on", "on", "9", "128G", "256K", "2", "f", "4k"};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const struct s2_value value = s2_option_value(&table, &options[i]);

		assert_string_equal(s2_value_text(&value, buf, sizeof(buf)), texts[i]);
	}
}

static char *help_text(void)
{
	struct settings settings;
	const struct s2_option_table table = table_of(&settings);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	s2_options_help(&table, out);
	assert_i64(fclose(out), 0);
	return text;
}

static void help_tells_every_option_its_group_default_and_choices(void **state)
{
	char *text = help_text();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		assert_non_null(strstr(text, options[i].name));
	assert_non_null(strstr(text, "\nClearing:\n      --chunk SIZE"));
	assert_non_null(strstr(text, "  -m, --memory SIZE         guest memory (default 128G)\n"));
	assert_non_null(strstr(text, "host pages: 4k, 2m, 1g (default 2m)\n"));
	assert_non_null(strstr(text, "early (default; off with --no-eager)\n"));
	free(text);
}

static void wrapping_breaks_at_blanks_and_keeps_long_words(void **state)
{
	static const struct {
		const char *text;
		const char *wrapped;
	} rows[] = {
		{"one", "one\n"},
		{"", "\n"},
		{"one two three", "one two\n  three\n"},
		{"exactlyten no", "exactlyten\n  no\n"},
		{"exactly8 exactly8", "exactly8\n  exactly8\n"},
		{"toolongaword x", "toolongaword\n  x\n"},
		{"a\nb", "a\n  b\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);

		s2_test_row("%s", rows[i].text);
		assert_non_null(out);
		s2_write_wrapped(out, rows[i].text, 2, 10);
		assert_i64(fclose(out), 0);
		assert_string_equal(text, rows[i].wrapped);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(an_empty_line_gives_the_defaults),
		s2_unit_test(each_kind_reads_its_form),
		s2_unit_test(all_is_every_name_of_a_list),
		s2_unit_test(names_may_be_cut_while_unique),
		s2_unit_test(flags_can_be_negated),
		s2_unit_test(letters_stand_alone_in_a_row_and_with_a_value),
		s2_unit_test(the_last_of_several_wins),
		s2_unit_test(operands_are_kept_in_order),
		s2_unit_test(wrong_usage_names_option_value_and_what_was_expected),
		s2_unit_test(a_bad_value_changes_nothing),
		s2_unit_test(pages_need_a_page_size_and_follow_it),
		s2_unit_test(values_are_written_as_a_user_would),
		s2_unit_test(options_are_read_back_as_values),
		s2_unit_test(help_tells_every_option_its_group_default_and_choices),
		s2_unit_test(wrapping_breaks_at_blanks_and_keeps_long_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
