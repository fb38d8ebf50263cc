/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a hypervisor relies on, and says so: the points at which an oracle decides.
 *
 *     store, TLBI, DSB ...   while an operation runs, stale entries are legal
 *     s2_rely(RETURN)        from here on they are not: its caller acts on it
 *
 * A reliance is no instruction: it is counted nowhere, has no effect on the
 * machine, and costs nothing while no sink asks for it.  An algorithm says it
 * once, at the place where the kernel's own code relies on the same, and names
 * that function.  A table page that is freed and a guest that is entered need
 * none: their events (TABLE_FREE, GUEST_ENTRY) are the reliance.
 */
#ifndef STAGE2SIM_RELIANCE_H
#define STAGE2SIM_RELIANCE_H

#include <stage2sim/access.h>
#include <stage2sim/machine.h>
#include <stage2sim/types.h>

S2_BEGIN_DECLS

/** What is relied on. */
enum s2_reliance_kind {
	/**
	 * An operation on [ipa, ipa + size) has returned: no CPU holds, or can
	 * still make, a translation of it that grants more than the tables do.
	 */
	S2_RELY_RETURN,
	/** A fault was resolved: the same, and the access is not refused again on this CPU. */
	S2_RELY_FAULT_RESOLVED,
	/** Dirty bits of [ipa, ipa + size) were handed out and cleared: no write goes unseen. */
	S2_RELY_DIRTY_HARVESTED,
	/** The VMID of vttbr is this VM's from here on, whoever had it before. */
	S2_RELY_VMID_GIVEN,
	/** The VM has left the VMID of vttbr: nobody is in it, and nobody of this VM comes back. */
	S2_RELY_VMID_LEFT,
	/** This CPU runs no guest until one is entered: no walk is under way on it. */
	S2_RELY_CPU_LEFT,
	S2_RELIANCE_KINDS, /**< how many there are */
};

/** One reliance, on the tables that vtcr and vttbr describe. */
struct s2_reliance {
	enum s2_reliance_kind kind; /**< which members below mean something */
	uint64_t vtcr;		    /**< VTCR_EL2 of the VM's stage 2 */
	uint64_t vttbr;		    /**< VTTBR_EL2 of it: its root and its VMID */
	struct s2_ipa ipa;	    /**< where the range begins; of a fault, its address */
	uint64_t size;		    /**< bytes; of a fault, those mapped, at least 1 */
	enum s2_access access;	    /**< of a fault: what was asked for */
	const char *function;	    /**< the kernel's function that relies; kept by pointer */
};

/** Its name ("return"), or NULL. */
S2_API const char *s2_reliance_name(enum s2_reliance_kind kind);

/**
 * Says on @p cpu that from here on @p what is relied on.
 * @return 0; -EINVAL for a kind or an access that does not exist, or an empty
 *         range (a VMID and a CPU have none); nobody is told then.
 */
S2_API int s2_rely(struct s2_cpu *cpu, const struct s2_reliance *what);

S2_END_DECLS

#endif
