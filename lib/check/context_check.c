/* SPDX-License-Identifier: MIT */
#include "check/context_check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH	250
#define RANDOM_WALK_LEN 64
#define DEFAULT_STATES	(UINT64_C(1) << 31)

struct hash {
	uint64_t a, b;
};

/* How a state was reached; node 0 is the start. */
struct node {
	uint32_t parent;
	uint8_t event;
};

/* States of one level, and which node each is. */
struct level {
	unsigned char *state;
	uint32_t *node;
	size_t n, cap;
};

struct walk {
	const struct s2_context_system *sys;
	struct hash *seen; /* open addressing; all zero: free */
	size_t seen_cap;   /* a power of two */
	struct node *nodes;
	size_t n_nodes, nodes_cap;
	struct level now, next;
	unsigned char *scratch;
	uint64_t max_states;
	uint64_t transitions;
};

uint64_t s2_random_next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void s2_text_add(struct s2_text *text, const char *format, ...)
{
	va_list ap;
	int need;

	if (text->failed)
		return;
	va_start(ap, format);
	need = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (text->len + (size_t)need + 1 > text->cap) {
		const size_t cap = 2 * (text->len + (size_t)need + 1);
		char *grown = realloc(text->s, cap);

		if (!grown) {
			text->failed = true;
			return;
		}
		text->s = grown;
		text->cap = cap;
	}
	va_start(ap, format);
	text->len += (size_t)vsnprintf(text->s + text->len, text->cap - text->len, format, ap);
	va_end(ap);
}

static uint64_t rotl(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static struct hash hash_bytes(const unsigned char *p, size_t n)
{
	struct hash h = {UINT64_C(0x243f6a8885a308d3), UINT64_C(0x13198a2e03707344)};

	for (size_t i = 0; i < n; i += sizeof(uint32_t)) {
		uint32_t w;

		memcpy(&w, p + i, sizeof(w));
		h.a = rotl((h.a ^ w) * UINT64_C(0x9fb21c651e98df25), 29);
		h.b = rotl(h.b + w, 23) * UINT64_C(0xd6e8feb86659fd93);
	}
	h.a ^= h.b >> 31;
	h.b ^= h.a >> 29;
	h.a *= UINT64_C(0x9fb21c651e98df25);
	h.a |= 1; /* never a free place */
	return h;
}

static void place(struct hash *seen, size_t cap, struct hash h)
{
	size_t i = (size_t)h.b & (cap - 1);

	while (seen[i].a)
		i = (i + 1) & (cap - 1);
	seen[i] = h;
}

static bool is_seen(const struct walk *w, struct hash h)
{
	for (size_t i = (size_t)h.b & (w->seen_cap - 1); w->seen[i].a;
	     i = (i + 1) & (w->seen_cap - 1))
		if (w->seen[i].a == h.a && w->seen[i].b == h.b)
			return true;
	return false;
}

static int grow_seen(struct walk *w)
{
	const size_t cap = w->seen_cap ? 2 * w->seen_cap : 4096;
	struct hash *seen = calloc(cap, sizeof(*seen));

	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; i < w->seen_cap; i++)
		if (w->seen[i].a)
			place(seen, cap, w->seen[i]);
	free(w->seen);
	w->seen = seen;
	w->seen_cap = cap;
	return 0;
}

static int grow_nodes(struct walk *w)
{
	const size_t cap = w->nodes_cap ? 2 * w->nodes_cap : 4096;
	struct node *nodes = realloc(w->nodes, cap * sizeof(*nodes));

	if (!nodes)
		return -ENOMEM;
	w->nodes = nodes;
	w->nodes_cap = cap;
	return 0;
}

static int grow_level(struct level *level, size_t size)
{
	const size_t cap = level->cap ? 2 * level->cap : 1024;
	unsigned char *state = realloc(level->state, cap * size);
	uint32_t *node;

	if (!state)
		return -ENOMEM;
	level->state = state;
	node = realloc(level->node, cap * sizeof(*node));
	if (!node)
		return -ENOMEM;
	level->node = node;
	level->cap = cap;
	return 0;
}

/* Files @p state under its hash. @return 1 if it is new, 0 if not, -ENOMEM */
static int remember(struct walk *w, const void *state, uint32_t parent, uint8_t event)
{
	const struct hash h = hash_bytes(state, w->sys->hashed);
	int ret = 0;

	if (is_seen(w, h))
		return 0;
	if (2 * (w->n_nodes + 1) > w->seen_cap)
		ret = grow_seen(w);
	if (!ret && w->n_nodes == w->nodes_cap)
		ret = grow_nodes(w);
	if (!ret && w->next.n == w->next.cap)
		ret = grow_level(&w->next, w->sys->size);
	if (ret)
		return ret;
	place(w->seen, w->seen_cap, h);
	memcpy(w->next.state + w->next.n * w->sys->size, state, w->sys->size);
	w->next.node[w->next.n++] = (uint32_t)w->n_nodes;
	w->nodes[w->n_nodes++] = (struct node){parent, event};
	return 1;
}

/*
 * Every event from one state.
 * @return 1 if the last node is wrong, 0 if nothing is, -ENOMEM
 */
static int expand(struct walk *w, size_t i)
{
	const struct s2_context_system *sys = w->sys;

	for (unsigned event = 0; event < sys->n_events && w->n_nodes < w->max_states; event++) {
		int ret;

		memcpy(w->scratch, w->now.state + i * sys->size, sys->size);
		if (sys->apply(sys->arg, w->scratch, event))
			continue;
		w->transitions++;
		ret = remember(w, w->scratch, w->now.node[i], (uint8_t)event);
		if (ret < 0)
			return ret;
		if (ret && !sys->right(sys->arg, w->scratch))
			return 1;
	}
	return 0;
}

static int expand_level(struct walk *w)
{
	const struct level done = w->now;

	w->now = w->next;
	w->next = done;
	w->next.n = 0;
	for (size_t i = 0; i < w->now.n && w->n_nodes < w->max_states; i++) {
		const int ret = expand(w, i);

		if (ret)
			return ret;
	}
	return 0;
}

/* The sequence that led to @p node, told event by event, and what is wrong at its end. */
static int tell_story(const struct walk *w, uint32_t node, struct s2_context_result *out)
{
	uint8_t events[MAX_DEPTH + 1];
	struct s2_text text = {0};
	size_t n = 0;

	for (uint32_t i = node; i; i = w->nodes[i].parent)
		events[n++] = w->nodes[i].event;
	for (size_t i = 0; i < n; i++) {
		s2_text_add(&text, "%3zu. ", i + 1);
		w->sys->tell_event(w->sys->arg, events[n - 1 - i], &text);
		s2_text_add(&text, "\n");
	}
	w->sys->tell_wrong(w->sys->arg, w->scratch, &text);
	out->story = text.s;
	out->story_events = n;
	return text.failed ? -ENOMEM : 0;
}

static int explore(struct walk *w, const void *start, unsigned depth, struct s2_context_result *out)
{
	int ret = grow_seen(w);

	if (!ret)
		ret = remember(w, start, 0, 0);
	if (ret < 0)
		return ret;
	memcpy(w->scratch, start, w->sys->size);
	ret = !w->sys->right(w->sys->arg, start);
	while (!ret && w->next.n && out->depth < depth) {
		ret = expand_level(w);
		if (w->n_nodes >= w->max_states)
			break;
		out->depth++;
	}
	out->closed = !ret && !w->next.n;
	out->states = w->n_nodes;
	out->transitions = w->transitions;
	if (ret <= 0)
		return ret;
	out->verdict = S2_CONTEXT_UNSOUND;
	return tell_story(w, (uint32_t)w->n_nodes - 1, out);
}

/* One walk; told only when its numbers are drawn again, for the story of a fault. */
static bool random_walk(const struct walk *w, const void *start, uint64_t seed,
			struct s2_text *told, struct s2_context_result *out)
{
	const struct s2_context_system *sys = w->sys;

	memcpy(w->scratch, start, sys->size);
	for (unsigned n = 0; n < RANDOM_WALK_LEN;) {
		if (sys->apply_random(sys->arg, w->scratch, s2_random_next(&seed), told))
			continue;
		n++;
		if (!told)
			out->random_events++;
		if (!sys->right(sys->arg, w->scratch)) {
			out->story_events = n;
			return false;
		}
	}
	return true;
}

static int random_walks(const struct walk *w, const void *start,
			const struct s2_context_bounds *bounds, struct s2_context_result *out)
{
	uint64_t seed = bounds->seed;

	while (out->random_events < bounds->random_events) {
		const uint64_t this_seed = s2_random_next(&seed);
		struct s2_text text = {0};

		if (random_walk(w, start, this_seed, NULL, out))
			continue;
		(void)random_walk(w, start, this_seed, &text, out);
		w->sys->tell_wrong(w->sys->arg, w->scratch, &text);
		out->verdict = S2_CONTEXT_UNSOUND;
		out->story = text.s;
		return text.failed ? -ENOMEM : 0;
	}
	return 0;
}

static void free_walk(struct walk *w)
{
	free(w->seen);
	free(w->nodes);
	free(w->now.state);
	free(w->now.node);
	free(w->next.state);
	free(w->next.node);
	free(w->scratch);
}

int s2_context_explore(const struct s2_context_system *sys, const void *start,
		       const struct s2_context_bounds *bounds, struct s2_context_result *out)
{
	struct s2_context_result result = {.verdict = S2_CONTEXT_EXPLORED};
	struct walk w = {.sys = sys, .max_states = bounds->max_states};
	int ret;

	if (bounds->depth > MAX_DEPTH || bounds->max_states > DEFAULT_STATES)
		return -EINVAL;
	if (!w.max_states)
		w.max_states = DEFAULT_STATES;
	w.scratch = malloc(sys->size);
	ret = w.scratch ? explore(&w, start, bounds->depth, &result) : -ENOMEM;
	if (!ret && result.verdict == S2_CONTEXT_EXPLORED)
		ret = random_walks(&w, start, bounds, &result);
	free_walk(&w);
	if (ret) {
		free(result.story);
		return ret;
	}
	*out = result;
	return 0;
}

void s2_context_result_clear(struct s2_context_result *result)
{
	free(result->story);
	result->story = NULL;
}
