/* SPDX-License-Identifier: MIT */
/* From reports to rows; see headline_table.h. */
#include "study/headline/headline_table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/headline/headline_verdict.h"

static const struct s2_point *main_point(const struct s2_headline_part *part)
{
	return &part->main.report.points[0];
}

/** The point of workload @p name among those run besides; NULL: the headline's. */
static const struct s2_point *point_of(const struct s2_headline_part *part, const char *name)
{
	if (name == NULL)
		return main_point(part);
	for (size_t p = 0; p < part->also.report.n_points; p++)
		if (!strcmp(part->also.report.points[p].workload, name))
			return &part->also.report.points[p];
	return NULL;
}

const struct s2_result *s2_headline_find(const struct s2_point *point, const char *policy)
{
	for (size_t i = 0; i < point->n_results; i++)
		if (point->results[i].applies && !strcmp(point->results[i].policy, policy))
			return &point->results[i];
	return NULL;
}

static double metric_value(const struct s2_headline_part *part, size_t metric, const char *policy)
{
	const struct s2_headline_metric *m = &part->thread->metric[metric];
	const struct s2_point *point = point_of(part, m->workload);
	const struct s2_result *result = point != NULL ? s2_headline_find(point, policy) : NULL;

	return result != NULL ? s2_result_metric(result, m->name) : NAN;
}

static const struct s2_part *find_part(const struct s2_result *result, const char *name)
{
	for (size_t i = 0; i < result->n_parts; i++)
		if (!strcmp(result->parts[i].name, name))
			return &result->parts[i];
	return NULL;
}

/** What a part takes; not known where there is no such part. */
static struct s2_cost part_cost(const struct s2_headline_part *part, const struct s2_result *result,
				const char *name, size_t profile)
{
	const struct s2_part *p = find_part(result, name);

	if (p == NULL)
		return (struct s2_cost){.known = false};
	return s2_report_part_cost(&part->main.report, p, profile);
}

static struct s2_headline_column *add_column(struct s2_headline_table *table,
					     enum s2_headline_kind kind, const char *head)
{
	struct s2_headline_column *column = &table->column[table->n_columns++];

	*column = (struct s2_headline_column){.kind = kind};
	(void)snprintf(column->head, sizeof(column->head), "%s", head);
	return column;
}

/** A column of times, if any policy's is known and is more than nothing. */
static void add_time(struct s2_headline_table *table, const char *name, size_t profile)
{
	const struct s2_headline_part *part = table->part;
	const struct s2_point *point = main_point(part);
	struct s2_headline_column *column;
	bool any = false, fitted = false;

	for (size_t i = 0; i < point->n_results; i++) {
		const struct s2_cost cost = part_cost(part, &point->results[i], name, profile);

		any |= cost.known && cost.ns > 0;
		fitted |= cost.known && cost.fitted;
	}
	if (!any || table->n_columns == S2_HEADLINE_COLUMNS)
		return;
	table->fitted[table->n_columns] = fitted;
	column = add_column(table, S2_HEADLINE_TIME, "");
	column->part = name;
	column->profile = profile;
	(void)snprintf(column->head, sizeof(column->head), "time on\n%.20s\n%s",
		       part->main.report.profiles[profile].name, fitted ? "fitted" : "predicted");
}

static void add_columns(struct s2_headline_table *table)
{
	const struct s2_headline_thread *thread = table->part->thread;
	const struct s2_report *report = &table->part->main.report;
	char head[64];

	for (size_t m = 0; m < S2_HEADLINE_METRICS && thread->metric[m].head != NULL; m++) {
		add_column(table, S2_HEADLINE_NUMBER, thread->metric[m].head)->metric = m;
		(void)snprintf(head, sizeof(head), "to\n%.40s",
			       main_point(table->part)->results[0].policy);
		if (m == 0)
			add_column(table, S2_HEADLINE_RATIO, head)->metric = m;
		for (size_t k = 0; k < report->n_profiles && thread->metric[m].part != NULL; k++)
			add_time(table, thread->metric[m].part, k);
	}
	if (thread->lock != NULL)
		add_column(table, S2_HEADLINE_LOCK, "longest\nhold");
}

static double cell_value(const struct s2_headline_table *table, size_t c,
			 const struct s2_result *result)
{
	const struct s2_headline_column *column = &table->column[c];
	const struct s2_headline_part *part = table->part;
	struct s2_cost cost;

	switch (column->kind) {
	case S2_HEADLINE_TIME:
		cost = part_cost(part, result, column->part, column->profile);
		return cost.known ? cost.ns : NAN;
	case S2_HEADLINE_LOCK:
		return s2_result_metric(result, part->thread->lock);
	case S2_HEADLINE_RATIO:
		return metric_value(part, column->metric, result->policy) /
		       metric_value(part, column->metric, main_point(part)->results[0].policy);
	default:
		return metric_value(part, column->metric, result->policy);
	}
}

/** Whether two rows would read the same. */
static bool same_row(const struct s2_headline_table *table, const struct s2_headline_row *a,
		     const struct s2_headline_row *b)
{
	for (size_t c = 0; c < table->n_columns; c++)
		if (a->value[c] != b->value[c] && !(isnan(a->value[c]) && isnan(b->value[c])))
			return false;
	return !strcmp(a->verdict, b->verdict);
}

static void add_policy(struct s2_headline_table *table, size_t i)
{
	const struct s2_result *result = &main_point(table->part)->results[i];
	struct s2_headline_row row = {.policies.n = 0};
	size_t r = 0;

	for (size_t c = 0; c < table->n_columns; c++)
		row.value[c] = cell_value(table, c, result);
	s2_headline_verdict(table->part, result, &row);
	while (r < table->n_rows && !same_row(table, &table->rows[r], &row))
		r++;
	if (r == table->n_rows)
		table->rows[table->n_rows++] = row;
	table->rows[r].policies.at[table->rows[r].policies.n++] = (uint8_t)i;
}

static bool is_listed(const char *list, const char *name)
{
	const size_t len = strlen(name);

	for (; *list != '\0'; list += *list == ',') {
		const size_t item = strcspn(list, ",");

		if (item == len && !strncmp(list, name, len))
			return true;
		list += item;
	}
	return false;
}

/** "first-last +2": the first that answers the thread, and how many come out like it. */
static bool name_briefly(const struct s2_headline_part *part, struct s2_headline_row *row)
{
	const struct s2_column *policies = &row->policies;

	for (size_t p = 0; p < policies->n; p++) {
		const char *name = main_point(part)->results[policies->at[p]].policy;

		if (!is_listed(part->thread->answers, name))
			continue;
		if (policies->n == 1)
			(void)snprintf(row->names, sizeof(row->names), "%s", name);
		else
			(void)snprintf(row->names, sizeof(row->names), "%s +%zu", name,
				       (size_t)policies->n - 1);
		return true;
	}
	return false;
}

static void name_rows(struct s2_headline_table *table)
{
	const struct s2_headline_part *part = table->part;
	size_t kept = 0;

	for (size_t r = 0; r < table->n_rows; r++) {
		struct s2_headline_row *row = &table->rows[r];

		if (!part->brief)
			s2_column_names(main_point(part), &row->policies, row->names,
					sizeof(row->names));
		else if (!name_briefly(part, row))
			continue;
		if (kept != r)
			table->rows[kept] = *row;
		kept++;
	}
	table->n_rows = kept;
}

int s2_headline_table(const struct s2_headline_part *part, struct s2_headline_table *table)
{
	const struct s2_point *point = main_point(part);

	*table = (struct s2_headline_table){.part = part};
	table->rows = calloc(point->n_results, sizeof(*table->rows));
	if (table->rows == NULL)
		return -ENOMEM;
	add_columns(table);
	for (size_t i = 0; i < point->n_results; i++)
		if (point->results[i].applies)
			add_policy(table, i);
	name_rows(table);
	return 0;
}

void s2_headline_table_free(struct s2_headline_table *table)
{
	free(table->rows);
	*table = (struct s2_headline_table){.part = NULL};
}

/** What is large has no fraction worth a place. */
static double whole(double value)
{
	return value < 1000 ? value : floor(value + 0.5);
}

/** "2.19G": three digits, for narrow places. */
static const char *brief_number(double value, char buf[S2_TEXT_ROOM])
{
	static const char units[] = {'k', 'M', 'G', 'T'};
	size_t unit = 0;

	if (value < 9999.5)
		return s2_text_number(whole(value), buf);
	value /= 1000;
	while (unit + 1 < sizeof(units) && value >= 999.5) {
		value /= 1000;
		unit++;
	}
	(void)snprintf(buf, S2_TEXT_ROOM, value < 99.95 ? "%.3g%c" : "%.0f%c", value, units[unit]);
	return buf;
}

const char *s2_headline_cell(const struct s2_headline_table *table, size_t row, size_t column,
			     bool brief, char buf[S2_TEXT_ROOM])
{
	const double value = table->rows[row].value[column];

	switch (table->column[column].kind) {
	case S2_HEADLINE_RATIO:
		return s2_text_ratio(value, 1, buf);
	case S2_HEADLINE_TIME:
		return s2_text_time(value, buf);
	default:
		break;
	}
	if (isnan(value))
		(void)snprintf(buf, S2_TEXT_ROOM, "-");
	else if (brief)
		brief_number(value, buf);
	else
		s2_text_number(whole(value), buf);
	return buf;
}

void s2_headline_count(const struct s2_headline_table *table, struct s2_headline_tally *tally)
{
	for (size_t c = 0; c < table->n_columns; c++)
		for (size_t r = 0; r < table->n_rows; r++)
			if (table->column[c].kind == S2_HEADLINE_TIME &&
			    !isnan(table->rows[r].value[c]))
				(*(table->fitted[c] ? &tally->fitted : &tally->predicted))++;
}

int s2_headline_count_all(const struct s2_headline *headline, struct s2_headline_tally *tally)
{
	*tally = (struct s2_headline_tally){0, 0};
	for (size_t i = 0; i < headline->n_parts; i++) {
		struct s2_headline_table table;
		const int r = s2_headline_table(&headline->parts[i], &table);

		if (r < 0)
			return r;
		s2_headline_count(&table, tally);
		s2_headline_table_free(&table);
	}
	return 0;
}

int s2_headline_breaks(const struct s2_headline *headline, const char *contract)
{
	bool any = false;

	for (size_t i = 0; i < headline->n_parts; i++) {
		struct s2_headline_table table;
		const int r = s2_headline_table(&headline->parts[i], &table);

		if (r < 0)
			return r;
		for (size_t k = 0; k < table.n_rows; k++)
			any |= table.rows[k].broken &&
			       strstr(table.rows[k].verdict, contract) != NULL;
		s2_headline_table_free(&table);
	}
	return any;
}

const char *s2_headline_host(const struct s2_headline_part *part, char *buf, size_t size)
{
	const struct s2_report *report = &part->main.report;

	(void)snprintf(buf, size, "%s%s%s", report->machine, report->flavour != NULL ? ", " : "",
		       report->flavour != NULL ? report->flavour : "");
	return buf;
}

/** Which profile is called so; n_profiles for none. */
static size_t find_profile(const struct s2_report *report, const char *name)
{
	size_t k = 0;

	while (k < report->n_profiles && strcmp(report->profiles[k].name, name) != 0)
		k++;
	return k;
}

bool s2_headline_figure(const struct s2_headline_part *part, size_t i, char *buf, size_t size)
{
	const struct s2_headline_figure *f = &part->thread->figure[i];
	const struct s2_report *report = &part->main.report;
	const struct s2_result *result, *less;
	struct s2_cost cost, other = {.known = true};
	char text[S2_TEXT_ROOM];
	size_t k;

	if (f->profile == NULL)
		return false;
	k = find_profile(report, f->profile);
	result = s2_headline_find(main_point(part), f->policy);
	less = f->less != NULL ? s2_headline_find(main_point(part), f->less) : NULL;
	if (k == report->n_profiles || result == NULL || (f->less != NULL && less == NULL))
		return false;
	cost = part_cost(part, result, f->part, k);
	if (less != NULL)
		other = part_cost(part, less, f->part, k);
	if (!cost.known || !other.known)
		return false;
	cost.fitted |= other.fitted;
	(void)snprintf(buf, size, "published %s; on %s %s, %s: %.0f %%", f->what, f->profile,
		       s2_text_time(cost.ns - other.ns, text), s2_cost_basis(&cost),
		       100 * (cost.ns - other.ns) / f->ns);
	return true;
}

/** What the bills of a thread's parts need and no profile has. */
struct missing {
	bool op[S2_OP_COUNT];
	bool seq[S2_SEQ_COUNT];
};

static void note_missing(const struct s2_headline_part *part, const struct s2_result *result,
			 const char *name, struct missing *missing)
{
	const struct s2_part *billed = name != NULL ? find_part(result, name) : NULL;
	const struct s2_report *report = &part->main.report;

	for (int op = 0; op < S2_OP_COUNT && billed != NULL; op++) {
		bool known = billed->bill.ops.n[op] == 0;

		for (size_t k = 0; k < report->n_profiles; k++)
			known |= report->profiles[k].op[op].known;
		missing->op[op] |= !known;
	}
	for (int seq = 0; seq < S2_SEQ_COUNT && billed != NULL; seq++) {
		bool known = billed->bill.seq[seq] == 0;

		for (size_t k = 0; k < report->n_profiles; k++)
			known |= report->profiles[k].seq[seq].known;
		missing->seq[seq] |= !known;
	}
}

/** Writes the names. @return whether there are any */
static bool list_missing(const struct missing *missing, char *buf, size_t size)
{
	size_t at = (size_t)snprintf(buf, size, "time: unknown, no profile has a cost of");
	bool any = false;

	for (int i = 0; i < S2_OP_COUNT + S2_SEQ_COUNT && at < size; i++) {
		const int seq = i - S2_OP_COUNT;

		if (!(seq < 0 ? missing->op[i] : missing->seq[seq]))
			continue;
		at += (size_t)snprintf(buf + at, size - at, " %s",
				       seq < 0 ? s2_op_name((enum s2_op)i)
					       : s2_seq_name((enum s2_seq)seq));
		any = true;
	}
	return any;
}

bool s2_headline_missing(const struct s2_headline_table *table, char *buf, size_t size)
{
	const struct s2_headline_part *part = table->part;
	const struct s2_point *point = main_point(part);
	struct missing missing = {.op = {false}};

	for (size_t c = 0; c < table->n_columns; c++)
		if (table->column[c].kind == S2_HEADLINE_TIME)
			return false;
	for (size_t i = 0; i < point->n_results; i++)
		for (size_t m = 0; m < S2_HEADLINE_METRICS; m++)
			note_missing(part, &point->results[i], part->thread->metric[m].part,
				     &missing);
	return list_missing(&missing, buf, size);
}
