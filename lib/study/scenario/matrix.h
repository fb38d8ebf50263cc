/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Policies by contracts: what holds in every order of a few threads.
 *
 *     | policy | rules | isolation | arch | bare-metal | kvm-compat | kvm-compat-any |
 *       cell: a scenario that breaks it | held, within bounds | unchecked
 *
 * A policy is a choice (choices.h), run in the scenarios of its subject.  The first
 * column is every rule but that of data.
 */
#ifndef S2_STUDY_SCENARIO_MATRIX_H
#define S2_STUDY_SCENARIO_MATRIX_H

#include <stdio.h>

#include <stage2sim/explore.h>

#include "study/base/error.h"

/** Columns: the rules, then each contract with guests. */
#define S2_MATRIX_COLUMNS (1 + S2_GUEST_CONTRACTS)

/** One row: a policy, or a subject that no scenario asks about. */
struct s2_matrix_row {
	const char *policy;
	/** By column: what breaks it, as s2_scenario_variant() takes it, or "". */
	char broken[S2_MATRIX_COLUMNS][96];
	bool unchecked; /**< no scenario asks */
	/** By column: the least bound on preemptions beyond which there were orders; or ANY. */
	uint32_t preemptions[S2_MATRIX_COLUMNS];
};

/** Name of a column ("rules", "arch"), or NULL. */
const char *s2_matrix_column(unsigned column);

/** Row @p index from 0, explored. @return 0; -ENOENT past the last; an error of s2_explore() */
int s2_matrix_row(size_t index, struct s2_matrix_row *row);

/** One cell in words, as a table has it. */
void s2_matrix_cell_text(const struct s2_matrix_row *row, unsigned column, char *buf, size_t size);

/** All rows as a table of Markdown. @return 0; an error, and says so in @p err */
int s2_matrix_print(FILE *out, struct s2_error *err);

/** What is asked in a column becomes all that counts in @p scenario. */
void s2_matrix_ask(unsigned column, struct s2_scenario *scenario);
/** The column called @p name, or -ENOENT. */
int s2_matrix_column_find(const char *name);

#endif
