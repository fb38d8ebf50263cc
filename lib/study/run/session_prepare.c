/* SPDX-License-Identifier: MIT */
/* From what the options say to what will be run; see session.h. */
#include "study/run/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "study/base/parse.h"
#include "study/option/machine.h"
#include "study/report/plot.h"

/** Says "--option: got X, expected Y". @return -EINVAL */
static int bad_option(struct s2_session *s, const char *option, const char *got,
		      const char *expected)
{
	s2_error_set(&s->err, S2_OPTIONS_VALUE, "--%s: got \"%.80s\", expected %s", option, got,
		     expected);
	return -EINVAL;
}

static int session_prepare_no_memory(struct s2_session *s)
{
	s2_error_set(&s->err, S2_OPTIONS_MEMORY, "out of memory");
	return -ENOMEM;
}

static int prepare_machine(struct s2_session *s)
{
	int r;

	if (s->program->machine == NULL)
		return 0;
	r = s2_machine_parse(s->common.machine, &s->features, &s->err);
	if (r < 0)
		return r;
	s->tables[S2_TABLE_OWN].page_size = UINT64_C(1) << s->features.granule;
	return 0;
}

static int prepare_flavour(struct s2_session *s)
{
	int r;

	if (s->program->flavour == NULL)
		return 0;
	r = s2_machine_flavour(s->common.flavour, &s->own_flavour, &s->err);
	if (r == 0)
		s->flavour = &s->own_flavour;
	return r;
}

/** What would only be found out after all the work is found out before. */
static int prepare_output(struct s2_session *s)
{
	const struct s2_option *metric = s2_options_find(&s->tables[S2_TABLE_COMMON], "metric");
	const char *path = s->common.output;
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;
	char dir[4096] = ".";

#ifndef S2_HAVE_JANSSON
	if (s->common.format == S2_FORMAT_JSON)
		return bad_option(s, "format", "json",
				  "table or csv: JSON was left out of this build (no jansson)");
#endif
	if (s->common.plot != NULL && s2_plot_check(s->common.plot, &s->err) < 0)
		return -EINVAL;
	if (s->common.plot != NULL && s->common.sweep == NULL)
		return bad_option(s, "plot", s->common.plot, "a --sweep to be drawn");
	if (s->common.sweep == NULL && s2_options_given(&s->line, metric))
		return bad_option(s, "metric", s->common.metric, "a --sweep to be compared by it");
	if (path == NULL)
		return 0;
	if (slash != NULL && (size_t)(slash - path) < sizeof(dir))
		(void)snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path),
			       path);
	if (access(path, F_OK) == 0 ? access(path, W_OK) : access(dir, W_OK)) {
		s2_error_set(&s->err, S2_OPTIONS_VALUE,
			     "--output: got \"%.80s\" (%s), expected a file that can be written",
			     path, strerror(errno));
		return -EINVAL;
	}
	return 0;
}

static int prepare_operands(struct s2_session *s)
{
	if (s->program->operands != NULL || s->line.n_operands == 0)
		return 0;
	s2_error_set(&s->err, S2_OPTIONS_UNKNOWN, "got \"%.80s\", expected only options",
		     s->line.operands[0]);
	return -EINVAL;
}

/** Adds "key=value" of a workload to its preset options; cuts @p word. */
static int add_preset(struct s2_session *s, struct s2_command_line *preset, char *word)
{
	const struct s2_option *option = NULL;
	char *equals = strchr(word, '=');

	if (equals != NULL) {
		*equals = '\0';
		option = s2_options_find(&s->tables[S2_TABLE_OWN], word);
	}
	if (option == NULL)
		return bad_option(s, "workload", word, "an option of the program (its own table)");
	preset->given[preset->n_given++] = (struct s2_given){
		.table = S2_TABLE_OWN,
		.option = option,
		.text = equals + 1,
		.negated = !strcmp(equals + 1, "off"),
	};
	return 0;
}

static int read_preset(struct s2_session *s, struct s2_command_line *preset, char *text)
{
	char *rest = text;

	preset->given = calloc(strlen(text) / 2 + 1, sizeof(*preset->given));
	if (preset->given == NULL)
		return session_prepare_no_memory(s);
	while (*(rest += strspn(rest, " ")) != '\0') {
		char *word = rest;
		int r;

		rest += strcspn(rest, " ");
		if (*rest != '\0')
			*rest++ = '\0';
		r = add_preset(s, preset, word);
		if (r < 0)
			return r;
	}
	return 0;
}

/** One text for all workloads, to be cut into words. */
static int copy_workloads(struct s2_session *s)
{
	const struct s2_option_list *list = &s->common.workloads;
	size_t size = 1;
	char *to;

	for (size_t i = 0; i < list->n; i++) {
		const char *settings = s->program->workloads[list->at[i]].settings;

		size += settings != NULL ? strlen(settings) + 1 : 1;
	}
	s->workload_text = calloc(size, 1);
	s->presets = calloc(list->n + 1, sizeof(*s->presets));
	if (s->workload_text == NULL || s->presets == NULL)
		return session_prepare_no_memory(s);
	s->n_presets = list->n;
	to = s->workload_text;
	for (size_t i = 0; i < list->n; i++) {
		const char *settings = s->program->workloads[list->at[i]].settings;
		const size_t len = settings != NULL ? strlen(settings) : 0;
		int r;

		if (settings != NULL)
			memcpy(to, settings, len + 1);
		r = read_preset(s, &s->presets[i], to);
		if (r < 0)
			return r;
		to += len + 1;
	}
	return 0;
}

static int prepare_sweep(struct s2_session *s)
{
	const char *text = s->common.sweep;
	int r;

	if (text == NULL)
		return 0;
	if (s->n_presets > 1)
		return bad_option(s, "sweep", text, "one --workload with it");
	if (!strcmp(text, "default")) {
		if (s->program->sweep == NULL)
			return bad_option(s, "sweep", text, "KEY=A..B: there is no default sweep");
		text = s->program->sweep;
	}
	r = s2_sweep_parse(&s->tables[S2_TABLE_OWN], text, &s->sweep, &s->err);
	if (r < 0)
		return r;
	if (s->common.plot != NULL && s->sweep.n_axes > 2)
		return bad_option(s, "plot", s->common.plot, "a sweep of one or two options");
	return 0;
}

/** Last, so that a wrong option is said on a machine without gnuplot too. */
static int prepare_plot(struct s2_session *s)
{
	if (s->common.plot == NULL)
		return 0;
	return s2_plot_find(s->common.plot, &s->err);
}

/** Reads "I/N". */
static int prepare_shard(struct s2_session *s)
{
	const char *text = s->common.shard;
	const char *slash = strchr(text, '/');
	struct s2_span first = {text, slash != NULL ? (size_t)(slash - text) : 0};

	if (slash == NULL || s2_parse_span_u64(first, &s->shard) < 0 ||
	    s2_parse_u64(slash + 1, &s->shards) < 0 || s->shard == 0 || s->shard > s->shards)
		return bad_option(s, "shard", text, "I/N, such as 1/4 to 4/4");
	s->shard--;
	if (s->common.merge != NULL)
		return bad_option(s, "shard", text, "no --merge with it");
	if (s->common.plot != NULL || s->common.format != S2_FORMAT_TABLE ||
	    s->common.expect != S2_EXPECT_NOTHING)
		return bad_option(s, "shard", text,
				  "--format, --plot and --expect with --merge only");
	return 0;
}

/** How the runs are shared out. */
static int prepare_share(struct s2_session *s)
{
	long cpus;

	s->shards = 1;
	s->jobs = s->common.jobs;
	/* What a program keeps from run to run every process would make for itself. */
	if (s->jobs == 0 && s->common.sweep != NULL && s->program->state_size == 0) {
		cpus = sysconf(_SC_NPROCESSORS_ONLN);
		s->jobs = cpus > 0 ? (uint64_t)cpus : 1;
	}
	/* A story and a log stay in the process that made them. */
	if (s->jobs == 0 || s->common.story != NULL || s->common.log != S2_LOG_NO)
		s->jobs = 1;
	if (s->common.story != NULL && (s->common.shard != NULL || s->common.merge != NULL))
		return bad_option(s, "story", s->common.story, "neither --shard nor --merge");
	return s->common.shard != NULL ? prepare_shard(s) : 0;
}

static void prepare_policies(struct s2_session *s)
{
	s->policies = s->common.policies;
	if (s->policies.n != 0)
		return;
	while (s->policies.n < s->program->n_policies) {
		s->policies.at[s->policies.n] = (uint8_t)s->policies.n;
		s->policies.n++;
	}
}

static int load_profile(struct s2_session *s, const char *spec)
{
	int r;

	if (s->n_profiles == S2_PROFILES_MAX) {
		s2_error_set(&s->err, S2_OPTIONS_VALUE, "--profile: got more, expected at most %d",
			     S2_PROFILES_MAX);
		return -E2BIG;
	}
	r = s2_profile_load(spec, &s->profiles[s->n_profiles], &s->err);
	if (r < 0)
		return r;
	s->n_profiles++;
	for (size_t i = 0; i + 1 < s->n_profiles; i++)
		if (!strcmp(s->profiles[i].name, s->profiles[s->n_profiles - 1].name))
			return bad_option(s, "profile", spec, "profiles of different names");
	return 0;
}

/** Loads each of "A,B". */
static int load_profiles(struct s2_session *s, const char *text)
{
	int r = 0;

	while (r == 0) {
		const size_t len = strcspn(text, ",");
		char *spec = strndup(text, len);

		if (spec == NULL)
			return session_prepare_no_memory(s);
		r = load_profile(s, spec);
		free(spec);
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	return r;
}

/** All that were given, in one option or in several. */
static int prepare_profiles(struct s2_session *s)
{
	int r = 0;

	for (size_t i = 0; i < s->line.n_given && r == 0; i++) {
		const struct s2_given *given = &s->line.given[i];

		if (given->table == S2_TABLE_COMMON &&
		    given->option->offset == offsetof(struct s2_common, profile))
			r = load_profiles(s, given->text);
	}
	return r;
}

int s2_session_prepare(struct s2_session *s)
{
	int r = prepare_operands(s);

	if (r == 0)
		r = prepare_machine(s);
	if (r == 0)
		r = prepare_flavour(s);
	if (r == 0)
		r = prepare_output(s);
	if (r == 0)
		r = prepare_profiles(s);
	if (r == 0 && s->program->n_workloads != 0)
		r = copy_workloads(s);
	if (r == 0)
		r = s2_options_defaults(&s->tables[S2_TABLE_OWN], &s->err);
	if (r == 0)
		r = prepare_sweep(s);
	if (r == 0)
		r = prepare_share(s);
	if (r == 0)
		r = prepare_plot(s);
	if (r < 0)
		return r;
	prepare_policies(s);
	return 0;
}
