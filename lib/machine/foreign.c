/* SPDX-License-Identifier: MIT */
#include <stage2sim/foreign.h>

#include <errno.h>
#include <stdlib.h>

#include "machine/machine.h"
#include "machine/regime.h"
#include "machine/tablemem.h"

struct s2_foreign {
	struct s2_machine *machine;
	struct s2_table_pool *pool;
};

int s2_foreign_create(struct s2_machine *m, struct s2_foreign **out)
{
	struct s2_foreign *f;
	int ret;

	/* Where table pages lie is known once to what is built on the machine. */
	if (m->users)
		return -EBUSY;
	ret = s2_tablemem_be_foreign(m->tables);
	if (ret)
		return ret;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->machine = m;
	ret = s2_table_pool_create(m->tables, &f->pool);
	if (ret) {
		free(f);
		return ret;
	}
	*out = f;
	return 0;
}

int s2_foreign_create_in(struct s2_machine *m, struct s2_pa pa, void *memory, uint64_t size,
			 struct s2_foreign **out)
{
	const uint64_t slab = UINT64_C(1) << S2_SLAB_SHIFT;
	const uint64_t limit = UINT64_C(1) << S2_FOREIGN_PA_BITS;
	int ret;

	if (!size || (pa.v | size) & (slab - 1) ||
	    (uintptr_t)memory & ((UINT64_C(1) << m->features.granule) - 1))
		return -EINVAL;
	if (pa.v >= limit || size > limit - pa.v)
		return -ERANGE;
	ret = s2_foreign_create(m, out);
	if (!ret)
		s2_table_pool_lend((*out)->pool, pa.v, memory, size);
	return ret;
}

void s2_foreign_destroy(struct s2_foreign *f)
{
	if (!f)
		return;
	s2_table_pool_destroy(f->pool);
	free(f);
}

static uint64_t page_bytes(const struct s2_foreign *f)
{
	return UINT64_C(1) << f->machine->features.granule;
}

static struct s2_pa page_of(const struct s2_foreign *f, struct s2_pa pa)
{
	return s2_pa(pa.v & ~(page_bytes(f) - 1));
}

static struct s2_table *table_of(const struct s2_foreign *f, struct s2_pa pa)
{
	return s2_tablemem_find(f->machine->tables, page_of(f, pa));
}

bool s2_foreign_lives(const struct s2_foreign *f, struct s2_pa pa)
{
	return table_of(f, pa);
}

bool s2_foreign_freed(const struct s2_foreign *f, struct s2_pa pa)
{
	return s2_tablemem_was_adopted(f->machine->tables, page_of(f, pa).v) &&
	       !s2_foreign_lives(f, pa);
}

int s2_foreign_page(struct s2_foreign *f, struct s2_cpu *cpu, struct s2_pa pa)
{
	if (cpu->machine != f->machine || pa.v & (page_bytes(f) - 1))
		return -EINVAL;
	if (!s2_table_pool_reaches(f->pool, pa.v))
		return -ERANGE;
	if (s2_foreign_lives(f, pa))
		return 0;
	if (!s2_table_adopt(f->pool, pa.v))
		return -ENOMEM;
	s2_table_event(cpu, S2_OP_TABLE_ALLOC, pa.v, page_bytes(f));
	return 0;
}

int s2_foreign_free(struct s2_foreign *f, struct s2_cpu *cpu, struct s2_pa pa)
{
	struct s2_table *table = table_of(f, pa);

	if (cpu->machine != f->machine || pa.v & (page_bytes(f) - 1))
		return -EINVAL;
	s2_table_event(cpu, S2_OP_TABLE_FREE, pa.v, page_bytes(f));
	if (table)
		s2_table_disown(f->pool, table);
	return 0;
}

static s2_pte *entry_of(struct s2_table *table, struct s2_pa pa)
{
	return &table->entries[(pa.v - table->pa) / sizeof(s2_pte)];
}

int s2_foreign_write(struct s2_foreign *f, struct s2_cpu *cpu, struct s2_pa pa, s2_pte value,
		     enum s2_mem_order order)
{
	int ret;

	if (pa.v % sizeof(s2_pte) || (unsigned)order > S2_MEM_RELEASE)
		return -EINVAL;
	ret = s2_foreign_page(f, cpu, page_of(f, pa));
	if (ret)
		return ret;
	s2_before_pte(cpu, S2_OP_PTE_WRITE, pa.v);
	s2_pte_write(cpu, pa.v, value, 0, order);
	*entry_of(table_of(f, pa), pa) = value;
	return 0;
}

int s2_foreign_read(struct s2_foreign *f, struct s2_cpu *cpu, struct s2_pa pa, s2_pte *value)
{
	struct s2_table *table = table_of(f, pa);

	if (cpu->machine != f->machine || pa.v % sizeof(s2_pte))
		return -EINVAL;
	s2_before_pte(cpu, S2_OP_PTE_READ, pa.v);
	*value = table ? *entry_of(table, pa) : 0;
	s2_pte_read(cpu, pa.v, *value, 0);
	return table ? 0 : -ENOENT;
}

int s2_foreign_root(struct s2_foreign *f, struct s2_cpu *cpu, uint64_t vtcr, uint64_t vttbr,
		    uint64_t *limit)
{
	struct s2_regime regime;
	int ret = s2_regime_init(&regime, &f->machine->features, vtcr, vttbr);

	for (unsigned i = 0; !ret && i < regime.geo.root_pages; i++)
		ret = s2_foreign_page(f, cpu, s2_pa(regime.root.v + i * page_bytes(f)));
	if (!ret && limit)
		*limit = s2_ipa_limit(&regime.geo);
	return ret;
}
