/* SPDX-License-Identifier: MIT */
/* A report as comma-separated values (RFC 4180, lines ending in a newline); see report.h. */
#include "study/report/report.h"

#include <inttypes.h>
#include <string.h>

static void write_text(FILE *out, const char *text)
{
	if (text == NULL)
		return;
	if (strpbrk(text, ",\"\r\n") == NULL) {
		(void)fputs(text, out);
		return;
	}
	(void)fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			(void)fputc('"', out);
		(void)fputc(*text, out);
	}
	(void)fputc('"', out);
}

static bool counted(const struct s2_report *report, int op)
{
	for (size_t p = 0; p < report->n_points; p++)
		for (size_t i = 0; i < report->points[p].n_results; i++)
			if (report->points[p].results[i].ops.n[op] != 0)
				return true;
	return false;
}

/** The measures are those of the first result that has any. */
static const struct s2_result *measured(const struct s2_report *report)
{
	for (size_t p = 0; p < report->n_points; p++)
		for (size_t i = 0; i < report->points[p].n_results; i++)
			if (report->points[p].results[i].n_measures != 0)
				return &report->points[p].results[i];
	return &report->points[0].results[0];
}

/** How many profiles have columns: without any the costs are there, and unknown. */
static size_t n_costs(const struct s2_report *report)
{
	return report->n_profiles != 0 ? report->n_profiles : 1;
}

/** Of several profiles each column says whose it is: "cost_ns@altra". */
static void write_cost_header(const struct s2_report *report, const struct s2_result *names,
			      FILE *out)
{
	for (size_t k = 0; k < n_costs(report); k++) {
		const char *at = report->n_profiles > 1 ? "@" : "";
		const char *whose = report->n_profiles > 1 ? report->profiles[k].name : "";

		(void)fprintf(out, ",cost_ns%s%s,cost_known_ns%s%s,cost_missing%s%s", at, whose, at,
			      whose, at, whose);
		if (report->n_profiles == 0)
			continue;
		(void)fprintf(out, ",cost_basis%s%s", at, whose);
		for (size_t i = 0; i < names->n_parts; i++)
			(void)fprintf(out, ",%s%s%s,%s_basis%s%s", names->parts[i].name, at, whose,
				      names->parts[i].name, at, whose);
	}
}

static void write_header(const struct s2_report *report, FILE *out)
{
	const struct s2_point *point = &report->points[0];
	const struct s2_result *names = measured(report);

	(void)fputs("program,version,machine,flavour,seed,workload", out);
	for (size_t i = 0; i < point->n_pairs; i++) {
		(void)fputc(',', out);
		write_text(out, point->pairs[i].key);
	}
	(void)fputs(",policy,applies", out);
	for (int op = 0; op < S2_OP_COUNT; op++)
		if (counted(report, op))
			(void)fprintf(out, ",%s", s2_op_name((enum s2_op)op));
	for (size_t i = 0; i < names->n_measures; i++) {
		(void)fputc(',', out);
		write_text(out, names->measures[i].name);
	}
	write_cost_header(report, names, out);
	(void)fputs(",verdicts\n", out);
}

/** Numbers are plain here: bytes, not "64G". */
static void write_value(FILE *out, const struct s2_value *value)
{
	char text[S2_ERROR_TEXT];

	if (value->kind == S2_OPTION_SIZE || value->kind == S2_OPTION_PAGES)
		(void)fprintf(out, "%" PRIu64, value->number);
	else
		write_text(out, s2_value_text(value, text, sizeof(text)));
}

static void write_workload(const struct s2_report *report, const struct s2_point *point, FILE *out)
{
	write_text(out, report->program);
	(void)fputc(',', out);
	write_text(out, report->version);
	(void)fputc(',', out);
	write_text(out, report->machine);
	(void)fputc(',', out);
	write_text(out, report->flavour);
	(void)fprintf(out, ",%" PRIu64 ",", report->seed);
	write_text(out, point->workload);
	for (size_t i = 0; i < point->n_pairs; i++) {
		(void)fputc(',', out);
		write_value(out, &point->pairs[i].value);
	}
}

static void write_counts(const struct s2_report *report, const struct s2_result *result, FILE *out)
{
	const struct s2_result *names = measured(report);

	for (int op = 0; op < S2_OP_COUNT; op++)
		if (counted(report, op) && result->applies)
			(void)fprintf(out, ",%" PRIu64, result->ops.n[op]);
		else if (counted(report, op))
			(void)fputc(',', out);
	for (size_t i = 0; i < names->n_measures; i++) {
		const struct s2_measure *m = s2_result_find(result, names->measures[i].name);

		if (m != NULL)
			(void)fprintf(out, ",%.15g", m->value);
		else
			(void)fputc(',', out);
	}
}

/** ",ns,known ns,what is missing" */
static void write_run_cost(const struct s2_cost *cost, FILE *out)
{
	const char *before = "";

	(void)fputc(',', out);
	if (cost->known)
		(void)fprintf(out, "%.15g", cost->ns);
	(void)fprintf(out, ",%.15g,", cost->ns);
	for (int op = 0; op < S2_OP_COUNT; op++) {
		if (!cost->missing[op])
			continue;
		(void)fprintf(out, "%s%s", before, s2_op_name((enum s2_op)op));
		before = " ";
	}
}

static void write_part_cost(const struct s2_report *report, const struct s2_result *result,
			    const char *name, size_t k, FILE *out)
{
	for (size_t i = 0; i < result->n_parts; i++) {
		const struct s2_cost cost = s2_report_part_cost(report, &result->parts[i], k);

		if (strcmp(result->parts[i].name, name) != 0)
			continue;
		if (cost.known)
			(void)fprintf(out, ",%.15g,%s", cost.ns, s2_cost_basis(&cost));
		else
			(void)fputs(",,", out);
		return;
	}
	(void)fputs(",,", out);
}

static void write_costs(const struct s2_report *report, const struct s2_result *result, FILE *out)
{
	const struct s2_result *names = measured(report);

	for (size_t k = 0; k < n_costs(report); k++) {
		const struct s2_cost cost =
			report->n_profiles != 0 ? s2_report_cost(report, result, k) : result->cost;

		if (result->applies)
			write_run_cost(&cost, out);
		else
			(void)fputs(",,,", out);
		if (report->n_profiles == 0)
			continue;
		(void)fprintf(out, ",%s", result->applies ? s2_cost_basis(&cost) : "");
		for (size_t i = 0; i < names->n_parts; i++)
			write_part_cost(report, result, names->parts[i].name, k, out);
	}
}

static void write_verdicts(const struct s2_result *result, FILE *out)
{
	for (size_t i = 0; i < result->n_verdicts; i++)
		(void)fprintf(out, "%s%s=%s", i ? " " : "", result->verdicts[i].contract,
			      s2_status_name(result->verdicts[i].status));
}

int s2_report_csv(const struct s2_report *report, FILE *out)
{
	write_header(report, out);
	for (size_t p = 0; p < report->n_points; p++) {
		const struct s2_point *point = &report->points[p];

		for (size_t i = 0; i < point->n_results; i++) {
			const struct s2_result *result = &point->results[i];

			write_workload(report, point, out);
			(void)fprintf(out, ",%s,%s", result->policy,
				      result->applies ? "yes" : "no");
			write_counts(report, result, out);
			write_costs(report, result, out);
			(void)fputc(',', out);
			write_verdicts(result, out);
			(void)fputc('\n', out);
		}
	}
	return 0;
}
