/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A story that was told, kept and written: how it came to one violation.
 *
 *     oracle --take--> told --> lines under a table
 *                           `-> FILE.txt, .json, .svg (a lane for each who), .trace.json
 */
#ifndef STAGE2SIM_STUDY_STORY_H
#define STAGE2SIM_STUDY_STORY_H

#include <stdio.h>

#include <stage2sim/story.h>

#include "study/base/error.h"

/** Steps that are kept. */
#define S2_TOLD_STEPS S2_STORY_STEPS

/** Lines under a table, at most. */
#define S2_TOLD_LINES 10

/** A story.  Owns nothing. */
struct s2_told {
	struct s2_violation of;
	struct s2_story_step steps[S2_TOLD_STEPS];
	size_t n;    /**< of them; 0: nothing was told */
	size_t left; /**< steps between the first and the second that are not here */
	char end[2 * S2_STORY_TEXT];
};

/** Forms of a file. */
enum s2_told_form {
	S2_TOLD_TEXT,  /**< numbered lines */
	S2_TOLD_JSON,  /**< an object: violation, steps, end */
	S2_TOLD_SVG,   /**< a picture, a lane for each who */
	S2_TOLD_TRACE, /**< Chrome's trace events, for Perfetto: a thread for each who */
};

/** Takes down what @p o tells; n is 0 if it found no end. */
S2_API void s2_told_take(struct s2_told *told, const struct s2_oracle *o);

/**
 * At most S2_TOLD_LINES lines, "  1. who: what; what may be held", and what was seen in
 * the end; each after a newline.  As snprintf(): @return the length of the whole.
 */
S2_API int s2_told_lines(const struct s2_told *told, char *buf, size_t size);

/** By the end of its name: .json, .svg, .trace.json; else text. */
S2_API enum s2_told_form s2_told_form(const char *path);

/**
 * Writes it to @p out.
 * @return 0; -ENOMEM; -EIO; -ENOTSUP for JSON in a build without.  Errors of @p out are the caller's.
 */
S2_API int s2_told_write(const struct s2_told *told, enum s2_told_form form, FILE *out);

/** The same into a new file @p path, in the form of its name. @return 0; negative with @p err */
S2_API int s2_told_save(const struct s2_told *told, const char *path, struct s2_error *err);

#endif
