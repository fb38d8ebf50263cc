/* SPDX-License-Identifier: MIT */
/* All parts of a search together. */
#include "study/part/part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool same_search(const struct s2_search_part *a, const struct s2_search_part *b)
{
	return !strcmp(a->scenario, b->scenario) && !strcmp(a->contract, b->contract) &&
	       a->preemptions == b->preemptions && a->steps == b->steps &&
	       a->pruning == b->pruning && a->shards == b->shards &&
	       a->result.body == b->result.body;
}

/* Of two schedules the one that a search comes to first: who runs goes on, then the lowest thread. */
static bool comes_first(const struct s2_explore_result *a, const struct s2_explore_result *b)
{
	size_t i = 0;
	const size_t n = a->n_schedule < b->n_schedule ? a->n_schedule : b->n_schedule;

	if (a->preemptions != b->preemptions)
		return a->preemptions < b->preemptions;
	while (i < n && a->schedule[i] == b->schedule[i])
		i++;
	if (i == n)
		return a->n_schedule < b->n_schedule;
	if (i && a->schedule[i] == a->schedule[i - 1])
		return true;
	return !(i && b->schedule[i] == b->schedule[i - 1]) && a->schedule[i] < b->schedule[i];
}

/* Ends from the best on: a bound that stopped one part is the whole's. */
static unsigned rank(enum s2_explore_end end)
{
	static const unsigned ranks[S2_EXPLORE_ENDS] = {
		[S2_EXPLORED_ALL] = 0,	       [S2_EXPLORED_PREEMPTIONS] = 1,
		[S2_EXPLORED_STEPS] = 2,       [S2_EXPLORED_SCHEDULES] = 3,
		[S2_EXPLORED_STATES] = 4,      [S2_EXPLORED_TIME] = 5,
		[S2_EXPLORED_STOPPED] = 6,     [S2_EXPLORED_FINDING] = 7,
	};

	return ranks[end];
}

static void take_finding(struct s2_explore_result *into, struct s2_explore_result *from)
{
	if (from->kind == S2_EXPLORE_NOTHING)
		return;
	if (into->kind != S2_EXPLORE_NOTHING && !comes_first(from, into))
		return;
	free(into->schedule);
	into->schedule = from->schedule;
	into->n_schedule = from->n_schedule;
	from->schedule = NULL;
	into->kind = from->kind;
	into->preemptions = from->preemptions;
	memcpy(into->text, from->text, sizeof(into->text));
}

static void add(struct s2_explore_result *into, struct s2_explore_result *from)
{
	into->whole_at &= from->whole_at;
	into->states += from->states;
	into->schedules += from->schedules;
	into->pruned += from->pruned;
	into->steps += from->steps;
	if (from->depth > into->depth)
		into->depth = from->depth;
	if (rank(from->end) > rank(into->end))
		into->end = from->end;
	if (into->kind == S2_EXPLORE_NOTHING && from->kind == S2_EXPLORE_NOTHING &&
	    from->preemptions > into->preemptions)
		into->preemptions = from->preemptions;
	take_finding(into, from);
}

/* The least bound at which no part has left anything out: where one search would have ended. */
static void note_bound(struct s2_explore_result *r)
{
	uint32_t bound = 0;

	if (r->kind != S2_EXPLORE_NOTHING || !r->whole_at || r->end > S2_EXPLORED_PREEMPTIONS)
		return;
	while (!(r->whole_at >> bound & 1))
		bound++;
	r->preemptions = bound < 63 ? bound : S2_EXPLORE_ANY;
	r->end = S2_EXPLORED_ALL;
}

static int refuse(struct s2_error *err, const char *path, const char *why)
{
	s2_error_set(err, 1, "%.80s: %s", path, why);
	return -EINVAL;
}

static int merge_one(const char *path, uint8_t *there, struct s2_search_part *out, size_t n,
		     struct s2_error *err)
{
	struct s2_search_part part;
	int ret = s2_search_part_read(path, &part, err);

	if (ret)
		return ret;
	if (!out->shards) {
		*out = part;
		memset(&out->result, 0, sizeof(out->result));
		out->result.body = part.result.body;
		out->result.whole_at = UINT64_MAX;
	}
	if (!same_search(out, &part))
		ret = refuse(err, path, "a part of another search");
	else if (part.shards != n)
		ret = refuse(err, path, "there are not as many files as the search has parts");
	else if (there[part.shard - 1]++)
		ret = refuse(err, path, "this part is there twice");
	else
		add(&out->result, &part.result);
	s2_explore_result_free(&part.result);
	return ret;
}

int s2_search_part_merge(const char *const *paths, size_t n, struct s2_search_part *out, struct s2_error *err)
{
	uint8_t *there = calloc(n ? n : 1, 1);
	int ret = there ? 0 : -ENOMEM;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; !ret && i < n; i++)
		ret = merge_one(paths[i], there, out, n, err);
	free(there);
	if (!ret)
		note_bound(&out->result);
	if (ret)
		s2_explore_result_free(&out->result);
	return ret;
}
