/* SPDX-License-Identifier: MIT */
/*
 * The shape of stage 2: the table of known shapes, then the whole grid of
 * granule x IPA size x PA size x LPA2 against a rule stated another way.
 */
#include <stage2sim/geometry.h>

#include "support.h"

static const enum s2_granule granules[] = {S2_GRANULE_4K, S2_GRANULE_16K, S2_GRANULE_64K};

/* A shape for tests that only need one that is valid. */
static struct s2_geometry shape(enum s2_granule granule, unsigned ipa_bits)
{
	const bool lpa2 = ipa_bits > 48 && granule != S2_GRANULE_64K;
	const struct s2_geometry_config cfg = {granule, ipa_bits, ipa_bits, lpa2};
	struct s2_geometry geo;

	s2_test_row("granule 2^%d, IPA %u", (int)granule, ipa_bits);
	assert_i64(s2_geometry_init(&geo, &cfg), 0);
	return geo;
}

/* --- known shapes ------------------------------------------------------- */

struct known {
	enum s2_granule granule;
	unsigned first_ipa_bits;
	unsigned last_ipa_bits;
	unsigned levels;
	int start_level;
	unsigned root_pages;
};

/* facts/stage2-tlb-cache.md 1.2, each row of it. */
static const struct known known_shapes[] = {
	{S2_GRANULE_4K, 32, 32, 2, 2, 4},   {S2_GRANULE_4K, 36, 39, 3, 1, 1},
	{S2_GRANULE_4K, 40, 40, 3, 1, 2},   {S2_GRANULE_4K, 42, 42, 3, 1, 8},
	{S2_GRANULE_4K, 43, 43, 3, 1, 16},  {S2_GRANULE_4K, 44, 48, 4, 0, 1},
	{S2_GRANULE_4K, 51, 51, 4, 0, 8},   {S2_GRANULE_4K, 52, 52, 4, 0, 16},
	{S2_GRANULE_16K, 36, 36, 2, 2, 1},  {S2_GRANULE_16K, 39, 39, 2, 2, 8},
	{S2_GRANULE_16K, 40, 40, 2, 2, 16}, {S2_GRANULE_16K, 42, 46, 3, 1, 1},
	{S2_GRANULE_16K, 48, 48, 3, 1, 2},  {S2_GRANULE_16K, 51, 51, 3, 1, 16},
	{S2_GRANULE_16K, 52, 52, 4, 0, 1},  {S2_GRANULE_64K, 36, 42, 2, 2, 1},
	{S2_GRANULE_64K, 43, 43, 2, 2, 2},  {S2_GRANULE_64K, 44, 44, 2, 2, 4},
	{S2_GRANULE_64K, 46, 46, 2, 2, 16}, {S2_GRANULE_64K, 47, 51, 3, 1, 1},
	{S2_GRANULE_64K, 52, 52, 3, 1, 1},
};

static void shapes_are_those_that_kvm_gives(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known_shapes); i++) {
		const struct known *k = &known_shapes[i];

		for (unsigned bits = k->first_ipa_bits; bits <= k->last_ipa_bits; bits++) {
			const struct s2_geometry geo = shape(k->granule, bits);

			assert_u64(geo.page_shift, (uint64_t)k->granule);
			assert_u64(geo.ipa_bits, bits);
			assert_u64(geo.pa_bits, bits);
			assert_u64(geo.levels, k->levels);
			assert_i64(geo.start_level, k->start_level);
			assert_u64(geo.root_pages, k->root_pages);
		}
	}
}

static void roots_of_52_bits_use_part_of_a_page(void **state)
{
	const struct s2_geometry geo16 = shape(S2_GRANULE_16K, 52);
	const struct s2_geometry geo64 = shape(S2_GRANULE_64K, 52);
	const struct s2_ipa last = s2_ipa((UINT64_C(1) << 52) - 1);

	(void)state;
	assert_u64(s2_level_index(&geo16, last, geo16.start_level), 31);
	assert_u64(s2_level_index(&geo64, last, geo64.start_level), 1023);
}

static void entries_map_the_sizes_of_the_architecture(void **state)
{
	const uint64_t kib = 1024, mib = 1024 * kib, gib = 1024 * mib;
	const struct s2_geometry geo4 = shape(S2_GRANULE_4K, 40);
	const struct s2_geometry geo16 = shape(S2_GRANULE_16K, 40);
	const struct s2_geometry geo64 = shape(S2_GRANULE_64K, 40);

	(void)state;
	assert_u64(s2_level_size(&geo4, 3), 4 * kib);
	assert_u64(s2_level_size(&geo4, 2), 2 * mib);
	assert_u64(s2_level_size(&geo4, 1), gib);
	assert_u64(s2_level_size(&geo4, 0), 512 * gib);
	assert_u64(s2_level_size(&geo4, -1), 256 * kib * gib);
	assert_u64(s2_level_size(&geo16, 3), 16 * kib);
	assert_u64(s2_level_size(&geo16, 2), 32 * mib);
	assert_u64(s2_level_size(&geo16, 1), 64 * gib);
	assert_u64(s2_level_size(&geo16, 0), 128 * kib * gib);
	assert_u64(s2_level_size(&geo64, 3), 64 * kib);
	assert_u64(s2_level_size(&geo64, 2), 512 * mib);
	assert_u64(s2_level_size(&geo64, 1), 4096 * gib);
	assert_u64(s2_table_entries(&geo4), 512);
	assert_u64(s2_table_entries(&geo16), 2048);
	assert_u64(s2_table_entries(&geo64), 8192);
}

static void largest_block_is_the_one_that_kvm_installs(void **state)
{
	static const int block_levels[] = {1, 2, 2};
	static const uint64_t block_sizes[] = {UINT64_C(1) << 30, UINT64_C(1) << 25,
					       UINT64_C(1) << 29};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(granules); i++) {
		const struct s2_geometry geo = shape(granules[i], 40);

		assert_i64(s2_min_block_level(&geo), block_levels[i]);
		assert_u64(s2_max_block_size(&geo), block_sizes[i]);
		assert_u64(s2_page_size(&geo), UINT64_C(1) << granules[i]);
		for (int level = -2; level <= 5; level++)
			assert_u64(s2_level_supports_leaf(&geo, level),
				   level >= block_levels[i] && level <= 3);
	}
}

/* --- the grid ----------------------------------------------------------- */

/*
 * What must happen for @cfg, by rules that share no arithmetic with the
 * library: count the tables that a root at each level would need, from the
 * last level that KVM may start at upwards, and take the first that 16 can do.
 */
struct naive {
	int err;
	unsigned levels;
	uint64_t root_entries;
	unsigned root_pages;
};

static uint64_t entries_at(unsigned page_shift, unsigned levels, unsigned ipa_bits)
{
	uint64_t entries = UINT64_C(1) << (ipa_bits - page_shift);

	for (unsigned level = 1; level < levels; level++)
		entries = (entries + (1U << (page_shift - 3)) - 1) >> (page_shift - 3);
	return entries;
}

static struct naive naive_shape(const struct s2_geometry_config *cfg)
{
	const unsigned page_shift = (unsigned)cfg->granule;
	const uint64_t per_page = UINT64_C(1) << (page_shift - 3);
	struct naive n = {.levels = 2};

	if (cfg->ipa_bits < 32 || cfg->ipa_bits > 52 || cfg->pa_bits < 32 || cfg->pa_bits > 52)
		n.err = -EINVAL;
	else if (cfg->pa_bits < cfg->ipa_bits)
		n.err = -ERANGE;
	else if (cfg->lpa2 && page_shift == 16)
		n.err = -EOPNOTSUPP;
	else if (!cfg->lpa2 && page_shift != 16 && cfg->pa_bits > 48)
		n.err = -EOPNOTSUPP;
	if (n.err)
		return n;

	while (entries_at(page_shift, n.levels, cfg->ipa_bits) > 16 * per_page)
		n.levels++;
	n.root_entries = entries_at(page_shift, n.levels, cfg->ipa_bits);
	n.root_pages = (unsigned)((n.root_entries + per_page - 1) / per_page);
	return n;
}

/* The root and what hangs off it span the input, and nothing is left over. */
static void check_cover(const struct s2_geometry *geo, const struct naive *n)
{
	const uint64_t root_entry = s2_level_size(geo, geo->start_level);
	const uint64_t page = root_entry * s2_table_entries(geo);

	assert_true(geo->root_pages >= 1 && geo->root_pages <= S2_MAX_ROOT_PAGES);
	assert_u64(n->root_entries * root_entry, s2_ipa_limit(geo));
	if (geo->root_pages > 1)
		assert_u64(geo->root_pages * page, s2_ipa_limit(geo));
	else
		assert_true(page >= s2_ipa_limit(geo));
	assert_u64(s2_root_index(geo, s2_ipa(0)), 0);
	assert_u64(s2_root_index(geo, s2_ipa(s2_ipa_limit(geo) - 1)), geo->root_pages - 1U);
}

/* The indices of a walk are the digits of the address. */
static void check_walk(const struct s2_geometry *geo, struct s2_test_rng *rng)
{
	const struct s2_ipa ipa = s2_ipa(s2_test_rng_below(rng, s2_ipa_limit(geo)));
	uint64_t sum = ipa.v % s2_page_size(geo);

	for (int level = 4 - geo->levels; level <= S2_LAST_LEVEL; level++) {
		const unsigned index = s2_level_index(geo, ipa, level);

		assert_true(index < s2_table_entries(geo));
		sum += index * s2_level_size(geo, level);
	}
	sum += s2_root_index(geo, ipa) * s2_level_size(geo, geo->start_level) *
	       s2_table_entries(geo);
	assert_u64(sum, ipa.v);
}

static void check_config(const struct s2_geometry_config *cfg, struct s2_test_rng *rng)
{
	const struct naive n = naive_shape(cfg);
	struct s2_geometry geo = {0};

	s2_test_row("granule 2^%d, IPA %u, PA %u, LPA2 %d", (int)cfg->granule, cfg->ipa_bits,
		    cfg->pa_bits, cfg->lpa2);
	assert_i64(s2_geometry_init(&geo, cfg), n.err);
	if (n.err) {
		assert_u64(geo.levels, 0);
		return;
	}
	assert_u64(geo.page_shift, (uint64_t)cfg->granule);
	assert_u64(geo.ipa_bits, cfg->ipa_bits);
	assert_u64(geo.pa_bits, cfg->pa_bits);
	assert_u64(geo.lpa2, cfg->lpa2);
	assert_u64(geo.levels, n.levels);
	assert_i64(geo.start_level, 4 - (int)n.levels);
	assert_u64(geo.root_pages, n.root_pages);
	check_cover(&geo, &n);
	for (int i = 0; i < 4; i++)
		check_walk(&geo, rng);
}

static void every_configuration_has_its_shape_or_its_errno(void **state)
{
	struct s2_test_rng rng = {1};

	(void)state;
	for (size_t g = 0; g < ARRAY_SIZE(granules); g++)
		for (unsigned ipa_bits = 30; ipa_bits <= 56; ipa_bits++)
			for (unsigned pa_bits = 30; pa_bits <= 56; pa_bits++)
				for (unsigned lpa2 = 0; lpa2 <= 1; lpa2++)
					check_config(&(struct s2_geometry_config){granules[g],
										  ipa_bits, pa_bits,
										  lpa2 != 0},
						     &rng);
}

/* --- refusals ----------------------------------------------------------- */

static void refused(struct s2_geometry_config cfg, int err)
{
	struct s2_geometry geo = {.page_shift = 0xaa, .ipa_bits = 0xbb, .root_pages = 0xcccc};

	s2_test_row("granule %d, IPA %u, PA %u, LPA2 %d", (int)cfg.granule, cfg.ipa_bits,
		    cfg.pa_bits, cfg.lpa2);
	assert_i64(s2_geometry_init(&geo, &cfg), err);
	assert_u64(geo.page_shift, 0xaa);
	assert_u64(geo.ipa_bits, 0xbb);
	assert_u64(geo.root_pages, 0xcccc);
}

static void unknown_granules_are_refused(void **state)
{
	(void)state;
	for (int granule = 0; granule < 64; granule++) {
		if (granule == 12 || granule == 14 || granule == 16)
			continue;
		refused((struct s2_geometry_config){(enum s2_granule)granule, 40, 40, false},
			-EINVAL);
	}
}

static void impossible_sizes_are_refused_and_leave_the_result_alone(void **state)
{
	(void)state;
	refused((struct s2_geometry_config){S2_GRANULE_4K, 31, 40, false}, -EINVAL);
	refused((struct s2_geometry_config){S2_GRANULE_64K, 53, 53, false}, -EINVAL);
	refused((struct s2_geometry_config){S2_GRANULE_4K, 40, 31, false}, -EINVAL);
	refused((struct s2_geometry_config){S2_GRANULE_4K, 32, 56, true}, -EINVAL);
	refused((struct s2_geometry_config){S2_GRANULE_4K, ~0U, ~0U, true}, -EINVAL);
	refused((struct s2_geometry_config){S2_GRANULE_4K, 41, 40, false}, -ERANGE);
	refused((struct s2_geometry_config){S2_GRANULE_4K, 49, 52, false}, -EOPNOTSUPP);
	refused((struct s2_geometry_config){S2_GRANULE_4K, 40, 52, false}, -EOPNOTSUPP);
	refused((struct s2_geometry_config){S2_GRANULE_16K, 52, 52, false}, -EOPNOTSUPP);
	refused((struct s2_geometry_config){S2_GRANULE_64K, 40, 40, true}, -EOPNOTSUPP);
}

static void of_several_reasons_the_first_documented_one_is_told(void **state)
{
	(void)state;
	refused((struct s2_geometry_config){(enum s2_granule)13, 50, 40, true}, -EINVAL);
	refused((struct s2_geometry_config){S2_GRANULE_4K, 53, 40, false}, -EINVAL);
	refused((struct s2_geometry_config){S2_GRANULE_4K, 52, 49, false}, -ERANGE);
	refused((struct s2_geometry_config){S2_GRANULE_64K, 52, 48, true}, -ERANGE);
}

static void leaves_are_pages_and_blocks_that_kvm_installs(void **state)
{
	static const struct {
		enum s2_granule granule;
		uint64_t sizes[3];
	} rows[] = {
		{S2_GRANULE_4K, {UINT64_C(4) << 10, UINT64_C(2) << 20, UINT64_C(1) << 30}},
		{S2_GRANULE_16K, {UINT64_C(16) << 10, UINT64_C(32) << 20, 0}},
		{S2_GRANULE_64K, {UINT64_C(64) << 10, UINT64_C(512) << 20, 0}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct s2_geometry geo = {.page_shift = (uint8_t)rows[i].granule};
		unsigned found = 0;

		s2_test_row("granule %d", rows[i].granule);
		assert_false(s2_is_leaf_size(&geo, 0));
		for (unsigned bit = 0; bit < 64; bit++) {
			const bool is = s2_is_leaf_size(&geo, UINT64_C(1) << bit);

			assert_true(!is || UINT64_C(1) << bit == rows[i].sizes[found]);
			found += is;
			assert_false(bit && s2_is_leaf_size(&geo, (UINT64_C(1) << bit) + 1));
		}
		assert_u64(found, rows[i].sizes[2] ? 3 : 2);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		s2_unit_test(shapes_are_those_that_kvm_gives),
		s2_unit_test(roots_of_52_bits_use_part_of_a_page),
		s2_unit_test(entries_map_the_sizes_of_the_architecture),
		s2_unit_test(largest_block_is_the_one_that_kvm_installs),
		s2_unit_test(leaves_are_pages_and_blocks_that_kvm_installs),
		s2_unit_test(every_configuration_has_its_shape_or_its_errno),
		s2_unit_test(unknown_granules_are_refused),
		s2_unit_test(impossible_sizes_are_refused_and_leave_the_result_alone),
		s2_unit_test(of_several_reasons_the_first_documented_one_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
