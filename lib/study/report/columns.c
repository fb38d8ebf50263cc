/* SPDX-License-Identifier: MIT */
/* Which policies share a column; see columns.h. */
#include "study/report/columns.h"

#include <stdio.h>
#include <string.h>

static bool same_measures(const struct s2_result *a, const struct s2_result *b)
{
	for (size_t i = 0; i < a->n_measures; i++) {
		const struct s2_measure *other = s2_result_find(b, a->measures[i].name);

		if (other == NULL || other->value != a->measures[i].value)
			return false;
	}
	return a->n_measures == b->n_measures;
}

static bool same_bill(const struct s2_bill *a, const struct s2_bill *b)
{
	for (int seq = 0; seq < S2_SEQ_COUNT; seq++)
		if (a->seq[seq] != b->seq[seq])
			return false;
	return !memcmp(a->ops.n, b->ops.n, sizeof(a->ops.n));
}

static bool same_parts(const struct s2_result *a, const struct s2_result *b)
{
	for (size_t i = 0; i < a->n_parts && i < b->n_parts; i++)
		if (!same_bill(&a->parts[i].bill, &b->parts[i].bill))
			return false;
	return a->n_parts == b->n_parts;
}

static bool same_verdicts(const struct s2_result *a, const struct s2_result *b)
{
	for (size_t i = 0; i < a->n_verdicts && i < b->n_verdicts; i++)
		if (a->verdicts[i].status != b->verdicts[i].status)
			return false;
	return a->n_verdicts == b->n_verdicts;
}

bool s2_result_alike(const struct s2_result *a, const struct s2_result *b)
{
	return a->applies == b->applies && !memcmp(a->ops.n, b->ops.n, sizeof(a->ops.n)) &&
	       same_measures(a, b) && same_parts(a, b) && same_verdicts(a, b);
}

/** The column that result @p i joins: that of one alike, or a new one. */
static struct s2_column *column_for(const struct s2_point *point, size_t i, bool apart,
				    struct s2_columns *columns)
{
	for (size_t c = 0; c < columns->n && !apart; c++) {
		struct s2_column *column = &columns->column[c];

		if (s2_result_alike(&point->results[column->at[0]], &point->results[i]))
			return column;
	}
	return &columns->column[columns->n++];
}

void s2_columns_of(const struct s2_point *point, bool apart, struct s2_columns *columns)
{
	*columns = (struct s2_columns){.n = 0};
	for (size_t i = 0; i < point->n_results; i++) {
		struct s2_column *column = column_for(point, i, apart, columns);

		column->at[column->n++] = (uint8_t)i;
		if (column->n > columns->most)
			columns->most = column->n;
	}
}

const char *s2_column_names(const struct s2_point *point, const struct s2_column *column, char *buf,
			    size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < column->n && at < size; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%s", i ? ", " : "",
				       point->results[column->at[i]].policy);
	return buf;
}
