/* SPDX-License-Identifier: MIT */
/* What a dispatch costs, derived here by the text of each algorithm for every number of vcpus. */
#include "hyp/vgic/sgi_fixture.h"
#include "hyp/vgic/delivery/vgic_run.h"

#define MAX S2_VGIC_MAX_CPUS

enum form {
	WALK,
	FINAL,
	SCANS,
	NO_TABLE,
	FORMS
};

static const char *const form_policy[FORMS] = {"walk", "bits-final", "bits", "bits"};

/* What finding one vcpu takes; index n means that it is absent. */
static uint64_t lookup_cost(enum form form, unsigned n, unsigned index)
{
	const bool has_table = form != NO_TABLE && form != WALK && n > 1;
	const uint64_t scan = index < n ? index + 1U : n;

	if (!has_table)
		return scan;
	return index < n || form == FINAL ? 1 : 1 + scan;
}

/*
 * What a list costs by the text of the algorithm: the old walk ends at the
 * last target or never, the new form looks each bit up.
 */
static uint64_t list_cost(enum form form, unsigned n, const unsigned *index, unsigned n_targets)
{
	uint64_t cost = 0;
	unsigned last = 0;

	for (unsigned i = 0; i < n_targets; i++) {
		cost += lookup_cost(form, n, index[i]);
		if (index[i] > last)
			last = index[i];
	}
	if (form != WALK)
		return cost;
	if (!n_targets)
		return 0;
	return last < n ? last + 1U : n;
}

static void check_lists(struct vm *vm, enum form form, unsigned n)
{
	const unsigned cluster = (n - 1) / 16;
	const struct s2_mpidr last = s2_mpidr_from_id(n - 1);
	unsigned index[16];
	unsigned hits = 0;

	for (unsigned i = 0; i < n; i += 1 + n / 16) {
		const uint64_t value = sgi_to(s2_mpidr_from_id(i), 1);

		assert_u64(sgi_probes(vm, value), list_cost(form, n, &i, 1));
	}
	/* The last cluster, full: absent targets where n is no multiple of 16. */
	for (unsigned i = 0; i < 16; i++) {
		index[i] = cluster * 16 + i < n ? cluster * 16 + i : n;
		hits += index[i] < n;
	}
	assert_u64(sgi_probes(vm, sgi_list(last, 0xffff)), list_cost(form, n, index, 16));
	assert_u64(vm_counted(vm, S2_OP_SGI_QUEUE), hits);
	/* A cluster that nobody is in. */
	for (unsigned i = 0; i < 16; i++)
		index[i] = n;
	assert_u64(sgi_probes(vm, sgi_list(s2_mpidr(0x3f00), 0xffff)),
		   list_cost(form, n, index, 16));
	assert_u64(vm_counted(vm, S2_OP_SGI_QUEUE), 0);
	assert_u64(sgi_probes(vm, sgi_list(last, 0)), 0);
}

static void the_formulas_hold_for_every_number_of_vcpus(void **state)
{
	(void)state;
	for (int form = 0; form < FORMS; form++) {
		const struct s2_vgic_config cfg = sgi_policy(form_policy[form]);

		for (unsigned n = 1; n <= MAX; n++) {
			struct vm vm = {0};

			sgi_start(&vm, &cfg, n);
			if (form == NO_TABLE)
				sgi_drop_table(&vm);
			s2_test_row("%s form %d N = %u", form_policy[form], form, n);
			check_lists(&vm, form, n);
			vm_stop(&vm);
		}
	}
}

/* One write a cluster and one a vcpu, N a multiple of 16: closed forms. */
static void whole_vm_patterns_cost_8w_w_plus_1_and_n_n_plus_1_over_2(void **state)
{
	(void)state;
	for (unsigned n = 16; n <= MAX; n += 16) {
		for (int form = WALK; form <= FINAL; form++) {
			const struct s2_vgic_config cfg = sgi_policy(form_policy[form]);
			const uint64_t w = n / 16;
			uint64_t clusters = 0;
			uint64_t each = 0;
			struct vm vm = {0};

			sgi_start(&vm, &cfg, n);
			for (unsigned c = 0; c < w; c++)
				clusters +=
					sgi_probes(&vm, sgi_list(s2_mpidr_from_id(16 * c), 0xffff));
			for (unsigned i = 0; i < n; i++)
				each += sgi_probes(&vm, sgi_to(s2_mpidr_from_id(i), 1));
			s2_test_row("%s N = %u", form_policy[form], n);
			assert_u64(clusters, form == WALK ? 8 * w * (w + 1) : n);
			assert_u64(each, form == WALK ? n * (n + 1ULL) / 2 : n);
			vm_stop(&vm);
		}
	}
}

/* The 16-fold losses that nobody measured. */
static void absent_targets_and_no_table_cost_up_to_16_walks(void **state)
{
	static const struct {
		const char *policy;
		bool table;
		unsigned n;
		bool absent;
		unsigned expected;
	} rows[] = {
		{"walk", true, 512, true, 512},	     {"bits-final", true, 512, true, 16},
		{"bits", true, 512, true, 8208},     {"bits", false, 512, true, 8192},
		{"walk", true, 512, false, 512},     {"bits", true, 512, false, 16},
		{"bits", false, 512, false, 8072},   {"bits", false, 64, false, 904},
		{"bits-walk", true, 512, true, 528}, {"bits-walk", false, 512, true, 512},
		{"bits-walk", true, 512, false, 16}, {"bits-walk", false, 512, false, 512},
		{"hash", true, 512, true, 0},	     {"hash", true, 512, false, 16},
		{"rows", true, 512, true, 0},	     {"rows", true, 512, false, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct s2_vgic_config cfg = sgi_policy(rows[i].policy);
		const uint64_t absent = sgi_list(s2_mpidr(0x3f00), 0xffff);
		struct vm vm = {0};

		sgi_start(&vm, &cfg, rows[i].n);
		if (!rows[i].table)
			sgi_drop_table(&vm);
		s2_test_row("%s row %zu", rows[i].policy, i);
		assert_u64(sgi_probes(&vm,
				      rows[i].absent
					      ? absent
					      : sgi_list(s2_mpidr_from_id(rows[i].n - 1), 0xffff)),
			   rows[i].expected);
		vm_stop(&vm);
	}
}

/* Of every Aff1 and Aff2, on a VM of 512: one that is there, or is not. */
static uint64_t most_row_compares(struct vm *vm)
{
	uint64_t most = 0;

	for (unsigned cluster = 0; cluster < 0x10000; cluster++) {
		const uint64_t probes = sgi_probes(vm, sgi_list(s2_mpidr(cluster << 8), 0xffff));

		most = probes > most ? probes : most;
	}
	return most;
}

static void a_row_takes_one_compare_whatever_clusters_a_guest_makes_up(void **state)
{
	const struct s2_vgic_config cfg = sgi_policy("rows");

	(void)state;
	for (unsigned n = 1; n <= MAX; n = n < 16 ? 16 : n * 2) {
		struct vm vm = {0};

		sgi_start(&vm, &cfg, n);
		s2_test_row("N = %u", n);
		assert_u64(most_row_compares(&vm), 1);
		vm_stop(&vm);
	}
}

/* As of machines whose cores are Aff1 of clusters that are Aff2. */
static void rows_stay_short_where_aff1_is_the_core_and_aff2_the_cluster(void **state)
{
	const struct s2_vgic_config cfg = sgi_policy("rows");

	(void)state;
	for (unsigned cores = 1; cores <= 256; cores *= 2) {
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_start(&vm, &cfg, MAX);
		for (unsigned i = 0; i < MAX; i++)
			s2_vgic_set_mpidr(vm_vcpu(&vm, i), s2_mpidr_of((uint8_t)(i / cores >> 8),
								       (uint8_t)(i / cores),
								       (uint8_t)(i % cores), 0));
		s2_vgic_build_index(vm.vgic);
		s2_test_row("%u cores a cluster", cores);
		assert_true(most_row_compares(&vm) <= 8);
		vm_stop(&vm);
	}
}

static void a_broadcast_visits_all_and_queues_all_but_one(void **state)
{
	(void)state;
	for (size_t p = 0; s2_routing_at(p); p++) {
		const struct s2_vgic_config cfg = sgi_policy(s2_routing_at(p)->name);
		const bool matrix = cfg.routing.broadcast == S2_BROADCAST_MATRIX;

		for (unsigned n = 1; n <= MAX; n++) {
			struct vm vm = {0};

			sgi_start(&vm, &cfg, n);
			s2_test_row("%s N = %u", s2_routing_at(p)->name, n);
			assert_u64(sgi_probes(&vm, S2_SGI_IRM), 0);
			assert_u64(vm_counted(&vm, S2_OP_VCPU_VISIT), matrix ? (n + 63) / 64 : n);
			for (unsigned i = 0; i < n; i++)
				assert_int_equal(vm_pending(&vm, i, 0), i != 0);
			assert_u64(vm_counted(&vm, S2_OP_SGI_QUEUE), n - 1);
			assert_u64(vm_counted(&vm, S2_OP_MPIDR_GATHER), 0);
			vm_stop(&vm);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(the_formulas_hold_for_every_number_of_vcpus),
		s2_unit_test(whole_vm_patterns_cost_8w_w_plus_1_and_n_n_plus_1_over_2),
		s2_unit_test(absent_targets_and_no_table_cost_up_to_16_walks),
		s2_unit_test(a_row_takes_one_compare_whatever_clusters_a_guest_makes_up),
		s2_unit_test(rows_stay_short_where_aff1_is_the_core_and_aff2_the_cluster),
		s2_unit_test(a_broadcast_visits_all_and_queues_all_but_one),
	};

	return cmocka_run_group_tests_name("hyp/sgi_cost", tests, NULL, NULL);
}
