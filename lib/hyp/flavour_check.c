/* SPDX-License-Identifier: MIT */
/* Whether a flavour that a user has put together is one: each choice known, none at odds. */
#include <stage2sim/flavour.h>

#include <errno.h>

static bool tables_known(const struct s2_flavour *f)
{
	return (unsigned)f->break_with <= S2_BREAK_LOCKED &&
	       (unsigned)f->collapse <= S2_COLLAPSE_UNMAP &&
	       (unsigned)f->collapse_cmo <= S2_COLLAPSE_CMO_ELIDED &&
	       (unsigned)f->relax <= S2_RELAX_FLUSH_NSH &&
	       (unsigned)f->destroy <= S2_DESTROY_PUT_EMPTY &&
	       (unsigned)f->unmap_tlbi <= S2_UNMAP_NEW_VMID &&
	       (unsigned)f->unmap_cmo <= S2_UNMAP_CMO_NOT_IF_DYING &&
	       (unsigned)f->resched <= S2_RESCHED_PGD_ENTRY &&
	       (unsigned)f->teardown <= S2_TEARDOWN_UNMAP_RANGE;
}

static bool flushes_known(const struct s2_flavour *f)
{
	return (unsigned)f->range_order <= S2_RANGE_ASCENDING &&
	       (unsigned)f->toggle <= S2_TOGGLE_SINCE_FLUSH &&
	       (unsigned)f->range_calls <= S2_RANGE_BY_COST &&
	       (unsigned)f->clear_flush <= S2_CLEAR_FLUSH_ROUND &&
	       (unsigned)f->repeat <= S2_REPEAT_EACH;
}

static bool routing_known(const struct s2_routing *r)
{
	return (unsigned)r->lookup < S2_LOOKUPS && (unsigned)r->dispatch < S2_SGI_DISPATCHES &&
	       (unsigned)r->broadcast < S2_SGI_BROADCASTS;
}

int s2_flavour_check(const struct s2_flavour *f)
{
	if ((unsigned)f->bug > S2_BUG_STAGE2_LAST)
		return -EINVAL;
	if (!tables_known(f) || !flushes_known(f) || !routing_known(&f->routing))
		return -EINVAL;
	/* The ascending form has no way to the 64 KiB boundary that LPA2 begins a range at. */
	if (f->lpa2 && f->range_flush && f->range_order == S2_RANGE_ASCENDING)
		return -EINVAL;
	return 0;
}
