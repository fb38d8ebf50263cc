/* SPDX-License-Identifier: MIT */
#include "study/replay/replay_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#ifdef S2_HAVE_JANSSON
#include <jansson.h>
#endif

/* A person reads the first few; scripts get all. */
#define TABLE_DIFFERENCES 10U

/* Differences that wait until it is known where they go. */
struct kept {
	uint64_t n;
	char *text; /* for the table: lines, each with where it ends */
	size_t len, cap;
	size_t ends[TABLE_DIFFERENCES];
#ifdef S2_HAVE_JANSSON
	json_t *array;
#endif
};

struct s2_replay_report {
	enum s2_report_format format;
	const char *only;
	bool compared;
	FILE *spool; /* finished phases */
	uint64_t phases;
	int error;
	struct kept inside;  /* differences of the phase being read */
	struct kept outside; /* and those between phases, or of a log that has none */
};

bool s2_replay_report_can(enum s2_report_format format)
{
#ifdef S2_HAVE_JANSSON
	return format <= S2_REPORT_CSV;
#else
	return format == S2_REPORT_TABLE || format == S2_REPORT_CSV;
#endif
}

static bool wanted(const struct s2_replay_report *rep, const struct s2_replay_phase *phase)
{
	return !rep->only || !strcmp(rep->only, phase->name);
}

/* ---- table ---- */

/* The columns of the table: the instructions that cost, left to right as KVM issues them. */
static const enum s2_op columns[] = {
	S2_OP_TLBI_VMALLS12E1IS, S2_OP_TLBI_IPAS2E1IS, S2_OP_TLBI_RIPAS2E1IS, S2_OP_TLBI_VMALLE1IS,
	S2_OP_TLBI_IPAS2E1,	 S2_OP_TLBI_VMALLE1,   S2_OP_DC_CIVAC,
};

static const char *const column_heads[] = {
	"vmalls12e1is", "ipas2e1is", "ripas2e1is", "vmalle1is", "ipas2e1", "vmalle1", "dc_civac",
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void write_table_head(FILE *out)
{
	fprintf(out, "%-46s", "phase");
	for (size_t i = 0; i < N_COLUMNS; i++)
		fprintf(out, " %*s", i == N_COLUMNS - 1 ? 12 : (int)strlen(column_heads[i]),
			column_heads[i]);
	fprintf(out, " %8s %11s\n", "ic", "calls");
}

static uint64_t ic_ops(const struct s2_counts *c)
{
	return c->n[S2_OP_IC_IVAU] + c->n[S2_OP_IC_IALLUIS] + c->n[S2_OP_IC_IALLU];
}

static void write_table_counts(FILE *out, const struct s2_counts *c)
{
	for (size_t i = 0; i < N_COLUMNS; i++) {
		int width = i == N_COLUMNS - 1 ? 12 : (int)strlen(column_heads[i]);

		if (c->n[columns[i]])
			fprintf(out, " %*" PRIu64, width, c->n[columns[i]]);
		else
			fprintf(out, " %*s", width, ".");
	}
	if (ic_ops(c))
		fprintf(out, " %8" PRIu64, ic_ops(c));
	else
		fprintf(out, " %8s", ".");
}

static uint64_t all_calls(const struct s2_replay_phase *p)
{
	uint64_t n = 0;

	for (int k = 0; k < S2_FLUSH_KINDS; k++)
		n += p->calls[k].predicted;
	return n;
}

/* Differences [first, first + n) of those kept, as far as they were. */
static void write_kept_text(const struct kept *kept, uint64_t first, uint64_t n, FILE *out)
{
	for (uint64_t i = first; i < first + n && i < TABLE_DIFFERENCES; i++) {
		const size_t start = i ? kept->ends[i - 1] : 0;

		fwrite(kept->text + start, 1, kept->ends[i] - start, out);
	}
	if (n && first + n > TABLE_DIFFERENCES)
		fputs("    ... more; --format json has them all\n", out);
}

static void write_table_phase(struct s2_replay_report *rep, const struct s2_replay_phase *p,
			      struct kept *kept)
{
	char label[72];

	if (p->occurrence > 1)
		snprintf(label, sizeof(label), "%.40s #%" PRIu64, p->name, p->occurrence);
	else
		snprintf(label, sizeof(label), "%.46s", p->name);
	fprintf(rep->spool, "%-46s", label);
	write_table_counts(rep->spool, &p->ops);
	fprintf(rep->spool, " %8" PRIu64, all_calls(p));
	if (p->differences)
		fprintf(rep->spool, " %" PRIu64 " differ", p->differences);
	else
		fputs(rep->compared ? " ok" : "", rep->spool);
	fputc('\n', rep->spool);
	write_kept_text(kept, p->first_difference, p->differences, rep->spool);
}

static void keep_text(struct s2_replay_report *rep, struct kept *kept, const char *text)
{
	size_t len = strlen(text);

	if (kept->len + len > kept->cap) {
		size_t cap = 2 * (kept->cap + len);
		char *grown = realloc(kept->text, cap);

		if (!grown) {
			rep->error = -ENOMEM;
			return;
		}
		kept->text = grown;
		kept->cap = cap;
	}
	memcpy(kept->text + kept->len, text, len);
	kept->len += len;
}

static void table_difference(struct s2_replay_report *rep, struct kept *kept,
			     const struct s2_replay_difference *d)
{
	char text[320];

	if (kept->n++ >= TABLE_DIFFERENCES)
		return;
	snprintf(text, sizeof(text), "    line %" PRIu64 ": predicted %s, observed %s\n", d->line,
		 d->predicted ? d->predicted : "nothing", d->observed ? d->observed : "nothing");
	keep_text(rep, kept, text);
	kept->ends[kept->n - 1] = kept->len;
}

static void write_table_tail(const struct s2_replay_summary *s, const struct kept *kept,
			     bool compared, FILE *out)
{
	fprintf(out, "%-46s", "total");
	write_table_counts(out, s->total);
	fputc('\n', out);
	fprintf(out, "\nevents: %" PRIu64 " replayed, %" PRIu64 " ignored", s->replayed, s->ignored);
	for (size_t i = 0; i < s->n_unplaced; i++)
		fprintf(out, ", %" PRIu64 " %s unplaced", s->unplaced[i].n, s->unplaced[i].name);
	fputc('\n', out);
	for (size_t i = 0; i < s->n_inferred; i++)
		fprintf(out, "inferred: %s\n", s->inferred[i]);
	if (compared)
		fprintf(out, "predicted calls that differ from the log's: %" PRIu64 "\n",
			s->differences);
	else
		fputs("not compared with the log's own calls\n", out);
	if (kept->len)
		fputs("between phases:\n", out);
	write_kept_text(kept, 0, kept->n, out);
}

/* ---- CSV ---- */

static void write_csv_head(FILE *out)
{
	fputs("phase,occurrence,differences", out);
	for (int k = 0; k < S2_FLUSH_KINDS; k++)
		fprintf(out, ",%s_predicted,%s_observed", s2_flush_kind_name((enum s2_flush_kind)k),
			s2_flush_kind_name((enum s2_flush_kind)k));
	for (int op = 0; op < S2_OP_COUNT; op++)
		fprintf(out, ",%s", s2_op_name((enum s2_op)op));
	fputc('\n', out);
}

static void write_csv_name(FILE *out, const char *name)
{
	fputc('"', out);
	for (; *name; name++) {
		if (*name == '"')
			fputc('"', out);
		fputc(*name, out);
	}
	fputc('"', out);
}

static void write_csv_phase(struct s2_replay_report *rep, const struct s2_replay_phase *p)
{
	FILE *out = rep->spool;

	write_csv_name(out, p->name);
	fprintf(out, ",%" PRIu64 ",%" PRIu64, p->occurrence, p->differences);
	for (int k = 0; k < S2_FLUSH_KINDS; k++) {
		fprintf(out, ",%" PRIu64 ",", p->calls[k].predicted);
		if (rep->compared)
			fprintf(out, "%" PRIu64, p->calls[k].observed);
	}
	for (int op = 0; op < S2_OP_COUNT; op++)
		fprintf(out, ",%" PRIu64, p->ops.n[op]);
	fputc('\n', out);
}

/* ---- JSON ---- */

#ifdef S2_HAVE_JANSSON
static json_t *json_text(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *json_ops(const struct s2_counts *c)
{
	json_t *ops = json_object();

	for (int op = 0; op < S2_OP_COUNT; op++)
		if (c->n[op])
			json_object_set_new(ops, s2_op_name((enum s2_op)op),
					    json_integer((json_int_t)c->n[op]));
	return ops;
}

static json_t *json_calls(const struct s2_replay_report *rep, const struct s2_replay_phase *p)
{
	json_t *calls = json_object();

	for (int k = 0; k < S2_FLUSH_KINDS; k++) {
		const struct s2_replay_calls *c = &p->calls[k];
		json_t *observed = rep->compared ? json_integer((json_int_t)c->observed) : json_null();

		if (!c->predicted && !c->observed) {
			json_decref(observed);
			continue;
		}
		json_object_set_new(calls, s2_flush_kind_name((enum s2_flush_kind)k),
				    json_pack("{s:I,s:o}", "predicted", (json_int_t)c->predicted,
					      "observed", observed));
	}
	return calls;
}

static void write_json(struct s2_replay_report *rep, json_t *value, FILE *out)
{
	if (!value || json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY))
		rep->error = -EIO;
	json_decref(value);
}

static json_t *take_differences(struct kept *kept)
{
	json_t *array = kept->array ? kept->array : json_array();

	kept->array = NULL;
	return array;
}

/* Those of one phase of a nest. */
static json_t *differences_of(const struct kept *kept, const struct s2_replay_phase *p)
{
	json_t *array = json_array();

	for (uint64_t i = 0; kept->array && i < p->differences; i++)
		json_array_append(array, json_array_get(kept->array,
							(size_t)(p->first_difference + i)));
	return array;
}

static void write_json_phase(struct s2_replay_report *rep, const struct s2_replay_phase *p,
			     struct kept *kept)
{
	fputs(rep->phases > 1 ? ",\n  " : "\n  ", rep->spool);
	write_json(rep,
		   json_pack("{s:s,s:I,s:o,s:o,s:o}", "name", p->name, "occurrence",
			     (json_int_t)p->occurrence, "ops", json_ops(&p->ops), "calls",
			     json_calls(rep, p), "differences", differences_of(kept, p)),
		   rep->spool);
}

/* Between phases there may be as many as the log is long: only so many are kept. */
#define MAX_KEPT 100000U

static void json_difference(struct kept *kept, const struct s2_replay_difference *d)
{
	if (!kept->array)
		kept->array = json_array();
	if (kept->n++ >= MAX_KEPT)
		return;
	json_array_append_new(kept->array,
			      json_pack("{s:I,s:s,s:o,s:o}", "line", (json_int_t)d->line, "call",
					s2_flush_kind_name(d->kind), "predicted",
					json_text(d->predicted), "observed",
					json_text(d->observed)));
}

static json_t *json_unplaced(const struct s2_replay_summary *s)
{
	json_t *unplaced = json_object();

	for (size_t i = 0; i < s->n_unplaced; i++)
		json_object_set_new(unplaced, s->unplaced[i].name,
				    json_integer((json_int_t)s->unplaced[i].n));
	return unplaced;
}

static json_t *json_inferred(const struct s2_replay_summary *s)
{
	json_t *inferred = json_array();

	for (size_t i = 0; i < s->n_inferred; i++)
		json_array_append_new(inferred, json_string(s->inferred[i]));
	return inferred;
}

static void write_json_member(struct s2_replay_report *rep, FILE *out, const char *name,
			      json_t *value)
{
	fprintf(out, "%s\"%s\": ", strcmp(name, "program") ? ",\n " : "{", name);
	write_json(rep, value, out);
}

static void write_json_head(struct s2_replay_report *rep, const struct s2_replay_report_head *head,
			    const struct s2_replay_summary *s, FILE *out)
{
	write_json_member(rep, out, "program", json_string(head->program));
	write_json_member(rep, out, "version", json_string(head->version));
	write_json_member(rep, out, "input", json_string(head->input));
	write_json_member(rep, out, "machine", json_string(head->machine));
	write_json_member(rep, out, "flavour", json_string(head->flavour));
	if (head->flavour_from)
		write_json_member(rep, out, "flavour_from", json_string(head->flavour_from));
	write_json_member(rep, out, "lines", json_integer((json_int_t)head->lines));
	write_json_member(rep, out, "events",
			  json_pack("{s:I,s:I,s:o}", "replayed", (json_int_t)s->replayed, "ignored",
				    (json_int_t)s->ignored, "unplaced", json_unplaced(s)));
	write_json_member(rep, out, "inferred", json_inferred(s));
	fputs(",\n \"phases\": [", out);
}

static void write_json_tail(struct s2_replay_report *rep, const struct s2_replay_summary *s,
			    FILE *out)
{
	fputs("\n ]", out);
	if (rep->outside.n)
		write_json_member(rep, out, "between_phases",
				  json_pack("{s:o}", "differences",
					    take_differences(&rep->outside)));
	write_json_member(rep, out, "total", json_pack("{s:o}", "ops", json_ops(s->total)));
	fputs("}\n", out);
}

static void forget_json(struct kept *kept)
{
	json_decref(kept->array);
	kept->array = NULL;
}
#else
static void write_json_phase(struct s2_replay_report *rep, const struct s2_replay_phase *p,
			     struct kept *kept)
{
	(void)rep;
	(void)p;
	(void)kept;
}

static void json_difference(struct kept *kept, const struct s2_replay_difference *d)
{
	(void)kept;
	(void)d;
}

static void write_json_head(struct s2_replay_report *rep, const struct s2_replay_report_head *head,
			    const struct s2_replay_summary *s, FILE *out)
{
	(void)rep;
	(void)head;
	(void)s;
	(void)out;
}

static void write_json_tail(struct s2_replay_report *rep, const struct s2_replay_summary *s,
			    FILE *out)
{
	(void)rep;
	(void)s;
	(void)out;
}

static void forget_json(struct kept *kept)
{
	(void)kept;
}
#endif

/* ---- the report ---- */

int s2_replay_report_create(enum s2_report_format format, const char *only, bool compared,
			    struct s2_replay_report **out)
{
	struct s2_replay_report *rep;

	if (!s2_replay_report_can(format))
		return -EOPNOTSUPP;
	rep = calloc(1, sizeof(*rep));
	if (!rep)
		return -ENOMEM;
	rep->format = format;
	rep->only = only;
	rep->compared = compared;
	rep->spool = tmpfile();
	if (!rep->spool) {
		int ret = errno ? -errno : -EIO;

		free(rep);
		return ret;
	}
	*out = rep;
	return 0;
}

void s2_replay_report_free(struct s2_replay_report *rep)
{
	if (!rep)
		return;
	fclose(rep->spool);
	free(rep->inside.text);
	free(rep->outside.text);
	forget_json(&rep->inside);
	forget_json(&rep->outside);
	free(rep);
}

static void forget(struct kept *kept)
{
	kept->n = 0;
	kept->len = 0;
	forget_json(kept);
}

static void on_phase(void *arg, const struct s2_replay_phase *phase, bool whole_log)
{
	struct s2_replay_report *rep = arg;
	struct kept *kept = whole_log ? &rep->outside : &rep->inside;

	if (wanted(rep, phase)) {
		rep->phases++;
		if (rep->format == S2_REPORT_TABLE)
			write_table_phase(rep, phase, kept);
		else if (rep->format == S2_REPORT_JSON)
			write_json_phase(rep, phase, kept);
		else
			write_csv_phase(rep, phase);
	}
	if (!phase->more)
		forget(kept);
}

static void on_difference(void *arg, const struct s2_replay_difference *diff, bool in_phase)
{
	struct s2_replay_report *rep = arg;
	struct kept *kept = in_phase ? &rep->inside : &rep->outside;

	if (rep->format == S2_REPORT_TABLE)
		table_difference(rep, kept, diff);
	else if (rep->format == S2_REPORT_JSON)
		json_difference(kept, diff);
}

struct s2_replay_listener s2_replay_report_listener(struct s2_replay_report *rep)
{
	const struct s2_replay_listener listener = {on_phase, on_difference, rep};

	return listener;
}

static int copy_spool(struct s2_replay_report *rep, FILE *out)
{
	char buf[65536];
	size_t n;

	rewind(rep->spool);
	while ((n = fread(buf, 1, sizeof(buf), rep->spool)) > 0)
		if (fwrite(buf, 1, n, out) != n)
			return -EIO;
	return ferror(rep->spool) ? -EIO : 0;
}

int s2_replay_report_write(struct s2_replay_report *rep, const struct s2_replay_report_head *head,
			   const struct s2_replay_summary *summary, FILE *out)
{
	int ret;

	if (rep->only && !rep->phases)
		return -ENOENT;
	if (rep->format == S2_REPORT_TABLE) {
		fprintf(out, "%s: %s on %s as %s, %" PRIu64 " lines\n", head->program,
			head->input, head->machine, head->flavour, head->lines);
		if (head->flavour_from)
			fprintf(out, "flavour %s: %s\n", head->flavour,
				head->flavour_from);
		fputc('\n', out);
		write_table_head(out);
	} else if (rep->format == S2_REPORT_JSON) {
		write_json_head(rep, head, summary, out);
	} else {
		write_csv_head(out);
	}
	ret = copy_spool(rep, out);
	if (rep->format == S2_REPORT_TABLE)
		write_table_tail(summary, &rep->outside, rep->compared, out);
	else if (rep->format == S2_REPORT_JSON)
		write_json_tail(rep, summary, out);
	if (ret || rep->error || fflush(out) || ferror(out))
		return rep->error ? rep->error : -EIO;
	return 0;
}
