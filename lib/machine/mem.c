/* SPDX-License-Identifier: MIT */
#include "machine/mem_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINES    256U /* in a frame, of 16 bytes */

static const uint16_t form_words[] = {
	[LEAF_4_BITS] = LEAF_PALETTE + S2_FANOUT / 8,
	[LEAF_8_BITS] = S2_FANOUT / 4,
	[LEAF_32_BITS] = S2_FANOUT,
};

/* A range operation under way; addresses are in lines, or in frames where said. */
struct pass {
	struct s2_memory *mem;
	const struct s2_line_fn *f;
	uint64_t first, end;
	struct s2_line_counts *counts;
};

static void set_code(struct leaf *leaf, unsigned i, unsigned code)
{
	uint8_t *byte = &bytes_of(leaf)[i / 2];
	unsigned shift = 4 * (i % 2);

	*byte = (uint8_t)((*byte & ~(15U << shift)) | code << shift);
}

/* @return the code of @id, added if there is room; -1 if there is none. */
static int palette_code(struct leaf *leaf, uint32_t id)
{
	for (unsigned code = 0; code < leaf->n_palette; code++)
		if (leaf->words[code] == id)
			return (int)code;
	if (leaf->n_palette == LEAF_PALETTE)
		return -1;
	leaf->words[leaf->n_palette] = id;
	return leaf->n_palette++;
}

static size_t leaf_bytes(enum leaf_form form)
{
	return sizeof(struct leaf) + form_words[form] * sizeof(uint32_t);
}

static struct leaf *leaf_new(struct s2_memory *mem, enum leaf_form form)
{
	struct leaf *leaf = calloc(1, leaf_bytes(form));

	if (!leaf)
		return NULL;
	leaf->form = (uint8_t)form;
	mem->bytes += leaf_bytes(form);
	return leaf;
}

static void leaf_free(struct s2_memory *mem, struct leaf *leaf)
{
	mem->bytes -= leaf_bytes((enum leaf_form)leaf->form);
	free(leaf);
}

/* @return whether frame @i could be given @id in the leaf's form. */
static bool leaf_put(struct leaf *leaf, unsigned i, uint32_t id)
{
	int code;

	switch (leaf->form) {
	case LEAF_4_BITS:
		code = palette_code(leaf, id);
		if (code >= 0)
			set_code(leaf, i, (unsigned)code);
		return code >= 0;
	case LEAF_8_BITS:
		if (id < 256)
			bytes_of(leaf)[i] = (uint8_t)id;
		return id < 256;
	default:
		leaf->words[i] = id;
		return true;
	}
}

/* Copies a leaf into another form, and drops from its palette what no frame has. */
static bool leaf_copy(struct leaf *new, struct leaf *old)
{
	for (unsigned i = 0; i < S2_FANOUT; i++)
		if (!leaf_put(new, i, leaf_get(old, i)))
			return false;
	return true;
}

/* The leaf at @node in @form. @return 0; -E2BIG if it does not fit that; -ENOMEM. */
static int leaf_change(struct s2_memory *mem, s2_node *node, enum leaf_form form)
{
	struct leaf *new = leaf_new(mem, form);

	if (!new)
		return -ENOMEM;
	if (!leaf_copy(new, leaf_of(*node))) {
		leaf_free(mem, new);
		return -E2BIG;
	}
	leaf_free(mem, leaf_of(*node));
	*node = (s2_node) new;
	return 0;
}

/* The smallest form that takes @id for frame @i. */
static int leaf_set(struct s2_memory *mem, s2_node *node, unsigned i, uint32_t id)
{
	for (unsigned form = leaf_of(*node)->form; form <= LEAF_32_BITS; form++) {
		int ret;

		if (leaf_put(leaf_of(*node), i, id))
			return 0;
		ret = leaf_change(mem, node, (enum leaf_form)form);
		if (ret == -ENOMEM)
			return ret;
		if (!ret && leaf_put(leaf_of(*node), i, id))
			return 0;
	}
	return -ENOMEM;
}

/* To the smallest form that holds the leaf; short of memory it stays as it is. */
static void leaf_shrink(struct s2_memory *mem, s2_node *node)
{
	for (unsigned form = LEAF_4_BITS; form < leaf_of(*node)->form; form++)
		if (leaf_change(mem, node, (enum leaf_form)form) != -E2BIG)
			return;
}

/* Gives a uniform node children of its pattern. */
static int split(struct s2_memory *mem, s2_node *node, unsigned depth)
{
	if (depth == 2) {
		struct leaf *leaf = leaf_new(mem, LEAF_4_BITS);

		if (!leaf)
			return -ENOMEM;
		leaf->words[0] = uniform_id(*node);
		leaf->n_palette = 1;
		*node = (s2_node)leaf;
	} else {
		s2_node *children = malloc(S2_FANOUT * sizeof(*children));

		if (!children)
			return -ENOMEM;
		mem->bytes += S2_FANOUT * sizeof(*children);
		for (unsigned i = 0; i < S2_FANOUT; i++)
			children[i] = *node;
		*node = (s2_node)children;
	}
	return 0;
}

static void add_run(struct s2_line_run *runs, unsigned *n, struct s2_line line, unsigned end)
{
	const struct s2_line *last = *n ? &runs[*n - 1].line : NULL;

	if (last && last->poc == line.poc && last->cache == line.cache &&
	    last->cached == line.cached && last->dirty == line.dirty)
		(*n)--;
	runs[*n].line = line;
	runs[(*n)++].end = (uint16_t)end;
}

/* What the operation makes of a line. @return 0 or -ENOMEM */
static int line_after(const struct pass *pass, const struct s2_line *before, struct s2_line *after)
{
	struct s2_possible *pos = pass->mem->possible;
	struct s2_set set, old;
	int ret;

	if (!pos) {
		*after = pass->f->fn(*before, pass->f->version);
		return 0;
	}
	set = old = s2_set_of(pos, before);
	ret = pass->f->set(pos, &set, pass->f->version);
	if (ret)
		return ret;
	*after = *before;
	return s2_set_equal(&set, &old) ? 0 : s2_set_line(pos, &set, after);
}

/* The pattern that lines [lo, hi) of a frame become under the operation. */
static int transform(const struct pass *pass, const struct s2_pattern *p, unsigned lo, unsigned hi,
		     uint32_t *id)
{
	/* A run may be cut in three, and each line is at most one run. */
	struct s2_line_run runs[MAX_LINES + 2];
	unsigned n = 0, start = 0;

	for (unsigned i = 0; i < p->n_runs; start = p->runs[i++].end) {
		const unsigned end = p->runs[i].end;
		const unsigned a = lo < start ? start : lo > end ? end : lo;
		const unsigned b = hi < start ? start : hi > end ? end : hi;
		struct s2_line line;

		if (b > a && line_after(pass, &p->runs[i].line, &line))
			return -ENOMEM;
		if (a > start)
			add_run(runs, &n, p->runs[i].line, a);
		if (b > a)
			add_run(runs, &n, line, b);
		if (end > b && end > a)
			add_run(runs, &n, p->runs[i].line, end);
	}
	return s2_pattern_intern(&pass->mem->pats, runs, n, id);
}

/* What becomes of a whole frame; worked out once an operation. */
static int map_pattern(const struct pass *pass, uint32_t id, uint32_t *new)
{
	struct s2_patterns *pats = &pass->mem->pats;
	struct s2_pattern *p = pats->by_id[id];
	int ret;

	if (p->memo_op != pass->mem->op_number) {
		ret = transform(pass, p, 0, pats->lines, &p->memo_id);
		if (ret)
			return ret;
		p->memo_op = pass->mem->op_number;
	}
	*new = p->memo_id;
	return 0;
}

static void count_frames(const struct pass *pass, uint32_t id, uint64_t frames)
{
	const struct s2_pattern *p = pass->mem->pats.by_id[id];

	pass->counts->valid += frames * p->valid;
	pass->counts->dirty += frames * p->dirty;
}

static void count_lines(const struct pass *pass, const struct s2_pattern *p, unsigned lo,
			unsigned hi)
{
	for (unsigned i = lo; i < hi; i++) {
		const struct s2_line line = s2_pattern_line(p, i);

		pass->counts->valid += line.cached;
		pass->counts->dirty += line.dirty;
	}
}

/* All of a leaf of 4-bit codes: 16 patterns move, no frame does. */
static int apply_palette(const struct pass *pass, struct leaf *leaf)
{
	uint64_t counts[LEAF_PALETTE] = {0}; /* dirty in the upper half, valid in the lower */
	uint32_t new[LEAF_PALETTE];
	const uint8_t *codes = bytes_of(leaf);
	uint64_t sum = 0;

	for (unsigned code = 0; code < leaf->n_palette; code++) {
		const struct s2_pattern *p = pass->mem->pats.by_id[leaf->words[code]];
		int ret = map_pattern(pass, leaf->words[code], &new[code]);

		if (ret)
			return ret;
		counts[code] = (uint64_t)p->dirty << 32 | p->valid;
	}
	for (unsigned i = 0; i < S2_FANOUT / 2; i++)
		sum += counts[codes[i] & 15] + counts[codes[i] >> 4];
	pass->counts->valid += (uint32_t)sum;
	pass->counts->dirty += sum >> 32;
	memcpy(leaf->words, new, leaf->n_palette * sizeof(*new));
	return 0;
}

/* What becomes of each of the first 256 patterns; worked out once an operation. */
static int first_patterns(const struct pass *pass)
{
	struct s2_memory *mem = pass->mem;
	const uint32_t n = mem->pats.n_ids < 256 ? mem->pats.n_ids : 256;

	if (mem->first_op == mem->op_number)
		return 0;
	for (uint32_t id = 0; id < n; id++) {
		const struct s2_pattern *p = mem->pats.by_id[id];
		int ret;

		if (!p)
			continue;
		ret = map_pattern(pass, id, &mem->first_new[id]);
		if (ret)
			return ret;
		mem->first_counts[id] = (uint64_t)p->dirty << 32 | p->valid;
	}
	mem->first_op = mem->op_number;
	return 0;
}

/* All of a leaf of 8-bit codes. @return 1 if its patterns' successors do not fit 8 bits. */
static int apply_bytes(const struct pass *pass, struct leaf *leaf)
{
	const struct s2_memory *mem = pass->mem;
	uint8_t *codes = bytes_of(leaf);
	uint32_t largest = 0;
	uint64_t sum = 0;
	int ret = first_patterns(pass);

	if (ret)
		return ret;
	for (unsigned i = 0; i < S2_FANOUT; i++)
		largest |= mem->first_new[codes[i]];
	if (largest > 255)
		return 1;
	for (unsigned i = 0; i < S2_FANOUT; i++) {
		sum += mem->first_counts[codes[i]];
		codes[i] = (uint8_t)mem->first_new[codes[i]];
	}
	pass->counts->valid += (uint32_t)sum;
	pass->counts->dirty += sum >> 32;
	return 0;
}

static int apply_frame(const struct pass *pass, s2_node *node, unsigned i, uint64_t frame)
{
	const unsigned lines = pass->mem->pats.lines;
	const uint64_t base = frame * lines;
	const unsigned lo = pass->first > base ? (unsigned)(pass->first - base) : 0;
	const unsigned hi = pass->end < base + lines ? (unsigned)(pass->end - base) : lines;
	const uint32_t id = leaf_get(leaf_of(*node), i);
	const struct s2_pattern *p = pass->mem->pats.by_id[id];
	uint32_t new;
	int ret;

	if (!lo && hi == lines)
		ret = map_pattern(pass, id, &new);
	else
		ret = transform(pass, p, lo, hi, &new);
	if (!ret && new != id)
		ret = leaf_set(pass->mem, node, i, new);
	if (ret)
		return ret;
	if (!lo && hi == lines)
		count_frames(pass, id, 1);
	else
		count_lines(pass, p, lo, hi);
	return 0;
}

/* @base is the leaf's first frame. */
static int apply_leaf(const struct pass *pass, s2_node *node, uint64_t base)
{
	const unsigned lines = pass->mem->pats.lines;
	const uint64_t first = pass->first / lines;
	const uint64_t end = (pass->end + lines - 1) / lines;
	const unsigned from = first > base ? (unsigned)(first - base) : 0;
	const unsigned to = end < base + S2_FANOUT ? (unsigned)(end - base) : S2_FANOUT;
	const bool whole = pass->first <= base * lines && pass->end >= (base + S2_FANOUT) * lines;
	int ret = 1;

	if (whole && leaf_of(*node)->form == LEAF_4_BITS)
		return apply_palette(pass, leaf_of(*node));
	if (whole && leaf_of(*node)->form == LEAF_8_BITS)
		ret = apply_bytes(pass, leaf_of(*node));
	if (ret <= 0)
		return ret;
	ret = 0;
	for (unsigned i = from; i < to && !ret; i++)
		ret = apply_frame(pass, node, i, base + i);
	if (whole && !ret)
		leaf_shrink(pass->mem, node);
	return ret;
}

static bool leaf_is_uniform(struct leaf *leaf, uint32_t *id)
{
	*id = leaf_get(leaf, 0);
	if (leaf_get(leaf, S2_FANOUT - 1) != *id || leaf_get(leaf, S2_FANOUT / 2) != *id)
		return false;
	for (unsigned i = 1; i < S2_FANOUT; i++)
		if (leaf_get(leaf, i) != *id)
			return false;
	return true;
}

/* Whether all patterns of the palette are one: then the codes need no look. */
static bool palette_is_uniform(const struct leaf *leaf, uint32_t *id)
{
	*id = leaf->words[0];
	if (leaf->form != LEAF_4_BITS)
		return false;
	for (unsigned code = 1; code < leaf->n_palette; code++)
		if (leaf->words[code] != *id)
			return false;
	return true;
}

static void merge_leaf(struct s2_memory *mem, s2_node *node)
{
	struct leaf *leaf = leaf_of(*node);
	uint32_t id;

	if (!palette_is_uniform(leaf, &id) && !leaf_is_uniform(leaf, &id))
		return;
	leaf_free(mem, leaf);
	*node = uniform(id);
}

static void merge_children(struct s2_memory *mem, s2_node *node)
{
	s2_node *children = children_of(*node);

	for (unsigned i = 0; i < S2_FANOUT; i++)
		if (!is_uniform(children[i]) || children[i] != children[0])
			return;
	*node = children[0];
	mem->bytes -= S2_FANOUT * sizeof(*children);
	free(children);
}

/* A uniform node, or the part of it that the operation names. @return 1 if it must be split. */
static int apply_uniform(const struct pass *pass, s2_node *node, unsigned depth, uint64_t base)
{
	const uint64_t lines = pass->mem->pats.lines;
	const uint64_t frames = UINT64_C(1) << frame_shift(depth);
	const uint64_t lo = pass->first > base * lines ? pass->first : base * lines;
	const uint64_t end = (base + frames) * lines;
	const uint64_t hi = pass->end < end ? pass->end : end;
	const struct s2_pattern *p = pass->mem->pats.by_id[uniform_id(*node)];
	uint32_t new;
	int ret = map_pattern(pass, uniform_id(*node), &new);

	if (ret)
		return ret;
	if (hi - lo == frames * lines) {
		count_frames(pass, uniform_id(*node), frames);
		*node = uniform(new);
		return 0;
	}
	/* Nothing changes, whichever part it is; the counts need equal lines. */
	if (new != uniform_id(*node) || p->n_runs != 1)
		return 1;
	pass->counts->valid += p->valid ? hi - lo : 0;
	pass->counts->dirty += p->dirty ? hi - lo : 0;
	return 0;
}

/* @base is the node's first frame. */
static int apply_node(const struct pass *pass, s2_node *node, unsigned depth, uint64_t base)
{
	const uint64_t child_frames = UINT64_C(1) << (frame_shift(depth) - 9);
	const uint64_t child_lines = child_frames * pass->mem->pats.lines;
	const uint64_t base_line = base * pass->mem->pats.lines;
	uint64_t first, end;
	int ret;

	if (is_uniform(*node)) {
		ret = apply_uniform(pass, node, depth, base);
		if (ret <= 0)
			return ret;
		ret = split(pass->mem, node, depth);
		if (ret)
			return ret;
	}
	if (depth == 2) {
		ret = apply_leaf(pass, node, base);
		merge_leaf(pass->mem, node);
		return ret;
	}
	ret = 0;
	first = pass->first > base_line ? (pass->first - base_line) / child_lines : 0;
	end = (pass->end - base_line + child_lines - 1) / child_lines;
	for (uint64_t i = first; i < end && i < S2_FANOUT && !ret; i++)
		ret = apply_node(pass, &children_of(*node)[i], depth + 1, base + i * child_frames);
	merge_children(pass->mem, node);
	return ret;
}

static void mark_leaf(struct s2_memory *mem, struct leaf *leaf)
{
	/* A palette may name what none of its frames has any more: that lives on with it. */
	for (unsigned code = 0; code < leaf->n_palette; code++)
		mem->pats.by_id[leaf->words[code]]->marked = true;
	for (unsigned i = 0; leaf->form != LEAF_4_BITS && i < S2_FANOUT; i++)
		mem->pats.by_id[leaf_get(leaf, i)]->marked = true;
}

static void mark_node(struct s2_memory *mem, s2_node node, unsigned depth)
{
	if (is_uniform(node)) {
		mem->pats.by_id[uniform_id(node)]->marked = true;
		return;
	}
	if (depth == 2) {
		mark_leaf(mem, leaf_of(node));
		return;
	}
	for (unsigned i = 0; i < S2_FANOUT; i++)
		mark_node(mem, children_of(node)[i], depth + 1);
}

/* Patterns that no frame has any more are found when they may be half of all. */
static void collect(struct s2_memory *mem)
{
	const bool many_versions =
		mem->possible && s2_possible_live(mem->possible) >= mem->collect_sets_at;

	if (mem->pats.live < mem->collect_at && !many_versions)
		return;
	for (size_t i = 0; i < mem->n_root; i++)
		mark_node(mem, mem->root[i], 0);
	s2_patterns_sweep(&mem->pats);
	mem->collect_at = mem->pats.live < 512 ? 1024 : 2 * mem->pats.live;
	if (!mem->possible)
		return;
	s2_possible_sweep(mem->possible, &mem->pats, mem->icache);
	mem->collect_sets_at = 2 * s2_possible_live(mem->possible) + 4096;
}

int s2_mem_apply(struct s2_memory *mem, const struct s2_line_fn *f, uint64_t first, uint64_t n,
		 struct s2_line_counts *counts)
{
	const struct pass pass = {mem, f, first, first + n, counts};
	const uint64_t root_lines = (uint64_t)mem->pats.lines << frame_shift(0);
	int ret = 0;

	collect(mem);
	mem->op_number++;
	counts->lines += n;
	for (uint64_t i = first / root_lines; i * root_lines < pass.end && !ret; i++)
		ret = apply_node(&pass, &mem->root[i], 0, i << frame_shift(0));
	return ret;
}

uint32_t s2_mem_frame(const struct s2_memory *mem, uint64_t frame)
{
	s2_node node = mem->root[frame >> frame_shift(0)];

	for (unsigned depth = 1; depth <= 2 && !is_uniform(node); depth++)
		node = children_of(node)[frame >> frame_shift(depth) & (S2_FANOUT - 1)];
	if (is_uniform(node))
		return uniform_id(node);
	return leaf_get(leaf_of(node), (unsigned)(frame & (S2_FANOUT - 1)));
}

static void free_node(struct s2_memory *mem, s2_node node, unsigned depth)
{
	if (is_uniform(node))
		return;
	if (depth == 2) {
		leaf_free(mem, leaf_of(node));
		return;
	}
	for (unsigned i = 0; i < S2_FANOUT; i++)
		free_node(mem, children_of(node)[i], depth + 1);
	free(children_of(node));
}

void s2_mem_free_tree(struct s2_memory *mem)
{
	for (size_t i = 0; i < mem->n_root; i++)
		free_node(mem, mem->root[i], 0);
	free(mem->root);
}
