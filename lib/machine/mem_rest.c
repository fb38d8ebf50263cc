/* SPDX-License-Identifier: MIT */
/* Lines that cleaning leaves as they are. */
#include "machine/mem_tree.h"

#include <stage2sim/machine.h>

#include "machine/rest.h"

/* Whether a line's states are the same after it has been cleaned, and invalidated. */
static bool line_rests(struct s2_possible *pos, const struct s2_line *line)
{
	const struct s2_set set = s2_set_of(pos, line);
	struct s2_set cleaned = set, gone = set;

	return !s2_set_clean(pos, &cleaned, 0) && s2_set_equal(&cleaned, &set) &&
	       !s2_set_clean_invalidate(pos, &gone, 0) && s2_set_equal(&gone, &set);
}

static bool pattern_rests(const struct s2_memory *mem, uint32_t id)
{
	const struct s2_pattern *p = mem->pats.by_id[id];

	for (unsigned i = 0; i < p->n_runs; i++)
		if (!line_rests(mem->possible, &p->runs[i].line))
			return false;
	return true;
}

/* The frames alike around that of @pa: those of the largest node, or itself. */
static uint32_t alike_around(const struct s2_memory *mem, uint64_t pa, uint64_t *from,
			     uint64_t *size)
{
	const uint64_t frame = pa >> S2_FRAME_SHIFT;
	s2_node node = mem->root[frame >> frame_shift(0)];
	unsigned depth = 0;

	while (depth < 2 && !is_uniform(node)) {
		depth++;
		node = children_of(node)[frame >> frame_shift(depth) & (S2_FANOUT - 1)];
	}
	*size = UINT64_C(1) << (is_uniform(node) ? frame_shift(depth) + S2_FRAME_SHIFT
						 : S2_FRAME_SHIFT);
	*from = pa & ~(*size - 1);
	return is_uniform(node) ? uniform_id(node)
				: leaf_get(leaf_of(node), (unsigned)(frame & (S2_FANOUT - 1)));
}

static bool fetches_stay(const struct s2_memory *mem, const struct s2_counts *each)
{
	if (s2_icache_is_empty(mem->icache))
		return true;
	return each && !each->n[S2_OP_IC_IVAU] && !each->n[S2_OP_IC_IALLUIS] &&
	       !each->n[S2_OP_IC_IALLU];
}

bool s2_memory_at_rest(const struct s2_memory *mem, unsigned cpu, const struct s2_counts *each,
		       struct s2_rest *rest)
{
	uint64_t from, size;

	if (!mem->possible || mem->possible->pending[cpu].n || rest->pa >> mem->pa_bits ||
	    !fetches_stay(mem, each) ||
	    !pattern_rests(mem, alike_around(mem, rest->pa, &from, &size)))
		return false;
	/* All ranges are aligned nodes of the tree around the page: the smaller is in the larger. */
	if (size < rest->size) {
		rest->from = from;
		rest->size = size;
	}
	return true;
}
