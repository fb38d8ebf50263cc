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

/* Memory of a kernel's: what follows. */
struct s2_tree_block {
	struct s2_tree_block *next, **link;
};

struct s2_tree {
	struct s2_machine *machine;
	struct s2_foreign *foreign;
	uint64_t tables; /* PA of the window */
	char *window;	/* S2_TREE_TABLES_SIZE of address space, and a little past it */
	char *vmemmap;	/* address space of struct page */
	char *image;	/* its variables, while another runs */
	struct s2_tree_block *blocks; /* its memory */
	struct s2_tree *next;	      /* of a list that vm.c keeps */
	bool up;		      /* its KVM was initialised */
	struct s2_vm *vm;	      /* of the request, or NULL */
	uint16_t *refs; /* of each page, 0: never handed out */
	char *shadow;	/* of the window: what events have told, or NULL */
	uint64_t plain_stores;
	struct s2_pa first_plain_store;
	uint64_t freed_writes;
	struct s2_pa first_freed_write;
	uint64_t cut;	     /* pages that were handed out at least once */
	uint64_t free_list;  /* 1 + number of the first free page, or 0 */
	uint32_t *next_free; /* of each free page; not in the page, which is watched */
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

/* The tree's code runs on @cpu from here on. @return 0, -EINVAL, -EIO */
int s2_tree_enter(struct s2_tree *tree, struct s2_cpu *cpu);
/* It came back by s2_tree_stop. @return -EIO */
int s2_tree_stopped(struct s2_tree *tree);

/* @return 0, -ENOMEM */
int s2_tree_image_up(struct s2_tree *tree);
void s2_tree_image_down(struct s2_tree *tree);
/* Variables of @to take the place of those of @from, which may be NULL. */
void s2_tree_image_swap(struct s2_tree *from, const struct s2_tree *to);

/* @return 0, -ENOMEM; -EOPNOTSUPP where tables do not fit the PA size */
int s2_tree_pages_up(struct s2_tree *tree);
void s2_tree_pages_down(struct s2_tree *tree);
/* An event has told of this store. */
void s2_tree_shadow_store(struct s2_tree *tree, struct s2_pa pa, s2_pte value);
/* Counts what has changed without one, and takes it over. */
void s2_tree_shadow_compare(struct s2_tree *tree);
/* Whether the page of @pa was freed: a store to it is counted then. */
bool s2_tree_freed_store(struct s2_tree *tree, struct s2_pa pa);
/* The linear map and the range of descriptors are this tree's from here on. */
void s2_tree_pages_use(const struct s2_tree *tree);

#endif
