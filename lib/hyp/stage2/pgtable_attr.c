/* SPDX-License-Identifier: MIT */
/*
 * Changing leaves in place: write-protect, relax, age, and the flush that
 * changes nothing.  Reads beside stage2_attr_walker() and its callers.
 */
#include <stage2sim/pgtable.h>

#include <errno.h>

#include "hyp/stage2/walk.h"
#include "hyp/stage2/whole_table.h"

struct attr_data {
	s2_pte set;
	s2_pte clear;
	int level;
};

/* stage2_attr_walker() */
static int attr_visit(struct s2_walk *walk, const struct s2_visit *v)
{
	struct attr_data *data = walk->walker->arg;
	const struct s2_pte_format *fmt = &walk->mmu->fmt;
	s2_pte new = (v->old & ~data->clear) | data->set;

	if (!s2_pte_valid(v->old))
		return walk->mmu->flavour->attr_invalid_eagain ? -EAGAIN : 0;
	data->level = v->level;
	if (new == v->old)
		return 0;
	/* The guest must not fetch stale instructions once it may execute. */
	if (s2_pte_executable(new, fmt) && !s2_pte_executable(v->old, fmt))
		s2_invalidate_icache_guest_page(walk->mmu, walk->cpu, s2_visit_pa(walk, v),
						v->granule, s2_visit_step(v));
	if (!s2_visit_unchanged(walk, v))
		return -EAGAIN;
	s2_visit_write(walk, v, new, S2_MEM_PLAIN);
	return 0;
}

/* stage2_update_leaf_attrs() */
static int update_leaf_attrs(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range,
			     struct attr_data *data, unsigned flags)
{
	const struct s2_walker walker = {
		.visit = attr_visit,
		.arg = data,
		.flags = S2_WALK_LEAF | flags,
	};

	data->level = S2_TTL_UNKNOWN;
	return s2_walk(mmu, cpu, &walker, range.ipa.v, range.size);
}

int s2_pgtable_wrprotect(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	struct attr_data data = {.clear = S2_PTE_S2AP_W};
	int ret = s2_walk_check(mmu, cpu, range.ipa.v, range.size);

	if (ret)
		return ret;
	cpu->site = "stage2:wrprotect";
	if (mmu->flavour->bug != S2_BUG_WRPROTECT_STOPS)
		return update_leaf_attrs(mmu, cpu, range, &data, 0);
	ret = update_leaf_attrs(mmu, cpu, range, &data, S2_WALK_FAULT);
	return ret == -EAGAIN ? 0 : ret;
}

static void relax_flush(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa, int level,
			int ret)
{
	if (mmu->flavour->relax == S2_RELAX_FLUSH_NSH) {
		/* A lost race leaves a stale entry here too, and the fault would repeat. */
		if (!ret || ret == -EAGAIN)
			s2_flush_vmid_ipa_nsh(mmu, cpu, ipa, level);
	} else if (!ret) {
		s2_flush_vmid_ipa(mmu, cpu, ipa, level);
	}
}

int s2_pgtable_relax_perms(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa, unsigned prot)
{
	struct attr_data data = {
		.set = (prot & S2_PROT_R ? S2_PTE_S2AP_R : 0) |
		       (prot & S2_PROT_W ? S2_PTE_S2AP_W : 0),
		.clear = prot & S2_PROT_X ? S2_PTE_XN_MASK : 0,
	};
	const struct s2_range page = {ipa, s2_page_size(&mmu->geo)};
	int ret = s2_walk_check(mmu, cpu, ipa.v, page.size);

	if (ret)
		return ret;
	if (prot & ~S2_PROT_MASK)
		return -EINVAL;
	cpu->site = "stage2:relax_perms";
	ret = update_leaf_attrs(mmu, cpu, page, &data, S2_WALK_FAULT);
	relax_flush(mmu, cpu, ipa, data.level, ret);
	return ret;
}

int s2_pgtable_mkyoung(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa)
{
	struct attr_data data = {.set = S2_PTE_AF};
	const struct s2_range page = {ipa, s2_page_size(&mmu->geo)};
	int ret = s2_walk_check(mmu, cpu, ipa.v, page.size);

	if (ret)
		return ret;
	cpu->site = "stage2:mkyoung";
	/* An entry without AF is in no TLB, so there is nothing to flush. */
	ret = update_leaf_attrs(mmu, cpu, page, &data, S2_WALK_FAULT);
	if (!ret || mmu->flavour->mkyoung_always_dsb)
		s2_dsb(cpu, S2_DSB_ISHST);
	return ret;
}

struct age_data {
	bool mkold;
	bool young;
};

/* stage2_age_walker() */
static int age_visit(struct s2_walk *walk, const struct s2_visit *v)
{
	struct age_data *data = walk->walker->arg;

	if (!s2_pte_valid(v->old) || !s2_pte_accessed(v->old))
		return 0;
	data->young = true;
	if (data->mkold)
		s2_visit_store(walk, v, v->old & ~S2_PTE_AF, S2_MEM_PLAIN);
	return 0;
}

int s2_pgtable_test_clear_young(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range,
				bool mkold, bool *young)
{
	struct age_data data = {.mkold = mkold};
	const struct s2_walker walker = {.visit = age_visit, .arg = &data, .flags = S2_WALK_LEAF};
	int ret = s2_walk_check(mmu, cpu, range.ipa.v, range.size);

	if (ret)
		return ret;
	cpu->site = "stage2:test_clear_young";
	ret = s2_walk(mmu, cpu, &walker, range.ipa.v, range.size);
	*young = data.young;
	return ret;
}

/* stage2_flush_walker() */
static int flush_visit(struct s2_walk *walk, const struct s2_visit *v)
{
	if (s2_pte_valid(v->old) && s2_pte_cacheable(v->old, &walk->mmu->fmt))
		s2_clean_dcache_guest_page(walk->mmu, walk->cpu, s2_visit_pa(walk, v), v->granule,
					   s2_visit_step(v));
	return 0;
}

int s2_pgtable_flush(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	const struct s2_walker walker = {
		.visit = flush_visit, .whole = s2_whole_flush, .flags = S2_WALK_LEAF};
	int ret = s2_walk_check(mmu, cpu, range.ipa.v, range.size);

	if (ret || mmu->fmt.fwb)
		return ret;
	cpu->site = "stage2:flush";
	return s2_walk(mmu, cpu, &walker, range.ipa.v, range.size);
}
