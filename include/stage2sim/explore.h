/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The explorer: every order of a scenario's threads, each judged by the oracle.
 *
 *     create --> prepare --> | thread 0 |  stops before each instruction, word of
 *                            | thread 1 |  a table, lock and wait; one goes on
 *                            | ...      |
 *                        --> check --> destroy        once a schedule, from the start
 *
 * Threads are plain C against the public API, and know nothing of it.  Each
 * runs on a stack of its own and has a CPU of its own.  What they share lies in
 * the machine, in VMs and MMUs; what else they share they announce by
 * s2_explore_touch().  They must do the same whenever they have read the same.
 *
 * Schedules are searched depth first, with 0 preemptions, then 1, and so on to
 * the bound, so that what is found is found with the fewest switches.  A state
 * seen before is not gone on from.  A state is known by a 128-bit hash of what TLBs
 * may hold, and of its past up to the order of what commutes.  Steps of a thread
 * that holds a lock commute where neither writes what the other uses: a
 * descriptor, table pages, lines of memory, a lock; so do touches of different
 * objects, or of one by readers.  All else is taken not to, what guests do with
 * memory too.
 *
 * Needs ucontext; a build without it answers -ENOTSUP.
 */
#ifndef STAGE2SIM_EXPLORE_H
#define STAGE2SIM_EXPLORE_H

#include <stage2sim/gate.h>
#include <stage2sim/oracle.h>

S2_BEGIN_DECLS

/** Most threads of a scenario. */
#define S2_EXPLORE_THREADS 4
/** Most objects of s2_explore_touch(). */
#define S2_EXPLORE_OBJECTS 16
/** No bound on preemptions. */
#define S2_EXPLORE_ANY UINT32_MAX

/** A thread of a scenario. */
struct s2_explore_thread {
	const char *name;	  /**< as stories call it */
	void (*run)(void *state); /**< all that it does */
};

/** What is explored. */
struct s2_scenario {
	const char *name;  /**< one word */
	const char *about; /**< a sentence */
	/** Makes a world: *state is handed to all others; *m its machine. @return 0 or an error */
	int (*create)(void *arg, void **state, struct s2_machine **m);
	/**
	 * What goes before the threads, watched but in one order; may be NULL.  For the data
	 * rule VMs and their slots are made here (oracle.h).  @return 0 or an error
	 */
	int (*prepare)(void *state);
	/** Frees the world, in whatever state it was left; nobody watches. */
	void (*destroy)(void *state);
	/** What is wrong when all threads have ended, or NULL; may be NULL itself. */
	const char *(*check)(void *state);
	/** Instructions that the oracle is to take for never issued (oracle.h); may be NULL. */
	bool (*left_out)(void *state, unsigned cpu, const struct s2_insn *insn);
	unsigned rules;	    /**< that count, bits 1 << enum s2_rule; 0: all */
	unsigned contracts; /**< of the data rule, bits 1 << enum s2_contract; 0: all */
	void *arg;	    /**< handed to create() */
	unsigned n_threads; /**< 1 to S2_EXPLORE_THREADS */
	struct s2_explore_thread threads[S2_EXPLORE_THREADS]; /**< the first n_threads */
};

/** Bounds of a search, and how it is done. */
struct s2_explore_config {
	uint32_t preemptions; /**< most of them; S2_EXPLORE_ANY: any number */
	uint64_t steps;	      /**< most in one schedule; 0: 10,000 */
	uint64_t schedules;   /**< most in all; 0: no bound */
	uint64_t states;      /**< most that are kept; 0: 2^24 */
	double seconds;	      /**< 0: no bound; any other makes results depend on the host */
	bool no_pruning;      /**< goes on from states seen before */
	bool go_on;	      /**< past a finding, until the bounds */
	bool no_oracle;	      /**< only check(), deadlocks and the order of locks */
	uint64_t seed;	      /**< not 0: random schedules, config.schedules of them, from it */
	/** Asked after each schedule: true ends the search; may be NULL. */
	bool (*stop)(void *arg);
	bool save;	      /**< a search that a bound or stop() has ended is in result.saved */
	const uint8_t *resume; /**< result.saved of the same search, to be gone on with; or NULL */
	size_t n_resume;       /**< its bytes */
	uint32_t shard;	       /**< 1 to shards: which part this search is */
	/**
	 * The search is shared out to so many; 0 or 1: not.  All see the schedules up to some
	 * step; the states there are shared out.  A state behind it that two of them come to is
	 * explored by both, so that together they do more than one would.
	 */
	uint32_t shards;
	/** Told of each finding as it is made (with go_on: of each that differs); may be NULL. */
	void (*found)(void *arg, const char *text);
	void *arg; /**< handed to found() and stop() */
};

/** Why a search ended. */
enum s2_explore_end {
	S2_EXPLORED_ALL,	/**< every order */
	S2_EXPLORED_PREEMPTIONS, /**< every order with so many preemptions at most */
	S2_EXPLORED_FINDING,	/**< at the first finding */
	S2_EXPLORED_STEPS,	/**< some schedules were cut at the bound on steps */
	S2_EXPLORED_SCHEDULES,	/**< the bound on schedules; random: all of them were run */
	S2_EXPLORED_STATES,	/**< the bound on states */
	S2_EXPLORED_TIME,	/**< the bound on time */
	S2_EXPLORED_STOPPED,	/**< config.stop() */
	S2_EXPLORE_ENDS,	/**< how many there are */
};

/** What was found, by kind. */
enum s2_explore_kind {
	S2_EXPLORE_NOTHING,    /**< no violation */
	S2_EXPLORE_VIOLATION,  /**< the oracle's */
	S2_EXPLORE_CHECK,      /**< the scenario's check() */
	S2_EXPLORE_DEADLOCK,   /**< threads left, none of them runnable */
	S2_EXPLORE_LOCK_ORDER, /**< a lock taken under one of its rank or above, or twice */
	S2_EXPLORE_LOCK_HELD,  /**< a thread ended with a lock, or dropped one that it had not */
};

/** What a search has done, and its first finding. */
struct s2_explore_result {
	enum s2_explore_end end;     /**< why it ended */
	uint64_t states;	     /**< different ones, of the last bound on preemptions */
	uint64_t schedules;	     /**< run, to their end or to a state seen before */
	uint64_t pruned;	     /**< of them those that came to a state seen before */
	uint64_t steps;		     /**< instructions, words, locks and touches, in all */
	/**
	 * How many schedules plain enumeration has, without a bound on preemptions: counted
	 * from state to state.  0 unless all of them were searched (S2_EXPLORED_ALL).
	 */
	double plain;
	uint64_t depth;		     /**< of the longest schedule */
	uint64_t findings;	     /**< different ones, by their texts */
	uint64_t findings_hash;	     /**< of their set */
	/** Bit b: with b preemptions none was left out for want of more; bit 63: with any number. */
	uint64_t whole_at;
	uint32_t preemptions;	     /**< the bound last searched; of a finding, how many it took */
	enum s2_explore_kind kind;   /**< of the first finding */
	struct s2_violation violation; /**< if it is the oracle's */
	char text[512];		     /**< what was found, a line */
	uint64_t seed;		     /**< random: of the schedule with the finding */
	size_t n_schedule;	     /**< of the finding */
	uint8_t *schedule;	     /**< thread of each step; s2_explore_result_free() */
	uint64_t body;	/**< of what the scenario's first schedule does; with shards, save or resume */
	size_t n_saved; /**< bytes of it */
	uint8_t *saved; /**< of a search that can be gone on with, or NULL; the same frees it */
};

/** Name of an end ("exhausted"), or NULL. */
S2_API const char *s2_explore_end_text(enum s2_explore_end end);

/**
 * Explores @p scenario.
 * @param cfg NULL: any number of preemptions, other bounds by default
 * @param result overwritten, also on error; s2_explore_result_free() it
 * @return 0, whatever was found; -EINVAL for a scenario without threads, or a function
 *         that it must have, a shard that is none, or bytes to resume from that are
 *         damaged or of another search; -ENOTSUP in a build without coroutines; -ENOMEM;
 *         -EPROTO if the same schedule did not lead to the same steps; an error of
 *         create(), prepare() or the oracle
 */
S2_API int s2_explore(const struct s2_scenario *scenario, const struct s2_explore_config *cfg,
		      struct s2_explore_result *result);

/** One step of a replay. */
struct s2_explore_step {
	uint64_t index;		    /**< from 0 */
	unsigned thread;	    /**< whose it is */
	const char *what;	    /**< operation, "take mmu_lock for writing", ... */
	const struct s2_insn *insn; /**< of an instruction, else NULL */
};

/**
 * Runs one schedule; past its end the thread that runs goes on while it can.
 * @param step told of each step as it is made; may be NULL
 * @return as s2_explore(); -EINVAL for a step that the thread named cannot make
 */
S2_API int s2_explore_replay(const struct s2_scenario *scenario, const uint8_t *schedule, size_t n,
			     void (*step)(void *arg, const struct s2_explore_step *step), void *arg,
			     struct s2_explore_result *result);

/** Frees what @p result owns. */
S2_API void s2_explore_result_free(struct s2_explore_result *result);

/**
 * A thread that runs on @p cpu is about to read or @p write what threads share outside
 * of the machine, object @p object of them.  Free outside an explorer; up to
 * its next stop the thread must touch no other object.
 */
S2_API void s2_explore_touch(struct s2_cpu *cpu, unsigned object, bool write) S2_NONNULL(1);

S2_END_DECLS

#endif
