/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which policies of a point share a column: those that came out alike.
 *
 *     every   never   vcpu0           results of a point, in their order
 *                     first-last
 *
 * Alike are policies with the same operations, measures, bills of their parts,
 * and verdicts; stories may differ, the first one's is told.
 */
#ifndef STAGE2SIM_STUDY_COLUMNS_H
#define STAGE2SIM_STUDY_COLUMNS_H

#include "study/report/result.h"

/** A column's policies: indices of results, ascending; the first stands for all. */
struct s2_column {
	size_t n;
	uint8_t at[S2_OPTION_LIST_MAX];
};

struct s2_columns {
	size_t n;
	size_t most; /**< policies of the fullest column */
	struct s2_column column[S2_OPTION_LIST_MAX];
};

/** Whether two policies came out alike. */
bool s2_result_alike(const struct s2_result *a, const struct s2_result *b);

/** Sorts the policies of @p point into columns; with @p apart each has its own. */
void s2_columns_of(const struct s2_point *point, bool apart, struct s2_columns *columns);

/** The names of a column's policies, ", " between them; returns @p buf. */
const char *s2_column_names(const struct s2_point *point, const struct s2_column *column, char *buf,
			    size_t size);

#endif
