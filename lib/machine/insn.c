/* SPDX-License-Identifier: MIT */
#include <stage2sim/insn.h>

#include <errno.h>

#include <stage2sim/tlbi.h>

#include "machine/machine.h"

static void issue_op(struct s2_cpu *cpu, enum s2_op op)
{
	struct s2_insn insn = {.op = op, .count = 1};

	s2_issue(cpu, &insn);
}

static void issue_tlbi(struct s2_cpu *cpu, enum s2_op op, uint64_t operand, uint64_t step)
{
	struct s2_insn insn = {.op = op, .value = operand, .value_step = step, .count = 1};

	if (s2_op_is_broadcast(op))
		s2_issue_broadcast(cpu, &insn);
	else
		s2_issue(cpu, &insn);
}

int s2_dsb(struct s2_cpu *cpu, enum s2_dsb_kind kind)
{
	if ((unsigned)kind - S2_DSB_ISH > S2_DSB_SY - S2_DSB_ISH)
		return -EINVAL;
	issue_op(cpu, (enum s2_op)kind);
	return 0;
}

int s2_dmb(struct s2_cpu *cpu, enum s2_dmb_kind kind)
{
	if (kind != S2_DMB_ISH && kind != S2_DMB_ISHST)
		return -EINVAL;
	issue_op(cpu, (enum s2_op)kind);
	return 0;
}

void s2_isb(struct s2_cpu *cpu)
{
	issue_op(cpu, S2_OP_ISB);
}

void s2_tlbi_vmalls12e1is(struct s2_cpu *cpu)
{
	issue_tlbi(cpu, S2_OP_TLBI_VMALLS12E1IS, 0, 0);
}

void s2_tlbi_vmalls12e1(struct s2_cpu *cpu)
{
	issue_tlbi(cpu, S2_OP_TLBI_VMALLS12E1, 0, 0);
}

void s2_tlbi_vmalle1is(struct s2_cpu *cpu)
{
	issue_tlbi(cpu, S2_OP_TLBI_VMALLE1IS, 0, 0);
}

void s2_tlbi_vmalle1(struct s2_cpu *cpu)
{
	issue_tlbi(cpu, S2_OP_TLBI_VMALLE1, 0, 0);
}

void s2_tlbi_alle1is(struct s2_cpu *cpu)
{
	issue_tlbi(cpu, S2_OP_TLBI_ALLE1IS, 0, 0);
}

void s2_tlbi_vale2is(struct s2_cpu *cpu)
{
	issue_tlbi(cpu, S2_OP_TLBI_VALE2IS, 0, 0);
}

static uint64_t ipa_operand(const struct s2_cpu *cpu, struct s2_ipa ipa, int level)
{
	const struct s2_features *f = &cpu->machine->features;
	const struct s2_tlbi_format fmt = {(uint8_t)f->granule, f->ttl, f->lpa2, f->tlbirange};

	return s2_tlbi_ipa_operand(&fmt, ipa, level);
}

void s2_tlbi_ipas2e1is_step(struct s2_cpu *cpu, struct s2_ipa ipa, int level, uint64_t step)
{
	/* The operand holds the IPA in units of 4 KiB whatever the granule. */
	issue_tlbi(cpu, S2_OP_TLBI_IPAS2E1IS, ipa_operand(cpu, ipa, level), step >> 12);
}

void s2_tlbi_ipas2e1is(struct s2_cpu *cpu, struct s2_ipa ipa, int level)
{
	s2_tlbi_ipas2e1is_step(cpu, ipa, level, 0);
}

void s2_tlbi_ipas2e1(struct s2_cpu *cpu, struct s2_ipa ipa, int level)
{
	issue_tlbi(cpu, S2_OP_TLBI_IPAS2E1, ipa_operand(cpu, ipa, level), 0);
}

void s2_tlbi_ripas2e1is(struct s2_cpu *cpu, uint64_t operand)
{
	issue_tlbi(cpu, S2_OP_TLBI_RIPAS2E1IS, operand, 0);
}

void s2_tlbi_ripas2e1(struct s2_cpu *cpu, uint64_t operand)
{
	issue_tlbi(cpu, S2_OP_TLBI_RIPAS2E1, operand, 0);
}

int s2_tlbi(struct s2_cpu *cpu, enum s2_op op, uint64_t operand)
{
	switch (op) {
	case S2_OP_TLBI_IPAS2E1IS:
	case S2_OP_TLBI_IPAS2E1:
	case S2_OP_TLBI_RIPAS2E1IS:
	case S2_OP_TLBI_RIPAS2E1:
	case S2_OP_TLBI_VALE2IS:
		issue_tlbi(cpu, op, operand, 0);
		return 0;
	case S2_OP_TLBI_VMALLS12E1IS:
	case S2_OP_TLBI_VMALLS12E1:
	case S2_OP_TLBI_VMALLE1IS:
	case S2_OP_TLBI_VMALLE1:
	case S2_OP_TLBI_ALLE1IS:
		if (operand)
			return -EINVAL;
		issue_tlbi(cpu, op, 0, 0);
		return 0;
	default:
		return -EINVAL;
	}
}

/* Lines that a loop over [addr, addr + size) touches, its ends rounded outwards. */
static uint64_t lines(uint64_t addr, uint64_t size, unsigned line_shift)
{
	if (!size)
		return 0;
	return ((addr + size - 1) >> line_shift) - (addr >> line_shift) + 1;
}

static struct s2_insn line_loop(enum s2_op op, struct s2_pa pa, uint64_t size, uint64_t step,
				unsigned line_shift)
{
	struct s2_insn insn = {.op = op,
			       .addr = pa.v,
			       .value = size,
			       .addr_step = step,
			       .count = lines(pa.v, size, line_shift)};

	return insn;
}

static void dc_range(struct s2_cpu *cpu, enum s2_op op, struct s2_pa pa, uint64_t size,
		     uint64_t step)
{
	struct s2_insn insn = line_loop(op, pa, size, step, cpu->machine->features.dline_shift);

	s2_issue(cpu, &insn);
}

void s2_dc_civac_step(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size, uint64_t step)
{
	dc_range(cpu, S2_OP_DC_CIVAC, pa, size, step);
}

/* There is memory up to pa_bits; past 64 bits there would be no number of lines. */
static int check_lines(const struct s2_cpu *cpu, struct s2_pa pa, uint64_t size)
{
	const uint64_t limit = UINT64_C(1) << cpu->machine->features.pa_bits;

	return pa.v > limit || size > limit - pa.v ? -ERANGE : 0;
}

static int public_dc_range(struct s2_cpu *cpu, enum s2_op op, struct s2_pa pa, uint64_t size)
{
	const int ret = check_lines(cpu, pa, size);

	if (!ret)
		dc_range(cpu, op, pa, size, 0);
	return ret;
}

int s2_dc_civac_range(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size)
{
	return public_dc_range(cpu, S2_OP_DC_CIVAC, pa, size);
}

int s2_dc_cvac_range(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size)
{
	return public_dc_range(cpu, S2_OP_DC_CVAC, pa, size);
}

int s2_dc_ivac_range(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size)
{
	return public_dc_range(cpu, S2_OP_DC_IVAC, pa, size);
}

void s2_ic_ivau_step(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size, uint64_t step)
{
	struct s2_insn insn =
		line_loop(S2_OP_IC_IVAU, pa, size, step, cpu->machine->features.iline_shift);

	s2_issue_broadcast(cpu, &insn);
}

int s2_ic_ivau_range(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size)
{
	const int ret = check_lines(cpu, pa, size);

	if (!ret)
		s2_ic_ivau_step(cpu, pa, size, 0);
	return ret;
}

void s2_ic_ialluis(struct s2_cpu *cpu)
{
	struct s2_insn insn = {.op = S2_OP_IC_IALLUIS, .count = 1};

	s2_issue_broadcast(cpu, &insn);
}

void s2_ic_iallu(struct s2_cpu *cpu)
{
	issue_op(cpu, S2_OP_IC_IALLU);
}

int s2_write_sysreg(struct s2_cpu *cpu, enum s2_sysreg reg, uint64_t value)
{
	struct s2_insn insn = {
		.op = S2_OP_SYSREG_WRITE, .addr = (uint64_t)reg, .value = value, .count = 1};

	if ((unsigned)reg >= S2_N_SYSREGS)
		return -EINVAL;
	cpu->sysreg[reg] = value;
	cpu->settings++;
	s2_issue(cpu, &insn);
	return 0;
}

uint64_t s2_read_sysreg(const struct s2_cpu *cpu, enum s2_sysreg reg)
{
	return (unsigned)reg < S2_N_SYSREGS ? cpu->sysreg[reg] : 0;
}

void s2_load_vttbr(struct s2_cpu *cpu, uint64_t vtcr, uint64_t vttbr)
{
	struct s2_insn insn = {.op = S2_OP_VMID_SWITCH, .value = vttbr, .count = 1};

	s2_issue(cpu, &insn);
	s2_write_sysreg(cpu, S2_SYSREG_VTCR_EL2, vtcr);
	s2_write_sysreg(cpu, S2_SYSREG_VTTBR_EL2, vttbr);
}

void s2_hypercall(struct s2_cpu *cpu)
{
	issue_op(cpu, S2_OP_HYPERCALL);
}

void s2_observe_step(struct s2_cpu *cpu, enum s2_op op, uint64_t n)
{
	struct s2_insn insn = {.op = op, .count = n};

	s2_observe(cpu, &insn);
}

/* What sinks could take for the instruction itself, with operands that nobody gave. */
static bool has_own_call(enum s2_op op)
{
	return op <= S2_OP_DC_IVAC || (op >= S2_OP_IC_IVAU && op <= S2_OP_HYPERCALL) ||
	       op == S2_OP_SYSREG_WRITE;
}

int s2_count(struct s2_cpu *cpu, enum s2_op op, uint64_t n)
{
	struct s2_insn insn = {.op = op, .count = n};

	if ((unsigned)op >= S2_OP_COUNT || has_own_call(op))
		return -EINVAL;
	s2_issue(cpu, &insn);
	return 0;
}

void s2_table_event(struct s2_cpu *cpu, enum s2_op op, uint64_t pa, uint64_t bytes)
{
	struct s2_insn insn = {.op = op, .addr = pa, .value = bytes, .count = 1};

	s2_issue(cpu, &insn);
}
