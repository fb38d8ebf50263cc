/* SPDX-License-Identifier: MIT */
#include "study/check/check_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#ifdef S2_HAVE_JANSSON
#include <jansson.h>
#endif

#include "study/check/check_line.h"
#include "study/check/check_tell.h"
#include "study/log/trace_input.h"

/* A check under way; of each violation that is kept, its line. */
struct checking {
	const struct s2_check_job *job;
	struct s2_check_outcome *outcome;
	struct s2_input *input;
	struct s2_retold *told;
	uint64_t line;
	uint64_t *lines;
	size_t n;
};

static void found(void *arg, const struct s2_violation *violation)
{
	struct checking *c = arg;

	(void)violation;
	if (c->n < c->job->keep)
		c->lines[c->n++] = c->line;
}

static int at_line(const struct checking *c, int ret, struct s2_error *err)
{
	char text[S2_ERROR_TEXT];

	memcpy(text, err->text, sizeof(text));
	s2_error_set(err, err->code, "%s:%" PRIu64 ": %.160s", s2_input_name(c->input), c->line,
		     text);
	return ret;
}

static int one_line(struct checking *c, const struct s2_text_line *text, struct s2_error *err)
{
	const struct s2_span span = {text->text, text->len};
	struct s2_check_line line;
	int ret;

	c->line = text->number;
	if (text->len && text->text[0] == '!')
		c->outcome->expected = true;
	ret = s2_check_line_parse(span, &line, err);
	if (ret > 0)
		return 0;
	if (!ret)
		ret = s2_retold_line(c->told, &line, err);
	return ret ? at_line(c, ret, err) : 0;
}

static int all_lines(struct checking *c, struct s2_error *err)
{
	struct s2_text_line text;
	int ret;

	while ((ret = s2_input_next(c->input, &text, err)) > 0) {
		c->outcome->lines = text.number;
		ret = one_line(c, &text, err);
		if (ret)
			return ret;
	}
	return ret;
}

static int begin(struct checking *c, struct s2_error *err)
{
	const struct s2_oracle_config oracle = {
		.rules = c->job->rules ? c->job->rules : S2_CHECK_RULES,
		.keep = c->job->keep, .found = found, .arg = c};
	int ret;

	if (oracle.rules & ~S2_CHECK_RULES) {
		s2_error_set(err, EINVAL, "expected rules about translations: "
					  "a log does not say what guests read and write");
		return -EINVAL;
	}
	ret = s2_input_open(c->job->path, &c->input, err);
	if (ret)
		return ret;
	c->lines = calloc(c->job->keep ? c->job->keep : 1, sizeof(*c->lines));
	ret = c->lines ? s2_retold_create(&c->job->features, c->job->cpus, &oracle, &c->told)
		       : -ENOMEM;
	if (ret)
		s2_error_set(err, -ret, "cannot set up the machine: %s", strerror(-ret));
	return ret;
}

static void sum_up(struct checking *c)
{
	const struct s2_retold_counts counts = s2_retold_counts(c->told);

	c->outcome->events = counts.events;
	c->outcome->ignored = counts.ignored;
	c->outcome->reliances = counts.reliances;
	c->outcome->changed = counts.changed;
	c->outcome->violations = s2_oracle_count(s2_retold_oracle(c->told), S2_RULES);
}

static void write_text(const struct checking *c, FILE *out)
{
	const struct s2_check_outcome *o = c->outcome;
	const struct s2_violation *v;
	char text[512];

	for (size_t i = 0; i < c->n; i++) {
		v = s2_oracle_violation(s2_retold_oracle(c->told), i);
		s2_violation_text(v, text, sizeof(text));
		fprintf(out, "%s:%" PRIu64 ": %s\n", s2_input_name(c->input), c->lines[i], text);
	}
	if (o->violations > c->n)
		fprintf(out, "and %" PRIu64 " more\n", o->violations - c->n);
	fprintf(out,
		"%s: %" PRIu64 " lines, %" PRIu64 " events, %" PRIu64 " of them not modelled, "
		"%" PRIu64 " reliances; %s%" PRIu64 " violation%s\n",
		s2_input_name(c->input), o->lines, o->events, o->ignored, o->reliances,
		o->violations ? "" : "holds for all that hardware may do: ", o->violations,
		o->violations == 1 ? "" : "s");
	if (o->changed)
		fprintf(out,
			"%" PRIu64 " reads found another value than was written before: "
			"the log is not complete\n",
			o->changed);
}

#ifdef S2_HAVE_JANSSON
static json_t *violation_json(const struct s2_violation *v, uint64_t line)
{
	char text[512];

	s2_violation_text(v, text, sizeof(text));
	return json_pack("{s:I, s:s, s:s, s:i, s:i, s:i, s:I, s:I, s:i, s:I, s:I, s:s}", "line",
			 (json_int_t)line, "rule", s2_rule_name(v->rule), "finding",
			 s2_finding_text(v->finding), "cpu", (int)v->cpu, "by", (int)v->by, "vmid",
			 (int)v->vmid.v, "ipa", (json_int_t)v->ipa.v, "size", (json_int_t)v->size,
			 "level", (int)v->level, "held", (json_int_t)v->held, "now",
			 (json_int_t)v->now, "text", text);
}

static int write_json(const struct checking *c, FILE *out)
{
	const struct s2_check_outcome *o = c->outcome;
	json_t *list = json_array(), *all;
	int ret = 0;

	for (size_t i = 0; i < c->n; i++)
		ret |= json_array_append_new(
			list, violation_json(s2_oracle_violation(s2_retold_oracle(c->told), i),
					     c->lines[i]));
	all = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:o}", "program", "s2-check",
			"version", S2_VERSION, "lines", (json_int_t)o->lines, "events",
			(json_int_t)o->events, "ignored", (json_int_t)o->ignored, "reliances",
			(json_int_t)o->reliances, "violations", (json_int_t)o->violations,
			"expected", (int)o->expected, "found", list);
	if (ret || !all || json_dumpf(all, out, JSON_INDENT(2)) || fputc('\n', out) == EOF)
		ret = -ENOMEM;
	json_decref(all);
	return ret;
}
#else
static int write_json(const struct checking *c, FILE *out)
{
	(void)c;
	(void)out;
	return -ENOTSUP;
}
#endif

/* Told before a long log is read. */
static int check_json(struct s2_error *err)
{
#ifdef S2_HAVE_JANSSON
	(void)err;
	return 0;
#else
	s2_error_set(err, ENOTSUP, "JSON was left out of this build (no jansson)");
	return -ENOTSUP;
#endif
}

static int write_all(const struct checking *c, FILE *out, struct s2_error *err)
{
	int ret = 0;

	if (c->job->json)
		ret = write_json(c, out);
	else
		write_text(c, out);
	if (ret)
		s2_error_set(err, -ret, "no memory for the report");
	return ret;
}

int s2_check_log(const struct s2_check_job *job, FILE *out, struct s2_check_outcome *outcome,
		 struct s2_error *err)
{
	struct checking c = {.job = job, .outcome = outcome};
	int ret;

	memset(outcome, 0, sizeof(*outcome));
	ret = job->json ? check_json(err) : 0;
	if (!ret)
		ret = begin(&c, err);
	if (!ret)
		ret = all_lines(&c, err);
	if (!ret) {
		if (job->at_end)
			s2_retold_end(c.told);
		sum_up(&c);
		ret = write_all(&c, out, err);
	}
	s2_retold_free(c.told);
	s2_input_close(c.input);
	free(c.lines);
	return ret;
}
