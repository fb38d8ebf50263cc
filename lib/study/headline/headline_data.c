/* SPDX-License-Identifier: MIT */
/* The headline for programs: JSON has each program's own object, CSV what is shown. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "study/headline/headline_table.h"
#include "study/report/report.h"

/** A string of JSON's; ours are printable but for the user's paths. */
static void write_string(FILE *out, const char *text)
{
	(void)fputc('"', out);
	for (; *text != '\0'; text++)
		if (*text == '"' || *text == '\\')
			(void)fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			(void)fprintf(out, "\\u%04x", (unsigned char)*text);
		else
			(void)fputc(*text, out);
	(void)fputc('"', out);
}

static void write_key(FILE *out, const char *key, const char *text)
{
	(void)fprintf(out, "\"%s\": ", key);
	write_string(out, text);
}

static int write_part(const struct s2_headline_part *part, FILE *out)
{
	int r;

	(void)fputc('{', out);
	write_key(out, "thread", part->thread->name);
	(void)fputs(", ", out);
	write_key(out, "title", part->thread->title);
	(void)fputs(", ", out);
	write_key(out, "options", part->thread->words);
	(void)fputs(", \"headline\": ", out);
	r = s2_report_json(&part->main.report, out);
	(void)fputs(", \"besides\": ", out);
	if (r == 0 && part->also.program != NULL)
		r = s2_report_json(&part->also.report, out);
	else
		(void)fputs("null", out);
	(void)fputc('}', out);
	return r;
}

static void write_replay_json(const struct s2_headline_replay *replay, bool compared, FILE *out)
{
	const struct s2_replay_outcome *o = &replay->outcome;
	const char *before = "";

	(void)fputs("\n{", out);
	write_key(out, "machine", replay->machine);
	(void)fputs(", ", out);
	write_key(out, "flavour", o->flavour);
	(void)fprintf(out, ", \"calls\": {\"predicted\": %" PRIu64, o->calls.predicted);
	if (compared)
		(void)fprintf(out, ", \"observed\": %" PRIu64 ", \"differences\": %" PRIu64,
			      o->calls.observed, o->differences);
	(void)fputs("}, \"ops\": {", out);
	for (int op = 0; op < S2_OP_COUNT; op++) {
		if (o->ops.n[op] == 0)
			continue;
		(void)fprintf(out, "%s\"%s\": %" PRIu64, before, s2_op_name((enum s2_op)op),
			      o->ops.n[op]);
		before = ", ";
	}
	(void)fputs("}}", out);
}

int s2_headline_json(const struct s2_headline *headline, FILE *out)
{
	struct s2_headline_tally tally;
	int r = s2_headline_count_all(headline, &tally);

	(void)fprintf(out, "{\"program\": \"s2-all\", \"version\": \"%s\", \"threads\": [\n",
		      S2_VERSION);
	for (size_t i = 0; i < headline->n_parts && r == 0; i++) {
		if (i > 0)
			(void)fputs(",\n", out);
		r = write_part(&headline->parts[i], out);
	}
	if (r < 0)
		return r;
	(void)fprintf(out, "],\n\"times\": {\"fitted\": %zu, \"predicted\": %zu},\n\"replay\": [",
		      tally.fitted, tally.predicted);
	for (size_t i = 0; i < headline->n_replays; i++) {
		if (i > 0)
			(void)fputc(',', out);
		write_replay_json(&headline->replay[i], i == 0, out);
	}
	(void)fputs("]}\n", out);
	return 0;
}

/** A heading of several lines as one name: "flush_calls", "toggle_time@d05". */
static void write_quantity(const struct s2_headline_table *table, size_t c, FILE *out)
{
	const struct s2_headline_column *column = &table->column[c];
	const struct s2_headline_part *part = table->part;
	const struct s2_headline_metric *m = &part->thread->metric[column->metric];

	switch (column->kind) {
	case S2_HEADLINE_TIME:
		(void)fprintf(out, "%s@%s", column->part,
			      part->main.report.profiles[column->profile].name);
		break;
	case S2_HEADLINE_LOCK:
		(void)fputs(part->thread->lock, out);
		break;
	default:
		(void)fprintf(out, "%s%s%s%s", m->name, m->workload != NULL ? "@" : "",
			      m->workload != NULL ? m->workload : "",
			      column->kind == S2_HEADLINE_RATIO ? "_ratio" : "");
		break;
	}
}

static void write_row_csv(const struct s2_headline_table *table, const struct s2_headline_row *row,
			  const char *policy, FILE *out)
{
	const char *thread = table->part->thread->name;

	for (size_t c = 0; c < table->n_columns; c++) {
		const bool time = table->column[c].kind == S2_HEADLINE_TIME;

		(void)fprintf(out, "%s,%s,", thread, policy);
		write_quantity(table, c, out);
		if (isnan(row->value[c]))
			(void)fputs(",,", out);
		else
			(void)fprintf(out, ",%.15g,", row->value[c]);
		(void)fprintf(out, "%s\n", !time ? "" : table->fitted[c] ? "fitted" : "predicted");
	}
	(void)fprintf(out, "%s,%s,verdict,\"%s\",\n", thread, policy, row->verdict);
}

int s2_headline_csv(const struct s2_headline *headline, FILE *out)
{
	(void)fputs("thread,policy,quantity,value,basis\n", out);
	for (size_t i = 0; i < headline->n_parts; i++) {
		const struct s2_point *point = &headline->parts[i].main.report.points[0];
		struct s2_headline_table table;
		const int r = s2_headline_table(&headline->parts[i], &table);

		if (r < 0)
			return r;
		for (size_t k = 0; k < table.n_rows; k++)
			for (size_t p = 0; p < table.rows[k].policies.n; p++)
				write_row_csv(&table, &table.rows[k],
					      point->results[table.rows[k].policies.at[p]].policy,
					      out);
		s2_headline_table_free(&table);
	}
	for (size_t i = 0; i < headline->n_replays; i++)
		for (int op = 0; op < S2_OP_COUNT; op++)
			if (headline->replay[i].outcome.ops.n[op] != 0)
				(void)fprintf(out, "replay,\"%s %s\",%s,%" PRIu64 ",\n",
					      headline->replay[i].machine,
					      headline->replay[i].outcome.flavour,
					      s2_op_name((enum s2_op)op),
					      headline->replay[i].outcome.ops.n[op]);
	return 0;
}
