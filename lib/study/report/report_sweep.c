/* SPDX-License-Identifier: MIT */
/*
 * A sweep as a table; see report.h.
 *
 * Of one axis: a line for each value, the metric of each policy, its ratio to
 * the first policy, and a star at the cheapest.  Of more: a map for the last
 * two axes, with the letters of the cheapest policies and, behind them, how
 * much the next one costs more.
 */
#include "study/report/report_table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/report/best.h"
#include "study/base/text.h"

static const char *metric_text(const struct s2_report *report, double value, char buf[S2_TEXT_ROOM])
{
	if (!strcmp(report->metric, "time") || !strcmp(report->metric, "known_time"))
		return s2_text_time(value, buf);
	return s2_text_number(value, buf);
}

static void axis_text(const struct s2_point *point, const char *key, char buf[S2_TEXT_ROOM])
{
	const struct s2_pair *pair = s2_point_find(point, key);

	buf[0] = '\0';
	if (pair != NULL)
		s2_value_text(&pair->value, buf, S2_TEXT_ROOM);
}

static void fill_line(const struct s2_report *report, size_t p, struct s2_grid *grid)
{
	const struct s2_point *point = &report->points[p];
	const struct s2_best best = s2_best_find(report, point);
	const double base = s2_result_metric(&point->results[0], report->metric);
	char text[S2_TEXT_ROOM], ratio[S2_TEXT_ROOM];

	axis_text(point, report->axes[0], s2_grid_cell(grid, p + 1, 0));
	for (size_t i = 0; i < point->n_results; i++) {
		const double v = s2_result_metric(&point->results[i], report->metric);
		const char star = s2_best_is(report, point, i, &best) ? '*' : ' ';

		if (!point->results[i].applies)
			s2_grid_set(grid, p + 1, i + 1, "- ");
		else if (i == 0)
			s2_grid_set(grid, p + 1, i + 1, "%s%c", metric_text(report, v, text), star);
		else
			s2_grid_set(grid, p + 1, i + 1, "%s %7s%c", metric_text(report, v, text),
				    s2_text_ratio(v, base, ratio), star);
	}
}

static int write_lines(const struct s2_report *report, FILE *out)
{
	const struct s2_point *first = &report->points[0];
	struct s2_grid grid;

	if (s2_grid_create(&grid, report->n_points + 1, first->n_results + 1) < 0)
		return -ENOMEM;
	s2_grid_set(&grid, 0, 0, "%s", report->axes[0]);
	for (size_t i = 0; i < first->n_results; i++)
		s2_grid_set(&grid, 0, i + 1, "%s ", first->results[i].policy);
	for (size_t p = 0; p < report->n_points; p++)
		fill_line(report, p, &grid);
	(void)fprintf(out, "%s, ratio to %s, * the lowest\n\n", report->metric,
		      first->results[0].policy);
	s2_grid_print(&grid, S2_TABLE_WIDTH, out);
	s2_grid_free(&grid);
	return 0;
}

/** A to Z, then a to z: which policy a map's letter is. */
static char letter(size_t i)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return i < sizeof(letters) - 1 ? letters[i] : '#';
}

/** "AC 1.3x": A and C are cheapest, the next costs 1.3 times as much. */
static void fill_cell(const struct s2_report *report, const struct s2_point *point, char *cell)
{
	const struct s2_best best = s2_best_find(report, point);
	char ratio[S2_TEXT_ROOM], letters[S2_OPTION_LIST_MAX + 1];
	size_t n = 0;

	if (isnan(best.value)) {
		(void)snprintf(cell, S2_TEXT_ROOM, point->skipped != NULL ? "-" : "?");
		return;
	}
	for (size_t i = 0; i < point->n_results && n < sizeof(letters) - 1; i++)
		if (s2_best_is(report, point, i, &best))
			letters[n++] = letter(i);
	letters[n] = '\0';
	s2_text_ratio(best.next, best.value, ratio);
	(void)snprintf(cell, S2_TEXT_ROOM, "%.32s%s%.12s", letters, ratio[0] ? " " : "", ratio);
}

/** What the axes before the last two are at a map. */
static void write_map_heading(const struct s2_report *report, const struct s2_point *point,
			      FILE *out)
{
	char text[S2_TEXT_ROOM];

	for (size_t a = 0; a + 2 < report->n_axes; a++) {
		axis_text(point, report->axes[a], text);
		(void)fprintf(out, "%s%s %s", a ? ", " : "", report->axes[a], text);
	}
	if (report->n_axes > 2)
		(void)fprintf(out, "\n");
}

static int write_map(const struct s2_report *report, size_t from, size_t rows, size_t cols,
		     FILE *out)
{
	const char *const *axes = &report->axes[report->n_axes - 2];
	struct s2_grid grid;

	if (s2_grid_create(&grid, rows + 1, cols + 1) < 0)
		return -ENOMEM;
	s2_grid_set(&grid, 0, 0, "%s \\ %s", axes[0], axes[1]);
	for (size_t c = 0; c < cols; c++)
		axis_text(&report->points[from + c], axes[1], s2_grid_cell(&grid, 0, c + 1));
	for (size_t r = 0; r < rows; r++) {
		const struct s2_point *line = &report->points[from + r * cols];

		axis_text(line, axes[0], s2_grid_cell(&grid, r + 1, 0));
		for (size_t c = 0; c < cols; c++)
			fill_cell(report, &line[c], s2_grid_cell(&grid, r + 1, c + 1));
	}
	write_map_heading(report, &report->points[from], out);
	s2_grid_print(&grid, S2_TABLE_WIDTH, out);
	(void)fputc('\n', out);
	s2_grid_free(&grid);
	return 0;
}

static int write_maps(const struct s2_report *report, FILE *out)
{
	const size_t cols = report->axis_values[report->n_axes - 1];
	const size_t rows = report->axis_values[report->n_axes - 2];

	(void)fprintf(out, "lowest %s; behind it, how many times that the next one has\n\n",
		      report->metric);
	for (size_t from = 0; from < report->n_points; from += rows * cols) {
		const int r = write_map(report, from, rows, cols, out);

		if (r < 0)
			return r;
	}
	return 0;
}

/** How one policy did over all points. */
struct tally {
	size_t wins, alone, sound, unsound;
};

static void tally_verdicts(const struct s2_result *result, struct tally *tally)
{
	size_t sound = 0;

	for (size_t v = 0; v < result->n_verdicts; v++) {
		if (result->verdicts[v].status == S2_UNSOUND) {
			tally->unsound++;
			return;
		}
		sound += result->verdicts[v].status == S2_SOUND;
	}
	tally->sound += sound != 0 && sound == result->n_verdicts;
}

static void tally_point(const struct s2_report *report, const struct s2_point *point,
			struct tally *tallies)
{
	const struct s2_best best = s2_best_find(report, point);
	size_t winners = 0, winner = 0;

	for (size_t i = 0; i < point->n_results; i++) {
		tally_verdicts(&point->results[i], &tallies[i]);
		if (!s2_best_is(report, point, i, &best))
			continue;
		tallies[i].wins++;
		winners++;
		winner = i;
	}
	if (winners == 1)
		tallies[winner].alone++;
}

/** "unsound at 3 points" is said first, wherever a policy wins. */
static void write_soundness(const struct s2_report *report, const struct tally *tally, FILE *out)
{
	if (tally->unsound != 0)
		(void)fprintf(out, "unsound at %zu", tally->unsound);
	else if (tally->sound == report->n_points - report->n_skipped)
		(void)fprintf(out, "sound");
	else
		(void)fprintf(out, "unchecked");
}

/** For each policy, at how many points no other is cheaper. */
static void write_wins(const struct s2_report *report, FILE *out)
{
	const struct s2_point *first = &report->points[0];
	const size_t n = report->n_points - report->n_skipped;
	struct tally tallies[S2_OPTION_LIST_MAX] = {{0}};

	for (size_t p = 0; p < report->n_points; p++)
		if (report->points[p].skipped == NULL)
			tally_point(report, &report->points[p], tallies);
	for (size_t i = 0; i < first->n_results; i++) {
		(void)fprintf(out, "%c %s: lowest at %zu of %zu points, alone at %zu%s; ",
			      letter(i), first->results[i].policy, tallies[i].wins,
			      n, tallies[i].alone,
			      tallies[i].wins == n ? " (never beaten)" : "");
		write_soundness(report, &tallies[i], out);
		(void)fputc('\n', out);
	}
}

/** What is left out of the tables, and why. */
static void write_skipped(const struct s2_report *report, FILE *out)
{
	char text[512];

	if (report->n_skipped == 0)
		return;
	(void)snprintf(text, sizeof(text), "%zu of %zu points cannot be, and were left out (-): %s",
		       report->n_skipped, report->n_points, s2_report_skipped(report));
	s2_write_wrapped(out, text, 2, S2_TABLE_WIDTH);
}

int s2_table_sweep(const struct s2_report *report, FILE *out)
{
	const int r = report->n_axes == 1 ? write_lines(report, out) : write_maps(report, out);

	if (r < 0)
		return r;
	if (report->n_axes == 1)
		(void)fputc('\n', out);
	write_wins(report, out);
	write_skipped(report, out);
	return 0;
}
