/* SPDX-License-Identifier: MIT */
#include "study/check/check_pass.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "study/check/check_line.h"
#include "study/log/trace.h"

static int at_line(const struct s2_check_pass *p, int ret, struct s2_error *err)
{
	char text[S2_ERROR_TEXT], where[64] = "";

	memcpy(text, err->text, sizeof(text));
	if (p->began && p->began != p->line)
		(void)snprintf(where, sizeof(where), " (of the event that begins in line %" PRIu64 ")",
			       p->began);
	s2_error_set(err, err->code, "%s:%" PRIu64 ": %.160s%s", s2_input_name(p->input), p->line,
		     text, where);
	return ret;
}

/* Keeps what there is of an event, for the next line to go on with. */
static int keep(struct s2_check_pass *p, struct s2_span text, struct s2_error *err)
{
	char *const begun = malloc(text.len + 1);

	if (!begun) {
		s2_error_set(err, ENOMEM, "no memory for an event of more than a line");
		return -ENOMEM;
	}
	memcpy(begun, text.text, text.len);
	begun[text.len] = '\n';
	p->begun = begun;
	p->n_begun = text.len + 1;
	if (!p->began)
		p->began = p->line;
	return 0;
}

/* All events that @text has; of the last perhaps the beginning only. */
static int events_of(struct s2_check_pass *p, struct s2_span text, struct s2_error *err)
{
	struct s2_check_line line;
	int ret;

	while (!(ret = s2_check_line_parse(&text, &line, err))) {
		ret = s2_retold_line(p->told, &line, err);
		if (ret)
			return at_line(p, ret, err);
		p->began = 0;
	}
	if (ret == -EAGAIN)
		return keep(p, text, err);
	return ret > 0 ? 0 : at_line(p, ret, err);
}

/* A line that goes on with an event. */
static int go_on(struct s2_check_pass *p, struct s2_span more, struct s2_error *err)
{
	const size_t len = p->n_begun + more.len;
	char *whole;
	int ret;

	if (len >= S2_TRACE_LINE_MAX) {
		s2_error_set(err, EINVAL, "an event of more than %u bytes", S2_TRACE_LINE_MAX);
		return at_line(p, -EINVAL, err);
	}
	whole = malloc(len);
	if (!whole) {
		s2_error_set(err, ENOMEM, "no memory for an event of more than a line");
		return -ENOMEM;
	}
	memcpy(whole, p->begun, p->n_begun);
	memcpy(whole + p->n_begun, more.text, more.len);
	free(p->begun);
	p->begun = NULL;
	ret = events_of(p, (struct s2_span){whole, len}, err);
	free(whole);
	return ret;
}

static int one_line(struct s2_check_pass *p, const struct s2_text_line *text, struct s2_error *err)
{
	const struct s2_span span = {text->text, text->len};

	p->line = text->number;
	if (text->len && text->text[0] == '!')
		p->outcome->expected = true;
	/* An expectation stands between events. */
	if (text->len && text->text[0] == '!' && !p->begun)
		return 0;
	return p->begun ? go_on(p, span, err) : events_of(p, span, err);
}

int s2_check_pass_open(struct s2_check_pass *p, const struct s2_check_job *job,
		       struct s2_check_outcome *outcome, struct s2_error *err)
{
	int ret;

	*p = (struct s2_check_pass){.job = job, .outcome = outcome};
	ret = s2_input_open(job->path, &p->input, err);
	if (ret)
		return ret;
	ret = s2_retold_create(&job->features, job->cpus, &p->told);
	if (ret)
		s2_error_set(err, -ret, "cannot set up the machine: %s", strerror(-ret));
	return ret;
}

int s2_check_pass_run(struct s2_check_pass *p, struct s2_error *err)
{
	struct s2_text_line text;
	int ret;

	while ((ret = s2_input_next(p->input, &text, err)) > 0) {
		p->outcome->lines = text.number;
		ret = one_line(p, &text, err);
		if (ret)
			return ret;
	}
	if (!ret && p->begun) {
		s2_error_set(err, EINVAL, "the log ends within an event");
		p->line = p->began;
		return at_line(p, -EINVAL, err);
	}
	if (!ret && p->job->at_end)
		s2_retold_end(p->told);
	return ret;
}

void s2_check_pass_close(struct s2_check_pass *p)
{
	free(p->begun);
	s2_retold_free(p->told);
	s2_input_close(p->input);
}
