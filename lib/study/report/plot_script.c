/* SPDX-License-Identifier: MIT */
/* What gnuplot is told; see plot.h. */
#include "study/report/plot.h"

#include <math.h>
#include <string.h>

/** A name of the legend with its letter. */
#define NAME_ROOM 256

/** Most labels on an axis before some are left out. */
#define TICS_MAX 12

/** Characters that a row of the legend has room for, and what an entry takes besides its name. */
#define KEY_ROW	  104
#define KEY_ENTRY 8

/** Most cells of a map that still have room for a number each. */
#define LABELS_MAX 200

/** Eight colours that colour-blind readers can tell apart (after Okabe and Ito). */
static const unsigned colours[] = {
	0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x7f7f7f, 0xb8a800,
};

#define N_COLOURS (sizeof(colours) / sizeof(colours[0]))

/* gnuplot's numbers: all lines but dots, and the filled points. */
static const int dashes[] = {1, 2, 4, 5};
static const int point_types[] = {5, 7, 9, 13};

#define N_STYLES 4

/** Most lines that have a name at their end, and how far names are apart, of the height. */
#define LINES_MAX    64
#define LABEL_HEIGHT 0.045

void s2_plot_quote(FILE *out, const char *text)
{
	/* In double quotes gnuplot would run what stands between backquotes. */
	(void)fputc('\'', out);
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			(void)fputs("'.\"\\n\".'", out);
		else if (*text == '\'')
			(void)fputs("''", out);
		else
			(void)fputc(*text, out);
	}
	(void)fputc('\'', out);
}

static void write_named(FILE *out, const char *what, const char *text)
{
	(void)fprintf(out, "set %s ", what);
	s2_plot_quote(out, text);
	(void)fputc('\n', out);
}

/** Tics at the axis's own values, thinned evenly where there are many. */
static void write_axis(FILE *out, char name, const struct s2_plot_axis *axis)
{
	const size_t every = (axis->n + TICS_MAX - 1) / TICS_MAX;

	(void)fprintf(out, "set %clabel ", name);
	s2_plot_quote(out, axis->label);
	(void)fprintf(out, "\n");
	if (axis->log)
		(void)fprintf(out, "set logscale %c\n", name);
	(void)fprintf(out, "set %ctics (", name);
	for (size_t i = 0; i < axis->n; i += every) {
		(void)fprintf(out, "%s", i ? ", " : "");
		s2_plot_quote(out, axis->texts[i]);
		(void)fprintf(out, " %.9g", axis->at[i]);
	}
	(void)fprintf(out, ") nomirror\n");
	if (axis->n > 1)
		(void)fprintf(out, "set %crange [%.9g:%.9g]\n", name, axis->at[0],
			      axis->at[axis->n - 1]);
}

/* Below the axis's title, small. */
static void write_caption(FILE *out, const char *caption)
{
	unsigned lines = 1;

	if (caption == NULL)
		return;
	for (const char *c = caption; *c != '\0'; c++)
		lines += *c == '\n';
	(void)fprintf(out, "set bmargin %u\nset label 1000 ", lines + 4);
	s2_plot_quote(out, caption);
	(void)fprintf(out, " at screen 0.02, character %u left font ',9' textcolor rgb '#606060'\n",
		      lines);
}

static void write_look(FILE *out, const char *title, const char *caption)
{
	write_named(out, "title", title);
	write_caption(out, caption);
	(void)fputs("set border 3 lc rgb '#606060'\n"
		    "set tics nomirror textcolor rgb '#202020'\n"
		    "set grid lc rgb '#e0e0e0' lt 1 lw 1\n"
		    "set key tmargin center horizontal Left reverse width 1\n"
		    "set datafile missing 'NaN'\n",
		    out);
}

/** The y axis's range, so that the place of a line's end is known. */
struct y_range {
	double low, high;
	bool log;
};

static double y_of(const struct s2_plot_lines *plot, size_t k, size_t i)
{
	const double v = plot->y[k][i];

	return plot->y_log && v <= 0 ? plot->zero : v;
}

static struct y_range range_of(const struct s2_plot_lines *plot)
{
	struct y_range y = {INFINITY, 0, plot->y_log};

	for (size_t k = 0; k < plot->n_lines; k++) {
		for (size_t i = 0; i < plot->x.n; i++) {
			const double v = y_of(plot, k, i);

			y.low = v < y.low ? v : y.low;
			y.high = v > y.high ? v : y.high;
		}
	}
	if (y.log) {
		y.low = plot->zero > 0 ? plot->zero : y.low / 1.5;
		y.high *= 1.5;
	} else {
		y.low = 0;
		y.high = y.high > 0 ? 1.05 * y.high : 1;
	}
	return y;
}

/** Where a line ends, 0 at the bottom and 1 at the top; a gap there is its last point's. */
static double end_of(const struct s2_plot_lines *plot, const struct y_range *y, size_t k)
{
	size_t i = plot->x.n - 1;
	double v;

	while (i > 0 && isnan(plot->y[k][i]))
		i--;
	v = y_of(plot, k, i);
	if (isnan(v))
		return 0;
	return y->log ? log(v / y->low) / log(y->high / y->low) : v / y->high;
}

/** The lines of a name, and the longest of them. */
static unsigned name_lines(const char *name, size_t *longest)
{
	unsigned lines = 1;

	for (const char *end; (end = strchr(name, '\n')) != NULL; name = end + 1, lines++)
		if ((size_t)(end - name) > *longest)
			*longest = (size_t)(end - name);
	if (strlen(name) > *longest)
		*longest = strlen(name);
	return lines;
}

/** The names at the lines' ends, those that would cover each other pushed apart upwards. */
static void write_ends(const struct s2_plot_lines *plot, const struct y_range *y, FILE *out)
{
	bool done[LINES_MAX] = {false};
	double free_from = 0;
	size_t longest = 0;

	for (size_t n = 0; n < plot->n_lines && n < LINES_MAX; n++) {
		size_t lowest = LINES_MAX;
		double at;

		for (size_t k = 0; k < plot->n_lines && k < LINES_MAX; k++)
			if (!done[k] && (lowest == LINES_MAX ||
					 end_of(plot, y, k) < end_of(plot, y, lowest)))
				lowest = k;
		/* A name of several lines has its first at its place, and hangs down. */
		at = free_from + LABEL_HEIGHT * (name_lines(plot->names[lowest], &longest) - 1);
		at = fmax(end_of(plot, y, lowest), at);
		free_from = at + LABEL_HEIGHT;
		done[lowest] = true;
		(void)fprintf(out, "set label %zu ", lowest + 1);
		s2_plot_quote(out, plot->names[lowest]);
		(void)fprintf(out, " at graph 1.015, graph %.4f left textcolor rgb '#%06x'\n", at,
			      colours[lowest % N_COLOURS]);
	}
	(void)fprintf(out, "unset key\nset rmargin %zu\n", longest + 3);
}

void s2_plot_lines_script(const struct s2_plot_lines *plot, FILE *out)
{
	const struct y_range y = range_of(plot);

	write_look(out, plot->title, plot->caption);
	write_axis(out, 'x', &plot->x);
	write_named(out, "ylabel", plot->y_label);
	(void)fputs(plot->y_log ? "set logscale y\nset format y '%.0s %c'\n"
				: "set format y '%.1s %c'\n",
		    out);
	(void)fprintf(out, "set yrange [%.9g:%.9g]\n", y.low, y.high);
	/* A logarithm has no zero, so one is put below its numbers. */
	if (plot->y_log && plot->zero > 0)
		(void)fprintf(out, "set ytics add ('0' %.9g)\n", plot->zero);
	write_ends(plot, &y, out);
	for (size_t k = 0; k < plot->n_lines; k++) {
		(void)fprintf(out, "$line%zu << EOD\n", k);
		for (size_t i = 0; i < plot->x.n; i++) {
			if (isnan(plot->y[k][i]))
				(void)fprintf(out, "%.9g NaN\n", plot->x.at[i]);
			else
				(void)fprintf(out, "%.9g %.9g\n", plot->x.at[i], y_of(plot, k, i));
		}
		(void)fprintf(out, "EOD\n");
	}
	for (size_t k = 0; k < plot->n_lines; k++) {
		/* Lines that lie on each other in part are told apart by dashes and points. */
		(void)fprintf(out,
			      "%s$line%zu using 1:2 with linespoints lw 2.5 dt %d pt %d ps 0.9 "
			      "lc rgb '#%06x' notitle",
			      k ? ", \\\n  " : "plot ", k, dashes[k % N_STYLES],
			      point_types[k % N_STYLES], colours[k % N_COLOURS]);
	}
	(void)fprintf(out, "\nunset output\n");
}

/** Where cell @p i begins: half way from its neighbour. */
static double edge(const struct s2_plot_axis *axis, size_t i)
{
	double from, to;

	if (axis->n == 1)
		return axis->log ? axis->at[0] * (i ? 1.4 : 0.7) : axis->at[0] + (i ? 0.5 : -0.5);
	/* The outer edges lie as far out as the inner ones in. */
	from = axis->at[i == 0 ? 0 : i - 1];
	to = axis->at[i == 0 ? 1 : i == axis->n ? axis->n - 1 : i];
	if (i == 0)
		return axis->log ? from / sqrt(to / from) : from - (to - from) / 2;
	if (i == axis->n) {
		from = axis->at[axis->n - 2];
		return axis->log ? to * sqrt(to / from) : to + (to - from) / 2;
	}
	return axis->log ? sqrt(from * to) : (from + to) / 2;
}

/** A policy's colour, paler the less it wins by. */
static unsigned shade(size_t best, double margin)
{
	const unsigned full = colours[best % N_COLOURS];
	double strength = isnan(margin) ? 0.35 : 0.35 + 0.65 * log10(margin);
	unsigned mixed = 0;

	if (strength > 1)
		strength = 1;
	for (unsigned shift = 0; shift < 24; shift += 8) {
		const double c = full >> shift & 0xff;

		mixed |= (unsigned)lround(255 - (255 - c) * strength) << shift;
	}
	return mixed;
}

static void write_cells(const struct s2_plot_map *plot, FILE *out)
{
	(void)fprintf(out, "$cells << EOD\n");
	for (size_t y = 0; y < plot->y.n; y++) {
		for (size_t x = 0; x < plot->x.n; x++) {
			const size_t i = y * plot->x.n + x;
			const unsigned rgb = plot->best[i] == S2_MAP_NONE
						     ? 0xf4f4f4
						     : shade(plot->best[i], plot->margin[i]);

			(void)fprintf(out, "%.9g %.9g %.9g %.9g %.9g %.9g %u\n", plot->x.at[x],
				      plot->y.at[y], edge(&plot->x, x), edge(&plot->x, x + 1),
				      edge(&plot->y, y), edge(&plot->y, y + 1), rgb);
		}
	}
	(void)fprintf(out, "EOD\n");
}

/** What tells winners apart without colours: 'A', in the legend and in each cell. */
static char letter(size_t best)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return best < sizeof(letters) - 1 ? letters[best] : '#';
}

/** "A 1.8x": who wins, and by how much. */
static void write_labels(const struct s2_plot_map *plot, FILE *out)
{
	(void)fprintf(out, "$labels << EOD\n");
	for (size_t i = 0; i < plot->x.n * plot->y.n; i++) {
		const double margin = plot->margin[i];

		if (plot->best[i] == S2_MAP_NONE)
			continue;
		(void)fprintf(out, "%.9g %.9g \"%c", plot->x.at[i % plot->x.n],
			      plot->y.at[i / plot->x.n], letter(plot->best[i]));
		if (!isnan(margin))
			(void)fprintf(out, margin < 99.5 ? " %.2gx" : " %.0fx", margin);
		(void)fprintf(out, "\"\n");
	}
	(void)fprintf(out, "EOD\n");
}

static void write_segment(FILE *out, double x0, double y0, double x1, double y1)
{
	(void)fprintf(out, "%.9g %.9g\n%.9g %.9g\n\n", x0, y0, x1, y1);
}

/** The crossover lines: every edge between cells with different winners. */
static bool write_edges(const struct s2_plot_map *plot, FILE *out)
{
	bool any = false;

	(void)fprintf(out, "$edges << EOD\n");
	for (size_t y = 0; y < plot->y.n; y++) {
		for (size_t x = 0; x < plot->x.n; x++) {
			const size_t i = y * plot->x.n + x;
			const double left = edge(&plot->x, x), right = edge(&plot->x, x + 1);
			const double low = edge(&plot->y, y), high = edge(&plot->y, y + 1);

			if (x + 1 < plot->x.n && plot->best[i] != plot->best[i + 1]) {
				write_segment(out, right, low, right, high);
				any = true;
			}
			if (y + 1 < plot->y.n && plot->best[i] != plot->best[i + plot->x.n]) {
				write_segment(out, left, high, right, high);
				any = true;
			}
		}
	}
	(void)fprintf(out, "EOD\n");
	return any;
}

/** Legend entries, each for a policy that wins somewhere. */
static void write_legend(const struct s2_plot_map *plot, FILE *out)
{
	char name[NAME_ROOM];

	for (size_t k = 0; k < plot->n_names; k++) {
		(void)fprintf(out, ", \\\n  NaN with boxes fs solid noborder lc rgb '#%06x' title ",
			      colours[k % N_COLOURS]);
		(void)snprintf(name, sizeof(name), "%c: %s", letter(k), plot->names[k]);
		s2_plot_quote(out, name);
	}
}

/** gnuplot leaves out, without a word, what does not fit in the legend's columns. */
static size_t legend_rows(const struct s2_plot_map *plot)
{
	const size_t entries = plot->n_names + 1; /* and the crossover */
	size_t longest = 0, columns;

	for (size_t k = 0; k < plot->n_names; k++)
		if (strlen(plot->names[k]) > longest)
			longest = strlen(plot->names[k]);
	columns = KEY_ROW / (longest + KEY_ENTRY);
	return columns > 1 ? (entries + columns - 1) / columns : entries;
}

void s2_plot_map_script(const struct s2_plot_map *plot, FILE *out)
{
	const bool labels = plot->x.n * plot->y.n <= LABELS_MAX;
	bool edges;

	write_look(out, plot->title, plot->caption);
	(void)fprintf(out, "unset grid\nset key vertical maxrows %zu\n", legend_rows(plot));
	write_axis(out, 'x', &plot->x);
	write_axis(out, 'y', &plot->y);
	(void)fprintf(out, "set xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\n", edge(&plot->x, 0),
		      edge(&plot->x, plot->x.n), edge(&plot->y, 0), edge(&plot->y, plot->y.n));
	write_cells(plot, out);
	write_labels(plot, out);
	edges = write_edges(plot, out);
	(void)fputs("plot $cells using 1:2:3:4:5:6:7 with boxxyerror fs solid noborder "
		    "lc rgb variable notitle",
		    out);
	if (edges)
		(void)fputs(", \\\n  $edges using 1:2 with lines lw 3 lc rgb '#202020' "
			    "title 'crossover'",
			    out);
	if (labels)
		(void)fputs(", \\\n  $labels using 1:2:3 with labels textcolor rgb '#202020' "
			    "notitle",
			    out);
	write_legend(plot, out);
	(void)fprintf(out, "\nunset output\n");
}
