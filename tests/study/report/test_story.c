/* SPDX-License-Identifier: MIT */
/* Stories as lines and as files. */
#include "support.h"
#include "temp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/report/story.h"

static struct s2_told story_of(size_t n, size_t left)
{
	struct s2_told told = {.n = n, .left = left};

	told.of.rule = S2_RULE_TRANSLATION;
	for (size_t i = 0; i < n; i++) {
		struct s2_story_step *step = &told.steps[i];

		step->who = (enum s2_story_who)(i % 3);
		step->number = step->who == S2_STORY_HOST ? 0 : (unsigned)(i / 3 % 2);
		(void)snprintf(step->did, sizeof(step->did), "does <%zu> & more", i);
		(void)snprintf(step->then, sizeof(step->then), "state %zu", i);
	}
	(void)snprintf(told.end, sizeof(told.end), "seen; right is other");
	return told;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
		n++;
	return n;
}

static void a_long_story_has_its_first_step_and_its_last_ones(void **state)
{
	char text[S2_TOLD_LINES * 2 * S2_STORY_TEXT];
	const struct s2_told told = story_of(30, 100);

	(void)state;
	assert_true(s2_told_lines(&told, text, sizeof(text)) < (int)sizeof(text));
	assert_int_equal(count(text, "\n"), S2_TOLD_LINES);
	assert_non_null(strstr(text, "\n   1. host: does <0> & more; state 0\n"));
	/* 130 steps, 8 of them told. */
	assert_non_null(strstr(text, "\n      (122 steps more)\n  124. "));
	assert_non_null(strstr(text, "\n  130. vcpu 1: does <29> & more; state 29\n  ==> seen; right"));
}

static void a_short_story_is_told_whole(void **state)
{
	char text[S2_TOLD_LINES * 2 * S2_STORY_TEXT];
	const struct s2_told told = story_of(9, 0), none = {0};

	(void)state;
	(void)s2_told_lines(&told, text, sizeof(text));
	assert_int_equal(count(text, "\n"), S2_TOLD_LINES);
	assert_null(strstr(text, "more)"));
	(void)s2_told_lines(&none, text, sizeof(text));
	assert_string_equal(text, "");
}

static void lines_that_do_not_fit_are_cut(void **state)
{
	const struct s2_told told = story_of(9, 0);
	char whole[S2_TOLD_LINES * 2 * S2_STORY_TEXT], text[40];
	const int len = s2_told_lines(&told, whole, sizeof(whole));

	(void)state;
	assert_int_equal(s2_told_lines(&told, text, sizeof(text)), len);
	assert_int_equal(strlen(text), sizeof(text) - 1);
	assert_memory_equal(text, whole, sizeof(text) - 1);
	assert_int_equal(s2_told_lines(&told, NULL, 0), len);
}

static char *written(const struct s2_told *told, enum s2_told_form form, int expected)
{
	char *text = calloc(1, 1 << 16);
	FILE *f = tmpfile();

	assert_non_null(text);
	assert_non_null(f);
	assert_i64(s2_told_write(told, form, f), expected);
	rewind(f);
	assert_true(fread(text, 1, (1 << 16) - 1, f) > 0 || expected);
	fclose(f);
	return text;
}

/* The host, two CPUs, two vcpus; what XML would take for markup is escaped. */
static void a_picture_has_a_lane_for_each_who(void **state)
{
	const struct s2_told told = story_of(9, 0);
	char *text = written(&told, S2_TOLD_SVG, 0);

	(void)state;
	assert_int_equal(count(text, "class=\"who\""), 5);
	assert_int_equal(count(text, "<rect"), 1 + 9);
	assert_int_equal(count(text, "class=\"last\""), 1);
	assert_non_null(strstr(text, "does &lt;8&gt; &amp; more"));
	assert_true(strstr(text, ">host<") < strstr(text, ">CPU 0<"));
	assert_true(strstr(text, ">CPU 1<") < strstr(text, ">vcpu 0<"));
	free(text);
}

#ifdef S2_HAVE_JANSSON
#include <jansson.h>

static json_t *parsed(const struct s2_told *told, enum s2_told_form form)
{
	char *text = written(told, form, 0);
	json_t *object = json_loads(text, 0, NULL);

	free(text);
	assert_non_null(object);
	return object;
}

static void json_has_each_step(void **state)
{
	const struct s2_told told = story_of(9, 0);
	json_t *object = parsed(&told, S2_TOLD_JSON);
	const json_t *steps = json_object_get(object, "steps");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(object, "rule")), "translation");
	assert_int_equal(json_array_size(steps), 9);
	assert_string_equal(json_string_value(json_object_get(json_array_get(steps, 8), "did")),
			    "does <8> & more");
	assert_string_equal(json_string_value(json_object_get(object, "end")),
			    "seen; right is other");
	json_decref(object);
}

/* Names of threads first, then an event a step, in order. */
static void a_trace_has_a_thread_for_each_who(void **state)
{
	const struct s2_told told = story_of(9, 0);
	json_t *object = parsed(&told, S2_TOLD_TRACE);
	const json_t *events = json_object_get(object, "traceEvents");
	const size_t lanes = json_array_size(events) - 9;

	(void)state;
	assert_int_equal(lanes, 5);
	for (size_t i = 0; i < 9; i++) {
		const json_t *event = json_array_get(events, lanes + i);

		assert_i64(json_integer_value(json_object_get(event, "ts")), (int64_t)i);
		assert_true(json_integer_value(json_object_get(event, "tid")) <= (int64_t)lanes);
	}
	json_decref(object);
}
#else
static void json_has_each_step(void **state)
{
	const struct s2_told told = story_of(9, 0);

	(void)state;
	free(written(&told, S2_TOLD_JSON, -ENOTSUP));
}

static void a_trace_has_a_thread_for_each_who(void **state)
{
	json_has_each_step(state);
}
#endif

static void the_form_is_told_by_the_name(void **state)
{
	(void)state;
	assert_int_equal(s2_told_form("a.trace.json"), S2_TOLD_TRACE);
	assert_int_equal(s2_told_form("a.json"), S2_TOLD_JSON);
	assert_int_equal(s2_told_form("a.svg"), S2_TOLD_SVG);
	assert_int_equal(s2_told_form("a.svg.txt"), S2_TOLD_TEXT);
	assert_int_equal(s2_told_form("svg"), S2_TOLD_TEXT);
}

static void a_story_is_saved_in_the_form_of_its_name(void **state)
{
	static const struct {
		const char *name, *begins;
	} rows[] = {{"story.svg", "<svg "}, {"story.txt", "translation: "}};
	const struct s2_told told = story_of(3, 0);
	struct s2_error err = {0};
	char dir[S2_TEST_PATH], path[S2_TEST_PATH + 16];

	(void)state;
	s2_test_temp_dir(dir);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[32] = "";
		FILE *file;

		(void)snprintf(path, sizeof(path), "%s/%s", dir, rows[i].name);
		assert_i64(s2_told_save(&told, path, &err), 0);
		file = fopen(path, "r");
		assert_non_null(file);
		assert_non_null(fgets(text, sizeof(text), file));
		assert_memory_equal(text, rows[i].begins, strlen(rows[i].begins));
		fclose(file);
		remove(path);
	}
	remove(dir);
}

static void a_file_that_cannot_be_is_an_error_with_its_name(void **state)
{
	const struct s2_told told = story_of(3, 0);
	struct s2_error err = {0};

	(void)state;
	assert_true(s2_told_save(&told, "no/such/folder/a.svg", &err) < 0);
	assert_non_null(strstr(err.text, "\"no/such/folder/a.svg\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_long_story_has_its_first_step_and_its_last_ones),
		s2_unit_test(a_short_story_is_told_whole),
		s2_unit_test(lines_that_do_not_fit_are_cut),
		s2_unit_test(a_picture_has_a_lane_for_each_who),
		s2_unit_test(json_has_each_step),
		s2_unit_test(a_trace_has_a_thread_for_each_who),
		s2_unit_test(the_form_is_told_by_the_name),
		s2_unit_test(a_story_is_saved_in_the_form_of_its_name),
		s2_unit_test(a_file_that_cannot_be_is_an_error_with_its_name),
	};

	return cmocka_run_group_tests_name("study/report/story", tests, NULL, NULL);
}
