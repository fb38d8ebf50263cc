/* SPDX-License-Identifier: MIT */
/* Bars of what matters, drawn in SVG; see headline_markup.h. */
#include <math.h>
#include <string.h>

#include "study/headline/headline_markup.h"

/* In units of the picture, which scales to the page. */
#define WIDTH	   640
#define ROW_HEIGHT 42
#define TEXT_AT	   14
#define BAR_AT	   20
#define BAR_HEIGHT 12
#define BAR_MOST   500 /* the rest is for the value behind the longest */

/** A long list of names would run out of the picture. */
#define NAMES_MOST 64

static double longest(const struct s2_headline_table *table)
{
	double most = 0;

	for (size_t r = 0; r < table->n_rows; r++)
		most = fmax(most, table->rows[r].value[0]);
	return most;
}

/** A value of 0 has no bar, the most has the longest; tenths, as any host rounds them. */
static double bar_length(double value, double most)
{
	if (!(value > 0) || !(most > 0))
		return 0;
	return floor(10 * BAR_MOST * log10(1 + value) / log10(1 + most) + 0.5) / 10;
}

static void write_bar(const struct s2_headline_table *table, size_t r, double most, FILE *out)
{
	const struct s2_headline_row *row = &table->rows[r];
	const double length = bar_length(row->value[0], most);
	const size_t y = r * ROW_HEIGHT;
	char text[S2_TEXT_ROOM], names[NAMES_MOST + 8];

	(void)snprintf(names, sizeof(names), strlen(row->names) > NAMES_MOST ? "%.*s ..." : "%.*s",
		       NAMES_MOST, row->names);
	(void)fprintf(out, "<text x=\"0\" y=\"%zu\">", y + TEXT_AT);
	s2_text_markup(out, names);
	(void)fputs(row->broken ? "<tspan class=\"bad\"> &#8211; broken</tspan></text>\n"
				: "</text>\n",
		    out);
	if (length > 0)
		(void)fprintf(
			out,
			"<rect x=\"0\" y=\"%zu\" width=\"%.1f\" height=\"%d\" class=\"%s\"%s/>\n",
			y + BAR_AT, length, BAR_HEIGHT, row->broken ? "bad" : "bar",
			row->broken ? " fill=\"url(#hatch)\"" : "");
	(void)fprintf(out, "<text x=\"%.1f\" y=\"%zu\" class=\"num\">%s</text>\n",
		      length + (length > 0 ? 6 : 0), y + BAR_AT + BAR_HEIGHT - 1,
		      s2_headline_cell(table, r, 0, false, text));
}

void s2_markup_bars(const struct s2_headline_table *table, FILE *out)
{
	const double most = longest(table);
	const char *head = table->column[0].head;

	(void)fprintf(out, "<svg viewBox=\"0 0 %d %zu\" role=\"img\" aria-label=\"", WIDTH,
		      table->n_rows * ROW_HEIGHT);
	for (; *head != '\0'; head++)
		(void)fputc(*head == '\n' ? ' ' : *head, out);
	(void)fputs(" by policy, on a logarithmic scale; the numbers are in the table\">\n", out);
	for (size_t r = 0; r < table->n_rows; r++)
		write_bar(table, r, most, out);
	(void)fputs("</svg>\n", out);
}
