/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A cursor over one line, and the small steps that read a print format.
 *
 * Each step returns true and moves on, or returns false and leaves the cursor
 * where the line stopped matching, with what was wanted there.  So a format
 * reads as the list of its parts joined by &&:
 *
 *     S2_LIT(c, " ipa=") && s2_scan_0x(c, &ipa) && s2_scan_end(c)
 *
 * Private to lib/study/trace*.c.  Hand-written because sscanf() takes a
 * microsecond a line and neither sees an overflow nor says where it stopped.
 */
#ifndef STAGE2SIM_STUDY_TRACE_SCAN_H
#define STAGE2SIM_STUDY_TRACE_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/** What a cursor wanted when it stopped. */
enum s2_scan_want {
	S2_WANT_TEXT,	 /**< the text last tried */
	S2_WANT_HEX,	 /**< hexadecimal digits after the text last read */
	S2_WANT_DECIMAL, /**< decimal digits after it */
	S2_WANT_WORD,	 /**< some word after it */
	S2_WANT_RANGE,	 /**< a smaller number after it */
	S2_WANT_END,	 /**< nothing more */
};

struct s2_cursor {
	const char *p;
	const char *end;
	const char *text; /**< last literal tried, for messages */
	enum s2_scan_want want;
};

static inline bool s2_scan_miss(struct s2_cursor *c, enum s2_scan_want want)
{
	c->want = want;
	return false;
}

/** Exactly the bytes of @p text; use it through S2_LIT(). */
static inline bool s2_scan_text(struct s2_cursor *c, const char *text, size_t len)
{
	c->text = text;
	if ((size_t)(c->end - c->p) < len || memcmp(c->p, text, len) != 0)
		return s2_scan_miss(c, S2_WANT_TEXT);
	c->p += len;
	return true;
}

/** Exactly the characters of a string literal. */
#define S2_LIT(c, literal) s2_scan_text((c), "" literal, sizeof(literal) - 1)

/** Does the rest begin with a literal?  Moves nothing. */
#define S2_AT(c, literal)                                      \
	((size_t)((c)->end - (c)->p) >= sizeof(literal) - 1 && \
	 memcmp((c)->p, "" literal, sizeof(literal) - 1) == 0)

/** The end of the line. */
static inline bool s2_scan_end(struct s2_cursor *c)
{
	return c->p == c->end || s2_scan_miss(c, S2_WANT_END);
}

static inline bool s2_is_digit(char ch)
{
	return (unsigned char)(ch - '0') < 10;
}

/** A hexadecimal digit's value plus one; 0 for any other character. */
static const unsigned char s2_hex_digit[256] = {
	['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,	['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/** Do these hexadecimal digits fit 64 bits, the zeros in front left aside? */
static inline bool s2_hex_fits(const char *digits, const char *end)
{
	while (digits < end && *digits == '0')
		digits++;
	return end - digits <= 16;
}

/** Hexadecimal digits without 0x. */
static inline bool s2_scan_hex(struct s2_cursor *c, uint64_t *value)
{
	const char *p = c->p;
	uint64_t v = 0;
	unsigned int d;

	for (; p < c->end && (d = s2_hex_digit[(unsigned char)*p]) != 0; p++)
		v = v << 4 | (d - 1);
	if (p == c->p)
		return s2_scan_miss(c, S2_WANT_HEX);
	if (p - c->p > 16 && !s2_hex_fits(c->p, p))
		return s2_scan_miss(c, S2_WANT_RANGE);
	c->p = p;
	*value = v;
	return true;
}

/** A hexadecimal number with its 0x. */
static inline bool s2_scan_0x(struct s2_cursor *c, uint64_t *value)
{
	if (!S2_AT(c, "0x"))
		return s2_scan_miss(c, S2_WANT_HEX);
	c->p += 2;
	return s2_scan_hex(c, value);
}

/**
 * A hexadecimal number with its 0x that is printed with zeros in front up to
 * @p width digits, or @p old_width by older kernels: fewer digits are a number
 * that was cut.
 */
static inline bool s2_scan_padded(struct s2_cursor *c, int width, int old_width, uint64_t *value)
{
	const char *const from = c->p;
	int digits;

	if (!s2_scan_0x(c, value))
		return false;
	digits = (int)(c->p - from) - 2;
	if (digits >= width || digits == old_width || (digits > old_width && from[2] != '0'))
		return true;
	return s2_scan_miss(c, S2_WANT_HEX);
}

/** Decimal digits, up to @p max. */
static inline bool s2_scan_decimal(struct s2_cursor *c, uint64_t max, uint64_t *value)
{
	const char *p = c->p;
	bool wraps = false;
	uint64_t v = 0;

	for (; p < c->end && s2_is_digit(*p); p++) {
		const unsigned int d = (unsigned int)(*p - '0');

		/* Below this no digit can wrap, and most numbers stay there. */
		if (v >= UINT64_MAX / 10)
			wraps |= v > (UINT64_MAX - d) / 10;
		v = v * 10 + d;
	}
	if (p == c->p)
		return s2_scan_miss(c, S2_WANT_DECIMAL);
	if (wraps || v > max)
		return s2_scan_miss(c, S2_WANT_RANGE);
	c->p = p;
	*value = v;
	return true;
}

/** Decimal digits with a sign in front if negative, of 32 bits. */
static inline bool s2_scan_s32(struct s2_cursor *c, int32_t *value)
{
	const bool negative = c->p < c->end && *c->p == '-';
	uint64_t v;

	c->p += negative;
	if (!s2_scan_decimal(c, (uint64_t)INT32_MAX + negative, &v))
		return false;
	*value = (int32_t)(negative ? -(int64_t)v : (int64_t)v);
	return true;
}

/**
 * At least one character other than @p stop, up to it; it must be there.  If it
 * is not, the cursor goes to the end: all the rest is the word.
 */
static inline bool s2_scan_until(struct s2_cursor *c, char stop)
{
	const char *const from = c->p;
	const char *const at = memchr(from, stop, (size_t)(c->end - from));

	c->p = at != NULL ? at : c->end;
	return (at != NULL && at > from) || s2_scan_miss(c, S2_WANT_WORD);
}

#endif
