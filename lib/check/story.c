/* SPDX-License-Identifier: MIT */
#include "check/story.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/residue.h>
#include <stage2sim/tlbi.h>

/* Repetitions of a run that are looked at one by one. */
#define MOST_REPEATS 4096U

int s2_story_begin(struct s2_oracle *o, const struct s2_violation *of)
{
	struct s2_story *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->of = *of;
	s->open = calloc((o->machine->n_cpus + 63) / 64, sizeof(*s->open));
	if (!s->open) {
		free(s);
		return -ENOMEM;
	}
	o->story = s;
	return 0;
}

void s2_story_free(struct s2_story *s)
{
	if (s)
		free(s->open);
	free(s);
}

void s2_story_found(struct s2_story *s, const struct s2_violation *v)
{
	s->found = s->found || (v->finding == s->of.finding && v->contract == s->of.contract &&
				v->step == s->of.step);
}

/* Where the next line goes: the first is kept, of the others the newest. */
static char *next_line(struct s2_story *s)
{
	char *line = s->n ? s->lines[(s->n - 1) % S2_STORY_LINES] : s->first;

	s->n++;
	return line;
}

/* What memory and TLBs may hold of it now, added to a line. */
static void add_state(struct s2_oracle *o, char *line)
{
	const struct s2_violation *v = &o->story->of;
	const size_t used = strlen(line);
	struct s2_version_set cached, past;

	if (v->rule != S2_RULE_DATA) {
		const unsigned held =
			s2_residue_at(o->physics, v->vmid, v->ipa, v->cpu, NULL, NULL);

		(void)snprintf(line + used, S2_STORY_LINE - used, held ? "; CPU %u may hold %u old"
									 : "; CPU %u holds none old",
			       v->cpu, held);
		return;
	}
	if (s2_memory_possible(o->data.memory, S2_AGENT_WRITE_BACK, v->pa, &cached) ||
	    s2_memory_possible(o->data.memory, S2_AGENT_NON_CACHEABLE, v->pa, &past))
		return;
	(void)snprintf(line + used, S2_STORY_LINE - used,
		       cached.count == 1 ? "; a cacheable read gives write %u"
					 : "; a cacheable read may give writes %u to %u",
		       cached.oldest, cached.newest);
	(void)snprintf(line + strlen(line), S2_STORY_LINE - strlen(line),
		       past.count == 1 ? ", one past the caches %u" : ", one past the caches %u to %u",
		       past.oldest, past.newest);
}

__attribute__((format(printf, 3, 4)))
static void tell(struct s2_oracle *o, unsigned cpu, const char *format, ...)
{
	struct s2_story *s = o->story;
	char *line = next_line(s);
	va_list args;
	int len = cpu < o->machine->n_cpus ? snprintf(line, S2_STORY_LINE, "CPU %u: ", cpu) : 0;

	line[len] = '\0';
	va_start(args, format);
	(void)vsnprintf(line + len, S2_STORY_LINE - (size_t)len, format, args);
	va_end(args);
	add_state(o, line);
}

/* ---- which steps it is about ---- */

/* Whether a loop over lines has that of the violation in one of its repetitions. */
static bool names_line(const struct s2_violation *v, const struct s2_insn *insn, uint64_t repeat)
{
	uint64_t i = 0;

	if (v->pa.v < insn->addr || !insn->value)
		return false;
	if (insn->addr_step)
		i = (v->pa.v - insn->addr) / insn->addr_step;
	return i < repeat && v->pa.v - insn->addr - i * insn->addr_step < insn->value;
}

/* Whether a store, in one of its repetitions, is of a descriptor that maps the address. */
static bool maps_address(const struct s2_oracle *o, const struct s2_insn *insn, uint64_t repeat)
{
	const struct s2_violation *v = &o->story->of;
	const struct s2_table_meta *meta = s2_residues_page(o->residues, insn->addr);
	uint64_t ipa, index, first;

	if (!meta || meta->vm->vmid.v != v->vmid.v)
		return false;
	ipa = s2_meta_ipa(o->residues, meta);
	index = (v->ipa.v - ipa) >> s2_res_shift(o->residues, meta->level);
	first = (insn->addr & ((UINT64_C(1) << o->residues->page_shift) - 1)) / sizeof(s2_pte);
	return v->ipa.v >= ipa && index >= first && index - first < repeat;
}

static bool names_address(const struct s2_oracle *o, unsigned cpu, const struct s2_insn *insn,
			  uint64_t repeat)
{
	const struct s2_violation *v = &o->story->of;
	struct s2_tlbi_span span;

	for (uint64_t i = 0; i < repeat && i < MOST_REPEATS; i++)
		if (s2_residues_span(o->residues, cpu, insn, i, &span) &&
		    v->ipa.v - span.start.v < span.size)
			return true;
	return false;
}

static bool is_vmid(const struct s2_oracle *o, unsigned cpu)
{
	const struct s2_phys_cpu *state = &o->physics->cpus[cpu];

	return !state->regime_err && state->regime.vmid.v == o->story->of.vmid.v;
}

/* ---- steps ---- */

static void set_open(struct s2_story *s, unsigned cpu, bool open)
{
	const uint64_t bit = UINT64_C(1) << cpu % 64;

	s->open[cpu / 64] = open ? s->open[cpu / 64] | bit : s->open[cpu / 64] & ~bit;
}

static void story_tlbi(struct s2_oracle *o, unsigned cpu, const struct s2_insn *insn,
		       uint64_t repeat)
{
	const bool by_ipa =
		insn->op == S2_OP_TLBI_IPAS2E1IS || insn->op == S2_OP_TLBI_IPAS2E1 ||
		insn->op == S2_OP_TLBI_RIPAS2E1IS || insn->op == S2_OP_TLBI_RIPAS2E1;

	if (insn->op != S2_OP_TLBI_ALLE1IS && !is_vmid(o, cpu))
		return;
	if (by_ipa && !names_address(o, cpu, insn, repeat))
		return;
	tell(o, cpu, "%s (%s)", s2_op_name(insn->op), insn->site);
	set_open(o->story, cpu, true);
}

static void story_line(struct s2_oracle *o, unsigned cpu, const struct s2_insn *insn,
		       uint64_t repeat)
{
	if (!names_line(&o->story->of, insn, repeat))
		return;
	tell(o, cpu, "%s of it (%s)", s2_op_name(insn->op), insn->site);
	set_open(o->story, cpu, true);
}

static void story_store(struct s2_oracle *o, unsigned cpu, const struct s2_insn *insn,
			uint64_t repeat)
{
	if (!maps_address(o, insn, repeat))
		return;
	tell(o, cpu, "stores descriptor 0x%" PRIx64 " at 0x%" PRIx64 " (%s)", insn->value,
	     insn->addr, insn->site);
	set_open(o->story, cpu, true);
}

static void story_dsb(struct s2_oracle *o, unsigned cpu, const struct s2_insn *insn)
{
	if (!(o->story->open[cpu / 64] >> cpu % 64 & 1))
		return;
	tell(o, cpu, "%s (%s)", s2_op_name(insn->op), insn->site);
	set_open(o->story, cpu, false);
}

/* Of the rules about translations and tables: who may walk, and what goes. */
static void story_translation(struct s2_oracle *o, unsigned cpu, const struct s2_insn *insn,
			      uint64_t repeat)
{
	const struct s2_violation *v = &o->story->of;

	switch (insn->op) {
	case S2_OP_PTE_WRITE:
		story_store(o, cpu, insn, repeat);
		break;
	case S2_OP_TABLE_FREE:
		if (v->page.v && insn->addr == v->page.v)
			tell(o, cpu, "frees that table page (%s)", insn->site);
		break;
	case S2_OP_GUEST_ENTRY:
	case S2_OP_GUEST_EXIT:
		if (cpu == v->cpu && is_vmid(o, cpu) && !v->size)
			tell(o, cpu, "%s (%s)", s2_op_name(insn->op), insn->site);
		break;
	case S2_OP_DSB_ISH:
	case S2_OP_DSB_ISHST:
	case S2_OP_DSB_NSH:
	case S2_OP_DSB_NSHST:
	case S2_OP_DSB_SY:
		story_dsb(o, cpu, insn);
		break;
	default:
		if (insn->op <= S2_OP_TLBI_ALLE1IS)
			story_tlbi(o, cpu, insn, repeat);
		break;
	}
}

static void story_data(struct s2_oracle *o, unsigned cpu, const struct s2_insn *insn,
		       uint64_t repeat)
{
	switch (insn->op) {
	case S2_OP_DC_CIVAC:
	case S2_OP_DC_CVAC:
	case S2_OP_DC_IVAC:
		story_line(o, cpu, insn, repeat);
		break;
	case S2_OP_DSB_ISH:
	case S2_OP_DSB_SY:
		story_dsb(o, cpu, insn);
		break;
	default:
		break;
	}
}

void s2_story_event(struct s2_oracle *o, const struct s2_event *event)
{
	for (size_t k = 0; k < event->n_insns && !o->story->ended; k++) {
		if (o->story->of.rule == S2_RULE_DATA)
			story_data(o, event->cpu, &event->insns[k], event->repeat);
		else
			story_translation(o, event->cpu, &event->insns[k], event->repeat);
	}
	o->story->ended = o->story->found;
}

/* Whether the violation's line is one that the act touches. */
static bool has_line(const struct s2_oracle *o, const struct s2_act *act)
{
	const unsigned shift = o->data.line_shift;
	const uint64_t line = o->story->of.pa.v >> shift;

	return act->size && line >= act->pa.v >> shift &&
	       line <= (act->pa.v + (act->size - 1)) >> shift;
}

static void story_access(struct s2_oracle *o, const struct s2_act *act)
{
	static const char *const does[] = {"reads it", "writes it", "fetches from it"};

	tell(o, UINT32_MAX, "vcpu %u: %s, caches %s%s", act->vcpu, does[act->access],
	     act->cacheable ? "on" : "off", act->access == S2_ACCESS_WRITE ? ": the last write" : "");
}

static void story_act(struct s2_oracle *o, const struct s2_act *act)
{
	static const char *const ops[] = {
		[S2_LINE_CLEAN] = "cleans it",
		[S2_LINE_CLEAN_INVALIDATE] = "cleans and invalidates it",
		[S2_LINE_INVALIDATE] = "invalidates it",
	};
	const struct s2_violation *v = &o->story->of;

	switch (act->kind) {
	case S2_ACT_GIVE:
		if (has_line(o, act))
			tell(o, UINT32_MAX, "host: writes the page and gives it to VM %u", act->vm);
		break;
	case S2_ACT_TAKE:
		if (has_line(o, act))
			tell(o, UINT32_MAX, "host: takes the page back to read it");
		break;
	case S2_ACT_ACCESS:
		if (has_line(o, act))
			story_access(o, act);
		break;
	case S2_ACT_MAINTAIN:
		if (has_line(o, act))
			tell(o, UINT32_MAX, "vcpu %u: %s by VA", act->vcpu, ops[act->op]);
		break;
	case S2_ACT_CACHES:
		if (act->vcpu == v->vcpu)
			tell(o, UINT32_MAX, "vcpu %u: caches %s, %s", act->vcpu,
			     act->on ? "on" : "off", act->trapped ? "trapped" : "not trapped");
		break;
	default:
		if (act->vcpu == v->vcpu)
			tell(o, UINT32_MAX, "vcpu %u: %s", act->vcpu, s2_act_name(act->kind));
		break;
	}
}

void s2_story_act(struct s2_oracle *o, const struct s2_act *act)
{
	if (!o->story->ended && o->story->of.rule == S2_RULE_DATA)
		story_act(o, act);
	o->story->ended = o->story->found;
}

void s2_story_rely(struct s2_oracle *o, unsigned cpu, const struct s2_reliance *what)
{
	const struct s2_violation *v = &o->story->of;

	if (!o->story->ended && v->rule != S2_RULE_DATA && v->ipa.v - what->ipa.v < what->size)
		tell(o, cpu, "%s: %s", what->function ? what->function : "?",
		     s2_reliance_name(what->kind));
	o->story->ended = o->story->found;
}

const char *s2_oracle_story(struct s2_oracle *o, size_t i)
{
	struct s2_story *s = o->story;
	size_t kept, gone;
	const char *line;

	if (!s || !s->n)
		return NULL;
	kept = s->n - 1 < S2_STORY_LINES ? s->n - 1 : S2_STORY_LINES;
	gone = s->n - 1 - kept;
	if (i > kept)
		return NULL;
	line = i ? s->lines[(gone + i - 1) % S2_STORY_LINES] : s->first;
	(void)snprintf(s->text, sizeof(s->text), "%2zu. %.150s", i ? gone + i + 1 : 1, line);
	return s->text;
}
