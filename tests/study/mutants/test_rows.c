/* SPDX-License-Identifier: MIT */
/* Rows of mutants: all that there are, once each, in every form that they are written in. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/mutants/rows.h"

static void rows_up(struct s2_mutant_rows *rows)
{
	static struct s2_features features; /* its name is that of the rows */
	struct s2_error err = {0};

	assert_i64(s2_features_parse("cortex-a72", &features, NULL), 0);
	assert_i64(s2_mutant_rows_collect(&features, s2_flavour_find("kvm-6.12"), true, rows, &err), 0);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)) != NULL; text += strlen(part))
		n++;
	return n;
}

static size_t of(const struct s2_mutant_rows *rows, enum s2_mutant_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++)
		n += rows->row[i].kind == kind;
	return n;
}

static void each_mutant_is_a_row_of_its_kind_and_none_ran(void **state)
{
	struct s2_mutant_rows rows;
	struct s2_mutant m;
	size_t named = 0;

	(void)state;
	rows_up(&rows);
	while (s2_mutant_at(named, &m)) {
		assert_string_equal(rows.row[named].name, m.name);
		assert_i64(rows.row[named].kind, m.where ? S2_MUTANT_HAPPENED : S2_MUTANT_MADE_UP);
		named++;
	}
	assert_u64(of(&rows, S2_MUTANT_HAPPENED) + of(&rows, S2_MUTANT_MADE_UP), named);
	for (int kind = 0; kind < S2_MUTANT_KINDS; kind++)
		assert_u64(rows.of[kind], of(&rows, (enum s2_mutant_kind)kind));
	for (size_t i = 0; i < rows.n; i++)
		assert_false(rows.row[i].run || rows.row[i].found);
	assert_null(s2_mutant_kind_name(S2_MUTANT_KINDS));
	s2_mutant_rows_free(&rows);
	assert_u64(rows.n, 0);
}

/* Long lines are wrapped: what is compared is the words. */
static void unwrap(char *text)
{
	char *to = text, last = ' ';

	for (; *text; text++) {
		const char c = *text == '\n' ? ' ' : *text;

		if (c != ' ' || last != ' ')
			*to++ = c;
		last = c;
	}
	*to = '\0';
}

static void a_list_has_each_name_and_what_is_missing(void **state)
{
	for (int steps = 0; steps < 2; steps++) {
		const struct s2_mutant_missing *missing;
		struct s2_mutant_rows rows;
		size_t size, lines = 0;
		char *text;
		FILE *out = open_memstream(&text, &size);

		(void)state;
		assert_non_null(out);
		rows_up(&rows);
		s2_mutant_rows_list(&rows, steps, out);
		assert_i64(fclose(out), 0);
		for (size_t i = 0; i < rows.n; i++) {
			const bool step = rows.row[i].kind >= S2_MUTANT_LEFT_OUT;

			lines += step == (bool)steps;
			if (step == (bool)steps)
				assert_non_null(strstr(text, rows.row[i].name));
		}
		if (steps)
			assert_u64(count(text, "\n"), lines);
		unwrap(text);
		for (size_t i = 0; (missing = s2_mutant_missing_at(i)) != NULL; i++)
			assert_u64(strstr(text, missing->why) != NULL, !steps);
		free(text);
		s2_mutant_rows_free(&rows);
	}
}

/* A quote within a text is two, or the line would have more columns. */
static void csv_is_a_line_of_ten_columns_for_each_row(void **state)
{
	static struct s2_mutant_row one = {
		.kind = S2_MUTANT_SWAPPED,
		.name = "a/b",
		.rule = "data, arch",
		.what = "it says \"no\"",
		.found = true,
		.step = 7,
		.times = 3,
	};
	const struct s2_mutant_rows made = {.row = &one, .n = 1};
	struct s2_mutant_rows rows;
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	s2_mutant_rows_csv(&made, out);
	assert_i64(fclose(out), 0);
	assert_string_equal(text, "kind,name,rule,found,step,times,where,what,scenario,harmless\n"
				  "swapped,a/b,\"data, arch\",1,7,3,,\"it says \"\"no\"\"\",,\n");
	free(text);

	out = open_memstream(&text, &size);
	assert_non_null(out);
	rows_up(&rows);
	s2_mutant_rows_csv(&rows, out);
	assert_i64(fclose(out), 0);
	assert_u64(count(text, "\n"), rows.n + 1);
	free(text);
	s2_mutant_rows_free(&rows);
}

static void json_has_each_row_or_says_that_it_cannot(void **state)
{
	struct s2_mutant_rows rows;
	size_t size;
	char *text;
	FILE *full = fopen("/dev/full", "w"), *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	rows_up(&rows);
#ifdef S2_HAVE_JANSSON
	assert_i64(s2_mutant_rows_json(&rows, out), 0);
	assert_i64(fclose(out), 0);
	assert_u64(count(text, "\"kind\": "), rows.n);
	assert_non_null(strstr(text, "\"false_alarms\": 0"));
	if (full != NULL)
		assert_i64(s2_mutant_rows_json(&rows, full), -EIO);
#else
	assert_i64(s2_mutant_rows_json(&rows, out), -ENOTSUP);
	assert_i64(fclose(out), 0);
#endif
	if (full != NULL)
		(void)fclose(full);
	free(text);
	s2_mutant_rows_free(&rows);
}

/* Neither found nor explained: the table says so, and the totals count what was. */
static void a_table_tells_who_was_not_found(void **state)
{
	static struct s2_mutant_row row[] = {
		{.kind = S2_MUTANT_HAPPENED, .name = "one", .rule = "vmid", .where = "there", .found = true,
		 .step = 5},
		{.kind = S2_MUTANT_MADE_UP, .name = "two", .rule = "bbm"},
		{.kind = S2_MUTANT_LEFT_OUT, .name = "dsb", .rule = "free", .found = true, .step = 9},
		{.kind = S2_MUTANT_LEFT_OUT, .name = "isb", .harmless = "nothing waits"},
		{.kind = S2_MUTANT_SWAPPED, .name = "a/b"},
	};
	const struct s2_mutant_rows rows = {.machine = "m", .flavour = "f", .row = row, .n = 5,
					    .of = {1, 1, 2, 1}, .found = {1, 0, 1, 0}, .missed = 2};
	char *text[2];
	size_t size;

	(void)state;
	for (int steps = 0; steps < 2; steps++) {
		FILE *out = open_memstream(&text[steps], &size);

		assert_non_null(out);
		s2_mutant_rows_table(&rows, steps, out);
		assert_i64(fclose(out), 0);
		assert_u64(count(text[steps], "NOT FOUND"), 1);
		assert_non_null(strstr(text[steps],
				       "1 that happened: 1 found by the rule named; 1 made up: 0 found\n"));
		assert_non_null(strstr(text[steps], "1 found, 1 lose nothing, of 2\n"));
	}
	assert_non_null(strstr(text[0], "made up\n"));
	assert_non_null(strstr(text[1], "free, at step 9\n"));
	assert_non_null(strstr(text[1], "nothing waits\n"));
	free(text[0]);
	free(text[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(each_mutant_is_a_row_of_its_kind_and_none_ran),
		s2_unit_test(a_list_has_each_name_and_what_is_missing),
		s2_unit_test(csv_is_a_line_of_ten_columns_for_each_row),
		s2_unit_test(json_has_each_row_or_says_that_it_cannot),
		s2_unit_test(a_table_tells_who_was_not_found),
	};

	return cmocka_run_group_tests_name("study/mutants/rows", tests, NULL, NULL);
}
