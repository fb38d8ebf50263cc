/* SPDX-License-Identifier: MIT */
/* A machine, one VM's stage 2 and an oracle that watches, with TLBs that may hold all. */
#ifndef STAGE2SIM_TESTS_CHECK_ORACLE_RIG_H
#define STAGE2SIM_TESTS_CHECK_ORACLE_RIG_H

#include <string.h>

#include "support.h"

#include <stage2sim/oracle.h>
#include <stage2sim/pgtable.h>

#include "hyp/stage2/mmu.h"
#include "machine/machine.h"
#include "machine/tablemem.h"

#define PAGE  UINT64_C(0x1000)
#define MIB   UINT64_C(0x100000)
#define BLOCK (2 * MIB)
#define IPA   UINT64_C(0x80000000)
#define PA    UINT64_C(0x100000000)
#define RX    (S2_PROT_R | S2_PROT_X)
#define RW    (S2_PROT_R | S2_PROT_W)
#define RWX   (RW | S2_PROT_X)

struct oracle_rig {
	struct s2_machine *m;
	struct s2_mmu *mmu;
	struct s2_oracle *o;
	struct s2_cpu *cpu;
	uint64_t vtcr, vttbr;
	/* The left_out-th instruction that may be left out is; SIZE_MAX: none. */
	size_t seen, left_out;
	enum s2_op op; /* it was this one */
	uint64_t broken; /* what a test has counted */
};

static inline bool rig_leaves_out(void *arg, unsigned cpu, const struct s2_insn *insn)
{
	struct oracle_rig *r = arg;

	(void)cpu;
	if (r->seen++ != r->left_out)
		return false;
	r->op = insn->op;
	return true;
}

static inline void oracle_rig_up(struct oracle_rig *r, const char *spec, const char *flavour)
{
	struct s2_machine_config cfg = {.cpus = 2};
	const struct s2_mmu_config mmu = {s2_flavour_find(flavour), 40, {7}};
	const struct s2_oracle_config oracle = {.left_out = rig_leaves_out, .arg = r};

	memset(r, 0, sizeof(*r));
	r->left_out = SIZE_MAX;
	assert_i64(s2_features_parse(spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &r->m), 0);
	assert_i64(s2_mmu_create(r->m, &mmu, &r->mmu), 0);
	r->cpu = s2_machine_cpu(r->m, 0);
	s2_mmu_registers(r->mmu, &r->vtcr, &r->vttbr);
	assert_i64(s2_oracle_attach(r->m, &oracle, &r->o), 0);
	assert_i64(s2_oracle_watch(r->o, r->vtcr, r->vttbr), 0);
}

static inline void oracle_rig_down(struct oracle_rig *r)
{
	assert_i64(s2_oracle_error(r->o), 0);
	s2_oracle_detach(r->o);
	s2_mmu_free(r->mmu);
	s2_machine_destroy(r->m);
}

static inline void map(struct oracle_rig *r, uint64_t ipa, uint64_t size, uint64_t pa, unsigned prot)
{
	assert_i64(s2_pgtable_map(r->mmu, r->cpu, s2_range(ipa, size), s2_pa(pa), prot, NULL, 0), 0);
}

static inline void rely(struct oracle_rig *r, enum s2_reliance_kind kind, uint64_t ipa, uint64_t size,
			enum s2_access access)
{
	const struct s2_reliance what = {.kind = kind,
					 .vtcr = r->vtcr,
					 .vttbr = r->vttbr,
					 .ipa = {ipa},
					 .size = size,
					 .access = access,
					 .function = "test"};

	assert_i64(s2_rely(r->cpu, &what), 0);
}

static inline void returns(struct oracle_rig *r, uint64_t ipa, uint64_t size)
{
	rely(r, S2_RELY_RETURN, ipa, size, S2_ACCESS_READ);
}

static inline void expect_sound(const struct oracle_rig *r)
{
	const struct s2_violation *v = s2_oracle_violation(r->o, 0);
	char text[512];

	if (v && s2_violation_text(v, text, sizeof(text)))
		fail_msg("%s", text);
	assert_u64(s2_oracle_count(r->o, S2_RULES), 0);
}

/* The first violation is this one, and no other rule is broken. */
static inline const struct s2_violation *expect_found(const struct oracle_rig *r,
						      enum s2_finding finding)
{
	const struct s2_violation *v = s2_oracle_violation(r->o, 0);

	assert_non_null(v);
	assert_string_equal(s2_finding_text(v->finding), s2_finding_text(finding));
	assert_u64(s2_oracle_count(r->o, s2_finding_rule(finding)),
		   s2_oracle_count(r->o, S2_RULES));
	return v;
}

/* Stores @pte for @ipa at the last level that has a table, as a walker of one's own would. */
static inline uint64_t entry_address(struct oracle_rig *r, uint64_t ipa, int level, s2_pte **entry)
{
	const struct s2_geometry *geo = s2_mmu_geometry(r->mmu);
	const struct s2_table *table = r->mmu->root + s2_root_index(geo, s2_ipa(ipa));
	int at = geo->start_level;

	for (; at < level; at++) {
		const s2_pte pte = table->entries[s2_level_index(geo, s2_ipa(ipa), at)];

		assert_true(s2_pte_is_table(pte, at));
		table = s2_tablemem_find(r->m->tables, s2_pte_pa(pte, &r->mmu->fmt));
		assert_non_null(table);
	}
	*entry = &table->entries[s2_level_index(geo, s2_ipa(ipa), level)];
	return table->pa + s2_level_index(geo, s2_ipa(ipa), level) * sizeof(s2_pte);
}

static inline s2_pte store(struct oracle_rig *r, uint64_t ipa, int level, s2_pte pte,
		    enum s2_mem_order order)
{
	s2_pte *entry, old;
	const uint64_t addr = entry_address(r, ipa, level, &entry);

	old = *entry;
	s2_pte_write(r->cpu, addr, pte, 0, order);
	*entry = pte;
	return old;
}

static inline s2_pte leaf(struct oracle_rig *r, uint64_t pa, unsigned prot)
{
	s2_pte attr, pte;

	assert_i64(s2_pte_attr(&r->mmu->fmt, prot, &attr), 0);
	assert_i64(s2_pte_make_leaf(&r->mmu->fmt, s2_pa(pa), attr, S2_LAST_LEVEL, &pte), 0);
	return pte;
}

static inline void flush(struct oracle_rig *r)
{
	assert_i64(s2_flush_vmid_range(r->mmu, r->cpu, s2_range(IPA, BLOCK)), 0);
}

#endif
