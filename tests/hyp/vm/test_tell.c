/* SPDX-License-Identifier: MIT */
/*
 * What who watches a machine is told of its VMs: by which number, which part of which slot, and when;
 * and the calls of a guest that issue nothing but are told.
 */
#include "hyp/vm/vm_fixture.h"

#include <errno.h>

#include <stage2sim/act.h>

#define PAGE UINT64_C(0x1000)
#define RAM  UINT64_C(0x80000000)
#define SIZE UINT64_C(0x10000)
#define HVA  UINT64_C(0xffff80000000)
#define PA   UINT64_C(0x100000000)

struct rig {
	struct vm_fixture f;
	struct s2_cpu *cpu;
	struct s2_act acts[16];
	size_t n;
	uint64_t insns;
};

static void hear(void *arg, const struct s2_event *event)
{
	struct rig *r = arg;

	r->insns += event->repeat * event->n_insns;
}

static void told(void *arg, const struct s2_act *act)
{
	struct rig *r = arg;

	assert_true(r->n < ARRAY_SIZE(r->acts));
	r->acts[r->n++] = *act;
}

static struct s2_slot_config slot(unsigned n, enum s2_backing_life life)
{
	return (struct s2_slot_config){
		.ipa = {RAM + n * SIZE},
		.size = SIZE,
		.hva = {HVA + n * SIZE},
		.pa = {PA + 2 * n * SIZE},
		.backing = PAGE,
		.populated = true,
		.life = life,
	};
}

/* Two slots side by side in the guest, apart in the host: of memory that dies, and that is shared. */
static void rig_up(struct rig *r)
{
	const struct s2_sink sink = {.event = hear, .act = told, .arg = r};
	const struct s2_slot_config dies = slot(0, S2_BACKING_DIES);
	const struct s2_slot_config shared = slot(1, S2_BACKING_SHARED);

	memset(r, 0, sizeof(*r));
	vm_fixture_machine(&r->f, "neoverse-n1", 2, "kvm-6.12", NULL);
	vm_fixture_vm(&r->f, &dies);
	assert_i64(s2_vm_add_slot(r->f.vm, &shared), 1);
	r->cpu = s2_machine_cpu(r->f.m, 0);
	assert_i64(s2_machine_add_sink(r->f.m, &sink), 0);
}

static void rig_down(struct rig *r)
{
	assert_i64(s2_machine_remove_sink(r->f.m, r), 0);
	vm_fixture_down(&r->f);
}

static void expect(const struct rig *r, size_t i, enum s2_act_kind kind, uint64_t ipa, uint64_t pa,
		   uint64_t size)
{
	assert_true(i < r->n);
	assert_i64(r->acts[i].kind, kind);
	assert_u64(r->acts[i].vm, s2_vm_number(r->f.vm));
	assert_u64(r->acts[i].ipa.v, ipa);
	assert_u64(r->acts[i].pa.v, pa);
	assert_u64(r->acts[i].size, size);
}

static void vms_are_numbered_in_order_and_no_number_comes_twice(void **state)
{
	struct s2_vm *second, *third;
	struct rig r;

	(void)state;
	rig_up(&r);
	assert_u64(s2_vm_number(r.f.vm), 0);
	assert_i64(s2_vm_create(r.f.m, &r.f.config, &second), 0);
	assert_u64(s2_vm_number(second), 1);
	s2_vm_free(second);
	assert_i64(s2_vm_create(r.f.m, &r.f.config, &third), 0);
	assert_u64(s2_vm_number(third), 2);
	s2_vm_free(third);
	rig_down(&r);
}

static void a_guests_access_and_dc_are_told_slot_by_slot(void **state)
{
	const struct s2_range both = s2_range(RAM + SIZE - PAGE, 3 * PAGE);
	struct s2_vcpu *vcpu;
	struct rig r;

	(void)state;
	rig_up(&r);
	vcpu = vm_fixture_vcpu(&r.f, 0);
	assert_true(s2_vcpu_access(vcpu, both.ipa, both.size, S2_ACCESS_WRITE) > 0);
	assert_u64(r.n, 2);
	expect(&r, 0, S2_ACT_ACCESS, RAM + SIZE - PAGE, PA + SIZE - PAGE, PAGE);
	expect(&r, 1, S2_ACT_ACCESS, RAM + SIZE, PA + 2 * SIZE, 2 * PAGE);
	assert_false(r.acts[0].cacheable);
	r.n = 0;
	r.insns = 0;
	assert_i64(s2_vcpu_maintain(vcpu, both, S2_LINE_CLEAN_INVALIDATE), 0);
	assert_u64(r.n, 2);
	expect(&r, 0, S2_ACT_MAINTAIN, RAM + SIZE - PAGE, PA + SIZE - PAGE, PAGE);
	expect(&r, 1, S2_ACT_MAINTAIN, RAM + SIZE, PA + 2 * SIZE, 2 * PAGE);
	assert_i64(r.acts[1].op, S2_LINE_CLEAN_INVALIDATE);
	assert_u64(r.insns, 0); /* the guest's own, counted nowhere */
	rig_down(&r);
}

static void a_dc_that_cannot_be_is_refused_and_nobody_is_told(void **state)
{
	const struct s2_range page = s2_range(RAM, PAGE);
	struct s2_vcpu *vcpu;
	struct rig r;

	(void)state;
	rig_up(&r);
	vcpu = vm_fixture_vcpu(&r.f, -1);
	assert_i64(s2_vcpu_maintain(vcpu, page, S2_LINE_CLEAN), -EINVAL); /* not loaded */
	assert_i64(s2_vcpu_load(vcpu, r.cpu), 0);
	assert_i64(s2_vcpu_maintain(vcpu, page, S2_LINE_CLEAN), -EFAULT); /* not mapped */
	assert_true(s2_vcpu_access(vcpu, page.ipa, PAGE, S2_ACCESS_READ) > 0);
	r.n = 0;
	assert_i64(s2_vcpu_maintain(vcpu, s2_range(RAM, 2 * PAGE), S2_LINE_CLEAN), -EFAULT);
	assert_i64(s2_vcpu_maintain(vcpu, s2_range(RAM, 0), S2_LINE_CLEAN), -EINVAL);
	assert_i64(s2_vcpu_maintain(vcpu, s2_range(RAM, UINT64_MAX), S2_LINE_CLEAN), -EINVAL);
	assert_i64(s2_vcpu_maintain(vcpu, s2_range(UINT64_C(1) << 40, PAGE), S2_LINE_CLEAN), -EINVAL);
	assert_i64(s2_vcpu_maintain(vcpu, page, S2_LINE_INVALIDATE + 1), -EINVAL);
	assert_u64(r.n, 0);
	assert_i64(s2_vcpu_maintain(vcpu, page, S2_LINE_INVALIDATE), 0);
	assert_u64(r.n, 1);
	assert_i64(s2_vcpu_put(vcpu), 0);
	assert_i64(s2_vm_teardown(r.f.vm, r.cpu), 0);
	assert_i64(s2_vcpu_maintain(vcpu, page, S2_LINE_CLEAN), -EINVAL); /* no tables */
	rig_down(&r);
}

static void a_vcpu_enters_once_until_it_leaves(void **state)
{
	struct s2_vcpu *vcpu;
	struct rig r;
	uint64_t entry;

	(void)state;
	rig_up(&r);
	vcpu = vm_fixture_vcpu(&r.f, -1);
	assert_i64(s2_vcpu_enter(vcpu), -EINVAL); /* not loaded */
	assert_u64(r.insns, 0);
	assert_i64(s2_vcpu_load(vcpu, r.cpu), 0);
	r.insns = 0;
	assert_i64(s2_vcpu_enter(vcpu), 0);
	entry = r.insns;
	assert_true(entry > 0);
	assert_i64(s2_vcpu_enter(vcpu), 0); /* it is in it */
	assert_u64(r.insns, entry);
	s2_vcpu_exit(vcpu);
	s2_vcpu_exit(vcpu); /* it is out */
	r.insns = 0;
	assert_i64(s2_vcpu_enter(vcpu), 0);
	assert_u64(r.insns, entry);
	/* A call on its CPU takes it out. */
	assert_i64(s2_vm_unmap_hva(r.f.vm, r.cpu, s2_va(HVA), PAGE, S2_UNMAP_CLEAR), 0);
	r.insns = 0;
	assert_i64(s2_vcpu_enter(vcpu), 0);
	assert_u64(r.insns, entry);
	assert_i64(s2_vcpu_put(vcpu), 0);
	assert_i64(s2_vm_teardown(r.f.vm, r.cpu), 0);
	assert_i64(s2_vcpu_enter(vcpu), -EINVAL); /* no tables */
	rig_down(&r);
}

/* Swapped out it is read by a disk; unmapped for good it is new memory if it dies with its mapping. */
static void what_an_unmap_means_depends_on_its_reason_and_the_backing(void **state)
{
	static const struct {
		enum s2_unmap_reason reason;
		enum s2_act_kind dies, shared;
		bool disk;
	} rows[] = {
		{S2_UNMAP_EVENT, S2_ACT_GIVE, S2_ACT_TAKE, false},
		{S2_UNMAP_CLEAR, S2_ACT_TAKE, S2_ACT_TAKE, false},
		{S2_UNMAP_SWAP, S2_ACT_TAKE, S2_ACT_TAKE, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_vcpu *vcpu;
		struct rig r;

		s2_test_row("row %zu", i);
		rig_up(&r);
		vcpu = vm_fixture_vcpu(&r.f, 0);
		assert_true(s2_vcpu_access(vcpu, s2_ipa(RAM), 2 * SIZE, S2_ACCESS_WRITE) > 0);
		r.n = 0;
		assert_true(s2_vm_unmap_hva(r.f.vm, r.cpu, s2_va(HVA), SIZE + PAGE,
					    rows[i].reason) >= 0);
		assert_u64(r.n, 2);
		expect(&r, 0, rows[i].dies, RAM, PA, SIZE);
		expect(&r, 1, rows[i].shared, RAM + SIZE, PA + 2 * SIZE, PAGE);
		assert_i64(r.acts[1].agent,
			   rows[i].disk ? S2_AGENT_NON_CACHEABLE : S2_AGENT_WRITE_BACK);
		assert_true(r.acts[1].cleaned == rows[i].disk);
		rig_down(&r);
	}
}

static void of_a_vm_that_dies_only_shared_memory_is_read(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r);
	assert_i64(s2_vm_teardown(r.f.vm, r.cpu), 0);
	assert_u64(r.n, 1);
	expect(&r, 0, S2_ACT_TAKE, RAM + SIZE, PA + 2 * SIZE, SIZE);
	rig_down(&r);
}

static void a_slot_that_comes_is_given_and_one_that_goes_is_taken(void **state)
{
	const struct s2_slot_config third = slot(2, S2_BACKING_DIES);
	struct rig r;

	(void)state;
	rig_up(&r);
	assert_i64(s2_vm_add_slot(r.f.vm, &third), 2);
	assert_u64(r.n, 1);
	expect(&r, 0, S2_ACT_GIVE, RAM + 2 * SIZE, PA + 4 * SIZE, SIZE);
	assert_true(s2_vm_delete_slot(r.f.vm, r.cpu, 2) >= 0);
	assert_u64(r.n, 2);
	expect(&r, 1, S2_ACT_TAKE, RAM + 2 * SIZE, PA + 4 * SIZE, SIZE);
	rig_down(&r);
}

static void toggles_set_way_and_reset_are_told_with_their_vcpu(void **state)
{
	struct s2_vcpu *vcpu;
	struct rig r;

	(void)state;
	rig_up(&r);
	vm_fixture_vcpu(&r.f, 1);
	vcpu = vm_fixture_vcpu(&r.f, 0);
	assert_i64(s2_vcpu_set_caches(vcpu, true), 0);
	assert_i64(s2_vcpu_set_way(vcpu, 1), 0);
	assert_i64(s2_vcpu_put(vcpu), 0);
	assert_i64(s2_vcpu_reset(vcpu, r.cpu), 0);
	assert_u64(r.n, 3);
	assert_i64(r.acts[0].kind, S2_ACT_CACHES);
	assert_true(r.acts[0].on && r.acts[0].trapped);
	assert_i64(r.acts[1].kind, S2_ACT_SET_WAY);
	assert_i64(r.acts[2].kind, S2_ACT_RESET);
	for (size_t i = 0; i < r.n; i++)
		assert_u64(r.acts[i].vcpu, 1);
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(vms_are_numbered_in_order_and_no_number_comes_twice),
		s2_unit_test(a_guests_access_and_dc_are_told_slot_by_slot),
		s2_unit_test(a_dc_that_cannot_be_is_refused_and_nobody_is_told),
		s2_unit_test(a_vcpu_enters_once_until_it_leaves),
		s2_unit_test(what_an_unmap_means_depends_on_its_reason_and_the_backing),
		s2_unit_test(of_a_vm_that_dies_only_shared_memory_is_read),
		s2_unit_test(a_slot_that_comes_is_given_and_one_that_goes_is_taken),
		s2_unit_test(toggles_set_way_and_reset_are_told_with_their_vcpu),
	};

	return cmocka_run_group_tests_name("tell", tests, NULL, NULL);
}
