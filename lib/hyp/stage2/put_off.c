/* SPDX-License-Identifier: MIT */
#include "hyp/stage2/put_off.h"

#include <errno.h>
#include <stdlib.h>

#include "hyp/stage2/table_index.h"

int s2_put_off_clean(struct s2_put_off *put, uint64_t pa, uint64_t granule, uint64_t n)
{
	if (put->n_runs == put->cap) {
		size_t cap = put->cap ? 2 * put->cap : 64;
		struct s2_put_off_run *runs = realloc(put->runs, cap * sizeof(*runs));

		if (!runs)
			return -ENOMEM;
		put->runs = runs;
		put->cap = cap;
	}
	put->runs[put->n_runs].pa = pa;
	put->runs[put->n_runs].granule = granule;
	put->runs[put->n_runs++].n = n;
	return 0;
}

static void clean_put_off(struct s2_mmu *mmu, struct s2_cpu *cpu, const struct s2_put_off *put)
{
	for (size_t i = 0; i < put->n_runs; i++) {
		const struct s2_put_off_run *run = &put->runs[i];

		if (run->n > 1)
			s2_run_begin(cpu, run->n);
		s2_clean_dcache_guest_page(mmu, cpu, s2_pa(run->pa), run->granule,
					   run->n > 1 ? run->granule : 0);
		if (run->n > 1)
			s2_run_end(cpu);
	}
}

void s2_put_off_table(struct s2_put_off *put, struct s2_walk *walk, struct s2_table *table)
{
	/* Its place in the index is where the list has its link. */
	s2_index_forget_table(walk->mmu, table);
	table->next_free = put->tables;
	put->tables = s2_tablemem_number(walk->mmu->dir, table->pa);
}

static void free_put_off_tables(struct s2_walk *walk, struct s2_put_off *put)
{
	while (put->tables) {
		const struct s2_slab_directory *dir = walk->mmu->dir;
		struct s2_table *table =
			s2_tablemem_table(dir, s2_tablemem_numbered(dir, put->tables));

		put->tables = table->next_free;
		table->indexed = 0;
		s2_walk_table_free(walk, table);
	}
}

void s2_put_off_do(struct s2_put_off *put, struct s2_walk *walk)
{
	clean_put_off(walk->mmu, walk->cpu, put);
	free_put_off_tables(walk, put);
	free(put->runs);
}
