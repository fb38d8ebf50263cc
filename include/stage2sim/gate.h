/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A gate: what is asked before an instruction has effect, and who owns locks.
 *
 *     algorithm --> gate.before() --> memory, event to the sinks --> algorithm
 *                   s2_lock_take() --> gate.take(), returns once it is held
 *
 * Sinks (machine.h) are told of what is issued; a gate may let others run
 * first.  It is how the explorer (explore.h) stops a thread: before each
 * instruction, before a descriptor is read or written, where a lock is taken,
 * and where a CPU waits for another.  Without a gate locks are free: a machine
 * is used from one thread at a time.
 */
#ifndef STAGE2SIM_GATE_H
#define STAGE2SIM_GATE_H

#include <stage2sim/machine.h>

S2_BEGIN_DECLS

/** A lock of the hypervisor; zeroed but for its name and rank it is free. */
struct s2_lock {
	const char *name; /**< as the kernel calls it */
	unsigned rank;	  /**< taken only while all that the thread holds have lower ones; 0: whenever */
	const void *of;	  /**< what it guards, which tells it from others of its name; NULL: it is its own */
};

/** How a lock is taken. */
enum s2_lock_mode {
	S2_LOCK_READ,  /**< beside other readers */
	S2_LOCK_WRITE, /**< alone */
};

/** State of the hypervisor that threads change under a lock that they share. */
enum s2_shared {
	S2_SHARED_WALKERS, /**< who is in the tables: when unlinked ones may be freed */
	S2_SHARED_PAGES,   /**< free table pages: which one is handed out next */
	S2_SHARED_AF,	   /**< an access flag that the hardware walker has set */
	S2_SHARED_KINDS,   /**< how many there are */
};

/** Asked before instructions, and for locks. */
struct s2_gate {
	/**
	 * CPU @p cpu is about to issue @p op; returns when it may.  @p addr is the
	 * PA of the descriptor of a PTE_READ or PTE_WRITE, else 0.
	 */
	void (*before)(void *arg, unsigned cpu, enum s2_op op, uint64_t addr);
	/** Returns once the lock is held. */
	void (*take)(void *arg, unsigned cpu, const struct s2_lock *lock, enum s2_lock_mode mode);
	/** It is held no more. */
	void (*drop)(void *arg, unsigned cpu, const struct s2_lock *lock);
	/** The CPU can go on only after another has done something; returns then. */
	void (*wait)(void *arg, unsigned cpu);
	/**
	 * What @p what names has been changed, since the CPU's last stop and up to its
	 * next, in an order that no lock decides.  Stops nothing.  May be NULL.
	 */
	void (*shares)(void *arg, unsigned cpu, enum s2_shared what);
	/**
	 * CPU @p cpu is about to read, or to @p write, @p what, which the hypervisor's threads
	 * share and no lock guards; returns when it may.  May be NULL.
	 */
	void (*touch)(void *arg, unsigned cpu, const char *what, bool write);
	void *arg; /**< handed to all */
};

/**
 * Sets the gate of @p m (copied), or takes it away with NULL.
 * @return 0; -EINVAL without its first four functions; -EBUSY if there is one
 */
S2_API int s2_machine_set_gate(struct s2_machine *m, const struct s2_gate *gate) S2_NONNULL(1);

/** Takes @p lock, or the one of its name that guards the same. */
S2_API void s2_lock_take(struct s2_cpu *cpu, const struct s2_lock *lock, enum s2_lock_mode mode)
	S2_NONNULL(1, 2);
/** Gives it back. */
S2_API void s2_lock_drop(struct s2_cpu *cpu, const struct s2_lock *lock) S2_NONNULL(1, 2);
/** cpu_relax(): nothing to do until another CPU has gone on. */
S2_API void s2_cpu_relax(struct s2_cpu *cpu) S2_NONNULL(1);

S2_END_DECLS

#endif
