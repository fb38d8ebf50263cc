/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the host has behind the pages of a slot: nothing, the shared zero page,
 * or frames, in pages of its own size.  host_pages.c draws how one becomes the
 * other.
 */
#ifndef S2_HYP_HOST_PAGES_H
#define S2_HYP_HOST_PAGES_H

#include <stage2sim/vm.h>

struct vm_slot;

/** @return 0, -ENOMEM and then to be freed */
int s2_slot_init_host(const struct s2_vm *vm, struct vm_slot *slot);
void s2_slot_free_host(struct vm_slot *slot);
/** Whether @p page is read as the shared zero page. */
bool s2_slot_is_zero(const struct vm_slot *slot, uint64_t page);
/** Bytes of the host page that @p page is in, or would be if the guest wrote it. */
uint64_t s2_slot_host_page_size(const struct s2_vm *vm, const struct vm_slot *slot, uint64_t page);
/** __gfn_to_pfn_memslot(): @p page is given a frame. @return 0, -ENOMEM */
int s2_slot_get_page(const struct s2_vm *vm, struct vm_slot *slot, uint64_t page, bool write,
		     bool *writable);
/** The contents of @p n pages are gone. @return 0, -ENOMEM */
int s2_slot_forget_pages(const struct s2_vm *vm, struct vm_slot *slot, uint64_t first, uint64_t n);

#endif
