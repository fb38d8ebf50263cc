/* SPDX-License-Identifier: MIT */
/* s2-mutants: bugs that hypervisors had, and steps of KVM's left out or swapped: who finds them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "study/mutants/rows.h"
#include "study/option/machine.h"
#include "study/option/options.h"
#include "study/run/tool.h"

struct settings {
	const char *machine, *flavour, *story;
	int format;
	bool steps, list, help, version;
};

static struct settings settings;

static const char *const formats[] = {"table", "json", "csv", NULL};

#define OPTION(kind, field, ...) S2_ROW(kind, S2_FIELD(struct settings, field), __VA_ARGS__)

static const struct s2_option options[] = {
	OPTION(FLAG, steps, "steps", NULL, NULL, "KVM's steps, each left out and each swapped",
	       .group = "Which"),
	OPTION(STRING, machine, "machine", "SPEC", "cortex-a72",
	       "whose steps: a CPU and what to change of it; help lists them"),
	OPTION(STRING, flavour, "flavour", "NAME", "newest", "whose algorithms"),
	OPTION(CHOICE, format, "format", "FORMAT", "table", "how to print", .choices = formats,
	       .group = "Output"),
	OPTION(STRING, story, "story", "FILE", NULL,
	       "of a NAME, the whole of its story, as .svg, .json, .trace.json (Perfetto) or text"),
	OPTION(FLAG, list, "list", NULL, NULL, "what each is, and nothing is tried",
	       .group = "Other"),
	OPTION(FLAG, help, "help", NULL, NULL, "this text", .letter = 'h'),
	OPTION(FLAG, version, "version", NULL, NULL, "the version", .letter = 'V'),
};

static const char about[] =
	"usage: s2-mutants [option]... [NAME]\n"
	"\n"
	"Bugs that hypervisors had, and some that are made up, each put into a run that is sound\n"
	"without it: which rule finds it, in how many steps.  Below the table, of a whole life of\n"
	"a VM: each instruction of KVM's stage 2 left out, and each two neighbours swapped.  With\n"
	"a NAME (collapse-one-ipa, or tlbi_ipas2e1is@tlb:flush_vmid_ipa) how it comes to that,\n"
	"step by step.\n"
	"\n";

/* Into the file, if one is asked for. */
static int save(const struct s2_told *told, struct s2_error *err)
{
	return settings.story ? s2_told_save(told, settings.story, err) : 0;
}

static int tell_named(const struct s2_mutant *m, struct s2_error *err)
{
	struct s2_mutant_found found;

	if (s2_mutant_run(m, false, &found, err))
		return S2_EXIT_USAGE;
	(void)printf("%s: %s\n(%s) In: %s\n\n", m->name, m->what, m->where ? m->where : "made up",
		     s2_mutant_scenario(m));
	(void)printf("%s%s\n", found.found ? found.text : "NOT FOUND", found.story);
	if (found.found && save(&found.told, err))
		return S2_EXIT_USAGE;
	return found.found ? S2_EXIT_DONE : S2_EXIT_VIOLATION;
}

static int tell_step(const struct s2_features *features, const struct s2_flavour *flavour,
		     const struct s2_step_mutant *mutant, struct s2_error *err)
{
	const char *why = s2_step_mutant_harmless(features, flavour, mutant);
	struct s2_judge judge = {0};
	char text[512 + S2_TOLD_LINES * 2 * S2_STORY_TEXT];

	if (s2_step_mutant_run(features, flavour, mutant, true, &judge, err))
		return S2_EXIT_USAGE;
	if (!judge.told) {
		(void)printf("nothing is lost: %s\n", why ? why : "NOBODY KNOWS WHY");
		if (settings.story)
			(void)fputs("s2-mutants: --story: nothing is broken, no file is written\n",
				    stderr);
		return why ? S2_EXIT_DONE : S2_EXIT_VIOLATION;
	}
	(void)s2_violation_text(&judge.tell, text, sizeof(text));
	(void)fputs(text, stdout);
	(void)s2_told_lines(&judge.story, text, sizeof(text));
	(void)puts(text);
	return save(&judge.story, err) ? S2_EXIT_USAGE : S2_EXIT_DONE;
}

static int tell(const struct s2_features *features, const struct s2_flavour *flavour,
		const char *wanted, struct s2_error *err)
{
	static struct s2_step_mutants steps;
	struct s2_mutant named;
	char name[96];

	if (s2_mutant_find(wanted, &named))
		return tell_named(&named, err);
	if (s2_step_mutants_find(features, flavour, &steps, err))
		return S2_EXIT_USAGE;
	for (size_t i = 0; i < steps.n; i++)
		if (!strcmp(s2_step_mutant_name(&steps.mutant[i], name, sizeof(name)), wanted))
			return tell_step(features, flavour, &steps.mutant[i], err);
	s2_error_set(err, 1, "got \"%.80s\", expected a name that --list or --steps --list has", wanted);
	return S2_EXIT_USAGE;
}

static int print(const struct s2_mutant_rows *rows, struct s2_error *err)
{
	int ret = 0;

	if (settings.format == 1)
		ret = s2_mutant_rows_json(rows, stdout);
	else if (settings.format == 2)
		s2_mutant_rows_csv(rows, stdout);
	else if (settings.list)
		s2_mutant_rows_list(rows, settings.steps, stdout);
	else
		s2_mutant_rows_table(rows, settings.steps, stdout);
	if (ret)
		s2_error_set(err, 1, "--format: got \"json\", expected table or csv: %s",
			     ret == -ENOTSUP ? "JSON was left out of this build (no jansson)"
					     : strerror(-ret));
	return ret;
}

static int run(const struct s2_command_line *line, struct s2_error *err)
{
	struct s2_features features;
	struct s2_flavour flavour;
	struct s2_mutant_rows rows;
	int status;

	if (s2_machine_parse(settings.machine, &features, err) ||
	    s2_machine_flavour(settings.flavour, &flavour, err))
		return S2_EXIT_USAGE;
	if (features.granule != S2_GRANULE_4K) {
		s2_error_set(err, 1, "--machine: expected 4K pages: the life is one of 4K pages");
		return S2_EXIT_USAGE;
	}
	if (settings.story && !line->n_operands) {
		s2_error_set(err, 1, "--story: expected the NAME of a mutant besides; see --list");
		return S2_EXIT_USAGE;
	}
	if (line->n_operands)
		return tell(&features, &flavour, line->operands[0], err);
	if (s2_mutant_rows_collect(&features, &flavour, settings.list, &rows, err))
		return S2_EXIT_USAGE;
	status = rows.missed || rows.alarms ? S2_EXIT_VIOLATION : S2_EXIT_DONE;
	if (print(&rows, err))
		status = S2_EXIT_USAGE;
	s2_mutant_rows_free(&rows);
	return status;
}

static void about_end(FILE *out)
{
	(void)fputs("\nExit status: 0 each was found, or is known to lose nothing, and nothing else is\n"
		    "told; 1 not so; 2 bad usage, with one line on standard error.\n",
		    out);
}

static const struct s2_tool tool = {
	.name = "s2-mutants",
	.about = about,
	.about_end = about_end,
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.settings = &settings,
	.help = &settings.help,
	.version = &settings.version,
	.machine = &settings.machine,
	.operands = "one NAME at most",
	.max_operands = 1,
	.run = run,
};

int main(int argc, char **argv)
{
	return s2_tool_main(&tool, argc, argv);
}
