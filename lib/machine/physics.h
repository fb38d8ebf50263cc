/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Inside the physics: what each CPU has loaded, and who is told of what.
 *
 *   event --> physics.c --registers, barriers--> struct s2_phys_cpu
 *                       --TLBI--> tlb_finite.c, tlb_possible.c
 *                       --DC, IC--> cache.c
 *                       --stores--> tlb_possible.c
 *
 * A store of a single event has not happened yet when its event comes: memory
 * holds the old descriptor.  In a run the sequence has read it before.
 */
#ifndef S2_MACHINE_PHYSICS_H
#define S2_MACHINE_PHYSICS_H

#include <stage2sim/physics.h>

#include "machine/machine.h"
#include "machine/regime.h"
#include "machine/tablemem.h"

/** The registers that decide whose translations an instruction is about. */
struct s2_phys_regs {
	uint64_t vtcr, vttbr, hcr;
};

struct s2_phys_cpu {
	struct s2_phys_regs issued;    /**< as last written */
	struct s2_phys_regs effective; /**< as of the last context synchronisation */
	bool in_guest;
	bool draining; /**< out of the guest, and no DSB since: walks may be in flight */
	int regime_err;
	struct s2_regime regime; /**< of effective; valid if !regime_err */
};

struct s2_residues;

struct s2_physics {
	struct s2_machine *machine;
	struct s2_tlbs *tlbs;	      /**< or NULL */
	struct s2_memory *memory;     /**< or NULL */
	struct s2_residues *residues; /**< or NULL */
	struct s2_line_counts dc;
	int error; /**< the first that an event met */
	unsigned n_cpus;
	struct s2_phys_cpu cpus[];
};

/** A physics that is no sink: for who hands it the events. @return as s2_physics_attach() */
int s2_physics_create(struct s2_machine *m, const struct s2_physics_config *cfg,
		      struct s2_physics **out);
/** Frees one that is no sink (any more); NULL is fine. */
void s2_physics_free(struct s2_physics *p);

struct s2_digest;

/** What CPUs have loaded and TLBs may hold, of one with a possible TLB: contents of memory apart. */
void s2_physics_digest(const struct s2_physics *p, struct s2_digest *d);

/**
 * Whether nothing is under way, neither old entries anywhere nor what this CPU has issued, and
 * cleaning leaves the lines around a page as they are: a call on one page that began and ended
 * so, at equal states, does on each (rest.h).
 */
bool s2_physics_at_rest(const struct s2_physics *p, unsigned cpu, const struct s2_counts *each,
			struct s2_rest *rest);

/** What the machine calls; for who filters events first. */
void s2_physics_event(struct s2_physics *p, const struct s2_event *event);

/** @return 0; -EINVAL for an access, or a CPU, that s2_guest_access() refuses. */
int s2_guest_access_check(const struct s2_physics *p, const struct s2_cpu *cpu,
			  const struct s2_guest_access *access);

/** Whether the CPU runs a hypervisor at EL2 with the host's regime (E2H and TGE). */
static inline bool s2_hcr_is_host(uint64_t hcr)
{
	return (hcr & S2_HCR_E2H) && (hcr & S2_HCR_TGE);
}

#endif
