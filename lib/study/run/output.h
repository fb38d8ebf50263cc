/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Where a program's output goes, whole or not at all.
 *
 * A file appears under its name only once all of it is written; a device, a
 * pipe or a link is written into, for it must not be replaced by a file.
 */
#ifndef STAGE2SIM_STUDY_OUTPUT_H
#define STAGE2SIM_STUDY_OUTPUT_H

#include <stage2sim/types.h>

#include <stdio.h>

/** Writes @p text to @p path, or to @p out if that is NULL. @return 0 or a negative errno */
S2_API int s2_output_write(const char *path, FILE *out, const char *text, size_t size);

#endif
