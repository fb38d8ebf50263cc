/* SPDX-License-Identifier: MIT */
#include "study/work/mutants.h"

#include <errno.h>
#include <string.h>

static bool is_step(const struct s2_mutant *mutant, const struct s2_insn *insn)
{
	return mutant->op == insn->op && !strcmp(mutant->site, insn->site);
}

/* What an oracle understands and an algorithm could forget. */
static bool may_be_forgotten(enum s2_op op)
{
	return op <= S2_OP_TLBI_VALE2IS || (op >= S2_OP_DSB_ISH && op <= S2_OP_IC_IALLU);
}

/* Why a step is not missed in that life.  An op of S2_OP_COUNT: any at that site. */
static const struct {
	const char *site;
	enum s2_op op;
	const char *why;
} harmless[] = {
	{"tlb:flush_cpu_context", S2_OP_COUNT,
	 "entries by VA of another vcpu: stage 1 is the caller's word, and not judged"},
	{"stage2:relax_perms", S2_OP_IC_IALLUIS, "stale instructions are not judged"},
	{"stage2:relax_perms", S2_OP_DSB_ISH, "completes an IC: stale instructions are not judged"},
	{"stage2:relax_perms", S2_OP_IC_IVAU, "stale instructions are not judged"},
	{"stage2:relax_perms", S2_OP_ISB, "completes an IC: stale instructions are not judged"},
	{"stage2:map", S2_OP_DSB_ISHST, "a new entry: who does not see it yet faults once more"},
	{"stage2:map", S2_OP_ISB, "orders an instruction fetch: stale instructions are not judged"},
	{"stage2:mkyoung", S2_OP_DSB_ISHST, "an access flag: who does not see it faults once more"},
	{"tlb:flush_vmid", S2_OP_COUNT,
	 "follows aging alone on this machine: an older access flag may be held"},
	{"tlb:flush_vmid", S2_OP_TLBI_VALE2IS, "the erratum that it works around is not modelled"},
	{"tlb:flush_vmid_ipa", S2_OP_TLBI_VALE2IS, "the erratum that it works around is not modelled"},
	{"tlb:flush_vmid_range", S2_OP_TLBI_VALE2IS,
	 "the erratum that it works around is not modelled"},
	{"tlb:flush_vmid_ipa", S2_OP_ISB, "another context synchronisation comes before it matters"},
	{"tlb:flush_vm_context", S2_OP_DSB_ISH, "another DSB comes before the number is used"},
	{"tlb:flush_vm_context", S2_OP_DSB_ISHST,
	 "no table is walked under a number that nobody has: no store is waited for"},
	{"vcpu:load", S2_OP_ISB, "against speculative AT: no walk is made between the two writes here"},
};

const char *s2_mutant_harmless(const struct s2_mutant *mutant)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (!strcmp(harmless[i].site, mutant->site) &&
		    (harmless[i].op == S2_OP_COUNT || harmless[i].op == mutant->op))
			return harmless[i].why;
	return NULL;
}

struct search {
	struct s2_mutants *mutants;
	bool too_many;
};

/* Leaves nothing out, and takes note. */
static bool note(void *arg, unsigned cpu, const struct s2_insn *insn)
{
	struct search *s = arg;
	struct s2_mutants *all = s->mutants;

	(void)cpu;
	if (!may_be_forgotten(insn->op))
		return false;
	for (size_t i = 0; i < all->n; i++) {
		if (!is_step(&all->mutant[i], insn))
			continue;
		all->mutant[i].n++;
		return false;
	}
	s->too_many = s->too_many || all->n == S2_MUTANTS_MAX;
	if (!s->too_many)
		all->mutant[all->n++] = (struct s2_mutant){insn->op, insn->site, 1};
	return false;
}

int s2_mutants_find(const struct s2_features *features, const struct s2_flavour *flavour,
		    struct s2_mutants *mutants, struct s2_error *err)
{
	struct search s = {.mutants = mutants};
	struct s2_judge judge = {.left_out = note, .left_out_arg = &s};
	int ret;

	mutants->n = 0;
	ret = s2_life_run(features, flavour, &judge, err);
	if (!ret && s.too_many) {
		s2_error_set(err, 1, "more than %d steps in a life", S2_MUTANTS_MAX);
		ret = -E2BIG;
	}
	return ret;
}

static bool leave_out(void *arg, unsigned cpu, const struct s2_insn *insn)
{
	(void)cpu;
	return is_step(arg, insn);
}

int s2_mutant_run(const struct s2_features *features, const struct s2_flavour *flavour,
		  const struct s2_mutant *mutant, struct s2_judge *judge, struct s2_error *err)
{
	static const struct s2_question all = {
		"all", (1U << S2_RULES) - 1 - (1U << S2_RULE_DATA),
		(1U << S2_CONTRACTS) - 1 - (1U << S2_CONTRACT_KVM_COMPAT_ANY)};
	struct s2_mutant copy;
	int ret;

	memset(judge, 0, sizeof(*judge));
	if (mutant) {
		copy = *mutant;
		judge->left_out = leave_out;
		judge->left_out_arg = &copy;
	}
	ret = s2_life_run(features, flavour, judge, err);
	if (!ret && s2_judge_ask_story(judge, &all, 1))
		ret = s2_life_run(features, flavour, judge, err);
	judge->left_out = NULL;
	return ret;
}
