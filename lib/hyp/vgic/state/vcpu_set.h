/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A set of vcpus, a bit each by index.
 *
 * What kicks and broadcasts ask of all vcpus (in guest? blocked?) is answered 64
 * at a time.
 */
#ifndef S2_HYP_VGIC_VCPU_SET_H
#define S2_HYP_VGIC_VCPU_SET_H

#include <stage2sim/vgic.h>

#define S2_VCPU_WORDS (S2_VGIC_MAX_CPUS / 64U)

struct s2_vcpu_set {
	uint64_t w[S2_VCPU_WORDS];
};

static inline bool s2_vcpu_set_has(const struct s2_vcpu_set *set, unsigned index)
{
	return set->w[index / 64U] >> (index % 64U) & 1U;
}

static inline void s2_vcpu_set_to(struct s2_vcpu_set *set, unsigned index, bool on)
{
	const uint64_t bit = UINT64_C(1) << (index % 64U);

	if (on)
		set->w[index / 64U] |= bit;
	else
		set->w[index / 64U] &= ~bit;
}

/* Sums in parallel: pairs, nibbles, bytes, then all bytes by one multiplication. */
static inline unsigned s2_popcount(uint64_t word)
{
	word -= word >> 1U & UINT64_C(0x5555555555555555);
	word = (word & UINT64_C(0x3333333333333333)) + (word >> 2U & UINT64_C(0x3333333333333333));
	word = (word + (word >> 4U)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)(word * UINT64_C(0x0101010101010101) >> 56U);
}

/* The number of the lowest set bit of @word, which is not 0. */
static inline unsigned s2_lowest_bit(uint64_t word)
{
#if defined(__GNUC__)
	return (unsigned)__builtin_ctzll(word);
#else
	return s2_popcount((word & (~word + 1U)) - 1U);
#endif
}

#endif
