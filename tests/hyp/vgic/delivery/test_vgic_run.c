/* SPDX-License-Identifier: MIT */
/* Kicks, WFI, and what may follow what when a vcpu runs; and what it all weighs. */
#include "hyp/vgic/vgic_fixture.h"
#include "hyp/vgic/delivery/vgic_run.h"

static void only_a_vcpu_in_its_guest_on_another_cpu_gets_an_ipi(void **state)
{
	struct vm vm = {0};

	(void)state;
	vm_boot(&vm, &vm_plain, 4);
	/* vcpu 1 runs, vcpu 2 is loaded and out of its guest, vcpu 3 is nowhere. */
	vm_run(&vm, 1);
	assert_i64(s2_vgic_load(vm_vcpu(&vm, 2), vm_cpu(&vm, 3)), 0);
	for (unsigned i = 1; i < 4; i++) {
		vm_mark(&vm);
		vm_sgi(&vm, 0, vm_to(i, 1));
		s2_test_row("vcpu %u", i);
		assert_u64(vm_counted(&vm, S2_OP_KICK_IPI), i == 1);
		assert_true(s2_vgic_run_state(vm_vcpu(&vm, i)).irq_requested);
	}
	/* It is on its way out already: no second IPI. */
	assert_true(s2_vgic_run_state(vm_vcpu(&vm, 1)).exiting);
	vm_mark(&vm);
	vm_sgi(&vm, 0, vm_to(1, 2));
	assert_u64(vm_counted(&vm, S2_OP_KICK_IPI), 0);
	/* Both are there on the next entry, and the request is gone. */
	assert_i64(s2_vgic_exit(vm_vcpu(&vm, 1)), 0);
	assert_i64(s2_vgic_enter(vm_vcpu(&vm, 1)), 0);
	assert_false(s2_vgic_run_state(vm_vcpu(&vm, 1)).irq_requested);
	assert_u64(s2_ich_ack(s2_vgic_ich(vm_vcpu(&vm, 1)), true), 1);
	vm_stop(&vm);
}

static void a_vcpu_on_the_sending_cpu_gets_no_ipi(void **state)
{
	struct vm vm = {0};

	(void)state;
	vm_boot(&vm, &vm_plain, 2);
	vm_run(&vm, 1);
	vm_mark(&vm);
	assert_i64(s2_vgic_send_sgi(vm_vcpu(&vm, 1), vm_cpu(&vm, 2), S2_ICC_SGI1R, vm_to(1, 1)), 0);
	assert_u64(vm_counted(&vm, S2_OP_KICK_IPI), 0);
	vm_stop(&vm);
}

static void a_vcpu_in_wfi_is_woken_without_an_ipi_by_every_broadcast(void **state)
{
	const struct s2_vgic_config *const cfgs[] = {&vm_plain, &vm_matrix};

	(void)state;
	for (size_t c = 0; c < 2; c++) {
		struct vm vm = {0};

		vm_boot(&vm, cfgs[c], 70);
		for (unsigned i = 1; i < 70; i++) {
			if (i % 3 == 0) {
				vm_run(&vm, i);
				continue;
			}
			assert_i64(s2_vgic_load(vm_vcpu(&vm, i), vm_cpu(&vm, i + 1)), 0);
			if (i % 3 == 1)
				assert_i64(s2_vgic_wfi(vm_vcpu(&vm, i)), 1);
		}
		vm_mark(&vm);
		vm_sgi(&vm, 0, S2_SGI_IRM);
		s2_test_row("%s", s2_sgi_broadcast_name(cfgs[c]->routing.broadcast));
		assert_u64(vm_counted(&vm, S2_OP_VCPU_WAKE), 23);
		assert_u64(vm_counted(&vm, S2_OP_KICK_IPI), 23);
		for (unsigned i = 1; i < 70; i++) {
			assert_false(s2_vgic_run_state(vm_vcpu(&vm, i)).blocked);
			assert_true(s2_vgic_run_state(vm_vcpu(&vm, i)).irq_requested);
		}
		vm_stop(&vm);
	}
}

static void a_broadcast_of_a_disabled_sgi_kicks_nobody_and_is_not_lost(void **state)
{
	const struct s2_vgic_config *const cfgs[] = {&vm_plain, &vm_matrix};

	(void)state;
	for (size_t c = 0; c < 2; c++) {
		struct vm vm = {0};

		vm_boot(&vm, cfgs[c], 3);
		vm_wr(&vm, 1, 0x10180, 1);
		vm_run(&vm, 1);
		vm_run(&vm, 2);
		vm_mark(&vm);
		vm_sgi(&vm, 0, S2_SGI_IRM);
		assert_u64(vm_counted(&vm, S2_OP_KICK_IPI), 1);
		vm_wr(&vm, 1, 0x10100, 1);
		assert_i64(s2_vgic_put(vm_vcpu(&vm, 1)), 0);
		assert_u64(vm_drain(&vm, 1, 1), 1);
		vm_stop(&vm);
	}
}

static void wfi_blocks_unless_something_is_pending_past_the_mask(void **state)
{
	struct s2_vgic_cpu *v;
	struct vm vm = {0};

	(void)state;
	vm_boot(&vm, &vm_plain, 2);
	v = vm_vcpu(&vm, 1);
	assert_i64(s2_vgic_wfi(v), -EINVAL);
	assert_i64(s2_vgic_load(v, vm_cpu(&vm, 2)), 0);
	assert_i64(s2_vgic_wfi(v), 1);
	vm_sgi(&vm, 0, vm_to(1, 4));
	assert_false(s2_vgic_run_state(v).blocked);
	assert_i64(s2_vgic_wfi(v), 0);
	/* Group enables do not matter; the mask does, and as the guest wrote it last. */
	s2_cpu_ich(vm_cpu(&vm, 2))->vmcr = s2_field_put(0xf0, S2_VMCR_PMR);
	assert_i64(s2_vgic_wfi(v), 0);
	s2_cpu_ich(vm_cpu(&vm, 2))->vmcr = S2_VMCR_ENG1;
	assert_i64(s2_vgic_wfi(v), 1);
	vm_stop(&vm);
}

/* selftest vgic_irq: a group 0 SGI stays pending until IGRPEN0. */
static void a_group_0_sgi_waits_for_its_group_to_be_enabled(void **state)
{
	struct s2_vgic_cpu *v;
	struct vm vm = {0};

	(void)state;
	vm_boot(&vm, &vm_plain, 2);
	v = vm_vcpu(&vm, 1);
	s2_vgic_ich(v)->vmcr &= ~S2_VMCR_ENG0;
	vm_wr(&vm, 1, 0x10080, 0xfffffffb);
	vm_sgi(&vm, 0, vm_to(1, 2));
	vm_run(&vm, 1);
	assert_u64(s2_ich_ack(s2_vgic_ich(v), false), S2_GIC_SPURIOUS);
	assert_u64(s2_ich_ack(s2_vgic_ich(v), true), S2_GIC_SPURIOUS);
	assert_true(vm_pending(&vm, 1, 2) || s2_vgic_ich(v)->lr[0] & S2_LR_PENDING);
	s2_vgic_ich(v)->vmcr |= S2_VMCR_ENG0;
	assert_u64(s2_ich_ack(s2_vgic_ich(v), false), 2);
	vm_stop(&vm);
}

static void loads_entries_and_exits_out_of_order_are_refused(void **state)
{
	struct s2_vgic_cpu *v;
	struct vm vm = {0};

	(void)state;
	vm_boot(&vm, &vm_plain, 2);
	v = vm_vcpu(&vm, 0);
	assert_i64(s2_vgic_enter(v), -EINVAL);
	assert_i64(s2_vgic_exit(v), -EINVAL);
	assert_i64(s2_vgic_put(v), -EINVAL);
	vm_run(&vm, 0);
	assert_i64(s2_vgic_load(v, vm_cpu(&vm, 0)), -EBUSY);
	/* One vcpu a CPU, of whatever VM. */
	assert_i64(s2_vgic_load(vm_vcpu(&vm, 1), vm_cpu(&vm, 1)), -EBUSY);
	assert_i64(s2_vgic_enter(v), -EINVAL);
	assert_i64(s2_vgic_wfi(v), -EINVAL);
	assert_i64(s2_vgic_remove_vcpu(v), -EBUSY);
	assert_i64(s2_vgic_put(v), 0);
	assert_i64(s2_vgic_load(vm_vcpu(&vm, 1), vm_cpu(&vm, 1)), 0);
	assert_int_equal(s2_vgic_run_state(v).cpu, -1);
	vm_stop(&vm);
}

static void a_model_of_512_vcpus_is_under_4_mib(void **state)
{
	struct vm vm = {0};
	size_t bytes;

	(void)state;
	vm_machine(&vm, 512);
	vm_start(&vm, &vm_matrix, 512);
	s2_vgic_build_index(vm.vgic);
	bytes = s2_vgic_memory(vm.vgic) + sizeof(struct s2_machine) + 512 * sizeof(struct s2_cpu);
	assert_true(bytes < 4U << 20);
	vm_stop(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(only_a_vcpu_in_its_guest_on_another_cpu_gets_an_ipi),
		s2_unit_test(a_vcpu_on_the_sending_cpu_gets_no_ipi),
		s2_unit_test(a_vcpu_in_wfi_is_woken_without_an_ipi_by_every_broadcast),
		s2_unit_test(a_broadcast_of_a_disabled_sgi_kicks_nobody_and_is_not_lost),
		s2_unit_test(wfi_blocks_unless_something_is_pending_past_the_mask),
		s2_unit_test(a_group_0_sgi_waits_for_its_group_to_be_enabled),
		s2_unit_test(loads_entries_and_exits_out_of_order_are_refused),
		s2_unit_test(a_model_of_512_vcpus_is_under_4_mib),
	};

	return cmocka_run_group_tests_name("hyp/vgic_run", tests, NULL, NULL);
}
