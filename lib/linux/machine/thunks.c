/* SPDX-License-Identifier: MIT */
/* Each instruction of the tree's code, issued on the machine by the CPU that runs. */
#include <stdio.h>
#include <string.h>

#include <stage2sim/gate.h>

#include "linux/machine/running.h"

struct s2_tree *s2_tree_running;
struct s2_cpu *s2_tree_cpu;
jmp_buf s2_tree_stop;
unsigned int s2k_cpu;
unsigned char s2k_cap[256];
unsigned long s2k_ctr_el0;

void s2k_stop(const char *what, const char *where, int line)
{
	struct s2_tree *tree = s2_tree_running;

	snprintf(tree->trouble, sizeof(tree->trouble), line ? "%s at %s:%d" : "%s: %s", what, where,
		 line);
	longjmp(s2_tree_stop, 1);
}

void s2k_warn(const char *file, int line)
{
	struct s2_tree *tree = s2_tree_running;

	if (!tree->warnings++)
		snprintf(tree->first_warning, sizeof(tree->first_warning), "%s:%d", file, line);
}

void s2k_relax(void)
{
	s2_cpu_relax(s2_tree_cpu);
}

/* ---- barriers ---- */

/* clang-format off */
#define DSB(name, kind) void s2k_dsb_##name(void) { (void)s2_dsb(s2_tree_cpu, kind); }
DSB(ish, S2_DSB_ISH)
DSB(ishst, S2_DSB_ISHST)
DSB(nsh, S2_DSB_NSH)
DSB(nshst, S2_DSB_NSHST)
DSB(sy, S2_DSB_SY)
/* Of other domains: what the machine has that promises stage 2 no more. */
DSB(osh, S2_DSB_ISH)
DSB(oshst, S2_DSB_ISHST)
DSB(st, S2_DSB_ISHST)
/* A DSB of loads completes no store and no TLBI; the machine has none. */
#define NO_DSB(name) void s2k_dsb_##name(void) { s2k_stop("not modelled", "dsb " #name, 0); }
NO_DSB(ishld)
NO_DSB(ld)
/* clang-format on */

void s2k_isb(void)
{
	s2_isb(s2_tree_cpu);
}

/* ---- TLBs and caches ---- */

static void tlbi(enum s2_op op, unsigned long operand)
{
	if (s2_tlbi(s2_tree_cpu, op, operand))
		s2k_stop("TLBI with an operand that it does not take", s2_op_name(op), 0);
}

/* clang-format off */
#define TLBI_ALL(name, op) void s2k_tlbi_##name(void) { tlbi(op, 0); }
TLBI_ALL(vmalls12e1is, S2_OP_TLBI_VMALLS12E1IS)
TLBI_ALL(vmalls12e1, S2_OP_TLBI_VMALLS12E1)
TLBI_ALL(vmalle1is, S2_OP_TLBI_VMALLE1IS)
TLBI_ALL(vmalle1, S2_OP_TLBI_VMALLE1)
TLBI_ALL(alle1is, S2_OP_TLBI_ALLE1IS)

#define TLBI_OPERAND(name, op) void s2k_tlbi_##name(unsigned long x) { tlbi(op, x); }
TLBI_OPERAND(ipas2e1is, S2_OP_TLBI_IPAS2E1IS)
TLBI_OPERAND(ipas2e1, S2_OP_TLBI_IPAS2E1)
TLBI_OPERAND(ripas2e1is, S2_OP_TLBI_RIPAS2E1IS)
TLBI_OPERAND(ripas2e1, S2_OP_TLBI_RIPAS2E1)
TLBI_OPERAND(vale2is, S2_OP_TLBI_VALE2IS)

#define TLBI_STAGE1(name)                                            \
	void s2k_tlbi_##name(unsigned long x)                        \
	{                                                            \
		(void)x;                                             \
		s2k_stop("not modelled", "TLBI of stage 1, " #name, 0); \
	}
S2K_TLBI_STAGE1(TLBI_STAGE1)
/* clang-format on */

void s2k_ic_iallu(void)
{
	s2_ic_iallu(s2_tree_cpu);
}

void s2k_ic_ialluis(void)
{
	s2_ic_ialluis(s2_tree_cpu);
}

void s2k_dc_civac(unsigned long start, unsigned long end)
{
	if (s2_dc_civac_range(s2_tree_cpu, s2_pa(start - s2k_linear), end - start))
		s2k_stop("DC CIVAC past the PA size", __func__, 0);
}

void s2k_ic_ivau(unsigned long start, unsigned long end)
{
	if (s2_ic_ivau_range(s2_tree_cpu, s2_pa(start - s2k_linear), end - start))
		s2k_stop("IC IVAU past the PA size", __func__, 0);
}

/*
 * asm("isb") and the like have no operands and clobber nothing: every register that
 * C may change is kept.  The tree's code has no vector registers.
 */
/* clang-format off */
#define THUNK(f)                                                              \
	__asm__(".text\n.globl " #f "_thunk\n.type " #f "_thunk,@function\n"      \
	    #f "_thunk:\n"                                                    \
	    "push %rbp\nmov %rsp,%rbp\n"                                      \
	    "push %rax\npush %rcx\npush %rdx\npush %rsi\npush %rdi\n"         \
	    "push %r8\npush %r9\npush %r10\npush %r11\nand $-16,%rsp\n"       \
	    "call " #f "@PLT\n"                                               \
	    "lea -72(%rbp),%rsp\n"                                            \
	    "pop %r11\npop %r10\npop %r9\npop %r8\n"                          \
	    "pop %rdi\npop %rsi\npop %rdx\npop %rcx\npop %rax\npop %rbp\nret\n" \
	    ".size " #f "_thunk,.-" #f "_thunk\n");
THUNK(s2k_isb)
THUNK(s2k_ic_iallu)
THUNK(s2k_ic_ialluis)
/* clang-format on */

/* ---- descriptors ---- */

void s2k_pte_store(const volatile void *p, unsigned long value, int release)
{
	const struct s2_pa pa = s2_pa((unsigned long)p - s2k_linear);

	/* The store that follows is the tree's; for the machine no page would begin to live by it. */
	if (s2_tree_freed_store(s2_tree_running, pa))
		return;
	if (s2_foreign_write(s2_tree_running->foreign, s2_tree_cpu, pa, value,
			     release ? S2_MEM_RELEASE : S2_MEM_PLAIN))
		s2k_stop("a store that is no descriptor's", __func__, 0);
	s2_tree_shadow_store(s2_tree_running, pa, value);
}

void s2k_pte_load(const volatile void *p)
{
	s2_pte value;

	/* A page that was freed is told as read; the load finds what is there. */
	(void)s2_foreign_read(s2_tree_running->foreign, s2_tree_cpu,
			      s2_pa((unsigned long)p - s2k_linear), &value);
}

/* ---- system registers ---- */

struct name_of_register {
	const char *name;
	unsigned int encoding; /* op0 19, op1 16, CRn 12, CRm 8, op2 5; as sys_reg() has it */
	enum s2_sysreg reg;
};

#define ENCODING(op0, op1, crn, crm, op2) \
	((op0) << 19 | (op1) << 16 | (crn) << 12 | (crm) << 8 | (op2) << 5)

static const struct name_of_register registers[] = {
	{"vttbr_el2", ENCODING(3U, 4U, 2U, 1U, 0U), S2_SYSREG_VTTBR_EL2},
	{"vtcr_el2", ENCODING(3U, 4U, 2U, 1U, 2U), S2_SYSREG_VTCR_EL2},
	{"hcr_el2", ENCODING(3U, 4U, 1U, 1U, 0U), S2_SYSREG_HCR_EL2},
	{"tcr_el1", ENCODING(3U, 0U, 2U, 0U, 2U), S2_SYSREG_TCR_EL1},
	{"tcr_el12", ENCODING(3U, 5U, 2U, 0U, 2U), S2_SYSREG_TCR_EL1},
	{"sctlr_el1", ENCODING(3U, 0U, 1U, 0U, 0U), S2_SYSREG_SCTLR_EL1},
	{"sctlr_el12", ENCODING(3U, 5U, 1U, 0U, 0U), S2_SYSREG_SCTLR_EL1},
};

static enum s2_sysreg by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		if (!strcmp(registers[i].name, name))
			return registers[i].reg;
	s2k_stop("system register that is not modelled", name, 0);
}

static enum s2_sysreg by_encoding(unsigned int encoding)
{
	char text[32];

	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		if (registers[i].encoding == encoding)
			return registers[i].reg;
	snprintf(text, sizeof(text), "S%u_%u_C%u_C%u_%u", encoding >> 19 & 3, encoding >> 16 & 7,
		 encoding >> 12 & 15, encoding >> 8 & 15, encoding >> 5 & 7);
	s2k_stop("system register that is not modelled", text, 0);
}

/* __load_stage2() is VTCR_EL2, then VTTBR_EL2: counted once, as what it is. */
static void count_switch(enum s2_sysreg reg)
{
	struct s2_tree *tree = s2_tree_running;

	if (reg == S2_SYSREG_VTTBR_EL2 && tree->vtcr_written)
		(void)s2_count(s2_tree_cpu, S2_OP_VMID_SWITCH, 1);
	if (reg == S2_SYSREG_VTTBR_EL2 || reg == S2_SYSREG_VTCR_EL2)
		tree->vtcr_written = reg == S2_SYSREG_VTCR_EL2;
}

static void msr(enum s2_sysreg reg, unsigned long value)
{
	count_switch(reg);
	(void)s2_write_sysreg(s2_tree_cpu, reg, value);
}

/* CurrentEL.EL: EL2 with VHE. */
static unsigned long current_el(void)
{
	return s2_machine_features(s2_tree_running->machine)->vhe ? 2UL << 2 : 1UL << 2;
}

unsigned long s2k_mrs(const char *name)
{
	if (!strcmp(name, "CurrentEL"))
		return current_el();
	return s2_read_sysreg(s2_tree_cpu, by_name(name));
}

void s2k_msr(const char *name, unsigned long value)
{
	msr(by_name(name), value);
}

unsigned long s2k_mrs_s(unsigned int encoding)
{
	return s2_read_sysreg(s2_tree_cpu, by_encoding(encoding));
}

void s2k_msr_s(unsigned int encoding, unsigned long value)
{
	msr(by_encoding(encoding), value);
}

void s2k_hvc(const char *function)
{
	(void)function;
	s2_hypercall(s2_tree_cpu);
}
