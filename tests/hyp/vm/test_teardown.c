/* SPDX-License-Identifier: MIT */
/*
 * What the end of a VM issues, policy by policy, against closed forms:
 *
 *     pages of one granule from a 1 GiB boundary on, 4 KiB granule, 40 bits
 *     leaves L       = size / 4 KiB
 *     L3 tables      = ceil(size / 2 MiB)       one for each 512 pages
 *     L2 tables      = ceil(size / 1 GiB)       one for each 512 L3 tables
 *     root pages     = 2                        1,024 entries of 1 GiB
 *     flushes, leaf by leaf = L + L3 + L2       the root is never flushed
 *
 * So 64 GiB are 16,777,216 + 32,768 + 64 = 16,810,048 flushes.
 */
#include "hyp/vm/teardown_rig.h"

static uint64_t ceil_div(uint64_t n, uint64_t by)
{
	return (n + by - 1) / by;
}

/* Leaves and tables of @size, of pages or 2 MiB or 1 GiB blocks. */
struct tree {
	uint64_t leaves, tables;
};

static struct tree tree_of(uint64_t size, uint64_t backing)
{
	struct tree t = {size / backing, 0};

	if (backing < GIB)
		t.tables += ceil_div(size, GIB);
	if (backing < 2 * MIB)
		t.tables += ceil_div(size, 2 * MIB);
	return t;
}

/* Every policy on one shape; a72: no range TLBI, no FWB, nVHE, lines of 64 bytes. */
static void check_policies(uint64_t size, uint64_t backing)
{
	const struct shape s = {.size = size, .backing = backing};
	const struct tree t = tree_of(size, backing);
	const uint64_t lines = size / 64, chunks = 1024;
	struct {
		enum s2_teardown policy;
		uint64_t by_ipa, whole, lines, writes;
	} rows[] = {
		{S2_TEARDOWN_UNMAP, t.leaves + t.tables, 0, lines, t.leaves + t.tables},
		{S2_TEARDOWN_UNMAP_NO_CMO, t.leaves + t.tables, 0, 0, t.leaves + t.tables},
		{S2_TEARDOWN_UNMAP_NO_TLBI, 0, 1, lines, t.leaves + t.tables},
		{S2_TEARDOWN_UNMAP_NEITHER, 0, 1, 0, t.leaves + t.tables},
		/* Without range TLBIs each chunk flushes the VMID, empty ones too. */
		{S2_TEARDOWN_UNMAP_RANGE, t.tables, chunks, lines, t.leaves + t.tables},
		{S2_TEARDOWN_WALK, 0, 0, 0, t.tables},
		{S2_TEARDOWN_WALK_SPARSE, 0, 0, 0, t.tables},
		{S2_TEARDOWN_DROP, 0, 0, 0, 0},
		{S2_TEARDOWN_DROP_SHARED, 0, 0, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct s2_counts c = teardown_counts(&s, rows[i].policy);

		s2_test_row("policy %d, %" PRIu64 " MiB of %" PRIu64 " KiB", rows[i].policy,
			    size / MIB, backing / KIB);
		assert_flushes(&c, rows[i].by_ipa, rows[i].whole);
		assert_u64(c.n[S2_OP_DC_CIVAC], rows[i].lines);
		assert_u64(c.n[S2_OP_DSB_SY], rows[i].lines ? t.leaves : 0);
		assert_u64(c.n[S2_OP_PTE_WRITE], rows[i].writes);
		assert_u64(c.n[S2_OP_TABLE_FREE], t.tables + ROOT_PAGES);
	}
}

static void counts_of_every_policy_equal_their_closed_forms(void **state)
{
	static const uint64_t pages[] = {PAGE,		 3 * PAGE, 2 * MIB - PAGE, 2 * MIB,
					 2 * MIB + PAGE, GIB,	   GIB + 2 * MIB,  3 * GIB};
	static const uint64_t blocks[] = {2 * MIB, GIB, 5 * GIB + 6 * MIB, 64 * GIB};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		check_policies(pages[i], PAGE);
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		check_policies(blocks[i], 2 * MIB);
	check_policies(GIB, GIB);
	check_policies(512 * GIB, GIB);
}

/* From s2_vm_create() on: the pages of the root are counted where they come, too. */
static void a_vm_gives_back_as_many_table_pages_as_it_took(void **state)
{
	static const struct shape shapes[] = {
		{.size = GIB + 2 * MIB},
		{.size = 4 * MIB, .machine = "max,granule=16k", .backing = 16 * KIB},
		{.size = 64 * MIB, .machine = "max,granule=64k", .ipa_bits = 36, .backing = 64 * KIB},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		for (int policy = 0; policy <= S2_TEARDOWN_UNMAP_RANGE; policy++) {
			const struct s2_flavour f = flavour((enum s2_teardown)policy);
			struct s2_counts c;
			struct rig r;

			s2_test_row("shape %zu, policy %d", i, policy);
			rig_up(&r, &shapes[i], &f);
			assert_u64(s2_machine_counts(r.m).n[S2_OP_TABLE_ALLOC],
				   s2_mmu_geometry(s2_vm_mmu(r.vm))->root_pages);
			map_all(&r, &shapes[i]);
			assert_i64(s2_vm_teardown(r.vm, r.cpu), 0);
			c = s2_machine_counts(r.m);
			assert_u64(c.n[S2_OP_TABLE_FREE], c.n[S2_OP_TABLE_ALLOC]);
			rig_down(&r);
		}
}

static void sixty_four_gib_of_pages_are_16810048_flushes(void **state)
{
	const struct shape s = {.size = 64 * GIB};
	const struct tree t = tree_of(s.size, PAGE);
	const struct s2_counts c = teardown_counts(&s, S2_TEARDOWN_UNMAP);

	(void)state;
	assert_u64(t.leaves, 16777216);
	assert_u64(t.tables, 32768 + 64);
	assert_u64(t.leaves + t.tables, 16810048);
	assert_flushes(&c, 16810048, 0);
	assert_u64(c.n[S2_OP_DC_CIVAC], UINT64_C(1) << 30);
}

/* A flavour as it comes: before 2020 all of it, since then nothing. */
static void each_flavour_tears_down_as_its_kernels_do(void **state)
{
	const struct shape s = {.size = GIB};

	(void)state;
	for (size_t i = 0; s2_flavour_at(i); i++) {
		struct s2_counts c;
		struct rig r;

		s2_test_row("%s", s2_flavour_at(i)->name);
		rig_up(&r, &s, s2_flavour_at(i));
		map_all(&r, &s);
		assert_i64(s2_vm_teardown(r.vm, r.cpu), 0);
		c = lap(&r);
		assert_flushes(&c, i ? 0 : 262144 + 512 + 1, 0);
		assert_u64(c.n[S2_OP_DC_CIVAC], i ? 0 : GIB / 64);
		assert_u64(c.n[S2_OP_TABLE_FREE], 513 + ROOT_PAGES);
		rig_down(&r);
	}
}

static void with_fwb_and_range_a_chunk_is_one_range_flush_and_nothing_is_cleaned(void **state)
{
	const struct shape s = {.machine = "max,-lpa2", .size = 2 * GIB};
	const struct s2_counts c = teardown_counts(&s, S2_TEARDOWN_UNMAP_RANGE);

	(void)state;
	assert_u64(c.n[S2_OP_TLBI_RIPAS2E1IS], 1024);
	assert_u64(c.n[S2_OP_TLBI_IPAS2E1IS], 2 * 513);
	assert_u64(c.n[S2_OP_TLBI_VMALLE1IS], 1024 + 2 * 513);
	assert_u64(c.n[S2_OP_DC_CIVAC], 0);
}

/* The walk begins each chunk at the root: two reads an entry that holds no table. */
static void a_chunked_walk_reads_empty_space_once_a_chunk(void **state)
{
	static const struct {
		const char *machine;
		unsigned bits;
		uint64_t chunks, root_entries;
	} rows[] = {
		{"neoverse-n1", 40, 1024, 1024},
		{"neoverse-n1", 48, 262144, 512},
		{"neoverse-n1,granule=16k", 48, 8388608, 4096},
		{"neoverse-n1,granule=64k", 48, 524288, 64},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct shape s = {.machine = rows[i].machine,
					.ipa_bits = rows[i].bits,
					.size = 64 * MIB,
					.backing = 0};
		struct s2_flavour f = flavour(S2_TEARDOWN_WALK);
		struct rig r;

		s2_test_row("%s, %u bits", rows[i].machine, rows[i].bits);
		for (int sparse = 0; sparse < 2; sparse++) {
			struct s2_vm_config cfg = {.flavour = &f, .ipa_bits = rows[i].bits};

			f.teardown = sparse ? S2_TEARDOWN_WALK_SPARSE : S2_TEARDOWN_WALK;
			machine_up(&r, &s);
			cfg.vmids = r.vmids;
			assert_i64(s2_vm_create(r.m, &cfg, &r.vm), 0);
			assert_i64(s2_vm_teardown(r.vm, r.cpu), 0);
			/* One read tells that a whole root entry can be stepped over. */
			assert_u64(lap(&r).n[S2_OP_PTE_READ],
				   sparse ? rows[i].root_entries : 2 * rows[i].chunks);
			/* Two reads, or two pages of the root freed. */
			assert_true(s2_vm_longest_stretch(r.vm) <= 2);
			rig_down(&r);
		}
	}
}

/* It comes to tables above the chunks more than once, whatever the flavour's own walk does. */
static void a_sparse_walk_frees_each_table_once(void **state)
{
	const struct shape s = {.machine = "neoverse-n1", .ipa_bits = 44, .size = 3 * GIB};
	struct s2_flavour f = flavour(S2_TEARDOWN_WALK_SPARSE);
	struct rig r;

	(void)state;
	f.destroy = S2_DESTROY_PUT_ALL;
	rig_up(&r, &s, &f);
	map_all(&r, &s);
	assert_i64(s2_vm_teardown(r.vm, r.cpu), 0);
	/* 44 bits start at level 0: one table more above the three of level 2. */
	assert_u64(lap(&r).n[S2_OP_TABLE_FREE], 3 * 512 + 3 + 1 + 1);
	rig_down(&r);
}

/* Run length is an economy: one event an instruction gives the same counts. */
static void runs_change_no_count(void **state)
{
	static const struct shape shapes[] = {
		{.size = 2 * MIB + 3 * PAGE},
		{.machine = "neoverse-n1", .ipa_bits = 44, .size = 8 * MIB, .backing = 2 * MIB},
		{.machine = "max,-lpa2", .size = 6 * MIB},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		for (int p = S2_TEARDOWN_WALK; p <= S2_TEARDOWN_UNMAP_RANGE; p++) {
			struct shape one = shapes[i];
			struct s2_counts a, b;

			s2_test_row("shape %zu, policy %d", i, p);
			one.run_limit = 1;
			a = teardown_counts(&shapes[i], (enum s2_teardown)p);
			b = teardown_counts(&one, (enum s2_teardown)p);
			assert_memory_equal(&a, &b, sizeof(a));
		}
	}
}

/* What a sink is told, expanded. */
struct told {
	uint64_t n[S2_OP_COUNT];
	uint64_t freed_bytes, frees_after_flush, flushes;
	uint64_t freed_pas; /* their sum */
	uint64_t longest_run;
};

static void listen(void *arg, const struct s2_event *e)
{
	struct told *t = arg;

	if (e->repeat > t->longest_run)
		t->longest_run = e->repeat;
	for (size_t i = 0; i < e->n_insns; i++) {
		const struct s2_insn *insn = &e->insns[i];

		t->n[insn->op] += insn->count * e->repeat;
		t->flushes += insn->op == S2_OP_TLBI_VMALLS12E1IS;
		if (insn->op != S2_OP_TABLE_FREE)
			continue;
		t->freed_bytes += insn->value * e->repeat;
		for (uint64_t n = 0; n < e->repeat; n++)
			t->freed_pas += insn->addr + n * insn->addr_step;
		t->frees_after_flush += t->flushes ? e->repeat : 0;
	}
}

static struct told listened(enum s2_teardown teardown, uint64_t run_limit)
{
	const struct shape s = {.size = GIB + 2 * MIB, .run_limit = run_limit};
	const struct s2_flavour f = flavour(teardown);
	struct told told = {.longest_run = 0};
	const struct s2_sink sink = {.event = listen, .arg = &told};
	struct s2_counts c;
	struct rig r;

	rig_up(&r, &s, &f);
	map_all(&r, &s);
	assert_i64(s2_machine_add_sink(r.m, &sink), 0);
	assert_i64(s2_vm_teardown(r.vm, r.cpu), 0);
	c = lap(&r);
	for (int op = 0; op < S2_OP_COUNT; op++)
		if (op != S2_OP_DVM_BROADCAST)
			assert_u64(told.n[op], c.n[op]);
	assert_i64(s2_machine_remove_sink(r.m, &told), 0);
	rig_down(&r);
	return told;
}

static void sinks_see_every_instruction_of_every_policy(void **state)
{
	const uint64_t pas = listened(S2_TEARDOWN_WALK, 0).freed_pas;

	(void)state;
	for (int p = S2_TEARDOWN_WALK; p <= S2_TEARDOWN_UNMAP_RANGE; p++) {
		const struct told told = listened((enum s2_teardown)p, 0);

		s2_test_row("policy %d", p);
		/* 513 and 1 tables of level 3, 2 of level 2, the root. */
		assert_u64(told.freed_bytes, (512 + 1 + 2 + ROOT_PAGES) * PAGE);
		assert_u64(told.freed_pas, pas);
		assert_u64(listened((enum s2_teardown)p, 7).longest_run, 7);
	}
}

/* The hazard of patch 5 as posted: all tables but the root go before the flush. */
static void the_one_flush_of_patch_5_comes_after_tables_are_freed(void **state)
{
	const struct told told = listened(S2_TEARDOWN_UNMAP_NEITHER, 0);

	(void)state;
	assert_u64(told.flushes, 1);
	assert_u64(told.frees_after_flush, ROOT_PAGES);
}

static void dropping_gives_all_table_memory_back(void **state)
{
	static const enum s2_teardown policies[] = {S2_TEARDOWN_DROP, S2_TEARDOWN_WALK};
	const struct shape s = {.size = GIB};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		const struct s2_flavour f = flavour(policies[i]);
		struct s2_pgtable_state tables;
		uint64_t live, held;
		struct rig r;

		rig_up(&r, &s, &f);
		map_all(&r, &s);
		s2_machine_table_memory(r.m, &live, &held);
		assert_u64(live, (513 + ROOT_PAGES) * PAGE);
		assert_i64(s2_vm_teardown(r.vm, r.cpu), 0);
		s2_machine_table_memory(r.m, &live, &held);
		assert_u64(live, 0);
		if (policies[i] == S2_TEARDOWN_DROP)
			assert_u64(held, 0);
		s2_pgtable_state(s2_vm_mmu(r.vm), &tables);
		assert_u64(tables.table_pages, 0);
		assert_i64(s2_vm_teardown(r.vm, r.cpu), -EINVAL);
		rig_down(&r);
	}
}

static void drop_cleans_shared_memory_only_and_only_without_fwb(void **state)
{
	static const struct {
		const char *machine;
		enum s2_backing_life life;
		uint64_t lines;
	} rows[] = {
		{"cortex-a72", S2_BACKING_DIES, 0},
		{"cortex-a72", S2_BACKING_SHARED, 4 * MIB / 64},
		{"max", S2_BACKING_SHARED, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct shape s = {
			.machine = rows[i].machine, .size = 4 * MIB, .life = rows[i].life};
		const struct s2_counts shared = teardown_counts(&s, S2_TEARDOWN_DROP_SHARED);
		const struct s2_counts drop = teardown_counts(&s, S2_TEARDOWN_DROP);

		assert_u64(shared.n[S2_OP_DC_CIVAC], rows[i].lines);
		assert_u64(drop.n[S2_OP_DC_CIVAC], 0);
	}
}

/* Where the lock is offered up decides how long it is held, not how much is done. */
static void the_lock_is_held_for_a_chunk_at_most(void **state)
{
	static const struct {
		enum s2_teardown teardown;
		enum s2_resched resched;
		enum s2_destroy destroy;
		uint64_t lock, stretch;
	} rows[] = {
		/* 262,144 leaves: read twice, written; 513 tables: read, written, freed; the root's. */
		{S2_TEARDOWN_UNMAP_NEITHER, S2_RESCHED_BLOCK, S2_DESTROY_PUT_EMPTY,
		 3 * 262144 + 3 * 513, 3 * 262144 + 3 * 513},
		/* With 44 bits an entry of the root is 512 GiB: both GiB in one stretch. */
		{S2_TEARDOWN_UNMAP_NEITHER, S2_RESCHED_PGD_ENTRY, S2_DESTROY_PUT_EMPTY, 0, 0},
		{S2_TEARDOWN_WALK, S2_RESCHED_BLOCK, S2_DESTROY_PUT_EMPTY, 0, 2 * 262144 + 3 * 513},
		{S2_TEARDOWN_DROP, S2_RESCHED_BLOCK, S2_DESTROY_PUT_EMPTY, 0, 2 * 513 + 2},
	};
	const struct shape s = {.size = 2 * GIB};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_flavour f = flavour(rows[i].teardown);
		struct shape shape = s;
		struct rig r;

		s2_test_row("row %zu", i);
		f.resched = rows[i].resched;
		if (rows[i].resched == S2_RESCHED_PGD_ENTRY)
			shape.ipa_bits = 44;
		rig_up(&r, &shape, &f);
		map_all(&r, &shape);
		s2_vm_forget_longest(r.vm);
		assert_i64(s2_vm_teardown(r.vm, r.cpu), 0);
		if (shape.ipa_bits) {
			/* The same for each GiB, and the other entries of two tables above. */
			assert_true(s2_vm_longest_lock(r.vm) > 2 * (3 * 262144 + 3 * 513));
			assert_true(s2_vm_longest_lock(r.vm) < 2 * (3 * 262144 + 3 * 513) + 2048);
		} else {
			assert_u64(s2_vm_longest_lock(r.vm), rows[i].lock);
			assert_u64(s2_vm_longest_stretch(r.vm), rows[i].stretch);
		}
		rig_down(&r);
	}
}

static void a_loaded_vcpu_keeps_its_vm_alive(void **state)
{
	const struct s2_flavour f = flavour(S2_TEARDOWN_DROP);
	const struct shape s = {.size = 2 * MIB};
	struct rig r;

	(void)state;
	rig_up(&r, &s, &f);
	assert_i64(s2_vm_add_vcpu(r.vm), 0);
	assert_i64(s2_vcpu_load(s2_vm_vcpu(r.vm, 0), r.cpu), 0);
	lap(&r);
	assert_i64(s2_vm_teardown(r.vm, r.cpu), -EBUSY);
	assert_u64(lap(&r).n[S2_OP_TABLE_FREE], 0);
	assert_i64(s2_vcpu_put(s2_vm_vcpu(r.vm, 0)), 0);
	assert_i64(s2_vm_teardown(r.vm, r.cpu), 0);
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(counts_of_every_policy_equal_their_closed_forms),
		s2_unit_test(a_vm_gives_back_as_many_table_pages_as_it_took),
		s2_unit_test(sixty_four_gib_of_pages_are_16810048_flushes),
		s2_unit_test(each_flavour_tears_down_as_its_kernels_do),
		s2_unit_test(with_fwb_and_range_a_chunk_is_one_range_flush_and_nothing_is_cleaned),
		s2_unit_test(a_chunked_walk_reads_empty_space_once_a_chunk),
		s2_unit_test(a_sparse_walk_frees_each_table_once),
		s2_unit_test(runs_change_no_count),
		s2_unit_test(sinks_see_every_instruction_of_every_policy),
		s2_unit_test(the_one_flush_of_patch_5_comes_after_tables_are_freed),
		s2_unit_test(dropping_gives_all_table_memory_back),
		s2_unit_test(drop_cleans_shared_memory_only_and_only_without_fwb),
		s2_unit_test(the_lock_is_held_for_a_chunk_at_most),
		s2_unit_test(a_loaded_vcpu_keeps_its_vm_alive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
