/* SPDX-License-Identifier: MIT */
/* s2-explore: what hypervisor threads and guests do at once, in every order. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <stage2sim/flavour.h>

#include "study/scenario/matrix.h"
#include "study/scenario/scenarios.h"
#include "study/scenario/schedule.h"
#include "study/base/parse.h"
#include "study/option/options.h"
#include "study/run/jobs.h"
#include "study/run/tool.h"

struct settings {
	const char *preemptions, *replay, *save, *contract;
	uint64_t steps, schedules, states, seconds, random, jobs;
	const char *shard;
	bool pruning, go_on, step, list, matrix, help, version;
};

static struct settings settings;

#define OPTION(kind, field, ...) S2_ROW(kind, S2_FIELD(struct settings, field), __VA_ARGS__)

static const struct s2_option options[] = {
	OPTION(STRING, preemptions, "preemptions", "N", "scenario",
	       "most switches away from a thread that could go on; any: no bound; scenario: as listed",
	       .group = "Bounds"),
	OPTION(U64, steps, "steps", "N", "10000", "most steps of one schedule", .min = 1),
	OPTION(U64, schedules, "schedules", "N", "0", "most schedules; 0: no bound"),
	OPTION(U64, states, "states", "N", "16777216", "most states kept", .min = 1),
	OPTION(U64, seconds, "seconds", "N", "0",
	       "most time; 0: no bound.  With one, results depend on the host", .max = 1000000),
	OPTION(FLAG, pruning, "pruning", NULL, "on",
	       "do not go on from a state seen before; --no-pruning to compare",
	       .group = "How it is searched"),
	OPTION(FLAG, go_on, "go-on", NULL, NULL, "past a finding; tells each that differs"),
	OPTION(U64, random, "random", "SEED", "0",
	       "random schedules from this seed, not 0; with --schedules or --seconds"),
	OPTION(STRING, contract, "contract", "NAME", NULL,
	       "ask this alone: rules (all but data), arch, kvm-compat, ...; else what the scenario keeps"),
	OPTION(STRING, save, "save", "FILE", NULL, "write the schedule of the finding there",
	       .group = "Findings"),
	OPTION(STRING, replay, "replay", "FILE", NULL, "run the schedule in FILE, and tell each step"),
	OPTION(FLAG, step, "step", NULL, NULL,
	       "with --replay: wait for Enter after each step; q ends"),
	OPTION(U64, jobs, "jobs", "N", "1", "scenarios at a time, each in a process; the output is the same",
	       .min = 1, .max = S2_JOBS_MAX, .group = "Many scenarios"),
	OPTION(STRING, shard, "shard", "I/N", NULL,
	       "only every Nth scenario from the Ith on: one of N commands, on whatever machines"),
	OPTION(FLAG, matrix, "matrix", NULL, NULL,
	       "policies by contracts, each explored: held, or a scenario that breaks it",
	       .group = "Other"),
	OPTION(FLAG, list, "list", NULL, NULL, "the scenarios"),
	OPTION(FLAG, help, "help", NULL, NULL, "this text", .letter = 'h'),
	OPTION(FLAG, version, "version", NULL, NULL, "the version", .letter = 'V'),
};

static const char about[] =
	"usage: s2-explore [option]... [SCENARIO]...\n"
	"\n"
	"Runs each scenario (all of them, if none is named) in every order of its threads, which\n"
	"stop before each instruction, each word of a table, each lock and each wait, under the\n"
	"oracle.  Says how much was explored, or tells the story of the first violation.\n"
	"\n";

static void about_end(FILE *out)
{
	fputs("\nExit status: 0 all as listed: broken scenarios found out, the others clean; 1 not\n"
	      "so; 2 bad input or usage, with one line on standard error.\n",
	      out);
}

static int list(void)
{
	const struct s2_named_scenario *s;

	for (size_t i = 0; (s = s2_scenario_at(i)); i++) {
		char bound[16] = "any";

		if (s->preemptions != S2_EXPLORE_ANY)
			snprintf(bound, sizeof(bound), "%" PRIu32, s->preemptions);
		printf("%-18s %-7s %4s  %s\n", s->scenario.name, s->broken ? "broken" : "sound",
		       bound, s->scenario.about);
	}
	return S2_EXIT_DONE;
}

static int parse_preemptions(const char *text, uint32_t *out)
{
	char *rest;
	unsigned long n;

	if (!strcmp(text, "any")) {
		*out = S2_EXPLORE_ANY;
		return 0;
	}
	n = strtoul(text, &rest, 10);
	if (*text < '0' || *text > '9' || *rest || n > 1000)
		return -EINVAL;
	*out = (uint32_t)n;
	return 0;
}

static void print_figures(const struct s2_named_scenario *s, const struct s2_explore_result *r,
			  double seconds)
{
	printf("%-18s %s", s->scenario.name,
	       r->kind == S2_EXPLORE_NOTHING ? "no violation" : "VIOLATION");
	printf("; %s", s2_explore_end_text(r->end));
	if (r->preemptions == S2_EXPLORE_ANY)
		printf("; any preemptions");
	else
		printf("; at most %" PRIu32 " preemption%s", r->preemptions,
		       r->preemptions == 1 ? "" : "s");
	printf("\n    %" PRIu64 " states, %" PRIu64 " schedules (%" PRIu64 " to a state seen), %" PRIu64
	       " steps, depth %" PRIu64 "; %.2f s\n",
	       r->states, r->schedules, r->pruned, r->steps, r->depth, seconds);
	if (r->plain > 0)
		printf("    plain enumeration: %.6g schedules, %.4g times as many\n", r->plain,
		       r->plain / (double)r->schedules);
}

static int tell(const struct s2_named_scenario *s, const struct s2_explore_result *r,
		struct s2_error *err)
{
	int ret;

	if (r->kind == S2_EXPLORE_NOTHING)
		return 0;
	if (r->seed)
		printf("    seed %" PRIu64 "\n", r->seed);
	ret = s2_schedule_print(&s->scenario, r->schedule, r->n_schedule, stdout);
	if (ret)
		s2_error_set(err, 1, "%s: %s", s->scenario.name, strerror(-ret));
	else if (settings.save)
		ret = s2_schedule_save(settings.save, &s->scenario, r->schedule, r->n_schedule, err);
	return ret;
}

static double now(void)
{
	struct timespec t;

	timespec_get(&t, TIME_UTC);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void print_found(void *arg, const char *text)
{
	(void)arg;
	printf("    found: %s\n", text);
}

/* @return an exit status */
static int explore(const struct s2_named_scenario *s, uint32_t preemptions, struct s2_error *err)
{
	const struct s2_explore_config cfg = {
		.preemptions = strcmp(settings.preemptions, "scenario") ? preemptions : s->preemptions,
		.steps = settings.steps,
		.schedules = settings.schedules,
		.states = settings.states,
		.seconds = (double)settings.seconds,
		.no_pruning = !settings.pruning,
		.go_on = settings.go_on,
		.seed = settings.random,
		.found = settings.go_on ? print_found : NULL,
	};
	struct s2_explore_result r;
	double start = now();
	bool found;
	int ret = s2_explore(&s->scenario, &cfg, &r);

	if (ret) {
		s2_error_set(err, 1, "%s: %s", s->scenario.name, strerror(-ret));
	} else {
		print_figures(s, &r, now() - start);
		ret = tell(s, &r, err);
	}
	found = r.kind != S2_EXPLORE_NOTHING;
	s2_explore_result_free(&r);
	if (ret)
		return S2_EXIT_USAGE;
	return found == s->broken ? S2_EXIT_DONE : S2_EXIT_VIOLATION;
}

static int explore_named(const char *name, uint32_t preemptions, struct s2_error *err)
{
	struct s2_scenario_variant v;

	if (s2_scenario_variant(name, &v))
		return S2_EXIT_USAGE;
	if (settings.contract)
		s2_matrix_ask((unsigned)s2_matrix_column_find(settings.contract),
			      &v.named.scenario);
	return explore(&v.named, preemptions, err);
}

/* The name at @i of those that are asked for: of all, if none is named. */
static const char *asked_for(const struct s2_command_line *line, size_t i)
{
	const struct s2_named_scenario *s;

	if (line->n_operands)
		return i < line->n_operands ? line->operands[i] : NULL;
	s = s2_scenario_at(i);
	return s ? s->scenario.name : NULL;
}

/* Scenarios that are explored, each for itself. */
struct work {
	const struct s2_command_line *line;
	uint32_t preemptions;
	uint64_t first, stride; /* of all: --shard */
};

static int explore_one(void *arg, size_t i)
{
	const struct work *w = arg;
	struct s2_error err = {0};
	const int ret = explore_named(asked_for(w->line, w->first + i * w->stride), w->preemptions,
				      &err);

	if (ret == S2_EXIT_USAGE)
		fprintf(stderr, "s2-explore: %s\n", err.text);
	return ret;
}

/* Reads "I/N". @return 0 or -EINVAL */
static int read_shard(struct work *w)
{
	const char *slash = settings.shard ? strchr(settings.shard, '/') : NULL;
	const struct s2_span first = {settings.shard, slash ? (size_t)(slash - settings.shard) : 0};

	w->first = 0;
	w->stride = 1;
	if (!settings.shard)
		return 0;
	if (!slash || s2_parse_span_u64(first, &w->first) || s2_parse_u64(slash + 1, &w->stride) ||
	    !w->first || w->first > w->stride)
		return -EINVAL;
	w->first--;
	return 0;
}

static int explore_each(const struct s2_command_line *line, uint32_t preemptions,
			struct s2_error *err)
{
	struct work w = {.line = line, .preemptions = preemptions};
	/* A finding is kept in one file: that of the last, whoever is faster. */
	struct s2_jobs jobs = {.work = explore_one, .arg = &w,
			       .at_once = settings.save ? 1 : settings.jobs};
	int worst = S2_EXIT_DONE;

	(void)read_shard(&w);
	while (asked_for(line, w.first + jobs.n * w.stride))
		jobs.n++;
	if (s2_jobs_run(&jobs, &worst, err))
		return S2_EXIT_USAGE;
	if (worst >= S2_EXIT_USAGE)
		s2_error_set(err, 1, "not every scenario could be explored");
	return worst > S2_EXIT_USAGE ? S2_EXIT_USAGE : worst;
}

/* Between two steps, for who walks through them; at its end the rest is told at once. */
static void wait_for_enter(void)
{
	int c;

	fflush(stdout);
	while ((c = getchar()) != '\n' && c != EOF)
		if (c == 'q')
			exit(S2_EXIT_DONE);
}

static int replay(struct s2_error *err)
{
	bool found = false;

	if (s2_schedule_replay(settings.replay, stdout, settings.step ? wait_for_enter : NULL, &found,
			       err))
		return S2_EXIT_USAGE;
	return found ? S2_EXIT_VIOLATION : S2_EXIT_DONE;
}

static int refuse(struct s2_error *err, const char *text)
{
	s2_error_set(err, 1, "%s", text);
	return -EINVAL;
}

static int check_named(const struct s2_command_line *line, struct s2_error *err)
{
	struct s2_scenario_variant v;

	for (size_t i = 0; i < line->n_operands; i++) {
		if (!s2_scenario_variant(line->operands[i], &v))
			continue;
		s2_error_set(err, 1, "\"%.80s\" is no scenario of --list, with or without a choice of --matrix behind "
				     "a comma",
			     line->operands[i]);
		return -EINVAL;
	}
	return 0;
}

/* What fits together, before anything is run. */
static int check(const struct s2_command_line *line, uint32_t *preemptions, struct s2_error *err)
{
	if (settings.random && !settings.schedules && !settings.seconds)
		return refuse(err, "--random: expected --schedules or --seconds as well");
	if (settings.replay && line->n_operands)
		return refuse(err, "--replay: the file names the scenario");
	if (settings.step && !settings.replay)
		return refuse(err, "--step: expected --replay as well");
	if (read_shard(&(struct work){0}))
		return refuse(err, "--shard: expected I/N, such as 1/4 to 4/4");
	if (strcmp(settings.preemptions, "scenario") &&
	    parse_preemptions(settings.preemptions, preemptions))
		return refuse(err, "--preemptions: expected a number, any or scenario");
	if (settings.contract && s2_matrix_column_find(settings.contract) < 0)
		return refuse(err, "--contract: expected one of rules, isolation, arch, bare-metal, kvm-compat, "
				   "kvm-compat-any");
	return check_named(line, err);
}

static int run(const struct s2_command_line *line, struct s2_error *err)
{
	uint32_t preemptions = S2_EXPLORE_ANY;

	if (settings.list)
		return list();
	if (settings.matrix)
		return s2_matrix_print(stdout, err) ? S2_EXIT_USAGE : S2_EXIT_DONE;
	if (check(line, &preemptions, err))
		return S2_EXIT_USAGE;
	return settings.replay ? replay(err) : explore_each(line, preemptions, err);
}

static const struct s2_tool tool = {
	.name = "s2-explore",
	.about = about,
	.about_end = about_end,
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.settings = &settings,
	.help = &settings.help,
	.version = &settings.version,
	.max_operands = SIZE_MAX,
	.run = run,
};

int main(int argc, char **argv)
{
	return s2_tool_main(&tool, argc, argv);
}
