/* SPDX-License-Identifier: MIT */
/*
 * What the host has behind the pages of a slot: reads beside the host's
 * do_anonymous_page(), do_huge_pmd_anonymous_page() and do_wp_page().
 *
 *     nothing --read--> the shared zero page, a page at a time --write--> a page
 *        `-----write--> a host page of the slot's backing size
 *
 * A populated slot has all of its pages; nothing is kept for it.
 */
#include "hyp/vm/host_pages.h"
#include "hyp/vm/memslot.h"
#include "hyp/vm/vm.h"

static uint64_t slot_pages(const struct s2_vm *vm, const struct vm_slot *slot)
{
	return slot->cfg.size >> vm->mmu->geo.page_shift;
}

/* Host pages are aligned as their HVA is; a slot may begin within one. */
static uint64_t host_page_of(const struct s2_vm *vm, const struct vm_slot *slot, uint64_t page)
{
	const uint64_t offset = slot->cfg.hva.v & (slot->cfg.backing - 1);

	return (offset + (page << vm->mmu->geo.page_shift)) / slot->cfg.backing;
}

/* The pages of the slot that host page @block has: from *first to, not including, the result. */
static uint64_t pages_of(const struct s2_vm *vm, const struct vm_slot *slot, uint64_t block,
			 uint64_t *first)
{
	const unsigned shift = vm->mmu->geo.page_shift;
	const uint64_t offset = slot->cfg.hva.v & (slot->cfg.backing - 1);
	const uint64_t start = block * slot->cfg.backing, end = start + slot->cfg.backing;
	const uint64_t n = slot_pages(vm, slot);

	*first = start > offset ? (start - offset) >> shift : 0;
	return (end - offset) >> shift < n ? (end - offset) >> shift : n;
}

int s2_slot_init_host(const struct s2_vm *vm, struct vm_slot *slot)
{
	const uint64_t pages = slot_pages(vm, slot);
	int ret;

	if (slot->cfg.populated)
		return 0;
	ret = s2_bits_init(&slot->zero, pages, false);
	if (!ret)
		ret = s2_bits_init(&slot->there, pages, false);
	if (!ret)
		ret = s2_bits_init(&slot->split, host_page_of(vm, slot, pages - 1) + 1, false);
	return ret;
}

void s2_slot_free_host(struct vm_slot *slot)
{
	s2_bits_free(&slot->zero);
	s2_bits_free(&slot->there);
	s2_bits_free(&slot->split);
}

bool s2_slot_is_zero(const struct vm_slot *slot, uint64_t page)
{
	return !slot->cfg.populated && s2_bits_test(&slot->zero, page);
}

uint64_t s2_slot_host_page_size(const struct s2_vm *vm, const struct vm_slot *slot, uint64_t page)
{
	if (!slot->cfg.populated && s2_bits_test(&slot->split, host_page_of(vm, slot, page)))
		return s2_page_size(&vm->mmu->geo);
	return slot->cfg.backing;
}

static int populate_page(const struct s2_vm *vm, struct vm_slot *slot, uint64_t page, bool write)
{
	int ret = s2_bits_set(&slot->split, host_page_of(vm, slot, page));

	if (ret)
		return ret;
	if (!write)
		return s2_bits_set(&slot->zero, page);
	ret = s2_bits_set(&slot->there, page);
	return ret ? ret : s2_bits_clear(&slot->zero, page);
}

static int populate_host_page(const struct s2_vm *vm, struct vm_slot *slot, uint64_t block)
{
	uint64_t page, end = pages_of(vm, slot, block, &page);
	int ret = 0;

	for (; !ret && page < end; page++)
		ret = s2_bits_set(&slot->there, page);
	return ret;
}

int s2_slot_get_page(const struct s2_vm *vm, struct vm_slot *slot, uint64_t page, bool write,
		     bool *writable)
{
	const uint64_t block = slot->cfg.populated ? 0 : host_page_of(vm, slot, page);

	*writable = true;
	if (slot->cfg.populated || s2_bits_test(&slot->there, page))
		return 0;
	if (write && !s2_bits_test(&slot->split, block))
		return populate_host_page(vm, slot, block);
	*writable = write;
	return populate_page(vm, slot, page, write);
}

int s2_slot_forget_pages(const struct s2_vm *vm, struct vm_slot *slot, uint64_t first, uint64_t n)
{
	const uint64_t end = first + n;
	int ret = 0;

	if (slot->cfg.populated)
		return 0;
	for (uint64_t p = s2_bits_next(&slot->zero, first); !ret && p < end;
	     p = s2_bits_next(&slot->zero, p + 1))
		ret = s2_bits_clear(&slot->zero, p);
	for (uint64_t p = s2_bits_next(&slot->there, first); !ret && p < end;
	     p = s2_bits_next(&slot->there, p + 1))
		ret = s2_bits_clear(&slot->there, p);
	/* Of a huge page that goes in part, what stays is pages. */
	for (uint64_t b = host_page_of(vm, slot, first);
	     !ret && b <= host_page_of(vm, slot, end - 1); b++) {
		uint64_t start, stop = pages_of(vm, slot, b, &start);

		if (start >= first && stop <= end)
			ret = s2_bits_clear(&slot->split, b);
		else
			ret = s2_bits_set(&slot->split, b);
	}
	return ret;
}
