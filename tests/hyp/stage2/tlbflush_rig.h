/* SPDX-License-Identifier: MIT */
/* An MMU whose flush calls are heard: its instructions as words, the operands of its TLBIs, its calls. */
#ifndef STAGE2SIM_TESTS_TLBFLUSH_RIG_H
#define STAGE2SIM_TESTS_TLBFLUSH_RIG_H

#include "support.h"

#include <stdio.h>
#include <string.h>

#include "hyp/stage2/mmu.h"

#define PAGE UINT64_C(4096)
#define GIB  (UINT64_C(1) << 30)

/* What a sink hears, as words: "dsb_ish vttbr ...", register writes by name. */
struct words {
	char s[4096];
	size_t n;
	uint64_t ripa[64], ipa[64]; /* operands of TLBIs */
	size_t n_ripa, n_ipa;
};

static const char *word(const struct s2_insn *insn)
{
	static const char *const regs[] = {"vttbr", "vtcr", "hcr", "tcr", "sctlr"};

	switch (insn->op) {
	case S2_OP_SYSREG_WRITE:
		if (insn->addr == S2_SYSREG_VTTBR_EL2 && !insn->value)
			return "vttbr=0";
		if (insn->addr == S2_SYSREG_HCR_EL2)
			return insn->value & S2_HCR_TGE ? "hcr+tge" : "hcr-tge";
		return regs[insn->addr];
	case S2_OP_VMID_SWITCH:
		return NULL; /* the two writes after it are the instructions */
	default:
		return strncmp(s2_op_name(insn->op), "tlbi_", 5) ? s2_op_name(insn->op)
								 : s2_op_name(insn->op) + 5;
	}
}

static inline void hear(void *arg, const struct s2_event *ev)
{
	struct words *w = arg;

	for (uint64_t k = 0; k < ev->repeat * ev->n_insns; k++) {
		const struct s2_insn *insn = &ev->insns[k % ev->n_insns];
		uint64_t value = insn->value + k / ev->n_insns * insn->value_step;

		if (insn->op == S2_OP_TLBI_RIPAS2E1IS && w->n_ripa < ARRAY_SIZE(w->ripa))
			w->ripa[w->n_ripa++] = value;
		if ((insn->op == S2_OP_TLBI_IPAS2E1IS || insn->op == S2_OP_TLBI_IPAS2E1) &&
		    w->n_ipa < ARRAY_SIZE(w->ipa))
			w->ipa[w->n_ipa++] = value;
		if (word(insn))
			w->n += (size_t)snprintf(w->s + w->n, sizeof(w->s) - w->n, "%s%s",
						 w->n ? " " : "", word(insn));
	}
}

struct rig {
	struct s2_machine *m;
	struct s2_cpu *cpu;
	struct s2_flavour flavour;
	struct s2_mmu *mmu, *other;
	struct words w;
	struct s2_flush_call calls[64];
	size_t n_calls;
};

static inline void told(void *arg, const struct s2_flush_call *call)
{
	struct rig *r = arg;

	for (uint64_t i = 0; i < call->repeat; i++) {
		assert_true(r->n_calls < ARRAY_SIZE(r->calls));
		r->calls[r->n_calls] = *call;
		r->calls[r->n_calls++].ipa.v += i * call->step;
	}
}

static inline void rig_up(struct rig *r, const char *spec, const char *flavour, unsigned ipa_bits)
{
	struct s2_machine_config cfg = {.cpus = 4};
	struct s2_mmu_config mmu = {&r->flavour, ipa_bits, {1}};
	const struct s2_sink sink = {.event = hear, .arg = &r->w};

	memset(r, 0, sizeof(*r));
	assert_i64(s2_flavour_parse(flavour, &r->flavour, NULL), 0);
	assert_i64(s2_features_parse(spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &r->m), 0);
	assert_i64(s2_mmu_create(r->m, &mmu, &r->mmu), 0);
	mmu.vmid = s2_vmid(2);
	assert_i64(s2_mmu_create(r->m, &mmu, &r->other), 0);
	assert_i64(s2_machine_add_sink(r->m, &sink), 0);
	r->cpu = s2_machine_cpu(r->m, 1);
	s2_mmu_watch_flushes(r->mmu, told, r);
}

static inline void rig_down(struct rig *r)
{
	s2_mmu_free(r->mmu);
	s2_mmu_free(r->other);
	s2_machine_destroy(r->m);
}

static inline void forget(struct rig *r)
{
	memset(&r->w, 0, sizeof(r->w));
	r->n_calls = 0;
}

#endif /* STAGE2SIM_TESTS_TLBFLUSH_RIG_H */
