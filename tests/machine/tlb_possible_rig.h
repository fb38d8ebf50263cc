/* SPDX-License-Identifier: MIT */
/* An MMU under the possible TLB, and what it may still hold. */
#ifndef STAGE2SIM_TESTS_TLB_POSSIBLE_RIG_H
#define STAGE2SIM_TESTS_TLB_POSSIBLE_RIG_H

#include "property.h"

#include <string.h>

#include <stage2sim/pgtable.h>
#include <stage2sim/residue.h>
#include <stage2sim/tlbi.h>

#include "hyp/stage2/mmu.h"
#include "machine/residue.h"

#define PAGE	UINT64_C(0x1000)
#define MIB	UINT64_C(0x100000)
#define RW	(S2_PROT_R | S2_PROT_W)
#define PA	UINT64_C(0x40000000)
#define N_SLOTS 16U
/* The slots lie on both sides of where two tables meet. */
#define IPA  (4 * MIB - N_SLOTS / 2 * PAGE)
#define VMID 7

struct rig {
	struct s2_machine *m;
	struct s2_mmu *mmu;
	struct s2_physics *p;
};

static inline void rig_init(struct rig *r, const char *spec, uint64_t run_limit, unsigned cpus)
{
	struct s2_machine_config cfg = {.cpus = cpus, .run_limit = run_limit};
	const struct s2_physics_config physics = {
		.residue = true, .memory = true, .detail = S2_MEMORY_STATES};
	const struct s2_mmu_config mmu = {s2_flavour_find("kvm-6.12"), 40, {VMID}};

	assert_i64(s2_features_parse(spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &r->m), 0);
	assert_i64(s2_mmu_create(r->m, &mmu, &r->mmu), 0);
	assert_i64(s2_physics_attach(r->m, &physics, &r->p), 0);
	assert_i64(s2_physics_watch(r->p, r->mmu->vtcr, r->mmu->vttbr), 0);
}

static inline void rig_free(struct rig *r)
{
	assert_i64(s2_physics_error(r->p), 0);
	s2_physics_detach(r->p);
	s2_mmu_free(r->mmu);
	s2_machine_destroy(r->m);
}

static inline void map(struct rig *r, uint64_t ipa, uint64_t size, uint64_t pa)
{
	assert_i64(s2_pgtable_map(r->mmu, s2_machine_cpu(r->m, 0), s2_range(ipa, size), s2_pa(pa),
				  RW, NULL, 0),
		   0);
}

/* The page with the last-level entry of an IPA. */
static inline struct s2_table *last_table(const struct s2_mmu *mmu, struct s2_ipa ipa)
{
	struct s2_table *table = &mmu->root[s2_root_index(&mmu->geo, ipa)];

	for (int level = mmu->geo.start_level; level < S2_LAST_LEVEL; level++) {
		s2_pte pte = table->entries[s2_level_index(&mmu->geo, ipa, level)];

		table = s2_tablemem_find(mmu->machine->tables, s2_pte_pa(pte, &mmu->fmt));
	}
	return table;
}

static inline uint64_t count(const struct rig *r)
{
	return s2_residue_count(r->p, s2_vmid(VMID));
}

#endif /* STAGE2SIM_TESTS_TLB_POSSIBLE_RIG_H */
