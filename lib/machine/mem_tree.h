/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The nodes of memory's tree (mem.h), for who walks it.
 */
#ifndef S2_MACHINE_MEM_TREE_H
#define S2_MACHINE_MEM_TREE_H

#include "machine/mem.h"

#define LEAF_PALETTE 16U

enum leaf_form {
	LEAF_4_BITS,  /* into the leaf's palette */
	LEAF_8_BITS,  /* ids below 256, which are given to the first patterns */
	LEAF_32_BITS, /* ids */
};

struct leaf {
	uint8_t form; /* enum leaf_form */
	uint8_t n_palette;
	uint32_t words[]; /* 4 bits: the palette, then the codes */
};

#define CODES_WORD LEAF_PALETTE

static inline bool is_uniform(s2_node node)
{
	return node & 1;
}

static inline uint32_t uniform_id(s2_node node)
{
	return (uint32_t)(node >> 1);
}

static inline s2_node uniform(uint32_t id)
{
	return (s2_node)id << 1 | 1;
}

static inline struct leaf *leaf_of(s2_node node)
{
	return (struct leaf *)node;
}

static inline s2_node *children_of(s2_node node)
{
	return (s2_node *)node;
}

/* log2 of the frames below a node of the root (0), 1 GiB (1), 2 MiB (2). */
static inline unsigned frame_shift(unsigned depth)
{
	return 27 - 9 * depth;
}

static inline uint8_t *bytes_of(struct leaf *leaf)
{
	return (uint8_t *)&leaf->words[leaf->form == LEAF_4_BITS ? CODES_WORD : 0];
}

static inline uint32_t leaf_get(struct leaf *leaf, unsigned i)
{
	switch (leaf->form) {
	case LEAF_4_BITS:
		return leaf->words[bytes_of(leaf)[i / 2] >> 4 * (i % 2) & 15];
	case LEAF_8_BITS:
		return bytes_of(leaf)[i];
	default:
		return leaf->words[i];
	}
}

#endif
