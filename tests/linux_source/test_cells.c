/* SPDX-License-Identifier: MIT */
/*
 * Every workload that was counted on a kernel's own page-table code gives the same
 * counts and state when the tree's code, which may be that kernel's, runs on the machine.
 */
#include "hyp/stage2/cells.h"

#include <string.h>

#include "linux_source/sides.h"

struct tree_side {
	struct s2_tree *tree;
	struct s2_tree_vm *vm;
};

static int call(struct cell_rig *rig, const struct cell_call *c)
{
	static const enum s2_tree_op ops[] = {
		[CELL_MAP] = S2_TREE_MAP,
		[CELL_UNMAP] = S2_TREE_UNMAP,
		[CELL_WRPROTECT] = S2_TREE_WRPROTECT,
		[CELL_RELAX] = S2_TREE_RELAX_PERMS,
		[CELL_FLUSH] = S2_TREE_FLUSH,
		[CELL_SPLIT] = S2_TREE_SPLIT,
		[CELL_FLUSH_TLB_RANGE] = S2_TREE_FLUSH_RANGE,
		[CELL_DESTROY] = S2_TREE_DESTROY,
	};
	struct tree_side *side = rig->side;
	const struct s2_tree_request req = {
		.op = ops[c->op],
		.range = c->op == CELL_RELAX ? s2_range(c->range.ipa.v, 4096) : c->range,
		.pa = c->pa,
		.prot = c->prot,
		.fault = c->flags & S2_MAP_FAULT,
	};

	return s2_tree_request(side->vm, rig->cpu, &req);
}

static void state_of(struct cell_rig *rig, struct s2_pgtable_state *state)
{
	struct tree_side *side = rig->side;

	s2_tree_state(side->vm, state);
}

static void counts_equal_the_kernels(void **state)
{
	const struct oracle_cell *cell = *state;
	struct tree_side side;
	struct cell_rig rig;

	cell_rig_up(&rig, cell, 0);
	rig.side = &side;
	rig.call = call;
	rig.state = state_of;
	assert_i64(s2_tree_create(rig.machine, &side.tree), 0);
	assert_i64(s2_tree_vm_create(side.tree, 40, s2_vmid(1), &side.vm), 0);
	memset(rig.ttl, 0, sizeof(rig.ttl));
	for (size_t i = 0; i < cell->n_phases; i++)
		cell_phase(&rig, cell, &cell->phases[i], true);
	assert_u64(s2_tree_warnings(side.tree, NULL), 0);
	s2_tree_vm_free(side.vm);
	s2_tree_free(side.tree);
	s2_machine_destroy(rig.machine);
}

#define MAX_CELLS 128

int main(void)
{
	static struct CMUnitTest tests[MAX_CELLS];
	size_t n = 0;

	for (size_t i = 0; cell_at(i); i++) {
		const struct oracle_cell *cell = cell_at(i);

		if (strcmp(cell->flavour, s2_tree_stands_for()->name) != 0)
			continue;
		if (n == MAX_CELLS)
			return 1;
		tests[n].name = cell->label;
		tests[n].test_func = counts_equal_the_kernels;
		tests[n++].initial_state = (void *)(uintptr_t)cell;
	}
	return _cmocka_run_group_tests("cells", tests, n, NULL, NULL);
}
