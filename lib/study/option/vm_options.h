/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Options that programs about one VM have in common, as rows of their tables.
 */
#ifndef STAGE2SIM_STUDY_VM_OPTIONS_H
#define STAGE2SIM_STUDY_VM_OPTIONS_H

#include <stage2sim/vm.h>

#include "study/option/options.h"

/** @p ... : help, then what else the row has. */
#define S2_ROW_VCPUS(field, value, ...) \
	S2_ROW(U64, field, "vcpus", "N", value, __VA_ARGS__, .min = 1, .max = S2_MAX_VCPUS)

/** @p ... : what else the row has, at least its group. */
#define S2_ROW_MEMORY(field, value, ...)                                                   \
	S2_ROW(SIZE, field, "memory", "SIZE", value, "memory, from 1 GiB on", .min = 4096, \
	       __VA_ARGS__)

#define S2_ROW_BACKING(field, value)                   \
	S2_ROW(PAGES, field, "backing", "SIZE", value, \
	       "size of the host's pages behind it, and so of stage-2 mappings")

#define S2_ROW_IPA_BITS(field) \
	S2_ROW(U64, field, "ipa-bits", "N", "0",                                \
	       "IPA size of the VM; 0: as its memory needs, at least 40", .max = 52)

#endif
