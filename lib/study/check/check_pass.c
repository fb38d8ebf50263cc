/* SPDX-License-Identifier: MIT */
#include "study/check/check_pass.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "study/check/check_line.h"

static int at_line(const struct s2_check_pass *p, int ret, struct s2_error *err)
{
	char text[S2_ERROR_TEXT];

	memcpy(text, err->text, sizeof(text));
	s2_error_set(err, err->code, "%s:%" PRIu64 ": %.160s", s2_input_name(p->input), p->line,
		     text);
	return ret;
}

static int one_line(struct s2_check_pass *p, const struct s2_text_line *text, struct s2_error *err)
{
	const struct s2_span span = {text->text, text->len};
	struct s2_check_line line;
	int ret;

	p->line = text->number;
	if (text->len && text->text[0] == '!')
		p->outcome->expected = true;
	ret = s2_check_line_parse(span, &line, err);
	if (ret > 0)
		return 0;
	if (!ret)
		ret = s2_retold_line(p->told, &line, err);
	return ret ? at_line(p, ret, err) : 0;
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
	if (!ret && p->job->at_end)
		s2_retold_end(p->told);
	return ret;
}

void s2_check_pass_close(struct s2_check_pass *p)
{
	s2_retold_free(p->told);
	s2_input_close(p->input);
}
