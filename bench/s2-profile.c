/* SPDX-License-Identifier: MIT */
/* s2-profile: what tools measured on a machine, as a cost profile. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "study/option/measured.h"
#include "study/run/output.h"
#include "study/run/tool.h"

struct settings {
	const char *name, *output;
	uint64_t lines;
	bool help, version;
};

static struct settings settings;

#define OPTION(kind, field, ...) S2_ROW(kind, S2_FIELD(struct settings, field), __VA_ARGS__)

static const struct s2_option options[] = {
	OPTION(STRING, name, "name", "TEXT", NULL, "which machine, for the profile's first line",
	       .group = "What was measured"),
	OPTION(U64, lines, "lines", "N", "0",
	       "cache lines that all calls of stage2_flush_vm() cleaned; 0: not known"),
	OPTION(STRING, output, "output", "FILE", NULL, "where to print, instead of standard output",
	       .letter = 'o', .group = "Other"),
	OPTION(FLAG, help, "help", NULL, NULL, "this text", .letter = 'h'),
	OPTION(FLAG, version, "version", NULL, NULL, "name and version", .letter = 'V'),
};

static const char about[] =
	"Usage: s2-profile [OPTION]... FILE...\n"
	"\n"
	"Reads what kvm-unit-tests' micro-bench, or perf ftrace profile, printed on a machine, and\n"
	"prints a cost profile of it, each cost with its source. docs/costs.md tells how to measure.\n";

static void about_end(FILE *out)
{
	(void)fputs("\nExamples:\n"
		    "  s2-profile --name 'my board' micro-bench.txt -o mine.profile\n"
		    "      exits and IPIs\n"
		    "  s2-profile --lines 2189197312 perf.txt >>mine.profile\n"
		    "      flushes and, of so many lines, cleaning\n"
		    "\nExit status: 0 done; 2 wrong usage or bad input.\n",
		    out);
}

static int read_file(const char *path, unsigned *seen, FILE *out, struct s2_error *err)
{
	const struct s2_measured what = {settings.name, (double)settings.lines};
	FILE *in = fopen(path, "r");
	int ret;

	if (!in) {
		s2_error_set(err, 1, "%.80s: %s, expected a file to read", path, strerror(errno));
		return -errno;
	}
	ret = s2_measured_read(in, path, &what, seen, out, err);
	(void)fclose(in);
	return ret < 0 ? ret : 0;
}

static int run(const struct s2_command_line *line, struct s2_error *err)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	unsigned seen = 0;
	int ret = 0;

	if (!out) {
		s2_error_set(err, 1, "out of memory");
		return S2_EXIT_USAGE;
	}
	for (size_t i = 0; i < line->n_operands && !ret; i++)
		ret = read_file(line->operands[i], &seen, out, err);
	if (fclose(out) && !ret)
		ret = -ENOMEM;
	if (!ret) {
		ret = s2_output_write(settings.output, stdout, text, size);
		if (ret)
			s2_error_set(err, 1, "%.80s: %s, expected a place to write it to",
				     settings.output ? settings.output : "standard output",
				     strerror(-ret));
	}
	free(text);
	return ret ? S2_EXIT_USAGE : S2_EXIT_DONE;
}

int main(int argc, char **argv)
{
	static const struct s2_tool tool = {
		.name = "s2-profile",
		.about = about,
		.about_end = about_end,
		.options = options,
		.n_options = sizeof(options) / sizeof(options[0]),
		.settings = &settings,
		.help = &settings.help,
		.version = &settings.version,
		.operands = "at least one FILE",
		.min_operands = 1,
		.max_operands = SIZE_MAX,
		.run = run,
	};

	return s2_tool_main(&tool, argc, argv);
}
