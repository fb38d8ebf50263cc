/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The floor: a bare three-level table of 8-byte entries with a live count per
 * table, and nothing else.  What it costs is what the memory itself costs.
 *
 * Pages come zeroed from 2 MiB slabs, as ours do.
 */
#ifndef S2_BENCH_SPEED_FLOOR_H
#define S2_BENCH_SPEED_FLOOR_H

#include <stdint.h>

struct floor;

/** Tables for @p pages pages, none mapped; NULL without memory. */
struct floor *floor_create(uint64_t pages);
void floor_free(struct floor *f);

void floor_map(struct floor *f, uint64_t page);
void floor_unmap(struct floor *f, uint64_t page);
uint64_t floor_get(const struct floor *f, uint64_t page);

/* A linear pass over the entries of the first @p pages pages. */
void floor_map_range(struct floor *f, uint64_t pages);
void floor_unmap_range(struct floor *f, uint64_t pages);
uint64_t floor_wrprotect(struct floor *f, uint64_t pages);
/** Counts valid entries. */
uint64_t floor_count(const struct floor *f, uint64_t pages);
/** Gives all tables back, and empties the TLB. */
void floor_clear(struct floor *f);

/* A TLB of a fixed shape without generations, kinds, sizes or replacement. */
void floor_tlb_fill(struct floor *f, uint64_t page, uint64_t data);
/** What the page was filled with, or 0. */
uint64_t floor_tlb_get(const struct floor *f, uint64_t page);

/** Gives each frame some dirty lines. */
void floor_frames_fill(struct floor *f);
/** A linear pass over a byte for each of twice the pages: how many lines are dirty; none after. */
uint64_t floor_frames_flush(struct floor *f);

#endif
