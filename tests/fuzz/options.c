/* SPDX-License-Identifier: MIT */
/* Any words as a command line, a sweep and a machine: refused with a text, or a setting in bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/features.h>

#include "study/option/options.h"
#include "study/run/sweep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_WORDS 32
#define MAX_BYTES 4096

struct settings {
	uint64_t vcpus, memory, chunk;
	double ratio;
	bool broken;
	const char *name;
	int color;
	struct s2_option_list list;
};

static const char *const colors[] = {"red", "green", "grey", NULL};

static const struct s2_option options[] = {
	{.name = "vcpus",
	 .kind = S2_OPTION_U64,
	 .letter = 'v',
	 S2_FIELD(struct settings, vcpus),
	 .arg = "N",
	 .value = "4",
	 .min = 1,
	 .max = 512,
	 .help = "virtual CPUs"},
	{.name = "memory",
	 .kind = S2_OPTION_SIZE,
	 S2_FIELD(struct settings, memory),
	 .arg = "SIZE",
	 .value = "1M",
	 .help = "guest memory"},
	{.name = "chunk",
	 .kind = S2_OPTION_PAGES,
	 S2_FIELD(struct settings, chunk),
	 .arg = "SIZE",
	 .value = "1p",
	 .max = UINT64_C(1) << 40,
	 .help = "one clear"},
	{.name = "ratio",
	 .kind = S2_OPTION_REAL,
	 S2_FIELD(struct settings, ratio),
	 .arg = "X",
	 .value = "0.5",
	 .help = "a ratio"},
	{.name = "broken",
	 .kind = S2_OPTION_FLAG,
	 S2_FIELD(struct settings, broken),
	 .help = "break a contract"},
	{.name = "name",
	 .kind = S2_OPTION_STRING,
	 S2_FIELD(struct settings, name),
	 .arg = "TEXT",
	 .help = "a name"},
	{.name = "color",
	 .kind = S2_OPTION_CHOICE,
	 S2_FIELD(struct settings, color),
	 .arg = "COLOR",
	 .value = "red",
	 .choices = colors,
	 .help = "a color"},
	{.name = "colors",
	 .kind = S2_OPTION_LIST,
	 S2_FIELD(struct settings, list),
	 .arg = "COLOR,...",
	 .choices = colors,
	 .help = "colors"},
};

/* Which of them did not is in the stack's line. */
#define must(holds) ((holds) ? (void)0 : abort())

/* What a struct of checked settings can hold, whatever was typed. */
static void look(const struct s2_option_table *table)
{
	const struct settings *s = table->settings;
	char text[64];

	must(s->vcpus >= 1 && s->vcpus <= 512);
	must(s->chunk <= UINT64_C(1) << 40);
	must(s->ratio >= 0);
	must(s->color >= 0 && s->color < 3);
	must(s->list.n <= S2_OPTION_LIST_MAX);
	for (size_t i = 0; i < s->list.n; i++)
		must(s->list.at[i] < 3);
	for (size_t i = 0; i < table->n; i++) {
		const struct s2_value value = s2_option_value(table, &table->options[i]);

		s2_value_text(&value, text, sizeof(text));
		must(memchr(text, '\0', sizeof(text)) != NULL);
	}
}

static void as_command_line(const struct s2_option_table *table, char *words[], int n)
{
	struct s2_command_line line;
	struct s2_error err = {0, ""};
	int ret = s2_options_scan(table, 1, n, words, &line, &err);

	if (!ret) {
		ret = s2_options_apply(table, 0, &line, &err);
		s2_command_line_free(&line);
	}
	must(!ret || err.text[0]);
	look(table);
}

static void as_sweep(const struct s2_option_table *table, const char *text)
{
	struct s2_sweep sweep;
	struct s2_error err = {0, ""};
	size_t points;

	if (s2_sweep_parse(table, text, &sweep, &err)) {
		must(err.text[0]);
		return;
	}
	points = s2_sweep_points(&sweep);
	must(points >= 1 && points <= S2_SWEEP_POINTS_MAX);
	for (size_t i = 0; i < points; i += 1 + points / 16)
		if (!s2_sweep_apply(&sweep, table, i, &err))
			look(table);
	s2_sweep_free(&sweep);
}

static void as_machine(const char *spec)
{
	struct s2_features f;
	size_t bad = 0;

	if (s2_features_parse(spec, &f, &bad))
		must(bad <= strlen(spec));
	else
		must(!s2_features_check(&f) && !strcmp(f.name, spec));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings settings;
	const struct s2_option_table table = {options, sizeof(options) / sizeof(options[0]),
					      &settings, 4096};
	char text[MAX_BYTES + 1], *words[MAX_WORDS + 2] = {(char[]){"fuzz"}};
	int n = 1;

	if (size > MAX_BYTES)
		return 0;
	memset(&settings, 0, sizeof(settings));
	must(!s2_options_defaults(&table, NULL));
	memcpy(text, data, size);
	text[size] = '\0';
	as_sweep(&table, text);
	/* Reading a sweep leaves what it has tried in the settings. */
	must(!s2_options_defaults(&table, NULL));
	as_machine(text);
	/* Words end where a line does. */
	for (char *word = text; n <= MAX_WORDS && word < text + size; word += strlen(word) + 1) {
		word[strcspn(word, "\n")] = '\0';
		words[n++] = word;
	}
	as_command_line(&table, words, n);
	return 0;
}
