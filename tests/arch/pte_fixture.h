/* SPDX-License-Identifier: MIT */
/* Formats that the tests go through, and the name of the case at hand. */
#ifndef STAGE2SIM_TESTS_ARCH_PTE_FIXTURE_H
#define STAGE2SIM_TESTS_ARCH_PTE_FIXTURE_H

#include <stage2sim/pte.h>
#include "support.h"

/* {page_shift, pa_bits, lpa2, fwb, xnx} */
static const struct s2_pte_format formats[] = {
	{12, 48, false, false, false}, {12, 40, false, true, false},  {12, 48, false, false, true},
	{12, 52, true, false, false},  {12, 52, true, true, true},    {12, 48, true, false, false},
	{14, 48, false, false, false}, {14, 44, false, true, true},   {14, 52, true, false, true},
	{14, 52, true, true, false},   {16, 48, false, false, false}, {16, 52, false, false, true},
	{16, 52, false, true, false},  {16, 32, false, true, true},
};

static const struct s2_pte_format plain = {12, 48, false, false, false};
static const struct s2_pte_format fwb = {12, 48, false, true, false};
static const struct s2_pte_format xnx = {12, 48, false, false, true};
static const struct s2_pte_format lpa2 = {12, 52, true, false, false};
static const struct s2_pte_format large = {16, 52, false, false, false};

static inline void name_format(const struct s2_pte_format *fmt, const char *what, uint64_t value)
{
	s2_test_row("2^%d pa_bits %d lpa2 %d fwb %d xnx %d, %s 0x%" PRIx64, fmt->page_shift,
		    fmt->pa_bits, fmt->lpa2, fmt->fwb, fmt->xnx, what, value);
}

static inline uint64_t bit(unsigned n)
{
	return UINT64_C(1) << n;
}

/* The attributes for @prot, which must be accepted. */
static inline s2_pte attr_of(const struct s2_pte_format *fmt, unsigned prot)
{
	s2_pte attr = 0;

	assert_i64(s2_pte_attr(fmt, prot, &attr), 0);
	return attr;
}

static inline s2_pte leaf_of(const struct s2_pte_format *fmt, uint64_t pa, s2_pte attr, int level)
{
	s2_pte pte = 0;

	assert_i64(s2_pte_make_leaf(fmt, s2_pa(pa), attr, level, &pte), 0);
	return pte;
}

static inline s2_pte table_of(const struct s2_pte_format *fmt, uint64_t pa)
{
	s2_pte pte = 0;

	assert_i64(s2_pte_make_table(fmt, s2_pa(pa), &pte), 0);
	return pte;
}

#endif
