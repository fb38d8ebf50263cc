/* SPDX-License-Identifier: MIT */
/* What arm64 vcpus reload of stage 2: counts, and what is refused. */
#include "support.h"

#include <string.h>

#include <stage2sim/insn.h>

#include "hyp/context/stage2_context.h"

static struct s2_machine *machine;

static struct s2_stage2_world *world_of(const char *policy)
{
	struct s2_machine_config cfg = {.cpus = S2_STAGE2_CPUS};
	struct s2_stage2_world *world;

	assert_i64(s2_features_preset("neoverse-n1", &cfg.features), 0);
	assert_i64(s2_machine_create(&cfg, &machine), 0);
	assert_i64(s2_stage2_world_create(machine, s2_stage2_policy_find(policy), &world), 0);
	return world;
}

static void close_world(struct s2_stage2_world *world)
{
	s2_stage2_world_free(world);
	s2_machine_destroy(machine);
}

static int event(struct s2_stage2_world *world, enum s2_stage2_event_kind kind, unsigned vcpu,
		 unsigned cpu)
{
	const struct s2_stage2_event e = {kind, vcpu, cpu};

	return s2_stage2_world_event(world, &e);
}

static uint64_t count(enum s2_op op)
{
	return s2_machine_counts(machine).n[op];
}

struct form {
	const char *policy;
	uint64_t per_load, once; /**< sysreg writes of k loads: k * per_load + once */
};

static void k_nested_switches_write_what_the_closed_forms_say(void **state)
{
	static const struct form forms[] = {{"rewrite-all", 2, 0},
					    {"compare-role", 2, 0},
					    {"constants-once", 1, 1},
					    {"two-cached", 2, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		for (uint64_t k = 1; k <= 40; k++) {
			struct s2_stage2_world *w = world_of(forms[i].policy);
			const bool cached = !strcmp(forms[i].policy, "two-cached");

			s2_test_row("%s k %" PRIu64, forms[i].policy, k);
			assert_i64(event(w, S2_STAGE2_VCPU_LOAD, 0, 0), 0);
			for (uint64_t n = 1; n < k; n++)
				assert_i64(event(w,
						 n % 2 ? S2_STAGE2_NESTED_ENTER
						       : S2_STAGE2_NESTED_EXIT,
						 0, 0),
					   0);
			assert_u64(count(S2_OP_SYSREG_WRITE),
				   k * forms[i].per_load + forms[i].once);
			assert_u64(count(S2_OP_MMU_ROLE_COMPUTE), cached && k > 2 ? 2 : k);
			close_world(w);
		}
	}
}

static void a_vcpu_that_comes_back_to_its_cpu_need_not_write_anything(void **state)
{
	static const struct form forms[] = {{"rewrite-all", 2, 0},
					    {"compare-role", 0, 2},
					    {"constants-once", 0, 2},
					    {"two-cached", 0, 2}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct s2_stage2_world *w = world_of(forms[i].policy);

		s2_test_row("%s", forms[i].policy);
		for (int n = 0; n < 100; n++) {
			assert_i64(event(w, S2_STAGE2_VCPU_LOAD, 0, 0), 0);
			assert_i64(event(w, S2_STAGE2_VCPU_PUT, 0, 0), 0);
		}
		assert_u64(count(S2_OP_SYSREG_WRITE), 100 * forms[i].per_load + forms[i].once);
		close_world(w);
	}
}

static void another_vcpu_of_the_vm_costs_a_local_flush_even_if_no_register_changes(void **state)
{
	struct s2_stage2_world *w = world_of("compare-role");

	(void)state;
	for (unsigned n = 0; n < 10; n++) {
		assert_i64(event(w, S2_STAGE2_VCPU_LOAD, n % 2, 0), 0);
		assert_i64(event(w, S2_STAGE2_VCPU_PUT, n % 2, 0), 0);
	}
	assert_u64(count(S2_OP_SYSREG_WRITE), 2);
	assert_u64(count(S2_OP_TLBI_VMALLE1), 9);
	assert_u64(count(S2_OP_IC_IALLU), 9);
	close_world(w);
}

static void a_rollover_is_one_broadcast_and_spares_what_is_loaded(void **state)
{
	struct s2_stage2_world *w = world_of("rewrite-all");
	uint8_t loaded, other;

	(void)state;
	assert_i64(event(w, S2_STAGE2_VCPU_LOAD, 2, 1), 0);
	assert_i64(event(w, S2_STAGE2_VCPU_PUT, 2, 0), 0);
	assert_i64(event(w, S2_STAGE2_VCPU_LOAD, 0, 0), 0);
	loaded = w->vmid[0].number;
	other = w->vmid[2].number;
	assert_true(loaded != other);
	assert_i64(event(w, S2_STAGE2_ROLLOVER, 0, 1), 0);
	assert_u64(count(S2_OP_TLBI_ALLE1IS), 1);
	assert_i64(event(w, S2_STAGE2_VCPU_LOAD, 2, 1), 0);
	assert_u64(w->vmid[0].number, loaded);
	assert_true(w->vmid[2].number != other && w->vmid[2].number != loaded);
	close_world(w);
}

static void the_machine_has_the_registers_that_the_model_says(void **state)
{
	struct s2_stage2_world *w = world_of("constants-once");

	(void)state;
	assert_i64(event(w, S2_STAGE2_VCPU_LOAD, 2, 1), 0);
	assert_u64(s2_read_sysreg(s2_machine_cpu(machine, 1), S2_SYSREG_VTCR_EL2),
		   s2_stage2_vtcr(2));
	assert_u64(s2_read_sysreg(s2_machine_cpu(machine, 1), S2_SYSREG_VTTBR_EL2),
		   s2_stage2_vttbr(w, 2));
	assert_u64(s2_stage2_vttbr(w, 2) >> 48, 1);
	close_world(w);
}

static void events_that_cannot_happen_are_refused_and_change_nothing(void **state)
{
	struct s2_stage2_world *w = world_of("rewrite-all");
	struct s2_stage2_world before;

	(void)state;
	assert_i64(event(w, S2_STAGE2_VCPU_LOAD, 0, 0), 0);
	before = *w;
	assert_i64(event(w, S2_STAGE2_VCPU_LOAD, 0, 1), -EINVAL);
	assert_i64(event(w, S2_STAGE2_VCPU_LOAD, 1, 0), -EINVAL);
	assert_i64(event(w, S2_STAGE2_VCPU_LOAD, S2_STAGE2_VCPUS, 1), -EINVAL);
	assert_i64(event(w, S2_STAGE2_VCPU_LOAD, 1, S2_STAGE2_CPUS), -EINVAL);
	assert_i64(event(w, S2_STAGE2_VCPU_PUT, 1, 0), -EINVAL);
	assert_i64(event(w, S2_STAGE2_NESTED_EXIT, 0, 0), -EINVAL);
	assert_i64(event(w, S2_STAGE2_NESTED_ENTER, 2, 0), -EINVAL);
	assert_i64(event(w, S2_STAGE2_EVENT_KINDS, 0, 0), -EINVAL);
	assert_memory_equal(&before, w, sizeof(before));
	close_world(w);
}

static void nvhe_is_refused_as_it_loads_on_every_entry(void **state)
{
	struct s2_machine_config cfg = {.cpus = S2_STAGE2_CPUS};
	struct s2_stage2_world *w = NULL;

	(void)state;
	assert_i64(s2_features_parse("neoverse-n1,-vhe", &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &machine), 0);
	assert_i64(s2_stage2_world_create(machine, s2_stage2_policy_at(0), &w), -EOPNOTSUPP);
	assert_i64(s2_stage2_world_create(machine, NULL, &w), -EINVAL);
	assert_null(w);
	s2_machine_destroy(machine);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		s2_unit_test(k_nested_switches_write_what_the_closed_forms_say),
		s2_unit_test(a_vcpu_that_comes_back_to_its_cpu_need_not_write_anything),
		s2_unit_test(
			another_vcpu_of_the_vm_costs_a_local_flush_even_if_no_register_changes),
		s2_unit_test(a_rollover_is_one_broadcast_and_spares_what_is_loaded),
		s2_unit_test(the_machine_has_the_registers_that_the_model_says),
		s2_unit_test(events_that_cannot_happen_are_refused_and_change_nothing),
		s2_unit_test(nvhe_is_refused_as_it_loads_on_every_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
