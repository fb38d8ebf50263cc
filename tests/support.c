/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "support.h"

/* One test program is one process and one thread. */
static char row[256];

void s2_test_row(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(row, sizeof(row), format, ap);
	va_end(ap);
}

int s2_test_forget_row(void **state)
{
	(void)state;
	row[0] = '\0';
	return 0;
}

static void print_row(void)
{
	if (row[0] != '\0')
		print_error("at %s\n", row);
}

void s2_test_assert_u64(uint64_t actual, uint64_t expected, const char *what, const char *file,
			int line)
{
	if (actual == expected)
		return;

	print_row();
	print_error("%s\n  is       0x%016" PRIx64 " (%" PRIu64 ")\n", what, actual, actual);
	print_error("  expected 0x%016" PRIx64 " (%" PRIu64 ")\n", expected, expected);
	_fail(file, line);
}

void s2_test_assert_i64(int64_t actual, int64_t expected, const char *what, const char *file,
			int line)
{
	if (actual == expected)
		return;

	print_row();
	print_error("%s\n  is       %" PRId64 "\n  expected %" PRId64 "\n", what, actual, expected);
	_fail(file, line);
}

uint64_t s2_test_rng_next(struct s2_test_rng *rng)
{
	uint64_t z = (rng->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t s2_test_rng_below(struct s2_test_rng *rng, uint64_t n)
{
	return s2_test_rng_next(rng) % n;
}
