/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Inside a vgic.
 *
 * SGIs are stored by INTID, then by vcpu: a broadcast walks one dense row.
 * What kicks and broadcasts ask of all vcpus (in guest? blocked?) is a bit
 * each.  `mail` holds what a matrix broadcast posted and its targets have not
 * collected: nothing may look at a vcpu's SGIs before s2_vgic_collect().
 *
 * Lock order, as the kernel has it: ap_list_lock (of two, the lower vcpu id
 * first), then one irq_lock.
 */
#ifndef S2_HYP_VGIC_H
#define S2_HYP_VGIC_H

#include <stage2sim/vgic.h>

#include "machine/machine.h"

#define S2_NO_VCPU     UINT16_MAX
#define S2_NO_CPU      UINT16_MAX
#define S2_VCPU_WORDS  (S2_VGIC_MAX_CPUS / 64U)
#define S2_N_PPIS      (S2_GIC_PRIVATE_IRQS - S2_N_SGIS)
#define S2_MAX_REGIONS S2_VGIC_MAX_CPUS
#define S2_ADDR_UNDEF  UINT64_MAX
#define S2_REVISION_IR 3U /* CTLR.IR, INVLPIR and INVALLR exist */

/* A bit for each vcpu, by index. */
struct s2_vcpu_set {
	uint64_t w[S2_VCPU_WORDS];
};

static inline bool s2_vcpu_set_has(const struct s2_vcpu_set *set, unsigned index)
{
	return set->w[index / 64U] >> (index % 64U) & 1U;
}

static inline void s2_vcpu_set_to(struct s2_vcpu_set *set, unsigned index, bool on)
{
	const uint64_t bit = UINT64_C(1) << (index % 64U);

	if (on)
		set->w[index / 64U] |= bit;
	else
		set->w[index / 64U] &= ~bit;
}

/* Sums in parallel: pairs, nibbles, bytes, then all bytes by one multiplication. */
static inline unsigned s2_popcount(uint64_t word)
{
	word -= word >> 1U & UINT64_C(0x5555555555555555);
	word = (word & UINT64_C(0x3333333333333333)) + (word >> 2U & UINT64_C(0x3333333333333333));
	word = (word + (word >> 4U)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)(word * UINT64_C(0x0101010101010101) >> 56U);
}

/* The number of the lowest set bit of @word, which is not 0. */
static inline unsigned s2_lowest_bit(uint64_t word)
{
#if defined(__GNUC__)
	return (unsigned)__builtin_ctzll(word);
#else
	return s2_popcount((word & (~word + 1U)) - 1U);
#endif
}

struct s2_irq {
	struct s2_irq *prev, *next; /* in the ap_list */
	uint32_t mpidr;		    /* GICD_IROUTER, of an SPI */
	uint16_t intid;
	uint16_t vcpu;	 /* index of the vcpu whose ap_list holds it */
	uint16_t target; /* index of the vcpu that it is for */
	uint8_t priority;
	uint8_t pintid; /* if mapped */
	bool line_level : 1;
	bool latch : 1;
	bool active : 1;
	bool enabled : 1;
	bool group1 : 1;
	bool level : 1;	 /* configured as level-sensitive */
	bool mapped : 1; /* a PPI that is a physical one's: LR.HW, pintid */
	bool hw : 1;	 /* GICv4.1: the hardware keeps enable, pending, priority, group */
};

struct s2_ap_list {
	struct s2_irq *head, *tail;
	unsigned len;
};

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

/* KVM's kvm_mpidr_data. */
struct s2_mpidr_table {
	struct s2_mpidr_gather gather;
	uint16_t *entry; /* NULL: there is no table */
};

/* Ours: see vcpu_hash.c and sgi_rows.c. */
struct s2_vcpu_hash {
	uint16_t *slot; /* vcpu indices, or S2_NO_VCPU */
	unsigned shift; /* 1 << shift slots */
	uint64_t multiplier;
};

struct s2_cluster_row {
	uint64_t key; /* MPIDR of the row, without Aff0 3:0 */
	uint16_t vcpu[S2_SGI_LIST_BITS];
};

struct s2_cluster_rows {
	struct s2_cluster_row *row; /* key S2_ADDR_UNDEF: free */
	unsigned shift;
	uint64_t multiplier;
};

/* A lookup policy.  All but find may be NULL. */
struct s2_lookup_ops {
	/* kvm_init_mpidr_data(); no memory means no table. */
	void (*build)(struct s2_vgic *vgic);
	/* A vcpu was made or taken back. */
	void (*vcpus_changed)(struct s2_vgic *vgic);
	/* Userspace wrote an MPIDR. */
	void (*mpidr_changed)(struct s2_vgic *vgic);
	/* @return index or S2_NO_VCPU */
	uint16_t (*find)(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid);
	/* Without a scan: S2_NO_VCPU if it must be looked for, or, if *sure, is nowhere. */
	uint16_t (*find_fast)(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid,
			      bool *sure);
	bool (*has_index)(const struct s2_vgic *vgic);
};

/* One write of an SGI register on its way. */
struct s2_sgi_write {
	struct s2_vgic *vgic;
	struct s2_cpu *cpu;
	const struct s2_vgic_cpu *sender;
	struct s2_mpidr cluster; /* of bit 0 of the list */
	enum s2_sgi_reg reg;
	unsigned targets; /* the list */
	unsigned intid;
	bool any_group; /* nothing can be dropped for its group */
	unsigned queued;
};

typedef void (*s2_sgi_dispatch_fn)(struct s2_sgi_write *w);
typedef int (*s2_sgi_send_fn)(struct s2_vgic_cpu *sender, struct s2_cpu *cpu, enum s2_sgi_reg reg,
			      uint64_t value);

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

	uint64_t dist_base;
	unsigned n_regions;
	struct s2_redist_region *regions;
};

/* --- vcpu_lookup.c, vcpu_hash.c, sgi_rows.c --- */
extern const struct s2_lookup_ops s2_lookup_scan_ops;
extern const struct s2_lookup_ops s2_lookup_table_final_ops;
extern const struct s2_lookup_ops s2_lookup_table_ops;
extern const struct s2_lookup_ops s2_lookup_hash_ops;

uint16_t s2_vcpu_scan(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid);
void s2_mpidr_table_drop(struct s2_vgic *vgic);
void s2_vcpu_hash_drop(struct s2_vgic *vgic);
void s2_rows_build(struct s2_vgic *vgic);
void s2_rows_drop(struct s2_vgic *vgic);

/* kvm_mpidr_to_vcpu(). @return index or S2_NO_VCPU */
static inline uint16_t s2_mpidr_to_vcpu(const struct s2_vgic *vgic, struct s2_cpu *cpu,
					struct s2_mpidr mpidr)
{
	return vgic->lookup->find(vgic, cpu, s2_mpidr_hwid(mpidr));
}

/* --- sgi_dispatch.c, sgi_rows.c, sgi_broadcast.c, sgi_one.c --- */
/* s2_vgic_send_sgi() by dispatch and broadcast, whatever the write is. */
int s2_sgi_send(struct s2_vgic_cpu *sender, struct s2_cpu *cpu, enum s2_sgi_reg reg,
		uint64_t value);
/* The same, or a form that has a short way for writes that merge. */
s2_sgi_send_fn s2_sgi_send_for(const struct s2_vgic_config *cfg);

void s2_sgi_walk(struct s2_sgi_write *w);
void s2_sgi_bits(struct s2_sgi_write *w);
void s2_sgi_bits_walk(struct s2_sgi_write *w);
void s2_sgi_rows(struct s2_sgi_write *w);
void s2_broadcast_by_index(struct s2_sgi_write *w);
void s2_broadcast_plain(struct s2_sgi_write *w);
void s2_broadcast_matrix(struct s2_sgi_write *w);

/* Queues what was posted for @vcpu by a matrix broadcast. */
void s2_vgic_collect_mail(struct s2_vgic_cpu *vcpu, struct s2_cpu *cpu);

static inline void s2_vgic_collect(struct s2_vgic_cpu *vcpu, struct s2_cpu *cpu)
{
	if (s2_vcpu_set_has(&vcpu->vgic->has_mail, vcpu->index))
		s2_vgic_collect_mail(vcpu, cpu);
}

/* --- vgic_irq.c --- */
static inline struct s2_irq *s2_vgic_sgi(const struct s2_vgic *vgic, unsigned index, uint32_t intid)
{
	return &vgic->sgi[intid * vgic->cfg.max_vcpus + index];
}

/* vgic_get_irq(); NULL if there is none. */
struct s2_irq *s2_vgic_irq(struct s2_vgic *vgic, struct s2_vgic_cpu *vcpu, uint32_t intid);

void s2_irq_reset_private(struct s2_vgic *vgic, unsigned index);
void s2_irq_reset_spi(struct s2_vgic *vgic, unsigned n);

static inline bool s2_irq_pending(const struct s2_irq *irq)
{
	return irq->latch || (irq->level && irq->line_level);
}

void s2_irq_set_enabled(struct s2_vgic *vgic, struct s2_irq *irq, bool on);
void s2_irq_set_group1(struct s2_vgic *vgic, struct s2_irq *irq, bool on);
void s2_irq_set_priority(struct s2_vgic *vgic, struct s2_irq *irq, uint8_t priority);

void s2_ap_list_append(struct s2_ap_list *list, struct s2_irq *irq, uint16_t vcpu);
void s2_ap_list_remove(struct s2_ap_list *list, struct s2_irq *irq);

static inline void s2_lock_ap(struct s2_vgic *vgic, struct s2_cpu *cpu, uint32_t id)
{
	struct s2_vgic_locks *held = &vgic->locks;

	if (held->irq || (held->n_ap && id <= held->ap_id))
		held->faults++;
	held->ap_id = id;
	held->n_ap++;
	s2_step(cpu, S2_OP_IRQ_LOCK, 1);
}

static inline void s2_unlock_ap(struct s2_vgic *vgic)
{
	vgic->locks.n_ap--;
}

static inline void s2_lock_irq(struct s2_vgic *vgic, struct s2_cpu *cpu)
{
	if (vgic->locks.irq)
		vgic->locks.faults++;
	vgic->locks.irq = true;
	s2_step(cpu, S2_OP_IRQ_LOCK, 1);
}

static inline void s2_unlock_irq(struct s2_vgic *vgic)
{
	vgic->locks.irq = false;
}

/* Of the vcpus of word @at, those whose kick is more than to set a request that is set already. */
static inline uint64_t s2_vgic_need_kick(const struct s2_vgic *vgic, unsigned at)
{
	return ~vgic->requested.w[at] | vgic->blocked.w[at] | vgic->in_guest.w[at];
}

static inline bool s2_vgic_needs_kick(const struct s2_vgic *vgic, unsigned index)
{
	return s2_vgic_need_kick(vgic, index / 64U) >> (index % 64U) & 1U;
}

void s2_vgic_kick_needed(struct s2_vgic *vgic, struct s2_cpu *cpu, unsigned index);

/*
 * kvm_vcpu_kick() after a request: wakes a blocked vcpu, or sends an IPI to
 * one that is in its guest on another CPU and has not been told already.
 */
static inline void s2_vgic_kick(struct s2_vgic *vgic, struct s2_cpu *cpu, unsigned index)
{
	if (s2_vgic_needs_kick(vgic, index))
		s2_vgic_kick_needed(vgic, cpu, index);
}

/* vgic_target_oracle(). @return the vcpu whose list should hold @irq, or S2_NO_VCPU */
static inline uint16_t s2_irq_target_oracle(const struct s2_vgic *vgic, const struct s2_irq *irq)
{
	/* An active interrupt stays where it is. */
	if (irq->active)
		return irq->vcpu != S2_NO_VCPU ? irq->vcpu : irq->target;
	if (irq->enabled && s2_irq_pending(irq))
		return vgic->dist_enabled ? irq->target : S2_NO_VCPU;
	return S2_NO_VCPU;
}

/* The second half of queueing: takes the list's lock, and starts over if overtaken. */
bool s2_irq_queue_on(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq, uint16_t v);

/* vgic_queue_irq_unlock(); @irq is locked on entry, nothing on return. */
static inline bool s2_irq_queue_unlock(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq)
{
	const uint16_t v = s2_irq_target_oracle(vgic, irq);

	if (irq->vcpu != S2_NO_VCPU || v == S2_NO_VCPU) {
		s2_unlock_irq(vgic);
		/* It may need delivery again: pending, and active on that vcpu. */
		if (v != S2_NO_VCPU)
			s2_vgic_kick(vgic, cpu, v);
		return false;
	}
	s2_unlock_irq(vgic);
	return s2_irq_queue_on(vgic, cpu, irq, v);
}

/* --- sgi_queue.c --- */
/* On a list, pending and enabled: one more merges with it.  (What hardware holds is on none.) */
static inline bool s2_sgi_merges(const struct s2_irq *irq)
{
	return irq->latch && irq->enabled && irq->vcpu != S2_NO_VCPU;
}

/* s2_sgi_raise(), whatever state @irq is in. */
void s2_sgi_raise_any(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq);

/*
 * What vgic_v3_queue_sgi() does with an SGI that is let through; @irq is locked
 * on entry, nothing on return.  In a storm most are pending already, which
 * takes a kick and writes nothing.
 */
static inline void s2_sgi_raise(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq)
{
	if (!vgic->dist_enabled || !s2_sgi_merges(irq)) {
		s2_sgi_raise_any(vgic, cpu, irq);
		return;
	}
	s2_unlock_irq(vgic);
	s2_vgic_kick(vgic, cpu, irq->target);
}

/* vgic_v3_queue_sgi(): one SGI for one vcpu. */
static inline void s2_sgi_queue(struct s2_sgi_write *w, unsigned index)
{
	struct s2_vgic *vgic = w->vgic;
	struct s2_irq *irq = s2_vgic_sgi(vgic, index, w->intid);

	s2_lock_irq(vgic, w->cpu);
	if (!w->any_group && !s2_sgi_group_ok(vgic->cfg.group_rule, w->reg, irq->group1)) {
		s2_unlock_irq(vgic);
		return;
	}
	w->queued++;
	s2_sgi_raise(vgic, w->cpu, irq);
}

/* --- vgic_line.c, vgic_phys.c --- */
/* A level SPI was ended by the guest; holds no lock. */
void s2_vgic_notify_ended(struct s2_vgic *vgic, struct s2_cpu *cpu, uint32_t intid);

/* Nothing is done for an interrupt that is not mapped. */
void s2_phys_set_active(struct s2_vgic *vgic, const struct s2_irq *irq, bool on);
/* What a list register says about a mapped level makes it look at the line again. */
void s2_phys_resample(struct s2_vgic *vgic, struct s2_irq *irq, bool still_pending, bool ended);

/* --- vgic_run.c --- */
/* kvm_arm_halt_guest(): no vcpu is in its guest afterwards. */
void s2_vgic_halt(struct s2_vgic *vgic, struct s2_cpu *cpu);
/* vgic_kick_vcpus(): those with something pending. */
void s2_vgic_kick_pending(struct s2_vgic *vgic, struct s2_cpu *cpu);

/* kvm_init_mpidr_data() and whatever else the routing policy prepares. */
void s2_vgic_build_index(struct s2_vgic *vgic);
/* vcpu @index leaves its guest, if it is there. */
void s2_vgic_halt_one(struct s2_vgic *vgic, struct s2_cpu *cpu, unsigned index);
/* An IPI to each vcpu that is in its guest on another CPU. */
void s2_vgic_kick_running(struct s2_vgic *vgic, struct s2_cpu *cpu);
/* Everything that was posted reaches its list now. */
void s2_vgic_collect_all(struct s2_vgic *vgic, struct s2_cpu *cpu);

/* --- vgic_lr.c --- */
void s2_lr_flush(struct s2_vgic_cpu *vcpu);
void s2_lr_fold(struct s2_vgic_cpu *vcpu);
void s2_lr_prune(struct s2_vgic_cpu *vcpu);
/* @vcpu's guest ended active @irq, which is in no list register. */
void s2_lr_end_unlisted(struct s2_vgic_cpu *vcpu, struct s2_irq *irq);

/* --- vgic_region.c --- */
/* vgic_register_redist_iodev(): a place for a new vcpu, if there is one. */
int s2_redist_register(struct s2_vgic_cpu *vcpu);
void s2_redist_unregister(struct s2_vgic_cpu *vcpu);
bool s2_redist_is_last(const struct s2_vgic_cpu *vcpu);

/* --- vgic_mmio.c: registers with some bits for each interrupt --- */
uint64_t s2_irq_reg_read(struct s2_vgic *vgic, struct s2_vgic_cpu *vcpu, enum s2_gic_reg reg,
			 const struct s2_gic_io *io);
void s2_irq_reg_write(struct s2_vgic *vgic, struct s2_vgic_cpu *vcpu, enum s2_gic_reg reg,
		      const struct s2_gic_io *io, uint64_t value);
/* extract_bytes(): the part of a 64-bit register that an access reads. */
uint64_t s2_reg_part(uint64_t reg, const struct s2_gic_io *io);
uint64_t s2_reg_update(uint64_t reg, const struct s2_gic_io *io, uint64_t value);
uint64_t s2_gic_id_read(uint32_t offset);

/* --- vgic_v4.c --- */
void s2_vgic_configure_vsgis(struct s2_vgic *vgic, struct s2_cpu *cpu);
void s2_vsgi_set_pending(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_irq *irq, bool on);
bool s2_vsgi_pending(const struct s2_vgic *vgic, const struct s2_irq *irq);
void s2_vsgi_update(struct s2_vgic *vgic, const struct s2_irq *irq);

#endif
