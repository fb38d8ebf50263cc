/* SPDX-License-Identifier: MIT */
#include "property.h"

#include <stdio.h>
#include <string.h>

static void generate(const struct s2_property *property, struct s2_test_rng *rng,
		     struct s2_step *steps)
{
	for (size_t i = 0; i < property->steps; i++) {
		steps[i].op = (unsigned)s2_test_rng_below(rng, property->n_ops);
		steps[i].a = s2_test_rng_below(rng, property->max_a);
		steps[i].b = s2_test_rng_below(rng, property->max_b);
		steps[i].c = s2_test_rng_below(rng, property->max_c);
	}
}

/* Leaves steps out, larger pieces first, as long as the program still fails. */
static size_t shrink(const struct s2_property *property, struct s2_step *steps, size_t n)
{
	struct s2_step shorter[S2_PROPERTY_MAX_STEPS];
	size_t piece = n / 2 ? n / 2 : 1;

	while (piece) {
		bool smaller = false;

		for (size_t at = 0; at + piece <= n;) {
			memcpy(shorter, steps, at * sizeof(*steps));
			memcpy(shorter + at, steps + at + piece, (n - at - piece) * sizeof(*steps));
			if (property->run(property->arg, shorter, n - piece)) {
				at += piece;
				continue;
			}
			n -= piece;
			memcpy(steps, shorter, n * sizeof(*steps));
			smaller = true;
		}
		if (!smaller)
			piece /= 2;
	}
	return n;
}

void s2_property_check(const struct s2_property *property, uint64_t seed)
{
	struct s2_test_rng rng = {seed};
	struct s2_step steps[S2_PROPERTY_MAX_STEPS];
	size_t n;

	for (unsigned i = 0; i < property->programs; i++) {
		generate(property, &rng, steps);
		if (property->run(property->arg, steps, property->steps))
			continue;
		n = shrink(property, steps, property->steps);
		print_error("%s: program %u differs; the shortest has %zu steps:\n", property->name,
			    i, n);
		for (size_t k = 0; k < n; k++) {
			print_error("  %zu. ", k + 1);
			property->print(property->arg, &steps[k]);
		}
		fail();
	}
	print_message("%s: %u programs of %zu steps agree\n", property->name, property->programs,
		      property->steps);
}
