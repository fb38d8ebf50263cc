/* SPDX-License-Identifier: MIT */
/* The help that a table of options gives; see options.h. */
#include "study/option/options.h"

#include <string.h>

#include <stage2sim/features.h>
#include <stage2sim/flavour.h>

#define HELP_WIDTH  80
#define HELP_COLUMN 28

/** Writes one line of @p text, at most @p room wide; returns what comes after. */
static const char *write_line(FILE *out, const char *text, int room)
{
	int end = 0; /* of the last word that fits */
	int i = 0;

	for (; text[i] != '\0' && text[i] != '\n'; i++) {
		if (text[i] == ' ' && (i <= room || end == 0))
			end = i;
		if (i >= room && end > 0)
			break;
	}
	if (text[i] == '\0' || text[i] == '\n') {
		if (i <= room || end == 0)
			end = i;
	}
	(void)fprintf(out, "%.*s\n", end, text);
	return text[end] == '\0' ? text + end : text + end + 1;
}

void s2_write_wrapped(FILE *out, const char *text, int column, int width)
{
	text = write_line(out, text, width - column);
	while (*text != '\0') {
		(void)fprintf(out, "%*s", column, "");
		text = write_line(out, text, width - column);
	}
}

/** A flag that --no- turns off; of others it would say what is so already. */
static bool is_on(const struct s2_option *o)
{
	return o->kind == S2_OPTION_FLAG && o->value != NULL && !strcmp(o->value, "on");
}

/** What stands left of an option's help: "  -o, --output FILE". */
static int write_usage(FILE *out, const struct s2_option *o)
{
	char letter[8] = "    ";

	if (o->letter != '\0')
		(void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	return fprintf(out, "  %s--%s%s%s", letter, o->name, o->arg != NULL ? " " : "",
		       o->arg != NULL ? o->arg : "");
}

static void help_text(const struct s2_option *o, char *buf, size_t size)
{
	size_t at = (size_t)snprintf(buf, size, "%s", o->help);

	if (o->kind == S2_OPTION_CHOICE) {
		for (int i = 0; o->choices[i] != NULL && at < size; i++)
			at += (size_t)snprintf(buf + at, size - at, "%s%s", i ? ", " : ": ",
					       o->choices[i]);
	}
	if (o->value != NULL && o->kind != S2_OPTION_FLAG && at < size)
		(void)snprintf(buf + at, size - at, " (default %s)", o->value);
	else if (is_on(o) && at < size)
		(void)snprintf(buf + at, size - at, " (default; off with --no-%s)", o->name);
}

void s2_options_help(const struct s2_option_table *table, FILE *out)
{
	char text[1024];

	for (size_t i = 0; i < table->n; i++) {
		const struct s2_option *o = &table->options[i];
		int column;

		if (o->group != NULL)
			(void)fprintf(out, "\n%s:\n", o->group);
		column = write_usage(out, o);
		if (column > HELP_COLUMN - 2) {
			(void)fprintf(out, "\n");
			column = 0;
		}
		(void)fprintf(out, "%*s", HELP_COLUMN - column, "");
		help_text(o, text, sizeof(text));
		s2_write_wrapped(out, text, HELP_COLUMN, HELP_WIDTH);
	}
}

/** What may follow an option, as far as it is a list of words. */
static void list_words(const struct s2_option *o, const struct s2_option_table *axes, FILE *out)
{
	const bool some = o->kind == S2_OPTION_CHOICE || o->kind == S2_OPTION_LIST;

	for (size_t i = 0; some && o->choices[i] != NULL; i++)
		(void)fprintf(out, "%s ", o->choices[i]);
	if (o->kind == S2_OPTION_LIST)
		(void)fputs("all", out);
	if (!strcmp(o->name, "machine")) {
		for (size_t i = 0; s2_features_preset_name(i) != NULL; i++)
			(void)fprintf(out, "%s ", s2_features_preset_name(i));
		(void)fputs("help", out);
	} else if (!strcmp(o->name, "flavour")) {
		for (size_t i = 0; s2_flavour_at(i) != NULL; i++)
			(void)fprintf(out, "%s ", s2_flavour_at(i)->name);
		(void)fputs("newest oldest", out);
	} else if (!strcmp(o->name, "sweep") && axes != NULL) {
		for (size_t i = 0; i < axes->n; i++)
			if (axes->options[i].kind != S2_OPTION_LIST)
				(void)fprintf(out, "%s= ", axes->options[i].name);
	}
}

/** A flag of a workload: one by name may have it on. */
static bool is_axis(const struct s2_option *o, const struct s2_option_table *axes)
{
	for (size_t i = 0; axes != NULL && i < axes->n; i++)
		if (o->kind == S2_OPTION_FLAG && !strcmp(axes->options[i].name, o->name))
			return true;
	return false;
}

void s2_options_list(const struct s2_option_table *table, const struct s2_option_table *axes,
		     FILE *out)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct s2_option *o = &table->options[i];

		(void)fprintf(out, "--%s\t%s\t", o->name,
			      o->kind == S2_OPTION_FLAG ? ""
			      : o->arg != NULL		? o->arg
							: "VALUE");
		list_words(o, axes, out);
		(void)fprintf(out, "\t%s\n", o->help);
		if (is_on(o) || is_axis(o, axes))
			(void)fprintf(out, "--no-%s\t\t\tnot: %s\n", o->name, o->help);
	}
}
