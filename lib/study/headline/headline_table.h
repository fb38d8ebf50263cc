/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What is shown of a thread, whatever it is shown in.
 *
 *     policy | what matters, ratio | times | longest lock hold | verdict
 *
 * Policies whose row would read the same are one row with all their names.  A
 * time is in a column of its part and profile; a column that no policy has a
 * time in is left out, and what is missing is said.
 */
#ifndef STAGE2SIM_STUDY_HEADLINE_TABLE_H
#define STAGE2SIM_STUDY_HEADLINE_TABLE_H

#include "study/base/text.h"
#include "study/headline/headline.h"
#include "study/report/columns.h"

enum s2_headline_kind {
	S2_HEADLINE_NUMBER,
	S2_HEADLINE_RATIO, /**< of the first metric, to the first policy */
	S2_HEADLINE_TIME,
	S2_HEADLINE_LOCK,
};

#define S2_HEADLINE_COLUMNS 16

/** A column between the policies and the verdict. */
struct s2_headline_column {
	enum s2_headline_kind kind;
	size_t metric;	/**< NUMBER, RATIO: which */
	size_t profile; /**< TIME */
	const char *part;
	char head[64]; /**< lines */
};

/** Room for a verdict, and for the names of a row. */
#define S2_HEADLINE_TEXT 512

struct s2_headline_row {
	struct s2_column policies; /**< indices in the main report */
	char names[S2_HEADLINE_TEXT];
	double value[S2_HEADLINE_COLUMNS]; /**< NaN: unknown, or there is none */
	char verdict[S2_HEADLINE_TEXT];	   /**< "holds", "breaks arch (shared)", "unchecked" */
	bool broken;
	const char *story; /**< of the worst contract that the first of them breaks, or NULL */
};

struct s2_headline_table {
	const struct s2_headline_part *part;
	struct s2_headline_column column[S2_HEADLINE_COLUMNS];
	size_t n_columns;
	struct s2_headline_row *rows; /**< owned */
	size_t n_rows;
	bool fitted[S2_HEADLINE_COLUMNS]; /**< TIME: a cost in it was derived from the thread */
};

/** How many times are shown, by what they rest on. */
struct s2_headline_tally {
	size_t fitted, predicted;
};

/** Makes the table of a thread. @return 0 with @p table to be freed, or -ENOMEM */
int s2_headline_table(const struct s2_headline_part *part, struct s2_headline_table *table);

void s2_headline_table_free(struct s2_headline_table *table);

/** A cell as text: whole numbers, or (@p brief) three digits; returns @p buf. */
const char *s2_headline_cell(const struct s2_headline_table *table, size_t row, size_t column,
			     bool brief, char buf[S2_TEXT_ROOM]);

/** Adds the times of @p table. */
void s2_headline_count(const struct s2_headline_table *table, struct s2_headline_tally *tally);

/** Counts the times of all threads. @return 0 or -ENOMEM */
int s2_headline_count_all(const struct s2_headline *headline, struct s2_headline_tally *tally);

/** Whether any policy breaks @p contract. @return 1, 0, or -ENOMEM */
int s2_headline_breaks(const struct s2_headline *headline, const char *contract);

/** Machine and, where it plays a part, flavour; returns @p buf. */
const char *s2_headline_host(const struct s2_headline_part *part, char *buf, size_t size);

/**
 * What was published of a thread beside our time for it: "published 28 s
 * saved; on d05 24.3 s, predicted, 87 %".
 * @return false if there is no such figure, or no such time
 */
bool s2_headline_figure(const struct s2_headline_part *part, size_t i, char *buf, size_t size);

/**
 * "no profile has a cost of x y": what the shown parts need and nobody knows.
 * @return false if some time is shown, or nothing is missing
 */
bool s2_headline_missing(const struct s2_headline_table *table, char *buf, size_t size);

/** What contracts mean, a line each: name, then words; NULL at the end. */
extern const char *const s2_headline_contracts[][2];

#endif
