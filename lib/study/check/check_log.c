/* SPDX-License-Identifier: MIT */
#include "study/check/check_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#ifdef S2_HAVE_JANSSON
#include <jansson.h>
#endif

#include "study/check/check_pass.h"
#include "study/check/check_story.h"

/* Where a violation was found. */
struct place {
	uint64_t line;
	char site[S2_CHECK_SITE]; /* of the line; NULL is "" */
};

/* A check under way; of each violation that is kept, its place. */
struct checking {
	struct s2_check_pass pass;
	struct s2_oracle *oracle;
	struct place *places;
	size_t n;
};

static void found(void *arg, const struct s2_violation *violation)
{
	struct checking *c = arg;
	struct place *at;

	if (c->n == c->pass.job->keep)
		return;
	at = &c->places[c->n++];
	at->line = c->pass.line;
	/* What is behind the pointer goes with the line. */
	(void)snprintf(at->site, sizeof(at->site), "%s", violation->site ? violation->site : "");
}

static struct s2_violation violation_at(const struct checking *c, size_t i)
{
	struct s2_violation v = *s2_oracle_violation(c->oracle, i);

	v.site = c->places[i].site[0] ? c->places[i].site : NULL;
	return v;
}

static unsigned rules_of(const struct s2_check_job *job)
{
	return job->rules ? job->rules : S2_CHECK_RULES;
}

static int begin(struct checking *c, const struct s2_check_job *job,
		 struct s2_check_outcome *outcome, struct s2_error *err)
{
	const struct s2_oracle_config oracle = {
		.rules = rules_of(job), .keep = job->keep, .found = found, .arg = c};
	int ret;

	if (oracle.rules & ~S2_CHECK_RULES) {
		s2_error_set(err, EINVAL, "expected rules about translations: "
					  "a log does not say what guests read and write");
		return -EINVAL;
	}
	ret = s2_check_pass_open(&c->pass, job, outcome, err);
	if (ret)
		return ret;
	c->places = calloc(job->keep ? job->keep : 1, sizeof(*c->places));
	ret = c->places ? s2_oracle_attach(s2_retold_machine(c->pass.told), &oracle, &c->oracle)
			: -ENOMEM;
	if (ret)
		s2_error_set(err, -ret, "cannot set up the machine: %s", strerror(-ret));
	s2_retold_watched(c->pass.told, c->oracle);
	return ret;
}

static void sum_up(struct checking *c)
{
	const struct s2_retold_counts counts = s2_retold_counts(c->pass.told);

	c->pass.outcome->events = counts.events;
	c->pass.outcome->ignored = counts.ignored;
	c->pass.outcome->reliances = counts.reliances;
	c->pass.outcome->changed = counts.changed;
	c->pass.outcome->violations = s2_oracle_count(c->oracle, S2_RULES);
}

static void write_text(const struct checking *c, FILE *out)
{
	const struct s2_check_outcome *o = c->pass.outcome;
	struct s2_violation v;
	char text[512];

	for (size_t i = 0; i < c->n; i++) {
		v = violation_at(c, i);
		s2_violation_text(&v, text, sizeof(text));
		fprintf(out, "%s:%" PRIu64 ": %s\n", s2_input_name(c->pass.input), c->places[i].line, text);
	}
	if (o->violations > c->n)
		fprintf(out, "and %" PRIu64 " more\n", o->violations - c->n);
	fprintf(out,
		"%s: %" PRIu64 " lines, %" PRIu64 " events, %" PRIu64 " of them not modelled, "
		"%" PRIu64 " reliances; %s%" PRIu64 " violation%s\n",
		s2_input_name(c->pass.input), o->lines, o->events, o->ignored, o->reliances,
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
	const struct s2_check_outcome *o = c->pass.outcome;
	json_t *list = json_array(), *all;
	int ret = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct s2_violation v = violation_at(c, i);

		ret |= json_array_append_new(list, violation_json(&v, c->places[i].line));
	}
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

	if (c->pass.job->json)
		ret = write_json(c, out);
	else
		write_text(c, out);
	if (ret)
		s2_error_set(err, -ret, "no memory for the report");
	return ret;
}

static int write_all_and_story(struct checking *c, FILE *out, struct s2_error *err)
{
	const char *const path = c->pass.job->story;
	struct s2_violation first;
	int ret = write_all(c, out, err);

	if (ret || !path || !c->n)
		return ret;
	first = violation_at(c, 0);
	return s2_check_story(c->pass.job, &first, path, err);
}

int s2_check_log(const struct s2_check_job *job, FILE *out, struct s2_check_outcome *outcome,
		 struct s2_error *err)
{
	struct checking c = {.n = 0};
	int ret;

	memset(outcome, 0, sizeof(*outcome));
	ret = job->json ? check_json(err) : 0;
	if (!ret && job->story)
		ret = s2_check_story_possible(job, err);
	if (!ret)
		ret = begin(&c, job, outcome, err);
	if (!ret)
		ret = s2_check_pass_run(&c.pass, err);
	if (!ret) {
		sum_up(&c);
		ret = write_all_and_story(&c, out, err);
	}
	s2_oracle_detach(c.oracle);
	s2_check_pass_close(&c.pass);
	free(c.places);
	return ret;
}
