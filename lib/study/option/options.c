/* SPDX-License-Identifier: MIT */
/* Which options a command line gives; see options.h.  No getopt: it is global state. */
#include "study/option/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** A scan under way. */
struct scan {
	const struct s2_option_table *tables;
	size_t n_tables;
	int argc;
	char *const *argv;
	int at;
	struct s2_command_line *line;
	struct s2_error *err;
};

/** The name part of "--name" or "--name=value". */
struct long_name {
	const char *text;
	size_t len;
	const char *value; /**< behind the '=', or NULL */
	bool negated;
};

static bool name_is(const struct long_name *name, const char *option)
{
	return strlen(option) == name->len && !memcmp(option, name->text, name->len);
}

static bool name_starts(const struct long_name *name, const char *option)
{
	return strlen(option) > name->len && !memcmp(option, name->text, name->len);
}

/** Finds the option that is, or else the only one that starts with, @p name. */
static int find_long(const struct scan *s, const struct long_name *name, struct s2_given *found)
{
	size_t n = 0;

	for (size_t t = 0; t < s->n_tables; t++) {
		for (size_t i = 0; i < s->tables[t].n; i++) {
			const struct s2_option *o = &s->tables[t].options[i];

			if (name->negated && o->kind != S2_OPTION_FLAG)
				continue;
			if (name_is(name, o->name)) {
				*found = (struct s2_given){t, o, NULL, name->negated};
				return 1;
			}
			if (!name_starts(name, o->name))
				continue;
			*found = (struct s2_given){t, o, NULL, name->negated};
			n++;
		}
	}
	return n < 2 ? (int)n : -ENOTUNIQ;
}

static bool find_letter(const struct scan *s, char letter, struct s2_given *found)
{
	for (size_t t = 0; t < s->n_tables; t++) {
		for (size_t i = 0; i < s->tables[t].n; i++) {
			const struct s2_option *o = &s->tables[t].options[i];

			if (o->letter == letter && letter != '\0') {
				*found = (struct s2_given){t, o, NULL, false};
				return true;
			}
		}
	}
	return false;
}

/** Adds @p given, whose value is @p attached or, if it needs one, the next word. */
static int take(struct scan *s, struct s2_given *given, const char *attached)
{
	const struct s2_option *o = given->option;

	if (o->kind == S2_OPTION_FLAG && attached != NULL) {
		s2_error_set(s->err, S2_OPTIONS_UNWANTED, "--%s: got \"%s\", expected no value",
			     o->name, attached);
		return -EINVAL;
	}
	if (o->kind != S2_OPTION_FLAG && attached == NULL) {
		if (s->at + 1 >= s->argc) {
			s2_error_set(s->err, S2_OPTIONS_NO_VALUE, "--%s: got no value, expected %s",
				     o->name, o->arg != NULL ? o->arg : "one");
			return -EINVAL;
		}
		attached = s->argv[++s->at];
	}
	given->text = attached;
	s->line->given[s->line->n_given++] = *given;
	return 0;
}

static int scan_long(struct scan *s, const char *word)
{
	const char *equals = strchr(word, '=');
	struct long_name name = {
		.text = word + 2,
		.len = equals != NULL ? (size_t)(equals - word) - 2 : strlen(word + 2),
		.value = equals != NULL ? equals + 1 : NULL,
	};
	struct s2_given given;
	int r = find_long(s, &name, &given);

	if (r == 0 && name.len > 3 && !memcmp(name.text, "no-", 3)) {
		name.text += 3;
		name.len -= 3;
		name.negated = true;
		r = find_long(s, &name, &given);
	}
	if (r == 1)
		return take(s, &given, name.value);
	if (r < 0)
		s2_error_set(s->err, S2_OPTIONS_AMBIGUOUS,
			     "\"%s\": several options start so, expected one of them in full",
			     word);
	else
		s2_error_set(s->err, S2_OPTIONS_UNKNOWN,
			     "\"%s\": no such option, expected one that --help lists", word);
	return -EINVAL;
}

/** "-o FILE", "-oFILE", and flags in a row. */
static int scan_letters(struct scan *s, const char *word)
{
	for (const char *p = word + 1; *p != '\0'; p++) {
		struct s2_given given;
		bool flag;
		int r;

		if (!find_letter(s, *p, &given)) {
			s2_error_set(s->err, S2_OPTIONS_UNKNOWN,
				     "\"%s\": no such option, expected one that --help lists",
				     word);
			return -EINVAL;
		}
		flag = given.option->kind == S2_OPTION_FLAG;
		r = take(s, &given, flag || p[1] == '\0' ? NULL : p + 1);
		if (r < 0 || !flag)
			return r;
	}
	return 0;
}

static int scan_words(struct scan *s)
{
	bool options = true;
	int r;

	for (s->at = 1; s->at < s->argc; s->at++) {
		const char *word = s->argv[s->at];

		r = 0;
		if (options && !strcmp(word, "--"))
			options = false;
		else if (options && !strncmp(word, "--", 2))
			r = scan_long(s, word);
		else if (options && word[0] == '-' && word[1] != '\0')
			r = scan_letters(s, word);
		else
			s->line->operands[s->line->n_operands++] = word;
		if (r < 0)
			return r;
	}
	return 0;
}

/** Most options that a command line can give: letters may stand in a row. */
static size_t most_given(int argc, char *const argv[])
{
	size_t most = 1;

	for (int i = 1; i < argc; i++)
		most += strlen(argv[i]) + 1;
	return most;
}

int s2_options_scan(const struct s2_option_table *tables, size_t n_tables, int argc,
		    char *const argv[], struct s2_command_line *line, struct s2_error *err)
{
	struct scan s = {tables, n_tables, argc, argv, 0, line, err};
	int r;

	*line = (struct s2_command_line){0};
	line->given = calloc(most_given(argc, argv), sizeof(*line->given));
	line->operands = calloc((size_t)argc + 1, sizeof(*line->operands));
	if (line->given == NULL || line->operands == NULL) {
		s2_error_set(err, S2_OPTIONS_MEMORY, "out of memory");
		r = -ENOMEM;
	} else {
		r = scan_words(&s);
	}
	if (r < 0)
		s2_command_line_free(line);
	return r;
}

void s2_command_line_free(struct s2_command_line *line)
{
	free(line->given);
	free(line->operands);
	*line = (struct s2_command_line){0};
}

bool s2_options_given(const struct s2_command_line *line, const struct s2_option *option)
{
	for (size_t i = 0; i < line->n_given; i++)
		if (line->given[i].option == option)
			return true;
	return false;
}

const struct s2_option *s2_options_find(const struct s2_option_table *table, const char *name)
{
	for (size_t i = 0; i < table->n; i++)
		if (!strcmp(table->options[i].name, name))
			return &table->options[i];
	return NULL;
}
