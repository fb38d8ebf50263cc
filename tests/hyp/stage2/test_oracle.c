/* SPDX-License-Identifier: MIT */
/*
 * Every workload that was counted on the kernel's own page-table code gives
 * the same counts here, phase by phase, with the same state after.
 */
#include "hyp/stage2/cells.h"

#include <string.h>

static void count_flush(void *arg, const struct s2_flush_call *call)
{
	struct cell_rig *rig = arg;

	rig->flush_calls += call->repeat;
}

static int call(struct cell_rig *rig, const struct cell_call *c)
{
	struct s2_mmu *mmu = rig->side;

	switch (c->op) {
	case CELL_MAP:
		return s2_pgtable_map(mmu, rig->cpu, c->range, c->pa, c->prot, NULL, c->flags);
	case CELL_UNMAP:
		return s2_pgtable_unmap(mmu, rig->cpu, c->range);
	case CELL_WRPROTECT:
		return s2_pgtable_wrprotect(mmu, rig->cpu, c->range);
	case CELL_RELAX:
		return s2_pgtable_relax_perms(mmu, rig->cpu, c->range.ipa, c->prot);
	case CELL_FLUSH:
		return s2_pgtable_flush(mmu, rig->cpu, c->range);
	case CELL_SPLIT:
		return s2_pgtable_split(mmu, rig->cpu, c->range, NULL);
	case CELL_FLUSH_TLB_RANGE:
		return s2_flush_vmid_range(mmu, rig->cpu, c->range);
	case CELL_DESTROY:
		return s2_pgtable_destroy(mmu, rig->cpu);
	default:
		return -EINVAL;
	}
}

static void state_of(struct cell_rig *rig, struct s2_pgtable_state *state)
{
	s2_pgtable_state(rig->side, state);
}

static void rig_up(struct cell_rig *rig, const struct oracle_cell *cell, uint64_t run_limit)
{
	const struct s2_mmu_config cfg = {
		.flavour = s2_flavour_find(cell->flavour), .ipa_bits = 40, .vmid = {1}};
	struct s2_mmu *mmu;

	cell_rig_up(rig, cell, run_limit);
	assert_int_equal(s2_mmu_create(rig->machine, &cfg, &mmu), 0);
	s2_mmu_watch_flushes(mmu, count_flush, rig);
	rig->side = mmu;
	rig->call = call;
	rig->state = state_of;
	rig->tells_flushes = true;
}

static void rig_down(struct cell_rig *rig)
{
	s2_mmu_free(rig->side);
	s2_machine_destroy(rig->machine);
}

static void counts_equal_the_kernels(void **state)
{
	const struct oracle_cell *cell = *state;
	struct cell_rig rig;

	rig_up(&rig, cell, 0);
	for (size_t i = 0; i < cell->n_phases; i++)
		cell_phase(&rig, cell, &cell->phases[i], true);
	rig_down(&rig);
}

/* Runs are an economy: what is issued, and what is left, may not depend on them. */
static void runs_of_one_and_of_any_length_are_the_same_stream(void **state)
{
	(void)state;
	for (size_t i = 0; cell_at(i); i++) {
		const struct oracle_cell *cell = cell_at(i);
		struct cell_rig one, any;

		rig_up(&one, cell, 1);
		rig_up(&any, cell, 0);
		for (size_t k = 0; k < cell->n_phases; k++) {
			struct s2_counts a, b;

			cell_phase(&one, cell, &cell->phases[k], false);
			cell_phase(&any, cell, &cell->phases[k], false);
			a = s2_machine_counts(one.machine);
			b = s2_machine_counts(any.machine);
			assert_memory_equal(&a, &b, sizeof(a));
			cell_expect(cell->label, "stream digest", one.digest, any.digest);
			cell_expect_state(&one, &cell->phases[k]);
			cell_expect_state(&any, &cell->phases[k]);
		}
		rig_down(&one);
		rig_down(&any);
	}
}

#define MAX_CELLS 128

int main(void)
{
	static struct CMUnitTest tests[MAX_CELLS + 1];
	size_t n = 0;

	for (; cell_at(n); n++) {
		if (n == MAX_CELLS)
			return 1;
		tests[n].name = cell_at(n)->label;
		tests[n].test_func = counts_equal_the_kernels;
		tests[n].initial_state = (void *)(uintptr_t)cell_at(n);
	}
	tests[n].name = "runs_of_one_and_of_any_length_are_the_same_stream";
	tests[n++].test_func = runs_of_one_and_of_any_length_are_the_same_stream;
	return _cmocka_run_group_tests("oracle", tests, n, NULL, NULL);
}
