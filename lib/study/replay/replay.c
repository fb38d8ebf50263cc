/* SPDX-License-Identifier: MIT */
#include "study/replay/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "study/replay/replay_internal.h"

/* More would be a log that never says the same twice; the rest is not kept. */
#define MAX_INFERRED 256U

/* The allocator wants more VMIDs than CPUs. */
static unsigned cpus_unknown(const struct s2_features *features)
{
	return features->vmid_bits == 8 ? S2_REPLAY_CPUS_UNKNOWN / 2 : S2_REPLAY_CPUS_UNKNOWN;
}

int s2_replay_create(const struct s2_replay_config *cfg, struct s2_replay **out)
{
	const struct s2_machine_config machine = {
		.features = cfg->features,
		.cpus = cfg->cpus ? cfg->cpus : cpus_unknown(&cfg->features),
	};
	struct s2_replay *r;
	int ret;

	if (!cfg->flavour)
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->cfg = *cfg;
	if (cfg->detail == S2_REPLAY_PLAIN)
		r->cfg.compare = false;
	r->loaded = calloc(machine.cpus, sizeof(struct replay_vcpu *));
	ret = r->loaded ? s2_machine_create(&machine, &r->machine) : -ENOMEM;
	if (!ret)
		ret = s2_vmids_create(r->machine, &r->vmids);
	if (ret) {
		s2_machine_destroy(r->machine);
		free(r->loaded);
		free(r);
		return ret;
	}
	if (!cfg->cpus)
		s2_replay_infer(r, "number of CPUs not in the log: dvm_broadcast left out; --cpus "
				   "sets it");
	*out = r;
	return 0;
}

void s2_replay_destroy(struct s2_replay *r)
{
	if (!r)
		return;
	s2_replay_free_host(r);
	s2_machine_destroy(r->machine);
	s2_replay_free_phases(r);
	for (size_t i = 0; i < r->n_inferred; i++)
		free(r->inferred[i]);
	free(r->inferred);
	free(r);
}

int s2_replay_fail(struct s2_replay *r, enum s2_replay_code code, int ret, const char *fmt, ...)
{
	char text[S2_ERROR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	s2_error_set(r->err, code, "%s", text);
	return ret;
}

void s2_replay_infer(struct s2_replay *r, const char *fmt, ...)
{
	char text[S2_ERROR_TEXT];
	char **inferred;
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	for (size_t i = 0; i < r->n_inferred; i++)
		if (!strcmp(r->inferred[i], text))
			return;
	if (r->n_inferred == MAX_INFERRED)
		return;
	inferred = realloc(r->inferred, (r->n_inferred + 1) * sizeof(*inferred));
	if (!inferred) {
		r->oom = true;
		return;
	}
	r->inferred = inferred;
	r->inferred[r->n_inferred] = malloc(strlen(text) + 1);
	if (!r->inferred[r->n_inferred]) {
		r->oom = true;
		return;
	}
	memcpy(r->inferred[r->n_inferred++], text, strlen(text) + 1);
}

void s2_replay_unplaced(struct s2_replay *r, enum s2_trace_kind kind)
{
	const char *name = s2_trace_kind_name(kind);
	size_t i = 0;

	while (i < r->n_unplaced && r->unplaced[i].name != name)
		i++;
	if (i == r->n_unplaced) {
		r->unplaced[r->n_unplaced].name = name;
		r->unplaced[r->n_unplaced++].n = 0;
	}
	r->unplaced[i].n++;
}

/* ---- events ---- */

static int take_mark(struct s2_replay *r, struct replay_task *t, const struct s2_trace_event *ev)
{
	if (r->cfg.detail == S2_REPLAY_RICH)
		s2_replay_end_ioctl(r, t);
	s2_replay_settle(r, t);
	return s2_replay_mark(r, t, ev);
}

static bool is_mark(enum s2_trace_kind kind)
{
	return kind == S2_TRACE_MARK_BEGIN || kind == S2_TRACE_MARK_END;
}

static int take_event(struct s2_replay *r, struct replay_task *t, const struct s2_trace_event *ev)
{
	int ret;

	r->faults += ev->kind == S2_TRACE_KVM_GUEST_FAULT;
	r->exits += ev->kind == S2_TRACE_KVM_EXIT;
	r->entries += ev->kind == S2_TRACE_KVM_ENTRY;
	/* A vcpu is loaded wherever its task prints; KVM_RUN itself is before the load. */
	if (ev->kind != S2_TRACE_SYS_IOCTL)
		s2_replay_on_cpu(r, t, ev->cpu);
	if (is_mark(ev->kind))
		ret = take_mark(r, t, ev);
	else if (r->cfg.detail == S2_REPLAY_RICH)
		ret = s2_replay_rich(r, t, ev);
	else
		ret = s2_replay_plain(r, t, ev);
	if (ev->kind == S2_TRACE_KVM_USERSPACE_EXIT)
		s2_replay_vcpu_put(r, t);
	return ret;
}

int s2_replay_event(struct s2_replay *r, const struct s2_trace_event *ev, struct s2_error *err)
{
	struct replay_task *t;
	int ret;

	r->err = err;
	r->line = ev->line;
	if (err)
		err->text[0] = '\0';
	if (ev->cpu >= s2_machine_cpus(r->machine))
		return s2_replay_fail(r, S2_REPLAY_ERR_CPU, -ERANGE,
				      "CPU %u, but the machine has %u; --cpus sets it", ev->cpu,
				      s2_machine_cpus(r->machine));
	t = s2_replay_task(r, ev);
	if (!t)
		return s2_replay_fail(r, S2_REPLAY_ERR_MEMORY, -ENOMEM, "out of memory for a task");
	r->current = t;
	ret = take_event(r, t, ev);
	t->cpu = ev->cpu;
	r->current = NULL;
	if (r->oom)
		return s2_replay_fail(r, S2_REPLAY_ERR_MEMORY, -ENOMEM, "out of memory");
	if (ret < 0)
		return ret;
	if (ret)
		r->replayed++;
	else
		r->ignored++;
	return 0;
}

static void settle_all(struct s2_replay *r)
{
	for (size_t i = 0; i < TASK_BUCKETS; i++) {
		for (struct replay_task *t = r->tasks[i]; t; t = t->next) {
			r->current = t;
			if (r->cfg.detail == S2_REPLAY_RICH)
				s2_replay_end_ioctl(r, t);
			s2_replay_settle(r, t);
		}
	}
	r->current = NULL;
}

int s2_replay_finish(struct s2_replay *r, uint64_t line, struct s2_error *err)
{
	r->err = err;
	r->line = line;
	if (s2_replay_end_phases(r))
		return -EINVAL;
	settle_all(r);
	if (r->oom)
		return s2_replay_fail(r, S2_REPLAY_ERR_MEMORY, -ENOMEM, "out of memory");
	r->total = s2_replay_counts(r);
	r->whole.name = "whole log";
	r->whole.occurrence = 1;
	r->whole.ops = r->total;
	if (!r->any_phase && r->cfg.listener.phase)
		r->cfg.listener.phase(r->cfg.listener.arg, &r->whole, true);
	return 0;
}

void s2_replay_summary(const struct s2_replay *r, struct s2_replay_summary *summary)
{
	summary->replayed = r->replayed;
	summary->ignored = r->ignored;
	summary->differences = r->whole.differences;
	summary->unplaced = r->unplaced;
	summary->n_unplaced = r->n_unplaced;
	summary->inferred = (const char *const *)r->inferred;
	summary->n_inferred = r->n_inferred;
	summary->total = &r->total;
	summary->any_phase = r->any_phase;
}
