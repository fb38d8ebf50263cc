/* SPDX-License-Identifier: MIT */
#include "study/work/sgi_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "study/log/trace.h"

#define TASK_PREFIX	     "kvm-vcpu-"
#define SGI_LOG_SETTLE_EVERY 16U
#define REPLAY_FAILED	     1

/* What to do with each write of a log. */
typedef int (*visit_fn)(void *arg, unsigned sender, uint64_t value, struct s2_error *err);

/* The vcpu that runs as task @comm: its number, or -1. */
static int vcpu_of_task(const char *comm)
{
	const size_t len = strlen(TASK_PREFIX);
	char *end;
	long n;

	if (strncmp(comm, TASK_PREFIX, len) != 0 || comm[len] < '0' || comm[len] > '9')
		return -1;
	n = strtol(comm + len, &end, 10);
	return *end || n >= (long)S2_VGIC_MAX_CPUS ? -1 : (int)n;
}

static int visit_event(const char *path, const struct s2_trace_event *ev, visit_fn visit, void *arg,
		       struct s2_error *err)
{
	const int sender = vcpu_of_task(ev->comm);

	if (ev->kind != S2_TRACE_SGI)
		return 0;
	if (sender < 0) {
		s2_error_set(err, REPLAY_FAILED,
			     "%s:%" PRIu64 ": task \"%s\", expected a vcpu's: " TASK_PREFIX "N",
			     path, ev->line, ev->comm);
		return -EINVAL;
	}
	return visit(arg, (unsigned)sender, ev->u.sgi.reg, err);
}

static int visit_log(const char *path, visit_fn visit, void *arg, struct s2_error *err)
{
	struct s2_trace *trace = s2_trace_open(path, err);
	struct s2_trace_event ev;
	int ret = 0;

	if (!trace)
		return -ENOENT;
	while (!ret) {
		ret = s2_trace_next(trace, &ev);
		if (ret <= 0)
			break;
		ret = visit_event(path, &ev, visit, arg, err);
	}
	if (ret < 0 && s2_trace_error(trace)->code)
		*err = *s2_trace_error(trace);
	s2_trace_close(trace);
	return ret;
}

static int send_again(void *arg, unsigned sender, uint64_t value, struct s2_error *err)
{
	struct s2_sgi_world *w = arg;

	if (sender >= w->n) {
		s2_error_set(err, REPLAY_FAILED, "vcpu %u sends, expected fewer than %u vcpus",
			     sender, w->n);
		return -EINVAL;
	}
	s2_sgi_world_send(w, sender, value);
	if (w->out->writes % SGI_LOG_SETTLE_EVERY == 0)
		s2_sgi_world_settle(w);
	return 0;
}

int s2_sgi_log_replay(struct s2_sgi_world *w, const char *path, struct s2_error *err)
{
	return visit_log(path, send_again, w, err);
}

/* MPIDRs are made of ids in a log of a default VM, so a target's id can be told. */
static int widen(void *arg, unsigned sender, uint64_t value, struct s2_error *err)
{
	const struct s2_sgi sgi = s2_sgi_decode(value);
	unsigned *most = arg;

	(void)err;
	if (sender + 1U > *most)
		*most = sender + 1U;
	for (unsigned bit = 0; !sgi.all_but_self && bit < S2_SGI_LIST_BITS; bit++) {
		const unsigned id = sgi.aff2 * 4096U + sgi.aff1 * 16U + bit;

		if ((sgi.targets & 1U << bit) && id < S2_VGIC_MAX_CPUS && id + 1U > *most)
			*most = id + 1U;
	}
	return 0;
}

int s2_sgi_log_vcpus(const char *path, struct s2_error *err)
{
	unsigned most = 1;
	const int ret = visit_log(path, widen, &most, err);

	return ret < 0 ? ret : (int)most;
}
