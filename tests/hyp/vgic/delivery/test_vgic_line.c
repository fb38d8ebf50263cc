/* SPDX-License-Identifier: MIT */
/*
 * Lines of devices, and what the selftest vgic_irq.c asserts of them: injected
 * in each way, edge or level, ended in one step or two, an interrupt is taken
 * exactly once; also by a restore, and ended by another vcpu.
 */
#include <errno.h>
#include <string.h>

#include "hyp/vgic/vgic_fixture.h"

#define SPI 40U

static void spi_bit(struct vm *vm, uint32_t base, uint32_t intid)
{
	vm_dist_wr(vm, base + intid / 32 * 4, UINT32_C(1) << intid % 32);
}

static void spi_config(struct vm *vm, uint32_t intid, bool level)
{
	const uint32_t offset = 0xc00 + intid / 16 * 4;
	const uint32_t edge = UINT32_C(2) << intid % 16 * 2;
	const uint32_t value = (uint32_t)vm_dist_rd(vm, offset);

	vm_dist_wr(vm, offset, level ? value & ~edge : value | edge);
}

static void start(struct vm *vm, enum s2_lr_overflow overflow, bool level)
{
	struct s2_vgic_config cfg = vm_plain;

	cfg.overflow = overflow;
	vm_boot(vm, &cfg, 2);
	spi_config(vm, SPI, level);
	spi_bit(vm, 0x100, SPI);
}

static void line(struct vm *vm, bool up)
{
	assert_i64(s2_vgic_inject(vm->vgic, vm_cpu(vm, 0), NULL, SPI, up), 0);
}

enum way {
	IRQ_LINE,
	IRQFD,
	ISPENDR,
	LEVEL_INFO,
	WAYS
};

static void inject(struct vm *vm, enum way way, bool level)
{
	uint32_t levels = UINT32_C(1) << SPI % 32;

	switch (way) {
	case IRQ_LINE:
		line(vm, true);
		if (!level)
			line(vm, false);
		break;
	case IRQFD:
		assert_i64(s2_vgic_irqfd(vm->vgic, vm_cpu(vm, 0), SPI), 0);
		break;
	case ISPENDR:
		spi_bit(vm, 0x200, SPI);
		break;
	default:
		assert_i64(s2_vgic_level_info(vm->vgic, vm_cpu(vm, 0), 0, 32, true, &levels), 0);
	}
}

/* The device is served. */
static void lower(struct vm *vm, enum way way)
{
	uint32_t none = 0;

	if (way == IRQ_LINE)
		line(vm, false);
	else if (way == LEVEL_INFO)
		assert_i64(s2_vgic_level_info(vm->vgic, vm_cpu(vm, 0), 0, 32, true, &none), 0);
}

/* Runs vcpu 0 until there is nothing. @return how often the SPI was taken */
static unsigned take_all(struct vm *vm, enum way way, bool split)
{
	struct s2_vgic_cpu *v = vm_vcpu(vm, 0);
	struct s2_ich *ich = s2_cpu_ich(vm_cpu(vm, 1));
	unsigned taken = 0;

	s2_vgic_ich(v)->vmcr |= split ? S2_VMCR_EOIM : 0;
	vm_run(vm, 0);
	while (taken < 10 && s2_ich_ack(ich, true) == SPI) {
		taken++;
		assert_i64(s2_vgic_exit(v), 0);
		assert_true(vm_irq(vm, 0, SPI).active);
		assert_false(vm_irq(vm, 0, SPI).latch && vm_irq(vm, 0, SPI).level_config &&
			     way != ISPENDR);
		lower(vm, way);
		assert_i64(s2_vgic_enter(v), 0);
		s2_ich_eoi(ich, true, SPI);
		if (split)
			assert_i64(s2_vgic_dir(v, SPI), 0);
		assert_i64(s2_vgic_exit(v), 0);
		assert_i64(s2_vgic_enter(v), 0);
	}
	assert_u64(ich->apr[1], 0);
	assert_i64(s2_vgic_put(v), 0);
	assert_int_equal(v->ap_list.len, 0);
	return taken;
}

static void each_way_of_injecting_is_taken_exactly_once(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 2 * 2 * 2 * WAYS; n++) {
		const enum way way = n / 8;
		const bool level = n & 1;
		const bool split = n & 2;
		struct vm vm = {0};

		/* A pulse is nothing to a level, and an edge has no level to restore. */
		if ((way == IRQFD && level) || (way == LEVEL_INFO && !level))
			continue;
		s2_test_row("way %u level %d split %d", way, level, split);
		start(&vm, n & 4 ? S2_OVERFLOW_NPIE : S2_OVERFLOW_UIE, level);
		inject(&vm, way, level);
		assert_int_equal(take_all(&vm, way, split), 1);
		assert_int_equal(take_all(&vm, way, split), 0);
		vm_stop(&vm);
	}
}

/* --- resamplers ---------------------------------------------------------------- */

struct device {
	struct vm *vm;
	unsigned wants; /* how often it will raise its line again */
	unsigned ended;
	bool line_was_up;
};

static void ended(void *arg, struct s2_cpu *cpu, uint32_t intid)
{
	struct device *d = arg;

	assert_u64(intid, SPI);
	d->ended++;
	d->line_was_up |= vm_irq(d->vm, 0, SPI).line_level;
	if (!d->wants)
		return;
	d->wants--;
	assert_i64(s2_vgic_irqfd(d->vm->vgic, cpu, intid), 0);
}

static void a_resampler_is_told_of_each_end_with_the_line_down(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		struct vm vm = {0};
		struct device d = {.vm = &vm, .wants = 2};

		start(&vm, n & 1 ? S2_OVERFLOW_NPIE : S2_OVERFLOW_UIE, true);
		assert_i64(s2_vgic_set_resampler(vm.vgic, SPI, ended, &d), 0);
		assert_i64(s2_vgic_irqfd(vm.vgic, vm_cpu(&vm, 0), SPI), 0);
		assert_true(vm_irq(&vm, 0, SPI).line_level);
		s2_test_row("case %u", n);
		/* take_all() leaves the guest between the acknowledge and the end. */
		assert_int_equal(take_all(&vm, IRQFD, n & 2), 3);
		assert_int_equal(d.ended, 3);
		assert_false(d.line_was_up);
		/* Without it an irqfd is a pulse again. */
		assert_i64(s2_vgic_set_resampler(vm.vgic, SPI, NULL, NULL), 0);
		assert_i64(s2_vgic_irqfd(vm.vgic, vm_cpu(&vm, 0), SPI), 0);
		assert_false(vm_irq(&vm, 0, SPI).line_level);
		vm_stop(&vm);
	}
}

static void an_end_asks_for_maintenance_also_after_an_exit_in_between(void **state)
{
	struct s2_vgic_cpu *v;
	struct vm vm = {0};

	(void)state;
	start(&vm, S2_OVERFLOW_UIE, true);
	v = vm_vcpu(&vm, 0);
	line(&vm, true);
	vm_run(&vm, 0);
	assert_u64(s2_ich_ack(s2_vgic_ich(v), true), SPI);
	assert_i64(s2_vgic_exit(v), 0);
	assert_i64(s2_vgic_enter(v), 0);
	assert_u64(s2_ich_misr(s2_vgic_ich(v)), 0);
	s2_ich_eoi(s2_vgic_ich(v), true, SPI);
	assert_u64(s2_ich_misr(s2_vgic_ich(v)), S2_ICH_MISR_EOI);
	vm_stop(&vm);
}

static void resamplers_and_irqfds_are_for_spis_that_are_there(void **state)
{
	static const uint32_t bad[] = {0, 15, 16, 31, 256, 1020, 1024, 5120, UINT32_MAX};
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_raw(&vm, &vm_plain, 1);
	assert_i64(s2_vgic_set_resampler(vm.vgic, SPI, ended, NULL), -EBUSY);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("intid %" PRIu32, bad[i]);
		assert_i64(s2_vgic_set_resampler(vm.vgic, bad[i], ended, NULL), -EINVAL);
		assert_i64(s2_vgic_irqfd(vm.vgic, vm_cpu(&vm, 0), bad[i]), -EINVAL);
	}
	vm_stop(&vm);
}

/* --- LEVEL_INFO ------------------------------------------------------------------ */

static void level_info_shows_and_moves_lines_and_no_latch(void **state)
{
	uint32_t levels = UINT32_MAX;
	struct vm vm = {0};
	struct s2_cpu *cpu;

	(void)state;
	start(&vm, S2_OVERFLOW_UIE, true);
	cpu = vm_cpu(&vm, 0);
	/* Private ones of the vcpu that is named; SGIs have no line. */
	assert_i64(s2_vgic_level_info(vm.vgic, cpu, 1, 0, true, &levels), 0);
	assert_i64(s2_vgic_level_info(vm.vgic, cpu, 1, 0, false, &levels), 0);
	assert_u64(levels, 0xffff0000);
	assert_i64(s2_vgic_level_info(vm.vgic, cpu, 0, 0, false, &levels), 0);
	assert_u64(levels, 0);
	assert_u64(vm_rd(&vm, 1, 0x10200), 0xffff0000);
	/* SPIs: the one that is level-triggered. */
	levels = UINT32_MAX;
	assert_i64(s2_vgic_level_info(vm.vgic, cpu, 0, 32, true, &levels), 0);
	assert_i64(s2_vgic_level_info(vm.vgic, cpu, 1, 32, false, &levels), 0);
	assert_u64(levels, UINT32_C(1) << SPI % 32);
	assert_false(vm_irq(&vm, 0, SPI).latch);
	assert_int_equal(vm_irq(&vm, 0, SPI).queued_on, 0);
	/* Beyond the VM's. */
	assert_i64(s2_vgic_level_info(vm.vgic, cpu, 0, 256, true, &levels), 0);
	assert_i64(s2_vgic_level_info(vm.vgic, cpu, 0, 256, false, &levels), 0);
	assert_u64(levels, 0);
	assert_i64(s2_vgic_level_info(vm.vgic, cpu, 0, 33, false, &levels), -EINVAL);
	assert_i64(s2_vgic_level_info(vm.vgic, cpu, 7, 0, false, &levels), -EINVAL);
	vm_stop(&vm);
}

/* --- the rest of the selftest ------------------------------------------------------ */

static void thirty_one_spis_preempt_one_another_and_are_all_ended(void **state)
{
	(void)state;
	for (int overflow = 0; overflow < 2; overflow++) {
		struct s2_vgic_cpu *v;
		struct vm vm = {0};

		start(&vm, overflow, false);
		v = vm_vcpu(&vm, 0);
		/* The mask lets 31 of the 32 priorities through. */
		s2_vgic_ich(v)->vmcr |= s2_field_put(0xf8, S2_VMCR_PMR);
		vm_run(&vm, 0);
		for (unsigned i = 0; i < 31; i++) {
			const struct s2_gic_io io = vm_io(&vm, 0x400 + 32 + i, 1);

			assert_i64(s2_vgic_dist_write(vm.vgic, &io, (30 - i) * 8), 0);
			spi_bit(&vm, 0x100, 32 + i);
			spi_bit(&vm, 0x200, 32 + i);
			assert_i64(s2_vgic_exit(v), 0);
			assert_i64(s2_vgic_enter(v), 0);
			assert_u64(s2_ich_ack(s2_vgic_ich(v), true), 32 + i);
		}
		for (unsigned i = 31; i-- > 0;) {
			s2_ich_eoi(s2_vgic_ich(v), true, 32 + i);
			if (s2_ich_misr(s2_vgic_ich(v))) {
				assert_i64(s2_vgic_exit(v), 0);
				assert_i64(s2_vgic_enter(v), 0);
			}
		}
		assert_i64(s2_vgic_exit(v), 0);
		assert_u64(s2_vgic_ich(v)->apr[1], 0);
		assert_u64(vm_dist_rd(&vm, 0x304), 0);
		assert_int_equal(v->ap_list.len, 0);
		vm_stop(&vm);
	}
}

/* Userspace writes ISACTIVER; the guest then ends what it never took. */
static void an_active_state_that_was_restored_can_be_ended(void **state)
{
	(void)state;
	for (int overflow = 0; overflow < 2; overflow++) {
		struct s2_gic_io io;
		struct s2_vgic_cpu *v;
		struct vm vm = {0};

		start(&vm, overflow, false);
		v = vm_vcpu(&vm, 0);
		io = vm_io(&vm, 0x300 + SPI / 32 * 4, 4);
		io.who = S2_GIC_USER;
		assert_i64(s2_vgic_dist_write(vm.vgic, &io, UINT32_C(1) << SPI % 32), 0);
		vm_run(&vm, 0);
		/* Active, and so not taken however often it is pending. */
		spi_bit(&vm, 0x200, SPI);
		assert_i64(s2_vgic_exit(v), 0);
		assert_i64(s2_vgic_enter(v), 0);
		assert_u64(s2_ich_ack(s2_vgic_ich(v), true), S2_GIC_SPURIOUS);
		s2_ich_eoi(s2_vgic_ich(v), true, SPI);
		assert_u64(s2_ich_ack(s2_vgic_ich(v), true), SPI);
		vm_stop(&vm);
	}
}

/* Active on vcpu 0, priority dropped there, deactivated by vcpu 1. */
static bool active_after_an_end_elsewhere(enum s2_lr_overflow overflow, bool in_guest)
{
	struct vm vm = {0};
	bool active;

	start(&vm, overflow, false);
	s2_vgic_ich(vm_vcpu(&vm, 0))->vmcr |= S2_VMCR_EOIM;
	s2_vgic_ich(vm_vcpu(&vm, 1))->vmcr |= S2_VMCR_EOIM;
	line(&vm, true);
	vm_run(&vm, 0);
	vm_run(&vm, 1);
	assert_u64(s2_ich_ack(s2_vgic_ich(vm_vcpu(&vm, 0)), true), SPI);
	s2_ich_eoi(s2_vgic_ich(vm_vcpu(&vm, 0)), true, SPI);
	if (!in_guest)
		assert_i64(s2_vgic_exit(vm_vcpu(&vm, 0)), 0);
	assert_i64(s2_vgic_dir(vm_vcpu(&vm, 1), SPI), 0);
	if (s2_vgic_run_state(vm_vcpu(&vm, 0)).in_guest)
		assert_i64(s2_vgic_exit(vm_vcpu(&vm, 0)), 0);
	active = vm_irq(&vm, 0, SPI).active;
	vm_stop(&vm);
	return active;
}

static void an_spi_is_ended_by_another_vcpu_since_v6_19(void **state)
{
	(void)state;
	for (int in_guest = 0; in_guest < 2; in_guest++) {
		s2_test_row("in guest %d", in_guest);
		assert_true(active_after_an_end_elsewhere(S2_OVERFLOW_UIE, in_guest));
		assert_false(active_after_an_end_elsewhere(S2_OVERFLOW_NPIE, in_guest));
	}
}

/* Ended elsewhere while pending again: whoever has it on its list can take it now. */
static void an_end_elsewhere_wakes_the_vcpu_whose_turn_it_is(void **state)
{
	struct s2_vgic_cpu *v;
	struct vm vm = {0};

	(void)state;
	start(&vm, S2_OVERFLOW_NPIE, false);
	v = vm_vcpu(&vm, 0);
	s2_vgic_ich(v)->vmcr |= S2_VMCR_EOIM;
	line(&vm, true);
	vm_run(&vm, 0);
	vm_run(&vm, 1);
	assert_u64(s2_ich_ack(s2_vgic_ich(v), true), SPI);
	s2_ich_eoi(s2_vgic_ich(v), true, SPI);
	assert_i64(s2_vgic_exit(v), 0);
	line(&vm, true);
	/* Active: nothing to wake up for. */
	assert_i64(s2_vgic_wfi(v), 1);
	vm_mark(&vm);
	assert_i64(s2_vgic_dir(vm_vcpu(&vm, 1), SPI), 0);
	assert_u64(vm_counted(&vm, S2_OP_VCPU_WAKE), 1);
	assert_i64(s2_vgic_wfi(v), 0);
	vm_stop(&vm);
}

static void the_first_spi_in_flight_makes_all_vcpus_exit_with_npie(void **state)
{
	(void)state;
	for (int overflow = 0; overflow < 2; overflow++) {
		struct s2_vgic_config cfg = vm_plain;
		struct vm vm = {0};

		cfg.overflow = overflow;
		vm_boot(&vm, &cfg, 4);
		for (unsigned i = 0; i < 4; i++)
			vm_run(&vm, i);
		spi_bit(&vm, 0x100, SPI);
		spi_bit(&vm, 0x100, SPI + 1);
		assert_u64(s2_vgic_ich(vm_vcpu(&vm, 3))->hcr & S2_ICH_HCR_TDIR, 0);
		vm_mark(&vm);
		spi_bit(&vm, 0x200, SPI);
		s2_test_row("overflow %d", overflow);
		assert_u64(vm_counted(&vm, S2_OP_KICK_IPI), overflow == S2_OVERFLOW_NPIE ? 4 : 1);
		for (unsigned i = 0; i < 4; i++) {
			assert_i64(s2_vgic_exit(vm_vcpu(&vm, i)), 0);
			assert_i64(s2_vgic_enter(vm_vcpu(&vm, i)), 0);
		}
		assert_int_equal((s2_vgic_ich(vm_vcpu(&vm, 3))->hcr & S2_ICH_HCR_TDIR) != 0,
				 overflow == S2_OVERFLOW_NPIE);
		/* The second one need not. */
		vm_mark(&vm);
		spi_bit(&vm, 0x200, SPI + 1);
		assert_u64(vm_counted(&vm, S2_OP_KICK_IPI), 1);
		/* When none is in flight, deactivations trap no more. */
		for (unsigned i = 0; i < 4; i++)
			assert_i64(s2_vgic_put(vm_vcpu(&vm, i)), 0);
		for (unsigned i = 0; i < 2; i++)
			vm_dist_wr(&vm, 0x280 + SPI / 32 * 4, 3U << SPI % 32);
		vm_run(&vm, 0);
		assert_i64(s2_vgic_exit(vm_vcpu(&vm, 0)), 0);
		vm_run(&vm, 3);
		assert_u64(s2_vgic_ich(vm_vcpu(&vm, 3))->hcr & S2_ICH_HCR_TDIR, 0);
		assert_int_equal(vm.vgic->spis_listed, 0);
		vm_stop(&vm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(each_way_of_injecting_is_taken_exactly_once),
		s2_unit_test(a_resampler_is_told_of_each_end_with_the_line_down),
		s2_unit_test(an_end_asks_for_maintenance_also_after_an_exit_in_between),
		s2_unit_test(resamplers_and_irqfds_are_for_spis_that_are_there),
		s2_unit_test(level_info_shows_and_moves_lines_and_no_latch),
		s2_unit_test(thirty_one_spis_preempt_one_another_and_are_all_ended),
		s2_unit_test(an_active_state_that_was_restored_can_be_ended),
		s2_unit_test(an_spi_is_ended_by_another_vcpu_since_v6_19),
		s2_unit_test(an_end_elsewhere_wakes_the_vcpu_whose_turn_it_is),
		s2_unit_test(the_first_spi_in_flight_makes_all_vcpus_exit_with_npie),
	};

	return cmocka_run_group_tests_name("hyp/vgic_line", tests, NULL, NULL);
}
