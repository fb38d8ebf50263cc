/* SPDX-License-Identifier: MIT */
/*
 * A VM with one slot, a vcpu loaded on CPU 0, and the instructions of a phase: what tests of the
 * measured rules begin with (v6.12 on real KVM hosts, cortex-a55: no FWB, no range TLBI; max: both).
 */
#ifndef STAGE2SIM_TESTS_VM_RIG_H
#define STAGE2SIM_TESTS_VM_RIG_H

#include "hyp/vm/vm_fixture.h"

#define KIB   UINT64_C(0x400)
#define MIB   (KIB * KIB)
#define GIB   (KIB * MIB)
#define PAGE  (4 * KIB)
#define BLOCK (2 * MIB)
#define CODE  UINT64_C(0x40000000)
#define RAM   UINT64_C(0x80000000)
#define HVA   UINT64_C(0xffff80000000)

struct rig {
	struct vm_fixture f;
	struct s2_machine *m;
	struct s2_vm *vm;
	struct s2_cpu *cpu;
	struct s2_vcpu *vcpu; /* number 0, loaded on CPU 0 */
	int ram;	      /* its slot */
	struct s2_counts mark;
};

struct shape {
	const char *machine;
	const char *flavour;
	uint64_t size, backing;
	bool unpopulated, manual, initset;
	uint64_t chunk;
	int vcpus;
};

static inline void rig_up(struct rig *r, const struct shape *s)
{
	const struct s2_slot_config ram = {
		.ipa = {RAM},
		.size = s->size ? s->size : 32 * MIB,
		.hva = {HVA},
		.pa = {0x100000000},
		.backing = s->backing ? s->backing : PAGE,
		.populated = !s->unpopulated,
	};

	memset(r, 0, sizeof(*r));
	vm_fixture_machine(&r->f, s->machine, 4, s->flavour ? s->flavour : "kvm-6.12", NULL);
	r->f.config.split_chunk = s->chunk;
	r->f.config.manual_protect = s->manual;
	r->f.config.initially_set = s->initset;
	vm_fixture_vm(&r->f, &ram);
	r->m = r->f.m;
	r->vm = r->f.vm;
	r->cpu = s2_machine_cpu(r->m, 0);
	r->vcpu = vm_fixture_vcpu(&r->f, 0);
	for (int i = 1; i < s->vcpus; i++)
		vm_fixture_vcpu(&r->f, -1);
	r->mark = s2_machine_counts(r->m);
}

static inline void rig_down(struct rig *r)
{
	vm_fixture_down(&r->f);
}

/* What was issued since the last call. */
static inline struct s2_counts lap(struct rig *r)
{
	const struct s2_counts now = s2_machine_counts(r->m);
	const struct s2_counts since = s2_counts_since(&r->mark, &now);

	r->mark = now;
	return since;
}

/* Stage-2 TLBIs, data-cache lines and instruction-cache operations of a phase. */
struct expected {
	uint64_t ipas2e1is, ripas2e1is, vmalle1is, vmalls12e1is, ipas2e1, vmalle1, civac, ialluis,
		iallu;
};

static inline void expect(struct rig *r, struct expected e)
{
	const struct s2_counts c = lap(r);

	assert_u64(c.n[S2_OP_TLBI_IPAS2E1IS], e.ipas2e1is);
	assert_u64(c.n[S2_OP_TLBI_RIPAS2E1IS], e.ripas2e1is);
	assert_u64(c.n[S2_OP_TLBI_VMALLE1IS], e.vmalle1is);
	assert_u64(c.n[S2_OP_TLBI_VMALLS12E1IS], e.vmalls12e1is);
	assert_u64(c.n[S2_OP_TLBI_IPAS2E1], e.ipas2e1);
	assert_u64(c.n[S2_OP_TLBI_VMALLE1], e.vmalle1);
	assert_u64(c.n[S2_OP_DC_CIVAC], e.civac);
	assert_u64(c.n[S2_OP_IC_IALLUIS], e.ialluis);
	assert_u64(c.n[S2_OP_IC_IALLU], e.iallu);
}

static inline int64_t touch(struct rig *r, uint64_t pages, enum s2_access access)
{
	return s2_vcpu_access(r->vcpu, s2_ipa(RAM), pages * PAGE, access);
}

static const struct expected nothing;

#endif /* STAGE2SIM_TESTS_VM_RIG_H */
