/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What s2-migrate says below its table: which policies win whatever a refill
 * costs, where the others cross, and the 2026 thread's profile by arithmetic.
 */
#ifndef STAGE2SIM_STUDY_MIGRATE_NOTES_H
#define STAGE2SIM_STUDY_MIGRATE_NOTES_H

#include "study/report/result.h"

/** For s2_program.notes. */
S2_API void s2_migrate_notes(const struct s2_report *report, FILE *out);

/**
 * Whether no ratio of refill to flush sequence makes another policy cheaper
 * than result @p i: none has less flush work, none has fewer refills.
 */
S2_API bool s2_migrate_wins(const struct s2_point *point, size_t i);

/** The ratio at which results @p i and @p k cost the same; negative if there is none. */
S2_API double s2_migrate_crossing(const struct s2_point *point, size_t i, size_t k);

/**
 * The lowest ratio from which on no policy (those by cost apart) is cheaper
 * than result @p i; 0: whatever it is; negative: there is none.
 */
S2_API double s2_migrate_cheapest_from(const struct s2_point *point, size_t i);

#endif
