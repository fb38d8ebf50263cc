/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Walks every sequence of events over a state that is a run of bytes.
 *
 *     level 0:  start
 *     level n:  each state of level n-1, each event; new states only
 *
 * Two levels of states are in memory, and for each state ever seen its hash,
 * its parent and its event: enough to tell how it was reached.
 */
#ifndef S2_CHECK_CONTEXT_CHECK_H
#define S2_CHECK_CONTEXT_CHECK_H

#include <stage2sim/context_check.h>

/** Lines of text that grow; on -ENOMEM what does not fit is lost and @c failed is set. */
struct s2_text {
	char *s;
	size_t len, cap;
	bool failed;
};

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void s2_text_add(struct s2_text *text, const char *format, ...);

/** What is explored. */
struct s2_context_system {
	size_t size;	   /**< bytes of a state */
	size_t hashed;	   /**< the first of them that tell states apart; a multiple of 4 */
	unsigned n_events; /**< at most 255 */
	/** Event @p event happens. @return 0; -EINVAL if it cannot, and nothing changed. */
	int (*apply)(void *arg, void *state, unsigned event);
	/** Whether the state is as computed from nothing. */
	bool (*right)(void *arg, const void *state);
	/** Says what the event is, on one line without its end. */
	void (*tell_event)(void *arg, unsigned event, struct s2_text *text);
	/** Says what is wrong with a state, one line for each, indented. */
	void (*tell_wrong)(void *arg, const void *state, struct s2_text *text);
	/** Some event for a random walk, from any number. @return as apply */
	int (*apply_random)(void *arg, void *state, uint64_t random, struct s2_text *told);
	void *arg;
};

/** Explores from @p start. @return 0; -EINVAL for the bounds; -ENOMEM. */
int s2_context_explore(const struct s2_context_system *sys, const void *start,
		       const struct s2_context_bounds *bounds, struct s2_context_result *out);

/** The next of a splitmix64 sequence (Vigna; public domain). */
uint64_t s2_random_next(uint64_t *state);

#endif
