/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A cost profile out of what tools measured on a machine of one's own.
 *
 * Two are read, each by its lines, whatever stands around them:
 *
 *     hvc        168674516.0      2573.0     kvm-unit-tests' micro-bench: total, average ns
 *     51.200  1.280  3.920  40  FUNCTION     `perf ftrace profile`: total, average, most us, calls
 *
 * What they measured as a whole stays whole: an exit has the way back in it,
 * a flush its barriers.  Averages have the tool's own cost in them.
 */
#ifndef STAGE2SIM_STUDY_MEASURED_H
#define STAGE2SIM_STUDY_MEASURED_H

#include <stage2sim/types.h>

#include <stdio.h>

#include "study/base/error.h"

/** What the tools do not say. */
struct s2_measured {
	const char *machine; /**< for the profile's first line, or NULL */
	double lines; /**< cache lines that all calls of stage2_flush_vm() cleaned; 0: not known */
};

/** Kinds of error, in s2_error.code. */
enum s2_measured_code {
	S2_MEASURED_OK,
	S2_MEASURED_NOTHING, /**< no line that has a meaning here: -EINVAL */
	S2_MEASURED_TWICE,   /**< one measurement stands there twice: -EINVAL */
	S2_MEASURED_READ,    /**< -EIO */
};

/**
 * Reads @p in, called @p name in errors and sources, and writes its costs to
 * @p out in the form of a profile.
 * @param seen measurements met so far, zero at first: one may stand in one file only
 * @return how many costs were written, or a negative errno with @p err set
 */
S2_API int s2_measured_read(FILE *in, const char *name, const struct s2_measured *what,
			    unsigned *seen, FILE *out, struct s2_error *err);

#endif
