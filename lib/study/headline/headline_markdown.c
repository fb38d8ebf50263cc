/* SPDX-License-Identifier: MIT */
/* The headline as Markdown: a table a thread, as GitHub and GitLab draw them; see headline.h. */
#include <errno.h>
#include <string.h>

#include "study/headline/headline_table.h"

/** Lines of a heading become one; what Markdown would read is made plain. */
static void write_cell(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\n')
			(void)fputc(' ', out);
		else if (strchr("|*_`<>", *text) != NULL)
			(void)fprintf(out, "\\%c", *text);
		else
			(void)fputc(*text, out);
}

static void write_heading(const struct s2_headline_table *table, FILE *out)
{
	(void)fputs("\n| policy |", out);
	for (size_t c = 0; c < table->n_columns; c++) {
		(void)fputc(' ', out);
		write_cell(out, table->column[c].head);
		(void)fputs(" |", out);
	}
	(void)fputs(" verdict |\n|:---|", out);
	for (size_t c = 0; c < table->n_columns; c++)
		(void)fputs("---:|", out);
	(void)fputs(":---|\n", out);
}

static void write_row(const struct s2_headline_table *table, size_t r, FILE *out)
{
	const struct s2_headline_row *row = &table->rows[r];
	char text[S2_TEXT_ROOM];

	(void)fputs("| ", out);
	write_cell(out, row->names);
	(void)fputs(" |", out);
	for (size_t c = 0; c < table->n_columns; c++) {
		(void)fputc(' ', out);
		write_cell(out, s2_headline_cell(table, r, c, false, text));
		(void)fputs(" |", out);
	}
	(void)fputs(row->broken ? " **" : " ", out);
	write_cell(out, row->verdict);
	(void)fputs(row->broken ? "** |\n" : " |\n", out);
}

static int write_thread(const struct s2_headline_part *part, FILE *out)
{
	struct s2_headline_table table;
	char text[1024];
	const int r = s2_headline_table(part, &table);

	if (r < 0)
		return r;
	(void)fputs("\n### ", out);
	write_cell(out, part->thread->title);
	(void)fputs("\n\n", out);
	write_cell(out, part->thread->why);
	(void)fprintf(out, "\n`%s %s` (%s)\n", part->thread->program->name, part->thread->words,
		      s2_headline_host(part, text, sizeof(text)));
	write_heading(&table, out);
	for (size_t i = 0; i < table.n_rows; i++)
		write_row(&table, i, out);
	for (size_t i = 0; i < S2_HEADLINE_FIGURES; i++) {
		if (!s2_headline_figure(part, i, text, sizeof(text)))
			continue;
		(void)fputs("\n", out);
		write_cell(out, text);
		(void)fputc('\n', out);
	}
	if (s2_headline_missing(&table, text, sizeof(text))) {
		(void)fputs("\n", out);
		write_cell(out, text);
		(void)fputc('\n', out);
	}
	s2_headline_table_free(&table);
	return 0;
}

static void write_replay(const struct s2_headline *headline, FILE *out)
{
	const struct s2_replay_outcome *o = &headline->replay[0].outcome;

	if (headline->n_replays == 0)
		return;
	(void)fprintf(out,
		      "\n### A real host's log, replayed\n\n"
		      "%llu TLB flush calls seen, %llu predicted, %llu differ in number, order or "
		      "arguments.\n",
		      (unsigned long long)o->calls.observed, (unsigned long long)o->calls.predicted,
		      (unsigned long long)o->differences);
}

int s2_headline_markdown(const struct s2_headline *headline, FILE *out)
{
	struct s2_headline_tally tally;
	int r = s2_headline_count_all(headline, &tally);

	(void)fprintf(out, "## stage2sim %s: five threads\n", S2_VERSION);
	for (size_t i = 0; i < headline->n_parts && r == 0; i++)
		r = write_thread(&headline->parts[i], out);
	if (r < 0)
		return r;
	write_replay(headline, out);
	(void)fprintf(
		out,
		"\nTimes: %zu fitted (made of the figures that they answer for), %zu predicted (of "
		"none of them). Verdicts are of these runs, not of every order of threads.\n",
		tally.fitted, tally.predicted);
	return 0;
}
