/* SPDX-License-Identifier: MIT */
/*
 * What each operation does to a line, and memory's public face.  A line that
 * is not cached has cache version 0, so that equal states compare equal.
 */
#include <errno.h>
#include <stdlib.h>

#include <stage2sim/machine.h>

#include "machine/mem.h"

static struct s2_line drop(struct s2_line line)
{
	const struct s2_line dropped = {.poc = line.poc};

	return dropped;
}

static struct s2_line line_write_back(struct s2_line line, uint32_t version)
{
	(void)version;
	if (line.dirty)
		line.poc = line.cache;
	line.dirty = false;
	return line;
}

static struct s2_line line_evict(struct s2_line line, uint32_t version)
{
	return drop(line_write_back(line, version));
}

static struct s2_line line_invalidate(struct s2_line line, uint32_t version)
{
	(void)version;
	return drop(line);
}

static struct s2_line line_fill(struct s2_line line, uint32_t version)
{
	(void)version;
	if (!line.cached)
		line.cache = line.poc;
	line.cached = true;
	return line;
}

static struct s2_line line_write(struct s2_line line, uint32_t version)
{
	line.cache = version;
	line.cached = true;
	line.dirty = true;
	return line;
}

/* The cached copy, clean or dirty, is not told. */
static struct s2_line line_write_nc(struct s2_line line, uint32_t version)
{
	line.poc = version;
	return line;
}

static struct s2_line line_write_device(struct s2_line line, uint32_t version)
{
	line.poc = version;
	return drop(line);
}

int s2_memory_create(const struct s2_features *f, unsigned cpus, enum s2_memory_detail detail,
		     struct s2_memory **out)
{
	struct s2_line untouched = {0, 0, false, false};
	struct s2_memory *mem;
	int ret = s2_features_check(f);

	if (ret || !cpus || cpus > S2_MAX_CPUS || (unsigned)detail > S2_MEMORY_POSSIBLE)
		return -EINVAL;
	mem = calloc(1, sizeof(*mem));
	if (!mem)
		return -ENOMEM;
	mem->line_shift = f->dline_shift;
	mem->pa_bits = f->pa_bits;
	mem->versions = detail != S2_MEMORY_STATES;
	mem->stateless = f->fwb && !mem->versions;
	mem->dic = f->dic;
	mem->vipt = f->vipt;
	mem->collect_at = 1024;
	mem->n_root = f->pa_bits > 39 ? (size_t)1 << (f->pa_bits - 39) : 1;
	mem->root = malloc(mem->n_root * sizeof(*mem->root));
	mem->collect_sets_at = 4096;
	ret = detail == S2_MEMORY_POSSIBLE ? s2_possible_create(cpus, &mem->possible) : 0;
	if (!ret && mem->possible)
		ret = s2_set_init(mem->possible, &untouched);
	if (!ret)
		ret = s2_patterns_init(&mem->pats, f->dline_shift, untouched);
	if (!ret)
		ret = s2_icache_create(cpus, &mem->icache);
	if (ret || !mem->root) {
		s2_memory_destroy(mem);
		return -ENOMEM;
	}
	for (size_t i = 0; i < mem->n_root; i++)
		mem->root[i] = 1; /* uniform, pattern 0 */
	*out = mem;
	return 0;
}

void s2_memory_destroy(struct s2_memory *mem)
{
	if (!mem)
		return;
	if (mem->root && mem->icache)
		s2_mem_free_tree(mem);
	else
		free(mem->root);
	s2_patterns_free(&mem->pats);
	s2_icache_destroy(mem->icache);
	s2_possible_destroy(mem->possible);
	free(mem);
}

int s2_mem_lines(const struct s2_memory *mem, struct s2_pa pa, uint64_t size, uint64_t *first,
		 uint64_t *n)
{
	const uint64_t limit = UINT64_C(1) << mem->pa_bits;

	if (!size)
		return -EINVAL;
	if (pa.v >= limit || size > limit - pa.v)
		return -ERANGE;
	*first = pa.v >> mem->line_shift;
	*n = ((pa.v + size - 1) >> mem->line_shift) - *first + 1;
	return 0;
}

int s2_mem_range_apply(struct s2_memory *mem, const struct s2_line_fn *f, struct s2_pa pa,
		       uint64_t size, struct s2_line_counts *counts)
{
	struct s2_line_counts unwanted = {0, 0, 0};
	uint64_t first, n;
	int ret = s2_mem_lines(mem, pa, size, &first, &n);

	if (ret)
		return ret;
	if (!counts)
		counts = &unwanted;
	if (!mem->stateless)
		return s2_mem_apply(mem, f, first, n, counts);
	counts->lines += n;
	return 0;
}

int s2_memory_apply(struct s2_memory *mem, enum s2_line_op op, struct s2_pa pa, uint64_t size,
		    struct s2_line_counts *counts)
{
	static const struct s2_line_fn fns[] = {
		[S2_LINE_FILL] = {line_fill, 0, s2_set_fill},
		[S2_LINE_EVICT] = {line_evict, 0, s2_set_clean_invalidate},
		[S2_LINE_WRITE_BACK] = {line_write_back, 0, s2_set_clean},
		[S2_LINE_CLEAN] = {line_write_back, 0, s2_set_clean},
		[S2_LINE_CLEAN_INVALIDATE] = {line_evict, 0, s2_set_clean_invalidate},
		[S2_LINE_INVALIDATE] = {line_invalidate, 0, s2_set_invalidate},
	};

	if ((unsigned)op >= sizeof(fns) / sizeof(fns[0]))
		return -EINVAL;
	if (op == S2_LINE_FILL && mem->possible) {
		int ret = s2_possible_overtake(mem, pa, size);

		if (ret)
			return ret;
	}
	return s2_mem_range_apply(mem, &fns[op], pa, size, counts);
}

int s2_memory_write(struct s2_memory *mem, enum s2_agent agent, struct s2_pa pa, uint64_t size,
		    uint32_t *version)
{
	static const struct s2_line_fn fns[] = {
		[S2_AGENT_WRITE_BACK] = {line_write, 0, s2_set_write},
		[S2_AGENT_NON_CACHEABLE] = {line_write_nc, 0, s2_set_write_nc},
		[S2_AGENT_COHERENT_DEVICE] = {line_write_device, 0, s2_set_write_device},
	};
	struct s2_line_fn f;
	int ret;

	if ((unsigned)agent >= sizeof(fns) / sizeof(fns[0]))
		return -EINVAL;
	if (mem->last_version == UINT32_MAX)
		return -EOVERFLOW;
	ret = mem->possible ? s2_possible_overtake(mem, pa, size) : 0;
	if (ret)
		return ret;
	f = fns[agent];
	f.version = mem->versions ? mem->last_version + 1 : 0;
	ret = s2_mem_range_apply(mem, &f, pa, size, NULL);
	if (!ret && mem->possible)
		ret = s2_possible_lose(mem, pa, size);
	/* Also if some lines could not be had: what was written must not be written again. */
	if (ret != -EINVAL && ret != -ERANGE)
		mem->last_version = f.version;
	if (!ret && version)
		*version = f.version;
	return ret;
}

int s2_memory_line(const struct s2_memory *mem, struct s2_pa pa, struct s2_line *line)
{
	uint64_t first, n;
	unsigned index;
	int ret = s2_mem_lines(mem, pa, 1, &first, &n);

	if (ret)
		return ret;
	index = (unsigned)(first % mem->pats.lines);
	*line = s2_pattern_line(mem->pats.by_id[s2_mem_frame(mem, first / mem->pats.lines)], index);
	if (mem->possible)
		s2_possible_newest(mem->possible, line);
	return 0;
}

int s2_memory_read(struct s2_memory *mem, enum s2_agent agent, struct s2_pa pa, uint32_t *version)
{
	struct s2_line line;
	int ret;

	if (mem->possible)
		return s2_possible_read(mem, agent, pa, version);
	ret = s2_memory_line(mem, pa, &line);
	if (ret)
		return ret;
	if ((unsigned)agent > S2_AGENT_COHERENT_DEVICE)
		return -EINVAL;
	if (agent == S2_AGENT_WRITE_BACK && !line.cached)
		ret = s2_memory_apply(mem, S2_LINE_FILL, pa, 1, NULL);
	*version = line.cached && agent != S2_AGENT_NON_CACHEABLE ? line.cache : line.poc;
	return ret;
}

int s2_memory_fetch(struct s2_memory *mem, unsigned cpu, struct s2_pa pa, uint32_t *version)
{
	struct s2_line line;
	int ret;

	if (mem->possible)
		return s2_possible_fetch(mem, cpu, pa, version);
	ret = s2_memory_line(mem, pa, &line);
	if (ret)
		return ret;
	if (!s2_icache_has_cpu(mem->icache, cpu))
		return -EINVAL;
	/* With DIC the I-cache follows the data side without being told. */
	if (!mem->dic && s2_icache_find(mem->icache, cpu, pa.v >> mem->line_shift, version))
		return 0;
	*version = line.cached ? line.cache : line.poc;
	return mem->dic ? 0 : s2_icache_fill(mem->icache, cpu, pa.v >> mem->line_shift, *version);
}

void s2_memory_ic_ivau(struct s2_memory *mem, struct s2_pa pa, uint64_t size)
{
	uint64_t first, n;

	if (mem->vipt || s2_mem_lines(mem, pa, size, &first, &n))
		return;
	s2_icache_inval_lines(mem->icache, first, n);
}

void s2_memory_ic_iallu(struct s2_memory *mem, unsigned cpu)
{
	s2_icache_inval_cpu(mem->icache, cpu);
}

uint64_t s2_memory_footprint(const struct s2_memory *mem)
{
	return sizeof(*mem) + mem->n_root * sizeof(*mem->root) + mem->bytes + mem->pats.bytes +
	       (mem->possible ? s2_possible_bytes(mem->possible) : 0);
}
