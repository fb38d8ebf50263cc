/* SPDX-License-Identifier: MIT */
/* Faults as a syndrome tells them, with the page that the host found or the slot's. */
#include "hyp/vm/vm_fixture.h"

#define PAGE  UINT64_C(0x1000)
#define BLOCK UINT64_C(0x200000)
#define RAM   UINT64_C(0x80000000)

/* The second vcpu is loaded nowhere. */
struct vm {
	struct vm_fixture f;
	struct s2_vcpu *vcpu[2];
};

static void vm_up(struct vm *s, const char *machine)
{
	const struct s2_slot_config ram = {.ipa = {RAM},
					   .size = 4 * BLOCK,
					   .hva = {UINT64_C(0x7f0000000000)},
					   .pa = {UINT64_C(0x100000000)},
					   .backing = PAGE,
					   .populated = true};

	vm_fixture_machine(&s->f, machine, 2, "kvm-6.12", NULL);
	vm_fixture_vm(&s->f, &ram);
	s->vcpu[0] = vm_fixture_vcpu(&s->f, 0);
	s->vcpu[1] = vm_fixture_vcpu(&s->f, -1);
}

static struct s2_fault fault_at(uint64_t ipa, enum s2_fault_code code, int8_t level)
{
	return (struct s2_fault){
		.raised = true, .code = code, .level = level, .write = true, .ipa = s2_ipa(ipa)};
}

static void an_abort_maps_what_the_host_found(void **state)
{
	const struct s2_host_page block = {s2_pa(UINT64_C(0x140000000)), BLOCK, S2_PROT_W};
	const struct s2_host_page device = {s2_pa(UINT64_C(0x8000000)), PAGE,
					    S2_PROT_W | S2_PROT_DEVICE};
	struct s2_fault fault = fault_at(RAM + BLOCK + 5 * PAGE, S2_FAULT_TRANSLATION, 2);
	struct s2_leaf leaf;
	struct vm s;

	(void)state;
	vm_up(&s, "cortex-a55");
	assert_i64(s2_vcpu_abort(s.vcpu[0], &fault, &block), 0);
	assert_i64(s2_pgtable_lookup(s2_vm_mmu(s.f.vm), NULL, fault.ipa, &leaf), 0);
	assert_i64(leaf.level, 2);
	assert_u64(leaf.pa.v, UINT64_C(0x140000000) + 5 * PAGE);
	/* Outside of every slot too: the host says what is there. */
	fault = fault_at(UINT64_C(0x8000000), S2_FAULT_TRANSLATION, 1);
	assert_i64(s2_vcpu_abort(s.vcpu[0], &fault, &device), 0);
	assert_i64(s2_pgtable_lookup(s2_vm_mmu(s.f.vm), NULL, fault.ipa, &leaf), 0);
	assert_true(s2_pte_valid(leaf.pte) && leaf.level == 3);
	assert_u64(s2_machine_counts(s.f.m).n[S2_OP_DC_CIVAC], BLOCK / 64);
	vm_fixture_down(&s.f);
}

static void an_abort_grants_what_the_host_allows_and_the_access_needs(void **state)
{
	static const struct {
		const char *machine;
		unsigned prot;
		bool exec, writable, executable, cacheable;
	} rows[] = {
		{"cortex-a55", S2_PROT_W, false, true, false, true},
		{"cortex-a55", 0, false, false, false, true},
		{"cortex-a55", S2_PROT_W, true, true, true, true},
		/* With DIC there is nothing to wait for, but devices are no code. */
		{"max", 0, false, false, true, true},
		{"max", S2_PROT_W | S2_PROT_DEVICE, false, true, false, false},
		{"max", S2_PROT_W | S2_PROT_NORMAL_NC, false, true, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct s2_host_page page = {s2_pa(UINT64_C(0x140000000)), PAGE, rows[i].prot};
		struct s2_fault fault = fault_at(RAM, S2_FAULT_TRANSLATION, 3);
		struct s2_pte_format fmt;
		struct s2_leaf leaf;
		struct vm s;

		s2_test_row("%s, prot 0x%x, exec %d", rows[i].machine, rows[i].prot, rows[i].exec);
		fault.exec = rows[i].exec;
		fault.write = false;
		vm_up(&s, rows[i].machine);
		fmt = s2_mmu_pte_format(s2_vm_mmu(s.f.vm));
		assert_i64(s2_vcpu_abort(s.vcpu[0], &fault, &page), 0);
		assert_i64(s2_pgtable_lookup(s2_vm_mmu(s.f.vm), NULL, fault.ipa, &leaf), 0);
		assert_true(s2_pte_valid(leaf.pte) && s2_pte_readable(leaf.pte));
		assert_u64(s2_pte_writable(leaf.pte), rows[i].writable);
		assert_u64(s2_pte_executable(leaf.pte, &fmt), rows[i].executable);
		assert_u64(s2_pte_cacheable(leaf.pte, &fmt), rows[i].cacheable);
		vm_fixture_down(&s.f);
	}
}

/* A permission fault on an entry of the host page's size is relaxed, on another one mapped. */
static void an_abort_of_permission_relaxes_only_an_entry_of_the_hosts_size(void **state)
{
	const struct s2_host_page block = {s2_pa(UINT64_C(0x140000000)), BLOCK, 0};
	const struct s2_host_page page = {s2_pa(UINT64_C(0x140000000)), PAGE, S2_PROT_W};
	const struct s2_fault map = fault_at(RAM, S2_FAULT_TRANSLATION, 2);
	const struct s2_fault deny = fault_at(RAM, S2_FAULT_PERMISSION, 2);
	struct s2_host_page written = block;
	struct s2_leaf leaf;
	struct vm s;

	(void)state;
	written.prot = S2_PROT_W;
	for (unsigned small = 0; small < 2; small++) {
		s2_test_row("a page: %u", small);
		vm_up(&s, "cortex-a55");
		assert_i64(s2_vcpu_abort(s.vcpu[0], &map, &block), 0);
		assert_i64(s2_vcpu_abort(s.vcpu[0], &deny, small ? &page : &written), 0);
		assert_i64(s2_pgtable_lookup(s2_vm_mmu(s.f.vm), NULL, s2_ipa(RAM), &leaf), 0);
		assert_i64(leaf.level, small ? 3 : 2);
		assert_true(s2_pte_writable(leaf.pte));
		/* Relaxed here only, or broken for all. */
		assert_u64(s2_machine_counts(s.f.m).n[S2_OP_TLBI_IPAS2E1], !small);
		assert_u64(s2_machine_counts(s.f.m).n[S2_OP_TLBI_IPAS2E1IS], small);
		vm_fixture_down(&s.f);
	}
}

static void an_abort_that_no_vm_can_take_changes_nothing(void **state)
{
	const struct s2_host_page crooked = {s2_pa(UINT64_C(0x140001000)), BLOCK, 0};
	const struct s2_host_page odd = {s2_pa(UINT64_C(0x140000000)), 3 * PAGE, 0};
	const struct s2_host_page unknown = {s2_pa(UINT64_C(0x140000000)), PAGE, 1U << 9};
	const struct s2_fault good = fault_at(RAM, S2_FAULT_TRANSLATION, 3);
	struct s2_fault none = good, deep = good, high = good, external = good, past = good;
	struct s2_counts before, after;
	struct vm s;

	(void)state;
	none.raised = false;
	deep.level = 4;
	high.code = S2_FAULT_PERMISSION;
	high.level = 0;
	external.code = S2_FAULT_EXTERNAL_ON_WALK;
	past.ipa.v = UINT64_C(1) << 40;
	vm_up(&s, "cortex-a55");
	before = s2_machine_counts(s.f.m);
	assert_i64(s2_vcpu_abort(s.vcpu[1], &good, NULL), -EINVAL); /* not loaded */
	assert_i64(s2_vcpu_abort(s.vcpu[0], &none, NULL), -EINVAL);
	assert_i64(s2_vcpu_abort(s.vcpu[0], &deep, NULL), -EINVAL);
	assert_i64(s2_vcpu_abort(s.vcpu[0], &high, NULL), -EINVAL);
	assert_i64(s2_vcpu_abort(s.vcpu[0], &good, &crooked), -EINVAL);
	assert_i64(s2_vcpu_abort(s.vcpu[0], &good, &odd), -EINVAL);
	assert_i64(s2_vcpu_abort(s.vcpu[0], &good, &unknown), -EINVAL);
	assert_i64(s2_vcpu_abort(s.vcpu[0], &external, NULL), -EFAULT);
	assert_i64(s2_vcpu_abort(s.vcpu[0], &past, NULL), -ERANGE);
	past.ipa.v = RAM - PAGE;
	assert_i64(s2_vcpu_abort(s.vcpu[0], &past, NULL), -EFAULT);
	past.code = S2_FAULT_ACCESS_FLAG;
	past.level = 3;
	assert_i64(s2_vcpu_abort(s.vcpu[0], &past, NULL), -EFAULT);
	after = s2_machine_counts(s.f.m);
	assert_memory_equal(&before, &after, sizeof(before));
	vm_fixture_down(&s.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(an_abort_maps_what_the_host_found),
		s2_unit_test(an_abort_grants_what_the_host_allows_and_the_access_needs),
		s2_unit_test(an_abort_of_permission_relaxes_only_an_entry_of_the_hosts_size),
		s2_unit_test(an_abort_that_no_vm_can_take_changes_nothing),
	};

	return cmocka_run_group_tests_name("abort", tests, NULL, NULL);
}
