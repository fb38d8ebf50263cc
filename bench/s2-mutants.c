/* SPDX-License-Identifier: MIT */
/* s2-mutants: what is lost when an instruction of the hypervisor's is left out. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "study/option/machine.h"
#include "study/option/options.h"
#include "study/run/tool.h"
#include "study/mutants/steps.h"

struct settings {
	const char *machine, *flavour;
	bool list, help, version;
};

static struct settings settings;

#define OPTION(kind, field, ...) S2_ROW(kind, S2_FIELD(struct settings, field), __VA_ARGS__)

static const struct s2_option options[] = {
	OPTION(STRING, machine, "machine", "SPEC", "cortex-a72",
	       "a CPU and what to change of it; help lists them", .group = "Whose life"),
	OPTION(STRING, flavour, "flavour", "NAME", "newest", "whose algorithms"),
	OPTION(FLAG, list, "list", NULL, NULL, "the names, and nothing is tried",
	       .group = "Other"),
	OPTION(FLAG, help, "help", NULL, NULL, "this text", .letter = 'h'),
	OPTION(FLAG, version, "version", NULL, NULL, "the version", .letter = 'V'),
};

static const char about[] =
	"usage: s2-mutants [option]... [NAME]\n"
	"\n"
	"Lets a VM live through everything that KVM's stage 2 does: boot, faults, dirty log,\n"
	"split and collapse, aging, unmaps, a reset, its end, and VMIDs that come round.  Then\n"
	"once more for each step of it, an operation at a site of the code, with that step left\n"
	"out: which rule finds it, or why nothing is lost.  With a NAME (tlbi_ipas2e1is@tlb:...)\n"
	"how it comes to that, step by step.\n"
	"\n";

/* "data, arch" or the rule's name. */
static const char *finder(const struct s2_judge *judge, char *buf, size_t size)
{
	const bool data = judge->tell.rule == S2_RULE_DATA;

	(void)snprintf(buf, size, "%s%s%s", s2_rule_name(judge->tell.rule), data ? ", " : "",
		       data ? s2_contract_name(judge->tell.contract) : "");
	return buf;
}

/* One line of the table. @return 0; 1 if it went unnoticed, and should not have; negative */
static int try_one(const struct s2_features *features, const struct s2_flavour *flavour,
		   const struct s2_step_mutant *mutant, struct s2_error *err)
{
	struct s2_judge judge = {.brief = true};
	char name[96], text[64];
	const char *why = s2_step_mutant_harmless(features, flavour, mutant);
	int ret = s2_step_mutant_run(features, flavour, mutant, &judge, err);

	if (ret)
		return ret;
	(void)printf("%-40s %6" PRIu64 "  ", s2_step_mutant_name(mutant, name, sizeof(name)), mutant->n);
	if (judge.told)
		(void)printf("%s, at step %" PRIu64 "\n", finder(&judge, text, sizeof(text)),
			     judge.tell.step);
	else
		(void)printf("%s\n", why ? why : "NOT FOUND");
	return !judge.told && !why;
}

static int tell_one(const struct s2_features *features, const struct s2_flavour *flavour,
		    const struct s2_step_mutant *mutant, struct s2_error *err)
{
	struct s2_judge judge = {0};
	char text[512 + S2_TOLD_LINES * 2 * S2_STORY_TEXT];
	const int ret = s2_step_mutant_run(features, flavour, mutant, &judge, err);

	if (ret)
		return ret;
	if (!judge.told) {
		const char *why = s2_step_mutant_harmless(features, flavour, mutant);

		(void)printf("nothing is lost: %s\n", why ? why : "nobody knows why");
		return 0;
	}
	(void)s2_violation_text(&judge.tell, text, sizeof(text));
	(void)fputs(text, stdout);
	(void)s2_told_lines(&judge.story, text, sizeof(text));
	(void)puts(text);
	return 0;
}

static int try_all(const struct s2_features *features, const struct s2_flavour *flavour,
		   const struct s2_step_mutants *mutants, struct s2_error *err)
{
	struct s2_judge judge = {.brief = true};
	int ret = s2_step_mutant_run(features, flavour, NULL, &judge, err), missed = 0;

	if (ret)
		return S2_EXIT_USAGE;
	(void)printf("%-40s %6s  %s\n", "left out", "times", "found by, or why nothing is lost");
	(void)printf("%-40s %6s  %s\n", "(nothing)", "", judge.told ? "A VIOLATION" : "no violation");
	for (size_t i = 0; i < mutants->n; i++) {
		ret = try_one(features, flavour, &mutants->mutant[i], err);
		if (ret < 0)
			return S2_EXIT_USAGE;
		missed += ret;
	}
	return missed || judge.told ? S2_EXIT_VIOLATION : S2_EXIT_DONE;
}

static int list(const struct s2_step_mutants *mutants)
{
	char name[96];

	for (size_t i = 0; i < mutants->n; i++)
		(void)puts(s2_step_mutant_name(&mutants->mutant[i], name, sizeof(name)));
	return S2_EXIT_DONE;
}

static const struct s2_step_mutant *find(const struct s2_step_mutants *mutants, const char *wanted,
				    struct s2_error *err)
{
	char name[96];

	for (size_t i = 0; i < mutants->n; i++)
		if (!strcmp(s2_step_mutant_name(&mutants->mutant[i], name, sizeof(name)), wanted))
			return &mutants->mutant[i];
	s2_error_set(err, 1, "got \"%.80s\", expected a name that --list has", wanted);
	return NULL;
}

static int run_named(const struct s2_features *features, const struct s2_flavour *flavour,
		     const struct s2_step_mutants *mutants, const char *wanted, struct s2_error *err)
{
	const struct s2_step_mutant *mutant = find(mutants, wanted, err);

	if (!mutant || tell_one(features, flavour, mutant, err))
		return S2_EXIT_USAGE;
	return S2_EXIT_DONE;
}

static int run(const struct s2_command_line *line, struct s2_error *err)
{
	static struct s2_step_mutants mutants;
	struct s2_features features;
	struct s2_flavour flavour;

	if (s2_machine_parse(settings.machine, &features, err) ||
	    s2_machine_flavour(settings.flavour, &flavour, err))
		return S2_EXIT_USAGE;
	if (features.granule != S2_GRANULE_4K) {
		s2_error_set(err, 1, "--machine: expected 4K pages: the life is one of 4K pages");
		return S2_EXIT_USAGE;
	}
	if (s2_step_mutants_find(&features, &flavour, &mutants, err))
		return S2_EXIT_USAGE;
	if (settings.list)
		return list(&mutants);
	if (line->n_operands)
		return run_named(&features, &flavour, &mutants, line->operands[0], err);
	return try_all(&features, &flavour, &mutants, err);
}

static void about_end(FILE *out)
{
	(void)fputs("\nExit status: 0 each was found, or is known to lose nothing; 1 one was not;\n"
		    "2 bad usage, with one line on standard error.\n",
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
