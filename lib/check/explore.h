/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Inside the explorer: one run of a scenario, and who picks its next thread.
 *
 *     explore.c       the search: which schedule next, what is left to try
 *        | pick()
 *     explore_run.c   one run: threads stop, locks are owned, the past is hashed
 *        | switch                    explore_seen.c  states seen
 *     coroutine.c
 */
#ifndef S2_CHECK_EXPLORE_H
#define S2_CHECK_EXPLORE_H

#include <stage2sim/explore.h>

#include "check/coroutine.h"
#include "machine/machine.h"

/** 128 bits. */
struct s2_xhash {
	uint64_t a, b;
};

/** Folds @p v into @p h. */
static inline void s2_xhash_fold(struct s2_xhash *h, uint64_t v)
{
	h->a = (h->a ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	h->a ^= h->a >> 32;
	h->b = (h->b ^ v) * UINT64_C(0xc2b2ae3d27d4eb4f);
	h->b ^= h->b >> 29;
}

/** States seen, and with how many preemptions left. */
struct s2_seen {
	struct s2_xhash *slot; /**< open addressing; all zero: free; low byte of b: preemptions */
	size_t cap, n;
};

/**
 * Notes that @p h was come to with @p left preemptions left.
 * @return 1 if it was before, with no fewer; 0; -ENOMEM
 */
int s2_seen_before(struct s2_seen *seen, struct s2_xhash h, uint8_t left);
/** Forgets all. */
void s2_seen_clear(struct s2_seen *seen);

/** What a thread stands before. */
enum s2_stop {
	S2_STOP_INSN,
	S2_STOP_LOCK,
	S2_STOP_TOUCH,
	S2_STOP_WAIT,
};

#define S2_HELD_MAX  8  /* locks that a thread holds at once */
#define S2_LOCKS_MAX 32 /* locks of a scenario */

struct s2_xlock {
	const struct s2_lock *lock;
	unsigned readers; /**< bit a thread */
	int writer;	  /**< or -1 */
};

struct s2_xthread {
	struct s2_xrun *run;
	struct s2_co *co;
	bool done, waiting; /**< waiting: for a step of another */
	enum s2_stop stop;
	enum s2_op op;	     /**< S2_STOP_INSN */
	uint64_t addr;	     /**< the same; of a touch its object */
	bool write;	     /**< of a touch and a lock */
	struct s2_xlock *lock;
	struct s2_xhash past; /**< of its last step */
	const struct s2_lock *held[S2_HELD_MAX];
	unsigned n_held;
};

/** An object that steps depend on: the last that wrote, and who read since. */
struct s2_xobject {
	struct s2_xhash write, reads;
};

/** One run. */
struct s2_xrun {
	const struct s2_scenario *scenario;
	void *state;
	struct s2_machine *machine;
	struct s2_oracle *oracle;
	struct s2_co *main;
	struct s2_xthread threads[S2_EXPLORE_THREADS];
	struct s2_xlock locks[S2_LOCKS_MAX];
	unsigned n_locks;
	struct s2_xobject objects[1 + S2_EXPLORE_OBJECTS]; /**< 0: the machine */
	struct s2_xhash past; /**< of the whole: a sum, whose order does not matter */
	uint64_t steps, max_steps;
	int current; /**< thread that runs, or -1 */
	bool starting, killed, cut, no_oracle;
	int error;
	enum s2_explore_kind kind;
	struct s2_violation violation;
	char text[512];
	/** @return the thread that goes on, of those enabled; or -1: the run is left */
	int (*pick)(void *arg, struct s2_xrun *run, unsigned enabled);
	void *pick_arg;
	void (*tell)(void *arg, const struct s2_explore_step *step); /**< or NULL */
	void *tell_arg;
};

/** Stacks of the threads. @return 0; -ENOTSUP; -ENOMEM */
int s2_xrun_create(struct s2_xrun *run, const struct s2_scenario *scenario);
void s2_xrun_free(struct s2_xrun *run);
/** Runs once, from create() to destroy(). @return 0 or an error that is no finding */
int s2_xrun_once(struct s2_xrun *run);

#endif
