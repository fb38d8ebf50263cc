/* SPDX-License-Identifier: MIT */
/* A guest and a host of acts alone, on one piece of memory, under the oracle's data rule. */
#ifndef STAGE2SIM_TESTS_ORACLE_DATA_RIG_H
#define STAGE2SIM_TESTS_ORACLE_DATA_RIG_H

#include "support.h"

#include <errno.h>
#include <string.h>

#include <stage2sim/insn.h>
#include <stage2sim/oracle.h>

#define PA   UINT64_C(0x100000000)
#define SIZE UINT64_C(0x1000)
#define LINE UINT64_C(64)

struct rig {
	struct s2_machine *m;
	struct s2_cpu *cpu;
	struct s2_oracle *o;
};

static inline void rig_up(struct rig *r, const char *spec)
{
	struct s2_machine_config cfg = {.cpus = 2};

	assert_i64(s2_features_parse(spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &r->m), 0);
	r->cpu = s2_machine_cpu(r->m, 0);
	assert_i64(s2_oracle_attach(r->m, NULL, &r->o), 0);
}

static inline void rig_down(struct rig *r)
{
	assert_i64(s2_oracle_error(r->o), 0);
	s2_oracle_detach(r->o);
	s2_machine_destroy(r->m);
}

static inline void tell(struct rig *r, struct s2_act act)
{
	assert_i64(s2_tell(r->m, &act), 0);
}

static inline void give(struct rig *r)
{
	tell(r, (struct s2_act){.kind = S2_ACT_GIVE, .pa = {PA}, .size = SIZE});
}

static inline void take(struct rig *r, enum s2_agent agent, bool cleaned)
{
	tell(r, (struct s2_act){.kind = S2_ACT_TAKE,
				.pa = {PA},
				.size = SIZE,
				.agent = agent,
				.cleaned = cleaned});
}

static inline void accesses(struct rig *r, unsigned vcpu, enum s2_access access, bool cacheable)
{
	tell(r, (struct s2_act){.kind = S2_ACT_ACCESS,
				.vcpu = vcpu,
				.pa = {PA},
				.size = SIZE,
				.access = access,
				.cacheable = cacheable});
}

static inline void write_nc(struct rig *r, unsigned vcpu)
{
	accesses(r, vcpu, S2_ACCESS_WRITE, false);
}

static inline void write_wb(struct rig *r, unsigned vcpu)
{
	accesses(r, vcpu, S2_ACCESS_WRITE, true);
}

static inline void guest_dc(struct rig *r, enum s2_line_op op)
{
	tell(r, (struct s2_act){.kind = S2_ACT_MAINTAIN, .pa = {PA}, .size = SIZE, .op = op});
}

static inline void caches(struct rig *r, unsigned vcpu, bool on, bool trapped)
{
	tell(r, (struct s2_act){
			.kind = S2_ACT_CACHES, .vcpu = vcpu, .on = on, .trapped = trapped});
}

static inline void set_way(struct rig *r, unsigned vcpu)
{
	tell(r, (struct s2_act){.kind = S2_ACT_SET_WAY, .vcpu = vcpu, .trapped = true});
}

static inline void reset(struct rig *r, unsigned vcpu)
{
	tell(r, (struct s2_act){.kind = S2_ACT_RESET, .vcpu = vcpu});
}

/* dcache_clean_inval_poc() */
static inline void clean(struct rig *r)
{
	s2_dc_civac_range(r->cpu, s2_pa(PA), SIZE);
	s2_dsb(r->cpu, S2_DSB_SY);
}

/* Given, cleaned as a map does, and seen by the guest. */
static inline void map(struct rig *r)
{
	give(r);
	clean(r);
	accesses(r, 0, S2_ACCESS_READ, false);
}

/* The contracts in @broken, bits 1 << enum s2_contract, and no others, are broken. */
static inline void expect(const struct rig *r, unsigned broken)
{
	for (unsigned c = 0; c < S2_CONTRACTS; c++) {
		s2_test_row("%s", s2_contract_name((enum s2_contract)c));
		assert_i64(s2_oracle_contract_count(r->o, (enum s2_contract)c) > 0, broken >> c & 1);
	}
}

#define ISOLATION (1U << S2_CONTRACT_ISOLATION)
#define ARCH	  (1U << S2_CONTRACT_ARCH)
#define BARE	  (1U << S2_CONTRACT_BARE_METAL)
#define COMPAT	  (1U << S2_CONTRACT_KVM_COMPAT)
#define ANY	  (1U << S2_CONTRACT_KVM_COMPAT_ANY)
#define RAW	  (1U << S2_CONTRACT_RAW_DMA)
#define ALL	  (ISOLATION | ARCH | BARE | COMPAT | ANY)

#endif /* STAGE2SIM_TESTS_ORACLE_DATA_RIG_H */
