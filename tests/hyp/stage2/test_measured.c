/* SPDX-License-Identifier: MIT */
/*
 * The rules that counting on real KVM hosts gave, as far as page tables and
 * flushes alone decide them; each test has its rule's number.  A flush by IPA
 * is two TLBIs and three DSBs, a flush of the VMID one and two.
 */
#include "support.h"

#include <string.h>

#include <stage2sim/pgtable.h>

#define PAGE	 UINT64_C(0x1000)
#define MIB	 UINT64_C(0x100000)
#define BLOCK	 (2 * MIB)
#define GIB	 UINT64_C(0x40000000)
#define BASE	 GIB
#define PA	 (4 * GIB)
#define LINES_4K 64 /* of 64 bytes */
#define R	 S2_PROT_R
#define RW	 (S2_PROT_R | S2_PROT_W)
#define FAULT	 S2_MAP_FAULT

struct host {
	struct s2_machine *m;
	struct s2_cpu *cpu;
	struct s2_mmu *mmu;
	struct s2_counts before;
};

static void boot(struct host *h, const char *spec, const char *kernel)
{
	struct s2_machine_config cfg = {.cpus = 4};
	struct s2_mmu_config mmu = {s2_flavour_find(kernel), S2_DEFAULT_IPA_BITS, {1}};

	s2_test_row("%s on %s", kernel, spec);
	memset(h, 0, sizeof(*h));
	assert_i64(s2_features_parse(spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &h->m), 0);
	assert_i64(s2_mmu_create(h->m, &mmu, &h->mmu), 0);
	h->cpu = s2_machine_cpu(h->m, 0);
}

static void halt(struct host *h)
{
	s2_mmu_free(h->mmu);
	s2_machine_destroy(h->m);
}

static void begin(struct host *h)
{
	h->before = s2_machine_counts(h->m);
}

static uint64_t did(const struct host *h, enum s2_op op)
{
	return s2_machine_counts(h->m).n[op] - h->before.n[op];
}

static uint64_t tlbis(const struct host *h)
{
	uint64_t n = 0;

	for (int op = S2_OP_TLBI_VMALLS12E1IS; op <= S2_OP_TLBI_ALLE1IS; op++)
		n += did(h, (enum s2_op)op);
	return n;
}

/* @n flushes by IPA, and no other. */
static void expect_ipa_flushes(const struct host *h, uint64_t n)
{
	assert_u64(did(h, S2_OP_TLBI_IPAS2E1IS), n);
	assert_u64(did(h, S2_OP_TLBI_VMALLE1IS), n);
	assert_u64(tlbis(h), 2 * n);
}

/* @n flushes of the VMID, and no other. */
static void expect_vmid_flushes(const struct host *h, uint64_t n)
{
	assert_u64(did(h, S2_OP_TLBI_VMALLS12E1IS), n);
	assert_u64(tlbis(h), n);
}

static int map(struct host *h, uint64_t offset, uint64_t size, unsigned prot)
{
	return s2_pgtable_map(h->mmu, h->cpu, s2_range(BASE + offset, size), s2_pa(PA + offset),
			      prot, NULL, FAULT);
}

/* Faults one page at a time. */
static void fault_in(struct host *h, uint64_t offset, uint64_t n, uint64_t stride, unsigned prot)
{
	for (uint64_t i = 0; i < n; i++)
		assert_i64(map(h, offset + i * stride, PAGE, prot), 0);
}

static int unmap(struct host *h, uint64_t offset, uint64_t size)
{
	return s2_pgtable_unmap(h->mmu, h->cpu, s2_range(BASE + offset, size));
}

/* Rule 1. */
static void r1_map_cleans_each_line_without_fwb_and_never_flushes(void **state)
{
	static const struct {
		const char *spec, *kernel;
		uint64_t size, lines;
	} rows[] = {
		{"cortex-a55", "kvm-6.1", PAGE, 64},
		{"cortex-a55", "kvm-6.12", PAGE, 64},
		{"cortex-a72", "kvm-6.12", PAGE, 64},
		{"cortex-a55", "kvm-6.12", BLOCK, 32768},
		{"cortex-a72", "kvm-6.1", BLOCK, 32768},
		{"neoverse-n1", "kvm-7.2", GIB, 16777216},
		{"max", "kvm-6.12", PAGE, 0},
		{"max", "kvm-6.1", BLOCK, 0},
		{"neoverse-v1", "kvm-6.12", GIB, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct host h;

		boot(&h, rows[i].spec, rows[i].kernel);
		assert_i64(map(&h, 0, rows[i].size, RW), 0);
		assert_u64(did(&h, S2_OP_DC_CIVAC), rows[i].lines);
		assert_u64(did(&h, S2_OP_DSB_SY), rows[i].lines ? 1 : 0);
		assert_u64(did(&h, S2_OP_DSB_ISHST), 1);
		assert_u64(tlbis(&h), 0);
		halt(&h);
	}
}

static const struct {
	const char *spec, *kernel;
	bool fwb;
} not_deferred[] = {
	{"cortex-a55", "kvm-6.1", false}, {"cortex-a55", "kvm-6.12", false},
	{"neoverse-v1", "kvm-6.1", true}, {"neoverse-v1", "kvm-6.12", true},
	{"max", "kvm-6.1", true},	  {"cortex-a72", "kvm-7.2", false},
	{"max,-fwb", "kvm-6.12", false},  {"max,-tlbirange", "kvm-7.2", true},
};

/* Rule 2. */
static void r2_unmap_flushes_each_leaf_and_each_table_that_is_freed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(not_deferred); i++) {
		const uint64_t lines = not_deferred[i].fwb ? 0 : LINES_4K;
		struct host h;

		boot(&h, not_deferred[i].spec, not_deferred[i].kernel);
		/* Another page keeps the level-2 table: 512 leaves and their table. */
		fault_in(&h, 16 * MIB, 1, PAGE, RW);
		fault_in(&h, 0, 512, PAGE, RW);
		begin(&h);
		assert_i64(unmap(&h, 0, BLOCK), 0);
		expect_ipa_flushes(&h, 513);
		assert_u64(did(&h, S2_OP_DC_CIVAC), 512 * lines);
		/* One page a GiB: the page, its level-3 table, its level-2 table. */
		fault_in(&h, 4 * GIB, 16, GIB, RW);
		begin(&h);
		for (uint64_t g = 0; g < 16; g++)
			assert_i64(unmap(&h, (4 + g) * GIB, GIB), 0);
		expect_ipa_flushes(&h, 48);
		assert_u64(did(&h, S2_OP_DC_CIVAC), 16 * lines);
		assert_u64(did(&h, S2_OP_TABLE_FREE), 32);
		/* Nothing mapped: nothing. */
		begin(&h);
		assert_i64(unmap(&h, 0, 16 * MIB), 0);
		expect_ipa_flushes(&h, 0);
		assert_u64(did(&h, S2_OP_DC_CIVAC), 0);
		halt(&h);
	}
}

/* Rule 3. */
static void r3_deferred_unmap_is_one_range_a_call_and_one_flush_a_table(void **state)
{
	static const char *const specs[] = {"max", "neoverse-n2", "max,-vhe"};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(specs); i++) {
		struct host h;

		boot(&h, specs[i / 2], i % 2 ? "kvm-6.12" : "kvm-7.2");
		fault_in(&h, 16 * MIB, 1, PAGE, RW);
		fault_in(&h, 0, 512, PAGE, RW);
		begin(&h);
		assert_i64(unmap(&h, 0, BLOCK), 0);
		/* 512 pages are one range operation; the freed table by IPA. */
		assert_u64(did(&h, S2_OP_TLBI_RIPAS2E1IS), 1);
		assert_u64(did(&h, S2_OP_TLBI_IPAS2E1IS), 1);
		assert_u64(did(&h, S2_OP_TLBI_VMALLE1IS), 2);
		begin(&h);
		assert_i64(unmap(&h, 0, BLOCK), 0);
		assert_u64(did(&h, S2_OP_TLBI_RIPAS2E1IS), 1);
		assert_u64(tlbis(&h), 2);
		/* A sparse 64 GiB, cut at each GiB: 64 ranges, two tables for each page. */
		fault_in(&h, 64 * GIB, 8, 8 * GIB, RW);
		begin(&h);
		for (uint64_t g = 0; g < 64; g++)
			assert_i64(unmap(&h, (64 + g) * GIB, GIB), 0);
		assert_u64(did(&h, S2_OP_TLBI_RIPAS2E1IS), 64);
		assert_u64(did(&h, S2_OP_TLBI_IPAS2E1IS), 16);
		assert_u64(did(&h, S2_OP_TLBI_VMALLE1IS), 64 + 2 * 8);
		assert_u64(did(&h, S2_OP_DC_CIVAC), 0);
		halt(&h);
	}
}

/* Rule 4; the encodings themselves are tested with the flush calls. */
static void r4_a_range_flush_has_one_vmalle1is_whatever_its_operations(void **state)
{
	static const struct {
		const char *spec;
		uint64_t first, pages, ranges, singles;
	} rows[] = {
		{"neoverse-n2", 0, 1, 0, 1},   {"neoverse-n2", 0, 64, 1, 0},
		{"neoverse-n2", 0, 100, 2, 0}, {"neoverse-n2", 1, 3, 1, 1},
		{"max", 1, 3, 0, 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct host h;

		boot(&h, rows[i].spec, "kvm-6.12");
		assert_i64(s2_flush_vmid_range(
				   h.mmu, h.cpu,
				   s2_range(BASE + rows[i].first * PAGE, rows[i].pages * PAGE)),
			   0);
		assert_u64(did(&h, S2_OP_TLBI_RIPAS2E1IS), rows[i].ranges);
		assert_u64(did(&h, S2_OP_TLBI_IPAS2E1IS), rows[i].singles);
		assert_u64(did(&h, S2_OP_TLBI_VMALLE1IS), 1);
		halt(&h);
	}
}

static void wrprotect(struct host *h, uint64_t offset, uint64_t size)
{
	assert_i64(s2_pgtable_wrprotect(h->mmu, h->cpu, s2_range(BASE + offset, size)), 0);
}

/* Rule 5: write-protect the slot, then flush it. */
static void r5_enabling_the_dirty_log_flushes_the_slot_once(void **state)
{
	static const struct {
		const char *spec, *kernel;
		uint64_t vmids, ranges;
	} rows[] = {
		{"cortex-a55", "kvm-6.1", 1, 0},  {"max", "kvm-6.1", 1, 0},
		{"cortex-a72", "kvm-6.12", 1, 0}, {"neoverse-v1", "kvm-6.12", 1, 0},
		{"max", "kvm-6.12", 0, 3},	  {"neoverse-n2", "kvm-7.2", 0, 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct host h;

		boot(&h, rows[i].spec, rows[i].kernel);
		fault_in(&h, 0, 100, PAGE, RW);
		begin(&h);
		wrprotect(&h, 0, 20 * GIB);
		assert_u64(tlbis(&h), 0);
		assert_u64(did(&h, S2_OP_PTE_WRITE), 100);
		/* ceil(20 GiB / 8 GiB) */
		assert_i64(s2_flush_vmid_range(h.mmu, h.cpu, s2_range(BASE, 20 * GIB)), 0);
		assert_u64(did(&h, S2_OP_TLBI_VMALLS12E1IS), rows[i].vmids);
		assert_u64(did(&h, S2_OP_TLBI_RIPAS2E1IS), rows[i].ranges);
		assert_u64(did(&h, S2_OP_TLBI_VMALLE1IS), rows[i].ranges);
		assert_u64(did(&h, S2_OP_DC_CIVAC), 0);
		halt(&h);
	}
}

/* Rule 6: 64 clears of 64 pages in a slot of 64 GiB. */
static void r6_each_clear_flushes_the_whole_slot(void **state)
{
	static const char *const specs[] = {"max", "neoverse-v1"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct host h;

		boot(&h, specs[i], "kvm-6.12");
		fault_in(&h, 0, 4096, PAGE, RW);
		begin(&h);
		for (uint64_t c = 0; c < 64; c++) {
			wrprotect(&h, c * 64 * PAGE, 64 * PAGE);
			assert_i64(s2_flush_vmid_range(h.mmu, h.cpu, s2_range(BASE, 64 * GIB)), 0);
		}
		if (i == 0) {
			assert_u64(did(&h, S2_OP_TLBI_RIPAS2E1IS), 512);
			assert_u64(did(&h, S2_OP_TLBI_VMALLE1IS), 512);
		} else {
			expect_vmid_flushes(&h, 64);
		}
		halt(&h);
	}
}

/* Rule 7. */
static void r7_relaxing_a_page_flushes_it_everywhere_or_here(void **state)
{
	static const char *const specs[] = {"cortex-a55", "max", "cortex-a72", "neoverse-n2"};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(specs); i++) {
		struct host h;

		boot(&h, specs[i / 2], i % 2 ? "kvm-6.12" : "kvm-6.1");
		fault_in(&h, 0, 2, PAGE, R);
		begin(&h);
		assert_i64(s2_pgtable_relax_perms(h.mmu, h.cpu, s2_ipa(BASE), RW), 0);
		if (i % 2) {
			assert_u64(did(&h, S2_OP_TLBI_IPAS2E1), 1);
			assert_u64(did(&h, S2_OP_TLBI_VMALLE1), 1);
			assert_u64(tlbis(&h), 2);
			assert_u64(did(&h, S2_OP_DVM_BROADCAST), 0);
		} else {
			expect_ipa_flushes(&h, 1);
		}
		assert_u64(did(&h, S2_OP_DC_CIVAC), 0);
		halt(&h);
	}
}

/* Rule 8. */
static void r8_the_first_write_into_a_block_breaks_it_and_its_pages_fault_alone(void **state)
{
	static const char *const kernels[] = {"kvm-6.1", "kvm-6.12", "kvm-7.2"};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(kernels); i++) {
		const uint64_t lines = i % 2 ? 0 : LINES_4K;
		struct host h;

		boot(&h, i % 2 ? "max" : "cortex-a55", kernels[i / 2]);
		assert_i64(map(&h, 0, BLOCK, RW), 0);
		wrprotect(&h, 0, BLOCK);
		begin(&h);
		assert_i64(map(&h, 77 * PAGE, PAGE, RW), 0);
		expect_ipa_flushes(&h, 1);
		assert_u64(did(&h, S2_OP_DC_CIVAC), lines);
		begin(&h);
		fault_in(&h, 0, 77, PAGE, RW);
		fault_in(&h, 78 * PAGE, 434, PAGE, RW);
		expect_ipa_flushes(&h, 0);
		assert_u64(did(&h, S2_OP_DC_CIVAC), 511 * lines);
		halt(&h);
	}
}

/* Rule 9: the cache holds the tables of one chunk, and is filled up before each. */
static void r9_an_eager_split_flushes_once_a_block_and_cleans_nothing(void **state)
{
	static const struct {
		uint64_t mapped, chunk, flushes;
	} rows[] = {
		{BLOCK, BLOCK, 512},
		{BLOCK, GIB, 512},
		/* A block of 1 GiB: itself and its 512, or all in one. */
		{GIB, BLOCK, 513},
		{GIB, GIB, 1},
	};
	static const char *const specs[] = {"cortex-a55", "max", "cortex-a72"};

	(void)state;
	for (size_t i = 0; i < 3 * ARRAY_SIZE(rows); i++) {
		const uint64_t chunk = rows[i / 3].chunk;
		struct host h;

		boot(&h, specs[i % 3], i % 2 ? "kvm-6.12" : "kvm-7.2");
		for (uint64_t a = 0; a < GIB; a += rows[i / 3].mapped)
			assert_i64(map(&h, a, rows[i / 3].mapped, R), 0);
		begin(&h);
		for (uint64_t a = 0; a < GIB; a += chunk) {
			/* ceil(chunk / 1 GiB) + ceil(chunk / 2 MiB) */
			struct s2_memcache mc = {1 + chunk / BLOCK};

			assert_i64(s2_pgtable_split(h.mmu, h.cpu, s2_range(BASE + a, chunk), &mc),
				   0);
		}
		expect_ipa_flushes(&h, rows[i / 3].flushes);
		assert_u64(did(&h, S2_OP_DC_CIVAC), 0);
		halt(&h);
	}
}

/* Rule 13. */
static void r13_a_dying_vm_flushes_and_cleans_nothing(void **state)
{
	static const char *const specs[] = {"cortex-a55", "cortex-a72", "max"};
	static const char *const kernels[] = {"kvm-6.1", "kvm-6.12", "kvm-7.2"};

	(void)state;
	for (size_t i = 0; i < 9; i++) {
		struct host h;

		boot(&h, specs[i % 3], kernels[i / 3]);
		fault_in(&h, 0, 3000, PAGE, RW);
		assert_i64(map(&h, GIB, GIB, RW), 0);
		begin(&h);
		assert_i64(s2_pgtable_destroy(h.mmu, h.cpu), 0);
		assert_u64(tlbis(&h), 0);
		assert_u64(did(&h, S2_OP_DC_CIVAC), 0);
		/* ceil(3000 / 512) level-3 tables, one of level 2, a root of two pages. */
		assert_u64(did(&h, S2_OP_TABLE_FREE),
			   6 + 1 + s2_mmu_geometry(h.mmu)->root_pages +
				   (s2_mmu_geometry(h.mmu)->start_level == 0));
		halt(&h);
	}
}

/* Rule 15. */
static void r15_granting_x_costs_a_flush_and_the_icache_without_dic(void **state)
{
	static const struct {
		const char *spec;
		uint64_t ialluis, ivau;
	} rows[] = {{"cortex-a55", 1, 0}, {"cortex-a72", 0, 64}, {"max", 0, 0}};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		struct host h;

		boot(&h, rows[i / 2].spec, i % 2 ? "kvm-6.12" : "kvm-6.1");
		fault_in(&h, 0, 1, PAGE, RW);
		assert_u64(did(&h, S2_OP_IC_IALLUIS) + did(&h, S2_OP_IC_IVAU), 0);
		begin(&h);
		assert_i64(s2_pgtable_relax_perms(h.mmu, h.cpu, s2_ipa(BASE), R | S2_PROT_X), 0);
		assert_u64(did(&h, S2_OP_IC_IALLUIS), rows[i / 2].ialluis);
		assert_u64(did(&h, S2_OP_IC_IVAU), rows[i / 2].ivau);
		assert_u64(did(&h, S2_OP_TLBI_IPAS2E1), i % 2);
		assert_u64(did(&h, S2_OP_TLBI_IPAS2E1IS), !(i % 2));
		/* The first access is the fetch: the same for the I-cache, no TLBI. */
		begin(&h);
		fault_in(&h, PAGE, 1, PAGE, R | S2_PROT_X);
		assert_u64(did(&h, S2_OP_IC_IALLUIS), rows[i / 2].ialluis);
		assert_u64(did(&h, S2_OP_IC_IVAU), rows[i / 2].ivau);
		assert_u64(tlbis(&h), 0);
		halt(&h);
	}
}

/* Over 32 KiB by line were cheaper whole, since 909b583f81b5 (v6.7). */
static void r15_a_block_is_invalidated_by_line_or_whole(void **state)
{
	struct host h;

	(void)state;
	for (int i = 0; i < 2; i++) {
		boot(&h, "cortex-a72", i ? "kvm-6.12" : "kvm-6.1");
		assert_i64(map(&h, 0, BLOCK, R | S2_PROT_X), 0);
		assert_u64(did(&h, S2_OP_IC_IVAU), i ? 0 : 32768);
		assert_u64(did(&h, S2_OP_IC_IALLUIS), i ? 1 : 0);
		halt(&h);
	}
}

/*
 * Rule 16: the write copies the zero page.  The notifier unmaps; 6.1 then maps
 * the copy read-only (change_pte) and relaxes it when the guest comes back,
 * later kernels map it writable at that fault.
 */
static void r16_a_write_to_the_zero_page_flushes_twice_or_once(void **state)
{
	static const char *const specs[] = {"cortex-a55", "neoverse-v1", "cortex-a72"};
	enum {
		N = 16
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(specs); i++) {
		const bool old = i % 2;
		struct host h;

		boot(&h, specs[i / 2], old ? "kvm-6.1" : "kvm-6.12");
		for (uint64_t k = 0; k <= N; k++) /* one stays, and its table */
			assert_i64(s2_pgtable_map(h.mmu, h.cpu, s2_range(BASE + k * PAGE, PAGE),
						  s2_pa(PA), R, NULL, FAULT),
				   0);
		begin(&h);
		for (uint64_t k = 0; k < N; k++) {
			assert_i64(unmap(&h, k * PAGE, PAGE), 0);
			assert_i64(map(&h, k * PAGE, PAGE, old ? R : RW), 0);
			if (old)
				assert_i64(s2_pgtable_relax_perms(h.mmu, h.cpu,
								  s2_ipa(BASE + k * PAGE), RW),
					   0);
		}
		expect_ipa_flushes(&h, old ? 2 * N : N);
		/* Unmapping and mapping: twice a page. */
		assert_u64(did(&h, S2_OP_DC_CIVAC), i / 2 == 1 ? 0 : 2 * N * LINES_4K);
		halt(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(r1_map_cleans_each_line_without_fwb_and_never_flushes),
		s2_unit_test(r2_unmap_flushes_each_leaf_and_each_table_that_is_freed),
		s2_unit_test(r3_deferred_unmap_is_one_range_a_call_and_one_flush_a_table),
		s2_unit_test(r4_a_range_flush_has_one_vmalle1is_whatever_its_operations),
		s2_unit_test(r5_enabling_the_dirty_log_flushes_the_slot_once),
		s2_unit_test(r6_each_clear_flushes_the_whole_slot),
		s2_unit_test(r7_relaxing_a_page_flushes_it_everywhere_or_here),
		s2_unit_test(r8_the_first_write_into_a_block_breaks_it_and_its_pages_fault_alone),
		s2_unit_test(r9_an_eager_split_flushes_once_a_block_and_cleans_nothing),
		s2_unit_test(r13_a_dying_vm_flushes_and_cleans_nothing),
		s2_unit_test(r15_granting_x_costs_a_flush_and_the_icache_without_dic),
		s2_unit_test(r15_a_block_is_invalidated_by_line_or_whole),
		s2_unit_test(r16_a_write_to_the_zero_page_flushes_twice_or_once),
	};

	return cmocka_run_group_tests_name("measured", tests, NULL, NULL);
}
