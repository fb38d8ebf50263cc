/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Calls that leave whoever watches as it was.
 *
 * A call on one page that a sink has seen in full, and that found it at rest and left it at
 * rest, tells it nothing when it is made on another page: so it need not be told again, only
 * counted (hyp/stage2/memo.h is who leaves out to tell).
 *
 *     at rest --the call, told--> at rest, as before    learnt: n instructions
 *        |
 *        +-------the next-------> unseen += n           whatever else is told ends this, until
 *                                                       it is at rest again
 *
 * Invariant: what a sink keeps at rest does not depend on which page such a call is on.  A
 * sink is at rest for a CPU if nothing that it keeps is under way: see s2_rest_fn of each.
 */
#ifndef S2_MACHINE_REST_H
#define S2_MACHINE_REST_H

#include <stdbool.h>
#include <stdint.h>

struct s2_counts;
struct s2_machine;

struct s2_rest {
	uint64_t pa;	   /**< in: a page whose lines the call maintains */
	uint64_t from;	   /**< out: of all pages of [from, from + size)... */
	uint64_t size;	   /**< ...the same holds */
	uint64_t state;	   /**< out: equal, and not 0, where a call has the same effect */
	uint64_t findings; /**< out: more, if anything has been decided or found meanwhile */
};

/**
 * Whether the sink of @p arg is at rest for calls on @p cpu that issue @p each, all of which
 * if that is NULL; adds to @p rest what it knows, and narrows its range.
 */
typedef bool s2_rest_fn(void *arg, unsigned cpu, const struct s2_counts *each,
			struct s2_rest *rest);

/** The sink of @p arg, attached before, says by @p fn when it is at rest; one that has none never is. */
void s2_machine_set_rest(struct s2_machine *m, const void *arg, s2_rest_fn *fn);

/** Whether all sinks are. */
bool s2_machine_at_rest(const struct s2_machine *m, unsigned cpu, const struct s2_counts *each,
			struct s2_rest *rest);

#endif
