/* SPDX-License-Identifier: MIT */
/* Rows of s2-speed about cache lines. */
#include "speed-rows.h"

/* Twice the pages: 128 GiB of lines beside the 64 GiB of pages. */
static uint64_t line_bytes(const struct speed_rig *r)
{
	return 2 * r->pages * SPEED_PAGE;
}

/* In each 2 MiB: lines that are not there, clean, dirty, and frames that are so in part. */
static void mixed_lines_up(struct speed_rig *r, enum s2_memory_detail detail)
{
	int ret = 0;

	/* A row whose floor is another memory has both, one after the other. */
	s2_memory_destroy(r->memory);
	r->memory = NULL;
	speed_ensure(!s2_memory_create(s2_machine_features(r->m), 1, detail, &r->memory), "memory");
	for (uint64_t at = 0; at < line_bytes(r); at += SPEED_BLOCK) {
		for (uint64_t i = 0; i < 8; i++) {
			const uint64_t frame = speed_scatter(at / SPEED_PAGE + i, SPEED_BLOCK / SPEED_PAGE);
			const struct s2_pa pa = {at + frame * SPEED_PAGE};
			const uint64_t size = SPEED_PAGE >> i % 4;

			ret |= i % 2 ? s2_memory_apply(r->memory, S2_LINE_FILL, pa, size, NULL)
				     : s2_memory_write(r->memory, S2_AGENT_WRITE_BACK, pa, size,
						       NULL);
		}
	}
	speed_ensure(!ret, "lines");
}

void speed_lines_up(struct speed_rig *r)
{
	mixed_lines_up(r, S2_MEMORY_STATES);
}

void speed_versions_up(struct speed_rig *r)
{
	mixed_lines_up(r, S2_MEMORY_VERSIONS);
}

void speed_possible_up(struct speed_rig *r)
{
	mixed_lines_up(r, S2_MEMORY_POSSIBLE);
}

void speed_lines_flush(struct speed_rig *r)
{
	struct s2_line_counts counts = {0};

	speed_ensure(!s2_memory_apply(r->memory, S2_LINE_CLEAN_INVALIDATE, s2_pa(0), line_bytes(r),
				      &counts) &&
			     counts.valid > counts.dirty && counts.dirty,
		     "clean and invalidate");
	r->sink += counts.dirty;
}

void speed_floor_lines_up(struct speed_rig *r)
{
	floor_frames_fill(r->floor);
}

void speed_floor_lines_flush(struct speed_rig *r)
{
	r->sink += floor_frames_flush(r->floor);
}
