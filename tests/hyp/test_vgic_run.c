/* SPDX-License-Identifier: MIT */
/*
 * From pending to taken: queueing with its lock order and retry, lists, list
 * registers, kicks, WFI, and SGIs that the hardware holds.
 */
#include "hyp/vgic_fixture.h"

static const struct s2_vgic_config plain = {
	.routing = {S2_LOOKUP_TABLE, S2_SGI_BITS, S2_BROADCAST_PLAIN}};
static const struct s2_vgic_config matrix = {
	.routing = {S2_LOOKUP_HASH, S2_SGI_ROWS, S2_BROADCAST_MATRIX}};

static void start(struct vm *vm, const struct s2_vgic_config *cfg, unsigned n)
{
	vm_machine(vm, n + 1);
	vm_start(vm, cfg, n);
	for (unsigned i = 0; i < n; i++)
		vm_open(vm, i);
}

/* Loads vcpu i on CPU i + 1 (CPU 0 is where others send from) and enters. */
static void run(struct vm *vm, unsigned i)
{
	assert_i64(s2_vgic_load(vm_vcpu(vm, i), vm_cpu(vm, i + 1)), 0);
	assert_i64(s2_vgic_enter(vm_vcpu(vm, i)), 0);
}

static uint64_t to(unsigned i, unsigned intid)
{
	return sgi_to(s2_mpidr_from_id(i), (uint8_t)intid);
}

static struct s2_irq_state irq_of(struct vm *vm, unsigned vcpu, uint32_t intid)
{
	struct s2_irq_state irq;

	assert_i64(s2_vgic_irq_state(vm->vgic, vm_vcpu(vm, vcpu), intid, &irq), 0);
	return irq;
}

/* --- queueing ---------------------------------------------------------------- */

static void queueing_takes_three_locks_and_again_takes_one(void **state)
{
	struct vm vm = {0};

	(void)state;
	start(&vm, &plain, 2);
	vm_mark(&vm);
	vm_sgi(&vm, 0, to(1, 3));
	assert_u64(vm_counted(&vm, S2_OP_IRQ_LOCK), 3);
	assert_u64(vm_counted(&vm, S2_OP_SGI_QUEUE), 1);
	vm_mark(&vm);
	vm_sgi(&vm, 0, to(1, 3));
	assert_u64(vm_counted(&vm, S2_OP_IRQ_LOCK), 1);
	assert_int_equal(irq_of(&vm, 1, 3).queued_on, 1);
	vm_stop(&vm);
}

static void sends_merge_until_the_target_has_taken_one(void **state)
{
	struct vm vm = {0};

	(void)state;
	start(&vm, &plain, 4);
	for (unsigned sender = 0; sender < 4; sender++)
		vm_sgi(&vm, sender, to(2, 9));
	assert_u64(vm_drain(&vm, 2, 1), 1U << 9);
	assert_u64(vm_drain(&vm, 2, 1), 0);
	vm_sgi(&vm, 0, to(2, 9));
	assert_u64(vm_drain(&vm, 2, 1), 1U << 9);
	vm_stop(&vm);
}

struct racer {
	struct vm *vm;
	unsigned times;
	void (*act)(struct vm *vm, struct s2_irq *irq);
};

static void race(void *arg, struct s2_irq *irq)
{
	struct racer *r = arg;

	if (!r->times)
		return;
	r->times--;
	r->act(r->vm, irq);
}

static void set_racer(struct vm *vm, struct racer *r)
{
	vm->vgic->race = r ? race : NULL;
	vm->vgic->race_arg = r;
}

static void queue_it_first(struct vm *vm, struct s2_irq *irq)
{
	s2_ap_list_append(&vm_vcpu(vm, irq->target)->ap_list, irq, irq->target);
}

static void disable_it(struct vm *vm, struct s2_irq *irq)
{
	s2_irq_set_enabled(vm->vgic, irq, false);
}

static void route_it_elsewhere(struct vm *vm, struct s2_irq *irq)
{
	irq->target = (uint16_t)(irq->target + 1);
	(void)vm;
}

/* Between the two looks another CPU may do anything; no lock is held there. */
static void what_changes_while_unlocked_is_seen_and_queueing_starts_over(void **state)
{
	struct racer r = {.times = 1};
	struct vm vm = {0};

	(void)state;
	start(&vm, &plain, 4);
	r.vm = &vm;
	set_racer(&vm, &r);
	/* Someone else was first: it is on the list once. */
	r.act = queue_it_first;
	vm_mark(&vm);
	vm_sgi(&vm, 0, to(1, 3));
	assert_int_equal(vm_vcpu(&vm, 1)->ap_list.len, 1);
	assert_u64(vm_counted(&vm, S2_OP_IRQ_LOCK), 4);
	/* It was disabled: latched, and on no list. */
	r.times = 1;
	r.act = disable_it;
	vm_sgi(&vm, 0, to(2, 3));
	assert_int_equal(vm_vcpu(&vm, 2)->ap_list.len, 0);
	assert_true(irq_of(&vm, 2, 3).latch);
	/* It was routed elsewhere, twice: it is on the last one's list. */
	r.times = 2;
	r.act = route_it_elsewhere;
	vm_dist_wr(&vm, 0x104, 1);
	vm_mark(&vm);
	assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), NULL, 32, true), 0);
	assert_int_equal(vm_vcpu(&vm, 2)->ap_list.len, 1);
	assert_int_equal(vm_vcpu(&vm, 0)->ap_list.len, 0);
	assert_u64(vm_counted(&vm, S2_OP_IRQ_LOCK), 1 + 3 * 2 + 2);
	set_racer(&vm, NULL);
	vm_stop(&vm);
}

static void the_lock_order_is_watched(void **state)
{
	struct vm vm = {0};

	(void)state;
	start(&vm, &plain, 2);
	s2_lock_irq(vm.vgic, vm_cpu(&vm, 0));
	s2_lock_ap(vm.vgic, vm_cpu(&vm, 0), 0);
	assert_int_equal(s2_vgic_lock_faults(vm.vgic), 1);
	s2_unlock_irq(vm.vgic);
	s2_unlock_ap(vm.vgic);
	/* Two lists: the lower vcpu id first. */
	s2_lock_ap(vm.vgic, vm_cpu(&vm, 0), 1);
	s2_lock_ap(vm.vgic, vm_cpu(&vm, 0), 0);
	assert_int_equal(s2_vgic_lock_faults(vm.vgic), 2);
	s2_unlock_ap(vm.vgic);
	s2_unlock_ap(vm.vgic);
	vm.vgic->locks.faults = 0;
	vm_stop(&vm);
}

static void with_the_distributor_off_an_sgi_is_latched_and_stays_off_the_list(void **state)
{
	const struct s2_vgic_config *const cfgs[] = {&plain, &matrix};
	const uint64_t writes[] = {to(1, 3), S2_SGI_IRM | s2_field_put(3, S2_SGI_INTID)};

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		struct vm vm = {0};

		start(&vm, cfgs[k / 2], 2);
		vm_dist_wr(&vm, 0, 0);
		assert_i64(s2_vgic_load(vm_vcpu(&vm, 1), vm_cpu(&vm, 2)), 0);
		assert_i64(s2_vgic_wfi(vm_vcpu(&vm, 1)), 1);
		vm_mark(&vm);
		vm_sgi(&vm, 0, writes[k % 2]);
		s2_test_row("case %u", k);
		assert_u64(vm_counted(&vm, S2_OP_VCPU_WAKE), 0);
		assert_i64(s2_vgic_put(vm_vcpu(&vm, 1)), 0);
		assert_true(irq_of(&vm, 1, 3).pending);
		assert_int_equal(irq_of(&vm, 1, 3).queued_on, -1);
		/* Switching on looks at lists only: it waits until something looks at it. */
		vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1);
		assert_int_equal(irq_of(&vm, 1, 3).queued_on, -1);
		assert_u64(vm_drain(&vm, 1, 1), 0);
		vm_wr(&vm, 1, 0x10100, 1U << 3);
		assert_u64(vm_drain(&vm, 1, 1), 1U << 3);
		vm_stop(&vm);
	}
}

/* The two forms of broadcast agree: a post must not outlive a switch of the distributor. */
static void a_broadcast_is_queued_before_the_distributor_goes_off(void **state)
{
	const struct s2_vgic_config *const cfgs[] = {&plain, &matrix};

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct vm vm = {0};

		start(&vm, cfgs[k], 2);
		vm_sgi(&vm, 0, S2_SGI_IRM);
		vm_dist_wr(&vm, 0, 0);
		assert_int_equal(irq_of(&vm, 1, 0).queued_on, 1);
		vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1);
		assert_u64(vm_drain(&vm, 1, 1), 1);
		vm_stop(&vm);
	}
}

static void switching_the_distributor_on_kicks_vcpus_with_something_pending(void **state)
{
	struct vm vm = {0};

	(void)state;
	start(&vm, &plain, 2);
	vm_sgi(&vm, 0, to(1, 3));
	vm_dist_wr(&vm, 0, 0);
	assert_i64(s2_vgic_load(vm_vcpu(&vm, 1), vm_cpu(&vm, 2)), 0);
	assert_i64(s2_vgic_wfi(vm_vcpu(&vm, 1)), 1);
	vm_mark(&vm);
	vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1);
	assert_u64(vm_counted(&vm, S2_OP_VCPU_WAKE), 1);
	assert_false(s2_vgic_run_state(vm_vcpu(&vm, 1)).blocked);
	vm_stop(&vm);
}

/* 16e604a437c8 */
static void a_level_that_was_raised_while_disabled_is_delivered_once_enabled(void **state)
{
	struct vm vm = {0};

	(void)state;
	start(&vm, &plain, 2);
	assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), vm_vcpu(&vm, 1), 27, true), 0);
	assert_int_equal(irq_of(&vm, 1, 27).queued_on, -1);
	vm_wr(&vm, 1, 0x10100, 1U << 27);
	assert_int_equal(irq_of(&vm, 1, 27).queued_on, 1);
	vm_stop(&vm);
}

/* --- list registers ------------------------------------------------------------ */

static void a_level_stays_pending_until_its_line_falls(void **state)
{
	struct s2_vgic_cpu *v;
	struct vm vm = {0};

	(void)state;
	start(&vm, &plain, 1);
	v = vm_vcpu(&vm, 0);
	vm_wr(&vm, 0, 0x10100, 1U << 27);
	assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), v, 27, true), 0);
	run(&vm, 0);
	assert_u64(s2_ich_ack(s2_vgic_ich(v), true), 27);
	/* Active, with the line up: never both in a list register. */
	assert_i64(s2_vgic_exit(v), 0);
	assert_true(irq_of(&vm, 0, 27).active);
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
	start(&vm, &plain, 2);
	v = vm_vcpu(&vm, 1);
	vm_sgi(&vm, 0, to(1, 3));
	run(&vm, 1);
	assert_u64(s2_ich_ack(s2_vgic_ich(v), true), 3);
	vm_sgi(&vm, 0, to(1, 3));
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
	start(&vm, &plain, 1);
	v = vm_vcpu(&vm, 0);
	run(&vm, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_i64(s2_vgic_exit(v), 0);
		vm_sgi(&vm, 0, to(0, 5));
		assert_i64(s2_vgic_enter(v), 0);
		assert_u64(s2_ich_ack(s2_vgic_ich(v), true), 5);
		/* The access stops all vcpus, which folds the list registers. */
		vm_wr(&vm, 0, 0x10380, 1U << 5);
		assert_false(irq_of(&vm, 0, 5).active);
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
		vm_start(&vm, &plain, 2);
		vm_open(&vm, 1);
		v = vm_vcpu(&vm, 1);
		for (unsigned i = 0; i < 16; i++) {
			const struct s2_gic_io io = vm_io(&vm, 0x10400 + i, 1);

			assert_i64(s2_vgic_redist_write(v, &io, (15 - i) * 8), 0);
			vm_sgi(&vm, 0, to(1, i));
		}
		run(&vm, 1);
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
		struct s2_vgic_config cfg = plain;
		struct s2_vgic_cpu *v;
		struct vm vm = {0};

		cfg.overflow = overflow;
		start(&vm, &cfg, 2);
		v = vm_vcpu(&vm, 1);
		run(&vm, 1);
		for (unsigned i = 0; i < 16; i++) {
			const struct s2_gic_io io = vm_io(&vm, 0x10400 + i, 1);

			assert_i64(s2_vgic_redist_write(v, &io, (20 - i) * 8), 0);
			vm_sgi(&vm, 0, to(1, i));
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
	struct s2_vgic_config cfg = plain;
	struct s2_vgic_cpu *v;
	struct vm vm = {0};
	uint64_t active;

	cfg.overflow = overflow;
	start(&vm, &cfg, 2);
	v = vm_vcpu(&vm, 1);
	vm_sgi(&vm, 0, to(1, 0));
	run(&vm, 1);
	assert_u64(s2_ich_ack(s2_vgic_ich(v), true), 0);
	for (unsigned i = 1; i <= 4; i++)
		vm_sgi(&vm, 0, to(1, i));
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

/* 6da5e537f5af: counted ends are of the first that did not fit, not the last. */
static void counted_ends_are_taken_from_the_head_of_the_list(void **state)
{
	struct s2_vgic_config cfg = plain;
	struct s2_vgic_cpu *v;
	struct vm vm = {0};

	(void)state;
	cfg.overflow = S2_OVERFLOW_NPIE;
	start(&vm, &cfg, 2);
	v = vm_vcpu(&vm, 1);
	/* Six active ones in order of urgency, four registers. */
	for (unsigned i = 0; i < 6; i++) {
		const struct s2_gic_io io = vm_io(&vm, 0x10400 + i, 1);

		assert_i64(s2_vgic_redist_write(v, &io, i * 8), 0);
	}
	vm_wr(&vm, 1, 0x10300, 0x3f);
	run(&vm, 1);
	for (unsigned i = 0; i < 5; i++)
		s2_ich_eoi(s2_vgic_ich(v), true, i);
	assert_i64(s2_vgic_exit(v), 0);
	assert_u64(vm_rd(&vm, 1, 0x10300), 0x20);
	vm_stop(&vm);
}

static void a_deactivation_beyond_the_list_registers_traps_with_npie(void **state)
{
	struct s2_vgic_config cfg = plain;
	struct s2_vgic_cpu *v;
	struct vm vm = {0};

	(void)state;
	cfg.overflow = S2_OVERFLOW_NPIE;
	start(&vm, &cfg, 2);
	v = vm_vcpu(&vm, 1);
	assert_i64(s2_vgic_dir(v, 0), -EINVAL);
	/* Five active, four list registers. */
	vm_wr(&vm, 1, 0x10300, 0x1f);
	run(&vm, 1);
	vm_mark(&vm);
	for (unsigned i = 0; i < 5; i++)
		assert_i64(s2_vgic_dir(v, i), 0);
	assert_true(vm_counted(&vm, S2_OP_SYSREG_TRAP) > 0);
	assert_i64(s2_vgic_exit(v), 0);
	assert_u64(vm_rd(&vm, 1, 0x10300), 0);
	vm_stop(&vm);
}

/* --- migration ------------------------------------------------------------------- */

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

		start(&vm, &plain, 2);
		vm_dist_wr(&vm, 0x104, 1);
		route(&vm, 32, from);
		assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), NULL, 32, true), 0);
		assert_int_equal(vm_vcpu(&vm, from)->ap_list.len, 1);
		route(&vm, 32, other);
		assert_i64(s2_vgic_load(vm_vcpu(&vm, other), vm_cpu(&vm, other + 1)), 0);
		assert_i64(s2_vgic_wfi(vm_vcpu(&vm, other)), 1);
		/* It leaves when its old vcpu prunes, and the new one is woken. */
		run(&vm, from);
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
	start(&vm, &plain, 2);
	v = vm_vcpu(&vm, 0);
	vm_dist_wr(&vm, 0x104, 1);
	vm_dist_wr(&vm, 0xc08, 0);
	assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), NULL, 32, true), 0);
	run(&vm, 0);
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

/* --- kicks ------------------------------------------------------------------------ */

static void only_a_vcpu_in_its_guest_on_another_cpu_gets_an_ipi(void **state)
{
	struct vm vm = {0};

	(void)state;
	start(&vm, &plain, 4);
	/* vcpu 1 runs, vcpu 2 is loaded and out of its guest, vcpu 3 is nowhere. */
	run(&vm, 1);
	assert_i64(s2_vgic_load(vm_vcpu(&vm, 2), vm_cpu(&vm, 3)), 0);
	for (unsigned i = 1; i < 4; i++) {
		vm_mark(&vm);
		vm_sgi(&vm, 0, to(i, 1));
		s2_test_row("vcpu %u", i);
		assert_u64(vm_counted(&vm, S2_OP_KICK_IPI), i == 1);
		assert_true(s2_vgic_run_state(vm_vcpu(&vm, i)).irq_requested);
	}
	/* It is on its way out already: no second IPI. */
	assert_true(s2_vgic_run_state(vm_vcpu(&vm, 1)).exiting);
	vm_mark(&vm);
	vm_sgi(&vm, 0, to(1, 2));
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
	start(&vm, &plain, 2);
	run(&vm, 1);
	vm_mark(&vm);
	assert_i64(s2_vgic_send_sgi(vm_vcpu(&vm, 1), vm_cpu(&vm, 2), S2_ICC_SGI1R, to(1, 1)), 0);
	assert_u64(vm_counted(&vm, S2_OP_KICK_IPI), 0);
	vm_stop(&vm);
}

static void a_vcpu_in_wfi_is_woken_without_an_ipi_by_every_broadcast(void **state)
{
	const struct s2_vgic_config *const cfgs[] = {&plain, &matrix};

	(void)state;
	for (size_t c = 0; c < 2; c++) {
		struct vm vm = {0};

		start(&vm, cfgs[c], 70);
		for (unsigned i = 1; i < 70; i++) {
			if (i % 3 == 0) {
				run(&vm, i);
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
	const struct s2_vgic_config *const cfgs[] = {&plain, &matrix};

	(void)state;
	for (size_t c = 0; c < 2; c++) {
		struct vm vm = {0};

		start(&vm, cfgs[c], 3);
		vm_wr(&vm, 1, 0x10180, 1);
		run(&vm, 1);
		run(&vm, 2);
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
	start(&vm, &plain, 2);
	v = vm_vcpu(&vm, 1);
	assert_i64(s2_vgic_wfi(v), -EINVAL);
	assert_i64(s2_vgic_load(v, vm_cpu(&vm, 2)), 0);
	assert_i64(s2_vgic_wfi(v), 1);
	vm_sgi(&vm, 0, to(1, 4));
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
	start(&vm, &plain, 2);
	v = vm_vcpu(&vm, 1);
	s2_vgic_ich(v)->vmcr &= ~S2_VMCR_ENG0;
	vm_wr(&vm, 1, 0x10080, 0xfffffffb);
	vm_sgi(&vm, 0, to(1, 2));
	run(&vm, 1);
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
	start(&vm, &plain, 1);
	v = vm_vcpu(&vm, 0);
	assert_i64(s2_vgic_enter(v), -EINVAL);
	assert_i64(s2_vgic_exit(v), -EINVAL);
	assert_i64(s2_vgic_put(v), -EINVAL);
	run(&vm, 0);
	assert_i64(s2_vgic_load(v, vm_cpu(&vm, 0)), -EBUSY);
	assert_i64(s2_vgic_enter(v), -EINVAL);
	assert_i64(s2_vgic_wfi(v), -EINVAL);
	assert_i64(s2_vgic_remove_vcpu(v), -EBUSY);
	assert_i64(s2_vgic_put(v), 0);
	assert_int_equal(s2_vgic_run_state(v).cpu, -1);
	vm_stop(&vm);
}

/* --- GICv4.1 ------------------------------------------------------------------------- */

static void start_v4(struct vm *vm, struct s2_vgic_config cfg)
{
	cfg.gicv4_1 = true;
	start(vm, &cfg, 3);
	assert_u64(vm_dist_rd(vm, 0xc), S2_GICD_TYPER2_NASSGICAP);
	/* Only while the distributor is off. */
	vm_dist_wr(vm, 0, S2_GICD_CTLR_ENABLE_G1 | S2_GICD_CTLR_NASSGIREQ);
	assert_u64(vm_dist_rd(vm, 0) & S2_GICD_CTLR_NASSGIREQ, 0);
	vm_dist_wr(vm, 0, 0);
}

static void hardware_sgis_are_routed_alike_and_touch_no_list(void **state)
{
	const struct s2_vgic_config *const cfgs[] = {&plain, &matrix};

	(void)state;
	for (size_t c = 0; c < 2; c++) {
		struct vm vm = {0};

		start_v4(&vm, *cfgs[c]);
		vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1 | S2_GICD_CTLR_NASSGIREQ);
		s2_vgic_build_index(vm.vgic);
		run(&vm, 1);
		vm_mark(&vm);
		vm_sgi(&vm, 0, to(1, 6));
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
	start_v4(&vm, plain);
	vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1);
	vm_wr(&vm, 1, 0x10400, 0x20);
	vm_wr(&vm, 1, 0x10180, 2);
	vm_sgi(&vm, 0, to(1, 0));
	vm_sgi(&vm, 0, to(1, 1));
	vm_dist_wr(&vm, 0, 0);
	vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1 | S2_GICD_CTLR_NASSGIREQ);
	assert_true(irq_of(&vm, 1, 0).hw);
	assert_u64(vm_rd(&vm, 1, 0x10200), 3);
	assert_u64(vm_rd(&vm, 1, 0x10300), 0);
	assert_u64(vm_drain(&vm, 1, 1), 1);
	/* Enabling moves to the hardware as well. */
	vm_wr(&vm, 1, 0x10100, 2);
	assert_u64(vm_drain(&vm, 1, 1), 2);
	vm_sgi(&vm, 0, to(1, 5));
	vm_dist_wr(&vm, 0, 0);
	vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1);
	assert_false(irq_of(&vm, 1, 5).hw);
	assert_u64(vm_drain(&vm, 1, 1), 1U << 5);
	vm_stop(&vm);
}

static void a_doorbell_wakes_a_vcpu_that_waits(void **state)
{
	struct vm vm = {0};

	(void)state;
	start_v4(&vm, plain);
	vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1 | S2_GICD_CTLR_NASSGIREQ);
	assert_i64(s2_vgic_load(vm_vcpu(&vm, 1), vm_cpu(&vm, 2)), 0);
	assert_i64(s2_vgic_wfi(vm_vcpu(&vm, 1)), 1);
	vm_mark(&vm);
	vm_sgi(&vm, 0, to(1, 6));
	assert_u64(vm_counted(&vm, S2_OP_VCPU_WAKE), 1);
	assert_i64(s2_vgic_wfi(vm_vcpu(&vm, 1)), 0);
	vm_stop(&vm);
}

/* --- size ------------------------------------------------------------------------------ */

static void a_model_of_512_vcpus_is_under_4_mib(void **state)
{
	struct vm vm = {0};
	size_t bytes;

	(void)state;
	vm_machine(&vm, 512);
	vm_start(&vm, &matrix, 512);
	s2_vgic_build_index(vm.vgic);
	bytes = s2_vgic_memory(vm.vgic) + sizeof(struct s2_machine) + 512 * sizeof(struct s2_cpu);
	assert_true(bytes < 4U << 20);
	vm_stop(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(queueing_takes_three_locks_and_again_takes_one),
		s2_unit_test(sends_merge_until_the_target_has_taken_one),
		s2_unit_test(what_changes_while_unlocked_is_seen_and_queueing_starts_over),
		s2_unit_test(the_lock_order_is_watched),
		s2_unit_test(with_the_distributor_off_an_sgi_is_latched_and_stays_off_the_list),
		s2_unit_test(a_broadcast_is_queued_before_the_distributor_goes_off),
		s2_unit_test(switching_the_distributor_on_kicks_vcpus_with_something_pending),
		s2_unit_test(a_level_that_was_raised_while_disabled_is_delivered_once_enabled),
		s2_unit_test(a_level_stays_pending_until_its_line_falls),
		s2_unit_test(an_sgi_that_is_active_can_be_pending_again_and_is_taken_twice),
		s2_unit_test(clearing_the_active_state_of_an_sgi_lets_the_next_one_in),
		s2_unit_test(more_than_fit_are_sorted_and_the_most_urgent_go_first),
		s2_unit_test(sixteen_nested_sgis_are_all_ended),
		s2_unit_test(an_end_without_a_register_is_lost_with_uie_and_kept_by_eoicount),
		s2_unit_test(counted_ends_are_taken_from_the_head_of_the_list),
		s2_unit_test(a_deactivation_beyond_the_list_registers_traps_with_npie),
		s2_unit_test(a_pending_spi_moves_with_its_route_in_either_lock_order),
		s2_unit_test(an_active_spi_stays_where_it_is_until_it_is_ended),
		s2_unit_test(only_a_vcpu_in_its_guest_on_another_cpu_gets_an_ipi),
		s2_unit_test(a_vcpu_on_the_sending_cpu_gets_no_ipi),
		s2_unit_test(a_vcpu_in_wfi_is_woken_without_an_ipi_by_every_broadcast),
		s2_unit_test(a_broadcast_of_a_disabled_sgi_kicks_nobody_and_is_not_lost),
		s2_unit_test(wfi_blocks_unless_something_is_pending_past_the_mask),
		s2_unit_test(a_group_0_sgi_waits_for_its_group_to_be_enabled),
		s2_unit_test(loads_entries_and_exits_out_of_order_are_refused),
		s2_unit_test(hardware_sgis_are_routed_alike_and_touch_no_list),
		s2_unit_test(sgis_change_hands_with_what_is_pending),
		s2_unit_test(a_doorbell_wakes_a_vcpu_that_waits),
		s2_unit_test(a_model_of_512_vcpus_is_under_4_mib),
	};

	return cmocka_run_group_tests_name("hyp/vgic_run", tests, NULL, NULL);
}
