/* SPDX-License-Identifier: MIT */
/*
 * Helpers of all tests: cmocka with its prerequisites, compares of 64-bit
 * values that print what they compared, and a random generator whose sequence
 * is the same on every host.
 *
 * cmocka 1.1.5 prints a negative number as a huge one and knows nothing of the
 * row that a loop is at; so loops over many cases name the row with
 * s2_test_row() and the asserts here print it.
 */
#ifndef STAGE2SIM_TESTS_SUPPORT_H
#define STAGE2SIM_TESTS_SUPPORT_H

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Fails the test with both values in hexadecimal and decimal. */
#define assert_u64(actual, expected) \
	s2_test_assert_u64((actual), (expected), #actual, __FILE__, __LINE__)

/* For results that may be a negative errno value. */
#define assert_i64(actual, expected) \
	s2_test_assert_i64((actual), (expected), #actual, __FILE__, __LINE__)

void s2_test_assert_u64(uint64_t actual, uint64_t expected, const char *what, const char *file,
			int line);
void s2_test_assert_i64(int64_t actual, int64_t expected, const char *what, const char *file,
			int line);

/*
 * Names the case that the asserts that follow in this test are about; printed
 * only when one fails.
 */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void s2_test_row(const char *format, ...);

/* A test that starts with no row named; use it in place of cmocka_unit_test(). */
#define s2_unit_test(f) cmocka_unit_test_setup(f, s2_test_forget_row)
int s2_test_forget_row(void **state);

/* splitmix64 (Vigna, public domain algorithm): any seed will do. */
struct s2_test_rng {
	uint64_t state;
};

uint64_t s2_test_rng_next(struct s2_test_rng *rng);

/* Uniform enough for tests: 0 to @n - 1. */
uint64_t s2_test_rng_below(struct s2_test_rng *rng, uint64_t n);

#endif
