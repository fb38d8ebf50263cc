/* SPDX-License-Identifier: MIT */
#include "machine/residue.h"

#include <errno.h>
#include <stdlib.h>

#include <stage2sim/tlbi.h>

/* A context synchronisation event: register writes are in effect from here on. */
static void synchronise(struct s2_physics *p, struct s2_phys_cpu *cpu)
{
	const struct s2_phys_regs *new = &cpu->issued;
	bool same = cpu->effective.vtcr == new->vtcr && cpu->effective.vttbr == new->vttbr;

	cpu->effective = *new;
	if (!same)
		cpu->regime_err =
			s2_regime_init(&cpu->regime, &p->machine->features, new->vtcr, new->vttbr);
}

static void note(struct s2_physics *p, int ret)
{
	if (ret && !p->error)
		p->error = ret;
}

/* From here on the TLBs of this CPU may hold what its tables map. */
static void watch_loaded(struct s2_physics *p, struct s2_phys_cpu *cpu)
{
	if (!p->residues || cpu->regime_err)
		return;
	if (cpu->in_guest || p->machine->features.speculative_at)
		note(p, s2_residues_watch(p->residues, &cpu->regime));
}

static void write_register(struct s2_phys_cpu *cpu, const struct s2_insn *insn)
{
	switch (insn->addr) {
	case S2_SYSREG_VTTBR_EL2:
		cpu->issued.vttbr = insn->value;
		break;
	case S2_SYSREG_VTCR_EL2:
		cpu->issued.vtcr = insn->value;
		break;
	case S2_SYSREG_HCR_EL2:
		cpu->issued.hcr = insn->value;
		break;
	default:
		break;
	}
}

static struct s2_tlbi_format tlbi_format(const struct s2_physics *p, const struct s2_phys_cpu *cpu)
{
	const struct s2_features *f = &p->machine->features;
	/* With DS the range form counts 64 KiB, whatever the CPU could do (VTCR_EL2.DS). */
	const struct s2_tlbi_format fmt = {(uint8_t)f->granule, f->ttl,
					   !cpu->regime_err && cpu->regime.geo.lpa2, f->tlbirange};

	return fmt;
}

/* What a TLBI by IPA names. @return false if that is nothing for sure. */
static bool decode_ipa(const struct s2_physics *p, const struct s2_phys_cpu *cpu,
		       const struct s2_insn *insn, uint64_t i, struct s2_tlbi_span *span)
{
	const struct s2_tlbi_format fmt = tlbi_format(p, cpu);
	uint64_t operand = insn->value + i * insn->value_step;

	if (insn->op == S2_OP_TLBI_RIPAS2E1IS || insn->op == S2_OP_TLBI_RIPAS2E1)
		return !s2_tlbi_range_decode(&fmt, operand, span);
	*span = s2_tlbi_ipa_decode(&fmt, operand);
	return span->size != 0;
}

static void finite_ipa(struct s2_physics *p, unsigned index, const struct s2_insn *insn, uint64_t n)
{
	const struct s2_phys_cpu *cpu = &p->cpus[index];
	bool local = !s2_op_is_broadcast(insn->op);
	struct s2_tlb_ipa_range range = {
		.vmid = s2_vttbr_vmid(&p->machine->features, cpu->issued.vttbr)};

	for (uint64_t i = 0; i < n; i++) {
		struct s2_tlbi_span span;

		if (!decode_ipa(p, cpu, insn, i, &span))
			continue;
		range.start = span.start;
		range.size = span.size;
		range.leaf_shift = 0;
		if (span.level != S2_TTL_UNKNOWN && !cpu->regime_err)
			range.leaf_shift = s2_level_shift(&cpu->regime.geo, span.level);
		s2_tlb_inval_ipa(p->tlbs, local ? index : S2_ALL_CPUS, &range);
	}
}

static void finite_vmid(struct s2_physics *p, unsigned index, enum s2_op op, bool by_va_only)
{
	const struct s2_phys_cpu *cpu = &p->cpus[index];

	/* With E2H and TGE a VMALLE1 is about the host's own regime, which is not kept here. */
	if (by_va_only && s2_hcr_is_host(cpu->issued.hcr))
		return;
	s2_tlb_inval_vmid(p->tlbs, s2_op_is_broadcast(op) ? S2_ALL_CPUS : index,
			  s2_vttbr_vmid(&p->machine->features, cpu->issued.vttbr), by_va_only);
}

static void finite_tlbi(struct s2_physics *p, unsigned index, const struct s2_insn *insn,
			uint64_t n)
{
	switch (insn->op) {
	case S2_OP_TLBI_VMALLS12E1IS:
	case S2_OP_TLBI_VMALLS12E1:
		finite_vmid(p, index, insn->op, false);
		break;
	case S2_OP_TLBI_VMALLE1IS:
	case S2_OP_TLBI_VMALLE1:
		finite_vmid(p, index, insn->op, true);
		break;
	case S2_OP_TLBI_ALLE1IS:
		s2_tlb_inval_all(p->tlbs);
		break;
	case S2_OP_TLBI_VALE2IS:
		break;
	default:
		finite_ipa(p, index, insn, n);
		break;
	}
}

/* @op over each repetition's range; ranges that adjoin are one. */
static void physics_dc_range(struct s2_physics *p, unsigned cpu, const struct s2_insn *insn,
			     uint64_t n, enum s2_line_op op)
{
	uint64_t size = insn->value;

	if (!size)
		return;
	if (insn->addr_step == size) {
		size *= n;
		n = 1;
	}
	for (uint64_t i = 0; i < n; i++)
		note(p, s2_memory_dc_issue(p->memory, cpu, op,
					   s2_pa(insn->addr + i * insn->addr_step), size, &p->dc));
}

static void ic_range(struct s2_physics *p, const struct s2_insn *insn, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		s2_memory_ic_ivau(p->memory, s2_pa(insn->addr + i * insn->addr_step), insn->value);
}

static void memory_insn(struct s2_physics *p, unsigned cpu, const struct s2_insn *insn, uint64_t n)
{
	switch (insn->op) {
	case S2_OP_DC_CIVAC:
		physics_dc_range(p, cpu, insn, n, S2_LINE_CLEAN_INVALIDATE);
		break;
	case S2_OP_DC_CVAC:
		physics_dc_range(p, cpu, insn, n, S2_LINE_CLEAN);
		break;
	case S2_OP_DC_IVAC:
		physics_dc_range(p, cpu, insn, n, S2_LINE_INVALIDATE);
		break;
	case S2_OP_IC_IVAU:
		ic_range(p, insn, n);
		break;
	case S2_OP_IC_IALLUIS:
		s2_memory_ic_iallu(p->memory, S2_MEMORY_ALL_CPUS);
		break;
	case S2_OP_IC_IALLU:
		s2_memory_ic_iallu(p->memory, cpu);
		break;
	default:
		break;
	}
}

static void context_event(struct s2_physics *p, struct s2_phys_cpu *cpu)
{
	synchronise(p, cpu);
	if (p->residues)
		s2_residues_sync(p->residues, (unsigned)(cpu - p->cpus));
	watch_loaded(p, cpu);
}

static void guest_boundary(struct s2_phys_cpu *cpu, enum s2_op op)
{
	cpu->draining = op == S2_OP_GUEST_EXIT && (cpu->in_guest || cpu->draining);
	cpu->in_guest = op == S2_OP_GUEST_ENTRY;
}

static bool waits_for_loads(enum s2_op op)
{
	return op != S2_OP_DSB_ISHST && op != S2_OP_DSB_NSHST;
}

/* A DC to the PoC is about all observers: a DSB of this CPU alone is not enough. */
static bool completes_dc(enum s2_op op)
{
	return op == S2_OP_DSB_ISH || op == S2_OP_DSB_SY;
}

/*
 * One instruction in one of its repetitions; the finite TLBs and memory take
 * all of them with the first.
 */
typedef void insn_fn(struct s2_physics *p, const struct s2_event *event, size_t k, uint64_t i);

static void on_tlbi(struct s2_physics *p, const struct s2_event *event, size_t k, uint64_t i)
{
	if (p->tlbs && !i)
		finite_tlbi(p, event->cpu, &event->insns[k], event->repeat);
	if (p->residues)
		note(p, s2_residues_tlbi(p->residues, event->cpu, &event->insns[k], i));
}

static void on_memory(struct s2_physics *p, const struct s2_event *event, size_t k, uint64_t i)
{
	if (p->memory && !i)
		memory_insn(p, event->cpu, &event->insns[k], event->repeat);
}

static void on_register(struct s2_physics *p, const struct s2_event *event, size_t k, uint64_t i)
{
	(void)i;
	write_register(&p->cpus[event->cpu], &event->insns[k]);
}

static void on_sync(struct s2_physics *p, const struct s2_event *event, size_t k, uint64_t i)
{
	(void)k;
	(void)i;
	context_event(p, &p->cpus[event->cpu]);
}

static void on_guest(struct s2_physics *p, const struct s2_event *event, size_t k, uint64_t i)
{
	guest_boundary(&p->cpus[event->cpu], event->insns[k].op);
	on_sync(p, event, k, i);
}

static void on_dsb(struct s2_physics *p, const struct s2_event *event, size_t k, uint64_t i)
{
	const enum s2_op op = event->insns[k].op;
	struct s2_phys_cpu *cpu = &p->cpus[event->cpu];

	(void)i;
	cpu->draining = cpu->draining && !waits_for_loads(op);
	if (p->memory && completes_dc(op))
		note(p, s2_memory_dsb(p->memory, event->cpu));
	if (p->residues)
		s2_residues_dsb(p->residues, event->cpu, op);
}

/* Descriptors read and stored, pages freed. */
static void on_table(struct s2_physics *p, const struct s2_event *event, size_t k, uint64_t i)
{
	if (p->residues)
		note(p, s2_residues_insn(p->residues, event, k, i));
}

/* What has none is only counted. */
static insn_fn *const handlers[S2_OP_COUNT] = {
	[S2_OP_TLBI_VMALLS12E1IS] = on_tlbi,
	[S2_OP_TLBI_VMALLS12E1] = on_tlbi,
	[S2_OP_TLBI_VMALLE1IS] = on_tlbi,
	[S2_OP_TLBI_VMALLE1] = on_tlbi,
	[S2_OP_TLBI_IPAS2E1IS] = on_tlbi,
	[S2_OP_TLBI_IPAS2E1] = on_tlbi,
	[S2_OP_TLBI_RIPAS2E1IS] = on_tlbi,
	[S2_OP_TLBI_RIPAS2E1] = on_tlbi,
	[S2_OP_TLBI_ALLE1IS] = on_tlbi,
	[S2_OP_DSB_ISH] = on_dsb,
	[S2_OP_DSB_ISHST] = on_dsb,
	[S2_OP_DSB_NSH] = on_dsb,
	[S2_OP_DSB_NSHST] = on_dsb,
	[S2_OP_DSB_SY] = on_dsb,
	[S2_OP_ISB] = on_sync,
	[S2_OP_HYPERCALL] = on_sync,
	[S2_OP_GUEST_ENTRY] = on_guest,
	[S2_OP_GUEST_EXIT] = on_guest,
	[S2_OP_SYSREG_WRITE] = on_register,
	[S2_OP_DC_CIVAC] = on_memory,
	[S2_OP_DC_CVAC] = on_memory,
	[S2_OP_DC_IVAC] = on_memory,
	[S2_OP_IC_IVAU] = on_memory,
	[S2_OP_IC_IALLUIS] = on_memory,
	[S2_OP_IC_IALLU] = on_memory,
	[S2_OP_PTE_READ] = on_table,
	[S2_OP_PTE_WRITE] = on_table,
	[S2_OP_TABLE_FREE] = on_table,
};

static inline void insn(struct s2_physics *p, const struct s2_event *event, size_t k, uint64_t i)
{
	insn_fn *const fn = handlers[event->insns[k].op];

	if (fn)
		fn(p, event, k, i);
}

static inline void repetition(struct s2_physics *p, const struct s2_event *event, uint64_t i)
{
	for (size_t k = 0; k < event->n_insns; k++)
		insn(p, event, k, i);
}

static void physics_run(struct s2_physics *p, const struct s2_event *event)
{
	const struct s2_res_mark mark = s2_residues_mark(p->residues);
	int ret = s2_residues_stores(p->residues, event);

	if (ret <= 0) {
		note(p, ret);
		return;
	}
	repetition(p, event, 0);
	if (s2_residues_settled(p->residues, &mark, event))
		return;
	for (uint64_t i = 1; i < event->repeat; i++)
		repetition(p, event, i);
}

/* Several instructions, or several times. */
static S2_SLOW void physics_sequence(struct s2_physics *p, const struct s2_event *event)
{
	if (event->repeat > 1 && p->residues)
		physics_run(p, event);
	else
		repetition(p, event, 0);
}

void s2_physics_event(struct s2_physics *p, const struct s2_event *event)
{
	if (event->repeat == 1 && event->n_insns == 1)
		insn(p, event, 0, 0);
	else
		physics_sequence(p, event);
}

static void on_event(void *arg, const struct s2_event *event)
{
	s2_physics_event(arg, event);
}

static void physics_init_cpu(struct s2_physics *p, unsigned index)
{
	const uint64_t *sysreg = p->machine->cpus[index].sysreg;
	struct s2_phys_cpu *cpu = &p->cpus[index];

	cpu->issued.vtcr = sysreg[S2_SYSREG_VTCR_EL2];
	cpu->issued.vttbr = sysreg[S2_SYSREG_VTTBR_EL2];
	cpu->issued.hcr = sysreg[S2_SYSREG_HCR_EL2];
	cpu->regime_err = -ENOENT;
	synchronise(p, cpu);
}

void s2_physics_free(struct s2_physics *p)
{
	if (!p)
		return;
	s2_tlbs_destroy(p->tlbs);
	s2_memory_destroy(p->memory);
	s2_residues_destroy(p->residues);
	free(p);
}

int s2_physics_create(struct s2_machine *m, const struct s2_physics_config *cfg,
		      struct s2_physics **out)
{
	struct s2_physics *p = calloc(1, sizeof(*p) + m->n_cpus * sizeof(p->cpus[0]));
	int ret = 0;

	if (!p)
		return -ENOMEM;
	p->machine = m;
	p->n_cpus = m->n_cpus;
	for (unsigned i = 0; i < m->n_cpus; i++)
		physics_init_cpu(p, i);
	if (cfg->tlb)
		ret = s2_tlbs_create(cfg->tlb, m->n_cpus, m->features.vmid_bits, &p->tlbs);
	if (!ret && cfg->memory)
		ret = s2_memory_create(&m->features, m->n_cpus, cfg->detail, &p->memory);
	if (!ret && cfg->residue)
		ret = s2_residues_create(p, &p->residues);
	if (ret) {
		s2_physics_free(p);
		return ret;
	}
	*out = p;
	return 0;
}

int s2_physics_attach(struct s2_machine *m, const struct s2_physics_config *cfg,
		      struct s2_physics **out)
{
	struct s2_sink sink = {.event = on_event};
	struct s2_physics *p;
	int ret = s2_physics_create(m, cfg, &p);

	if (ret)
		return ret;
	sink.arg = p;
	ret = s2_machine_add_sink(m, &sink);
	if (ret) {
		s2_physics_free(p);
		return ret;
	}
	m->users++;
	*out = p;
	return 0;
}

void s2_physics_detach(struct s2_physics *p)
{
	if (!p)
		return;
	s2_machine_remove_sink(p->machine, p);
	p->machine->users--;
	s2_physics_free(p);
}

struct s2_memory *s2_physics_memory(struct s2_physics *p)
{
	return p->memory;
}

struct s2_line_counts s2_physics_dc_counts(const struct s2_physics *p)
{
	return p->dc;
}

int s2_physics_error(const struct s2_physics *p)
{
	return p->error;
}

struct s2_tlbs *s2_physics_tlbs(struct s2_physics *p)
{
	return p->tlbs;
}
