/* SPDX-License-Identifier: MIT */
/* Between a list and the list registers: order, overflow, ends, and moving to another vcpu. */
#include "hyp/vgic/vgic_fixture.h"

static void a_level_stays_pending_until_its_line_falls(void **state)
{
	struct s2_vgic_cpu *v;
	struct vm vm = {0};

	(void)state;
	vm_boot(&vm, &vm_plain, 1);
	v = vm_vcpu(&vm, 0);
	vm_wr(&vm, 0, 0x10100, 1U << 27);
	assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), v, 27, true), 0);
	vm_run(&vm, 0);
	assert_u64(s2_ich_ack(s2_vgic_ich(v), true), 27);
	/* Active, with the line up: never both in a list register. */
	assert_i64(s2_vgic_exit(v), 0);
	assert_true(vm_irq(&vm, 0, 27).active);
	assert_i64(s2_vgic_enter(v), 0);
	assert_u64(s2_vgic_ich(v)->lr[0] & S2_LR_STATE, S2_LR_ACTIVE);
	s2_ich_eoi(s2_vgic_ich(v), true, 27);
	assert_i64(s2_vgic_exit(v), 0);
	assert_i64(s2_vgic_enter(v), 0);
	assert_u64(s2_ich_ack(s2_vgic_ich(v), true), 27);
	assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), v, 27, false), 0);
	s2_ich_eoi(s2_vgic_ich(v), true, 27);
	/* The list register asked for maintenance on that. */
	assert_u64(s2_ich_misr(s2_vgic_ich(v)), S2_ICH_MISR_EOI);
	assert_i64(s2_vgic_exit(v), 0);
	assert_int_equal(v->ap_list.len, 0);
	vm_stop(&vm);
}

static void an_sgi_that_is_active_can_be_pending_again_and_is_taken_twice(void **state)
{
	struct s2_vgic_cpu *v;
	struct vm vm = {0};

	(void)state;
	vm_boot(&vm, &vm_plain, 2);
	v = vm_vcpu(&vm, 1);
	vm_sgi(&vm, 0, vm_to(1, 3));
	vm_run(&vm, 1);
	assert_u64(s2_ich_ack(s2_vgic_ich(v), true), 3);
	vm_sgi(&vm, 0, vm_to(1, 3));
	assert_i64(s2_vgic_exit(v), 0);
	assert_i64(s2_vgic_enter(v), 0);
	assert_u64(s2_vgic_ich(v)->lr[0] & S2_LR_STATE, S2_LR_STATE);
	assert_u64(s2_ich_ack(s2_vgic_ich(v), true), S2_GIC_SPURIOUS);
	s2_ich_eoi(s2_vgic_ich(v), true, 3);
	assert_u64(s2_ich_ack(s2_vgic_ich(v), true), 3);
	vm_stop(&vm);
}

/* kvm-unit-tests gic active: a handler clears its own SGI through ICACTIVER. */
static void clearing_the_active_state_of_an_sgi_lets_the_next_one_in(void **state)
{
	struct s2_vgic_cpu *v;
	struct vm vm = {0};

	(void)state;
	vm_boot(&vm, &vm_plain, 1);
	v = vm_vcpu(&vm, 0);
	vm_run(&vm, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_i64(s2_vgic_exit(v), 0);
		vm_sgi(&vm, 0, vm_to(0, 5));
		assert_i64(s2_vgic_enter(v), 0);
		assert_u64(s2_ich_ack(s2_vgic_ich(v), true), 5);
		/* The access stops all vcpus, which folds the list registers. */
		vm_wr(&vm, 0, 0x10380, 1U << 5);
		assert_false(vm_irq(&vm, 0, 5).active);
		assert_i64(s2_vgic_enter(v), 0);
		s2_vgic_ich(v)->apr[1] = 0;
	}
	vm_stop(&vm);
}

static void more_than_fit_are_sorted_and_the_most_urgent_go_first(void **state)
{
	(void)state;
	for (unsigned n_lrs = 4; n_lrs <= 16; n_lrs++) {
		struct s2_vgic_cpu *v;
		struct vm vm = {0};

		vm_machine(&vm, 3);
		assert_i64(s2_machine_set_list_registers(vm.m, n_lrs), 0);
		vm_start(&vm, &vm_plain, 2);
		vm_open(&vm, 1);
		v = vm_vcpu(&vm, 1);
		for (unsigned i = 0; i < 16; i++) {
			const struct s2_gic_io io = vm_io(&vm, 0x10400 + i, 1);

			assert_i64(s2_vgic_redist_write(v, &io, (15 - i) * 8), 0);
			vm_sgi(&vm, 0, vm_to(1, i));
		}
		vm_run(&vm, 1);
		s2_test_row("%u list registers", n_lrs);
		assert_int_equal((s2_vgic_ich(v)->hcr & S2_ICH_HCR_UIE) != 0, n_lrs < 16);
		for (unsigned i = 0; n_lrs < 16 && i < n_lrs; i++)
			assert_u64(s2_field_get(s2_vgic_ich(v)->lr[i], S2_LR_VINTID), 15 - i);
		/* Taken in order of priority, however many fit. */
		for (unsigned i = 0; i < 16; i++) {
			if (s2_ich_misr(s2_vgic_ich(v)) & S2_ICH_MISR_U) {
				assert_i64(s2_vgic_exit(v), 0);
				assert_i64(s2_vgic_enter(v), 0);
			}
			assert_u64(s2_ich_ack(s2_vgic_ich(v), true), 15 - i);
			s2_ich_eoi(s2_vgic_ich(v), true, 15 - i);
		}
		vm_stop(&vm);
	}
}

/* selftest vgic_irq, preemption: 16 SGIs, each of which preempts the one before. */
static void sixteen_nested_sgis_are_all_ended(void **state)
{
	(void)state;
	for (int overflow = 0; overflow < 2; overflow++) {
		struct s2_vgic_config cfg = vm_plain;
		struct s2_vgic_cpu *v;
		struct vm vm = {0};

		cfg.overflow = overflow;
		vm_boot(&vm, &cfg, 2);
		v = vm_vcpu(&vm, 1);
		vm_run(&vm, 1);
		for (unsigned i = 0; i < 16; i++) {
			const struct s2_gic_io io = vm_io(&vm, 0x10400 + i, 1);

			assert_i64(s2_vgic_redist_write(v, &io, (20 - i) * 8), 0);
			vm_sgi(&vm, 0, vm_to(1, i));
			assert_i64(s2_vgic_exit(v), 0);
			assert_i64(s2_vgic_enter(v), 0);
			assert_u64(s2_ich_ack(s2_vgic_ich(v), true), i);
		}
		for (unsigned i = 16; i-- > 0;) {
			s2_ich_eoi(s2_vgic_ich(v), true, i);
			if (s2_ich_misr(s2_vgic_ich(v))) {
				assert_i64(s2_vgic_exit(v), 0);
				assert_i64(s2_vgic_enter(v), 0);
			}
		}
		assert_i64(s2_vgic_exit(v), 0);
		/* AP1R0 is 0 at the end, and nothing is active. */
		assert_u64(s2_vgic_ich(v)->apr[1], 0);
		assert_u64(vm_rd(&vm, 1, 0x10300), 0);
		vm_stop(&vm);
	}
}

/* An active interrupt gives way to pending ones, and is ended while it has no register. */
static uint64_t active_after_an_end_without_a_register(enum s2_lr_overflow overflow)
{
	struct s2_vgic_config cfg = vm_plain;
	struct s2_vgic_cpu *v;
	struct vm vm = {0};
	uint64_t active;

	cfg.overflow = overflow;
	vm_boot(&vm, &cfg, 2);
	v = vm_vcpu(&vm, 1);
	vm_sgi(&vm, 0, vm_to(1, 0));
	vm_run(&vm, 1);
	assert_u64(s2_ich_ack(s2_vgic_ich(v), true), 0);
	for (unsigned i = 1; i <= 4; i++)
		vm_sgi(&vm, 0, vm_to(1, i));
	assert_i64(s2_vgic_exit(v), 0);
	assert_i64(s2_vgic_enter(v), 0);
	s2_ich_eoi(s2_vgic_ich(v), true, 0);
	assert_u64(s2_ich_misr(s2_vgic_ich(v)) & S2_ICH_MISR_LRENP,
		   overflow == S2_OVERFLOW_NPIE ? S2_ICH_MISR_LRENP : 0);
	assert_i64(s2_vgic_exit(v), 0);
	active = vm_rd(&vm, 1, 0x10300);
	vm_stop(&vm);
	return active;
}

static void an_end_without_a_register_is_lost_with_uie_and_kept_by_eoicount(void **state)
{
	(void)state;
	/* What v6.19 repaired: an interrupt that stays active, and deaf, for ever. */
	assert_u64(active_after_an_end_without_a_register(S2_OVERFLOW_UIE), 1);
	assert_u64(active_after_an_end_without_a_register(S2_OVERFLOW_NPIE), 0);
}

/* Of those without a list register the first that are active, in the order of urgency. */
static void counted_ends_are_of_the_first_active_ones_without_a_list_register(void **state)
{
	struct s2_vgic_config cfg = vm_plain;
	struct s2_vgic_cpu *v;
	struct vm vm = {0};

	(void)state;
	cfg.overflow = S2_OVERFLOW_NPIE;
	vm_boot(&vm, &cfg, 2);
	v = vm_vcpu(&vm, 1);
	/* Six active ones in order of urgency, four registers. */
	for (unsigned i = 0; i < 6; i++) {
		const struct s2_gic_io io = vm_io(&vm, 0x10400 + i, 1);

		assert_i64(s2_vgic_redist_write(v, &io, i * 8), 0);
	}
	vm_wr(&vm, 1, 0x10300, 0x3f);
	vm_run(&vm, 1);
	for (unsigned i = 0; i < 5; i++)
		s2_ich_eoi(s2_vgic_ich(v), true, i);
	assert_i64(s2_vgic_exit(v), 0);
	assert_u64(vm_rd(&vm, 1, 0x10300), 0x20);
	vm_stop(&vm);
}

/*
 * 6da5e537f5af: the walk began at the head of the list, and ended what the guest
 * had just activated in a list register instead of what it had ended.
 */
static void an_end_is_not_taken_from_one_that_was_activated_in_a_list_register(void **state)
{
	struct s2_vgic_config cfg = vm_plain;

	(void)state;
	cfg.overflow = S2_OVERFLOW_NPIE;
	for (unsigned ended = 0; ended < 6; ended++) {
		const unsigned activated = (ended + 1) % 6;
		struct s2_vgic_cpu *v;
		struct vm vm = {0};

		s2_test_row("ended %u", ended);
		vm_boot(&vm, &cfg, 2);
		v = vm_vcpu(&vm, 1);
		vm_sgi(&vm, 0, vm_to(1, ended));
		vm_run(&vm, 1);
		assert_u64(s2_ich_ack(s2_vgic_ich(v), true), ended);
		assert_i64(s2_vgic_exit(v), 0);
		/* Pending ones take the registers: the active one loses its own. */
		for (unsigned i = 1; i <= 4; i++)
			vm_sgi(&vm, 0, vm_to(1, (ended + i) % 6));
		assert_i64(s2_vgic_enter(v), 0);
		s2_ich_eoi(s2_vgic_ich(v), true, ended);
		assert_u64(s2_ich_ack(s2_vgic_ich(v), true), activated);
		assert_i64(s2_vgic_exit(v), 0);
		assert_u64(vm_rd(&vm, 1, 0x10300), 1U << activated);
		/* None of the four is lost. */
		assert_i64(s2_vgic_enter(v), 0);
		s2_ich_eoi(s2_vgic_ich(v), true, activated);
		assert_i64(s2_vgic_exit(v), 0);
		assert_i64(s2_vgic_put(v), 0);
		assert_u64(vm_drain(&vm, 1, 2),
			   0x3fU & ~(1U << ended | 1U << activated | 1U << (ended + 5) % 6));
		vm_stop(&vm);
	}
}

static void a_deactivation_beyond_the_list_registers_traps_with_npie(void **state)
{
	struct s2_vgic_config cfg = vm_plain;
	struct s2_vgic_cpu *v;
	struct vm vm = {0};

	(void)state;
	cfg.overflow = S2_OVERFLOW_NPIE;
	vm_boot(&vm, &cfg, 2);
	v = vm_vcpu(&vm, 1);
	assert_i64(s2_vgic_dir(v, 0), -EINVAL);
	/* Five active, four list registers. */
	vm_wr(&vm, 1, 0x10300, 0x1f);
	vm_run(&vm, 1);
	vm_mark(&vm);
	for (unsigned i = 0; i < 5; i++)
		assert_i64(s2_vgic_dir(v, i), 0);
	assert_true(vm_counted(&vm, S2_OP_SYSREG_TRAP) > 0);
	assert_i64(s2_vgic_exit(v), 0);
	assert_u64(vm_rd(&vm, 1, 0x10300), 0);
	vm_stop(&vm);
}

static void route(struct vm *vm, unsigned intid, unsigned id)
{
	const struct s2_gic_io io = {vm_cpu(vm, 0), S2_GIC_GUEST, 0x6000 + 8 * intid, 8};

	assert_i64(s2_vgic_dist_write(vm->vgic, &io, s2_mpidr_from_id(id).v), 0);
}

static void a_pending_spi_moves_with_its_route_in_either_lock_order(void **state)
{
	(void)state;
	for (unsigned from = 0; from < 2; from++) {
		const unsigned other = 1 - from;
		struct vm vm = {0};

		vm_boot(&vm, &vm_plain, 2);
		vm_dist_wr(&vm, 0x104, 1);
		route(&vm, 32, from);
		assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), NULL, 32, true), 0);
		assert_int_equal(vm_vcpu(&vm, from)->ap_list.len, 1);
		route(&vm, 32, other);
		assert_i64(s2_vgic_load(vm_vcpu(&vm, other), vm_cpu(&vm, other + 1)), 0);
		assert_i64(s2_vgic_wfi(vm_vcpu(&vm, other)), 1);
		/* It leaves when its old vcpu prunes, and the new one is woken. */
		vm_run(&vm, from);
		vm_mark(&vm);
		assert_i64(s2_vgic_exit(vm_vcpu(&vm, from)), 0);
		assert_int_equal(vm_vcpu(&vm, from)->ap_list.len, 0);
		assert_int_equal(vm_vcpu(&vm, other)->ap_list.len, 1);
		assert_u64(vm_counted(&vm, S2_OP_VCPU_WAKE), 1);
		vm_stop(&vm);
	}
}

static void an_active_spi_stays_where_it_is_until_it_is_ended(void **state)
{
	struct s2_vgic_cpu *v;
	struct vm vm = {0};

	(void)state;
	vm_boot(&vm, &vm_plain, 2);
	v = vm_vcpu(&vm, 0);
	vm_dist_wr(&vm, 0x104, 1);
	vm_dist_wr(&vm, 0xc08, 0);
	assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), NULL, 32, true), 0);
	vm_run(&vm, 0);
	assert_u64(s2_ich_ack(s2_vgic_ich(v), true), 32);
	assert_i64(s2_vgic_exit(v), 0);
	route(&vm, 32, 1);
	assert_i64(s2_vgic_enter(v), 0);
	s2_ich_eoi(s2_vgic_ich(v), true, 32);
	assert_int_equal(v->ap_list.len, 1);
	assert_i64(s2_vgic_exit(v), 0);
	/* The line is still up, so it is the other one's now. */
	assert_int_equal(v->ap_list.len, 0);
	assert_int_equal(vm_vcpu(&vm, 1)->ap_list.len, 1);
	vm_stop(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_level_stays_pending_until_its_line_falls),
		s2_unit_test(an_sgi_that_is_active_can_be_pending_again_and_is_taken_twice),
		s2_unit_test(clearing_the_active_state_of_an_sgi_lets_the_next_one_in),
		s2_unit_test(more_than_fit_are_sorted_and_the_most_urgent_go_first),
		s2_unit_test(sixteen_nested_sgis_are_all_ended),
		s2_unit_test(an_end_without_a_register_is_lost_with_uie_and_kept_by_eoicount),
		s2_unit_test(counted_ends_are_of_the_first_active_ones_without_a_list_register),
		s2_unit_test(an_end_is_not_taken_from_one_that_was_activated_in_a_list_register),
		s2_unit_test(a_deactivation_beyond_the_list_registers_traps_with_npie),
		s2_unit_test(a_pending_spi_moves_with_its_route_in_either_lock_order),
		s2_unit_test(an_active_spi_stays_where_it_is_until_it_is_ended),
	};

	return cmocka_run_group_tests_name("hyp/vgic_lr", tests, NULL, NULL);
}
