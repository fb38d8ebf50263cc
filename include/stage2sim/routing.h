/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Routing policies: how a vcpu is found by its MPIDR, and an SGI its targets.
 *
 *      ICC_SGI1R write --> dispatch --> lookup --> vcpu   (a target list)
 *                      `-> broadcast ------------> vcpus  (IRM = 1)
 *
 * The three are chosen apart; the named sets are what a study compares.  All
 * reach the same vcpus, except where the kernel's own differ: duplicate
 * MPIDRs, and a table that has gone stale (docs/model.md).
 */
#ifndef STAGE2SIM_ROUTING_H
#define STAGE2SIM_ROUTING_H

#include <stage2sim/types.h>

S2_BEGIN_DECLS

/** How kvm_mpidr_to_vcpu() finds a vcpu. */
enum s2_vcpu_lookup {
	S2_LOOKUP_SCAN,	       /**< each vcpu in turn, the first match wins (<= v6.6) */
	S2_LOOKUP_TABLE_FINAL, /**< compacted table, a miss is final (v6.7 to v6.9) */
	S2_LOOKUP_TABLE,       /**< table, dropped at vcpu creation; a miss scans (v6.10) */
	/**
	 * Ours: a hash filled in index order, so that what stands before a vcpu
	 * has a lower index: at most one probe for each vcpu that a scan would
	 * visit, for any set of MPIDRs; one for those of the ids 0 to N - 1.
	 */
	S2_LOOKUP_HASH,
	S2_LOOKUPS, /**< how many there are */
};

/** How the targets of a list are found. */
enum s2_sgi_dispatch {
	S2_SGI_WALK,	   /**< all vcpus, until the list is used up (<= v6.6) */
	S2_SGI_BITS,	   /**< a lookup for each bit (b5daffb120bb, v6.7) */
	S2_SGI_BITS_WALK,  /**< a table access for each bit, one walk for what it missed */
	S2_SGI_ROWS,	   /**< one row of 16 vcpus for each cluster */
	S2_SGI_DISPATCHES, /**< how many there are */
};

/** How all vcpus but the sender are reached. */
enum s2_sgi_broadcast {
	S2_BROADCAST_BY_INDEX, /**< skips the index that equals the sender's id (<= v6.6) */
	S2_BROADCAST_PLAIN,    /**< skips the sender (f3f60a565391) */
	/**
	 * Ours: a bit matrix, SGIs by vcpus.  The sender posts 64 targets at a
	 * time; each target queues its own SGIs when it next looks.
	 */
	S2_BROADCAST_MATRIX,
	S2_SGI_BROADCASTS, /**< how many there are */
};

/** One choice for each. */
struct s2_routing {
	enum s2_vcpu_lookup lookup;	 /**< a vcpu by its MPIDR */
	enum s2_sgi_dispatch dispatch;	 /**< an SGI with IRM = 0 */
	enum s2_sgi_broadcast broadcast; /**< an SGI with IRM = 1 */
};

/** A named set of choices. */
struct s2_routing_policy {
	const char *name;	   /**< as s2_routing_find() takes it */
	const char *stands_for;	   /**< kernels that route so, or "ours" */
	struct s2_routing routing; /**< what the name stands for */
};

/** Policy @p index from 0, or NULL past the last; kernels first, oldest first. */
S2_API const struct s2_routing_policy *s2_routing_at(size_t index);

/** The policy called @p name, or NULL; NULL names none. */
S2_API const struct s2_routing_policy *s2_routing_find(const char *name);

/** Name of a lookup ("table-final"), or NULL. */
S2_API const char *s2_vcpu_lookup_name(enum s2_vcpu_lookup lookup);
/** Name of a dispatch ("bits-walk"), or NULL. */
S2_API const char *s2_sgi_dispatch_name(enum s2_sgi_dispatch dispatch);
/** Name of a broadcast ("by-index"), or NULL. */
S2_API const char *s2_sgi_broadcast_name(enum s2_sgi_broadcast broadcast);

S2_END_DECLS

#endif
