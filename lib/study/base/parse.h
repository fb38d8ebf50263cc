/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Numbers and sizes as people write them in options and small files.
 *
 * A number is decimal, or hexadecimal after 0x.  A size may end in one of the
 * letters K, M, G or T (either case), which stand for 2^10, 2^20, 2^30 and
 * 2^40.  No sign, no blanks, no fraction, nothing after it.
 *
 * Each call returns 0; -EINVAL when the text is not of that form; -ERANGE when
 * the value needs more than 64 bits.  After an error the output is unchanged.
 */
#ifndef STAGE2SIM_STUDY_PARSE_H
#define STAGE2SIM_STUDY_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include <stage2sim/types.h>

/** Some bytes inside someone else's text: not owned, not terminated. */
struct s2_span {
	const char *text;
	size_t len;
};

/** Read the whole of the C string @p text as a number. */
S2_API int s2_parse_u64(const char *text, uint64_t *value);

/** Read the whole of the C string @p text as a size in bytes, e.g. "64G". */
S2_API int s2_parse_size(const char *text, uint64_t *bytes);

/** s2_parse_u64() of a span. */
S2_API int s2_parse_span_u64(struct s2_span span, uint64_t *value);

/** s2_parse_size() of a span. */
S2_API int s2_parse_span_size(struct s2_span span, uint64_t *bytes);

#endif
