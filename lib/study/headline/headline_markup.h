/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Parts of the HTML page that stand apart: text made harmless, and pictures.
 */
#ifndef STAGE2SIM_STUDY_HEADLINE_MARKUP_H
#define STAGE2SIM_STUDY_HEADLINE_MARKUP_H

#include "study/headline/headline_table.h"

/**
 * A bar a row for the first metric of a thread, on a logarithmic scale; bars of
 * broken policies are hatched, so that they differ without colour.
 */
void s2_markup_bars(const struct s2_headline_table *table, FILE *out);

#endif
