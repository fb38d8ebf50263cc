/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Lines of a file, a pipe or a compressed one, in constant memory.
 *
 * One buffer; a line is handed out where it lies in it:
 *
 *     |  consumed  | line\n | line\n | part of a li|  free  |
 *     0            start                           end      S2_INPUT_BUFFER
 *
 * Private to lib/study: trace.c and memslots.c read through it.
 */
#ifndef STAGE2SIM_STUDY_TRACE_INPUT_H
#define STAGE2SIM_STUDY_TRACE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "study/base/error.h"

/** A line; the text lies in the input's buffer until the next call. */
struct s2_text_line {
	const char *text; /**< not terminated */
	size_t len;	  /**< without the newline */
	uint64_t number;  /**< from 1 */
	bool whole;	  /**< it ended in a newline */
};

/** A source of lines. */
struct s2_input;

/**
 * Open @p path, or standard input for "-".  Returns 0, or a negative errno
 * with @p err set (code: enum s2_trace_code).
 */
int s2_input_open(const char *path, struct s2_input **input, struct s2_error *err);

/**
 * Hand out the next line.  Returns 1, or 0 at the end, or a negative errno with
 * @p err set: -EMSGSIZE for a line above S2_TRACE_LINE_MAX, which the next call
 * skips; any other stays.  After an error only line->number is set.
 */
int s2_input_next(struct s2_input *input, struct s2_text_line *line, struct s2_error *err);

/**
 * Whether the first bytes, which are read for it, are @p magic.  A file that
 * cannot be read has none: s2_input_next() then says why.
 */
bool s2_input_begins(struct s2_input *input, const char *magic, size_t len);

/** The file itself, for who reads it otherwise; it stays the input's. */
int s2_input_fd(const struct s2_input *input);

/** The file's name for messages: at most 80 bytes, the head left off. */
const char *s2_input_name(const struct s2_input *input);

/** Lines handed out so far, with bad ones. */
uint64_t s2_input_lines(const struct s2_input *input);

/** Bytes read from the file so far, and its size (0 when not known). */
uint64_t s2_input_bytes_read(const struct s2_input *input);
uint64_t s2_input_bytes_total(const struct s2_input *input);

/** Close; NULL is allowed. */
void s2_input_close(struct s2_input *input);

/** read() that is not interrupted: bytes, 0 at the end, negative errno. */
int s2_input_read(int fd, void *to, size_t size);

#endif
