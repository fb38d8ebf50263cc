/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Plots, drawn by gnuplot where there is one.
 *
 * Two kinds: lines (one number against an axis, a line for each policy) and a
 * map (two axes; in each cell the policy that is cheapest there and by how
 * much, with a line wherever the cheapest changes).  The file's ending picks
 * SVG or PNG.  The file appears only when it is complete.
 */
#ifndef STAGE2SIM_STUDY_PLOT_H
#define STAGE2SIM_STUDY_PLOT_H

#include "study/base/error.h"
#include "study/report/result.h"

/** An axis of a plot. */
struct s2_plot_axis {
	const char *label;
	const double *at;	  /**< ascending */
	const char *const *texts; /**< what the tics read: "64K" */
	size_t n;
	bool log; /**< logarithmic; all values must be positive */
};

/** Several numbers against one axis; NaN leaves a gap. */
struct s2_plot_lines {
	const char *title;
	const char *caption; /**< below the picture, lines; NULL: none */
	struct s2_plot_axis x;
	const char *y_label;
	bool y_log;
	double zero; /**< with y_log: where zeros are drawn, below all else; 0: there are none */
	const char *const *names; /**< of the lines, written at their ends */
	const double *const *y;	  /**< y[line][i] */
	size_t n_lines;
};

/** No policy is cheapest here. */
#define S2_MAP_NONE ((size_t)-1)

/** Who is cheapest where. */
struct s2_plot_map {
	const char *title;
	const char *caption; /**< below the picture, lines; NULL: none */
	struct s2_plot_axis x, y;
	const char *const *names;
	size_t n_names;
	const size_t *best;   /**< best[iy * x.n + ix]: index in names, or S2_MAP_NONE */
	const double *margin; /**< the next best / the best, or NaN */
};

/** Kinds of error, in s2_error.code. */
enum s2_plot_code {
	S2_PLOT_OK,
	S2_PLOT_ENDING,	 /**< the file ends in neither .svg nor .png: -EINVAL */
	S2_PLOT_NONE,	 /**< there is no gnuplot: -ENOENT */
	S2_PLOT_GNUPLOT, /**< gnuplot failed: -EIO */
	S2_PLOT_FILE,	 /**< the file cannot be written */
	S2_PLOT_SHAPE,	 /**< this sweep cannot be drawn: -EINVAL */
	S2_PLOT_MEMORY,
};

/** Whether @p path ends as a plot must. @return 0 or -EINVAL */
S2_API int s2_plot_check(const char *path, struct s2_error *err);
/** Whether a gnuplot runs that could draw @p path. @return 0 or -ENOENT */
S2_API int s2_plot_find(const char *path, struct s2_error *err);

S2_API int s2_plot_lines(const char *path, const struct s2_plot_lines *plot, struct s2_error *err);
S2_API int s2_plot_map(const char *path, const struct s2_plot_map *plot, struct s2_error *err);

/** What gnuplot is told, less where to write it. */
S2_API void s2_plot_lines_script(const struct s2_plot_lines *plot, FILE *out);
S2_API void s2_plot_map_script(const struct s2_plot_map *plot, FILE *out);

/** Writes @p text as a string of gnuplot's. */
void s2_plot_quote(FILE *out, const char *text);

/** Draws a sweep of one axis as lines, of two as a map, by its metric. */
S2_API int s2_plot_report(const char *path, const struct s2_report *report, struct s2_error *err);

#endif
