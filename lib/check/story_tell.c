/* SPDX-License-Identifier: MIT */
/* Which steps of a run a story tells, and in which words. */
#include "check/story.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <stage2sim/residue.h>
#include <stage2sim/tlbi.h>

/* Repetitions of a run that are looked at one by one. */
#define MOST_REPEATS 4096U

/* ---- what may be held and read ---- */

/* "write 3", "writes 3 to 5" */
static int add_writes(char *buf, size_t size, const struct s2_version_set *set)
{
	return set->count == 1 ? snprintf(buf, size, "write %u", set->oldest)
			       : snprintf(buf, size, "writes %u to %u", set->oldest, set->newest);
}

static void say_memory(const struct s2_oracle *o, char *buf, size_t size)
{
	const struct s2_pa pa = o->story->of.pa;
	struct s2_version_set cached, past;
	int len;

	buf[0] = '\0';
	if (s2_memory_possible(o->data.memory, S2_AGENT_WRITE_BACK, pa, &cached) ||
	    s2_memory_possible(o->data.memory, S2_AGENT_NON_CACHEABLE, pa, &past))
		return;
	len = snprintf(buf, size, cached.count == 1 ? "a cacheable read gives "
						    : "a cacheable read may give ");
	len += add_writes(buf + len, size - (size_t)len, &cached);
	len += snprintf(buf + len, size - (size_t)len, ", one past the caches ");
	(void)add_writes(buf + len, size - (size_t)len, &past);
}

static unsigned old_ones(const struct s2_oracle *o)
{
	const struct s2_violation *v = &o->story->of;

	return s2_residue_at(o->physics, v->vmid, v->ipa, v->cpu, NULL, NULL);
}

static void say_state(const struct s2_oracle *o, char *buf, size_t size)
{
	const struct s2_violation *v = &o->story->of;
	unsigned held;

	if (v->rule == S2_RULE_DATA) {
		say_memory(o, buf, size);
		return;
	}
	/* Of a page or of a number, not of an address, there is nothing to count. */
	buf[0] = '\0';
	if (!v->size || v->rule == S2_RULE_PUBLICATION)
		return;
	held = old_ones(o);
	if (held)
		(void)snprintf(buf, size, "CPU %u may hold %u old translation%s", v->cpu, held,
			       held > 1 ? "s" : "");
	else
		(void)snprintf(buf, size, "CPU %u holds no old translation", v->cpu);
}

/* Whether reads by an agent may give what is older than @version, and the oldest. */
static bool may_be_older(const struct s2_oracle *o, const struct s2_violation *v,
			 enum s2_agent agent, uint32_t *oldest)
{
	struct s2_version_set set = {0};
	const int ret = s2_memory_possible(o->data.memory, agent, v->pa, &set);

	*oldest = set.oldest;
	return !ret && set.oldest < v->last;
}

static void end_of_data(const struct s2_oracle *o, const struct s2_violation *v, char *buf,
			size_t size)
{
	const bool leak = v->finding == S2_FOUND_LEAK;
	bool past = v->finding == S2_FOUND_STALE_POC;
	uint32_t oldest;

	/* What is there from before is found by whichever read may give it. */
	if (leak)
		past = !may_be_older(o, v, S2_AGENT_WRITE_BACK, &oldest);
	(void)may_be_older(o, v, past ? S2_AGENT_NON_CACHEABLE : S2_AGENT_WRITE_BACK, &oldest);
	(void)snprintf(buf, size, "a %s may return write %u%s; right is write %u%s",
		       past ? "read past the caches" : "cacheable read", oldest,
		       leak ? ", from before the page was given" : "", v->last,
		       leak ? " or a later one" : "");
}

/* What would have been right in place of what was found, where no descriptor says it. */
static const char *right_instead(enum s2_finding finding)
{
	switch (finding) {
	case S2_FOUND_WALK:
		return "that all walks begin anew, in the tables as they are";
	case S2_FOUND_REFUSED:
		return "that the access goes through";
	case S2_FOUND_UNPUBLISHED:
		return "a store-release, or a DSB before the link";
	case S2_FOUND_FREED_REACHABLE:
	case S2_FOUND_ENTERED_FREED:
		return "to free it once it is unlinked, and the TLBI for that is complete";
	case S2_FOUND_FREED_TWICE:
		return "to free each page once";
	case S2_FOUND_READ_FREED:
		return "not to look at it any more";
	case S2_FOUND_VMID_OF_ANOTHER:
	case S2_FOUND_VMID_LEFT:
		return "to invalidate what that number names before it is used again";
	default:
		return NULL;
	}
}

static void end_of_translation(const struct s2_violation *v, char *buf, size_t size)
{
	char by[64];

	(void)snprintf(by, sizeof(by), "IPA 0x%" PRIx64 " by 0x%" PRIx64, v->ipa.v,
		       v->held ? v->held : v->now);
	if (v->rule == S2_RULE_DIRTY_LOG)
		(void)snprintf(buf, size, "CPU %u may write %s; right is that it faults, and is logged",
			       v->cpu, by);
	else if (v->rule == S2_RULE_BREAK_BEFORE_MAKE)
		(void)snprintf(buf, size, "CPU %u may hold %s beside 0x%" PRIx64
			       "; right is that the old one has left all TLBs first", v->cpu, by, v->now);
	else if (v->now)
		(void)snprintf(buf, size, "CPU %u may translate %s; right is 0x%" PRIx64, v->cpu, by,
			       v->now);
	else
		(void)snprintf(buf, size, "CPU %u may translate %s; right is that it faults", v->cpu, by);
}

void s2_story_tell_end(const struct s2_oracle *o, const struct s2_violation *v, char *buf,
		       size_t size)
{
	const char *const right = right_instead(v->finding);

	if (v->rule == S2_RULE_DATA)
		end_of_data(o, v, buf, size);
	else if (right)
		(void)snprintf(buf, size, "CPU %u %s; right is %s", v->cpu, s2_finding_text(v->finding),
			       right);
	else
		end_of_translation(v, buf, size);
}

/* ---- steps ---- */

/* Of the step at hand: who does it, and its number. */
struct teller {
	struct s2_oracle *o;
	enum s2_story_who who;
	unsigned number;
	uint64_t at;
};

__attribute__((format(printf, 2, 3)))
static struct s2_story_step *tell(const struct teller *t, const char *format, ...)
{
	struct s2_story_step *step = s2_story_next(t->o->story, t->who, t->number, t->at);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(step->did, sizeof(step->did), format, args);
	va_end(args);
	say_state(t->o, step->then, sizeof(step->then));
	return step;
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

/* Whether a store, in repetition @i of it, is of a descriptor that maps the address. */
static bool maps_address(const struct s2_oracle *o, const struct s2_insn *insn, uint64_t repeat,
			 uint64_t *i)
{
	const struct s2_violation *v = &o->story->of;
	const struct s2_table_meta *meta = s2_residues_page(o->residues, insn->addr);
	uint64_t ipa, index, first;

	if (!meta || meta->vm->vmid.v != v->vmid.v)
		return false;
	ipa = s2_meta_ipa(o->residues, meta);
	index = (v->ipa.v - ipa) >> s2_res_shift(o->residues, meta->level);
	first = (insn->addr & ((UINT64_C(1) << o->residues->page_shift) - 1)) / sizeof(s2_pte);
	*i = index - first;
	return v->ipa.v >= ipa && index >= first && *i < repeat;
}

static bool names_address(const struct s2_oracle *o, unsigned cpu, const struct s2_insn *insn,
			  uint64_t repeat)
{
	const struct s2_violation *v = &o->story->of;
	struct s2_tlbi_span span;

	for (uint64_t i = 0; i < repeat && i < MOST_REPEATS; i++)
		if (s2_residues_span(o->residues, cpu, insn, i, &span) &&
		    (v->ipa.v - span.start.v < span.size || span.start.v - v->ipa.v < v->size))
			return true;
	return false;
}

static bool is_vmid(const struct s2_oracle *o, unsigned cpu)
{
	const struct s2_phys_cpu *state = &o->physics->cpus[cpu];

	return !state->regime_err && state->regime.vmid.v == o->story->of.vmid.v;
}

static void set_open(struct s2_story *s, unsigned cpu, bool open)
{
	const uint64_t bit = UINT64_C(1) << cpu % 64;

	s->open[cpu / 64] = open ? s->open[cpu / 64] | bit : s->open[cpu / 64] & ~bit;
}

static void story_tlbi(const struct teller *t, const struct s2_insn *insn, uint64_t repeat)
{
	const bool by_ipa =
		insn->op == S2_OP_TLBI_IPAS2E1IS || insn->op == S2_OP_TLBI_IPAS2E1 ||
		insn->op == S2_OP_TLBI_RIPAS2E1IS || insn->op == S2_OP_TLBI_RIPAS2E1;

	if (insn->op != S2_OP_TLBI_ALLE1IS && !is_vmid(t->o, t->number))
		return;
	if (by_ipa && !names_address(t->o, t->number, insn, repeat))
		return;
	tell(t, "%s (%s)", s2_op_name(insn->op), insn->site)->maintains = true;
	set_open(t->o->story, t->number, true);
}

static void story_line(const struct teller *t, const struct s2_insn *insn, uint64_t repeat)
{
	if (!names_line(&t->o->story->of, insn, repeat))
		return;
	tell(t, "%s of it (%s)", s2_op_name(insn->op), insn->site)->maintains = true;
	set_open(t->o->story, t->number, true);
}

static uint64_t page_at(const struct s2_oracle *o, uint64_t addr)
{
	return addr >> o->residues->page_shift << o->residues->page_shift;
}

static bool leads_to(const struct s2_oracle *o, s2_pte pte, uint64_t page)
{
	const struct s2_features *f = &o->machine->features;
	const struct s2_pte_format fmt = {(uint8_t)f->granule, f->pa_bits, false, f->fwb, f->xnx};

	return (pte & 3) == 3 && s2_pte_pa(pte, &fmt).v == page;
}

/* A store that links the page of the violation, unlinks it, or is the first into what is linked. */
static bool story_page(const struct teller *t, const struct s2_insn *insn)
{
	const struct s2_oracle *o = t->o;
	const uint64_t page = o->story->of.page.v, in = page_at(o, insn->addr);
	const struct s2_table *table = s2_tablemem_find(o->machine->tables, s2_pa(in));
	const char *does = NULL;

	if (leads_to(o, insn->value, page))
		does = insn->order == S2_MEM_RELEASE ? "links it by a store-release of"
						      : "links it by a plain store of";
	else if (table && leads_to(o, table->entries[(insn->addr - in) / sizeof(s2_pte)], page))
		does = "unlinks it: stores";
	else if (o->story->of.rule == S2_RULE_PUBLICATION && in == page &&
		 o->story->last_page_writer != 1 + t->number)
		does = "writes into it:";
	t->o->story->last_page_writer = in == page ? 1 + t->number : 0;
	if (does)
		tell(t, "%s 0x%" PRIx64 " at 0x%" PRIx64 " (%s)", does, insn->value, insn->addr,
		     insn->site)
			->fixed = true;
	return does;
}

static void story_store(const struct teller *t, const struct s2_insn *insn, uint64_t repeat)
{
	struct s2_story_step *step;
	s2_pte pte;
	uint64_t i;

	if (t->o->story->of.page.v && t->o->story->of.rule != S2_RULE_VMID) {
		if (story_page(t, insn))
			set_open(t->o->story, t->number, true);
		return;
	}
	if (!maps_address(t->o, insn, repeat, &i))
		return;
	pte = insn->value + i * insn->value_step;
	step = tell(t, "stores descriptor 0x%" PRIx64 ", level %d, at 0x%" PRIx64 " (%s)", pte,
		    s2_residues_page(t->o->residues, insn->addr)->level,
		    insn->addr + i * insn->addr_step, insn->site);
	step->fixed = true;
	step->stored = pte;
	set_open(t->o->story, t->number, true);
}

static void story_dsb(const struct teller *t, const struct s2_insn *insn)
{
	if (!(t->o->story->open[t->number / 64] >> t->number % 64 & 1))
		return;
	tell(t, "%s (%s)", s2_op_name(insn->op), insn->site)->maintains = true;
	set_open(t->o->story, t->number, false);
}

/* Of the rules about translations and tables: who may walk, and what goes. */
static void story_translation(const struct teller *t, const struct s2_insn *insn, uint64_t repeat)
{
	const struct s2_violation *v = &t->o->story->of;

	switch (insn->op) {
	case S2_OP_PTE_WRITE:
		story_store(t, insn, repeat);
		break;
	case S2_OP_TABLE_FREE:
		if (v->page.v && insn->addr == v->page.v)
			tell(t, "frees table page 0x%" PRIx64 " (%s)", insn->addr, insn->site)->fixed =
				true;
		break;
	case S2_OP_TABLE_ALLOC:
		if (v->page.v && insn->addr == v->page.v && v->rule != S2_RULE_VMID)
			tell(t, "takes table page 0x%" PRIx64 " (%s)", insn->addr, insn->site)->fixed =
				true;
		break;
	case S2_OP_GUEST_ENTRY:
	case S2_OP_GUEST_EXIT:
		if (t->number == v->cpu && is_vmid(t->o, t->number) && !v->size)
			tell(t, "%s (%s)", s2_op_name(insn->op), insn->site);
		break;
	case S2_OP_DSB_ISH:
	case S2_OP_DSB_ISHST:
	case S2_OP_DSB_NSH:
	case S2_OP_DSB_NSHST:
	case S2_OP_DSB_SY:
	case S2_OP_DMB_ISH:
	case S2_OP_DMB_ISHST:
		story_dsb(t, insn);
		break;
	default:
		if (insn->op <= S2_OP_TLBI_ALLE1IS)
			story_tlbi(t, insn, repeat);
		break;
	}
}

static void story_data(const struct teller *t, const struct s2_insn *insn, uint64_t repeat)
{
	switch (insn->op) {
	case S2_OP_DC_CIVAC:
	case S2_OP_DC_CVAC:
	case S2_OP_DC_IVAC:
		story_line(t, insn, repeat);
		break;
	case S2_OP_DSB_ISH:
	case S2_OP_DSB_SY:
		story_dsb(t, insn);
		break;
	default:
		break;
	}
}

void s2_story_event(struct s2_oracle *o, const struct s2_event *event, uint64_t at)
{
	struct teller t = {o, S2_STORY_CPU, event->cpu, at};

	for (size_t k = 0; k < event->n_insns && !o->story->ended; k++, t.at++) {
		if (s2_oracle_may_leave_out(event->insns[k].op) && s2_story_is_dropped(o, t.at))
			continue;
		if (o->story->of.rule == S2_RULE_DATA)
			story_data(&t, &event->insns[k], event->repeat);
		else
			story_translation(&t, &event->insns[k], event->repeat);
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

static void story_access(const struct teller *t, const struct s2_act *act)
{
	static const char *const does[] = {"reads it", "writes it", "fetches from it"};

	tell(t, "%s, caches %s%s", does[act->access], act->cacheable ? "on" : "off",
	     act->access == S2_ACCESS_WRITE ? ": the last write" : "");
}

/* Who the host has write or read a page, and what its driver does about caches. */
static void story_host(const struct teller *t, const struct s2_act *act)
{
	static const char *const by[] = {
		[S2_AGENT_WRITE_BACK] = "by its linear map",
		[S2_AGENT_NON_CACHEABLE] = "by a device that snoops nothing",
		[S2_AGENT_COHERENT_DEVICE] = "by a device that snoops",
	};
	const bool gives = act->kind == S2_ACT_GIVE;
	const char *dma = "", *whose = "";
	char of_vm[24];

	if (act->agent == S2_AGENT_NON_CACHEABLE && act->cleaned)
		dma = gives ? ", DC CVAC before and DC IVAC after it" : ", DC CVAC before it";
	(void)snprintf(of_vm, sizeof(of_vm), " for VM %u", act->vm);
	if (gives && act->vm != S2_ACT_NO_VM)
		whose = of_vm;
	tell(t, "%s the page%s %s%s", gives ? "writes" : "reads", whose, by[act->agent], dma)->fixed =
		gives;
}

static void story_line_act(const struct teller *t, const struct s2_act *act)
{
	static const char *const ops[] = {
		[S2_LINE_CLEAN] = "cleans it",
		[S2_LINE_CLEAN_INVALIDATE] = "cleans and invalidates it",
		[S2_LINE_INVALIDATE] = "invalidates it",
	};

	switch (act->kind) {
	case S2_ACT_GIVE:
	case S2_ACT_TAKE:
		story_host(t, act);
		break;
	case S2_ACT_MAINTAIN:
		tell(t, "%s by VA", ops[act->op])->maintains = true;
		break;
	default:
		story_access(t, act);
		break;
	}
}

static void story_vcpu_act(const struct teller *t, const struct s2_act *act)
{
	if (act->kind == S2_ACT_CACHES)
		tell(t, "caches %s, %s", act->on ? "on" : "off",
		     act->trapped ? "trapped" : "not trapped");
	else
		tell(t, act->kind == S2_ACT_SET_WAY ? "cleans and invalidates its caches by set and way"
						    : "is initialised again, with its caches off");
}

static void story_act(const struct teller *t, const struct s2_act *act)
{
	const bool of_vcpu = act->kind == S2_ACT_CACHES || act->kind == S2_ACT_SET_WAY ||
			     act->kind == S2_ACT_RESET;

	if (!of_vcpu && has_line(t->o, act))
		story_line_act(t, act);
	if (of_vcpu && act->vcpu == t->o->story->of.vcpu)
		story_vcpu_act(t, act);
}

void s2_story_act(struct s2_oracle *o, const struct s2_act *act, uint64_t at)
{
	const bool by_host = act->kind == S2_ACT_GIVE || act->kind == S2_ACT_TAKE;
	const struct teller t = {o, by_host ? S2_STORY_HOST : S2_STORY_VCPU,
				 by_host ? 0 : act->vcpu, at};

	if (!o->story->ended && o->story->of.rule == S2_RULE_DATA)
		story_act(&t, act);
	o->story->ended = o->story->found;
}

void s2_story_rely(struct s2_oracle *o, unsigned cpu, const struct s2_reliance *what, uint64_t at)
{
	const struct s2_violation *v = &o->story->of;
	const struct teller t = {o, S2_STORY_CPU, cpu, at};
	const uint64_t number = what->vttbr >> 48;

	if (!o->story->ended && v->rule == S2_RULE_VMID && what->kind == S2_RELY_VMID_GIVEN &&
	    number == v->vmid.v)
		tell(&t, "%s: VMID %u is given to the VM whose root is 0x%" PRIx64,
		     what->function ? what->function : "?", v->vmid.v,
		     what->vttbr & ((UINT64_C(1) << 48) - 2))->fixed = true;
	else if (!o->story->ended && v->rule != S2_RULE_DATA && v->ipa.v - what->ipa.v < what->size)
		tell(&t, "%s: %s", what->function ? what->function : "?",
		     s2_reliance_name(what->kind));
	o->story->ended = o->story->found;
}
