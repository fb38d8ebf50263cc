/* SPDX-License-Identifier: MIT */
/* The tree whose code runs now: what thunks.c and pages.c stand on. */
#ifndef S2_LINUX_RUNNING_H
#define S2_LINUX_RUNNING_H

#include <setjmp.h>

#include <stage2sim/foreign.h>

#include "linux/machine/tree.h"
#include "linux/overlay/s2k.h"

/* Pages in a row that free_pages_exact() may give back: those of a root. */
#define S2_TREE_ROOT_PAGES 16

struct s2_tree {
	struct s2_machine *machine;
	struct s2_foreign *foreign;
	char *window;	/* S2_TREE_TABLES_SIZE of address space, from S2_TREE_TABLES_PA on */
	uint16_t *refs; /* of each page, 0: free */
	char *shadow;	/* of the window: what events have told, or NULL */
	uint64_t plain_stores;
	struct s2_pa first_plain_store;
	uint64_t cut;	    /* pages that were handed out at least once */
	uint64_t free_list; /* 1 + number of the first free page, whose first word names the next */
	bool vtcr_written;  /* and VTTBR_EL2 not since */
	bool stopped, frees_at_once;
	char trouble[160];
	uint64_t warnings;
	char first_warning[160];
};

/* Who runs, on which CPU; and where a request that stops goes on. */
extern struct s2_tree *s2_tree_running;
extern struct s2_cpu *s2_tree_cpu;
extern jmp_buf s2_tree_stop;

/* @return 0, -ENOMEM; -EOPNOTSUPP where tables do not fit the PA size */
int s2_tree_pages_up(struct s2_tree *tree);
void s2_tree_pages_down(struct s2_tree *tree);
/* An event has told of this store. */
void s2_tree_shadow_store(struct s2_tree *tree, struct s2_pa pa, s2_pte value);
/* Counts what has changed without one, and takes it over. */
void s2_tree_shadow_compare(struct s2_tree *tree);
/* The linear map and the range of descriptors are this tree's from here on. */
void s2_tree_pages_use(const struct s2_tree *tree);

#endif
