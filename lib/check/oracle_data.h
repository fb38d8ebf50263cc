/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The data rule: acts in, the ledger and possible memory side by side.
 *
 *     act --> memory: what lines may hold     \
 *         --> ledger: what a guest may count on }--> violations, by contract
 */
#ifndef S2_CHECK_ORACLE_DATA_H
#define S2_CHECK_ORACLE_DATA_H

#include <stage2sim/act.h>

#include "check/ledger.h"
#include "check/oracle.h"

/** @return 0 or -ENOMEM: what was said cannot be followed. */
int s2_data_act(struct s2_oracle *o, const struct s2_act *act);

/** A DC IVAC of the hypervisor has been done on a range. */
void s2_data_invalidated(struct s2_oracle *o, uint64_t pa, uint64_t size);

void s2_data_init(struct s2_data *d, const struct s2_features *f, struct s2_memory *memory);
void s2_data_free(struct s2_data *d);

#endif
