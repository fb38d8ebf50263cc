/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Inside the oracle: one possible TLB, fed before or after the rules look.
 *
 *   event --> oracle.c --(before)--> oracle_tables.c     pages freed and read, links
 *                      --> possible TLB (its conflicts: break-before-make)
 *                      --(after)---> oracle_vmid.c       guests entered, flushes complete
 *   act, DC ---> oracle.c ---------> oracle_data.c
 *   reliance --> oracle.c ---------> oracle_translation.c
 *                         ---------> oracle_vmid.c       numbers given
 */
#ifndef S2_CHECK_ORACLE_H
#define S2_CHECK_ORACLE_H

#include <stage2sim/oracle.h>

#include "check/ledger.h"
#include "machine/machine.h"
#include "machine/physics.h"
#include "machine/regime.h"
#include "machine/residue.h"
#include "machine/tablemem.h"

/** What a VMID stands for in TLBs. */
struct s2_number {
	uint64_t root; /**< PA of the tables that were last walked under it */
	bool live;     /**< TLBs may hold what they map */
	bool dead;     /**< some of their pages were freed meanwhile */
	bool left;     /**< their VM goes on under another number */
	bool idle;     /**< and nobody is in it: what TLBs hold under it is of no use to anyone */
	bool dangling; /**< a walk-cache entry may lead to a page that was freed */
};

/** Of each CPU. */
struct s2_oracle_cpu {
	bool alle1_issued;	    /**< and not complete */
	bool vmalls12_issued;	    /**< the same, of vmalls12_vmid */
	struct s2_vmid vmalls12_vmid;
	uint64_t *fresh;	    /**< table pages written since the last barrier, not yet linked */
	size_t n_fresh, cap_fresh;
};

struct s2_data_vm;
struct s2_story;

/** What the data rule keeps. */
struct s2_data {
	struct s2_memory *memory; /**< the physics'; NULL: the rule is not asked */
	struct s2_ledger ledger;
	struct s2_data_vm *vms;
	size_t n_vms;
	uint32_t version; /**< of the last write */
	unsigned line_shift;
	unsigned agents; /**< of guests: bits 1 << enum s2_agent */
};

struct s2_oracle {
	struct s2_machine *machine;
	struct s2_physics *physics; /**< of the possible TLB and memory; fed by the oracle */
	struct s2_residues *residues;
	struct s2_oracle_config cfg;
	unsigned rules;
	uint64_t steps, decided;
	uint64_t at; /**< steps as stories number them: runs count once */
	uint64_t unseen; /**< of the machine's, what is in steps and at */
	uint64_t found[S2_RULES];
	uint64_t broken[S2_CONTRACTS];
	struct s2_data data;
	struct s2_story *story; /**< or NULL */
	struct s2_violation *kept;
	size_t n_kept;
	int error;
	const char *site; /**< of the instruction or reliance at hand */
	struct s2_number *numbers; /**< by VMID */
	struct s2_oracle_cpu cpus[];
};

static inline bool s2_oracle_asks(const struct s2_oracle *o, enum s2_rule rule)
{
	return o->rules >> rule & 1;
}

/** Counts a violation, and keeps it; fills in rule, step and site. */
void s2_oracle_report(struct s2_oracle *o, struct s2_violation *v);

/** Whether an instruction can be left out of a run: not what software itself reads again. */
bool s2_oracle_may_leave_out(enum s2_op op);

/** Whether a walk under @p vmid can be made now: in this guest, or still on the way out of it. */
bool s2_oracle_walks(const struct s2_oracle *o, unsigned cpu, struct s2_vmid vmid);
/** The first CPU that can, or the number of CPUs. */
unsigned s2_oracle_walker(const struct s2_oracle *o, struct s2_vmid vmid);

/** When calls need not be told (machine/rest.h). */
s2_rest_fn s2_oracle_at_rest;

struct s2_digest;

/** All that it keeps but for the data rule, and its physics' (digest.h). */
void s2_oracle_digest(const struct s2_oracle *o, struct s2_digest *d);

/* oracle_translation.c */

/** A range of one VM's IPA, on which something was relied. */
struct s2_oracle_claim {
	struct s2_oracle *o;
	const struct s2_regime *regime;
	struct s2_res_vm *vm; /**< whose residue is looked at, or NULL */
	unsigned by;
	uint64_t start, end;
};

void s2_oracle_check_return(struct s2_oracle_claim *c);
void s2_oracle_check_progress(struct s2_oracle_claim *c, struct s2_ipa ipa, enum s2_access access);
void s2_oracle_check_harvest(struct s2_oracle_claim *c);
/** Whether anything held under the claim's VM grants more than its tables. */
bool s2_oracle_holds_more(struct s2_oracle_claim *c, struct s2_violation *v);

/* oracle_tables.c, before the possible TLB has seen the instruction */

void s2_oracle_on_read(struct s2_oracle *o, const struct s2_event *event, const struct s2_insn *insn);
void s2_oracle_on_store(struct s2_oracle *o, unsigned cpu, const struct s2_insn *insn, uint64_t n);
void s2_oracle_on_alloc(struct s2_oracle *o, unsigned cpu, const struct s2_insn *insn, uint64_t n);
void s2_oracle_on_free(struct s2_oracle *o, const struct s2_event *event, const struct s2_insn *insn,
		       uint64_t i);

/* oracle_vmid.c, after it */

void s2_oracle_on_entry(struct s2_oracle *o, unsigned cpu);
/** A guest is entered on @p cpu, whatever its registers say. */
void s2_oracle_entered(struct s2_oracle *o, unsigned cpu, const struct s2_regime *regime);
void s2_oracle_on_tlbi(struct s2_oracle *o, unsigned cpu, enum s2_op op);
void s2_oracle_on_dmb(struct s2_oracle *o, unsigned cpu);
void s2_oracle_on_dsb(struct s2_oracle *o, unsigned cpu, enum s2_op op);
void s2_oracle_number_given(struct s2_oracle *o, const struct s2_regime *regime);
void s2_oracle_number_left(struct s2_oracle *o, const struct s2_regime *regime);

#endif
