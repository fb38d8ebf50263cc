/* SPDX-License-Identifier: MIT */
/* s2-check: somebody's instruction log under the oracle. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/check/check_log.h"
#include "study/option/machine.h"
#include "study/option/options.h"
#include "study/run/tool.h"

struct settings {
	const char *machine, *rules, *story;
	uint64_t cpus, keep;
	int format;
	bool at_end, help, version;
};

static struct settings settings;

static const char *const formats[] = {"text", "json", NULL};

#define OPTION(kind, field, ...) S2_ROW(kind, S2_FIELD(struct settings, field), __VA_ARGS__)

static const struct s2_option options[] = {
	OPTION(STRING, machine, "machine", "SPEC", "max,-vhe",
	       "a preset and overrides, such as cortex-a72 or max,granule=16k",
	       .group = "The machine that is told the log"),
	OPTION(U64, cpus, "cpus", "N", "64", "CPUs; a tid is a CPU's number", .min = 1,
	       .max = S2_MAX_CPUS),
	OPTION(STRING, rules, "rules", "LIST", "all",
	       "which rules: all, or names with commas between (translation,break-before-make,...)",
	       .group = "What is checked"),
	OPTION(FLAG, at_end, "at-end", NULL, "on",
	       "at the end nothing may be held that the tables do not grant; --no-at-end for a log that was cut"),
	OPTION(U64, keep, "keep", "N", "16", "violations that are told; all are counted", .min = 1,
	       .max = 1000000, .group = "The report"),
	OPTION(CHOICE, format, "format", NULL, "text", "how to write it", .choices = formats),
	OPTION(STRING, story, "story", "FILE", NULL,
	       "how the first violation came about, as .svg, .json, .trace.json (Perfetto) or text"),
	OPTION(FLAG, help, "help", NULL, NULL, "this text", .letter = 'h', .group = "Other"),
	OPTION(FLAG, version, "version", NULL, NULL, "the version", .letter = 'V'),
};

static const char about[] =
	"usage: s2-check [option]... LOG\n"
	"\n"
	"Reads a log of instructions, descriptor stores and register writes (casemate's form,\n"
	"or what this project's programs write; - for standard input), does them again, and\n"
	"says where a hypervisor relies on what is not so, whatever hardware may do: stale\n"
	"translations, break-before-make, tables freed too early, VMIDs that are another's.\n"
	"\n";

static void about_end(FILE *out)
{
	fputs("\nRules:\n", out);
	for (int rule = 0; rule < S2_RULES; rule++) {
		if (!(S2_CHECK_RULES >> rule & 1))
			continue;
		fprintf(out, "  %s\n        ", s2_rule_name((enum s2_rule)rule));
		s2_write_wrapped(out, s2_rule_text((enum s2_rule)rule), 8, 80);
	}
	fputs("\nThe data rule is not among them: a log does not say what guests read and write.\n"
	      "\nExit status: 0 no violation; 1 at least one; 2 bad input or usage, with one\n"
	      "line on standard error.\n",
	      out);
}

/* One name of the list. @return 0 or -EINVAL */
static int add_rule(const char *name, size_t len, unsigned *rules)
{
	for (int rule = 0; rule < S2_RULES; rule++) {
		const char *known = s2_rule_name((enum s2_rule)rule);

		if (strlen(known) != len || memcmp(known, name, len) != 0)
			continue;
		*rules |= 1U << rule;
		return 0;
	}
	return -EINVAL;
}

static int parse_rules(const char *list, unsigned *rules, struct s2_error *err)
{
	*rules = 0;
	if (!strcmp(list, "all"))
		return 0;
	for (const char *at = list; *at;) {
		const size_t len = strcspn(at, ",");

		if (add_rule(at, len, rules)) {
			s2_error_set(err, 1, "--rules: \"%.*s\" is no rule; see --help", (int)len,
				     at);
			return -EINVAL;
		}
		at += len + (at[len] == ',');
	}
	if (*rules)
		return 0;
	s2_error_set(err, 1, "--rules: expected all, or at least one rule");
	return -EINVAL;
}

static int run(const struct s2_command_line *line, struct s2_error *err)
{
	struct s2_check_job job = {
		.path = line->operands[0],
		.cpus = (unsigned)settings.cpus,
		.keep = (size_t)settings.keep,
		.at_end = settings.at_end,
		.json = settings.format == 1,
		.story = settings.story,
	};
	struct s2_check_outcome outcome;

	if (s2_machine_parse(settings.machine, &job.features, err) ||
	    parse_rules(settings.rules, &job.rules, err) ||
	    s2_check_log(&job, stdout, &outcome, err))
		return S2_EXIT_USAGE;
	if (settings.story && !outcome.violations)
		(void)fputs("s2-check: --story: no violation was found, no file is written\n", stderr);
	return outcome.violations ? S2_EXIT_VIOLATION : S2_EXIT_DONE;
}

static const struct s2_tool tool = {
	.name = "s2-check",
	.about = about,
	.about_end = about_end,
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.settings = &settings,
	.help = &settings.help,
	.version = &settings.version,
	.machine = &settings.machine,
	.operands = "one LOG, a file or - for standard input",
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};

int main(int argc, char **argv)
{
	return s2_tool_main(&tool, argc, argv);
}
