/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Inside a machine: CPUs, their registers, and the path of an instruction.
 *
 * The only mutable state of the hardware.  Instructions reach it through
 * s2_issue(); s2_run_begin() and s2_run_end() bracket a sequence that stands
 * for n repetitions.  Counting is an addition; events are made only while a
 * sink is attached.
 */
#ifndef S2_MACHINE_MACHINE_H
#define S2_MACHINE_MACHINE_H

#include <stage2sim/gate.h>
#include <stage2sim/ich.h>
#include <stage2sim/insn.h>
#include <stage2sim/machine.h>

#include "machine/rest.h"

/** Instructions that a repeated sequence may have; the longest of ours has under 40. */
#define S2_SEQUENCE_MAX 64

/**
 * What a short way falls back on: kept out of it, or the compiler saves there
 * the registers that only the long way needs.
 */
#if defined(__GNUC__)
#define S2_SLOW __attribute__((noinline))
#else
#define S2_SLOW
#endif

#define S2_N_SYSREGS (S2_SYSREG_SCTLR_EL1 + 1)

#define S2_HCR_TGE (UINT64_C(1) << 27)
#define S2_HCR_E2H (UINT64_C(1) << 34)

struct s2_vcpu;

struct s2_cpu {
	uint64_t *count;       /**< the machine's counters */
	uint64_t repeat;       /**< of the sequence being issued, else 1 */
	uint64_t broadcast_to; /**< the other CPUs of the machine */
	uint64_t settings;     /**< grows when registers, the vcpu loaded, or sinks change */
	bool observed;	       /**< some sink is attached, or a gate set */
	bool in_run;
	unsigned index;
	struct s2_machine *machine;
	const char *site;
	uint64_t sysreg[S2_N_SYSREGS];
	uint64_t vcpu_vtcr; /**< stage 2 of the vcpu loaded here, 0 if none */
	uint64_t vcpu_vttbr;
	struct s2_vcpu *guest; /**< who is in the guest here, or NULL: kept by the hypervisor */
	struct s2_ich ich;     /**< list registers and the virtual CPU interface */
	const void *ich_of;    /**< whose interface is loaded, or NULL: the hypervisor's to know */
	size_t run_len;
	struct s2_insn run[S2_SEQUENCE_MAX];
};

struct s2_tablemem;

/** Calls whose counts are all the same, not yet in the machine's counts. */
struct s2_tally {
	uint64_t n;
	struct s2_counts each;
	struct s2_tally *next;
	bool listed;
};

struct s2_machine {
	struct s2_counts counts; /**< without what is in tallies: see s2_machine_fold() */
	struct s2_tally *tallies;
	struct s2_features features;
	uint64_t run_limit;
	unsigned n_cpus;
	size_t n_sinks;
	struct s2_sink sinks[S2_MAX_SINKS];
	s2_rest_fn *rest[S2_MAX_SINKS]; /**< of the same, or NULL */
	bool may_rest; /**< no gate, and all sinks have one */
	uint64_t told;	 /**< grows with instructions, reliances and acts that sinks are told */
	uint64_t unseen; /**< instructions of calls that left sinks at rest, and they were not told */
	struct s2_gate gate; /**< before is NULL: none */
	struct s2_tablemem *tables;
	uint32_t vms_made; /**< what numbers the next VM */
	void (*before_gone)(void *arg); /**< called as it is destroyed, or NULL */
	void *before_gone_arg;
	unsigned users; /**< what is built on it, and must go before it */
	struct s2_cpu cpus[];
};

/** Tells the CPUs whether anyone watches. */
void s2_machine_set_observed(struct s2_machine *m);

/** Asks the gate, if there is one. */
void s2_gate_before(struct s2_cpu *cpu, enum s2_op op, uint64_t addr);

/** Tells the gate, if there is one, that @p what has been changed beside others. */
void s2_gate_shares(struct s2_cpu *cpu, enum s2_shared what);

/** Asks the gate, if there is one: @p what is about to be read or written without a lock. */
void s2_gate_touch(struct s2_cpu *cpu, const char *what, bool write);

/**
 * The descriptor at @p addr is about to be read or written: to be said before memory
 * is looked at.  Other instructions ask the gate where they are issued.
 */
static inline void s2_before_pte(struct s2_cpu *cpu, enum s2_op op, uint64_t addr)
{
	if (cpu->observed)
		s2_gate_before(cpu, op, addr);
}

/** Adds what is tallied to the counts. */
void s2_machine_fold(struct s2_machine *m);

/**
 * Hands an instruction to the sinks, or to the sequence being collected.  It
 * is given its site in place: a copy would wait for the fields just written.
 */
void s2_observe(struct s2_cpu *cpu, struct s2_insn *insn);

/** Delivers the sequence that s2_run_begin() started. */
void s2_run_deliver(struct s2_cpu *cpu);

static inline void s2_issue(struct s2_cpu *cpu, struct s2_insn *insn)
{
	cpu->count[insn->op] += insn->count * cpu->repeat;
	if (cpu->observed)
		s2_observe(cpu, insn);
}

static inline void s2_issue_broadcast(struct s2_cpu *cpu, struct s2_insn *insn)
{
	cpu->count[S2_OP_DVM_BROADCAST] += insn->count * cpu->repeat * cpu->broadcast_to;
	s2_issue(cpu, insn);
}

/** Shows a counted step to the sinks. */
void s2_observe_step(struct s2_cpu *cpu, enum s2_op op, uint64_t n);

/**
 * s2_count() for hot paths outside of runs: the instruction is only made up if
 * someone watches.
 */
static inline void s2_step(struct s2_cpu *cpu, enum s2_op op, uint64_t n)
{
	cpu->count[op] += n;
	if (cpu->observed)
		s2_observe_step(cpu, op, n);
}

/** What follows, up to s2_run_end(), is done @p n times.  Runs do not nest. */
static inline void s2_run_begin(struct s2_cpu *cpu, uint64_t n)
{
	cpu->repeat = n;
	cpu->run_len = 0;
	cpu->in_run = true;
}

static inline void s2_run_end(struct s2_cpu *cpu)
{
	if (cpu->observed)
		s2_run_deliver(cpu);
	cpu->in_run = false;
	cpu->repeat = 1;
}

/* Instructions whose operands advance within a run; the step is per repetition. */

void s2_tlbi_ipas2e1is_step(struct s2_cpu *cpu, struct s2_ipa ipa, int level, uint64_t step);
void s2_dc_civac_step(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size, uint64_t step);
void s2_ic_ivau_step(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size, uint64_t step);

/** A software read of the descriptor at @p addr; addresses advance by 8. */
static inline void s2_pte_read(struct s2_cpu *cpu, uint64_t addr, s2_pte value, uint64_t step)
{
	struct s2_insn insn = {.op = S2_OP_PTE_READ,
			       .addr = addr,
			       .value = value,
			       .addr_step = sizeof(s2_pte),
			       .value_step = step,
			       .count = 1};

	s2_issue(cpu, &insn);
}

/** A store to the descriptor at @p addr; the memory itself is the caller's to change. */
static inline void s2_pte_write(struct s2_cpu *cpu, uint64_t addr, s2_pte value, uint64_t step,
				enum s2_mem_order order)
{
	struct s2_insn insn = {.op = S2_OP_PTE_WRITE,
			       .order = (uint8_t)order,
			       .addr = addr,
			       .value = value,
			       .addr_step = sizeof(s2_pte),
			       .value_step = step,
			       .count = 1};

	s2_issue(cpu, &insn);
}

/** Counts a table page allocated or freed, @p op says which. */
void s2_table_event(struct s2_cpu *cpu, enum s2_op op, uint64_t pa, uint64_t bytes);

/** VTCR_EL2 and VTTBR_EL2 written: the CPU's VMID and tables from here on. */
void s2_load_vttbr(struct s2_cpu *cpu, uint64_t vtcr, uint64_t vttbr);

#endif
