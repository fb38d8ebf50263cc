/* SPDX-License-Identifier: MIT */
#include "check/oracle.h"
#include "check/oracle_data.h"
#include "check/story.h"

#include <errno.h>
#include <stdlib.h>

#define KEEP_DEFAULT 16

/* Of which violations are kept apart. */
#define KINDS ((size_t)S2_RULES + S2_CONTRACTS)

/* TCR_EL1.EPD0 and EPD1: no walks of stage 1 by either TTBR. */
#define TCR_EPD (S2_BIT(7) | S2_BIT(23))

void s2_oracle_report(struct s2_oracle *o, struct s2_violation *v)
{
	v->rule = s2_finding_rule(v->finding);
	if (!s2_oracle_asks(o, v->rule))
		return;
	o->found[v->rule]++;
	if (v->rule == S2_RULE_DATA)
		o->broken[v->contract]++;
	v->step = o->steps;
	v->site = o->site;
	if (o->story)
		s2_story_found(o, v);
	if ((v->rule == S2_RULE_DATA ? o->broken[v->contract] : o->found[v->rule]) > o->cfg.keep)
		return;
	o->kept[o->n_kept++] = *v;
	if (o->cfg.found)
		o->cfg.found(o->cfg.arg, v);
}

/*
 * SPECULATIVE_AT: an AT walks EL1's regime where that is the one in force, and
 * gets no further than stage 1 while walks of that are switched off, which is
 * the kernel's workaround.
 */
static bool may_speculate(const struct s2_oracle *o, unsigned cpu)
{
	const uint64_t tcr = o->machine->cpus[cpu].sysreg[S2_SYSREG_TCR_EL1];

	if (s2_hcr_is_host(o->physics->cpus[cpu].effective.hcr))
		return false;
	return (tcr & TCR_EPD) != TCR_EPD;
}

bool s2_oracle_walks(const struct s2_oracle *o, unsigned cpu, struct s2_vmid vmid)
{
	const struct s2_phys_cpu *state = &o->physics->cpus[cpu];

	if (state->regime_err || state->regime.vmid.v != vmid.v)
		return false;
	if (state->in_guest || state->draining)
		return true;
	return o->machine->features.speculative_at && may_speculate(o, cpu);
}

unsigned s2_oracle_walker(const struct s2_oracle *o, struct s2_vmid vmid)
{
	unsigned cpu = 0;

	while (cpu < o->machine->n_cpus && !s2_oracle_walks(o, cpu, vmid))
		cpu++;
	return cpu;
}

/* The possible TLB has met a new entry that an old one may be held beside. */
static void on_conflict(void *arg, unsigned cpu, const struct s2_residue *old, s2_pte new)
{
	struct s2_oracle *o = arg;
	struct s2_violation v = {.finding = S2_FOUND_COEXISTENCE,
				 .by = cpu,
				 .vmid = old->vmid,
				 .ipa = old->ipa,
				 .size = old->size,
				 .level = old->level,
				 .held = old->pte,
				 .now = new};

	while (v.cpu + 1 < o->machine->n_cpus && !(old->cpus[v.cpu / 64] >> v.cpu % 64 & 1))
		v.cpu++;
	s2_oracle_report(o, &v);
}

/* What the rules want to see before the instruction has had its effect. */
static void before(struct s2_oracle *o, const struct s2_event *event)
{
	for (size_t k = 0; k < event->n_insns; k++) {
		const struct s2_insn *insn = &event->insns[k];

		switch (insn->op) {
		case S2_OP_PTE_READ:
			s2_oracle_on_read(o, event, insn);
			break;
		case S2_OP_PTE_WRITE:
			s2_oracle_on_store(o, event->cpu, insn, event->repeat);
			break;
		case S2_OP_TABLE_ALLOC:
			s2_oracle_on_alloc(o, event->cpu, insn, event->repeat);
			break;
		case S2_OP_TABLE_FREE:
			for (uint64_t i = 0; i < event->repeat; i++)
				s2_oracle_on_free(o, event, insn, i);
			break;
		default:
			break;
		}
	}
}

static void invalidated(struct s2_oracle *o, const struct s2_event *event,
			const struct s2_insn *insn)
{
	for (uint64_t i = 0; o->data.memory && i < event->repeat; i++)
		s2_data_invalidated(o, insn->addr + i * insn->addr_step, insn->value);
}

static void after(struct s2_oracle *o, const struct s2_event *event)
{
	for (size_t k = 0; k < event->n_insns; k++) {
		const enum s2_op op = event->insns[k].op;

		switch (op) {
		case S2_OP_TLBI_ALLE1IS:
		case S2_OP_TLBI_VMALLS12E1IS:
			s2_oracle_on_tlbi(o, event->cpu, op);
			break;
		case S2_OP_DSB_ISH:
		case S2_OP_DSB_ISHST:
		case S2_OP_DSB_NSH:
		case S2_OP_DSB_NSHST:
		case S2_OP_DSB_SY:
			s2_oracle_on_dsb(o, event->cpu, op);
			break;
		case S2_OP_DMB_ISH:
		case S2_OP_DMB_ISHST:
			s2_oracle_on_dmb(o, event->cpu);
			break;
		case S2_OP_GUEST_ENTRY:
			s2_oracle_on_entry(o, event->cpu);
			break;
		case S2_OP_DC_IVAC:
			invalidated(o, event, &event->insns[k]);
			break;
		case S2_OP_ISB:
		case S2_OP_HYPERCALL:
			if (o->machine->features.speculative_at)
				s2_oracle_on_entry(o, event->cpu);
			break;
		default:
			break;
		}
	}
}

bool s2_oracle_may_leave_out(enum s2_op op)
{
	return op != S2_OP_PTE_READ && op != S2_OP_PTE_WRITE && op != S2_OP_TABLE_ALLOC &&
	       op != S2_OP_TABLE_FREE;
}

static void follow(struct s2_oracle *o, const struct s2_event *event)
{
	before(o, event);
	s2_physics_event(o->physics, event);
	after(o, event);
}

/* What is left of the event without what is left out. */
static size_t leave_out(struct s2_oracle *o, const struct s2_event *event, struct s2_insn *rest)
{
	size_t n = 0;

	for (size_t k = 0; k < event->n_insns; k++) {
		const struct s2_insn *insn = &event->insns[k];

		if (!s2_oracle_may_leave_out(insn->op) ||
		    !o->cfg.left_out(o->cfg.arg, event->cpu, insn))
			rest[n++] = *insn;
	}
	return n;
}

/* Of the event, that begins at step @at, what is not dropped. */
static void follow_rest(struct s2_oracle *o, const struct s2_event *event, uint64_t at)
{
	struct s2_insn rest[S2_EDIT_MAX];
	struct s2_event shorter = *event;

	shorter.insns = rest;
	shorter.n_insns = 0;
	for (size_t k = 0; k < event->n_insns; k++)
		if (!s2_oracle_may_leave_out(event->insns[k].op) || !s2_story_is_dropped(o, at + k))
			rest[shorter.n_insns++] = event->insns[k];
	if (shorter.n_insns)
		follow(o, &shorter);
}

/* Counts steps that begin at *@at. @return whether it is to follow them */
static bool goes_on(struct s2_oracle *o, uint64_t steps, uint64_t *at)
{
	*at = o->at;
	o->at += steps;
	if (!o->cfg.most_steps || o->at <= o->cfg.most_steps)
		return true;
	if (!o->error)
		o->error = -E2BIG;
	return false;
}

static void follow_and_tell(struct s2_oracle *o, const struct s2_event *event)
{
	uint64_t at;

	if (!goes_on(o, event->n_insns, &at))
		return;
	if (o->cfg.n_dropped)
		follow_rest(o, event, at);
	else
		follow(o, event);
	if (o->story)
		s2_story_event(o, event, at);
}

/* The run is seen other than it is. */
static S2_SLOW void follow_edited(struct s2_oracle *o, const struct s2_event *event)
{
	struct s2_insn insns[S2_EDIT_MAX];
	struct s2_event seen = *event;

	seen.insns = insns;
	seen.n_insns = o->cfg.edit ? o->cfg.edit(o->cfg.arg, event, insns)
				   : leave_out(o, event, insns);
	if (seen.n_insns)
		follow_and_tell(o, &seen);
}

/* What was not told because it would have left everything as it was is counted all the same. */
static inline void catch_up(struct s2_oracle *o)
{
	const uint64_t n = o->machine->unseen - o->unseen;

	o->steps += n;
	o->at += n;
	o->unseen += n;
}

static void oracle_event(void *arg, const struct s2_event *event)
{
	struct s2_oracle *o = arg;

	catch_up(o);
	o->steps += event->repeat * event->n_insns;
	o->site = event->insns[0].site;
	if (o->cfg.left_out || o->cfg.edit)
		follow_edited(o, event);
	else
		follow_and_tell(o, event);
}

/*
 * The guest goes on, and its accesses bring in what the tables map: also where
 * a model of accesses by tables alone loads no registers for that.
 */
static void enter_again(struct s2_oracle *o, unsigned cpu, const struct s2_regime *regime)
{
	struct s2_phys_cpu *state = &o->physics->cpus[cpu];

	/* What is loaded decides, if it is these tables: its VMID may be another. */
	if (!state->regime_err && state->regime.root.v == regime->root.v)
		return;
	s2_oracle_entered(o, cpu, regime);
	state->issued.vtcr = state->effective.vtcr = regime->vtcr;
	state->issued.vttbr = state->effective.vttbr = regime->vttbr;
	state->regime = *regime;
	state->regime_err = 0;
	state->in_guest = true;
	if (s2_residues_watch(o->residues, regime))
		o->error = -ENOMEM;
}

static void leave(struct s2_oracle *o, unsigned cpu)
{
	struct s2_phys_cpu *state = &o->physics->cpus[cpu];

	state->in_guest = false;
	state->draining = false;
	/* Without VHE the host runs with VTTBR_EL2 zeroed: __load_host_stage2(). */
	if (o->machine->features.vhe)
		return;
	state->issued.vttbr = state->effective.vttbr = 0;
	state->regime_err = -ENOENT;
}

static void decide(struct s2_oracle *o, unsigned cpu, const struct s2_reliance *what)
{
	struct s2_regime regime;
	struct s2_oracle_claim c = {.o = o, .regime = &regime, .by = cpu};

	o->decided++;
	o->site = what->function ? what->function : s2_reliance_name(what->kind);
	if (s2_regime_init(&regime, &o->machine->features, what->vtcr, what->vttbr))
		return;
	c.vm = o->residues->by_vmid[regime.vmid.v];
	c.start = what->ipa.v;
	c.end = what->ipa.v + what->size;
	switch (what->kind) {
	case S2_RELY_RETURN:
		if (!o->numbers[regime.vmid.v].idle)
			s2_oracle_check_return(&c);
		break;
	case S2_RELY_VMID_LEFT:
		s2_oracle_number_left(o, &regime);
		break;
	case S2_RELY_FAULT_RESOLVED:
		s2_oracle_check_return(&c);
		s2_oracle_check_progress(&c, what->ipa, what->access);
		enter_again(o, cpu, &regime);
		break;
	case S2_RELY_DIRTY_HARVESTED:
		s2_oracle_check_harvest(&c);
		break;
	case S2_RELY_CPU_LEFT:
		leave(o, cpu);
		break;
	default:
		s2_oracle_number_given(o, &regime);
		break;
	}
}

static void oracle_rely(void *arg, unsigned cpu, const struct s2_reliance *what)
{
	struct s2_oracle *o = arg;
	uint64_t at;

	catch_up(o);
	if (!goes_on(o, 1, &at) || s2_story_is_dropped(o, at))
		return;
	decide(o, cpu, what);
	if (o->story)
		s2_story_rely(o, cpu, what, at);
}

static void oracle_act(void *arg, const struct s2_act *act)
{
	struct s2_oracle *o = arg;
	uint64_t at;
	int ret;

	catch_up(o);
	if (!goes_on(o, 1, &at) || !o->data.memory || s2_story_is_dropped(o, at))
		return;
	o->decided++;
	o->site = act->site ? act->site : s2_act_name(act->kind);
	ret = s2_data_act(o, act);
	if (ret && !o->error)
		o->error = ret;
	if (o->story)
		s2_story_act(o, act, at);
}

static void oracle_free(struct s2_oracle *o)
{
	s2_data_free(&o->data);
	s2_story_free(o->story);
	s2_physics_free(o->physics);
	for (unsigned i = 0; i < o->machine->n_cpus; i++)
		free(o->cpus[i].fresh);
	free(o->kept);
	free(o->numbers);
	free(o);
}

static int oracle_fill(struct s2_oracle *o)
{
	const struct s2_physics_config physics = {
		.residue = true,
		.memory = s2_oracle_asks(o, S2_RULE_DATA),
		.detail = S2_MEMORY_POSSIBLE,
	};
	int ret = s2_physics_create(o->machine, &physics, &o->physics);

	if (ret)
		return ret;
	s2_data_init(&o->data, &o->machine->features, o->physics->memory);
	o->residues = o->physics->residues;
	o->residues->on_conflict = on_conflict;
	o->residues->on_conflict_arg = o;
	if (o->cfg.keep > SIZE_MAX / KINDS)
		return -ENOMEM;
	o->kept = calloc(o->cfg.keep * KINDS, sizeof(*o->kept));
	o->numbers = calloc((size_t)1 << o->machine->features.vmid_bits, sizeof(*o->numbers));
	if (!o->kept || !o->numbers)
		return -ENOMEM;
	return o->cfg.story ? s2_story_begin(o, o->cfg.story) : 0;
}

int s2_oracle_attach(struct s2_machine *m, const struct s2_oracle_config *cfg,
		     struct s2_oracle **out)
{
	const struct s2_oracle_config all = {0};
	struct s2_sink sink = {.event = oracle_event, .rely = oracle_rely, .act = oracle_act};
	struct s2_oracle *o;
	int ret;

	if (!cfg)
		cfg = &all;
	if (cfg->rules >> S2_RULES)
		return -EINVAL;
	o = calloc(1, sizeof(*o) + m->n_cpus * sizeof(o->cpus[0]));
	if (!o)
		return -ENOMEM;
	o->machine = m;
	o->unseen = m->unseen;
	o->cfg = *cfg;
	o->cfg.keep = cfg->keep ? cfg->keep : KEEP_DEFAULT;
	o->rules = cfg->rules ? cfg->rules : (1U << S2_RULES) - 1;
	ret = oracle_fill(o);
	sink.arg = o;
	if (!ret)
		ret = s2_machine_add_sink(m, &sink);
	if (ret) {
		oracle_free(o);
		return ret;
	}
	s2_machine_set_rest(m, o, s2_oracle_at_rest);
	*out = o;
	return 0;
}

void s2_oracle_detach(struct s2_oracle *o)
{
	if (!o)
		return;
	s2_machine_remove_sink(o->machine, o);
	oracle_free(o);
}

int s2_oracle_watch(struct s2_oracle *o, uint64_t vtcr, uint64_t vttbr)
{
	int ret = s2_physics_watch(o->physics, vtcr, vttbr);
	struct s2_regime regime;

	if (ret)
		return ret;
	o->machine->told++;
	s2_regime_init(&regime, &o->machine->features, vtcr, vttbr);
	o->numbers[regime.vmid.v].live = true;
	o->numbers[regime.vmid.v].root = regime.root.v;
	return 0;
}

int s2_oracle_error(const struct s2_oracle *o)
{
	return o->error ? o->error : s2_physics_error(o->physics);
}

uint64_t s2_oracle_count(const struct s2_oracle *o, enum s2_rule rule)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < S2_RULES; i++)
		if (rule == S2_RULES || rule == i)
			n += o->found[i];
	return n;
}

uint64_t s2_oracle_contract_count(const struct s2_oracle *o, enum s2_contract contract)
{
	return (unsigned)contract < S2_CONTRACTS ? o->broken[contract] : 0;
}

const struct s2_violation *s2_oracle_violation(const struct s2_oracle *o, size_t index)
{
	return index < o->n_kept ? &o->kept[index] : NULL;
}

uint64_t s2_oracle_decided(const struct s2_oracle *o)
{
	return o->decided;
}

uint64_t s2_oracle_steps(const struct s2_oracle *o)
{
	return o->at + (o->machine->unseen - o->unseen);
}
