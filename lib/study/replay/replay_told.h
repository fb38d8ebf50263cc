/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a log tells of the host that it is of: its kernel, its machine.
 *
 *     HOST release=6.1.192 machine=cortex-a55,+repeat_tlbi    said by who recorded it
 *     the tool's header                                       what trace-cmd and perf write
 *     events that only some kernels have                      nothing else is sure
 */
#ifndef S2_STUDY_REPLAY_TOLD_H
#define S2_STUDY_REPLAY_TOLD_H

#include <stage2sim/flavour.h>

#include "study/log/trace.h"

struct s2_told {
	const struct s2_flavour *flavour; /**< NULL: not told */
	char flavour_from[96];		  /**< by what */
	char machine[96];		  /**< of --machine; empty: not told */
	int32_t relaxing;		  /**< a task that has just relaxed a permission, or -1 */
	bool older;			  /**< no kernel of the newest flavour's kind */
};

/** Nothing told yet. */
#define S2_TOLD_NOTHING {.relaxing = -1}

/** Takes in one event of the log's beginning. */
void s2_told_event(struct s2_told *told, const struct s2_trace_event *ev);

/** All of the log has been seen: what is only told by what is not there. */
void s2_told_end(struct s2_told *told);

/** A release that the tool's header gives. */
void s2_told_release(struct s2_told *told, const char *release);

#endif
