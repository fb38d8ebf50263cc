/* SPDX-License-Identifier: MIT */
/* Table pages: one seam, two back ends, the same pages at the same addresses. */
#include "support.h"

#include <string.h>

#ifdef S2_HAVE_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include "machine/tablemem.h"

#define SLAB_BYTES (UINT64_C(2) << 20)

/* All back ends that this build has. */
static const enum s2_allocator back_ends[] = {
	S2_ALLOCATOR_LIBC,
#ifdef S2_HAVE_JEMALLOC
	S2_ALLOCATOR_JEMALLOC,
#endif
};

static const char *const machines[] = {
	"cortex-a72",	   "max", "neoverse-n1,granule=16k", "neoverse-n1,granule=64k",
	"max,granule=64k",
};

static struct s2_tablemem *memory(const char *spec, enum s2_allocator allocator)
{
	struct s2_tablemem *mem;
	struct s2_features f;

	assert_i64(s2_features_parse(spec, &f, NULL), 0);
	assert_i64(s2_tablemem_create(&f, allocator, &mem), 0);
	return mem;
}

static struct s2_table_pool *pool(struct s2_tablemem *mem)
{
	struct s2_table_pool *p;

	assert_i64(s2_table_pool_create(mem, &p), 0);
	return p;
}

static uint64_t page_size(const char *spec)
{
	struct s2_features f;

	assert_i64(s2_features_parse(spec, &f, NULL), 0);
	return UINT64_C(1) << f.granule;
}

static uint64_t live(const struct s2_tablemem *mem)
{
	uint64_t bytes, held;

	s2_tablemem_usage(mem, &bytes, &held);
	assert_true(bytes <= held);
	return bytes;
}

static uint64_t held(const struct s2_tablemem *mem)
{
	uint64_t bytes, all;

	s2_tablemem_usage(mem, &bytes, &all);
	return all;
}

static bool all_zero(const struct s2_table *t, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes / sizeof(s2_pte); i++)
		if (t->entries[i])
			return false;
	return true;
}

/* Runs @fn for each machine and back end. */
static void each(void (*fn)(struct s2_tablemem *mem, uint64_t page))
{
	for (size_t i = 0; i < ARRAY_SIZE(machines) * ARRAY_SIZE(back_ends); i++) {
		const char *spec = machines[i / ARRAY_SIZE(back_ends)];
		struct s2_tablemem *mem = memory(spec, back_ends[i % ARRAY_SIZE(back_ends)]);

		s2_test_row("%s, back end %d", spec, (int)(i % ARRAY_SIZE(back_ends)));
		fn(mem, page_size(spec));
		s2_tablemem_destroy(mem);
	}
}

static void one_page(struct s2_tablemem *mem, uint64_t page)
{
	struct s2_table_pool *p = pool(mem);
	struct s2_table *t = s2_table_alloc(p);
	uint64_t pa;

	assert_non_null(t);
	pa = t->pa;
	assert_u64(t->refs, 1);
	assert_true(all_zero(t, page));
	assert_u64(pa & (page - 1), 0);
	assert_u64(live(mem), page);
	assert_ptr_equal(s2_tablemem_find(mem, s2_pa(pa)), t);
	assert_null(s2_tablemem_find(mem, s2_pa(pa + page)));
	assert_null(s2_tablemem_find(mem, s2_pa(pa - page)));
	assert_null(s2_tablemem_find(mem, s2_pa(0)));
	assert_null(s2_tablemem_find(mem, s2_pa(UINT64_MAX)));
	memset(t->entries, 0xff, page);
	s2_table_free(p, t);
	assert_u64(live(mem), 0);
	assert_null(s2_tablemem_find(mem, s2_pa(pa)));
	/* The same page again, zeroed again. */
	t = s2_table_alloc(p);
	assert_u64(t->pa, pa);
	assert_true(all_zero(t, page));
	assert_u64(s2_table_pool_destroy(p), 1);
	assert_null(s2_tablemem_find(mem, s2_pa(pa)));
	assert_u64(live(mem), 0);
	assert_u64(held(mem), 0);
}

static void a_page_is_zeroed_aligned_found_and_gone_when_freed(void **state)
{
	(void)state;
	each(one_page);
}

static void many_pages(struct s2_tablemem *mem, uint64_t page)
{
	enum {
		N = 600
	};
	static struct s2_table *t[N];
	struct s2_table_pool *p = pool(mem);
	uint64_t live_pages = N;

	for (uint64_t i = 0; i < N; i++) {
		t[i] = s2_table_alloc(p);
		assert_non_null(t[i]);
		assert_true(all_zero(t[i], page));
		memset(t[i]->entries, (int)(1 + i % 250), page);
	}
	for (uint64_t i = 0; i < N; i += 3, live_pages--)
		s2_table_free(p, t[i]);
	assert_u64(live(mem), live_pages * page);
	/* The others are as they were, wherever they lie. */
	for (uint64_t i = 0; i < N; i++) {
		if (i % 3 == 0)
			continue;
		assert_ptr_equal(s2_tablemem_find(mem, s2_pa(t[i]->pa)), t[i]);
		assert_u64(t[i]->entries[0] & 0xff, 1 + i % 250);
		assert_u64(t[i]->entries[page / 8 - 1] & 0xff, 1 + i % 250);
	}
	assert_u64(s2_table_pool_destroy(p), live_pages);
	assert_u64(live(mem), 0);
	assert_u64(held(mem), 0);
}

static void pages_of_many_slabs_keep_their_contents(void **state)
{
	(void)state;
	each(many_pages);
}

static void contiguous_pages(struct s2_tablemem *mem, uint64_t page)
{
	struct s2_table_pool *p = pool(mem);

	for (unsigned n = 1; n <= 16; n *= 2) {
		struct s2_table *t = s2_table_alloc_contiguous(p, n);

		assert_non_null(t);
		assert_u64(t->pa & (n * page - 1), 0);
		for (unsigned i = 0; i < n; i++) {
			assert_u64(t[i].pa, t->pa + i * page);
			assert_u64(t[i].refs, 1);
			assert_true(all_zero(&t[i], page));
			assert_ptr_equal(s2_tablemem_find(mem, s2_pa(t->pa + i * page)), &t[i]);
		}
		/* Others in between do not matter. */
		assert_non_null(s2_table_alloc(p));
	}
	assert_u64(live(mem), (31 + 5) * page);
	assert_u64(s2_table_pool_destroy(p), 36);
}

static void contiguous_pages_are_adjacent_and_aligned_to_their_total(void **state)
{
	(void)state;
	each(contiguous_pages);
}

/* A fixed scenario of pools that grow, shrink and die. @return a digest of all PAs. */
static uint64_t scenario(struct s2_tablemem *mem, uint64_t page)
{
	struct s2_test_rng rng = {42};
	struct s2_table_pool *pools[4] = {0};
	struct s2_table *last[4] = {0};
	uint64_t digest = 0;

	for (int i = 0; i < 4000; i++) {
		uint64_t k = s2_test_rng_below(&rng, 4), what = s2_test_rng_below(&rng, 100);

		if (!pools[k]) {
			pools[k] = pool(mem);
			last[k] = s2_table_alloc_contiguous(pools[k], 2);
			digest = digest * 31 + last[k]->pa / page;
		}
		if (what < 1) {
			digest = digest * 31 + s2_table_pool_destroy(pools[k]);
			pools[k] = NULL;
			continue;
		}
		if (what < 20 && last[k]->refs) {
			s2_table_free(pools[k], last[k]);
			continue;
		}
		last[k] = s2_table_alloc(pools[k]);
		digest = digest * 31 + last[k]->pa / page;
	}
	digest = digest * 31 + live(mem);
	for (int k = 0; k < 4; k++)
		if (pools[k])
			s2_table_pool_destroy(pools[k]);
	return digest;
}

static void addresses_do_not_depend_on_the_back_end_or_the_run(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		uint64_t digest = 0;

		for (size_t k = 0; k < 2 * ARRAY_SIZE(back_ends); k++) {
			struct s2_tablemem *mem =
				memory(machines[i], back_ends[k % ARRAY_SIZE(back_ends)]);
			uint64_t d = scenario(mem, page_size(machines[i]));

			s2_test_row("%s", machines[i]);
			if (k)
				assert_u64(d, digest);
			digest = d;
			assert_u64(held(mem), 0);
			s2_tablemem_destroy(mem);
		}
	}
}

static void every_address_fits_in_48_bits_and_in_the_machines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		struct s2_features f;
		struct s2_tablemem *mem = memory(machines[i], S2_ALLOCATOR_DEFAULT);
		struct s2_table_pool *p = pool(mem);
		unsigned bits;

		assert_i64(s2_features_parse(machines[i], &f, NULL), 0);
		bits = f.pa_bits < 48 ? f.pa_bits : 48;
		for (int k = 0; k < 600; k++)
			assert_u64(s2_table_alloc(p)->pa >> (bits - 1), 1);
		s2_table_pool_destroy(p);
		s2_tablemem_destroy(mem);
	}
}

/* 32 bits of PA: the upper half holds 1024 windows of 2 MiB, each of one pool. */
static void a_machine_whose_addresses_are_used_up_has_no_more_pages(void **state)
{
	static struct s2_table_pool *pools[1025];
	struct s2_tablemem *mem = memory("cortex-a72,pa=32", S2_ALLOCATOR_LIBC);

	(void)state;
	for (int i = 0; i < 1025; i++) {
		struct s2_table *t;

		pools[i] = pool(mem);
		t = s2_table_alloc(pools[i]);
		s2_test_row("pool %d", i);
		if (i == 1024)
			assert_null(t);
		else
			assert_u64(t->pa >> 31, 1);
	}
	/* One given back is one to be had. */
	s2_table_pool_destroy(pools[7]);
	assert_u64(s2_table_alloc(pools[1024])->pa, (UINT64_C(1) << 31) + 7 * SLAB_BYTES);
	for (int i = 0; i < 1025; i++)
		if (i != 7)
			s2_table_pool_destroy(pools[i]);
	assert_u64(held(mem), 0);
	s2_tablemem_destroy(mem);
}

static void allocations_fail_after_as_many_as_asked_for(void **state)
{
	struct s2_tablemem *mem = memory("max", S2_ALLOCATOR_DEFAULT);
	struct s2_table_pool *p = pool(mem);
	struct s2_table *t;

	(void)state;
	s2_tablemem_fail_after(mem, 3);
	assert_null(s2_table_alloc_contiguous(p, 4));
	t = s2_table_alloc(p);
	assert_non_null(t);
	assert_non_null(s2_table_alloc_contiguous(p, 2));
	assert_null(s2_table_alloc(p));
	assert_null(s2_table_alloc_contiguous(p, 1));
	/* A page that was freed is no exception. */
	s2_table_free(p, t);
	assert_null(s2_table_alloc(p));
	assert_u64(live(mem), 8192);
	s2_tablemem_fail_after(mem, UINT64_MAX);
	assert_ptr_equal(s2_table_alloc(p), t);
	assert_u64(s2_table_pool_destroy(p), 3);
	s2_tablemem_destroy(mem);
}

static void a_pool_with_one_page_costs_no_slab(void **state)
{
	struct s2_tablemem *mem = memory("max", S2_ALLOCATOR_DEFAULT);
	struct s2_table_pool *p = pool(mem);

	(void)state;
	assert_u64(held(mem), 0);
	assert_non_null(s2_table_alloc_contiguous(p, 16));
	assert_true(held(mem) < SLAB_BYTES / 8);
	s2_table_pool_destroy(p);
	s2_tablemem_destroy(mem);
}

static unsigned arenas(void)
{
	unsigned n = 0;
#ifdef S2_HAVE_JEMALLOC
	size_t len = sizeof(n);

	assert_i64(mallctl("arenas.narenas", &n, &len, NULL, 0), 0);
#endif
	return n;
}

/* A pool that is big enough for a private arena. */
static void use_arena(struct s2_tablemem *mem)
{
	struct s2_table_pool *p = pool(mem);

	for (int i = 0; i < 12 * 32; i++)
		assert_non_null(s2_table_alloc(p));
	assert_u64(held(mem), 12 * SLAB_BYTES);
	assert_u64(s2_table_pool_destroy(p), 384);
	assert_u64(held(mem), 0);
}

/* jemalloc has some 4,000 arenas: neither VMs nor machines may use them up. */
static void arenas_are_recycled(void **state)
{
	unsigned before = 0;

	(void)state;
	for (size_t b = 0; b < ARRAY_SIZE(back_ends); b++) {
		for (int m = 0; m < 10; m++) {
			struct s2_tablemem *mem = memory("neoverse-n1,granule=64k", back_ends[b]);

			for (int k = 0; k < 5; k++)
				use_arena(mem);
			s2_tablemem_destroy(mem);
			if (!m)
				before = arenas();
		}
		assert_u64(arenas(), before);
	}
}

static void an_allocator_that_is_not_built_in_is_refused(void **state)
{
	struct s2_tablemem *mem = NULL;
	struct s2_features f;

	(void)state;
	assert_i64(s2_features_preset("max", &f), 0);
#ifdef S2_HAVE_JEMALLOC
	assert_i64(s2_tablemem_create(&f, S2_ALLOCATOR_JEMALLOC, &mem), 0);
	s2_tablemem_destroy(mem);
#else
	assert_i64(s2_tablemem_create(&f, S2_ALLOCATOR_JEMALLOC, &mem), -EOPNOTSUPP);
	assert_null(mem);
#endif
	s2_tablemem_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_page_is_zeroed_aligned_found_and_gone_when_freed),
		s2_unit_test(pages_of_many_slabs_keep_their_contents),
		s2_unit_test(contiguous_pages_are_adjacent_and_aligned_to_their_total),
		s2_unit_test(addresses_do_not_depend_on_the_back_end_or_the_run),
		s2_unit_test(every_address_fits_in_48_bits_and_in_the_machines),
		s2_unit_test(a_machine_whose_addresses_are_used_up_has_no_more_pages),
		s2_unit_test(allocations_fail_after_as_many_as_asked_for),
		s2_unit_test(a_pool_with_one_page_costs_no_slab),
		s2_unit_test(arenas_are_recycled),
		s2_unit_test(an_allocator_that_is_not_built_in_is_refused),
	};

	return cmocka_run_group_tests_name("tablemem", tests, NULL, NULL);
}
