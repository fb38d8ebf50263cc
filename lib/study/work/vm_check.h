/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What is checked of options that programs about one VM have in common.
 */
#ifndef STAGE2SIM_STUDY_VM_CHECK_H
#define STAGE2SIM_STUDY_VM_CHECK_H

#include <stage2sim/features.h>
#include <stage2sim/flavour.h>

#include "study/base/error.h"

/** Can a machine with these features have host pages of @p size bytes? */
bool s2_check_is_leaf_size(const struct s2_features *features, uint64_t size);

/** --backing is @p size bytes. @return 0; -EINVAL with @p err set */
int s2_check_backing(uint64_t size, const struct s2_features *features, struct s2_error *err);

/** The widest IPA: beyond 48 bits it takes 64 KiB pages, or FEAT_LPA2 and a flavour that uses it. */
unsigned s2_check_ipa_limit(const struct s2_features *features, const struct s2_flavour *flavour);

/** @p bits; for 0 as many as @p size bytes from @p base on need, at least KVM's default. */
unsigned s2_check_ipa_bits_for(uint64_t bits, uint64_t base, uint64_t size);

/** --ipa-bits is @p bits, 0 or 32 to that. @return 0; -EINVAL with @p err set */
int s2_check_ipa_bits(uint64_t bits, const struct s2_features *features,
		      const struct s2_flavour *flavour, struct s2_error *err);

/**
 * --vcpus is @p vcpus, each on a CPU of its own beside @p others: KVM needs more
 * VMIDs than CPUs, and number 0 is reserved.  @return 0; -EINVAL with @p err set
 */
int s2_check_vcpus(uint64_t vcpus, uint64_t others, const struct s2_features *features,
		   struct s2_error *err);

#endif
