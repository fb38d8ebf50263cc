/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Patterns: what a 4 KiB frame's lines look like, each kept once.
 *
 *   id --> [ runs: up to line 3: dirty, 7 | up to line 63: not cached, 4 ]
 *            lines cached, lines dirty, what the operation at hand makes of it
 *
 * A frame is a number.  An operation over a range works each pattern out once
 * and moves all frames that have it by number; so its cost follows the number
 * of different frames, not of lines.
 */
#ifndef S2_MACHINE_PATTERN_H
#define S2_MACHINE_PATTERN_H

#include <stage2sim/memory.h>

#define S2_FRAME_SHIFT 12

/** Lines up to, not including, @p end. */
struct s2_line_run {
	struct s2_line line;
	uint16_t end;
};

struct s2_pattern {
	uint64_t memo_op; /**< number of the operation that memo_id is of */
	uint64_t search;  /**< number of the last search that found no line in it */
	uint32_t hash;
	uint32_t memo_id;
	uint16_t valid, dirty; /**< lines */
	uint16_t n_runs;
	bool marked;
	struct s2_line_run runs[];
};

struct s2_patterns {
	struct s2_pattern **by_id; /**< NULL where an id is free */
	uint32_t n_ids, cap;
	uint32_t live;
	uint32_t lowest_free;
	uint32_t *hash; /**< of ids + 1, open addressing; size a power of 2 */
	uint32_t hash_size;
	uint32_t lines; /**< in a frame */
	uint64_t bytes;
};

/** Id 0 is the frame that nobody has touched, all of @p line. @return 0 or -ENOMEM */
int s2_patterns_init(struct s2_patterns *pats, unsigned line_shift, struct s2_line line);
void s2_patterns_free(struct s2_patterns *pats);

/** The id of a frame with these runs (adjacent equal ones joined). @return 0 or -ENOMEM */
int s2_pattern_intern(struct s2_patterns *pats, const struct s2_line_run *runs, unsigned n,
		      uint32_t *id);

/** Frees the patterns that are not marked, and clears the marks. */
void s2_patterns_sweep(struct s2_patterns *pats);

/** The line @p index of a pattern. */
struct s2_line s2_pattern_line(const struct s2_pattern *pattern, unsigned index);

#endif
