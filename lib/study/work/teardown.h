/* SPDX-License-Identifier: MIT */
/**
 * @file
 * VMs that die, and what taking down their stage 2 issues.
 *
 *      load, map | swap-out of a part, blocks re-made | munmap or slot delete | tables
 *                `------------------- counted ------------------------------------'
 *
 * Memory is one slot from 1 GiB on, populated, and mapped as faults would map
 * it.  With several VMs one after another, what loading the next one issues is
 * counted too, since that is where a dead VM's VMID is paid for.  VMs beside
 * stay loaded, a vcpu and a CPU each.
 */
#ifndef STAGE2SIM_STUDY_TEARDOWN_H
#define STAGE2SIM_STUDY_TEARDOWN_H

#include <stage2sim/vm.h>

#include "study/base/error.h"
#include "study/work/judge.h"

/** Where the guest's memory begins. */
#define S2_DYING_BASE UINT64_C(0x40000000)

/** How a VM comes to its end. */
enum s2_death {
	S2_DEATH_CLOSE,	 /**< its last file descriptor is closed */
	S2_DEATH_EXIT,	 /**< its process exits: the notifier's release comes before any unmap */
	S2_DEATH_MUNMAP, /**< the VMM unmaps its memory, then closes */
	S2_DEATH_SLOT,	 /**< the VMM deletes the slot, then closes */
};

/** Who reads memory, or writes it, for the host. */
enum s2_death_agent {
	S2_DEATH_CPU,	   /**< a CPU, by the linear map */
	S2_DEATH_COHERENT, /**< a device that snoops */
	S2_DEATH_DEVICE,   /**< one that snoops nothing, and no driver maintains caches for it */
	S2_DEATH_DMA,	   /**< the same through the DMA API */
};

/** Who has the memory of a VM that is dead; only who watches is shown it. */
enum s2_death_heir {
	S2_DEATH_NOBODY,
	S2_DEATH_VM,   /**< another VM finds in it what was filled in */
	S2_DEATH_HOST, /**< the host has it as page cache: filled in, and read by a CPU */
};

struct s2_dying {
	uint64_t memory, backing;
	uint64_t every; /**< one page or block of backing in each so many bytes; 0: all */
	uint64_t ipa_bits;
	int death;	  /**< enum s2_death */
	int life;	  /**< enum s2_backing_life */
	int reader;	  /**< of what outlives the mapping: enum s2_death_agent */
	int filler;	  /**< of what a VM, or who comes after it, finds: the same */
	int next;	  /**< enum s2_death_heir */
	uint64_t swapped; /**< swapped out before, from the start of memory on */
	uint64_t remade;  /**< were split for dirty logging and become blocks again */
	uint64_t vcpus;	  /**< a CPU each */
	uint64_t beside;  /**< other VMs, loaded all the while */
	uint64_t vms;	  /**< that live and die, one after another */
	struct s2_judge *judge; /**< who watches it, or NULL */
	bool running;	  /**< vcpus run on while memory is unmapped, the VMM's thread on CPU 0 */
};

/** What a policy changes of a flavour. */
struct s2_death_policy {
	enum s2_teardown teardown;
	enum s2_unmap_tlbi unmap_tlbi;
	enum s2_unmap_cmo unmap_cmo;
	enum s2_collapse collapse;
	enum s2_collapse_cmo collapse_cmo;
	bool leaf_by_leaf; /**< no deferral of TLBIs, whatever the machine */
	bool range;	   /**< range TLBIs, where the machine has them */
	bool one_go;	   /**< the walk has no reschedule points */
};

/** What dying cost. */
struct s2_death_cost {
	struct s2_counts ops;
	uint64_t flush_calls;
	uint64_t longest_lock, longest_stretch;
	uint64_t vmids; /**< numbers taken, all VMs' first ones included */
	uint64_t rollovers;
};

/** @p base as @p policy has it. */
S2_API struct s2_flavour s2_death_flavour(const struct s2_flavour *base,
					  const struct s2_death_policy *policy);

/** Can there be such a VM on such a machine by such a flavour? @return 0; -EINVAL with @p err set */
S2_API int s2_death_check(const struct s2_dying *dying, const struct s2_features *features,
			  const struct s2_flavour *flavour, struct s2_error *err);

/** Lets it live and die by @p flavour. @return 0; -EINVAL, -ENOMEM with @p err set */
S2_API int s2_death_run(const struct s2_dying *dying, const struct s2_features *features,
			const struct s2_flavour *flavour, struct s2_death_cost *cost,
			struct s2_error *err);

#endif
