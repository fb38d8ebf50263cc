/* SPDX-License-Identifier: MIT */
/* Each policy on each point; see session.h. */
#include "study/run/session.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct s2_policy *policy_at(const struct s2_session *s, size_t i)
{
	return &s->program->policies[s->policies.at[i]];
}

/** Which preset a point has; a sweep has the same at all of its points. */
static size_t preset_at(const struct s2_session *s, size_t point)
{
	return s->sweep.n_axes != 0 ? 0 : point;
}

static const struct s2_workload *workload_at(const struct s2_session *s, size_t point)
{
	if (s->n_presets == 0)
		return NULL;
	return &s->program->workloads[s->common.workloads.at[preset_at(s, point)]];
}

/** Sets the program's options as they are at @p point, later ones winning. */
static int set_options(struct s2_session *s, size_t point)
{
	const struct s2_option_table *own = &s->tables[S2_TABLE_OWN];
	int r = s2_options_defaults(own, &s->err);

	if (r == 0 && s->n_presets != 0)
		r = s2_options_apply(own, S2_TABLE_OWN, &s->presets[preset_at(s, point)], &s->err);
	if (r == 0)
		r = s2_options_apply(own, S2_TABLE_OWN, &s->line, &s->err);
	if (r == 0)
		r = s2_sweep_apply(&s->sweep, own, point, &s->err);
	return r;
}

/** The points of a sweep are many: unless they are asked to be judged they are not. */
static int check_when(const struct s2_session *s)
{
	if (s->common.check == S2_CHECK_AUTO && s->sweep.n_axes != 0)
		return S2_CHECK_NEVER;
	return s->common.check;
}

static struct s2_run run_at(struct s2_session *s, size_t point)
{
	return (struct s2_run){
		.program = s->program,
		.settings = s->tables[S2_TABLE_OWN].settings,
		.workload = workload_at(s, point),
		.workloads = &s->common.workloads,
		.features = s->program->machine != NULL ? &s->features : NULL,
		.flavour = s->flavour,
		.seed = s->common.seed,
		.check = check_when(s),
		.log = s->log,
		.operands = s->line.operands,
		.n_operands = s->line.n_operands,
		.state = s->state,
		.progress = s->outer != NULL ? s->outer : &s->progress,
	};
}

static int note_workload(struct s2_session *s, size_t p)
{
	const struct s2_option_table *own = &s->tables[S2_TABLE_OWN];
	struct s2_point *point = &s->report.points[p];
	const struct s2_workload *workload = workload_at(s, p);

	point->workload = workload != NULL ? workload->name : NULL;
	point->pairs = calloc(own->n + 1, sizeof(*point->pairs));
	if (point->pairs == NULL) {
		s2_error_set(&s->err, S2_OPTIONS_MEMORY, "out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < own->n; i++) {
		const struct s2_option *o = &own->options[i];

		if (!o->apart && o->kind != S2_OPTION_LIST)
			point->pairs[point->n_pairs++] =
				(struct s2_pair){o->name, s2_option_value(own, o)};
	}
	return 0;
}

/** A sweep's point that cannot be: it says why, and nothing is run there. */
static int skip_point(struct s2_session *s, size_t p)
{
	struct s2_point *point = &s->report.points[p];

	point->skipped = strdup(s->err.text);
	if (point->skipped == NULL) {
		s2_error_set(&s->err, S2_OPTIONS_MEMORY, "out of memory");
		return -ENOMEM;
	}
	s->report.n_skipped++;
	for (size_t i = 0; i < s->policies.n; i++)
		point->results[i].policy = policy_at(s, i)->name;
	return 0;
}

/** All points skipped is an error like any other; some are told of. */
static int note_skipped(struct s2_session *s)
{
	const struct s2_report *report = &s->report;

	if (report->n_skipped == report->n_points) {
		s2_error_set(&s->err, S2_OPTIONS_VALUE, "%s", s2_report_skipped(report));
		return -EINVAL;
	}
	if (report->n_skipped != 0)
		(void)fprintf(s->errs, "%s: %zu of %zu points cannot be, and are left out; the first: %s\n",
			      s->program->name, report->n_skipped, report->n_points,
			      s2_report_skipped(report));
	return 0;
}

/** Checks a point, and which policies mean something there. */
static int check_point(struct s2_session *s, size_t p)
{
	struct s2_run run;
	int r = set_options(s, p);

	if (r == 0)
		r = note_workload(s, p);
	if (r < 0)
		return r;
	run = run_at(s, p);
	r = s->program->check != NULL ? s->program->check(&run, &s->err) : 0;
	if (r < 0)
		return s->sweep.n_axes != 0 ? skip_point(s, p) : r;
	for (size_t i = 0; i < s->policies.n; i++) {
		struct s2_result *result = &s->report.points[p].results[i];

		run.policy = policy_at(s, i);
		result->policy = run.policy->name;
		result->applies =
			s->program->applies == NULL || s->program->applies(&run, &s->err) == 0;
	}
	return 0;
}

static bool applies_anywhere(const struct s2_session *s, size_t i)
{
	for (size_t p = 0; p < s->n_points; p++)
		if (s->report.points[p].results[i].applies)
			return true;
	return false;
}

/** Says why a policy that was asked for by name does not apply. */
static int refuse_policy(struct s2_session *s, size_t i)
{
	struct s2_error why = {0};
	struct s2_run run = run_at(s, s->n_points - 1);

	run.policy = policy_at(s, i);
	(void)s->program->applies(&run, &why);
	s2_error_set(&s->err, S2_OPTIONS_VALUE,
		     "--policy: got \"%s\", expected one that applies here: %.120s",
		     run.policy->name, why.text);
	return -EINVAL;
}

static void drop_policy(struct s2_session *s, size_t i)
{
	s->policies.n--;
	memmove(&s->policies.at[i], &s->policies.at[i + 1], s->policies.n - i);
	for (size_t p = 0; p < s->n_points; p++) {
		struct s2_point *point = &s->report.points[p];

		point->n_results--;
		memmove(&point->results[i], &point->results[i + 1],
			(point->n_results - i) * sizeof(*point->results));
	}
}

/** Leaves out what applies nowhere; refuses it if it was asked for. */
static int select_policies(struct s2_session *s)
{
	for (size_t i = s->policies.n; i-- > 0;) {
		if (applies_anywhere(s, i))
			continue;
		if (s->common.policies.n != 0 || s->policies.n == 1)
			return refuse_policy(s, i);
		drop_policy(s, i);
	}
	return 0;
}

/** What a sweep may compare, and one profile gives: times by the first. */
void s2_session_price(const struct s2_session *s, struct s2_result *result)
{
	result->cost = s2_report_cost(&s->report, result, 0);
	for (size_t i = 0; i < result->n_parts; i++)
		result->parts[i].cost = s2_report_part_cost(&s->report, &result->parts[i], 0);
}

int s2_session_set_point(struct s2_session *s, size_t p)
{
	return set_options(s, p);
}

int s2_session_run_policy(struct s2_session *s, size_t p, size_t i)
{
	struct s2_result *result = &s->report.points[p].results[i];
	struct s2_run run = run_at(s, p);
	int r;

	run.policy = policy_at(s, i);
	r = s->program->run(&run, result, &s->err);
	if (r < 0 && s->err.text[0] == '\0')
		s2_error_set(&s->err, S2_OPTIONS_MEMORY, "%s", strerror(-r));
	if (r == 0)
		s2_session_price(s, result);
	return r;
}

static int run_point(struct s2_session *s, size_t p)
{
	int r = set_options(s, p);

	for (size_t i = 0; i < s->policies.n && r == 0; i++) {
		if (s2_session_has_run(s, p, i))
			r = s2_session_run_policy(s, p, i);
		if (r == 0)
			s2_progress_job(s->outer != NULL ? s->outer : &s->progress);
	}
	return r;
}

static void describe(struct s2_session *s)
{
	for (size_t i = 0; i < s->sweep.n_axes; i++) {
		s->axes[i] = s->sweep.axes[i].option->name;
		s->axis_values[i] = s->sweep.axes[i].n;
	}
	s->report = (struct s2_report){
		.program = s->program->name,
		.version = S2_VERSION,
		.summary = s->program->summary,
		.machine = s->program->machine != NULL ? s->features.name : NULL,
		.flavour = s->flavour != NULL ? s->flavour->name : NULL,
		.thread = s->program->thread,
		.profiles = s->profiles,
		.n_profiles = s->n_profiles,
		.metric = s->common.metric,
		.all = s->common.all,
		.seed = s->common.seed,
		.axes = s->axes,
		.axis_values = s->axis_values,
		.n_axes = s->sweep.n_axes,
	};
}

/** A sweep by a number that nothing has would be a table of question marks. */
static int check_metric(struct s2_session *s)
{
	if (s->sweep.n_axes == 0 || s->common.shard != NULL)
		return 0;
	for (size_t p = 0; p < s->n_points; p++)
		for (size_t i = 0; i < s->policies.n; i++)
			if (!isnan(s2_result_metric(&s->report.points[p].results[i],
						    s->common.metric)))
				return 0;
	s2_error_set(
		&s->err, S2_OPTIONS_VALUE,
		"--metric: got \"%.40s\", which is unknown at every point, expected an "
		"operation, a measure, or known_time or time with a --profile that has the costs",
		s->common.metric);
	return -EINVAL;
}

static int run_points(struct s2_session *s)
{
	int r = 0;

	if (s->outer == NULL)
		s2_progress_init(&s->progress, s->errs, (enum s2_progress_mode)s->common.progress,
				 s->program->name, (uint64_t)s->n_points * s->policies.n);
	for (size_t p = 0; p < s->n_points && r == 0; p++)
		r = run_point(s, p);
	if (s->outer == NULL)
		s2_progress_end(&s->progress);
	return r;
}

/** In this process, in several, or read from who did it. */
static int run_all(struct s2_session *s)
{
	const uint64_t runs = (uint64_t)s->n_points * s->policies.n;

	if (s->common.merge != NULL)
		return s2_session_merge(s);
	if (s->jobs > runs)
		s->jobs = runs;
	return s->jobs > 1 ? s2_session_run_jobs(s) : run_points(s);
}

int s2_session_run(struct s2_session *s)
{
	int r = 0;

	describe(s);
	s->n_points = s->sweep.n_axes != 0 ? s2_sweep_points(&s->sweep)
		      : s->n_presets != 0  ? s->n_presets
					   : 1;
	if (s2_report_alloc(&s->report, s->n_points, s->policies.n) < 0) {
		s2_error_set(&s->err, S2_OPTIONS_MEMORY, "out of memory");
		return -ENOMEM;
	}
	for (size_t p = 0; p < s->n_points && r == 0; p++)
		r = check_point(s, p);
	if (r == 0)
		r = note_skipped(s);
	if (r == 0)
		r = select_policies(s);
	if (r == 0)
		r = run_all(s);
	if (r == 0)
		r = check_metric(s);
	return r;
}
