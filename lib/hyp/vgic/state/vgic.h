/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The state of a vgic and of its vcpus; what works on it is in the other headers.
 *
 * SGIs are stored by INTID, then by vcpu: a broadcast walks one dense row.
 * `mail` holds what a matrix broadcast posted and its targets have not
 * collected: nothing may look at a vcpu's SGIs before s2_vgic_collect().
 */
#ifndef S2_HYP_VGIC_VGIC_H
#define S2_HYP_VGIC_VGIC_H

#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/state/vcpu_set.h"
#include "hyp/vgic/state/vcpu_tables.h"
#include "machine/machine.h"

#define S2_NO_CPU      UINT16_MAX
#define S2_MAX_REGIONS S2_VGIC_MAX_CPUS
#define S2_ADDR_UNDEF  UINT64_MAX
#define S2_REVISION_IR 3U /* CTLR.IR, INVLPIR and INVALLR exist */

struct s2_lookup_ops;
struct s2_sgi_write;

typedef void (*s2_sgi_dispatch_fn)(struct s2_sgi_write *w);
typedef int (*s2_sgi_send_fn)(struct s2_vgic_cpu *sender, struct s2_cpu *cpu, enum s2_sgi_reg reg,
			      uint64_t value);

/* An irqfd's, of an SPI. */
struct s2_resampler {
	s2_vgic_ended_fn ended; /* NULL: it has none */
	void *arg;
};

struct s2_redist_region {
	uint64_t base;
	uint32_t count; /* redistributors; 0: the legacy region */
	uint32_t free_index;
};

struct s2_vgic_cpu {
	struct s2_vgic *vgic;
	struct s2_cpu *cpu; /* loaded there, or NULL */
	uint32_t id;
	uint16_t index;
	bool has_run;
	bool entered; /* between guest entry and exit */
	unsigned used_lrs;
	struct s2_mpidr mpidr;
	struct s2_ap_list ap_list;
	struct s2_ich ich; /* while not loaded */
	struct s2_irq ppi[S2_N_PPIS];
	struct s2_phys_irq phys[S2_N_PPIS]; /* of mapped ones */
	bool powered_off;		    /* PSCI */
	uint16_t region;		    /* or S2_NO_VCPU */
	uint16_t slot;			    /* in the region */
	uint64_t rd_base;
	uint64_t pendbaser;
};

/* Which locks the hypervisor holds now, to check their order. */
struct s2_vgic_locks {
	unsigned n_ap;
	uint32_t ap_id;
	bool irq;
	unsigned faults;
};

struct s2_vgic {
	struct s2_machine *machine;
	struct s2_vgic_config cfg;
	const struct s2_lookup_ops *lookup;
	s2_sgi_send_fn send;
	s2_sgi_dispatch_fn dispatch, broadcast;
	struct s2_vgic_locks locks;
	/* Called where queueing holds no lock: whatever other CPUs may do there. */
	void (*race)(void *arg, struct s2_irq *irq);
	void *race_arg;

	unsigned n_vcpus;
	unsigned n_spis;
	unsigned spis_listed; /* on some ap_list: in flight */
	bool initialised;
	bool dist_enabled;
	bool nassgicap, nassgireq;
	bool vsgis_in_hw;
	unsigned revision;
	uint64_t propbaser;

	uint64_t hwid[S2_VGIC_MAX_CPUS]; /* by vcpu index */
	struct s2_vgic_cpu *vcpu[S2_VGIC_MAX_CPUS];
	uint16_t by_id[S2_VGIC_MAX_CPUS];
	uint16_t cpu_of[S2_VGIC_MAX_CPUS]; /* loaded on, or S2_NO_CPU */
	struct s2_vcpu_set blocked, in_guest, requested;

	/* The bit matrix, a row for each SGI. */
	struct s2_vcpu_set sgi_enabled[S2_N_SGIS], sgi_group1[S2_N_SGIS];
	struct s2_vcpu_set mail[S2_N_SGIS], has_mail;

	struct s2_irq *sgi;		 /* [S2_N_SGIS][max_vcpus] */
	struct s2_irq *spi;		 /* [n_spis] */
	struct s2_resampler *resamplers; /* [n_spis], NULL before the first */

	struct s2_mpidr_table table;
	struct s2_vcpu_hash hash;
	struct s2_cluster_rows rows;
	void *aside; /* what one of these three is filled in, until it is published; NULL: none */

	uint64_t dist_base;
	unsigned n_regions;
	struct s2_redist_region *regions;
};

/* Steps of a VM are counted on its own machine only. */
static inline bool s2_vgic_has_cpu(const struct s2_vgic *vgic, const struct s2_cpu *cpu)
{
	return cpu && cpu->machine == vgic->machine;
}

/* NULL stands for no vcpu, which is nobody else's. */
static inline bool s2_vgic_has_vcpu(const struct s2_vgic *vgic, const struct s2_vgic_cpu *vcpu)
{
	return !vcpu || vcpu->vgic == vgic;
}

static inline struct s2_irq *s2_vgic_sgi(const struct s2_vgic *vgic, unsigned index, uint32_t intid)
{
	return &vgic->sgi[intid * vgic->cfg.max_vcpus + index];
}

#endif
