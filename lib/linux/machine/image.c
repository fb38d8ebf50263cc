/* SPDX-License-Identifier: MIT */
/*
 * Each machine has a kernel of its own: variables of the tree's code, kept while another
 * machine's kernel runs.
 *
 *     s2k_data of the program <--copy-- tree->image        the kernel that runs has them here
 *           `--copy--> pristine, before any has run
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "linux/machine/running.h"

/* gen/objects.py puts what the tree's code may write to in this section. */
extern char __start_s2k_data[], __stop_s2k_data[];

static char *pristine;

static size_t size(void)
{
	return (size_t)(__stop_s2k_data - __start_s2k_data);
}

static int keep_pristine(void)
{
	if (pristine)
		return 0;
	pristine = malloc(size());
	if (!pristine)
		return -ENOMEM;
	memcpy(pristine, __start_s2k_data, size());
	return 0;
}

int s2_tree_image_up(struct s2_tree *tree)
{
	int ret = keep_pristine();

	if (ret)
		return ret;
	tree->image = malloc(size());
	if (!tree->image)
		return -ENOMEM;
	memcpy(tree->image, pristine, size());
	return 0;
}

void s2_tree_image_down(struct s2_tree *tree)
{
	struct s2_tree_block *next;

	free(tree->image);
	for (struct s2_tree_block *b = tree->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
}

/* Of a build with --coverage: its counters are among the variables. */
void __gcov_dump(void) __attribute__((weak));
void __gcov_reset(void) __attribute__((weak));

static void keep_coverage(void)
{
	if (!__gcov_dump || !__gcov_reset)
		return;
	__gcov_dump();
	__gcov_reset();
}

void s2_tree_image_swap(struct s2_tree *from, const struct s2_tree *to)
{
	keep_coverage();
	if (from)
		memcpy(from->image, __start_s2k_data, size());
	memcpy(__start_s2k_data, to->image, size());
}

/* ---- the kernel's memory, which goes with it ---- */

void *s2k_zalloc(unsigned long bytes)
{
	struct s2_tree *tree = s2_tree_running;
	struct s2_tree_block *b;

	if (bytes > SIZE_MAX - sizeof(*b))
		return NULL;
	b = calloc(1, sizeof(*b) + bytes);
	if (!b)
		return NULL;
	b->next = tree->blocks;
	b->link = &tree->blocks;
	if (b->next)
		b->next->link = &b->next;
	tree->blocks = b;
	return b + 1;
}

void s2k_free(void *p)
{
	struct s2_tree_block *b = (struct s2_tree_block *)p - 1;

	if (!p)
		return;
	*b->link = b->next;
	if (b->next)
		b->next->link = b->link;
	free(b);
}
