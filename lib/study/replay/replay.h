/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Replay of a KVM host's log: what was asked of the page-table code is done
 * again on a simulated machine, and what that machine issues is compared with
 * the flush calls that the log itself shows.
 *
 *     event --> who (task, vcpu, VM) --> request --> lib/hyp --> predicted call
 *                                                                     | compare, in
 *     tlb_* event -------------------------------------------> observed call  order
 *
 * A rich log says what was asked (s2_map, s2_unmap, ...); a plain one only
 * shows faults and cache toggles, from which requests are made up with the
 * help of options.  What a log leaves open is inferred and said, or unplaced
 * and counted; nothing is fitted to what was observed.
 *
 * Streams: memory does not grow with the log.
 */
#ifndef STAGE2SIM_STUDY_REPLAY_H
#define STAGE2SIM_STUDY_REPLAY_H

#include <stage2sim/mmu.h>

#include "study/base/error.h"
#include "study/replay/memslots.h"
#include "study/log/trace.h"

/** What a log can say. */
enum s2_replay_detail {
	S2_REPLAY_RICH,	 /**< kprobes on the page-table code and the ioctl entry */
	S2_REPLAY_PLAIN, /**< events/kvm alone */
};

/** Calls of one kind in one phase. */
struct s2_replay_calls {
	uint64_t predicted;
	uint64_t observed;
};

/**
 * What is between a BEGIN and its END, or the whole of a log without any.  A
 * phase may begin inside another: what is inside counts for both.
 */
struct s2_replay_phase {
	const char *name;
	uint64_t occurrence; /**< of this name in the log, from 1 */
	struct s2_counts ops;
	struct s2_replay_calls calls[S2_FLUSH_KINDS];
	uint64_t differences;
	uint64_t first_difference; /**< how many there were before, since the outermost BEGIN */
	bool more;		   /**< phases that began in the same outermost one follow */
};

/** A predicted flush call that is not the observed one. */
struct s2_replay_difference {
	uint64_t line; /**< of the observed call, or where its absence was noticed */
	enum s2_flush_kind kind;
	const char *predicted; /**< "tlb_ipa ipa=0x... level=3", or NULL for none */
	const char *observed;
};

/** Who is told of what, as the log goes by; each may be NULL. */
struct s2_replay_listener {
	/**
	 * In the order of their BEGINs, when the outermost has ended.
	 * @param whole_log the log has no phases, and this is all of it
	 */
	void (*phase)(void *arg, const struct s2_replay_phase *phase, bool whole_log);
	/** @param in_phase false between phases */
	void (*difference)(void *arg, const struct s2_replay_difference *diff, bool in_phase);
	void *arg;
};

struct s2_replay_config {
	struct s2_features features;
	const struct s2_flavour *flavour;
	unsigned cpus;	   /**< of the machine; 0: not known */
	unsigned ipa_bits; /**< of every VM; 0: as the log says */
	enum s2_replay_detail detail;
	bool compare;			 /**< rich logs: predicted against observed calls */
	const struct s2_memslots *slots; /**< NULL: none; must outlive the replay */
	uint64_t backing;		 /**< plain logs: bytes mapped by a fault; 0: a page */
	struct s2_replay_listener listener;
};

/** CPUs that the machine gets when the log does not tell how many there were; half with 8-bit VMIDs. */
#define S2_REPLAY_CPUS_UNKNOWN 256U

/** Kinds of error, in s2_error.code. */
enum s2_replay_code {
	S2_REPLAY_OK,
	S2_REPLAY_ERR_REQUEST, /**< a request that no kernel makes: -EINVAL, -ERANGE */
	S2_REPLAY_ERR_PHASE,   /**< a stray END after some phase, log ends in a phase: -EINVAL */
	S2_REPLAY_ERR_CPU,     /**< a CPU that the machine does not have: -ERANGE */
	S2_REPLAY_ERR_VM,      /**< a VM that the machine cannot have: -EINVAL */
	S2_REPLAY_ERR_DETAIL,  /**< a rich event in a log taken for plain: -EINVAL */
	S2_REPLAY_ERR_MEMORY,  /**< -ENOMEM */
};

/** A running count under a name. */
struct s2_replay_named {
	const char *name;
	uint64_t n;
};

/** What a replay came to; names and texts live as long as the replay. */
struct s2_replay_summary {
	uint64_t replayed; /**< events that had a meaning here */
	uint64_t ignored;  /**< events that had none */
	uint64_t differences;
	const struct s2_replay_named *unplaced; /**< requests whose VM the log leaves open */
	size_t n_unplaced;
	const char *const *inferred; /**< sentences */
	size_t n_inferred;
	const struct s2_counts *total;
	bool any_phase;
};

struct s2_replay;

/** @return 0; an error of s2_machine_create(); -EINVAL without a flavour. */
S2_API int s2_replay_create(const struct s2_replay_config *cfg, struct s2_replay **out);
S2_API void s2_replay_destroy(struct s2_replay *r);

/**
 * Takes the next event of the log.
 * @return 0, or a negative errno with @p err set; the event has then changed
 *         nothing and the next one may be given.
 */
S2_API int s2_replay_event(struct s2_replay *r, const struct s2_trace_event *ev,
			   struct s2_error *err);

/** The log has ended at @p line: what was pending is settled. @return as above. */
S2_API int s2_replay_finish(struct s2_replay *r, uint64_t line, struct s2_error *err);

S2_API void s2_replay_summary(const struct s2_replay *r, struct s2_replay_summary *summary);

#endif
