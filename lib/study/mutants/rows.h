/* SPDX-License-Identifier: MIT */
/**
 * @file
 * All mutants as rows of a table: what each is, whether it was found, in how many steps.
 *
 *     named mutants, steps left out, steps swapped --> run --> rows --> table, JSON, CSV
 */
#ifndef STAGE2SIM_STUDY_MUTANT_ROWS_H
#define STAGE2SIM_STUDY_MUTANT_ROWS_H

#include <stdio.h>

#include "study/mutants/named.h"
#include "study/mutants/steps.h"

enum s2_mutant_kind {
	S2_MUTANT_HAPPENED, /**< by name; it was once in a hypervisor, or in a patch for one */
	S2_MUTANT_MADE_UP,  /**< by name */
	S2_MUTANT_LEFT_OUT, /**< a step of the life, left out */
	S2_MUTANT_SWAPPED,  /**< two neighbours, swapped */
	S2_MUTANT_KINDS,
};

/** As JSON and CSV have it ("left-out"), or NULL. */
S2_API const char *s2_mutant_kind_name(enum s2_mutant_kind kind);

/** One mutant, and what became of it. */
struct s2_mutant_row {
	enum s2_mutant_kind kind;
	char name[96];
	char rule[40];	      /**< that is to find it, or found it; "" for what is harmless */
	const char *what;     /**< NULL of steps */
	const char *where;    /**< or NULL */
	const char *scenario; /**< NULL of steps */
	bool run, found;
	uint64_t step;	      /**< at which it was found */
	uint64_t times;	      /**< of a step, in the life */
	const char *harmless; /**< why nothing is lost, or NULL */
};

/** Rows, and what they are of. */
struct s2_mutant_rows {
	const char *machine, *flavour; /**< of the life whose steps are left out and swapped */
	struct s2_mutant_row *row;
	size_t n;
	/** Rows, and those that were found, of each kind. */
	size_t of[S2_MUTANT_KINDS], found[S2_MUTANT_KINDS];
	size_t missed; /**< not found, and no reason why nothing is lost */
	size_t alarms; /**< mended forms, or the life as it is, that break a rule */
};

/**
 * Collects, and unless @p list runs, all named mutants and their mended forms, and all
 * steps of a life.  @return 0; -ENOMEM; negative with @p err set
 */
S2_API int s2_mutant_rows_collect(const struct s2_features *features,
				  const struct s2_flavour *flavour, bool list,
				  struct s2_mutant_rows *rows, struct s2_error *err);
S2_API void s2_mutant_rows_free(struct s2_mutant_rows *rows);

/** Which rows a table has: the named ones, or the steps. */
S2_API void s2_mutant_rows_table(const struct s2_mutant_rows *rows, bool steps, FILE *out);
/** Names, what, where and rule, then what is missing and why; or the steps' names. */
S2_API void s2_mutant_rows_list(const struct s2_mutant_rows *rows, bool steps, FILE *out);
/** All rows, a line each. */
S2_API void s2_mutant_rows_csv(const struct s2_mutant_rows *rows, FILE *out);
/** All rows, totals, and what is missing. @return 0; -ENOTSUP without JSON; -ENOMEM; -EIO */
S2_API int s2_mutant_rows_json(const struct s2_mutant_rows *rows, FILE *out);

#endif
