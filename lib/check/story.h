/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Inside stories: of a run that is made once more, the steps that concern what one
 * violation is about.
 *
 *     step of the run --> story_tell.c: is it about it? --> story.c: kept, with who
 *     violation -------> story.c: the one? then the next step is the last
 */
#ifndef S2_CHECK_STORY_H
#define S2_CHECK_STORY_H

#include <stage2sim/story.h>

#include "check/oracle.h"

struct s2_story {
	struct s2_violation of;
	uint64_t *open; /**< CPUs that have issued a step of it since their last DSB */
	bool found;	/**< the violation has come: what goes on is its last step */
	bool ended;
	unsigned last_page_writer; /* 1 + the CPU whose store into its page was the last; or 0 */
	size_t n; /**< steps told so far, those that went included */
	struct s2_story_step steps[S2_STORY_STEPS];
	char end[2 * S2_STORY_TEXT];
};

/** @return 0 or -ENOMEM */
int s2_story_begin(struct s2_oracle *o, const struct s2_violation *of);
void s2_story_free(struct s2_story *s);

/** A violation was found: perhaps the one. */
void s2_story_found(struct s2_oracle *o, const struct s2_violation *v);

/** A step to be filled in; the oldest but the first makes room for it. */
struct s2_story_step *s2_story_next(struct s2_story *s, enum s2_story_who who, unsigned number,
				    uint64_t at);

/** Whether step @p at is one of those that are left out. */
bool s2_story_is_dropped(const struct s2_oracle *o, uint64_t at);

/* story_tell.c; each once it has had its effect. @at: number of the (first) step */

void s2_story_event(struct s2_oracle *o, const struct s2_event *event, uint64_t at);
void s2_story_act(struct s2_oracle *o, const struct s2_act *act, uint64_t at);
void s2_story_rely(struct s2_oracle *o, unsigned cpu, const struct s2_reliance *what, uint64_t at);
/** What may be read or used of it now, and what would be right. */
void s2_story_tell_end(const struct s2_oracle *o, const struct s2_violation *v, char *buf,
		       size_t size);

#endif
