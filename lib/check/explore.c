/* SPDX-License-Identifier: MIT */
/* The search: schedules depth first, with ever more preemptions; or at random. */
#include "check/explore_search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_STEPS  10000U
#define DEFAULT_STATES (UINT64_C(1) << 24)
/* Bounds tried in turn before "any number": what is found so is found with few. */
#define FEW 3U

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
		[S2_EXPLORED_STOPPED] = "stopped from outside",
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

int s2_xsearch_push(struct s2_xsearch *s, unsigned chosen, unsigned todo, struct s2_digest state)
{
	if (s->n == s->cap) {
		const size_t cap = s->cap ? 2 * s->cap : 256;
		struct s2_xnode *nodes = realloc(s->nodes, cap * sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		s->nodes = nodes;
		s->cap = cap;
	}
	s->nodes[s->n++] = (struct s2_xnode){(uint8_t)chosen, (uint8_t)todo, 0, state};
	return 0;
}

static bool can_stay(const struct s2_xrun *run, unsigned enabled)
{
	return run->current >= 0 && (enabled >> run->current & 1);
}

/* Where the run stands: its past, and what of it decides about the rest of the search. */
static struct s2_digest state_of(const struct s2_xsearch *s, const struct s2_xrun *run)
{
	struct s2_digest h = s2_xstate(run);

	/* With preemptions to spare for all it makes no difference who runs. */
	if (s->bound != S2_EXPLORE_ANY)
		s2_digest_fold(&h, (uint64_t)(run->current + 1) << 8);
	return h;
}

/* @return whether the state was met before, with as many preemptions left; or -ENOMEM */
static int seen_before(struct s2_xsearch *s, struct s2_digest state)
{
	const uint32_t left = s->bound - s->used;
	int ret = s2_seen_before(&s->seen, state, left < 0xff ? (uint8_t)left : 0xff);

	if (s->cfg->no_pruning && ret > 0)
		return 0;
	if (ret > 0)
		s->known = *s2_seen_schedules(&s->seen, state);
	return ret;
}

/* Looks the state up that a new step begins in. @return 1: the run is left; 0; an error */
static int look_up(struct s2_xsearch *s, struct s2_digest state)
{
	const size_t states = s->seen.n;
	int ret = 0;

	if (s->at == s->split)
		ret = s2_xshare_is_others(s, state);
	if (ret) {
		s->skipped = ret > 0;
		return ret;
	}
	s->mine = s->at == s->split;
	ret = seen_before(s, state);
	s->pruned = ret > 0;
	if (s->at < s->split)
		s->top += s->seen.n - states;
	return ret;
}

static int pick_new(struct s2_xsearch *s, struct s2_xrun *run, unsigned enabled)
{
	unsigned chosen = can_stay(run, enabled) ? (unsigned)run->current : lowest(enabled);
	unsigned todo = enabled & ~(1U << chosen);
	struct s2_digest state = {0, 0};
	int ret = 0;

	if (s->random)
		chosen = nth(enabled, (unsigned)(next_random(&s->random) >> 32) % ones(enabled));
	else if (!s->only)
		ret = look_up(s, state = state_of(s, run));
	if (ret < 0)
		run->error = ret;
	if (ret)
		return -1;
	if (s->random || s->only)
		todo = 0;
	if (todo && can_stay(run, enabled) && s->used >= s->bound) {
		s->bounded = true;
		todo = 0;
	}
	run->error = s2_xsearch_push(s, chosen, todo, state);
	return run->error ? -1 : (int)chosen;
}

static int pick(void *arg, struct s2_xrun *run, unsigned enabled)
{
	struct s2_xsearch *s = arg;
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
static void leave(struct s2_xsearch *s, double schedules)
{
	struct s2_xnode *last = s->n ? &s->nodes[s->n - 1] : NULL;

	if (last)
		last->schedules += schedules;
	else
		s->plain += schedules;
}

/* The next schedule: the last step at which something else is left to try. */
static bool backtrack(struct s2_xsearch *s)
{
	leave(s, s->skipped ? 0 : s->pruned ? s->known : 1);
	while (s->n) {
		struct s2_xnode *last = &s->nodes[s->n - 1];

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

int s2_xsearch_keep(struct s2_xsearch *s)
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

static int note_finding(struct s2_xsearch *s)
{
	const struct s2_digest h = finding_of(&s->run);
	int ret = s2_seen_before(&s->findings, h, 0);

	if (ret)
		return ret < 0 ? ret : 0;
	s->result->findings++;
	s->result->findings_hash += h.a ^ h.b >> 8;
	if (s->cfg->found)
		s->cfg->found(s->cfg->arg, s->run.text);
	return s->result->schedule ? 0 : s2_xsearch_keep(s);
}

static double passed(const struct timespec *start)
{
	struct timespec now;

	timespec_get(&now, TIME_UTC);
	return (double)(now.tv_sec - start->tv_sec) + 1e-9 * (double)(now.tv_nsec - start->tv_nsec);
}

/* @return whether a bound ends the search, and which */
static bool at_bound(struct s2_xsearch *s)
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
	else if (cfg->stop && cfg->stop(cfg->arg))
		r->end = S2_EXPLORED_STOPPED;
	else
		return false;
	return true;
}

static void count(struct s2_xsearch *s)
{
	struct s2_explore_result *r = s->result;

	r->schedules++;
	r->pruned += s->pruned;
	r->steps += s->run.steps;
	if (s->run.steps > r->depth)
		r->depth = s->run.steps;
	s->stepped |= s->run.cut;
}

static int run_one(struct s2_xsearch *s)
{
	int ret;

	s->at = 0;
	s->used = 0;
	s->pruned = s->skipped = s->mine = false;
	ret = s2_xrun_once(&s->run);
	if (ret || s->enough)
		return ret;
	if (s2_xshare_counts(s))
		count(s);
	return s->run.kind != S2_EXPLORE_NOTHING ? note_finding(s) : 0;
}

int s2_xsearch_run_only(struct s2_xsearch *s, const uint8_t *schedule, size_t n)
{
	int ret = 0;

	s->n = 0;
	for (size_t i = 0; !ret && i < n; i++)
		ret = s2_xsearch_push(s, schedule[i], 0, (struct s2_digest){0, 0});
	s->prefix = s->n;
	s->at = s->used = 0;
	s->only = true;
	if (!ret)
		ret = s2_xrun_once(&s->run);
	s->only = false;
	return ret;
}

void s2_xsearch_restart(struct s2_xsearch *s)
{
	s->n = s->prefix = 0;
	s->bounded = s->over = false;
	s->plain = 0;
	s->top = 0;
	s2_seen_clear(&s->seen);
}

int s2_xsearch_go_on(struct s2_xsearch *s)
{
	while (!s->over) {
		int ret = run_one(s);
		bool ends;

		if (ret)
			return ret;
		if (s->enough)
			ends = s->layer >= s->enough;
		else
			ends = at_bound(s);
		s->over = !backtrack(s);
		if (ends)
			return 1;
	}
	return 0;
}

static uint32_t next_bound(uint32_t bound, uint32_t most)
{
	return most == S2_EXPLORE_ANY && bound == FEW ? most : bound + 1;
}

/* @return 0 or an error; a search that is taken up is where it was */
static int start(struct s2_xsearch *s)
{
	int ret = 0;

	s->bound = 0;
	if (s->cfg->shards > 1 || s->cfg->save || s->cfg->resume)
		ret = s2_xsearch_note_body(s);
	s2_xsearch_restart(s);
	if (!ret && s->cfg->resume)
		return s2_xsearch_resume(s);
	return ret ? ret : s2_xshare_find_split(s);
}

/* A search that a bound has ended can go on another time. */
static int stopped(struct s2_xsearch *s)
{
	return s->cfg->save && s->result->end != S2_EXPLORED_FINDING ? s2_xsearch_save(s) : 0;
}

static int search_all(struct s2_xsearch *s)
{
	const uint32_t most = s->cfg->preemptions;
	int ret = start(s);

	while (!ret) {
		ret = s2_xsearch_go_on(s);
		s->result->states = s2_xshare_states(s);
		if (!s->result->findings)
			s->result->preemptions = s->bound;
		if (ret)
			return ret < 0 ? ret : stopped(s);
		if (!s->bounded)
			s->result->whole_at |= UINT64_C(1) << (s->bound < 63 ? s->bound : 63);
		/* What others search may go on with more. */
		if ((!s->bounded && !s2_xis_shared(s)) || s->bound >= most)
			break;
		s->bound = next_bound(s->bound, most);
		s2_xsearch_restart(s);
		ret = s2_xshare_find_split(s);
	}
	if (ret)
		return ret;
	s->result->end = s->bounded ? S2_EXPLORED_PREEMPTIONS : S2_EXPLORED_ALL;
	s->result->plain = s->bounded || s2_xis_shared(s) ? 0 : s->plain;
	if (s->stepped)
		s->result->end = S2_EXPLORED_STEPS;
	return 0;
}

static int search_random(struct s2_xsearch *s)
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

static int begin(struct s2_xsearch *s, const struct s2_scenario *scenario,
		 const struct s2_explore_config *cfg, struct s2_explore_result *result)
{
	int ret = check_scenario(scenario);

	memset(s, 0, sizeof(*s));
	memset(result, 0, sizeof(*result));
	s->cfg = cfg;
	s->result = result;
	s->split = UINT64_MAX;
	if (!ret)
		ret = s2_xrun_create(&s->run, scenario);
	s->run.max_steps = cfg->steps ? cfg->steps : DEFAULT_STEPS;
	s->run.no_oracle = cfg->no_oracle;
	s->run.pick = pick;
	s->run.pick_arg = s;
	timespec_get(&s->start, TIME_UTC);
	return ret;
}

static void end(struct s2_xsearch *s)
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
	struct s2_xsearch s;
	int ret = begin(&s, scenario, cfg ? cfg : &any, result);

	if (!ret && s.cfg->seed && !s.cfg->schedules && s.cfg->seconds <= 0 && !s.cfg->stop)
		ret = -EINVAL;
	if (!ret && s.cfg->shards > 1 && (!s.cfg->shard || s.cfg->shard > s.cfg->shards || s.cfg->seed))
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
	struct s2_xsearch s;
	int ret = begin(&s, scenario, &cfg, result);

	for (size_t i = 0; !ret && i < n; i++)
		ret = schedule[i] < scenario->n_threads ? 0 : -EINVAL;
	if (!ret) {
		s.bound = S2_EXPLORE_ANY;
		s.run.tell = step;
		s.run.tell_arg = arg;
		ret = s2_xsearch_run_only(&s, schedule, n);
		count(&s);
		if (!ret && s.run.kind != S2_EXPLORE_NOTHING)
			ret = note_finding(&s);
		result->end = result->findings ? S2_EXPLORED_FINDING : S2_EXPLORED_SCHEDULES;
	}
	end(&s);
	return ret;
}

void s2_explore_result_free(struct s2_explore_result *result)
{
	free(result->schedule);
	free(result->saved);
	result->schedule = NULL;
	result->saved = NULL;
	result->n_schedule = result->n_saved = 0;
}
