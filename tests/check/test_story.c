/* SPDX-License-Identifier: MIT */
/* How it came to a violation: steps, and runs without some of them. */
#include "check/oracle_rig.h"

#include <errno.h>

#include <stage2sim/story.h>

/* Two pages are mapped, flushed and write-protected; one is not flushed again and harvested. */
static void broken_clear(struct oracle_rig *r)
{
	map(r, IPA, PAGE, PA, RW);
	map(r, IPA + PAGE, PAGE, PA, RW);
	s2_dsb(r->cpu, S2_DSB_ISH);
	s2_flush_vmid(r->mmu, r->cpu);
	assert_i64(s2_pgtable_wrprotect(r->mmu, r->cpu, s2_range(IPA, 2 * PAGE)), 0);
	assert_i64(s2_flush_vmid_range(r->mmu, r->cpu, s2_range(IPA + PAGE, PAGE)), 0);
	rely(r, S2_RELY_DIRTY_HARVESTED, IPA, PAGE, S2_ACCESS_READ);
}

/* Runs it under an oracle of its own. */
static void run(const struct s2_oracle_config *cfg, void (*look)(struct s2_oracle *o, void *arg),
		void *arg)
{
	struct oracle_rig r;
	struct s2_oracle *o;

	oracle_rig_up(&r, "max", "newest");
	assert_i64(s2_oracle_attach(r.m, cfg, &o), 0);
	assert_i64(s2_oracle_watch(o, r.vtcr, r.vttbr), 0);
	broken_clear(&r);
	look(o, arg);
	s2_oracle_detach(o);
	oracle_rig_down(&r);
}

static void take_violation(struct s2_oracle *o, void *arg)
{
	const struct s2_violation *v = s2_oracle_violation(o, 0);

	assert_non_null(v);
	assert_int_equal(v->finding, S2_FOUND_DIRTY_HELD);
	assert_u64(s2_oracle_story_steps(o), 0);
	assert_null(s2_oracle_story_end(o));
	*(struct s2_violation *)arg = *v;
}

static struct s2_violation violation(void)
{
	struct s2_violation v;

	run(NULL, take_violation, &v);
	return v;
}

struct steps {
	struct s2_story_step step[S2_STORY_STEPS];
	size_t n;
	bool ended;
};

static void take_steps(struct s2_oracle *o, void *arg)
{
	struct steps *s = arg;

	s->n = s2_oracle_story_steps(o);
	s->ended = s2_oracle_story_end(o) != NULL;
	for (size_t i = 0; i < s->n; i++)
		s->step[i] = *s2_oracle_story_step(o, i);
	assert_null(s2_oracle_story_step(o, s->n));
}

static struct steps told(const uint64_t *dropped, size_t n)
{
	const struct s2_violation v = violation();
	const struct s2_oracle_config cfg = {.story = &v, .dropped = dropped, .n_dropped = n};
	struct steps s;

	run(&cfg, take_steps, &s);
	return s;
}

static size_t find(const struct steps *s, const char *did)
{
	size_t i = 0;

	while (i < s->n && !strstr(s->step[i].did, did))
		i++;
	return i;
}

static void a_story_has_the_steps_of_its_address(void **state)
{
	const struct steps s = told(NULL, 0);
	const size_t flush = find(&s, "tlbi_vmalls12e1is (tlb:flush_vmid)");
	const size_t protect = find(&s, "(stage2:wrprotect)");

	(void)state;
	assert_true(s.ended);
	assert_string_equal(s.step[flush].then, "CPU 0 holds no old translation");
	assert_true(s.step[flush].maintains && !s.step[flush].fixed);
	assert_string_equal(s.step[protect].then, "CPU 0 may hold 1 old translation");
	assert_true(s.step[protect].fixed && !s.step[protect].maintains && s.step[protect].stored);
	assert_true(flush < protect && protect < s.n);
	/* The other page's TLBI does not concern it; the last step is what broke. */
	assert_int_equal(find(&s, "tlbi_ripas2e1is"), s.n);
	assert_string_equal(s.step[s.n - 1].did, "test: dirty-harvested");
	for (size_t i = 1; i < s.n; i++)
		assert_true(s.step[i - 1].at < s.step[i].at);
}

/* Steps keep their numbers, and what is not there has had no effect. */
static void a_dropped_step_did_not_happen(void **state)
{
	const struct steps whole = told(NULL, 0);
	const size_t gone = find(&whole, "tlbi_vmalle1is (tlb:flush_vmid_range)") + 1;
	struct steps s;

	(void)state;
	assert_string_equal(whole.step[gone].did, "dsb_ish (tlb:flush_vmid_range)");
	s = told(&whole.step[gone].at, 1);
	assert_true(s.ended);
	assert_int_equal(s.n, whole.n - 1);
	for (size_t i = 0; i < s.n; i++)
		assert_u64(s.step[i].at, whole.step[i + (i >= gone)].at);
	/* Without what relies on it nothing is broken. */
	s = told(&whole.step[whole.n - 1].at, 1);
	assert_false(s.ended);
}

static void what_is_fixed_is_not_dropped(void **state)
{
	const struct steps whole = told(NULL, 0);
	const size_t protect = find(&whole, "(stage2:wrprotect)");
	const struct steps s = told(&whole.step[protect].at, 1);

	(void)state;
	assert_true(s.ended);
	assert_int_equal(s.n, whole.n);
}

static void take_error(struct s2_oracle *o, void *arg)
{
	*(int *)arg = s2_oracle_error(o);
	if (*(int *)arg)
		assert_null(s2_oracle_violation(o, 0));
}

static void take_number(struct s2_oracle *o, void *arg)
{
	*(uint64_t *)arg = s2_oracle_steps(o);
}

static void past_its_steps_an_oracle_gives_up(void **state)
{
	struct s2_oracle_config cfg = {0};
	uint64_t steps;
	int error;

	(void)state;
	run(NULL, take_number, &steps);
	cfg.most_steps = steps;
	run(&cfg, take_error, &error);
	assert_i64(error, 0);
	cfg.most_steps = steps - 1;
	run(&cfg, take_error, &error);
	assert_i64(error, -E2BIG);
}

/* The first step, and the last ones, in order. */
static void a_long_story_keeps_its_first_step_and_its_last_ones(void **state)
{
	const struct s2_violation v = violation();
	const struct s2_oracle_config cfg = {.story = &v};
	struct s2_oracle *o;
	struct oracle_rig r;
	struct steps s;

	(void)state;
	oracle_rig_up(&r, "max", "newest");
	assert_i64(s2_oracle_attach(r.m, &cfg, &o), 0);
	assert_i64(s2_oracle_watch(o, r.vtcr, r.vttbr), 0);
	map(&r, IPA, PAGE, PA, RW);
	for (unsigned i = 0; i < S2_STORY_STEPS; i++)
		s2_flush_vmid(r.mmu, r.cpu);
	take_steps(o, &s);
	assert_int_equal(s.n, S2_STORY_STEPS);
	/* A TLBI and a DSB each; what is not kept is counted. */
	assert_true(s2_oracle_story_left(o) > S2_STORY_STEPS);
	assert_non_null(strstr(s.step[0].did, "(stage2:map)"));
	for (size_t i = 1; i < s.n; i++) {
		assert_true(s.step[i - 1].at < s.step[i].at);
		assert_non_null(strstr(s.step[i].did, "(tlb:flush_vmid)"));
	}
	s2_oracle_detach(o);
	oracle_rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_story_has_the_steps_of_its_address),
		cmocka_unit_test(a_dropped_step_did_not_happen),
		cmocka_unit_test(what_is_fixed_is_not_dropped),
		cmocka_unit_test(past_its_steps_an_oracle_gives_up),
		cmocka_unit_test(a_long_story_keeps_its_first_step_and_its_last_ones),
	};

	return cmocka_run_group_tests_name("check/story", tests, NULL, NULL);
}
