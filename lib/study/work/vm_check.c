/* SPDX-License-Identifier: MIT */
#include "study/work/vm_check.h"

#include <errno.h>
#include <inttypes.h>

#include <stage2sim/geometry.h>

/* PARange is capped there without LPA2. */
#define PLAIN_PA_BITS 48

#define LEAST_IPA_BITS 32
#define MOST_IPA_BITS  52

bool s2_check_is_leaf_size(const struct s2_features *features, uint64_t size)
{
	const struct s2_geometry geo = {.page_shift = (uint8_t)features->granule};

	return s2_is_leaf_size(&geo, size);
}

int s2_check_backing(uint64_t size, const struct s2_features *features, struct s2_error *err)
{
	if (s2_check_is_leaf_size(features, size))
		return 0;
	s2_error_set(err, 1,
		     "--backing: got %" PRIu64 ", expected a page of the machine or a block that "
		     "KVM maps (4K, 2M, 1G with 4K pages)",
		     size);
	return -EINVAL;
}

unsigned s2_check_ipa_limit(const struct s2_features *features, const struct s2_flavour *flavour)
{
	const bool wide = features->granule == S2_GRANULE_64K || (features->lpa2 && flavour->lpa2);

	return wide || features->pa_bits < PLAIN_PA_BITS ? features->pa_bits : PLAIN_PA_BITS;
}

unsigned s2_check_ipa_bits_for(uint64_t bits, uint64_t base, uint64_t size)
{
	unsigned needed = S2_DEFAULT_IPA_BITS;

	while (needed < MOST_IPA_BITS && size > (UINT64_C(1) << needed) - base)
		needed++;
	return bits ? (unsigned)bits : needed;
}

int s2_check_ipa_bits(uint64_t bits, const struct s2_features *features,
		      const struct s2_flavour *flavour, struct s2_error *err)
{
	const unsigned most = s2_check_ipa_limit(features, flavour);

	if (!bits || (bits >= LEAST_IPA_BITS && bits <= most))
		return 0;
	s2_error_set(err, 1,
		     bits < LEAST_IPA_BITS
			     ? "--ipa-bits: got %" PRIu64 ", expected 32 to %u, or 0: as memory needs"
			     : "--ipa-bits: got %" PRIu64
			       ", expected at most %u, as machine and flavour have",
		     bits, most);
	return -EINVAL;
}

int s2_check_vcpus(uint64_t vcpus, uint64_t others, const struct s2_features *features,
		   struct s2_error *err)
{
	const uint64_t most = (UINT64_C(1) << features->vmid_bits) - 2 - others;

	if (vcpus <= most)
		return 0;
	s2_error_set(err, 1,
		     "--vcpus: got %" PRIu64 ", expected at most %" PRIu64
		     ", a CPU each: the machine has %u-bit VMIDs",
		     vcpus, most, features->vmid_bits);
	return -EINVAL;
}
