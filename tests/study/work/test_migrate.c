/* SPDX-License-Identifier: MIT */
/*
 * Migrations against closed forms, for a slot of S bytes of 4 KiB pages:
 *
 *     a clear of any dirty page flushes the slot: ceil(S / 8 GiB) calls
 *     upstream, one call with the loop inside, or one flush of the VMID
 *     a slot of whole GiB needs one range TLBI for each 8 GiB begun: the rest
 *     of r GiB is 4 r <= 32 units of scale 3
 *     chunks cleared: those with a dirty page; D pages spread evenly over C
 *     chunks are in min(C, D) of them, where one divides the other
 */
#include "study/work/migrate_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/work/migrate_notes.h"

#include "../../../bench/s2-migrate.c"

static uint64_t chunks_of_8g(uint64_t slot)
{
	return (slot + 8 * GIB - 1) / (8 * GIB);
}

static void sixty_four_clears_of_64g_are_512_range_flushes_or_64_of_the_vmid(void **state)
{
	const struct s2_flavour f = flushing(S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
	const struct s2_migrate mig = measured();
	/* Both kinds of hypervisor issue the same, each call being a hypercall with nVHE. */
	static const char *const machines[] = {"max", "max,-vhe", "neoverse-n2"};
	struct s2_migrate_cost c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		s2_test_row("%s", machines[i]);
		c = run_on(&mig, machines[i], &f);
		assert_u64(c.clears, 64);
		assert_u64(c.calls, 512);
		assert_u64(c.ops.n[S2_OP_TLBI_RIPAS2E1IS], 512);
		assert_u64(c.ops.n[S2_OP_TLBI_VMALLE1IS], 512);
		assert_u64(c.ops.n[S2_OP_TLBI_VMALLS12E1IS], 0);
		assert_u64(c.ops.n[S2_OP_HYPERCALL], i == 1 ? 512 : 0);
	}
	c = run_on(&mig, "max,-tlbirange", &f);
	assert_u64(c.ops.n[S2_OP_TLBI_RIPAS2E1IS], 0);
	assert_u64(c.ops.n[S2_OP_TLBI_VMALLE1IS], 0);
	assert_u64(c.ops.n[S2_OP_TLBI_VMALLS12E1IS], 64);
}

/* A clear protects each dirty page with one write. */
static void spread_pages_are_all_dirty_and_reach_the_slots_end(void **state)
{
	static const struct {
		uint64_t pages, dirty, run, clears;
	} rows[] = {
		{256, 130, 1, 4},  {256, 192, 1, 4}, {256, 256, 3, 4}, {256, 250, 7, 4},
		{256, 3, 1, 3},	   {320, 7, 1, 5},   {320, 319, 2, 5}, {4096, 2050, 1, 64},
		{4096, 65, 1, 64}, {64, 64, 63, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_migrate mig = measured();
		struct s2_migrate_cost c;

		s2_test_row("%" PRIu64 " of %" PRIu64 " pages", rows[i].dirty, rows[i].pages);
		mig.slot = rows[i].pages * PAGE;
		mig.dirty = rows[i].dirty;
		mig.run = rows[i].run;
		c = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
		assert_u64(c.ops.n[S2_OP_PTE_WRITE], rows[i].dirty);
		assert_u64(c.clears, rows[i].clears);
	}
}

static void a_clear_is_ceil_slot_by_8g_calls_upstream_and_one_otherwise(void **state)
{
	static const uint64_t slots[] = {GIB,	   7 * GIB,  8 * GIB, 9 * GIB,
					 20 * GIB, 64 * GIB, TIB,     4 * TIB};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
		struct s2_migrate mig = measured();
		struct s2_migrate_cost c;
		uint64_t n = chunks_of_8g(slots[i]);

		s2_test_row("slot of %" PRIu64 " GiB", slots[i] / GIB);
		mig.slot = slots[i];
		c = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
		assert_u64(c.calls, 64 * n);
		assert_u64(c.range_ops, 64 * n);
		assert_u64(c.ops.n[S2_OP_DSB_ISHST], 64 * n);
		c = run_mig(&mig, S2_RANGE_ONE_CALL, S2_CLEAR_FLUSH_SLOT);
		assert_u64(c.calls, 64);
		assert_u64(c.range_ops, 64 * n);
		assert_u64(c.ops.n[S2_OP_TLBI_VMALLE1IS], 64);
		c = run_mig(&mig, S2_RANGE_VMID_ABOVE, S2_CLEAR_FLUSH_SLOT);
		assert_u64(c.calls, 64);
		assert_u64(c.ops.n[S2_OP_TLBI_VMALLS12E1IS], n > 1 ? 64 : 0);
		c = run_mig(&mig, S2_RANGE_VMID_ALWAYS, S2_CLEAR_FLUSH_SLOT);
		assert_u64(c.ops.n[S2_OP_TLBI_VMALLS12E1IS], 64);
		c = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SPAN);
		assert_u64(c.ops.n[S2_OP_TLBI_IPAS2E1IS], 64);
		assert_u64(c.calls, 64);
	}
}

static void a_chunk_is_cleared_if_one_of_its_pages_is_dirty(void **state)
{
	static const uint64_t chunks[] = {64 * PAGE, 2 * MIB, 16 * MIB, GIB, 8 * GIB};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(chunks); i++)
		for (uint64_t dirty = 1; dirty <= 1024; dirty *= 4) {
			struct s2_migrate mig = measured();
			uint64_t n = mig.slot / chunks[i];

			mig.chunk = chunks[i];
			mig.dirty = dirty;
			mig.rounds = 3;
			s2_test_row("%" PRIu64 " dirty, chunks of %" PRIu64, dirty, chunks[i]);
			assert_u64(run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT).clears,
				   3 * (dirty < n ? dirty : n));
			/* Side by side they are in as few chunks as can be. */
			mig.locality = S2_MIGRATE_DENSE;
			assert_u64(run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT).clears,
				   3 * ((dirty * PAGE + chunks[i] - 1) / chunks[i]));
		}
}

static void runs_that_cross_chunks_clear_both_once(void **state)
{
	struct s2_migrate mig = measured();
	uint64_t clears;

	(void)state;
	/* 8 runs of 96 pages, each 16384 x 8 pages apart: a chunk and a half. */
	mig.dirty = 8 * 96;
	mig.run = 96;
	assert_u64(run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT).clears, 16);
	/* In random places a run of 96 is in two chunks of 64 pages, or in three. */
	mig.locality = S2_MIGRATE_RANDOM;
	mig.seed = 3;
	clears = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT).clears;
	assert_true(clears >= 2 * 8 && clears <= 3 * 8);
}

static void without_manual_protect_a_round_is_one_clear(void **state)
{
	struct s2_migrate mig = measured();
	struct s2_migrate_cost c;

	(void)state;
	mig.manual = false;
	mig.rounds = 5;
	c = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
	assert_u64(c.clears, 5);
	assert_u64(c.calls, 5 * 8);
}

static void initially_set_clears_every_chunk_first_and_starts_for_nothing(void **state)
{
	struct s2_migrate mig = measured();
	struct s2_migrate_cost c;

	(void)state;
	mig.chunk = GIB;
	mig.count = S2_MIGRATE_COUNT_LOG;
	c = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
	assert_u64(c.calls, (1 + 64) * 8); /* start, and 64 clears */
	mig.initially_set = true;
	c = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
	assert_u64(c.clears, 64 + 64);
	assert_u64(c.calls, 128 * 8);
}

static void blocks_are_split_by_faults_or_at_once(void **state)
{
	struct s2_migrate mig = measured();
	struct s2_migrate_cost c;

	(void)state;
	mig.backing = 2 * MIB;
	mig.rounds = 2;
	/* First round: each block is broken, once; second: pages are relaxed. */
	c = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
	assert_u64(c.split_calls, 0);
	assert_u64(c.fault_calls, 64 + 64);
	/* Split at the start: both rounds relax. */
	mig.split = 2 * MIB;
	c = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
	assert_u64(c.split_calls, 64);
	assert_u64(c.fault_calls, 128);
	/* Or when first cleared. */
	mig.initially_set = true;
	c = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
	assert_u64(c.split_calls, 64);
}

static void refills_are_what_the_tlb_held_or_the_ranges_share(void **state)
{
	struct s2_migrate mig = measured();
	struct s2_migrate_cost c;

	(void)state;
	/* 1 MiB is 256 translations of 4 vcpus; a quarter is of other slots. */
	c = run_mig(&mig, S2_RANGE_VMID_ALWAYS, S2_CLEAR_FLUSH_SLOT);
	assert_true(c.refills == 64 * 4 * 256);
	c = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
	assert_true(c.refills == 64 * 4 * 192);
	assert_true(fabs(c.work - (512 + 51.2 + 0.01 * 64 * 4 * 192)) < 1e-6);
	/* One page of 2^24 each. */
	c = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SPAN);
	assert_true(c.refills == 64 * 4 * 192 / 16777216.0);
	/* More than the TLB holds. */
	mig.working_set = GIB;
	c = run_mig(&mig, S2_RANGE_VMID_ALWAYS, S2_CLEAR_FLUSH_SLOT);
	assert_true(c.refills == 64 * 4 * 1000);
	/* A translation of 2 MiB, until blocks are split. */
	mig.backing = 2 * MIB;
	c = run_mig(&mig, S2_RANGE_VMID_ALWAYS, S2_CLEAR_FLUSH_SLOT);
	assert_true(c.refills == 64 * 4 * 512);
	mig.split = 2 * MIB;
	c = run_mig(&mig, S2_RANGE_VMID_ALWAYS, S2_CLEAR_FLUSH_SLOT);
	assert_true(c.refills == 64 * 4 * 1000);
}

static void a_simulated_tlb_loses_no_more_than_the_bound(void **state)
{
	static const uint64_t sets[] = {64 * KIB, MIB, 2 * MIB, 8 * MIB, 64 * MIB};
	struct s2_migrate_cost c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		for (int range = S2_RANGE_PER_CHUNK; range <= S2_RANGE_VMID_ALWAYS; range++) {
			struct s2_migrate mig = measured();
			double bound;

			s2_test_row("working set %zu, policy %d", i, range);
			mig.working_set = sets[i];
			mig.tlb = 1024;
			bound = run_mig(&mig, (enum s2_range_calls)range, S2_CLEAR_FLUSH_SLOT)
					.refills;
			mig.refills_by = S2_MIGRATE_REFILLS_TLB;
			c = run_mig(&mig, (enum s2_range_calls)range, S2_CLEAR_FLUSH_SLOT);
			assert_true(c.refills <= bound);
			/* What fits is lost whole, each time: 64 clears, 4 vcpus. */
			if (sets[i] == MIB)
				assert_true(c.refills == bound);
			/* What is used in turn and never fits misses anyway: nothing is lost. */
			if (sets[i] == 64 * MIB)
				assert_true(c.refills == 0);
		}
}

static void a_span_costs_a_simulated_tlb_next_to_nothing(void **state)
{
	struct s2_migrate mig = measured();
	double slot, span;

	(void)state;
	mig.tlb = 1024;
	mig.refills_by = S2_MIGRATE_REFILLS_TLB;
	slot = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT).refills;
	span = run_mig(&mig, S2_RANGE_ONE_CALL, S2_CLEAR_FLUSH_ROUND).refills;
	/* A page of each GiB: of 192 translations in the slot only some are one of those. */
	assert_true(span <= 64 * 4);
	assert_true(slot == 64 * 4 * 192);
}

/* The claim of the policy: it knows the ratio, and takes the cheaper of the two. */
static void by_cost_is_never_dearer_than_what_it_chooses_from(void **state)
{
	static const uint64_t slots[] = {GIB, 64 * GIB, 4 * TIB};
	struct s2_features features;

	(void)state;
	assert_i64(s2_features_parse("neoverse-n2", &features, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(slots); i++)
		for (double ratio = 1e-5; ratio < 10; ratio *= 4) {
			struct s2_flavour f = flushing(S2_RANGE_BY_COST, S2_CLEAR_FLUSH_SLOT);
			struct s2_migrate mig = measured();
			double one, vmid, by_cost;

			mig.slot = slots[i];
			mig.ratio = ratio;
			f.costs = s2_migrate_costs(&mig, &features, false);
			s2_test_row("slot %zu, ratio %g", i, ratio);
			one = run_mig(&mig, S2_RANGE_ONE_CALL, S2_CLEAR_FLUSH_SLOT).work;
			vmid = run_mig(&mig, S2_RANGE_VMID_ALWAYS, S2_CLEAR_FLUSH_SLOT).work;
			by_cost = run_on(&mig, "neoverse-n2", &f).work;
			assert_true(by_cost <= fmin(one, vmid) * (1 + 1e-9));
		}
}

static void a_rounded_span_is_never_dearer_than_the_slot(void **state)
{
	static const uint64_t chunks[] = {64 * PAGE, 16 * MIB, GIB};

	(void)state;
	for (uint64_t dirty = 1; dirty <= 4096; dirty *= 8)
		for (size_t i = 0; i < ARRAY_SIZE(chunks); i++) {
			struct s2_migrate mig = measured();
			struct s2_migrate_cost slot, round;

			mig.slot = 4 * GIB;
			mig.chunk = chunks[i];
			mig.dirty = dirty;
			s2_test_row("%" PRIu64 " dirty, chunk %zu", dirty, i);
			slot = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);
			round = run_mig(&mig, S2_RANGE_ONE_CALL, S2_CLEAR_FLUSH_ROUND);
			assert_true(round.flush_work <= slot.flush_work);
			assert_true(round.refills <= slot.refills);
		}
}

static void policies_change_flushes_and_nothing_else(void **state)
{
	const struct s2_migrate mig = measured();
	const struct s2_migrate_cost a = run_mig(&mig, S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT);

	(void)state;
	for (int range = S2_RANGE_PER_CHUNK; range <= S2_RANGE_VMID_ALWAYS; range++) {
		const struct s2_migrate_cost b =
			run_mig(&mig, (enum s2_range_calls)range, S2_CLEAR_FLUSH_SPAN);

		assert_u64(b.ops.n[S2_OP_PTE_WRITE], a.ops.n[S2_OP_PTE_WRITE]);
		assert_u64(b.ops.n[S2_OP_PTE_READ], a.ops.n[S2_OP_PTE_READ]);
		assert_u64(b.clears, a.clears);
		assert_u64(b.longest_lock, a.longest_lock);
	}
}

/* ---- which wins ---- */

static struct s2_result result(const char *policy, double work, double refills)
{
	struct s2_result r = {.policy = policy, .applies = true};

	s2_result_measure(&r, "flush_work", NULL, work);
	s2_result_measure(&r, "refills", NULL, refills);
	return r;
}

static void who_wins_whatever_a_refill_costs(void **state)
{
	struct s2_result r[] = {result("many", 512, 100), result("one", 100, 100),
				result("vmid", 64, 200), result("by-cost", 1, 1)};
	struct s2_point point = {.results = r, .n_results = 3};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_false(s2_migrate_wins(&point, i));
	/* 36 sequences fewer against 100 refills more. */
	assert_true(fabs(s2_migrate_crossing(&point, 1, 2) - 0.36) < 1e-12);
	assert_true(fabs(s2_migrate_crossing(&point, 2, 1) - 0.36) < 1e-12);
	assert_true(s2_migrate_crossing(&point, 0, 1) < 0);
	assert_true(fabs(s2_migrate_cheapest_from(&point, 1) - 0.36) < 1e-12);
	assert_true(s2_migrate_cheapest_from(&point, 0) < 0); /* one-call is cheaper at any */
	assert_true(s2_migrate_cheapest_from(&point, 2) < 0); /* only below */
	/* A choice by cost is no rival: it is made for one ratio. */
	point.n_results = 4;
	assert_true(fabs(s2_migrate_cheapest_from(&point, 1) - 0.36) < 1e-12);
	point.n_results = 2;
	assert_true(s2_migrate_wins(&point, 1));
	assert_true(s2_migrate_cheapest_from(&point, 1) == 0);
}

/* ---- the program ---- */

static int run_words(const char *words, char **out, char **errs)
{
	char text[256];
	char *argv[16] = {(char[]){"s2-migrate"}};
	size_t out_size, errs_size;
	FILE *o = open_memstream(out, &out_size), *e = open_memstream(errs, &errs_size);
	int argc = 1, status;

	s2_test_row("%s", words);
	(void)snprintf(text, sizeof(text), "%s", words);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	status = s2_program_main(&s2_migrate_program, argc, argv, o, e);
	(void)fclose(o);
	(void)fclose(e);
	return status;
}

static void assert_refused(const char *words, const char *line)
{
	char expected[512], *out = NULL, *errs = NULL;
	int status = run_words(words, &out, &errs);

	(void)snprintf(expected, sizeof(expected), "s2-migrate: %s\n", line);
	assert_string_equal(errs, expected);
	assert_string_equal(out, "");
	assert_i64(status, 2);
	free(out);
	free(errs);
}

static void assert_prints(const char *words, const char *part)
{
	char *out = NULL, *errs = NULL;
	int status = run_words(words, &out, &errs);

	assert_string_equal(errs, "");
	assert_i64(status, 0);
	if (!strstr(out, part))
		fail_msg("\"%s\" is not in:\n%s", part, out);
	free(out);
	free(errs);
}

static void bad_options_are_one_line_and_status_2(void **state)
{
	(void)state;
	assert_refused("--vcpus 0", "--vcpus: got \"0\", expected a number from 1 to 512");
	assert_refused("--slot 3M --backing 2M",
		       "--slot: got 3145728 bytes, expected a multiple of --backing (2097152)");
	assert_refused("--slot 1024T",
		       "--slot: 1125899906842624 bytes from 1 GiB on pass the IPA "
		       "limit, expected less: --ipa-bits 51, machine and flavour 48 bits");
	assert_refused("--slot 300T --machine max --flavour oldest",
		       "--slot: 329853488332800 bytes from 1 GiB on pass the IPA "
		       "limit, expected less: --ipa-bits 49, machine and flavour 48 bits");
	assert_refused("--ipa-bits 52 --machine max --flavour oldest",
		       "--ipa-bits: got 52, expected at most 48, as machine and flavour have");
	assert_refused("--ipa-bits 36",
		       "--slot: 68719476736 bytes from 1 GiB on pass the IPA limit, "
		       "expected less: --ipa-bits 36, machine and flavour 48 bits");
	assert_refused("--chunk 100K",
		       "--chunk: expected a multiple of 64 pages (64p), as the ioctl takes");
	assert_refused("--slot 512M", "--chunk: expected at most --slot");
	assert_refused("--dirty 0", "--dirty: got 0 pages, expected 1 to the slot's 16777216");
	assert_refused("--slot 1G --dirty 300000",
		       "--dirty: got 300000 pages, expected 1 to the slot's 262144");
	assert_refused("--run 2000", "--run: expected 1 to --dirty pages");
	assert_refused("--no-manual --initially-set",
		       "--initially-set: expected only with --manual");
	assert_refused("--split 3M",
		       "--split: expected 0, a page of the machine or a block that KVM maps");
	assert_refused("--flavour oldest --split 2M",
		       "--split: this flavour has no eager splitting, expected 0");
	assert_refused("--outside 2", "--outside: expected a share, 0 to 1");
	assert_refused("--ratio 2000",
		       "--ratio, --range-op: expected at most 1000 flush sequences");
	assert_refused("--vcpus 254 --machine cortex-a72",
		       "--vcpus: got 254, expected at most 253, a CPU each: the machine has 8-bit "
		       "VMIDs");
	assert_refused("--sweep slot=256M..512M", "--chunk: expected at most --slot");
	assert_refused("--machine neoverse-n1 --policy span",
		       "--policy: got \"span\", expected one that applies here: no range TLBI in "
		       "this machine or flavour, every flush is of the VMID");
}

static void the_program_says_what_was_measured_and_what_the_profile_means(void **state)
{
	(void)state;
	assert_prints("--workload measured --policy upstream", "tlbi_ripas2e1is          512\n");
	assert_prints("--workload measured --machine neoverse-n2,-tlbirange",
		      "tlbi_vmalls12e1is         64\n");
	assert_prints("", "9.38 / 43.41 % = 0.2161 before, 0.96 / 38.97 % = 0.0246 after,\n"
			  "  8.8 times less;");
	assert_prints("", "322 x 8 GiB = 2.5 TiB");
	assert_prints("--workload clear,measured,qemu,blocks,eager,get --slot 4G --dirty 64",
		      "get: no policy is cheapest whatever a refill costs");
	assert_prints("--sweep slot=1G..64G*4,ratio=0.01,1", "  one-call                 8 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(sixty_four_clears_of_64g_are_512_range_flushes_or_64_of_the_vmid),
		s2_unit_test(spread_pages_are_all_dirty_and_reach_the_slots_end),
		s2_unit_test(a_clear_is_ceil_slot_by_8g_calls_upstream_and_one_otherwise),
		s2_unit_test(a_chunk_is_cleared_if_one_of_its_pages_is_dirty),
		s2_unit_test(runs_that_cross_chunks_clear_both_once),
		s2_unit_test(without_manual_protect_a_round_is_one_clear),
		s2_unit_test(initially_set_clears_every_chunk_first_and_starts_for_nothing),
		s2_unit_test(blocks_are_split_by_faults_or_at_once),
		s2_unit_test(refills_are_what_the_tlb_held_or_the_ranges_share),
		s2_unit_test(a_simulated_tlb_loses_no_more_than_the_bound),
		s2_unit_test(a_span_costs_a_simulated_tlb_next_to_nothing),
		s2_unit_test(by_cost_is_never_dearer_than_what_it_chooses_from),
		s2_unit_test(a_rounded_span_is_never_dearer_than_the_slot),
		s2_unit_test(policies_change_flushes_and_nothing_else),
		s2_unit_test(who_wins_whatever_a_refill_costs),
		s2_unit_test(bad_options_are_one_line_and_status_2),
		s2_unit_test(the_program_says_what_was_measured_and_what_the_profile_means),
	};

	return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
