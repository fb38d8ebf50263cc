/* SPDX-License-Identifier: MIT */
/* A VM asked for what cannot be: refused, nothing issued or changed; and who goes before whom. */
#include "vm_fixture.h"

#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

static const int no_numbers[] = {-1, 99, 255, 256, INT_MAX, INT_MIN};
static const struct s2_slot_config slot = {.ipa = {64 * MIB},
					   .size = 64 * MIB,
					   .hva = {64 * MIB},
					   .pa = {64 * MIB},
					   .backing = 4096,
					   .populated = true};

/* A VM with a slot, a vcpu loaded and one not, logging; another machine with physics. */
struct misuse {
	struct vm_fixture f, other;
	struct s2_vcpu *vcpu, *idle;
	struct s2_cpu *cpu, *foreign;
	struct s2_counts before, other_before;
	struct s2_pgtable_state tables;
	int64_t dirty;
};

static void remember(struct misuse *u)
{
	u->before = s2_machine_counts(u->f.m);
	u->other_before = s2_machine_counts(u->other.m);
	s2_pgtable_state(s2_vm_mmu(u->f.vm), &u->tables);
	u->dirty = s2_vm_log_get(u->f.vm, u->cpu, 0);
}

static void nothing_has_happened(const struct misuse *u)
{
	const struct s2_counts now = s2_machine_counts(u->f.m);
	const struct s2_counts other = s2_machine_counts(u->other.m);
	struct s2_pgtable_state tables;

	s2_pgtable_state(s2_vm_mmu(u->f.vm), &tables);
	assert_memory_equal(&now, &u->before, sizeof(now));
	assert_memory_equal(&other, &u->other_before, sizeof(other));
	assert_memory_equal(&tables, &u->tables, sizeof(tables));
	assert_i64(s2_vm_log_get(u->f.vm, u->cpu, 0), u->dirty);
}

static void up(struct misuse *u)
{
	const struct s2_tlb_config tlb = s2_tlb_config_default();
	const struct s2_physics_config physics = {.tlb = &tlb, .memory = true};

	memset(u, 0, sizeof(*u));
	vm_fixture_machine(&u->f, "max,-fwb", 4, "newest", &physics);
	vm_fixture_machine(&u->other, "max,-fwb", 64, "newest", &physics);
	u->f.config.manual_protect = true;
	vm_fixture_vm(&u->f, &slot);
	u->vcpu = vm_fixture_vcpu(&u->f, 0);
	u->idle = vm_fixture_vcpu(&u->f, -1);
	u->cpu = s2_machine_cpu(u->f.m, 0);
	u->foreign = s2_machine_cpu(u->other.m, 63);
	assert_i64(s2_vm_log_start(u->f.vm, u->cpu, 0), 0);
	assert_i64(s2_vcpu_access(u->vcpu, slot.ipa, MIB, S2_ACCESS_WRITE), 256);
	remember(u);
}

static void down(struct misuse *u)
{
	vm_fixture_down(&u->f);
	vm_fixture_down(&u->other);
}

static void a_vm_that_cannot_be_is_refused(void **state)
{
	struct s2_flavour odd = *s2_flavour_find("newest");
	struct s2_vm_config bad[8];
	struct s2_vm *vm = NULL;
	struct misuse u;

	(void)state;
	up(&u);
	odd.toggle = (enum s2_toggle)99;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = u.f.config;
	bad[0].flavour = NULL;
	bad[1].vmids = NULL;
	bad[2].vmids = u.other.vmids;
	bad[3].flavour = &odd;
	bad[4].ipa_bits = 31;
	bad[5].ipa_bits = UINT_MAX;
	bad[6].split_chunk = 12345;
	bad[7].manual_protect = false;
	bad[7].initially_set = true;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("%zu", i);
		assert_i64(s2_vm_create(u.f.m, &bad[i], &vm), -EINVAL);
		assert_null(vm);
	}
	nothing_has_happened(&u);
	down(&u);
}

static void a_slot_that_cannot_be_is_refused(void **state)
{
	struct s2_slot_config bad[9];
	static const int error[ARRAY_SIZE(bad)] = {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL,
						   -EINVAL, -ERANGE, -ERANGE, -EEXIST};
	struct misuse u;

	(void)state;
	up(&u);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		bad[i] = slot;
		bad[i].ipa.v = 1024 * MIB;
	}
	bad[0].life = (enum s2_backing_life)2;
	bad[1].life = (enum s2_backing_life)-1;
	bad[2].size = 0;
	bad[3].backing = 12345;
	bad[4].hva.v = UINT64_MAX - 4095;
	bad[5].size = UINT64_MAX;
	bad[6].ipa.v = UINT64_MAX - 4095;
	bad[7].pa.v = UINT64_MAX - 4095;
	bad[8].ipa = slot.ipa;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("%zu", i);
		assert_i64(s2_vm_add_slot(u.f.vm, &bad[i]), error[i]);
	}
	nothing_has_happened(&u);
	down(&u);
}

static void a_slot_number_of_none_names_nothing(void **state)
{
	struct misuse u;

	(void)state;
	up(&u);
	for (size_t i = 0; i < ARRAY_SIZE(no_numbers); i++) {
		const int n = no_numbers[i];

		s2_test_row("number %d", n);
		assert_null(s2_vm_vcpu(u.f.vm, n));
		assert_i64(s2_vm_delete_slot(u.f.vm, u.cpu, n), -EINVAL);
		assert_i64(s2_vm_log_start(u.f.vm, u.cpu, n), -EINVAL);
		assert_i64(s2_vm_log_stop(u.f.vm, u.cpu, n), -EINVAL);
		assert_i64(s2_vm_log_get(u.f.vm, u.cpu, n), -EINVAL);
		assert_i64(s2_vm_log_clear(u.f.vm, u.cpu, n, 0, 64), -EINVAL);
		assert_false(s2_vm_log_is_dirty(u.f.vm, n, 0));
	}
	assert_false(s2_vm_log_is_dirty(u.f.vm, 0, UINT64_MAX));
	nothing_has_happened(&u);
	down(&u);
}

static void a_clear_is_of_whole_words_of_the_slot(void **state)
{
	static const uint64_t bad[][2] = {{1, 64},	    {0, 0},		 {0, 63},
					  {0, 16384 + 64},  {16384, 64},	 {64, UINT64_MAX},
					  {UINT64_MAX - 63, 64}, {UINT64_MAX, UINT64_MAX}};
	struct misuse u;

	(void)state;
	up(&u);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("%zu", i);
		assert_i64(s2_vm_log_clear(u.f.vm, u.cpu, 0, bad[i][0], bad[i][1]), -EINVAL);
	}
	nothing_has_happened(&u);
	down(&u);
}

static void a_flush_of_what_was_cleared_is_of_the_slot(void **state)
{
	const struct s2_range whole = s2_range(64 * MIB, 64 * MIB);
	const struct s2_range far = s2_range(UINT64_C(1) << 40, 64 * MIB);
	struct misuse u;

	(void)state;
	up(&u);
	assert_i64(s2_vm_flush_cleared(u.f.vm, u.cpu, whole, s2_range(0, 4096)), -EINVAL);
	assert_i64(s2_vm_flush_cleared(u.f.vm, u.cpu, whole, s2_range(64 * MIB, 0)), -EINVAL);
	assert_i64(s2_vm_flush_cleared(u.f.vm, u.cpu, whole, s2_range(64 * MIB + 1, 4096)), -EINVAL);
	assert_i64(s2_vm_flush_cleared(u.f.vm, u.foreign, whole, whole), -EINVAL);
	assert_i64(s2_vm_flush_cleared(u.f.vm, u.cpu, far, far), -ERANGE);
	nothing_has_happened(&u);
	down(&u);
}

static void a_call_is_made_on_a_cpu_of_the_machine(void **state)
{
	struct misuse u;

	(void)state;
	up(&u);
	assert_i64(s2_vm_delete_slot(u.f.vm, u.foreign, 0), -EINVAL);
	assert_i64(s2_vcpu_load(u.idle, u.foreign), -EINVAL);
	assert_i64(s2_vcpu_reset(u.idle, u.foreign), -EINVAL);
	assert_i64(s2_vm_log_start(u.f.vm, u.foreign, 0), -EINVAL);
	assert_i64(s2_vm_log_stop(u.f.vm, u.foreign, 0), -EINVAL);
	assert_i64(s2_vm_log_get(u.f.vm, u.foreign, 0), -EINVAL);
	assert_i64(s2_vm_log_clear(u.f.vm, u.foreign, 0, 0, 64), -EINVAL);
	assert_i64(s2_vm_unmap_hva(u.f.vm, u.foreign, slot.hva, MIB, S2_UNMAP_EVENT), -EINVAL);
	assert_i64(s2_vm_age_hva(u.f.vm, u.foreign, slot.hva, MIB), -EINVAL);
	assert_i64(s2_vm_teardown(u.f.vm, u.foreign), -EINVAL);
	nothing_has_happened(&u);
	down(&u);
}

static void the_host_takes_pages_for_a_reason(void **state)
{
	static const uint64_t bad[][2] = {
		{0, 0}, {1, 4096}, {0, 4095}, {UINT64_MAX - 4095, 8192}, {4096, UINT64_MAX - 4095}};
	struct misuse u;

	(void)state;
	up(&u);
	for (size_t i = 0; i < ARRAY_SIZE(no_numbers); i++)
		assert_i64(s2_vm_unmap_hva(u.f.vm, u.cpu, slot.hva, MIB,
					   (enum s2_unmap_reason)no_numbers[i]),
			   -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("%zu", i);
		assert_i64(s2_vm_unmap_hva(u.f.vm, u.cpu, s2_va(bad[i][0]), bad[i][1],
					   S2_UNMAP_CLEAR),
			   -EINVAL);
		assert_i64(s2_vm_age_hva(u.f.vm, u.cpu, s2_va(bad[i][0]), bad[i][1]), -EINVAL);
	}
	nothing_has_happened(&u);
	down(&u);
}

static void an_access_is_of_a_kind_and_within_the_ipa_space(void **state)
{
	struct misuse u;

	(void)state;
	up(&u);
	for (size_t i = 0; i < ARRAY_SIZE(no_numbers); i++)
		assert_i64(s2_vcpu_access(u.vcpu, slot.ipa, 1, (enum s2_access)no_numbers[i]),
			   -EINVAL);
	assert_i64(s2_vcpu_access(u.vcpu, slot.ipa, 1, (enum s2_access)3), -EINVAL);
	assert_i64(s2_vcpu_access(u.vcpu, slot.ipa, 0, S2_ACCESS_READ), -EINVAL);
	assert_i64(s2_vcpu_access(u.vcpu, s2_ipa(UINT64_C(1) << 40), 1, S2_ACCESS_READ), -EINVAL);
	assert_i64(s2_vcpu_access(u.vcpu, s2_ipa(UINT64_MAX), 1, S2_ACCESS_READ), -EINVAL);
	assert_i64(s2_vcpu_access(u.vcpu, s2_ipa(1), UINT64_MAX, S2_ACCESS_READ), -EINVAL);
	nothing_has_happened(&u);
	down(&u);
}

static void a_vcpu_that_is_not_loaded_does_nothing(void **state)
{
	const struct s2_fault fault = {.raised = true, .code = S2_FAULT_TRANSLATION, .level = 3};
	const struct s2_guest_access access = {.kind = S2_ACCESS_READ};
	struct s2_guest_result result;
	struct misuse u;

	(void)state;
	up(&u);
	assert_i64(s2_vcpu_put(u.idle), -EINVAL);
	assert_i64(s2_vcpu_power_off(u.idle), -EINVAL);
	assert_i64(s2_vcpu_access(u.idle, slot.ipa, 1, S2_ACCESS_READ), -EINVAL);
	assert_i64(s2_vcpu_abort(u.idle, &fault, NULL), -EINVAL);
	assert_i64(s2_vcpu_guest_access(u.idle, u.f.p, &access, &result), -EINVAL);
	assert_i64(s2_vcpu_set_caches(u.idle, true), -EINVAL);
	assert_i64(s2_vcpu_write_vm_regs(u.idle, UINT_MAX), -EINVAL);
	assert_i64(s2_vcpu_set_way(u.idle, UINT_MAX), -EINVAL);
	s2_vcpu_exit(u.idle);
	/* And one that is loaded is not loaded, reset or powered on again. */
	assert_i64(s2_vcpu_load(u.vcpu, s2_machine_cpu(u.f.m, 1)), -EBUSY);
	assert_i64(s2_vcpu_load(u.idle, u.cpu), -EBUSY);
	assert_i64(s2_vcpu_reset(u.vcpu, u.cpu), -EINVAL);
	assert_i64(s2_vcpu_power_on(u.vcpu), -EINVAL);
	assert_i64(s2_vm_teardown(u.f.vm, u.cpu), -EBUSY);
	nothing_has_happened(&u);
	down(&u);
}

/* Refused before the guest is entered: no world switch is issued for it. */
static void a_guest_access_is_by_its_machines_physics(void **state)
{
	static const struct s2_guest_access bad[] = {
		{.kind = (enum s2_access)3}, {.kind = (enum s2_access)-1},
		{.s1_shift = 11},	     {.va = {0x1000}, .ipa = {0x2000}},
	};
	const struct s2_guest_access access = {.kind = S2_ACCESS_READ, .va = {64 * MIB},
					       .ipa = {64 * MIB}};
	struct s2_guest_result result;
	struct misuse u;

	(void)state;
	up(&u);
	assert_i64(s2_vcpu_guest_access(u.vcpu, u.other.p, &access, &result), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("%zu", i);
		assert_i64(s2_vcpu_guest_access(u.vcpu, u.f.p, &bad[i], &result), -EINVAL);
	}
	nothing_has_happened(&u);
	assert_i64(s2_vcpu_guest_access(u.vcpu, u.f.p, &access, &result), 0);
	down(&u);
}

static void an_abort_is_what_a_syndrome_can_tell(void **state)
{
	const struct s2_fault good = {
		.raised = true, .code = S2_FAULT_TRANSLATION, .level = 3, .ipa = {100 * MIB}};
	const struct s2_host_page pages[] = {
		{{0}, 12345, 0},
		{{1}, 4096, 0},
		{{0}, 4096, 1U << 5},
		{{0}, 0, 0},
	};
	struct s2_fault bad[8];
	static const int error[ARRAY_SIZE(bad)] = {-EINVAL, -EINVAL, -EINVAL, -EINVAL,
						   -EINVAL, -ERANGE, -EFAULT, -EFAULT};
	struct misuse u;

	(void)state;
	up(&u);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = good;
	bad[0].raised = false;
	bad[1].level = 4;
	bad[2].level = -1;
	bad[2].code = S2_FAULT_PERMISSION;
	bad[3].code = (enum s2_fault_code)64;
	bad[4].code = (enum s2_fault_code)-1;
	bad[5].ipa.v = UINT64_MAX;
	bad[6].code = S2_FAULT_EXTERNAL_ON_WALK;
	bad[7].ipa.v = 0; /* in no slot */
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("%zu", i);
		assert_i64(s2_vcpu_abort(u.vcpu, &bad[i], NULL), error[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		assert_i64(s2_vcpu_abort(u.vcpu, &good, &pages[i]), -EINVAL);
	nothing_has_happened(&u);
	down(&u);
}

/* Tables taken from under a VM by hand: its calls say so, and it can be freed. */
static void a_vm_whose_tables_were_destroyed_can_only_be_freed(void **state)
{
	struct s2_guest_result result;
	const struct s2_guest_access access = {.kind = S2_ACCESS_READ, .va = {64 * MIB},
					       .ipa = {64 * MIB}};
	struct misuse u;

	(void)state;
	up(&u);
	assert_i64(s2_pgtable_destroy(s2_vm_mmu(u.f.vm), u.cpu), 0);
	for (int i = 0; i < 4; i++)
		assert_i64(s2_vcpu_access(u.vcpu, slot.ipa, 4096, S2_ACCESS_WRITE), -EINVAL);
	assert_true(s2_vcpu_guest_access(u.vcpu, u.f.p, &access, &result) < 0);
	assert_i64(s2_vm_unmap_hva(u.f.vm, u.cpu, slot.hva, MIB, S2_UNMAP_EVENT), -EINVAL);
	assert_i64(s2_vcpu_put(u.vcpu), 0);
	assert_i64(s2_vcpu_load(u.vcpu, u.cpu), -EINVAL);
	assert_i64(s2_vcpu_reset(u.vcpu, u.cpu), -EINVAL);
	assert_i64(s2_vm_delete_slot(u.f.vm, u.cpu, 0), -EINVAL);
	assert_i64(s2_vm_teardown(u.f.vm, u.cpu), -EINVAL);
	assert_i64(s2_physics_error(u.f.p), 0);
	down(&u);
}

static void a_vm_that_was_torn_down_takes_nothing_more(void **state)
{
	struct misuse u;

	(void)state;
	up(&u);
	assert_i64(s2_vcpu_put(u.vcpu), 0);
	assert_i64(s2_vm_teardown(u.f.vm, u.cpu), 0);
	assert_i64(s2_vm_teardown(u.f.vm, u.cpu), -EINVAL);
	assert_i64(s2_vm_add_slot(u.f.vm, &slot), -EINVAL);
	assert_i64(s2_vm_add_vcpu(u.f.vm), -EBUSY);
	assert_i64(s2_vcpu_load(u.vcpu, u.cpu), -EINVAL);
	assert_i64(s2_vcpu_reset(u.vcpu, u.cpu), -EINVAL);
	assert_i64(s2_vcpu_power_on(u.vcpu), -EINVAL);
	assert_i64(s2_vm_delete_slot(u.f.vm, u.cpu, 0), -EINVAL);
	assert_i64(s2_vm_log_get(u.f.vm, u.cpu, 0), -EINVAL);
	assert_i64(s2_vm_unmap_hva(u.f.vm, u.cpu, slot.hva, MIB, S2_UNMAP_EVENT), -EINVAL);
	down(&u);
}

/* ---- the order of destruction ---- */

static void free_vmids(struct vm_fixture *f)
{
	s2_vmids_free(f->vmids);
}

static void free_mmu(struct vm_fixture *f)
{
	s2_mmu_free(s2_vm_mmu(f->vm));
}

static void free_machine(struct vm_fixture *f)
{
	s2_machine_destroy(f->m);
}

/* The VM and its VMIDs have gone, the physics is there. */
static void free_machine_under_physics(struct vm_fixture *f)
{
	s2_vm_free(f->vm);
	s2_vmids_free(f->vmids);
	s2_machine_destroy(f->m);
}

/* @return the signal that @destroy ends a child with, 0 if none */
static int signal_of(struct vm_fixture *f, void (*destroy)(struct vm_fixture *f))
{
	const pid_t child = fork();
	int status;

	if (child == 0) {
		const struct rlimit none = {0, 0};

		/* The default action, no core, and nothing on the test's output. */
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		destroy(f);
		_exit(0);
	}
	assert_true(child > 0);
	assert_i64(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void a_debug_build_asserts_the_order_of_destruction(void **state)
{
	void (*const wrong[])(struct vm_fixture *f) = {free_vmids, free_mmu, free_machine,
						       free_machine_under_physics};
	struct misuse u;

	(void)state;
#ifdef NDEBUG
	skip();
#endif
	up(&u);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		s2_test_row("%zu", i);
		assert_i64(signal_of(&u.f, wrong[i]), SIGABRT);
	}
	down(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_vm_that_cannot_be_is_refused),
		s2_unit_test(a_slot_that_cannot_be_is_refused),
		s2_unit_test(a_slot_number_of_none_names_nothing),
		s2_unit_test(a_clear_is_of_whole_words_of_the_slot),
		s2_unit_test(a_flush_of_what_was_cleared_is_of_the_slot),
		s2_unit_test(a_call_is_made_on_a_cpu_of_the_machine),
		s2_unit_test(the_host_takes_pages_for_a_reason),
		s2_unit_test(an_access_is_of_a_kind_and_within_the_ipa_space),
		s2_unit_test(a_vcpu_that_is_not_loaded_does_nothing),
		s2_unit_test(a_guest_access_is_by_its_machines_physics),
		s2_unit_test(an_abort_is_what_a_syndrome_can_tell),
		s2_unit_test(a_vm_whose_tables_were_destroyed_can_only_be_freed),
		s2_unit_test(a_vm_that_was_torn_down_takes_nothing_more),
		s2_unit_test(a_debug_build_asserts_the_order_of_destruction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
