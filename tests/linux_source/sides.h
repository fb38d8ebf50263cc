/* SPDX-License-Identifier: MIT */
/*
 * Two sides that are asked the same: the library's flavour, and the kernel tree's own code.
 *
 *     request --> library on a machine of its own --> digest of its instructions
 *            `--> tree on another                 --> the same, or the two differ
 *
 * A digest is of every instruction with operands, addresses and values.  Table pages are
 * named by the order in which they were allocated, since the two allocate at other PAs.
 * Left out are what is no instruction (VMID_SWITCH), bits of HCR_EL2 but E2H and TGE, and
 * loads of descriptors where the tree's are plain.
 */
#ifndef STAGE2SIM_TESTS_LINUX_SOURCE_SIDES_H
#define STAGE2SIM_TESTS_LINUX_SOURCE_SIDES_H

#include "support.h"

#include "linux/machine/tree.h"
#include "linux/machine/vm.h"

/* Enough for the tables of these tests. */
#define SIDE_PAGES (UINT64_C(1) << 20)

struct side {
	struct s2_machine *m;
	struct s2_cpu *cpu;
	struct s2_mmu *mmu; /* the library's, or NULL */
	struct s2_tree *tree;
	struct s2_tree_vm *vm;
	bool loads;	 /* of descriptors are told apart */
	uint64_t lowest; /* PA that page number 0 has */
	uint32_t *names, named;
	uint64_t digest, seen;
};

/* The library's side, or the tree's, on a machine of @spec; fails the test if it cannot be. */
void side_up(struct side *side, bool tree, const char *spec);
void side_down(struct side *side);

/* Asks; the digest is of what is issued from here on. @return as s2_tree_request() */
int side_request(struct side *side, const struct s2_tree_request *req);

void side_state(struct side *side, struct s2_pgtable_state *state);

/* The request in words. */
const char *side_text(const struct s2_tree_request *req);

#endif
