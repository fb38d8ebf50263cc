/* SPDX-License-Identifier: MIT */
/**
 * @file
 * FNV-1a, the hash of 64 bits: to tell whether two texts are the same, the same on every
 * host.  Numbers are hashed by their value, whatever the host's byte order.
 */
#ifndef STAGE2SIM_STUDY_FNV_H
#define STAGE2SIM_STUDY_FNV_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define S2_FNV_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t s2_fnv_bytes(uint64_t hash, const void *bytes, size_t n)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ b[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/** With its end, so that "a", "b" is not "ab", ""; NULL is as "". */
static inline uint64_t s2_fnv_text(uint64_t hash, const char *text)
{
	return s2_fnv_bytes(hash, text != NULL ? text : "", text != NULL ? strlen(text) + 1 : 1);
}

static inline uint64_t s2_fnv_u64(uint64_t hash, uint64_t value)
{
	unsigned char bytes[8];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(value >> 8 * i);
	return s2_fnv_bytes(hash, bytes, sizeof(bytes));
}

#endif
