/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A sparse bitmap: one bit a page of a slot, stored where it differs.
 *
 *     chunks[i] == NULL: 32,768 bits that all have the initial value
 *     chunks[i] != NULL: 512 words of 64 bits
 *
 * A dirty log of terabytes costs memory only where it was written.
 */
#ifndef S2_HYP_BITS_H
#define S2_HYP_BITS_H

#include <stage2sim/types.h>

#define S2_BITS_WORDS 512U
#define S2_BITS_CHUNK (UINT64_C(64) * S2_BITS_WORDS)

struct s2_bits {
	uint64_t n; /**< bits */
	bool initial;
	uint64_t set; /**< how many are one */
	uint64_t **chunks;
};

/** @p n bits of value @p initial. @return 0, -ENOMEM */
int s2_bits_init(struct s2_bits *b, uint64_t n, bool initial);
void s2_bits_free(struct s2_bits *b);

bool s2_bits_test(const struct s2_bits *b, uint64_t bit);

/** @return 0, -ENOMEM with nothing changed */
int s2_bits_set(struct s2_bits *b, uint64_t bit);
int s2_bits_clear(struct s2_bits *b, uint64_t bit);

/** Clears the ones of @p mask in word @p word, and says in @p was which were ones. */
int s2_bits_take(struct s2_bits *b, uint64_t word, uint64_t mask, uint64_t *was);

/** The first word at or after @p word that may have a one, or past the last. */
uint64_t s2_bits_next_word(const struct s2_bits *b, uint64_t word);

/** The first one at or after @p bit, or n. */
uint64_t s2_bits_next(const struct s2_bits *b, uint64_t bit);

#endif
