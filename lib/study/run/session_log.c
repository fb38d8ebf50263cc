/* SPDX-License-Identifier: MIT */
/* One run, written as the instructions that its hypervisor issues; see session.h. */
#include "study/run/session.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

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
	if (r == 0 && fflush(out) != 0) {
		s2_error_set(&s->err, EIO, "--log: cannot write all of it");
		r = -EIO;
	}
	if (r == 0 && log.left_out != 0)
		(void)fprintf(s->errs,
			      "%s: --log: %" PRIu64 " instructions that casemate has no word for are "
			      "left out\n",
			      s->program->name, log.left_out);
	return r;
}

/* Under another name until it is whole; a device, a pipe or a link is written into. */
static int run_into_file(struct s2_session *s, const char *path)
{
	char part[4096];
	struct stat st;
	const bool into = lstat(path, &st) == 0 && !S_ISREG(st.st_mode);
	const int len = snprintf(part, sizeof(part), "%s%s", path, into ? "" : ".part");
	FILE *out = len < (int)sizeof(part) ? fopen(part, "w") : NULL;
	int r;

	if (out == NULL) {
		s2_error_set(&s->err, errno, "%.80s: %s", path, strerror(errno));
		return -EIO;
	}
	r = run_into(s, out);
	if ((fclose(out) != 0 || (r == 0 && !into && rename(part, path) != 0)) && r == 0) {
		s2_error_set(&s->err, errno, "%.80s: %s", path, strerror(errno));
		r = -EIO;
	}
	if (r < 0 && !into)
		(void)remove(part);
	return r;
}

int s2_session_log(struct s2_session *s)
{
	const int r = check_one(s);

	if (r < 0)
		return r;
	return s->common.output != NULL ? run_into_file(s, s->common.output) : run_into(s, s->out);
}
