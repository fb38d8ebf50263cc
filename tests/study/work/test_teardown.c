/* SPDX-License-Identifier: MIT */
/*
 * Deaths of small VMs: which way of dying costs what under which policy.  64 MiB
 * of 4 KiB pages are 16,384 leaves, 32 tables of level 3 and one of level 2, so
 * 16,417 flushes leaf by leaf, and 1,048,576 lines of 64 bytes.
 */
#include "support.h"

#include <string.h>

#include "study/work/teardown.h"

#define MIB    (UINT64_C(1) << 20)
#define GIB    (UINT64_C(1) << 30)
#define LEAVES UINT64_C(16384)
#define TABLES UINT64_C(33)
#define ALL    (LEAVES + TABLES)
#define LINES  (UINT64_C(64) * 16384)

static const struct s2_dying plain = {
	.memory = 64 * MIB,
	.backing = 4096,
	.ipa_bits = 40,
	.vcpus = 2,
	.vms = 1,
};

static const struct s2_death_policy baseline = {
	.teardown = S2_TEARDOWN_UNMAP,
	.collapse = S2_COLLAPSE_UNMAP,
	.leaf_by_leaf = true,
};

static const struct s2_death_policy series = {
	.teardown = S2_TEARDOWN_UNMAP_NEITHER,
	.collapse = S2_COLLAPSE_UNMAP,
	.collapse_cmo = S2_COLLAPSE_CMO_ELIDED,
	.unmap_cmo = S2_UNMAP_CMO_NOT_ON_EVENT,
	.leaf_by_leaf = true,
};

static const struct s2_death_policy walk = {
	.teardown = S2_TEARDOWN_WALK,
	.collapse = S2_COLLAPSE_FLUSH_RANGE,
};

static const struct s2_death_policy drop_clean = {
	.teardown = S2_TEARDOWN_DROP_SHARED,
	.collapse = S2_COLLAPSE_FLUSH_RANGE,
	.unmap_tlbi = S2_UNMAP_TLBI_VMID,
	.unmap_cmo = S2_UNMAP_CMO_NOT_IF_DYING,
};

static const struct s2_death_policy renew = {
	.teardown = S2_TEARDOWN_WALK,
	.collapse = S2_COLLAPSE_FLUSH_RANGE,
	.unmap_tlbi = S2_UNMAP_NEW_VMID,
};

static const struct s2_death_policy deferred = {
	.teardown = S2_TEARDOWN_UNMAP_RANGE,
	.collapse = S2_COLLAPSE_UNMAP,
	.unmap_tlbi = S2_UNMAP_TLBI_RANGE,
	.leaf_by_leaf = true,
	.range = true,
};

static struct s2_features machine(const char *name)
{
	struct s2_features f;

	assert_i64(s2_features_parse(name, &f, NULL), 0);
	return f;
}

static struct s2_death_cost run_on(const char *name, const struct s2_dying *dying,
				   const struct s2_death_policy *policy)
{
	const struct s2_flavour flavour = s2_death_flavour(s2_flavour_find("oldest"), policy);
	const struct s2_features f = machine(name);
	struct s2_death_cost cost;
	struct s2_error err = {0};

	assert_i64(s2_death_check(dying, &f, &flavour, &err), 0);
	assert_i64(s2_death_run(dying, &f, &flavour, &cost, &err), 0);
	return cost;
}

static struct s2_death_cost run(const struct s2_dying *dying, const struct s2_death_policy *policy)
{
	return run_on("cortex-a72", dying, policy);
}

static void which_death_costs_what(void **state)
{
	static const struct {
		int death;
		int life;
		const struct s2_death_policy *policy;
		uint64_t flushes, lines;
	} rows[] = {
		{S2_DEATH_CLOSE, S2_BACKING_DIES, &baseline, ALL, LINES},
		{S2_DEATH_EXIT, S2_BACKING_DIES, &baseline, ALL, LINES},
		{S2_DEATH_MUNMAP, S2_BACKING_DIES, &baseline, ALL, LINES},
		{S2_DEATH_SLOT, S2_BACKING_DIES, &baseline, ALL, LINES},
		/* The series: one flush at the end; unmapped first, each leaf's besides. */
		{S2_DEATH_CLOSE, S2_BACKING_DIES, &series, 1, 0},
		{S2_DEATH_MUNMAP, S2_BACKING_DIES, &series, ALL + 1, 0},
		{S2_DEATH_MUNMAP, S2_BACKING_SHARED, &series, ALL + 1, 0},
		{S2_DEATH_SLOT, S2_BACKING_DIES, &series, ALL + 1, LINES},
		{S2_DEATH_CLOSE, S2_BACKING_SHARED, &walk, 0, 0},
		{S2_DEATH_MUNMAP, S2_BACKING_DIES, &walk, ALL, LINES},
		/* One flush for the leaves of a chunk, one for each table; 1,024 chunks on close. */
		{S2_DEATH_MUNMAP, S2_BACKING_DIES, &deferred, 1 + TABLES + 1024, LINES},
		{S2_DEATH_CLOSE, S2_BACKING_DIES, &deferred, 1024 + TABLES, LINES},
		/* One flush for all of a chunk. */
		{S2_DEATH_MUNMAP, S2_BACKING_DIES, &drop_clean, 1, 0},
		{S2_DEATH_MUNMAP, S2_BACKING_SHARED, &drop_clean, 1, LINES},
		{S2_DEATH_SLOT, S2_BACKING_DIES, &drop_clean, 1, LINES},
		{S2_DEATH_CLOSE, S2_BACKING_DIES, &drop_clean, 0, 0},
		{S2_DEATH_EXIT, S2_BACKING_SHARED, &drop_clean, 0, LINES},
		/* No flush at all: the vcpus have stopped, and nobody takes another number. */
		{S2_DEATH_CLOSE, S2_BACKING_DIES, &renew, 0, 0},
		{S2_DEATH_MUNMAP, S2_BACKING_DIES, &renew, 0, LINES},
		{S2_DEATH_SLOT, S2_BACKING_SHARED, &renew, 0, LINES},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_dying dying = plain;
		struct s2_death_cost cost;

		s2_test_row("row %zu", i);
		dying.death = rows[i].death;
		dying.life = rows[i].life;
		cost = run(&dying, rows[i].policy);
		assert_u64(cost.flush_calls, rows[i].flushes);
		assert_u64(cost.ops.n[S2_OP_DC_CIVAC], rows[i].lines);
		assert_u64(cost.ops.n[S2_OP_TABLE_FREE], TABLES + 2);
	}
}

/* All but the one on the unmapping CPU are kicked, once for each chunk of 1 GiB. */
static void unmapping_under_running_vcpus_kicks_them_for_a_new_number(void **state)
{
	const uint64_t chunks = 2;

	(void)state;
	for (uint64_t vcpus = 1; vcpus <= 8; vcpus *= 2) {
		for (int death = S2_DEATH_MUNMAP; death <= S2_DEATH_SLOT; death++) {
			struct s2_dying dying = plain;
			struct s2_death_cost cost;

			s2_test_row("%" PRIu64 " vcpus, death %d", vcpus, death);
			dying.memory = chunks * GIB;
			dying.every = 2 * MIB;
			dying.vcpus = vcpus;
			dying.death = death;
			dying.running = true;
			cost = run(&dying, &renew);
			assert_u64(cost.flush_calls, 0);
			assert_u64(cost.ops.n[S2_OP_KICK_IPI], chunks * (vcpus - 1));
			assert_u64(cost.ops.n[S2_OP_GUEST_EXIT], chunks * (vcpus - 1));
			assert_u64(cost.ops.n[S2_OP_GUEST_ENTRY], chunks * (vcpus - 1));
			assert_u64(cost.vmids, 1 + chunks);
			/* That vcpus run makes no difference to those who flush. */
			assert_u64(run(&dying, &drop_clean).flush_calls, chunks);
			assert_u64(run(&dying, &drop_clean).ops.n[S2_OP_KICK_IPI], 0);
			assert_u64(run(&dying, &drop_clean).vmids, 1);
		}
	}
}

/*
 * VMs that each take 1 number to run and 2 more to be unmapped, with 8 bits and
 * one vcpu: each rollover falls on a load, when no CPU holds a number, so that
 * every generation has all 255.
 */
static void numbers_left_behind_bring_the_next_rollover_nearer(void **state)
{
	static const struct {
		uint64_t vms, rollovers;
	} rows[] = {{85, 0}, {86, 1}, {170, 1}, {171, 2}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_dying dying = plain;
		struct s2_death_cost cost;

		s2_test_row("%" PRIu64 " VMs", rows[i].vms);
		dying.memory = 2 * GIB;
		dying.every = GIB;
		dying.vcpus = 1;
		dying.death = S2_DEATH_MUNMAP;
		dying.running = true;
		dying.vms = rows[i].vms;
		cost = run(&dying, &renew);
		assert_u64(cost.vmids, 3 * rows[i].vms);
		assert_u64(cost.rollovers, rows[i].rollovers);
		assert_u64(cost.ops.n[S2_OP_TLBI_ALLE1IS], rows[i].rollovers);
	}
}

static void what_is_swapped_out_before_is_always_cleaned(void **state)
{
	struct s2_dying dying = plain;

	(void)state;
	dying.swapped = 16 * MIB;
	assert_u64(run(&dying, &baseline).ops.n[S2_OP_DC_CIVAC], LINES);
	assert_u64(run(&dying, &series).ops.n[S2_OP_DC_CIVAC], LINES / 4);
	assert_u64(run(&dying, &series).flush_calls, LEAVES / 4 + 8 + 1);
	assert_u64(run(&dying, &walk).ops.n[S2_OP_DC_CIVAC], LINES / 4);
	assert_u64(run(&dying, &drop_clean).ops.n[S2_OP_DC_CIVAC], LINES / 4);
}

/*
 * 4 of 32 blocks had become pages.  Each is unmapped as 512 leaves and a table,
 * cleaned, and cleaned again as a block; then 32 blocks and their table go.
 */
static void blocks_made_again_are_cleaned_twice_but_for_patch_6(void **state)
{
	const uint64_t block_lines = 2 * MIB / 64;
	struct s2_death_policy patch_6 = baseline;
	struct s2_dying dying = plain;

	(void)state;
	dying.backing = 2 * MIB;
	dying.remade = 8 * MIB;
	patch_6.collapse_cmo = S2_COLLAPSE_CMO_ELIDED;
	assert_u64(run(&dying, &baseline).flush_calls, 4 * 513 + 32 + 1);
	assert_u64(run(&dying, &baseline).ops.n[S2_OP_DC_CIVAC], (4 + 4 + 32) * block_lines);
	assert_u64(run(&dying, &patch_6).flush_calls, 4 * 513 + 32 + 1);
	assert_u64(run(&dying, &patch_6).ops.n[S2_OP_DC_CIVAC], (4 + 32) * block_lines);
	/* What logging held the lock for is no part of dying. */
	assert_u64(run(&dying, &walk).longest_lock, 0);
	/* Since 2020: the VMID once a block, the new block cleaned. */
	assert_u64(run(&dying, &walk).flush_calls, 4);
	assert_u64(run(&dying, &walk).ops.n[S2_OP_DC_CIVAC], 4 * block_lines);
}

/* One page in each GiB: three flushes a page, as measured. */
static void sparse_memory_is_three_flushes_a_page(void **state)
{
	struct s2_dying dying = plain;

	(void)state;
	dying.memory = 16 * GIB;
	dying.every = GIB;
	assert_u64(run(&dying, &baseline).flush_calls, 3 * 16);
	assert_u64(run(&dying, &baseline).ops.n[S2_OP_DC_CIVAC], 16 * 64);
	assert_u64(run(&dying, &walk).ops.n[S2_OP_TABLE_FREE], 2 * 16 + 2);
}

/* Each death here is followed by a life that takes a VMID: 8 bits have 255. */
static void many_vms_share_the_price_of_their_numbers(void **state)
{
	static const struct {
		uint64_t beside, vms, rollovers;
	} rows[] = {{0, 255, 0}, {0, 256, 1}, {8, 247, 0}, {8, 248, 1}, {8, 600, 2}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_dying dying = plain;
		struct s2_death_cost cost;

		s2_test_row("row %zu", i);
		dying.memory = 4096;
		dying.vcpus = 1;
		dying.beside = rows[i].beside;
		dying.vms = rows[i].vms;
		cost = run(&dying, &walk);
		assert_u64(cost.rollovers, rows[i].rollovers);
		assert_u64(cost.ops.n[S2_OP_TLBI_ALLE1IS], rows[i].rollovers);
		assert_u64(cost.ops.n[S2_OP_TABLE_FREE], 4 * rows[i].vms);
		/* Each but the first is loaded within the account. */
		assert_u64(cost.ops.n[S2_OP_TLBI_VMALLE1], rows[i].vms - 1);
	}
}

/* Broadcasts cost every other CPU, busy with other VMs or not. */
static void vms_beside_pay_for_each_broadcast(void **state)
{
	struct s2_dying dying = plain;

	(void)state;
	for (uint64_t beside = 0; beside < 32; beside += 8) {
		dying.beside = beside;
		assert_u64(run(&dying, &baseline).ops.n[S2_OP_DVM_BROADCAST],
			   2 * ALL * (beside + dying.vcpus - 1));
		assert_u64(run(&dying, &walk).ops.n[S2_OP_DVM_BROADCAST], 0);
	}
}

static void with_fwb_nothing_is_ever_cleaned(void **state)
{
	struct s2_dying dying = plain;

	(void)state;
	dying.life = S2_BACKING_SHARED;
	for (int death = S2_DEATH_CLOSE; death <= S2_DEATH_SLOT; death++) {
		dying.death = death;
		assert_u64(run_on("max", &dying, &baseline).ops.n[S2_OP_DC_CIVAC], 0);
		assert_u64(run_on("max", &dying, &baseline).flush_calls, ALL);
		assert_u64(run_on("max", &dying, &drop_clean).ops.n[S2_OP_DC_CIVAC], 0);
	}
}

/* ---- who has the memory afterwards ---- */

#define ARCH	  (1U << S2_CONTRACT_ARCH)
#define ISOLATION (1U << S2_CONTRACT_ISOLATION)
#define RAW_DMA	  (1U << S2_CONTRACT_RAW_DMA)

/* Which contracts a death breaks, and whether all of its lines were cleaned. */
static unsigned broken_by(const char *name, const struct s2_dying *dying,
			  const struct s2_death_policy *policy, bool *cleaned)
{
	struct s2_judge judge = {0};
	struct s2_dying watched = *dying;
	unsigned broken = 0;

	*cleaned = run_on(name, dying, policy).ops.n[S2_OP_DC_CIVAC] >= LINES;
	watched.judge = &judge;
	(void)run_on(name, &watched, policy);
	assert_true(judge.watched);
	for (unsigned c = 0; c < S2_CONTRACTS; c++)
		broken |= (judge.broken[S2_RULES + c] > 0) << c;
	/* The other contracts are arch and more. */
	return broken & (ISOLATION | ARCH | RAW_DMA);
}

/*
 * Half was written past the caches: it is at the PoC, and whoever snoops may find an
 * older copy in its place unless that was cleaned away.  Half was written through them:
 * whoever snoops nothing may miss that unless KVM or the driver cleaned.  With FWB all
 * of it was, and KVM never cleans.
 */
static unsigned read_expected(int reader, bool cleaned, bool fwb)
{
	const bool snoops = reader == S2_DEATH_CPU || reader == S2_DEATH_COHERENT;

	if (cleaned || reader == S2_DEATH_DMA)
		return 0;
	if (snoops)
		return fwb ? 0 : ARCH;
	return RAW_DMA;
}

static const struct s2_death_policy *const all_policies[] = {&baseline, &series, &walk, &drop_clean,
							     &renew, &deferred};

static void who_reads_shared_memory_decides_what_must_be_cleaned(void **state)
{
	static const int deaths[] = {S2_DEATH_CLOSE, S2_DEATH_MUNMAP, S2_DEATH_SLOT};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(all_policies) * 3 * 4; i++) {
		const bool fwb = i & 1;
		const size_t p = i / 2 % ARRAY_SIZE(all_policies);
		const size_t rest = i / 2 / ARRAY_SIZE(all_policies);
		struct s2_dying dying = plain;
		unsigned broken;
		bool cleaned;

		dying.life = S2_BACKING_SHARED;
		dying.death = deaths[rest % 3];
		dying.reader = (int)(rest / 3);
		broken = broken_by(fwb ? "max" : "cortex-a72", &dying, all_policies[p], &cleaned);
		s2_test_row("policy %zu, death %d, reader %d%s", p, dying.death, dying.reader,
			    fwb ? ", FWB" : "");
		assert_u64(broken, read_expected(dying.reader, cleaned, fwb));
	}
}

/*
 * Written by whoever snoops, or by the DMA API, everybody finds it.  A device that
 * snoops nothing writes under the caches.  What the dead guest left dirty there may go
 * over it unless KVM cleaned; what may be fetched there at any time stands before it until
 * somebody invalidates, which a map without FWB does, and the host does not.
 */
static void who_fills_memory_for_the_next_decides_whether_it_leaks(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(all_policies) * 2 * 2 * 4; i++) {
		const bool fwb = i & 1;
		const size_t p = i / 2 % ARRAY_SIZE(all_policies);
		const size_t rest = i / 2 / ARRAY_SIZE(all_policies);
		struct s2_dying dying = plain;
		bool cleaned, leaks;
		unsigned broken;

		dying.death = rest & 1 ? S2_DEATH_MUNMAP : S2_DEATH_CLOSE;
		dying.next = rest & 2 ? S2_DEATH_VM : S2_DEATH_HOST;
		dying.filler = (int)(rest / 4);
		broken = broken_by(fwb ? "max" : "cortex-a72", &dying, all_policies[p], &cleaned);
		leaks = dying.filler == S2_DEATH_DEVICE &&
			(fwb || dying.next == S2_DEATH_HOST || !cleaned);
		s2_test_row("policy %zu, death %d, next %d, filler %d%s", p, dying.death, dying.next,
			    dying.filler, fwb ? ", FWB" : "");
		assert_u64(!!(broken & ISOLATION), leaks);
		assert_u64(!!broken, leaks);
	}
}

static void what_comes_after_a_death_is_no_part_of_its_cost(void **state)
{
	struct s2_dying dying = plain;
	struct s2_death_cost alone, inherited;

	(void)state;
	alone = run(&dying, &walk);
	dying.next = S2_DEATH_VM;
	dying.filler = S2_DEATH_DMA;
	dying.reader = S2_DEATH_DEVICE;
	inherited = run(&dying, &walk);
	assert_memory_equal(&alone, &inherited, sizeof(alone));
}

static void a_policy_changes_its_own_choices_only(void **state)
{
	const struct s2_flavour *base = s2_flavour_find("newest");
	struct s2_flavour f = s2_death_flavour(base, &walk);

	(void)state;
	assert_true(f.defer_unmap && f.range_flush && f.split);
	assert_i64(f.collapse, base->collapse);
	assert_i64(f.resched, base->resched);
	assert_false(s2_death_flavour(base, &baseline).defer_unmap);
	assert_i64(s2_death_flavour(base, &baseline).collapse, S2_COLLAPSE_UNMAP);
	assert_true(s2_death_flavour(s2_flavour_find("oldest"), &deferred).range_flush);
	assert_false(s2_death_flavour(s2_flavour_find("oldest"), &walk).range_flush);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(which_death_costs_what),
		s2_unit_test(unmapping_under_running_vcpus_kicks_them_for_a_new_number),
		s2_unit_test(numbers_left_behind_bring_the_next_rollover_nearer),
		s2_unit_test(what_is_swapped_out_before_is_always_cleaned),
		s2_unit_test(blocks_made_again_are_cleaned_twice_but_for_patch_6),
		s2_unit_test(sparse_memory_is_three_flushes_a_page),
		s2_unit_test(many_vms_share_the_price_of_their_numbers),
		s2_unit_test(vms_beside_pay_for_each_broadcast),
		s2_unit_test(with_fwb_nothing_is_ever_cleaned),
		s2_unit_test(who_reads_shared_memory_decides_what_must_be_cleaned),
		s2_unit_test(who_fills_memory_for_the_next_decides_whether_it_leaks),
		s2_unit_test(what_comes_after_a_death_is_no_part_of_its_cost),
		s2_unit_test(a_policy_changes_its_own_choices_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
