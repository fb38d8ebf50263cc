/* SPDX-License-Identifier: MIT */
/* GICv4.1: SGIs that the hardware holds. */
#include "hyp/vgic/vgic_fixture.h"
#include "hyp/vgic/delivery/vgic_run.h"

static void start_v4(struct vm *vm, struct s2_vgic_config cfg)
{
	cfg.gicv4_1 = true;
	vm_boot(vm, &cfg, 3);
	assert_u64(vm_dist_rd(vm, 0xc), S2_GICD_TYPER2_NASSGICAP);
	/* Only while the distributor is off. */
	vm_dist_wr(vm, 0, S2_GICD_CTLR_ENABLE_G1 | S2_GICD_CTLR_NASSGIREQ);
	assert_u64(vm_dist_rd(vm, 0) & S2_GICD_CTLR_NASSGIREQ, 0);
	vm_dist_wr(vm, 0, 0);
}

static void hardware_sgis_are_routed_alike_and_touch_no_list(void **state)
{
	const struct s2_vgic_config *const cfgs[] = {&vm_plain, &vm_matrix};

	(void)state;
	for (size_t c = 0; c < 2; c++) {
		struct vm vm = {0};

		start_v4(&vm, *cfgs[c]);
		vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1 | S2_GICD_CTLR_NASSGIREQ);
		s2_vgic_build_index(vm.vgic);
		vm_run(&vm, 1);
		vm_mark(&vm);
		vm_sgi(&vm, 0, vm_to(1, 6));
		assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE), 1);
		assert_u64(vm_counted(&vm, S2_OP_SGI_QUEUE), 1);
		assert_u64(vm_counted(&vm, S2_OP_IRQ_LOCK), 1);
		assert_u64(vm_counted(&vm, S2_OP_KICK_IPI), 0);
		assert_int_equal(vm_vcpu(&vm, 1)->ap_list.len, 0);
		/* It is there without an exit. */
		assert_u64(s2_ich_ack(s2_vgic_ich(vm_vcpu(&vm, 1)), true), 6);
		s2_ich_eoi(s2_vgic_ich(vm_vcpu(&vm, 1)), true, 6);
		vm_sgi(&vm, 0, S2_SGI_IRM | s2_field_put(7, S2_SGI_INTID));
		assert_u64(s2_ich_ack(s2_vgic_ich(vm_vcpu(&vm, 1)), true), 7);
		assert_u64(vm_drain(&vm, 2, 0), 1U << 7);
		vm_stop(&vm);
	}
}

static void sgis_change_hands_with_what_is_pending(void **state)
{
	struct vm vm = {0};

	(void)state;
	start_v4(&vm, vm_plain);
	vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1);
	vm_wr(&vm, 1, 0x10400, 0x20);
	vm_wr(&vm, 1, 0x10180, 2);
	vm_sgi(&vm, 0, vm_to(1, 0));
	vm_sgi(&vm, 0, vm_to(1, 1));
	vm_dist_wr(&vm, 0, 0);
	vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1 | S2_GICD_CTLR_NASSGIREQ);
	assert_true(vm_irq(&vm, 1, 0).hw);
	assert_u64(vm_rd(&vm, 1, 0x10200), 3);
	assert_u64(vm_rd(&vm, 1, 0x10300), 0);
	assert_u64(vm_drain(&vm, 1, 1), 1);
	/* Enabling moves to the hardware as well. */
	vm_wr(&vm, 1, 0x10100, 2);
	assert_u64(vm_drain(&vm, 1, 1), 2);
	vm_sgi(&vm, 0, vm_to(1, 5));
	vm_dist_wr(&vm, 0, 0);
	vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1);
	assert_false(vm_irq(&vm, 1, 5).hw);
	assert_u64(vm_drain(&vm, 1, 1), 1U << 5);
	vm_stop(&vm);
}

/* selftest vgic_init: nASSGIcap. */
static void the_capability_can_be_taken_away_before_init_and_not_invented(void **state)
{
	(void)state;
	for (int has = 0; has < 2; has++) {
		struct s2_vgic_config cfg = vm_plain;
		struct vm vm = {0};
		struct s2_gic_io io;

		cfg.gicv4_1 = has;
		vm_machine(&vm, 1);
		vm_raw(&vm, &cfg, 1);
		io = vm_io(&vm, 0xc, 4);
		io.who = S2_GIC_USER;
		s2_test_row("has %d", has);
		assert_i64(s2_vgic_dist_write(vm.vgic, &io, 1), -EINVAL);
		assert_i64(s2_vgic_dist_write(vm.vgic, &io, S2_GICD_TYPER2_NASSGICAP),
			   has ? 0 : -EINVAL);
		assert_i64(s2_vgic_dist_write(vm.vgic, &io, 0), 0);
		assert_u64(vm_dist_rd(&vm, 0xc), 0);
		assert_i64(s2_vgic_init(vm.vgic), 0);
		assert_i64(s2_vgic_dist_write(vm.vgic, &io, 0), 0);
		assert_i64(s2_vgic_dist_write(vm.vgic, &io, S2_GICD_TYPER2_NASSGICAP), -EBUSY);
		/* Without it the guest cannot ask. */
		vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1 | S2_GICD_CTLR_NASSGIREQ);
		assert_u64(vm_dist_rd(&vm, 0) & S2_GICD_CTLR_NASSGIREQ, 0);
		assert_false(vm_irq(&vm, 0, 0).hw);
		vm_stop(&vm);
	}
}

static void a_doorbell_wakes_a_vcpu_that_waits(void **state)
{
	struct vm vm = {0};

	(void)state;
	start_v4(&vm, vm_plain);
	vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1 | S2_GICD_CTLR_NASSGIREQ);
	assert_i64(s2_vgic_load(vm_vcpu(&vm, 1), vm_cpu(&vm, 2)), 0);
	assert_i64(s2_vgic_wfi(vm_vcpu(&vm, 1)), 1);
	vm_mark(&vm);
	vm_sgi(&vm, 0, vm_to(1, 6));
	assert_u64(vm_counted(&vm, S2_OP_VCPU_WAKE), 1);
	assert_i64(s2_vgic_wfi(vm_vcpu(&vm, 1)), 0);
	vm_stop(&vm);
}

/* its_vpe doorbells are of vPEs with something that they would take. */
static void a_disabled_sgi_kicks_nobody_and_is_kept(void **state)
{
	struct vm vm = {0};

	(void)state;
	start_v4(&vm, vm_plain);
	vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1 | S2_GICD_CTLR_NASSGIREQ);
	vm_wr(&vm, 1, 0x10180, 1U << 6);
	assert_i64(s2_vgic_load(vm_vcpu(&vm, 1), vm_cpu(&vm, 2)), 0);
	assert_i64(s2_vgic_wfi(vm_vcpu(&vm, 1)), 1);
	vm_mark(&vm);
	vm_sgi(&vm, 0, vm_to(1, 6));
	assert_u64(vm_counted(&vm, S2_OP_VCPU_WAKE), 0);
	assert_true(s2_vgic_run_state(vm_vcpu(&vm, 1)).blocked);
	assert_false(s2_vgic_run_state(vm_vcpu(&vm, 1)).irq_requested);
	assert_true(vm_pending(&vm, 1, 6));
	vm_stop(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(hardware_sgis_are_routed_alike_and_touch_no_list),
		s2_unit_test(sgis_change_hands_with_what_is_pending),
		s2_unit_test(the_capability_can_be_taken_away_before_init_and_not_invented),
		s2_unit_test(a_doorbell_wakes_a_vcpu_that_waits),
		s2_unit_test(a_disabled_sgi_kicks_nobody_and_is_kept),
	};

	return cmocka_run_group_tests_name("hyp/vgic_v4", tests, NULL, NULL);
}
