/* SPDX-License-Identifier: MIT */
#include "study/scenario/matrix.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "study/scenario/choices.h"
#include "study/scenario/scenarios.h"

#define SCENARIOS_MAX 6
#define DATA_BOUND    1U /* see bound_of() */

/* What asks about the choices that begin so; none: nothing does. */
static const struct subject {
	const char *prefix;
	const char *scenarios[SCENARIOS_MAX];
} subjects[] = {
	{"toggle=", {"boot", "called", "secondary", "set-way", "caches-off", "replug"}},
	{"unmap=", {"unmap-fault", "unmap-relax", "swap-out", "munmap-shared"}},
	{"cmo=", {"swap-out", "munmap", "munmap-shared"}},
	{"clear=", {"dirty-log"}},
	{"collapse=", {"collapse-walk", "faults-block-page"}},
	{"relax=", {"faults-page", "unmap-relax", "age-fault"}},
	{"teardown=", {"teardown-idle", "close", "close-shared"}},
	{"routing=", {"sgi-first-run", "sgi-late-vcpu", "sgi-mpidr", "sgi-entry", "sgi-broadcast-entry", "sgi-sleep"}},
	{"context=", {"context-rollover", "context-nested"}},
};

/* Policies that have no scenario. */
static const char *const unchecked[] = {
	"range TLBI of more than 2^21 pages",
};

const char *s2_matrix_column(unsigned column)
{
	if (column >= S2_MATRIX_COLUMNS)
		return NULL;
	return column ? s2_contract_name((enum s2_contract)(column - 1)) : "rules";
}

int s2_matrix_column_find(const char *name)
{
	for (unsigned i = 0; i < S2_MATRIX_COLUMNS; i++)
		if (!strcmp(s2_matrix_column(i), name))
			return (int)i;
	return -ENOENT;
}

void s2_matrix_ask(unsigned column, struct s2_scenario *scenario)
{
	scenario->rules = column ? 1U << S2_RULE_DATA : (1U << S2_RULES) - 1 - (1U << S2_RULE_DATA);
	scenario->contracts = column ? 1U << (column - 1) : 0;
}

/* Of columns [first, end) all orders within a bound were clean. */
static void note(struct s2_matrix_row *row, unsigned first, unsigned end,
		 const struct s2_explore_result *r)
{
	for (unsigned c = first; c < end && r->end != S2_EXPLORED_ALL; c++)
		if (r->preemptions < row->preemptions[c])
			row->preemptions[c] = r->preemptions;
}

/* Where caches are no question the data rule adds nothing but orders of what guests do. */
static uint32_t bound_of(const struct s2_scenario_variant *v)
{
	const bool asked = !v->named.scenario.rules || v->named.scenario.rules >> S2_RULE_DATA & 1;
	const bool fwb = !v->world.machine;

	return asked && fwb && v->named.preemptions > DATA_BOUND ? DATA_BOUND
								 : v->named.preemptions;
}

/* @return 1 if something is broken; 0 */
static int explore(const struct s2_scenario_variant *v, unsigned first, unsigned end,
		   struct s2_matrix_row *row)
{
	const struct s2_explore_config cfg = {.preemptions = bound_of(v)};
	struct s2_explore_result r;
	int ret = s2_explore(&v->named.scenario, &cfg, &r);

	if (!ret && r.kind == S2_EXPLORE_NOTHING)
		note(row, first, end, &r);
	if (!ret)
		ret = r.kind != S2_EXPLORE_NOTHING;
	s2_explore_result_free(&r);
	return ret;
}

/* What holds under all contracts at once holds under each. */
static int explore_columns(struct s2_scenario_variant *v, struct s2_matrix_row *row)
{
	int ret;

	s2_matrix_ask(0, &v->named.scenario);
	ret = explore(v, 0, 1, row);
	if (ret > 0 && !row->broken[0][0])
		memcpy(row->broken[0], v->name, sizeof(row->broken[0]));
	if (ret < 0)
		return ret;
	v->named.scenario.rules = 1U << S2_RULE_DATA;
	v->named.scenario.contracts = 0;
	ret = explore(v, 1, S2_MATRIX_COLUMNS, row);
	for (unsigned c = 1; ret > 0 && c < S2_MATRIX_COLUMNS; c++) {
		int broken;

		if (row->broken[c][0])
			continue;
		s2_matrix_ask(c, &v->named.scenario);
		broken = explore(v, c, c + 1, row);
		if (broken < 0)
			return broken;
		if (broken)
			memcpy(row->broken[c], v->name, sizeof(row->broken[c]));
	}
	return ret < 0 ? ret : 0;
}

static int explore_scenario(const char *scenario, const char *choice, struct s2_matrix_row *row)
{
	struct s2_scenario_variant v;
	char name[sizeof(v.name)];
	int ret;

	snprintf(name, sizeof(name), "%s,%s", scenario, choice);
	ret = s2_scenario_variant(name, &v);
	return ret ? ret : explore_columns(&v, row);
}

static const struct subject *subject_of(const char *choice)
{
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		if (!strncmp(choice, subjects[i].prefix, strlen(subjects[i].prefix)))
			return &subjects[i];
	return NULL;
}

static size_t n_choices(void)
{
	size_t n = 0;

	while (s2_choice_at(n))
		n++;
	return n;
}

int s2_matrix_row(size_t index, struct s2_matrix_row *row)
{
	const char *choice = s2_choice_at(index);
	const struct subject *subject = choice ? subject_of(choice) : NULL;
	int ret = 0;

	memset(row, 0, sizeof(*row));
	memset(row->preemptions, 0xff, sizeof(row->preemptions));
	row->policy = choice;
	row->unchecked = !subject;
	if (!choice && index - n_choices() >= sizeof(unchecked) / sizeof(unchecked[0]))
		return -ENOENT;
	if (!choice)
		row->policy = unchecked[index - n_choices()];
	for (unsigned i = 0; !ret && subject && i < SCENARIOS_MAX && subject->scenarios[i]; i++)
		ret = explore_scenario(subject->scenarios[i], choice, row);
	return ret;
}

void s2_matrix_cell_text(const struct s2_matrix_row *row, unsigned column, char *buf, size_t size)
{
	if (row->unchecked)
		snprintf(buf, size, "unchecked");
	else if (row->broken[column][0])
		snprintf(buf, size, "broken: %.*s", (int)strcspn(row->broken[column], ","),
			 row->broken[column]);
	else if (row->preemptions[column] != S2_EXPLORE_ANY)
		snprintf(buf, size, "held, %" PRIu32, row->preemptions[column]);
	else
		snprintf(buf, size, "held");
}

static void print_row(FILE *out, const struct s2_matrix_row *row)
{
	char text[112];

	fprintf(out, "| %s |", row->policy);
	for (unsigned c = 0; c < S2_MATRIX_COLUMNS; c++) {
		s2_matrix_cell_text(row, c, text, sizeof(text));
		fprintf(out, " %s |", text);
	}
	fputc('\n', out);
}

int s2_matrix_print(FILE *out, struct s2_error *err)
{
	struct s2_matrix_row row;
	int ret;

	fputs("| policy |", out);
	for (unsigned c = 0; c < S2_MATRIX_COLUMNS; c++)
		fprintf(out, " %s |", s2_matrix_column(c));
	fputs("\n|---|---|---|---|---|---|---|\n", out);
	for (size_t i = 0; !(ret = s2_matrix_row(i, &row)); i++) {
		print_row(out, &row);
		fflush(out);
	}
	if (ret == -ENOENT)
		return 0;
	s2_error_set(err, 1, "%s: %s", row.policy, strerror(-ret));
	return ret;
}
