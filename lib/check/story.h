/* SPDX-License-Identifier: MIT */
/**
 * @file
 * How it came to a violation: of a run that is made once more, the steps that
 * concern the address, line, page or VMID that it is about, and what TLBs and
 * memory may hold after each.
 *
 *     violation --> the same run, again --> lines, the last of which is the violation
 */
#ifndef S2_CHECK_STORY_H
#define S2_CHECK_STORY_H

#include "check/oracle.h"

/** Lines of a story; the oldest go first, but for the one that began it. */
#define S2_STORY_LINES 9
#define S2_STORY_LINE  160

struct s2_story {
	struct s2_violation of;
	uint64_t *open; /**< CPUs that have issued a step of it since their last DSB */
	bool found;	/**< the violation has come: what goes on is its last step */
	bool ended;
	size_t n;	/**< lines told so far, those that went included */
	char first[S2_STORY_LINE];
	char lines[S2_STORY_LINES][S2_STORY_LINE];
	char text[S2_STORY_LINE]; /**< what s2_oracle_story() has made last */
};

/** @return 0 or -ENOMEM */
int s2_story_begin(struct s2_oracle *o, const struct s2_violation *of);
void s2_story_free(struct s2_story *s);

/** A violation was found: perhaps the one. */
void s2_story_found(struct s2_story *s, const struct s2_violation *v);

/* Each once it has had its effect. */
void s2_story_event(struct s2_oracle *o, const struct s2_event *event);
void s2_story_act(struct s2_oracle *o, const struct s2_act *act);
void s2_story_rely(struct s2_oracle *o, unsigned cpu, const struct s2_reliance *what);

#endif
