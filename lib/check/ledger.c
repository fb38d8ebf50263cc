/* SPDX-License-Identifier: MIT */
#include "check/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void s2_ledger_free(struct s2_ledger *l)
{
	free(l->runs);
}

size_t s2_ledger_find(const struct s2_ledger *l, uint64_t line)
{
	size_t low = 0, high = l->n;

	/* Accesses go upwards more often than not. */
	if (l->n && l->runs[l->n - 1].end <= line)
		return l->n;
	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (l->runs[mid].end > line)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static int room_for(struct s2_ledger *l, size_t more)
{
	size_t cap = l->cap ? l->cap : 64;
	struct s2_ledger_run *runs;

	while (cap < l->n + more)
		cap *= 2;
	if (cap == l->cap)
		return 0;
	runs = realloc(l->runs, cap * sizeof(*runs));
	if (!runs)
		return -ENOMEM;
	l->runs = runs;
	l->cap = cap;
	return 0;
}

/* There is room. */
static void insert(struct s2_ledger *l, size_t at, const struct s2_ledger_run *run)
{
	memmove(&l->runs[at + 1], &l->runs[at], (l->n - at) * sizeof(*l->runs));
	l->runs[at] = *run;
	l->n++;
}

/* Cuts the run that has @line inside, if there is one. */
static void cut(struct s2_ledger *l, uint64_t line)
{
	const size_t i = s2_ledger_find(l, line);
	struct s2_ledger_run head;

	if (i == l->n || l->runs[i].first >= line)
		return;
	head = l->runs[i];
	head.end = line;
	l->runs[i].first = line;
	insert(l, i, &head);
}

/* How many stretches of [first, end) no run has. */
static size_t count_gaps(const struct s2_ledger *l, uint64_t first, uint64_t end)
{
	size_t n = 0;

	for (size_t i = s2_ledger_find(l, first); first < end; i++) {
		const uint64_t next = i < l->n && l->runs[i].first < end ? l->runs[i].first : end;

		n += next > first;
		first = next < end ? l->runs[i].end : end;
	}
	return n;
}

int s2_ledger_cover(struct s2_ledger *l, uint64_t first, uint64_t end, uint32_t vm, size_t *from,
		    size_t *to)
{
	struct s2_ledger_run untouched = {.vm = vm};

	if (room_for(l, 2 + count_gaps(l, first, end)))
		return -ENOMEM;
	cut(l, first);
	cut(l, end);
	*from = s2_ledger_find(l, first);
	for (*to = *from; first < end; first = l->runs[(*to)++].end) {
		if (*to < l->n && l->runs[*to].first == first)
			continue;
		untouched.first = first;
		untouched.end = *to < l->n && l->runs[*to].first < end ? l->runs[*to].first : end;
		insert(l, *to, &untouched);
	}
	return 0;
}

static bool alike(const struct s2_ledger_run *a, const struct s2_ledger_run *b)
{
	return a->end == b->first && a->vm == b->vm && a->given == b->given && a->last == b->last &&
	       a->writer == b->writer && a->alone == b->alone && a->owed == b->owed && a->to_ipa == b->to_ipa &&
	       !memcmp(a->state, b->state, sizeof(a->state));
}

void s2_ledger_join(struct s2_ledger *l, size_t from, size_t to)
{
	size_t kept = from ? from - 1 : 0, next;

	to = to < l->n ? to + 1 : l->n;
	if (to <= kept)
		return;
	for (next = kept + 1; next < to; next++) {
		if (alike(&l->runs[kept], &l->runs[next]))
			l->runs[kept].end = l->runs[next].end;
		else
			l->runs[++kept] = l->runs[next];
	}
	kept++;
	memmove(&l->runs[kept], &l->runs[to], (l->n - to) * sizeof(*l->runs));
	l->n -= to - kept;
}
