/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What went wrong, as a number for programs and a sentence for people.
 *
 * The library never prints.  A call that reads somebody's file fills one of
 * these with a text that names the file and line, what was found and what was
 * expected; the program decides where to print it.
 */
#ifndef STAGE2SIM_STUDY_ERROR_H
#define STAGE2SIM_STUDY_ERROR_H

#include <stdarg.h>
#include <stdio.h>

#if defined(__GNUC__)
#define S2_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define S2_PRINTF(fmt, first)
#endif

/** Bytes of an error's text, with its terminating NUL. */
#define S2_ERROR_TEXT 256

/** An error; the caller owns it, there is nothing to free. */
struct s2_error {
	int code;		  /**< from the enum of the module that set it; 0 is "none" */
	char text[S2_ERROR_TEXT]; /**< one line without a newline, always terminated */
};

/** Fill @p err, cutting a text that is too long; a NULL @p err is allowed. */
S2_PRINTF(3, 4)
static inline void s2_error_set(struct s2_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return;
	err->code = code;
	va_start(ap, fmt);
	if (vsnprintf(err->text, sizeof(err->text), fmt, ap) < 0)
		err->text[0] = '\0';
	va_end(ap);
}

#endif
