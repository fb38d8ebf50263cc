/* SPDX-License-Identifier: MIT */
/*
 * A VM whose memory is mapped, on a machine of four CPUs: what the tests of
 * unmapping and of teardown begin with.
 */
#ifndef STAGE2SIM_TESTS_TEARDOWN_RIG_H
#define STAGE2SIM_TESTS_TEARDOWN_RIG_H

#include "support.h"

#include <string.h>

#include <stage2sim/vm.h>

/* With 4 KiB pages and 40 bits: 1,024 entries of 1 GiB. */
#define ROOT_PAGES UINT64_C(2)

#define KIB  UINT64_C(0x400)
#define MIB  (KIB * KIB)
#define GIB  (KIB * MIB)
#define PAGE (4 * KIB)
#define RAM  UINT64_C(0x40000000)
#define HVA  UINT64_C(0xffff40000000)
#define PA   UINT64_C(0x100000000)

struct shape {
	const char *machine;
	unsigned ipa_bits;
	uint64_t size, backing;
	enum s2_backing_life life;
	uint64_t run_limit;
};

struct rig {
	struct s2_machine *m;
	struct s2_vmids *vmids;
	struct s2_vm *vm;
	struct s2_cpu *cpu;
	struct s2_counts mark;
};

static inline void machine_up(struct rig *r, const struct shape *s)
{
	struct s2_machine_config cfg = {.cpus = 4, .run_limit = s->run_limit};

	memset(r, 0, sizeof(*r));
	assert_i64(s2_features_parse(s->machine ? s->machine : "cortex-a72", &cfg.features, NULL),
		   0);
	assert_i64(s2_machine_create(&cfg, &r->m), 0);
	assert_i64(s2_vmids_create(r->m, &r->vmids), 0);
	r->cpu = s2_machine_cpu(r->m, 0);
}

static inline void rig_up(struct rig *r, const struct shape *s, const struct s2_flavour *f)
{
	struct s2_vm_config cfg = {.flavour = f, .ipa_bits = s->ipa_bits};
	const struct s2_slot_config slot = {
		.ipa = {RAM},
		.size = s->size,
		.hva = {HVA},
		.pa = {PA},
		.backing = s->backing ? s->backing : PAGE,
		.populated = true,
		.life = s->life,
	};

	machine_up(r, s);
	cfg.vmids = r->vmids;
	assert_i64(s2_vm_create(r->m, &cfg, &r->vm), 0);
	assert_i64(s2_vm_add_slot(r->vm, &slot), 0);
	r->mark = s2_machine_counts(r->m);
}

static inline void map_all(struct rig *r, const struct shape *s)
{
	uint64_t unit = s->backing ? s->backing : PAGE;

	for (uint64_t at = 0; unit > PAGE && at < s->size; at += unit)
		assert_i64(s2_pgtable_map(s2_vm_mmu(r->vm), r->cpu, s2_range(RAM + at, unit),
					  s2_pa(PA + at), S2_PROT_R | S2_PROT_W, NULL, 0),
			   0);
	if (unit == PAGE)
		assert_i64(s2_pgtable_map(s2_vm_mmu(r->vm), r->cpu, s2_range(RAM, s->size),
					  s2_pa(PA), S2_PROT_R | S2_PROT_W, NULL, S2_MAP_FORCE_PTE),
			   0);
	r->mark = s2_machine_counts(r->m);
}

static inline void rig_down(struct rig *r)
{
	s2_vm_free(r->vm);
	s2_vmids_free(r->vmids);
	s2_machine_destroy(r->m);
}

static inline struct s2_counts lap(struct rig *r)
{
	const struct s2_counts now = s2_machine_counts(r->m);
	const struct s2_counts since = s2_counts_since(&r->mark, &now);

	r->mark = now;
	return since;
}

/* The oldest flavour with one teardown policy; chunks are reschedule points. */
static inline struct s2_flavour flavour(enum s2_teardown teardown)
{
	struct s2_flavour f = *s2_flavour_at(0);

	f.teardown = teardown;
	f.destroy = S2_DESTROY_PUT_EMPTY;
	f.range_flush = true;
	f.range_order = S2_RANGE_DESCENDING;
	return f;
}

static inline struct s2_counts teardown_counts(const struct shape *s, enum s2_teardown teardown)
{
	const struct s2_flavour f = flavour(teardown);
	struct s2_counts counts;
	struct rig r;

	rig_up(&r, s, &f);
	map_all(&r, s);
	assert_i64(s2_vm_teardown(r.vm, r.cpu), 0);
	counts = lap(&r);
	rig_down(&r);
	return counts;
}

static inline void assert_flushes(const struct s2_counts *c, uint64_t by_ipa, uint64_t whole)
{
	assert_u64(c->n[S2_OP_TLBI_IPAS2E1IS], by_ipa);
	assert_u64(c->n[S2_OP_TLBI_VMALLE1IS], by_ipa);
	assert_u64(c->n[S2_OP_TLBI_VMALLS12E1IS], whole);
	assert_u64(c->n[S2_OP_HYPERCALL], by_ipa + whole);
	assert_u64(c->n[S2_OP_TLBI_RIPAS2E1IS], 0);
}

#endif
