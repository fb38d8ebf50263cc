/* SPDX-License-Identifier: MIT */
/* Possible memory: each rule by a case. */
#include "machine/possible_memory_rig.h"

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
	};

	return cmocka_run_group_tests_name("possible_memory", tests, NULL, NULL);
}
