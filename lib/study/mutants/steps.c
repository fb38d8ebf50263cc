/* SPDX-License-Identifier: MIT */
#include "study/mutants/steps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "study/mutants/edit.h"

/* What an oracle understands and an algorithm could forget. */
static bool may_be_forgotten(enum s2_op op)
{
	return op <= S2_OP_TLBI_VALE2IS || (op >= S2_OP_DSB_ISH && op <= S2_OP_IC_IALLU);
}

static bool may_be_swapped(enum s2_op op)
{
	return may_be_forgotten(op) || op == S2_OP_SYSREG_WRITE;
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
	 "entries by VA of another vcpu: stage 1 is not judged"},
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
	 "nobody has that number yet, so that no store is waited for"},
	{"vcpu:load", S2_OP_ISB, ALWAYS,
	 "against speculative AT: no walk is made between the two writes here"},
};

/* Classes of instructions, beside the instructions themselves. */
enum {
	ANY_DSB = S2_OP_COUNT + 1,
	ANY_TLBI,
	ANY_IC,
	ANY_REG_BUT_HCR,
};

static bool is_in(unsigned class, enum s2_op op, uint32_t reg)
{
	switch (class) {
	case ANY_OP:
		return true;
	case ANY_DSB:
		return op >= S2_OP_DSB_ISH && op <= S2_OP_DSB_SY;
	case ANY_TLBI:
		return op <= S2_OP_TLBI_VALE2IS;
	case ANY_IC:
		return op >= S2_OP_IC_IVAU && op <= S2_OP_IC_IALLU;
	case ANY_REG_BUT_HCR:
		return reg && reg != 1 + S2_SYSREG_HCR_EL2;
	default:
		return class == op;
	}
}

static bool repeats_at_end(const struct s2_features *f, const struct s2_flavour *flavour)
{
	return f->repeat_tlbi && flavour->repeat == S2_REPEAT_SYNC;
}

/* The workaround has an ISB of its own between VTTBR_EL2 and HCR_EL2. */
static bool isolates_at(const struct s2_features *f, const struct s2_flavour *flavour)
{
	(void)flavour;
	return f->vhe && f->speculative_at;
}

/* HCR_EL2 is what was written last before the ISB. */
static bool writes_hcr_last(const struct s2_features *f, const struct s2_flavour *flavour)
{
	(void)flavour;
	return f->vhe;
}

/* By IPA only faults flush, and the VMM's CPU has loaded the VM's for an earlier flush. */
static bool stays_loaded(const struct s2_features *f, const struct s2_flavour *flavour)
{
	return f->vhe && flushes_by_range(f, flavour) && !flavour->exit_clears_vttbr;
}

/* The same of two that are swapped: op comes after with. */
static const struct {
	const char *site;
	unsigned op, with;
	when_fn *when;
	const char *why;
} harmless_swaps[] = {
	{ANY_SITE, S2_OP_SYSREG_WRITE, S2_OP_SYSREG_WRITE, ALWAYS,
	 "two registers, neither in force before the ISB after both"},
	{ANY_SITE, S2_OP_ISB, S2_OP_SYSREG_WRITE, ALWAYS,
	 "on the way out: all is complete, and the guest's entry synchronises"},
	{ANY_SITE, ANY_DSB, S2_OP_SYSREG_WRITE, ALWAYS,
	 "the DSB still is before the TLBI, and the register in force after the ISB only"},
	{ANY_SITE, ANY_DSB, S2_OP_ISB, ALWAYS,
	 "the entry, or the way out, synchronises once more after the DSB"},
	{ANY_SITE, ANY_IC, ANY_OP, ALWAYS, "stale instructions are not judged"},
	{"tlb:flush_cpu_context", ANY_OP, ANY_OP, ALWAYS,
	 "entries by VA of another vcpu: stage 1 is not judged"},
	{"tlb:flush_vmid", ANY_OP, ANY_OP, flushes_by_range,
	 "follows aging alone on this machine: an older access flag may be held"},
	{"tlb:flush_vmid", S2_OP_SYSREG_WRITE, S2_OP_ISB, writes_hcr_last,
	 "VMALLS12E1 is about the guest whatever TGE says"},
	{ANY_SITE, ANY_REG_BUT_HCR, S2_OP_ISB, isolates_at,
	 "against speculative AT: no walk is made between the two writes here"},
	{ANY_SITE, S2_OP_ISB, ANY_TLBI, isolates_at,
	 "the workaround's ISB is before it: what is not in force is TGE, of which it knows nothing"},
	{"tlb:flush_vmid_ipa", S2_OP_ISB, ANY_TLBI, flushes_by_range,
	 "VTTBR_EL2 is loaded already where this life flushes by IPA"},
	{"tlb:flush_vmid_ipa_nsh", S2_OP_ISB, ANY_TLBI, stays_loaded,
	 "VTTBR_EL2 is loaded already: it is the vcpu's"},
	{"tlb:flush_vmid_range", S2_OP_ISB, S2_OP_TLBI_IPAS2E1IS, stays_loaded,
	 "VTTBR_EL2 is loaded already: the VMM's flush before was of this VM"},
	{"tlb:flush_vmid_ipa", S2_OP_SYSREG_WRITE, S2_OP_ISB, is_loaded_already,
	 "VTTBR_EL2 is loaded already where this life flushes by IPA"},
	{ANY_SITE, ANY_TLBI, ANY_DSB, repeats_each, "the TLBI comes twice, once in its place"},
	{ANY_SITE, ANY_DSB, ANY_TLBI, repeats_each, "the TLBI comes twice, once in its place"},
	{ANY_SITE, S2_OP_ISB, ANY_TLBI, repeats_each, "the TLBI comes twice, once in its place"},
	{ANY_SITE, S2_OP_DSB_ISH, S2_OP_TLBI_VALE2IS, ALWAYS,
	 "the erratum that it works around is not modelled"},
	{ANY_SITE, S2_OP_TLBI_VALE2IS, S2_OP_DSB_ISH, ALWAYS,
	 "the erratum that it works around is not modelled"},
	{"tlb:flush_vmid_ipa", S2_OP_TLBI_VMALLE1IS, S2_OP_DSB_ISH, repeats_at_end,
	 "the workaround's DSB completes it"},
	{"tlb:flush_vmid", S2_OP_TLBI_VMALLS12E1IS, S2_OP_DSB_ISH, repeats_at_end,
	 "the workaround's DSB completes it"},
	{"tlb:flush_vm_context", ANY_DSB, S2_OP_TLBI_ALLE1IS, ALWAYS,
	 "nobody has that number yet, so that no store is waited for"},
	{"tlb:flush_vm_context", S2_OP_TLBI_ALLE1IS, ANY_DSB, syncs_before_entry,
	 "another DSB comes before the number is used"},
};

static const char *swap_harmless(const struct s2_features *features, const struct s2_flavour *flavour,
				 const struct s2_step_mutant *mutant)
{
	for (size_t i = 0; i < sizeof(harmless_swaps) / sizeof(harmless_swaps[0]); i++)
		if ((harmless_swaps[i].site == ANY_SITE ||
		     !strcmp(harmless_swaps[i].site, mutant->site)) &&
		    is_in(harmless_swaps[i].op, mutant->op, mutant->reg) &&
		    is_in(harmless_swaps[i].with, mutant->with, mutant->with_reg) &&
		    (harmless_swaps[i].when == ALWAYS ||
		     harmless_swaps[i].when(features, flavour)))
			return harmless_swaps[i].why;
	return NULL;
}

static bool is_swap(const struct s2_step_mutant *mutant)
{
	return mutant->with != S2_OP_COUNT;
}

const char *s2_step_mutant_harmless(const struct s2_features *features,
				    const struct s2_flavour *flavour,
				    const struct s2_step_mutant *mutant)
{
	if (is_swap(mutant))
		return swap_harmless(features, flavour, mutant);
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if ((harmless[i].site == ANY_SITE || !strcmp(harmless[i].site, mutant->site)) &&
		    (harmless[i].op == ANY_OP || harmless[i].op == mutant->op) &&
		    (harmless[i].when == ALWAYS || harmless[i].when(features, flavour)))
			return harmless[i].why;
	return NULL;
}

static const char *insn_name(enum s2_op op, uint32_t reg)
{
	static const char *const regs[] = {"vttbr_el2", "vtcr_el2", "hcr_el2", "tcr_el1",
					   "sctlr_el1"};

	return reg ? regs[reg - 1] : s2_op_name(op);
}

const char *s2_step_mutant_name(const struct s2_step_mutant *mutant, char *buf, size_t size)
{
	const char *with = is_swap(mutant) ? insn_name(mutant->with, mutant->with_reg) : "";

	(void)snprintf(buf, size, "%s%s%s@%s", insn_name(mutant->op, mutant->reg),
		       is_swap(mutant) ? "/" : "", with, mutant->site);
	return buf;
}

/* ---- finding them ---- */

struct search {
	struct s2_step_mutants *left_out;
	struct s2_step_mutants swaps;
	struct s2_insn last[8]; /* of each CPU */
	bool too_many;
};

static uint32_t reg_of(const struct s2_insn *insn)
{
	return insn->op == S2_OP_SYSREG_WRITE ? (uint32_t)insn->addr + 1 : 0;
}

static bool is_same(const struct s2_step_mutant *a, const struct s2_step_mutant *b)
{
	return a->op == b->op && a->with == b->with && a->reg == b->reg &&
	       a->with_reg == b->with_reg && !strcmp(a->site, b->site);
}

static void note(struct search *s, struct s2_step_mutants *all, const struct s2_step_mutant *found)
{
	for (size_t i = 0; i < all->n; i++) {
		if (!is_same(&all->mutant[i], found))
			continue;
		all->mutant[i].n++;
		return;
	}
	s->too_many = s->too_many || all->n == S2_STEP_MUTANTS_MAX;
	if (!s->too_many)
		all->mutant[all->n++] = *found;
}

static void note_insn(struct search *s, unsigned cpu, const struct s2_insn *insn)
{
	const struct s2_step_mutant one = {
		.op = insn->op, .with = S2_OP_COUNT, .site = insn->site, .n = 1};
	struct s2_insn *last = &s->last[cpu % (sizeof(s->last) / sizeof(s->last[0]))];
	const struct s2_step_mutant two = {.op = last->op,
					   .with = insn->op,
					   .site = insn->site,
					   .reg = reg_of(last),
					   .with_reg = reg_of(insn),
					   .n = 1};

	if (may_be_forgotten(insn->op))
		note(s, s->left_out, &one);
	if (last->site && may_be_swapped(last->op) && may_be_swapped(insn->op) &&
	    (last->op != insn->op || last->addr != insn->addr) && !strcmp(last->site, insn->site))
		note(s, &s->swaps, &two);
	*last = *insn;
}

/* Changes nothing, and takes note. */
static size_t take_note(void *arg, const struct s2_event *event, struct s2_insn *out)
{
	for (size_t k = 0; k < event->n_insns; k++) {
		note_insn(arg, event->cpu, &event->insns[k]);
		out[k] = event->insns[k];
	}
	return event->n_insns;
}

static void add_swaps(struct search *s)
{
	struct s2_step_mutants *all = s->left_out;

	all->n_left_out = all->n;
	for (size_t i = 0; i < s->swaps.n; i++) {
		s->too_many = s->too_many || all->n == S2_STEP_MUTANTS_MAX;
		if (!s->too_many)
			all->mutant[all->n++] = s->swaps.mutant[i];
	}
}

int s2_step_mutants_find(const struct s2_features *features, const struct s2_flavour *flavour,
			 struct s2_step_mutants *mutants, struct s2_error *err)
{
	struct search s = {.left_out = mutants};
	struct s2_judge judge = {.edit = take_note, .edit_arg = &s};
	int ret;

	mutants->n = 0;
	ret = s2_life_run(S2_LIFE_ALL, features, flavour, &judge, err);
	add_swaps(&s);
	if (!ret && s.too_many) {
		s2_error_set(err, 1, "more than %d steps in a life", S2_STEP_MUTANTS_MAX);
		ret = -E2BIG;
	}
	return ret;
}

/* ---- living with one ---- */

struct lives {
	const struct s2_features *features;
	const struct s2_flavour *flavour;
	enum s2_life_kind kind;
	struct s2_editor editor;
};

static int live(void *arg, struct s2_judge *judge, struct s2_error *err)
{
	struct lives *lives = arg;

	lives->editor.holds = NULL;
	return s2_life_run(lives->kind, lives->features, lives->flavour, judge, err);
}

static int find(struct s2_judge *judge, const struct s2_judged *judged, bool story,
		struct s2_error *err)
{
	return story ? s2_judge_run(judge, judged, err) : s2_judge_once(judge, judged, err);
}

int s2_step_mutant_run(const struct s2_features *features, const struct s2_flavour *flavour,
		       const struct s2_step_mutant *mutant, bool story, struct s2_judge *judge,
		       struct s2_error *err)
{
	static const struct s2_question all = {
		"all", (1U << S2_RULES) - 1 - (1U << S2_RULE_DATA),
		(1U << S2_GUEST_CONTRACTS) - 1 - (1U << S2_CONTRACT_KVM_COMPAT_ANY)};
	struct s2_edit edits[S2_EDITS] = {{0}};
	struct lives lives = {features, flavour, S2_LIFE_VM, {.edit = edits}};
	const struct s2_judged judged = {live, &lives, &all, 1};
	int ret;

	judge->edit = NULL;
	if (mutant) {
		edits[0] = (struct s2_edit){
			.kind = is_swap(mutant) ? S2_EDIT_BEHIND : S2_EDIT_DROP,
			.op = mutant->op,
			.with = mutant->with,
			.site = mutant->site,
			.reg = mutant->reg,
			.with_reg = mutant->with_reg,
		};
		judge->edit = s2_editor_edit;
		judge->edit_arg = &lives.editor;
	}
	/* Most break something while there is one VM; the many that come after it take longest. */
	ret = find(judge, &judged, story, err);
	lives.kind = S2_LIFE_ALL;
	if (!ret && !judge->told)
		ret = find(judge, &judged, story, err);
	judge->edit = NULL;
	return ret;
}
