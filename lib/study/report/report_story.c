/* SPDX-License-Identifier: MIT */
/* What a broken policy did, below the table; see report_table.h. */
#include <string.h>

#include "study/report/report_table.h"

/** Lines kept of a story's end when its middle is left out. */
#define TAIL_LINES (S2_STORY_LINES - 4)

static size_t count_lines(const char *text)
{
	size_t n = *text != '\0';

	for (; *text != '\0'; text++)
		n += *text == '\n' && text[1] != '\0';
	return n;
}

static const char *skip_lines(const char *text, size_t n)
{
	for (; n > 0; n--) {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return text;
}

/** What fits below a heading: the whole, or two lines and then the last ones. */
static void write_story(const char *story, FILE *out)
{
	const size_t n = count_lines(story), head = 2;

	if (n < S2_STORY_LINES) {
		(void)fprintf(out, "%s\n", story);
		return;
	}
	(void)fprintf(out, "%.*s", (int)(skip_lines(story, head) - story), story);
	(void)fprintf(out, "     (%zu steps; --all tells them)\n", n - head - TAIL_LINES);
	(void)fprintf(out, "%s\n", skip_lines(story, n - TAIL_LINES));
}

/** Every contract that a policy breaks, each with its own story. */
static void write_each(const struct s2_result *r, FILE *out)
{
	for (size_t v = 0; v < r->n_verdicts; v++)
		if (r->verdicts[v].violation != NULL)
			(void)fprintf(out, "\n%s breaks %s:\n%s\n", r->policy,
				      r->verdicts[v].contract, r->verdicts[v].violation);
}

/** One story for the column: of the first, and so the least, contract that is broken. */
static void write_worst(const struct s2_filling *f, size_t c, FILE *out)
{
	const struct s2_column *column = &f->columns.column[c];
	const struct s2_result *r = s2_filling_result(f, c);
	const char *story = NULL;
	char names[512];

	for (size_t v = 0; v < r->n_verdicts; v++) {
		const struct s2_verdict *verdict = &r->verdicts[v];

		if (verdict->violation == NULL)
			continue;
		if (story == NULL)
			(void)fprintf(out, "\n%s %s %s",
				      s2_column_names(f->point, column, names, sizeof(names)),
				      column->n > 1 ? "break" : "breaks", verdict->contract);
		else
			(void)fprintf(out, ", %s", verdict->contract);
		if (story == NULL)
			story = verdict->violation;
	}
	if (story == NULL)
		return;
	(void)fputs(":\n", out);
	write_story(story, out);
}

void s2_table_stories(const struct s2_filling *f, FILE *out)
{
	for (size_t c = 0; c < f->columns.n; c++)
		if (f->report->all)
			write_each(s2_filling_result(f, c), out);
		else
			write_worst(f, c, out);
}
