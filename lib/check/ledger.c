/* SPDX-License-Identifier: MIT */
/*
 * Runs lie in leaves, each sorted and at most LEAF_RUNS long, and leaves in one sorted
 * array: a run that is put in moves the rest of its leaf, and seldom the leaves' pointers.
 */
#include "check/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEAF_RUNS 128U

struct s2_ledger_leaf {
	size_t n; /* at least 1 */
	struct s2_ledger_run runs[LEAF_RUNS];
};

/* A run, or (leaf == n) what is behind the last one. */
struct place {
	size_t leaf, run;
};

void s2_ledger_free(struct s2_ledger *l)
{
	while (l->n)
		free(l->leaves[--l->n]);
	while (l->n_spare)
		free(l->spare[--l->n_spare]);
	free(l->leaves);
	free(l->spare);
}

static struct s2_ledger_run *run_at(const struct s2_ledger *l, struct place at)
{
	return at.leaf < l->n ? &l->leaves[at.leaf]->runs[at.run] : NULL;
}

static struct place next_place(const struct s2_ledger *l, struct place at)
{
	if (++at.run == l->leaves[at.leaf]->n)
		at = (struct place){at.leaf + 1, 0};
	return at;
}

static const struct s2_ledger_run *last_of(const struct s2_ledger_leaf *leaf)
{
	return &leaf->runs[leaf->n - 1];
}

/* The first run that ends after @line. */
static struct place find(const struct s2_ledger *l, uint64_t line)
{
	size_t low = 0, high = l->n;
	struct place at;

	/* Accesses go upwards more often than not. */
	if (l->n && last_of(l->leaves[l->n - 1])->end <= line)
		return (struct place){l->n, 0};
	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (last_of(l->leaves[mid])->end > line)
			high = mid;
		else
			low = mid + 1;
	}
	at = (struct place){low, 0};
	high = low < l->n ? l->leaves[low]->n : 0;
	while (at.run < high) {
		const size_t mid = at.run + (high - at.run) / 2;

		if (l->leaves[low]->runs[mid].end > line)
			high = mid;
		else
			at.run = mid + 1;
	}
	return at;
}

const struct s2_ledger_run *s2_ledger_find(const struct s2_ledger *l, uint64_t line)
{
	return run_at(l, find(l, line));
}

static int grow(struct s2_ledger_leaf ***array, size_t *cap, size_t need)
{
	size_t more = *cap ? *cap : 16;
	struct s2_ledger_leaf **grown;

	while (more < need)
		more *= 2;
	if (more == *cap)
		return 0;
	grown = realloc(*array, more * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*cap = more;
	return 0;
}

/*
 * Leaves for @runs more: one that is full gives half of its runs away, and takes as many
 * before it is full again.
 */
static int room_for(struct s2_ledger *l, size_t runs)
{
	const size_t leaves = 3 + runs / (LEAF_RUNS / 2);

	/* As many as there are may come back as spare ones. */
	if (grow(&l->leaves, &l->cap, l->n + leaves) ||
	    grow(&l->spare, &l->spare_cap, l->n + l->n_spare + leaves))
		return -ENOMEM;
	while (l->n_spare < leaves) {
		struct s2_ledger_leaf *leaf = malloc(sizeof(*leaf));

		if (!leaf)
			return -ENOMEM;
		l->spare[l->n_spare++] = leaf;
	}
	return 0;
}

/* A new leaf before leaf @at; there is room. */
static struct s2_ledger_leaf *add_leaf(struct s2_ledger *l, size_t at)
{
	struct s2_ledger_leaf *leaf = l->spare[--l->n_spare];

	memmove(&l->leaves[at + 1], &l->leaves[at], (l->n++ - at) * sizeof(*l->leaves));
	l->leaves[at] = leaf;
	leaf->n = 0;
	return leaf;
}

/* Makes room in the leaf of @at. @return where @at is then */
static struct place split(struct s2_ledger *l, struct place at)
{
	struct s2_ledger_leaf *full = l->leaves[at.leaf], *rest = add_leaf(l, at.leaf + 1);

	rest->n = LEAF_RUNS / 2;
	full->n -= rest->n;
	memcpy(rest->runs, &full->runs[full->n], rest->n * sizeof(*rest->runs));
	return at.run <= full->n ? at : (struct place){at.leaf + 1, at.run - full->n};
}

/* Before @at; there is room. @return where it is */
static struct place insert(struct s2_ledger *l, struct place at, const struct s2_ledger_run *run)
{
	struct s2_ledger_leaf *leaf;

	if (!l->n)
		add_leaf(l, 0);
	if (at.leaf == l->n)
		at = (struct place){l->n - 1, l->leaves[l->n - 1]->n};
	if (l->leaves[at.leaf]->n == LEAF_RUNS)
		at = split(l, at);
	leaf = l->leaves[at.leaf];
	memmove(&leaf->runs[at.run + 1], &leaf->runs[at.run], (leaf->n++ - at.run) * sizeof(*run));
	leaf->runs[at.run] = *run;
	return at;
}

/* Cuts the run that has @line inside, if there is one. */
static void cut(struct s2_ledger *l, uint64_t line)
{
	const struct place at = find(l, line);
	struct s2_ledger_run *run = run_at(l, at), head;

	if (!run || run->first >= line)
		return;
	head = *run;
	head.end = line;
	run->first = line;
	insert(l, at, &head);
}

/* How many stretches of [first, end) no run has. */
static size_t count_gaps(const struct s2_ledger *l, uint64_t first, uint64_t end)
{
	struct place at = find(l, first);
	size_t n = 0;

	while (first < end) {
		const struct s2_ledger_run *run = run_at(l, at);
		const uint64_t next = run && run->first < end ? run->first : end;

		n += next > first;
		first = next < end ? run->end : end;
		if (run)
			at = next_place(l, at);
	}
	return n;
}

/* Runs that make up exactly [first, end); what no run has becomes @vm's with version 0. */
static int cover(struct s2_ledger *l, uint64_t first, uint64_t end, uint32_t vm)
{
	struct s2_ledger_run untouched = {.vm = vm};
	struct place at;

	if (room_for(l, 2 + count_gaps(l, first, end)))
		return -ENOMEM;
	cut(l, first);
	cut(l, end);
	for (at = find(l, first); first < end; at = next_place(l, at)) {
		const struct s2_ledger_run *run = run_at(l, at);

		if (!run || run->first != first) {
			untouched.first = first;
			untouched.end = run && run->first < end ? run->first : end;
			at = insert(l, at, &untouched);
		}
		first = run_at(l, at)->end;
	}
	return 0;
}

static bool alike(const struct s2_ledger_run *a, const struct s2_ledger_run *b)
{
	return a->end == b->first && a->vm == b->vm && a->given == b->given && a->last == b->last &&
	       a->writer == b->writer && a->alone == b->alone && a->owed == b->owed && a->to_ipa == b->to_ipa &&
	       !memcmp(a->state, b->state, sizeof(a->state));
}

/* Within a leaf, from run @from on: joins to @kept what is alike. @return the run kept last */
static struct s2_ledger_run *join_leaf(struct s2_ledger_leaf *leaf, size_t from, uint64_t end,
				       struct s2_ledger_run *kept)
{
	size_t to = from, i = from;

	for (; i < leaf->n && leaf->runs[i].first <= end; i++) {
		if (kept && alike(kept, &leaf->runs[i])) {
			kept->end = leaf->runs[i].end;
			continue;
		}
		if (to != i)
			leaf->runs[to] = leaf->runs[i];
		kept = &leaf->runs[to++];
	}
	if (to != i)
		memmove(&leaf->runs[to], &leaf->runs[i], (leaf->n - i) * sizeof(*kept));
	leaf->n -= i - to;
	return kept;
}

/* Joins runs that are alike and adjoin, from the one before @first to the one after @end. */
static void join(struct s2_ledger *l, uint64_t first, uint64_t end)
{
	struct place at = find(l, first ? first - 1 : 0);
	struct s2_ledger_run *kept = NULL;
	size_t to = at.leaf, i = at.leaf;

	for (; i < l->n && l->leaves[i]->runs[i == at.leaf ? at.run : 0].first <= end; i++) {
		kept = join_leaf(l->leaves[i], i == at.leaf ? at.run : 0, end, kept);
		if (l->leaves[i]->n)
			l->leaves[to++] = l->leaves[i];
		else
			l->spare[l->n_spare++] = l->leaves[i];
	}
	if (to != i)
		memmove(&l->leaves[to], &l->leaves[i], (l->n - i) * sizeof(*l->leaves));
	l->n -= i - to;
}

static void on_each(struct s2_ledger *l, uint64_t first, uint64_t end, s2_ledger_fn fn, void *arg)
{
	struct s2_ledger_run *run;

	for (struct place at = find(l, first); (run = run_at(l, at)) && run->first < end;
	     at = next_place(l, at))
		fn(arg, run);
}

int s2_ledger_change(struct s2_ledger *l, uint64_t first, uint64_t end, uint32_t vm,
		     s2_ledger_fn fn, void *arg)
{
	if (cover(l, first, end, vm))
		return -ENOMEM;
	on_each(l, first, end, fn, arg);
	join(l, first, end);
	return 0;
}

void s2_ledger_change_runs(struct s2_ledger *l, uint64_t first, uint64_t end, s2_ledger_fn fn,
			   void *arg)
{
	on_each(l, first, end, fn, arg);
	join(l, first, end);
}
