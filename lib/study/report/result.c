/* SPDX-License-Identifier: MIT */
/* What a study found; see result.h. */
#include "study/report/result.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int s2_result_measure(struct s2_result *result, const char *name, const char *unit, double value)
{
	if (result->n_measures == S2_MEASURES_MAX)
		return -ENOSPC;
	result->measures[result->n_measures++] = (struct s2_measure){name, unit, value};
	return 0;
}

int s2_result_part(struct s2_result *result, const char *name, const char *help,
		   const struct s2_bill *bill)
{
	struct s2_part *parts =
		realloc(result->parts, (result->n_parts + 1) * sizeof(*result->parts));

	if (parts == NULL)
		return -ENOMEM;
	parts[result->n_parts++] = (struct s2_part){name, help, *bill, {.known = false}};
	result->parts = parts;
	return 0;
}

struct s2_cost s2_report_part_cost(const struct s2_report *report, const struct s2_part *part,
				   size_t k)
{
	return s2_profile_price(k < report->n_profiles ? &report->profiles[k] : NULL, &part->bill,
				report->thread);
}

struct s2_cost s2_report_cost(const struct s2_report *report, const struct s2_result *result,
			      size_t k)
{
	const struct s2_part all = {.bill = {.ops = result->ops}};

	return s2_report_part_cost(report, &all, k);
}

int s2_result_verdict(struct s2_result *result, const char *contract, enum s2_status status,
		      uint64_t states, const char *violation)
{
	struct s2_verdict verdict = {contract, status, states, NULL, NULL};

	if (result->n_verdicts == S2_VERDICTS_MAX)
		return -ENOSPC;
	if (violation != NULL) {
		verdict.violation = strdup(violation);
		if (verdict.violation == NULL)
			return -ENOMEM;
	}
	result->verdicts[result->n_verdicts++] = verdict;
	return 0;
}

int s2_result_story(struct s2_result *result, const struct s2_told *told)
{
	struct s2_verdict *last = &result->verdicts[result->n_verdicts - 1];

	last->told = malloc(sizeof(*last->told));
	if (!last->told)
		return -ENOMEM;
	*last->told = *told;
	return 0;
}

const char *s2_status_name(enum s2_status status)
{
	switch (status) {
	case S2_SOUND:
		return "sound";
	case S2_UNSOUND:
		return "unsound";
	default:
		return "unchecked";
	}
}

const char *s2_status_word(enum s2_status status)
{
	switch (status) {
	case S2_SOUND:
		return "holds";
	case S2_UNSOUND:
		return "broken";
	default:
		return "unchecked";
	}
}

int s2_report_alloc(struct s2_report *report, size_t n_points, size_t n_results)
{
	report->points = calloc(n_points, sizeof(*report->points));
	if (report->points == NULL)
		return -ENOMEM;
	report->n_points = n_points;
	for (size_t i = 0; i < n_points; i++) {
		report->points[i].results = calloc(n_results, sizeof(struct s2_result));
		if (report->points[i].results == NULL)
			return -ENOMEM;
		report->points[i].n_results = n_results;
	}
	return 0;
}

void s2_result_free(struct s2_result *result)
{
	for (size_t i = 0; i < result->n_verdicts; i++) {
		free(result->verdicts[i].violation);
		free(result->verdicts[i].told);
	}
	free(result->parts);
}

void s2_report_free(struct s2_report *report)
{
	for (size_t i = 0; i < report->n_points; i++) {
		struct s2_point *point = &report->points[i];

		for (size_t k = 0; k < point->n_results; k++)
			s2_result_free(&point->results[k]);
		free(point->results);
		free(point->pairs);
		free(point->skipped);
	}
	free(report->points);
	report->points = NULL;
	report->n_points = 0;
}

const struct s2_pair *s2_point_find(const struct s2_point *point, const char *key)
{
	for (size_t i = 0; i < point->n_pairs; i++)
		if (!strcmp(point->pairs[i].key, key))
			return &point->pairs[i];
	return NULL;
}

const struct s2_measure *s2_result_find(const struct s2_result *result, const char *name)
{
	for (size_t i = 0; i < result->n_measures; i++)
		if (!strcmp(result->measures[i].name, name))
			return &result->measures[i];
	return NULL;
}

static bool is_axis(const struct s2_report *report, const char *key)
{
	for (size_t i = 0; i < report->n_axes; i++)
		if (!strcmp(report->axes[i], key))
			return true;
	return false;
}

const char *s2_point_text(const struct s2_report *report, const struct s2_point *point, char *buf,
			  size_t size)
{
	const char *before = ": ";
	char value[128];
	size_t at;

	at = (size_t)snprintf(buf, size, "workload%s%s", point->workload != NULL ? " " : "",
			      point->workload != NULL ? point->workload : "");
	for (size_t i = 0; i < point->n_pairs && at < size; i++) {
		const struct s2_pair *pair = &point->pairs[i];

		if (is_axis(report, pair->key))
			continue;
		at += (size_t)snprintf(buf + at, size - at, "%s%s %s", before, pair->key,
				       s2_value_text(&pair->value, value, sizeof(value)));
		before = ", ";
	}
	return buf;
}

double s2_result_metric(const struct s2_result *result, const char *metric)
{
	const struct s2_measure *measure;
	int op;

	if (!result->applies)
		return NAN;
	if (!strcmp(metric, "time"))
		return result->cost.known ? result->cost.ns : NAN;
	if (!strcmp(metric, "known_time"))
		return result->cost.ns;
	op = s2_op_find(metric);
	if (op >= 0)
		return (double)result->ops.n[op];
	for (size_t i = 0; i < result->n_parts; i++)
		if (!strcmp(result->parts[i].name, metric))
			return result->parts[i].cost.known ? result->parts[i].cost.ns : NAN;
	measure = s2_result_find(result, metric);
	return measure != NULL ? measure->value : NAN;
}

const char *s2_report_skipped(const struct s2_report *report)
{
	for (size_t p = 0; p < report->n_points; p++)
		if (report->points[p].skipped != NULL)
			return report->points[p].skipped;
	return NULL;
}

const struct s2_verdict *s2_report_first(const struct s2_report *report, enum s2_status status,
					 const struct s2_result **result)
{
	for (size_t i = 0; i < report->n_points; i++) {
		for (size_t k = 0; k < report->points[i].n_results; k++) {
			*result = &report->points[i].results[k];
			for (size_t v = 0; v < (*result)->n_verdicts; v++)
				if ((*result)->verdicts[v].status == status)
					return &(*result)->verdicts[v];
		}
	}
	return NULL;
}

size_t s2_report_verdicts(const struct s2_report *report, enum s2_status status)
{
	size_t n = 0;

	for (size_t i = 0; i < report->n_points; i++) {
		for (size_t k = 0; k < report->points[i].n_results; k++) {
			const struct s2_result *result = &report->points[i].results[k];

			for (size_t v = 0; v < result->n_verdicts; v++)
				n += result->verdicts[v].status == status;
		}
	}
	return n;
}

static const struct s2_told *story_of(const struct s2_result *result)
{
	for (size_t i = 0; i < result->n_verdicts; i++)
		if (result->verdicts[i].told)
			return result->verdicts[i].told;
	return NULL;
}

const struct s2_told *s2_report_story(const struct s2_report *report)
{
	const struct s2_told *told = NULL;

	for (size_t i = 0; i < report->n_points; i++)
		for (size_t k = 0; !told && k < report->points[i].n_results; k++)
			told = story_of(&report->points[i].results[k]);
	return told;
}
