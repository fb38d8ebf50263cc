/* SPDX-License-Identifier: MIT */
/*
 * A story as a picture: time runs down, a lane for each who, a box for each step,
 * what may be held after it beside all lanes.
 */
#include "study/report/story_file.h"

#include <string.h>

#include "study/base/text.h"

#define LANE	 260 /* width of a lane, and of what is beside them: pixels */
#define STATE	 440
#define TOP	 64
#define ROW	 46
#define BOX	 34
#define ACROSS	 31 /* letters of 7.5 pixels that fit into a lane, and beside them */
#define BESIDE	 56

void s2_lanes_of(const struct s2_told *told, struct s2_lanes *lanes)
{
	memset(lanes, 0, sizeof(*lanes));
	for (size_t i = 0; i < told->n; i++) {
		const struct s2_story_step *step = &told->steps[i];
		size_t at = lanes->n;

		if (s2_lane(lanes, step) < lanes->n)
			continue;
		for (; at && (lanes->who[at - 1]->who > step->who ||
			      (lanes->who[at - 1]->who == step->who &&
			       lanes->who[at - 1]->number > step->number));
		     at--)
			lanes->who[at] = lanes->who[at - 1];
		lanes->who[at] = step;
		lanes->n++;
	}
}

size_t s2_lane(const struct s2_lanes *lanes, const struct s2_story_step *step)
{
	size_t lane = 0;

	while (lane < lanes->n && (lanes->who[lane]->who != step->who ||
				   lanes->who[lane]->number != step->number))
		lane++;
	return lane;
}

/* How much of a text goes on one line of @across letters: whole words where that can be. */
static size_t line_length(const char *text, size_t across)
{
	size_t len = strlen(text), at = across;

	if (len <= across)
		return len;
	while (at && text[at] != ' ')
		at--;
	return at ? at : across;
}

/* A text on up to two lines, from (x, y) down. */
static void write_lines(const char *text, size_t across, unsigned x, unsigned y, FILE *out)
{
	for (unsigned i = 0; i < 2 && *text; i++) {
		const size_t len = line_length(text, across);
		char line[512];

		(void)fprintf(out, "<text x=\"%u\" y=\"%u\">", x, y + 14 * i);
		(void)snprintf(line, sizeof(line), "%.*s", (int)len, text);
		s2_text_markup(out, line);
		(void)fputs("</text>\n", out);
		text += len;
		text += *text == ' ';
	}
}

static void write_lane(const struct s2_lanes *lanes, size_t lane, unsigned height, FILE *out)
{
	const unsigned middle = (unsigned)lane * LANE + LANE / 2;
	char who[32];

	(void)s2_story_who_text(lanes->who[lane], who, sizeof(who));
	(void)fprintf(out,
		      "<text class=\"who\" x=\"%u\" y=\"%u\">%s</text>\n"
		      "<line x1=\"%u\" y1=\"%u\" x2=\"%u\" y2=\"%u\"/>\n",
		      middle - 20, TOP - 12, who, middle, TOP, middle, height);
}

static void write_step(const struct s2_told *told, const struct s2_lanes *lanes, size_t i, FILE *out)
{
	const struct s2_story_step *step = &told->steps[i];
	const bool last = i + 1 == told->n;
	char did[S2_STORY_TEXT + 24];
	const unsigned x = (unsigned)s2_lane(lanes, step) * LANE + 6, y = TOP + 8 + (unsigned)i * ROW;

	(void)fprintf(out, "<rect%s x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" rx=\"4\"/>\n",
		      last		? " class=\"last\""
		      : step->maintains ? " class=\"helps\""
					: "",
		      x, y, LANE - 12, BOX);
	(void)snprintf(did, sizeof(did), "%zu. %s", i + 1, step->did);
	write_lines(did, ACROSS, x + 6, y + 14, out);
	write_lines(step->then, BESIDE, (unsigned)lanes->n * LANE + 8, y + 14, out);
}

void s2_told_svg(const struct s2_told *told, const struct s2_lanes *lanes, FILE *out)
{
	const unsigned width = (unsigned)lanes->n * LANE + STATE;
	const unsigned below = TOP + 8 + (unsigned)told->n * ROW;
	char title[512];

	(void)s2_violation_text(&told->of, title, sizeof(title));
	(void)fprintf(out,
		      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" role=\"img\">\n"
		      "<style>text{font:12px monospace;fill:#111}.who,.end{font-weight:bold}"
		      "line{stroke:#999}rect{fill:#fff;stroke:#555}.helps{fill:#e4e4e4}"
		      ".last{stroke-width:3;stroke:#111}.page{stroke:none}</style>\n<title>",
		      width, below + 44);
	s2_text_markup(out, title);
	(void)fprintf(out, "</title>\n<rect class=\"page\" width=\"%u\" height=\"%u\"/>\n", width,
		      below + 44);
	write_lines(title, (size_t)width / 8, 8, 18, out);
	for (size_t i = 0; i < lanes->n; i++)
		write_lane(lanes, i, below, out);
	for (size_t i = 0; i < told->n; i++)
		write_step(told, lanes, i, out);
	(void)fputs("<g class=\"end\">\n", out);
	write_lines(told->end, (size_t)width / 8, 8, below + 20, out);
	(void)fputs("</g>\n</svg>\n", out);
}
