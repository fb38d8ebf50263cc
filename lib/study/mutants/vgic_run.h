/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A mutant of the vGIC is run: vcpus, devices and SGIs in one scene, beside an account of
 * what should be pending (interrupt_check.h).
 */
#ifndef S2_STUDY_VGIC_RUN_H
#define S2_STUDY_VGIC_RUN_H

#include <stage2sim/interrupt_check.h>

#include "study/mutants/named.h"

/** A vGIC, its account, and the story so far. */
struct s2_irq_world {
	struct s2_machine *m;
	struct s2_vgic *vgic;
	struct s2_interrupt_check *check;
	struct s2_mutant_found *found;
	size_t told;
	unsigned lines;
	bool odd; /**< what is around the vGIC goes wrong: s2_vgic_mutant.odd, and not mended */
	bool line; /**< of the device that a scene has */
	int error;
};

/** As struct s2_mutant's run. */
int s2_vgic_mutant_run(const struct s2_mutant *mutant, bool mended, struct s2_mutant_found *found,
		       struct s2_error *err);

/* What scenes are made of.  An error ends in w->error, and the rest does nothing. */

/** A line of the story. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void s2_irq_say(struct s2_irq_world *w, const char *format, ...);
/** All is taken, and nothing said so far plays a part in what comes. */
void s2_irq_forget(struct s2_irq_world *w);
/** One more vcpu, with that id, and that MPIDR if it is not 0. */
void s2_irq_add(struct s2_irq_world *w, uint32_t id, uint64_t mpidr);
/** s2_vgic_init(), and what a guest does first. */
void s2_irq_open(struct s2_irq_world *w);
struct s2_vgic_cpu *s2_irq_vcpu(const struct s2_irq_world *w, unsigned index);
/** Vcpu @p sender writes ICC_SGI1R. */
void s2_irq_send(struct s2_irq_world *w, unsigned sender, uint64_t value);
/** The write that names vcpu @p to alone, if there is one. */
void s2_irq_send_to(struct s2_irq_world *w, unsigned sender, unsigned to, uint8_t intid);
/** A device's line; @p vcpu, if not NULL, is whose PPI it is. */
void s2_irq_line(struct s2_irq_world *w, struct s2_vgic_cpu *vcpu, uint32_t intid, bool up);
/** A guest's, or userspace's, write and read of the distributor or a redistributor. */
void s2_irq_dist_write(struct s2_irq_world *w, enum s2_gic_access who, uint32_t offset,
		       uint64_t value);
uint64_t s2_irq_dist_read(struct s2_irq_world *w, enum s2_gic_access who, uint32_t offset);
void s2_irq_redist_write(struct s2_irq_world *w, unsigned vcpu, uint32_t offset, uint64_t value);
uint64_t s2_irq_redist_read(struct s2_irq_world *w, unsigned vcpu, uint32_t offset);
/** One acknowledgement, in the guest. @return the INTID */
uint32_t s2_irq_ack(struct s2_irq_world *w, unsigned vcpu);
void s2_irq_load(struct s2_irq_world *w, unsigned vcpu);
void s2_irq_enter(struct s2_irq_world *w, unsigned vcpu);
void s2_irq_exit(struct s2_irq_world *w, unsigned vcpu);
/** Runs it until there is nothing more to take. */
void s2_irq_run(struct s2_irq_world *w, unsigned vcpu);
/** The same of all. */
void s2_irq_run_all(struct s2_irq_world *w);

/** Scene @p scene (enum s2_irq_scene). */
void s2_irq_play(struct s2_irq_world *w, unsigned scene);
/** What it is, in words. */
const char *s2_irq_scene_about(unsigned scene);

#endif
