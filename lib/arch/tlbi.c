/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <stage2sim/field.h>
#include <stage2sim/tlbi.h>

/* Fields of both forms. */
#define OPERAND_TG S2_BITS(47, 46)
/* Fields of the single form.  TG and level together are Arm's TTL[3:0]. */
#define SINGLE_LEVEL S2_BITS(45, 44)
#define SINGLE_PAGE  S2_BITS(43, 0)
/* Fields of the range form.  ASID, 63:48, is not for invalidation by IPA. */
#define RANGE_SCALE S2_BITS(45, 44)
#define RANGE_NUM   S2_BITS(43, 39)
#define RANGE_TTL   S2_BITS(38, 37)
#define RANGE_BADDR S2_BITS(36, 0)

/* The single form counts 4 KiB units whatever the granule. */
#define SINGLE_UNIT_SHIFT 12U
/* With LPA2 BADDR counts 64 KiB units, so that 37 bits reach 52-bit addresses. */
#define LPA2_UNIT_SHIFT 16U

#define MAX_NUM	  31U
#define MAX_SCALE 3U

/* 1, 2, 3 for 4, 16, 64 KiB; 0 in an operand says that there is no hint. */
static unsigned granule_code(const struct s2_tlbi_format *fmt)
{
	return (fmt->page_shift - 10U) / 2U;
}

static bool tlbi_format_known(const struct s2_tlbi_format *fmt)
{
	return fmt->page_shift == S2_GRANULE_4K || fmt->page_shift == S2_GRANULE_16K ||
	       fmt->page_shift == S2_GRANULE_64K;
}

static unsigned baddr_shift(const struct s2_tlbi_format *fmt)
{
	return fmt->lpa2 ? LPA2_UNIT_SHIFT : fmt->page_shift;
}

static bool is_aligned(uint64_t addr, unsigned shift)
{
	return (addr & ((UINT64_C(1) << shift) - 1U)) == 0;
}

/*
 * Hints for levels that the granule has leaves at.  The rest is reserved, and
 * hardware takes it for no hint: level 0 but for 4 KiB with LPA2, level 1 of
 * 16 KiB without LPA2.
 */
static int8_t decode_level(const struct s2_tlbi_format *fmt, unsigned level)
{
	if (level == 0 && !(fmt->lpa2 && fmt->page_shift == S2_GRANULE_4K))
		return S2_TTL_UNKNOWN;
	if (level == 1 && fmt->page_shift == S2_GRANULE_16K && !fmt->lpa2)
		return S2_TTL_UNKNOWN;
	return (int8_t)level;
}

uint64_t s2_tlbi_ipa_operand(const struct s2_tlbi_format *fmt, struct s2_ipa ipa, int level)
{
	uint64_t operand = s2_field_put(ipa.v >> SINGLE_UNIT_SHIFT, SINGLE_PAGE);

	if (fmt->ttl && level >= 0 && level <= S2_LAST_LEVEL) {
		operand |= s2_field_put(granule_code(fmt), OPERAND_TG);
		operand |= s2_field_put((uint64_t)level, SINGLE_LEVEL);
	}
	return operand;
}

struct s2_tlbi_span s2_tlbi_ipa_decode(const struct s2_tlbi_format *fmt, uint64_t operand)
{
	const uint64_t size = tlbi_format_known(fmt) ? UINT64_C(1) << fmt->page_shift : 0;
	const uint64_t ipa = s2_field_get(operand, SINGLE_PAGE) << SINGLE_UNIT_SHIFT;
	struct s2_tlbi_span span = {s2_ipa(ipa & ~(size - 1U)), size, S2_TTL_UNKNOWN};
	unsigned granule;

	/* Without FEAT_TTL the hint's bits are RES0: ignored. */
	if (!fmt->ttl || !size)
		return span;
	granule = (unsigned)s2_field_get(operand, OPERAND_TG);
	if (granule == 0)
		return span;
	if (granule != granule_code(fmt))
		span.size = 0;
	else
		span.level = decode_level(fmt, (unsigned)s2_field_get(operand, SINGLE_LEVEL));
	return span;
}

/* A range operand of checked parts. */
static uint64_t range_operand(const struct s2_tlbi_format *fmt, uint64_t start, unsigned num,
			      unsigned scale, int level)
{
	uint64_t operand = s2_field_put(granule_code(fmt), OPERAND_TG);

	operand |= s2_field_put(scale, RANGE_SCALE) | s2_field_put(num, RANGE_NUM);
	operand |= s2_field_put(start >> baddr_shift(fmt), RANGE_BADDR);
	/* Level 0 has no code here: 0 is "no hint". */
	if (level >= 1 && level <= S2_LAST_LEVEL)
		operand |= s2_field_put((uint64_t)level, RANGE_TTL);
	return operand;
}

int s2_tlbi_range_operand(const struct s2_tlbi_format *fmt, struct s2_ipa start, unsigned num,
			  unsigned scale, int level, uint64_t *operand)
{
	const unsigned shift = baddr_shift(fmt);

	if (!tlbi_format_known(fmt) || num > MAX_NUM || scale > MAX_SCALE ||
	    !is_aligned(start.v, shift))
		return -EINVAL;
	if (start.v >> shift > s2_field_get(RANGE_BADDR, RANGE_BADDR))
		return -ERANGE;

	*operand = range_operand(fmt, start.v, num, scale, level);
	return 0;
}

int s2_tlbi_range_decode(const struct s2_tlbi_format *fmt, uint64_t operand,
			 struct s2_tlbi_span *span)
{
	const unsigned num = (unsigned)s2_field_get(operand, RANGE_NUM);
	const unsigned scale = (unsigned)s2_field_get(operand, RANGE_SCALE);
	const unsigned level = (unsigned)s2_field_get(operand, RANGE_TTL);

	if (!tlbi_format_known(fmt) || s2_field_get(operand, OPERAND_TG) != granule_code(fmt))
		return -EINVAL;

	span->start = s2_ipa(s2_field_get(operand, RANGE_BADDR) << baddr_shift(fmt));
	span->size = s2_tlbi_range_pages(num, scale) << fmt->page_shift;
	span->level = level == 0 ? S2_TTL_UNKNOWN : decode_level(fmt, level);
	return 0;
}

/* What is left to split, and where the operations go. */
struct split {
	const struct s2_tlbi_format *fmt;
	uint64_t addr;
	uint64_t pages;
	int level;
	int count;
	void (*emit)(void *arg, const struct s2_tlbi_op *op);
	void *arg;
};

static void split_emit(struct split *s, const struct s2_tlbi_op *op, uint64_t pages)
{
	if (s->emit)
		s->emit(s->arg, op);
	s->count++;
	s->addr += pages << s->fmt->page_shift;
	s->pages -= pages;
}

static void split_page(struct split *s)
{
	const struct s2_tlbi_op op = {
		.operand = s2_tlbi_ipa_operand(s->fmt, s2_ipa(s->addr), s->level),
	};

	split_emit(s, &op, 1);
}

static void split_range(struct split *s, unsigned num, unsigned scale)
{
	const struct s2_tlbi_op op = {
		.range = true,
		.operand = range_operand(s->fmt, s->addr, num, scale, s->level),
	};

	split_emit(s, &op, s2_tlbi_range_pages(num, scale));
}

/* The multiples of @scale's unit in @pages: NUM + 1, if there is one. */
static unsigned count_units(uint64_t pages, unsigned scale)
{
	return (unsigned)(pages / s2_tlbi_range_pages(0, scale));
}

/*
 * Scale 3 first.  A page on its own keeps the scale: with LPA2 such pages come
 * before the first range, and every range from a 64 KiB boundary ends on one
 * unless it is of scale 0, which leaves one page at most.  So scale 0 always
 * ends the ranges.
 */
static void split_descending(struct split *s)
{
	const unsigned unit_shift = baddr_shift(s->fmt);
	unsigned scale = MAX_SCALE;

	while (s->pages > 0) {
		unsigned units;

		if (!s->fmt->tlbirange || s->pages == 1 || !is_aligned(s->addr, unit_shift)) {
			split_page(s);
			continue;
		}
		units = count_units(s->pages, scale);
		if (units > 0)
			split_range(s, units - 1U, scale);
		scale--;
	}
}

/* An odd page first, then scale 0 upwards, each taking its five bits of the size. */
static void split_ascending(struct split *s)
{
	unsigned scale = 0;

	while (s->pages > 0) {
		unsigned units;

		if (!s->fmt->tlbirange || s->pages % 2U == 1U) {
			split_page(s);
			continue;
		}
		units = count_units(s->pages, scale) & MAX_NUM;
		if (units > 0)
			split_range(s, units - 1U, scale);
		scale++;
	}
}

/* @return log2 of the end of the IPA space that the format's descriptors can have. */
static unsigned ipa_bits(const struct s2_tlbi_format *fmt)
{
	return fmt->lpa2 || fmt->page_shift == S2_GRANULE_64K ? 52U : 48U;
}

static int check_range(const struct s2_tlbi_format *fmt, enum s2_range_order order,
		       struct s2_ipa start, uint64_t pages)
{
	const bool ascending = order == S2_RANGE_ASCENDING;
	uint64_t limit, first;

	if (!tlbi_format_known(fmt) || (unsigned)order > S2_RANGE_ASCENDING)
		return -EINVAL;
	limit = UINT64_C(1) << (ipa_bits(fmt) - fmt->page_shift);
	first = start.v >> fmt->page_shift;
	if (!is_aligned(start.v, fmt->page_shift) || pages == 0)
		return -EINVAL;
	if (ascending && fmt->lpa2)
		return -EINVAL;
	if (pages > S2_TLBI_RANGE_MAX_PAGES - (ascending ? 1U : 0U))
		return -ERANGE;
	return first > limit - pages ? -ERANGE : 0;
}

int s2_tlbi_range_decompose(const struct s2_tlbi_format *fmt, enum s2_range_order order,
			    struct s2_ipa start, uint64_t pages, int level,
			    void (*emit)(void *arg, const struct s2_tlbi_op *op), void *arg)
{
	struct split s = {fmt, start.v, pages, level, 0, emit, arg};
	const int err = check_range(fmt, order, start, pages);

	if (err)
		return err;

	if (order == S2_RANGE_ASCENDING)
		split_ascending(&s);
	else
		split_descending(&s);
	return s.count;
}
