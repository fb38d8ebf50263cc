/* SPDX-License-Identifier: MIT */
/*
 * One search on several machines that do not talk to each other.
 *
 *     start --> ... --> step `split`: states shared out by their hashes --> ... --> end
 *     \___ all shards see these ___/                    \_ one shard each, all of it _/
 *
 * How many steps led to a state is part of it, since its past is.  So what is behind the
 * split is never met before it, and of a state that is pruned all that follows is done by
 * the same shard: together they miss nothing.
 */
#include "check/explore_search.h"

#define STATES_A_SHARD 16U
#define FIRST_SPLIT    4U
#define MOST_SPLIT     (UINT64_C(1) << 20)

uint64_t s2_xshare_states(const struct s2_xsearch *s)
{
	return s->seen.n - (s2_xis_shared(s) && s->cfg->shard != 1 ? s->top : 0);
}

bool s2_xshare_counts(const struct s2_xsearch *s)
{
	if (!s2_xis_shared(s))
		return true;
	return !s->skipped && (s->cfg->shard == 1 || s->mine || s->at > s->split);
}

int s2_xshare_is_others(struct s2_xsearch *s, struct s2_digest state)
{
	int ret;

	if (!s->enough)
		return (state.a ^ state.b >> 8) % s->cfg->shards != s->cfg->shard - 1;
	ret = s2_seen_before(&s->seen, state, 0);
	s->layer += !ret;
	return ret < 0 ? ret : 1;
}

/* How many states there are at @split, or enough. */
static int probe(struct s2_xsearch *s, uint64_t split)
{
	int ret;

	s2_xsearch_restart(s);
	s->split = split;
	s->layer = 0;
	ret = s2_xsearch_go_on(s);
	return ret < 0 ? ret : 0;
}

int s2_xshare_find_split(struct s2_xsearch *s)
{
	uint64_t best = FIRST_SPLIT, most = 0;
	int ret = 0;

	s->split = UINT64_MAX;
	if (!s2_xis_shared(s))
		return 0;
	s->enough = (uint64_t)STATES_A_SHARD * s->cfg->shards;
	for (uint64_t split = FIRST_SPLIT; split < MOST_SPLIT; split += split / 2) {
		ret = probe(s, split);
		if (ret || !s->layer)
			break;
		if (s->layer > most)
			best = split;
		if (s->layer > most)
			most = s->layer;
		if (most >= s->enough)
			break;
	}
	s->enough = 0;
	s2_xsearch_restart(s);
	s->split = best;
	return ret;
}
