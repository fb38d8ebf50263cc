/* SPDX-License-Identifier: MIT */
/* Rows for programs: CSV and JSON. */
#include "study/mutants/rows.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static void write_text(FILE *out, const char *text)
{
	if (!text)
		return;
	(void)fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			(void)fputc('"', out);
		(void)fputc(*text, out);
	}
	(void)fputc('"', out);
}

void s2_mutant_rows_csv(const struct s2_mutant_rows *rows, FILE *out)
{
	(void)fputs("kind,name,rule,found,step,times,where,what,scenario,harmless\n", out);
	for (size_t i = 0; i < rows->n; i++) {
		const struct s2_mutant_row *r = &rows->row[i];
		const char *const texts[] = {r->where, r->what, r->scenario, r->harmless};

		(void)fprintf(out, "%s,%s,", s2_mutant_kind_name(r->kind), r->name);
		write_text(out, r->rule);
		(void)fprintf(out, ",%d,%" PRIu64 ",%" PRIu64, r->found, r->step, r->times);
		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
			(void)fputc(',', out);
			write_text(out, texts[k]);
		}
		(void)fputc('\n', out);
	}
}

#ifdef S2_HAVE_JANSSON

#include <jansson.h>

static json_t *text(const char *s)
{
	return s ? json_string(s) : json_null();
}

static json_t *row_json(const struct s2_mutant_row *r)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:o, s:o, s:o, s:o}", "kind",
			 s2_mutant_kind_name(r->kind), "name", r->name, "rule", r->rule, "found",
			 r->found, "step", (json_int_t)r->step, "times", (json_int_t)r->times, "where",
			 text(r->where), "what", text(r->what), "scenario", text(r->scenario),
			 "harmless", text(r->harmless));
}

static json_t *missing_json(void)
{
	const struct s2_mutant_missing *m;
	json_t *list = json_array();

	for (size_t i = 0; (m = s2_mutant_missing_at(i)) != NULL; i++)
		(void)json_array_append_new(
			list, json_pack("{s:s, s:o, s:s, s:b}", "what", m->what, "where",
					text(m->where), "why", m->why, "explorer", m->explorer));
	return list;
}

static json_t *totals_json(const struct s2_mutant_rows *rows)
{
	json_t *totals = json_object();

	for (int kind = 0; kind < S2_MUTANT_KINDS; kind++)
		(void)json_object_set_new(
			totals, s2_mutant_kind_name((enum s2_mutant_kind)kind),
			json_pack("{s:I, s:I}", "all", (json_int_t)rows->of[kind], "found",
				  (json_int_t)rows->found[kind]));
	return totals;
}

int s2_mutant_rows_json(const struct s2_mutant_rows *rows, FILE *out)
{
	json_t *list = json_array(), *all;
	int ret = 0;

	for (size_t i = 0; i < rows->n; i++)
		if (json_array_append_new(list, row_json(&rows->row[i])))
			ret = -ENOMEM;
	all = json_pack("{s:s, s:s, s:s, s:s, s:o, s:I, s:o, s:o}", "program", "s2-mutants", "version",
			S2_VERSION, "machine",
			rows->machine, "flavour", rows->flavour, "totals", totals_json(rows),
			"false_alarms", (json_int_t)rows->alarms, "mutants", list, "missing",
			missing_json());
	if (!all)
		return -ENOMEM;
	if (!ret && (json_dumpf(all, out, JSON_INDENT(2)) || fputc('\n', out) == EOF))
		ret = -EIO;
	json_decref(all);
	return ret;
}

#else

int s2_mutant_rows_json(const struct s2_mutant_rows *rows, FILE *out)
{
	(void)rows;
	(void)out;
	return -ENOTSUP;
}

#endif
