/* SPDX-License-Identifier: MIT */
/* One verdict of several runs; see headline_verdict.h. */
#include "study/headline/headline_verdict.h"

#include <string.h>

const char *const s2_headline_contracts[][2] = {
	{"isolation", "nobody reads what was another's"},
	{"dirty-log", "no write is missed once the log was cleared"},
	{"arch", "who maintains caches by address reads what it wrote"},
	{"bare-metal", "the first vcpu that turns its caches on sees what was written before"},
	{"kvm-compat", "each vcpu, turning its caches on, sees its own writes before"},
	{"interrupts", "an SGI reaches whom the architecture says, once"},
	{"context", "it is as if computed from nothing"},
	{NULL, NULL},
};

/** Where a contract is broken: the verdict there, and the workload (NULL: the headline's). */
struct broken {
	const struct s2_verdict *verdict;
	const char *workload;
};

static const struct s2_verdict *verdict_of(const struct s2_result *result, const char *contract)
{
	for (size_t v = 0; v < result->n_verdicts; v++)
		if (!strcmp(result->verdicts[v].contract, contract))
			return &result->verdicts[v];
	return NULL;
}

/** The headline's own workload first; @p unchecked if nobody looked at it. */
static struct broken find_broken(const struct s2_headline_part *part,
				 const struct s2_result *result, const char *contract,
				 bool *unchecked)
{
	const struct s2_verdict *verdict = verdict_of(result, contract);

	if (verdict->status == S2_UNSOUND)
		return (struct broken){verdict, NULL};
	*unchecked |= verdict->status == S2_UNCHECKED;
	for (size_t p = 0; p < part->also.report.n_points; p++) {
		const struct s2_point *point = &part->also.report.points[p];
		const struct s2_result *other = s2_headline_find(point, result->policy);

		verdict = other != NULL ? verdict_of(other, contract) : NULL;
		if (verdict != NULL && verdict->status == S2_UNSOUND)
			return (struct broken){verdict, point->workload};
	}
	return (struct broken){NULL, NULL};
}

/** A guest that counts on "kvm-compat-any" counts on "kvm-compat" too. */
static bool is_implied(const char *contract, const struct s2_headline_row *row)
{
	const char *any = strstr(contract, "-any");
	char less[64];

	if (any == NULL)
		return false;
	(void)snprintf(less, sizeof(less), "%.*s", (int)(any - contract), contract);
	return strstr(row->verdict, less) != NULL;
}

void s2_headline_verdict(const struct s2_headline_part *part, const struct s2_result *result,
			 struct s2_headline_row *row)
{
	const size_t size = sizeof(row->verdict);
	bool unchecked = result->n_verdicts == 0;
	size_t at = 0;

	for (size_t v = 0; v < result->n_verdicts && at < size; v++) {
		const char *contract = result->verdicts[v].contract;
		const struct broken broken = find_broken(part, result, contract, &unchecked);

		if (broken.verdict == NULL || is_implied(contract, row))
			continue;
		at += (size_t)snprintf(row->verdict + at, size - at, "%s %s", at ? "," : "breaks",
				       contract);
		if (broken.workload != NULL && at < size)
			at += (size_t)snprintf(row->verdict + at, size - at, " (%s)",
					       broken.workload);
		if (!row->broken)
			row->story = broken.verdict->violation;
		row->broken = true;
	}
	if (!row->broken)
		(void)snprintf(row->verdict, size, "%s", unchecked ? "unchecked" : "holds");
}
