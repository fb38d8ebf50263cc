/* SPDX-License-Identifier: MIT */
#include <stage2sim/flavour.h>

#include <string.h>

/* docs/model.md gives the source of every field; nothing else names a kernel. */
static const struct s2_flavour flavours[] = {
	{
		/* Before the page-table code was rewritten: docs/model.md. */
		.name = "kvm-5.4",
		.stands_for = "none measured; v5.1 to v5.9 as read",
		.break_with = S2_BREAK_CLEAR,
		.collapse = S2_COLLAPSE_UNMAP,
		.relax = S2_RELAX_FLUSH_IS,
		.range_order = S2_RANGE_ASCENDING,
		.resched = S2_RESCHED_PGD_ENTRY,
		.teardown = S2_TEARDOWN_UNMAP,
		.eagain_ends_walk = true,
		.zero_page_change_pte = true,
		.mkyoung_always_dsb = true,
		.exit_clears_vttbr = true,
	},
	{
		.name = "kvm-6.1",
		.stands_for = "6.1.192",
		.break_with = S2_BREAK_CLEAR,
		.collapse = S2_COLLAPSE_FLUSH_VMID,
		.relax = S2_RELAX_FLUSH_IS,
		.destroy = S2_DESTROY_PUT_ALL,
		.range_order = S2_RANGE_ASCENDING,
		.routing = {S2_LOOKUP_SCAN, S2_SGI_WALK, S2_BROADCAST_BY_INDEX},
		.eagain_ends_walk = true,
		.zero_page_change_pte = true,
		.mkyoung_always_dsb = true,
		.exit_clears_vttbr = true,
	},
	{
		.name = "kvm-6.12",
		.stands_for = "6.12.107, 6.12.117",
		.break_with = S2_BREAK_LOCKED,
		.collapse = S2_COLLAPSE_FLUSH_RANGE,
		.relax = S2_RELAX_FLUSH_NSH,
		.destroy = S2_DESTROY_PUT_ALL,
		.range_order = S2_RANGE_DESCENDING,
		.routing = {S2_LOOKUP_TABLE, S2_SGI_BITS, S2_BROADCAST_PLAIN},
		.range_flush = true,
		.defer_unmap = true,
		.attr_invalid_eagain = true,
		.split = true,
		.lpa2 = true,
		.icache_limit = true,
		.nvhe_full_entry_dsb = true,
		.nvhe_exit_isb = true,
	},
	{
		.name = "kvm-7.2",
		.stands_for = "7.2.13",
		.break_with = S2_BREAK_LOCKED,
		.collapse = S2_COLLAPSE_FLUSH_RANGE,
		.relax = S2_RELAX_FLUSH_NSH,
		.destroy = S2_DESTROY_PUT_EMPTY,
		.range_order = S2_RANGE_DESCENDING,
		.routing = {S2_LOOKUP_TABLE, S2_SGI_BITS, S2_BROADCAST_PLAIN},
		.range_flush = true,
		.defer_unmap = true,
		.attr_invalid_eagain = true,
		.split = true,
		.lpa2 = true,
		.xnx = true,
		.icache_limit = true,
		.nvhe_full_entry_dsb = true,
		.nvhe_exit_isb = true,
	},
};

#define N_FLAVOURS (sizeof(flavours) / sizeof(flavours[0]))

const struct s2_flavour *s2_flavour_at(size_t index)
{
	return index < N_FLAVOURS ? &flavours[index] : NULL;
}

const struct s2_flavour *s2_flavour_find(const char *name)
{
	if (!name)
		return NULL;
	if (!strcmp(name, "oldest"))
		return &flavours[0];
	if (!strcmp(name, "newest"))
		return &flavours[N_FLAVOURS - 1];
	for (size_t i = 0; i < N_FLAVOURS; i++)
		if (!strcmp(flavours[i].name, name))
			return &flavours[i];
	return NULL;
}
