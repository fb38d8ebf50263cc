/* SPDX-License-Identifier: MIT */
/* Rows of s2-speed under the oracle. */
#include "speed-rows.h"

#include "hyp/stage2/mmu.h"

/* The floor was the same without: its tables go first. */
void speed_judge(struct speed_rig *r)
{
	speed_rig_clear(r);
	speed_ensure(!s2_oracle_attach(r->m, NULL, &r->oracle) &&
			     !s2_oracle_watch(r->oracle, r->mmu->vtcr, r->mmu->vttbr),
		     "oracle");
}

void speed_judge_and_map(struct speed_rig *r)
{
	speed_judge(r);
	speed_map_range(r);
}

static void sound(const struct speed_rig *r)
{
	speed_ensure(!s2_oracle_error(r->oracle) && !s2_oracle_count(r->oracle, S2_RULES),
		     "oracle");
}

void speed_map_each_judged(struct speed_rig *r)
{
	speed_map_each(r);
	sound(r);
}

void speed_map_range_judged(struct speed_rig *r)
{
	speed_map_range(r);
	sound(r);
}

void speed_unmap_each_judged(struct speed_rig *r)
{
	speed_unmap_each(r);
	sound(r);
}

void speed_unmap_range_judged(struct speed_rig *r)
{
	speed_unmap_range(r);
	sound(r);
}
