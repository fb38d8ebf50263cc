/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A VM's GICv3 as KVM emulates it: vcpus by MPIDR, redistributors, SGIs.
 *
 *      guest: MSR ICC_SGI1R --> routing --> target's private irq: latch
 *                                               | queue: lock order, retry
 *      another CPU: kick IPI, or wake    <--- ap_list of the target
 *                                               | enter: flush, overflow
 *      guest: IAR, EOIR  <-- list registers <---'   exit: fold, prune
 *
 * Every function that does work takes the machine's CPU that the hypervisor
 * runs on; its steps are counted there (vcpu_probe, mpidr_gather, irq_lock,
 * sgi_queue, kick_ipi, ...).  A vgic is one VM's and, like its machine, not
 * locked; the kernel's locks are counted and their order checked.
 *
 * What is handed over by value is checked: a number, size, enum or INTID that
 * cannot be, a CPU of another machine, and a vcpu of another vgic are -EINVAL
 * (NULL from what returns a pointer), and nothing has changed then, results
 * included.  Pointers must not be NULL unless it is said, but a NULL CPU is
 * -EINVAL as well.  A vcpu is its vgic's: not to be used once that, or it, is gone.
 *
 * Refused with -EOPNOTSUPP: GICv2, an ITS (so LPIs), nested virtualisation.
 *
 * Stands for: arch/arm64/kvm/vgic/; docs/model.md gives each rule's source.
 */
#ifndef STAGE2SIM_VGIC_H
#define STAGE2SIM_VGIC_H

#include <stage2sim/bug.h>
#include <stage2sim/ich.h>
#include <stage2sim/machine.h>
#include <stage2sim/routing.h>

S2_BEGIN_DECLS

struct s2_vgic;
struct s2_vgic_cpu;

/** VGIC_V3_MAX_CPUS: bounds vcpu ids and their number. */
#define S2_VGIC_MAX_CPUS 512U

/** What happens when more interrupts wait than list registers exist. */
enum s2_lr_overflow {
	S2_OVERFLOW_UIE,  /**< sort, fill, ask for an underflow interrupt */
	S2_OVERFLOW_NPIE, /**< and for no-pending and EOI-count interrupts; TDIR (v6.19) */
};

/** What a vgic is made of, fixed from then on. */
struct s2_vgic_config {
	unsigned max_vcpus;	   /**< 1 to 512; 0 means 512 */
	unsigned page_shift;	   /**< of the host, 12 to 16: bounds KVM's table; 0: the granule */
	unsigned ipa_bits;	   /**< 32 to 52; 0 means S2_DEFAULT_IPA_BITS */
	unsigned revision;	   /**< of the implementation, 2 or 3; 0 means 3 */
	struct s2_routing routing; /**< how SGIs find their vcpus */
	enum s2_sgi_group_rule group_rule; /**< which SGI register raises which group */
	enum s2_lr_overflow overflow;	   /**< when list registers run out */
	bool range_selector; /**< honour ICC_SGI1R.RS, as hardware with RSS; KVM does not */
	bool late_vcpus;     /**< vcpus may be made after s2_vgic_init(); KVM: -EBUSY */
	bool gicv4_1;	     /**< the host can inject SGIs itself */
	bool gicv2;	     /**< refused */
	bool its;	     /**< refused, and with it LPIs */
	bool nested;	     /**< refused */
	enum s2_bug bug;     /**< put in on purpose, of the vGIC's; no kernel's has one */
};

/**
 * Makes a vgic with no vcpus on @p m, which must outlive it.
 * @param out set on success; free with s2_vgic_destroy()
 * @return 0; -EINVAL for a number out of range; -EOPNOTSUPP for what is
 *         refused; -ENOMEM.
 */
S2_API int s2_vgic_create(struct s2_machine *m, const struct s2_vgic_config *cfg,
			  struct s2_vgic **out);

/** Frees @p vgic and its vcpus (NULL is fine). */
S2_API void s2_vgic_destroy(struct s2_vgic *vgic);

/** Bytes that @p vgic holds now, vcpus and tables included. */
S2_API size_t s2_vgic_memory(const struct s2_vgic *vgic);

/** Times that a lock was taken against the kernel's order; 0 unless something is wrong. */
S2_API unsigned s2_vgic_lock_faults(const struct s2_vgic *vgic);

/* --- vcpus ---------------------------------------------------------------- */

/**
 * Makes the vcpu with @p id; its index is the number of vcpus before it.
 * @param out if not NULL, the vcpu, which the vgic owns
 * @return 0; -EINVAL for an id >= max_vcpus, or if its redistributor in the
 *         legacy region would be past the IPA space; -EEXIST for an id in use; -EBUSY
 *         after s2_vgic_init(); -ENOMEM.
 */
S2_API int s2_vgic_add_vcpu(struct s2_vgic *vgic, uint32_t id, struct s2_vgic_cpu **out);

/**
 * Takes back, and frees, the vcpu that was made last (a creation that failed late).
 * @return 0; -EBUSY if it is loaded, or not the last.
 */
S2_API int s2_vgic_remove_vcpu(struct s2_vgic_cpu *vcpu);

/** How many vcpus there are. */
S2_API unsigned s2_vgic_vcpus(const struct s2_vgic *vgic);
/** The vcpu of that index, from 0, or NULL; the vgic's own. */
S2_API struct s2_vgic_cpu *s2_vgic_vcpu(struct s2_vgic *vgic, unsigned index);
/** The vcpu of that id (KVM_CREATE_VCPU), or NULL; the vgic's own. */
S2_API struct s2_vgic_cpu *s2_vgic_vcpu_by_id(struct s2_vgic *vgic, uint32_t id);
/** Its place in the order of creation, from 0. */
S2_API unsigned s2_vgic_vcpu_index(const struct s2_vgic_cpu *vcpu);
/** The id that it was made with. */
S2_API uint32_t s2_vgic_vcpu_id(const struct s2_vgic_cpu *vcpu);

/** Userspace's KVM_SET_ONE_REG of MPIDR_EL1: any value is accepted. */
S2_API void s2_vgic_set_mpidr(struct s2_vgic_cpu *vcpu, struct s2_mpidr mpidr);
/** MPIDR_EL1 as it was last set; s2_mpidr_from_id() until then. */
S2_API struct s2_mpidr s2_vgic_mpidr(const struct s2_vgic_cpu *vcpu);

/** What userspace made of the MPIDRs that a guest will stumble over. */
struct s2_mpidr_report {
	unsigned duplicates; /**< vcpus whose affinity a lower index has already */
	unsigned far_aff0;   /**< Aff0 >= 16: only a broadcast reaches them (no RSS) */
	unsigned aff3;	     /**< Aff3 != 0: GICR_TYPER and GICD_IROUTER cannot name them */
	unsigned bits;	     /**< in which at least two vcpus differ */
	bool table_fits;     /**< KVM's table fits one page of the host */
};
/** Looks at every pair of vcpus; counts nothing. */
S2_API struct s2_mpidr_report s2_vgic_mpidr_report(const struct s2_vgic *vgic);

/**
 * kvm_mpidr_to_vcpu() by the policy in force, counted on @p cpu.
 * @return the vcpu; NULL if the policy finds none, or for a CPU of another machine.
 */
S2_API struct s2_vgic_cpu *s2_vgic_lookup(struct s2_vgic *vgic, struct s2_cpu *cpu,
					  struct s2_mpidr mpidr);

/** Whether the policy has its table now (dropped, not yet built, or too big: false). */
S2_API bool s2_vgic_has_index(const struct s2_vgic *vgic);

/* --- set-up: KVM_DEV_ARM_VGIC_GRP_* --------------------------------------- */

/** Interrupts, SGIs and PPIs included: 64 to 1024 in steps of 32. @return 0;
 *  -EINVAL for another number; -EBUSY when set before, or after s2_vgic_init(). */
S2_API int s2_vgic_set_nr_irqs(struct s2_vgic *vgic, unsigned n);

/** Allocates the SPIs and fixes the vcpus. @return 0, also the second time; -ENOMEM. */
S2_API int s2_vgic_init(struct s2_vgic *vgic);

/**
 * Where the distributor is (KVM_VGIC_V3_ADDR_TYPE_DIST).
 * @return 0; -EINVAL if not 64 KiB aligned; -E2BIG beyond the IPA space; -EEXIST if set.
 */
S2_API int s2_vgic_set_dist(struct s2_vgic *vgic, struct s2_ipa base);

/**
 * The legacy single region, as big as the vcpus need (KVM_VGIC_V3_ADDR_TYPE_REDIST).
 * @return as above; -EINVAL also for a mix with regions, or over the
 *         distributor; -ENOMEM.
 */
S2_API int s2_vgic_set_redist(struct s2_vgic *vgic, struct s2_ipa base);

/**
 * One more region; @p attr as KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION has it.
 * @return 0; -EINVAL for flags, a count of 0, an index that is not the next,
 *         an overlap, or a mix with the legacy region; -E2BIG beyond the IPA
 *         space; -ENOSPC for more than 512; -ENOMEM.
 */
S2_API int s2_vgic_add_redist_region(struct s2_vgic *vgic, uint64_t attr);

/** Completes @p attr, which holds the index. @return 0; -ENOENT: none, or the legacy one. */
S2_API int s2_vgic_get_redist_region(const struct s2_vgic *vgic, uint64_t *attr);

/**
 * What the first KVM_RUN checks (vgic_v3_map_resources()).
 * @return 0; -ENXIO if a vcpu has no redistributor or there is no distributor;
 *         -EINVAL for overlaps; -EBUSY before s2_vgic_init().
 */
S2_API int s2_vgic_map_resources(struct s2_vgic *vgic);

/* --- registers ------------------------------------------------------------ */

/** Who reads or writes: some registers differ for userspace's save and restore. */
enum s2_gic_access {
	S2_GIC_GUEST, /**< a trapped load or store */
	S2_GIC_USER,  /**< KVM_DEV_ARM_VGIC_GRP_*_REGS */
};

/** An access: what a register handler needs to know. */
struct s2_gic_io {
	struct s2_cpu *cpu;	/**< where the hypervisor runs */
	enum s2_gic_access who; /**< decides what some registers show */
	uint32_t offset;	/**< from RD_base, or into the distributor */
	unsigned size;		/**< bytes */
};

/**
 * Reads @p vcpu's redistributor.  A guest's access of the wrong width or
 * alignment, or to no register, reads 0.
 * @return 0; for userspace -ENXIO if no register is there; -EINVAL for who or CPU.
 */
S2_API int s2_vgic_redist_read(struct s2_vgic_cpu *vcpu, const struct s2_gic_io *io,
			       uint64_t *value);
/** Writes it; what is read-only, or for a guest not there, takes nothing. @return as the read. */
S2_API int s2_vgic_redist_write(struct s2_vgic_cpu *vcpu, const struct s2_gic_io *io,
				uint64_t value);
/** The same of the distributor. @return as s2_vgic_redist_read(). */
S2_API int s2_vgic_dist_read(struct s2_vgic *vgic, const struct s2_gic_io *io, uint64_t *value);
/**
 * Writes it.  @return as the read; for userspace also -EINVAL: GICD_IIDR of
 *         another kind, or revision; a GICD_TYPER2 that the host has not; -EBUSY
 *         for that after s2_vgic_init().
 */
S2_API int s2_vgic_dist_write(struct s2_vgic *vgic, const struct s2_gic_io *io, uint64_t value);

/**
 * Userspace's 32-bit access to the redistributor that has @p affinity (packed):
 * KVM_DEV_ARM_VGIC_GRP_REDIST_REGS.
 * @param value read, or set to what was read
 * @return 0; -EINVAL for no such vcpu; -EBUSY before s2_vgic_init(); -ENXIO if
 *         no register is there.
 */
S2_API int s2_vgic_user_redist(struct s2_vgic *vgic, struct s2_cpu *cpu, uint32_t affinity,
			       uint32_t offset, bool write, uint32_t *value);

/** Where a guest's access to @p ipa goes. */
struct s2_vgic_frame {
	struct s2_vgic_cpu *vcpu; /**< whose redistributor; NULL: the distributor */
	uint32_t offset;	  /**< from its RD_base, or into the distributor */
};

/** Whose frame @p ipa is in. @return 0; -ENXIO: no distributor or redistributor. */
S2_API int s2_vgic_resolve(struct s2_vgic *vgic, struct s2_ipa ipa, struct s2_vgic_frame *frame);

/* --- interrupts ----------------------------------------------------------- */

/**
 * A guest's write to an SGI register, trapped from @p sender on @p cpu.
 * @return 0, whether or not it reached anyone; -EBUSY before s2_vgic_init();
 *         -EINVAL if there is no such register, or for a CPU of another machine.
 */
S2_API int s2_vgic_send_sgi(struct s2_vgic_cpu *sender, struct s2_cpu *cpu, enum s2_sgi_reg reg,
			    uint64_t value);

/**
 * A device's line: kvm_vgic_inject_irq().
 * @param vcpu whose PPI, or NULL for an SPI
 * @return 0, also where it changes nothing; -EINVAL for an interrupt that is not
 *         there (before s2_vgic_init() no SPI is), is an SGI, or is no match for
 *         @p vcpu, or for a CPU or vcpu of others; -EBUSY for a PPI before s2_vgic_init().
 */
S2_API int s2_vgic_inject(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_vgic_cpu *vcpu,
			  uint32_t intid, bool level);

/** Told that the guest has ended @p intid; may raise it again. */
typedef void (*s2_vgic_ended_fn)(void *arg, struct s2_cpu *cpu, uint32_t intid);

/**
 * An irqfd of SPI @p intid is signalled: its line goes up and down.  With a
 * resampler it goes up and stays, until the guest has ended the interrupt.
 * @return 0; -EINVAL if there is no such SPI; -EBUSY before s2_vgic_init().
 */
S2_API int s2_vgic_irqfd(struct s2_vgic *vgic, struct s2_cpu *cpu, uint32_t intid);

/**
 * KVM_IRQFD_FLAG_RESAMPLE: when the guest has ended level SPI @p intid, its line
 * falls, and @p ended is called; a device that still wants it signals again.
 * A list register's EOI bit tells of the end (ICH_MISR_EL2.EOI), at the exit.
 * @param ended NULL takes the resampler away
 * @return 0; -EINVAL if there is no such SPI; -EBUSY before s2_vgic_init(); -ENOMEM.
 */
S2_API int s2_vgic_set_resampler(struct s2_vgic *vgic, uint32_t intid, s2_vgic_ended_fn ended,
				 void *arg);

/** Interrupts that one access of s2_vgic_level_info() covers. */
#define S2_LEVEL_INFO_IRQS 32U

/**
 * KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO: the line levels of 32 interrupts, which a
 * restore writes besides ISPENDR.  Those that are edge-triggered read 0; SGIs
 * have no line.
 * @param affinity packed, of the vcpu whose private interrupts are meant
 * @param first a multiple of 32
 * @return 0; -EINVAL for no such vcpu, or @p first; -EBUSY before s2_vgic_init().
 */
S2_API int s2_vgic_level_info(struct s2_vgic *vgic, struct s2_cpu *cpu, uint32_t affinity,
			      uint32_t first, bool write, uint32_t *levels);

/** A physical private interrupt that one of a vcpu's stands for. */
struct s2_phys_irq {
	uint32_t pintid;	       /**< 16 to 31 */
	bool (*line_level)(void *arg); /**< of the device; NULL: it is low */
	void *arg;		       /**< given to line_level */
};

/**
 * kvm_vgic_map_phys_irq(): PPI @p intid is the guest's side of a physical one
 * (the arch timer's).  Its list register has HW and pINTID, so the guest's
 * deactivation is the physical one's too; raise it with s2_vgic_inject().
 * @return 0; -EINVAL if there is no such interrupt, or it is an SGI; -EOPNOTSUPP
 *         if either is an SPI; -EEXIST if it is mapped.
 */
S2_API int s2_vgic_map_phys(struct s2_vgic_cpu *vcpu, uint32_t intid,
			    const struct s2_phys_irq *phys);
/** @return 0; -EINVAL if it is not mapped. */
S2_API int s2_vgic_unmap_phys(struct s2_vgic_cpu *vcpu, uint32_t intid);

/** Whether the physical interrupt of mapped PPI @p intid is active (and cannot fire). */
S2_API bool s2_vgic_phys_active(struct s2_vgic_cpu *vcpu, uint32_t intid);

/** One interrupt as it stands. */
struct s2_irq_state {
	bool pending;	   /**< what ISPENDR shows a guest */
	bool active;	   /**< acknowledged, not yet deactivated; as of the last exit */
	bool enabled;	   /**< ISENABLER */
	bool group1;	   /**< IGROUPR */
	bool level_config; /**< ICFGR: level-sensitive, else edge-triggered */
	bool line_level;   /**< the line of a level-sensitive one */
	bool latch;	   /**< pending for itself, line apart: what userspace saves */
	bool hw;	   /**< an SGI that the hardware keeps (GICv4.1) */
	uint8_t priority;  /**< IPRIORITYR, within S2_GIC_PRIORITY; 0 is the most urgent */
	int queued_on;	   /**< index of the vcpu whose list holds it, or -1 */
	int target;	   /**< index of the vcpu that it is for, or -1 */
};

/** Looks. @param vcpu for a private interrupt; NULL for an SPI. @return 0; -EINVAL: none such. */
S2_API int s2_vgic_irq_state(struct s2_vgic *vgic, struct s2_vgic_cpu *vcpu, uint32_t intid,
			     struct s2_irq_state *state);

/* --- running -------------------------------------------------------------- */

/**
 * vcpu_load: @p vcpu's CPU interface onto @p cpu; its first load builds the
 * lookup table (kvm_init_mpidr_data()).
 * @return 0; -EINVAL for a CPU of another machine; -EBUSY if it is loaded already,
 *         or another vcpu is on @p cpu.
 */
S2_API int s2_vgic_load(struct s2_vgic_cpu *vcpu, struct s2_cpu *cpu);

/** vcpu_put, leaving the guest first if need be. @return 0; -EINVAL if not loaded. */
S2_API int s2_vgic_put(struct s2_vgic_cpu *vcpu);

/** Guest entry: the ap_list into list registers. @return 0; -EINVAL if not loaded, or in it. */
S2_API int s2_vgic_enter(struct s2_vgic_cpu *vcpu);

/** Guest exit: folds list registers back, prunes the ap_list. @return 0; -EINVAL if not in it. */
S2_API int s2_vgic_exit(struct s2_vgic_cpu *vcpu);

/**
 * WFI, trapped: blocks unless an interrupt is pending past the priority mask.
 * @return 1 if it blocks; 0 if not; -EINVAL if not loaded, or in the guest.
 */
S2_API int s2_vgic_wfi(struct s2_vgic_cpu *vcpu);

/**
 * A guest's write to ICC_DIR: trapped where the overflow policy asks for it,
 * which leaves and re-enters the guest.
 * @return 0; -EINVAL if not in the guest.
 */
S2_API int s2_vgic_dir(struct s2_vgic_cpu *vcpu, uint32_t intid);

/** How @p vcpu stands with the scheduler of kicks. */
struct s2_vgic_run_state {
	bool loaded;	    /**< between s2_vgic_load() and s2_vgic_put() */
	bool in_guest;	    /**< entered, and no IPI has come since */
	bool exiting;	    /**< entered, an IPI has come: s2_vgic_exit() is due */
	bool blocked;	    /**< in WFI, until a kick wakes it or it is entered */
	bool irq_requested; /**< KVM_REQ_IRQ_PENDING: kicked since the last entry */
	int cpu;	    /**< index of the CPU that it is loaded on, or -1 */
};

/** Counts and changes nothing. */
S2_API struct s2_vgic_run_state s2_vgic_run_state(const struct s2_vgic_cpu *vcpu);

/** kvm_vgic_vcpu_pending_irq(): would WFI return at once?  Group enables do not matter. */
S2_API bool s2_vgic_pending(struct s2_vgic_cpu *vcpu);

/** The virtual CPU interface: of the CPU where loaded, else the saved one; until load or put. */
S2_API struct s2_ich *s2_vgic_ich(struct s2_vgic_cpu *vcpu);

S2_END_DECLS

#endif
