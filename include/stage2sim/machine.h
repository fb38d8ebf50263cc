/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The simulated hardware: CPUs, their instructions, and who may watch them.
 *
 *      hypervisor code ---- instruction ----> CPU --> counters
 *                                              |----> sinks (log, oracle, ...)
 *                                              `----> memory of the tables
 *
 * Every instruction is issued by one call of insn.h, is covered by exactly
 * one event, and is counted there.  An event may stand for a run: a sequence
 * of instructions repeated with operands that advance by fixed steps.  Runs
 * are an economy only: with a run limit of 1 and without one, the expanded
 * instructions, the counts and the state are the same.
 *
 * A machine knows no hypervisor.  Machines share nothing; one process may
 * have many.  A machine is not locked: use it from one thread at a time.
 */
#ifndef STAGE2SIM_MACHINE_H
#define STAGE2SIM_MACHINE_H

#include <stage2sim/features.h>
#include <stage2sim/op.h>

S2_BEGIN_DECLS

struct s2_machine;
struct s2_cpu;

/** Most CPUs that a machine can have. */
#define S2_MAX_CPUS 4096

/** Where table pages come from. */
enum s2_allocator {
	S2_ALLOCATOR_DEFAULT, /**< jemalloc if the library was built with it */
	S2_ALLOCATOR_LIBC,    /**< plain C allocation */
	S2_ALLOCATOR_JEMALLOC, /**< -EOPNOTSUPP if the library has none */
};

/** What a machine is made of. */
struct s2_machine_config {
	struct s2_features features; /**< the same for every CPU */
	unsigned cpus;      /**< 1 to S2_MAX_CPUS */
	uint64_t run_limit; /**< longest run in one event; 0: no limit */
	enum s2_allocator allocator; /**< of table pages; a number that is none: -EINVAL */
};

/** System registers whose writes are told apart. */
enum s2_sysreg {
	S2_SYSREG_VTTBR_EL2, /**< VMID and root of stage 2 */
	S2_SYSREG_VTCR_EL2,  /**< shape of stage 2 */
	S2_SYSREG_HCR_EL2,   /**< traps, FWB, TGE, VM */
	S2_SYSREG_TCR_EL1,   /**< stage-1 walks on or off (SPECULATIVE_AT) */
	S2_SYSREG_SCTLR_EL1, /**< stage-1 MMU and caches on or off */
};

/** How a descriptor is stored. */
enum s2_mem_order {
	S2_MEM_PLAIN,	/**< WRITE_ONCE(), or an exchange that is relaxed or an acquire */
	S2_MEM_RELEASE, /**< smp_store_release(), or an exchange that is one: xchg(), cmpxchg(), _release */
};

/**
 * One instruction of an event; in repetition i its operands are
 * addr + i * addr_step and value + i * value_step.
 *
 * | operation              | addr                       | value              |
 * |------------------------|----------------------------|--------------------|
 * | PTE_READ, PTE_WRITE    | PA of the descriptor       | the descriptor     |
 * | TABLE_ALLOC/FREE       | PA of the page             | bytes              |
 * | TLBI by IPA or range   | 0                          | the Xt operand     |
 * | DC, IC by line         | first PA                   | bytes of the loop  |
 * | SYSREG_WRITE           | enum s2_sysreg             | the value          |
 * | VMID_SWITCH            | 0                          | VTTBR_EL2          |
 */
struct s2_insn {
	enum s2_op op; /**< which instruction */
	uint8_t order; /**< enum s2_mem_order of a PTE_WRITE */
	uint64_t addr; /**< as the table above has it */
	uint64_t value;	     /**< as the table above has it */
	uint64_t addr_step;  /**< added to addr each time */
	uint64_t value_step; /**< added to value each time */
	uint64_t count;   /**< instructions each time: lines of a loop, else 1 */
	const char *site; /**< the algorithm that issued it, "file:step" */
};

/** A sequence of instructions of one CPU, done @p repeat times over. */
struct s2_event {
	unsigned cpu;		     /**< index of the CPU that issued it */
	uint64_t repeat;	     /**< how often, at least 1 */
	size_t n_insns;		     /**< instructions in the sequence */
	const struct s2_insn *insns; /**< the first repetition's; gone after the call */
};

struct s2_act;
struct s2_reliance;

/** Something that watches events.  Called in program order, never nested. */
struct s2_sink {
	void (*event)(void *arg, const struct s2_event *event); /**< is told of each event */
	void *arg; /**< handed to both, and names the sink when it is detached */
	/** Is told on which CPU something is relied on (reliance.h); may be NULL. */
	void (*rely)(void *arg, unsigned cpu, const struct s2_reliance *what);
	/** Is told what guests and the host do with memory (act.h); may be NULL. */
	void (*act)(void *arg, const struct s2_act *act);
};

/**
 * Makes a machine with all CPUs in the host, nothing loaded, all counts zero.
 * @param out set on success; free with s2_machine_destroy()
 * @return 0; -EINVAL for features, a number of CPUs or an allocator that cannot be;
 *         -EOPNOTSUPP for an allocator that is not built in; -ENOMEM.
 */
S2_API int s2_machine_create(const struct s2_machine_config *cfg, struct s2_machine **out)
	S2_NONNULL(1, 2);

/**
 * Frees @p m (NULL is fine).  Everything built on it must be gone before: a debug
 * build asserts that of MMUs, VMs, VMID allocators, physics, logs and worlds.
 */
S2_API void s2_machine_destroy(struct s2_machine *m);

/**
 * The features that @p m was made with; live as long as the machine.  Their name is
 * empty where it did not say what they are (s2_features_is_named()).
 */
S2_API const struct s2_features *s2_machine_features(const struct s2_machine *m) S2_NONNULL(1);

/** How many CPUs @p m has. */
S2_API unsigned s2_machine_cpus(const struct s2_machine *m) S2_NONNULL(1);

/** CPU @p index, or NULL if there is none.  Lives as long as the machine. */
S2_API struct s2_cpu *s2_machine_cpu(struct s2_machine *m, unsigned index) S2_NONNULL(1);

/** What has been issued on all CPUs since the machine was made. */
S2_API struct s2_counts s2_machine_counts(const struct s2_machine *m) S2_NONNULL(1);

/** Most sinks that a machine can have. */
#define S2_MAX_SINKS 8

/**
 * Attaches a sink (copied; its arg stays the caller's).
 * @return 0; -EINVAL without a function; -ENOSPC if S2_MAX_SINKS are attached already.
 */
S2_API int s2_machine_add_sink(struct s2_machine *m, const struct s2_sink *sink) S2_NONNULL(1, 2);

/** Detaches the sink with this arg. @return 0; -ENOENT if there is none. */
S2_API int s2_machine_remove_sink(struct s2_machine *m, const void *arg) S2_NONNULL(1);

/** Bytes of table pages that live now, and the host's memory held for them. */
S2_API void s2_machine_table_memory(const struct s2_machine *m, uint64_t *live, uint64_t *held)
	S2_NONNULL(1, 2, 3);

/** The machine that @p cpu belongs to. */
S2_API struct s2_machine *s2_cpu_machine(const struct s2_cpu *cpu) S2_NONNULL(1);

/** Its index in its machine, from 0. */
S2_API unsigned s2_cpu_index(const struct s2_cpu *cpu) S2_NONNULL(1);

/** Names the algorithm that issues what follows ("file:step"; kept by pointer); NULL: "none:0". */
S2_API void s2_cpu_set_site(struct s2_cpu *cpu, const char *site) S2_NONNULL(1);

S2_END_DECLS

#endif
