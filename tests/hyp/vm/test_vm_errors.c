/* SPDX-License-Identifier: MIT */
/* What a VM refuses, and that a refusal changes nothing; leaving the guest once. */
#include <stage2sim/residue.h>

#include "hyp/vm/vm_fixture.h"

#define PAGE UINT64_C(0x1000)
#define RAM  UINT64_C(0x80000000)

static const struct s2_slot_config ram = {
	.ipa = {RAM},
	.size = 128 * PAGE,
	.hva = {RAM},
	.pa = {RAM},
	.backing = PAGE,
	.populated = true,
};

static const struct s2_range whole = {{RAM}, 128 * PAGE}, part = {{RAM}, PAGE};

static struct s2_machine *another_machine(void)
{
	struct s2_machine_config mc = {.cpus = 1};
	struct s2_machine *m;

	assert_i64(s2_features_parse("max", &mc.features, NULL), 0);
	assert_i64(s2_machine_create(&mc, &m), 0);
	return m;
}

static void assert_unused(const struct s2_machine *m)
{
	const struct s2_counts counts = s2_machine_counts(m);

	for (int op = 0; op < S2_OP_COUNT; op++)
		assert_u64(counts.n[op], 0);
}

/* Both machines are as they were after each of these. */
static void refuse_all(struct s2_vm *vm, struct s2_cpu *stranger)
{
	const struct s2_counts before = s2_machine_counts(s2_mmu_machine(s2_vm_mmu(vm)));
	struct s2_counts after;

	assert_i64(s2_vm_log_get(vm, stranger, 0), -EINVAL);
	assert_i64(s2_vm_log_clear(vm, stranger, 0, 0, 64), -EINVAL);
	assert_i64(s2_vm_log_stop(vm, stranger, 0), -EINVAL);
	assert_i64(s2_vm_flush_cleared(vm, stranger, whole, part), -EINVAL);
	assert_i64(s2_vm_unmap_hva(vm, stranger, s2_va(0), PAGE, S2_UNMAP_EVENT), -EINVAL);
	assert_i64(s2_vm_age_hva(vm, stranger, s2_va(RAM), PAGE), -EINVAL);
	assert_i64(s2_vm_delete_slot(vm, stranger, 0), -EINVAL);
	assert_i64(s2_vm_teardown(vm, stranger), -EINVAL);
	assert_i64(s2_flush_vmid_range(s2_vm_mmu(vm), stranger, s2_range(RAM, PAGE)), -EINVAL);
	after = s2_machine_counts(s2_mmu_machine(s2_vm_mmu(vm)));
	assert_memory_equal(&before, &after, sizeof(before));
	assert_unused(s2_cpu_machine(stranger));
}

static void test_another_machines_cpu_is_refused_and_nothing_changes(void **state)
{
	struct s2_machine *other = another_machine();
	struct s2_cpu *stranger = s2_machine_cpu(other, 0);
	struct vm_fixture f;
	struct s2_vcpu *vcpu;

	(void)state;
	vm_fixture_machine(&f, "max", 2, "kvm-6.12", NULL);
	const struct s2_vm_config vc = {
		.flavour = &f.flavour, .vmids = f.vmids, .manual_protect = true};

	assert_i64(s2_vm_create(f.m, &vc, &f.vm), 0);
	assert_i64(s2_vm_add_slot(f.vm, &ram), 0);
	vcpu = vm_fixture_vcpu(&f, 0);
	assert_i64(s2_vm_log_start(f.vm, stranger, 0), -EINVAL);
	assert_i64(s2_vm_log_start(f.vm, s2_machine_cpu(f.m, 1), 0), 0);
	assert_i64(s2_vcpu_access(vcpu, s2_ipa(RAM), 2 * PAGE, S2_ACCESS_WRITE), 2);
	refuse_all(f.vm, stranger);
	assert_true(s2_vm_log_is_dirty(f.vm, 0, 0));
	assert_i64(s2_vm_log_clear(f.vm, s2_machine_cpu(f.m, 1), 0, 0, 64), 2);
	vm_fixture_down(&f);
	s2_machine_destroy(other);
}

static void test_another_machines_vmids_are_refused(void **state)
{
	struct s2_machine *other = another_machine();
	struct s2_vm_config vc;
	struct vm_fixture f;
	struct s2_vm *vm = NULL;

	(void)state;
	vm_fixture_machine(&f, "max", 2, "kvm-6.12", NULL);
	memset(&vc, 0, sizeof(vc));
	vc.flavour = &f.flavour;
	vc.vmids = f.vmids;
	assert_i64(s2_vm_create(other, &vc, &vm), -EINVAL);
	assert_null(vm);
	vm_fixture_down(&f);
	s2_machine_destroy(other);
}

/* PSCI CPU_OFF from within the guest, and from where only faults are looked at. */
static void test_a_vcpu_that_powers_off_exits_once(void **state)
{
	const struct s2_physics_config physics = {.residue = true};
	const struct s2_guest_access access = {
		.kind = S2_ACCESS_WRITE, .va = {RAM}, .ipa = {RAM}, .cacheable = true};

	(void)state;
	for (int inside = 0; inside < 2; inside++) {
		struct s2_guest_result result;
		struct s2_counts counts;
		struct s2_vcpu *vcpu;
		struct vm_fixture f;
		uint64_t exits;

		vm_fixture_machine(&f, "max", 1, "kvm-6.12", &physics);
		vm_fixture_vm(&f, &ram);
		vcpu = vm_fixture_vcpu(&f, 0);
		if (inside)
			assert_i64(s2_vcpu_guest_access(vcpu, f.p, &access, &result), 1);
		else
			assert_i64(s2_vcpu_access(vcpu, s2_ipa(RAM), 1, S2_ACCESS_WRITE), 1);
		counts = s2_machine_counts(f.m);
		exits = counts.n[S2_OP_GUEST_EXIT];
		assert_i64(s2_vcpu_power_off(vcpu), 0);
		counts = s2_machine_counts(f.m);
		assert_u64(counts.n[S2_OP_GUEST_EXIT], exits + 1);
		assert_false(s2_physics_in_context(f.p, s2_machine_cpu(f.m, 0)));
		/* Walks begun in the guest may still end: no DSB has come. */
		assert_i64(s2_guest_speculate(f.p, s2_machine_cpu(f.m, 0), &access, &result), 0);
		vm_fixture_down(&f);
	}
}

/* A clear that ends early: what it has cleared is protected, and no TLB lets a write pass. */
static void test_a_clear_that_fails_has_flushed_what_it_cleared(void **state)
{
	const struct s2_tlb_config tlb = s2_tlb_config_default();
	const struct s2_physics_config physics = {.tlb = &tlb, .residue = true};
	const struct s2_guest_access access = {
		.kind = S2_ACCESS_WRITE, .va = {RAM}, .ipa = {RAM}, .cacheable = true};
	struct s2_guest_result result;
	struct s2_vcpu *vcpu;
	struct vm_fixture f;

	(void)state;
	vm_fixture_machine(&f, "max", 2, "kvm-6.12", &physics);
	/* The only error that does not take a host without memory: an empty entry in the way. */
	f.flavour.attr_invalid_eagain = true;
	f.flavour.eagain_ends_walk = true;
	const struct s2_vm_config vc = {.flavour = &f.flavour,
					.vmids = f.vmids,
					.manual_protect = true,
					.initially_set = true};

	assert_i64(s2_vm_create(f.m, &vc, &f.vm), 0);
	assert_i64(s2_vm_add_slot(f.vm, &ram), 0);
	vcpu = vm_fixture_vcpu(&f, 0);
	assert_i64(s2_vcpu_access(vcpu, s2_ipa(RAM), 64 * PAGE, S2_ACCESS_WRITE), 64);
	assert_i64(s2_vm_log_start(f.vm, s2_machine_cpu(f.m, 1), 0), 0);
	assert_i64(s2_vcpu_guest_access(vcpu, f.p, &access, &result), 0);
	assert_i64(s2_vm_log_clear(f.vm, s2_machine_cpu(f.m, 1), 0, 0, 128), -EAGAIN);
	assert_false(s2_vm_log_is_dirty(f.vm, 0, 0));
	assert_u64(s2_residue_count(f.p, s2_mmu_vmid(s2_vm_mmu(f.vm))), 0);
	assert_i64(s2_vcpu_guest_access(vcpu, f.p, &access, &result), 1);
	assert_true(s2_vm_log_is_dirty(f.vm, 0, 0));
	vm_fixture_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(test_another_machines_cpu_is_refused_and_nothing_changes),
		s2_unit_test(test_another_machines_vmids_are_refused),
		s2_unit_test(test_a_vcpu_that_powers_off_exits_once),
		s2_unit_test(test_a_clear_that_fails_has_flushed_what_it_cleared),
	};

	return cmocka_run_group_tests_name("hyp/vm_errors", tests, NULL, NULL);
}
