/* SPDX-License-Identifier: MIT */
/* s2-explore: what hypervisor threads and guests do at once, in every order. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <stage2sim/flavour.h>

#include "study/scenario/matrix.h"
#include "study/scenario/scenarios.h"
#include "study/scenario/schedule.h"
#include "study/base/parse.h"
#include "study/part/part.h"
#include "study/option/options.h"
#include "study/run/jobs.h"
#include "study/run/tool.h"

struct settings {
	const char *preemptions, *replay, *save, *contract, *result, *checkpoint, *resume;
	uint64_t steps, schedules, states, seconds, random, jobs;
	const char *shard;
	bool pruning, go_on, step, merge, list, matrix, help, version;
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
	       "only every Nth scenario from the Ith on: one of N commands, on whatever machines; of one scenario the Ith part of its search"),
	OPTION(STRING, result, "result", "FILE", NULL,
	       "write there what a part of one search has found, for --merge", .group = "One long search"),
	OPTION(FLAG, merge, "merge", NULL, NULL,
	       "the operands are files of --result, one of each part: tell what all of them found"),
	OPTION(STRING, checkpoint, "checkpoint", "FILE", NULL,
	       "keep there what is left of a search that SIGINT, SIGTERM or a bound ends"),
	OPTION(STRING, resume, "resume", "FILE", NULL, "go on with what --checkpoint kept"),
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

/* Which part of a search, and with what it goes on. */
struct part_of {
	uint32_t preemptions;
	uint32_t shard, shards;
	uint8_t *kept; /* or NULL */
	size_t n_kept;
};

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
	       " steps, depth %" PRIu64,
	       r->states, r->schedules, r->pruned, r->steps, r->depth);
	if (seconds >= 0)
		printf("; %.2f s", seconds);
	putchar('\n');
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

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	(void)signal;
	interrupted = 1;
}

static bool is_interrupted(void *arg)
{
	(void)arg;
	return interrupted;
}

static int write_part(const struct s2_named_scenario *s, const struct s2_explore_config *cfg,
		      const struct s2_explore_result *r, struct s2_error *err)
{
	struct s2_search_part part = {.preemptions = cfg->preemptions,
			       .steps = cfg->steps,
			       .pruning = !cfg->no_pruning,
			       .shard = cfg->shards ? cfg->shard : 1,
			       .shards = cfg->shards ? cfg->shards : 1,
			       .result = *r};

	snprintf(part.scenario, sizeof(part.scenario), "%s", s->scenario.name);
	snprintf(part.contract, sizeof(part.contract), "%s",
		 settings.contract ? settings.contract : "-");
	return s2_search_part_write(settings.result, &part, err);
}

/* What is left when a search has ended otherwise than by itself. @return 0 or an error, said in @err */
static int keep(const struct s2_explore_result *r, struct s2_error *err)
{
	int ret;

	if (!settings.checkpoint || !r->saved)
		return 0;
	ret = s2_kept_write(settings.checkpoint, r, err);
	if (!ret)
		printf("    kept in %s: go on with --resume\n", settings.checkpoint);
	return ret;
}

/* @return 0 or an error, said in @err */
static int finish(const struct s2_named_scenario *s, const struct s2_explore_config *cfg,
		  const struct s2_explore_result *r, struct s2_error *err)
{
	int ret = tell(s, r, err);

	if (!ret)
		ret = keep(r, err);
	if (!ret && settings.result)
		ret = write_part(s, cfg, r, err);
	return ret;
}

/* @return an exit status */
static int explore(const struct s2_named_scenario *s, const struct part_of *of, struct s2_error *err)
{
	struct s2_explore_config cfg = {
		.preemptions = strcmp(settings.preemptions, "scenario") ? of->preemptions : s->preemptions,
		.steps = settings.steps,
		.schedules = settings.schedules,
		.states = settings.states,
		.seconds = (double)settings.seconds,
		.no_pruning = !settings.pruning,
		.go_on = settings.go_on,
		.seed = settings.random,
		.found = settings.go_on ? print_found : NULL,
		.stop = settings.checkpoint ? is_interrupted : NULL,
		.save = settings.checkpoint || settings.result,
		.shard = of->shard,
		.shards = of->shards,
		.resume = of->kept,
		.n_resume = of->n_kept,
	};
	struct s2_explore_result r;
	double start = now();
	bool found;
	int ret = s2_explore(&s->scenario, &cfg, &r);

	if (ret) {
		s2_error_set(err, 1, "%s: %s", s->scenario.name,
			     ret == -EINVAL && cfg.resume ? "what was kept is of another search" : strerror(-ret));
	} else {
		print_figures(s, &r, now() - start);
		ret = finish(s, &cfg, &r, err);
	}
	found = r.kind != S2_EXPLORE_NOTHING;
	s2_explore_result_free(&r);
	if (ret)
		return S2_EXIT_USAGE;
	/* What a part has not found another may. */
	return settings.result || found == s->broken ? S2_EXIT_DONE : S2_EXIT_VIOLATION;
}

static int explore_named(const char *name, const struct part_of *of, struct s2_error *err)
{
	struct s2_scenario_variant v;

	if (s2_scenario_variant(name, &v))
		return S2_EXIT_USAGE;
	if (settings.contract)
		s2_matrix_ask((unsigned)s2_matrix_column_find(settings.contract),
			      &v.named.scenario);
	return explore(&v.named, of, err);
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
	struct part_of of;
	uint64_t first, stride; /* of all: --shard */
};

static int explore_one(void *arg, size_t i)
{
	const struct work *w = arg;
	struct s2_error err = {0};
	const int ret = explore_named(asked_for(w->line, w->first + i * w->stride), &w->of,
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
	struct work w = {.line = line, .of = {.preemptions = preemptions}};
	/* A finding is kept in one file: that of the last, whoever is faster. */
	struct s2_jobs jobs = {.work = explore_one, .arg = &w,
			       .at_once = settings.save ? 1 : settings.jobs};
	int worst = S2_EXIT_DONE;

	(void)read_shard(&w);
	if (line->n_operands == 1) {
		w.of.shard = (uint32_t)w.first + 1;
		w.of.shards = (uint32_t)w.stride;
		w.first = 0;
		w.stride = 1;
	}
	if (settings.resume && s2_kept_read(settings.resume, &w.of.kept, &w.of.n_kept, err))
		return S2_EXIT_USAGE;
	if (settings.checkpoint) {
		signal(SIGINT, on_signal);
		signal(SIGTERM, on_signal);
	}
	while (asked_for(line, w.first + jobs.n * w.stride))
		jobs.n++;
	if (s2_jobs_run(&jobs, &worst, err))
		worst = S2_EXIT_USAGE + 1;
	free(w.of.kept);
	if (worst > S2_EXIT_USAGE)
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

/* @return an exit status */
static int merge(const struct s2_command_line *line, struct s2_error *err)
{
	struct s2_scenario_variant v;
	struct s2_search_part part;
	int status = S2_EXIT_USAGE;

	if (s2_search_part_merge((const char *const *)line->operands, line->n_operands, &part, err))
		return S2_EXIT_USAGE;
	if (s2_scenario_variant(part.scenario, &v)) {
		s2_error_set(err, 1, "%.80s: no scenario of this version", part.scenario);
	} else {
		if (strcmp(part.contract, "-") && s2_matrix_column_find(part.contract) >= 0)
			s2_matrix_ask((unsigned)s2_matrix_column_find(part.contract),
				      &v.named.scenario);
		printf("%" PRIu32 " parts of one search\n", part.shards);
		print_figures(&v.named, &part.result, -1);
		if (!tell(&v.named, &part.result, err))
			status = (part.result.kind != S2_EXPLORE_NOTHING) == v.named.broken
					 ? S2_EXIT_DONE
					 : S2_EXIT_VIOLATION;
	}
	s2_explore_result_free(&part.result);
	return status;
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
	if ((settings.result || settings.checkpoint || settings.resume) && line->n_operands != 1)
		return refuse(err, "--result, --checkpoint and --resume: expected one scenario");
	if (settings.result && (settings.random || settings.go_on))
		return refuse(err, "--result: neither with --random nor with --go-on");
	if (settings.checkpoint && settings.random)
		return refuse(err, "--checkpoint: not with --random, whose seeds say where to go on");
	if (settings.shard && line->n_operands == 1 && !settings.result)
		return refuse(err, "--shard: of one scenario expected --result as well");
	if (settings.merge)
		return line->n_operands ? 0 : refuse(err, "--merge: expected the files of --result");
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
	if (settings.merge)
		return merge(line, err);
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
