/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <stage2sim/geometry.h>

#define MIN_SIZE_BITS 32U
#define MAX_SIZE_BITS 52U
/* What a descriptor without LPA2 and with less than 64 KiB granules can hold. */
#define PLAIN_SIZE_BITS 48U
/* log2 of S2_MAX_ROOT_PAGES: index bits that concatenation adds to the root. */
#define CONCAT_BITS 4U
/* KVM keeps two levels, so that the host's PMD-sized pages can be blocks. */
#define MIN_LEVELS 2U

static bool size_is_known(unsigned bits)
{
	return bits >= MIN_SIZE_BITS && bits <= MAX_SIZE_BITS;
}

static bool granule_is_known(enum s2_granule granule)
{
	return granule == S2_GRANULE_4K || granule == S2_GRANULE_16K || granule == S2_GRANULE_64K;
}

static int check_config(const struct s2_geometry_config *cfg)
{
	if (!granule_is_known(cfg->granule))
		return -EINVAL;
	if (!size_is_known(cfg->ipa_bits) || !size_is_known(cfg->pa_bits))
		return -EINVAL;
	if (cfg->ipa_bits > cfg->pa_bits)
		return -ERANGE;
	if (cfg->granule == S2_GRANULE_64K)
		return cfg->lpa2 ? -EOPNOTSUPP : 0;
	if (cfg->pa_bits > PLAIN_SIZE_BITS && !cfg->lpa2)
		return -EOPNOTSUPP;
	return 0;
}

/*
 * As many levels as a one-page root needs for an input smaller by CONCAT_BITS,
 * rounded up.  The kernel writes the same as (ipa - 8) / (PS - 3), rounded down.
 */
static unsigned count_levels(unsigned ipa_bits, unsigned page_shift)
{
	const unsigned index_bits = page_shift - 3U;
	const unsigned bits = ipa_bits - CONCAT_BITS - page_shift;
	const unsigned levels = (bits + index_bits - 1U) / index_bits;

	return levels < MIN_LEVELS ? MIN_LEVELS : levels;
}

int s2_geometry_init(struct s2_geometry *geo, const struct s2_geometry_config *cfg)
{
	const int err = check_config(cfg);
	struct s2_ipa last;

	if (err)
		return err;

	*geo = (struct s2_geometry){
		.page_shift = (uint8_t)cfg->granule,
		.ipa_bits = (uint8_t)cfg->ipa_bits,
		.pa_bits = (uint8_t)cfg->pa_bits,
		.lpa2 = cfg->lpa2,
		.levels = (uint8_t)count_levels(cfg->ipa_bits, (unsigned)cfg->granule),
	};
	geo->start_level = (int8_t)(S2_LAST_LEVEL + 1 - geo->levels);
	last = s2_ipa(s2_ipa_limit(geo) - 1U);
	geo->root_pages = (uint16_t)(s2_root_index(geo, last) + 1U);
	return 0;
}
