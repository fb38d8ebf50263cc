/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Inside memory: a radix tree by PA whose uniform parts are single nodes.
 *
 *   root: 512 GiB a node --> 512 of 1 GiB --> 512 of 2 MiB --> leaf: 512 frames
 *   node: a pattern for all of it (low bit 1), or a pointer
 *   leaf: 4 bits a frame into its own 16 patterns, 8 bits, or 32 if they are many
 */
#ifndef S2_MACHINE_MEM_H
#define S2_MACHINE_MEM_H

#include "machine/pattern.h"
#include "machine/possible.h"

#define S2_FANOUT     512U
#define S2_LEAF_SHIFT 21U

typedef uintptr_t s2_node;

struct s2_memory {
	uint8_t line_shift;
	uint8_t pa_bits;
	bool versions;
	bool stateless; /**< FWB, and nobody asks for contents */
	bool dic, vipt;
	uint32_t last_version;
	uint64_t op_number; /**< tells one operation's memos from another's */
	uint32_t collect_at;
	uint32_t collect_sets_at;
	struct s2_possible *possible; /**< or NULL: a line is one state */
	uint64_t bytes;
	struct s2_patterns pats;
	struct s2_icache *icache;
	/* What becomes of patterns below 256, if first_op is the operation at hand. */
	uint64_t first_op;
	uint32_t first_new[256];
	uint64_t first_counts[256];
	size_t n_root;
	s2_node *root;
};

/** What an operation does to a line. */
struct s2_line_fn {
	struct s2_line (*fn)(struct s2_line line, uint32_t version);
	uint32_t version;
	s2_set_fn *set; /**< in place of fn, if a line is a set of states */
};

/** Does @p f to a checked range, rounded outwards. @return as memory.h's operations */
int s2_mem_range_apply(struct s2_memory *mem, const struct s2_line_fn *f, struct s2_pa pa,
		       uint64_t size, struct s2_line_counts *counts);

/** The lines of a range, its ends rounded outwards. @return 0; -EINVAL if empty; -ERANGE */
int s2_mem_lines(const struct s2_memory *mem, struct s2_pa pa, uint64_t size, uint64_t *first,
		 uint64_t *n);

/** As s2_memory_read() and s2_memory_fetch(), for who has mem->possible. */
int s2_possible_read(struct s2_memory *mem, enum s2_agent agent, struct s2_pa pa,
		     uint32_t *version);
int s2_possible_fetch(struct s2_memory *mem, unsigned cpu, struct s2_pa pa, uint32_t *version);

/** The lines of a range are changed: DCs of them that are pending may be earlier or later. */
int s2_possible_overtake(struct s2_memory *mem, struct s2_pa pa, uint64_t size);

/** Lines were written: a DC IVAC issued before, and not complete, may lose that. */
int s2_possible_lose(struct s2_memory *mem, struct s2_pa pa, uint64_t size);

/** Applies @p f to the lines [first, first + n) of memory. @return 0 or -ENOMEM */
int s2_mem_apply(struct s2_memory *mem, const struct s2_line_fn *f, uint64_t first, uint64_t n,
		 struct s2_line_counts *counts);

/** Whether a line is what is sought. */
typedef bool s2_line_test(const struct s2_memory *mem, const struct s2_line *line, const void *arg);

/** The first of the lines [first, first + n) for which @p test holds. @return whether there is one */
bool s2_mem_find(struct s2_memory *mem, s2_line_test *test, const void *arg, uint64_t first,
		 uint64_t n, uint64_t *found);

/** The pattern of a frame. */
uint32_t s2_mem_frame(const struct s2_memory *mem, uint64_t frame);

struct s2_counts;
struct s2_rest;

/** As s2_physics_at_rest(): of cleaning, with and without invalidation, and of possible memory alone. */
bool s2_memory_at_rest(const struct s2_memory *mem, unsigned cpu, const struct s2_counts *each,
		       struct s2_rest *rest);

void s2_mem_free_tree(struct s2_memory *mem);

int s2_icache_create(unsigned cpus, struct s2_icache **out);
void s2_icache_destroy(struct s2_icache *icache);
/** Whether the I-caches are those of a machine with CPU @p cpu. */
bool s2_icache_has_cpu(const struct s2_icache *icache, unsigned cpu);
bool s2_icache_find(const struct s2_icache *icache, unsigned cpu, uint64_t line, uint32_t *version);
void s2_icache_each(const struct s2_icache *icache, void (*fn)(void *arg, uint32_t version),
		    void *arg);
int s2_icache_fill(struct s2_icache *icache, unsigned cpu, uint64_t line, uint32_t version);
/** Whether no CPU has fetched anything since the I-caches were made. */
bool s2_icache_is_empty(const struct s2_icache *icache);
void s2_icache_inval_lines(struct s2_icache *icache, uint64_t first, uint64_t n);
void s2_icache_inval_cpu(struct s2_icache *icache, unsigned cpu);

#endif
