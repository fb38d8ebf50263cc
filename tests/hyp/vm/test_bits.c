/* SPDX-License-Identifier: MIT */
/* The sparse bitmap against an array of bools. */
#include "support.h"

#include <string.h>

#include "hyp/vm/bits.h"

/* Two chunks and a part of one, that ends within a word. */
#define N (2 * S2_BITS_CHUNK + 1000)

static bool model[N];

static uint64_t next_one(uint64_t from)
{
	while (from < N && !model[from])
		from++;
	return from;
}

static uint64_t ones(void)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < N; i++)
		n += model[i];
	return n;
}

static void check(const struct s2_bits *b, struct s2_test_rng *rng)
{
	uint64_t from = s2_test_rng_below(rng, N), next = next_one(from), word;

	assert_u64(s2_bits_next(b, from), next);
	assert_i64(s2_bits_test(b, from), model[from]);
	/* No word that has a one is passed over. */
	word = s2_bits_next_word(b, from / 64);
	assert_true(word >= from / 64);
	assert_true(next == N || word <= next / 64);
}

static void change(struct s2_bits *b, struct s2_test_rng *rng)
{
	uint64_t bit = s2_test_rng_below(rng, N), mask = s2_test_rng_next(rng), was;

	switch (s2_test_rng_below(rng, 4)) {
	case 0:
		assert_i64(s2_bits_clear(b, bit), 0);
		model[bit] = false;
		break;
	case 1:
		assert_i64(s2_bits_take(b, bit / 64, mask, &was), 0);
		for (uint64_t i = 0, at = bit / 64 * 64; i < 64 && at + i < N; i++) {
			assert_i64(was >> i & 1, model[at + i] && (mask >> i & 1));
			model[at + i] &= !(mask >> i & 1);
		}
		break;
	default:
		assert_i64(s2_bits_set(b, bit), 0);
		model[bit] = true;
		break;
	}
}

static void a_sparse_bitmap_is_a_bitmap(void **state)
{
	(void)state;
	for (int initial = 0; initial < 2; initial++) {
		struct s2_test_rng rng = {1};
		struct s2_bits b;

		memset(model, initial, sizeof(model));
		assert_i64(s2_bits_init(&b, N, initial), 0);
		for (int i = 0; i < 400; i++) {
			s2_test_row("initial %d, step %d", initial, i);
			check(&b, &rng);
			change(&b, &rng);
			assert_u64(b.set, ones());
		}
		s2_bits_free(&b);
	}
}

static void an_empty_bitmap_has_no_next(void **state)
{
	const struct s2_bits none = {0};

	(void)state;
	assert_u64(s2_bits_next(&none, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_sparse_bitmap_is_a_bitmap),
		s2_unit_test(an_empty_bitmap_has_no_next),
	};

	return cmocka_run_group_tests_name("bits", tests, NULL, NULL);
}
