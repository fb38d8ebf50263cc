/* SPDX-License-Identifier: MIT */
/* The TLBIs of an address and of a range: operands, hints, how many, and what is refused. */
#include "hyp/stage2/tlbflush_rig.h"

static void hints_are_given_with_ttl_only_and_ipas_count_4k(void **state)
{
	static const struct {
		const char *spec;
		uint64_t ipa;
		int level;
		uint64_t operand; /* TG and level in 47:44 */
	} rows[] = {
		{"max", 0x40001000, 3, 0x700000040001},
		{"max", 0x40200000, 2, 0x600000040200},
		{"max", 0x80000000, 1, 0x500000080000},
		{"max", 0x40001000, S2_TTL_UNKNOWN, 0x40001},
		{"cortex-a55", 0x40001000, 3, 0x40001},
		{"max,granule=16k", 0x40004000, 3, 0xb00000040004},
		{"max,granule=64k", 0x40010000, 3, 0xf00000040010},
		{"max,granule=64k", 0x40000000, 2, 0xe00000040000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig r;

		rig_up(&r, rows[i].spec, "kvm-6.12", 40);
		s2_test_row("%s, level %d", rows[i].spec, rows[i].level);
		s2_flush_vmid_ipa(r.mmu, r.cpu, s2_ipa(rows[i].ipa), rows[i].level);
		assert_u64(r.w.ipa[0], rows[i].operand);
		assert_i64(r.calls[0].level, rows[i].level);
		rig_down(&r);
	}
}

/* Facts 3.3: how many operations a range needs. */
static void ranges_take_as_many_tlbis_as_the_facts_say(void **state)
{
	static const struct {
		const char *spec;
		uint64_t first, pages;
		unsigned ripa, ipa;
	} rows[] = {
		{"neoverse-n2", 0, 1, 0, 1},
		{"neoverse-n2", 0, 2, 1, 0},
		{"neoverse-n2", 0, 3, 1, 1},
		{"neoverse-n2", 0, 64, 1, 0},
		{"neoverse-n2", 0, 100, 2, 0},
		{"neoverse-n2", 0, 127, 2, 1},
		{"neoverse-n2", 0, 512, 1, 0},
		{"neoverse-n2", 0, 513, 1, 1},
		{"neoverse-n2", 0, 262144, 1, 0},
		{"neoverse-n2", 0, (1 << 20) - 1, 4, 1},
		{"neoverse-n2", 0, (1 << 21) - 1, 4, 1},
		{"neoverse-n2", 0, 1 << 21, 1, 0},
		{"neoverse-n2", 1, 3, 1, 1},
		/* LPA2: page by page to a 64 KiB boundary. */
		{"max", 1, 3, 0, 3},
		{"max", 0, 3, 1, 1},
		{"max", 1, (1 << 21) - 1, 4, 15},
		{"max", 1, (1 << 21) - 2, 4, 16}, /* the most: 20 */
		{"max", 15, 17, 1, 1},
		{"max,granule=16k", 1, 5, 1, 3},
		{"max,granule=64k", 1, 3, 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig r;
		uint64_t page;

		rig_up(&r, rows[i].spec, "kvm-6.12", 40);
		page = s2_page_size(s2_mmu_geometry(r.mmu));
		s2_test_row("%s, %d pages from page %d", rows[i].spec, (int)rows[i].pages,
			    (int)rows[i].first);
		assert_i64(
			s2_flush_vmid_range(r.mmu, r.cpu,
					    s2_range(rows[i].first * page, rows[i].pages * page)),
			0);
		assert_u64(r.n_calls, 1);
		assert_u64(r.w.n_ripa, rows[i].ripa);
		assert_u64(r.w.n_ipa, rows[i].ipa);
		rig_down(&r);
	}
}

/* A range of n operations, the VMALLE1IS among them: n TLBIs and n DSBs more, or 1 and 1. */
static void a_repeated_range_doubles_its_tlbis_or_adds_one(void **state)
{
	static const char *const flavours[] = {"kvm-6.12", "kvm-6.12,repeat=each"};
	/* Pages, and operations: one for each digit, a last odd page, the VMALLE1IS. */
	static const uint64_t rows[][2] = {{1, 2}, {3, 3}, {127, 4}, {(1 << 21) - 1, 6}};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		const bool each = i % 2;
		const uint64_t n = rows[i / 2][1], more = each ? n : 1;
		struct s2_counts plain, c;
		struct rig r;

		s2_test_row("%s, %d pages", flavours[i % 2], (int)rows[i / 2][0]);
		for (int erratum = 0; erratum < 2; erratum++) {
			rig_up(&r, erratum ? "neoverse-n2" : "neoverse-n2,-repeat_tlbi",
			       flavours[i % 2], 40);
			assert_i64(
				s2_flush_vmid_range(r.mmu, r.cpu,
						    s2_range(0, rows[i / 2][0] * PAGE)),
				0);
			plain = erratum ? plain : s2_machine_counts(r.m);
			c = s2_machine_counts(r.m);
			rig_down(&r);
		}
		assert_u64(plain.n[S2_OP_TLBI_RIPAS2E1IS] + plain.n[S2_OP_TLBI_IPAS2E1IS] +
				   plain.n[S2_OP_TLBI_VMALLE1IS],
			   n);
		assert_u64(c.n[S2_OP_TLBI_RIPAS2E1IS] + c.n[S2_OP_TLBI_IPAS2E1IS] +
				   c.n[S2_OP_TLBI_VMALLE1IS] + c.n[S2_OP_TLBI_VALE2IS],
			   n + more);
		assert_u64(c.n[S2_OP_TLBI_VALE2IS], !each);
		assert_u64(c.n[S2_OP_DSB_ISH], plain.n[S2_OP_DSB_ISH] + more);
		/* Every one of them is broadcast to the three other CPUs. */
		assert_u64(c.n[S2_OP_DVM_BROADCAST], 3 * (n + more));
	}
}

static void ranges_over_2_to_21_pages_are_whole_calls_each(void **state)
{
	static const struct {
		const char *spec;
		uint64_t size;
		unsigned calls;
	} rows[] = {
		{"neoverse-n2", 8 * GIB, 1},	  {"neoverse-n2", 8 * GIB + PAGE, 2},
		{"neoverse-n2", 64 * GIB, 8},	  {"max", 64 * GIB, 8},
		{"max,granule=16k", 64 * GIB, 2}, {"max,granule=64k", 512 * GIB, 4},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t next = 0, left = rows[i].size, page;
		struct s2_counts c;
		struct rig r;

		rig_up(&r, rows[i].spec, "kvm-6.12", 40);
		page = s2_page_size(s2_mmu_geometry(r.mmu));
		s2_test_row("%s, 0x%" PRIx64 " bytes", rows[i].spec, rows[i].size);
		assert_i64(s2_flush_vmid_range(r.mmu, r.cpu, s2_range(0, rows[i].size)), 0);
		assert_u64(r.n_calls, rows[i].calls);
		c = s2_machine_counts(r.m);
		assert_u64(c.n[S2_OP_TLBI_VMALLE1IS], rows[i].calls);
		assert_u64(c.n[S2_OP_VMID_SWITCH], rows[i].calls);
		assert_u64(c.n[S2_OP_DSB_ISHST], rows[i].calls);
		for (size_t k = 0; k < r.n_calls; k++) {
			assert_u64(r.calls[k].kind, S2_FLUSH_VMID_RANGE);
			assert_u64(r.calls[k].ipa.v, next);
			assert_u64(r.calls[k].pages, left / page > 1 << 21 ? 1 << 21 : left / page);
			/* A whole chunk is one operation. */
			if (r.calls[k].pages == 1 << 21) {
				struct s2_tlbi_span span;

				assert_i64(s2_tlbi_range_decode(&r.mmu->tlbi, r.w.ripa[k], &span),
					   0);
				assert_u64(span.start.v, next);
				assert_u64(span.size, r.calls[k].pages * page);
			}
			next += r.calls[k].pages * page;
			left -= r.calls[k].pages * page;
		}
		assert_u64(left, 0);
		rig_down(&r);
	}
}

static void a_range_that_is_none_is_refused_and_nothing_is_issued(void **state)
{
	static const struct {
		uint64_t start, size;
		int error;
	} rows[] = {
		{0, 0, -EINVAL},
		{1, PAGE, -EINVAL},
		{0, PAGE + 1, -EINVAL},
		{UINT64_C(1) << 40, PAGE, -ERANGE},
		{PAGE, UINT64_C(1) << 40, -ERANGE},
		{0, UINT64_MAX - PAGE + 1, -ERANGE},
	};
	static const char *const specs[] = {"max", "cortex-a72"};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		struct rig r;

		rig_up(&r, specs[i % 2], "kvm-6.12", 40);
		s2_test_row("%s, row %zu", specs[i % 2], i / 2);
		assert_i64(s2_flush_vmid_range(r.mmu, r.cpu,
					       s2_range(rows[i / 2].start, rows[i / 2].size)),
			   rows[i / 2].error);
		assert_string_equal(r.w.s, "");
		rig_down(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(hints_are_given_with_ttl_only_and_ipas_count_4k),
		s2_unit_test(ranges_take_as_many_tlbis_as_the_facts_say),
		s2_unit_test(a_repeated_range_doubles_its_tlbis_or_adds_one),
		s2_unit_test(ranges_over_2_to_21_pages_are_whole_calls_each),
		s2_unit_test(a_range_that_is_none_is_refused_and_nothing_is_issued),
	};

	return cmocka_run_group_tests_name("tlbflush_range", tests, NULL, NULL);
}
