/* SPDX-License-Identifier: MIT */
/* Sweeps: a grid of workloads, from one text; see sweep.h. */
#include "study/run/sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "study/base/parse.h"

/** How a range goes from one value to the next. */
struct stride {
	bool add; /**< else multiply */
	double by;
};

/** A sweep being read; texts are pieces of a copy. */
struct parser {
	const struct s2_option_table *table;
	struct s2_sweep *sweep;
	struct s2_error *err;
};

static int bad_sweep(const struct parser *p, const char *got, const char *expected)
{
	s2_error_set(p->err, S2_OPTIONS_VALUE, "--sweep: got \"%.80s\", expected %s", got,
		     expected);
	return -EINVAL;
}

static int sweep_no_memory(const struct parser *p)
{
	s2_error_set(p->err, S2_OPTIONS_MEMORY, "out of memory");
	return -ENOMEM;
}

static int add_value(const struct parser *p, struct s2_axis *axis, const char *text)
{
	char **values;

	if (axis->n >= S2_SWEEP_POINTS_MAX) {
		s2_error_set(p->err, S2_OPTIONS_VALUE,
			     "--sweep: %s has too many values, expected %d", axis->option->name,
			     S2_SWEEP_POINTS_MAX);
		return -ERANGE;
	}
	/* Doubled room, so that a long axis is not copied for each value. */
	if ((axis->n & (axis->n - 1)) == 0) {
		values = realloc(axis->values, (axis->n ? 2 * axis->n : 1) * sizeof(*values));
		if (values == NULL)
			return sweep_no_memory(p);
		axis->values = values;
	}
	axis->values[axis->n] = strdup(text);
	if (axis->values[axis->n] == NULL)
		return sweep_no_memory(p);
	axis->n++;
	return 0;
}

/** The value that @p text means for @p option, whose bounds it must meet. */
static int read_value(const struct parser *p, const struct s2_option *option, const char *text,
		      struct s2_value *value)
{
	const int r = s2_option_set(p->table, option, text, p->err);

	*value = (struct s2_value){.kind = option->kind};
	if (r == 0)
		*value = s2_option_value(p->table, option);
	return r;
}

static int add_number(const struct parser *p, struct s2_axis *axis, const struct s2_value *value)
{
	char text[64];

	/* Enough digits to read the very same number again. */
	if (value->kind == S2_OPTION_REAL)
		(void)snprintf(text, sizeof(text), "%.9g", value->real);
	else
		(void)snprintf(text, sizeof(text), "%" PRIu64, value->number);
	return add_value(p, axis, text);
}

/** The value after @p n, or UINT64_MAX past the last; doubling starts from 0 with 1. */
static uint64_t next_integer(uint64_t n, const struct stride *stride)
{
	const uint64_t by = (uint64_t)stride->by;

	if (stride->add)
		return n > UINT64_MAX - by ? UINT64_MAX : n + by;
	if (n == 0)
		return 1;
	return n > UINT64_MAX / by ? UINT64_MAX : n * by;
}

static int add_integers(const struct parser *p, struct s2_axis *axis, struct s2_value from,
			uint64_t to, const struct stride *stride)
{
	while (from.number < to) {
		const int r = add_number(p, axis, &from);

		if (r < 0)
			return r;
		from.number = next_integer(from.number, stride);
	}
	from.number = to;
	return add_number(p, axis, &from);
}

static int add_reals(const struct parser *p, struct s2_axis *axis, struct s2_value from, double to,
		     const struct stride *stride)
{
	const double first = from.real;
	int r;

	/* From the first each time, so that errors do not add up. */
	for (double k = 1; from.real < to * (1 - 1e-9); k++) {
		r = add_number(p, axis, &from);
		if (r < 0)
			return r;
		from.real = stride->add ? first + k * stride->by : from.real * stride->by;
	}
	from.real = to;
	return add_number(p, axis, &from);
}

/** What stands behind a range: "*10" or "+16"; doubling where nothing does. */
static int read_stride(const struct parser *p, const struct s2_option *option, char *end,
		       struct stride *stride)
{
	char *at = strpbrk(end, "*+");
	struct s2_option loose = *option;
	struct s2_value value;
	int r;

	*stride = (struct stride){false, 2};
	if (at == NULL)
		return 0;
	stride->add = *at == '+';
	*at++ = '\0';
	/* A step need not be a value that the option itself may have. */
	loose.min = 0;
	loose.max = 0;
	if (!stride->add && option->kind != S2_OPTION_REAL)
		loose.kind = S2_OPTION_U64;
	r = read_value(p, &loose, at, &value);
	if (r < 0)
		return r;
	stride->by = value.kind == S2_OPTION_REAL ? value.real : (double)value.number;
	if (stride->by <= (stride->add ? 0 : 1))
		return bad_sweep(p, at, stride->add ? "a step above 0" : "a factor above 1");
	return 0;
}

static bool is_number(const struct s2_option *option)
{
	return option->kind == S2_OPTION_U64 || option->kind == S2_OPTION_SIZE ||
	       option->kind == S2_OPTION_PAGES || option->kind == S2_OPTION_REAL;
}

/** @p text is "from", @p end what stands behind the dots. */
static int add_range(const struct parser *p, struct s2_axis *axis, const char *text, char *end)
{
	const struct s2_option *option = axis->option;
	struct s2_value from = {0}, to = {0};
	struct stride stride;
	int r;

	if (!is_number(option))
		return bad_sweep(p, text, "a list of values, as this option has no ranges");
	r = read_stride(p, option, end, &stride);
	if (r == 0)
		r = read_value(p, option, text, &from);
	if (r == 0)
		r = read_value(p, option, end, &to);
	if (r < 0)
		return r;
	if (option->kind == S2_OPTION_REAL) {
		if (from.real > to.real || (from.real <= 0 && !stride.add))
			return bad_sweep(p, text, "a range that rises from above zero");
		return add_reals(p, axis, from, to.real, &stride);
	}
	if (from.number > to.number)
		return bad_sweep(p, text, "a range that rises");
	return add_integers(p, axis, from, to.number, &stride);
}

static int add_item(const struct parser *p, struct s2_axis *axis, char *item)
{
	char *dots = strstr(item, "..");
	struct s2_value value;
	int r;

	if (dots != NULL) {
		*dots = '\0';
		return add_range(p, axis, item, dots + 2);
	}
	r = read_value(p, axis->option, item, &value);
	return r < 0 ? r : add_value(p, axis, item);
}

static int start_axis(const struct parser *p, const char *name)
{
	struct s2_sweep *sweep = p->sweep;
	const struct s2_option *option = s2_options_find(p->table, name);

	if (option == NULL || option->kind == S2_OPTION_LIST)
		return bad_sweep(p, name, "the name of an option of the workload");
	for (size_t i = 0; i < sweep->n_axes; i++)
		if (sweep->axes[i].option == option)
			return bad_sweep(p, name, "each option once");
	if (sweep->n_axes == S2_AXES_MAX)
		return bad_sweep(p, name, "at most 4 options");
	sweep->axes[sweep->n_axes++].option = option;
	return 0;
}

/** One piece between commas: "key=item" begins an axis, "item" goes on with one. */
static int read_piece(const struct parser *p, char *piece)
{
	char *equals = strchr(piece, '=');
	int r;

	if (equals != NULL) {
		*equals = '\0';
		r = start_axis(p, piece);
		if (r < 0)
			return r;
		piece = equals + 1;
	}
	if (p->sweep->n_axes == 0)
		return bad_sweep(p, piece, "option=values, such as vcpus=1..512");
	return add_item(p, &p->sweep->axes[p->sweep->n_axes - 1], piece);
}

static int read_pieces(const struct parser *p, char *text)
{
	char *next;

	for (char *piece = text; piece != NULL; piece = next) {
		int r;

		next = strchr(piece, ',');
		if (next != NULL)
			*next++ = '\0';
		r = read_piece(p, piece);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_points(const struct parser *p)
{
	size_t points = 1;

	for (size_t i = 0; i < p->sweep->n_axes; i++) {
		points *= p->sweep->axes[i].n;
		if (points > S2_SWEEP_POINTS_MAX) {
			s2_error_set(p->err, S2_OPTIONS_VALUE,
				     "--sweep: got too many points, expected at most %d",
				     S2_SWEEP_POINTS_MAX);
			return -ERANGE;
		}
	}
	return 0;
}

int s2_sweep_parse(const struct s2_option_table *table, const char *text, struct s2_sweep *sweep,
		   struct s2_error *err)
{
	const struct parser p = {table, sweep, err};
	char *copy;
	int r;

	*sweep = (struct s2_sweep){0};
	copy = strdup(text);
	if (copy == NULL)
		return sweep_no_memory(&p);
	r = read_pieces(&p, copy);
	if (r == 0)
		r = check_points(&p);
	free(copy);
	if (r < 0)
		s2_sweep_free(sweep);
	return r;
}

void s2_sweep_free(struct s2_sweep *sweep)
{
	for (size_t i = 0; i < sweep->n_axes; i++) {
		for (size_t k = 0; k < sweep->axes[i].n; k++)
			free(sweep->axes[i].values[k]);
		free(sweep->axes[i].values);
	}
	*sweep = (struct s2_sweep){0};
}

size_t s2_sweep_points(const struct s2_sweep *sweep)
{
	size_t points = 1;

	for (size_t i = 0; i < sweep->n_axes; i++)
		points *= sweep->axes[i].n;
	return points;
}

int s2_sweep_apply(const struct s2_sweep *sweep, const struct s2_option_table *table, size_t point,
		   struct s2_error *err)
{
	for (size_t i = sweep->n_axes; i-- > 0;) {
		const struct s2_axis *axis = &sweep->axes[i];
		const char *text = axis->values[point % axis->n];
		const int r = s2_option_set(table, axis->option, text, err);

		if (r < 0)
			return r;
		point /= axis->n;
	}
	return 0;
}
