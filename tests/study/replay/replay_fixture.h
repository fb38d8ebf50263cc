/* SPDX-License-Identifier: MIT */
/* A log replayed, with all that the replay says of it kept. */
#ifndef STAGE2SIM_TESTS_STUDY_REPLAY_FIXTURE_H
#define STAGE2SIM_TESTS_STUDY_REPLAY_FIXTURE_H

#include "support.h"
#include "temp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/replay/replay_log.h"

/* What a replay told its listener. */
struct heard {
	size_t n_phases;
	struct s2_replay_phase phases[32];
	char names[32][64]; /* of phases: theirs end with the replay */
	bool whole_log;
	size_t n_differences;
	struct {
		uint64_t line;
		char predicted[96], observed[96];
	} differences[16];
	struct s2_replay_summary summary;
	char inferred[8][S2_ERROR_TEXT];
	size_t n_inferred;
	uint64_t unplaced;
	struct s2_counts total;
	uint64_t calls_seen[S2_FLUSH_KINDS]; /* predicted, in all phases */
};

static inline void hear_phase(void *arg, const struct s2_replay_phase *phase, bool whole_log)
{
	struct heard *h = arg;

	h->whole_log = whole_log;
	for (int kind = 0; kind < S2_FLUSH_KINDS; kind++)
		h->calls_seen[kind] += phase->calls[kind].predicted;
	if (h->n_phases < ARRAY_SIZE(h->phases)) {
		h->phases[h->n_phases] = *phase;
		snprintf(h->names[h->n_phases], sizeof(h->names[0]), "%s",
			 phase->name ? phase->name : "");
	}
	h->n_phases++;
}

static inline void hear_difference(void *arg, const struct s2_replay_difference *d, bool in_phase)
{
	struct heard *h = arg;
	size_t i = h->n_differences++;

	(void)in_phase;
	if (i >= ARRAY_SIZE(h->differences))
		return;
	h->differences[i].line = d->line;
	snprintf(h->differences[i].predicted, sizeof(h->differences[i].predicted), "%s",
		 d->predicted ? d->predicted : "nothing");
	snprintf(h->differences[i].observed, sizeof(h->differences[i].observed), "%s",
		 d->observed ? d->observed : "nothing");
}

static inline void keep_summary(struct heard *h, const struct s2_replay *r)
{
	s2_replay_summary(r, &h->summary);
	h->total = *h->summary.total;
	h->n_inferred = h->summary.n_inferred;
	for (size_t i = 0; i < h->n_inferred && i < ARRAY_SIZE(h->inferred); i++)
		snprintf(h->inferred[i], sizeof(h->inferred[i]), "%s", h->summary.inferred[i]);
	for (size_t i = 0; i < h->summary.n_unplaced; i++)
		h->unplaced += h->summary.unplaced[i].n;
}

struct setting {
	const char *machine;
	const char *flavour;
	enum s2_replay_detail detail;
	uint64_t backing;
	const struct s2_memslots *slots;
	const struct s2_flavour *own; /* instead of the one named */
};

/* @return 0, or the first error, with the line it was at. */
static inline int replay_file(const char *path, const struct setting *s, struct heard *h,
			      struct s2_error *err)
{
	struct s2_replay_config cfg = {
		.flavour = s->own ? s->own : s2_flavour_find(s->flavour),
		.cpus = 4,
		.detail = s->detail,
		.compare = true,
		.slots = s->slots,
		.backing = s->backing,
		.listener = {hear_phase, hear_difference, h},
	};
	struct s2_trace *trace = s2_trace_open(path, err);
	struct s2_trace_event ev;
	struct s2_replay *r;
	int ret;

	memset(h, 0, sizeof(*h));
	assert_non_null(trace);
	assert_i64(s2_features_parse(s->machine, &cfg.features, NULL), 0);
	assert_i64(s2_replay_create(&cfg, &r), 0);
	while ((ret = s2_trace_next(trace, &ev)) > 0) {
		ret = s2_replay_event(r, &ev, err);
		if (ret)
			break;
	}
	if (!ret)
		ret = s2_replay_finish(r, s2_trace_lines(trace), err);
	keep_summary(h, r);
	s2_replay_destroy(r);
	s2_trace_close(trace);
	return ret;
}

/* Lines of "TASK-PID CPU EVENT" get the rest of ftrace's form, in a file that is the caller's to remove. */
static inline void write_log(const char *lines, char path[S2_TEST_PATH])
{
	const size_t room = 4 * strlen(lines) + 4096;
	char *text = malloc(room);
	size_t at;

	assert_non_null(text);
	at = (size_t)snprintf(text, room, "# tracer: nop\n");
	while (*lines) {
		size_t len = strcspn(lines, "\n");
		size_t task = strcspn(lines, " ");

		at += (size_t)snprintf(text + at, room - at,
				       "%16.*s [00%c] .....    12.345678: %.*s\n", (int)task, lines,
				       lines[task + 1], (int)(len - task - 3), lines + task + 3);
		assert_true(at < room);
		lines += len + (lines[len] == '\n');
	}
	s2_test_temp_file(path, text, at);
	free(text);
}

static inline int replay_text(const char *lines, const struct setting *s, struct heard *h,
			      struct s2_error *err)
{
	char path[S2_TEST_PATH];
	int ret;

	write_log(lines, path);
	ret = replay_file(path, s, h, err);
	remove(path);
	return ret;
}

#endif
