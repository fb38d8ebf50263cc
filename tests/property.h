/* SPDX-License-Identifier: MIT */
/*
 * Property tests: random programs run on the library and on a naive model.
 *
 *     steps --run()--> first step at which the two differ, or none
 *        ^                     |
 *        `---- one left out ---'   until every step that is left is needed
 *
 * What fails is printed as the shortest program that still fails.  A step is
 * four numbers; what they mean is the test's business.
 */
#ifndef STAGE2SIM_TESTS_PROPERTY_H
#define STAGE2SIM_TESTS_PROPERTY_H

#include "support.h"

#define S2_PROPERTY_MAX_STEPS 256

struct s2_step {
	unsigned op;
	uint64_t a, b, c;
};

struct s2_property {
	const char *name;
	unsigned n_ops;
	uint64_t max_a, max_b, max_c; /* operands are 0 to max - 1 */
	size_t steps;		      /* of one program, at most S2_PROPERTY_MAX_STEPS */
	unsigned programs;
	/* @return whether library and model agreed at every step. */
	bool (*run)(void *arg, const struct s2_step *steps, size_t n);
	/* Writes a step as a person would read it. */
	void (*print)(void *arg, const struct s2_step *step);
	void *arg;
};

/* Runs the programs, prints how many, and fails the test with the shortest that differs. */
void s2_property_check(const struct s2_property *property, uint64_t seed);

#endif
