/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One vcpu's finite TLB while its guest is migrated: it uses its working set,
 * flushes take entries away, and what it misses more than it would have missed
 * anyway are refills.
 */
#ifndef STAGE2SIM_STUDY_MIGRATE_TLB_H
#define STAGE2SIM_STUDY_MIGRATE_TLB_H

#include <stage2sim/mmu.h>
#include <stage2sim/tlb.h>

#include "study/work/migrate.h"

struct s2_migrate_tlb {
	struct s2_tlbs *tlbs;
	uint64_t here, elsewhere; /**< translations used in the slot, and outside of it */
	uint64_t step, slot;	  /**< bytes from one to the next in the slot; its size */
	unsigned shift;		  /**< log2 of a translation */
	unsigned page_shift;	  /**< of the machine */
	uint64_t usual;		  /**< misses of a pass with no flush before it */
};

/** A TLB that has used the working set before. @return 0; -ENOMEM, -EINVAL */
int s2_migrate_tlb_init(struct s2_migrate_tlb *t, const struct s2_migrate *mig,
			const struct s2_features *features);
void s2_migrate_tlb_free(struct s2_migrate_tlb *t);

/** Uses the working set once more. @return misses beyond the usual ones */
uint64_t s2_migrate_tlb_use(struct s2_migrate_tlb *t);

/** What a flush call takes away. */
void s2_migrate_tlb_flush(struct s2_migrate_tlb *t, const struct s2_flush_call *call);

#endif
