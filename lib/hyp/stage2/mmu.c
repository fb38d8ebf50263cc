/* SPDX-License-Identifier: MIT */
#include "hyp/stage2/mmu.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "hyp/stage2/memo.h"
#include "hyp/stage2/table_index.h"

static unsigned ps_field(unsigned pa_bits)
{
	static const uint8_t sizes[] = {32, 36, 40, 42, 44, 48, 52};
	unsigned ps = 0;

	while (ps + 1 < sizeof(sizes) && sizes[ps + 1] <= pa_bits)
		ps++;
	return ps;
}

/* VTCR_EL2 as kvm_get_vtcr() programs it: facts 1.5. */
static uint64_t vtcr(const struct s2_geometry *geo, const struct s2_features *f)
{
	uint64_t tg0 = geo->page_shift == S2_GRANULE_4K	   ? 0
		       : geo->page_shift == S2_GRANULE_64K ? 1
							   : 2;
	int sl0_base = geo->page_shift == S2_GRANULE_4K ? 2 : 3;
	uint64_t v = UINT64_C(1) << 31;

	v |= 64U - geo->ipa_bits;
	v |= (uint64_t)(sl0_base - geo->start_level) << 6;
	v |= UINT64_C(1) << 8 | UINT64_C(1) << 10 | UINT64_C(3) << 12; /* IRGN0, ORGN0, SH0 */
	v |= tg0 << 14;
	v |= (uint64_t)ps_field(geo->pa_bits) << 16;
	v |= (uint64_t)(f->vmid_bits == 16) << 19;
	v |= UINT64_C(1) << 21; /* HA */
	v |= (uint64_t)geo->lpa2 << 32;
	return v;
}

static int mmu_check_config(const struct s2_machine *m, const struct s2_mmu_config *cfg)
{
	if (!cfg->flavour || s2_flavour_check(cfg->flavour) || !cfg->vmid.v)
		return -EINVAL;
	if (m->features.vmid_bits == 8 && cfg->vmid.v > 0xff)
		return -EINVAL;
	return 0;
}

void s2_mmu_set_formats(struct s2_mmu *mmu)
{
	const struct s2_features *f = &mmu->machine->features;

	mmu->fmt = s2_pte_format(&mmu->geo, f->fwb, f->xnx && mmu->flavour->xnx);
	mmu->tlbi.page_shift = mmu->geo.page_shift;
	mmu->tlbi.ttl = f->ttl;
	mmu->tlbi.lpa2 = mmu->geo.lpa2;
	mmu->tlbi.tlbirange = f->tlbirange;
	if (!mmu->geo.lpa2 && mmu->geo.page_shift != S2_GRANULE_64K)
		mmu->pa_mask = ((UINT64_C(1) << 48) - 1) & ~(s2_page_size(&mmu->geo) - 1);
	mmu->page_size = s2_page_size(&mmu->geo);
	mmu->not_pa = ~((UINT64_C(1) << mmu->geo.pa_bits) - mmu->page_size);
	mmu->table_shift = s2_level_shift(&mmu->geo, S2_LAST_LEVEL - 1);
	mmu->table_mask = (UINT64_C(1) << mmu->table_shift) - 1;
}

static void set_registers(struct s2_mmu *mmu)
{
	mmu->vtcr = vtcr(&mmu->geo, &mmu->machine->features);
	mmu->vttbr = mmu->root->pa | (uint64_t)mmu->vmid.v << 48 | 1;
}

static int alloc_root(struct s2_mmu *mmu)
{
	int ret = s2_table_pool_create(mmu->machine->tables, &mmu->pool);

	if (ret)
		return ret;
	mmu->root = s2_table_alloc_contiguous(mmu->pool, mmu->geo.root_pages);
	if (mmu->root)
		return 0;
	s2_table_pool_destroy(mmu->pool);
	return -ENOMEM;
}

/* kvm_pgtable_stage2_init() runs on whichever CPU made the VM; here it is the first. */
static void count_root(const struct s2_mmu *mmu)
{
	struct s2_cpu *cpu = s2_machine_cpu(mmu->machine, 0);
	const char *const site = cpu->site;

	cpu->site = "stage2:create";
	for (unsigned i = 0; i < mmu->geo.root_pages; i++)
		s2_table_event(cpu, S2_OP_TABLE_ALLOC, mmu->root[i].pa, s2_page_size(&mmu->geo));
	cpu->site = site;
}

int s2_mmu_shape(const struct s2_machine *m, const struct s2_mmu_config *cfg,
		 struct s2_geometry *geo)
{
	const struct s2_features *f = &m->features;
	const bool lpa2 = cfg->flavour && cfg->flavour->lpa2 && f->lpa2;
	const bool wide = lpa2 || f->granule == S2_GRANULE_64K;
	const struct s2_geometry_config shape = {
		.granule = f->granule,
		.ipa_bits = cfg->ipa_bits ? cfg->ipa_bits : S2_DEFAULT_IPA_BITS,
		.pa_bits = f->pa_bits > 48 && !wide ? 48 : f->pa_bits,
		.lpa2 = lpa2,
	};
	int ret = mmu_check_config(m, cfg);

	return ret ? ret : s2_geometry_init(geo, &shape);
}

int s2_mmu_create(struct s2_machine *m, const struct s2_mmu_config *cfg, struct s2_mmu **out)
{
	struct s2_geometry geo;
	struct s2_mmu *mmu;
	int ret = s2_mmu_shape(m, cfg, &geo);

	if (ret)
		return ret;
	mmu = calloc(1, sizeof(*mmu));
	if (!mmu)
		return -ENOMEM;
	mmu->machine = m;
	mmu->dir = s2_tablemem_directory(m->tables);
	mmu->flavour = cfg->flavour;
	mmu->vmid = cfg->vmid;
	mmu->geo = geo;
	s2_mmu_set_unmap_how(mmu, s2_mmu_unmap_how(mmu));
	ret = alloc_root(mmu);
	if (ret) {
		free(mmu);
		return ret;
	}
	s2_mmu_set_formats(mmu);
	set_registers(mmu);
	count_root(mmu);
	m->users++;
	*out = mmu;
	return 0;
}

void s2_mmu_free(struct s2_mmu *mmu)
{
	if (!mmu)
		return;
	assert(!mmu->vm);
	mmu->machine->users--;
	s2_memo_fold(&mmu->map_memo, mmu->machine);
	s2_memo_fold(&mmu->unmap_memo, mmu->machine);
	if (mmu->pool)
		s2_table_pool_destroy(mmu->pool);
	s2_index_free(mmu);
	free(mmu);
}

const struct s2_geometry *s2_mmu_geometry(const struct s2_mmu *mmu)
{
	return &mmu->geo;
}

const struct s2_flavour *s2_mmu_flavour(const struct s2_mmu *mmu)
{
	return mmu->flavour;
}

struct s2_machine *s2_mmu_machine(const struct s2_mmu *mmu)
{
	return mmu->machine;
}

struct s2_vmid s2_mmu_vmid(const struct s2_mmu *mmu)
{
	return mmu->vmid;
}

void s2_mmu_relies(const struct s2_mmu *mmu, struct s2_cpu *cpu, enum s2_reliance_kind kind,
		   struct s2_ipa ipa, uint64_t size, const char *function)
{
	const struct s2_reliance what = {.kind = kind,
					 .vtcr = mmu->vtcr,
					 .vttbr = mmu->vttbr,
					 .ipa = ipa,
					 .size = size,
					 .function = function};

	s2_rely(cpu, &what);
}

void s2_mmu_registers(const struct s2_mmu *mmu, uint64_t *vtcr, uint64_t *vttbr)
{
	*vtcr = mmu->vtcr;
	*vttbr = mmu->vttbr;
}

struct s2_pte_format s2_mmu_pte_format(const struct s2_mmu *mmu)
{
	return mmu->fmt;
}

struct s2_tlbi_format s2_mmu_tlbi_format(const struct s2_mmu *mmu)
{
	return mmu->tlbi;
}

void s2_mmu_watch_flushes(struct s2_mmu *mmu,
			  void (*fn)(void *arg, const struct s2_flush_call *call), void *arg)
{
	s2_memo_distrust(mmu);
	mmu->on_flush = fn;
	mmu->on_flush_arg = arg;
}

void s2_mmu_go_plain(struct s2_mmu *mmu)
{
	mmu->plain = true;
}

int s2_mmu_load(const struct s2_mmu *mmu, struct s2_cpu *cpu)
{
	if (cpu->machine != mmu->machine || !mmu->root)
		return -EINVAL;
	cpu->settings++;
	cpu->vcpu_vtcr = mmu->vtcr;
	cpu->vcpu_vttbr = mmu->vttbr;
	return 0;
}

void s2_cpu_unload_stage2(struct s2_cpu *cpu)
{
	cpu->settings++;
	cpu->vcpu_vtcr = 0;
	cpu->vcpu_vttbr = 0;
}

void s2_mmu_set_vmid(struct s2_mmu *mmu, struct s2_vmid vmid)
{
	s2_memo_distrust(mmu);
	mmu->vmid = vmid;
	mmu->vttbr = mmu->root->pa | (uint64_t)vmid.v << 48 | 1;
}
