/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Inside the explorer: one run of a scenario, and who picks its next thread.
 *
 *     explore.c       the search: which schedule next, what is left to try
 *        | pick()
 *     explore_run.c   one run: threads stop, locks are owned
 *        | switch     |          explore_seen.c  states seen, and schedules from each on
 *     coroutine.c     explore_past.c  what a step depends on: the past as a hash
 */
#ifndef S2_CHECK_EXPLORE_H
#define S2_CHECK_EXPLORE_H

#include <stage2sim/explore.h>

#include "check/coroutine.h"
#include "machine/digest.h"
#include "machine/machine.h"

/** A state seen. */
struct s2_seen_slot {
	struct s2_digest state; /**< all zero: free; low byte of b: preemptions left */
	double schedules;      /**< that begin in it, once it has been left for good */
};

/** States seen, and with how many preemptions left: open addressing. */
struct s2_seen {
	struct s2_seen_slot *slot;
	size_t cap, n;
};

/**
 * Notes that @p h was come to with @p left preemptions left.
 * @return 1 if it was before, with no fewer; 0; -ENOMEM
 */
int s2_seen_before(struct s2_seen *seen, struct s2_digest h, uint8_t left);
/** How many schedules begin in @p h, which has been seen. */
double *s2_seen_schedules(struct s2_seen *seen, struct s2_digest h);
/** Forgets all. */
void s2_seen_clear(struct s2_seen *seen);

/** What a thread stands before. */
enum s2_stop {
	S2_STOP_INSN,
	S2_STOP_LOCK,
	S2_STOP_TOUCH,
	S2_STOP_SHARED, /* what the library's own threads share without a lock */
	S2_STOP_WAIT,
};

#define S2_HELD_MAX  8  /* locks that a thread holds at once */
#define S2_LOCKS_MAX 32 /* locks of a scenario */

struct s2_xlock {
	struct s2_lock lock;
	const void *id;
	unsigned readers; /**< bit a thread */
	int writer;	  /**< or -1 */
};

struct s2_xthread {
	struct s2_xrun *run;
	struct s2_co *co;
	bool done, waiting; /**< waiting: for a step of another */
	enum s2_stop stop;
	enum s2_op op;	     /**< S2_STOP_INSN */
	unsigned cpu;	     /**< the same: who issues */
	uint64_t addr;	     /**< the same; of a touch its object */
	bool write;	     /**< of a touch and a lock */
	const char *what;    /**< S2_STOP_SHARED */
	struct s2_xlock *lock;
	unsigned lock_index;
	struct s2_digest past; /**< of its last step */
	const struct s2_xlock *held[S2_HELD_MAX];
	unsigned n_held;
};

/** What steps depend on, beside the objects that scenarios touch. */
enum s2_xkind {
	S2_X_ALL,    /**< everything: read by all that commutes with something */
	S2_X_PAGES,  /**< which table pages live */
	S2_X_DATA,   /**< lines of memory */
	S2_X_PTE,    /**< a descriptor, by its PA */
	S2_X_LOCK,   /**< a lock, by its index in the run */
	S2_X_TOUCH,  /**< an object of s2_explore_touch() */
	S2_X_SHARED, /**< enum s2_shared */
};

/** One thing that a step reads or writes. */
struct s2_xuse {
	uint64_t key; /**< s2_xkey() */
	bool write;
};

static inline uint64_t s2_xkey(enum s2_xkind kind, uint64_t which)
{
	return (uint64_t)kind << 60 | which;
}

#define S2_XUSES_MAX   6
#define S2_XOBJECTS    1024U /* a power of two; what is past them counts as one */

/** An object that steps depend on: the last that wrote, and who read since. */
struct s2_xobject {
	uint64_t key;
	uint32_t run; /**< that it belongs to; another one: free */
	struct s2_digest write, reads;
};

/** The past of a run up to the order of what commutes. */
struct s2_xpast {
	struct s2_digest sum; /**< of all steps: their order does not matter */
	uint32_t run;
	unsigned n;
	struct s2_xobject objects[S2_XOBJECTS];
};

/** Nothing has happened yet. */
void s2_xpast_begin(struct s2_xpast *past);
/**
 * A step is made that is @p what, after those in @p thread, the hash of its thread's
 * last step: it becomes this one's.
 */
void s2_xpast_add(struct s2_xpast *past, struct s2_digest *thread, uint64_t what,
		  const struct s2_xuse *uses, unsigned n);

/** What thread @p t uses in the step that it makes. @return how many things */
unsigned s2_xuses(const struct s2_xthread *t, struct s2_xuse uses[S2_XUSES_MAX]);
/** Keeps run->cleans as the step of @p t, which is made, leaves it. */
void s2_xnote_cleans(struct s2_xrun *run, const struct s2_xthread *t);

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
	struct s2_xpast past;
	uint64_t cleans; /**< bit a CPU: DC or IC by line and no DSB since; CPUs from 64 on always */
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

/** Where @p run stands, between two steps: equal for two runs that go on alike. */
struct s2_digest s2_xstate(const struct s2_xrun *run);

/** Stacks of the threads. @return 0; -ENOTSUP; -ENOMEM */
int s2_xrun_create(struct s2_xrun *run, const struct s2_scenario *scenario);
void s2_xrun_free(struct s2_xrun *run);
/** Runs once, from create() to destroy(). @return 0 or an error that is no finding */
int s2_xrun_once(struct s2_xrun *run);

#endif
