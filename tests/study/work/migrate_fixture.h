/* SPDX-License-Identifier: MIT */
/* A migration of 64 GiB as measured, and what one costs. */
#ifndef STAGE2SIM_TESTS_STUDY_MIGRATE_FIXTURE_H
#define STAGE2SIM_TESTS_STUDY_MIGRATE_FIXTURE_H

#include "support.h"

#include "study/work/migrate.h"

#define KIB  UINT64_C(1024)
#define MIB  (1024 * KIB)
#define GIB  (1024 * MIB)
#define TIB  (1024 * GIB)
#define PAGE (4 * KIB)

static inline struct s2_flavour flushing(enum s2_range_calls range, enum s2_clear_flush clear)
{
	struct s2_flavour f = {0};

	for (size_t i = 0; s2_flavour_at(i); i++)
		f = *s2_flavour_at(i);
	f.range_calls = range;
	f.clear_flush = clear;
	return f;
}

/* 64 pages dirty, one in each GiB; a clear of 64 pages each. */
static inline struct s2_migrate measured(void)
{
	const struct s2_migrate mig = {
		.slot = 64 * GIB,
		.backing = PAGE,
		.dirty = 64,
		.run = 1,
		.rounds = 1,
		.chunk = 64 * PAGE,
		.manual = true,
		.vcpus = 4,
		.working_set = MIB,
		.outside = 0.25,
		.tlb = 1000,
		.ratio = 0.01,
		.range_op = 0.1,
	};

	return mig;
}

static inline struct s2_migrate_cost run_on(const struct s2_migrate *mig, const char *machine,
					    const struct s2_flavour *f)
{
	struct s2_features features;
	struct s2_migrate_cost cost;
	struct s2_error err = {0};

	assert_i64(s2_features_parse(machine, &features, NULL), 0);
	assert_i64(s2_migrate_check(mig, &features, f, &err), 0);
	assert_i64(s2_migrate_run(mig, &features, f, &cost, &err), 0);
	return cost;
}

static inline struct s2_migrate_cost run_mig(const struct s2_migrate *mig,
					     enum s2_range_calls range, enum s2_clear_flush clear)
{
	const struct s2_flavour f = flushing(range, clear);

	return run_on(mig, "neoverse-n2", &f);
}

#endif
