/* SPDX-License-Identifier: MIT */
#include "hyp/vm/bits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t n_chunks(const struct s2_bits *b)
{
	return (b->n + S2_BITS_CHUNK - 1) / S2_BITS_CHUNK;
}

int s2_bits_init(struct s2_bits *b, uint64_t n, bool initial)
{
	memset(b, 0, sizeof(*b));
	b->n = n;
	b->initial = initial;
	b->set = initial ? n : 0;
	if (n_chunks(b) > SIZE_MAX / sizeof(*b->chunks))
		return -ENOMEM;
	b->chunks = calloc((size_t)n_chunks(b), sizeof(*b->chunks));
	return b->chunks ? 0 : -ENOMEM;
}

void s2_bits_free(struct s2_bits *b)
{
	for (uint64_t i = 0; b->chunks && i < n_chunks(b); i++)
		free(b->chunks[i]);
	free(b->chunks);
	memset(b, 0, sizeof(*b));
}

/* Of word @word: the initial value, without bits past the end. */
static uint64_t initial_word(const struct s2_bits *b, uint64_t word)
{
	uint64_t left = b->n - word * 64;

	if (!b->initial)
		return 0;
	return left >= 64 ? UINT64_MAX : (UINT64_C(1) << left) - 1;
}

static uint64_t *chunk_for_change(struct s2_bits *b, uint64_t chunk)
{
	uint64_t *words = b->chunks[chunk];

	if (words)
		return words;
	words = malloc(S2_BITS_WORDS * sizeof(*words));
	if (!words)
		return NULL;
	for (uint64_t i = 0; i < S2_BITS_WORDS; i++) {
		uint64_t word = chunk * S2_BITS_WORDS + i;

		words[i] = word * 64 < b->n ? initial_word(b, word) : 0;
	}
	b->chunks[chunk] = words;
	return words;
}

static uint64_t get_word(const struct s2_bits *b, uint64_t word)
{
	const uint64_t *words = b->chunks[word / S2_BITS_WORDS];

	return words ? words[word % S2_BITS_WORDS] : initial_word(b, word);
}

bool s2_bits_test(const struct s2_bits *b, uint64_t bit)
{
	return get_word(b, bit / 64) >> bit % 64 & 1;
}

int s2_bits_set(struct s2_bits *b, uint64_t bit)
{
	uint64_t *words;

	if (s2_bits_test(b, bit))
		return 0;
	words = chunk_for_change(b, bit / S2_BITS_CHUNK);
	if (!words)
		return -ENOMEM;
	words[bit / 64 % S2_BITS_WORDS] |= UINT64_C(1) << bit % 64;
	b->set++;
	return 0;
}

static unsigned ones(uint64_t word)
{
	unsigned n = 0;

	for (; word; word &= word - 1)
		n++;
	return n;
}

int s2_bits_take(struct s2_bits *b, uint64_t word, uint64_t mask, uint64_t *was)
{
	uint64_t *words;

	*was = get_word(b, word) & mask;
	if (!*was)
		return 0;
	words = chunk_for_change(b, word / S2_BITS_WORDS);
	if (!words)
		return -ENOMEM;
	words[word % S2_BITS_WORDS] &= ~*was;
	b->set -= ones(*was);
	return 0;
}

int s2_bits_clear(struct s2_bits *b, uint64_t bit)
{
	uint64_t was;

	return s2_bits_take(b, bit / 64, UINT64_C(1) << bit % 64, &was);
}

uint64_t s2_bits_next_word(const struct s2_bits *b, uint64_t word)
{
	while (word * 64 < b->n) {
		const uint64_t *words = b->chunks[word / S2_BITS_WORDS];
		uint64_t end = (word / S2_BITS_WORDS + 1) * S2_BITS_WORDS;

		if (!words && b->initial)
			return word;
		/* Words past the end of the bitmap are zero. */
		for (; words && word < end; word++)
			if (words[word % S2_BITS_WORDS])
				return word;
		word = end;
	}
	return word;
}

uint64_t s2_bits_next(const struct s2_bits *b, uint64_t bit)
{
	uint64_t mask = UINT64_MAX << bit % 64;

	if (!b->set)
		return b->n;
	for (uint64_t word = bit / 64; (word = s2_bits_next_word(b, word)) * 64 < b->n; word++) {
		uint64_t ones_left = get_word(b, word) & (word == bit / 64 ? mask : UINT64_MAX);

		for (unsigned i = 0; ones_left && i < 64; i++)
			if (ones_left >> i & 1)
				return word * 64 + i;
	}
	return b->n;
}
