/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The rows of s2-speed.  Each is a function that does a piece of work once for
 * every page, one that gets ready for it, and the same two of the floor.
 */
#ifndef S2_BENCH_SPEED_ROWS_H
#define S2_BENCH_SPEED_ROWS_H

#include <stage2sim/oracle.h>
#include <stage2sim/residue.h>
#include <stage2sim/vm.h>

#include "speed-floor.h"

#define SPEED_PAGE  UINT64_C(4096)
#define SPEED_BLOCK (UINT64_C(2) << 20)

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
	struct s2_oracle *oracle;
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

/** A permutation of the pages, a power of two of them: each once, far from the one before. */
static inline uint64_t speed_scatter(uint64_t i, uint64_t pages)
{
	return (i * UINT64_C(0x9e3779b97f4a7c15) + 12345) & (pages - 1);
}

/* speed-rows.c: all pages, each by a call or all by one. */
speed_fn speed_map_each, speed_map_range, speed_unmap_each, speed_unmap_range;
/* speed-judged.c: the same under an oracle, which finds nothing. */
speed_fn speed_judge, speed_judge_and_map;
speed_fn speed_map_each_judged, speed_map_range_judged;
speed_fn speed_unmap_each_judged, speed_unmap_range_judged;
/* speed-lines.c: lines of memory in one of three details, cleaned; and the floor's. */
speed_fn speed_lines_up, speed_versions_up, speed_possible_up, speed_lines_flush;
speed_fn speed_floor_lines_up, speed_floor_lines_flush;

/** Exits with 2, saying what failed, if not @p ok. */
void speed_ensure(bool ok, const char *what);

void speed_rig_up(struct speed_rig *r, const struct s2_features *features);
void speed_rig_down(struct speed_rig *r);
/** Empty tables on both sides, in memory that has been touched before. */
void speed_rig_clear(struct speed_rig *r);

#endif
