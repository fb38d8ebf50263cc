/* SPDX-License-Identifier: MIT */
#include <stage2sim/log.h>
#include <stage2sim/reliance.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/machine.h"


/* A caller's name for a step may be of any length; a line keeps this much of it. */
#define SITE_MAX 128

struct s2_log {
	struct s2_machine *machine;
	struct s2_log_config cfg;
	uint64_t id;
	uint64_t left_out;
	int error;
};

/* How an operation is written: its head and keyword, its operands, whether casemate accepts it. */
enum log_form {
	LOG_PLAIN,    /* no operand */
	LOG_VALUE,    /* (value) */
	LOG_DSB,      /* (kind keyword) */
	LOG_DMB,      /* the same */
	LOG_MEM,      /* (address) (value) */
	LOG_TABLE,    /* (address) (size) */
	LOG_LOOP,     /* (address) (size) (line) */
	LOG_SYSREG,   /* (sysreg) (value) */
	LOG_COUNTED,  /* a step of an algorithm: (count) */
	LOG_UNLOGGED, /* a consequence of another instruction */
};

static const struct {
	const char *head;
	const char *keyword;
	enum log_form form;
	bool casemate;
} forms[S2_OP_COUNT] = {
	[S2_OP_TLBI_VMALLS12E1IS] = {"tlbi", "vmalls12e1is", LOG_PLAIN, true},
	[S2_OP_TLBI_VMALLS12E1] = {"tlbi", "vmalls12e1", LOG_PLAIN, true},
	[S2_OP_TLBI_VMALLE1IS] = {"tlbi", "vmalle1is", LOG_PLAIN, true},
	[S2_OP_TLBI_VMALLE1] = {"tlbi", "vmalle1", LOG_PLAIN, true},
	[S2_OP_TLBI_IPAS2E1IS] = {"tlbi", "ipas2e1is", LOG_VALUE, true},
	[S2_OP_TLBI_IPAS2E1] = {"tlbi", "ipas2e1", LOG_VALUE, false},
	[S2_OP_TLBI_RIPAS2E1IS] = {"tlbi", "ripas2e1is", LOG_VALUE, false},
	[S2_OP_TLBI_RIPAS2E1] = {"tlbi", "ripas2e1", LOG_VALUE, false},
	[S2_OP_TLBI_ALLE1IS] = {"tlbi", "alle1is", LOG_PLAIN, true},
	[S2_OP_TLBI_VALE2IS] = {"tlbi", "vale2is", LOG_VALUE, true},
	[S2_OP_DVM_BROADCAST] = {"", "", LOG_UNLOGGED, false},
	[S2_OP_DSB_ISH] = {"barrier", "ish", LOG_DSB, true},
	[S2_OP_DSB_ISHST] = {"barrier", "ishst", LOG_DSB, true},
	[S2_OP_DSB_NSH] = {"barrier", "nsh", LOG_DSB, true},
	[S2_OP_DSB_NSHST] = {"barrier", "nshst", LOG_DSB, false},
	[S2_OP_DSB_SY] = {"barrier", "sy", LOG_DSB, false},
	[S2_OP_DMB_ISH] = {"barrier", "ish", LOG_DMB, false},
	[S2_OP_DMB_ISHST] = {"barrier", "ishst", LOG_DMB, false},
	[S2_OP_ISB] = {"barrier", "isb", LOG_PLAIN, true},
	[S2_OP_DC_CIVAC] = {"dc", "civac", LOG_LOOP, false},
	[S2_OP_DC_CVAC] = {"dc", "cvac", LOG_LOOP, false},
	[S2_OP_DC_IVAC] = {"dc", "ivac", LOG_LOOP, false},
	[S2_OP_DC_SETWAY] = {"dc", "setway", LOG_COUNTED, false},
	[S2_OP_IC_IVAU] = {"ic", "ivau", LOG_LOOP, false},
	[S2_OP_IC_IALLUIS] = {"ic", "ialluis", LOG_PLAIN, false},
	[S2_OP_IC_IALLU] = {"ic", "iallu", LOG_PLAIN, false},
	[S2_OP_HYPERCALL] = {"hvc", "call", LOG_PLAIN, false},
	[S2_OP_VMID_SWITCH] = {"vmid", "switch", LOG_VALUE, false},
	[S2_OP_SYSREG_WRITE] = {"sysreg-write", "", LOG_SYSREG, true},
	[S2_OP_SYSREG_TRAP] = {"guest", "sysreg-trap", LOG_COUNTED, false},
	[S2_OP_GUEST_ENTRY] = {"guest", "entry", LOG_COUNTED, false},
	[S2_OP_GUEST_EXIT] = {"guest", "exit", LOG_COUNTED, false},
	[S2_OP_PTE_READ] = {"mem-read", "", LOG_MEM, true},
	[S2_OP_PTE_WRITE] = {"mem-write", "", LOG_MEM, true},
	[S2_OP_TABLE_ALLOC] = {"mem-init", "", LOG_TABLE, true},
	[S2_OP_TABLE_FREE] = {"mem-free", "", LOG_TABLE, true},
	[S2_OP_S2_FAULT] = {"guest", "s2-fault", LOG_COUNTED, false},
	[S2_OP_TLB_HIT] = {"tlb", "hit", LOG_COUNTED, false},
	[S2_OP_TLB_MISS] = {"tlb", "miss", LOG_COUNTED, false},
	[S2_OP_WALK_READ] = {"tlb", "walk-read", LOG_COUNTED, false},
	[S2_OP_VCPU_PROBE] = {"step", "vcpu-probe", LOG_COUNTED, false},
	[S2_OP_VCPU_VISIT] = {"step", "vcpu-visit", LOG_COUNTED, false},
	[S2_OP_MPIDR_GATHER] = {"step", "mpidr-gather", LOG_COUNTED, false},
	[S2_OP_SGI_QUEUE] = {"step", "sgi-queue", LOG_COUNTED, false},
	[S2_OP_KICK_IPI] = {"step", "kick-ipi", LOG_COUNTED, false},
	[S2_OP_VCPU_WAKE] = {"step", "vcpu-wake", LOG_COUNTED, false},
	[S2_OP_IRQ_LOCK] = {"step", "irq-lock", LOG_COUNTED, false},
	[S2_OP_MMU_FIELD_WRITE] = {"step", "mmu-field-write", LOG_COUNTED, false},
	[S2_OP_MMU_ROLE_COMPUTE] = {"step", "mmu-role-compute", LOG_COUNTED, false},
	[S2_OP_MMU_ROLE_COMPARE] = {"step", "mmu-role-compare", LOG_COUNTED, false},
	[S2_OP_ROOT_UNLOAD] = {"step", "root-unload", LOG_COUNTED, false},
};

static const struct {
	const char *name;
	bool casemate;
} sysregs[S2_N_SYSREGS] = {
	[S2_SYSREG_VTTBR_EL2] = {"vttbr_el2", true}, [S2_SYSREG_VTCR_EL2] = {"vtcr_el2", true},
	[S2_SYSREG_HCR_EL2] = {"hcr_el2", true},     [S2_SYSREG_TCR_EL1] = {"tcr_el1", false},
	[S2_SYSREG_SCTLR_EL1] = {"sctlr_el1", false},
};

static int format_operands(const struct s2_log *log, char *buf, size_t size,
			   const struct s2_insn *insn, uint64_t i)
{
	uint64_t addr = insn->addr + i * insn->addr_step;
	uint64_t value = insn->value + i * insn->value_step;
	unsigned line = insn->op == S2_OP_IC_IVAU ? log->machine->features.iline_shift
						  : log->machine->features.dline_shift;

	switch (forms[insn->op].form) {
	case LOG_VALUE:
		return snprintf(buf, size, " (value 0x%" PRIx64 ")", value);
	case LOG_DSB:
		return snprintf(buf, size, " dsb (kind %s)", forms[insn->op].keyword);
	case LOG_DMB:
		return snprintf(buf, size, " dmb (kind %s)", forms[insn->op].keyword);
	case LOG_MEM:
		return snprintf(buf, size, "%s (address 0x%" PRIx64 ") (value 0x%" PRIx64 ")",
				insn->op == S2_OP_PTE_READ      ? ""
				: insn->order == S2_MEM_RELEASE ? " (mem-order release)"
								: " (mem-order plain)",
				addr, value);
	case LOG_TABLE:
		return snprintf(buf, size, " (address 0x%" PRIx64 ") (size 0x%" PRIx64 ")", addr,
				value);
	case LOG_LOOP:
		return snprintf(buf, size,
				" (address 0x%" PRIx64 ") (size 0x%" PRIx64 ") (line 0x%x)", addr,
				value, 1U << line);
	case LOG_SYSREG:
		return snprintf(buf, size, " (sysreg %s) (value 0x%" PRIx64 ")",
				sysregs[insn->addr].name, value);
	case LOG_COUNTED:
		return snprintf(buf, size, " (count 0x%" PRIx64 ")", insn->count);
	default:
		buf[0] = '\0';
		return 0;
	}
}

static bool accepted(const struct s2_log *log, const struct s2_insn *insn)
{
	if (!log->cfg.casemate_only)
		return true;
	if (insn->op == S2_OP_SYSREG_WRITE)
		return sysregs[insn->addr].casemate;
	return forms[insn->op].casemate;
}

static void log_insn(struct s2_log *log, const struct s2_event *ev, const struct s2_insn *insn,
		     uint64_t i)
{
	bool named = forms[insn->op].form != LOG_DSB &&
		     forms[insn->op].form != LOG_DMB && forms[insn->op].keyword[0];
	char operands[128], text[384];
	int len;

	if (log->error || forms[insn->op].form == LOG_UNLOGGED)
		return;
	if (!accepted(log, insn)) {
		log->left_out++;
		return;
	}
	format_operands(log, operands, sizeof(operands), insn, i);
	len = snprintf(text, sizeof(text), "(%s (id %" PRIu64 ") (tid %u)%s%s%s (src \"%.*s\"))\n",
		       forms[insn->op].head, log->id++, ev->cpu, named ? " " : "",
		       named ? forms[insn->op].keyword : "", operands, SITE_MAX, insn->site);
	log->error = log->cfg.write(log->cfg.arg, text, (size_t)len);
}

/* What is relied on is no instruction: casemate knows nothing of it. */
static void log_rely(void *arg, unsigned cpu, const struct s2_reliance *what)
{
	static const char *const accesses[] = {"read", "write", "fetch"};
	struct s2_log *log = arg;
	char text[384];
	int len;

	if (log->error || log->cfg.casemate_only)
		return;
	len = snprintf(text, sizeof(text),
		       "(rely (id %" PRIu64 ") (tid %u) %s (vtcr 0x%" PRIx64 ") (vttbr 0x%" PRIx64
		       ") (address 0x%" PRIx64 ") (size 0x%" PRIx64 ") (access %s) (src \"%.*s\"))\n",
		       log->id++, cpu, s2_reliance_name(what->kind), what->vtcr, what->vttbr,
		       what->ipa.v, what->size, accesses[what->access], SITE_MAX,
		       what->function ? what->function : "?");
	log->error = log->cfg.write(log->cfg.arg, text, (size_t)len);
}

static void log_event(void *arg, const struct s2_event *ev)
{
	struct s2_log *log = arg;

	for (uint64_t i = 0; i < ev->repeat && !log->error; i++)
		for (size_t k = 0; k < ev->n_insns; k++)
			log_insn(log, ev, &ev->insns[k], i);
}

int s2_log_attach(struct s2_machine *m, const struct s2_log_config *cfg, struct s2_log **out)
{
	struct s2_log *log;
	struct s2_sink sink = {.event = log_event, .rely = log_rely};
	int ret;

	if (!cfg->write || (cfg->casemate_only && m->n_cpus > S2_LOG_CASEMATE_CPUS))
		return -EINVAL;
	log = calloc(1, sizeof(*log));
	if (!log)
		return -ENOMEM;
	log->machine = m;
	log->cfg = *cfg;
	sink.arg = log;
	ret = s2_machine_add_sink(m, &sink);
	if (ret) {
		free(log);
		return ret;
	}
	m->users++;
	*out = log;
	return 0;
}

int s2_log_detach(struct s2_log *log, uint64_t *left_out)
{
	int ret = log->error;

	s2_machine_remove_sink(log->machine, log);
	log->machine->users--;
	if (left_out)
		*left_out = log->left_out;
	free(log);
	return ret;
}
