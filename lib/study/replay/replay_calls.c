/* SPDX-License-Identifier: MIT */
#include "study/replay/replay_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool queue_empty(const struct call_queue *q)
{
	return q->head == q->len;
}

static struct pending_call *queue_head(struct call_queue *q)
{
	return &q->calls[q->head];
}

static bool queue_room(struct call_queue *q)
{
	size_t cap = q->cap ? 2 * q->cap : 16;
	struct pending_call *calls;

	if (q->head == q->len)
		q->head = q->len = 0;
	if (q->len < q->cap)
		return true;
	calls = realloc(q->calls, cap * sizeof(*calls));
	if (!calls)
		return false;
	q->calls = calls;
	q->cap = cap;
	return true;
}

static void queue_push(struct s2_replay *r, struct call_queue *q, const struct s2_flush_call *call)
{
	if (!queue_room(q)) {
		r->oom = true;
		return;
	}
	q->calls[q->len].call = *call;
	q->calls[q->len].line = r->line;
	q->len++;
}

/* Takes one call off the run at the head. */
static void queue_pop(struct call_queue *q)
{
	struct s2_flush_call *call = &queue_head(q)->call;

	call->ipa.v += call->step;
	if (!--call->repeat)
		q->head++;
}

void s2_replay_free_calls(struct replay_task *t)
{
	free(t->predicted.calls);
	free(t->observed.calls);
}

void s2_replay_predict(void *arg, const struct s2_flush_call *call)
{
	struct s2_replay *r = arg;

	r->whole.calls[call->kind].predicted += call->repeat;
	for (size_t i = 0; s2_replay_in_phase(r) && i < r->nest.n; i++)
		if (!r->nest.phases[i].ended)
			r->nest.phases[i].phase.calls[call->kind].predicted += call->repeat;
	/* A rollover's flush of all VMIDs is no call that a probe shows. */
	if (r->cfg.compare && r->current && call->kind != S2_FLUSH_VM_CONTEXT)
		queue_push(r, &r->current->predicted, call);
}

/* The kernel's "no hint" is INT_MAX, 0 in older kernels, which have no leaf at level 0. */
static int observed_level(int32_t level)
{
	return level < 1 || level > S2_LAST_LEVEL ? S2_TTL_UNKNOWN : level;
}

static struct s2_flush_call observed_call(const struct s2_trace_event *ev)
{
	struct s2_flush_call call = {.level = S2_TTL_UNKNOWN, .repeat = 1};

	switch (ev->kind) {
	case S2_TRACE_TLB_IPA:
	case S2_TRACE_TLB_IPA_NSH:
		call.kind = ev->kind == S2_TRACE_TLB_IPA ? S2_FLUSH_VMID_IPA : S2_FLUSH_VMID_IPA_NSH;
		call.ipa = ev->u.tlb_ipa.ipa;
		call.level = observed_level(ev->u.tlb_ipa.level);
		break;
	case S2_TRACE_TLB_RANGE:
		call.kind = S2_FLUSH_VMID_RANGE;
		call.ipa = ev->u.tlb_range.start;
		call.pages = ev->u.tlb_range.pages;
		break;
	case S2_TRACE_TLB_CPU_CTX:
		call.kind = S2_FLUSH_CPU_CONTEXT;
		break;
	default:
		call.kind = S2_FLUSH_VMID;
		break;
	}
	return call;
}

static bool same_call(const struct s2_flush_call *a, const struct s2_flush_call *b)
{
	return a->kind == b->kind && a->ipa.v == b->ipa.v && a->level == b->level &&
	       a->pages == b->pages;
}

static const char *call_text(const struct s2_flush_call *call, char *buf, size_t size)
{
	const char *name = s2_flush_kind_name(call->kind);

	switch (call->kind) {
	case S2_FLUSH_VMID_IPA:
	case S2_FLUSH_VMID_IPA_NSH:
		if (call->level == S2_TTL_UNKNOWN)
			snprintf(buf, size, "%s ipa=0x%" PRIx64 " level=none", name, call->ipa.v);
		else
			snprintf(buf, size, "%s ipa=0x%" PRIx64 " level=%d", name, call->ipa.v,
				 call->level);
		break;
	case S2_FLUSH_VMID_RANGE:
		snprintf(buf, size, "%s start=0x%" PRIx64 " pages=%" PRIu64, name, call->ipa.v,
			 call->pages);
		break;
	default:
		snprintf(buf, size, "%s", name);
		break;
	}
	return buf;
}

static void differ(struct s2_replay *r, const struct pending_call *predicted,
		   const struct pending_call *observed)
{
	char p[96], o[96];
	const struct s2_replay_difference diff = {
		.line = observed ? observed->line : r->line,
		.kind = observed ? observed->call.kind : predicted->call.kind,
		.predicted = predicted ? call_text(&predicted->call, p, sizeof(p)) : NULL,
		.observed = observed ? call_text(&observed->call, o, sizeof(o)) : NULL,
	};

	r->whole.differences++;
	r->nest.differences += s2_replay_in_phase(r);
	for (size_t i = 0; s2_replay_in_phase(r) && i < r->nest.n; i++)
		r->nest.phases[i].phase.differences += !r->nest.phases[i].ended;
	if (r->cfg.listener.difference)
		r->cfg.listener.difference(r->cfg.listener.arg, &diff, s2_replay_in_phase(r));
}

void s2_replay_match(struct s2_replay *r, struct replay_task *t)
{
	struct call_queue *p = &t->predicted, *o = &t->observed;

	while (!queue_empty(p) && !queue_empty(o)) {
		if (!same_call(&queue_head(p)->call, &queue_head(o)->call))
			differ(r, queue_head(p), queue_head(o));
		queue_pop(p);
		queue_pop(o);
	}
}

void s2_replay_settle(struct s2_replay *r, struct replay_task *t)
{
	s2_replay_match(r, t);
	while (!queue_empty(&t->predicted)) {
		differ(r, queue_head(&t->predicted), NULL);
		queue_pop(&t->predicted);
	}
	while (!queue_empty(&t->observed)) {
		differ(r, NULL, queue_head(&t->observed));
		queue_pop(&t->observed);
	}
}

void s2_replay_observe(struct s2_replay *r, struct replay_task *t, const struct s2_trace_event *ev)
{
	const struct s2_flush_call call = observed_call(ev);

	r->whole.calls[call.kind].observed++;
	for (size_t i = 0; s2_replay_in_phase(r) && i < r->nest.n; i++)
		r->nest.phases[i].phase.calls[call.kind].observed += !r->nest.phases[i].ended;
	if (!r->cfg.compare)
		return;
	queue_push(r, &t->observed, &call);
	s2_replay_match(r, t);
}
