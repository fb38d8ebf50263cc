/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Workloads of SGIs: who sends what to whom, counted and checked.
 *
 *     a load (vcpus, MPIDRs, what the targets are doing)
 *        |  writes of ICC_SGI1R, one at a time
 *     a vgic with one routing policy --> counts of the sender, counts of the targets
 *        |
 *     every write is also routed by comparing all MPIDRs: lost, astray
 *
 * Counts of sends are what the sending CPU does in the trap of each write.
 * What targets do to take their SGIs is counted apart: a policy may move work
 * from the one to the other.
 */
#ifndef STAGE2SIM_STUDY_SGI_LOAD_H
#define STAGE2SIM_STUDY_SGI_LOAD_H

#include <stage2sim/vgic.h>

#include "study/base/error.h"

enum s2_sgi_workload {
	S2_SGI_ONE,	  /**< one target, by index */
	S2_SGI_EACH,	  /**< every vcpu, one write each */
	S2_SGI_CLUSTERS,  /**< one write a cluster, all its vcpus */
	S2_SGI_BROADCAST, /**< one write with IRM set */
	S2_SGI_ABSENT,	  /**< one write, 16 targets that do not exist */
	S2_SGI_NO_TABLE,  /**< MPIDRs that differ in over ten bits; the last cluster's list */
	S2_SGI_SHUFFLED,  /**< MPIDRs in random order; every vcpu, one write each */
	S2_SGI_LATE,	  /**< a vcpu made after the first run; one write to it */
	S2_SGI_STORM,	  /**< random writes of all kinds, targets coming and going */
	S2_SGI_REPLAY,	  /**< the writes of a log */
};

/** What targets are doing. */
enum s2_sgi_target_state {
	S2_SGI_IDLE,	/**< not loaded on any CPU */
	S2_SGI_RUNNING, /**< in their guest, each on a CPU of its own */
	S2_SGI_WFI,	/**< blocked */
};

struct s2_sgi_load {
	enum s2_sgi_workload workload;
	unsigned vcpus;	 /**< 1 to 512 */
	unsigned target; /**< ONE: index, below vcpus */
	enum s2_sgi_target_state state;
	unsigned writes;     /**< STORM */
	unsigned page_shift; /**< of the host; 0: the machine's */
	unsigned list_registers;
	/** Of each vcpu, LATE's included; NULL: as KVM resets them. NO_TABLE sets its own. */
	const struct s2_mpidr *mpidrs;
	uint64_t seed;
	const char *log; /**< REPLAY: path of a rich log */
	struct s2_routing routing;
	const struct s2_features *features;
};

struct s2_sgi_outcome {
	struct s2_counts sends;	  /**< of all writes, on the sending CPU */
	struct s2_counts targets; /**< of what targets did between writes */
	uint64_t writes;
	unsigned unreachable; /**< vcpus that no target list can name */
	uint64_t wanted; /**< targets named, by comparing all MPIDRs */
	uint64_t lost;	 /**< of these, not reached */
	uint64_t astray; /**< reached, and not named */
	char first[120]; /**< the first of either, as a sentence; empty if there is none */
};

/** @return 0; -EINVAL, -ENOMEM, or a reader's errno, with @p err set */
int s2_sgi_load_run(const struct s2_sgi_load *load, struct s2_sgi_outcome *out,
		    struct s2_error *err);

#endif
