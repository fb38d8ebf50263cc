/* SPDX-License-Identifier: MIT */
#include "study/scenario/scenarios.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "study/scenario/choices.h"

static const struct s2_scenario_table *const tables[] = {
	&s2_fault_scenarios, &s2_dirty_log_scenarios, &s2_teardown_scenarios, &s2_vmid_scenarios,
	&s2_cache_scenarios, &s2_notifier_scenarios,  &s2_mutant_scenarios,
	&s2_interrupt_scenarios, &s2_context_scenarios,
};

const struct s2_named_scenario *s2_scenario_at(size_t index)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (index < tables[i]->n)
			return &tables[i]->rows[index];
		index -= tables[i]->n;
	}
	return NULL;
}

static const struct s2_named_scenario *find(const char *name, size_t len)
{
	const struct s2_named_scenario *s;

	for (size_t i = 0; (s = s2_scenario_at(i)); i++)
		if (strlen(s->scenario.name) == len && !strncmp(s->scenario.name, name, len))
			return s;
	return NULL;
}

const struct s2_named_scenario *s2_scenario_find(const char *name)
{
	return find(name, strlen(name));
}

/* The choice is of what the scenario's world can choose. @return 0 or -ENOENT */
static int choose(struct s2_scenario_variant *out, const char *choice)
{
	struct s2_scenario *s = &out->named.scenario;
	const char *value = strchr(choice, '=');
	struct s2_flavour flavour;

	if (s->create == s2_world_create && !s2_choice_make(choice, &flavour)) {
		out->world = *(const struct s2_world_config *)s->arg;
		out->world.choice = choice;
		s->arg = &out->world;
	} else if (s->create == s2_gic_world_create && s2_choice_is_routing(choice)) {
		out->gic = *(const struct s2_gic_world_config *)s->arg;
		out->gic.routing = value + 1;
		s->arg = &out->gic;
	} else if (s->create == s2_context_world_create && s2_choice_is_context(choice)) {
		out->contexts = *(const struct s2_context_world_config *)s->arg;
		out->contexts.policy = value + 1;
		s->arg = &out->contexts;
	} else {
		return -ENOENT;
	}
	return 0;
}

int s2_scenario_variant(const char *text, struct s2_scenario_variant *out)
{
	const char *comma = strchr(text, ',');
	const struct s2_named_scenario *s =
		find(text, comma ? (size_t)(comma - text) : strlen(text));

	if (!s || strlen(text) >= sizeof(out->name))
		return -ENOENT;
	out->named = *s;
	snprintf(out->name, sizeof(out->name), "%s", text);
	out->named.scenario.name = out->name;
	if (!comma)
		return 0;
	return choose(out, out->name + (comma + 1 - text));
}
