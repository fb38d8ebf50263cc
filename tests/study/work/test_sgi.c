/* SPDX-License-Identifier: MIT */
/* SGI workloads: counts, the check of where writes went, predictions, replay of a log. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/work/sgi_load.h"
#include "study/work/sgi_log.h"
#include "study/work/sgi_published.h"
#include "support.h"

static struct s2_features features;

static struct s2_sgi_outcome run(const char *policy, enum s2_sgi_workload workload, unsigned vcpus)
{
	const struct s2_sgi_load load = {
		.workload = workload,
		.vcpus = vcpus,
		.target = vcpus - 1,
		.writes = 2000,
		.seed = 7,
		.routing = s2_routing_find(policy)->routing,
		.features = &features,
	};
	struct s2_sgi_outcome out;

	assert_i64(s2_features_preset("neoverse-n1", &features), 0);
	assert_i64(s2_sgi_load_run(&load, &out, NULL), 0);
	return out;
}

static void the_last_vcpu_costs_a_walk_of_64_or_one_probe(void **state)
{
	(void)state;
	assert_u64(run("walk", S2_SGI_ONE, 64).sends.n[S2_OP_VCPU_PROBE], 64);
	assert_u64(run("bits", S2_SGI_ONE, 64).sends.n[S2_OP_VCPU_PROBE], 1);
	assert_u64(run("bits", S2_SGI_ONE, 64).sends.n[S2_OP_MPIDR_GATHER], 6);
}

static void no_policy_loses_anything_but_the_stale_table(void **state)
{
	(void)state;
	for (size_t p = 0; s2_routing_at(p); p++) {
		for (int w = 0; w < S2_SGI_REPLAY; w++) {
			for (unsigned n = 1; n <= 65; n += 16) {
				const char *name = s2_routing_at(p)->name;
				const struct s2_sgi_outcome out = run(name, w, n);
				const bool stale =
					w == S2_SGI_LATE && n > 1 && !strcmp(name, "bits-final");

				s2_test_row("%s workload %d vcpus %u: %s", name, w, n, out.first);
				assert_u64(out.lost, stale);
				assert_u64(out.astray, 0);
				assert_int_equal(out.first[0] != 0, stale);
			}
		}
	}
}

static void without_a_table_each_bit_is_a_scan(void **state)
{
	(void)state;
	assert_u64(run("bits", S2_SGI_NO_TABLE, 512).sends.n[S2_OP_VCPU_PROBE], 8072);
	assert_u64(run("walk", S2_SGI_NO_TABLE, 512).sends.n[S2_OP_VCPU_PROBE], 512);
	assert_u64(run("bits-walk", S2_SGI_NO_TABLE, 512).sends.n[S2_OP_VCPU_PROBE], 512);
	assert_u64(run("bits", S2_SGI_NO_TABLE, 5).sends.n[S2_OP_MPIDR_GATHER], 0);
}

static void a_kick_costs_an_ipi_only_for_a_running_target(void **state)
{
	static const uint64_t ipis[] = {0, 63, 0};
	static const uint64_t wakes[] = {0, 0, 63};

	(void)state;
	for (int s = 0; s < 3; s++) {
		const struct s2_sgi_load load = {.workload = S2_SGI_BROADCAST,
						 .vcpus = 64,
						 .state = s,
						 .routing = s2_routing_find("bits")->routing,
						 .features = &features};
		struct s2_sgi_outcome out;

		s2_test_row("state %d", s);
		assert_i64(s2_sgi_load_run(&load, &out, NULL), 0);
		assert_u64(out.sends.n[S2_OP_KICK_IPI], ipis[s]);
		assert_u64(out.sends.n[S2_OP_VCPU_WAKE], wakes[s]);
		assert_u64(out.wanted, 63);
	}
}

static void a_matrix_moves_queueing_from_the_sender_to_the_targets(void **state)
{
	const struct s2_sgi_outcome plain = run("rows", S2_SGI_BROADCAST, 512);
	const struct s2_sgi_outcome matrix = run("rows-matrix", S2_SGI_BROADCAST, 512);

	(void)state;
	assert_u64(plain.sends.n[S2_OP_IRQ_LOCK], 3 * 511);
	assert_u64(matrix.sends.n[S2_OP_IRQ_LOCK], 0);
	assert_u64(matrix.targets.n[S2_OP_IRQ_LOCK],
		   plain.sends.n[S2_OP_IRQ_LOCK] + plain.targets.n[S2_OP_IRQ_LOCK]);
}

static void published_figures_are_predicted_within_their_spread(void **state)
{
	/* How far the model may be off: it knows no caches, nor the size of the machine. */
	static const struct {
		const char *name;
		double within;
	} rows[] = {
		{"kunpeng920-v6.5", 0.02}, {"6.1-a55", 0.034},		{"6.1-a55-over-64", 0.006},
		{"6.12-a55", 0.002},	   {"6.12-a55-over-64", 0.002}, {"7.2-a55", 0.002},
		{"kunpeng920-v5.4", 0.40}, {"altra-64", 0.0001},
	};

	(void)state;
	for (size_t i = 0; s2_sgi_series_at(i); i++) {
		const struct s2_sgi_series *series = s2_sgi_series_at(i);
		double predicted[S2_SGI_ROWS_MAX];
		struct s2_sgi_fit fit;
		bool named = false;

		s2_test_row("%s", series->name);
		assert_true(series->n_rows <= S2_SGI_ROWS_MAX);
		assert_i64(s2_sgi_predict(series, &features, &fit, predicted, NULL), 0);
		for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
			if (strcmp(series->name, rows[k].name) != 0)
				continue;
			named = true;
			assert_true(fabs(fit.worst_error) <= rows[k].within);
		}
		assert_true(named);
	}
}

static void the_writes_of_a_real_guest_reach_their_targets(void **state)
{
	static const char log[] = "/traces/linux6.12-max-linuxguest.rich.txt.gz";
	char path[4096];
	struct s2_error err = {0};

	(void)state;
	(void)snprintf(path, sizeof(path), "%s%s", getenv("S2_TEST_DATA"), log);
#if !defined(S2_HAVE_ZLIB)
	skip();
#endif
	assert_i64(s2_sgi_log_vcpus(path, &err), 4);
	for (size_t p = 0; s2_routing_at(p); p++) {
		const struct s2_sgi_load load = {.workload = S2_SGI_REPLAY,
						 .vcpus = 4,
						 .log = path,
						 .routing = s2_routing_at(p)->routing,
						 .features = &features};
		struct s2_sgi_outcome out;

		s2_test_row("%s", s2_routing_at(p)->name);
		assert_i64(s2_sgi_load_run(&load, &out, &err), 0);
		assert_u64(out.writes, 1203);
		assert_u64(out.wanted, 1227);
		assert_u64(out.lost + out.astray, 0);
	}
}

static void a_log_that_cannot_be_read_is_an_error(void **state)
{
	struct s2_error err = {0};

	(void)state;
	assert_true(s2_sgi_log_vcpus("/nonexistent/log", &err) < 0);
	assert_true(err.code != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(the_last_vcpu_costs_a_walk_of_64_or_one_probe),
		s2_unit_test(no_policy_loses_anything_but_the_stale_table),
		s2_unit_test(without_a_table_each_bit_is_a_scan),
		s2_unit_test(a_kick_costs_an_ipi_only_for_a_running_target),
		s2_unit_test(a_matrix_moves_queueing_from_the_sender_to_the_targets),
		s2_unit_test(published_figures_are_predicted_within_their_spread),
		s2_unit_test(the_writes_of_a_real_guest_reach_their_targets),
		s2_unit_test(a_log_that_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests_name("study/sgi", tests, NULL, NULL);
}
