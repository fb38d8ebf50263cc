/* SPDX-License-Identifier: MIT */
/* What the host's notifiers ask of a VM, and how far kernels do it. */
#include "hyp/vm/vm_fixture.h"

#define PAGE UINT64_C(4096)
#define MIB  (UINT64_C(1) << 20)
#define RAM  UINT64_C(0x80000000)
#define HVA  UINT64_C(0x7f0000000000)

static void up(struct vm_fixture *f, const char *flavour, uint64_t backing)
{
	const struct s2_slot_config ram = {
		.ipa = {RAM},
		.size = 4 * MIB,
		.hva = {HVA},
		.pa = {0x100000000},
		.backing = backing,
		.populated = true,
	};

	vm_fixture_machine(f, "cortex-a55", 2, flavour, NULL);
	vm_fixture_vm(f, &ram);
	vm_fixture_vcpu(f, 0);
}

static bool is_young(const struct vm_fixture *f, uint64_t page)
{
	struct s2_leaf leaf;

	assert_i64(s2_pgtable_lookup(s2_vm_mmu(f->vm), NULL, s2_ipa(RAM + page * PAGE), &leaf), 0);
	return s2_pte_valid(leaf.pte) && s2_pte_accessed(leaf.pte);
}

/* kvm_age_gfn(): mkold(range->start) in v6.1, a walk of the range from v6.6 on. */
static void aging_a_range_ages_all_of_it_or_its_first_entry(void **state)
{
	static const struct {
		const char *flavour;
		uint64_t backing;
		uint64_t written; /* descriptors */
		bool all;
	} rows[] = {
		{"kvm-6.1", 4096, 1, false},	    {"kvm-6.12", 4096, 512, true},
		{"kvm-7.2", 4096, 512, true},	    {"kvm-6.1", 0x200000, 1, true},
		{"kvm-6.12", 0x200000, 1, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_counts before, now;
		struct vm_fixture f;
		struct s2_cpu *cpu;

		s2_test_row("row %zu", i);
		up(&f, rows[i].flavour, rows[i].backing);
		cpu = s2_machine_cpu(f.m, 0);
		s2_vcpu_access(s2_vm_vcpu(f.vm, 0), s2_ipa(RAM), 2 * MIB, S2_ACCESS_WRITE);
		before = s2_machine_counts(f.m);
		assert_i64(s2_vm_age_hva(f.vm, cpu, s2_va(HVA), 2 * MIB), 1);
		now = s2_machine_counts(f.m);
		now = s2_counts_since(&before, &now);
		assert_u64(now.n[S2_OP_PTE_WRITE], rows[i].written);
		assert_u64(now.n[S2_OP_TLBI_VMALLS12E1IS], 1);
		assert_false(is_young(&f, 0));
		assert_int_equal(is_young(&f, 1), !rows[i].all);
		assert_int_equal(is_young(&f, 511), !rows[i].all);
		vm_fixture_down(&f);
	}
}

/* Whose first page is not mapped has nothing that v6.1 would see. */
static void a_range_is_as_young_as_what_is_looked_at(void **state)
{
	static const char *const flavours[] = {"kvm-6.1", "kvm-6.12"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flavours); i++) {
		const bool all = i == 1;
		struct s2_counts before, now;
		struct vm_fixture f;

		s2_test_row("%s", flavours[i]);
		up(&f, flavours[i], PAGE);
		s2_vcpu_access(s2_vm_vcpu(f.vm, 0), s2_ipa(RAM + PAGE), PAGE, S2_ACCESS_WRITE);
		before = s2_machine_counts(f.m);
		assert_i64(s2_vm_age_hva(f.vm, s2_machine_cpu(f.m, 0), s2_va(HVA), 2 * PAGE), all);
		now = s2_machine_counts(f.m);
		now = s2_counts_since(&before, &now);
		assert_u64(now.n[S2_OP_TLBI_VMALLS12E1IS], all);
		assert_int_equal(is_young(&f, 1), !all);
		vm_fixture_down(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(aging_a_range_ages_all_of_it_or_its_first_entry),
		s2_unit_test(a_range_is_as_young_as_what_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
