/* SPDX-License-Identifier: MIT */
/* Vcpus that are taken back, and what other VMs have on the same CPUs. */
#include "hyp/vgic/vgic_fixture.h"

static void a_vcpu_can_be_taken_back_between_the_number_of_irqs_and_init(void **state)
{
	struct s2_vgic_cpu *vcpu;
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_raw(&vm, &vm_plain, 1);
	assert_i64(s2_vgic_set_nr_irqs(vm.vgic, 96), 0);
	assert_i64(s2_vgic_add_vcpu(vm.vgic, 1, &vcpu), 0);
	assert_i64(s2_vgic_remove_vcpu(vcpu), 0);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	assert_u64(s2_field_get(vm_dist_rd(&vm, 4), S2_GICD_TYPER_LINES), 2);
	vm_stop(&vm);
}

/* A vgic whose last vcpu, of three, comes and goes. */
static void start_late(struct vm *vm, enum s2_vcpu_lookup lookup)
{
	struct s2_vgic_config cfg = vm_plain;

	cfg.late_vcpus = true;
	cfg.routing.lookup = lookup;
	vm_boot(vm, &cfg, 3);
}

static void a_vcpu_that_is_made_again_has_no_request_of_the_one_before(void **state)
{
	struct s2_vgic_run_state run;
	struct s2_vgic_cpu *last;
	struct vm vm = {0};

	(void)state;
	start_late(&vm, S2_LOOKUP_TABLE);
	last = vm_vcpu(&vm, 2);
	assert_i64(s2_vgic_load(last, vm_cpu(&vm, 3)), 0);
	assert_i64(s2_vgic_wfi(last), 1);
	assert_i64(s2_vgic_put(last), 0);
	assert_true(s2_vgic_run_state(last).blocked);
	assert_i64(s2_vgic_remove_vcpu(last), 0);
	assert_i64(s2_vgic_add_vcpu(vm.vgic, 2, &last), 0);
	assert_false(s2_vgic_run_state(last).blocked);
	vm_sgi(&vm, 0, vm_to(2, 3));
	assert_true(s2_vgic_run_state(last).irq_requested);
	assert_i64(s2_vgic_remove_vcpu(last), 0);
	assert_i64(s2_vgic_add_vcpu(vm.vgic, 2, &last), 0);
	run = s2_vgic_run_state(last);
	assert_false(run.irq_requested);
	assert_false(run.blocked);
	assert_false(vm_pending(&vm, 2, 3));
	vm_stop(&vm);
}

static void an_sgi_to_a_vcpu_that_was_taken_back_reaches_nobody(void **state)
{
	(void)state;
	for (int lookup = 0; lookup < S2_LOOKUPS; lookup++) {
		struct vm vm = {0};

		s2_test_row("lookup %d", lookup);
		start_late(&vm, (enum s2_vcpu_lookup)lookup);
		/* The first run builds the table, which v6.7 to v6.9 never drop. */
		vm_run(&vm, 0);
		assert_i64(s2_vgic_remove_vcpu(vm_vcpu(&vm, 2)), 0);
		vm_mark(&vm);
		vm_sgi(&vm, 0, vm_to(2, 3));
		assert_u64(vm_counted(&vm, S2_OP_SGI_QUEUE), 0);
		vm_sgi(&vm, 0, vm_to(1, 3));
		assert_u64(vm_counted(&vm, S2_OP_SGI_QUEUE), 1);
		vm_stop(&vm);
	}
}

/* Of the CPU that sends, only a vcpu of the same VM is spared the IPI. */
static void a_broadcast_takes_no_vcpu_of_another_vm_for_its_own(void **state)
{
	const struct s2_vgic_config *const cfgs[] = {&vm_plain, &vm_matrix};

	(void)state;
	for (size_t c = 0; c < 2; c++) {
		struct s2_vgic *other;
		struct s2_vgic_cpu *twin;
		struct vm vm = {0};

		s2_test_row("config %zu", c);
		vm_boot(&vm, cfgs[c], 2);
		assert_i64(s2_vgic_create(vm.m, cfgs[c], &other), 0);
		assert_i64(s2_vgic_add_vcpu(other, 0, NULL), 0);
		assert_i64(s2_vgic_add_vcpu(other, 1, &twin), 0);
		assert_i64(s2_vgic_load(twin, vm_cpu(&vm, 0)), 0);
		vm_run(&vm, 1);
		vm_mark(&vm);
		vm_sgi(&vm, 0, S2_SGI_IRM | s2_field_put(7, S2_SGI_INTID));
		assert_u64(vm_counted(&vm, S2_OP_KICK_IPI), 1);
		assert_false(s2_vgic_run_state(vm_vcpu(&vm, 1)).in_guest);
		s2_vgic_destroy(other);
		vm_stop(&vm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_vcpu_can_be_taken_back_between_the_number_of_irqs_and_init),
		s2_unit_test(a_vcpu_that_is_made_again_has_no_request_of_the_one_before),
		s2_unit_test(an_sgi_to_a_vcpu_that_was_taken_back_reaches_nobody),
		s2_unit_test(a_broadcast_takes_no_vcpu_of_another_vm_for_its_own),
	};

	return cmocka_run_group_tests_name("hyp/vgic_vcpus", tests, NULL, NULL);
}
