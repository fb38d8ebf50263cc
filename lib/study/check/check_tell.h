/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Lines of an instruction log, done again on a machine of their own.
 *
 * Table pages lie where the log says (tablemem.h: foreign memory); a page that
 * is written without having been initialised is taken as if it had been.  From
 * the write of a VTTBR_EL2 on TLBs may hold what its tables map: a log of
 * casemate's kind does not say when guests run, so the worst is assumed.
 */
#ifndef STAGE2SIM_STUDY_CHECK_TELL_H
#define STAGE2SIM_STUDY_CHECK_TELL_H

#include <stage2sim/oracle.h>

#include "study/check/check_line.h"

struct s2_retold;

/** What a log was made of. */
struct s2_retold_counts {
	uint64_t events;   /**< done again */
	uint64_t ignored;  /**< of EL2's own translation, locks, hints, counted steps */
	uint64_t reliances; /**< that the log has */
	uint64_t changed;  /**< reads that found another value than the tables have */
};

/** Most bytes of a line's src that are kept, its end included, while the line is at hand. */
#define S2_CHECK_SITE 96

/**
 * @param features of the machine; @param cpus tids are below it
 * @return 0; an error of s2_machine_create()
 */
int s2_retold_create(const struct s2_features *features, unsigned cpus, struct s2_retold **out);
void s2_retold_free(struct s2_retold *t);

/** Does a line again. @return 0; negative with @p err saying what cannot be */
int s2_retold_line(struct s2_retold *t, const struct s2_check_line *line, struct s2_error *err);

/** Nothing follows: every stage 2 that was ever loaded is relied on as a whole. */
void s2_retold_end(struct s2_retold *t);

/** Its machine, to attach to before the first line. */
struct s2_machine *s2_retold_machine(struct s2_retold *t);
/** Whose oracle watches it: told of roots.  The caller detaches it before s2_retold_free(). */
void s2_retold_watched(struct s2_retold *t, struct s2_oracle *oracle);
struct s2_retold_counts s2_retold_counts(const struct s2_retold *t);

#endif
