/* SPDX-License-Identifier: MIT */
/*
 * What the tree's own page-table code issues, lib/hyp issues: instruction by
 * instruction, on random programs, on each shape of machine.
 */
#include "property.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linux_source/sides.h"

#define BASE	 UINT64_C(0x40000000)
#define GUEST_PA UINT64_C(0x2000000000)
#define MIB	 UINT64_C(0x100000)
#define GIB	 (1024 * MIB)

/* VHE and not, FWB and not, ranges and not, errata, LPA2, a VIPT I-cache. */
static const char *const machines[] = {
	"neoverse-n2,-repeat_tlbi",
	"neoverse-n2,-dic,-repeat_tlbi,-fwb,-tlbirange",
	"neoverse-n2,-vhe",
	"neoverse-n2,-repeat_tlbi,+speculative_at",
	"neoverse-n2,-vhe,+speculative_at,-fwb",
	"cortex-a72",
	"cortex-a55",
	"max",
	"max,-fwb,-ttl",
	"neoverse-n2,+vipt,-dic,+repeat_tlbi",
};

static const uint64_t sizes[] = {4096,	  4096,	   4096,    12288,    2 * MIB,
				 2 * MIB, 3 * MIB, 6 * MIB, 12 * MIB, GIB};

struct program {
	const char *spec;
	uint64_t instructions, requests;
};

/* A place in three gigabytes, a third of them at the edges of blocks or of tables. */
static uint64_t ipa_of(const struct s2_step *step, uint64_t size)
{
	uint64_t ipa = BASE + (step->a % 3) * GIB + (step->a / 3 % 4) * 2 * MIB;

	if (step->a / 12 % 3 == 0)
		ipa += (step->a / 36 % 512) * 4096;
	if (step->b % 2 && size >= 2 * MIB)
		ipa &= ~(size - 1);
	return ipa;
}

static unsigned prot_of(const struct s2_step *step, enum s2_tree_op op)
{
	unsigned prot = S2_PROT_R | step->c % 4;

	if (op == S2_TREE_RELAX_PERMS)
		return 1 + step->c % 7;
	if (step->c / 4 % 8 == 0) /* devices are not executed */
		prot = (prot | S2_PROT_DEVICE) & ~(unsigned)S2_PROT_X;
	return prot;
}

static struct s2_tree_request request_of(const struct s2_step *step)
{
	const struct s2_tree_has has = s2_tree_has();
	enum s2_tree_op op = (enum s2_tree_op)(step->op % S2_TREE_DESTROY);
	uint64_t size = sizes[step->b / 2 % ARRAY_SIZE(sizes)];
	struct s2_tree_request req;

	if (op == S2_TREE_SPLIT && !has.split)
		op = S2_TREE_MAP;
	if (op == S2_TREE_RELAX_PERMS || op == S2_TREE_MKYOUNG ||
	    (op == S2_TREE_AGE && !has.ages_ranges))
		size = 4096;
	req = (struct s2_tree_request){
		.op = op,
		.range = s2_range(ipa_of(step, size), size),
		.prot = prot_of(step, op),
		.fault = step->c / 32 % 2,
	};
	/* Mostly congruent, so that blocks can be had; now and then another frame. */
	req.pa = s2_pa(GUEST_PA + req.range.ipa.v +
		       (step->c / 64 % 3    ? 0
			: step->c / 192 % 2 ? GIB
					    : 4096));
	return req;
}

static bool agree(struct program *p, struct side *library, struct side *tree,
		  const struct s2_tree_request *req)
{
	const int ours = side_request(library, req), theirs = side_request(tree, req);
	const char *trouble = s2_tree_trouble(tree->tree);
	struct s2_pgtable_state a, b;

	p->instructions += tree->seen;
	p->requests++;
	side_state(library, &a);
	side_state(tree, &b);
	if (ours == theirs && library->digest == tree->digest && library->seen == tree->seen &&
	    !memcmp(&a, &b, sizeof(a)))
		return true;
	print_message("%s: %s: library %d, %" PRIu64 " instructions; tree %d, %" PRIu64 "%s%s\n",
		      p->spec, side_text(req), ours, library->seen, theirs, tree->seen,
		      trouble ? ", stopped: " : "", trouble ? trouble : "");
	return false;
}

static bool run(void *arg, const struct s2_step *steps, size_t n)
{
	const struct s2_tree_request destroy = {.op = S2_TREE_DESTROY};
	struct program *p = arg;
	struct side library, tree;
	const char *where;
	bool same = true;

	side_up(&library, false, p->spec);
	side_up(&tree, true, p->spec);
	for (size_t i = 0; same && i < n; i++) {
		const struct s2_tree_request req = request_of(&steps[i]);

		same = agree(p, &library, &tree, &req);
	}
	same = same && agree(p, &library, &tree, &destroy);
	if (s2_tree_warnings(tree.tree, &where)) {
		print_message("%s: kernel WARNING at %s\n", p->spec, where);
		same = false;
	}
	side_down(&tree);
	side_down(&library);
	return same;
}

static void print(void *arg, const struct s2_step *step)
{
	const struct s2_tree_request req = request_of(step);

	(void)arg;
	print_message("%s", side_text(&req));
}

static void the_trees_instructions_are_the_librarys(void **state)
{
	const char *more = getenv("S2_LINUX_PROGRAMS");
	struct program p = {.spec = *state};
	struct s2_property property = {
		.name = p.spec,
		.n_ops = S2_TREE_OPS,
		.max_a = 3 * 4 * 3 * 512,
		.max_b = 2 * ARRAY_SIZE(sizes),
		.max_c = 4 * 8 * 2 * 3 * 2,
		.steps = 24,
		.programs = more ? (unsigned)atoi(more) : 40,
		.run = run,
		.print = print,
		.arg = &p,
	};

	s2_property_check(&property, 1);
	print_message("%s as %s: %" PRIu64 " requests, %" PRIu64 " instructions, no difference\n",
		      p.spec, s2_tree_stands_for()->name, p.requests, p.instructions);
	assert_true(p.instructions > 1000);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(machines)];

	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		tests[i] = (struct CMUnitTest){machines[i], the_trees_instructions_are_the_librarys,
					       s2_test_forget_row, NULL,
					       (void *)(uintptr_t)machines[i]};
	return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
