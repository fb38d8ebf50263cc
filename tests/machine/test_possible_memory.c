/* SPDX-License-Identifier: MIT */
/*
 * Possible memory: each rule, and random programs against an enumeration of
 * every choice of hardware's, state by state, on a few lines.
 */
#include "property.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <stage2sim/physics.h>

#define LINE UINT64_C(64)
#define GIB  UINT64_C(0x40000000)

#define WB  S2_AGENT_WRITE_BACK
#define NC  S2_AGENT_NON_CACHEABLE
#define DEV S2_AGENT_COHERENT_DEVICE

static struct s2_memory *make(void)
{
	struct s2_features f;
	struct s2_memory *mem = NULL;

	assert_i64(s2_features_parse("neoverse-n1", &f, NULL), 0);
	assert_i64(s2_memory_create(&f, 2, S2_MEMORY_POSSIBLE, &mem), 0);
	return mem;
}

static uint32_t written(struct s2_memory *mem, enum s2_agent agent, uint64_t pa)
{
	uint32_t version = 0;

	assert_i64(s2_memory_write(mem, agent, s2_pa(pa), LINE, &version), 0);
	return version;
}

static void op(struct s2_memory *mem, enum s2_line_op line_op, uint64_t pa)
{
	assert_i64(s2_memory_apply(mem, line_op, s2_pa(pa), LINE, NULL), 0);
}

static bool may_read(struct s2_memory *mem, enum s2_agent agent, uint64_t pa, uint32_t want)
{
	struct s2_version_set set;
	uint32_t version;

	assert_i64(s2_memory_possible(mem, agent, s2_pa(pa), &set), 0);
	while (s2_version_next(mem, &set, &version))
		if (version == want)
			return true;
	return false;
}

static uint32_t answers(struct s2_memory *mem, enum s2_agent agent, uint64_t pa)
{
	struct s2_version_set set;

	assert_i64(s2_memory_possible(mem, agent, s2_pa(pa), &set), 0);
	return set.count;
}

static int find(struct s2_memory *mem, const struct s2_line_want *want, uint64_t size, uint64_t *pa)
{
	struct s2_pa found = {UINT64_MAX};
	int ret = s2_memory_find(mem, want, s2_pa(0), size, &found);

	*pa = found.v;
	return ret;
}

static void test_a_dirty_line_may_overwrite_a_later_non_cacheable_write(void **state)
{
	struct s2_memory *mem = make();
	uint32_t a, b;

	(void)state;
	a = written(mem, WB, 0);
	assert_true(may_read(mem, NC, 0, 0) && may_read(mem, NC, 0, a));
	assert_u64(answers(mem, WB, 0), 1);
	b = written(mem, NC, 0);
	assert_true(may_read(mem, NC, 0, a) && may_read(mem, NC, 0, b));
	assert_true(may_read(mem, WB, 0, a) && may_read(mem, WB, 0, b));
	assert_false(may_read(mem, NC, 0, 0));
	/* The write survives where the line was cleaned first. */
	a = written(mem, WB, LINE);
	op(mem, S2_LINE_CLEAN, LINE);
	b = written(mem, NC, LINE);
	assert_u64(answers(mem, NC, LINE), 1);
	assert_true(may_read(mem, WB, LINE, a) && may_read(mem, WB, LINE, b));
	s2_memory_destroy(mem);
}

static void test_without_an_alias_nothing_is_fetched_ahead(void **state)
{
	struct s2_memory *mem = make();
	uint32_t b, version;

	(void)state;
	written(mem, NC, 0);
	op(mem, S2_LINE_CLEAN_INVALIDATE, 0);
	b = written(mem, NC, 0);
	assert_u64(answers(mem, WB, 0), 2);
	assert_i64(s2_memory_set_alias(mem, s2_pa(0), LINE, false), 0);
	op(mem, S2_LINE_CLEAN_INVALIDATE, 0);
	b = written(mem, NC, 0);
	assert_u64(answers(mem, WB, 0), 1);
	assert_true(may_read(mem, WB, 0, b));
	/* A read fetches it. */
	assert_i64(s2_memory_read(mem, WB, s2_pa(0), &version), 0);
	assert_u64(version, b);
	written(mem, NC, 0);
	assert_u64(answers(mem, WB, 0), 2);
	s2_memory_destroy(mem);
}

/* As many versions as there are writes, each of which the PoC may still have. */
static void test_no_version_is_forgotten(void **state)
{
	const uint32_t n = 50000;
	struct s2_memory *mem = make();
	struct s2_version_set set;
	uint32_t version, want;

	(void)state;
	for (uint32_t i = 0; i < n; i++)
		written(mem, WB, 0);
	assert_i64(s2_memory_possible(mem, NC, s2_pa(0), &set), 0);
	assert_u64(set.count, n + 1);
	assert_u64(set.newest, n);
	assert_u64(set.oldest, 0);
	for (want = n; s2_version_next(mem, &set, &version); want--)
		assert_u64(version, want);
	assert_u64(want, UINT32_MAX);
	for (uint32_t i = 0; i < n; i++)
		written(mem, NC, 0);
	assert_u64(answers(mem, NC, 0), 2);
	assert_u64(answers(mem, WB, 0), n + 1);
	s2_memory_destroy(mem);
}

static void test_what_no_line_holds_is_given_back(void **state)
{
	struct s2_memory *mem = make();
	uint64_t footprint = 0;
	uint32_t a, b, c;

	(void)state;
	/* What a line does hold stays: stale copies, what is under a dirty one. */
	a = written(mem, DEV, 100 * LINE);
	b = written(mem, NC, 100 * LINE);
	written(mem, NC, 101 * LINE);
	c = written(mem, WB, 101 * LINE);
	for (unsigned round = 0; round < 40000; round++) {
		written(mem, round % 3 ? WB : NC, round % 7 * LINE);
		if (round % 5 == 0)
			op(mem, S2_LINE_CLEAN_INVALIDATE, round % 7 * LINE);
		if (round == 20000)
			footprint = s2_memory_footprint(mem);
	}
	assert_true(s2_memory_footprint(mem) < 2 * footprint);
	assert_u64(answers(mem, WB, 100 * LINE), 2);
	assert_true(may_read(mem, WB, 100 * LINE, a) && may_read(mem, WB, 100 * LINE, b));
	assert_u64(answers(mem, NC, 101 * LINE), 2);
	assert_true(may_read(mem, NC, 101 * LINE, c - 1) && may_read(mem, NC, 101 * LINE, c));
	s2_memory_destroy(mem);
}

static void test_a_search_finds_the_one_line_of_128_gib(void **state)
{
	const uint64_t size = 128 * GIB, at = 77 * GIB + 5 * 4096 + 3 * LINE;
	struct s2_line_want want = {.agents = 7, .not_dirty = true};
	struct s2_memory *mem = make();
	uint32_t version;
	uint64_t pa;

	(void)state;
	assert_i64(s2_memory_write(mem, WB, s2_pa(0), size, &version), 0);
	want.oldest = want.newest = version;
	assert_i64(find(mem, &want, size, &pa), 1);
	assert_u64(pa, 0);
	assert_i64(s2_memory_apply(mem, S2_LINE_CLEAN, s2_pa(0), size, NULL), 0);
	assert_i64(find(mem, &want, size, &pa), 0);
	version = written(mem, NC, at);
	assert_i64(find(mem, &want, size, &pa), 1);
	assert_u64(pa, at);
	assert_i64(find(mem, &want, at, &pa), 0);
	assert_i64(find(mem, &want, at + 1, &pa), 1);
	want.newest = version;
	assert_i64(find(mem, &want, size, &pa), 0);
	want.not_cached = true;
	assert_i64(find(mem, &want, size, &pa), 1);
	s2_memory_destroy(mem);
}

/* Equal frames of unequal lines, the first and the last in part. */
static void test_a_search_begins_and_ends_at_lines(void **state)
{
	const struct s2_line_want want = {.not_dirty = true};
	const uint64_t size = GIB / 128, frame = 4096;
	struct s2_memory *mem = make();
	struct s2_pa found;

	(void)state;
	assert_i64(s2_memory_write(mem, WB, s2_pa(0), size, NULL), 0);
	for (uint64_t pa = 0; pa < size; pa += frame)
		assert_i64(s2_memory_apply(mem, S2_LINE_CLEAN, s2_pa(pa + LINE), frame - LINE,
					   NULL),
			   0);
	assert_i64(s2_memory_find(mem, &want, s2_pa(LINE), size - LINE, &found), 1);
	assert_u64(found.v, frame);
	assert_i64(s2_memory_find(mem, &want, s2_pa(frame - LINE), 2 * LINE, &found), 1);
	assert_u64(found.v, frame);
	assert_i64(s2_memory_find(mem, &want, s2_pa(LINE), frame - LINE, &found), 0);
	s2_memory_destroy(mem);
}

static void test_a_fetch_may_return_what_was_fetched_before(void **state)
{
	struct s2_memory *mem = make();
	struct s2_version_set set;
	uint32_t a, version;

	(void)state;
	assert_i64(s2_memory_fetch(mem, 0, s2_pa(0), &version), 0);
	a = written(mem, WB, 0);
	assert_i64(s2_memory_possible_fetch(mem, 0, s2_pa(0), &set), 0);
	assert_u64(set.count, 2);
	assert_i64(s2_memory_possible_fetch(mem, 1, s2_pa(0), &set), 0);
	assert_u64(set.count, 1);
	s2_memory_ic_ivau(mem, s2_pa(0), LINE);
	assert_i64(s2_memory_possible_fetch(mem, 0, s2_pa(0), &set), 0);
	assert_u64(set.count, 1);
	assert_u64(set.newest, a);
	s2_memory_destroy(mem);
}

static void test_a_dc_is_complete_at_its_cpus_dsb_ish_or_sy(void **state)
{
	struct s2_machine_config cfg = {.cpus = 2};
	const struct s2_physics_config physics = {.memory = true, .detail = S2_MEMORY_POSSIBLE};
	struct s2_machine *m = NULL;
	struct s2_physics *p = NULL;
	struct s2_memory *mem;

	(void)state;
	assert_i64(s2_features_parse("neoverse-n1", &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &m), 0);
	assert_i64(s2_physics_attach(m, &physics, &p), 0);
	mem = s2_physics_memory(p);
	written(mem, WB, 0);
	s2_dc_civac_range(s2_machine_cpu(m, 0), s2_pa(0), LINE);
	assert_u64(answers(mem, NC, 0), 2);
	s2_dsb(s2_machine_cpu(m, 1), S2_DSB_SY);
	s2_dsb(s2_machine_cpu(m, 0), S2_DSB_NSH);
	s2_dsb(s2_machine_cpu(m, 0), S2_DSB_ISHST);
	assert_u64(answers(mem, NC, 0), 2);
	s2_dsb(s2_machine_cpu(m, 0), S2_DSB_ISH);
	assert_u64(answers(mem, NC, 0), 1);
	assert_i64(s2_physics_error(p), 0);
	s2_physics_detach(p);
	s2_machine_destroy(m);
}

/* The DC may come before the write, or after it and lose it. */
static void test_an_invalidate_under_way_may_lose_a_write(void **state)
{
	struct s2_memory *mem = make();
	uint32_t a;

	(void)state;
	assert_i64(s2_memory_dc_issue(mem, 0, S2_LINE_INVALIDATE, s2_pa(0), 3 * LINE, NULL), 0);
	a = written(mem, WB, LINE);
	assert_true(may_read(mem, WB, LINE, 0) && may_read(mem, WB, LINE, a));
	assert_u64(answers(mem, WB, 0), 1);
	assert_i64(s2_memory_dsb(mem, 0), 0);
	assert_true(may_read(mem, WB, LINE, 0) && may_read(mem, WB, LINE, a));
	written(mem, WB, LINE);
	assert_u64(answers(mem, WB, LINE), 1);
	s2_memory_destroy(mem);
}

static void test_what_cannot_be_asked_is_refused(void **state)
{
	const uint64_t limit = UINT64_C(1) << 48;
	struct s2_line_want want = {.agents = 8};
	struct s2_memory *mem = make(), *one = NULL;
	struct s2_version_set set;
	struct s2_features f;

	(void)state;
	assert_i64(s2_features_parse("neoverse-n1", &f, NULL), 0);
	assert_i64(s2_memory_create(&f, 2, S2_MEMORY_VERSIONS, &one), 0);
	assert_i64(s2_memory_create(&f, 2, (enum s2_memory_detail)3, &one), -EINVAL);
	assert_i64(s2_memory_possible(one, NC, s2_pa(0), &set), -EINVAL);
	assert_i64(s2_memory_possible(mem, (enum s2_agent)3, s2_pa(0), &set), -EINVAL);
	assert_i64(s2_memory_possible(mem, NC, s2_pa(limit), &set), -ERANGE);
	assert_i64(s2_memory_possible_fetch(mem, 2, s2_pa(0), &set), -EINVAL);
	assert_i64(s2_memory_find(mem, &want, s2_pa(0), 1, NULL), -EINVAL);
	want.agents = 1;
	assert_i64(s2_memory_find(one, &want, s2_pa(0), 1, NULL), -EINVAL);
	assert_i64(s2_memory_find(mem, &want, s2_pa(0), 0, NULL), -EINVAL);
	assert_i64(s2_memory_find(mem, &want, s2_pa(limit - 1), 2, NULL), -ERANGE);
	assert_i64(s2_memory_set_alias(one, s2_pa(0), 1, true), -EINVAL);
	assert_i64(s2_memory_set_alias(mem, s2_pa(limit), 1, true), -ERANGE);
	assert_i64(s2_memory_dc_issue(mem, 2, S2_LINE_CLEAN, s2_pa(0), 1, NULL), -EINVAL);
	assert_i64(s2_memory_dc_issue(mem, 0, S2_LINE_EVICT, s2_pa(0), 1, NULL), -EINVAL);
	assert_i64(s2_memory_dc_issue(mem, 0, S2_LINE_CLEAN, s2_pa(limit), 1, NULL), -ERANGE);
	assert_i64(s2_memory_dsb(mem, 2), -EINVAL);
	assert_i64(s2_memory_dsb(one, 0), 0);
	s2_memory_destroy(mem);
	s2_memory_destroy(one);
}

/* --- Random programs --- */

#define N_LINES	   3U
#define N_CPUS	   2U
#define MAX_QUEUE  3U
#define MAX_STATES 16384U
#define MAX_STEPS  14U
#define NOT_CACHED 0xff

/* One choice of hardware's. */
struct concrete {
	uint8_t poc, cache, dirty;
	uint8_t n_queued[N_CPUS];
	uint8_t queue[N_CPUS][MAX_QUEUE]; /* DCs issued and not done, oldest first */
};

struct naive_line {
	size_t n;
	bool alias;
	bool exact; /* nothing has overtaken a pending DC: the library must be exact */
	struct concrete *states;
};

static struct concrete states_of[2][N_LINES][MAX_STATES];
static struct naive_line model[N_LINES];
static uint32_t last_version;

enum {
	WRITE,
	WRITE_NC,
	WRITE_DEVICE,
	READ,
	ALIAS_ON,
	ALIAS_OFF,
	FILL,
	EVICT,
	WRITE_BACK,
	CLEAN,
	CIVAC,
	IVAC,
	DC_CLEAN,
	DC_CIVAC,
	DC_IVAC,
	DSB,
	N_OPS
};

static void add_state(struct naive_line *line, const struct concrete *c)
{
	for (size_t i = 0; i < line->n; i++)
		if (!memcmp(&line->states[i], c, sizeof(*c)))
			return;
	assert_true(line->n < MAX_STATES);
	line->states[line->n++] = *c;
}

static void drop(struct concrete *c)
{
	c->cache = NOT_CACHED;
	c->dirty = 0;
}

static void write_back(struct concrete *c)
{
	if (c->dirty)
		c->poc = c->cache;
	c->dirty = 0;
}

static void do_op(struct concrete *c, unsigned step_op, uint8_t version)
{
	switch (step_op) {
	case WRITE:
		c->cache = version;
		c->dirty = 1;
		break;
	case WRITE_NC:
		c->poc = version;
		break;
	case WRITE_DEVICE:
		c->poc = version;
		drop(c);
		break;
	case READ:
	case FILL:
		if (c->cache == NOT_CACHED)
			c->cache = c->poc;
		break;
	case CLEAN:
	case WRITE_BACK:
		write_back(c);
		break;
	case EVICT:
	case CIVAC:
		write_back(c);
		drop(c);
		break;
	case IVAC:
		drop(c);
		break;
	default:
		break;
	}
}

static unsigned pop(struct concrete *c, unsigned cpu)
{
	const unsigned dc = c->queue[cpu][0];

	for (unsigned i = 0; i + 1 < c->n_queued[cpu]; i++)
		c->queue[cpu][i] = c->queue[cpu][i + 1];
	c->queue[cpu][--c->n_queued[cpu]] = 0;
	return dc;
}

/* All that hardware may do, until nothing new comes. */
static void close_states(struct naive_line *line)
{
	for (size_t i = 0; i < line->n; i++) {
		struct concrete c = line->states[i];

		do_op(&c, EVICT, 0);
		add_state(line, &c);
		c = line->states[i];
		do_op(&c, WRITE_BACK, 0);
		add_state(line, &c);
		c = line->states[i];
		if (line->alias)
			do_op(&c, FILL, 0);
		add_state(line, &c);
		for (unsigned cpu = 0; cpu < N_CPUS; cpu++) {
			c = line->states[i];
			if (!c.n_queued[cpu])
				continue;
			do_op(&c, pop(&c, cpu), 0);
			add_state(line, &c);
		}
	}
}

static void naive_step(struct naive_line *line, unsigned l, unsigned step_op, unsigned cpu)
{
	struct naive_line next = {0, line->alias, line->exact, NULL};

	next.states = line->states == states_of[0][l] ? states_of[1][l] : states_of[0][l];
	if (step_op == ALIAS_ON || step_op == ALIAS_OFF)
		next.alias = step_op == ALIAS_ON;
	for (size_t i = 0; i < line->n; i++) {
		struct concrete c = line->states[i];

		if (step_op >= DC_CLEAN && step_op <= DC_IVAC)
			c.queue[cpu][c.n_queued[cpu]++] = (uint8_t)(step_op - DC_CLEAN + CLEAN);
		else if (step_op == DSB)
			while (c.n_queued[cpu])
				do_op(&c, pop(&c, cpu), 0);
		else
			do_op(&c, step_op, (uint8_t)last_version);
		add_state(&next, &c);
	}
	close_states(&next);
	*line = next;
}

/* What may be pending: the state in which nothing was done has all of it. */
static unsigned queued(const struct naive_line *line, unsigned cpu)
{
	unsigned most = 0;

	for (size_t i = 0; i < line->n; i++)
		if (line->states[i].n_queued[cpu] > most)
			most = line->states[i].n_queued[cpu];
	return most;
}

static bool pending(const struct naive_line *line)
{
	return queued(line, 0) || queued(line, 1);
}

static void step_range(const struct s2_step *s, unsigned *first, unsigned *n)
{
	*first = (unsigned)s->a;
	*n = (unsigned)s->b + 1;
	if (*first + *n > N_LINES)
		*n = N_LINES - *first;
	if (s->op == READ)
		*n = 1;
}

static int library_step(struct s2_memory *mem, const struct s2_step *s, unsigned first, unsigned n)
{
	const struct s2_pa pa = s2_pa(first * LINE);
	const uint64_t size = n * LINE;
	uint32_t version;

	if (s->op <= WRITE_DEVICE)
		return s2_memory_write(mem, (enum s2_agent)s->op, pa, size, &last_version);
	if (s->op == READ)
		return s2_memory_read(mem, WB, pa, &version);
	if (s->op <= ALIAS_OFF)
		return s2_memory_set_alias(mem, pa, size, s->op == ALIAS_ON);
	if (s->op <= IVAC)
		return s2_memory_apply(mem, (enum s2_line_op)(s->op - FILL), pa, size, NULL);
	if (s->op <= DC_IVAC)
		return s2_memory_dc_issue(mem, (unsigned)s->c,
					  (enum s2_line_op)(s->op - DC_CLEAN + S2_LINE_CLEAN), pa,
					  size, NULL);
	return s2_memory_dsb(mem, (unsigned)s->c);
}

/* Where the header says that sets may be larger than need be. */
static void note_overtaking(struct naive_line *line, unsigned step_op)
{
	if (!pending(line))
		return;
	if (step_op <= FILL || step_op == DC_IVAC)
		line->exact = false;
	for (size_t i = 0; i < line->n; i++)
		for (unsigned cpu = 0; cpu < N_CPUS; cpu++)
			for (unsigned k = 0; k < line->states[i].n_queued[cpu]; k++)
				if (line->states[i].queue[cpu][k] == IVAC && step_op >= DC_CLEAN &&
				    step_op <= DC_IVAC)
					line->exact = false;
}

static bool naive_reads(const struct naive_line *line, enum s2_agent agent, uint32_t version)
{
	for (size_t i = 0; i < line->n; i++) {
		const struct concrete *c = &line->states[i];
		const bool from_cache = agent != NC && c->cache != NOT_CACHED;

		if ((from_cache ? c->cache : c->poc) == version)
			return true;
	}
	return false;
}

static bool same_answers(struct s2_memory *mem, const struct naive_line *line, unsigned l)
{
	struct s2_line got;
	bool cached = false, dirty = false;

	for (unsigned agent = WB; agent <= DEV; agent++) {
		for (uint32_t v = 0; v <= last_version; v++) {
			const bool lib = may_read(mem, (enum s2_agent)agent, l * LINE, v);
			const bool naive = naive_reads(line, (enum s2_agent)agent, v);

			if ((naive && !lib) || (line->exact && lib != naive))
				return false;
		}
	}
	for (size_t i = 0; i < line->n; i++) {
		cached |= line->states[i].cache != NOT_CACHED;
		dirty |= line->states[i].dirty;
	}
	assert_i64(s2_memory_line(mem, s2_pa(l * LINE), &got), 0);
	if (line->exact)
		return got.cached == cached && got.dirty == dirty;
	return got.cached >= cached && got.dirty >= dirty;
}

/* The first line of all that offends, told by s2_memory_find(), against each line's answers. */
static bool same_find(struct s2_memory *mem, uint32_t oldest, uint32_t newest, unsigned agents)
{
	const struct s2_line_want want = {.agents = agents, .oldest = oldest, .newest = newest};
	struct s2_pa found = {0};
	int ret = s2_memory_find(mem, &want, s2_pa(0), N_LINES * LINE, &found);

	for (unsigned l = 0; l < N_LINES; l++)
		for (unsigned agent = WB; agent <= DEV; agent++)
			for (uint32_t v = 0; v <= last_version; v++)
				if ((agents & 1U << agent) && (v < oldest || v > newest) &&
				    may_read(mem, (enum s2_agent)agent, l * LINE, v))
					return ret == 1 && found.v == l * LINE;
	return ret == 0;
}

static void reset_model(void)
{
	static const struct concrete untouched = {.cache = NOT_CACHED};

	last_version = 0;
	for (unsigned l = 0; l < N_LINES; l++) {
		model[l] = (struct naive_line){0, true, true, states_of[0][l]};
		add_state(&model[l], &untouched);
		close_states(&model[l]);
	}
}

static uint64_t exact_lines;

static bool run(void *arg, const struct s2_step *steps, size_t n_steps)
{
	struct s2_memory *mem = make();
	bool same = true;

	(void)arg;
	reset_model();
	for (size_t i = 0; i < n_steps && same; i++) {
		unsigned first, n;

		step_range(&steps[i], &first, &n);
		if (steps[i].op == DSB) {
			first = 0;
			n = N_LINES;
		}
		for (unsigned l = first; l < first + n; l++)
			if (steps[i].op >= DC_CLEAN && steps[i].op <= DC_IVAC &&
			    queued(&model[l], (unsigned)steps[i].c) == MAX_QUEUE)
				n = 0;
		if (!n)
			continue;
		for (unsigned l = first; l < first + n; l++)
			note_overtaking(&model[l], steps[i].op);
		assert_i64(library_step(mem, &steps[i], first, n), 0);
		for (unsigned l = first; l < first + n; l++)
			naive_step(&model[l], l, steps[i].op, (unsigned)steps[i].c);
		for (unsigned l = 0; l < N_LINES && same; l++) {
			same = same_answers(mem, &model[l], l);
			exact_lines += model[l].exact;
		}
		same = same && same_find(mem, last_version / 2, last_version, 1U << i % 3) &&
		       same_find(mem, 0, last_version - (last_version > 0), 7);
	}
	s2_memory_destroy(mem);
	return same;
}

static void print_step(void *arg, const struct s2_step *s)
{
	static const char *const names[N_OPS] = {
		"write back",	  "write non-cacheable", "write device", "read write-back",
		"alias on",	  "alias off",		 "fill",	 "evict",
		"write-back",	  "DC CVAC; DSB",	 "DC CIVAC; DSB", "DC IVAC; DSB",
		"DC CVAC issued", "DC CIVAC issued",	 "DC IVAC issued", "DSB"};
	unsigned first, n;

	(void)arg;
	step_range(s, &first, &n);
	printf("  cpu %u: %s, lines %u to %u\n", (unsigned)s->c, names[s->op], first,
	       first + n - 1);
}

static void test_sets_are_those_of_every_choice(void **state)
{
	const struct s2_property property = {
		.name = "possible memory",
		.n_ops = N_OPS,
		.max_a = N_LINES,
		.max_b = N_LINES,
		.max_c = N_CPUS,
		.steps = MAX_STEPS,
		.programs = 3000,
		.run = run,
		.print = print_step,
	};

	(void)state;
	s2_property_check(&property, 11);
	assert_true(exact_lines > 3000 * MAX_STEPS);
}

static void test_completed_maintenance_alone_is_always_exact(void **state)
{
	const struct s2_property property = {
		.name = "possible memory, each DC complete",
		.n_ops = DC_CLEAN,
		.max_a = N_LINES,
		.max_b = N_LINES,
		.max_c = N_CPUS,
		.steps = 60,
		.programs = 2000,
		.run = run,
		.print = print_step,
	};

	(void)state;
	exact_lines = 0;
	s2_property_check(&property, 12);
	assert_u64(exact_lines, UINT64_C(2000) * 60 * N_LINES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_dirty_line_may_overwrite_a_later_non_cacheable_write),
		cmocka_unit_test(test_without_an_alias_nothing_is_fetched_ahead),
		cmocka_unit_test(test_no_version_is_forgotten),
		cmocka_unit_test(test_what_no_line_holds_is_given_back),
		cmocka_unit_test(test_a_search_finds_the_one_line_of_128_gib),
		cmocka_unit_test(test_a_search_begins_and_ends_at_lines),
		cmocka_unit_test(test_a_fetch_may_return_what_was_fetched_before),
		cmocka_unit_test(test_a_dc_is_complete_at_its_cpus_dsb_ish_or_sy),
		cmocka_unit_test(test_an_invalidate_under_way_may_lose_a_write),
		cmocka_unit_test(test_what_cannot_be_asked_is_refused),
		cmocka_unit_test(test_sets_are_those_of_every_choice),
		cmocka_unit_test(test_completed_maintenance_alone_is_always_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
