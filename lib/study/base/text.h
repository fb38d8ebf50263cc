/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Numbers as people read them, and tables of text.
 *
 * A grid is rows and columns of short texts: row 0 is the heading, column 0
 * the labels.  Printed, column 0 is flush left and the others flush right;
 * columns that do not fit the width go to further blocks, labels repeated.
 */
#ifndef STAGE2SIM_STUDY_TEXT_H
#define STAGE2SIM_STUDY_TEXT_H

#include <stdio.h>

#include <stage2sim/types.h>

#include "study/base/error.h"

/** Room for one number's text, and for one of a grid. */
#define S2_TEXT_ROOM 48

/** "1,234,567" */
const char *s2_text_count(uint64_t n, char buf[S2_TEXT_ROOM]);

/** A count if it is whole, else four digits; "?" for NaN. */
const char *s2_text_number(double value, char buf[S2_TEXT_ROOM]);

/** "1.24 us" */
const char *s2_text_time(double ns, char buf[S2_TEXT_ROOM]);

/** @p value / @p base as "0.0156x"; "" where that says nothing. */
const char *s2_text_ratio(double value, double base, char buf[S2_TEXT_ROOM]);

/** Writes @p text so that HTML and SVG read it as text. */
void s2_text_markup(FILE *out, const char *text);

struct s2_grid {
	size_t rows, cols;
	char (*cell)[S2_TEXT_ROOM];
};

/** An empty grid. @return 0 or -ENOMEM */
int s2_grid_create(struct s2_grid *grid, size_t rows, size_t cols);

void s2_grid_free(struct s2_grid *grid);

/** The text of a cell, to be read or written. */
char *s2_grid_cell(const struct s2_grid *grid, size_t row, size_t col);

/** Writes a cell, cut to its room. */
S2_PRINTF(4, 5)
void s2_grid_set(struct s2_grid *grid, size_t row, size_t col, const char *format, ...);

/** Prints at most @p width columns wide, unless one column alone needs more. */
void s2_grid_print(const struct s2_grid *grid, size_t width, FILE *out);

#endif
