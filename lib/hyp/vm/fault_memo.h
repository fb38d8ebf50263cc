/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Faults whose counts are known, from the exit to the entry (stage2/memo.h).
 *
 * Invariant: the page is of the slot that taught it, in which all pages are
 * there and are mapped as pages; nobody has touched it, its table is there, and
 * neither logging nor the toggle policy wants to hear of it.  No flush is part
 * of such a fault, so VMIDs and who watches flushes make no difference.
 */
#ifndef S2_HYP_FAULT_MEMO_H
#define S2_HYP_FAULT_MEMO_H

#include <stage2sim/vm.h>

#include "hyp/stage2/mmu.h"

struct vm_slot;

/** One kind of access. */
struct vm_fault_memo {
	struct s2_memo memo;
	uint64_t start, size; /**< of the slot, in IPA */
	uint64_t pa_offset;   /**< what is added to an IPA of the slot to get its PA */
	s2_pte attr;
	const struct vm_slot *last; /**< of the last fault that was not known */
};

/** What faults are known to do is not so any more: a slot changes. */
void s2_vm_forget_faults(struct s2_vm *vm);

#endif
