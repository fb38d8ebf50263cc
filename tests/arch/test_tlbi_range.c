/* SPDX-License-Identifier: MIT */
/*
 * How a range is split into operations: each page once, in order.  The split is
 * replayed through a decoder of the test's own, so that an encoder and a
 * decoder that are wrong in the same way do not agree unnoticed.
 */
#include "arch/tlbi_fixture.h"

/* --- range decomposition: replay ---------------------------------------- */

/* Follows a decomposition; the first thing that is wrong is kept, not asserted. */
struct replay {
	const struct s2_tlbi_format *fmt;
	enum s2_range_order order;
	uint64_t cursor; /* where the next operation must start */
	int level;	 /* hint that each must carry */
	int count;
	int singles_after; /* single pages since the last range operation */
	int last_scale;	   /* -1 before the first range operation */
	const char *wrong;
	uint64_t wrong_operand;
};

static void wrong(struct replay *r, const char *what, uint64_t operand)
{
	if (r->wrong)
		return;
	r->wrong = what;
	r->wrong_operand = operand;
}

static uint64_t granule_code(const struct s2_tlbi_format *fmt)
{
	return fmt->page_shift == 12 ? 1 : fmt->page_shift == 14 ? 2 : 3;
}

static void replay_single(struct replay *r, uint64_t op)
{
	const bool hint = r->fmt->ttl && r->level >= 0 && r->level <= 3;
	const uint64_t ttl = hint ? granule_code(r->fmt) << 2 | (uint64_t)r->level : 0;

	if ((op & ((UINT64_C(1) << 44) - 1)) << 12 != r->cursor)
		wrong(r, "single: not where the last one ended", op);
	if (op >> 44 != ttl)
		wrong(r, "single: TTL", op);
	if (r->order == S2_RANGE_ASCENDING && r->fmt->tlbirange && r->last_scale >= 0)
		wrong(r, "single after a range, ascending", op);
	r->cursor += UINT64_C(1) << r->fmt->page_shift;
	r->singles_after++;
}

static void replay_range(struct replay *r, uint64_t op)
{
	const unsigned unit = r->fmt->lpa2 ? 16 : r->fmt->page_shift;
	const int scale = (int)(op >> 44 & 3);
	const uint64_t num = op >> 39 & 31;
	const uint64_t ttl = r->level >= 1 && r->level <= 3 ? (uint64_t)r->level : 0;

	if ((op & ((UINT64_C(1) << 37) - 1)) << unit != r->cursor)
		wrong(r, "range: not where the last one ended", op);
	if (op >> 46 != granule_code(r->fmt))
		wrong(r, "range: TG, or bits above it", op);
	if ((op >> 37 & 3) != ttl)
		wrong(r, "range: TTL", op);
	if (!r->fmt->tlbirange)
		wrong(r, "range without FEAT_TLBIRANGE", op);
	if (r->last_scale >= 0 && r->order == S2_RANGE_ASCENDING && scale <= r->last_scale)
		wrong(r, "range: scale does not rise", op);
	if (r->last_scale >= 0 && r->order == S2_RANGE_DESCENDING &&
	    (scale >= r->last_scale || r->singles_after))
		wrong(r, "range: scale does not fall, or follows the odd page", op);
	r->cursor += ((num + 1) << (5 * scale + 1)) << r->fmt->page_shift;
	r->last_scale = scale;
	r->singles_after = 0;
}

static void replay_op(void *arg, const struct s2_tlbi_op *op)
{
	struct replay *r = arg;

	if (op->range)
		replay_range(r, op->operand);
	else
		replay_single(r, op->operand);
	r->count++;
}

/*
 * Operations that a range needs: pages up to a 64 KiB boundary with LPA2, then
 * one for each five-bit digit of the rest that is not zero (the top one may be
 * 32), and one for an odd page.
 */
static int expected_count(const struct s2_tlbi_format *fmt, uint64_t start, uint64_t pages)
{
	uint64_t lead = 0, rest;

	if (!fmt->tlbirange)
		return (int)pages;
	if (fmt->lpa2)
		lead = ((0 - start) & 0xffff) >> fmt->page_shift;
	if (lead > pages)
		lead = pages;
	rest = pages - lead;
	return (int)lead + (int)(rest & 1) + ((rest >> 1 & 31) != 0) + ((rest >> 6 & 31) != 0) +
	       ((rest >> 11 & 31) != 0) + (rest >> 16 != 0);
}

/* Decomposes, replays and fails with all there is to know; @return the count. */
static int check_split(const struct s2_tlbi_format *fmt, enum s2_range_order order, uint64_t start,
		       uint64_t pages, int level)
{
	struct replay r = {fmt, order, start, level, 0, 0, -1, NULL, 0};
	const int count =
		s2_tlbi_range_decompose(fmt, order, s2_ipa(start), pages, level, replay_op, &r);

	if (r.wrong == NULL && r.cursor != start + (pages << fmt->page_shift))
		wrong(&r, "covers too little or too much", r.cursor);
	if (r.wrong == NULL && (count != r.count || count != expected_count(fmt, start, pages)))
		wrong(&r, "count", (uint64_t)count);
	if (r.wrong == NULL)
		return count;
	fail_msg("2^%d ttl %d lpa2 %d range %d %s, start 0x%" PRIx64 ", %" PRIu64
		 " pages, level %d: %s, operand 0x%" PRIx64 ", count %d",
		 fmt->page_shift, fmt->ttl, fmt->lpa2, fmt->tlbirange,
		 order == S2_RANGE_ASCENDING ? "ascending" : "descending", start, pages, level,
		 r.wrong, r.wrong_operand, count);
	return -1;
}

/* --- range decomposition: known counts ---------------------------------- */

static void known_sizes_take_the_known_number_of_operations(void **state)
{
	/* facts/stage2-tlb-cache.md 3.3, and measured-on-real-kvm.md rule 4. */
	static const struct {
		uint64_t pages;
		int ops;
	} known[] = {
		{1, 1},	  {2, 1},   {3, 2},    {64, 1},	    {100, 2},		{127, 3},
		{512, 1}, {513, 2}, {2048, 1}, {262144, 1}, {(1 << 20) - 1, 5}, {PAGES_MAX - 1, 5},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		s2_test_row("%" PRIu64 " pages", known[i].pages);
		for (int order = S2_RANGE_DESCENDING; order <= S2_RANGE_ASCENDING; order++)
			assert_i64(check_split(&fmt4, (enum s2_range_order)order, 0x5000,
					       known[i].pages, S2_TTL_UNKNOWN),
				   known[i].ops);
	}
	assert_i64(check_split(&fmt4, S2_RANGE_DESCENDING, 0, PAGES_MAX, S2_TTL_UNKNOWN), 1);
}

/* Measured: 3 pages from page 1 are 3 operations with LPA2, 1 + 1 without. */
static void with_lpa2_pages_go_one_by_one_to_a_64k_boundary(void **state)
{
	(void)state;
	assert_i64(check_split(&fmt4_lpa2, S2_RANGE_DESCENDING, 0x1000, 3, S2_TTL_UNKNOWN), 3);
	assert_i64(check_split(&fmt4, S2_RANGE_DESCENDING, 0x1000, 3, S2_TTL_UNKNOWN), 2);
	assert_i64(check_split(&fmt4_lpa2, S2_RANGE_DESCENDING, 0x10000, 3, S2_TTL_UNKNOWN), 2);
	assert_i64(check_split(&fmt4_lpa2, S2_RANGE_DESCENDING, 0x1000, 17, S2_TTL_UNKNOWN), 16);
	assert_i64(check_split(&fmt16_lpa2, S2_RANGE_DESCENDING, 0x4000, 5, S2_TTL_UNKNOWN), 4);
}

struct recorder {
	struct s2_tlbi_op ops[S2_TLBI_RANGE_MAX_OPS];
	size_t n;
};

static void record_op(void *arg, const struct s2_tlbi_op *op)
{
	struct recorder *rec = arg;

	assert_true(rec->n < ARRAY_SIZE(rec->ops));
	rec->ops[rec->n++] = *op;
}

/* 2115 = 1 + 1 * 2^1 + 1 * 2^6 + 1 * 2^11 pages from page 16: the whole sequence. */
static void both_orders_are_those_worked_out_by_hand(void **state)
{
	static const struct s2_tlbi_op descending[] = {
		{true, UINT64_C(0x600000000010)}, /* scale 2, NUM 0 */
		{true, UINT64_C(0x500000000810)}, /* scale 1 */
		{true, UINT64_C(0x400000000850)}, /* scale 0 */
		{false, 0x852},
	};
	static const struct s2_tlbi_op ascending[] = {
		{false, 0x10},
		{true, UINT64_C(0x400000000011)},
		{true, UINT64_C(0x500000000013)},
		{true, UINT64_C(0x600000000053)},
	};
	struct recorder rec = {.n = 0};

	(void)state;
	assert_i64(s2_tlbi_range_decompose(&fmt4, S2_RANGE_DESCENDING, s2_ipa(0x10000), 2115,
					   S2_TTL_UNKNOWN, record_op, &rec),
		   4);
	for (size_t i = 0; i < ARRAY_SIZE(descending); i++) {
		assert_u64(rec.ops[i].range, descending[i].range);
		assert_u64(rec.ops[i].operand, descending[i].operand);
	}
	rec.n = 0;
	assert_i64(s2_tlbi_range_decompose(&fmt4, S2_RANGE_ASCENDING, s2_ipa(0x10000), 2115,
					   S2_TTL_UNKNOWN, record_op, &rec),
		   4);
	for (size_t i = 0; i < ARRAY_SIZE(ascending); i++) {
		assert_u64(rec.ops[i].range, ascending[i].range);
		assert_u64(rec.ops[i].operand, ascending[i].operand);
	}
}

static void without_tlbirange_each_page_is_an_operation(void **state)
{
	(void)state;
	for (uint64_t pages = 1; pages <= 130; pages++) {
		(void)check_split(&fmt4_no_range, S2_RANGE_DESCENDING, 0x3000, pages, 3);
		(void)check_split(&fmt4_no_range, S2_RANGE_ASCENDING, 0x3000, pages, 3);
	}
	assert_i64(check_split(&fmt4_no_range, S2_RANGE_DESCENDING, 0, PAGES_MAX, 3), 1 << 21);
}

static void every_operation_carries_the_hint(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		for (int level = -1; level <= 4; level++)
			(void)check_split(formats[i], S2_RANGE_DESCENDING, 0x7f0000, 2115, level);
	(void)check_split(&fmt4_no_ttl, S2_RANGE_DESCENDING, 0, 2115, 3);
	(void)check_split(&fmt4, S2_RANGE_ASCENDING, 0, 2115, 2);
}

static void without_a_callback_operations_are_only_counted(void **state)
{
	(void)state;
	assert_i64(s2_tlbi_range_decompose(&fmt4, S2_RANGE_DESCENDING, s2_ipa(0), 127,
					   S2_TTL_UNKNOWN, NULL, NULL),
		   3);
}

/* --- range decomposition: every size ------------------------------------ */

struct split_case {
	const struct s2_tlbi_format *fmt;
	enum s2_range_order order;
	int max_ops;
};

static const struct split_case split_cases[] = {
	{&fmt4, S2_RANGE_DESCENDING, 5},       {&fmt4, S2_RANGE_ASCENDING, 5},
	{&fmt16, S2_RANGE_DESCENDING, 5},      {&fmt16, S2_RANGE_ASCENDING, 5},
	{&fmt64, S2_RANGE_DESCENDING, 5},      {&fmt64, S2_RANGE_ASCENDING, 5},
	{&fmt4_lpa2, S2_RANGE_DESCENDING, 20}, {&fmt16_lpa2, S2_RANGE_DESCENDING, 8},
};

static uint64_t max_pages(const struct split_case *c)
{
	return c->order == S2_RANGE_ASCENDING ? PAGES_MAX - 1 : PAGES_MAX;
}

static uint64_t ipa_end(const struct s2_tlbi_format *fmt)
{
	return UINT64_C(1) << (fmt->lpa2 || fmt->page_shift == 16 ? 52 : 48);
}

static void every_size_to_2_16_is_covered_once_and_in_order(void **state)
{
	/* In pages; with LPA2 all but the first are away from a 64 KiB boundary. */
	static const uint64_t starts[] = {0, 1, 15, 0x7ffffff};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(split_cases); i++) {
		const struct split_case *c = &split_cases[i];

		for (size_t s = 0; s < ARRAY_SIZE(starts); s++)
			for (uint64_t pages = 1; pages <= 1 << 16; pages++)
				(void)check_split(c->fmt, c->order, starts[s] << c->fmt->page_shift,
						  pages, S2_TTL_UNKNOWN);
	}
}

/* Sizes around each multiple of each scale's unit, from both ends of the IPA space. */
static void check_edge(const struct split_case *c, uint64_t pages)
{
	const uint64_t end = ipa_end(c->fmt);

	if (pages == 0 || pages > max_pages(c))
		return;
	(void)check_split(c->fmt, c->order, 0, pages, S2_TTL_UNKNOWN);
	(void)check_split(c->fmt, c->order, UINT64_C(7) << c->fmt->page_shift, pages, 3);
	(void)check_split(c->fmt, c->order, end - (pages << c->fmt->page_shift), pages,
			  S2_TTL_UNKNOWN);
}

static void sizes_around_each_scale_are_covered_once_and_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(split_cases); i++)
		for (unsigned scale = 0; scale < 4; scale++)
			for (uint64_t units = 1; units <= 33; units++)
				for (uint64_t delta = 0; delta <= 6; delta++)
					check_edge(&split_cases[i],
						   (units << (5 * scale + 1)) + delta - 3);
}

static void random_sizes_to_2_21_are_covered_once_and_in_order(void **state)
{
	struct s2_test_rng rng = {6};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(split_cases); i++) {
		const struct split_case *c = &split_cases[i];
		const uint64_t space = (ipa_end(c->fmt) >> c->fmt->page_shift) - PAGES_MAX;

		for (int n = 0; n < 100000; n++) {
			const uint64_t start = s2_test_rng_below(&rng, space);
			const uint64_t pages = 1 + s2_test_rng_below(&rng, max_pages(c));

			(void)check_split(c->fmt, c->order, start << c->fmt->page_shift, pages,
					  (int)(n % 8) - 1);
		}
	}
}

/* The bound is reached, and nothing passes it. */
static void no_range_takes_more_operations_than_documented(void **state)
{
	struct s2_test_rng rng = {7};

	(void)state;
	assert_i64(S2_TLBI_RANGE_MAX_OPS, 20);
	for (size_t i = 0; i < ARRAY_SIZE(split_cases); i++) {
		const struct split_case *c = &split_cases[i];
		/* All digits not zero, an odd page, and one page past a boundary. */
		const uint64_t lead = c->fmt->lpa2 ? (16U >> (c->fmt->page_shift - 12)) - 1U : 0;
		int most = check_split(c->fmt, c->order, UINT64_C(1) << c->fmt->page_shift,
				       lead + (1 << 20) - 1, S2_TTL_UNKNOWN);

		for (int n = 0; n < 20000; n++) {
			const int count = check_split(
				c->fmt, c->order,
				s2_test_rng_below(&rng, 4096) << c->fmt->page_shift,
				1 + s2_test_rng_below(&rng, max_pages(c)), S2_TTL_UNKNOWN);

			most = count > most ? count : most;
		}
		name_format(c->fmt, "order", c->order);
		assert_i64(most, c->max_ops);
	}
}

/* --- range decomposition: refusals -------------------------------------- */

static void must_not_emit(void *arg, const struct s2_tlbi_op *op)
{
	(void)arg;
	(void)op;
	fail_msg("an operation was emitted although the range was refused");
}

static void refused(const struct s2_tlbi_format *fmt, enum s2_range_order order, uint64_t start,
		    uint64_t pages, int err)
{
	name_format(fmt, "pages", pages);
	assert_i64(s2_tlbi_range_decompose(fmt, order, s2_ipa(start), pages, S2_TTL_UNKNOWN,
					   must_not_emit, NULL),
		   err);
}

static void impossible_ranges_are_refused_and_emit_nothing(void **state)
{
	(void)state;
	refused(&fmt4, S2_RANGE_DESCENDING, 0, 0, -EINVAL);
	refused(&fmt4, S2_RANGE_ASCENDING, 0, 0, -EINVAL);
	refused(&fmt4, S2_RANGE_DESCENDING, 0x800, 1, -EINVAL);
	refused(&fmt16, S2_RANGE_DESCENDING, 0x1000, 1, -EINVAL);
	refused(&fmt64, S2_RANGE_ASCENDING, 0x4000, 1, -EINVAL);
	refused(&fmt4_lpa2, S2_RANGE_ASCENDING, 0, 1, -EINVAL);
	refused(&fmt4, S2_RANGE_DESCENDING, 0, PAGES_MAX + 1, -ERANGE);
	refused(&fmt4, S2_RANGE_ASCENDING, 0, PAGES_MAX, -ERANGE);
	refused(&fmt4_no_range, S2_RANGE_DESCENDING, 0, PAGES_MAX + 1, -ERANGE);
	refused(&fmt4, S2_RANGE_DESCENDING, 0, ~UINT64_C(0), -ERANGE);
}

static void ranges_past_the_ipa_space_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct s2_tlbi_format *fmt = formats[i];
		const uint64_t end = ipa_end(fmt);
		const uint64_t page = UINT64_C(1) << fmt->page_shift;

		refused(fmt, S2_RANGE_DESCENDING, end, 1, -ERANGE);
		refused(fmt, S2_RANGE_DESCENDING, end - page, 2, -ERANGE);
		refused(fmt, S2_RANGE_DESCENDING, 0 - page, 1, -ERANGE);
		refused(fmt, S2_RANGE_DESCENDING, 0 - page, 2, -ERANGE);
		assert_i64(check_split(fmt, S2_RANGE_DESCENDING, end - page, 1, 3), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(known_sizes_take_the_known_number_of_operations),
		s2_unit_test(with_lpa2_pages_go_one_by_one_to_a_64k_boundary),
		s2_unit_test(both_orders_are_those_worked_out_by_hand),
		s2_unit_test(without_tlbirange_each_page_is_an_operation),
		s2_unit_test(every_operation_carries_the_hint),
		s2_unit_test(without_a_callback_operations_are_only_counted),
		s2_unit_test(every_size_to_2_16_is_covered_once_and_in_order),
		s2_unit_test(sizes_around_each_scale_are_covered_once_and_in_order),
		s2_unit_test(random_sizes_to_2_21_are_covered_once_and_in_order),
		s2_unit_test(no_range_takes_more_operations_than_documented),
		s2_unit_test(impossible_ranges_are_refused_and_emit_nothing),
		s2_unit_test(ranges_past_the_ipa_space_are_refused),
	};

	return cmocka_run_group_tests_name("tlbi_range", tests, NULL, NULL);
}
