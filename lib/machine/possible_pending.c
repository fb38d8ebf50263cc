/* SPDX-License-Identifier: MIT */
/*
 * DCs between issue and DSB.  A closed set holds the effect of a clean or a
 * clean and invalidate before it is issued: the line could have been written
 * back, or have left, by itself.  So only its completion takes states away.
 * A DC IVAC adds losses, from its issue on, also of what is written meanwhile.
 */
#include <errno.h>
#include <stdlib.h>

#include "machine/mem.h"

static bool is_dc(enum s2_line_op op)
{
	return op == S2_LINE_CLEAN || op == S2_LINE_CLEAN_INVALIDATE || op == S2_LINE_INVALIDATE;
}

static int reserve(struct s2_pendings *list, size_t more)
{
	const size_t cap = list->cap ? 2 * list->cap + more : 8;
	struct s2_pending *ranges;

	if (list->n + more <= list->cap)
		return 0;
	ranges = realloc(list->ranges, cap * sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	list->ranges = ranges;
	list->cap = cap;
	return 0;
}

static void append(struct s2_possible *pos, struct s2_pendings *list, const struct s2_pending *dc)
{
	struct s2_pending *last = list->n ? &list->ranges[list->n - 1] : NULL;

	if (last && !last->overtaken && last->op == dc->op && last->first + last->n == dc->first) {
		last->n += dc->n;
		return;
	}
	list->ranges[list->n++] = *dc;
	pos->n_pending++;
}

int s2_memory_dc_issue(struct s2_memory *mem, unsigned cpu, enum s2_line_op op, struct s2_pa pa,
		       uint64_t size, struct s2_line_counts *counts)
{
	const struct s2_line_fn f = {
		NULL, 0, op == S2_LINE_INVALIDATE ? s2_set_invalidate_issued : s2_set_same};
	struct s2_pending dc = {.op = op};
	int ret;

	if (!mem->possible)
		return s2_memory_apply(mem, op, pa, size, counts);
	if (cpu >= mem->possible->n_cpus || !is_dc(op))
		return -EINVAL;
	ret = s2_mem_lines(mem, pa, size, &dc.first, &dc.n);
	if (!ret)
		ret = reserve(&mem->possible->pending[cpu], 1);
	/* Counts are of lines as they were; a clean that nobody counts changes nothing yet. */
	if (!ret && (counts || op == S2_LINE_INVALIDATE))
		ret = s2_mem_range_apply(mem, &f, pa, size, counts);
	if (!ret)
		append(mem->possible, &mem->possible->pending[cpu], &dc);
	return ret;
}

int s2_memory_dsb(struct s2_memory *mem, unsigned cpu)
{
	struct s2_pendings *list;

	if (!mem->possible)
		return 0;
	if (cpu >= mem->possible->n_cpus)
		return -EINVAL;
	list = &mem->possible->pending[cpu];
	while (list->n) {
		const struct s2_pending *dc = &list->ranges[list->n - 1];
		int ret = dc->overtaken ? 0
					: s2_memory_apply(mem, dc->op,
							  s2_pa(dc->first << mem->line_shift),
							  dc->n << mem->line_shift, NULL);

		if (ret)
			return ret;
		list->n--;
		mem->possible->n_pending--;
	}
	return 0;
}

static void add(struct s2_possible *pos, struct s2_pendings *list, const struct s2_pending *dc)
{
	list->ranges[list->n++] = *dc;
	pos->n_pending++;
}

static struct s2_pending common(const struct s2_pending *dc, uint64_t first, uint64_t n)
{
	const uint64_t from = dc->first > first ? dc->first : first;
	const uint64_t a = dc->first + dc->n, b = first + n;
	const struct s2_pending part = {from, (a < b ? a : b) - from, dc->op, true};

	return part;
}

static bool meets(const struct s2_pending *dc, uint64_t first, uint64_t n)
{
	return dc->first < first + n && first < dc->first + dc->n;
}

/* In place of range @i: what is before, in and after [@first, @first + @n), which it meets. */
static void cut(struct s2_possible *pos, struct s2_pendings *list, size_t i, uint64_t first,
		uint64_t n)
{
	const struct s2_pending dc = list->ranges[i];
	const struct s2_pending in = common(&dc, first, n);
	const struct s2_pending head = {dc.first, in.first - dc.first, dc.op, false};
	const uint64_t in_end = in.first + in.n;
	const struct s2_pending tail = {in_end, dc.first + dc.n - in_end, dc.op, false};

	list->ranges[i] = list->ranges[--list->n];
	pos->n_pending--;
	if (head.n)
		add(pos, list, &head);
	if (dc.op == S2_LINE_INVALIDATE)
		add(pos, list, &in);
	if (tail.n)
		add(pos, list, &tail);
}

static int overtake(struct s2_possible *pos, struct s2_pendings *list, uint64_t first, uint64_t n)
{
	/* Each range may become three; nothing is cut unless all can be. */
	int ret = list->n ? reserve(list, 2 * list->n) : 0;

	for (size_t i = list->n; i-- > 0 && !ret;)
		if (!list->ranges[i].overtaken && meets(&list->ranges[i], first, n))
			cut(pos, list, i, first, n);
	return ret;
}

int s2_possible_overtake(struct s2_memory *mem, struct s2_pa pa, uint64_t size)
{
	struct s2_possible *pos = mem->possible;
	uint64_t first, n;
	int ret = s2_mem_lines(mem, pa, size, &first, &n);

	for (unsigned cpu = 0; pos->n_pending && cpu < pos->n_cpus && !ret; cpu++)
		ret = overtake(pos, &pos->pending[cpu], first, n);
	return ret;
}

int s2_possible_lose(struct s2_memory *mem, struct s2_pa pa, uint64_t size)
{
	static const struct s2_line_fn f = {NULL, 0, s2_set_invalidate_issued};
	struct s2_possible *pos = mem->possible;
	uint64_t first, n;
	int ret = s2_mem_lines(mem, pa, size, &first, &n);

	for (unsigned cpu = 0; pos->n_pending && cpu < pos->n_cpus; cpu++) {
		const struct s2_pendings *list = &pos->pending[cpu];

		for (size_t i = 0; i < list->n && !ret; i++) {
			const struct s2_pending *dc = &list->ranges[i];
			struct s2_pending part;

			if (!dc->overtaken || !meets(dc, first, n))
				continue;
			part = common(dc, first, n);
			ret = s2_mem_range_apply(mem, &f, s2_pa(part.first << mem->line_shift),
						 part.n << mem->line_shift, NULL);
		}
	}
	return ret;
}
