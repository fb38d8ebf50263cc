/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What s2-boot says below its table: the arithmetic of what the guest touches,
 * and how the cost of a line measured in one thread predicts another thread.
 */
#ifndef STAGE2SIM_STUDY_BOOT_NOTES_H
#define STAGE2SIM_STUDY_BOOT_NOTES_H

#include "study/report/result.h"

/** For s2_program.notes. */
S2_API void s2_boot_notes(const struct s2_report *report, FILE *out);

#endif
