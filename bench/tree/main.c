/* SPDX-License-Identifier: MIT */
/*
 * main() of a program of programs.h with a kernel's own code in it: one policy more, which
 * is that code as it is, and one flavour.
 */
#include <string.h>

#include "linux/machine/vm.h"
#include "programs.h"

#define MAX_POLICIES 32

/* @program with the policy `tree`, or as it is where the source got stage 1 alone. */
static struct s2_program with_tree(const struct s2_program *program, struct s2_policy *policies)
{
	const struct s2_flavour *tree = s2_tree_flavour_add();
	struct s2_program p = *program;

	if (!tree || p.n_policies == MAX_POLICIES)
		return p;
	memcpy(policies, p.policies, p.n_policies * sizeof(*policies));
	policies[p.n_policies++] =
		(struct s2_policy){.name = tree->name, .help = "the kernel source's own code"};
	p.policies = policies;
	p.last_flavour = tree;
	return p;
}

/* Of a flavour whose choices a policy changes the library's is left. */
static void say_whose(int argc, char **argv)
{
	bool asked = false;

	for (int i = 1; i < argc; i++)
		asked |= !strcmp(argv[i], "--flavour=tree") ||
			 (!strcmp(argv[i], "tree") && !strcmp(argv[i - 1], "--flavour"));
	if (asked)
		(void)fprintf(stderr,
			      "flavour tree: the kernel source's own code runs; a policy that it "
			      "does not have is the library's, as %s\n",
			      s2_tree_stands_for()->name);
}

int main(int argc, char **argv)
{
	static struct s2_policy policies[MAX_POLICIES];
	const struct s2_program program = with_tree(&S2_PROGRAM, policies);

	say_whose(argc, argv);
	return s2_program_main(&program, argc, argv, stdout, stderr);
}
