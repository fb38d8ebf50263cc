/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A flavour that is known besides those of the library's table.
 */
#ifndef S2_HYP_KNOWN_H
#define S2_HYP_KNOWN_H

#include <stage2sim/flavour.h>

/** s2_flavour_find() knows @p flavour, too, which must live; NULL: no more. */
void s2_flavour_add(const struct s2_flavour *flavour);
/** That one, or NULL. */
const struct s2_flavour *s2_flavour_added(void);

#endif
