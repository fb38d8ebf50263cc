/* SPDX-License-Identifier: MIT */
/*
 * A search that was stopped, as bytes, little-endian words of 64 bits:
 *
 *     whose it is | counters | schedule of the first finding | nodes | states seen | findings |
 *     a hash of all of it
 */
#include "check/explore_search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT UINT64_C(1)

/* Words that are written, or read; the first error stays. */
struct words {
	uint8_t *out;
	const uint8_t *in;
	size_t n, cap;
	struct s2_digest sum;
	int error;
};

static void put(struct words *w, uint64_t v)
{
	if (!w->error && w->n + 8 > w->cap) {
		const size_t cap = w->cap ? 2 * w->cap : 4096;
		uint8_t *out = realloc(w->out, cap);

		if (!out) {
			w->error = -ENOMEM;
			return;
		}
		w->out = out;
		w->cap = cap;
	}
	for (unsigned i = 0; !w->error && i < 8; i++)
		w->out[w->n++] = (uint8_t)(v >> 8 * i);
	s2_digest_fold(&w->sum, v);
}

static uint64_t get(struct words *w)
{
	uint64_t v = 0;

	if (w->cap - w->n < 8)
		w->error = -EINVAL;
	for (unsigned i = 0; !w->error && i < 8; i++)
		v |= (uint64_t)w->in[w->n++] << 8 * i;
	s2_digest_fold(&w->sum, v);
	return v;
}

static uint64_t bits_of(double d)
{
	uint64_t v;

	memcpy(&v, &d, sizeof(v));
	return v;
}

static double double_of(uint64_t v)
{
	double d;

	memcpy(&d, &v, sizeof(d));
	return d;
}

/* What must be the same: the scenario, how it is searched, and what it does. */
static uint64_t whose(const struct s2_xsearch *s)
{
	const struct s2_scenario *sc = s->run.scenario;
	const struct s2_explore_config *cfg = s->cfg;
	struct s2_digest h = {FORMAT, S2_OP_COUNT};

	for (const char *c = sc->name; c && *c; c++)
		s2_digest_fold(&h, (unsigned char)*c);
	s2_digest_fold(&h, (uint64_t)sc->rules << 32 | sc->contracts);
	s2_digest_fold(&h, cfg->preemptions);
	s2_digest_fold(&h, s->run.max_steps);
	s2_digest_fold(&h, (uint64_t)cfg->no_pruning << 2 | (uint64_t)cfg->go_on << 1 | cfg->no_oracle);
	s2_digest_fold(&h, (uint64_t)cfg->shard << 32 | cfg->shards);
	s2_digest_fold(&h, s->result->body);
	return h.a ^ h.b >> 8;
}

int s2_xsearch_note_body(struct s2_xsearch *s)
{
	int ret;

	s->bound = 0;
	ret = s2_xsearch_run_only(s, NULL, 0);
	s->result->body = s->run.past.sum.a ^ s->run.past.sum.b >> 8;
	return ret;
}

static void put_seen(struct words *w, const struct s2_seen *seen)
{
	put(w, seen->n);
	for (size_t i = 0; i < seen->cap; i++) {
		const struct s2_seen_slot *slot = &seen->slot[i];

		if (!(slot->state.a | slot->state.b))
			continue;
		put(w, slot->state.a);
		put(w, slot->state.b);
		put(w, bits_of(slot->schedules));
	}
}

static void get_seen(struct words *w, struct s2_seen *seen)
{
	for (uint64_t left = get(w); left && !w->error; left--) {
		struct s2_digest h;
		int ret;

		h.a = get(w);
		h.b = get(w);
		ret = w->error ? w->error : s2_seen_before(seen, h, (uint8_t)h.b);
		if (ret < 0)
			w->error = ret;
		else
			*s2_seen_schedules(seen, h) = double_of(get(w));
	}
}

static void put_nodes(struct words *w, const struct s2_xsearch *s)
{
	put(w, s->n);
	for (size_t i = 0; i < s->n; i++) {
		const struct s2_xnode *node = &s->nodes[i];

		put(w, (uint64_t)node->todo << 8 | node->chosen);
		put(w, bits_of(node->schedules));
		put(w, node->state.a);
		put(w, node->state.b);
	}
}

static int push_known(struct s2_xsearch *s, unsigned chosen, unsigned todo, struct s2_digest state)
{
	const unsigned threads = s->run.scenario->n_threads;

	return chosen < threads && !(todo >> threads) ? s2_xsearch_push(s, chosen, todo, state)
						      : -EINVAL;
}

static void get_nodes(struct words *w, struct s2_xsearch *s)
{
	s->n = 0;
	for (uint64_t left = get(w); left && !w->error; left--) {
		const uint64_t v = get(w);
		const double schedules = double_of(get(w));
		struct s2_digest state;
		int ret;

		state.a = get(w);
		state.b = get(w);
		ret = w->error ? w->error : push_known(s, (uint8_t)v, (uint8_t)(v >> 8), state);
		if (ret)
			w->error = ret;
		else
			s->nodes[s->n - 1].schedules = schedules;
	}
	s->prefix = s->n;
}

/* The counters of a search, in the order in which they are written. */
#define COUNTERS 9U

static void counters_of(struct s2_xsearch *s, uint64_t *out[COUNTERS])
{
	struct s2_explore_result *r = s->result;
	uint64_t *const all[COUNTERS] = {&r->schedules, &r->pruned, &r->steps, &r->depth,
					 &r->findings, &r->findings_hash, &s->split, &s->top,
					 &r->whole_at};

	memcpy(out, all, sizeof(all));
}

static uint64_t flags_of(const struct s2_xsearch *s)
{
	return (uint64_t)s->result->preemptions << 32 | (uint64_t)s->over << 2 |
	       (uint64_t)s->stepped << 1 | s->bounded;
}

int s2_xsearch_save(struct s2_xsearch *s)
{
	uint64_t *counters[COUNTERS];
	struct words w = {.out = NULL};

	counters_of(s, counters);
	put(&w, whose(s));
	put(&w, s->bound);
	put(&w, flags_of(s));
	put(&w, bits_of(s->plain));
	for (unsigned i = 0; i < COUNTERS; i++)
		put(&w, *counters[i]);
	put(&w, s->result->n_schedule);
	for (size_t i = 0; i < s->result->n_schedule; i++)
		put(&w, s->result->schedule[i]);
	put_nodes(&w, s);
	put_seen(&w, &s->seen);
	put_seen(&w, &s->findings);
	put(&w, w.sum.a ^ w.sum.b >> 8);
	if (w.error) {
		free(w.out);
		return w.error;
	}
	s->result->saved = w.out;
	s->result->n_saved = w.n;
	return 0;
}

/* The first finding is made again, by its schedule. */
static int find_again(struct s2_xsearch *s, struct words *w)
{
	const uint64_t n = get(w);
	uint8_t *schedule;
	int ret;

	if (w->error || n > (w->cap - w->n) / 8)
		return -EINVAL;
	if (!n)
		return 0;
	schedule = malloc(n);
	if (!schedule)
		return -ENOMEM;
	ret = 0;
	for (size_t i = 0; i < n; i++) {
		schedule[i] = (uint8_t)get(w);
		if (schedule[i] >= s->run.scenario->n_threads)
			ret = -EINVAL;
	}
	if (!ret)
		ret = s2_xsearch_run_only(s, schedule, n);
	if (!ret)
		ret = s->run.kind == S2_EXPLORE_NOTHING ? -EPROTO : s2_xsearch_keep(s);
	free(schedule);
	return ret;
}

/* Whether the bytes are those that were written. */
static bool is_whole(const struct s2_explore_config *cfg)
{
	struct words w = {.in = cfg->resume, .cap = cfg->n_resume};
	uint64_t sum = 0;

	if (cfg->n_resume % 8 || cfg->n_resume < 16)
		return false;
	while (w.n + 8 < w.cap)
		(void)get(&w);
	sum = w.sum.a ^ w.sum.b >> 8;
	return get(&w) == sum;
}

int s2_xsearch_resume(struct s2_xsearch *s)
{
	struct words w = {.in = s->cfg->resume, .cap = s->cfg->n_resume};
	uint64_t *counters[COUNTERS];
	uint64_t flags;
	int ret;

	if (!is_whole(s->cfg) || get(&w) != whose(s))
		return -EINVAL;
	w.cap -= 8;
	s->bound = (uint32_t)get(&w);
	flags = get(&w);
	s->plain = double_of(get(&w));
	counters_of(s, counters);
	for (unsigned i = 0; i < COUNTERS; i++)
		*counters[i] = get(&w);
	ret = find_again(s, &w);
	if (ret)
		return ret;
	get_nodes(&w, s);
	get_seen(&w, &s->seen);
	get_seen(&w, &s->findings);
	s->result->preemptions = (uint32_t)(flags >> 32);
	s->over = flags >> 2 & 1;
	s->stepped = flags >> 1 & 1;
	s->bounded = flags & 1;
	return w.error || w.n != w.cap ? -EINVAL : 0;
}
