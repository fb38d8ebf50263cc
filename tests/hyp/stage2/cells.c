/* SPDX-License-Identifier: MIT */
/*
 * Three differences between the harness that counted and a real VHE host are added to its
 * counts (docs/model.md, "The oracle"): the ISB of kvm_call_hyp()'s wrapper, the VTCR_EL2
 * and VTTBR_EL2 writes of __load_stage2(), and the DSB ISH that icache_inval_all_pou() ends
 * with, all of which it stubs.
 */
#include "hyp/stage2/cells.h"

#include <stdlib.h>
#include <string.h>

#define KIB  UINT64_C(0x400)
#define MIB  (KIB * KIB)
#define GIB  (KIB * MIB)
#define BASE (1 * GIB)

#include "oracle_cells.h"

const struct oracle_cell *cell_at(size_t i)
{
	return i < ARRAY_SIZE(oracle_cells) ? &oracle_cells[i] : NULL;
}

/* What one phase does: n calls of size bytes, stride apart, from BASE + offset. */
struct step {
	const char *workload; /* NULL: any */
	const char *phase;
	enum cell_op op;
	uint64_t offset, size, stride, n;
	unsigned prot, flags;
	uint64_t pa_shift;
};

#define RW    (S2_PROT_R | S2_PROT_W)
#define RX    (S2_PROT_R | S2_PROT_X)
#define PAGE  (4 * KIB)
#define FAULT S2_MAP_FAULT
/* W09 asks for PAs that agree with the IPAs modulo 1 GiB. */
#define CONGRUENT (0x8000000000 + BASE - 0x8000200000)

static const struct step workload_steps[] = {
	{"W00", "noop", CELL_NOTHING, 0, 0, 0, 0, 0, 0, 0},
	{"W02", "perm_only", CELL_MAP, 0, PAGE, PAGE, 16384, S2_PROT_R, FAULT, 0},
	{"W02", "new_pa", CELL_MAP, 0, PAGE, PAGE, 16384, RW, FAULT, 64 * MIB},
	{"W03", "wrprotect", CELL_WRPROTECT, 0, 64 * MIB, 0, 1, 0, 0, 0},
	{"W03", "wrprotect_again", CELL_WRPROTECT, 0, 64 * MIB, 0, 1, 0, 0, 0},
	{"W03", "relax", CELL_RELAX, 0, PAGE, PAGE, 16384, RW, 0, 0},
	{"W04", "flush", CELL_FLUSH, 0, 64 * MIB, 0, 1, 0, 0, 0},
	{"W04", "flush_hole", CELL_FLUSH, 64 * MIB, 64 * MIB, 0, 1, 0, 0, 0},
	{"W05", "unmap", CELL_UNMAP, 0, PAGE, PAGE, 16384, 0, 0, 0},
	{"W06", "unmap_even", CELL_UNMAP, 0, PAGE, 2 * PAGE, 8192, 0, 0, 0},
	{"W06", "unmap_rest", CELL_UNMAP, 0, 64 * MIB, 0, 1, 0, 0, 0},
	{"W06", "unmap_empty", CELL_UNMAP, 0, 64 * MIB, 0, 1, 0, 0, 0},
	{"W07", "map", CELL_MAP, 0, 2 * MIB, 2 * MIB, 512, RW, FAULT, 0},
	{"W07", "wrprotect", CELL_WRPROTECT, 0, GIB, 0, 1, 0, 0, 0},
	{"W07", "flush", CELL_FLUSH, 0, GIB, 0, 1, 0, 0, 0},
	{"W07", "unmap", CELL_UNMAP, 0, GIB, 0, 1, 0, 0, 0},
	{"W09", "map", CELL_MAP, PAGE, GIB - 2 * PAGE, 0, 1, RW, 0, CONGRUENT},
	{"W09", "unmap", CELL_UNMAP, PAGE, GIB - 2 * PAGE, 0, 1, 0, 0, 0},
	{"W11", "map_pages", CELL_MAP, 0, PAGE, PAGE, 512, RW, FAULT, 0},
	{"W11", "collapse", CELL_MAP, 0, 2 * MIB, 0, 1, RW, FAULT, 0},
	{"W11", "unmap", CELL_UNMAP, 0, 2 * MIB, 0, 1, 0, 0, 0},
	{"W12", "map", CELL_MAP, 0, 2 * MIB, 2 * MIB, 512, RW, FAULT, 0},
	{"W12", "unmap_page", CELL_UNMAP, 14 * MIB + 20 * KIB, PAGE, 0, 1, 0, 0, 0},
	{"W13", "map", CELL_MAP, 0, 2 * MIB, 2 * MIB, 512, RW, FAULT, 0},
	{"W13", "split", CELL_SPLIT, 0, GIB, 0, 1, 0, 0, 0},
	{"W13", "unmap", CELL_UNMAP, 0, GIB, 0, 1, 0, 0, 0},
	{"W16", "map_rx", CELL_MAP, 0, PAGE, PAGE, 512, RX, FAULT, 0},
	{"W16", "map_rx_block", CELL_MAP, 2 * MIB, 2 * MIB, 0, 1, RX, FAULT, 0},
	{"W16", "map_rw", CELL_MAP, 4 * MIB, PAGE, PAGE, 512, RW, FAULT, 0},
	{"W16", "add_x", CELL_RELAX, 4 * MIB, PAGE, PAGE, 512, S2_PROT_X, 0, 0},
	{"W19", "map", CELL_MAP, 0, PAGE, GIB, 64, RW, FAULT, 0},
	{"W19", "unmap", CELL_UNMAP, 0, 64 * GIB, 0, 1, 0, 0, 0},
	{"W24", "bytes_", CELL_FLUSH_TLB_RANGE, 0, 0, 0, 1, 0, 0, 0},
	{NULL, "map", CELL_MAP, 0, PAGE, PAGE, 16384, RW, FAULT, 0},
	{NULL, "map_again", CELL_MAP, 0, PAGE, PAGE, 16384, RW, FAULT, 0},
	{NULL, "unmap", CELL_UNMAP, 0, 64 * MIB, 0, 1, 0, 0, 0},
	{NULL, "destroy", CELL_DESTROY, 0, 0, 0, 1, 0, 0, 0},
};

static const struct step *find_step(const char *workload, const char *phase)
{
	for (size_t i = 0; i < sizeof(workload_steps) / sizeof(workload_steps[0]); i++) {
		const struct step *s = &workload_steps[i];

		if (s->workload && strcmp(s->workload, workload))
			continue;
		if (!strcmp(s->phase, phase) ||
		    (s->op == CELL_FLUSH_TLB_RANGE && !strncmp(s->phase, phase, strlen(s->phase))))
			return s;
	}
	return NULL;
}

static void tally_ttl(struct cell_rig *rig, const struct s2_insn *insn, uint64_t repeat)
{
	unsigned ttl = (unsigned)(insn->value >> 44) & 0xf;

	if (insn->op == S2_OP_TLBI_IPAS2E1IS || insn->op == S2_OP_TLBI_IPAS2E1)
		rig->ttl[ttl ? ttl & 3 : 4] += repeat;
}

static void digest_insn(struct cell_rig *rig, const struct s2_insn *insn, uint64_t i)
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
	struct cell_rig *rig = arg;

	for (size_t k = 0; k < ev->n_insns; k++)
		tally_ttl(rig, &ev->insns[k], ev->repeat);
	for (uint64_t i = 0; i < ev->repeat; i++)
		for (size_t k = 0; k < ev->n_insns; k++)
			digest_insn(rig, &ev->insns[k], i);
}

void cell_rig_up(struct cell_rig *rig, const struct oracle_cell *cell, uint64_t run_limit)
{
	struct s2_machine_config cfg = {.cpus = 1, .run_limit = run_limit};
	const struct s2_sink sink = {.event = watch, .arg = rig};

	memset(rig, 0, sizeof(*rig));
	assert_int_equal(s2_features_parse("neoverse-n2,-dic,-repeat_tlbi", &cfg.features, NULL),
			 0);
	cfg.features.fwb = cell->fwb;
	cfg.features.tlbirange = cell->range;
	assert_int_equal(s2_machine_create(&cfg, &rig->machine), 0);
	assert_int_equal(s2_machine_add_sink(rig->machine, &sink), 0);
	rig->cpu = s2_machine_cpu(rig->machine, 0);
}

static int call_once(struct cell_rig *rig, const struct step *s, uint64_t ipa, uint64_t size)
{
	const struct cell_call call = {
		.op = s->op,
		.range = s2_range(ipa, size),
		.pa = s2_pa(0x8000200000 + (ipa - BASE) + s->pa_shift),
		.prot = s->prot,
		.flags = s->flags,
	};

	return rig->call(rig, &call);
}

static void run_step(struct cell_rig *rig, const struct step *s, const char *phase, uint64_t *ok,
		     uint64_t *eagain)
{
	uint64_t size = s->size;

	if (s->op == CELL_FLUSH_TLB_RANGE)
		size = strtoull(phase + strlen("bytes_"), NULL, 10);
	for (uint64_t i = 0; i < s->n; i++) {
		int ret = call_once(rig, s, BASE + s->offset + i * s->stride, size);

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

void cell_expect(const char *phase, const char *what, uint64_t ours, uint64_t theirs)
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
		cell_expect(p->name, counterparts[i].theirs, c->n[counterparts[i].ours],
			    oracle(p, counterparts[i].theirs));
	cell_expect(p->name, "pte_write", c->n[S2_OP_PTE_WRITE],
		    oracle(p, "pte_write_once") + oracle(p, "pte_store_release") +
			    oracle(p, "pte_cmpxchg"));
	cell_expect(p->name, "isb", c->n[S2_OP_ISB], oracle(p, "isb") + flushes);
	cell_expect(p->name, "sysreg_write", c->n[S2_OP_SYSREG_WRITE],
		    oracle(p, "sysreg_write") + 2 * oracle(p, "load_stage2"));
	cell_expect(p->name, "dsb_ish", c->n[S2_OP_DSB_ISH],
		    oracle(p, "dsb_ish") + oracle(p, "icache_inval_all"));
	/* v6.1 reads entries by plain loads, which were not counted. */
	if (strcmp(cell->flavour, "kvm-6.1"))
		cell_expect(p->name, "pte_read", c->n[S2_OP_PTE_READ], oracle(p, "pte_read_once"));
	cell_expect(p->name, "dvm_broadcast", c->n[S2_OP_DVM_BROADCAST], 0);
	cell_expect(p->name, "hypercall", c->n[S2_OP_HYPERCALL], 0);
}

static void expect_hints(struct cell_rig *rig, const struct oracle_phase *p,
			 uint64_t flushes_before)
{
	cell_expect(p->name, "TTL hint 2", rig->ttl[2], oracle(p, "ipas2_ttl_hint_l2"));
	cell_expect(p->name, "TTL hint 3", rig->ttl[3], oracle(p, "ipas2_ttl_hint_l3"));
	cell_expect(p->name, "no TTL hint", rig->ttl[4], oracle(p, "ipas2_ttl_none"));
	cell_expect(p->name, "TTL hint 0 or 1", rig->ttl[0] + rig->ttl[1], 0);
	if (rig->tells_flushes)
		cell_expect(p->name, "flush calls", rig->flush_calls - flushes_before,
			    oracle(p, "hyp_tlb_flush_vmid") + oracle(p, "hyp_tlb_flush_vmid_ipa") +
				    oracle(p, "hyp_tlb_flush_vmid_ipa_nsh") +
				    oracle(p, "hyp_tlb_flush_vmid_range"));
	memset(rig->ttl, 0, sizeof(rig->ttl));
}

void cell_expect_state(struct cell_rig *rig, const struct oracle_phase *p)
{
	struct s2_pgtable_state state;

	rig->state(rig, &state);
	for (int level = 1; level <= 3; level++)
		cell_expect(p->name, "leaves", state.leaves[level], p->leaves[level - 1]);
	cell_expect(p->name, "table entries", state.table_entries, p->table_entries);
	cell_expect(p->name, "live table pages", state.table_pages, p->table_pages);
	cell_expect(p->name, "invalid counted entries", state.invalid_counted, 0);
}

void cell_phase(struct cell_rig *rig, const struct oracle_cell *cell, const struct oracle_phase *p,
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
	cell_expect(p->name, "calls that succeeded", ok, p->ok);
	cell_expect(p->name, "calls with EAGAIN", eagain, p->eagain);
	expect_counts(cell, p, &counts);
	expect_hints(rig, p, flushes);
	cell_expect_state(rig, p);
}
