/* SPDX-License-Identifier: MIT */
#include "machine/walker.h"

struct s2_hw_walk s2_hw_walk_begin(const struct s2_regime *regime, struct s2_ipa ipa)
{
	struct s2_hw_walk walk = {.level = regime->geo.start_level};
	uint64_t root = ipa.v < s2_ipa_limit(&regime->geo) ? s2_root_index(&regime->geo, ipa) : 0;

	walk.table.v = regime->root.v + root * s2_page_size(&regime->geo);
	return walk;
}

static void raise(struct s2_fault *fault, enum s2_fault_code code, int level,
		  const struct s2_guest_access *access)
{
	fault->raised = true;
	fault->code = code;
	fault->level = (int8_t)level;
	fault->write = access && access->kind == S2_ACCESS_WRITE;
	fault->exec = access && access->kind == S2_ACCESS_FETCH;
	if (access)
		fault->ipa = access->ipa;
}

bool s2_hw_walk_step(const struct s2_tablemem *tables, const struct s2_regime *regime,
		     struct s2_ipa ipa, struct s2_hw_walk *walk, struct s2_fault *fault)
{
	const struct s2_table *table = s2_tablemem_find(tables, walk->table);

	if (!table) {
		/* Memory that is no table any more: nothing can be said of what is there. */
		raise(fault, S2_FAULT_EXTERNAL_ON_WALK, walk->level, NULL);
		return false;
	}
	walk->pte = table->entries[s2_level_index(&regime->geo, ipa, walk->level)];
	walk->reads++;
	if (!s2_pte_is_table(walk->pte, walk->level))
		return false;
	walk->table = s2_pte_pa(walk->pte, &regime->fmt);
	walk->level++;
	return true;
}

static bool access_allowed(const struct s2_regime *regime, s2_pte pte,
			   const struct s2_guest_access *access)
{
	enum s2_xn xn = s2_pte_xn(pte, &regime->fmt);

	switch (access->kind) {
	case S2_ACCESS_READ:
		return s2_pte_readable(pte);
	case S2_ACCESS_WRITE:
		return s2_pte_writable(pte);
	default:
		return xn == S2_XN_EXEC_ALL ||
		       xn == (access->el0 ? S2_XN_EXEC_EL0 : S2_XN_EXEC_EL1);
	}
}

bool s2_hw_permits(const struct s2_regime *regime, s2_pte pte, int level,
		   const struct s2_guest_access *access, struct s2_fault *fault)
{
	if (access_allowed(regime, pte, access))
		return true;
	raise(fault, S2_FAULT_PERMISSION, level, access);
	return false;
}

/* The walker's one store: an atomic update of the descriptor that it read. */
static void write_af(const struct s2_tablemem *tables, const struct s2_regime *regime,
		     struct s2_ipa ipa, struct s2_hw_walk *walk)
{
	struct s2_table *table = s2_tablemem_find(tables, walk->table);

	walk->pte |= S2_PTE_AF;
	if (table)
		table->entries[s2_level_index(&regime->geo, ipa, walk->level)] = walk->pte;
}

bool s2_hw_walk_end(const struct s2_tablemem *tables, const struct s2_regime *regime,
		    const struct s2_guest_access *access, struct s2_hw_walk *walk,
		    struct s2_fault *fault)
{
	if (fault->raised) {
		raise(fault, fault->code, walk->level, access);
		return false;
	}
	if (!s2_pte_is_leaf(walk->pte, walk->level)) {
		raise(fault, S2_FAULT_TRANSLATION, walk->level, access);
		return false;
	}
	if (s2_pte_pa(walk->pte, &regime->fmt).v >> regime->geo.pa_bits) {
		raise(fault, S2_FAULT_ADDRESS_SIZE, walk->level, access);
		return false;
	}
	if (!s2_pte_accessed(walk->pte) && !regime->ha) {
		raise(fault, S2_FAULT_ACCESS_FLAG, walk->level, access);
		return false;
	}
	if (!s2_hw_permits(regime, walk->pte, walk->level, access, fault))
		return false;
	if (!s2_pte_accessed(walk->pte))
		write_af(tables, regime, access->ipa, walk);
	return true;
}

bool s2_hw_walk_all(const struct s2_tablemem *tables, const struct s2_regime *regime,
		    const struct s2_guest_access *access, struct s2_hw_walk *walk,
		    struct s2_fault *fault)
{
	*walk = s2_hw_walk_begin(regime, access->ipa);
	if (access->ipa.v >= s2_ipa_limit(&regime->geo)) {
		/* Past the input size: a translation fault of the start level, nothing read. */
		raise(fault, S2_FAULT_TRANSLATION, walk->level, access);
		return false;
	}
	while (s2_hw_walk_step(tables, regime, access->ipa, walk, fault))
		;
	return s2_hw_walk_end(tables, regime, access, walk, fault);
}
