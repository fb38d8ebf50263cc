/* SPDX-License-Identifier: MIT */
#include "study/mutants/named.h"

#include <string.h>

static const struct s2_mutant_table *const tables[] = {&s2_stage2_mutants};

#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

const struct s2_mutant *s2_mutant_at(size_t index)
{
	for (size_t t = 0; t < N_TABLES; t++) {
		if (index < tables[t]->n)
			return &tables[t]->row[index];
		index -= tables[t]->n;
	}
	return NULL;
}

const struct s2_mutant *s2_mutant_find(const char *name)
{
	const struct s2_mutant *m;

	for (size_t i = 0; (m = s2_mutant_at(i)) != NULL; i++)
		if (!strcmp(m->name, name))
			return m;
	return NULL;
}

const char *s2_mutant_scenario(const struct s2_mutant *mutant)
{
	return mutant->scenario ? mutant->scenario : s2_life_about(mutant->stage2.life);
}

int s2_mutant_run(const struct s2_mutant *mutant, bool mended, struct s2_mutant_found *found,
		  struct s2_error *err)
{
	memset(found, 0, sizeof(*found));
	return mutant->run(mutant, mended, found, err);
}
