/* SPDX-License-Identifier: MIT */
/*
 * Every workload that was counted on the kernel's own page-table code gives
 * the same counts here, phase by phase, with the same state after.
 *
 * Three differences between that harness and a real VHE host are added to its
 * counts (docs/model.md, "The oracle"): the ISB of kvm_call_hyp()'s wrapper,
 * the VTCR_EL2 and VTTBR_EL2 writes of __load_stage2(), and the DSB ISH that
 * icache_inval_all_pou() ends with, all of which it stubs.
 */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/pgtable.h>

#define KIB UINT64_C(0x400)
#define MIB (KIB * KIB)
#define GIB (KIB * MIB)
#define BASE (1 * GIB)

struct oracle_count {
	const char *name;
	uint64_t n;
};

struct oracle_phase {
	const char *name;
	const struct oracle_count *counts;
	uint64_t ok, eagain;
	uint64_t leaves[3]; /* levels 1 to 3 */
	uint64_t table_entries, table_pages;
};

struct oracle_cell {
	const char *label;
	const char *flavour;
	const char *workload;
	bool fwb, range;
	const struct oracle_phase *phases;
	size_t n_phases;
};

#include "oracle_cells.h"

enum step_op { NOTHING, MAP, UNMAP, WRPROTECT, RELAX, FLUSH, SPLIT, FLUSH_TLB_RANGE, DESTROY };

/* What one phase does: n calls of size bytes, stride apart, from BASE + offset. */
struct step {
	const char *workload; /* NULL: any */
	const char *phase;
	enum step_op op;
	uint64_t offset, size, stride, n;
	unsigned prot, flags;
	uint64_t pa_shift;
};

#define RW (S2_PROT_R | S2_PROT_W)
#define RX (S2_PROT_R | S2_PROT_X)
#define PAGE (4 * KIB)
#define FAULT S2_MAP_FAULT
/* W09 asks for PAs that agree with the IPAs modulo 1 GiB. */
#define CONGRUENT (0x8000000000 + BASE - 0x8000200000)

static const struct step workload_steps[] = {
	{"W00", "noop", NOTHING, 0, 0, 0, 0, 0, 0, 0},
	{"W02", "perm_only", MAP, 0, PAGE, PAGE, 16384, S2_PROT_R, FAULT, 0},
	{"W02", "new_pa", MAP, 0, PAGE, PAGE, 16384, RW, FAULT, 64 * MIB},
	{"W03", "wrprotect", WRPROTECT, 0, 64 * MIB, 0, 1, 0, 0, 0},
	{"W03", "wrprotect_again", WRPROTECT, 0, 64 * MIB, 0, 1, 0, 0, 0},
	{"W03", "relax", RELAX, 0, PAGE, PAGE, 16384, RW, 0, 0},
	{"W04", "flush", FLUSH, 0, 64 * MIB, 0, 1, 0, 0, 0},
	{"W04", "flush_hole", FLUSH, 64 * MIB, 64 * MIB, 0, 1, 0, 0, 0},
	{"W05", "unmap", UNMAP, 0, PAGE, PAGE, 16384, 0, 0, 0},
	{"W06", "unmap_even", UNMAP, 0, PAGE, 2 * PAGE, 8192, 0, 0, 0},
	{"W06", "unmap_rest", UNMAP, 0, 64 * MIB, 0, 1, 0, 0, 0},
	{"W06", "unmap_empty", UNMAP, 0, 64 * MIB, 0, 1, 0, 0, 0},
	{"W07", "map", MAP, 0, 2 * MIB, 2 * MIB, 512, RW, FAULT, 0},
	{"W07", "wrprotect", WRPROTECT, 0, GIB, 0, 1, 0, 0, 0},
	{"W07", "flush", FLUSH, 0, GIB, 0, 1, 0, 0, 0},
	{"W07", "unmap", UNMAP, 0, GIB, 0, 1, 0, 0, 0},
	{"W09", "map", MAP, PAGE, GIB - 2 * PAGE, 0, 1, RW, 0, CONGRUENT},
	{"W09", "unmap", UNMAP, PAGE, GIB - 2 * PAGE, 0, 1, 0, 0, 0},
	{"W11", "map_pages", MAP, 0, PAGE, PAGE, 512, RW, FAULT, 0},
	{"W11", "collapse", MAP, 0, 2 * MIB, 0, 1, RW, FAULT, 0},
	{"W11", "unmap", UNMAP, 0, 2 * MIB, 0, 1, 0, 0, 0},
	{"W12", "map", MAP, 0, 2 * MIB, 2 * MIB, 512, RW, FAULT, 0},
	{"W12", "unmap_page", UNMAP, 14 * MIB + 20 * KIB, PAGE, 0, 1, 0, 0, 0},
	{"W13", "map", MAP, 0, 2 * MIB, 2 * MIB, 512, RW, FAULT, 0},
	{"W13", "split", SPLIT, 0, GIB, 0, 1, 0, 0, 0},
	{"W13", "unmap", UNMAP, 0, GIB, 0, 1, 0, 0, 0},
	{"W16", "map_rx", MAP, 0, PAGE, PAGE, 512, RX, FAULT, 0},
	{"W16", "map_rx_block", MAP, 2 * MIB, 2 * MIB, 0, 1, RX, FAULT, 0},
	{"W16", "map_rw", MAP, 4 * MIB, PAGE, PAGE, 512, RW, FAULT, 0},
	{"W16", "add_x", RELAX, 4 * MIB, PAGE, PAGE, 512, S2_PROT_X, 0, 0},
	{"W19", "map", MAP, 0, PAGE, GIB, 64, RW, FAULT, 0},
	{"W19", "unmap", UNMAP, 0, 64 * GIB, 0, 1, 0, 0, 0},
	{"W24", "bytes_", FLUSH_TLB_RANGE, 0, 0, 0, 1, 0, 0, 0},
	{NULL, "map", MAP, 0, PAGE, PAGE, 16384, RW, FAULT, 0},
	{NULL, "map_again", MAP, 0, PAGE, PAGE, 16384, RW, FAULT, 0},
	{NULL, "unmap", UNMAP, 0, 64 * MIB, 0, 1, 0, 0, 0},
	{NULL, "destroy", DESTROY, 0, 0, 0, 1, 0, 0, 0},
};

static const struct step *find_step(const char *workload, const char *phase)
{
	for (size_t i = 0; i < sizeof(workload_steps) / sizeof(workload_steps[0]); i++) {
		const struct step *s = &workload_steps[i];

		if (s->workload && strcmp(s->workload, workload))
			continue;
		if (!strcmp(s->phase, phase) ||
		    (s->op == FLUSH_TLB_RANGE && !strncmp(s->phase, phase, strlen(s->phase))))
			return s;
	}
	return NULL;
}

struct rig {
	struct s2_machine *machine;
	struct s2_cpu *cpu;
	struct s2_mmu *mmu;
	uint64_t ttl[5]; /* TLBIs by IPA: hint levels 0 to 3, none */
	uint64_t flush_calls;
	uint64_t digest; /* of the expanded instruction stream */
};

static void tally_ttl(struct rig *rig, const struct s2_insn *insn, uint64_t repeat)
{
	unsigned ttl = (unsigned)(insn->value >> 44) & 0xf;

	if (insn->op == S2_OP_TLBI_IPAS2E1IS || insn->op == S2_OP_TLBI_IPAS2E1)
		rig->ttl[ttl ? ttl & 3 : 4] += repeat;
}

static void digest_insn(struct rig *rig, const struct s2_insn *insn, uint64_t i)
{
	const uint64_t words[] = {
		(uint64_t)insn->op,
		insn->order,
		insn->addr + i * insn->addr_step * (insn->op != S2_OP_SYSREG_WRITE),
		insn->value + i * insn->value_step,
		insn->count,
	};

	for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
		rig->digest = (rig->digest ^ words[k]) * UINT64_C(0x100000001b3);
}

static void watch(void *arg, const struct s2_event *ev)
{
	struct rig *rig = arg;

	for (size_t k = 0; k < ev->n_insns; k++)
		tally_ttl(rig, &ev->insns[k], ev->repeat);
	for (uint64_t i = 0; i < ev->repeat; i++)
		for (size_t k = 0; k < ev->n_insns; k++)
			digest_insn(rig, &ev->insns[k], i);
}

static void count_flush(void *arg, const struct s2_flush_call *call)
{
	struct rig *rig = arg;

	rig->flush_calls += call->repeat;
}

static void rig_up(struct rig *rig, const struct oracle_cell *cell, uint64_t run_limit)
{
	struct s2_machine_config cfg = {.cpus = 1, .run_limit = run_limit};
	struct s2_mmu_config mmu_cfg = {.ipa_bits = 40, .vmid = {1}};
	const struct s2_sink sink = {.event = watch, .arg = rig};

	memset(rig, 0, sizeof(*rig));
	assert_int_equal(s2_features_parse("neoverse-n2,-dic,-repeat_tlbi", &cfg.features, NULL),
			 0);
	cfg.features.fwb = cell->fwb;
	cfg.features.tlbirange = cell->range;
	mmu_cfg.flavour = s2_flavour_find(cell->flavour);
	assert_int_equal(s2_machine_create(&cfg, &rig->machine), 0);
	assert_int_equal(s2_machine_add_sink(rig->machine, &sink), 0);
	rig->cpu = s2_machine_cpu(rig->machine, 0);
	assert_int_equal(s2_mmu_create(rig->machine, &mmu_cfg, &rig->mmu), 0);
	s2_mmu_watch_flushes(rig->mmu, count_flush, rig);
}

static void rig_down(struct rig *rig)
{
	s2_mmu_free(rig->mmu);
	s2_machine_destroy(rig->machine);
}

static int call_once(struct rig *rig, const struct step *s, const struct s2_range r)
{
	struct s2_pa pa = s2_pa(0x8000200000 + (r.ipa.v - BASE) + s->pa_shift);

	switch (s->op) {
	case MAP:
		return s2_pgtable_map(rig->mmu, rig->cpu, r, pa, s->prot, NULL, s->flags);
	case UNMAP:
		return s2_pgtable_unmap(rig->mmu, rig->cpu, r);
	case WRPROTECT:
		return s2_pgtable_wrprotect(rig->mmu, rig->cpu, r);
	case RELAX:
		return s2_pgtable_relax_perms(rig->mmu, rig->cpu, r.ipa, s->prot);
	case FLUSH:
		return s2_pgtable_flush(rig->mmu, rig->cpu, r);
	case SPLIT:
		return s2_pgtable_split(rig->mmu, rig->cpu, r, NULL);
	case FLUSH_TLB_RANGE:
		return s2_flush_vmid_range(rig->mmu, rig->cpu, r);
	case DESTROY:
		return s2_pgtable_destroy(rig->mmu, rig->cpu);
	default:
		return -EINVAL;
	}
}

static void run_step(struct rig *rig, const struct step *s, const char *phase, uint64_t *ok,
		     uint64_t *eagain)
{
	uint64_t size = s->size;

	if (s->op == FLUSH_TLB_RANGE)
		size = strtoull(phase + strlen("bytes_"), NULL, 10);
	for (uint64_t i = 0; i < s->n; i++) {
		int ret = call_once(rig, s, s2_range(BASE + s->offset + i * s->stride, size));

		if (!ret)
			++*ok;
		else if (ret == -EAGAIN)
			++*eagain;
		else
			fail_msg("%s: call %llu returned %d", phase, (unsigned long long)i, ret);
	}
}

static uint64_t oracle(const struct oracle_phase *phase, const char *name)
{
	for (const struct oracle_count *c = phase->counts; c->name; c++)
		if (!strcmp(c->name, name))
			return c->n;
	return 0;
}

static void expect(const char *phase, const char *what, uint64_t ours, uint64_t theirs)
{
	if (ours != theirs)
		fail_msg("phase %s: %s is %llu, the kernel's code has %llu", phase, what,
			 (unsigned long long)ours, (unsigned long long)theirs);
}

static const struct {
	const char *theirs;
	enum s2_op ours;
} counterparts[] = {
	{"tlbi_vmalls12e1is", S2_OP_TLBI_VMALLS12E1IS},
	{"tlbi_vmalle1is", S2_OP_TLBI_VMALLE1IS},
	{"tlbi_vmalle1", S2_OP_TLBI_VMALLE1},
	{"tlbi_ipas2e1is", S2_OP_TLBI_IPAS2E1IS},
	{"tlbi_ipas2e1", S2_OP_TLBI_IPAS2E1},
	{"tlbi_ripas2e1is", S2_OP_TLBI_RIPAS2E1IS},
	{"dsb_ishst", S2_OP_DSB_ISHST},
	{"dsb_nsh", S2_OP_DSB_NSH},
	{"dsb_nshst", S2_OP_DSB_NSHST},
	{"dsb_sy", S2_OP_DSB_SY},
	{"dc_civac_lines64", S2_OP_DC_CIVAC},
	{"ic_ivau_lines64", S2_OP_IC_IVAU},
	{"icache_inval_all", S2_OP_IC_IALLUIS},
	{"load_stage2", S2_OP_VMID_SWITCH},
	{"table_pages_alloc", S2_OP_TABLE_ALLOC},
	{"table_pages_freed", S2_OP_TABLE_FREE},
};

static void expect_counts(const struct oracle_cell *cell, const struct oracle_phase *p,
			  const struct s2_counts *c)
{
	uint64_t flushes = oracle(p, "hyp_tlb_flush_vmid") + oracle(p, "hyp_tlb_flush_vmid_ipa") +
			   oracle(p, "hyp_tlb_flush_vmid_ipa_nsh") +
			   oracle(p, "hyp_tlb_flush_vmid_range");

	for (size_t i = 0; i < sizeof(counterparts) / sizeof(counterparts[0]); i++)
		expect(p->name, counterparts[i].theirs, c->n[counterparts[i].ours],
		       oracle(p, counterparts[i].theirs));
	expect(p->name, "pte_write", c->n[S2_OP_PTE_WRITE],
	       oracle(p, "pte_write_once") + oracle(p, "pte_store_release") +
		       oracle(p, "pte_cmpxchg"));
	expect(p->name, "isb", c->n[S2_OP_ISB], oracle(p, "isb") + flushes);
	expect(p->name, "sysreg_write", c->n[S2_OP_SYSREG_WRITE],
	       oracle(p, "sysreg_write") + 2 * oracle(p, "load_stage2"));
	expect(p->name, "dsb_ish", c->n[S2_OP_DSB_ISH],
	       oracle(p, "dsb_ish") + oracle(p, "icache_inval_all"));
	/* v6.1 reads entries by plain loads, which were not counted. */
	if (strcmp(cell->flavour, "kvm-6.1"))
		expect(p->name, "pte_read", c->n[S2_OP_PTE_READ], oracle(p, "pte_read_once"));
	expect(p->name, "dvm_broadcast", c->n[S2_OP_DVM_BROADCAST], 0);
	expect(p->name, "hypercall", c->n[S2_OP_HYPERCALL], 0);
}

static void expect_hints(struct rig *rig, const struct oracle_phase *p, uint64_t flushes_before)
{
	expect(p->name, "TTL hint 2", rig->ttl[2], oracle(p, "ipas2_ttl_hint_l2"));
	expect(p->name, "TTL hint 3", rig->ttl[3], oracle(p, "ipas2_ttl_hint_l3"));
	expect(p->name, "no TTL hint", rig->ttl[4], oracle(p, "ipas2_ttl_none"));
	expect(p->name, "TTL hint 0 or 1", rig->ttl[0] + rig->ttl[1], 0);
	expect(p->name, "flush calls", rig->flush_calls - flushes_before,
	       oracle(p, "hyp_tlb_flush_vmid") + oracle(p, "hyp_tlb_flush_vmid_ipa") +
		       oracle(p, "hyp_tlb_flush_vmid_ipa_nsh") +
		       oracle(p, "hyp_tlb_flush_vmid_range"));
	memset(rig->ttl, 0, sizeof(rig->ttl));
}

static void expect_state(const struct rig *rig, const struct oracle_phase *p)
{
	struct s2_pgtable_state state;

	s2_pgtable_state(rig->mmu, &state);
	for (int level = 1; level <= 3; level++)
		expect(p->name, "leaves", state.leaves[level], p->leaves[level - 1]);
	expect(p->name, "table entries", state.table_entries, p->table_entries);
	expect(p->name, "live table pages", state.table_pages, p->table_pages);
	expect(p->name, "invalid counted entries", state.invalid_counted, 0);
}

static void run_phase(struct rig *rig, const struct oracle_cell *cell, const struct oracle_phase *p,
		      bool check)
{
	const struct step *step = find_step(cell->workload, p->name);
	struct s2_counts before = s2_machine_counts(rig->machine), after, counts;
	uint64_t flushes = rig->flush_calls, ok = 0, eagain = 0;

	if (!step)
		fail_msg("phase %s of %s is not implemented", p->name, cell->workload);
	run_step(rig, step, p->name, &ok, &eagain);
	if (!check)
		return;
	after = s2_machine_counts(rig->machine);
	counts = s2_counts_since(&before, &after);
	expect(p->name, "calls that succeeded", ok, p->ok);
	expect(p->name, "calls with EAGAIN", eagain, p->eagain);
	expect_counts(cell, p, &counts);
	expect_hints(rig, p, flushes);
	expect_state(rig, p);
}

static void counts_equal_the_kernels(void **state)
{
	const struct oracle_cell *cell = *state;
	struct rig rig;

	rig_up(&rig, cell, 0);
	for (size_t i = 0; i < cell->n_phases; i++)
		run_phase(&rig, cell, &cell->phases[i], true);
	rig_down(&rig);
}

/* Runs are an economy: what is issued, and what is left, may not depend on them. */
static void runs_of_one_and_of_any_length_are_the_same_stream(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(oracle_cells) / sizeof(oracle_cells[0]); i++) {
		const struct oracle_cell *cell = &oracle_cells[i];
		struct rig one, any;

		rig_up(&one, cell, 1);
		rig_up(&any, cell, 0);
		for (size_t k = 0; k < cell->n_phases; k++) {
			struct s2_counts a, b;

			run_phase(&one, cell, &cell->phases[k], false);
			run_phase(&any, cell, &cell->phases[k], false);
			a = s2_machine_counts(one.machine);
			b = s2_machine_counts(any.machine);
			assert_memory_equal(&a, &b, sizeof(a));
			expect(cell->label, "stream digest", one.digest, any.digest);
			expect_state(&one, &cell->phases[k]);
			expect_state(&any, &cell->phases[k]);
		}
		rig_down(&one);
		rig_down(&any);
	}
}

#define N_CELLS (sizeof(oracle_cells) / sizeof(oracle_cells[0]))

int main(void)
{
	static struct CMUnitTest tests[N_CELLS + 1];

	for (size_t i = 0; i < N_CELLS; i++) {
		tests[i].name = oracle_cells[i].label;
		tests[i].test_func = counts_equal_the_kernels;
		tests[i].initial_state = (void *)(uintptr_t)&oracle_cells[i];
	}
	tests[N_CELLS].name = "runs_of_one_and_of_any_length_are_the_same_stream";
	tests[N_CELLS].test_func = runs_of_one_and_of_any_length_are_the_same_stream;
	return cmocka_run_group_tests_name("oracle", tests, NULL, NULL);
}
