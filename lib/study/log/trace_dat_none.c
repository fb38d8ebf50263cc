/* SPDX-License-Identifier: MIT */
/* In place of trace_dat.c in a build without libtracecmd. */
#include "study/log/trace_dat.h"

#include <errno.h>

int s2_dat_open(int fd, const char *name, struct s2_dat **dat, struct s2_error *err)
{
	(void)fd;
	*dat = NULL;
	s2_error_set(err, S2_TRACE_ERR_NOT_FTRACE,
		     "%s:1: a trace.dat of trace-cmd, and this build has no libtracecmd: give its "
		     "text (trace-cmd report -i FILE)",
		     name);
	return -EINVAL;
}

/* Nothing is ever open. */

int s2_dat_next(struct s2_dat *dat, struct s2_trace_event *ev, struct s2_error *err)
{
	(void)dat;
	(void)ev;
	(void)err;
	return -EINVAL;
}

uint64_t s2_dat_records(const struct s2_dat *dat)
{
	(void)dat;
	return 0;
}

uint32_t s2_dat_cpus(const struct s2_dat *dat)
{
	(void)dat;
	return 0;
}

const char *s2_dat_release(const struct s2_dat *dat)
{
	(void)dat;
	return NULL;
}

uint64_t s2_dat_bytes_read(const struct s2_dat *dat)
{
	(void)dat;
	return 0;
}

void s2_dat_close(struct s2_dat *dat)
{
	(void)dat;
}
