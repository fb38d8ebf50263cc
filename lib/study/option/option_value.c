/* SPDX-License-Identifier: MIT */
/* What an option's text means, and how a value is written; see options.h. */
#include "study/option/options.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/base/parse.h"

/** Room for one value in an error's text. */
#define SHOWN 96

static void *field(const struct s2_option_table *table, const struct s2_option *option)
{
	return (char *)table->settings + option->offset;
}

static int bad_value(const struct s2_option *o, const char *text, const char *expected,
		     struct s2_error *err)
{
	s2_error_set(err, S2_OPTIONS_VALUE, "--%s: got \"%.*s\", expected %s", o->name, SHOWN, text,
		     expected);
	return -EINVAL;
}

/** A number of the option's kind, as its user writes it. */
static const char *number_text(enum s2_option_kind kind, uint64_t n, char *buf, size_t size)
{
	const struct s2_value value = {.kind = kind, .number = n};

	return s2_value_text(&value, buf, size);
}

/** Says what a number should have been: "a size from 4K to 1T". */
static int option_value_bad_number(const struct s2_option *o, const char *text,
				   struct s2_error *err)
{
	const char *what = o->kind == S2_OPTION_U64 ? "a number" : "a size such as 64G or 2M";
	char from[32], to[32], expected[128];

	number_text(o->kind, o->min, from, sizeof(from));
	number_text(o->kind, o->max, to, sizeof(to));
	if (o->max != 0)
		(void)snprintf(expected, sizeof(expected), "%s from %s to %s", what, from, to);
	else if (o->min != 0)
		(void)snprintf(expected, sizeof(expected), "%s from %s", what, from);
	else
		(void)snprintf(expected, sizeof(expected), "%s", what);
	return bad_value(o, text, expected, err);
}

/** "64p": pages of the machine. */
static int parse_pages(const char *text, uint64_t page_size, uint64_t *bytes)
{
	const size_t len = strlen(text);
	const struct s2_span digits = {text, len > 0 ? len - 1 : 0};
	uint64_t pages;

	if (page_size == 0 || len < 2 || text[len - 1] != 'p')
		return -EINVAL;
	if (s2_parse_span_u64(digits, &pages) < 0 || pages > UINT64_MAX / page_size)
		return -EINVAL;
	*bytes = pages * page_size;
	return 0;
}

static int set_number(const struct s2_option_table *table, const struct s2_option *o,
		      const char *text, struct s2_error *err)
{
	uint64_t *to = field(table, o);
	uint64_t n;
	int r;

	if (o->kind == S2_OPTION_U64)
		r = s2_parse_u64(text, &n);
	else
		r = s2_parse_size(text, &n);
	if (r < 0 && o->kind == S2_OPTION_PAGES)
		r = parse_pages(text, table->page_size, &n);
	if (r < 0 || n < o->min || (o->max != 0 && n > o->max))
		return option_value_bad_number(o, text, err);
	*to = n;
	return 0;
}

static int set_real(const struct s2_option_table *table, const struct s2_option *o,
		    const char *text, struct s2_error *err)
{
	double *to = field(table, o);
	char *end;
	double v;

	/* strtod() would also take signs, blanks, "inf" and "nan". */
	if ((text[0] < '0' || text[0] > '9') && text[0] != '.')
		return bad_value(o, text, "a number such as 0.5", err);
	v = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(v))
		return bad_value(o, text, "a number such as 0.5", err);
	*to = v;
	return 0;
}

static int find_choice(const struct s2_option *o, const char *text, size_t len)
{
	for (int i = 0; o->choices[i] != NULL; i++)
		if (strlen(o->choices[i]) == len && !memcmp(o->choices[i], text, len))
			return i;
	return -ENOENT;
}

static int bad_choice(const struct s2_option *o, const char *text, size_t len, struct s2_error *err)
{
	char names[S2_ERROR_TEXT], shown[SHOWN];
	size_t at = 0;

	names[0] = '\0';
	for (int i = 0; o->choices[i] != NULL && at < sizeof(names); i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i ? ", " : "",
				       o->choices[i]);
	(void)snprintf(shown, sizeof(shown), "%.*s", (int)len, text);
	s2_error_set(err, S2_OPTIONS_VALUE, "--%s: got \"%s\", expected %s%s", o->name, shown,
		     o->choices[1] != NULL ? "one of " : "", names);
	return -EINVAL;
}

static int set_choice(const struct s2_option_table *table, const struct s2_option *o,
		      const char *text, struct s2_error *err)
{
	int *to = field(table, o);
	int i = find_choice(o, text, strlen(text));

	if (i < 0)
		return bad_choice(o, text, strlen(text), err);
	*to = i;
	return 0;
}

static bool list_has(const struct s2_option_list *list, int i)
{
	for (size_t k = 0; k < list->n; k++)
		if (list->at[k] == i)
			return true;
	return false;
}

/** "all" is every name, in the table's order. */
static void list_all(const struct s2_option *o, struct s2_option_list *list)
{
	while (list->n < S2_OPTION_LIST_MAX && o->choices[list->n] != NULL) {
		list->at[list->n] = (uint8_t)list->n;
		list->n++;
	}
}

static int set_list(const struct s2_option_table *table, const struct s2_option *o,
		    const char *text, struct s2_error *err)
{
	struct s2_option_list list = {0};
	struct s2_option_list *to = field(table, o);
	const char *p = strcmp(text, "all") != 0 ? text : NULL;

	if (p == NULL)
		list_all(o, &list);
	while (p != NULL) {
		const size_t len = strcspn(p, ",");
		const int i = find_choice(o, p, len);

		if (i < 0)
			return bad_choice(o, p, len, err);
		if (list_has(&list, i) || list.n == S2_OPTION_LIST_MAX)
			return bad_value(o, text, "each name once", err);
		list.at[list.n++] = (uint8_t)i;
		p = p[len] == ',' ? p + len + 1 : NULL;
	}
	*to = list;
	return 0;
}

static int set_flag(const struct s2_option_table *table, const struct s2_option *o,
		    const char *text, struct s2_error *err)
{
	bool *to = field(table, o);

	if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0)
		return bad_value(o, text, "on or off", err);
	*to = strcmp(text, "on") == 0;
	return 0;
}

int s2_option_set(const struct s2_option_table *table, const struct s2_option *o, const char *text,
		  struct s2_error *err)
{
	const char **to = field(table, o);

	switch (o->kind) {
	case S2_OPTION_FLAG:
		return set_flag(table, o, text, err);
	case S2_OPTION_U64:
	case S2_OPTION_SIZE:
	case S2_OPTION_PAGES:
		return set_number(table, o, text, err);
	case S2_OPTION_REAL:
		return set_real(table, o, text, err);
	case S2_OPTION_CHOICE:
		return set_choice(table, o, text, err);
	case S2_OPTION_LIST:
		return set_list(table, o, text, err);
	case S2_OPTION_STRING:
		break;
	}
	*to = text;
	return 0;
}

/** Makes a field what it is without a default. */
static void set_nothing(const struct s2_option_table *table, const struct s2_option *o)
{
	static const size_t sizes[] = {
		[S2_OPTION_FLAG] = sizeof(bool),
		[S2_OPTION_U64] = sizeof(uint64_t),
		[S2_OPTION_SIZE] = sizeof(uint64_t),
		[S2_OPTION_PAGES] = sizeof(uint64_t),
		[S2_OPTION_REAL] = sizeof(double),
		[S2_OPTION_STRING] = sizeof(const char *),
		[S2_OPTION_CHOICE] = sizeof(int),
		[S2_OPTION_LIST] = sizeof(struct s2_option_list),
	};

	memset(field(table, o), 0, sizes[o->kind]);
}

int s2_options_defaults(const struct s2_option_table *table, struct s2_error *err)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct s2_option *o = &table->options[i];
		int r = 0;

		if (o->value != NULL)
			r = s2_option_set(table, o, o->value, err);
		else
			set_nothing(table, o);
		if (r < 0)
			return r;
	}
	return 0;
}

int s2_options_apply(const struct s2_option_table *table, size_t index,
		     const struct s2_command_line *line, struct s2_error *err)
{
	for (size_t i = 0; i < line->n_given; i++) {
		const struct s2_given *g = &line->given[i];
		const char *text = g->text;
		int r;

		if (g->table != index)
			continue;
		if (g->option->kind == S2_OPTION_FLAG)
			text = g->negated ? "off" : "on";
		r = s2_option_set(table, g->option, text, err);
		if (r < 0)
			return r;
	}
	return 0;
}

struct s2_value s2_option_value(const struct s2_option_table *table, const struct s2_option *o)
{
	const void *from = field(table, o);
	struct s2_value value = {.kind = o->kind};

	switch (o->kind) {
	case S2_OPTION_FLAG:
		value.number = *(const bool *)from;
		break;
	case S2_OPTION_U64:
	case S2_OPTION_SIZE:
	case S2_OPTION_PAGES:
		value.number = *(const uint64_t *)from;
		break;
	case S2_OPTION_REAL:
		value.real = *(const double *)from;
		break;
	case S2_OPTION_STRING:
		value.text = *(const char *const *)from;
		break;
	case S2_OPTION_CHOICE:
		value.text = o->choices[*(const int *)from];
		break;
	case S2_OPTION_LIST: /* what is chosen is reported as results, not as a value */
		break;
	}
	return value;
}

/** The largest unit that leaves a whole number: 128G, 1536M, 4097. */
static void size_text(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = {"", "K", "M", "G", "T"};
	size_t unit = 0;

	while (unit < 4 && bytes != 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	(void)snprintf(buf, size, "%" PRIu64 "%s", bytes, units[unit]);
}

const char *s2_value_text(const struct s2_value *value, char *buf, size_t size)
{
	switch (value->kind) {
	case S2_OPTION_FLAG:
		(void)snprintf(buf, size, "%s", value->number ? "on" : "off");
		break;
	case S2_OPTION_U64:
		(void)snprintf(buf, size, "%" PRIu64, value->number);
		break;
	case S2_OPTION_SIZE:
	case S2_OPTION_PAGES:
		size_text(value->number, buf, size);
		break;
	case S2_OPTION_REAL:
		(void)snprintf(buf, size, "%.6g", value->real);
		break;
	default:
		(void)snprintf(buf, size, "%s", value->text != NULL ? value->text : "");
		break;
	}
	return buf;
}
