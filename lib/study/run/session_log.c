/* SPDX-License-Identifier: MIT */
/* One run, written as the instructions that its hypervisor issues; see session.h. */
#include "study/run/session.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "study/report/insn_log.h"

static int write_text(void *arg, const char *text, size_t len)
{
	return fwrite(text, 1, len, arg) == len ? 0 : -EIO;
}

/** A log is of one run. */
static int check_one(struct s2_session *s)
{
	const char *of = s->common.sweep != NULL ? "no --sweep"
			 : s->policies.n != 1	 ? "one --policy"
			 : s->n_presets > 1	 ? "one --workload"
						 : NULL;

	if (of == NULL)
		return 0;
	s2_error_set(&s->err, S2_OPTIONS_VALUE, "--log: a log is of one run, expected %s", of);
	return -EINVAL;
}

static int run_into(struct s2_session *s, FILE *out)
{
	struct s2_insn_log log = {
		.config = {write_text, out, s->common.log == S2_LOG_CASEMATE}};
	int r;

	s->log = &log;
	r = s2_session_run(s);
	s->log = NULL;
	if (r == 0 && fflush(out) != 0)
		r = -EIO;
	if (r == -EIO)
		s2_error_set(&s->err, EIO, "--log: cannot write all of it");
	if (r == 0 && log.left_out != 0)
		(void)fprintf(s->errs,
			      "%s: --log: %" PRIu64 " instructions that casemate has no word for are "
			      "left out\n",
			      s->program->name, log.left_out);
	return r;
}

int s2_session_log(struct s2_session *s)
{
	const char *path = s->common.output;
	FILE *out = path != NULL ? NULL : s->out;
	int r = check_one(s);

	if (r < 0)
		return r;
	if (path != NULL)
		out = fopen(path, "w");
	if (out == NULL) {
		s2_error_set(&s->err, errno, "%s: %s", path, strerror(errno));
		return -EIO;
	}
	r = run_into(s, out);
	if (path != NULL && fclose(out) != 0 && r == 0) {
		s2_error_set(&s->err, errno, "%s: %s", path, strerror(errno));
		r = -EIO;
	}
	return r;
}
