/* SPDX-License-Identifier: MIT */
/* A machine with one VM of 40 bits of IPA, and what page-table tests ask of it. */
#ifndef STAGE2SIM_TESTS_HYP_PGTABLE_RIG_H
#define STAGE2SIM_TESTS_HYP_PGTABLE_RIG_H

#include <string.h>

#include "support.h"

#include "hyp/stage2/mmu.h"
#include "hyp/stage2/walk.h"

#include <stage2sim/pgtable.h>

#define PAGE UINT64_C(0x1000)
#define MIB  UINT64_C(0x100000)
#define GIB  UINT64_C(0x40000000)
#define PA   (4 * GIB)
#define R    S2_PROT_R
#define RW   (S2_PROT_R | S2_PROT_W)

struct rig {
	struct s2_machine *m;
	struct s2_cpu *cpu;
	struct s2_mmu *mmu;
	struct s2_counts before;
	struct s2_flush_call last; /* flush call */
	uint64_t flushes;
	enum s2_op frees_and_writes[8]; /* order of table frees and leaf stores, from forget() on */
	size_t n_order;
};

static inline void told(void *arg, const struct s2_flush_call *call)
{
	struct rig *r = arg;

	r->last = *call;
	r->flushes += call->repeat;
}

static inline void rig_up(struct rig *r, const char *spec, const char *flavour)
{
	struct s2_machine_config cfg = {.cpus = 2};
	struct s2_mmu_config mmu = {s2_flavour_find(flavour), 40, {1}};

	memset(r, 0, sizeof(*r));
	assert_i64(s2_features_parse(spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &r->m), 0);
	assert_i64(s2_mmu_create(r->m, &mmu, &r->mmu), 0);
	r->before = s2_machine_counts(r->m);
	r->cpu = s2_machine_cpu(r->m, 0);
	s2_mmu_watch_flushes(r->mmu, told, r);
}

static inline uint64_t live_pages(const struct rig *r)
{
	uint64_t live, held;

	s2_machine_table_memory(r->m, &live, &held);
	return live >> r->mmu->geo.page_shift;
}

static inline void rig_down(struct rig *r)
{
	uint64_t live, held;

	s2_mmu_free(r->mmu);
	s2_machine_table_memory(r->m, &live, &held);
	assert_u64(live, 0);
	s2_machine_destroy(r->m);
}

static inline void forget(struct rig *r)
{
	r->before = s2_machine_counts(r->m);
	r->flushes = 0;
	r->n_order = 0;
}

static inline uint64_t did(const struct rig *r, enum s2_op op)
{
	return s2_machine_counts(r->m).n[op] - r->before.n[op];
}

static inline int map(struct rig *r, uint64_t ipa, uint64_t size, uint64_t pa, unsigned prot)
{
	return s2_pgtable_map(r->mmu, r->cpu, s2_range(ipa, size), s2_pa(pa), prot, NULL, 0);
}

static inline struct s2_leaf leaf_at(struct rig *r, uint64_t ipa)
{
	struct s2_leaf leaf = {0};

	assert_i64(s2_pgtable_lookup(r->mmu, NULL, s2_ipa(ipa), &leaf), 0);
	return leaf;
}

static inline int level_at(struct rig *r, uint64_t ipa)
{
	struct s2_leaf leaf = leaf_at(r, ipa);

	return s2_pte_valid(leaf.pte) ? leaf.level : -1;
}

static inline struct s2_pgtable_state state_of(struct rig *r)
{
	struct s2_pgtable_state s;

	s2_pgtable_state(r->mmu, &s);
	assert_u64(s.table_pages, live_pages(r));
	assert_u64(s.invalid_counted, 0);
	return s;
}

/* Since rig_up() or forget(). */
static inline void expect_nothing_issued(const struct rig *r)
{
	for (int op = 0; op < S2_OP_COUNT; op++)
		assert_u64(did(r, (enum s2_op)op), 0);
}

enum op {
	MAP,
	UNMAP,
	WRPROTECT,
	RELAX,
	MKYOUNG,
	AGE,
	FLUSH,
	SPLIT,
	N_OPS
};

static inline int call(struct rig *r, struct s2_cpu *cpu, enum op op, uint64_t ipa, uint64_t size)
{
	struct s2_range range = s2_range(ipa, size);
	bool young = true;
	int ret = 0;

	switch (op) {
	case MAP:
		return s2_pgtable_map(r->mmu, cpu, range, s2_pa(PA), RW, NULL, 0);
	case UNMAP:
		return s2_pgtable_unmap(r->mmu, cpu, range);
	case WRPROTECT:
		return s2_pgtable_wrprotect(r->mmu, cpu, range);
	case RELAX:
		return s2_pgtable_relax_perms(r->mmu, cpu, range.ipa, RW);
	case MKYOUNG:
		return s2_pgtable_mkyoung(r->mmu, cpu, range.ipa);
	case AGE:
		ret = s2_pgtable_test_clear_young(r->mmu, cpu, range, true, &young);
		if (ret)
			assert_true(young); /* as it was */
		return ret;
	case FLUSH:
		return s2_pgtable_flush(r->mmu, cpu, range);
	default:
		return s2_pgtable_split(r->mmu, cpu, range, NULL);
	}
}

static const char *const machines[] = {"max", "cortex-a55", "cortex-a72"};
static const char *const flavours[] = {"kvm-6.1", "kvm-6.12", "kvm-7.2"};

#endif
