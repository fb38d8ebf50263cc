/* SPDX-License-Identifier: MIT */
/* s2-mutants: what is lost when an instruction of the hypervisor's is left out. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "study/option/machine_help.h"
#include "study/option/options.h"
#include "study/run/program.h"
#include "study/work/mutants.h"

struct settings {
	const char *machine, *flavour;
	bool list, help, version;
};

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

static int usage_error(const char *text)
{
	(void)fprintf(stderr, "s2-mutants: %s\n", text);
	return S2_EXIT_USAGE;
}

static const char *name_of(const struct s2_mutant *mutant, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s@%s", s2_op_name(mutant->op), mutant->site);
	return buf;
}

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
		   const struct s2_mutant *mutant, struct s2_error *err)
{
	struct s2_judge judge;
	char name[96], text[64];
	const char *why = s2_mutant_harmless(mutant);
	int ret = s2_mutant_run(features, flavour, mutant, &judge, err);

	if (ret)
		return ret;
	(void)printf("%-40s %6" PRIu64 "  ", name_of(mutant, name, sizeof(name)), mutant->n);
	if (judge.told)
		(void)printf("%s, at step %" PRIu64 "\n", finder(&judge, text, sizeof(text)),
			     judge.tell.step);
	else
		(void)printf("%s\n", why ? why : "NOT FOUND");
	return !judge.told && !why;
}

static int tell_one(const struct s2_features *features, const struct s2_flavour *flavour,
		    const struct s2_mutant *mutant, struct s2_error *err)
{
	struct s2_judge judge;
	char text[512];
	const int ret = s2_mutant_run(features, flavour, mutant, &judge, err);

	if (ret)
		return ret;
	if (!judge.told) {
		const char *why = s2_mutant_harmless(mutant);

		(void)printf("nothing is lost: %s\n", why ? why : "nobody knows why");
		return 0;
	}
	(void)s2_violation_text(&judge.tell, text, sizeof(text));
	(void)printf("%s%s\n", text, judge.story);
	return 0;
}

static int try_all(const struct s2_features *features, const struct s2_flavour *flavour,
		   const struct s2_mutants *mutants, struct s2_error *err)
{
	struct s2_judge judge;
	int ret = s2_mutant_run(features, flavour, NULL, &judge, err), missed = 0;

	if (ret)
		return ret;
	(void)printf("%-40s %6s  %s\n", "left out", "times", "found by, or why nothing is lost");
	(void)printf("%-40s %6s  %s\n", "(nothing)", "", judge.told ? "A VIOLATION" : "no violation");
	for (size_t i = 0; i < mutants->n; i++) {
		ret = try_one(features, flavour, &mutants->mutant[i], err);
		if (ret < 0)
			return ret;
		missed += ret;
	}
	return missed || judge.told ? S2_EXIT_VIOLATION : S2_EXIT_DONE;
}

static int run(const struct settings *s, const struct s2_features *features,
	       const struct s2_flavour *flavour, const char *wanted)
{
	static struct s2_mutants mutants;
	struct s2_error err = {0};
	char name[96];
	int ret = s2_mutants_find(features, flavour, &mutants, &err);

	if (ret)
		return usage_error(err.text);
	for (size_t i = 0; i < mutants.n && (s->list || wanted); i++) {
		(void)name_of(&mutants.mutant[i], name, sizeof(name));
		if (s->list)
			(void)puts(name);
		else if (!strcmp(name, wanted))
			return tell_one(features, flavour, &mutants.mutant[i], &err)
				       ? usage_error(err.text)
				       : S2_EXIT_DONE;
	}
	if (s->list)
		return S2_EXIT_DONE;
	if (wanted) {
		(void)fprintf(stderr, "s2-mutants: got \"%.80s\", expected a name that --list has\n",
			      wanted);
		return S2_EXIT_USAGE;
	}
	ret = try_all(features, flavour, &mutants, &err);
	return ret < 0 ? usage_error(err.text) : ret;
}

static int start(const struct settings *s, const char *wanted)
{
	struct s2_features features;
	struct s2_flavour flavour;
	size_t bad = 0;
	char text[256];

	if (!strcmp(s->machine, "help")) {
		s2_machine_help(stdout);
		return S2_EXIT_DONE;
	}
	if (s2_features_parse(s->machine, &features, &bad)) {
		(void)snprintf(text, sizeof(text),
			       "--machine %.60s: \"%.60s\" is no preset, feature or value of one",
			       s->machine, s->machine + bad);
		return usage_error(text);
	}
	if (features.granule != S2_GRANULE_4K)
		return usage_error("--machine: expected 4K pages: the life is one of 4K pages");
	if (s2_flavour_parse(s->flavour, &flavour, NULL))
		return usage_error("--flavour: no such flavour; see s2-boot --help");
	return run(s, &features, &flavour, wanted);
}

int main(int argc, char **argv)
{
	struct settings s;
	const struct s2_option_table table = {
		.options = options,
		.n = sizeof(options) / sizeof(options[0]),
		.settings = &s,
	};
	struct s2_command_line line = {0};
	struct s2_error err = {0};
	int ret = S2_EXIT_DONE;

	if (s2_options_defaults(&table, &err) ||
	    s2_options_scan(&table, 1, argc, argv, &line, &err))
		return usage_error(err.text);
	if (s2_options_apply(&table, 0, &line, &err)) {
		ret = usage_error(err.text);
	} else if (s.help) {
		(void)fputs(about, stdout);
		s2_options_help(&table, stdout);
		(void)fputs("\nExit status: 0 each was found, or is known to lose nothing; 1 one was not;\n"
			    "2 bad usage, with one line on standard error.\n",
			    stdout);
	} else if (s.version) {
		(void)puts("s2-mutants " S2_VERSION);
	} else if (line.n_operands > 1) {
		ret = usage_error("expected one NAME at most; see --help");
	} else {
		ret = start(&s, line.n_operands ? line.operands[0] : NULL);
	}
	s2_command_line_free(&line);
	return ret;
}
