/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What is done with memory by guests and by the host, said for who judges contents.
 *
 *     GIVE --> ACCESS, MAINTAIN by vcpus --> TAKE
 *               CACHES, SET_WAY, RESET: when a guest may count on more
 *
 * An act is no instruction of a hypervisor: it is counted nowhere, changes
 * nothing on the machine, and costs nothing while no sink asks for it.  A VM
 * (vm.h) says its own; who models a guest without one says them by s2_tell().
 * Each is said once what it stands for is complete, a GIVE before KVM does
 * anything for those pages.
 */
#ifndef STAGE2SIM_ACT_H
#define STAGE2SIM_ACT_H

#include <stage2sim/access.h>
#include <stage2sim/machine.h>
#include <stage2sim/memory.h>

S2_BEGIN_DECLS

/** What is done. */
enum s2_act_kind {
	/**
	 * The host has written pages, and gives them to a VM, or goes on with them itself:
	 * agent has put zeroes, an image, a block of a disk there.
	 */
	S2_ACT_GIVE,
	/**
	 * The host uses what is in pages, taken back or its own: agent reads them from here on.
	 * A device for which nobody cleans is owed what was written past the caches; of the
	 * rest S2_CONTRACT_RAW_DMA asks.
	 */
	S2_ACT_TAKE,
	/** A vcpu has read, written or fetched from each line of a range. */
	S2_ACT_ACCESS,
	/** A vcpu has done DC by VA on a range, and a DSB. */
	S2_ACT_MAINTAIN,
	/** A vcpu's M and C went on or off; KVM has done what it does about that. */
	S2_ACT_CACHES,
	/** A vcpu has cleaned and invalidated its caches by set and way; as CACHES. */
	S2_ACT_SET_WAY,
	/** KVM_ARM_VCPU_INIT of a vcpu is done: its M and C are off. */
	S2_ACT_RESET,
	S2_ACT_KINDS, /**< how many there are */
};

/** One act. */
struct s2_act {
	enum s2_act_kind kind; /**< which members below mean something */
	uint32_t vm;	       /**< tells the machine's VMs apart: s2_vm_number(); or S2_ACT_NO_VM */
	unsigned vcpu;	       /**< who; of GIVE and TAKE none. Below S2_ACT_VCPUS */
	uint64_t vtcr;	       /**< VTCR_EL2 of its stage 2 */
	uint64_t vttbr;	       /**< VTTBR_EL2; 0: no stage 2, everything is mapped always */
	struct s2_ipa ipa;     /**< where the range lies in the guest, with a stage 2 */
	struct s2_pa pa;       /**< GIVE, TAKE, ACCESS, MAINTAIN: where the range begins */
	uint64_t size;	       /**< its bytes, at least 1; rounded outwards to lines */
	enum s2_access access; /**< ACCESS: which */
	bool cacheable;	       /**< ACCESS: write-back; else non-cacheable */
	bool on;	       /**< CACHES: they are on now */
	/**
	 * CACHES: the hypervisor was told by a trap.  SET_WAY: it is the first since
	 * its caches were on; for later ones kvm_set_way_flush() waits for the trap of
	 * the toggle that follows.
	 */
	bool trapped;
	enum s2_line_op op;    /**< MAINTAIN: CLEAN, CLEAN_INVALIDATE or INVALIDATE */
	/**
	 * GIVE, TAKE: who writes or reads: the linear map (WRITE_BACK), a device that snoops
	 * (COHERENT_DEVICE), or one that snoops nothing (NON_CACHEABLE).
	 */
	enum s2_agent agent;
	/**
	 * GIVE, TAKE: the host uses the DMA API, part of the act: it cleans before the device
	 * (arch_sync_dma_for_device(): DC CVAC), and invalidates once it has written
	 * (arch_sync_dma_for_cpu(): DC IVAC).
	 */
	bool cleaned;
	const char *site;      /**< the step that did it, kept by pointer; may be NULL */
};

/** In place of a VM's number: the page is the host's own. */
#define S2_ACT_NO_VM UINT32_MAX

/** Vcpus that a VM of acts may have. */
#define S2_ACT_VCPUS 4096

/** Its name ("give"), or NULL. */
S2_API const char *s2_act_name(enum s2_act_kind kind);

/**
 * Tells all who watch @p m.
 * @return 0; -EINVAL for a kind, access, operation, agent or vcpu that cannot
 *         be, or an empty range; -ERANGE past the PA size; nobody is told then.
 */
S2_API int s2_tell(struct s2_machine *m, const struct s2_act *act) S2_NONNULL(1, 2);

S2_END_DECLS

#endif
