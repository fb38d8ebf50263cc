/* SPDX-License-Identifier: MIT */
/* Searching memory for a line: a pattern that has none is looked at once a search. */
#include "machine/mem_tree.h"

struct search {
	struct s2_memory *mem;
	s2_line_test *test;
	const void *arg;
	uint64_t first, end; /* lines */
	uint64_t *found;
};

/* Whether a pattern has such a line, wherever in the frame. */
static bool pattern_has(const struct search *s, uint32_t id)
{
	struct s2_pattern *p = s->mem->pats.by_id[id];

	if (p->search == s->mem->op_number)
		return false;
	for (unsigned i = 0; i < p->n_runs; i++)
		if (s->test(s->mem, &p->runs[i].line, s->arg))
			return true;
	p->search = s->mem->op_number;
	return false;
}

/* The first such line of a frame that is in the range. */
static bool find_in_frame(const struct search *s, uint32_t id, uint64_t frame)
{
	const struct s2_pattern *p = s->mem->pats.by_id[id];
	const uint64_t base = frame * s->mem->pats.lines;
	uint64_t start = base;

	for (unsigned i = 0; i < p->n_runs; start = base + p->runs[i++].end) {
		const uint64_t from = start > s->first ? start : s->first;

		if (from >= s->end || from >= base + p->runs[i].end ||
		    !s->test(s->mem, &p->runs[i].line, s->arg))
			continue;
		*s->found = from;
		return true;
	}
	return false;
}

/* The frames [@from, @to) that all have pattern @id. */
static bool find_in_equal(const struct search *s, uint32_t id, uint64_t from, uint64_t to)
{
	if (!pattern_has(s, id))
		return false;
	/* The first may lack its head, the last its tail: one between has all of it. */
	for (uint64_t frame = from; frame < to && frame < from + 2; frame++)
		if (find_in_frame(s, id, frame))
			return true;
	return to > from && find_in_frame(s, id, to - 1);
}

static bool palette_has(const struct search *s, const struct leaf *leaf)
{
	for (unsigned code = 0; code < leaf->n_palette; code++)
		if (pattern_has(s, leaf->words[code]))
			return true;
	return false;
}

static bool find_in_leaf(const struct search *s, struct leaf *leaf, uint64_t base, uint64_t from,
			 uint64_t to)
{
	if (leaf->form == LEAF_4_BITS && !palette_has(s, leaf))
		return false;
	for (uint64_t frame = from; frame < to; frame++) {
		const uint32_t id = leaf_get(leaf, (unsigned)(frame - base));

		if (pattern_has(s, id) && find_in_frame(s, id, frame))
			return true;
	}
	return false;
}

/* @base is the node's first frame; frames [@from, @to) are sought, at least one of them in it. */
static bool find_in_node(const struct search *s, s2_node node, unsigned depth, uint64_t base,
			 uint64_t from, uint64_t to)
{
	const unsigned shift = frame_shift(depth) - 9;
	const uint64_t end = base + (UINT64_C(1) << frame_shift(depth));

	from = from > base ? from : base;
	to = to < end ? to : end;
	if (is_uniform(node))
		return find_in_equal(s, uniform_id(node), from, to);
	if (depth == 2)
		return find_in_leaf(s, leaf_of(node), base, from, to);
	for (uint64_t i = (from - base) >> shift; i < S2_FANOUT && base + (i << shift) < to; i++)
		if (find_in_node(s, children_of(node)[i], depth + 1, base + (i << shift), from, to))
			return true;
	return false;
}

bool s2_mem_find(struct s2_memory *mem, s2_line_test *test, const void *arg, uint64_t first,
		 uint64_t n, uint64_t *found)
{
	const struct search s = {mem, test, arg, first, first + n, found};
	const uint64_t from = first / mem->pats.lines;
	const uint64_t to = (first + n - 1) / mem->pats.lines + 1;
	const unsigned shift = frame_shift(0);

	mem->op_number++;
	for (uint64_t i = from >> shift; i << shift < to; i++)
		if (find_in_node(&s, mem->root[i], 0, i << shift, from, to))
			return true;
	return false;
}
