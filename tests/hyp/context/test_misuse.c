/* SPDX-License-Identifier: MIT */
/* Events, contexts and policies that there are none of: refused, and nothing is written. */
#include "support.h"

#include <limits.h>
#include <string.h>

#include <stage2sim/context_check.h>

static const int no_numbers[] = {-1, 99, 255, 256, INT_MAX, INT_MIN};

static struct s2_machine *machine(void)
{
	struct s2_machine_config cfg = {.cpus = 2};
	struct s2_machine *m;

	assert_i64(s2_features_preset("max", &cfg.features), 0);
	assert_i64(s2_machine_create(&cfg, &m), 0);
	return m;
}

static struct s2_x86_vcpu_config config(void)
{
	const struct s2_x86_vcpu_config cfg = {.policy = s2_x86_policy_at(0),
					       .paging = S2_X86_TDP4};

	return cfg;
}

static void a_vcpu_that_cannot_be_is_refused(void **state)
{
	static const struct s2_x86_shape wide = {S2_X86_SHAPE_MAX + 1, 0}, deep = {0, UINT_MAX};
	struct s2_machine *m = machine();
	struct s2_x86_vcpu_config bad[7];
	struct s2_x86_vcpu *vcpu = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = config();
	bad[0].policy = NULL;
	bad[1].paging = S2_X86_PAGINGS;
	bad[2].paging = (enum s2_x86_paging)-1;
	bad[3].vendor = S2_X86_VENDORS;
	bad[4].cpuid.maxphyaddr = 53;
	bad[5].shape = &wide;
	bad[6].shape = &deep;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("%zu", i);
		assert_i64(s2_x86_vcpu_create(s2_machine_cpu(m, 0), &bad[i], &vcpu), -EINVAL);
		assert_null(vcpu);
	}
	s2_machine_destroy(m);
}

static void an_event_of_no_kind_changes_nothing(void **state)
{
	const struct s2_x86_vcpu_config cfg = config();
	struct s2_machine *m = machine();
	struct s2_cpu *cpu = s2_machine_cpu(m, 0);
	struct s2_counts before, after;
	struct s2_x86_event event = {.kind = S2_X86_NESTED_ENTER, .value = 2};
	struct s2_x86_vcpu *vcpu;

	(void)state;
	assert_i64(s2_x86_vcpu_create(cpu, &cfg, &vcpu), 0);
	before = s2_machine_counts(m);
	assert_i64(s2_x86_vcpu_event(vcpu, cpu, &event), -EINVAL);
	event.kind = S2_X86_EVENT_KINDS;
	assert_i64(s2_x86_vcpu_event(vcpu, cpu, &event), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(no_numbers); i++) {
		event.kind = (enum s2_x86_event_kind)no_numbers[i];
		s2_test_row("number %d", no_numbers[i]);
		assert_i64(s2_x86_vcpu_event(vcpu, cpu, &event), -EINVAL);
		assert_null(s2_x86_vcpu_context(vcpu, (enum s2_x86_id)no_numbers[i]));
		assert_u64(s2_x86_vcpu_shape(vcpu, (enum s2_x86_id)no_numbers[i]).constants, 0);
		assert_null(s2_x86_event_name((enum s2_x86_event_kind)no_numbers[i]));
		assert_null(s2_x86_field_name((enum s2_x86_field)no_numbers[i]));
		assert_null(s2_x86_paging_name((enum s2_x86_paging)no_numbers[i]));
	}
	assert_null(s2_x86_vcpu_context(vcpu, S2_X86_CONTEXTS));
	assert_u64(s2_x86_vcpu_shape(vcpu, S2_X86_CONTEXTS).role_fields, 0);
	after = s2_machine_counts(m);
	assert_memory_equal(&after, &before, sizeof(after));
	s2_x86_vcpu_free(vcpu);
	s2_machine_destroy(m);
}

static void names_and_indices_of_no_policy_find_none(void **state)
{
	(void)state;
	assert_null(s2_x86_policy_find(NULL));
	assert_null(s2_x86_policy_find(""));
	assert_null(s2_x86_policy_at(SIZE_MAX));
	assert_null(s2_x86_role_bit_at(SIZE_MAX));
	assert_null(s2_stage2_policy_find(NULL));
	assert_null(s2_stage2_policy_at(SIZE_MAX));
}

static void a_world_knows_its_vcpus_cpus_and_events(void **state)
{
	struct s2_machine *m = machine();
	struct s2_stage2_event event = {.kind = S2_STAGE2_VCPU_LOAD, .vcpu = S2_STAGE2_VCPUS};
	struct s2_stage2_world *w = NULL;
	struct s2_counts before, after;

	(void)state;
	assert_i64(s2_stage2_world_create(m, NULL, &w), -EINVAL);
	assert_i64(s2_stage2_world_create(m, s2_stage2_policy_at(0), &w), 0);
	before = s2_machine_counts(m);
	assert_i64(s2_stage2_world_event(w, &event), -EINVAL);
	event.vcpu = UINT_MAX;
	assert_i64(s2_stage2_world_event(w, &event), -EINVAL);
	event.vcpu = 0;
	event.cpu = S2_STAGE2_CPUS;
	assert_i64(s2_stage2_world_event(w, &event), -EINVAL);
	event.cpu = 0;
	for (size_t i = 0; i < ARRAY_SIZE(no_numbers); i++) {
		event.kind = (enum s2_stage2_event_kind)no_numbers[i];
		assert_i64(s2_stage2_world_event(w, &event), -EINVAL);
		assert_null(s2_stage2_event_name(event.kind));
	}
	after = s2_machine_counts(m);
	assert_memory_equal(&after, &before, sizeof(after));
	s2_stage2_world_free(w);
	s2_stage2_world_free(NULL);
	s2_machine_destroy(m);
}

static void an_exploration_has_bounds(void **state)
{
	const struct s2_context_bounds deep = {.depth = 251}, wide = {.max_states = UINT64_MAX};
	const struct s2_context_bounds good = {.depth = 1};
	struct s2_x86_vcpu_config cfg = config();
	struct s2_context_result result, untouched;

	(void)state;
	memset(&untouched, 0x5a, sizeof(untouched));
	result = untouched;
	assert_i64(s2_x86_context_check(&cfg, &deep, &result), -EINVAL);
	assert_i64(s2_x86_context_check(&cfg, &wide, &result), -EINVAL);
	assert_i64(s2_stage2_context_check(NULL, &good, &result), -EINVAL);
	cfg.vendor = (enum s2_x86_vendor)7;
	assert_i64(s2_x86_context_check(&cfg, &good, &result), -EINVAL);
	assert_memory_equal(&result, &untouched, sizeof(result));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_vcpu_that_cannot_be_is_refused),
		s2_unit_test(an_event_of_no_kind_changes_nothing),
		s2_unit_test(names_and_indices_of_no_policy_find_none),
		s2_unit_test(a_world_knows_its_vcpus_cpus_and_events),
		s2_unit_test(an_exploration_has_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
