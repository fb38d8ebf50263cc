/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/headline/headline.h"
#include "study/run/fake_program.h"

static const struct s2_headline_thread threads[] = {
	{
		.name = "one",
		.title = "ONE  2001, \"a <title>\"",
		.why = "What toggles clean, a line at a time, and all of it in as many words as this.",
		.program = &fake_program,
		.words = "--workload small",
		.also = "--workload large --broken",
		.answers = "first,none",
		.metric = {{"lines\ncleaned", "dc_civac", NULL, NULL},
			   {"of the\nlarge", "dc_civac", "large", NULL}},
	},
	{
		.name = "two",
		.title = "TWO  2002",
		.why = "The same without what another workload breaks.",
		.program = &fake_program,
		.words = "--workload small",
		.metric = {{"lines\ncleaned", "dc_civac", NULL, "no_such_part"}},
	},
};

static void run_job(const struct s2_option_list *which, bool brief, struct s2_headline *headline)
{
	struct s2_progress progress;
	const struct s2_headline_job job = {
		.brief = brief,
		.threads = threads,
		.which = which,
		.n_threads = ARRAY_SIZE(threads),
		.profiles = "d05",
		.seed = 1,
		.progress = &progress,
		.errs = stderr,
	};
	struct s2_error err = {0};

	s2_progress_init(&progress, stderr, S2_PROGRESS_NEVER, "x", 1);
	if (s2_headline_run(&job, headline, &err) < 0)
		fail_msg("%s", err.text);
}

static void run_threads(const struct s2_option_list *which, struct s2_headline *headline)
{
	run_job(which, false, headline);
}

static char *print(int (*writer)(const struct s2_headline *, FILE *))
{
	const struct s2_option_list all = {.n = 0};
	struct s2_headline headline;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	run_threads(&all, &headline);
	assert_i64(writer(&headline, out), 0);
	assert_i64(fclose(out), 0);
	s2_headline_free(&headline);
	return text;
}

static void assert_lines_fit(const char *text, size_t width)
{
	while (*text != '\0') {
		const size_t len = strcspn(text, "\n");

		if (len > width)
			fail_msg("%zu columns: %.*s", len, (int)len, text);
		if (len > 0 && text[len - 1] == ' ')
			fail_msg("blank at the end: %.*s", (int)len, text);
		text += len + (text[len] != '\0');
	}
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

/* 1 MiB in lines of 64 bytes: 16,384; of 4 vcpus 65,536. 1 GiB of 64: 1,073,741,824. */
static void the_screen_has_a_row_for_policies_that_read_the_same(void **state)
{
	char *text = print(s2_headline_screen);

	(void)state;
	assert_lines_fit(text, 120);
	assert_has(text, "\npolicy        cleaned  every          large  verdict\n"
			 "every          65,536     1x  1,073,741,824  breaks arch (large)\n"
			 "first, range   16,384  0.25x     16,777,216  breaks arch (large)\n");
	assert_has(text, "\nevery          65,536     1x  holds\n"
			 "first, range   16,384  0.25x  holds\n");
	free(text);
}

/* Of the first thread "first" answers, which range comes out like; the second names none. */
static void briefly_a_thread_shows_the_policies_that_answer_it(void **state)
{
	const struct s2_option_list all = {.n = 0};
	struct s2_headline headline;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	run_job(&all, true, &headline);
	assert_i64(s2_headline_screen(&headline, out), 0);
	assert_i64(fclose(out), 0);
	assert_has(
		text,
		"  verdict\nfirst +1      16,384  0.25x  16,777,216  breaks arch (large)\n\n");
	assert_has(text, "\nevery          65,536     1x  holds\n"
			 "first, range   16,384  0.25x  holds\n");
	assert_has(text, "--all has every one");
	s2_headline_free(&headline);
	free(text);
}

static void policies_that_differ_in_their_verdict_alone_stand_apart(void **state)
{
	const struct s2_option_list last = {.n = 1, .at = {1}};
	struct s2_headline headline;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	run_threads(&last, &headline);
	headline.parts[0].main.report.points[0].results[2].verdicts[0].status = S2_UNSOUND;
	assert_i64(s2_headline_screen(&headline, out), 0);
	assert_i64(fclose(out), 0);
	assert_has(text, "first         16,384  0.25x  holds\n"
			 "range         16,384  0.25x  breaks arch\n");
	s2_headline_free(&headline);
	free(text);
}

static void a_mail_says_below_its_table_who_breaks_what(void **state)
{
	char *text = print(s2_headline_mail);

	(void)state;
	assert_lines_fit(text, 72);
	assert_has(text, "every           65.5k     1x   1.07G\n"
			 "first, range    16.4k  0.25x   16.8M\n"
			 "! every: breaks arch (large)\n"
			 "! first, range: breaks arch (large)\n");
	assert_has(text, "verdict: every policy holds\n");
	/* Nothing is on a bill here, so nothing is missing. */
	assert_null(strstr(text, "unknown, no profile"));
	free(text);
}

static void markdown_and_html_make_the_users_words_harmless(void **state)
{
	char *text = print(s2_headline_markdown);

	(void)state;
	assert_has(text, "### ONE  2001, \"a \\<title\\>\"");
	assert_has(text,
		   "| first, range | 16,384 | 0.25x | 16,777,216 | **breaks arch (large)** |\n");
	free(text);
	text = print(s2_headline_html);
	assert_has(text, "ONE  2001, &quot;a &lt;title&gt;&quot;</h2>");
	assert_null(strstr(text, "a <title>"));
	assert_has(text, "<td class=\"bad\">breaks arch (large)</td>");
	/* The story that another workload told is there too. */
	assert_has(text, "<pre>  1. lost</pre>");
	free(text);
}

static void csv_has_a_line_for_each_policy_and_number(void **state)
{
	char *text = print(s2_headline_csv);

	(void)state;
	assert_has(text, "one,range,dc_civac,16384,\none,range,dc_civac_ratio,0.25,\n"
			 "one,range,dc_civac@large,16777216,\n"
			 "one,range,verdict,\"breaks arch (large)\",\n");
	free(text);
}

static void threads_are_run_in_the_order_asked_for(void **state)
{
	const struct s2_option_list which = {.n = 2, .at = {1, 0}}, last = {.n = 1, .at = {1}};
	struct s2_headline headline;

	(void)state;
	run_threads(&which, &headline);
	assert_u64(headline.n_parts, 2);
	assert_ptr_equal(headline.parts[0].thread, &threads[1]);
	assert_ptr_equal(headline.parts[1].thread, &threads[0]);
	s2_headline_free(&headline);
	run_threads(&last, &headline);
	assert_u64(headline.n_parts, 1);
	s2_headline_free(&headline);
}

static void a_program_that_fails_ends_it_and_is_named(void **state)
{
	struct s2_headline_thread bad = threads[0];
	const struct s2_option_list all = {.n = 0};
	struct s2_headline_job job = {
		.threads = &bad, .which = &all, .n_threads = 1, .profiles = "", .errs = stderr};
	struct s2_progress progress;
	struct s2_headline headline;
	struct s2_error err = {0};

	(void)state;
	s2_progress_init(&progress, stderr, S2_PROGRESS_NEVER, "x", 1);
	job.progress = &progress;
	bad.also = "--workload large --vcpus 513";
	assert_i64(s2_headline_run(&job, &headline, &err), -EINVAL);
	assert_has(err.text, "s2-try: --vcpus: got \"513\"");
	assert_null(headline.parts);
	bad.also = NULL;
	job.profiles = "no/such";
	assert_true(s2_headline_run(&job, &headline, &err) < 0);
	assert_has(err.text, "s2-try: no/such");
	job.profiles = "";
	job.log = "no/such";
	assert_true(s2_headline_run(&job, &headline, &err) < 0);
	assert_has(err.text, "no/such");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(the_screen_has_a_row_for_policies_that_read_the_same),
		s2_unit_test(briefly_a_thread_shows_the_policies_that_answer_it),
		s2_unit_test(policies_that_differ_in_their_verdict_alone_stand_apart),
		s2_unit_test(a_mail_says_below_its_table_who_breaks_what),
		s2_unit_test(markdown_and_html_make_the_users_words_harmless),
		s2_unit_test(csv_has_a_line_for_each_policy_and_number),
		s2_unit_test(threads_are_run_in_the_order_asked_for),
		s2_unit_test(a_program_that_fails_ends_it_and_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
