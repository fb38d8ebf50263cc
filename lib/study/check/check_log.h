/* SPDX-License-Identifier: MIT */
/**
 * @file
 * An instruction log of casemate's form, or ours, checked in one call.
 *
 *     log.txt --lines--> machine --> oracle --> violations, each with its line
 */
#ifndef STAGE2SIM_STUDY_CHECK_LOG_H
#define STAGE2SIM_STUDY_CHECK_LOG_H

#include <stage2sim/oracle.h>

#include "study/base/error.h"

/**
 * Rules that a log can be asked: all but S2_RULE_DATA, since a log does not say what
 * guests read and write.
 */
#define S2_CHECK_RULES                                                                     \
	((1U << S2_RULES) - 1 -                                                            \
	 (1U << S2_RULE_DATA | 1U << S2_RULE_INTERRUPTS | 1U << S2_RULE_CONTEXTS))

/** What to check, and how. */
struct s2_check_job {
	const char *path;		/**< a file, compressed or not, or "-" */
	struct s2_features features;	/**< of the machine that is told the log */
	unsigned cpus;			/**< tids are below it */
	unsigned rules;			/**< bits 1 << enum s2_rule, of S2_CHECK_RULES; 0: all of them */
	size_t keep;			/**< violations that are told; all are counted */
	bool at_end;			/**< at the end all tables that were loaded are relied on */
	bool json;			/**< in place of lines of text */
	/** A file for the story of the first violation, in the form of its name (story.h); or NULL. */
	const char *story;
};

/** What came of it. */
struct s2_check_outcome {
	uint64_t lines, events, ignored, reliances;
	uint64_t changed;    /**< reads that found another value than was written */
	uint64_t violations; /**< of all rules */
	bool expected;	     /**< the log says that it has one (its last line begins with !) */
};

/**
 * Checks @p job's log and writes to @p out, once all of it has been read.
 * @return 0, whatever was found; negative with @p err naming file and line
 */
S2_API int s2_check_log(const struct s2_check_job *job, FILE *out, struct s2_check_outcome *outcome,
			struct s2_error *err);

#endif
