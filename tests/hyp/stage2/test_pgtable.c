/* SPDX-License-Identifier: MIT */
/*
 * What each page-table operation does in cases worth naming: blocks broken,
 * collapsed, split and touched in their middle.  Errors and the end of memory
 * are in test_pgtable_errors.c, random programs in test_pgtable_model.c.
 */
#include "hyp/stage2/pgtable_rig.h"

static void a_split_goes_as_far_as_its_cache(void **state)
{
	static const struct {
		uint64_t size, cache;
		int error;
		uint64_t left, leaves[4], flushes;
	} rows[] = {
		{GIB, 0, -ENOMEM, 0, {0, 1, 0, 0}, 0},
		{GIB, 513, 0, 0, {0, 0, 0, 262144}, 1},
		{GIB, 514, 0, 1, {0, 0, 0, 262144}, 1},
		/* One level, then block by block until the cache is empty. */
		{GIB, 1, -ENOMEM, 0, {0, 0, 512, 0}, 1},
		{GIB, 512, -ENOMEM, 0, {0, 0, 1, 261632}, 512},
		/* A page of the block: one level, and the block with that page. */
		{PAGE, 1, -ENOMEM, 0, {0, 0, 512, 0}, 1},
		{PAGE, 2, 0, 0, {0, 0, 511, 512}, 2},
		{PAGE, 512, 0, 510, {0, 0, 511, 512}, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_memcache mc = {rows[i].cache};
		struct s2_pgtable_state s;
		struct rig r;

		rig_up(&r, "max", "kvm-6.12");
		assert_i64(map(&r, GIB, GIB, PA, RW), 0);
		forget(&r);
		s2_test_row("row %zu", i);
		assert_i64(s2_pgtable_split(r.mmu, r.cpu, s2_range(GIB, rows[i].size), &mc),
			   rows[i].error);
		s = state_of(&r);
		assert_u64(mc.nobjs, rows[i].left);
		for (int level = 1; level <= 3; level++)
			assert_u64(s.leaves[level], rows[i].leaves[level]);
		assert_u64(r.flushes, rows[i].flushes);
		assert_u64(did(&r, S2_OP_DC_CIVAC), 0);
		rig_down(&r);
	}
}

/* kvm_pgtable_stage2_pte_prot() knows permissions only. */
static void a_split_keeps_permissions_and_makes_memory_write_back_and_young(void **state)
{
	struct s2_pte_format fmt;
	struct rig r;
	bool young;

	(void)state;
	rig_up(&r, "cortex-a55", "kvm-6.12");
	fmt = s2_mmu_pte_format(r.mmu);
	assert_i64(map(&r, GIB, 2 * MIB, PA, R | S2_PROT_DEVICE), 0);
	assert_i64(s2_pgtable_test_clear_young(r.mmu, r.cpu, s2_range(GIB, PAGE), true, &young), 0);
	assert_i64(call(&r, r.cpu, SPLIT, GIB, PAGE), 0);
	for (uint64_t a = 0; a < 2 * MIB; a += PAGE) {
		struct s2_leaf leaf = leaf_at(&r, GIB + a);

		assert_i64(leaf.level, 3);
		assert_u64(leaf.pa.v, PA + a);
		assert_u64(s2_pte_prot(leaf.pte, &fmt), R);
		assert_true(s2_pte_accessed(leaf.pte));
	}
	rig_down(&r);
}

static void a_split_keeps_what_the_guest_may_do_execute_too(void **state)
{
	static const char *const specs[] = {"cortex-a55", "neoverse-n2", "max"};

	(void)state;
	for (unsigned prot = 0; prot <= (R | S2_PROT_W | S2_PROT_X); prot++) {
		for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
			struct s2_pte_format fmt;
			struct rig r;

			rig_up(&r, specs[i], "kvm-7.2"); /* with FEAT_XNX where there is */
			fmt = s2_mmu_pte_format(r.mmu);
			s2_test_row("%s, permissions %u", specs[i], prot);
			assert_i64(map(&r, GIB, 2 * MIB, PA, prot), 0);
			assert_i64(call(&r, r.cpu, SPLIT, GIB, 2 * MIB), 0);
			assert_i64(level_at(&r, GIB), 3);
			assert_u64(s2_pte_prot(leaf_at(&r, GIB).pte, &fmt), prot);
			assert_u64(s2_pte_prot(leaf_at(&r, GIB + 2 * MIB - PAGE).pte, &fmt), prot);
			rig_down(&r);
		}
	}
}

/* A race that was lost leaves the old translation in this CPU's TLB: the fault would repeat. */
static void relaxing_what_is_not_there_flushes_this_cpu_where_it_is_a_lost_race(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flavours); i++) {
		const bool race = s2_flavour_find(flavours[i])->attr_invalid_eagain;
		struct rig r;

		rig_up(&r, "cortex-a55", flavours[i]);
		s2_test_row("%s", flavours[i]);
		assert_i64(map(&r, GIB, PAGE, PA, R), 0);
		forget(&r);
		assert_i64(call(&r, r.cpu, RELAX, GIB + PAGE, PAGE), race ? -EAGAIN : 0);
		assert_i64(level_at(&r, GIB + PAGE), -1);
		assert_u64(did(&r, S2_OP_PTE_WRITE), 0);
		assert_u64(r.flushes, 1);
		assert_u64(r.last.kind, race ? S2_FLUSH_VMID_IPA_NSH : S2_FLUSH_VMID_IPA);
		assert_u64(r.last.ipa.v, GIB + PAGE);
		assert_i64(r.last.level, S2_TTL_UNKNOWN);
		/* Of what is there, the level is known. */
		assert_i64(call(&r, r.cpu, RELAX, GIB, PAGE), 0);
		assert_u64(r.flushes, 2);
		assert_i64(r.last.level, 3);
		rig_down(&r);
	}
}

static void a_page_inside_breaks_a_block_and_only_that_page_is_mapped(void **state)
{
	(void)state;
	for (size_t i = 0; i < 9; i++) {
		struct rig r;

		rig_up(&r, machines[i % 3], flavours[i / 3]);
		s2_test_row("%s %s", machines[i % 3], flavours[i / 3]);
		assert_i64(map(&r, 2 * GIB, GIB, PA, RW), 0);
		forget(&r);
		assert_i64(map(&r, 2 * GIB + 5 * MIB, PAGE, PA + 5 * MIB, RW), 0);
		/* One break, flushed with the block's level where the walk stood. */
		assert_u64(r.flushes, 1);
		assert_u64(r.last.kind, S2_FLUSH_VMID_IPA);
		assert_u64(r.last.ipa.v, 2 * GIB + 5 * MIB);
		assert_i64(r.last.level, 1);
		assert_u64(state_of(&r).leaves[1], 0);
		assert_u64(state_of(&r).leaves[3], 1);
		assert_i64(level_at(&r, 2 * GIB + 5 * MIB), 3);
		assert_i64(level_at(&r, 2 * GIB), -1);
		rig_down(&r);
	}
}

static void note_order(void *arg, const struct s2_event *ev)
{
	struct rig *r = arg;

	for (size_t i = 0; i < ev->n_insns; i++) {
		const struct s2_insn *insn = &ev->insns[i];
		bool noted = insn->op == S2_OP_TABLE_FREE || insn->op == S2_OP_DC_CIVAC ||
			     insn->op == S2_OP_TLBI_VMALLS12E1IS ||
			     (insn->op == S2_OP_PTE_WRITE && insn->order == S2_MEM_RELEASE);

		if (noted && r->n_order < ARRAY_SIZE(r->frees_and_writes))
			r->frees_and_writes[r->n_order++] = insn->op;
	}
}

/* 1 GiB over 2 MiB tables over pages: one flush, every table freed, in the kernel's order. */
static void a_1g_block_collapses_tables_over_tables(void **state)
{
	/* Since v6.2 the subtree is unlinked whole and freed after the new block... */
	static const enum s2_op later[] = {S2_OP_TLBI_VMALLS12E1IS, S2_OP_DC_CIVAC,
					   S2_OP_PTE_WRITE,	    S2_OP_TABLE_FREE,
					   S2_OP_TABLE_FREE,	    S2_OP_TABLE_FREE};
	/* ...before, on the way out of the walk, and only the topmost after it. */
	static const enum s2_op older[] = {S2_OP_TLBI_VMALLS12E1IS, S2_OP_TABLE_FREE,
					   S2_OP_TABLE_FREE,	    S2_OP_DC_CIVAC,
					   S2_OP_PTE_WRITE,	    S2_OP_TABLE_FREE};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flavours); i++) {
		const enum s2_op *order = i ? later : older;
		struct s2_sink sink = {.event = note_order, .arg = NULL};
		struct rig r;

		rig_up(&r, "cortex-a55", flavours[i]);
		sink.arg = &r;
		s2_test_row("%s", flavours[i]);
		assert_i64(map(&r, 2 * GIB, 3 * PAGE, PA + PAGE, RW), 0);
		assert_i64(map(&r, 2 * GIB + 8 * MIB, 3 * PAGE, PA + PAGE, RW), 0);
		assert_i64(map(&r, 2 * GIB + 4 * MIB, 2 * MIB, PA, RW), 0);
		assert_u64(live_pages(&r), r.mmu->geo.root_pages + 3);
		forget(&r);
		assert_i64(s2_machine_add_sink(r.m, &sink), 0);
		assert_i64(map(&r, 2 * GIB, GIB, PA, RW), 0);
		assert_u64(live_pages(&r), r.mmu->geo.root_pages);
		assert_u64(state_of(&r).leaves[1], 1);
		assert_u64(r.flushes, 1);
		assert_u64(r.last.kind, S2_FLUSH_VMID); /* no FEAT_TLBIRANGE */
		assert_u64(r.n_order, 6);
		for (size_t k = 0; k < r.n_order; k++)
			assert_i64((int)r.frees_and_writes[k], (int)order[k]);
		rig_down(&r);
	}
}

static void a_collapse_with_range_flushes_the_block_and_nothing_else(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, "max", "kvm-6.12");
	assert_i64(map(&r, 2 * GIB + 9 * MIB, PAGE, PA, RW), 0);
	forget(&r);
	assert_i64(map(&r, 2 * GIB, GIB, PA, RW), 0);
	assert_u64(r.flushes, 1);
	assert_u64(r.last.kind, S2_FLUSH_VMID_RANGE);
	assert_u64(r.last.ipa.v, 2 * GIB);
	assert_u64(r.last.pages, GIB / PAGE);
	assert_u64(did(&r, S2_OP_TLBI_RIPAS2E1IS), 1);
	rig_down(&r);
}

static void an_unmap_inside_a_block_takes_the_block_and_flushes_where_it_stood(void **state)
{
	struct rig r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flavours); i++) {
		rig_up(&r, "cortex-a55", flavours[i]);
		assert_i64(map(&r, 2 * GIB, 8 * MIB, PA, RW), 0);
		forget(&r);
		/* From the middle of the second block into the third. */
		assert_i64(call(&r, r.cpu, UNMAP, 2 * GIB + 3 * MIB, MIB + PAGE), 0);
		assert_i64(level_at(&r, 2 * GIB), 2);
		assert_i64(level_at(&r, 2 * GIB + 2 * MIB), -1);
		assert_i64(level_at(&r, 2 * GIB + 4 * MIB), -1);
		assert_i64(level_at(&r, 2 * GIB + 6 * MIB), 2);
		assert_u64(r.flushes, 2);
		assert_u64(r.last.ipa.v, 2 * GIB + 4 * MIB);
		assert_i64(r.last.level, 2);
		/* Both whole blocks cleaned. */
		assert_u64(did(&r, S2_OP_DC_CIVAC), 65536);
		assert_u64(did(&r, S2_OP_DSB_SY), 2);
		forget(&r);
		assert_i64(call(&r, r.cpu, UNMAP, 2 * GIB + 7 * MIB, PAGE), 0);
		assert_u64(r.last.ipa.v, 2 * GIB + 7 * MIB);
		rig_down(&r);
	}
}

static void a_lookup_reads_each_level_once_and_the_last_again(void **state)
{
	struct s2_leaf leaf;
	struct rig r;

	(void)state;
	rig_up(&r, "cortex-a55", "kvm-6.12"); /* levels 1 to 3 */
	assert_i64(map(&r, GIB, PAGE, PA, RW), 0);
	forget(&r);
	assert_i64(s2_pgtable_lookup(r.mmu, r.cpu, s2_ipa(GIB + 5), &leaf), 0);
	assert_u64(leaf.pa.v, PA + 5);
	assert_u64(did(&r, S2_OP_PTE_READ), 4);
	forget(&r);
	assert_i64(s2_pgtable_lookup(r.mmu, r.cpu, s2_ipa(0), &leaf), 0);
	assert_u64(did(&r, S2_OP_PTE_READ), 2);
	assert_i64(s2_pgtable_lookup(r.mmu, r.cpu, s2_ipa(UINT64_C(1) << 40), &leaf), -ERANGE);
	rig_down(&r);
}

/*
 * Since v6.2 the walker loads each entry, and again after a LEAF or TABLE_PRE
 * visit; before, again after a LEAF only, and each visitor loaded it for itself.
 */
static void the_walker_and_its_visitors_load_entries_as_each_kernel_does(void **state)
{
	static const struct {
		const char *flavour;
		uint64_t map, unmap, unmap_last, wrprotect, lookup;
	} rows[] = {
		/*
		 * Levels 1 to 3.  A map visits tables before, an unmap after what is
		 * below: three entries once, and the leaf or every table again; the
		 * leaf and, on the way out, two tables by the visitor.
		 */
		{"kvm-6.1", 3 + 1 + 1, 3 + 1 + 1 + 2, 3 + 1 + 1 + 2, 3 + 1 + 1, 3 + 1 + 1},
		{"kvm-6.12", 3 + 3, 3 + 1, 3 + 1, 3 + 1, 3 + 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_leaf leaf;
		struct rig r;

		rig_up(&r, "cortex-a55", rows[i].flavour);
		s2_test_row("%s", rows[i].flavour);
		assert_i64(map(&r, GIB, PAGE, PA, RW), 0);
		forget(&r);
		assert_i64(map(&r, GIB + PAGE, PAGE, PA + PAGE, RW), 0);
		assert_u64(did(&r, S2_OP_PTE_READ), rows[i].map);
		forget(&r);
		assert_i64(call(&r, r.cpu, WRPROTECT, GIB, PAGE), 0);
		assert_u64(did(&r, S2_OP_PTE_READ), rows[i].wrprotect);
		forget(&r);
		assert_i64(s2_pgtable_lookup(r.mmu, r.cpu, s2_ipa(GIB), &leaf), 0);
		assert_u64(did(&r, S2_OP_PTE_READ), rows[i].lookup);
		forget(&r);
		assert_i64(call(&r, r.cpu, UNMAP, GIB, PAGE), 0);
		assert_u64(did(&r, S2_OP_PTE_READ), rows[i].unmap);
		forget(&r);
		/* The last page: its tables go too. */
		assert_i64(call(&r, r.cpu, UNMAP, GIB + PAGE, PAGE), 0);
		assert_u64(did(&r, S2_OP_PTE_READ), rows[i].unmap_last);
		rig_down(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_split_goes_as_far_as_its_cache),
		s2_unit_test(a_split_keeps_permissions_and_makes_memory_write_back_and_young),
		s2_unit_test(a_split_keeps_what_the_guest_may_do_execute_too),
		s2_unit_test(relaxing_what_is_not_there_flushes_this_cpu_where_it_is_a_lost_race),
		s2_unit_test(a_page_inside_breaks_a_block_and_only_that_page_is_mapped),
		s2_unit_test(a_1g_block_collapses_tables_over_tables),
		s2_unit_test(a_collapse_with_range_flushes_the_block_and_nothing_else),
		s2_unit_test(an_unmap_inside_a_block_takes_the_block_and_flushes_where_it_stood),
		s2_unit_test(a_lookup_reads_each_level_once_and_the_last_again),
		s2_unit_test(the_walker_and_its_visitors_load_entries_as_each_kernel_does),
	};

	return cmocka_run_group_tests_name("pgtable", tests, NULL, NULL);
}
