/* SPDX-License-Identifier: MIT */
#include "hyp/stage2/walk_run.h"

/* A function of its own: its loop has all registers, and the walk loses none to it. */
uint64_t s2_affine_run(const struct s2_visit *v, uint64_t max)
{
	const uint64_t step = s2_pte_step(v->old, v->granule);
	const s2_pte *const entries = v->ptep;
	const s2_pte first = v->old;
	uint64_t n = 0;

	if (first && !s2_pte_valid(first))
		return 1;
	/* Eight at a time while all agree: most tables are uniform. */
	for (; n + 8 <= max; n += 8) {
		uint64_t differ = 0;

		for (uint64_t i = 0; i < 8; i++)
			differ |= entries[n + i] ^ (first + (n + i) * step);
		if (differ)
			break;
	}
	while (n < max && entries[n] == first + n * step)
		n++;
	return n;
}
