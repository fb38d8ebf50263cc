/* SPDX-License-Identifier: MIT */
/*
 * Workloads that were counted on the kernel's own page-table code, and how they are
 * run on whatever claims to do the same: the library, or a kernel tree on the machine.
 *
 *     cell = flavour x machine x workload --> phases --> cell_phase(): calls, then compares
 */
#ifndef STAGE2SIM_TESTS_HYP_STAGE2_CELLS_H
#define STAGE2SIM_TESTS_HYP_STAGE2_CELLS_H

#include "support.h"

#include <stage2sim/pgtable.h>

struct oracle_count {
	const char *name;
	uint64_t n;
};

struct oracle_phase {
	const char *name;
	const struct oracle_count *counts;
	uint64_t ok, eagain;
	uint64_t leaves[3]; /* levels 1 to 3 */
	uint64_t table_entries, table_pages;
};

struct oracle_cell {
	const char *label;
	const char *flavour;
	const char *workload;
	bool fwb, range;
	const struct oracle_phase *phases;
	size_t n_phases;
};

enum cell_op {
	CELL_NOTHING,
	CELL_MAP,
	CELL_UNMAP,
	CELL_WRPROTECT,
	CELL_RELAX,
	CELL_FLUSH,
	CELL_SPLIT,
	CELL_FLUSH_TLB_RANGE,
	CELL_DESTROY,
};

/* One call of a phase. */
struct cell_call {
	enum cell_op op;
	struct s2_range range;
	struct s2_pa pa;
	unsigned prot, flags; /* enum s2_map_flags */
};

/* Who runs the calls.  What is not set by cell_rig_up() is the owner's. */
struct cell_rig {
	struct s2_machine *machine;
	struct s2_cpu *cpu;
	void *side;
	int (*call)(struct cell_rig *rig, const struct cell_call *call);
	void (*state)(struct cell_rig *rig, struct s2_pgtable_state *state);
	bool tells_flushes; /* flush_calls is kept */
	uint64_t flush_calls;
	uint64_t ttl[5]; /* TLBIs by IPA: hint levels 0 to 3, none */
	uint64_t digest; /* of the expanded instruction stream */
};

/* Cell @i from 0, or NULL. */
const struct oracle_cell *cell_at(size_t i);

/* A machine as the cell was counted on, watched. */
void cell_rig_up(struct cell_rig *rig, const struct oracle_cell *cell, uint64_t run_limit);

/* Runs a phase; if @check, fails the test where it is not as the kernel's code had it. */
void cell_phase(struct cell_rig *rig, const struct oracle_cell *cell, const struct oracle_phase *p,
		bool check);

void cell_expect(const char *phase, const char *what, uint64_t ours, uint64_t theirs);
void cell_expect_state(struct cell_rig *rig, const struct oracle_phase *p);

#endif
