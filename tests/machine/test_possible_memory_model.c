/* SPDX-License-Identifier: MIT */
/*
 * Possible memory: random programs against an enumeration of every choice of
 * hardware's, state by state, on a few lines.
 */
#include "machine/possible_memory_rig.h"

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
		cmocka_unit_test(test_sets_are_those_of_every_choice),
		cmocka_unit_test(test_completed_maintenance_alone_is_always_exact),
	};

	return cmocka_run_group_tests_name("possible_memory_model", tests, NULL, NULL);
}
