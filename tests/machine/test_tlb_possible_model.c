/* SPDX-License-Identifier: MIT */
/*
 * The possible TLB against a model that keeps one entry a page and CPU, with
 * random programs of stores, TLBIs and barriers on two CPUs.
 */
#include "machine/tlb_possible_rig.h"

/* The naive model. */
enum {
	STORE_PA,
	STORE_RO,
	STORE_0,
	TLBI_IPA,
	TLBI_HINT,
	TLBI_RANGE,
	VMALLE1,
	VMALLS12,
	DSB_ISH,
	DSB_ISHST,
	DSB_NSH,
	DSB_NSHST,
	ISB,
	N_OPS
};

struct naive_entry {
	bool live, conflict;
	bool own;  /* pending: its CPU has issued a local TLBI, which any DSB of its completes */
	bool all_own; /* the same of a TLBI of all */
	bool seen; /* by another CPU, which stored over it */
	unsigned slot, cpu, storer, pending;
	unsigned all; /* CPUs whose TLBI of all is under way, whatever else is */
	uint64_t ish, any;
	s2_pte pte;
	enum s2_residue_stage stage; /* VISIBLE is not used, as in the library */
};

static struct {
	size_t n;
	struct naive_entry entries[2 * S2_PROPERTY_MAX_STEPS];
	uint64_t ish[2], any[2];
	s2_pte tables[N_SLOTS];
} model;

static bool naive_visible(const struct naive_entry *e, bool local, unsigned cpu)
{
	return e->seen || model.ish[e->storer] > e->ish ||
	       (local && cpu == e->storer && model.any[cpu] > e->any);
}

static void naive_store(unsigned cpu, unsigned slot, s2_pte new)
{
	s2_pte old = model.tables[slot];

	model.tables[slot] = new;
	for (size_t i = 0; i < model.n; i++)
		model.entries[i].seen |=
			model.entries[i].slot == slot && model.entries[i].storer != cpu;
	for (unsigned i = 0; i < 2 && s2_pte_valid(old) && old != new; i++) {
		const struct naive_entry e = {.live = true,
					      .slot = slot,
					      .cpu = i,
					      .storer = cpu,
					      .ish = model.ish[cpu],
					      .any = model.any[cpu],
					      .pte = old,
					      .stage = S2_RESIDUE_STORED};

		model.entries[model.n++] = e;
	}
	for (size_t i = 0; i < model.n && s2_pte_valid(new); i++) {
		struct naive_entry *e = &model.entries[i];

		if (e->slot == slot && e->stage != S2_RESIDUE_SYNC &&
		    ((e->pte ^ new) & ~(S2_PTE_PERMS | S2_PTE_AF)))
			e->conflict = true;
	}
}

static void naive_pend(struct naive_entry *e, unsigned cpu, bool local, enum s2_residue_stage stage)
{
	if (e->stage != stage) {
		e->pending = 0;
		e->own = false;
	}
	e->stage = stage;
	e->pending |= 1U << cpu;
	e->own |= local;
}

static void naive_tlbi(struct naive_entry *e, const struct s2_step *s, unsigned first,
		       unsigned last, bool hint_wrong)
{
	unsigned cpu = s->a & 1;
	bool local = s->a & 2;

	if (local && e->cpu != cpu)
		return;
	if (s->op == VMALLS12) {
		if (e->stage == S2_RESIDUE_SYNC ||
		    (e->stage == S2_RESIDUE_STORED && !naive_visible(e, local, cpu)))
			return;
		if (e->stage == S2_RESIDUE_STORED)
			naive_pend(e, cpu, local, S2_RESIDUE_ALL_ISSUED);
		e->all |= 1U << cpu;
		e->all_own |= local;
	} else if (s->op == VMALLE1) {
		if (e->stage == S2_RESIDUE_S2_DONE || e->stage == S2_RESIDUE_VA_ISSUED)
			naive_pend(e, cpu, local, S2_RESIDUE_VA_ISSUED);
	} else if (!hint_wrong && !e->conflict && e->slot >= first && e->slot <= last) {
		if ((e->stage == S2_RESIDUE_STORED && naive_visible(e, local, cpu)) ||
		    e->stage == S2_RESIDUE_S2_ISSUED || e->stage == S2_RESIDUE_ALL_ISSUED)
			naive_pend(e, cpu, local, S2_RESIDUE_S2_ISSUED);
	}
}

static void naive_dsb(unsigned cpu, unsigned op)
{
	const bool domain = op == DSB_ISH || op == DSB_ISHST;

	model.any[cpu]++;
	model.ish[cpu] += domain;
	if (op == DSB_ISHST || op == DSB_NSHST)
		return;
	for (size_t i = 0; i < model.n; i++) {
		struct naive_entry *e = &model.entries[i];

		bool all = (e->all >> cpu & 1) && (domain || (e->all_own && e->cpu == cpu));

		if (!e->live || e->stage == S2_RESIDUE_SYNC)
			continue;
		if (!all && (!(e->pending >> cpu & 1) || e->stage == S2_RESIDUE_S2_DONE ||
			     (!domain && !(e->own && e->cpu == cpu))))
			continue;
		if (!all && e->stage == S2_RESIDUE_S2_ISSUED) {
			e->stage = S2_RESIDUE_S2_DONE;
			e->pending = 0;
		} else if (e->cpu == cpu) {
			e->stage = S2_RESIDUE_SYNC;
		} else {
			e->live = false;
		}
	}
}

struct program {
	struct rig r;
	struct s2_table *tables[2];
};

static s2_pte *slot_of(struct program *prog, unsigned slot, uint64_t *pa)
{
	struct s2_table *table = prog->tables[slot >= N_SLOTS / 2];
	unsigned index = (512 - N_SLOTS / 2 + slot) % 512;

	*pa = table->pa + index * sizeof(s2_pte);
	return &table->entries[index];
}

static void step_store(struct program *prog, const struct s2_step *s)
{
	struct s2_cpu *cpu = s2_machine_cpu(prog->r.m, s->a & 1);
	unsigned slot = (unsigned)s->b;
	uint64_t pa;
	s2_pte *entry = slot_of(prog, slot, &pa);
	s2_pte new = 0, attr;

	assert_i64(s2_pte_attr(&prog->r.mmu->fmt, RW, &attr), 0);
	assert_i64(s2_pte_make_leaf(&prog->r.mmu->fmt, s2_pa(PA + (slot + s->c * 64) * PAGE), attr,
				    3, &new),
		   0);
	if (s->op == STORE_0)
		new = 0;
	if (s->op == STORE_RO)
		new = *entry & ~S2_PTE_S2AP_W;
	s2_pte_write(cpu, pa, new, 0, S2_MEM_PLAIN);
	*entry = new;
	naive_store(s->a & 1, slot, new);
}

static void step_tlbi(struct program *prog, const struct s2_step *s)
{
	struct s2_cpu *cpu = s2_machine_cpu(prog->r.m, s->a & 1);
	const bool local = s->a & 2;
	const struct s2_ipa ipa = {IPA + s->b * PAGE};
	const int level = s->op == TLBI_HINT ? (s->c ? 3 : 2) : S2_TTL_UNKNOWN;
	unsigned last = (unsigned)s->b;
	uint64_t operand;

	if (s->op == TLBI_RANGE) {
		assert_i64(s2_tlbi_range_operand(&prog->r.mmu->tlbi, ipa, (unsigned)s->c, 0,
						 S2_TTL_UNKNOWN, &operand),
			   0);
		last += (unsigned)(2 * (s->c + 1) - 1);
		(local ? s2_tlbi_ripas2e1 : s2_tlbi_ripas2e1is)(cpu, operand);
	} else if (s->op == VMALLE1) {
		(local ? s2_tlbi_vmalle1 : s2_tlbi_vmalle1is)(cpu);
	} else if (s->op == VMALLS12) {
		(local ? s2_tlbi_vmalls12e1 : s2_tlbi_vmalls12e1is)(cpu);
	} else {
		(local ? s2_tlbi_ipas2e1 : s2_tlbi_ipas2e1is)(cpu, ipa, level);
	}
	for (size_t i = 0; i < model.n; i++)
		if (model.entries[i].live)
			naive_tlbi(&model.entries[i], s, (unsigned)s->b, last, level == 2);
}

static void step_barrier(struct program *prog, const struct s2_step *s)
{
	static const enum s2_dsb_kind kinds[] = {S2_DSB_ISH, S2_DSB_ISHST, S2_DSB_NSH,
						 S2_DSB_NSHST};
	struct s2_cpu *cpu = s2_machine_cpu(prog->r.m, s->a & 1);

	if (s->op != ISB) {
		s2_dsb(cpu, kinds[s->op - DSB_ISH]);
		naive_dsb(s->a & 1, s->op);
		return;
	}
	s2_isb(cpu);
	for (size_t i = 0; i < model.n; i++)
		if (model.entries[i].stage == S2_RESIDUE_SYNC && model.entries[i].cpu == (s->a & 1))
			model.entries[i].live = false;
}

struct seen {
	unsigned slot, cpu;
	bool agree;
	size_t n;
};

/* What the library has must be in the model, with its stage. */
static void in_model(void *arg, const struct s2_residue *residue)
{
	struct seen *seen = arg;
	enum s2_residue_stage stage =
		residue->stage == S2_RESIDUE_VISIBLE ? S2_RESIDUE_STORED : residue->stage;

	for (size_t i = 0; i < model.n; i++) {
		const struct naive_entry *e = &model.entries[i];

		if (e->live && e->slot == seen->slot && e->cpu == seen->cpu &&
		    e->pte == residue->pte && e->stage == stage && e->conflict == residue->conflict)
			return;
	}
	seen->agree = false;
}

struct wanted {
	const struct naive_entry *e;
	bool found;
};

static void in_library(void *arg, const struct s2_residue *residue)
{
	struct wanted *w = arg;
	enum s2_residue_stage stage =
		residue->stage == S2_RESIDUE_VISIBLE ? S2_RESIDUE_STORED : residue->stage;

	w->found |= residue->pte == w->e->pte && stage == w->e->stage &&
		    residue->conflict == w->e->conflict;
}

static bool agree(struct program *prog)
{
	bool any = false;

	for (unsigned k = 0; k < 2 * N_SLOTS; k++) {
		struct seen seen = {k / 2, k % 2, true, 0};

		s2_residue_at(prog->r.p, s2_vmid(VMID), s2_ipa(IPA + k / 2 * PAGE), k % 2, in_model,
			      &seen);
		if (!seen.agree)
			return false;
	}
	for (size_t i = 0; i < model.n; i++) {
		struct wanted w = {&model.entries[i], false};

		if (!w.e->live)
			continue;
		any = true;
		s2_residue_at(prog->r.p, s2_vmid(VMID), s2_ipa(IPA + w.e->slot * PAGE), w.e->cpu,
			      in_library, &w);
		if (!w.found)
			return false;
	}
	return any == (count(&prog->r) != 0);
}

static void program_init(struct program *prog)
{
	rig_init(&prog->r, "neoverse-n2,-fwb,-repeat_tlbi", 1, 2);
	map(&prog->r, IPA, N_SLOTS * PAGE, PA);
	memset(&model, 0, sizeof(model));
	for (unsigned i = 0; i < 2; i++) {
		struct s2_cpu *cpu = s2_machine_cpu(prog->r.m, i);

		prog->tables[i] = last_table(prog->r.mmu, s2_ipa(IPA + i * 2 * MIB));
		s2_load_vttbr(cpu, prog->r.mmu->vtcr, prog->r.mmu->vttbr);
		s2_write_sysreg(cpu, S2_SYSREG_HCR_EL2, S2_HCR_E2H);
		s2_isb(cpu);
	}
	for (unsigned i = 0; i < N_SLOTS; i++) {
		uint64_t pa;

		model.tables[i] = *slot_of(prog, i, &pa);
	}
}

static bool run(void *arg, const struct s2_step *steps, size_t n)
{
	struct program prog;
	bool same = true;

	(void)arg;
	program_init(&prog);
	for (size_t i = 0; i < n && same; i++) {
		if (steps[i].op <= STORE_0)
			step_store(&prog, &steps[i]);
		else if (steps[i].op <= VMALLS12)
			step_tlbi(&prog, &steps[i]);
		else
			step_barrier(&prog, &steps[i]);
		same = agree(&prog);
	}
	rig_free(&prog.r);
	return same;
}

static void print(void *arg, const struct s2_step *s)
{
	static const char *const names[] = {"store pa",	 "store ro",   "store 0", "tlbi ipa",
					    "tlbi hint", "tlbi range", "vmalle1", "vmalls12e1",
					    "dsb ish",	 "dsb ishst",  "dsb nsh", "dsb nshst",
					    "isb"};

	(void)arg;
	print_error("%s cpu %" PRIu64 "%s slot %" PRIu64 " c %" PRIu64 "\n", names[s->op], s->a & 1,
		    s->op >= TLBI_IPA && s->op <= VMALLS12 && !(s->a & 2) ? " is" : "", s->b, s->c);
}

static void test_random_programs_agree_with_an_entry_by_entry_model(void **state)
{
	const struct s2_property property = {
		.name = "possible TLB",
		.n_ops = N_OPS,
		.max_a = 4,
		.max_b = N_SLOTS,
		.max_c = 2,
		.steps = 80,
		.programs = 6000,
		.run = run,
		.print = print,
	};

	(void)state;
	s2_property_check(&property, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(test_random_programs_agree_with_an_entry_by_entry_model),
	};

	return cmocka_run_group_tests_name("machine/tlb_possible_model", tests, NULL, NULL);
}
