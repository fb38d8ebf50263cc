/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Memory slots: what a VM's IPAs stand for, by number and by address.
 *
 *     vm->slots[number] -> slot <- vm->by_ipa[], in order of address
 *
 * A slot never overlaps another; it keeps its number until it is deleted.
 */
#ifndef S2_HYP_MEMSLOT_H
#define S2_HYP_MEMSLOT_H

#include <stage2sim/vm.h>

#include "hyp/vm/bits.h"

struct vm_slot {
	int number;
	bool logging;
	struct s2_slot_config cfg;
	struct s2_bits dirty; /**< while logging */
	/* Of unpopulated slots, host_pages.c: */
	struct s2_bits zero;  /**< pages that are read as the zero page */
	struct s2_bits there; /**< pages that the host has given a frame */
	struct s2_bits split; /**< of a backing's size: the host has pages there, no huge one */
};

/** The slot that has @p ipa, or NULL. */
struct vm_slot *s2_vm_slot_at(const struct s2_vm *vm, struct s2_ipa ipa);
/** Slot number @p slot, or NULL. */
struct vm_slot *s2_vm_slot(const struct s2_vm *vm, int slot);
/** The page of @p slot that @p ipa is in. */
uint64_t s2_vm_slot_page(const struct s2_vm *vm, const struct vm_slot *slot, struct s2_ipa ipa);
void s2_vm_free_slots(struct s2_vm *vm);

#endif
