/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A guest that is migrated: dirty logging of one slot, and what it flushes.
 *
 *     start logging -- [guest writes, reads -- get the log -- clear it, chunk by chunk] x rounds
 *                       `dirty' pages                         a chunk with a dirty page: one ioctl
 *
 * The guest's runs of pages are its vcpus' in turn.  Who splits a block that is
 * logged flushes it in all TLBs: a vcpu whose write faults, on its own time, or
 * the VMM's thread (eager splitting).  A fault keeps one page of a block mapped:
 * the others fault when they are used again, even to be read.
 *
 * With initially-set there is a pass before the rounds that clears every
 * chunk, as QEMU's first pass sends every page.  What is mapped is what the
 * guest writes: untouched memory costs a walk over empty entries and nothing
 * else, so that a slot of terabytes is no more work than its dirty pages.
 *
 * Two costs are told apart, since no source gives either:
 *
 * - flush work, in flush sequences: a call (barriers, switch, its one VMID-wide
 *   TLBI) is 1, each further TLBI by range or IPA `range_op';
 * - refills: stage-2 translations that vcpus had cached, and walk for again.
 *
 * Their sum weighs a refill with `ratio' flush sequences.
 *
 * Between clears every vcpu is taken to have used its whole working set again,
 * of which the share `outside' is of other slots and the rest is spread evenly
 * over this one.  Refills are then either a bound: the TLB held min(working
 * set, capacity) translations, a flush of the VMID loses all, one of a range
 * those in the range; or they are counted in a finite TLB (tlb.h, stage-2
 * leaves only), less the misses that it would have had without any flush.
 * Combined (VA to PA) entries are lost in every flush call and count for no
 * policy.
 */
#ifndef STAGE2SIM_STUDY_MIGRATE_H
#define STAGE2SIM_STUDY_MIGRATE_H

#include <stage2sim/vm.h>

#include "study/base/error.h"
#include "study/work/judge.h"

/** Where the slot begins. */
#define S2_MIGRATE_BASE UINT64_C(0x40000000)

/** Where the pages lie that a round dirties; extents of `run' pages each. */
enum s2_migrate_locality {
	S2_MIGRATE_SPREAD, /**< evenly over the slot */
	S2_MIGRATE_RANDOM, /**< anywhere, by the seed; extents may overlap */
	S2_MIGRATE_DENSE,  /**< one after another from the slot's start */
};

/** Whose operations are reported. */
enum s2_migrate_count {
	S2_MIGRATE_COUNT_CLEAR, /**< of getting and clearing the log */
	S2_MIGRATE_COUNT_LOG,	/**< and of starting it */
	S2_MIGRATE_COUNT_ALL,	/**< and of the guest's faults in between */
};

/** How refills are found. */
enum s2_migrate_refills {
	S2_MIGRATE_REFILLS_BOUND,
	S2_MIGRATE_REFILLS_TLB, /**< of one vcpu, times vcpus: all do the same */
};

struct s2_migrate {
	uint64_t slot, backing, ipa_bits; /**< ipa_bits 0: as many as the slot needs */
	uint64_t dirty, run, rounds;	  /**< pages, pages, number */
	uint64_t reads; /**< pages read behind each run in a round, up to the slot's end */
	int locality;			  /**< enum s2_migrate_locality */
	uint64_t chunk, split;		  /**< bytes of a clear, and of an eager split (0: none) */
	bool mapped; /**< all of the slot is mapped before; else what is dirtied */
	bool manual, initially_set;
	uint64_t vcpus;
	uint64_t working_set; /**< bytes, of each vcpu, between clears */
	double outside;	      /**< share of it in other slots, 0 to 1 */
	uint64_t tlb;	      /**< translations that a vcpu's TLB holds */
	double ratio;	      /**< cost of a refill in flush sequences */
	double range_op;      /**< cost of a further TLBI in a call, likewise */
	int refills_by;	      /**< enum s2_migrate_refills */
	int count;	      /**< enum s2_migrate_count */
	struct s2_judge *judge; /**< who watches it, or NULL */
	uint64_t seed;
};

/** What a migration cost. */
struct s2_migrate_cost {
	struct s2_counts ops;
	uint64_t clears;      /**< ioctls that cleared a dirty page */
	uint64_t calls;	      /**< flush calls of starting and clearing the log */
	uint64_t range_ops;   /**< TLBIs by range or IPA in them */
	uint64_t split_calls; /**< flushes by IPA of eager splits */
	uint64_t fault_calls; /**< flushes by IPA of the guest's write faults */
	double refills;
	double flush_work; /**< calls + range_op x range_ops */
	double work;	   /**< flush_work + ratio x refills */
	uint64_t longest_lock;
	uint64_t start_writes; /**< descriptors written when logging starts */
	uint64_t start_lock;   /**< longest hold of mmu_lock then */
	uint64_t protects;     /**< descriptors written by getting and clearing the log */
	uint64_t faults;       /**< of the guest's writes while it is logged */
	uint64_t read_faults;  /**< and of its reads */
	uint64_t vcpu_flushes; /**< flushes of all TLBs that vcpus made in these */
	uint64_t vcpu_flushes_max; /**< of one vcpu, the most */
};

/** Bits of IPA that a slot of so many bytes needs; at least KVM's default. */
S2_API unsigned s2_migrate_ipa_bits(uint64_t slot);

/** Stage-2 translations that a vcpu holds before a flush. */
S2_API uint64_t s2_migrate_held(const struct s2_migrate *mig, const struct s2_features *features);

/** Can this be run on such a machine? @return 0; -EINVAL with @p err set */
S2_API int s2_migrate_check(const struct s2_migrate *mig, const struct s2_features *features,
			    const struct s2_flavour *flavour, struct s2_error *err);

/**
 * The costs that S2_RANGE_BY_COST is to weigh for @p mig: what a flush of the
 * VMID loses beyond one of the slot or (@p span) of a chunk.
 */
S2_API struct s2_flush_costs s2_migrate_costs(const struct s2_migrate *mig,
					      const struct s2_features *features, bool span);

/** Runs it by @p flavour's policies. @return 0; -EINVAL, -ENOMEM with @p err set */
S2_API int s2_migrate_run(const struct s2_migrate *mig, const struct s2_features *features,
			  const struct s2_flavour *flavour, struct s2_migrate_cost *cost,
			  struct s2_error *err);

#endif
