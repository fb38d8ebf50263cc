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

/** What events say of the kernel that wrote them. */
enum s2_told_sign {
	S2_SIGN_0X = 1 << 0,	     /**< syscall arguments with 0x */
	S2_SIGN_NO_0X = 1 << 1,	     /**< and without, where they could have it */
	S2_SIGN_NEW_CALLS = 1 << 2,  /**< range or local flushes, eager splits: from v6.6 on */
	S2_SIGN_RELAX_IS = 1 << 3,   /**< a permission relaxed by a broadcast: up to v6.4 */
	S2_SIGN_CHANGE_PTE = 1 << 4, /**< kvm_set_spte_hva: up to v6.9 */
	S2_SIGN_LEVEL_0 = 1 << 5,    /**< level 0 for "no hint": up to v6.8 */
};

struct s2_told {
	const struct s2_flavour *flavour; /**< NULL: not told */
	char flavour_from[112];		  /**< by what */
	char machine[96];		  /**< of --machine; empty: not told */
	bool said;			  /**< in words: by a mark or a header */
	int32_t relaxing;		  /**< a task that has just relaxed a permission, or -1 */
	unsigned signs;			  /**< enum s2_told_sign, of the events so far */
};

/** Nothing told yet. */
#define S2_TOLD_NOTHING {.relaxing = -1}

/** Takes in one event; a flavour that is sure, whatever follows, is told at once. */
void s2_told_event(struct s2_told *told, const struct s2_trace_event *ev);

/** No more can be seen of the log: the likeliest flavour, also by what was not there. */
void s2_told_end(struct s2_told *told);

/** A release that the tool's header gives. */
void s2_told_release(struct s2_told *told, const char *release);

#endif
