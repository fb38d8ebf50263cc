/* SPDX-License-Identifier: MIT */
/* PPIs that are a physical interrupt's: the arch timer's. */
#include <errno.h>
#include <string.h>

#include "hyp/vgic/vgic_fixture.h"

#define TIMER	   27U
#define HOST_TIMER 30U

static bool line(void *arg)
{
	return *(const bool *)arg;
}

struct timer {
	struct vm vm;
	struct s2_vgic_cpu *v;
	bool up;
};

static void start(struct timer *t, enum s2_lr_overflow overflow)
{
	const struct s2_phys_irq phys = {HOST_TIMER, line, &t->up};
	struct s2_vgic_config cfg = vm_plain;

	memset(t, 0, sizeof(*t));
	cfg.overflow = overflow;
	vm_boot(&t->vm, &cfg, 2);
	t->v = vm_vcpu(&t->vm, 1);
	vm_wr(&t->vm, 1, 0x10100, 1U << TIMER);
	assert_i64(s2_vgic_map_phys(t->v, TIMER, &phys), 0);
}

/* The timer fires: its host handler injects, and leaves it active. */
static void fire(struct timer *t)
{
	t->up = true;
	assert_i64(s2_vgic_inject(t->vm.vgic, vm_cpu(&t->vm, 0), t->v, TIMER, true), 0);
}

static void turn(struct timer *t)
{
	assert_i64(s2_vgic_exit(t->v), 0);
	assert_i64(s2_vgic_enter(t->v), 0);
}

static uint64_t lr(struct timer *t)
{
	return s2_vgic_ich(t->v)->lr[0];
}

static void its_list_register_has_hw_and_pintid_and_never_both_states(void **state)
{
	struct timer t;

	(void)state;
	start(&t, S2_OVERFLOW_UIE);
	fire(&t);
	assert_true(s2_vgic_phys_active(t.v, TIMER));
	vm_run(&t.vm, 1);
	assert_u64(lr(&t) & (S2_LR_HW | S2_LR_PINTID | S2_LR_STATE),
		   S2_LR_HW | s2_field_put(HOST_TIMER, S2_LR_PINTID) | S2_LR_PENDING);
	assert_u64(s2_ich_ack(s2_vgic_ich(t.v), true), TIMER);
	turn(&t);
	assert_u64(lr(&t) & S2_LR_STATE, S2_LR_ACTIVE);
	/* An end asks for no maintenance: hardware knows. */
	s2_ich_eoi(s2_vgic_ich(t.v), true, TIMER);
	assert_u64(s2_ich_misr(s2_vgic_ich(t.v)), 0);
	vm_stop(&t.vm);
}

static void its_end_deactivates_the_physical_one_and_looks_at_the_line_again(void **state)
{
	(void)state;
	for (unsigned exits = 0; exits < 2; exits++) {
		struct timer t;

		start(&t, S2_OVERFLOW_UIE);
		fire(&t);
		vm_run(&t.vm, 1);
		assert_u64(s2_ich_ack(s2_vgic_ich(t.v), true), TIMER);
		if (exits)
			turn(&t);
		s2_test_row("%u exits between", exits);
		s2_ich_eoi(s2_vgic_ich(t.v), true, TIMER);
		assert_false(s2_vgic_phys_active(t.v, TIMER));
		/* Still up: it fires again. */
		turn(&t);
		assert_true(s2_vgic_phys_active(t.v, TIMER));
		assert_u64(s2_ich_ack(s2_vgic_ich(t.v), true), TIMER);
		if (exits)
			turn(&t);
		/* The handler turned it off. */
		t.up = false;
		s2_ich_eoi(s2_vgic_ich(t.v), true, TIMER);
		turn(&t);
		assert_u64(lr(&t), 0);
		assert_false(s2_vgic_phys_active(t.v, TIMER));
		assert_false(vm_irq(&t.vm, 1, TIMER).line_level);
		vm_stop(&t.vm);
	}
}

/* Else it would stay active on the host, and never fire again. */
static void a_line_that_fell_before_it_was_taken_is_seen_at_the_exit(void **state)
{
	struct timer t;

	(void)state;
	start(&t, S2_OVERFLOW_UIE);
	fire(&t);
	vm_run(&t.vm, 1);
	t.up = false;
	turn(&t);
	assert_u64(lr(&t), 0);
	assert_false(s2_vgic_phys_active(t.v, TIMER));
	fire(&t);
	turn(&t);
	assert_u64(s2_ich_ack(s2_vgic_ich(t.v), true), TIMER);
	vm_stop(&t.vm);
}

/* 3134cc8beb69: an end that met no list register must look at the line, too. */
static void an_end_without_a_list_register_resamples_as_well(void **state)
{
	(void)state;
	for (unsigned up = 0; up < 2; up++) {
		struct timer t;

		start(&t, S2_OVERFLOW_NPIE);
		fire(&t);
		vm_run(&t.vm, 1);
		assert_u64(s2_ich_ack(s2_vgic_ich(t.v), true), TIMER);
		/* Four that are more urgent take the registers. */
		for (unsigned i = 1; i <= 4; i++)
			vm_sgi(&t.vm, 0, vm_to(1, i));
		turn(&t);
		t.up = up;
		s2_test_row("line %u", up);
		assert_i64(s2_vgic_dir(t.v, TIMER), 0);
		assert_int_equal(vm_irq(&t.vm, 1, TIMER).line_level, up);
		assert_int_equal(vm_irq(&t.vm, 1, TIMER).active, 0);
		assert_int_equal(s2_vgic_phys_active(t.v, TIMER), up);
		vm_stop(&t.vm);
	}
}

/* 16e604a437c8: the guest dealt with the timer while its interrupt was disabled. */
static void a_line_that_fell_while_it_was_disabled_is_seen_on_enable(void **state)
{
	struct timer t;

	(void)state;
	start(&t, S2_OVERFLOW_UIE);
	vm_wr(&t.vm, 1, 0x10180, 1U << TIMER);
	fire(&t);
	t.up = false;
	vm_wr(&t.vm, 1, 0x10100, 1U << TIMER);
	assert_false(vm_irq(&t.vm, 1, TIMER).pending);
	assert_false(s2_vgic_phys_active(t.v, TIMER));
	assert_int_equal(vm_irq(&t.vm, 1, TIMER).queued_on, -1);
	vm_stop(&t.vm);
}

static void of_equals_a_mapped_one_goes_first(void **state)
{
	struct timer t;

	(void)state;
	start(&t, S2_OVERFLOW_UIE);
	for (unsigned i = 1; i <= 4; i++)
		vm_sgi(&t.vm, 0, vm_to(1, i));
	fire(&t);
	vm_run(&t.vm, 1);
	assert_u64(s2_field_get(lr(&t), S2_LR_VINTID), TIMER);
	vm_stop(&t.vm);
}

static void the_guests_writes_of_its_state_move_the_physical_one(void **state)
{
	const uint32_t bit = 1U << TIMER;
	struct timer t;

	(void)state;
	start(&t, S2_OVERFLOW_UIE);
	vm_wr(&t.vm, 1, 0x10300, bit);
	assert_true(s2_vgic_phys_active(t.v, TIMER));
	vm_wr(&t.vm, 1, 0x10380, bit);
	assert_false(s2_vgic_phys_active(t.v, TIMER));
	vm_wr(&t.vm, 1, 0x10200, bit);
	assert_true(s2_vgic_phys_active(t.v, TIMER));
	vm_wr(&t.vm, 1, 0x10280, bit);
	assert_false(s2_vgic_phys_active(t.v, TIMER));
	vm_stop(&t.vm);
}

static void only_ppis_are_mapped_and_only_once(void **state)
{
	static const struct s2_phys_irq good = {16, NULL, NULL};
	static const struct s2_phys_irq spi = {32, NULL, NULL};
	static const struct s2_phys_irq none = {1020, NULL, NULL};
	static const struct s2_phys_irq sgi = {15, NULL, NULL};
	struct timer t;

	(void)state;
	start(&t, S2_OVERFLOW_UIE);
	assert_i64(s2_vgic_map_phys(t.v, TIMER, &good), -EEXIST);
	assert_i64(s2_vgic_map_phys(t.v, 15, &good), -EINVAL);
	assert_i64(s2_vgic_map_phys(t.v, 32, &good), -EOPNOTSUPP);
	assert_i64(s2_vgic_map_phys(t.v, 1023, &good), -EINVAL);
	assert_i64(s2_vgic_map_phys(t.v, 26, &spi), -EOPNOTSUPP);
	assert_i64(s2_vgic_map_phys(t.v, 26, &none), -EINVAL);
	assert_i64(s2_vgic_map_phys(t.v, 26, &sgi), -EINVAL);
	assert_i64(s2_vgic_unmap_phys(t.v, 26), -EINVAL);
	assert_i64(s2_vgic_unmap_phys(t.v, TIMER), 0);
	assert_false(s2_vgic_phys_active(t.v, TIMER));
	fire(&t);
	vm_run(&t.vm, 1);
	assert_u64(lr(&t) & S2_LR_HW, 0);
	vm_stop(&t.vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(its_list_register_has_hw_and_pintid_and_never_both_states),
		s2_unit_test(its_end_deactivates_the_physical_one_and_looks_at_the_line_again),
		s2_unit_test(a_line_that_fell_before_it_was_taken_is_seen_at_the_exit),
		s2_unit_test(an_end_without_a_list_register_resamples_as_well),
		s2_unit_test(a_line_that_fell_while_it_was_disabled_is_seen_on_enable),
		s2_unit_test(of_equals_a_mapped_one_goes_first),
		s2_unit_test(the_guests_writes_of_its_state_move_the_physical_one),
		s2_unit_test(only_ppis_are_mapped_and_only_once),
	};

	return cmocka_run_group_tests_name("hyp/vgic_phys", tests, NULL, NULL);
}
