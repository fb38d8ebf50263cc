/* SPDX-License-Identifier: MIT */
/* Any bytes as a cost profile: refused with a text, or costs that are numbers with a source. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "study/option/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Which of them did not is in the stack's line. */
#define must(holds) ((holds) ? (void)0 : abort())

static void look(const struct s2_profile *profile)
{
	struct s2_counts counts;
	struct s2_cost cost;

	for (int op = 0; op < S2_OP_COUNT; op++) {
		const struct s2_cost_entry *e = &profile->op[op];

		counts.n[op] = (uint64_t)op << 40;
		must(!e->known || (isfinite(e->ns) && e->ns >= 0 && e->source));
	}
	cost = s2_profile_estimate(profile, &counts);
	must(cost.ns >= 0);
	for (int seq = 0; seq < S2_SEQ_COUNT; seq++)
		must(!isnan(s2_profile_seq(profile, (enum s2_seq)seq)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct s2_profile profile;
	struct s2_error err = {0, ""};
	FILE *in = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;

	if (!in)
		return 0;
	if (s2_profile_read(in, "fuzz", &profile, &err)) {
		must(err.text[0] && err.code);
	} else {
		look(&profile);
		s2_profile_free(&profile);
	}
	fclose(in);
	return 0;
}
