/* SPDX-License-Identifier: MIT */
/* Numbers and sizes as people write them. */
#include "study/base/parse.h"

#include "support.h"

/* Not a value that any row gives: shows that an output was left alone. */
#define UNTOUCHED UINT64_C(0x5a5a5a5a5a5a5a5a)

struct row {
	const char *text;
	int result;
	uint64_t value;
};

static void check(const struct row *rows, size_t n, int (*parse)(const char *, uint64_t *))
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v = UNTOUCHED;

		s2_test_row("\"%s\"", rows[i].text);
		assert_i64(parse(rows[i].text, &v), rows[i].result);
		assert_u64(v, rows[i].result < 0 ? UNTOUCHED : rows[i].value);
	}
}

static void numbers_are_decimal_or_hexadecimal(void **state)
{
	static const struct row rows[] = {
		{"0", 0, 0},
		{"7", 0, 7},
		{"0042", 0, 42},
		{"18446744073709551615", 0, UINT64_MAX},
		{"0x0", 0, 0},
		{"0xffffffffffffffff", 0, UINT64_MAX},
		{"0x0000000000000000000000aB", 0, 0xab},
		{"0X10", 0, 16},
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows), s2_parse_u64);
	check(rows, ARRAY_SIZE(rows), s2_parse_size);
}

static void sizes_take_a_suffix(void **state)
{
	static const struct row rows[] = {
		{"64K", 0, 65536},
		{"2m", 0, 2097152},
		{"64G", 0, UINT64_C(68719476736)},
		{"1t", 0, UINT64_C(1099511627776)},
		{"0x10K", 0, 16384},
		{"0K", 0, 0},
		{"18014398509481983K", 0, UINT64_MAX - 1023},
		{"16777215T", 0, UINT64_MAX - ((UINT64_C(1) << 40) - 1)},
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows), s2_parse_size);
}

static void anything_else_is_refused(void **state)
{
	static const struct row rows[] = {
		{"", -EINVAL, 0},    {" 1", -EINVAL, 0},
		{"1 ", -EINVAL, 0},  {"-1", -EINVAL, 0},
		{"+1", -EINVAL, 0},  {"0x", -EINVAL, 0},
		{"0xg", -EINVAL, 0}, {"1.5", -EINVAL, 0},
		{"a", -EINVAL, 0},   {"12a", -EINVAL, 0},
		{"/", -EINVAL, 0},   {":", -EINVAL, 0},
		{"0x@", -EINVAL, 0}, {"0x`", -EINVAL, 0},
		{"1KB", -EINVAL, 0}, {"1KK", -EINVAL, 0},
		{"K", -EINVAL, 0},   {"0xK", -EINVAL, 0},
		{"1P", -EINVAL, 0},  {"99999999999999999999x", -EINVAL, 0},
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows), s2_parse_u64);
	check(rows, ARRAY_SIZE(rows), s2_parse_size);
}

static void a_number_alone_takes_no_suffix(void **state)
{
	static const struct row rows[] = {{"1K", -EINVAL, 0}, {"0x1T", -EINVAL, 0}};

	(void)state;
	check(rows, ARRAY_SIZE(rows), s2_parse_u64);
}

static void more_than_64_bits_is_out_of_range(void **state)
{
	static const struct row rows[] = {
		{"18446744073709551616", -ERANGE, 0},
		{"99999999999999999999999999", -ERANGE, 0},
		{"0x10000000000000000", -ERANGE, 0},
	};
	static const struct row sizes[] = {
		{"18014398509481984K", -ERANGE, 0},
		{"16777216T", -ERANGE, 0},
		{"18446744073709551615K", -ERANGE, 0},
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows), s2_parse_u64);
	check(rows, ARRAY_SIZE(rows), s2_parse_size);
	check(sizes, ARRAY_SIZE(sizes), s2_parse_size);
}

static void a_span_ends_where_it_says(void **state)
{
	const struct s2_span number = {"0x123", 4};
	const struct s2_span size = {"12KG", 3};
	uint64_t v = 0;

	(void)state;
	assert_i64(s2_parse_span_u64(number, &v), 0);
	assert_u64(v, 0x12);
	assert_i64(s2_parse_span_size(size, &v), 0);
	assert_u64(v, 12288);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		s2_unit_test(numbers_are_decimal_or_hexadecimal),
		s2_unit_test(sizes_take_a_suffix),
		s2_unit_test(anything_else_is_refused),
		s2_unit_test(a_number_alone_takes_no_suffix),
		s2_unit_test(more_than_64_bits_is_out_of_range),
		s2_unit_test(a_span_ends_where_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
