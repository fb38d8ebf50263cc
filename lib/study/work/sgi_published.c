/* SPDX-License-Identifier: MIT */
#include "study/work/sgi_published.h"

#include <errno.h>
#include <math.h>

#include <stage2sim/routing.h>

#define FITTED true

/* RFC v2 of 2023-08-25: dispatch on a v6.5 host of 32 cores, from vcpu 0, before. */
static const struct s2_sgi_measurement kunpeng_v65[] = {
	{32, 1, 1655, FITTED},
	{32, 15, 2053, false},
	{32, 16, 2080, false},
	{32, 31, 2426, FITTED},
};

/*
 * RFC v1: the same machine with v5.4.  Fitted as the profile kunpeng920 is, to
 * the last target before and after; the slope, and 4 cores, are predicted.
 */
static const struct s2_sgi_measurement kunpeng_v54[] = {
	{32, 31, 4238, FITTED}, {32, 0, 1838, FITTED}, {32, 1, 1743, false},
	{4, 1, 1471, false},	{4, 3, 1532, false},
};

/* The v1 series: 63 probes saved.  Both fix the profile; nothing is predicted. */
static const struct s2_sgi_measurement altra[] = {
	{64, 63, 3832, FITTED},
	{64, 0, 2593, FITTED},
};

/* Instructions counted on the sending CPU, targets not running. */
static const struct s2_sgi_measurement a55_61[] = {
	{64, 1, 2188, FITTED},
	{64, 63, 14663, FITTED},
	{4, 1, 2188, false},
	{4, 3, 2507, false},
	{8, 7, 3327, false},
	{16, 8, 3623, false},
	{16, 15, 4967, false},
	{17, 16, 5124, false},
	{32, 16, 5215, false},
	{32, 31, 8199, false},
	{64, 16, 5215, false},
	{64, 32, 8447, false},
	{64, S2_SGI_NOBODY, 14337, false},
};

/* Above 64 vcpus the array of vcpus is one level deeper. */
static const struct s2_sgi_measurement a55_61_deep[] = {
	{128, 1, 2287, FITTED},
	{128, 127, 31815, FITTED},
	{128, 63, 16899, false},
	{200, 1, 2287, false},
	{200, 100, 25561, false},
	{200, 199, 48711, false},
	{200, S2_SGI_NOBODY, 48409, false},
};

static const struct s2_sgi_measurement a55_612[] = {
	{2, 1, 2063, FITTED},  {64, 32, 2248, FITTED}, {4, 1, 2100, false},   {4, 3, 2100, false},
	{8, 7, 2137, false},   {16, 8, 2174, false},   {17, 16, 2211, false}, {32, 16, 2211, false},
	{32, 31, 2207, false}, {64, 1, 2248, false},   {64, 63, 2244, false},
};

static const struct s2_sgi_measurement a55_612_deep[] = {
	{128, 63, 2305, FITTED}, {200, 199, 2346, FITTED}, {128, 1, 2309, false},
	{128, 127, 2305, false}, {200, 100, 2346, false},
};

static const struct s2_sgi_measurement a55_72[] = {
	{2, 1, 2499, FITTED}, {64, 32, 2664, FITTED}, {4, 3, 2532, false},   {8, 7, 2565, false},
	{16, 8, 2598, false}, {17, 16, 2631, false},  {32, 31, 2627, false}, {64, 63, 2660, false},
};

#define ROWS(a) (a), sizeof(a) / sizeof((a)[0])

static const struct s2_sgi_series all[] = {
	{"altra-64", "MPIDR series v1, Ampere Altra: IPI to the last vcpu, before and after", "ns",
	 "walk", S2_OP_VCPU_PROBE, ROWS(altra)},
	{"kunpeng920-v6.5", "RFC v2, Kunpeng 920: dispatch from vcpu 0, before", "ns", "walk",
	 S2_OP_VCPU_PROBE, ROWS(kunpeng_v65)},
	{"kunpeng920-v5.4", "RFC v1, Kunpeng 920: dispatch from core 0", "ns", "walk",
	 S2_OP_VCPU_PROBE, ROWS(kunpeng_v54)},
	{"6.1-a55", "counted: one ICC_SGI1R write, Linux 6.1.192", "instructions", "walk",
	 S2_OP_VCPU_PROBE, ROWS(a55_61)},
	{"6.1-a55-over-64", "counted: the same, over 64 vcpus", "instructions", "walk",
	 S2_OP_VCPU_PROBE, ROWS(a55_61_deep)},
	{"6.12-a55", "counted: one ICC_SGI1R write, Linux 6.12.107", "instructions", "bits",
	 S2_OP_MPIDR_GATHER, ROWS(a55_612)},
	{"6.12-a55-over-64", "counted: the same, over 64 vcpus", "instructions", "bits",
	 S2_OP_MPIDR_GATHER, ROWS(a55_612_deep)},
	{"7.2-a55", "counted: one ICC_SGI1R write, Linux 7.2.13", "instructions", "bits",
	 S2_OP_MPIDR_GATHER, ROWS(a55_72)},
};

const struct s2_sgi_series *s2_sgi_series_at(size_t index)
{
	return index < sizeof(all) / sizeof(all[0]) ? &all[index] : NULL;
}

static int count_steps(const struct s2_sgi_series *series, const struct s2_sgi_measurement *row,
		       const struct s2_features *features, double *steps, struct s2_error *err)
{
	const bool nobody = row->target == S2_SGI_NOBODY;
	const struct s2_sgi_load load = {
		.workload = nobody ? S2_SGI_ABSENT : S2_SGI_ONE,
		.vcpus = row->vcpus,
		.target = nobody ? 0 : row->target,
		.routing = s2_routing_find(series->policy)->routing,
		.features = features,
	};
	struct s2_sgi_outcome out;
	const int ret = s2_sgi_load_run(&load, &out, err);

	*steps = (double)out.sends.n[series->step];
	return ret;
}

/* A line through the two rows that are marked. */
static void fit_line(const struct s2_sgi_series *series, const double *steps,
		     struct s2_sgi_fit *fit)
{
	size_t at[2] = {0, 0};
	size_t n = 0;

	for (size_t i = 0; i < series->n_rows && n < 2; i++)
		if (series->rows[i].fitted)
			at[n++] = i;
	fit->per_step = (series->rows[at[1]].value - series->rows[at[0]].value) /
			(steps[at[1]] - steps[at[0]]);
	fit->fixed = series->rows[at[0]].value - fit->per_step * steps[at[0]];
}

int s2_sgi_predict(const struct s2_sgi_series *series, const struct s2_features *features,
		   struct s2_sgi_fit *fit, double *predicted, struct s2_error *err)
{
	double steps[S2_SGI_ROWS_MAX] = {0};

	for (size_t i = 0; i < series->n_rows; i++) {
		const int ret = count_steps(series, &series->rows[i], features, &steps[i], err);

		if (ret)
			return ret;
	}
	fit_line(series, steps, fit);
	fit->worst_error = 0;
	for (size_t i = 0; i < series->n_rows; i++) {
		const double measured = series->rows[i].value;

		predicted[i] = fit->fixed + fit->per_step * steps[i];
		if (fabs(predicted[i] - measured) / measured > fabs(fit->worst_error))
			fit->worst_error = (predicted[i] - measured) / measured;
	}
	return 0;
}
