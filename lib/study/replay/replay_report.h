/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a replay says: a table for people, JSON or CSV for scripts.
 *
 * Phases are written to a temporary file as they end and copied out when the
 * log has been read to its end, so that memory does not grow with the log and
 * nothing is printed of a log that turns out to be bad.
 */
#ifndef STAGE2SIM_STUDY_REPLAY_REPORT_H
#define STAGE2SIM_STUDY_REPLAY_REPORT_H

#include <stdio.h>

#include "study/replay/replay.h"

enum s2_report_format {
	S2_REPORT_TABLE,
	S2_REPORT_JSON,
	S2_REPORT_CSV,
};

struct s2_replay_report;

/** Whether this build can write @p format (JSON needs jansson). */
S2_API bool s2_replay_report_can(enum s2_report_format format);

/**
 * A report to be fed by a replay.
 * @param only name of the one phase to report, or NULL for all
 * @param compared whether observed calls are shown
 * @return 0, -EOPNOTSUPP for a format that is not built in, -ENOMEM, or what
 *         tmpfile() said
 */
S2_API int s2_replay_report_create(enum s2_report_format format, const char *only, bool compared,
				   struct s2_replay_report **out);
S2_API void s2_replay_report_free(struct s2_replay_report *report);

/** The listener to give to the replay; lives as long as the report. */
S2_API struct s2_replay_listener s2_replay_report_listener(struct s2_replay_report *report);

/** What was replayed, for the head of the report. */
struct s2_replay_report_head {
	const char *program, *version, *input, *machine, *flavour;
	const char *flavour_from; /**< what it was chosen by, or NULL if it was given */
	uint64_t lines;
};

/** Writes everything. @return 0; -ENOENT if the phase asked for never came; -EIO. */
S2_API int s2_replay_report_write(struct s2_replay_report *report,
				  const struct s2_replay_report_head *head,
				  const struct s2_replay_summary *summary, FILE *out);

#endif
