/* SPDX-License-Identifier: MIT */
/*
 * The two sides of test_shortcuts.c: a machine each, with a bare MMU and a VM
 * of three slots, one of them plain; and what must be the same of them.
 */
#ifndef STAGE2SIM_TESTS_HYP_SHORTCUTS_RIG_H
#define STAGE2SIM_TESTS_HYP_SHORTCUTS_RIG_H

#include "property.h"

#include <string.h>

#include <stage2sim/pgtable.h>
#include <stage2sim/vm.h>

#include "check/oracle.h"
#include "hyp/stage2/mmu.h"
#include "hyp/stage2/walk.h"
#include "hyp/vm/vm.h"
#include "machine/digest.h"

#define GIB    (UINT64_C(1) << 30)
#define BASE   (2 * GIB) /* of the bare MMU's span */
#define RAM    (8 * GIB) /* of the first slot */
#define SLOTS  3U
#define TABLES 3U  /* last-level ones of a span, or a slot */
#define FILLED 12U /* tables of one page more, at which an index is made */

static const struct shape {
	const char *machine;
	unsigned ipa_bits;
	const char *flavour;
	unsigned programs; /* of each variant: tables of large pages are large */
} shapes[] = {
	{"neoverse-n1", 40, "kvm-6.1", 20},
	{"cortex-a55", 36, "kvm-6.1", 20},
	{"cortex-a72", 40, "kvm-5.4", 20},
	{"neoverse-n1", 39, "kvm-6.12", 20},
	{"cortex-a55", 40, "kvm-6.12", 20},
	{"neoverse-n2", 48, "kvm-6.12,repeat=each", 5},
	{"max,-lpa2", 44, "kvm-6.12", 20},
	{"max", 48, "kvm-7.2", 5},
	{"max", 52, "kvm-7.2", 5},
	{"max,-vhe,-fwb", 40, "kvm-7.2", 20},
	{"neoverse-n1,granule=16k", 36, "kvm-6.12", 1},
	{"neoverse-n2,granule=16k", 47, "kvm-6.1", 1},
	{"max,granule=16k", 52, "kvm-7.2", 1},
	{"neoverse-n1,granule=64k", 42, "kvm-6.12", 1},
	{"max,granule=64k", 48, "kvm-7.2", 1},
};

/* What is varied besides: how unmaps invalidate, what toggles and events clean, how a VM ends. */
static const struct {
	enum s2_unmap_tlbi unmap_tlbi;
	enum s2_toggle toggle;
	enum s2_unmap_cmo unmap_cmo;
	enum s2_teardown teardown;
	uint64_t plain_run_limit;
} variants[] = {
	{S2_UNMAP_TLBI_LEAF, S2_TOGGLE_EVERY, S2_UNMAP_CMO_ALWAYS, S2_TEARDOWN_WALK, 1},
	{S2_UNMAP_TLBI_LEAF, S2_TOGGLE_SINCE_FLUSH, S2_UNMAP_CMO_NOT_ON_EVENT,
	 S2_TEARDOWN_UNMAP_NEITHER, 0},
	{S2_UNMAP_TLBI_RANGE, S2_TOGGLE_FIRST_LAST, S2_UNMAP_CMO_ALWAYS, S2_TEARDOWN_DROP_SHARED,
	 0},
	{S2_UNMAP_TLBI_VMID, S2_TOGGLE_VCPU0, S2_UNMAP_CMO_NOT_IF_DYING, S2_TEARDOWN_UNMAP_RANGE,
	 1},
	{S2_UNMAP_NEW_VMID, S2_TOGGLE_EVERY, S2_UNMAP_CMO_ALWAYS, S2_TEARDOWN_WALK_SPARSE, 0},
};

struct side {
	struct s2_machine *m;
	struct s2_cpu *cpu[2];
	struct s2_flavour flavour;
	struct s2_mmu *bare;
	struct s2_vmids *vmids;
	struct s2_vm *vm;
	struct s2_vcpu *vcpu[2];
	int slot[SLOTS];
	unsigned made[SLOTS]; /* how often; each time it has other memory */
	uint64_t page, span;  /* bytes */
	bool sink, watchers;
	struct s2_oracle *oracle; /* or NULL */
	/* Of what sinks have heard, and watchers: a run is told when it is whole, its flush at once. */
	uint64_t digest, calls;
};

static struct {
	const struct shape *shape;
	size_t variant;
} now;

static inline void mix(uint64_t *digest, uint64_t word)
{
	*digest = (*digest ^ word) * UINT64_C(0x100000001b3);
}

static inline void hear(void *arg, const struct s2_event *ev)
{
	struct side *s = arg;

	for (uint64_t i = 0; i < ev->repeat; i++)
		for (size_t k = 0; k < ev->n_insns; k++) {
			const struct s2_insn *insn = &ev->insns[k];

			mix(&s->digest, (uint64_t)insn->op << 8 | insn->order);
			mix(&s->digest, insn->addr + i * insn->addr_step);
			mix(&s->digest, insn->value + i * insn->value_step);
			mix(&s->digest, insn->count);
			mix(&s->digest, ev->cpu);
		}
}

static inline void hear_flush(void *arg, const struct s2_flush_call *call)
{
	struct side *s = arg;

	for (uint64_t i = 0; i < call->repeat; i++) {
		mix(&s->calls, (uint64_t)call->kind << 32 | call->pages);
		mix(&s->calls, call->ipa.v + i * call->step);
		mix(&s->calls, (uint64_t)call->level);
	}
}

static inline struct s2_slot_config slot_config(const struct side *s, unsigned i)
{
	const struct s2_slot_config cfg = {
		.ipa = {RAM + i * 2 * s->span},
		/* The last pages are in no block. */
		.size = s->span - 5 * s->page,
		.hva = {16 * GIB + i * 2 * s->span},
		.pa = {16 * GIB + i * 2 * s->span + s->made[i] % 2 * GIB * 16},
		/* In the last two no fault can be known: of a block, of what is not there. */
		.backing = i == 1 ? s->span / TABLES : s->page,
		.populated = i + 1 < SLOTS,
		.life = i ? S2_BACKING_SHARED : S2_BACKING_DIES,
	};

	return cfg;
}

static inline void add_slot(struct side *s, unsigned i)
{
	const struct s2_slot_config cfg = slot_config(s, i);

	s->made[i]++;
	s->slot[i] = s2_vm_add_slot(s->vm, &cfg);
	assert_true(s->slot[i] >= 0);
}

static inline void fill(const struct side *s)
{
	for (uint64_t i = 0; i < FILLED; i++) {
		const uint64_t at = BASE + (TABLES + i) * (s->span / TABLES);

		/* Where there is room for it: GiBs apart with pages of 64 KiB. */
		if (at < RAM)
			assert_i64(s2_pgtable_map(s->bare, s->cpu[0], s2_range(at, s->page),
						  s2_pa(at), S2_PROT_R, NULL, 0),
				   0);
	}
}

/* 4 PiB entry by entry, or an account of them, would be all that this test does. */
static inline unsigned ipa_bits(void)
{
	const bool dear = variants[now.variant].plain_run_limit ||
			  variants[now.variant].toggle == S2_TOGGLE_SINCE_FLUSH;

	return dear && now.shape->ipa_bits > 48 ? 48 : now.shape->ipa_bits;
}

static inline void side_up(struct side *s, bool plain)
{
	struct s2_machine_config mc = {
		.cpus = 2, .run_limit = plain ? variants[now.variant].plain_run_limit : 0};
	struct s2_mmu_config bare = {.flavour = &s->flavour, .ipa_bits = ipa_bits()};
	struct s2_vm_config cfg = {.flavour = &s->flavour, .ipa_bits = ipa_bits()};

	memset(s, 0, sizeof(*s));
	assert_i64(s2_features_parse(now.shape->machine, &mc.features, NULL), 0);
	assert_i64(s2_flavour_parse(now.shape->flavour, &s->flavour, NULL), 0);
	s->flavour.unmap_tlbi = variants[now.variant].unmap_tlbi;
	s->flavour.toggle = variants[now.variant].toggle;
	s->flavour.unmap_cmo = variants[now.variant].unmap_cmo;
	if (ipa_bits() <= 40)
		s->flavour.teardown = variants[now.variant].teardown;
	assert_i64(s2_machine_create(&mc, &s->m), 0);
	bare.vmid = s2_vmid(255); /* this and the next no VM of this test comes to have */
	assert_i64(s2_mmu_create(s->m, &bare, &s->bare), 0);
	assert_i64(s2_vmids_create(s->m, &s->vmids), 0);
	cfg.vmids = s->vmids;
	assert_i64(s2_vm_create(s->m, &cfg, &s->vm), 0);
	if (plain) {
		s2_mmu_go_plain(s->bare);
		s2_mmu_go_plain(s2_vm_mmu(s->vm));
	}
	s->page = s2_page_size(s2_mmu_geometry(s->bare));
	s->span = TABLES * s->page * s2_table_entries(s2_mmu_geometry(s->bare));
	for (unsigned i = 0; i < SLOTS; i++)
		add_slot(s, i);
	for (unsigned i = 0; i < 2; i++) {
		s->cpu[i] = s2_machine_cpu(s->m, i);
		s->vcpu[i] = s2_vm_vcpu(s->vm, s2_vm_add_vcpu(s->vm));
		assert_i64(s2_vcpu_load(s->vcpu[i], s->cpu[i]), 0);
	}
	fill(s);
}

/* What it may hold, of lines here and there, is as much of its state as what TLBs may. */
static inline uint64_t digest_lines(const struct side *s)
{
	struct s2_memory *mem = s->oracle->data.memory;
	uint64_t d = 0;

	for (unsigned i = 0; i < 64; i++) {
		const uint64_t pa = 16 * GIB + i / 16 * s->span + i % 16 * s->page;
		struct s2_version_set set = {0};

		for (unsigned agent = 0; agent <= S2_AGENT_COHERENT_DEVICE; agent++) {
			assert_i64(s2_memory_possible(mem, (enum s2_agent)agent, s2_pa(pa), &set),
				   0);
			mix(&d, (uint64_t)set.oldest << 32 | set.newest);
			mix(&d, set.count);
		}
	}
	return d;
}

static inline bool same_state(const struct s2_oracle *a, const struct s2_oracle *b)
{
	struct s2_digest x = {0}, y = {0};

	s2_oracle_digest(a, &x);
	s2_oracle_digest(b, &y);
	return x.a == y.a && x.b == y.b;
}

static inline bool same_oracles(const struct side *a, const struct side *b, bool closely)
{
	if (!a->oracle)
		return !b->oracle;
	for (unsigned rule = 0; rule < S2_RULES; rule++)
		if (s2_oracle_count(a->oracle, (enum s2_rule)rule) !=
		    s2_oracle_count(b->oracle, (enum s2_rule)rule))
			return false;
	/* A run that is told in parts has more steps, as stories number them, and decisions. */
	if (!variants[now.variant].plain_run_limit &&
	    (s2_oracle_steps(a->oracle) != s2_oracle_steps(b->oracle) ||
	     s2_oracle_decided(a->oracle) != s2_oracle_decided(b->oracle)))
		return false;
	if (closely && (!same_state(a->oracle, b->oracle) || digest_lines(a) != digest_lines(b)))
		return false;
	return s2_oracle_error(a->oracle) == s2_oracle_error(b->oracle) &&
	       a->oracle->steps + (a->m->unseen - a->oracle->unseen) == b->oracle->steps;
}

static inline int judge(struct side *s, bool on)
{
	uint64_t vtcr, vttbr;
	int ret;

	s2_oracle_detach(s->oracle);
	s->oracle = NULL;
	if (!on)
		return 0;
	ret = s2_oracle_attach(s->m, NULL, &s->oracle);
	s2_mmu_registers(s->bare, &vtcr, &vttbr);
	return ret ? ret : s2_oracle_watch(s->oracle, vtcr, vttbr);
}

static inline void side_down(struct side *s)
{
	s2_oracle_detach(s->oracle);
	s2_vm_free(s->vm);
	s2_vmids_free(s->vmids);
	s2_mmu_free(s->bare);
	s2_machine_destroy(s->m);
}

static inline uint64_t digest_table(const struct s2_mmu *mmu, const struct s2_table *t, int level)
{
	uint64_t d = t->refs + t->pa;

	for (unsigned i = 0; i < s2_table_entries(&mmu->geo); i++) {
		mix(&d, t->entries[i]);
		if (s2_pte_is_table(t->entries[i], level))
			mix(&d, digest_table(mmu, s2_follow(mmu, t->entries[i]), level + 1));
	}
	return d;
}

static inline uint64_t digest_tables(const struct s2_mmu *mmu)
{
	uint64_t d = 0;

	for (unsigned i = 0; mmu->root && i < mmu->geo.root_pages; i++)
		mix(&d, digest_table(mmu, &mmu->root[i], mmu->geo.start_level));
	return d;
}

static inline bool same_counts(struct side *a, struct side *b)
{
	const struct s2_counts x = s2_machine_counts(a->m), y = s2_machine_counts(b->m);

	for (int op = 0; op < S2_OP_COUNT; op++) {
		if (x.n[op] == y.n[op])
			continue;
		print_message("%s: %llu with short cuts, %llu without\n",
			      s2_op_name((enum s2_op)op), (unsigned long long)x.n[op],
			      (unsigned long long)y.n[op]);
		return false;
	}
	return true;
}

/* @closely: with all that oracles keep, which takes its time. */
static inline bool same(struct side *a, struct side *b, bool closely)
{
	for (unsigned i = 0; i < 2; i++)
		if (s2_read_sysreg(a->cpu[i], S2_SYSREG_VTTBR_EL2) !=
			    s2_read_sysreg(b->cpu[i], S2_SYSREG_VTTBR_EL2) ||
		    s2_read_sysreg(a->cpu[i], S2_SYSREG_HCR_EL2) !=
			    s2_read_sysreg(b->cpu[i], S2_SYSREG_HCR_EL2))
			return false;
	return same_counts(a, b) && same_oracles(a, b, closely) && a->digest == b->digest && a->calls == b->calls &&
	       s2_vm_longest_lock(a->vm) == s2_vm_longest_lock(b->vm) &&
	       s2_vm_longest_stretch(a->vm) == s2_vm_longest_stretch(b->vm);
}

static inline bool same_tables(const struct side *a, const struct side *b)
{
	return digest_tables(a->bare) == digest_tables(b->bare) &&
	       digest_tables(s2_vm_mmu(a->vm)) == digest_tables(s2_vm_mmu(b->vm));
}

/* What is left to be known: what was logged, and that nothing is found any more. */
static inline bool end_all(struct side *s)
{
	const struct s2_slot_config cfg = slot_config(s, 0);
	struct s2_leaf leaf;
	bool none = true;

	for (unsigned i = 0; i < SLOTS; i++)
		mix(&s->calls, (uint64_t)s2_vm_log_get(s->vm, s->cpu[0], s->slot[i]));
	for (unsigned i = 0; i < 2; i++)
		s2_vcpu_put(s->vcpu[i]);
	mix(&s->calls, (uint64_t)s2_pgtable_destroy(s->bare, s->cpu[0]));
	mix(&s->calls, (uint64_t)s2_vm_teardown(s->vm, s->cpu[1]));
	for (uint64_t at = 0; at < cfg.size; at += s->span / TABLES)
		none = none &&
		       s2_pgtable_lookup(s->bare, NULL, s2_ipa(BASE + at), &leaf) == -EINVAL &&
		       s2_pgtable_lookup(s2_vm_mmu(s->vm), NULL, s2_ipa(cfg.ipa.v + at), &leaf) ==
			       -EINVAL;
	return none;
}

#endif
