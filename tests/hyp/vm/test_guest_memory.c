/* SPDX-License-Identifier: MIT */
/*
 * Whether a vcpu that turns its caches on reads what it wrote with them off:
 * the question behind cleaning at toggles, put to a VM on the machine's
 * physics.  Between the two the host's linear map may have fetched the line.
 */
#include "hyp/vm/vm_fixture.h"

#define PAGE UINT64_C(0x1000)
#define RAM  UINT64_C(0x80000000)
#define PA   UINT64_C(0x100000000)

static void rig_up(struct vm_fixture *r, const char *machine, enum s2_toggle toggle)
{
	const struct s2_physics_config pc = {.memory = true, .detail = S2_MEMORY_VERSIONS};
	const struct s2_slot_config ram = {.ipa = {RAM},
					   .size = 512 * PAGE,
					   .hva = {UINT64_C(0x7f0000000000)},
					   .pa = {PA},
					   .backing = PAGE,
					   .populated = true};

	vm_fixture_machine(r, machine, 2, "kvm-6.12", &pc);
	r->flavour.toggle = toggle;
	vm_fixture_vm(r, &ram);
	vm_fixture_vcpu(r, 0);
	vm_fixture_vcpu(r, 1);
}

/* @return the version that was read or written. */
static uint32_t touch_at(struct vm_fixture *r, int vcpu, uint64_t ipa, enum s2_access kind)
{
	struct s2_vcpu *v = s2_vm_vcpu(r->vm, vcpu);
	const struct s2_guest_access access = {
		.kind = kind, .va = {ipa}, .ipa = {ipa}, .cacheable = s2_vcpu_caches_on(v)};
	struct s2_guest_result result;

	assert_true(s2_vcpu_guest_access(v, r->p, &access, &result) >= 0);
	return result.version;
}

static uint32_t touch(struct vm_fixture *r, int vcpu, enum s2_access kind)
{
	return touch_at(r, vcpu, RAM, kind);
}

/* A vcpu comes up, writes, turns its caches on, reads. @return whether it reads its write. */
static bool sees_its_own_write(struct vm_fixture *r, int vcpu)
{
	uint32_t written;

	assert_false(s2_vcpu_caches_on(s2_vm_vcpu(r->vm, vcpu)));
	touch(r, vcpu, S2_ACCESS_READ); /* mapped, and cleaned at the map */
	assert_i64(s2_memory_apply(s2_physics_memory(r->p), S2_LINE_FILL, s2_pa(PA), 64, NULL), 0);
	written = touch(r, vcpu, S2_ACCESS_WRITE);
	assert_i64(s2_vcpu_set_caches(s2_vm_vcpu(r->vm, vcpu), true), 0);
	return touch(r, vcpu, S2_ACCESS_READ) == written;
}

static void a_vcpu_sees_its_uncached_writes_only_if_its_own_toggle_cleans(void **state)
{
	static const struct {
		const char *machine;
		enum s2_toggle toggle;
		int first; /* vcpu to come up first; the other follows */
		bool first_sees, second_sees;
	} rows[] = {
		{"cortex-a55", S2_TOGGLE_EVERY, 0, true, true},
		{"cortex-a55", S2_TOGGLE_EVERY, 1, true, true},
		{"cortex-a55", S2_TOGGLE_NEVER, 0, false, false},
		/* vcpu 0 is not special: another one may boot first. */
		{"cortex-a55", S2_TOGGLE_VCPU0, 0, true, false},
		{"cortex-a55", S2_TOGGLE_VCPU0, 1, false, true},
		{"cortex-a55", S2_TOGGLE_FIRST_LAST, 0, true, false},
		{"cortex-a55", S2_TOGGLE_FIRST_LAST, 1, true, false},
		/* The line was mapped, and cleaned, before the second wrote to it. */
		{"cortex-a55", S2_TOGGLE_SINCE_FLUSH, 0, true, false},
		/* FWB: stage 2 makes the write cacheable in the first place. */
		{"neoverse-v1", S2_TOGGLE_NEVER, 0, true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vm_fixture r;

		s2_test_row("%s, policy %d, vcpu %d first", rows[i].machine, rows[i].toggle,
			    rows[i].first);
		rig_up(&r, rows[i].machine, rows[i].toggle);
		assert_u64(sees_its_own_write(&r, rows[i].first), rows[i].first_sees);
		assert_u64(sees_its_own_write(&r, !rows[i].first), rows[i].second_sees);
		vm_fixture_down(&r);
	}
}

/* Dirty lines of the host's, or of whoever had the frame before, must not come down on them. */
static void an_uncached_write_outlives_evictions_because_the_map_cleaned(void **state)
{
	struct vm_fixture r;
	uint32_t written;
	struct s2_line line;

	(void)state;
	rig_up(&r, "cortex-a55", S2_TOGGLE_EVERY);
	assert_i64(
		s2_memory_write(s2_physics_memory(r.p), S2_AGENT_WRITE_BACK, s2_pa(PA), 64, NULL),
		0);
	written = touch(&r, 0, S2_ACCESS_WRITE);
	assert_i64(s2_memory_apply(s2_physics_memory(r.p), S2_LINE_EVICT, s2_pa(PA), 64, NULL), 0);
	assert_i64(s2_memory_line(s2_physics_memory(r.p), s2_pa(PA), &line), 0);
	assert_u64(line.poc, written);
	vm_fixture_down(&r);
}

static void the_zero_page_reads_as_zero_whatever_is_written_beside_it(void **state)
{
	static const char *const machines[] = {"cortex-a55", "neoverse-v1"};
	const struct s2_slot_config fresh = {.ipa = {RAM + 512 * PAGE},
					     .size = 4 * PAGE,
					     .hva = {UINT64_C(0x7f1000000000)},
					     .pa = {PA + 512 * PAGE},
					     .backing = PAGE};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		struct vm_fixture r;

		s2_test_row("%s", machines[i]);
		rig_up(&r, machines[i], S2_TOGGLE_EVERY);
		assert_true(s2_vm_add_slot(r.vm, &fresh) >= 0);
		for (uint64_t page = 0; page < 3; page++) {
			uint64_t ipa = fresh.ipa.v + page * PAGE;

			/* 0 is what memory held at first. */
			assert_u64(touch_at(&r, 0, fresh.ipa.v + 3 * PAGE, S2_ACCESS_READ), 0);
			assert_u64(touch_at(&r, 1, ipa, S2_ACCESS_READ), 0);
			assert_true(touch_at(&r, 0, ipa, S2_ACCESS_WRITE) > 0);
		}
		assert_u64(touch_at(&r, 1, fresh.ipa.v + 3 * PAGE, S2_ACCESS_READ), 0);
		vm_fixture_down(&r);
	}
}

/* As the target of a migration sets vcpus up: what it says counts as seen. */
static void a_state_that_is_set_counts_like_one_that_trapped(void **state)
{
	struct vm_fixture r;
	struct s2_vcpu *first, *second;
	struct s2_counts before, after;

	(void)state;
	rig_up(&r, "cortex-a55", S2_TOGGLE_FIRST_LAST);
	first = s2_vm_vcpu(r.vm, 0);
	second = s2_vm_vcpu(r.vm, 1);
	touch(&r, 0, S2_ACCESS_WRITE);
	s2_vcpu_set_state(first, true, true);
	assert_true(s2_vcpu_caches_on(first) && s2_vcpu_tvm(first));
	/* Another one is on already: nothing to clean. */
	before = s2_machine_counts(r.m);
	assert_i64(s2_vcpu_set_caches(second, true), 0);
	/* TVM says that set/way has been dealt with. */
	assert_i64(s2_vcpu_set_way(first, 1), 0);
	after = s2_machine_counts(r.m);
	assert_u64(after.n[S2_OP_DC_CIVAC], before.n[S2_OP_DC_CIVAC]);
	/* Without it the first one cleans, and once set off both may leave the count. */
	s2_vcpu_set_state(first, true, false);
	assert_i64(s2_vcpu_set_way(first, 2), 0);
	after = s2_machine_counts(r.m);
	assert_u64(after.n[S2_OP_DC_CIVAC] - before.n[S2_OP_DC_CIVAC], PAGE / 64);
	assert_true(s2_vcpu_tvm(first));
	s2_vcpu_set_state(first, false, true);
	s2_vcpu_set_state(second, false, true);
	assert_i64(s2_vcpu_set_caches(second, true), 0);
	after = s2_machine_counts(r.m);
	assert_u64(after.n[S2_OP_DC_CIVAC] - before.n[S2_OP_DC_CIVAC], 2 * PAGE / 64);
	vm_fixture_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_vcpu_sees_its_uncached_writes_only_if_its_own_toggle_cleans),
		s2_unit_test(the_zero_page_reads_as_zero_whatever_is_written_beside_it),
		s2_unit_test(an_uncached_write_outlives_evictions_because_the_map_cleaned),
		s2_unit_test(a_state_that_is_set_counts_like_one_that_trapped),
	};

	return cmocka_run_group_tests_name("guest_memory", tests, NULL, NULL);
}
