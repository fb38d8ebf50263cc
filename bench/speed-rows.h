/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The rows of s2-speed.  Each is a function that does a piece of work once for
 * every page, one that gets ready for it, and the same two of the floor.
 */
#ifndef S2_BENCH_SPEED_ROWS_H
#define S2_BENCH_SPEED_ROWS_H

#include <stage2sim/residue.h>
#include <stage2sim/vm.h>

#include "speed-floor.h"

/** What a row's work is done on: ours and the floor's tables, over the same pages. */
struct speed_rig {
	uint64_t pages;
	struct s2_machine *m;
	struct s2_cpu *cpu;
	struct s2_vmids *vmids;
	struct s2_mmu *mmu;
	struct floor *floor;
	uint64_t sink; /**< what keeps look-ups from being optimised away */
	/* What only some rows have: */
	struct s2_vm *vm;
	struct s2_vcpu *vcpu;
	struct s2_tlbs *tlbs;
	struct s2_physics *physics;
	struct s2_memory *memory;
};

/** In what a row is told, and what its goal is about. */
enum speed_kind {
	SPEED_RATIO,   /**< ns a page; ours / floor at most */
	SPEED_NS,      /**< ns an operation at most */
	SPEED_RATE,    /**< millions of events a second at least */
	SPEED_MS_128G, /**< ms for 128 GiB at most */
	SPEED_PERCENT, /**< of table memory at most */
};

typedef void speed_fn(struct speed_rig *r);

struct speed_row {
	const char *name;
	const char *about; /**< what is done, and what the floor does where that is not plain */
	enum speed_kind kind;
	double goal;
	speed_fn *prepare, *ours;		/**< only the second is timed... */
	speed_fn *floor_prepare, *floor;	/**< ...and of these; they come first */
	double (*measure)(struct speed_rig *r); /**< the figure, if it is no time; else NULL */
};

extern const struct speed_row speed_rows[];
extern const size_t speed_n_rows;

/** Exits with 2, saying what failed, if not @p ok. */
void speed_ensure(bool ok, const char *what);

void speed_rig_up(struct speed_rig *r, const struct s2_features *features);
void speed_rig_down(struct speed_rig *r);
/** Empty tables on both sides, in memory that has been touched before. */
void speed_rig_clear(struct speed_rig *r);

#endif
