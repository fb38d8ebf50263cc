/* SPDX-License-Identifier: MIT */
/*
 * Phases: from a BEGIN to the END that closes it.  A phase may begin inside
 * another, by the same task or by another, as a child process does; what is
 * inside counts for both.  They are reported when the outermost has ended.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "study/base/fnv.h"
#include "study/replay/replay_internal.h"

static struct phase_name *find_name(struct s2_replay *r, struct s2_span name)
{
	uint64_t hash = s2_fnv_bytes(S2_FNV_START, name.text, name.len);
	struct phase_name *n;

	for (n = r->names; n; n = n->next)
		if (n->hash == hash && strlen(n->name) == name.len &&
		    !memcmp(n->name, name.text, name.len))
			return n;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->name = malloc(name.len + 1);
	if (!n->name) {
		free(n);
		return NULL;
	}
	memcpy(n->name, name.text, name.len);
	n->name[name.len] = '\0';
	n->hash = hash;
	n->next = r->names;
	r->names = n;
	return n;
}

struct s2_counts s2_replay_counts(const struct s2_replay *r)
{
	struct s2_counts now = s2_machine_counts(r->machine);

	if (!r->cfg.cpus)
		now.n[S2_OP_DVM_BROADCAST] = 0;
	/* The log has all of them; the model knows of those that it handled. */
	now.n[S2_OP_S2_FAULT] = r->faults;
	now.n[S2_OP_GUEST_EXIT] = r->exits;
	now.n[S2_OP_GUEST_ENTRY] = r->entries;
	return now;
}

static int no_memory(struct s2_replay *r)
{
	return s2_replay_fail(r, S2_REPLAY_ERR_MEMORY, -ENOMEM, "out of memory for a phase");
}

static struct open_phase *new_phase(struct phase_nest *nest)
{
	if (nest->n == nest->cap) {
		const size_t cap = nest->cap ? 2 * nest->cap : 4;
		struct open_phase *phases = realloc(nest->phases, cap * sizeof(*phases));

		if (!phases)
			return NULL;
		nest->phases = phases;
		nest->cap = cap;
	}
	memset(&nest->phases[nest->n], 0, sizeof(nest->phases[nest->n]));
	return &nest->phases[nest->n];
}

static int begin_phase(struct s2_replay *r, int32_t pid, const struct s2_trace_event *ev)
{
	struct phase_name *name = find_name(r, ev->u.mark.name);
	struct open_phase *p = name ? new_phase(&r->nest) : NULL;

	if (!p)
		return no_memory(r);
	p->phase.name = name->name;
	p->phase.occurrence = ++name->occurrences;
	p->phase.first_difference = r->nest.differences;
	p->start = s2_replay_counts(r);
	p->pid = pid;
	r->nest.n++;
	r->nest.n_open++;
	r->any_phase = true;
	return 1;
}

/* The innermost open phase of @pid, or of all for -1; n if there is none. */
static size_t innermost(const struct phase_nest *nest, int32_t pid)
{
	for (size_t i = nest->n; i-- > 0;)
		if (!nest->phases[i].ended && (pid < 0 || nest->phases[i].pid == pid))
			return i;
	return nest->n;
}

static void report_nest(struct s2_replay *r)
{
	struct phase_nest *nest = &r->nest;

	for (size_t i = 0; i < nest->n; i++) {
		nest->phases[i].phase.more = i + 1 < nest->n;
		if (r->cfg.listener.phase)
			r->cfg.listener.phase(r->cfg.listener.arg, &nest->phases[i].phase, false);
	}
	nest->n = 0;
	nest->differences = 0;
}

/* Its task did not end it, but may still try to. */
static int note_cut(struct s2_replay *r, int32_t pid)
{
	struct phase_nest *nest = &r->nest;

	if (nest->n_cut == nest->cap_cut) {
		const size_t cap = nest->cap_cut ? 2 * nest->cap_cut : 4;
		int32_t *cut = realloc(nest->cut, cap * sizeof(*cut));

		if (!cut)
			return no_memory(r);
		nest->cut = cut;
		nest->cap_cut = cap;
	}
	nest->cut[nest->n_cut++] = pid;
	return 0;
}

/* @return whether the END of @pid is that of a phase which has ended with one around it. */
static bool is_late(struct phase_nest *nest, int32_t pid)
{
	for (size_t i = 0; i < nest->n_cut; i++) {
		if (nest->cut[i] != pid)
			continue;
		nest->cut[i] = nest->cut[--nest->n_cut];
		return true;
	}
	return false;
}

/* Phase @which ends, and with it what began inside and has not. */
static int end_from(struct s2_replay *r, size_t which)
{
	const struct s2_counts now = s2_replay_counts(r);
	struct phase_nest *nest = &r->nest;
	const int32_t pid = nest->phases[which].pid;

	for (size_t i = which; i < nest->n; i++) {
		struct open_phase *p = &nest->phases[i];

		if (p->ended)
			continue;
		p->ended = true;
		p->phase.ops = s2_counts_since(&p->start, &now);
		nest->n_open--;
		if (p->pid != pid && note_cut(r, p->pid))
			return -ENOMEM;
	}
	if (!nest->n_open)
		report_nest(r);
	return 1;
}

static int end_phase(struct s2_replay *r, int32_t pid)
{
	struct phase_nest *nest = &r->nest;
	size_t which = innermost(nest, pid);

	if (which == nest->n && is_late(nest, pid))
		return 1;
	if (which == nest->n)
		which = innermost(nest, -1);
	if (which == nest->n && !r->any_phase) {
		s2_replay_infer(r, "the log begins inside a phase: what is before its END is of none");
		return 1;
	}
	if (which == nest->n)
		return s2_replay_fail(r, S2_REPLAY_ERR_PHASE, -EINVAL, "END without a BEGIN");
	return end_from(r, which);
}

int s2_replay_mark(struct s2_replay *r, const struct replay_task *t,
		   const struct s2_trace_event *ev)
{
	return ev->kind == S2_TRACE_MARK_BEGIN ? begin_phase(r, t->pid, ev) : end_phase(r, t->pid);
}

int s2_replay_end_phases(struct s2_replay *r)
{
	const size_t open = innermost(&r->nest, -1);

	if (open == r->nest.n)
		return 0;
	return s2_replay_fail(r, S2_REPLAY_ERR_PHASE, -EINVAL, "the log ends inside phase \"%s\"",
			      r->nest.phases[open].phase.name);
}

void s2_replay_free_phases(struct s2_replay *r)
{
	struct phase_name *n, *next;

	for (n = r->names; n; n = next) {
		next = n->next;
		free(n->name);
		free(n);
	}
	free(r->nest.phases);
	free(r->nest.cut);
}
