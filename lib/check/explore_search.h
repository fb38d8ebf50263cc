/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Inside the explorer: a search under way, what of it one of several machines does, and
 * how it is kept to be taken up again.
 *
 *     explore.c        which schedule next
 *     explore_share.c  --shards: states at one depth are shared out by their hashes
 *     explore_save.c   a search that was stopped, as bytes
 */
#ifndef S2_CHECK_EXPLORE_SEARCH_H
#define S2_CHECK_EXPLORE_SEARCH_H

#include <time.h>

#include "check/explore.h"

/** One step of the schedule at hand. */
struct s2_xnode {
	uint8_t chosen;
	uint8_t todo; /**< bit a thread that is still to be tried here */
	double schedules; /**< from here on, of the threads that were tried */
	struct s2_digest state;
};

/** A search. */
struct s2_xsearch {
	struct s2_xrun run;
	const struct s2_explore_config *cfg;
	struct s2_explore_result *result;
	struct s2_xnode *nodes;
	size_t n, cap; /**< nodes of the schedule at hand */
	size_t prefix; /**< of them those that are given */
	size_t at;     /**< steps picked in this run */
	uint32_t bound, used;
	bool bounded;	/**< something was not tried for want of preemptions */
	bool stepped;	/**< some schedule was cut at the bound on steps */
	bool pruned;	/**< this run came to a state seen before... */
	double known;	/**< ...from which so many schedules are known to go on */
	double plain;	/**< schedules of this bound, told from state to state */
	bool only;	/**< a replay: past the prefix nothing is to be tried */
	bool over;	/**< nothing is left of this bound */
	uint64_t random;
	struct s2_seen seen;
	struct s2_seen findings;
	struct timespec start;

	/* Of a shared search. */
	uint64_t split;	   /**< step at which states are shared out; UINT64_MAX: none */
	uint64_t top;	   /**< states before it, which all shards see */
	uint64_t layer;	   /**< probing: different states at it... */
	uint64_t enough;   /**< ...until there are so many; 0: not probing */
	bool skipped;	   /**< this run came to a state that is another shard's */
	bool mine;	   /**< this run came to one at the split that is this shard's */
};

/** One step more. @return 0 or -ENOMEM */
int s2_xsearch_push(struct s2_xsearch *s, unsigned chosen, unsigned todo, struct s2_digest state);
/** Runs the schedule that nodes give, and no other. @return 0 or an error */
int s2_xsearch_run_only(struct s2_xsearch *s, const uint8_t *schedule, size_t n);
/** Every schedule of s->bound that is left. @return 1 if a bound ended it; 0; an error */
int s2_xsearch_go_on(struct s2_xsearch *s);
/** Forgets all that was done with s->bound. */
void s2_xsearch_restart(struct s2_xsearch *s);
/** What was found by the run just made becomes the first finding. @return 0 or -ENOMEM */
int s2_xsearch_keep(struct s2_xsearch *s);

/** Whether the search is one of several. */
static inline bool s2_xis_shared(const struct s2_xsearch *s)
{
	return s->cfg->shards > 1;
}

/** Finds where to share out with s->bound. @return 0 or an error */
int s2_xshare_find_split(struct s2_xsearch *s);
/** Whether @p state, at the split, is somebody else's: the run is left. @return 1, 0, an error */
int s2_xshare_is_others(struct s2_xsearch *s, struct s2_digest state);
/** Whether the run just made counts here: what all shards do is the first's. */
bool s2_xshare_counts(const struct s2_xsearch *s);
/** States to be told. */
uint64_t s2_xshare_states(const struct s2_xsearch *s);

/** s->result->body: the steps of the first schedule. @return 0 or an error */
int s2_xsearch_note_body(struct s2_xsearch *s);
/** The search as bytes, in s->result. @return 0 or -ENOMEM */
int s2_xsearch_save(struct s2_xsearch *s);
/** Takes it up from cfg->resume. @return 0; -EINVAL: of another search; -EPROTO; -ENOMEM */
int s2_xsearch_resume(struct s2_xsearch *s);

#endif
