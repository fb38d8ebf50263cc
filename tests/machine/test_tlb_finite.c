/* SPDX-License-Identifier: MIT */
/* Finite TLBs: what they forget is at least what was asked, and what they keep was put there. */
#include "property.h"

#include <string.h>

#include <stage2sim/tlb.h>

#define PAGE UINT64_C(0x1000)
#define MIB  UINT64_C(0x100000)

static struct s2_tlbs *make(unsigned sets, unsigned ways, enum s2_tlb_replacement replacement)
{
	struct s2_tlb_config cfg = s2_tlb_config_default();
	struct s2_tlbs *tlbs = NULL;

	cfg.sets = (uint16_t)sets;
	cfg.ways = (uint16_t)ways;
	cfg.walk_sets = (uint16_t)sets;
	cfg.walk_ways = (uint16_t)ways;
	cfg.replacement = replacement;
	assert_i64(s2_tlbs_create(&cfg, 2, 8, &tlbs), 0);
	return tlbs;
}

static bool has(struct s2_tlbs *tlbs, unsigned cpu, enum s2_tlb_kind kind, unsigned vmid,
		uint64_t addr)
{
	const struct s2_tlb_tag tag = {kind, s2_vmid((uint16_t)vmid), 0};
	uint64_t data;

	return s2_tlb_lookup(tlbs, cpu, &tag, addr, &data, NULL);
}

static void put(struct s2_tlbs *tlbs, unsigned cpu, enum s2_tlb_kind kind, unsigned vmid,
		uint64_t addr, unsigned shift)
{
	const struct s2_tlb_tag tag = {kind, s2_vmid((uint16_t)vmid), 0};

	s2_tlb_fill(tlbs, cpu, &tag, addr, shift, addr + vmid);
}

static void test_sizes_are_checked(void **state)
{
	struct s2_tlb_config cfg = s2_tlb_config_default();
	struct s2_tlbs *tlbs = NULL;

	(void)state;
	cfg.sets = 3;
	assert_i64(s2_tlbs_create(&cfg, 1, 8, &tlbs), -EINVAL);
	cfg.sets = 4;
	cfg.walk_ways = 65;
	assert_i64(s2_tlbs_create(&cfg, 1, 8, &tlbs), -EINVAL);
	cfg.walk_ways = 1;
	assert_i64(s2_tlbs_create(&cfg, 1, 9, &tlbs), -EINVAL);
	assert_i64(s2_tlbs_create(&cfg, 0, 8, &tlbs), -EINVAL);
	assert_null(tlbs);
}

static void test_an_entry_answers_for_all_that_it_covers(void **state)
{
	struct s2_tlbs *tlbs = make(4, 2, S2_TLB_LRU);

	(void)state;
	put(tlbs, 0, S2_TLB_S2_LEAF, 1, 4 * MIB, 21);
	assert_true(has(tlbs, 0, S2_TLB_S2_LEAF, 1, 6 * MIB - 1));
	assert_false(has(tlbs, 0, S2_TLB_S2_LEAF, 1, 6 * MIB));
	assert_false(has(tlbs, 0, S2_TLB_S2_LEAF, 2, 4 * MIB));
	assert_false(has(tlbs, 1, S2_TLB_S2_LEAF, 1, 4 * MIB));
	assert_false(has(tlbs, 0, S2_TLB_COMBINED, 1, 4 * MIB));
	s2_tlbs_destroy(tlbs);
}

/* One page of a block names the block (R_TVTYQ). */
static void test_by_ipa_takes_the_whole_entry(void **state)
{
	const struct s2_tlb_ipa_range page = {s2_vmid(1), s2_ipa(5 * MIB), PAGE, 0};
	struct s2_tlbs *tlbs = make(4, 2, S2_TLB_LRU);

	(void)state;
	put(tlbs, 0, S2_TLB_S2_LEAF, 1, 4 * MIB, 21);
	put(tlbs, 1, S2_TLB_S2_WALK, 1, 4 * MIB, 21);
	put(tlbs, 1, S2_TLB_COMBINED, 1, 4 * MIB, 21);
	s2_tlb_inval_ipa(tlbs, S2_ALL_CPUS, &page);
	assert_false(has(tlbs, 0, S2_TLB_S2_LEAF, 1, 4 * MIB));
	assert_false(has(tlbs, 1, S2_TLB_S2_WALK, 1, 4 * MIB));
	assert_true(has(tlbs, 1, S2_TLB_COMBINED, 1, 4 * MIB));
	s2_tlbs_destroy(tlbs);
}

static void test_a_hint_names_leaves_of_its_level_only(void **state)
{
	const struct s2_tlb_ipa_range page = {s2_vmid(1), s2_ipa(4 * MIB), PAGE, 12};
	struct s2_tlbs *tlbs = make(4, 2, S2_TLB_LRU);

	(void)state;
	put(tlbs, 0, S2_TLB_S2_LEAF, 1, 4 * MIB, 12);
	put(tlbs, 0, S2_TLB_S2_LEAF, 1, 4 * MIB, 21);
	put(tlbs, 0, S2_TLB_S2_WALK, 1, 4 * MIB, 21);
	s2_tlb_inval_ipa(tlbs, S2_ALL_CPUS, &page);
	assert_u64(s2_tlb_live(tlbs, 0, S2_TLB_S2_LEAF), 1);
	assert_u64(s2_tlb_live(tlbs, 0, S2_TLB_S2_WALK), 1);
	s2_tlbs_destroy(tlbs);
}

/* A leaf of a block is as large as what an entry to a table of pages covers. */
static void test_a_hint_leaves_walk_entries_of_the_same_size(void **state)
{
	const uint64_t sizes[] = {1, PAGE, 2 * PAGE, 2 * MIB};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		const struct s2_tlb_ipa_range range = {s2_vmid(1), s2_ipa(4 * MIB), sizes[i], 21};
		struct s2_tlbs *tlbs = make(4, 2, S2_TLB_LRU);

		s2_test_row("%" PRIu64 " bytes", sizes[i]);
		put(tlbs, 0, S2_TLB_S2_LEAF, 1, 4 * MIB, 21);
		put(tlbs, 0, S2_TLB_S2_WALK, 1, 4 * MIB, 21);
		assert_i64(s2_tlb_inval_ipa(tlbs, i % 2 ? 0 : S2_ALL_CPUS, &range), 0);
		assert_false(has(tlbs, 0, S2_TLB_S2_LEAF, 1, 4 * MIB));
		assert_true(has(tlbs, 0, S2_TLB_S2_WALK, 1, 4 * MIB));
		s2_tlbs_destroy(tlbs);
	}
}

static void test_lru_keeps_what_was_used(void **state)
{
	struct s2_tlbs *tlbs = make(1, 2, S2_TLB_LRU);

	(void)state;
	put(tlbs, 0, S2_TLB_S2_LEAF, 1, 0, 12);
	put(tlbs, 0, S2_TLB_S2_LEAF, 1, PAGE, 12);
	assert_true(has(tlbs, 0, S2_TLB_S2_LEAF, 1, 0));
	put(tlbs, 0, S2_TLB_S2_LEAF, 1, 2 * PAGE, 12);
	assert_true(has(tlbs, 0, S2_TLB_S2_LEAF, 1, 0));
	assert_false(has(tlbs, 0, S2_TLB_S2_LEAF, 1, PAGE));
	s2_tlbs_destroy(tlbs);
}

/*
 * The naive model: each entry ever filled, in a list.  With one set of 64 ways
 * nothing is evicted in a program of 48 steps, so the two must be equal; with
 * a small TLB what it holds must be part of what the list holds.
 */
enum {
	FILL,
	LOOKUP,
	INVAL_VMID,
	INVAL_VA,
	INVAL_ALL,
	INVAL_IPA,
	N_OPS
};

struct naive_entry {
	bool live;
	unsigned cpu, kind, vmid, shift;
	uint64_t start;
};

struct naive {
	size_t n;
	struct naive_entry entries[S2_PROPERTY_MAX_STEPS];
};

struct tlb_case {
	unsigned sets, ways;
	bool exact;
};

static unsigned step_cpu(const struct s2_step *s)
{
	return s->a & 1;
}

static unsigned step_vmid(const struct s2_step *s)
{
	return 1 + (s->a >> 1 & 1);
}

static unsigned step_kind(const struct s2_step *s)
{
	return 1U << (s->a >> 2 & 3);
}

static uint64_t step_addr(const struct s2_step *s)
{
	return s->b * PAGE;
}

static unsigned step_shift(const struct s2_step *s)
{
	return s->c & 1 ? 12 : 14;
}

static void naive_fill(struct naive *model, const struct s2_step *s)
{
	const unsigned shift = step_shift(s);
	const struct naive_entry e = {true,	    step_cpu(s), step_kind(s),
				      step_vmid(s), shift,	 step_addr(s) >> shift << shift};

	model->entries[model->n++] = e;
}

static bool naive_lookup(const struct naive *model, const struct s2_step *s)
{
	for (size_t i = 0; i < model->n; i++) {
		const struct naive_entry *e = &model->entries[i];

		if (e->live && e->cpu == step_cpu(s) && e->kind == step_kind(s) &&
		    e->vmid == step_vmid(s) && e->start == step_addr(s) >> e->shift << e->shift)
			return true;
	}
	return false;
}

static bool naive_named(const struct naive_entry *e, const struct s2_step *s)
{
	uint64_t end = step_addr(s) + (s->c >> 2) * PAGE + PAGE;
	bool by_ipa = e->kind & S2_TLB_BY_IPA;

	if (s->op == INVAL_ALL)
		return true;
	if (e->vmid != step_vmid(s) || ((s->c & 2) && e->cpu != step_cpu(s)))
		return false;
	switch (s->op) {
	case INVAL_VMID:
		return true;
	case INVAL_VA:
		return !by_ipa;
	default:
		if (!by_ipa || e->start >= end ||
		    step_addr(s) >= e->start + (UINT64_C(1) << e->shift))
			return false;
		return !(s->c & 1) || (e->kind == S2_TLB_S2_LEAF && e->shift == 12);
	}
}

static void do_inval(struct s2_tlbs *tlbs, const struct s2_step *s)
{
	const unsigned cpu = s->c & 2 ? step_cpu(s) : S2_ALL_CPUS;
	const struct s2_vmid vmid = s2_vmid((uint16_t)step_vmid(s));
	const struct s2_tlb_ipa_range range = {vmid, s2_ipa(step_addr(s)),
					       (s->c >> 2) * PAGE + PAGE, s->c & 1 ? 12 : 0};

	if (s->op == INVAL_ALL)
		s2_tlb_inval_all(tlbs);
	else if (s->op == INVAL_IPA)
		s2_tlb_inval_ipa(tlbs, cpu, &range);
	else
		s2_tlb_inval_vmid(tlbs, cpu, vmid, s->op == INVAL_VA);
}

static bool run(void *arg, const struct s2_step *steps, size_t n)
{
	const struct tlb_case *c = arg;
	struct s2_tlbs *tlbs = make(c->sets, c->ways, S2_TLB_LRU);
	struct naive model = {0};
	bool same = true;

	for (size_t i = 0; i < n && same; i++) {
		const struct s2_step *s = &steps[i];
		bool hit;

		if (s->op == FILL) {
			naive_fill(&model, s);
			put(tlbs, step_cpu(s), step_kind(s), step_vmid(s), step_addr(s),
			    step_shift(s));
		} else if (s->op == LOOKUP) {
			hit = has(tlbs, step_cpu(s), step_kind(s), step_vmid(s), step_addr(s));
			same = c->exact ? hit == naive_lookup(&model, s)
					: !hit || naive_lookup(&model, s);
		} else {
			for (size_t k = 0; k < model.n; k++)
				if (naive_named(&model.entries[k], s))
					model.entries[k].live = false;
			do_inval(tlbs, s);
		}
	}
	s2_tlbs_destroy(tlbs);
	return same;
}

static void print(void *arg, const struct s2_step *s)
{
	static const char *const names[] = {"fill",	"lookup",    "inval_vmid",
					    "inval_va", "inval_all", "inval_ipa"};

	(void)arg;
	print_error("%s cpu %u kind %u vmid %u addr %#" PRIx64 " c %" PRIu64 "\n", names[s->op],
		    step_cpu(s), step_kind(s), step_vmid(s), step_addr(s), s->c);
}

static void check_case(struct tlb_case c, const char *name)
{
	const struct s2_property property = {
		.name = name,
		.n_ops = N_OPS,
		.max_a = 16,
		.max_b = 8,
		.max_c = 16,
		.steps = 48,
		.programs = 4000,
		.run = run,
		.print = print,
		.arg = &c,
	};

	s2_property_check(&property, 1);
}

static void test_a_large_tlb_is_the_list_of_its_fills(void **state)
{
	const struct tlb_case c = {1, 64, true};

	(void)state;
	check_case(c, "one set of 64");
}

static void test_a_small_tlb_holds_no_more_than_the_list(void **state)
{
	const struct tlb_case c = {2, 2, false};

	(void)state;
	check_case(c, "two sets of two");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(test_sizes_are_checked),
		s2_unit_test(test_an_entry_answers_for_all_that_it_covers),
		s2_unit_test(test_by_ipa_takes_the_whole_entry),
		s2_unit_test(test_a_hint_names_leaves_of_its_level_only),
		s2_unit_test(test_a_hint_leaves_walk_entries_of_the_same_size),
		s2_unit_test(test_lru_keeps_what_was_used),
		s2_unit_test(test_a_large_tlb_is_the_list_of_its_fills),
		s2_unit_test(test_a_small_tlb_holds_no_more_than_the_list),
	};

	return cmocka_run_group_tests_name("machine/tlb_finite", tests, NULL, NULL);
}
