/* SPDX-License-Identifier: MIT */
#include "study/mutants/edit.h"

#include <string.h>

/* What an edit makes of one event. */
struct edited {
	struct s2_editor *e;
	unsigned cpu;
	struct s2_insn *out;
	size_t n;
};

static bool is_of(const struct s2_insn *insn, enum s2_op op, uint32_t reg)
{
	return insn->op == op && (!reg || insn->addr + 1 == reg);
}

static bool concerns(const struct s2_edit *edit, unsigned cpu, const struct s2_insn *insn)
{
	if (edit->kind == S2_EDIT_NONE || !is_of(insn, edit->op, edit->reg))
		return false;
	if (edit->cpus && !(edit->cpus >> cpu & 1))
		return false;
	if (edit->only && (insn->value & edit->mask) != edit->only)
		return false;
	return !strcmp(edit->site, insn->site);
}

static void put(struct edited *to, const struct s2_insn *insn)
{
	if (to->n < S2_EDIT_MAX)
		to->out[to->n++] = *insn;
}

static void put_held(struct edited *to)
{
	if (to->e->holds)
		put(to, &to->e->held);
	to->e->holds = NULL;
}

/* What was put off comes now, before or after @insn, or later. @return whether @insn is put */
static bool meet_held(struct edited *to, const struct s2_insn *insn)
{
	const struct s2_edit *edit = to->e->holds;

	if (!edit || to->e->cpu != to->cpu)
		return false;
	if (is_of(insn, edit->with, edit->with_reg) && !strcmp(insn->site, edit->site)) {
		put(to, insn);
		put_held(to);
		return true;
	}
	if (edit->kind == S2_EDIT_BEHIND || strcmp(insn->site, edit->site))
		put_held(to);
	return false;
}

static void change(struct edited *to, const struct s2_edit *edit, const struct s2_insn *insn)
{
	struct s2_insn changed = *insn;

	switch (edit->kind) {
	case S2_EDIT_DROP:
		return;
	case S2_EDIT_BEHIND:
	case S2_EDIT_PUT_OFF:
		put_held(to);
		to->e->held = *insn;
		to->e->holds = edit;
		to->e->cpu = to->cpu;
		return;
	case S2_EDIT_OP:
		changed.op = edit->with;
		break;
	case S2_EDIT_OPERAND:
		changed.value = (insn->value & ~edit->mask) | edit->bits;
		break;
	case S2_EDIT_ADD:
		changed.value += edit->bits;
		break;
	case S2_EDIT_SHIFT:
		changed.value = (insn->value & ~edit->mask) |
				((insn->value & edit->mask) << edit->bits & edit->mask);
		break;
	default:
		changed.order = S2_MEM_PLAIN;
		break;
	}
	put(to, &changed);
}

static void edit_insn(struct edited *to, const struct s2_insn *insn)
{
	if (meet_held(to, insn))
		return;
	for (size_t i = 0; i < S2_EDITS; i++) {
		if (!concerns(&to->e->edit[i], to->cpu, insn))
			continue;
		change(to, &to->e->edit[i], insn);
		return;
	}
	put(to, insn);
}

size_t s2_editor_edit(void *arg, const struct s2_event *event, struct s2_insn *out)
{
	struct edited to = {.e = arg, .cpu = event->cpu, .out = out};

	for (size_t k = 0; k < event->n_insns; k++)
		edit_insn(&to, &event->insns[k]);
	/* A sequence is repeated whole: nothing of it can come after it. */
	if (event->repeat > 1)
		put_held(&to);
	return to.n;
}
