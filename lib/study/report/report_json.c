/* SPDX-License-Identifier: MIT */
/* A report as JSON; see report.h. */
#include "study/report/report.h"

#include <errno.h>

#ifdef S2_HAVE_JANSSON

#include <jansson.h>
#include <math.h>

/*
 * Every setter takes over the reference that it is given and fails on NULL, so
 * a failure anywhere leaves a gap; `failed` remembers it and is asked once.
 */
struct writer {
	bool failed;
};

static void set(struct writer *w, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		w->failed = true;
}

static void append(struct writer *w, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		w->failed = true;
}

static json_t *text_or_null(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}

/** A whole number stays one; what no integer can hold is a real. */
static json_t *report_json_number(double value)
{
	if (value == floor(value) && fabs(value) < 0x1p53)
		return json_integer((json_int_t)value);
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *count(uint64_t n)
{
	return n <= INT64_MAX ? json_integer((json_int_t)n) : json_real((double)n);
}

static json_t *value_json(const struct s2_value *value)
{
	switch (value->kind) {
	case S2_OPTION_FLAG:
		return json_boolean(value->number != 0);
	case S2_OPTION_U64:
	case S2_OPTION_SIZE:
	case S2_OPTION_PAGES:
		return count(value->number);
	case S2_OPTION_REAL:
		return report_json_number(value->real);
	default:
		return text_or_null(value->text);
	}
}

static json_t *workload_json(struct writer *w, const struct s2_point *point)
{
	json_t *object = json_object();

	if (point->workload != NULL)
		set(w, object, "name", json_string(point->workload));
	for (size_t i = 0; i < point->n_pairs; i++)
		set(w, object, point->pairs[i].key, value_json(&point->pairs[i].value));
	return object;
}

static json_t *ops_json(struct writer *w, const struct s2_counts *ops)
{
	json_t *object = json_object();

	for (int op = 0; op < S2_OP_COUNT; op++)
		if (ops->n[op] != 0)
			set(w, object, s2_op_name((enum s2_op)op), count(ops->n[op]));
	return object;
}

static json_t *measures_json(struct writer *w, const struct s2_result *result)
{
	json_t *object = json_object();

	for (size_t i = 0; i < result->n_measures; i++)
		set(w, object, result->measures[i].name,
		    report_json_number(result->measures[i].value));
	return object;
}

static json_t *cost_json(struct writer *w, const struct s2_cost *cost)
{
	json_t *object = json_object();
	json_t *missing = json_array();

	for (int op = 0; op < S2_OP_COUNT; op++)
		if (cost->missing[op])
			append(w, missing, json_string(s2_op_name((enum s2_op)op)));
	for (int seq = 0; seq < S2_SEQ_COUNT; seq++)
		if (cost->missing_seq[seq])
			append(w, missing, json_string(s2_seq_name((enum s2_seq)seq)));
	set(w, object, "ns", cost->known ? report_json_number(cost->ns) : json_null());
	set(w, object, "known_ns", report_json_number(cost->ns));
	set(w, object, "basis", json_string(s2_cost_basis(cost)));
	set(w, object, "missing", missing);
	return object;
}

/** By one profile: the run, and those parts of it that a program bills apart. */
static json_t *profile_json(struct writer *w, const struct s2_report *report,
			    const struct s2_result *result, size_t k)
{
	const struct s2_cost cost = s2_report_cost(report, result, k);
	json_t *object = cost_json(w, &cost);
	json_t *parts = json_object();

	set(w, object, "profile", json_string(report->profiles[k].name));
	for (size_t i = 0; i < result->n_parts; i++) {
		const struct s2_cost part = s2_report_part_cost(report, &result->parts[i], k);

		set(w, parts, result->parts[i].name, cost_json(w, &part));
	}
	set(w, object, "parts", parts);
	return object;
}

static json_t *costs_json(struct writer *w, const struct s2_report *report,
			  const struct s2_result *result)
{
	json_t *array = json_array();

	for (size_t k = 0; k < report->n_profiles; k++)
		append(w, array, profile_json(w, report, result, k));
	return array;
}

static json_t *verdict_json(struct writer *w, const struct s2_verdict *verdict)
{
	json_t *object = json_object();

	set(w, object, "contract", json_string(verdict->contract));
	set(w, object, "status", json_string(s2_status_name(verdict->status)));
	set(w, object, "states", count(verdict->states));
	set(w, object, "violation", text_or_null(verdict->violation));
	return object;
}

static json_t *result_json(struct writer *w, const struct s2_report *report,
			   const struct s2_result *result)
{
	json_t *object = json_object();
	json_t *verdicts = json_array();

	set(w, object, "policy", json_string(result->policy));
	if (!result->applies)
		set(w, object, "applies", json_false());
	set(w, object, "ops", ops_json(w, &result->ops));
	if (result->n_measures != 0)
		set(w, object, "measures", measures_json(w, result));
	set(w, object, "cost", cost_json(w, &result->cost));
	if (report->n_profiles != 0)
		set(w, object, "costs", costs_json(w, report, result));
	for (size_t i = 0; i < result->n_verdicts; i++)
		append(w, verdicts, verdict_json(w, &result->verdicts[i]));
	set(w, object, "verdicts", verdicts);
	return object;
}

static void point_json(struct writer *w, const struct s2_report *report,
		       const struct s2_point *point, json_t *object)
{
	json_t *results = json_array();

	set(w, object, "workload", workload_json(w, point));
	for (size_t i = 0; i < point->n_results; i++)
		append(w, results, result_json(w, report, &point->results[i]));
	set(w, object, "results", results);
	if (point->skipped != NULL)
		set(w, object, "skipped", json_string(point->skipped));
}

static void points_json(struct writer *w, const struct s2_report *report, json_t *object)
{
	json_t *axes = json_array();
	json_t *points = json_array();

	for (size_t i = 0; i < report->n_axes; i++)
		append(w, axes, json_string(report->axes[i]));
	for (size_t i = 0; i < report->n_points; i++) {
		json_t *point = json_object();

		point_json(w, report, &report->points[i], point);
		append(w, points, point);
	}
	set(w, object, "axes", axes);
	if (report->n_axes != 0)
		set(w, object, "metric", json_string(report->metric));
	set(w, object, "points", points);
}

static json_t *report_json(struct writer *w, const struct s2_report *report)
{
	json_t *object = json_object();

	set(w, object, "program", json_string(report->program));
	set(w, object, "version", json_string(report->version));
	set(w, object, "machine", text_or_null(report->machine));
	set(w, object, "flavour", text_or_null(report->flavour));
	set(w, object, "profile",
	    text_or_null(report->n_profiles != 0 ? report->profiles[0].name : NULL));
	set(w, object, "seed", count(report->seed));
	/* One workload is the object's own; several have a list. */
	if (report->n_axes == 0 && report->n_points == 1)
		point_json(w, report, &report->points[0], object);
	else
		points_json(w, report, object);
	return object;
}

int s2_report_json(const struct s2_report *report, FILE *out)
{
	struct writer w = {false};
	json_t *object = report_json(&w, report);
	int r = 0;

	if (object == NULL || w.failed)
		r = -ENOMEM;
	else if (json_dumpf(object, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) < 0)
		r = -EIO;
	else
		(void)fputc('\n', out);
	json_decref(object);
	return r;
}

#else

int s2_report_json(const struct s2_report *report, FILE *out)
{
	(void)report;
	(void)out;
	return -ENOTSUP;
}

#endif
