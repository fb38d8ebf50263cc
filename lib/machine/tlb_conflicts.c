/* SPDX-License-Identifier: MIT */
/*
 * Old and new translations of one address that could be held side by side
 * (R_WHZWS): at the entry that is stored, of pages that a new block lies over, of blocks
 * over a new page, and in a table that is linked in filled.
 */
#include "machine/residue.h"

static void come_to_coexist(struct s2_residues *res, unsigned cpu, struct s2_group *g,
			    unsigned index, s2_pte new)
{
	struct s2_residue old;

	g->conflict = true;
	if (!res->on_conflict)
		return;
	old = s2_residues_describe(res, g, index, 1);
	res->on_conflict(res->on_conflict_arg, cpu, &old, new);
}

/* Bits of a leaf that name its output; with LPA2 what lies from 2^50 on counts as an attribute. */
static s2_pte output_bits(const struct s2_residues *res)
{
	const s2_pte in_place = (S2_BIT(50) - 1) & ~((UINT64_C(1) << res->page_shift) - 1);

	return in_place | (res->page_shift == 16 ? UINT64_C(0xf) << 12 : 0);
}

/* Of a line: both have been written, and cannot have been by the same write. */
static bool lines_differ(struct s2_memory *mem, uint64_t a, uint64_t b)
{
	struct s2_version_set of_a, of_b;

	if (s2_memory_possible(mem, S2_AGENT_WRITE_BACK, s2_pa(a), &of_a) ||
	    s2_memory_possible(mem, S2_AGENT_WRITE_BACK, s2_pa(b), &of_b))
		return false;
	return of_a.oldest && of_b.oldest &&
	       (of_a.newest < of_b.oldest || of_b.newest < of_a.oldest);
}

/* What is known of two outputs, by their first granule; without contents nothing is. */
static bool contents_differ(const struct s2_residues *res, s2_pte old, s2_pte new)
{
	const struct s2_features *f = &res->p->machine->features;
	const struct s2_pte_format fmt = {res->page_shift, f->pa_bits, false, f->fwb, f->xnx};
	const uint64_t a = s2_pte_pa(old, &fmt).v, b = s2_pte_pa(new, &fmt).v;
	struct s2_memory *mem = res->p->memory;

	if (!mem || !s2_memory_is_possible(mem))
		return false;
	for (uint64_t at = 0; at >> res->page_shift == 0; at += UINT64_C(1) << f->dline_shift)
		if (lines_differ(mem, a + at, b + at))
			return true;
	return false;
}

/*
 * Whether two leaves for one address, their sizes apart, need no break between them: they
 * differ in permissions alone, or in outputs that nobody may write and that hold the same;
 * from BBM level 1 on the contiguous bit does not count (R_KHRBC).
 */
static bool may_coexist(const struct s2_residues *res, s2_pte old, s2_pte new)
{
	s2_pte free = S2_PTE_PERMS | S2_PTE_AF | S2_PTE_SW_MASK;

	if (res->p->machine->features.bbm_level >= 1)
		free |= S2_PTE_CONTIGUOUS;
	if (!((old ^ new) & ~free))
		return true;
	if ((old ^ new) & ~(free | output_bits(res)))
		return false;
	return !s2_pte_writable(old) && !s2_pte_writable(new) && !contents_differ(res, old, new);
}

/* The residue at the entry itself. */
static int mark_own_level(struct s2_residues *res, const struct s2_table_meta *meta, unsigned cpu,
			  unsigned index, s2_pte new)
{
	struct s2_group *g = s2_group_first(res, meta->vm, s2_meta_ipa(res, meta), meta->level),
			*next;
	int err = 0;

	for (; g && !err; g = next) {
		s2_pte old = s2_group_pte(g, index);

		next = s2_group_next(g);
		if (g->stage == S2_RESIDUE_SYNC || g->conflict ||
		    !(g->words[index / 64] >> index % 64 & 1))
			continue;
		if (!g->table && may_coexist(res, old, new))
			continue;
		/* From BBM level 2 on a change of size alone is none: leaves below or above decide. */
		if (g->table != s2_pte_is_table(new, meta->level) &&
		    res->p->machine->features.bbm_level >= 2) {
			err = s2_residues_unfold(res, g);
			continue;
		}
		g = s2_group_take(res, g, index, index, &err);
		if (g)
			come_to_coexist(res, cpu, g, index, new);
	}
	return err;
}

/* Whether a leaf that lies @offset bytes into a block differs from it in size alone. */
static bool is_part_of(const struct s2_residues *res, s2_pte block, s2_pte leaf, uint64_t offset)
{
	return may_coexist(res, (block | S2_PTE_TYPE) + offset, leaf | S2_PTE_TYPE);
}

/* The next group from @g on that may be held of a block over @ipa; NULL for none. */
static struct s2_group *block_over(struct s2_group *g, unsigned shift, uint64_t ipa)
{
	for (; g; g = s2_group_next(g)) {
		const uint64_t at = (ipa - g->ipa) >> shift;

		if (!g->table && g->stage != S2_RESIDUE_SYNC && g->words[at / 64] >> at % 64 & 1)
			return g;
	}
	return NULL;
}

static struct s2_group *first_over(const struct s2_residues *res, struct s2_res_vm *vm, uint64_t ipa,
				   int level)
{
	const unsigned shift = s2_res_shift(res, level);
	const unsigned page = shift + res->page_shift - 3U;

	return page < 64 ? block_over(s2_group_first(res, vm, ipa >> page << page, level), shift, ipa)
			 : NULL;
}

bool s2_residues_bare_above(const struct s2_residues *res, const struct s2_table_meta *meta)
{
	for (int level = 0; level < meta->level; level++)
		if (first_over(res, meta->vm, s2_meta_ipa(res, meta), level))
			return false;
	return true;
}

/* What may be held of blocks above a new leaf; with a lesser BBM level its table's link tells. */
static int mark_above(struct s2_residues *res, const struct s2_table_meta *meta, unsigned cpu,
		      unsigned index, s2_pte new)
{
	const uint64_t ipa = s2_meta_ipa(res, meta) +
			     ((uint64_t)index << s2_res_shift(res, meta->level));
	int err = 0;

	for (int level = 0; level < meta->level && !err; level++) {
		const unsigned shift = s2_res_shift(res, level);
		struct s2_group *g = first_over(res, meta->vm, ipa, level), *next;

		for (; g && !err; g = next) {
			const unsigned at = (unsigned)((ipa - g->ipa) >> shift);

			next = block_over(s2_group_next(g), shift, ipa);
			if (g->conflict || is_part_of(res, s2_group_pte(g, at), new,
						      ipa & ((UINT64_C(1) << shift) - 1)))
				continue;
			g = s2_group_take(res, g, at, at, &err);
			if (g)
				come_to_coexist(res, cpu, g, at, new);
		}
	}
	return err;
}

/* Whether old leaves under a block differ from it in size alone, @offset bytes into it. */
static bool differs_in_size_alone(const struct s2_residues *res, const struct s2_group *g,
				  unsigned index, s2_pte block, uint64_t offset)
{
	return !g->table && s2_group_step(g) == UINT64_C(1) << s2_res_shift(res, g->level) &&
	       is_part_of(res, block, s2_group_pte(g, index), offset);
}

/* The residue of one table page that a new block lies over, @offset bytes into it. */
static void mark_page_below(struct s2_residues *res, unsigned cpu, struct s2_group *g, s2_pte block,
			    uint64_t offset)
{
	for (struct s2_group *next; g; g = next) {
		unsigned index = 0;

		next = s2_group_next(g);
		if (g->stage == S2_RESIDUE_SYNC || g->conflict)
			continue;
		while (!(g->words[index / 64] >> index % 64 & 1))
			index++;
		if (res->p->machine->features.bbm_level >= 2 &&
		    (g->table ||
		     differs_in_size_alone(res, g, index, block,
					   offset + ((uint64_t)index << s2_res_shift(res, g->level)))))
			continue;
		come_to_coexist(res, cpu, g, index, block);
	}
}

/* What may be held of lower levels, where a table was and one flush did not name all of it. */
static void mark_below(struct s2_residues *res, const struct s2_table_meta *meta, unsigned cpu,
		       unsigned index, s2_pte block)
{
	const uint64_t ipa = s2_meta_ipa(res, meta) +
			     ((uint64_t)index << s2_res_shift(res, meta->level));
	const uint64_t size = UINT64_C(1) << s2_res_shift(res, meta->level);

	for (int level = meta->level + 1; level <= S2_LAST_LEVEL; level++) {
		const uint64_t page = (uint64_t)res->page_words * 64 << s2_res_shift(res, level);

		for (uint64_t at = 0; at < size; at += page)
			mark_page_below(res, cpu, s2_group_first(res, meta->vm, ipa + at, level),
					block, at);
	}
}

int s2_residues_conflicts(struct s2_residues *res, const struct s2_table_meta *meta, unsigned cpu,
			  unsigned index, s2_pte new)
{
	int ret = mark_own_level(res, meta, cpu, index, new);

	if (ret || !s2_pte_is_leaf(new, meta->level))
		return ret;
	mark_below(res, meta, cpu, index, new);
	return res->p->machine->features.bbm_level < 2 ? 0
						       : mark_above(res, meta, cpu, index, new);
}

int s2_residues_conflicts_in(struct s2_residues *res, const struct s2_table *table, unsigned cpu,
			     int level)
{
	const struct s2_table_meta *meta = s2_residues_page(res, table->pa);
	int ret = 0;

	for (unsigned i = 0; i < res->page_words * 64U && !ret; i++) {
		const s2_pte pte = table->entries[i];
		const struct s2_table *child;

		if (!s2_pte_valid(pte))
			continue;
		ret = s2_residues_conflicts(res, meta, cpu, i, pte);
		child = s2_pte_is_table(pte, level) ? s2_residues_child(res, pte) : NULL;
		if (!ret && child)
			ret = s2_residues_conflicts_in(res, child, cpu, level + 1);
	}
	return ret;
}
