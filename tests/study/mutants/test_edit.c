/* SPDX-License-Identifier: MIT */
/* Edits of what is seen of a run, one event at a time. */
#include "support.h"

#include "study/mutants/edit.h"

#define SITE "tlb:flush"

static const struct s2_edit none[S2_EDITS];

static struct s2_insn insn(enum s2_op op, uint64_t value)
{
	const struct s2_insn i = {.op = op, .value = value, .count = 1, .site = SITE};

	return i;
}

/* Operations that come of @n events of one instruction each, a digit each: their place in @insns. */
static uint64_t seen(const struct s2_edit *edits, const struct s2_insn *insns, size_t n,
		     struct s2_insn *last)
{
	struct s2_editor editor = {.edit = edits};
	uint64_t order = 0;

	for (size_t i = 0; i < n; i++) {
		const struct s2_event event = {.repeat = 1, .n_insns = 1, .insns = &insns[i]};
		struct s2_insn out[S2_EDIT_MAX];
		const size_t k = s2_editor_edit(&editor, &event, out);

		for (size_t j = 0; j < k; j++) {
			order = order * 10 + out[j].value % 10;
			if (last)
				*last = out[j];
		}
	}
	return order;
}

static void steps_are_left_out_put_behind_the_next_or_put_off(void **state)
{
	const struct s2_insn steps[] = {insn(S2_OP_ISB, 1), insn(S2_OP_TLBI_IPAS2E1IS, 2),
					insn(S2_OP_DSB_ISH, 3), insn(S2_OP_TLBI_VMALLE1IS, 4),
					insn(S2_OP_DSB_ISH, 5)};
	static const struct {
		struct s2_edit edit[S2_EDITS];
		uint64_t order;
	} rows[] = {
		{{{S2_EDIT_NONE, .op = S2_OP_ISB, .site = SITE}}, 12345},
		{{{S2_EDIT_DROP, .op = S2_OP_DSB_ISH, .site = SITE}}, 124},
		{{{S2_EDIT_DROP, .op = S2_OP_DSB_ISH, .site = "elsewhere"}}, 12345},
		{{{S2_EDIT_DROP, .op = S2_OP_ISB, .site = SITE, .cpus = 2}}, 12345},
		{{{S2_EDIT_BEHIND, .op = S2_OP_TLBI_IPAS2E1IS, .site = SITE, .with = S2_OP_DSB_ISH}},
		 13245},
		/* Not its neighbour: it stays. */
		{{{S2_EDIT_BEHIND,
		   .op = S2_OP_TLBI_IPAS2E1IS,
		   .site = SITE,
		   .with = S2_OP_TLBI_VMALLE1IS}},
		 12345},
		{{{S2_EDIT_PUT_OFF,
		   .op = S2_OP_TLBI_IPAS2E1IS,
		   .site = SITE,
		   .with = S2_OP_TLBI_VMALLE1IS}},
		 13425},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s2_test_row("row %zu", i);
		assert_u64(seen(rows[i].edit, steps, ARRAY_SIZE(steps), NULL), rows[i].order);
	}
	assert_u64(seen(none, steps, ARRAY_SIZE(steps), NULL), 12345);
}

static void operands_and_operations_are_changed(void **state)
{
	static const struct {
		struct s2_edit edit[S2_EDITS];
		enum s2_op op;
		uint64_t value;
	} rows[] = {
		{{{S2_EDIT_OP, .op = S2_OP_ISB, .site = SITE, .with = S2_OP_DSB_SY}}, S2_OP_DSB_SY, 0x31},
		{{{S2_EDIT_OPERAND, .op = S2_OP_ISB, .site = SITE, .mask = 0xf0, .bits = 0x70}},
		 S2_OP_ISB, 0x71},
		{{{S2_EDIT_OPERAND, .op = S2_OP_ISB, .site = SITE, .mask = 0xf0, .bits = 0x70, .only = 0x20}},
		 S2_OP_ISB, 0x31},
		{{{S2_EDIT_ADD, .op = S2_OP_ISB, .site = SITE, .bits = -UINT64_C(0x20)}}, S2_OP_ISB, 0x11},
		{{{S2_EDIT_SHIFT, .op = S2_OP_ISB, .site = SITE, .mask = 0xff, .bits = 4}}, S2_OP_ISB, 0x10},
	};
	const struct s2_insn step = insn(S2_OP_ISB, 0x31);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_insn last = {.op = S2_OP_COUNT};

		s2_test_row("row %zu", i);
		(void)seen(rows[i].edit, &step, 1, &last);
		assert_int_equal(last.op, rows[i].op);
		assert_u64(last.value, rows[i].value);
	}
}

/* What is put off within a sequence that is repeated does not leave it. */
static void nothing_leaves_a_sequence_that_is_repeated(void **state)
{
	const struct s2_insn steps[] = {insn(S2_OP_DSB_ISH, 1), insn(S2_OP_ISB, 2)};
	const struct s2_edit edits[S2_EDITS] = {
		{S2_EDIT_PUT_OFF, .op = S2_OP_ISB, .site = SITE, .with = S2_OP_TLBI_VMALLE1IS}};
	const struct s2_event event = {.repeat = 3, .n_insns = 2, .insns = steps};
	struct s2_editor editor = {.edit = edits};
	struct s2_insn out[S2_EDIT_MAX];

	(void)state;
	assert_int_equal(s2_editor_edit(&editor, &event, out), 2);
	assert_u64(out[1].value, 2);
	assert_null(editor.holds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(steps_are_left_out_put_behind_the_next_or_put_off),
		s2_unit_test(operands_and_operations_are_changed),
		s2_unit_test(nothing_leaves_a_sequence_that_is_repeated),
	};

	return cmocka_run_group_tests_name("study/mutants/edit", tests, NULL, NULL);
}
