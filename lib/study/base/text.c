/* SPDX-License-Identifier: MIT */
/* Numbers as people read them, and tables of text; see text.h. */
#include "study/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/** Blanks between two columns. */
#define GAP 2

const char *s2_text_count(uint64_t n, char buf[S2_TEXT_ROOM])
{
	char digits[24];
	const int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	char *to = buf;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return buf;
}

const char *s2_text_number(double value, char buf[S2_TEXT_ROOM])
{
	if (isnan(value))
		(void)snprintf(buf, S2_TEXT_ROOM, "?");
	else if (value >= 0 && value < 0x1p63 && value == floor(value))
		s2_text_count((uint64_t)value, buf);
	else
		(void)snprintf(buf, S2_TEXT_ROOM, "%.4g", value);
	return buf;
}

const char *s2_text_time(double ns, char buf[S2_TEXT_ROOM])
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	size_t unit = 0;

	if (isnan(ns)) {
		(void)snprintf(buf, S2_TEXT_ROOM, "?");
		return buf;
	}
	/* What would be rounded to 1000 belongs to the next unit. */
	while (unit < 3 && ns >= 999.5) {
		ns /= 1000;
		unit++;
	}
	(void)snprintf(buf, S2_TEXT_ROOM, ns < 999.5 ? "%.3g %s" : "%.0f %s", ns, units[unit]);
	return buf;
}

const char *s2_text_ratio(double value, double base, char buf[S2_TEXT_ROOM])
{
	const double ratio = value / base;

	if (base == 0 || isnan(ratio))
		buf[0] = '\0';
	else if (value != 0 && ratio < 0.001)
		(void)snprintf(buf, S2_TEXT_ROOM, "<0.001x");
	else if (ratio < 999.5)
		(void)snprintf(buf, S2_TEXT_ROOM, "%.3gx", ratio);
	else if (ratio < 99999.5)
		(void)snprintf(buf, S2_TEXT_ROOM, "%.0fx", ratio);
	else
		(void)snprintf(buf, S2_TEXT_ROOM, "%.1ex", ratio);
	return buf;
}

void s2_text_markup(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&':
			(void)fputs("&amp;", out);
			break;
		case '<':
			(void)fputs("&lt;", out);
			break;
		case '>':
			(void)fputs("&gt;", out);
			break;
		case '"':
			(void)fputs("&quot;", out);
			break;
		default:
			(void)fputc(*text, out);
			break;
		}
}

int s2_grid_create(struct s2_grid *grid, size_t rows, size_t cols)
{
	*grid = (struct s2_grid){rows, cols, calloc(rows * cols, S2_TEXT_ROOM)};
	return grid->cell != NULL ? 0 : -ENOMEM;
}

void s2_grid_free(struct s2_grid *grid)
{
	free(grid->cell);
	*grid = (struct s2_grid){0};
}

char *s2_grid_cell(const struct s2_grid *grid, size_t row, size_t col)
{
	return grid->cell[row * grid->cols + col];
}

void s2_grid_set(struct s2_grid *grid, size_t row, size_t col, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(s2_grid_cell(grid, row, col), S2_TEXT_ROOM, format, ap);
	va_end(ap);
}

static size_t column_width(const struct s2_grid *grid, size_t col)
{
	size_t width = 0;

	for (size_t row = 0; row < grid->rows; row++) {
		const size_t len = strlen(s2_grid_cell(grid, row, col));

		width = len > width ? len : width;
	}
	return width;
}

/** The first column that no longer fits a block of columns @p from and on. */
static size_t block_end(const struct s2_grid *grid, size_t from, size_t width)
{
	size_t used = column_width(grid, 0);
	size_t col = from;

	while (col < grid->cols) {
		used += GAP + column_width(grid, col);
		if (used > width && col > from)
			break;
		col++;
	}
	return col;
}

/** The length of @p text without the blanks behind it. */
static size_t trimmed(const char *text)
{
	size_t len = strlen(text);

	while (len > 0 && text[len - 1] == ' ')
		len--;
	return len;
}

static void print_row(const struct s2_grid *grid, size_t row, size_t from, size_t end, FILE *out)
{
	/* No blanks at the end of a line: they would show in a comparison. */
	while (end > from && *s2_grid_cell(grid, row, end - 1) == '\0')
		end--;
	if (end == from) {
		/* A heading of other columns may be higher than these need. */
		if (*s2_grid_cell(grid, row, 0) != '\0')
			(void)fprintf(out, "%s\n", s2_grid_cell(grid, row, 0));
		return;
	}
	(void)fprintf(out, "%-*s", (int)column_width(grid, 0), s2_grid_cell(grid, row, 0));
	for (size_t col = from; col < end; col++) {
		const char *cell = s2_grid_cell(grid, row, col);
		const size_t pad = GAP + column_width(grid, col) - strlen(cell);

		(void)fprintf(out, "%*s%.*s", (int)pad, "",
			      (int)(col + 1 < end ? strlen(cell) : trimmed(cell)), cell);
	}
	(void)fputc('\n', out);
}

void s2_grid_print(const struct s2_grid *grid, size_t width, FILE *out)
{
	size_t from = 1;

	do {
		const size_t end = block_end(grid, from, width);

		if (from > 1)
			(void)fputc('\n', out);
		for (size_t row = 0; row < grid->rows; row++)
			print_row(grid, row, from, end, out);
		from = end;
	} while (from < grid->cols);
}
