/* SPDX-License-Identifier: MIT */
/* Ways of tracking what a guest writes: who pays for protecting, who for splitting blocks. */
#include "study/work/migrate_fixture.h"

/* The four ways to track: who pays at the start, who holds the lock how long, who protects what. */
static void four_ways_of_tracking_pay_in_four_places(void **state)
{
	static const struct {
		uint64_t chunk;
		bool manual, initially_set;
		uint64_t start,
			protects; /* descriptors written: 1 GiB is mapped, 64 pages are dirtied */
	} rows[] = {
		{GIB, false, false, 262144, 64},
		{256 * MIB, true, false, 262144, 64},
		{GIB, true, false, 262144, 64},
		/* Free to start; the first pass protects everything. */
		{256 * MIB, true, true, 0, 262144 + 64},
	};
	uint64_t start_lock[4], lock[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_migrate mig = measured();
		struct s2_migrate_cost cost;

		s2_test_row("row %zu", i);
		mig.slot = GIB;
		mig.dirty = 64;
		mig.rounds = 1;
		mig.mapped = true;
		mig.chunk = rows[i].chunk;
		mig.manual = rows[i].manual;
		mig.initially_set = rows[i].initially_set;
		cost = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
		assert_u64(cost.start_writes, rows[i].start);
		assert_u64(cost.protects, rows[i].protects);
		assert_u64(cost.faults, 64);
		start_lock[i] = cost.start_lock;
		lock[i] = cost.longest_lock;
	}
	assert_true(start_lock[3] < start_lock[0] / 1000);
	assert_true(lock[3] < lock[0]);
}

/* 128 blocks, all mapped; in each a page is written, and what is behind it read. */
static struct s2_migrate blocks_written_once(uint64_t vcpus, uint64_t reads)
{
	struct s2_migrate mig = measured();

	mig.slot = 256 * MIB;
	mig.backing = 2 * MIB;
	mig.mapped = true;
	mig.dirty = 128;
	mig.reads = reads;
	mig.chunk = 64 * MIB;
	mig.vcpus = vcpus;
	return mig;
}

/*
 * Split by a fault: that vcpu flushes the block in all TLBs, and of the block one
 * page is mapped again, so that whatever else is used of it faults.  Split by the
 * VMM's thread: a flush a block there, none by vcpus, and nothing to fault for but writes.
 */
static void who_splits_a_block_pays_its_flush_and_faults_lose_the_rest_of_it(void **state)
{
	static const uint64_t vcpus[] = {1, 5, 64}, reads[] = {0, 7, 511};

	(void)state;
	for (size_t v = 0; v < ARRAY_SIZE(vcpus); v++)
		for (size_t r = 0; r < ARRAY_SIZE(reads); r++)
			for (int split = 0; split < 3; split++) {
				struct s2_migrate mig = blocks_written_once(vcpus[v], reads[r]);
				struct s2_migrate_cost cost;

				s2_test_row("%" PRIu64 " vcpus, %" PRIu64 " reads, split %d",
					    vcpus[v], reads[r], split);
				mig.split = split ? 2 * MIB : 0;
				mig.initially_set = split == 2;
				cost = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
				assert_u64(cost.faults, 128);
				assert_u64(cost.read_faults, split ? 0 : 128 * reads[r]);
				assert_u64(cost.vcpu_flushes, split ? 0 : 128);
				assert_u64(cost.vcpu_flushes_max,
					   split ? 0 : (128 + vcpus[v] - 1) / vcpus[v]);
				assert_u64(cost.split_calls, split ? 128 : 0);
			}
}

static void reads_end_with_the_slot_and_what_is_read_again_is_mapped(void **state)
{
	struct s2_migrate mig = blocks_written_once(3, 4096);
	struct s2_migrate_cost cost;

	(void)state;
	/* Over the next blocks, too: all but what was written, once, in however many rounds. */
	mig.rounds = 3;
	cost = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
	assert_u64(cost.read_faults, 128 * 511);
	assert_u64(cost.faults, 3 * 128);
	assert_u64(cost.vcpu_flushes, 128);
	/* Behind a run that ends with the slot there is nothing. */
	mig.rounds = 1;
	mig.dirty = mig.run = mig.slot / PAGE;
	cost = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
	assert_u64(cost.read_faults, 0);
}

/* A split's flush is no flush call of the log, and its TLBI none of a flush by range. */
static void a_split_counts_as_neither_call_nor_range_op_of_the_log(void **state)
{
	struct s2_migrate mig = blocks_written_once(4, 0);
	struct s2_flavour f = flushing(S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
	struct s2_migrate_cost split, pages;

	(void)state;
	mig.split = 2 * MIB;
	mig.initially_set = true;
	/* Without range TLBI a clear is one flush of the VMID: a pass over 4 chunks, and one more. */
	split = run_on(&mig, "neoverse-n2,-tlbirange", &f);
	assert_u64(split.split_calls, 128);
	assert_u64(split.calls, 8);
	assert_u64(split.range_ops, 0);
	/* With it, what a slot of pages needs. */
	split = run_on(&mig, "neoverse-n2", &f);
	mig.backing = PAGE;
	mig.split = 0;
	pages = run_on(&mig, "neoverse-n2", &f);
	assert_u64(split.split_calls, 128);
	assert_u64(pages.split_calls, 0);
	assert_u64(split.calls, pages.calls);
	assert_u64(split.range_ops, pages.range_ops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(four_ways_of_tracking_pay_in_four_places),
		s2_unit_test(who_splits_a_block_pays_its_flush_and_faults_lose_the_rest_of_it),
		s2_unit_test(reads_end_with_the_slot_and_what_is_read_again_is_mapped),
		s2_unit_test(a_split_counts_as_neither_call_nor_range_op_of_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
