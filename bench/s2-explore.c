/* SPDX-License-Identifier: MIT */
/* s2-explore: what hypervisor threads and guests do at once, in every order. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <stage2sim/flavour.h>

#include "study/check/scenarios.h"
#include "study/check/story.h"
#include "study/option/options.h"
#include "study/run/program.h"

struct settings {
	const char *preemptions, *replay, *save;
	uint64_t steps, schedules, states, seconds, random;
	bool pruning, go_on, list, help, version;
};

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
	OPTION(STRING, save, "save", "FILE", NULL, "write the schedule of the finding there",
	       .group = "Findings"),
	OPTION(STRING, replay, "replay", "FILE", NULL, "run the schedule in FILE, and tell each step"),
	OPTION(FLAG, list, "list", NULL, NULL, "the scenarios", .group = "Other"),
	OPTION(FLAG, help, "help", NULL, NULL, "this text", .letter = 'h'),
	OPTION(FLAG, version, "version", NULL, NULL, "the version"),
};

static const char about[] =
	"usage: s2-explore [option]... [SCENARIO]...\n"
	"\n"
	"Runs each scenario (all of them, if none is named) in every order of its threads, which\n"
	"stop before each instruction, each word of a table, each lock and each wait, under the\n"
	"oracle.  Says how much was explored, or tells the story of the first violation.\n"
	"\n";

static int usage_error(const char *text)
{
	fprintf(stderr, "s2-explore: %s\n", text);
	return S2_EXIT_USAGE;
}

static void help(const struct s2_option_table *table)
{
	fputs(about, stdout);
	s2_options_help(table, stdout);
	fputs("\nExit status: 0 all as listed: broken scenarios found out, the others clean; 1 not\n"
	      "so; 2 bad input or usage, with one line on standard error.\n",
	      stdout);
}

static void list(void)
{
	const struct s2_named_scenario *s;

	for (size_t i = 0; (s = s2_scenario_at(i)); i++) {
		char bound[16] = "any";

		if (s->preemptions != S2_EXPLORE_ANY)
			snprintf(bound, sizeof(bound), "%" PRIu32, s->preemptions);
		printf("%-18s %-7s %4s  %s\n", s->scenario.name, s->broken ? "broken" : "sound",
		       bound, s->scenario.about);
	}
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
		printf("; %" PRIu32 " preemptions", r->preemptions);
	printf("\n    %" PRIu64 " states, %" PRIu64 " schedules (%" PRIu64 " to a state seen), %" PRIu64
	       " steps, depth %" PRIu64 "; %.2f s\n",
	       r->states, r->schedules, r->pruned, r->steps, r->depth, seconds);
}

static int tell(const struct s2_named_scenario *s, const struct s2_explore_result *r,
		const char *save)
{
	struct s2_error err = {0};
	int ret;

	if (r->kind == S2_EXPLORE_NOTHING)
		return 0;
	if (r->seed)
		printf("    seed %" PRIu64 "\n", r->seed);
	ret = s2_story_print(&s->scenario, r->schedule, r->n_schedule, stdout);
	if (!ret && save)
		ret = s2_story_save(save, s->scenario.name, r->schedule, r->n_schedule, &err);
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
static int explore(const struct s2_named_scenario *s, const struct settings *o)
{
	struct s2_explore_config cfg = {
		.preemptions = s->preemptions,
		.steps = o->steps,
		.schedules = o->schedules,
		.states = o->states,
		.seconds = (double)o->seconds,
		.no_pruning = !o->pruning,
		.go_on = o->go_on,
		.seed = o->random,
		.found = o->go_on ? print_found : NULL,
	};
	struct s2_explore_result r;
	double start = now();
	char text[128];
	bool found;
	int ret;

	if (strcmp(o->preemptions, "scenario") && parse_preemptions(o->preemptions, &cfg.preemptions))
		return usage_error("--preemptions: expected a number, any or scenario");
	ret = s2_explore(&s->scenario, &cfg, &r);
	if (!ret) {
		print_figures(s, &r, now() - start);
		ret = tell(s, &r, o->save);
	}
	found = r.kind != S2_EXPLORE_NOTHING;
	s2_explore_result_free(&r);
	if (ret) {
		snprintf(text, sizeof(text), "%s: %s", s->scenario.name, strerror(-ret));
		return usage_error(text);
	}
	return found == s->broken ? S2_EXIT_DONE : S2_EXIT_VIOLATION;
}

static int explore_named(const struct s2_command_line *line, const struct settings *o)
{
	int worst = S2_EXIT_DONE;

	for (size_t i = 0; i < line->n_operands; i++) {
		const struct s2_named_scenario *s = s2_scenario_find(line->operands[i]);
		char text[160];
		int ret;

		if (!s) {
			snprintf(text, sizeof(text), "\"%.80s\" is no scenario; see --list",
				 line->operands[i]);
			return usage_error(text);
		}
		ret = explore(s, o);
		worst = ret > worst ? ret : worst;
	}
	return worst;
}

static int explore_all(const struct settings *o)
{
	const struct s2_named_scenario *s;
	int worst = S2_EXIT_DONE;

	for (size_t i = 0; (s = s2_scenario_at(i)) && worst != S2_EXIT_USAGE; i++) {
		const int ret = explore(s, o);

		worst = ret > worst ? ret : worst;
	}
	return worst;
}

static int replay(const char *path)
{
	struct s2_error err = {0};
	bool found = false;

	if (s2_story_replay(path, stdout, &found, &err))
		return usage_error(err.text);
	return found ? S2_EXIT_VIOLATION : S2_EXIT_DONE;
}

static int run(const struct s2_command_line *line, const struct settings *o)
{
	if (o->random && !o->schedules && !o->seconds)
		return usage_error("--random: expected --schedules or --seconds as well");
	if (o->replay && line->n_operands)
		return usage_error("--replay: the file names the scenario");
	if (o->replay)
		return replay(o->replay);
	return line->n_operands ? explore_named(line, o) : explore_all(o);
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
	if (s2_options_apply(&table, 0, &line, &err))
		ret = usage_error(err.text);
	else if (s.help)
		help(&table);
	else if (s.version)
		puts("s2-explore " S2_VERSION);
	else if (s.list)
		list();
	else
		ret = run(&line, &s);
	s2_command_line_free(&line);
	return ret;
}
