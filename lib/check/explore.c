/* SPDX-License-Identifier: MIT */
/* The search: schedules depth first, with ever more preemptions; or at random. */
#include "check/explore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_STEPS  10000U
#define DEFAULT_STATES (UINT64_C(1) << 24)
/* Bounds tried in turn before "any number": what is found so is found with few. */
#define FEW 3U

/* One step of the schedule at hand. */
struct node {
	uint8_t chosen;
	uint8_t todo; /* bit a thread that is still to be tried here */
	double schedules; /* from here on, of the threads that were tried */
	struct s2_digest state;
};

struct search {
	struct s2_xrun run;
	const struct s2_explore_config *cfg;
	struct s2_explore_result *result;
	struct node *nodes;
	size_t n, cap; /* nodes of the schedule at hand */
	size_t prefix; /* of them those that are given */
	size_t at;     /* steps picked in this run */
	uint32_t bound, used;
	bool bounded;	/* something was not tried for want of preemptions */
	bool stepped;	/* some schedule was cut at the bound on steps */
	bool pruned;	/* this run came to a state seen before... */
	double known;	/* ...from which so many schedules are known to go on */
	double plain;	/* schedules of this bound, told from state to state */
	bool only;	/* a replay: past the prefix nothing is to be tried */
	uint64_t random;
	struct s2_seen seen;
	struct s2_seen findings;
	struct timespec start;
};

const char *s2_explore_end_text(enum s2_explore_end end)
{
	static const char *const texts[S2_EXPLORE_ENDS] = {
		[S2_EXPLORED_ALL] = "exhausted",
		[S2_EXPLORED_PREEMPTIONS] = "exhausted within the bound on preemptions",
		[S2_EXPLORED_FINDING] = "stopped at a finding",
		[S2_EXPLORED_STEPS] = "exhausted but for schedules cut at the bound on steps",
		[S2_EXPLORED_SCHEDULES] = "stopped by the bound on schedules",
		[S2_EXPLORED_STATES] = "stopped by the bound on states",
		[S2_EXPLORED_TIME] = "stopped by the bound on time",
	};

	return (unsigned)end < S2_EXPLORE_ENDS ? texts[end] : NULL;
}

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static unsigned lowest(unsigned mask)
{
	unsigned i = 0;

	while (!(mask >> i & 1))
		i++;
	return i;
}

static unsigned nth(unsigned mask, unsigned n)
{
	while (n--)
		mask &= mask - 1;
	return lowest(mask);
}

static unsigned ones(unsigned mask)
{
	unsigned n = 0;

	for (; mask; mask &= mask - 1)
		n++;
	return n;
}

static int push(struct search *s, unsigned chosen, unsigned todo, struct s2_digest state)
{
	if (s->n == s->cap) {
		const size_t cap = s->cap ? 2 * s->cap : 256;
		struct node *nodes = realloc(s->nodes, cap * sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		s->nodes = nodes;
		s->cap = cap;
	}
	s->nodes[s->n++] = (struct node){(uint8_t)chosen, (uint8_t)todo, 0, state};
	return 0;
}

static bool can_stay(const struct s2_xrun *run, unsigned enabled)
{
	return run->current >= 0 && (enabled >> run->current & 1);
}

/* Where the run stands: its past, and what of it decides about the rest of the search. */
static struct s2_digest state_of(const struct search *s, const struct s2_xrun *run)
{
	struct s2_digest h = s2_xstate(run);

	/* With preemptions to spare for all it makes no difference who runs. */
	if (s->bound != S2_EXPLORE_ANY)
		s2_digest_fold(&h, (uint64_t)(run->current + 1) << 8);
	return h;
}

/* @return whether the state was met before, with as many preemptions left; or -ENOMEM */
static int seen_before(struct search *s, struct s2_digest state)
{
	const uint32_t left = s->bound - s->used;
	int ret = s2_seen_before(&s->seen, state, left < 0xff ? (uint8_t)left : 0xff);

	if (s->cfg->no_pruning && ret > 0)
		return 0;
	if (ret > 0)
		s->known = *s2_seen_schedules(&s->seen, state);
	return ret;
}

static int pick_new(struct search *s, struct s2_xrun *run, unsigned enabled)
{
	unsigned chosen = can_stay(run, enabled) ? (unsigned)run->current : lowest(enabled);
	unsigned todo = enabled & ~(1U << chosen);
	struct s2_digest state = {0, 0};
	int ret = 0;

	if (s->random)
		chosen = nth(enabled, (unsigned)(next_random(&s->random) >> 32) % ones(enabled));
	else if (!s->only)
		ret = seen_before(s, state = state_of(s, run));
	if (ret < 0) {
		run->error = ret;
		return -1;
	}
	s->pruned = ret;
	if (s->pruned)
		return -1;
	if (s->random || s->only)
		todo = 0;
	if (todo && can_stay(run, enabled) && s->used >= s->bound) {
		s->bounded = true;
		todo = 0;
	}
	run->error = push(s, chosen, todo, state);
	return run->error ? -1 : (int)chosen;
}

static int pick(void *arg, struct s2_xrun *run, unsigned enabled)
{
	struct search *s = arg;
	int chosen;

	if (s->at < s->prefix) {
		chosen = s->nodes[s->at].chosen;
		/* The same steps lead to the same state, or the scenario is not deterministic. */
		if (!(enabled >> chosen & 1)) {
			run->error = s->only ? -EINVAL : -EPROTO;
			return -1;
		}
	} else {
		chosen = pick_new(s, run, enabled);
		if (chosen < 0)
			return -1;
	}
	s->at++;
	if (can_stay(run, enabled) && chosen != run->current)
		s->used++;
	return chosen;
}

/* All that goes on from the last step is done: it was so many schedules. */
static void leave(struct search *s, double schedules)
{
	struct node *last = s->n ? &s->nodes[s->n - 1] : NULL;

	if (last)
		last->schedules += schedules;
	else
		s->plain += schedules;
}

/* The next schedule: the last step at which something else is left to try. */
static bool backtrack(struct search *s)
{
	leave(s, s->pruned ? s->known : 1);
	while (s->n) {
		struct node *last = &s->nodes[s->n - 1];

		if (last->todo) {
			last->chosen = (uint8_t)lowest(last->todo);
			last->todo &= (uint8_t)(last->todo - 1);
			s->prefix = s->n;
			return true;
		}
		*s2_seen_schedules(&s->seen, last->state) = last->schedules;
		s->n--;
		leave(s, last->schedules);
	}
	return false;
}

static int keep_finding(struct search *s)
{
	struct s2_explore_result *r = s->result;

	r->kind = s->run.kind;
	r->violation = s->run.violation;
	memcpy(r->text, s->run.text, sizeof(r->text));
	r->preemptions = s->used;
	r->schedule = malloc(s->n + 1);
	if (!r->schedule)
		return -ENOMEM;
	r->n_schedule = s->n;
	for (size_t i = 0; i < s->n; i++)
		r->schedule[i] = s->nodes[i].chosen;
	return 0;
}

static void fold_text(struct s2_digest *h, const char *text)
{
	for (; text && *text; text++)
		s2_digest_fold(h, (unsigned char)*text);
}

/* What a finding is, whichever schedule led to it. */
static struct s2_digest finding_of(const struct s2_xrun *run)
{
	struct s2_digest h = {1, 2};
	const struct s2_violation *v = &run->violation;

	s2_digest_fold(&h, (uint64_t)run->kind);
	if (run->kind != S2_EXPLORE_VIOLATION) {
		fold_text(&h, run->text);
		return h;
	}
	s2_digest_fold(&h, (uint64_t)v->finding << 32 | (uint64_t)v->cpu << 16 | v->by);
	s2_digest_fold(&h, v->vmid.v);
	s2_digest_fold(&h, v->ipa.v);
	s2_digest_fold(&h, v->size);
	s2_digest_fold(&h, v->held);
	s2_digest_fold(&h, v->now);
	s2_digest_fold(&h, v->page.v);
	fold_text(&h, v->site);
	return h;
}

static int note_finding(struct search *s)
{
	const struct s2_digest h = finding_of(&s->run);
	int ret = s2_seen_before(&s->findings, h, 0);

	if (ret)
		return ret < 0 ? ret : 0;
	s->result->findings++;
	s->result->findings_hash += h.a ^ h.b >> 8;
	if (s->cfg->found)
		s->cfg->found(s->cfg->arg, s->run.text);
	return s->result->schedule ? 0 : keep_finding(s);
}

static double passed(const struct timespec *start)
{
	struct timespec now;

	timespec_get(&now, TIME_UTC);
	return (double)(now.tv_sec - start->tv_sec) + 1e-9 * (double)(now.tv_nsec - start->tv_nsec);
}

/* @return whether a bound ends the search, and which */
static bool at_bound(struct search *s)
{
	const struct s2_explore_config *cfg = s->cfg;
	struct s2_explore_result *r = s->result;

	if (r->findings && !cfg->go_on)
		r->end = S2_EXPLORED_FINDING;
	else if (cfg->schedules && r->schedules >= cfg->schedules)
		r->end = S2_EXPLORED_SCHEDULES;
	else if (s->seen.n >= (cfg->states ? cfg->states : DEFAULT_STATES))
		r->end = S2_EXPLORED_STATES;
	else if (cfg->seconds > 0 && passed(&s->start) >= cfg->seconds)
		r->end = S2_EXPLORED_TIME;
	else
		return false;
	return true;
}

static int run_one(struct search *s)
{
	struct s2_explore_result *r = s->result;
	int ret;

	s->at = 0;
	s->used = 0;
	s->pruned = false;
	ret = s2_xrun_once(&s->run);
	r->schedules++;
	r->pruned += s->pruned;
	r->steps += s->run.steps;
	if (s->run.steps > r->depth)
		r->depth = s->run.steps;
	s->stepped |= s->run.cut;
	if (!ret && s->run.kind != S2_EXPLORE_NOTHING)
		ret = note_finding(s);
	return ret;
}

/* Every schedule with at most s->bound preemptions. @return 1 if a bound ended it; 0; an error */
static int search_bound(struct search *s)
{
	int ret;

	s->n = s->prefix = 0;
	s->bounded = false;
	s->plain = 0;
	s2_seen_clear(&s->seen);
	do {
		ret = run_one(s);
		if (ret)
			return ret;
		if (at_bound(s))
			return 1;
	} while (backtrack(s));
	return 0;
}

static uint32_t next_bound(uint32_t bound, uint32_t most)
{
	return most == S2_EXPLORE_ANY && bound == FEW ? most : bound + 1;
}

static int search_all(struct search *s)
{
	const uint32_t most = s->cfg->preemptions;
	int ret;

	for (s->bound = 0;; s->bound = next_bound(s->bound, most)) {
		ret = search_bound(s);
		s->result->states = s->seen.n;
		if (!s->result->findings)
			s->result->preemptions = s->bound;
		if (ret)
			return ret < 0 ? ret : 0;
		if (!s->bounded || s->bound >= most)
			break;
	}
	s->result->end = s->bounded ? S2_EXPLORED_PREEMPTIONS : S2_EXPLORED_ALL;
	s->result->plain = s->bounded ? 0 : s->plain;
	if (s->stepped)
		s->result->end = S2_EXPLORED_STEPS;
	return 0;
}

static int search_random(struct search *s)
{
	uint64_t seed = s->cfg->seed;
	int ret = 0;

	s->bound = S2_EXPLORE_ANY;
	s->result->preemptions = S2_EXPLORE_ANY;
	do {
		s->n = s->prefix = 0;
		s->random = seed;
		ret = run_one(s);
		if (s->result->findings && !s->result->seed)
			s->result->seed = seed;
		seed += !(seed + 1) + 1;
	} while (!ret && !at_bound(s));
	return ret;
}

static int check_scenario(const struct s2_scenario *sc)
{
	if (!sc->create || !sc->destroy || !sc->n_threads || sc->n_threads > S2_EXPLORE_THREADS)
		return -EINVAL;
	for (unsigned i = 0; i < sc->n_threads; i++)
		if (!sc->threads[i].run || !sc->threads[i].name)
			return -EINVAL;
	return 0;
}

static int begin(struct search *s, const struct s2_scenario *scenario,
		 const struct s2_explore_config *cfg, struct s2_explore_result *result)
{
	int ret = check_scenario(scenario);

	memset(s, 0, sizeof(*s));
	memset(result, 0, sizeof(*result));
	s->cfg = cfg;
	s->result = result;
	if (!ret)
		ret = s2_xrun_create(&s->run, scenario);
	s->run.max_steps = cfg->steps ? cfg->steps : DEFAULT_STEPS;
	s->run.no_oracle = cfg->no_oracle;
	s->run.pick = pick;
	s->run.pick_arg = s;
	timespec_get(&s->start, TIME_UTC);
	return ret;
}

static void end(struct search *s)
{
	s2_seen_clear(&s->seen);
	s2_seen_clear(&s->findings);
	free(s->nodes);
	s2_xrun_free(&s->run);
}

int s2_explore(const struct s2_scenario *scenario, const struct s2_explore_config *cfg,
	       struct s2_explore_result *result)
{
	const struct s2_explore_config any = {.preemptions = S2_EXPLORE_ANY};
	struct search s;
	int ret = begin(&s, scenario, cfg ? cfg : &any, result);

	if (!ret && s.cfg->seed && !s.cfg->schedules && s.cfg->seconds <= 0)
		ret = -EINVAL;
	if (!ret)
		ret = s.cfg->seed ? search_random(&s) : search_all(&s);
	end(&s);
	return ret;
}

int s2_explore_replay(const struct s2_scenario *scenario, const uint8_t *schedule, size_t n,
		      void (*step)(void *arg, const struct s2_explore_step *step), void *arg,
		      struct s2_explore_result *result)
{
	const struct s2_explore_config cfg = {.preemptions = S2_EXPLORE_ANY};
	struct search s;
	int ret = begin(&s, scenario, &cfg, result);

	for (size_t i = 0; !ret && i < n; i++)
		ret = schedule[i] < scenario->n_threads ? push(&s, schedule[i], 0, (struct s2_digest){0, 0}) : -EINVAL;
	if (!ret) {
		s.prefix = s.n;
		s.only = true;
		s.bound = S2_EXPLORE_ANY;
		s.run.tell = step;
		s.run.tell_arg = arg;
		ret = run_one(&s);
		result->end = result->findings ? S2_EXPLORED_FINDING : S2_EXPLORED_SCHEDULES;
	}
	end(&s);
	return ret;
}

void s2_explore_result_free(struct s2_explore_result *result)
{
	free(result->schedule);
	result->schedule = NULL;
	result->n_schedule = 0;
}
