/* SPDX-License-Identifier: MIT */
/* What the host has behind memory that it was never asked to populate. */
#include "hyp/vm/vm_fixture.h"

#define PAGE  UINT64_C(0x1000)
#define BLOCK UINT64_C(0x200000)
#define RAM   UINT64_C(0x80000000)
#define HVA   UINT64_C(0x7f0000000000)
#define PA    UINT64_C(0x100000000)

struct rig {
	struct vm_fixture f;
	struct s2_vm *vm;
	struct s2_vcpu *vcpu;
};

/* Four blocks of guest memory, from @skew bytes into a host page on. */
static void rig_up(struct rig *r, uint64_t skew)
{
	const struct s2_slot_config ram = {
		.ipa = {RAM + skew},
		.size = 4 * BLOCK - skew,
		.hva = {HVA + skew},
		.pa = {PA + skew},
		.backing = BLOCK,
	};

	vm_fixture_machine(&r->f, "neoverse-n1,-repeat_tlbi", 2, "kvm-6.12", NULL);
	vm_fixture_vm(&r->f, &ram);
	r->vm = r->f.vm;
	r->vcpu = vm_fixture_vcpu(&r->f, 0);
}

static void rig_down(struct rig *r)
{
	vm_fixture_down(&r->f);
}

static int64_t touch(struct rig *r, uint64_t offset, enum s2_access access)
{
	return s2_vcpu_access(r->vcpu, s2_ipa(RAM + offset), 1, access);
}

static void expect_leaf(struct rig *r, uint64_t offset, int level, bool writable)
{
	struct s2_leaf leaf;

	assert_i64(s2_pgtable_lookup(s2_vm_mmu(r->vm), NULL, s2_ipa(RAM + offset), &leaf), 0);
	assert_true(s2_pte_valid(leaf.pte));
	assert_i64(leaf.level, level);
	assert_u64(s2_pte_writable(leaf.pte), writable);
	if (writable)
		assert_u64(leaf.pa.v, PA + offset);
}

static void a_first_write_gets_a_huge_page_and_a_first_read_the_zero_page(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, 0);
	assert_i64(touch(&r, 5 * PAGE, S2_ACCESS_WRITE), 1);
	expect_leaf(&r, 5 * PAGE, 2, true);
	assert_i64(touch(&r, BLOCK + 5 * PAGE, S2_ACCESS_READ), 1);
	expect_leaf(&r, BLOCK + 5 * PAGE, 3, false);
	/* From then on the host has pages there, written or read. */
	assert_i64(touch(&r, BLOCK + 5 * PAGE, S2_ACCESS_WRITE), 1);
	expect_leaf(&r, BLOCK + 5 * PAGE, 3, true);
	assert_i64(touch(&r, BLOCK + 9 * PAGE, S2_ACCESS_WRITE), 1);
	expect_leaf(&r, BLOCK + 9 * PAGE, 3, true);
	/* A fetch from the zero page makes progress. */
	assert_i64(touch(&r, BLOCK + 11 * PAGE, S2_ACCESS_READ), 1);
	assert_i64(touch(&r, BLOCK + 11 * PAGE, S2_ACCESS_FETCH), 1);
	rig_down(&r);
}

static void a_slot_that_begins_within_a_host_page_has_pages_there(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, 3 * PAGE);
	assert_i64(touch(&r, 5 * PAGE, S2_ACCESS_WRITE), 1);
	expect_leaf(&r, 5 * PAGE, 3, true);
	/* The rest of that host page came with it: nothing is zero any more. */
	assert_i64(touch(&r, 6 * PAGE, S2_ACCESS_READ), 1);
	expect_leaf(&r, 6 * PAGE, 3, true);
	assert_i64(touch(&r, BLOCK, S2_ACCESS_WRITE), 1);
	expect_leaf(&r, BLOCK, 2, true);
	rig_down(&r);
}

static void what_munmap_takes_is_gone_and_what_migration_takes_comes_back(void **state)
{
	struct s2_cpu *host;
	struct rig r;

	(void)state;
	rig_up(&r, 0);
	host = s2_machine_cpu(r.f.m, 1);
	assert_i64(touch(&r, 0, S2_ACCESS_WRITE), 1);
	assert_i64(s2_vm_unmap_hva(r.vm, host, s2_va(HVA), BLOCK, S2_UNMAP_CLEAR), 0);
	assert_i64(touch(&r, 0, S2_ACCESS_READ), 1);
	expect_leaf(&r, 0, 2, true);
	assert_i64(s2_vm_unmap_hva(r.vm, host, s2_va(HVA), BLOCK, S2_UNMAP_EVENT), 0);
	assert_i64(touch(&r, 0, S2_ACCESS_READ), 1);
	expect_leaf(&r, 0, 3, false);
	/* All of it, so that a huge page fits again. */
	assert_i64(s2_vm_unmap_hva(r.vm, host, s2_va(HVA), BLOCK, S2_UNMAP_EVENT), 0);
	assert_i64(touch(&r, 0, S2_ACCESS_WRITE), 1);
	expect_leaf(&r, 0, 2, true);
	/* A part of it: the rest stays, as pages. */
	assert_i64(s2_vm_unmap_hva(r.vm, host, s2_va(HVA), 7 * PAGE, S2_UNMAP_EVENT), 0);
	assert_i64(touch(&r, 7 * PAGE, S2_ACCESS_READ), 1);
	expect_leaf(&r, 7 * PAGE, 3, true);
	assert_i64(touch(&r, 6 * PAGE, S2_ACCESS_READ), 1);
	expect_leaf(&r, 6 * PAGE, 3, false);
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_first_write_gets_a_huge_page_and_a_first_read_the_zero_page),
		s2_unit_test(a_slot_that_begins_within_a_host_page_has_pages_there),
		s2_unit_test(what_munmap_takes_is_gone_and_what_migration_takes_comes_back),
	};

	return cmocka_run_group_tests_name("host_pages", tests, NULL, NULL);
}
