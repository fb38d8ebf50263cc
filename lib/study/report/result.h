/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a study found: for each workload, policies side by side.
 *
 *     report --- machine, flavour, seed
 *        `-- point --- a workload: keys and values
 *               `-- result --- one policy: counts, measures, cost, verdicts
 *
 * A study of one workload has one point, a sweep has one for each cell of its
 * grid; every point has the same policies in the same order.  The reporters
 * print a whole report; what they print depends on nothing else, so it is the
 * same on every host and in every run.
 */
#ifndef STAGE2SIM_STUDY_RESULT_H
#define STAGE2SIM_STUDY_RESULT_H

#include <stage2sim/op.h>

#include "study/option/options.h"
#include "study/option/profile.h"
#include "study/report/story.h"

enum s2_status {
	S2_UNCHECKED, /**< nobody looked */
	S2_SOUND,     /**< of this run, or of all orders within bounds: no violation */
	S2_UNSOUND,   /**< a violation was found */
};

/** When a program's run is checked: --check. */
enum s2_check_when {
	S2_CHECK_AUTO, /**< where it is short enough, and no sweep */
	S2_CHECK_ALWAYS,
	S2_CHECK_NEVER,
};

/** Whether a policy keeps one contract. */
struct s2_verdict {
	const char *contract; /**< kept by pointer: "arch", "isolation" */
	enum s2_status status;
	uint64_t states; /**< explored, or points at which this run was judged */
	char *violation; /**< UNSOUND: the story, lines; owned */
	struct s2_told *told; /**< UNSOUND: its steps, or NULL; owned */
};

/** What is counted that is no operation. */
struct s2_measure {
	const char *name; /**< kept by pointer; "lock_hold_max" */
	const char *unit; /**< "operations", "bytes", "ns"; NULL for a bare number */
	double value;
};

/** A part of a run whose time may be known where the whole run's is not. */
struct s2_part {
	const char *name; /**< kept by pointer; "toggle_time" */
	const char *help; /**< a phrase, kept by pointer: "cleaning at toggles" */
	struct s2_bill bill;
	struct s2_cost cost; /**< by the first profile; set by the runner */
};

#define S2_MEASURES_MAX 16
#define S2_VERDICTS_MAX 8

/** What one policy did on one workload. */
struct s2_result {
	const char *policy;
	bool applies; /**< false: the policy means nothing here, and was not run */
	struct s2_counts ops;
	struct s2_measure measures[S2_MEASURES_MAX];
	size_t n_measures;
	struct s2_part *parts; /**< owned */
	size_t n_parts;
	struct s2_cost cost; /**< by the first profile; set by the runner */
	struct s2_verdict verdicts[S2_VERDICTS_MAX];
	size_t n_verdicts;
};

/** Adds a measure; the same names in the same order for every policy. @return 0 or -ENOSPC */
S2_API int s2_result_measure(struct s2_result *result, const char *name, const char *unit,
			     double value);

/** Adds a part (@p bill is copied); the same for every policy. @return 0 or -ENOMEM */
S2_API int s2_result_part(struct s2_result *result, const char *name, const char *help,
			  const struct s2_bill *bill);

/** Adds a verdict; @p violation (copied) is NULL unless UNSOUND. @return 0, -ENOSPC, -ENOMEM */
S2_API int s2_result_verdict(struct s2_result *result, const char *contract, enum s2_status status,
			     uint64_t states, const char *violation);

/** Adds its story (copied) to the verdict that was added last. @return 0 or -ENOMEM */
S2_API int s2_result_story(struct s2_result *result, const struct s2_told *told);

/** Frees what a result owns: parts and verdicts. */
S2_API void s2_result_free(struct s2_result *result);

/** As JSON and CSV have it ("sound", "unsound", "unchecked"). */
S2_API const char *s2_status_name(enum s2_status status);

/** As a table says it: what is said is of this run ("holds", "broken", "unchecked"). */
S2_API const char *s2_status_word(enum s2_status status);

/** A key of a workload with its value. */
struct s2_pair {
	const char *key;
	struct s2_value value;
};

/** One workload and what each policy did on it. */
struct s2_point {
	const char *workload; /**< its name, or NULL where a program has but one */
	struct s2_pair *pairs;
	size_t n_pairs;
	struct s2_result *results;
	size_t n_results;
	char *skipped; /**< of a sweep: why this point cannot be, nothing was run; or NULL; owned */
};

/** All that a program found. */
struct s2_report {
	const char *program, *version, *summary;
	const char *machine, *flavour; /**< NULL where they play no part */
	const char *thread;	       /**< whom times answer for; NULL: no thread */
	const struct s2_profile *profiles; /**< side by side, n_profiles of them */
	size_t n_profiles;
	const char *metric; /**< what is asked, and what a sweep compares; see s2_result_metric() */
	bool all; /**< the table has rows that say nothing, a column a policy, whole stories */
	uint64_t seed;
	const char *const *axes;   /**< keys that are swept, slowest first */
	const size_t *axis_values; /**< how many values each takes */
	size_t n_axes;
	struct s2_point *points;
	size_t n_points;
	size_t n_skipped; /**< points that cannot be */
};

/** Room for points with @p n_results results each. @return 0 or -ENOMEM */
S2_API int s2_report_alloc(struct s2_report *report, size_t n_points, size_t n_results);

/** Frees the points, and what they own. */
S2_API void s2_report_free(struct s2_report *report);

/** The pair called @p key, or NULL. */
S2_API const struct s2_pair *s2_point_find(const struct s2_point *point, const char *key);

/** "workload boot: vcpus 64, memory 128G", less what is swept; returns @p buf. */
S2_API const char *s2_point_text(const struct s2_report *report, const struct s2_point *point,
				 char *buf, size_t size);

/** The measure called @p name, or NULL. */
S2_API const struct s2_measure *s2_result_find(const struct s2_result *result, const char *name);

/** What @p result, or a part of it, would take by profile @p k of the report. */
S2_API struct s2_cost s2_report_cost(const struct s2_report *report, const struct s2_result *result,
				     size_t k);
S2_API struct s2_cost s2_report_part_cost(const struct s2_report *report,
					  const struct s2_part *part, size_t k);

/**
 * One number of a result: "time" (NaN where unknown), "known_time" (of the
 * operations that have a cost), an operation, a measure or a part's time.  NaN
 * for a policy that does not apply, or has no such measure.
 */
S2_API double s2_result_metric(const struct s2_result *result, const char *metric);

/** Why the first point that cannot be cannot, or NULL if all can. */
S2_API const char *s2_report_skipped(const struct s2_report *report);

/** The story of the first verdict that has one, or NULL. */
S2_API const struct s2_told *s2_report_story(const struct s2_report *report);

/** How many verdicts of @p report have @p status. */
S2_API size_t s2_report_verdicts(const struct s2_report *report, enum s2_status status);

/** The first of them, and (@p result) whose it is; NULL if there is none. */
S2_API const struct s2_verdict *s2_report_first(const struct s2_report *report,
						enum s2_status status,
						const struct s2_result **result);

#endif
