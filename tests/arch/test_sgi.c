/* SPDX-License-Identifier: MIT */
/* The SGI registers' fields, and which group each may raise. */
#include <stage2sim/sgi.h>

#include "support.h"

static void each_field_is_where_the_architecture_has_it(void **state)
{
	const struct s2_sgi sgi = {.targets = 0x8001,
				   .aff1 = 0x22,
				   .aff2 = 0x33,
				   .aff3 = 0x44,
				   .rs = 0xa,
				   .intid = 0xb,
				   .all_but_self = true};
	uint64_t value;

	(void)state;
	assert_i64(s2_sgi_encode(&sgi, &value), 0);
	assert_u64(value, UINT64_C(0x0044a1330b228001));
}

static void what_is_encoded_decodes_to_itself(void **state)
{
	struct s2_test_rng rng = {3};
	const uint64_t fields = S2_SGI_TARGETS | S2_SGI_AFF1 | S2_SGI_AFF2 | S2_SGI_AFF3 |
				S2_SGI_INTID | S2_SGI_IRM | S2_SGI_RS;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		const uint64_t value = s2_test_rng_next(&rng);
		const struct s2_sgi sgi = s2_sgi_decode(value);
		uint64_t again;

		assert_i64(s2_sgi_encode(&sgi, &again), 0);
		assert_u64(again, value & fields);
	}
}

static void fields_that_do_not_fit_are_refused(void **state)
{
	const struct s2_sgi intid = {.intid = 16};
	const struct s2_sgi rs = {.rs = 16};
	uint64_t value = 42;

	(void)state;
	assert_i64(s2_sgi_encode(&intid, &value), -ERANGE);
	assert_i64(s2_sgi_encode(&rs, &value), -ERANGE);
	assert_u64(value, 42);
}

static void values_of_a_real_host_name_the_cpus_they_named(void **state)
{
	const struct s2_sgi wake = s2_sgi_decode(0x1000004);

	(void)state;
	assert_u64(wake.intid, 1);
	assert_u64(wake.targets, 4);
	assert_u64(s2_sgi_cluster(&wake, false).v, 0);
}

static void a_cluster_is_the_upper_affinities_and_rs_only_with_rss(void **state)
{
	const struct s2_sgi sgi = {.aff1 = 1, .aff2 = 2, .aff3 = 3, .rs = 4};

	(void)state;
	assert_u64(s2_sgi_cluster(&sgi, false).v, UINT64_C(0x0300020100));
	assert_u64(s2_sgi_cluster(&sgi, true).v, UINT64_C(0x0300020140));
}

static void a_target_beyond_aff0_15_cannot_be_named_without_rss(void **state)
{
	uint64_t value;

	(void)state;
	assert_i64(s2_sgi_to(s2_mpidr(0x10), 1, false, &value), -ERANGE);
	assert_i64(s2_sgi_to(s2_mpidr(0x1234), 5, true, &value), 0);
	assert_u64(value, UINT64_C(0x0000300005120010));
}

static void op2_5_6_7_are_the_three_registers(void **state)
{
	(void)state;
	assert_i64(s2_sgi_reg_from_op2(4), -EINVAL);
	assert_i64(s2_sgi_reg_from_op2(5), S2_ICC_SGI1R);
	assert_i64(s2_sgi_reg_from_op2(6), S2_ICC_ASGI1R);
	assert_i64(s2_sgi_reg_from_op2(7), S2_ICC_SGI0R);
	assert_i64(s2_sgi_reg_from_op2(8), -EINVAL);
	assert_string_equal(s2_sgi_reg_name(S2_ICC_SGI0R), "icc_sgi0r_el1");
	assert_null(s2_sgi_reg_name(S2_SGI_REGS));
}

/* Rows: register; columns: group 0, group 1. */
static void kvm_lets_sgi1r_raise_both_groups_and_others_require_equality(void **state)
{
	static const bool kvm[S2_SGI_REGS][2] = {{true, true}, {true, false}, {true, false}};
	static const bool equal[S2_SGI_REGS][2] = {{false, true}, {true, false}, {true, false}};

	(void)state;
	for (int reg = 0; reg < S2_SGI_REGS; reg++) {
		for (int group = 0; group < 2; group++) {
			s2_test_row("%s group %d", s2_sgi_reg_name(reg), group);
			assert_int_equal(s2_sgi_group_ok(S2_SGI_GROUP_KVM, reg, group),
					 kvm[reg][group]);
			assert_int_equal(s2_sgi_group_ok(S2_SGI_GROUP_EQUAL, reg, group),
					 equal[reg][group]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(each_field_is_where_the_architecture_has_it),
		s2_unit_test(what_is_encoded_decodes_to_itself),
		s2_unit_test(fields_that_do_not_fit_are_refused),
		s2_unit_test(values_of_a_real_host_name_the_cpus_they_named),
		s2_unit_test(a_cluster_is_the_upper_affinities_and_rs_only_with_rss),
		s2_unit_test(a_target_beyond_aff0_15_cannot_be_named_without_rss),
		s2_unit_test(op2_5_6_7_are_the_three_registers),
		s2_unit_test(kvm_lets_sgi1r_raise_both_groups_and_others_require_equality),
	};

	return cmocka_run_group_tests_name("arch/sgi", tests, NULL, NULL);
}
