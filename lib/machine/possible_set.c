/* SPDX-License-Identifier: MIT */
/*
 * Sets of states, and what becomes of them.  Each function reads as its rule
 * over single states does, and leaves a closed set.
 */
#include <errno.h>
#include <stdlib.h>

#include "machine/possible.h"

#define CELL_WORDS (sizeof(struct s2_version_cell) / sizeof(uint32_t))
#define SET_WORDS  (sizeof(struct s2_set) / sizeof(uint32_t))

int s2_possible_create(unsigned cpus, struct s2_possible **out)
{
	const uint32_t nothing[CELL_WORDS] = {0};
	struct s2_possible *pos = calloc(1, sizeof(*pos) + cpus * sizeof(pos->pending[0]));
	uint32_t empty;

	if (!pos)
		return -ENOMEM;
	pos->n_cpus = cpus;
	pos->cells.words = CELL_WORDS;
	pos->sets.words = SET_WORDS;
	if (s2_intern_get(&pos->cells, nothing, &empty)) { /* S2_NO_VERSIONS */
		s2_possible_destroy(pos);
		return -ENOMEM;
	}
	*out = pos;
	return 0;
}

void s2_possible_destroy(struct s2_possible *pos)
{
	if (!pos)
		return;
	for (unsigned cpu = 0; cpu < pos->n_cpus; cpu++)
		free(pos->pending[cpu].ranges);
	s2_intern_free(&pos->cells);
	s2_intern_free(&pos->sets);
	free(pos->scratch);
	free(pos);
}

uint64_t s2_possible_bytes(const struct s2_possible *pos)
{
	return sizeof(*pos) + pos->n_cpus * sizeof(pos->pending[0]) + s2_intern_bytes(&pos->cells) +
	       s2_intern_bytes(&pos->sets) + pos->scratch_cap * sizeof(*pos->scratch);
}

struct s2_version_cell s2_versions_head(const struct s2_possible *pos, s2_versions list)
{
	const uint32_t *r = s2_intern_record(&pos->cells, list);
	const struct s2_version_cell cell = {r[0], r[1], r[2], r[3]};

	return cell;
}

int s2_versions_cons(struct s2_possible *pos, uint32_t version, s2_versions list, s2_versions *out)
{
	const struct s2_version_cell next = s2_versions_head(pos, list);
	const uint32_t cell[CELL_WORDS] = {version, list, list ? next.oldest : version,
					   next.count + 1};

	return s2_intern_get(&pos->cells, cell, out);
}

static int push(struct s2_possible *pos, size_t n, uint32_t version)
{
	if (n == pos->scratch_cap) {
		const size_t cap = n ? 2 * n : 64;
		uint32_t *scratch = realloc(pos->scratch, cap * sizeof(*scratch));

		if (!scratch)
			return -ENOMEM;
		pos->scratch = scratch;
		pos->scratch_cap = cap;
	}
	pos->scratch[n] = version;
	return 0;
}

int s2_versions_union(struct s2_possible *pos, s2_versions a, s2_versions b, s2_versions *out)
{
	size_t n = 0;
	int ret = 0;

	/* Down to a tail that both have, or that only one has. */
	while (a && b && a != b) {
		const struct s2_version_cell x = s2_versions_head(pos, a);
		const struct s2_version_cell y = s2_versions_head(pos, b);

		ret = push(pos, n++, x.version > y.version ? x.version : y.version);
		if (ret)
			return ret;
		a = x.version >= y.version ? x.next : a;
		b = y.version >= x.version ? y.next : b;
	}
	*out = a ? a : b;
	while (n && !ret)
		ret = s2_versions_cons(pos, pos->scratch[--n], *out, out);
	return ret;
}

void s2_versions_mark(struct s2_possible *pos, s2_versions list)
{
	while (s2_intern_mark(&pos->cells, list))
		list = s2_versions_head(pos, list).next;
}

struct s2_set s2_set_of(const struct s2_possible *pos, const struct s2_line *line)
{
	const uint32_t *r = s2_intern_record(&pos->sets, line->poc);
	const struct s2_set set = {r[0], r[1], r[2], r[3], r[4], r[5], r[6]};

	return set;
}

int s2_set_line(struct s2_possible *pos, const struct s2_set *set, struct s2_line *line)
{
	const uint32_t record[SET_WORDS] = {set->none,
					    set->same,
					    set->stale,
					    set->under,
					    set->stale ? set->nc : 0,
					    set->under ? set->dirty : 0,
					    set->alias};

	line->cache = 0;
	line->cached = set->same || set->stale || set->under;
	line->dirty = set->under != S2_NO_VERSIONS;
	return s2_intern_get(&pos->sets, record, &line->poc);
}

/*
 * @versions, part of N, with the stale ones.  While something is dirty over
 * stale copies N is {nc, dirty}, and dirty stale already: only nc can be new,
 * and no list needs to be gone through for the other.
 */
static int with_stale(struct s2_possible *pos, const struct s2_set *set, s2_versions versions,
		      s2_versions *out)
{
	if (!set->under || !set->stale)
		return s2_versions_union(pos, versions, set->stale, out);
	*out = set->stale;
	if (s2_versions_head(pos, versions).version != set->nc)
		return 0;
	return s2_versions_cons(pos, set->nc, set->stale, out);
}

int s2_set_view(struct s2_possible *pos, const struct s2_set *set, enum s2_agent agent,
		s2_versions *view)
{
	/* Clean copies and the dirty one are of versions in N, but for the stale. */
	if (agent == S2_AGENT_NON_CACHEABLE)
		return s2_versions_union(pos, set->none, set->under, view);
	return with_stale(pos, set, set->none, view);
}

/* All cached copies go; what was dirty is at the PoC already in another state of the set. */
int s2_set_clean_invalidate(struct s2_possible *pos, struct s2_set *set, uint32_t version)
{
	(void)pos;
	(void)version;
	set->same = set->alias ? set->none : S2_NO_VERSIONS;
	set->stale = set->under = S2_NO_VERSIONS;
	return 0;
}

int s2_set_clean(struct s2_possible *pos, struct s2_set *set, uint32_t version)
{
	(void)pos;
	(void)version;
	set->under = S2_NO_VERSIONS;
	return 0;
}

/* Dirty contents are lost, or, since a DC IVAC may clean as well, are not. */
int s2_set_invalidate(struct s2_possible *pos, struct s2_set *set, uint32_t version)
{
	int ret = s2_versions_union(pos, set->none, set->under, &set->none);

	return ret ? ret : s2_set_clean_invalidate(pos, set, version);
}

/* A DC IVAC that may have happened: only its losses are new to a closed set. */
int s2_set_invalidate_issued(struct s2_possible *pos, struct s2_set *set, uint32_t version)
{
	int ret = s2_versions_union(pos, set->none, set->under, &set->none);

	(void)version;
	if (!ret && set->alias)
		set->same = set->none;
	return ret;
}

int s2_set_fill(struct s2_possible *pos, struct s2_set *set, uint32_t version)
{
	(void)pos;
	(void)version;
	set->same = set->none;
	return 0;
}

int s2_set_same(struct s2_possible *pos, struct s2_set *set, uint32_t version)
{
	(void)pos;
	(void)set;
	(void)version;
	return 0;
}

int s2_set_alias_on(struct s2_possible *pos, struct s2_set *set, uint32_t version)
{
	set->alias = 1;
	return s2_set_fill(pos, set, version);
}

int s2_set_alias_off(struct s2_possible *pos, struct s2_set *set, uint32_t version)
{
	(void)pos;
	(void)version;
	set->alias = 0;
	return 0;
}

/* Dirty over whatever is at the PoC; it may leave, and stay as a clean copy. */
int s2_set_write(struct s2_possible *pos, struct s2_set *set, uint32_t version)
{
	int ret = s2_versions_union(pos, set->none, set->under, &set->under);

	if (!ret)
		ret = s2_versions_cons(pos, version, S2_NO_VERSIONS, &set->none);
	set->same = set->none;
	set->stale = S2_NO_VERSIONS;
	set->dirty = version;
	return ret;
}

/* Under whatever is cached; a dirty copy may then overwrite it. */
int s2_set_write_nc(struct s2_possible *pos, struct s2_set *set, uint32_t version)
{
	s2_versions written, overwritten = S2_NO_VERSIONS;
	int ret = s2_versions_cons(pos, version, S2_NO_VERSIONS, &written);

	if (!ret)
		ret = with_stale(pos, set, set->same, &set->stale);
	if (!ret && set->under)
		ret = s2_versions_cons(pos, set->dirty, S2_NO_VERSIONS, &overwritten);
	if (!ret && set->under)
		ret = s2_versions_cons(pos, version, overwritten, &set->none);
	if (!set->under)
		set->none = written;
	else
		set->under = written;
	set->same = set->alias ? set->none : overwritten;
	set->nc = version;
	return ret;
}

int s2_set_write_device(struct s2_possible *pos, struct s2_set *set, uint32_t version)
{
	int ret = s2_versions_cons(pos, version, S2_NO_VERSIONS, &set->none);

	return ret ? ret : s2_set_clean_invalidate(pos, set, version);
}
