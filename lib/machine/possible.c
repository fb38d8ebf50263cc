/* SPDX-License-Identifier: MIT */
/* Possible memory's public face: reads, searches, the alias; and what is kept of sets. */
#include <errno.h>

#include "machine/mem.h"

int s2_set_init(struct s2_possible *pos, struct s2_line *line)
{
	struct s2_set set = {.alias = 1};
	int ret = s2_versions_cons(pos, 0, S2_NO_VERSIONS, &set.none);

	set.same = set.none;
	return ret ? ret : s2_set_line(pos, &set, line);
}

uint32_t s2_possible_live(const struct s2_possible *pos)
{
	return pos->cells.live + pos->sets.live;
}

static void mark_versions(void *arg, uint32_t list)
{
	s2_versions_mark(arg, list);
}

static void mark_set(struct s2_possible *pos, const struct s2_line *line)
{
	const struct s2_set set = s2_set_of(pos, line);

	if (!s2_intern_mark(&pos->sets, line->poc))
		return;
	s2_versions_mark(pos, set.none);
	s2_versions_mark(pos, set.same);
	s2_versions_mark(pos, set.stale);
	s2_versions_mark(pos, set.under);
}

void s2_possible_sweep(struct s2_possible *pos, const struct s2_patterns *pats,
		       const struct s2_icache *icache)
{
	s2_intern_mark(&pos->cells, S2_NO_VERSIONS);
	for (uint32_t id = 0; id < pats->n_ids; id++)
		for (unsigned i = 0; pats->by_id[id] && i < pats->by_id[id]->n_runs; i++)
			mark_set(pos, &pats->by_id[id]->runs[i].line);
	s2_icache_each(icache, mark_versions, pos);
	s2_intern_sweep(&pos->sets);
	s2_intern_sweep(&pos->cells);
}

void s2_possible_newest(struct s2_possible *pos, struct s2_line *line)
{
	const struct s2_set set = s2_set_of(pos, line);
	const uint32_t none = s2_versions_head(pos, set.none).version;
	const uint32_t under = s2_versions_head(pos, set.under).version;
	const uint32_t stale = s2_versions_head(pos, set.stale).version;

	line->poc = none > under ? none : under;
	line->cache = line->cached ? none > stale ? none : stale : 0;
}

bool s2_memory_is_possible(const struct s2_memory *mem)
{
	return mem->possible != NULL;
}

static struct s2_set set_at(const struct s2_memory *mem, uint64_t index)
{
	const uint32_t frame = s2_mem_frame(mem, index / mem->pats.lines);
	const struct s2_line line =
		s2_pattern_line(mem->pats.by_id[frame], (unsigned)(index % mem->pats.lines));

	return s2_set_of(mem->possible, &line);
}

static void to_set(const struct s2_possible *pos, s2_versions list, struct s2_version_set *set)
{
	const struct s2_version_cell head = s2_versions_head(pos, list);

	set->newest = head.version;
	set->oldest = head.oldest;
	set->count = head.count;
	set->next = list;
}

int s2_memory_possible(struct s2_memory *mem, enum s2_agent agent, struct s2_pa pa,
		       struct s2_version_set *set)
{
	uint64_t first, n;
	struct s2_set states;
	s2_versions view;
	int ret = s2_mem_lines(mem, pa, 1, &first, &n);

	if (ret)
		return ret;
	if (!mem->possible || (unsigned)agent > S2_AGENT_COHERENT_DEVICE)
		return -EINVAL;
	states = set_at(mem, first);
	ret = s2_set_view(mem->possible, &states, agent, &view);
	if (!ret)
		to_set(mem->possible, view, set);
	return ret;
}

/* What an instruction fetch sees: the data side, and what was fetched of it before. */
static int fetch_view(struct s2_memory *mem, unsigned cpu, uint64_t line, s2_versions *view)
{
	const struct s2_set states = set_at(mem, line);
	s2_versions fetched;
	int ret = s2_set_view(mem->possible, &states, S2_AGENT_WRITE_BACK, view);

	if (ret || mem->dic || !s2_icache_find(mem->icache, cpu, line, &fetched))
		return ret;
	return s2_versions_union(mem->possible, *view, fetched, view);
}

int s2_memory_possible_fetch(struct s2_memory *mem, unsigned cpu, struct s2_pa pa,
			     struct s2_version_set *set)
{
	uint64_t first, n;
	s2_versions view;
	int ret = s2_mem_lines(mem, pa, 1, &first, &n);

	if (ret)
		return ret;
	if (!mem->possible || cpu >= mem->possible->n_cpus)
		return -EINVAL;
	ret = fetch_view(mem, cpu, first, &view);
	if (!ret)
		to_set(mem->possible, view, set);
	return ret;
}

bool s2_version_next(const struct s2_memory *mem, struct s2_version_set *set, uint32_t *version)
{
	struct s2_version_cell cell;

	if (set->next == S2_NO_VERSIONS)
		return false;
	cell = s2_versions_head(mem->possible, set->next);
	*version = cell.version;
	set->next = cell.next;
	return true;
}

int s2_possible_read(struct s2_memory *mem, enum s2_agent agent, struct s2_pa pa, uint32_t *version)
{
	struct s2_version_set set;
	int ret = s2_memory_possible(mem, agent, pa, &set);

	if (ret)
		return ret;
	*version = set.newest;
	if (agent != S2_AGENT_WRITE_BACK || set_at(mem, pa.v >> mem->line_shift).alias)
		return 0;
	return s2_memory_apply(mem, S2_LINE_FILL, pa, 1, NULL);
}

int s2_possible_fetch(struct s2_memory *mem, unsigned cpu, struct s2_pa pa, uint32_t *version)
{
	struct s2_version_set set;
	int ret = s2_memory_possible_fetch(mem, cpu, pa, &set);

	if (ret)
		return ret;
	*version = set.newest;
	if (mem->dic)
		return 0;
	return s2_icache_fill(mem->icache, cpu, pa.v >> mem->line_shift, set.next);
}

int s2_memory_set_alias(struct s2_memory *mem, struct s2_pa pa, uint64_t size, bool alias)
{
	const struct s2_line_fn f = {NULL, 0, alias ? s2_set_alias_on : s2_set_alias_off};
	int ret = mem->possible ? s2_possible_overtake(mem, pa, size) : -EINVAL;

	return ret ? ret : s2_mem_range_apply(mem, &f, pa, size, NULL);
}

static bool within(const struct s2_possible *pos, s2_versions list, const struct s2_line_want *want)
{
	const struct s2_version_cell head = s2_versions_head(pos, list);

	return !list || (head.version <= want->newest && head.oldest >= want->oldest);
}

static bool offends(const struct s2_memory *mem, const struct s2_line *line, const void *arg)
{
	const struct s2_possible *pos = mem->possible;
	const struct s2_line_want *want = arg;
	const unsigned nc = 1U << S2_AGENT_NON_CACHEABLE;
	const struct s2_set set = s2_set_of(pos, line);

	if ((want->not_dirty && line->dirty) || (want->not_cached && line->cached))
		return true;
	if (want->agents && !within(pos, set.none, want))
		return true;
	if ((want->agents & nc) && !within(pos, set.under, want))
		return true;
	return (want->agents & ~nc) && !within(pos, set.stale, want);
}

int s2_memory_find(struct s2_memory *mem, const struct s2_line_want *want, struct s2_pa pa,
		   uint64_t size, struct s2_pa *found)
{
	uint64_t first, n, line;
	int ret = s2_mem_lines(mem, pa, size, &first, &n);

	if (ret)
		return ret;
	if (!mem->possible || want->agents >> (S2_AGENT_COHERENT_DEVICE + 1))
		return -EINVAL;
	if (!s2_mem_find(mem, offends, want, first, n, &line))
		return 0;
	if (found)
		found->v = line << mem->line_shift;
	return 1;
}
