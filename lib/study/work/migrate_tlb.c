/* SPDX-License-Identifier: MIT */
/* A vcpu's finite TLB during a migration; see migrate_tlb.h. */
#include "study/work/migrate_tlb.h"

#include <errno.h>
#include <string.h>

/* The one VM's, whatever the machine calls it. */
#define VMID 1

static const struct s2_tlb_tag tag = {.kind = S2_TLB_S2_LEAF, .vmid = {VMID}};

/* So many entries in sets of up to 8 ways. */
static struct s2_tlb_config shape(uint64_t entries)
{
	struct s2_tlb_config cfg = s2_tlb_config_default();
	uint64_t sets = 1;

	while (entries / sets > 8 && sets < 16384)
		sets *= 2;
	cfg.sets = (uint16_t)sets;
	cfg.ways = (uint16_t)(entries / sets > 64 ? 64 : entries / sets);
	cfg.kinds = S2_TLB_S2_LEAF;
	return cfg;
}

static bool miss(struct s2_migrate_tlb *t, uint64_t ipa)
{
	uint64_t data;

	if (s2_tlb_lookup(t->tlbs, 0, &tag, ipa, &data, NULL))
		return false;
	s2_tlb_fill(t->tlbs, 0, &tag, ipa, t->shift, 0);
	return true;
}

static uint64_t use(struct s2_migrate_tlb *t)
{
	uint64_t misses = 0;

	for (uint64_t i = 0; i < t->here; i++)
		misses += miss(t, S2_MIGRATE_BASE + i * t->step);
	for (uint64_t i = 0; i < t->elsewhere; i++)
		misses += miss(t, S2_MIGRATE_BASE + t->slot + (i << t->shift));
	return misses;
}

static unsigned log2_of(uint64_t size)
{
	unsigned shift = 0;

	while (size >> (shift + 1))
		shift++;
	return shift;
}

int s2_migrate_tlb_init(struct s2_migrate_tlb *t, const struct s2_migrate *mig,
			const struct s2_features *features)
{
	const struct s2_tlb_config cfg = shape(mig->tlb);
	uint64_t size = mig->split ? UINT64_C(1) << features->granule : mig->backing, all;
	int ret;

	memset(t, 0, sizeof(*t));
	t->shift = log2_of(size);
	t->page_shift = features->granule;
	t->slot = mig->slot;
	all = (mig->working_set + size - 1) >> t->shift;
	t->elsewhere = (uint64_t)((double)all * mig->outside + 0.5);
	t->here = all - t->elsewhere;
	if (t->here > mig->slot >> t->shift)
		t->here = mig->slot >> t->shift;
	/* An odd number of translations apart, or they would share a few of the sets. */
	if (t->here)
		t->step = (((mig->slot / t->here) >> t->shift) - 1) / 2 * 2 * size + size;
	ret = s2_tlbs_create(&cfg, 1, 8, &t->tlbs);
	if (ret)
		return ret;
	use(t);
	t->usual = use(t);
	return 0;
}

void s2_migrate_tlb_free(struct s2_migrate_tlb *t)
{
	if (t->tlbs)
		s2_tlbs_destroy(t->tlbs);
}

uint64_t s2_migrate_tlb_use(struct s2_migrate_tlb *t)
{
	uint64_t misses = use(t);

	return misses > t->usual ? misses - t->usual : 0;
}

void s2_migrate_tlb_flush(struct s2_migrate_tlb *t, const struct s2_flush_call *call)
{
	struct s2_tlb_ipa_range range = {.vmid = tag.vmid, .start = call->ipa};

	switch (call->kind) {
	case S2_FLUSH_VMID:
		s2_tlb_inval_vmid(t->tlbs, 0, tag.vmid, false);
		return;
	case S2_FLUSH_VMID_RANGE:
		/* Calls of a run follow on one another. */
		range.size = (call->pages * call->repeat) << t->page_shift;
		break;
	case S2_FLUSH_VMID_IPA:
		range.size = UINT64_C(1) << t->page_shift;
		break;
	default:
		return;
	}
	s2_tlb_inval_ipa(t->tlbs, 0, &range);
}
