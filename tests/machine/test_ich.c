/* SPDX-License-Identifier: MIT */
/* The virtual CPU interface: what a guest sees of the list registers. */
#include <stage2sim/ich.h>
#include <stage2sim/machine.h>

#include "support.h"

#define OPEN (S2_VMCR_ENG0 | S2_VMCR_ENG1 | s2_field_put(0xf0, S2_VMCR_PMR))

static struct s2_ich ich_with(unsigned n_lrs)
{
	struct s2_ich ich;

	s2_ich_reset(&ich, n_lrs);
	ich.hcr = S2_ICH_HCR_EN;
	ich.vmcr = OPEN;
	return ich;
}

static uint64_t pending_lr(uint32_t intid, uint8_t priority, bool group1)
{
	return s2_field_put(intid, S2_LR_VINTID) | s2_field_put(priority, S2_LR_PRIORITY) |
	       S2_LR_PENDING | (group1 ? S2_LR_GROUP1 : 0);
}

static void the_most_urgent_pending_interrupt_is_acknowledged_first(void **state)
{
	struct s2_ich ich = ich_with(4);

	(void)state;
	ich.lr[0] = pending_lr(3, 0xa0, true);
	ich.lr[1] = pending_lr(4, 0x20, true);
	ich.lr[2] = pending_lr(5, 0x40, true);
	assert_u64(s2_ich_highest(&ich, true), 4);
	assert_u64(s2_ich_ack(&ich, true), 4);
	assert_u64(ich.lr[1] & S2_LR_STATE, S2_LR_ACTIVE);
	assert_u64(s2_ich_running(&ich), 0x20);
	/* The rest is not urgent enough to preempt it. */
	assert_u64(s2_ich_ack(&ich, true), S2_GIC_SPURIOUS);
	s2_ich_eoi(&ich, true, 4);
	assert_u64(ich.lr[1] & S2_LR_STATE, 0);
	assert_u64(s2_ich_running(&ich), 0xff);
	assert_u64(s2_ich_ack(&ich, true), 5);
}

static void a_more_urgent_one_preempts(void **state)
{
	struct s2_ich ich = ich_with(4);

	(void)state;
	ich.lr[0] = pending_lr(3, 0xa0, true);
	assert_u64(s2_ich_ack(&ich, true), 3);
	ich.lr[1] = pending_lr(4, 0x20, true);
	assert_u64(s2_ich_ack(&ich, true), 4);
	s2_ich_eoi(&ich, true, 4);
	assert_u64(s2_ich_running(&ich), 0xa0);
	s2_ich_eoi(&ich, true, 3);
	assert_u64(s2_ich_running(&ich), 0xff);
}

static void binary_points_decide_what_preempts(void **state)
{
	struct s2_ich ich = ich_with(4);

	(void)state;
	ich.vmcr |= s2_field_put(7, S2_VMCR_BPR1);
	ich.lr[0] = pending_lr(3, 0x70, true);
	assert_u64(s2_ich_ack(&ich, true), 3);
	/* Bit 7 alone decides, and both have it clear. */
	ich.lr[1] = pending_lr(4, 0x20, true);
	assert_u64(s2_ich_ack(&ich, true), S2_GIC_SPURIOUS);
	ich.vmcr &= ~S2_VMCR_BPR1;
	s2_ich_eoi(&ich, true, 3);
	assert_u64(s2_ich_ack(&ich, true), 4);
}

static void the_priority_mask_hides_what_is_not_more_urgent(void **state)
{
	struct s2_ich ich = ich_with(4);

	(void)state;
	ich.lr[0] = pending_lr(3, 0x80, true);
	ich.vmcr = S2_VMCR_ENG1 | s2_field_put(0x80, S2_VMCR_PMR);
	assert_u64(s2_ich_ack(&ich, true), S2_GIC_SPURIOUS);
	ich.vmcr = S2_VMCR_ENG1 | s2_field_put(0x88, S2_VMCR_PMR);
	assert_u64(s2_ich_ack(&ich, true), 3);
}

static void reset_masks_everything(void **state)
{
	struct s2_ich ich = ich_with(4);

	(void)state;
	ich.lr[0] = pending_lr(3, 0, true);
	ich.vmcr = 0;
	assert_u64(s2_ich_ack(&ich, true), S2_GIC_SPURIOUS);
	ich.vmcr = S2_VMCR_ENG1;
	assert_u64(s2_ich_ack(&ich, true), S2_GIC_SPURIOUS);
}

static void a_disabled_group_is_not_seen_and_does_not_hide_the_other(void **state)
{
	struct s2_ich ich = ich_with(4);

	(void)state;
	ich.lr[0] = pending_lr(1, 0x00, false);
	ich.lr[1] = pending_lr(2, 0x80, true);
	assert_u64(s2_ich_highest(&ich, true), S2_GIC_SPURIOUS);
	assert_u64(s2_ich_highest(&ich, false), 1);
	ich.vmcr &= ~S2_VMCR_ENG0;
	assert_u64(s2_ich_highest(&ich, true), 2);
	assert_u64(s2_ich_highest(&ich, false), S2_GIC_SPURIOUS);
}

static void pending_and_active_is_not_presented_again_until_deactivated(void **state)
{
	struct s2_ich ich = ich_with(4);

	(void)state;
	ich.lr[0] = pending_lr(3, 0x80, true);
	assert_u64(s2_ich_ack(&ich, true), 3);
	ich.lr[0] |= S2_LR_PENDING;
	assert_u64(s2_ich_ack(&ich, true), S2_GIC_SPURIOUS);
	s2_ich_eoi(&ich, true, 3);
	assert_u64(s2_ich_ack(&ich, true), 3);
}

static void with_eoimode_1_only_dir_deactivates(void **state)
{
	struct s2_ich ich = ich_with(4);

	(void)state;
	ich.vmcr |= S2_VMCR_EOIM;
	ich.lr[0] = pending_lr(3, 0x80, true);
	assert_u64(s2_ich_ack(&ich, true), 3);
	s2_ich_eoi(&ich, true, 3);
	assert_u64(s2_ich_running(&ich), 0xff);
	assert_u64(ich.lr[0] & S2_LR_STATE, S2_LR_ACTIVE);
	s2_ich_dir(&ich, 3);
	assert_u64(ich.lr[0] & S2_LR_STATE, 0);
}

static void an_end_deactivates_the_physical_interrupt_of_its_list_register(void **state)
{
	struct s2_ich ich;

	(void)state;
	s2_ich_reset(&ich, 4);
	for (unsigned hw = 0; hw < 2; hw++) {
		ich.phys_active = UINT32_MAX;
		ich.lr[0] =
			S2_LR_ACTIVE | 27 | s2_field_put(30, S2_LR_PINTID) | (hw ? S2_LR_HW : 0);
		s2_ich_dir(&ich, 27);
		assert_u64(ich.lr[0] & S2_LR_STATE, 0);
		assert_u64(ich.phys_active, hw ? ~(UINT32_C(1) << 30) : UINT32_MAX);
	}
	/* A shared one has its state elsewhere. */
	ich.phys_active = UINT32_MAX;
	ich.lr[0] = S2_LR_ACTIVE | 40 | s2_field_put(62, S2_LR_PINTID) | S2_LR_HW;
	s2_ich_dir(&ich, 40);
	assert_u64(ich.phys_active, UINT32_MAX);
}

static void ends_that_meet_no_list_register_are_counted(void **state)
{
	struct s2_ich ich = ich_with(4);

	(void)state;
	s2_ich_eoi(&ich, true, 9);
	s2_ich_eoi(&ich, true, 10);
	assert_u64(s2_field_get(ich.hcr, S2_ICH_HCR_EOICOUNT), 2);
	s2_ich_eoi(&ich, true, S2_GIC_SPURIOUS);
	assert_u64(s2_field_get(ich.hcr, S2_ICH_HCR_EOICOUNT), 2);
}

static void maintenance_is_asserted_by_each_condition_that_is_enabled(void **state)
{
	struct s2_ich ich = ich_with(4);

	(void)state;
	ich.lr[0] = pending_lr(3, 0, true);
	ich.lr[1] = pending_lr(4, 0, true);
	ich.hcr |= S2_ICH_HCR_UIE | S2_ICH_HCR_NPIE | S2_ICH_HCR_LRENPIE;
	assert_u64(s2_ich_misr(&ich), 0);
	ich.lr[1] = 0;
	assert_u64(s2_ich_misr(&ich), S2_ICH_MISR_U);
	ich.lr[0] = (ich.lr[0] & ~S2_LR_PENDING) | S2_LR_ACTIVE;
	assert_u64(s2_ich_misr(&ich), S2_ICH_MISR_U | S2_ICH_MISR_NP);
	s2_ich_eoi(&ich, true, 9);
	assert_u64(s2_ich_misr(&ich), S2_ICH_MISR_U | S2_ICH_MISR_NP | S2_ICH_MISR_LRENP);
	ich.lr[2] = S2_LR_EOI;
	ich.hcr = S2_ICH_HCR_EN;
	assert_u64(s2_ich_misr(&ich), S2_ICH_MISR_EOI);
	ich.hcr = 0;
	assert_u64(s2_ich_misr(&ich), 0);
}

static void a_hardware_sgi_is_presented_without_a_list_register_or_active_state(void **state)
{
	struct s2_ich ich = ich_with(4);

	(void)state;
	ich.vsgi = true;
	ich.vsgi_pending = 1U << 7;
	ich.vsgi_enabled = 1U << 7;
	ich.vsgi_group1 = 1U << 7;
	assert_u64(s2_ich_ack(&ich, true), 7);
	s2_ich_eoi(&ich, true, 7);
	assert_u64(s2_field_get(ich.hcr, S2_ICH_HCR_EOICOUNT), 0);
	assert_u64(s2_ich_ack(&ich, true), S2_GIC_SPURIOUS);
}

static void a_cpu_has_1_to_16_list_registers(void **state)
{
	struct s2_machine_config cfg = {.cpus = 2};
	struct s2_machine *m;

	(void)state;
	assert_i64(s2_features_preset("neoverse-n1", &cfg.features), 0);
	assert_i64(s2_machine_create(&cfg, &m), 0);
	assert_u64(s2_cpu_ich(s2_machine_cpu(m, 1))->n_lrs, 4);
	assert_i64(s2_machine_set_list_registers(m, 0), -EINVAL);
	assert_i64(s2_machine_set_list_registers(m, 17), -EINVAL);
	assert_i64(s2_machine_set_list_registers(m, 16), 0);
	assert_u64(s2_cpu_ich(s2_machine_cpu(m, 1))->n_lrs, 16);
	s2_machine_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(the_most_urgent_pending_interrupt_is_acknowledged_first),
		s2_unit_test(a_more_urgent_one_preempts),
		s2_unit_test(binary_points_decide_what_preempts),
		s2_unit_test(the_priority_mask_hides_what_is_not_more_urgent),
		s2_unit_test(reset_masks_everything),
		s2_unit_test(a_disabled_group_is_not_seen_and_does_not_hide_the_other),
		s2_unit_test(pending_and_active_is_not_presented_again_until_deactivated),
		s2_unit_test(with_eoimode_1_only_dir_deactivates),
		s2_unit_test(an_end_deactivates_the_physical_interrupt_of_its_list_register),
		s2_unit_test(ends_that_meet_no_list_register_are_counted),
		s2_unit_test(maintenance_is_asserted_by_each_condition_that_is_enabled),
		s2_unit_test(a_hardware_sgi_is_presented_without_a_list_register_or_active_state),
		s2_unit_test(a_cpu_has_1_to_16_list_registers),
	};

	return cmocka_run_group_tests_name("machine/ich", tests, NULL, NULL);
}
