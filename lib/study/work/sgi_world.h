/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A VM under a load of SGIs, and the check of where they went.
 *
 * Each write is routed twice: by the policy, and by comparing every MPIDR
 * (interrupt_check.h).  Settling
 * compares, lets every target take what it has, and starts afresh.
 */
#ifndef STAGE2SIM_STUDY_SGI_WORLD_H
#define STAGE2SIM_STUDY_SGI_WORLD_H

#include <stage2sim/interrupt_check.h>

#include "study/work/sgi_load.h"

struct s2_sgi_world {
	struct s2_machine *machine;
	struct s2_vgic *vgic;
	struct s2_sgi_outcome *out;
	enum s2_sgi_target_state state;
	const struct s2_mpidr *mpidrs; /**< or NULL */
	uint64_t random;
	unsigned n;
	struct s2_interrupt_check *check; /**< what should be pending */
};

/** Makes the VM that @p load describes, its first vcpu having run. @return 0 or negative */
int s2_sgi_world_open(struct s2_sgi_world *w, const struct s2_sgi_load *load,
		      struct s2_sgi_outcome *out, struct s2_error *err);
void s2_sgi_world_close(struct s2_sgi_world *w);

/** One more vcpu, of the lowest id that is free. */
int s2_sgi_world_add_vcpu(struct s2_sgi_world *w, struct s2_error *err);

/** Vcpu @p sender writes ICC_SGI1R. */
void s2_sgi_world_send(struct s2_sgi_world *w, unsigned sender, uint64_t value);

/** Compares what is pending with what should be, and empties every vcpu. */
void s2_sgi_world_settle(struct s2_sgi_world *w);

/** Puts all vcpus into @p state, or each into one at random if it is negative. */
void s2_sgi_world_set_states(struct s2_sgi_world *w, int state);

/** A number below @p below. */
unsigned s2_sgi_world_random(struct s2_sgi_world *w, unsigned below);

#endif
