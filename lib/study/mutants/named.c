/* SPDX-License-Identifier: MIT */
#include "study/mutants/named.h"

#include <string.h>

#include "study/mutants/context_mutants.h"
#include "study/mutants/vgic_run.h"

static const struct s2_mutant_table *const tables[] = {&s2_stage2_mutants, &s2_vgic_mutants};

#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

bool s2_mutant_at(size_t index, struct s2_mutant *out)
{
	for (size_t t = 0; t < N_TABLES; t++) {
		if (index < tables[t]->n) {
			*out = tables[t]->row[index];
			return true;
		}
		index -= tables[t]->n;
	}
	return s2_context_mutant(index, out);
}

bool s2_mutant_find(const char *name, struct s2_mutant *out)
{
	for (size_t i = 0; s2_mutant_at(i, out); i++)
		if (!strcmp(out->name, name))
			return true;
	return false;
}

const char *s2_mutant_scenario(const struct s2_mutant *mutant)
{
	if (mutant->rule == S2_RULE_CONTEXTS)
		return "every sequence of events up to five, then some at random";
	if (mutant->rule == S2_RULE_INTERRUPTS)
		return s2_irq_scene_about(mutant->vgic.scene);
	return s2_life_about(mutant->stage2.life);
}

int s2_mutant_run(const struct s2_mutant *mutant, bool mended, struct s2_mutant_found *found,
		  struct s2_error *err)
{
	memset(found, 0, sizeof(*found));
	return mutant->run(mutant, mended, found, err);
}
