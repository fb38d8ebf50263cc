/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One log from file to report: what the program s2-replay does, as one call.
 *
 * Opens the log, finds out what kind it is by looking ahead, replays it event
 * by event, and writes the report when the end has been reached.
 */
#ifndef STAGE2SIM_STUDY_REPLAY_LOG_H
#define STAGE2SIM_STUDY_REPLAY_LOG_H

#include "study/base/progress.h"
#include "study/replay/replay_report.h"

/** Which kind of log it is. */
enum s2_replay_kind {
	S2_REPLAY_KIND_AUTO, /**< whichever the first events show */
	S2_REPLAY_KIND_RICH,
	S2_REPLAY_KIND_PLAIN,
};

struct s2_replay_job {
	const char *path; /**< "-": standard input */
	struct s2_features features;
	const struct s2_flavour *flavour; /**< NULL: as the log tells, else the newest */
	bool auto_machine; /**< features are as the log tells; those above are for memslots alone */
	unsigned cpus;        /**< 0: as the log's header says */
	unsigned ipa_bits;    /**< 0: as the log says */
	const char *memslots; /**< path, or NULL */
	uint64_t backing;     /**< bytes, 0: not given */
	enum s2_replay_kind kind;
	enum s2_report_format format;
	const char *phase; /**< the only phase to report, or NULL */
	bool own_toggle; /**< the flavour's toggle is the user's: rich logs are refused */
	bool compare;
	bool keep_going; /**< bad lines are told and skipped */
	/** Told of each line that keep_going skips; may be NULL. */
	void (*skipped)(void *arg, const char *text);
	void *skipped_arg;
	struct s2_progress *progress; /**< or NULL */
};

/** What came of a replay that reached its end. */
struct s2_replay_outcome {
	uint64_t differences;
	uint64_t skipped; /**< bad lines */
	uint64_t lines, replayed; /**< of the log; events that had a meaning */
	struct s2_replay_calls
		calls; /**< flush calls of all kinds, in phases or in the whole log */
	struct s2_counts ops;
	const char *flavour; /**< whose algorithms were taken */
};

/**
 * Replays job->path and writes the report to @p out; nothing is written
 * unless the whole log was good, or keep_going.
 * @return 0, or a negative errno with @p err naming file, line and what was
 *         expected.
 */
S2_API int s2_replay_log(const struct s2_replay_job *job, FILE *out,
			 struct s2_replay_outcome *outcome, struct s2_error *err);

#endif
