/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/base/progress.h"

/* What a bar leaves on a stream after 2 jobs of 1,000,000 steps each. */
static char *run_jobs(enum s2_progress_mode mode, uint64_t *looks)
{
	struct s2_progress p;
	FILE *out = tmpfile();
	char *text = calloc(1, 65536);

	assert_non_null(out);
	assert_non_null(text);
	s2_progress_init(&p, out, mode, "s2-try", 2);
	*looks = 0;
	for (int job = 0; job < 2; job++) {
		s2_progress_steps(&p, 1000000);
		for (int step = 0; step < 1000000; step++) {
			const uint64_t looked_at = p.looked_at;

			s2_progress_tick(&p, 1);
			*looks += p.looked_at != looked_at;
		}
		s2_progress_job(&p);
	}
	s2_progress_end(&p);
	rewind(out);
	assert_true(fread(text, 1, 65535, out) < 65535);
	assert_i64(fclose(out), 0);
	return text;
}

static void no_bar_is_drawn_where_there_is_no_terminal(void **state)
{
	uint64_t looks;
	char *text = run_jobs(S2_PROGRESS_AUTO, &looks);

	(void)state;
	assert_string_equal(text, "");
	assert_u64(looks, 0);
	free(text);
	text = run_jobs(S2_PROGRESS_NEVER, &looks);
	assert_string_equal(text, "");
	free(text);
}

static void a_bar_that_is_asked_for_is_drawn_and_wiped(void **state)
{
	static const char wiped[] = "\r\033[K";
	uint64_t looks;
	char *text = run_jobs(S2_PROGRESS_ALWAYS, &looks);
	const size_t len = strlen(text);

	(void)state;
	assert_true(!strncmp(text, "\rs2-try [", 9));
	assert_true(len > strlen(wiped));
	assert_string_equal(text + len - strlen(wiped), wiped);
	assert_null(strchr(text, '\n'));
	free(text);
}

static void the_clock_is_seldom_looked_at(void **state)
{
	uint64_t looks;

	(void)state;
	free(run_jobs(S2_PROGRESS_ALWAYS, &looks));
	/* Doubling from 1 to where a look is due: some 20 for each job. */
	assert_true(looks > 0);
	assert_true(looks < 5000);
}

static void more_steps_than_were_told_are_no_more_than_all(void **state)
{
	struct s2_progress p;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	s2_progress_init(&p, out, S2_PROGRESS_ALWAYS, "x", 1);
	s2_progress_steps(&p, 10);
	s2_progress_tick(&p, 1000);
	p.drawn = -1; /* long ago */
	s2_progress_job(&p);
	p.drawn = -1;
	s2_progress_job(&p);
	s2_progress_end(&p);
	s2_progress_tick(&p, 1000);
	assert_i64(fclose(out), 0);
	assert_non_null(strstr(text, "] 100 %"));
	assert_null(strstr(text, "] 200 %"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(no_bar_is_drawn_where_there_is_no_terminal),
		s2_unit_test(a_bar_that_is_asked_for_is_drawn_and_wiped),
		s2_unit_test(the_clock_is_seldom_looked_at),
		s2_unit_test(more_steps_than_were_told_are_no_more_than_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
