/* SPDX-License-Identifier: MIT */
/* MPIDRs as VMMs hand them out, and whom a target list can name. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/work/sgi_layout.h"
#include "study/work/sgi_load.h"
#include "temp.h"

static struct s2_mpidr *layout(const char *spec, unsigned n)
{
	struct s2_error err = {0};
	struct s2_mpidr *mpidrs = NULL;

	if (s2_sgi_layout(spec, n, &mpidrs, &err))
		fail_msg("%s", err.text);
	return mpidrs;
}

static void kvms_own_layout_is_one_of_clusters_of_16(void **state)
{
	struct s2_mpidr *kvm = layout("kvm", 512), *by_16 = layout("cluster:16", 512);

	(void)state;
	for (unsigned i = 0; i < 512; i++) {
		assert_u64(s2_mpidr_hwid(kvm[i]).v, s2_mpidr_hwid(s2_mpidr_from_id(i)).v);
		assert_u64(by_16[i].v, kvm[i].v);
		assert_false(s2_sgi_unreachable(kvm[i]));
	}
	free(kvm);
	free(by_16);
}

/* The report: 112 vcpus, of which 16 came up. */
static void numbered_flat_only_16_can_be_named(void **state)
{
	struct s2_mpidr *flat = layout("flat", 300);
	char text[64], few[4];

	(void)state;
	assert_string_equal(s2_sgi_unreachable_text(flat, 112, text, sizeof(text)), "16-111");
	assert_string_equal(s2_sgi_unreachable_text(flat, 16, text, sizeof(text)), "");
	assert_string_equal(s2_sgi_unreachable_text(flat, 300, text, sizeof(text)),
			    "16-255, 272-299");
	assert_string_equal(s2_sgi_unreachable_text(flat, 300, few, sizeof(few)), "16-");
	free(flat);
}

static struct s2_sgi_outcome run_each(const char *spec, unsigned vcpus, const char *policy)
{
	struct s2_mpidr *mpidrs = layout(spec, vcpus);
	struct s2_features features;
	struct s2_sgi_load load = {
		.workload = S2_SGI_EACH,
		.vcpus = vcpus,
		.list_registers = 4,
		.mpidrs = mpidrs,
		.routing = s2_routing_find(policy)->routing,
		.features = &features,
	};
	struct s2_sgi_outcome out;
	struct s2_error err = {0};

	assert_i64(s2_features_preset("neoverse-n1", &features), 0);
	if (s2_sgi_load_run(&load, &out, &err))
		fail_msg("%s", err.text);
	assert_u64(out.lost + out.astray, 0);
	free(mpidrs);
	return out;
}

static void every_policy_reaches_whom_a_list_can_name(void **state)
{
	static const char *const policies[] = {"walk", "bits-final", "bits", "bits-walk",
					       "hash", "rows",	     "rows-matrix"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		s2_test_row("%s", policies[i]);
		assert_u64(run_each("flat", 112, policies[i]).wanted, 16);
		assert_u64(run_each("flat", 112, policies[i]).unreachable, 96);
		assert_u64(run_each("cluster:4", 112, policies[i]).wanted, 112);
		assert_u64(run_each("cluster:20", 100, policies[i]).wanted, 80);
	}
}

static void check_file(const char *text, unsigned n, const char *expected)
{
	char path[S2_TEST_PATH];
	struct s2_error err = {0};
	struct s2_mpidr *mpidrs = NULL;

	s2_test_temp_file(path, text, strlen(text));

	s2_test_row("%s", text);
	assert_i64(s2_sgi_layout(path, n, &mpidrs, &err), expected ? -EINVAL : 0);
	if (expected)
		assert_non_null(strstr(err.text, expected));
	free(mpidrs);
	remove(path);
}

static void a_file_has_one_a_line_and_says_which_is_wrong(void **state)
{
	(void)state;
	check_file("# two clusters\n0.0.0.1\n 0x80000100 # by hand\n\n258\n", 3, NULL);
	check_file("0.0.0.1\n0.0.1\n", 2, "line 2: got \"0.0.1\", expected a number or");
	check_file("0.0.0.256\n", 1, "line 1: got \"0.0.0.256\"");
	check_file("0.0.0.1.\n", 1, "line 1");
	check_file("0x1g\n", 1, "line 1");
	check_file("-1\n", 1, "line 1");
	check_file("99999999999999999999999\n", 1, "line 1");
	check_file("1\n2\n0x80000001\n", 3, "line 3: vcpu 0 has this affinity already");
	check_file("1\n2\n", 3, "got 2 MPIDRs, expected 3, one a vcpu");
}

static void a_layout_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {"cluster:0", "cluster:257", "cluster:", "cluster:1x",
					  "cluster:-1"};
	struct s2_mpidr *mpidrs;
	struct s2_error err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("%s", bad[i]);
		assert_i64(s2_sgi_layout(bad[i], 4, &mpidrs, &err), -EINVAL);
		assert_non_null(strstr(err.text, "expected cluster:1 to cluster:256"));
	}
	assert_i64(s2_sgi_layout("no/such/file", 4, &mpidrs, &err), -ENOENT);
	assert_non_null(strstr(err.text, "expected kvm, flat, cluster:N or a file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(kvms_own_layout_is_one_of_clusters_of_16),
		s2_unit_test(numbered_flat_only_16_can_be_named),
		s2_unit_test(every_policy_reaches_whom_a_list_can_name),
		s2_unit_test(a_file_has_one_a_line_and_says_which_is_wrong),
		s2_unit_test(a_layout_that_is_none_is_refused),
	};

	return cmocka_run_group_tests_name("study/work/sgi_layout", tests, NULL, NULL);
}
