/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The virtual CPU interface: list registers, masks, and what a guest does.
 *
 *      hypervisor --> ICH_LR0..n, ICH_VMCR, ICH_HCR --> highest pending --> vIRQ
 *                                                            |
 *      guest:  ICC_IAR (acknowledge)   pending -> active  <--'
 *              ICC_EOIR                priority drop, and (EOImode 0) deactivation
 *              ICC_DIR                 deactivation
 *
 * One a CPU (s2_cpu_ich()); a hypervisor saves and restores it as a whole.
 * Not here: the distributor and redistributors, which for a guest are the
 * hypervisor's software.  Five bits of priority, so one active-priority
 * register a group.  With GICv4.1 a resident vPE's SGIs are presented by
 * hardware, without a list register and without an active state.
 *
 * Stands for: Arm IHI 0069 chapters 6 and 12.4 (ICH_*).
 */
#ifndef STAGE2SIM_ICH_H
#define STAGE2SIM_ICH_H

#include <stage2sim/gic.h>

S2_BEGIN_DECLS

/* ICH_LR<n>_EL2.  The architecture's pINTID is 44:32; KVM uses ten bits. */
#define S2_LR_VINTID   S2_BITS(31, 0)  /**< vINTID: what the guest sees */
#define S2_LR_PINTID   S2_BITS(41, 32) /**< pINTID: the physical interrupt, if HW */
#define S2_LR_EOI      S2_BIT(41)      /**< maintenance when the guest ends it; HW = 0 only */
#define S2_LR_PRIORITY S2_BITS(55, 48) /**< 0 is the most urgent */
#define S2_LR_GROUP1   S2_BIT(60)      /**< Group: 1 or 0 */
#define S2_LR_HW       S2_BIT(61)      /**< stands for a physical interrupt */
#define S2_LR_PENDING  S2_BIT(62)      /**< State[0] */
#define S2_LR_ACTIVE   S2_BIT(63)      /**< State[1] */
#define S2_LR_STATE    (S2_LR_PENDING | S2_LR_ACTIVE) /**< State; 0: the register is free */

/* ICH_VMCR_EL2 */
#define S2_VMCR_ENG0 S2_BIT(0)	     /**< VENG0: group 0 is presented (ICC_IGRPEN0) */
#define S2_VMCR_ENG1 S2_BIT(1)	     /**< VENG1: group 1 is presented (ICC_IGRPEN1) */
#define S2_VMCR_CBPR S2_BIT(4)	     /**< VCBPR: BPR0 is for both groups */
#define S2_VMCR_EOIM S2_BIT(9)	     /**< VEOIM: EOIR does not deactivate, DIR does */
#define S2_VMCR_BPR1 S2_BITS(20, 18) /**< VBPR1: low bits of a priority that never preempt */
#define S2_VMCR_BPR0 S2_BITS(23, 21) /**< VBPR0: the same less one, for group 0 */
#define S2_VMCR_PMR  S2_BITS(31, 24) /**< VPMR: only priorities below it are presented */

/* ICH_HCR_EL2 */
#define S2_ICH_HCR_EN	    S2_BIT(0)	    /**< the virtual interface is on */
#define S2_ICH_HCR_UIE	    S2_BIT(1)	    /**< enables S2_ICH_MISR_U */
#define S2_ICH_HCR_LRENPIE  S2_BIT(2)	    /**< enables S2_ICH_MISR_LRENP */
#define S2_ICH_HCR_NPIE	    S2_BIT(3)	    /**< enables S2_ICH_MISR_NP */
#define S2_ICH_HCR_TDIR	    S2_BIT(14)	    /**< writes of ICC_DIR trap */
#define S2_ICH_HCR_EOICOUNT S2_BITS(31, 27) /**< deactivations that met no list register; wraps */

/* ICH_MISR_EL2: why a maintenance interrupt is asserted. */
#define S2_ICH_MISR_EOI	  S2_BIT(0) /**< a list register with S2_LR_EOI has become free */
#define S2_ICH_MISR_U	  S2_BIT(1) /**< underflow: at most one list register is in use */
#define S2_ICH_MISR_LRENP S2_BIT(2) /**< EOIcount is not 0 */
#define S2_ICH_MISR_NP	  S2_BIT(3) /**< no list register is pending */

/** Most list registers that a CPU can have (ICH_VTR_EL2.ListRegs + 1). */
#define S2_MAX_LRS 16U

/** A CPU's virtual interface.  Fields are the registers; change them freely. */
struct s2_ich {
	uint64_t lr[S2_MAX_LRS]; /**< ICH_LR<n>_EL2 */
	uint64_t vmcr;		 /**< ICH_VMCR_EL2 */
	uint64_t hcr;		 /**< ICH_HCR_EL2 */
	uint32_t apr[2];	 /**< active priorities, bit = priority / 8, of group 0 and 1 */
	uint8_t n_lrs;		 /**< that exist; over S2_MAX_LRS it counts as that */

	/** Active physical private interrupts, a bit each; LR.HW deactivations clear theirs. */
	uint32_t phys_active;

	/* GICv4.1: the SGIs of the resident vPE, a bit each. */
	bool vsgi;			  /**< the hardware holds them */
	uint16_t vsgi_pending;		  /**< bit: INTID */
	uint16_t vsgi_enabled;		  /**< bit: INTID */
	uint16_t vsgi_group1;		  /**< bit: INTID; else group 0 */
	uint8_t vsgi_priority[S2_N_SGIS]; /**< by INTID, 0 is the most urgent */
};

/** How many list registers there are, whatever was written to n_lrs. */
static inline unsigned s2_ich_lrs(const struct s2_ich *ich)
{
	return ich->n_lrs <= S2_MAX_LRS ? ich->n_lrs : S2_MAX_LRS;
}

/**
 * All registers 0 (so the priority mask hides everything).
 * @param n_lrs 0 to S2_MAX_LRS
 * @return 0; -EINVAL for more, and @p ich is as it was.
 */
S2_API int s2_ich_reset(struct s2_ich *ich, unsigned n_lrs);

/** ICH_MISR_EL2: conditions met and enabled in ICH_HCR_EL2. */
S2_API uint64_t s2_ich_misr(const struct s2_ich *ich);

/** ICC_HPPIR: what would be acknowledged next in this group, or S2_GIC_SPURIOUS. */
S2_API uint32_t s2_ich_highest(const struct s2_ich *ich, bool group1);

/** ICC_IAR: acknowledges. @return INTID, S2_GIC_SPURIOUS if there is none */
S2_API uint32_t s2_ich_ack(struct s2_ich *ich, bool group1);

/**
 * ICC_EOIR: drops the running priority, and with EOImode 0 deactivates.  An
 * interrupt that is in no list register is counted in ICH_HCR.EOIcount.
 */
S2_API void s2_ich_eoi(struct s2_ich *ich, bool group1, uint32_t intid);

/** ICC_DIR: deactivates; what is active in no list register is counted as by s2_ich_eoi(). */
S2_API void s2_ich_dir(struct s2_ich *ich, uint32_t intid);

/** The running priority: that of the most urgent active interrupt, 0xff if none. */
S2_API uint8_t s2_ich_running(const struct s2_ich *ich);

struct s2_cpu;
struct s2_machine;

/** The virtual interface of @p cpu; lives as long as the machine. */
S2_API struct s2_ich *s2_cpu_ich(struct s2_cpu *cpu);

/**
 * List registers of every CPU, 1 to 16 (4 at first); resets the interfaces.
 * @return 0; -EINVAL for another number; -EBUSY while a vcpu is loaded on any CPU.
 */
S2_API int s2_machine_set_list_registers(struct s2_machine *m, unsigned n_lrs);

S2_END_DECLS

#endif
