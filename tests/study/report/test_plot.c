/* SPDX-License-Identifier: MIT */
#include "support.h"
#include "temp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "study/report/plot.h"

static const double xs[] = {1, 4, 16};
static const char *const x_texts[] = {"1", "4", "16"};
static const double ys[] = {10, 20};
static const char *const y_texts[] = {"10", "20"};
static const char *const names[] = {"it's", "b"};

static const double rising[] = {1, 2, 3};
static const double broken[] = {5, NAN, 5};
static const double *const rows[] = {rising, broken};

static const struct s2_plot_lines lines = {
	.title = "two\nlines",
	.x = {"vcpus", xs, x_texts, 3, true},
	.y_label = "`date`",
	.y_log = true,
	.names = names,
	.y = rows,
	.n_lines = 2,
};

static const size_t best[] = {0, 0, 1, 0, 1, S2_MAP_NONE};
static const double margin[] = {1.5, 200, NAN, 2, 10, NAN};

static const struct s2_plot_map map = {
	.title = "a map",
	.x = {"vcpus", xs, x_texts, 3, true},
	.y = {"memory", ys, y_texts, 2, false},
	.names = names,
	.n_names = 2,
	.best = best,
	.margin = margin,
};

static char *script_of_lines(const struct s2_plot_lines *plot)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	s2_plot_lines_script(plot, out);
	assert_i64(fclose(out), 0);
	return text;
}

static char *script_of_map(const struct s2_plot_map *plot)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	s2_plot_map_script(plot, out);
	assert_i64(fclose(out), 0);
	return text;
}

static void lines_have_their_points_and_gaps(void **state)
{
	char *text = script_of_lines(&lines);

	(void)state;
	assert_non_null(strstr(text, "set logscale x\n"));
	assert_non_null(strstr(text, "set logscale y\n"));
	assert_non_null(strstr(text, "set xtics ('1' 1, '4' 4, '16' 16)"));
	assert_non_null(strstr(text, "$line0 << EOD\n1 1\n4 2\n16 3\nEOD\n"));
	assert_non_null(strstr(text, "$line1 << EOD\n1 5\n4 NaN\n16 5\nEOD\n"));
	free(text);
}

/* Where lines end close to each other their names do not: the lower one keeps its place. */
static void names_stand_at_the_ends_of_their_lines(void **state)
{
	static const double low[] = {1, 1, 100}, near[] = {1, 1, 101}, high[] = {1, 1, 10000};
	static const double *const ends[] = {high, near, low};
	static const char *const three[] = {"high", "near\n= it", "low"};
	struct s2_plot_lines plot = lines;
	char *text;

	(void)state;
	plot.names = three;
	plot.y = ends;
	plot.n_lines = 3;
	plot.y_log = false;
	text = script_of_lines(&plot);
	assert_non_null(strstr(text, "set label 3 'low' at graph 1.015, graph 0.0095 "));
	assert_non_null(strstr(text, "set label 2 'near'.\"\\n\".'= it' at graph 1.015, graph 0.0995 "));
	assert_non_null(strstr(text, "set label 1 'high' at graph 1.015, graph 0.9524 "));
	assert_non_null(strstr(text, "unset key\nset rmargin 7\n"));
	free(text);
}

static void a_caption_stands_below(void **state)
{
	struct s2_plot_lines plot = lines;
	char *text = script_of_lines(&plot);

	(void)state;
	assert_null(strstr(text, "set label 1000"));
	free(text);
	plot.caption = "one\ntwo";
	text = script_of_lines(&plot);
	assert_non_null(strstr(text, "set bmargin 6\nset label 1000 'one'.\"\\n\".'two' at screen"));
	free(text);
}

static void texts_are_never_run(void **state)
{
	char *text = script_of_lines(&lines);

	(void)state;
	assert_non_null(strstr(text, "set title 'two'.\"\\n\".'lines'\n"));
	assert_non_null(strstr(text, "set ylabel '`date`'\n"));
	assert_non_null(strstr(text, " 'it''s' at graph 1.015, graph "));
	free(text);
}

static void cells_meet_half_way(void **state)
{
	char *text = script_of_map(&map);

	(void)state;
	/* On a logarithmic axis half way from 1 to 4 is 2, to 16 it is 8. */
	assert_non_null(strstr(text, "set xrange [0.5:32]\nset yrange [5:25]\n"));
	assert_non_null(strstr(text, "\n4 10 2 8 5 15 "));
	free(text);
}

static void edges_are_drawn_exactly_where_the_winner_changes(void **state)
{
	char *text = script_of_map(&map);

	(void)state;
	assert_non_null(strstr(text, "$edges << EOD\n"
				     "8 5\n8 15\n\n"   /* (4, 10) | (16, 10) */
				     "2 15\n8 15\n\n"  /* (4, 10) under (4, 20) */
				     "8 15\n32 15\n\n" /* (16, 10) under (16, 20) */
				     "2 15\n2 25\n\n"  /* (1, 20) | (4, 20) */
				     "8 15\n8 25\n\n"  /* (4, 20) | (16, 20) */
				     "EOD\n"));
	free(text);
}

/* In grey a colour says nothing: the letter does, here and in the legend. */
static void a_cell_says_who_wins_and_by_how_much(void **state)
{
	char *text = script_of_map(&map);

	(void)state;
	assert_non_null(strstr(text, "$labels << EOD\n1 10 \"A 1.5x\"\n4 10 \"A 200x\"\n16 10 \"B\"\n"
				     "1 20 \"A 2x\"\n4 20 \"B 10x\"\nEOD\n"));
	free(text);
}

static void zeros_have_a_place_below_a_logarithm(void **state)
{
	static const double some[] = {0, 2000, 3e6};
	static const double *const with_zero[] = {some};
	struct s2_plot_lines plot = lines;
	char *text;

	(void)state;
	plot.y = with_zero;
	plot.n_lines = 1;
	plot.zero = 100;
	text = script_of_lines(&plot);
	assert_non_null(strstr(text, "set yrange [100:4500000]\nset ytics add ('0' 100)\n"));
	assert_non_null(strstr(text, "$line0 << EOD\n1 100\n4 2000\n16 3000000\nEOD\n"));
	free(text);
	plot.y_log = false;
	text = script_of_lines(&plot);
	assert_null(strstr(text, "set ytics add"));
	assert_non_null(strstr(text, "$line0 << EOD\n1 0\n"));
	free(text);
}

/* Short names stand side by side; names that would push each other out do not. */
static void a_legend_has_as_many_rows_as_its_names_need(void **state)
{
	static const char *const wide[] = {
		"upstream = one-call = vmid-above = vmid = span = round = by-cost = round-by-cost",
		"span",
	};
	struct s2_plot_map plot = map;
	char *text = script_of_map(&plot);

	(void)state;
	assert_non_null(strstr(text, "maxrows 1\n"));
	free(text);
	plot.names = wide;
	text = script_of_map(&plot);
	assert_non_null(strstr(text, "maxrows 3\n"));
	free(text);
}

static void only_svg_and_png_are_drawn(void **state)
{
	static const char *const bad[] = {"x.pdf", "x", ".svg", "x.svg.gz", ""};
	struct s2_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("%s", bad[i]);
		assert_i64(s2_plot_check(bad[i], &err), -EINVAL);
		assert_i64(err.code, S2_PLOT_ENDING);
	}
}

/* Runs the rest with a PATH on which there is nothing. */
static void without_gnuplot_one_message_says_so(void **state)
{
	char *path = strdup(getenv("PATH"));
	struct s2_error err;

	(void)state;
	assert_non_null(path);
	assert_i64(setenv("PATH", "/nonexistent", 1), 0);
	assert_i64(s2_plot_find("x.svg", &err), -ENOENT);
	assert_i64(err.code, S2_PLOT_NONE);
	assert_i64(s2_plot_map("x.svg", &map, &err), -EIO);
	assert_i64(err.code, S2_PLOT_GNUPLOT);
	assert_i64(setenv("PATH", path, 1), 0);
	free(path);
	assert_i64(access("x.svg", F_OK), -1);
	assert_i64(access("x.svg.part", F_OK), -1);
}

static size_t file_starts(const char *path, char *buf, size_t size)
{
	FILE *in = fopen(path, "rb");
	size_t n;

	assert_non_null(in);
	n = fread(buf, 1, size - 1, in);
	buf[n] = '\0';
	assert_i64(fclose(in), 0);
	return n;
}

static void gnuplot_draws_both_kinds_in_both_forms(void **state)
{
	char dir[S2_TEST_PATH], path[S2_TEST_PATH + 16], buf[256];
	struct s2_error err;

	(void)state;
	if (s2_plot_find("x.svg", &err) < 0)
		skip();
	s2_test_temp_dir(dir);
	(void)snprintf(path, sizeof(path), "%s/it's.svg", dir);
	assert_i64(s2_plot_lines(path, &lines, &err), 0);
	assert_true(file_starts(path, buf, sizeof(buf)) > 100);
	assert_non_null(strstr(buf, "<?xml"));
	assert_i64(remove(path), 0);
	(void)snprintf(path, sizeof(path), "%s/map.png", dir);
	assert_i64(s2_plot_map(path, &map, &err), 0);
	assert_true(file_starts(path, buf, sizeof(buf)) > 100);
	assert_memory_equal(buf, "\x89PNG", 4);
	assert_i64(remove(path), 0);
	assert_i64(rmdir(dir), 0);
}

/* gnuplot drops what it has no room for: all that wins somewhere must be named. */
static void every_winner_is_named_in_the_picture(void **state)
{
	static const char *const winners[] = {
		"upstream = one-call = vmid-above = round = by-cost = round-by-cost",
		"span is the best of all here",
		"round = round-by-cost",
		"span = round = round-by-cost",
		"vmid",
	};
	static const size_t wins[] = {0, 1, 2, 3, 4, 0};
	static char picture[1 << 17];
	char dir[S2_TEST_PATH], path[S2_TEST_PATH + 16];
	struct s2_plot_map plot = map;
	struct s2_error err;

	(void)state;
	if (s2_plot_find("x.svg", &err) < 0)
		skip();
	plot.names = winners;
	plot.n_names = ARRAY_SIZE(winners);
	plot.best = wins;
	s2_test_temp_dir(dir);
	(void)snprintf(path, sizeof(path), "%s/map.svg", dir);
	assert_i64(s2_plot_map(path, &plot, &err), 0);
	assert_true(file_starts(path, picture, sizeof(picture)) < sizeof(picture) - 1);
	assert_i64(remove(path), 0);
	assert_i64(rmdir(dir), 0);
	for (size_t i = 0; i < ARRAY_SIZE(winners); i++) {
		s2_test_row("%s", winners[i]);
		assert_non_null(strstr(picture, winners[i]));
	}
	assert_non_null(strstr(picture, "crossover"));
}

static void a_file_that_cannot_be_written_is_an_error(void **state)
{
	struct s2_error err;

	(void)state;
	if (s2_plot_find("x.svg", &err) < 0)
		skip();
	assert_i64(s2_plot_lines("/nonexistent/x.svg", &lines, &err), -EIO);
	assert_true(err.code == S2_PLOT_FILE || err.code == S2_PLOT_GNUPLOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(lines_have_their_points_and_gaps),
		s2_unit_test(names_stand_at_the_ends_of_their_lines),
		s2_unit_test(a_caption_stands_below),
		s2_unit_test(texts_are_never_run),
		s2_unit_test(cells_meet_half_way),
		s2_unit_test(edges_are_drawn_exactly_where_the_winner_changes),
		s2_unit_test(a_cell_says_who_wins_and_by_how_much),
		s2_unit_test(zeros_have_a_place_below_a_logarithm),
		s2_unit_test(a_legend_has_as_many_rows_as_its_names_need),
		s2_unit_test(only_svg_and_png_are_drawn),
		s2_unit_test(without_gnuplot_one_message_says_so),
		s2_unit_test(gnuplot_draws_both_kinds_in_both_forms),
		s2_unit_test(every_winner_is_named_in_the_picture),
		s2_unit_test(a_file_that_cannot_be_written_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
