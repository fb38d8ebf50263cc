/* SPDX-License-Identifier: MIT */
/* Possible memory of two CPUs, and short names for what tests ask of it. */
#ifndef STAGE2SIM_TESTS_POSSIBLE_MEMORY_RIG_H
#define STAGE2SIM_TESTS_POSSIBLE_MEMORY_RIG_H

#include "property.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <stage2sim/physics.h>

#define LINE UINT64_C(64)
#define GIB  UINT64_C(0x40000000)

#define WB  S2_AGENT_WRITE_BACK
#define NC  S2_AGENT_NON_CACHEABLE
#define DEV S2_AGENT_COHERENT_DEVICE

static inline struct s2_memory *make(void)
{
	struct s2_features f;
	struct s2_memory *mem = NULL;

	assert_i64(s2_features_parse("neoverse-n1", &f, NULL), 0);
	assert_i64(s2_memory_create(&f, 2, S2_MEMORY_POSSIBLE, &mem), 0);
	return mem;
}

static inline bool may_read(struct s2_memory *mem, enum s2_agent agent, uint64_t pa, uint32_t want)
{
	struct s2_version_set set;
	uint32_t version;

	assert_i64(s2_memory_possible(mem, agent, s2_pa(pa), &set), 0);
	while (s2_version_next(mem, &set, &version))
		if (version == want)
			return true;
	return false;
}

#endif /* STAGE2SIM_TESTS_POSSIBLE_MEMORY_RIG_H */
