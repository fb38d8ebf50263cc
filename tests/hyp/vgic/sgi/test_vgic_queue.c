/* SPDX-License-Identifier: MIT */
/* From pending onto a list: the lock order, the retry, the distributor off and on. */
#include "hyp/vgic/regs/irq_state.h"
#include "hyp/vgic/state/locks.h"
#include "hyp/vgic/vgic_fixture.h"
#include "hyp/vgic/state/vgic_irq.h"
#include "hyp/vgic/delivery/vgic_run.h"

static void queueing_takes_three_locks_and_again_takes_one(void **state)
{
	struct vm vm = {0};

	(void)state;
	vm_boot(&vm, &vm_plain, 2);
	vm_mark(&vm);
	vm_sgi(&vm, 0, vm_to(1, 3));
	assert_u64(vm_counted(&vm, S2_OP_IRQ_LOCK), 3);
	assert_u64(vm_counted(&vm, S2_OP_SGI_QUEUE), 1);
	vm_mark(&vm);
	vm_sgi(&vm, 0, vm_to(1, 3));
	assert_u64(vm_counted(&vm, S2_OP_IRQ_LOCK), 1);
	assert_int_equal(vm_irq(&vm, 1, 3).queued_on, 1);
	vm_stop(&vm);
}

static void sends_merge_until_the_target_has_taken_one(void **state)
{
	struct vm vm = {0};

	(void)state;
	vm_boot(&vm, &vm_plain, 4);
	for (unsigned sender = 0; sender < 4; sender++)
		vm_sgi(&vm, sender, vm_to(2, 9));
	assert_u64(vm_drain(&vm, 2, 1), 1U << 9);
	assert_u64(vm_drain(&vm, 2, 1), 0);
	vm_sgi(&vm, 0, vm_to(2, 9));
	assert_u64(vm_drain(&vm, 2, 1), 1U << 9);
	vm_stop(&vm);
}

static void an_sgi_latched_with_the_distributor_off_is_queued_by_the_next_send(void **state)
{
	struct vm vm = {0};

	(void)state;
	vm_boot(&vm, &vm_plain, 2);
	s2_vgic_build_index(vm.vgic);
	for (unsigned irm = 0; irm < 2; irm++) {
		const uint64_t value = irm ? S2_SGI_IRM : vm_to(1, 0);

		vm_dist_wr(&vm, 0, 0);
		vm_sgi(&vm, 0, value);
		vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1);
		assert_int_equal(vm_irq(&vm, 1, 0).queued_on, -1);
		vm_sgi(&vm, 0, value);
		assert_int_equal(vm_irq(&vm, 1, 0).queued_on, 1);
		assert_u64(vm_drain(&vm, 1, 1), 1);
	}
	vm_stop(&vm);
}

/* It stays on its list until that is pruned; the oracle has no target for it. */
static void a_listed_sgi_that_was_disabled_kicks_nobody(void **state)
{
	struct vm vm = {0};

	(void)state;
	vm_boot(&vm, &vm_plain, 2);
	s2_vgic_build_index(vm.vgic);
	vm_sgi(&vm, 0, vm_to(1, 3));
	vm_wr(&vm, 1, 0x10180, 1U << 3);
	vm_run(&vm, 1);
	assert_int_equal(vm_irq(&vm, 1, 3).queued_on, 1);
	vm_mark(&vm);
	vm_sgi(&vm, 0, vm_to(1, 3));
	assert_u64(vm_counted(&vm, S2_OP_KICK_IPI), 0);
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
	vm_boot(&vm, &vm_plain, 4);
	r.vm = &vm;
	set_racer(&vm, &r);
	/* Someone else was first: it is on the list once. */
	r.act = queue_it_first;
	vm_mark(&vm);
	vm_sgi(&vm, 0, vm_to(1, 3));
	assert_int_equal(vm_vcpu(&vm, 1)->ap_list.len, 1);
	assert_u64(vm_counted(&vm, S2_OP_IRQ_LOCK), 4);
	/* It was disabled: latched, and on no list. */
	r.times = 1;
	r.act = disable_it;
	vm_sgi(&vm, 0, vm_to(2, 3));
	assert_int_equal(vm_vcpu(&vm, 2)->ap_list.len, 0);
	assert_true(vm_irq(&vm, 2, 3).latch);
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
	struct s2_vgic_cpu *first, *second;
	struct s2_irq *irq;

	(void)state;
	vm_boot(&vm, &vm_plain, 2);
	first = vm_vcpu(&vm, 0);
	second = vm_vcpu(&vm, 1);
	irq = s2_vgic_irq(vm.vgic, first, 3);
	s2_lock_irq(vm.vgic, vm_cpu(&vm, 0), irq);
	s2_lock_ap(vm.vgic, vm_cpu(&vm, 0), first);
	assert_int_equal(s2_vgic_lock_faults(vm.vgic), 1);
	s2_unlock_irq(vm.vgic, vm_cpu(&vm, 0), irq);
	s2_unlock_ap(vm.vgic, vm_cpu(&vm, 0), first);
	/* Two lists: the lower vcpu id first. */
	s2_lock_ap(vm.vgic, vm_cpu(&vm, 0), second);
	s2_lock_ap(vm.vgic, vm_cpu(&vm, 0), first);
	assert_int_equal(s2_vgic_lock_faults(vm.vgic), 2);
	s2_unlock_ap(vm.vgic, vm_cpu(&vm, 0), first);
	s2_unlock_ap(vm.vgic, vm_cpu(&vm, 0), second);
	vm.vgic->locks.faults = 0;
	vm_stop(&vm);
}

static void with_the_distributor_off_an_sgi_is_latched_and_stays_off_the_list(void **state)
{
	const struct s2_vgic_config *const cfgs[] = {&vm_plain, &vm_matrix};
	const uint64_t writes[] = {vm_to(1, 3), S2_SGI_IRM | s2_field_put(3, S2_SGI_INTID)};

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		struct vm vm = {0};

		vm_boot(&vm, cfgs[k / 2], 2);
		vm_dist_wr(&vm, 0, 0);
		assert_i64(s2_vgic_load(vm_vcpu(&vm, 1), vm_cpu(&vm, 2)), 0);
		assert_i64(s2_vgic_wfi(vm_vcpu(&vm, 1)), 1);
		vm_mark(&vm);
		vm_sgi(&vm, 0, writes[k % 2]);
		s2_test_row("case %u", k);
		assert_u64(vm_counted(&vm, S2_OP_VCPU_WAKE), 0);
		assert_i64(s2_vgic_put(vm_vcpu(&vm, 1)), 0);
		assert_true(vm_irq(&vm, 1, 3).pending);
		assert_int_equal(vm_irq(&vm, 1, 3).queued_on, -1);
		/* Switching on looks at lists only: it waits until something looks at it. */
		vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1);
		assert_int_equal(vm_irq(&vm, 1, 3).queued_on, -1);
		assert_u64(vm_drain(&vm, 1, 1), 0);
		vm_wr(&vm, 1, 0x10100, 1U << 3);
		assert_u64(vm_drain(&vm, 1, 1), 1U << 3);
		vm_stop(&vm);
	}
}

/* The two forms of broadcast agree: a post must not outlive a switch of the distributor. */
static void a_broadcast_is_queued_before_the_distributor_goes_off(void **state)
{
	const struct s2_vgic_config *const cfgs[] = {&vm_plain, &vm_matrix};

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct vm vm = {0};

		vm_boot(&vm, cfgs[k], 2);
		vm_sgi(&vm, 0, S2_SGI_IRM);
		vm_dist_wr(&vm, 0, 0);
		assert_int_equal(vm_irq(&vm, 1, 0).queued_on, 1);
		vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1);
		assert_u64(vm_drain(&vm, 1, 1), 1);
		vm_stop(&vm);
	}
}

static void switching_the_distributor_on_kicks_vcpus_with_something_pending(void **state)
{
	struct vm vm = {0};

	(void)state;
	vm_boot(&vm, &vm_plain, 2);
	vm_sgi(&vm, 0, vm_to(1, 3));
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
	vm_boot(&vm, &vm_plain, 2);
	assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), vm_vcpu(&vm, 1), 27, true), 0);
	assert_int_equal(vm_irq(&vm, 1, 27).queued_on, -1);
	vm_wr(&vm, 1, 0x10100, 1U << 27);
	assert_int_equal(vm_irq(&vm, 1, 27).queued_on, 1);
	vm_stop(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(queueing_takes_three_locks_and_again_takes_one),
		s2_unit_test(sends_merge_until_the_target_has_taken_one),
		s2_unit_test(an_sgi_latched_with_the_distributor_off_is_queued_by_the_next_send),
		s2_unit_test(a_listed_sgi_that_was_disabled_kicks_nobody),
		s2_unit_test(what_changes_while_unlocked_is_seen_and_queueing_starts_over),
		s2_unit_test(the_lock_order_is_watched),
		s2_unit_test(with_the_distributor_off_an_sgi_is_latched_and_stays_off_the_list),
		s2_unit_test(a_broadcast_is_queued_before_the_distributor_goes_off),
		s2_unit_test(switching_the_distributor_on_kicks_vcpus_with_something_pending),
		s2_unit_test(a_level_that_was_raised_while_disabled_is_delivered_once_enabled),
	};

	return cmocka_run_group_tests_name("hyp/vgic_queue", tests, NULL, NULL);
}
