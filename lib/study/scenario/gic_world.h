/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a scenario of interrupts is set in: a machine, a vgic, and what its vcpus have taken.
 *
 *     CPU k   vcpu k      CPU 3   userspace, devices
 */
#ifndef S2_STUDY_SCENARIO_GIC_WORLD_H
#define S2_STUDY_SCENARIO_GIC_WORLD_H

#include <stage2sim/explore.h>
#include <stage2sim/vgic.h>

#include "study/scenario/world.h"

#define S2_GIC_WORLD_VCPUS 3U
#define S2_GIC_WORLD_HOST  3U /* CPU of userspace and devices */
#define S2_GIC_WORLD_SGI   5U /* that is sent */
#define S2_GIC_WORLD_SPI   32U

/** How one is made. */
struct s2_gic_world_config {
	const char *routing; /**< a policy's name; NULL: "bits" */
	unsigned vcpus;	     /**< made before the threads, 1 to S2_GIC_WORLD_VCPUS */
	enum s2_bug bug;     /**< of the vGIC's */
	/** Makes what is before the threads; may be NULL. @return 0 or an error */
	int (*prepare)(void *state);
};

/** A world. */
struct s2_gic_world {
	struct s2_machine *m;
	struct s2_vgic *vgic;
	const struct s2_gic_world_config *cfg;
	uint64_t taken[S2_GIC_WORLD_VCPUS];  /**< interrupts, a bit each */
	uint64_t wanted[S2_GIC_WORLD_VCPUS]; /**< that must be taken, or wait, when all is done */
	unsigned shared; /**< what threads agree on, by s2_explore_touch() of object 0 */
	int error;	 /**< the first that a call of a thread returned */
	char text[128];	 /**< what check() says */
};

/** struct s2_scenario.create: @p arg a struct s2_gic_world_config. */
int s2_gic_world_create(void *arg, void **state, struct s2_machine **m);
/** struct s2_scenario.prepare. */
int s2_gic_world_prepare(void *state);
/** struct s2_scenario.destroy. */
void s2_gic_world_destroy(void *state);
/**
 * struct s2_scenario.check: no call failed; an interrupt is on one list at most; what can be
 * taken is on one; who has something to take is told of it; what is wanted is not lost.
 */
const char *s2_gic_world_check(void *state);

/** CPU @p cpu. */
static inline struct s2_cpu *s2_gic_world_cpu(struct s2_gic_world *w, unsigned cpu)
{
	return s2_machine_cpu(w->m, cpu);
}

/** Notes what a call returned, if that is an error. */
void s2_gic_world_expect(struct s2_gic_world *w, int ret);
/** Loads vcpu @p v on CPU @p v. */
void s2_gic_world_load(struct s2_gic_world *w, unsigned v);
/** Enters the guest; it takes what there is, and again if an IPI makes it leave. */
void s2_gic_world_run(struct s2_gic_world *w, unsigned v);
/** The guest acknowledges and ends all that its list registers have. */
void s2_gic_world_take(struct s2_gic_world *w, unsigned v);
/** Vcpu @p from sends the SGI to @p to, which must get it. */
void s2_gic_world_send(struct s2_gic_world *w, unsigned from, unsigned to);

#endif
