/* SPDX-License-Identifier: MIT */
/*
 * Errors of page-table operations and what they leave: nothing, or exactly
 * what the kernel leaves where table pages run out, which is tried at every
 * point.  And the end of a VM, after which there is nothing to ask for.
 */
#include "hyp/stage2/pgtable_rig.h"

/* Every descriptor of the tree, folded. */
static uint64_t digest_table(const struct rig *r, const struct s2_table *t, int level, uint64_t d)
{
	d = d * 31 + t->refs + t->pa;
	for (unsigned i = 0; i < s2_table_entries(&r->mmu->geo); i++) {
		d = d * 31 + t->entries[i];
		if (s2_pte_is_table(t->entries[i], level))
			d = digest_table(r, s2_follow(r->mmu, t->entries[i]), level + 1, d);
	}
	return d;
}

static uint64_t digest(const struct rig *r)
{
	uint64_t d = 0;

	for (unsigned i = 0; r->mmu->root && i < r->mmu->geo.root_pages; i++)
		d = digest_table(r, &r->mmu->root[i], r->mmu->geo.start_level, d);
	return d;
}

static void a_range_that_is_none_is_refused_by_all_and_nothing_happens(void **state)
{
	static const struct {
		uint64_t ipa, size;
		int error;
	} rows[] = {
		{GIB + 1, PAGE, -EINVAL},
		{GIB + PAGE / 2, PAGE, -EINVAL},
		{UINT64_C(1) << 40, PAGE, -ERANGE},
		{UINT64_MAX - PAGE + 1, PAGE, -ERANGE},
		/* not of the three that take one address */
		{GIB, 0, -EINVAL},
		{GIB, PAGE + 8, -EINVAL},
		{GIB, UINT64_C(1) << 40, -ERANGE},
		{GIB, UINT64_MAX - PAGE + 1, -ERANGE},
	};

	(void)state;
	for (size_t i = 0; i < (size_t)9 * N_OPS * ARRAY_SIZE(rows); i++) {
		size_t row = i / 9 % ARRAY_SIZE(rows);
		enum op op = (enum op)(i / 9 / ARRAY_SIZE(rows));
		uint64_t d;
		struct rig r;

		if ((op == RELAX || op == MKYOUNG) && row >= 4)
			continue;
		rig_up(&r, machines[i % 3], flavours[i / 3 % 3]);
		assert_i64(map(&r, GIB, 4 * MIB, PA, RW), 0);
		forget(&r);
		d = digest(&r);
		s2_test_row("%s %s, operation %d, row %zu", machines[i % 3], flavours[i / 3 % 3],
			    (int)op, row);
		assert_i64(call(&r, r.cpu, op, rows[row].ipa, rows[row].size), rows[row].error);
		expect_nothing_issued(&r);
		assert_u64(digest(&r), d);
		rig_down(&r);
	}
}

static void a_cpu_of_another_machine_is_refused(void **state)
{
	struct rig r, other;

	(void)state;
	rig_up(&r, "max", "kvm-6.12");
	rig_up(&other, "max", "kvm-6.12");
	for (int op = 0; op < N_OPS; op++)
		assert_i64(call(&r, other.cpu, (enum op)op, GIB, PAGE), -EINVAL);
	assert_i64(s2_pgtable_destroy(r.mmu, other.cpu), -EINVAL);
	expect_nothing_issued(&r);
	expect_nothing_issued(&other);
	rig_down(&r);
	rig_down(&other);
}

static void a_map_of_what_cannot_be_mapped_is_refused_and_nothing_happens(void **state)
{
	static const struct {
		uint64_t size, pa;
		unsigned prot;
		int error;
	} rows[] = {
		{PAGE, PA + 1, RW, -EINVAL},
		{PAGE, PA + PAGE / 2, RW, -EINVAL},
		{PAGE, UINT64_C(1) << 40, RW, -ERANGE},
		{2 * PAGE, (UINT64_C(1) << 40) - PAGE, RW, -ERANGE},
		{PAGE, UINT64_MAX - PAGE + 1, RW, -ERANGE},
		{PAGE, PA, 1 << 5, -EINVAL},
		{PAGE, PA, R | S2_PROT_DEVICE | S2_PROT_NORMAL_NC, -EINVAL},
		{PAGE, PA, R | S2_PROT_DEVICE | S2_PROT_X, -EINVAL},
		{PAGE, PA, R | S2_PROT_NORMAL_NC | S2_PROT_X, -EINVAL},
	};
	struct rig r;

	(void)state;
	rig_up(&r, "cortex-a55", "kvm-6.12"); /* 40 bits of PA */
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s2_test_row("row %zu", i);
		assert_i64(map(&r, GIB, rows[i].size, rows[i].pa, rows[i].prot), rows[i].error);
		expect_nothing_issued(&r);
		assert_u64(state_of(&r).table_pages, r.mmu->geo.root_pages);
	}
	assert_i64(s2_pgtable_relax_perms(r.mmu, r.cpu, s2_ipa(GIB), 1 << 5), -EINVAL);
	expect_nothing_issued(&r);
	/* The last page there is. */
	assert_i64(map(&r, (UINT64_C(1) << 40) - PAGE, PAGE, (UINT64_C(1) << 40) - PAGE, RW), 0);
	rig_down(&r);
}

static void kvm_6_1_cannot_split(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, "max", "kvm-6.1");
	assert_i64(map(&r, GIB, GIB, PA, RW), 0);
	forget(&r);
	assert_i64(call(&r, r.cpu, SPLIT, GIB, GIB), -EOPNOTSUPP);
	expect_nothing_issued(&r);
	assert_i64(level_at(&r, GIB), 1);
	rig_down(&r);
}

static void an_mmu_that_cannot_be_is_refused(void **state)
{
	static const struct {
		const char *spec, *flavour;
		unsigned ipa_bits;
		uint16_t vmid;
		int error;
	} rows[] = {
		{"max", "none", 40, 1, -EINVAL},
		{"max", "kvm-6.12", 40, 0, -EINVAL},
		{"cortex-a72", "kvm-6.12", 40, 256, -EINVAL},
		{"max", "kvm-6.12", 31, 1, -EINVAL},
		{"max", "kvm-6.12", 53, 1, -EINVAL},
		{"cortex-a55", "kvm-6.12", 41, 1, -ERANGE},
		{"max", "kvm-6.1", 52, 1, -ERANGE}, /* no LPA2 before v6.8: 48 bits */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_mmu_config cfg = {
			s2_flavour_find(rows[i].flavour), rows[i].ipa_bits, {rows[i].vmid}};
		struct s2_mmu *mmu = NULL;
		struct rig r;

		rig_up(&r, rows[i].spec, "kvm-6.12");
		s2_test_row("row %zu", i);
		assert_i64(s2_mmu_create(r.m, &cfg, &mmu), rows[i].error);
		assert_null(mmu);
		s2_tablemem_fail_after(r.m->tables, 0);
		cfg = (struct s2_mmu_config){s2_flavour_find("kvm-6.12"), 40, {1}};
		assert_i64(s2_mmu_create(r.m, &cfg, &mmu), -ENOMEM);
		rig_down(&r);
	}
}

static void an_ipa_size_of_0_is_kvms_default(void **state)
{
	const struct s2_mmu_config cfg = {.flavour = s2_flavour_find("kvm-6.12"), .vmid = {2}};
	struct s2_mmu *mmu;
	struct rig r;

	(void)state;
	rig_up(&r, "max", "kvm-6.12");
	assert_i64(s2_mmu_create(r.m, &cfg, &mmu), 0);
	assert_u64(s2_mmu_geometry(mmu)->ipa_bits, S2_DEFAULT_IPA_BITS);
	s2_mmu_free(mmu);
	rig_down(&r);
}

/* The pages below the one that no table could be had for, as without the error; none above. */
static void expect_prefix(struct rig *r, uint64_t ipa, uint64_t size)
{
	uint64_t a = ipa;

	while (a < ipa + size && level_at(r, a) > 0) {
		assert_u64(leaf_at(r, a).pa.v, PA + (a - ipa));
		a += s2_page_size(&r->mmu->geo);
	}
	for (; a < ipa + size; a += s2_page_size(&r->mmu->geo))
		assert_i64(level_at(r, a), -1);
}

static void a_map_without_memory_leaves_the_part_before_wherever_it_ends(void **state)
{
	/* Pages, a GiB boundary, blocks, pages: 1 + 2, 1 + 1 tables. */
	const uint64_t ipa = 2 * GIB - 3 * MIB, size = 8 * MIB + 7 * PAGE;

	(void)state;
	for (size_t i = 0; i < 9; i++) {
		uint64_t need, k;
		struct rig r;

		rig_up(&r, machines[i % 3], flavours[i / 3]);
		assert_i64(map(&r, ipa, size, PA, RW), 0);
		need = live_pages(&r) - r.mmu->geo.root_pages;
		assert_true(need >= 4);
		assert_i64(s2_pgtable_unmap(r.mmu, r.cpu, s2_range(ipa, size)), 0);
		for (k = 0; k < need; k++) {
			s2_test_row("%s %s, %d tables of %d", machines[i % 3], flavours[i / 3],
				    (int)k, (int)need);
			s2_tablemem_fail_after(r.m->tables, k);
			forget(&r);
			assert_i64(map(&r, ipa, size, PA, RW), -ENOMEM);
			assert_u64(did(&r, S2_OP_TABLE_ALLOC), k);
			assert_u64(did(&r, S2_OP_DSB_ISHST), 1);
			expect_prefix(&r, ipa, size);
			assert_u64(state_of(&r).table_pages, r.mmu->geo.root_pages + k);
			/* The empty tables go with the rest. */
			assert_i64(s2_pgtable_unmap(r.mmu, r.cpu, s2_range(ipa, size)), 0);
			assert_u64(live_pages(&r), r.mmu->geo.root_pages);
		}
		rig_down(&r);
	}
}

static void a_memcache_gives_what_it_has_and_no_more(void **state)
{
	(void)state;
	for (uint64_t have = 0; have <= 3; have++) {
		struct s2_memcache mc = {have};
		struct rig r;

		rig_up(&r, "cortex-a55", "kvm-6.12"); /* levels 1 to 3: two tables a page */
		assert_i64(s2_pgtable_map(r.mmu, r.cpu, s2_range(GIB, PAGE), s2_pa(PA), RW, &mc,
					  S2_MAP_FAULT),
			   have < 2 ? -ENOMEM : 0);
		assert_u64(mc.nobjs, have > 2 ? have - 2 : 0);
		assert_u64(did(&r, S2_OP_TABLE_ALLOC), have < 2 ? have : 2);
		rig_down(&r);
	}
}

static void a_split_without_memory_leaves_whole_blocks_wherever_it_ends(void **state)
{
	/* Two 1 GiB blocks need 2 x 513 tables. */
	static const uint64_t points[] = {0, 1, 2, 300, 511, 512, 513, 514, 515, 800, 1024, 1025};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		const uint64_t k = points[i];
		struct s2_pgtable_state s;
		struct rig r;

		rig_up(&r, "max", "kvm-6.12");
		assert_i64(map(&r, GIB, 2 * GIB, PA, RW), 0);
		s2_tablemem_fail_after(r.m->tables, k);
		forget(&r);
		s2_test_row("%d tables", (int)k);
		assert_i64(call(&r, r.cpu, SPLIT, GIB, 2 * GIB), -ENOMEM);
		s = state_of(&r);
		assert_u64(s.leaves[1], k < 513 ? 2 : 1);
		assert_u64(s.leaves[3], k < 513 ? 0 : 512 * 512);
		assert_u64(did(&r, S2_OP_TABLE_ALLOC), k);
		/* What was built in vain is gone. */
		assert_u64(did(&r, S2_OP_TABLE_FREE), k % 513);
		assert_u64(r.flushes, k / 513);
		/* The walk's own, and that of each flush. */
		assert_u64(did(&r, S2_OP_DSB_ISHST), 1 + k / 513);
		rig_down(&r);
	}
}

/* With one table where two are needed the block is gone and nothing is mapped, as in the kernel. */
static void a_block_that_is_broken_stays_broken_without_memory(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, "max", "kvm-6.12");
	assert_i64(map(&r, 2 * GIB, GIB, PA, RW), 0);
	s2_tablemem_fail_after(r.m->tables, 0);
	assert_i64(map(&r, 2 * GIB, PAGE, PA, R | S2_PROT_X), -ENOMEM);
	assert_i64(level_at(&r, 2 * GIB), 1);
	s2_tablemem_fail_after(r.m->tables, 1);
	assert_i64(map(&r, 2 * GIB, PAGE, PA, RW), -ENOMEM);
	assert_u64(state_of(&r).leaves[1] + state_of(&r).leaves[3], 0);
	rig_down(&r);
}

static void a_destroyed_vm_can_only_be_freed(void **state)
{
	(void)state;
	for (size_t i = 0; i < 9; i++) {
		struct s2_pgtable_state s;
		struct s2_leaf leaf;
		struct rig r;

		rig_up(&r, machines[i % 3], flavours[i / 3]);
		s2_test_row("%s %s", machines[i % 3], flavours[i / 3]);
		assert_i64(map(&r, 2 * GIB - 3 * MIB, GIB + 9 * MIB + PAGE, PA - 3 * MIB, RW), 0);
		forget(&r);
		assert_i64(s2_pgtable_destroy(r.mmu, r.cpu), 0);
		assert_u64(live_pages(&r), 0);
		/* No TLBI, no barrier, no cache maintenance, no hypercall. */
		for (int op = 0; op < S2_OP_PTE_READ; op++)
			assert_u64(did(&r, (enum s2_op)op), 0);
		s = (struct s2_pgtable_state){.table_pages = 9};
		s2_pgtable_state(r.mmu, &s);
		assert_u64(s.table_pages + s.table_entries, 0);
		forget(&r);
		assert_i64(s2_pgtable_destroy(r.mmu, r.cpu), -EINVAL);
		for (int op = 0; op < N_OPS; op++)
			assert_i64(call(&r, r.cpu, (enum op)op, GIB, PAGE), -EINVAL);
		assert_i64(s2_pgtable_lookup(r.mmu, r.cpu, s2_ipa(0), &leaf), -EINVAL);
		expect_nothing_issued(&r);
		rig_down(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_range_that_is_none_is_refused_by_all_and_nothing_happens),
		s2_unit_test(a_cpu_of_another_machine_is_refused),
		s2_unit_test(a_map_of_what_cannot_be_mapped_is_refused_and_nothing_happens),
		s2_unit_test(kvm_6_1_cannot_split),
		s2_unit_test(an_mmu_that_cannot_be_is_refused),
		s2_unit_test(an_ipa_size_of_0_is_kvms_default),
		s2_unit_test(a_map_without_memory_leaves_the_part_before_wherever_it_ends),
		s2_unit_test(a_memcache_gives_what_it_has_and_no_more),
		s2_unit_test(a_split_without_memory_leaves_whole_blocks_wherever_it_ends),
		s2_unit_test(a_block_that_is_broken_stays_broken_without_memory),
		s2_unit_test(a_destroyed_vm_can_only_be_freed),
	};

	return cmocka_run_group_tests_name("pgtable_errors", tests, NULL, NULL);
}
