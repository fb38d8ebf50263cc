/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Random numbers that a seed makes the same on every host: splitmix64 (Vigna,
 * public domain algorithm).
 */
#ifndef STAGE2SIM_STUDY_RANDOM_H
#define STAGE2SIM_STUDY_RANDOM_H

#include <stdint.h>

/** The next one; any @p state is a good seed. */
static inline uint64_t s2_random_next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

#endif
