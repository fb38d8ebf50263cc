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

/* ---- why a step is not missed in that life ---- */

typedef bool when_fn(const struct s2_features *f, const struct s2_flavour *flavour);

/* Where ranges are flushed by range, nothing but aging flushes the VMID. */
static bool flushes_by_range(const struct s2_features *f, const struct s2_flavour *flavour)
{
	return f->tlbirange && flavour->range_flush;
}

static bool repeats_each(const struct s2_features *f, const struct s2_flavour *flavour)
{
	return f->repeat_tlbi && flavour->repeat == S2_REPEAT_EACH;
}

/* A DSB that completes every TLBI comes between a rollover and the first entry of its VM. */
static bool syncs_before_entry(const struct s2_features *f, const struct s2_flavour *flavour)
{
	const bool map_cleans = !f->fwb;
	const bool load_has_dsb_ish = (!f->vhe && flavour->nvhe_full_entry_dsb) ||
				      repeats_each(f, flavour);

	return map_cleans || load_has_dsb_ish;
}

/* By IPA, only faults flush then: on the vcpu's CPU, whose counted exits write no register. */
static bool is_loaded_already(const struct s2_features *f, const struct s2_flavour *flavour)
{
	return !f->vhe && flushes_by_range(f, flavour);
}

#define ANY_SITE NULL
#define ANY_OP	 S2_OP_COUNT
#define ALWAYS	 NULL

static const struct {
	const char *site;
	enum s2_op op;
	when_fn *when;
	const char *why;
} harmless[] = {
	{ANY_SITE, S2_OP_TLBI_VALE2IS, ALWAYS, "the erratum that it works around is not modelled"},
	{ANY_SITE, S2_OP_IC_IVAU, ALWAYS, "stale instructions are not judged"},
	{ANY_SITE, S2_OP_IC_IALLUIS, ALWAYS, "stale instructions are not judged"},
	{ANY_SITE, S2_OP_IC_IALLU, ALWAYS, "stale instructions are not judged"},
	{"stage2:relax_perms", S2_OP_DSB_ISH, ALWAYS, "completes an IC: they are not judged"},
	{"stage2:relax_perms", S2_OP_ISB, ALWAYS, "completes an IC: they are not judged"},
	{"vcpu:init", S2_OP_DSB_ISH, ALWAYS, "completes an IC: they are not judged"},
	{"stage2:map", S2_OP_ISB, ALWAYS, "orders an instruction fetch: they are not judged"},
	{"stage2:map", S2_OP_DSB_ISHST, ALWAYS,
	 "a new entry: who does not see it yet faults once more"},
	{"stage2:mkyoung", S2_OP_DSB_ISHST, ALWAYS,
	 "an access flag: who does not see it faults once more"},
	{"tlb:flush_cpu_context", ANY_OP, ALWAYS,
	 "entries by VA of another vcpu: stage 1 is the caller's word, and not judged"},
	{"tlb:flush_vmid", ANY_OP, flushes_by_range,
	 "follows aging alone on this machine: an older access flag may be held"},
	{"tlb:flush_vmid", S2_OP_DSB_ISHST, repeats_each,
	 "the store is complete before the TLBI's repetition"},
	{"tlb:flush_vmid_ipa", S2_OP_DSB_ISHST, repeats_each,
	 "the store is complete before the TLBI's repetition"},
	{"tlb:flush_vmid_range", S2_OP_DSB_ISHST, repeats_each,
	 "the store is complete before the TLBI's repetition"},
	{"tlb:flush_vmid_ipa_nsh", S2_OP_DSB_NSHST, repeats_each,
	 "the store is complete before the TLBI's repetition"},
	{"tlb:flush_vmid_ipa_nsh", S2_OP_DSB_ISH, repeats_each,
	 "the DSB NSH after the repetition completes both"},
	{"tlb:flush_vmid_ipa_nsh", S2_OP_DSB_NSH, repeats_each,
	 "the repetition's DSB ISH completes it"},
	{"tlb:flush_vmid_ipa", S2_OP_ISB, is_loaded_already,
	 "VTTBR_EL2 is loaded already where this life flushes by IPA"},
	{"tlb:flush_vm_context", S2_OP_ISB, ALWAYS, "the guest's entry synchronises as well"},
	{"tlb:flush_vm_context", S2_OP_DSB_ISH, syncs_before_entry,
	 "another DSB comes before the number is used"},
	{"tlb:flush_vm_context", S2_OP_DSB_ISHST, ALWAYS,
	 "no table is walked under a number that nobody has: no store is waited for"},
	{"vcpu:load", S2_OP_ISB, ALWAYS,
	 "against speculative AT: no walk is made between the two writes here"},
};

const char *s2_mutant_harmless(const struct s2_features *features, const struct s2_flavour *flavour,
			       const struct s2_mutant *mutant)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if ((harmless[i].site == ANY_SITE || !strcmp(harmless[i].site, mutant->site)) &&
		    (harmless[i].op == ANY_OP || harmless[i].op == mutant->op) &&
		    (harmless[i].when == ALWAYS || harmless[i].when(features, flavour)))
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

struct lives {
	const struct s2_features *features;
	const struct s2_flavour *flavour;
};

static int live(void *arg, struct s2_judge *judge, struct s2_error *err)
{
	const struct lives *lives = arg;

	return s2_life_run(lives->features, lives->flavour, judge, err);
}

int s2_mutant_run(const struct s2_features *features, const struct s2_flavour *flavour,
		  const struct s2_mutant *mutant, struct s2_judge *judge, struct s2_error *err)
{
	static const struct s2_question all = {
		"all", (1U << S2_RULES) - 1 - (1U << S2_RULE_DATA),
		(1U << S2_CONTRACTS) - 1 - (1U << S2_CONTRACT_KVM_COMPAT_ANY)};
	struct lives lives = {features, flavour};
	const struct s2_judged judged = {live, &lives, &all, 1};
	struct s2_mutant copy;
	int ret;

	judge->left_out = NULL;
	if (mutant) {
		copy = *mutant;
		judge->left_out = leave_out;
		judge->left_out_arg = &copy;
	}
	ret = s2_judge_run(judge, &judged, err);
	judge->left_out = NULL;
	return ret;
}
