/* SPDX-License-Identifier: MIT */
/*
 * Memory and cache lines: each rule, and random programs against a model that
 * stores one state a line.
 */
#include "property.h"

#include <string.h>

#include <stage2sim/memory.h>

#define LINE  UINT64_C(64)
#define FRAME UINT64_C(0x1000)
#define MIB   UINT64_C(0x100000)
#define GIB   (1024 * MIB)

static struct s2_memory *make(const char *spec, enum s2_memory_detail detail)
{
	struct s2_features f;
	struct s2_memory *mem = NULL;

	assert_i64(s2_features_parse(spec, &f, NULL), 0);
	assert_i64(s2_memory_create(&f, 2, detail, &mem), 0);
	return mem;
}

static uint32_t written(struct s2_memory *mem, enum s2_agent agent, uint64_t pa)
{
	uint32_t version = 0;

	assert_i64(s2_memory_write(mem, agent, s2_pa(pa), LINE, &version), 0);
	return version;
}

static uint32_t seen(struct s2_memory *mem, enum s2_agent agent, uint64_t pa)
{
	uint32_t version = 0;

	assert_i64(s2_memory_read(mem, agent, s2_pa(pa), &version), 0);
	return version;
}

static void op(struct s2_memory *mem, enum s2_line_op line_op, uint64_t pa)
{
	assert_i64(s2_memory_apply(mem, line_op, s2_pa(pa), LINE, NULL), 0);
}

static void test_observers_can_disagree(void **state)
{
	struct s2_memory *mem = make("neoverse-n1", S2_MEMORY_VERSIONS);
	uint32_t a, b;

	(void)state;
	a = written(mem, S2_AGENT_WRITE_BACK, 0);
	assert_u64(seen(mem, S2_AGENT_WRITE_BACK, 0), a);
	assert_u64(seen(mem, S2_AGENT_COHERENT_DEVICE, 0), a);
	assert_u64(seen(mem, S2_AGENT_NON_CACHEABLE, 0), 0);
	b = written(mem, S2_AGENT_NON_CACHEABLE, 0);
	assert_u64(seen(mem, S2_AGENT_WRITE_BACK, 0), a);
	assert_u64(seen(mem, S2_AGENT_NON_CACHEABLE, 0), b);
	/* The dirty line destroys the other write when it leaves. */
	op(mem, S2_LINE_EVICT, 0);
	assert_u64(seen(mem, S2_AGENT_NON_CACHEABLE, 0), a);
	s2_memory_destroy(mem);
}

static void test_a_clean_line_hides_a_later_non_cacheable_write(void **state)
{
	struct s2_memory *mem = make("neoverse-n1", S2_MEMORY_VERSIONS);
	uint32_t a;

	(void)state;
	op(mem, S2_LINE_FILL, 0);
	a = written(mem, S2_AGENT_NON_CACHEABLE, 0);
	assert_u64(seen(mem, S2_AGENT_WRITE_BACK, 0), 0);
	op(mem, S2_LINE_CLEAN, 0);
	assert_u64(seen(mem, S2_AGENT_WRITE_BACK, 0), 0);
	op(mem, S2_LINE_CLEAN_INVALIDATE, 0);
	assert_u64(seen(mem, S2_AGENT_WRITE_BACK, 0), a);
	s2_memory_destroy(mem);
}

static void test_invalidate_loses_dirty_contents(void **state)
{
	struct s2_memory *mem = make("neoverse-n1", S2_MEMORY_VERSIONS);

	(void)state;
	written(mem, S2_AGENT_WRITE_BACK, 0);
	op(mem, S2_LINE_INVALIDATE, 0);
	assert_u64(seen(mem, S2_AGENT_WRITE_BACK, 0), 0);
	s2_memory_destroy(mem);
}

static void test_a_fetch_returns_what_was_fetched_before(void **state)
{
	struct s2_memory *mem = make("neoverse-n1", S2_MEMORY_VERSIONS);
	uint32_t a, got;

	(void)state;
	assert_i64(s2_memory_fetch(mem, 0, s2_pa(0), &got), 0);
	assert_i64(s2_memory_fetch(mem, 1, s2_pa(0), &got), 0);
	a = written(mem, S2_AGENT_WRITE_BACK, 0);
	assert_i64(s2_memory_fetch(mem, 0, s2_pa(0), &got), 0);
	assert_u64(got, 0);
	s2_memory_ic_iallu(mem, 0);
	assert_i64(s2_memory_fetch(mem, 0, s2_pa(0), &got), 0);
	assert_u64(got, a);
	assert_i64(s2_memory_fetch(mem, 1, s2_pa(0), &got), 0);
	assert_u64(got, 0);
	s2_memory_ic_ivau(mem, s2_pa(0), FRAME);
	assert_i64(s2_memory_fetch(mem, 1, s2_pa(0), &got), 0);
	assert_u64(got, a);
	s2_memory_destroy(mem);
}

static void test_dic_needs_no_ic_and_vipt_more_than_a_line(void **state)
{
	struct s2_memory *mem = make("neoverse-v1", S2_MEMORY_VERSIONS);
	uint32_t a, got;

	(void)state;
	assert_i64(s2_memory_fetch(mem, 0, s2_pa(0), &got), 0);
	a = written(mem, S2_AGENT_WRITE_BACK, 0);
	assert_i64(s2_memory_fetch(mem, 0, s2_pa(0), &got), 0);
	assert_u64(got, a);
	s2_memory_destroy(mem);
	mem = make("cortex-a55", S2_MEMORY_VERSIONS);
	assert_i64(s2_memory_fetch(mem, 0, s2_pa(0), &got), 0);
	a = written(mem, S2_AGENT_WRITE_BACK, 0);
	s2_memory_ic_ivau(mem, s2_pa(0), LINE);
	assert_i64(s2_memory_fetch(mem, 0, s2_pa(0), &got), 0);
	assert_u64(got, 0);
	s2_memory_ic_iallu(mem, S2_MEMORY_ALL_CPUS);
	assert_i64(s2_memory_fetch(mem, 0, s2_pa(0), &got), 0);
	assert_u64(got, a);
	s2_memory_destroy(mem);
}

static void test_ranges_are_checked(void **state)
{
	struct s2_memory *mem = make("neoverse-n1", S2_MEMORY_STATES);
	const uint64_t limit = UINT64_C(1) << 48;

	(void)state;
	assert_i64(s2_memory_apply(mem, S2_LINE_FILL, s2_pa(0), 0, NULL), -EINVAL);
	assert_i64(s2_memory_apply(mem, S2_LINE_FILL, s2_pa(limit), 1, NULL), -ERANGE);
	assert_i64(s2_memory_apply(mem, S2_LINE_FILL, s2_pa(0), limit + 1, NULL), -ERANGE);
	assert_i64(s2_memory_apply(mem, S2_LINE_FILL, s2_pa(0), limit, NULL), 0);
	assert_i64(s2_memory_apply(mem, (enum s2_line_op)9, s2_pa(0), 1, NULL), -EINVAL);
	assert_i64(s2_memory_write(mem, (enum s2_agent)3, s2_pa(0), 1, NULL), -EINVAL);
	s2_memory_destroy(mem);
}

/* 128 GiB: every sixth frame of six kinds, of which some have mixed lines. */
static void test_counts_of_a_large_range_are_exact(void **state)
{
	const uint64_t size = 128 * GIB;
	struct s2_memory *mem = make("neoverse-n1", S2_MEMORY_STATES);
	struct s2_line_counts counts = {0, 0, 0};
	uint64_t footprint, valid = 0, dirty = 0;

	(void)state;
	/* A pattern of 64 MiB would repeat by itself; so the head differs from the rest. */
	assert_i64(s2_memory_write(mem, S2_AGENT_WRITE_BACK, s2_pa(0), size, NULL), 0);
	for (uint64_t i = 0; i < 4096; i++) {
		const struct s2_pa pa = s2_pa(i * 17 * FRAME + (i % 5) * LINE);
		const uint64_t n = 1 + i % 40;

		assert_i64(s2_memory_apply(mem, i & 1 ? S2_LINE_EVICT : S2_LINE_CLEAN, pa, n * LINE,
					   NULL),
			   0);
		valid += i & 1 ? n : 0;
		dirty += n;
	}
	footprint = s2_memory_footprint(mem);
	assert_true(footprint < size / FRAME);
	assert_i64(s2_memory_apply(mem, S2_LINE_CLEAN_INVALIDATE, s2_pa(0), size, &counts), 0);
	assert_u64(counts.lines, size / LINE);
	assert_u64(counts.valid, size / LINE - valid);
	assert_u64(counts.dirty, size / LINE - dirty);
	memset(&counts, 0, sizeof(counts));
	assert_i64(s2_memory_apply(mem, S2_LINE_CLEAN_INVALIDATE, s2_pa(0), size, &counts), 0);
	assert_u64(counts.valid, 0);
	s2_memory_destroy(mem);
}

static void test_with_fwb_nothing_is_stored(void **state)
{
	struct s2_memory *mem = make("neoverse-v1", S2_MEMORY_STATES);
	const uint64_t before = s2_memory_footprint(mem);
	struct s2_line_counts counts = {0, 0, 0};

	(void)state;
	written(mem, S2_AGENT_WRITE_BACK, 5 * FRAME);
	assert_u64(s2_memory_footprint(mem), before);
	assert_i64(s2_memory_apply(mem, S2_LINE_CLEAN, s2_pa(1), 64, &counts), 0);
	assert_u64(counts.lines, 2);
	s2_memory_destroy(mem);
}

/* Small pieces around the corner where 2 MiB meet: each size of node is split and joined. */
#define N_LINES 4096U
#define BASE	(2 * MIB - N_LINES / 2 * LINE)

enum {
	WRITE,
	WRITE_NC,
	WRITE_DEVICE,
	READ,
	FILL,
	EVICT,
	WRITE_BACK,
	CLEAN,
	CIVAC,
	IVAC,
	N_OPS
};

struct naive {
	uint32_t version;
	struct s2_line lines[N_LINES];
};

static struct naive model;

static bool is_write(unsigned step_op)
{
	return step_op <= WRITE_DEVICE;
}

static void naive_line(struct s2_line *line, unsigned step_op, uint32_t version)
{
	bool drops = step_op == EVICT || step_op == CIVAC || step_op == IVAC;

	if (line->dirty &&
	    (step_op == EVICT || step_op == WRITE_BACK || step_op == CLEAN || step_op == CIVAC))
		line->poc = line->cache;
	if (step_op == WRITE_NC || step_op == WRITE_DEVICE)
		line->poc = version;
	if ((step_op == READ || step_op == FILL) && !line->cached) {
		line->cache = line->poc;
		line->cached = true;
	}
	if (step_op == WRITE_BACK || step_op == CLEAN)
		line->dirty = false;
	if (step_op == WRITE) {
		line->cache = version;
		line->cached = line->dirty = true;
	}
	if (drops || step_op == WRITE_DEVICE) {
		line->cached = line->dirty = false;
		line->cache = 0;
	}
}

/* The range of a step: lines that start near a, up to b frames long, or a few lines. */
static void step_range(const struct s2_step *s, uint64_t *first, uint64_t *n)
{
	*first = s->c & 1 ? s->a / 64 * 64 : s->a;
	*n = s->c & 1 ? 64 * (s->b + 1) : s->b + 1;
	if (s->op == READ)
		*n = 1;
	if (*first + *n > N_LINES)
		*n = N_LINES - *first;
}

static bool apply_step(struct s2_memory *mem, const struct s2_step *s)
{
	static const enum s2_line_op ops[] = {
		[FILL] = S2_LINE_FILL,
		[EVICT] = S2_LINE_EVICT,
		[WRITE_BACK] = S2_LINE_WRITE_BACK,
		[CLEAN] = S2_LINE_CLEAN,
		[CIVAC] = S2_LINE_CLEAN_INVALIDATE,
		[IVAC] = S2_LINE_INVALIDATE,
	};
	struct s2_line_counts counts = {0, 0, 0};
	uint64_t first, n, valid = 0, dirty = 0;
	uint32_t version = 0;

	step_range(s, &first, &n);
	for (uint64_t i = first; i < first + n; i++) {
		valid += model.lines[i].cached;
		dirty += model.lines[i].dirty;
	}
	if (is_write(s->op)) {
		assert_i64(s2_memory_write(mem, (enum s2_agent)s->op, s2_pa(BASE + first * LINE),
					   n * LINE, &version),
			   0);
		if (version != ++model.version)
			return false;
	} else if (s->op == READ) {
		const struct s2_line *line = &model.lines[first];

		assert_i64(s2_memory_read(mem, S2_AGENT_WRITE_BACK, s2_pa(BASE + first * LINE),
					  &version),
			   0);
		if (version != (line->cached ? line->cache : line->poc))
			return false;
	} else {
		assert_i64(s2_memory_apply(mem, ops[s->op], s2_pa(BASE + first * LINE), n * LINE,
					   &counts),
			   0);
		if (counts.lines != n || counts.valid != valid || counts.dirty != dirty)
			return false;
	}
	for (uint64_t i = first; i < first + n; i++)
		naive_line(&model.lines[i], s->op, model.version);
	return true;
}

static bool all_lines_agree(struct s2_memory *mem)
{
	for (uint64_t i = 0; i < N_LINES; i++) {
		const struct s2_line *want = &model.lines[i];
		struct s2_line line;

		assert_i64(s2_memory_line(mem, s2_pa(BASE + i * LINE), &line), 0);
		if (line.poc != want->poc || line.cache != want->cache ||
		    line.cached != want->cached || line.dirty != want->dirty)
			return false;
	}
	return true;
}

/* 4 MiB whose frames are all half cached: large nodes of more than one state. */
static void stripe(struct s2_memory *mem)
{
	for (uint64_t pa = 0; pa < 4 * MIB; pa += FRAME)
		assert_i64(s2_memory_apply(mem, S2_LINE_FILL, s2_pa(pa), FRAME / 2, NULL), 0);
	for (unsigned i = 0; i < N_LINES; i++)
		model.lines[i].cached = i % 64 < 32;
}

static bool run(void *arg, const struct s2_step *steps, size_t n)
{
	struct s2_memory *mem = make("neoverse-n1", S2_MEMORY_VERSIONS);
	bool same = true;

	memset(&model, 0, sizeof(model));
	if (*(const bool *)arg)
		stripe(mem);
	for (size_t i = 0; i < n && same; i++)
		same = apply_step(mem, &steps[i]);
	same = same && all_lines_agree(mem);
	s2_memory_destroy(mem);
	return same;
}

static void print(void *arg, const struct s2_step *s)
{
	static const char *const names[] = {"write", "write nc",   "write device", "read",  "fill",
					    "evict", "write back", "clean",	   "civac", "ivac"};
	uint64_t first, n;

	(void)arg;
	step_range(s, &first, &n);
	print_error("%s lines %" PRIu64 " to %" PRIu64 "\n", names[s->op], first, first + n - 1);
}

static void check_programs(const char *name, bool striped, unsigned programs)
{
	const struct s2_property property = {
		.name = name,
		.n_ops = N_OPS,
		.max_a = N_LINES,
		.max_b = 24,
		.max_c = 2,
		.steps = 120,
		.programs = programs,
		.run = run,
		.print = print,
		.arg = &striped,
	};

	s2_property_check(&property, 2);
}

static void test_random_programs_agree_with_a_line_by_line_model(void **state)
{
	(void)state;
	check_programs("memory", false, 2000);
	check_programs("striped memory", true, 1000);
}

/* Each write makes a pattern; those that no frame has any more are given back. */
static void test_old_patterns_are_given_back(void **state)
{
	struct s2_memory *mem = make("neoverse-n1", S2_MEMORY_VERSIONS);
	const uint64_t before = s2_memory_footprint(mem);

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		written(mem, S2_AGENT_WRITE_BACK, i % 7 * FRAME);
	assert_true(s2_memory_footprint(mem) < before + 256 * 1024);
	assert_u64(seen(mem, S2_AGENT_WRITE_BACK, 99999 % 7 * FRAME), 100000);
	s2_memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(test_observers_can_disagree),
		s2_unit_test(test_a_clean_line_hides_a_later_non_cacheable_write),
		s2_unit_test(test_invalidate_loses_dirty_contents),
		s2_unit_test(test_a_fetch_returns_what_was_fetched_before),
		s2_unit_test(test_dic_needs_no_ic_and_vipt_more_than_a_line),
		s2_unit_test(test_ranges_are_checked),
		s2_unit_test(test_counts_of_a_large_range_are_exact),
		s2_unit_test(test_with_fwb_nothing_is_stored),
		s2_unit_test(test_old_patterns_are_given_back),
		s2_unit_test(test_random_programs_agree_with_a_line_by_line_model),
	};

	return cmocka_run_group_tests_name("machine/memory", tests, NULL, NULL);
}
