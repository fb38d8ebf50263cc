/* SPDX-License-Identifier: MIT */
/* Where redistributors are, what is refused, and which one reads Last. */
#include "hyp/vgic/vgic_fixture.h"

#define LIMIT (UINT64_C(1) << 40)

static const struct s2_vgic_config plain = {0};

static uint64_t region(uint64_t count, uint64_t base, uint64_t flags, uint64_t index)
{
	return count << 52 | base | flags << 12 | index;
}

static void start(struct vm *vm, unsigned n)
{
	vm_machine(vm, 1);
	vm_raw(vm, &plain, n);
}

static void a_region_is_refused_for_each_fault_of_its_attribute(void **state)
{
	struct vm vm = {0};
	uint64_t attr;

	(void)state;
	start(&vm, 4);
	assert_i64(s2_vgic_set_dist(vm.vgic, s2_ipa(0x8000000)), 0);
	/* Index order, count, flags. */
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, 0x200000, 0, 1)), -EINVAL);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(0, 0x200000, 0, 0)), -EINVAL);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, 0x200000, 1, 0)), -EINVAL);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, 0x200000, 8, 0)), -EINVAL);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, 0x200000, 0, 0)), 0);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, 0x300000, 0, 0)), -EINVAL);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, 0x300000, 0, 2)), -EINVAL);
	/* Overlap with a region (also partly), with the distributor. */
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(1, 0x200000, 0, 1)), -EINVAL);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(1, 0x230000, 0, 1)), -EINVAL);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, 0x1d0000, 0, 1)), -EINVAL);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(1, 0x7ff0000, 0, 1)), -EINVAL);
	/* Adjacent is fine. */
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(1, 0x240000, 0, 1)), 0);
	/* Beyond the guest's addresses, wholly and partly. */
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(1, LIMIT, 0, 2)), -E2BIG);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, LIMIT - 0x30000, 0, 2)), -E2BIG);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, LIMIT - 0x40000, 0, 2)), 0);
	/* Reading back needs the index. */
	attr = 1;
	assert_i64(s2_vgic_get_redist_region(vm.vgic, &attr), 0);
	assert_u64(attr, region(1, 0x240000, 0, 1));
	attr = 3;
	assert_i64(s2_vgic_get_redist_region(vm.vgic, &attr), -ENOENT);
	/* No mix with the legacy region. */
	assert_i64(s2_vgic_set_redist(vm.vgic, s2_ipa(0x4000000)), -EINVAL);
	vm_stop(&vm);
}

static void a_base_is_refused_for_each_fault_of_its_own(void **state)
{
	struct vm vm = {0};
	uint64_t attr = 0;

	(void)state;
	start(&vm, 4);
	assert_i64(s2_vgic_set_dist(vm.vgic, s2_ipa(0x1000)), -EINVAL);
	assert_i64(s2_vgic_set_dist(vm.vgic, s2_ipa(LIMIT)), -E2BIG);
	assert_i64(s2_vgic_set_redist(vm.vgic, s2_ipa(0x1000)), -EINVAL);
	assert_i64(s2_vgic_set_redist(vm.vgic, s2_ipa(LIMIT)), -E2BIG);
	assert_i64(s2_vgic_set_redist(vm.vgic, s2_ipa(LIMIT - 0x60000)), -E2BIG);
	assert_i64(s2_vgic_set_redist(vm.vgic, s2_ipa(UINT64_C(0xffffffffffff0000))), -EINVAL);
	assert_i64(s2_vgic_set_redist(vm.vgic, s2_ipa(0x200000)), 0);
	assert_i64(s2_vgic_set_redist(vm.vgic, s2_ipa(0xe0000)), -EEXIST);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(4, 0x100000, 0, 0)), -EINVAL);
	assert_i64(s2_vgic_get_redist_region(vm.vgic, &attr), -ENOENT);
	assert_i64(s2_vgic_set_dist(vm.vgic, s2_ipa(0x100000)), 0);
	assert_i64(s2_vgic_set_dist(vm.vgic, s2_ipa(0x100000)), -EEXIST);
	vm_stop(&vm);
}

static void an_overlap_with_the_legacy_region_is_seen_at_the_first_run(void **state)
{
	struct vm vm = {0};

	(void)state;
	start(&vm, 4);
	assert_i64(s2_vgic_set_redist(vm.vgic, s2_ipa(0x200000)), 0);
	assert_i64(s2_vgic_set_dist(vm.vgic, s2_ipa(0x220000)), 0);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	assert_i64(s2_vgic_map_resources(vm.vgic), -EINVAL);
	vm_stop(&vm);
	/* vgic first, then the vcpus: the region grows over the distributor. */
	start(&vm, 0);
	assert_i64(s2_vgic_set_redist(vm.vgic, s2_ipa(0x200000)), 0);
	assert_i64(s2_vgic_set_dist(vm.vgic, s2_ipa(0x240000)), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_i64(s2_vgic_add_vcpu(vm.vgic, i, NULL), 0);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	assert_i64(s2_vgic_map_resources(vm.vgic), -EINVAL);
	vm_stop(&vm);
}

static void a_run_needs_a_place_for_each_vcpu_a_distributor_and_init(void **state)
{
	struct vm vm = {0};

	(void)state;
	start(&vm, 4);
	assert_i64(s2_vgic_map_resources(vm.vgic), -ENXIO);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(3, 0x200000, 0, 0)), 0);
	assert_i64(s2_vgic_set_dist(vm.vgic, s2_ipa(0x100000)), 0);
	assert_i64(s2_vgic_map_resources(vm.vgic), -ENXIO);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(3, 0x400000, 0, 1)), 0);
	assert_i64(s2_vgic_map_resources(vm.vgic), -EBUSY);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	assert_i64(s2_vgic_map_resources(vm.vgic), 0);
	vm_stop(&vm);
	start(&vm, 1);
	assert_i64(s2_vgic_set_redist(vm.vgic, s2_ipa(0x200000)), 0);
	assert_i64(s2_vgic_map_resources(vm.vgic), -ENXIO);
	vm_stop(&vm);
}

static uint64_t typer(struct vm *vm, uint32_t id)
{
	const struct s2_gic_io io = vm_io(vm, 0x8, 4);
	uint64_t value;

	assert_i64(s2_vgic_redist_read(s2_vgic_vcpu_by_id(vm->vgic, id), &io, &value), 0);
	return value;
}

static void in_the_legacy_region_the_last_vcpu_reads_last(void **state)
{
	struct vm vm = {0};

	(void)state;
	start(&vm, 3);
	/* 23bde34771f1: read before there is a base. */
	assert_u64(typer(&vm, 2), 0x200);
	assert_i64(s2_vgic_set_redist(vm.vgic, s2_ipa(0x200000)), 0);
	assert_u64(typer(&vm, 0), 0x000);
	assert_u64(typer(&vm, 1), 0x100);
	assert_u64(typer(&vm, 2), 0x210);
	/* It moves with the next vcpu. */
	assert_i64(s2_vgic_add_vcpu(vm.vgic, 3, NULL), 0);
	assert_u64(typer(&vm, 2), 0x200);
	assert_u64(typer(&vm, 3), 0x310);
	vm_stop(&vm);
}

/* Regions by index at 0x100000, 0x240000, 0x200000, two vcpus each. */
static void last_is_by_slot_and_goes_on_in_a_region_that_follows(void **state)
{
	static const uint32_t ids[] = {0, 3, 5, 4, 1, 2};
	static const uint64_t expected[] = {0x000, 0x100, 0x200, 0x310, 0x410, 0x500};
	struct vm vm = {0};

	(void)state;
	for (int regions_first = 0; regions_first < 2; regions_first++) {
		start(&vm, 0);
		for (size_t i = 0; !regions_first && i < ARRAY_SIZE(ids); i++)
			assert_i64(s2_vgic_add_vcpu(vm.vgic, ids[i], NULL), 0);
		assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, 0x100000, 0, 0)), 0);
		assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, 0x240000, 0, 1)), 0);
		assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, 0x200000, 0, 2)), 0);
		for (size_t i = 0; regions_first && i < ARRAY_SIZE(ids); i++)
			assert_i64(s2_vgic_add_vcpu(vm.vgic, ids[i], NULL), 0);
		for (uint32_t id = 0; id < 6; id++) {
			s2_test_row("id %" PRIu32, id);
			assert_u64(typer(&vm, id), expected[id]);
		}
		vm_stop(&vm);
	}
}

static void a_region_partly_filled_ends_with_last_even_if_another_follows(void **state)
{
	struct vm vm = {0};

	(void)state;
	start(&vm, 2);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(3, 0x200000, 0, 0)), 0);
	assert_u64(typer(&vm, 1), 0x110);
	assert_i64(s2_vgic_add_vcpu(vm.vgic, 2, NULL), 0);
	assert_u64(typer(&vm, 1), 0x100);
	assert_u64(typer(&vm, 2), 0x210);
	/* An empty region that follows does not take Last away; a vcpu in it does. */
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, 0x260000, 0, 1)), 0);
	assert_u64(typer(&vm, 2), 0x210);
	assert_i64(s2_vgic_add_vcpu(vm.vgic, 3, NULL), 0);
	assert_u64(typer(&vm, 2), 0x200);
	assert_u64(typer(&vm, 3), 0x310);
	/* And it comes back with the vcpu's removal. */
	assert_i64(s2_vgic_remove_vcpu(s2_vgic_vcpu_by_id(vm.vgic, 3)), 0);
	assert_u64(typer(&vm, 2), 0x210);
	vm_stop(&vm);
}

static void an_address_resolves_to_the_frame_that_is_there(void **state)
{
	struct s2_vgic_frame frame;
	struct vm vm = {0};

	(void)state;
	start(&vm, 3);
	assert_i64(s2_vgic_set_dist(vm.vgic, s2_ipa(0x100000)), 0);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, 0x400000, 0, 0)), 0);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, 0x200000, 0, 1)), 0);
	assert_i64(s2_vgic_resolve(vm.vgic, s2_ipa(0x10fffc), &frame), 0);
	assert_null(frame.vcpu);
	assert_u64(frame.offset, 0xfffc);
	assert_i64(s2_vgic_resolve(vm.vgic, s2_ipa(0x430080), &frame), 0);
	assert_ptr_equal(frame.vcpu, vm_vcpu(&vm, 1));
	assert_u64(frame.offset, 0x10080);
	assert_i64(s2_vgic_resolve(vm.vgic, s2_ipa(0x200000), &frame), 0);
	assert_ptr_equal(frame.vcpu, vm_vcpu(&vm, 2));
	assert_i64(s2_vgic_resolve(vm.vgic, s2_ipa(0x220000), &frame), -ENXIO);
	assert_i64(s2_vgic_resolve(vm.vgic, s2_ipa(0x110000), &frame), -ENXIO);
	vm_stop(&vm);
}

/* selftest vgic_init: the legacy region is found too big at the first run, not when it grows. */
static void a_vcpu_past_the_address_size_is_found_at_the_first_run(void **state)
{
	struct s2_vgic_config small = {.ipa_bits = 32};
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_raw(&vm, &small, 1);
	assert_i64(s2_vgic_set_dist(vm.vgic, s2_ipa(0)), 0);
	/* Room for three below 4 GiB. */
	assert_i64(s2_vgic_set_redist(vm.vgic, s2_ipa(0xfffa0000)), 0);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	assert_i64(s2_vgic_map_resources(vm.vgic), 0);
	vm_stop(&vm);
	vm_machine(&vm, 1);
	vm_raw(&vm, &small, 1);
	assert_i64(s2_vgic_set_dist(vm.vgic, s2_ipa(0)), 0);
	assert_i64(s2_vgic_set_redist(vm.vgic, s2_ipa(0xfffa0000)), 0);
	for (unsigned i = 1; i < 4; i++)
		assert_i64(s2_vgic_add_vcpu(vm.vgic, i, NULL), 0);
	/* From then on the region is seen to be wrong, and a failed creation leaves nothing. */
	assert_i64(s2_vgic_add_vcpu(vm.vgic, 4, NULL), -EINVAL);
	assert_int_equal(s2_vgic_vcpus(vm.vgic), 4);
	assert_null(s2_vgic_vcpu_by_id(vm.vgic, 4));
	assert_u64(typer(&vm, 3), 0x310);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	assert_i64(s2_vgic_map_resources(vm.vgic), -EINVAL);
	vm_stop(&vm);
}

/* The distributor was put over the first region; a second one finds that out. */
static void a_region_that_fails_is_not_there_and_moves_nobody(void **state)
{
	struct vm vm = {0};
	uint64_t attr = 1;

	(void)state;
	start(&vm, 3);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, 0x200000, 0, 0)), 0);
	assert_i64(s2_vgic_set_dist(vm.vgic, s2_ipa(0x220000)), 0);
	assert_i64(s2_vgic_add_redist_region(vm.vgic, region(2, 0x400000, 0, 1)), -EINVAL);
	assert_i64(s2_vgic_get_redist_region(vm.vgic, &attr), -ENOENT);
	assert_u64(typer(&vm, 0), 0x000);
	assert_u64(typer(&vm, 1), 0x110);
	assert_u64(typer(&vm, 2), 0x200);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	assert_i64(s2_vgic_map_resources(vm.vgic), -ENXIO);
	vm_stop(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_region_is_refused_for_each_fault_of_its_attribute),
		s2_unit_test(a_base_is_refused_for_each_fault_of_its_own),
		s2_unit_test(an_overlap_with_the_legacy_region_is_seen_at_the_first_run),
		s2_unit_test(a_run_needs_a_place_for_each_vcpu_a_distributor_and_init),
		s2_unit_test(in_the_legacy_region_the_last_vcpu_reads_last),
		s2_unit_test(last_is_by_slot_and_goes_on_in_a_region_that_follows),
		s2_unit_test(a_region_partly_filled_ends_with_last_even_if_another_follows),
		s2_unit_test(an_address_resolves_to_the_frame_that_is_there),
		s2_unit_test(a_region_that_fails_is_not_there_and_moves_nobody),
		s2_unit_test(a_vcpu_past_the_address_size_is_found_at_the_first_run),
	};

	return cmocka_run_group_tests_name("hyp/vgic_region", tests, NULL, NULL);
}
