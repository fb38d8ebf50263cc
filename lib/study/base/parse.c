/* SPDX-License-Identifier: MIT */
/* Numbers and sizes as people write them; see parse.h. */
#include "study/base/parse.h"

#include <errno.h>
#include <string.h>

/** The value of a digit in bases up to 16, or 16 when it is none. */
static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	return 16;
}

static int parse_digits(struct s2_span span, unsigned int base, uint64_t *value)
{
	uint64_t v = 0;

	if (span.len == 0)
		return -EINVAL;
	/* A malformed number is malformed however large: look at all of it first. */
	for (size_t i = 0; i < span.len; i++) {
		if (digit_value(span.text[i]) >= base)
			return -EINVAL;
	}
	for (size_t i = 0; i < span.len; i++) {
		const unsigned int d = digit_value(span.text[i]);

		if (v > (UINT64_MAX - d) / base)
			return -ERANGE;
		v = v * base + d;
	}
	*value = v;
	return 0;
}

int s2_parse_span_u64(struct s2_span span, uint64_t *value)
{
	if (span.len >= 2 && span.text[0] == '0' && (span.text[1] | 0x20) == 'x') {
		span.text += 2;
		span.len -= 2;
		return parse_digits(span, 16, value);
	}
	return parse_digits(span, 10, value);
}

/** log2 of what a size's last letter stands for, 0 when it is no such letter. */
static unsigned int suffix_shift(char c)
{
	switch (c) {
	case 'k':
	case 'K':
		return 10;
	case 'm':
	case 'M':
		return 20;
	case 'g':
	case 'G':
		return 30;
	case 't':
	case 'T':
		return 40;
	default:
		return 0;
	}
}

int s2_parse_span_size(struct s2_span span, uint64_t *bytes)
{
	const unsigned int shift = span.len ? suffix_shift(span.text[span.len - 1]) : 0;
	uint64_t v;
	int err;

	if (shift != 0)
		span.len--;
	err = s2_parse_span_u64(span, &v);
	if (err < 0)
		return err;
	if (v > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = v << shift;
	return 0;
}

int s2_parse_u64(const char *text, uint64_t *value)
{
	const struct s2_span span = {text, strlen(text)};

	return s2_parse_span_u64(span, value);
}

int s2_parse_size(const char *text, uint64_t *bytes)
{
	const struct s2_span span = {text, strlen(text)};

	return s2_parse_span_size(span, bytes);
}
