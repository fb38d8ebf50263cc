/* SPDX-License-Identifier: MIT */
/* Formats that the tests go through, and the name of the case at hand. */
#ifndef STAGE2SIM_TESTS_ARCH_TLBI_FIXTURE_H
#define STAGE2SIM_TESTS_ARCH_TLBI_FIXTURE_H

#include <stage2sim/tlbi.h>
#include "support.h"

#define PAGES_MAX (UINT64_C(1) << 21)

/* {page_shift, ttl, lpa2, tlbirange} */
static const struct s2_tlbi_format fmt4 = {12, true, false, true};
static const struct s2_tlbi_format fmt16 = {14, true, false, true};
static const struct s2_tlbi_format fmt64 = {16, true, false, true};
static const struct s2_tlbi_format fmt4_lpa2 = {12, true, true, true};
static const struct s2_tlbi_format fmt16_lpa2 = {14, true, true, true};
static const struct s2_tlbi_format fmt4_no_ttl = {12, false, false, true};
static const struct s2_tlbi_format fmt4_no_range = {12, true, false, false};

static const struct s2_tlbi_format *const formats[] = {
	&fmt4, &fmt16, &fmt64, &fmt4_lpa2, &fmt16_lpa2,
};

static inline void name_format(const struct s2_tlbi_format *fmt, const char *what, uint64_t value)
{
	s2_test_row("2^%d ttl %d lpa2 %d range %d, %s 0x%" PRIx64, fmt->page_shift, fmt->ttl,
		    fmt->lpa2, fmt->tlbirange, what, value);
}

#endif
