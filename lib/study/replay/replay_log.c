/* SPDX-License-Identifier: MIT */
#include "study/replay/replay_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "study/replay/replay_told.h"

/*
 * Events looked at to tell a rich log from a plain one, and whose it is; a rich
 * one shows itself sooner, its kernel perhaps not.
 */
#define LOOK_AHEAD 4096U

/* Events between two looks at the progress. */
#define TICK 8192U

struct held_event {
	struct s2_trace_event ev;
	char *mark; /* copy of a phase's name, which the reader's buffer will lose */
};

struct log_reader {
	const struct s2_replay_job *job;
	struct s2_trace *trace;
	struct held_event *held;
	size_t n_held, next_held;
	int held_end; /* what reading returned after the events held: 0 at the end, or an error */
	bool ended;
	struct s2_error held_error;
	struct s2_told told;
	struct s2_features features;
	const struct s2_flavour *flavour;
	char flavour_from[128]; /* empty: it was given */
	uint64_t skipped;
};

static void skip(struct log_reader *in, const struct s2_error *err)
{
	in->skipped++;
	if (in->job->skipped)
		in->job->skipped(in->job->skipped_arg, err->text);
}

/* The next good event. @return 1, 0 at the end, or an error with @err set. */
static int read_event(struct log_reader *in, struct s2_trace_event *ev, struct s2_error *err)
{
	for (;;) {
		int ret = s2_trace_next(in->trace, ev);

		if (ret >= 0)
			return ret;
		*err = *s2_trace_error(in->trace);
		if (ret != -EBADMSG || !in->job->keep_going)
			return ret;
		skip(in, err);
	}
}

static bool is_rich(enum s2_trace_kind kind)
{
	return kind == S2_TRACE_SYS_IOCTL ||
	       (kind >= S2_TRACE_S2_MAP && kind <= S2_TRACE_SET_WAY_FLUSH);
}

static bool hold(struct log_reader *in, const struct s2_trace_event *ev)
{
	struct held_event *h = &in->held[in->n_held];

	h->ev = *ev;
	h->ev.name.text = "";
	h->ev.name.len = 0;
	h->mark = NULL;
	if (ev->kind == S2_TRACE_MARK_BEGIN || ev->kind == S2_TRACE_MARK_HOST) {
		h->mark = malloc(ev->u.mark.name.len + 1);
		if (!h->mark)
			return false;
		memcpy(h->mark, ev->u.mark.name.text, ev->u.mark.name.len);
		h->ev.u.mark.name.text = h->mark;
	}
	in->n_held++;
	return true;
}

static bool knows_host(const struct log_reader *in)
{
	return (in->job->flavour || in->told.flavour) &&
	       (!in->job->auto_machine || in->told.machine[0]);
}

/* Nothing that may still come in the log's beginning would be believed instead. */
static bool was_told_host(const struct log_reader *in)
{
	return knows_host(in) && (in->job->flavour || in->told.said);
}

static void read_again(struct log_reader *in)
{
	struct s2_error ignored;
	struct s2_trace_event ev;
	struct s2_trace *trace = s2_trace_open(in->job->path, &ignored);

	while (trace && !knows_host(in) && s2_trace_next(trace, &ev) > 0)
		s2_told_event(&in->told, &ev);
	s2_trace_close(trace);
}

/* The rest of a log that can be read twice may tell what its beginning does not. */
static void look_through(struct log_reader *in)
{
	if (!knows_host(in) && strcmp(in->job->path, "-") != 0)
		read_again(in);
	s2_told_end(&in->told);
}

/* What was not given is as the log tells. @return 0, or -EINVAL with @err set */
static int settle_host(struct log_reader *in, struct s2_error *err)
{
	const struct s2_replay_job *job = in->job;

	in->features = job->features;
	in->flavour = job->flavour ? job->flavour : in->told.flavour;
	if (!job->flavour)
		snprintf(in->flavour_from, sizeof(in->flavour_from), "%s",
			 in->told.flavour ? in->told.flavour_from
					  : "the newest, since the log does not tell its kernel");
	if (!in->flavour)
		in->flavour = s2_flavour_find("newest");
	if (!job->auto_machine)
		return 0;
	if (in->told.machine[0] && !s2_features_parse(in->told.machine, &in->features, NULL))
		return 0;
	s2_error_set(err, 1,
		     in->told.machine[0]
			     ? "--machine auto: %.80s tells a machine that is none: \"%s\""
			     : "--machine auto: %.80s does not tell its machine%s; name one",
		     job->path, in->told.machine);
	return -EINVAL;
}

static int look_ahead(struct log_reader *in, enum s2_replay_detail *detail, struct s2_error *err)
{
	struct s2_trace_event ev;

	*detail = in->job->kind == S2_REPLAY_KIND_RICH ? S2_REPLAY_RICH : S2_REPLAY_PLAIN;
	in->held = calloc(LOOK_AHEAD, sizeof(*in->held));
	if (!in->held)
		return -ENOMEM;
	while (in->n_held < LOOK_AHEAD) {
		in->held_end = read_event(in, &ev, err);
		if (in->held_end <= 0) {
			in->ended = true;
			in->held_error = *err;
			break;
		}
		if (!hold(in, &ev))
			return -ENOMEM;
		s2_told_event(&in->told, &ev);
		if (in->job->kind == S2_REPLAY_KIND_AUTO && is_rich(ev.kind))
			*detail = S2_REPLAY_RICH;
		/* The header has been read, and that was all there was to find out. */
		if (was_told_host(in) &&
		    (*detail == S2_REPLAY_RICH || in->job->kind == S2_REPLAY_KIND_PLAIN))
			break;
	}
	return 0;
}

/* The next event, held or fresh. */
static int next_event(struct log_reader *in, struct s2_trace_event *ev, struct s2_error *err)
{
	if (in->next_held < in->n_held) {
		*ev = in->held[in->next_held++].ev;
		return 1;
	}
	if (in->ended) {
		*err = in->held_error;
		return in->held_end;
	}
	return read_event(in, ev, err);
}

static void close_reader(struct log_reader *in)
{
	for (size_t i = 0; i < in->n_held; i++)
		free(in->held[i].mark);
	free(in->held);
	s2_trace_close(in->trace);
}

/* The replay's errors know no file; the reader's do. */
static void locate(const struct s2_replay_job *job, uint64_t line, struct s2_error *err)
{
	struct s2_error bare = *err;
	const char *name = strcmp(job->path, "-") ? job->path : "standard input";

	s2_error_set(err, bare.code, "%.*s:%" PRIu64 ": %s", 160, name, line, bare.text);
}

static void show_progress(const struct log_reader *in, uint64_t events)
{
	struct s2_progress *p = in->job->progress;

	if (!p || events % TICK)
		return;
	p->steps = s2_trace_bytes_total(in->trace);
	p->steps_done = s2_trace_bytes_read(in->trace);
	s2_progress_look(p);
}

static int replay_events(struct log_reader *in, struct s2_replay *r, struct s2_error *err)
{
	struct s2_trace_event ev;
	uint64_t events = 0;
	int ret;

	while ((ret = next_event(in, &ev, err)) > 0) {
		show_progress(in, ++events);
		ret = s2_replay_event(r, &ev, err);
		if (!ret)
			continue;
		locate(in->job, ev.line, err);
		if (!in->job->keep_going || ret == -ENOMEM)
			return ret;
		skip(in, err);
	}
	if (ret < 0)
		return ret;
	ret = s2_replay_finish(r, s2_trace_lines(in->trace), err);
	if (ret)
		locate(in->job, s2_trace_lines(in->trace), err);
	if (ret && ret != -ENOMEM && in->job->keep_going) {
		skip(in, err);
		return 0;
	}
	return ret;
}

static int replay_log_write_report(const struct log_reader *in, const struct s2_replay *r,
				   struct s2_replay_report *report, FILE *out,
				   struct s2_replay_outcome *outcome, struct s2_error *err)
{
	const struct s2_replay_job *job = in->job;
	const struct s2_replay_report_head head = {
		.program = "s2-replay",
		.version = S2_VERSION,
		.input = job->path,
		.machine = in->features.name,
		.flavour = in->flavour->name,
		.flavour_from = in->flavour_from[0] ? in->flavour_from : NULL,
		.lines = s2_trace_lines(in->trace),
	};
	struct s2_replay_summary summary;
	int ret;

	s2_replay_summary(r, &summary);
	outcome->differences = summary.differences;
	outcome->skipped = in->skipped;
	outcome->lines = head.lines;
	outcome->replayed = summary.replayed;
	outcome->ops = *summary.total;
	outcome->flavour = in->flavour->name;
	ret = s2_replay_report_write(report, &head, &summary, out);
	if (ret == -ENOENT)
		s2_error_set(err, 1, "%s: no phase called \"%s\" in the log", job->path,
			     job->phase);
	else if (ret)
		s2_error_set(err, 1, "cannot write the report: %s", strerror(-ret));
	return ret;
}

static int replay_with(struct log_reader *in, const struct s2_replay_config *cfg,
		       struct s2_replay_report *report, FILE *out,
		       struct s2_replay_outcome *outcome, struct s2_error *err)
{
	struct s2_replay *r;
	int ret = s2_replay_create(cfg, &r);

	if (ret) {
		s2_error_set(err, 1, "cannot make machine %s with %u CPUs and %u-bit VMIDs: %s",
			     cfg->features.name, cfg->cpus, cfg->features.vmid_bits,
			     strerror(-ret));
		return ret;
	}
	ret = replay_events(in, r, err);
	if (in->job->progress)
		s2_progress_end(in->job->progress);
	if (!ret)
		ret = replay_log_write_report(in, r, report, out, outcome, err);
	s2_replay_destroy(r);
	return ret;
}

/** Hands phases on to the report, and adds up the calls of those that are in no other. */
struct phase_listener {
	struct s2_replay_listener report;
	struct s2_replay_outcome *outcome;
	bool more; /**< the phase before this began in an outermost one, as this did */
};

static void on_phase(void *arg, const struct s2_replay_phase *phase, bool whole_log)
{
	struct phase_listener *l = arg;

	for (int kind = 0; kind < S2_FLUSH_KINDS && !l->more; kind++) {
		l->outcome->calls.predicted += phase->calls[kind].predicted;
		l->outcome->calls.observed += phase->calls[kind].observed;
	}
	l->more = phase->more;
	l->report.phase(l->report.arg, phase, whole_log);
}

static void on_difference(void *arg, const struct s2_replay_difference *diff, bool in_phase)
{
	struct phase_listener *l = arg;

	l->report.difference(l->report.arg, diff, in_phase);
}

static int replay_opened(struct log_reader *in, const struct s2_memslots *slots, FILE *out,
			 struct s2_replay_outcome *outcome, struct s2_error *err)
{
	const struct s2_replay_job *job = in->job;
	struct s2_replay_config cfg = {
		.ipa_bits = job->ipa_bits,
		.slots = job->memslots ? slots : NULL,
		.backing = job->backing,
	};
	struct phase_listener listener = {.more = false};
	struct s2_replay_report *report;
	int ret = look_ahead(in, &cfg.detail, err);

	if (ret) {
		s2_error_set(err, 1, "out of memory");
		return ret;
	}
	if (!in->told.said && s2_trace_release(in->trace))
		s2_told_release(&in->told, s2_trace_release(in->trace));
	look_through(in);
	ret = settle_host(in, err);
	if (ret)
		return ret;
	cfg.features = in->features;
	cfg.flavour = in->flavour;
	if (job->own_toggle && cfg.detail == S2_REPLAY_RICH) {
		s2_error_set(err, S2_REPLAY_ERR_DETAIL,
			     "--toggle: %.80s is a rich log, which says itself what was cleaned; "
			     "expected a plain one",
			     job->path);
		return -EINVAL;
	}
	cfg.compare = job->compare && cfg.detail == S2_REPLAY_RICH;
	cfg.cpus = job->cpus ? job->cpus : s2_trace_cpus(in->trace);
	ret = s2_replay_report_create(job->format, job->phase, cfg.compare, &report);
	if (ret) {
		s2_error_set(err, 1,
			     ret == -EOPNOTSUPP ? "JSON was left out of this build"
						: "cannot make a temporary file");
		return ret;
	}
	*outcome = (struct s2_replay_outcome){.differences = 0};
	listener.report = s2_replay_report_listener(report);
	listener.outcome = outcome;
	cfg.listener = (struct s2_replay_listener){on_phase, on_difference, &listener};
	ret = replay_with(in, &cfg, report, out, outcome, err);
	s2_replay_report_free(report);
	return ret;
}

int s2_replay_log(const struct s2_replay_job *job, FILE *out, struct s2_replay_outcome *outcome,
		  struct s2_error *err)
{
	struct log_reader in = {.job = job, .told = S2_TOLD_NOTHING};
	struct s2_memslots slots = {0};
	int ret = 0;

	if (job->memslots)
		ret = s2_memslots_load(job->memslots, UINT64_C(1) << job->features.granule, &slots,
				       err);
	if (ret)
		return ret;
	in.trace = s2_trace_open(job->path, err);
	if (in.trace)
		ret = replay_opened(&in, &slots, out, outcome, err);
	else
		ret = err && err->code == S2_TRACE_ERR_MEMORY ? -ENOMEM : -EIO;
	close_reader(&in);
	s2_memslots_free(&slots);
	return ret;
}
