/* SPDX-License-Identifier: MIT */
/* The options that all programs share, and the help; see session.h. */
#include "study/run/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SESSION_OPTIONS_HELP_WIDTH 80
#define NAME_COLUMN		   28

static const char *const formats[] = {"table", "json", "csv", NULL};
static const char *const progresses[] = {"auto", "always", "never", NULL};
static const char *const checks[] = {"auto", "always", "never", NULL};
static const char *const logs[] = {"no", "full", "casemate", NULL};
static const char *const expects[] = {"nothing", "sound", "checked", NULL};

#define OPTION(kind, field, ...) S2_ROW(kind, S2_FIELD(struct s2_common, field), __VA_ARGS__)

/* In the order of enum s2_format and so on; those of no use to a program are left out. */
static const struct s2_option common_options[] = {
	OPTION(LIST, policies, "policy", "A,B,...", NULL,
	       "policies, the first being what others are compared with (default: all that apply)",
	       .group = "What to compare"),
	OPTION(LIST, workloads, "workload", "A,B,...", NULL,
	       "named workloads, or all; options given besides win over theirs"),
	OPTION(STRING, sweep, "sweep", "KEY=A..B,...", NULL,
	       "run a grid of workloads: any option above; ranges double (A..B*10 and A..B+16 do otherwise), lists are KEY=A,B,C"),
	OPTION(STRING, metric, "metric", "NAME", NULL,
	       "what a sweep compares: time, known_time, an operation or a measure"),
	OPTION(U64, jobs, "jobs", "N", "0",
	       "processes at once; 0: for a sweep one for each CPU, else one", .max = 1024),
	OPTION(STRING, shard, "shard", "I/N", NULL,
	       "run part I of N of it, and print what --merge reads"),
	OPTION(STRING, merge, "merge", "FILE,...", NULL,
	       "print what all N shards found, as one command would have"),
	OPTION(STRING, machine, "machine", "NAME[,...]", NULL,
	       "a CPU and what to change of it; help lists them", .group = "On which machine"),
	OPTION(STRING, flavour, "flavour", "NAME", NULL,
	       "whose algorithms; repeat=each|sync may follow"),
	OPTION(STRING, profile, "profile", "NAME|FILE,...", NULL,
	       "what operations cost, to estimate times; several stand side by side"),
	OPTION(U64, seed, "seed", "N", "1", "of whatever is random", .max = INT64_MAX),
	OPTION(CHOICE, format, "format", "FORMAT", "table", "how to print", .choices = formats,
	       .group = "Output"),
	OPTION(FLAG, all, "all", NULL, NULL,
	       "in the table: rows that are alike for all, a column for each policy, whole stories"),
	OPTION(STRING, output, "output", "FILE", NULL, "where to print, instead of standard output",
	       .letter = 'o'),
	OPTION(STRING, plot, "plot", "FILE", NULL,
	       "draw the sweep, as .svg or .png (needs gnuplot)"),
	OPTION(CHOICE, progress, "progress", "WHEN", "auto", "a bar on standard error",
	       .choices = progresses),
	OPTION(CHOICE, check, "check", "WHEN", "auto",
	       "judge each run by the rules of hardware: auto leaves out what is long, and sweeps",
	       .choices = checks),
	OPTION(STRING, story, "story", "FILE", NULL,
	       "how the first broken verdict came about, as .svg, .json, .trace.json (Perfetto) or text"),
	OPTION(CHOICE, log, "log", "FORM", "no",
	       "print the instructions of one --policy in place of the table; s2-check reads them",
	       .choices = logs),
	OPTION(CHOICE, expect, "expect", "WHAT", "nothing",
	       "exit with 1 at a violation, or also where something is unchecked",
	       .choices = expects),
	OPTION(FLAG, help, "help", NULL, NULL, "this text", .letter = 'h'),
	OPTION(FLAG, version, "version", NULL, NULL, "name and version", .letter = 'V'),
};

#define N_COMMON (sizeof(common_options) / sizeof(common_options[0]))

_Static_assert(N_COMMON <= S2_COMMON_MAX, "session->options has room for all");

/** Fits a shared option to this program. @return false if it has no use for it */
static bool adapt(const struct s2_session *s, struct s2_option *o)
{
	const struct s2_program *p = s->program;

	if (o->offset == offsetof(struct s2_common, policies))
		o->choices = s->policy_names;
	if (o->offset == offsetof(struct s2_common, workloads)) {
		o->choices = s->workload_names;
		o->value = p->n_workloads != 0 ? p->workloads[0].name : NULL;
		return p->n_workloads != 0;
	}
	if (o->offset == offsetof(struct s2_common, machine))
		o->value = p->machine;
	if (o->offset == offsetof(struct s2_common, flavour)) {
		o->value = p->flavour;
		return p->flavour != NULL;
	}
	if (o->offset == offsetof(struct s2_common, check) ||
	    o->offset == offsetof(struct s2_common, story) ||
	    o->offset == offsetof(struct s2_common, log))
		return p->judged;
	if (o->offset == offsetof(struct s2_common, metric))
		o->value = p->metric != NULL ? p->metric : "time";
	return o->offset != offsetof(struct s2_common, machine) || p->machine != NULL;
}

static int session_options_no_memory(struct s2_session *s)
{
	s2_error_set(&s->err, S2_OPTIONS_MEMORY, "out of memory");
	return -ENOMEM;
}

static int make_names(struct s2_session *s)
{
	const struct s2_program *p = s->program;

	if (p->n_policies > S2_OPTION_LIST_MAX || p->n_workloads > S2_OPTION_LIST_MAX) {
		s2_error_set(&s->err, S2_OPTIONS_VALUE,
			     "the program has over %d policies or workloads", S2_OPTION_LIST_MAX);
		return -E2BIG;
	}
	s->policy_names = calloc(p->n_policies + 1, sizeof(char *));
	s->workload_names = calloc(p->n_workloads + 1, sizeof(char *));
	if (s->policy_names == NULL || s->workload_names == NULL)
		return session_options_no_memory(s);
	for (size_t i = 0; i < p->n_policies; i++)
		s->policy_names[i] = p->policies[i].name;
	for (size_t i = 0; i < p->n_workloads; i++)
		s->workload_names[i] = p->workloads[i].name;
	return 0;
}

static int make_tables(struct s2_session *s)
{
	size_t n = 0;
	void *settings = calloc(1, s->program->settings_size + 1);

	if (s->program->state_size != 0)
		s->state = calloc(1, s->program->state_size);
	if (settings == NULL || (s->program->state_size != 0 && s->state == NULL)) {
		free(settings);
		return session_options_no_memory(s);
	}
	for (size_t i = 0; i < N_COMMON; i++) {
		s->options[n] = common_options[i];
		n += adapt(s, &s->options[n]);
	}
	s->tables[S2_TABLE_OWN] =
		(struct s2_option_table){s->program->options, s->program->n_options, settings, 0};
	s->tables[S2_TABLE_COMMON] = (struct s2_option_table){s->options, n, &s->common, 0};
	return 0;
}

int s2_session_open(struct s2_session *s, int argc, char **argv)
{
	int r = make_names(s);

	if (r == 0)
		r = make_tables(s);
	if (r == 0)
		r = s2_options_scan(s->tables, S2_TABLES, argc, argv, &s->line, &s->err);
	if (r == 0)
		r = s2_options_defaults(&s->tables[S2_TABLE_COMMON], &s->err);
	if (r == 0)
		r = s2_options_apply(&s->tables[S2_TABLE_COMMON], S2_TABLE_COMMON, &s->line,
				     &s->err);
	return r;
}

/** A name in the left column and its help in the right one. */
static void write_entry(FILE *out, const char *name, const char *help)
{
	int column = fprintf(out, "  %s", name);

	if (column > NAME_COLUMN - 2) {
		(void)fputc('\n', out);
		column = 0;
	}
	(void)fprintf(out, "%*s", NAME_COLUMN - column, "");
	s2_write_wrapped(out, help, NAME_COLUMN, SESSION_OPTIONS_HELP_WIDTH);
}

static void write_choices(const struct s2_program *p, FILE *out)
{
	char names[1024];
	size_t at = 0;

	(void)fputs("\nPolicies:\n", out);
	for (size_t i = 0; i < p->n_policies; i++)
		write_entry(out, p->policies[i].name, p->policies[i].help);
	if (p->n_workloads != 0)
		(void)fputs("\nWorkloads:\n", out);
	for (size_t i = 0; i < p->n_workloads; i++)
		write_entry(out, p->workloads[i].name, p->workloads[i].help);
	if (p->machine != NULL) {
		(void)fputs("\nMachines, and changes such as ,-tlbirange,granule=16k:\n", out);
		for (size_t i = 0; s2_features_preset_name(i) != NULL && at < sizeof(names); i++)
			at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s",
					       i ? ", " : "", s2_features_preset_name(i));
		(void)fputs("  ", out);
		s2_write_wrapped(out, names, 2, SESSION_OPTIONS_HELP_WIDTH);
	}
	if (p->flavour != NULL)
		(void)fputs("\nFlavours, oldest and newest being two of them:\n", out);
	for (size_t i = 0; p->flavour != NULL && s2_flavour_at(i) != NULL; i++) {
		(void)snprintf(names, sizeof(names), "seen to behave so: %s",
			       s2_flavour_at(i)->stands_for);
		write_entry(out, s2_flavour_at(i)->name, names);
	}
}

static void write_examples(const struct s2_program *p, FILE *out)
{
	if (p->n_examples != 0)
		(void)fputs("\nExamples:\n", out);
	for (size_t i = 0; i < p->n_examples; i++) {
		(void)fprintf(out, "  %s %s\n      ", p->name, p->examples[i].command);
		s2_write_wrapped(out, p->examples[i].help, 6, SESSION_OPTIONS_HELP_WIDTH);
	}
}

void s2_session_help(const struct s2_session *s, FILE *out)
{
	const struct s2_program *p = s->program;

	(void)fprintf(out, "Usage: %s [OPTION]...%s%s\n", p->name, p->operands ? " " : "",
		      p->operands ? p->operands : "");
	s2_write_wrapped(out, p->summary, 0, SESSION_OPTIONS_HELP_WIDTH);
	if (p->about != NULL) {
		(void)fputc('\n', out);
		s2_write_wrapped(out, p->about, 0, SESSION_OPTIONS_HELP_WIDTH);
	}
	if (p->n_options != 0 && p->options[0].group == NULL)
		(void)fputs("\nThe workload:\n", out);
	s2_options_help(&s->tables[S2_TABLE_OWN], out);
	s2_options_help(&s->tables[S2_TABLE_COMMON], out);
	write_choices(p, out);
	if (p->sweep != NULL) {
		(void)fputs("\n`--sweep default` is:\n  ", out);
		s2_write_wrapped(out, p->sweep, 2, SESSION_OPTIONS_HELP_WIDTH);
	}
	write_examples(p, out);
	(void)fputs(
		"\nExit status: 0 done; 1 a violation where --expect wants none; 2 wrong usage or\n"
		"bad input.\n",
		out);
}

void s2_session_close(struct s2_session *s)
{
	s2_report_free(&s->report);
	s2_shard_names_free(&s->names);
	s2_sweep_free(&s->sweep);
	for (size_t i = 0; i < s->n_profiles; i++)
		s2_profile_free(&s->profiles[i]);
	for (size_t i = 0; i < s->n_presets; i++)
		s2_command_line_free(&s->presets[i]);
	free(s->presets);
	free(s->workload_text);
	s2_command_line_free(&s->line);
	free(s->tables[S2_TABLE_OWN].settings);
	if (s->program->close != NULL && s->state != NULL)
		s->program->close(s->state);
	free(s->state);
	free(s->policy_names);
	free(s->workload_names);
}
