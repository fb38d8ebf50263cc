/* SPDX-License-Identifier: MIT */
/*
 * vcpu by MPIDR on sets of any kind: every policy agrees with a naive search,
 * except where the kernel's own differ, and the hash never costs more than the
 * scan.
 *
 * S2_TEST_SETS: random MPIDR sets for the property test (default 1,000,000).
 */
#include <stdlib.h>

#include "hyp/vgic/lookup_fixture.h"

/* What MPIDRs a random set is made of: dense, clustered, sparse, or anything. */
static uint64_t random_mpidr(struct s2_test_rng *rng, unsigned kind)
{
	static const uint64_t masks[] = {
		0xff, 0x30f, 0xf0f0f, UINT64_C(0xff00ffffff), UINT64_MAX, UINT64_C(0x0300000103)};

	return s2_test_rng_next(rng) & masks[kind % ARRAY_SIZE(masks)];
}

static bool is_new(const uint64_t *mpidr, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (((mpidr[i] ^ mpidr[n]) & S2_MPIDR_HWID) == 0)
			return false;
	return true;
}

static unsigned random_set(struct s2_test_rng *rng, uint64_t *mpidr, unsigned n)
{
	const unsigned kind = (unsigned)s2_test_rng_next(rng) % 6U;

	for (unsigned i = 0; i < n; i++) {
		unsigned tries = 0;

		do
			mpidr[i] = random_mpidr(rng, kind);
		while (!is_new(mpidr, i) && ++tries < 100);
		if (tries == 100)
			return i;
	}
	return n;
}

static int naive(const uint64_t *mpidr, unsigned n, uint64_t wanted)
{
	for (unsigned i = 0; i < n; i++)
		if (((mpidr[i] ^ wanted) & S2_MPIDR_HWID) == 0)
			return (int)i;
	return -1;
}

#define SET_MAX 24U

/* Puts a set on VMs of every policy; vcpus beyond it get places of their own. */
static void place(struct vm *vms, const uint64_t *mpidr, unsigned n)
{
	for (int p = 0; p < S2_LOOKUPS; p++) {
		struct s2_vgic *vgic = vms[p].vgic;

		vgic->n_vcpus = n;
		for (unsigned i = 0; i < n; i++) {
			vgic->vcpu[i]->mpidr = s2_mpidr(mpidr[i]);
			vgic->hwid[i] = mpidr[i] & S2_MPIDR_HWID;
		}
		lookup_rebuild(&vms[p]);
	}
}

static unsigned long number_from(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

/* The hash: one step, and at most a probe for each vcpu that a scan would visit. */
static void check_hash_cost(struct vm *vm, uint64_t wanted, int expected, unsigned n)
{
	vm_mark(vm);
	assert_i64(lookup_find(vm, wanted), expected);
	assert_u64(vm_counted(vm, S2_OP_MPIDR_GATHER), 1);
	assert_true(vm_counted(vm, S2_OP_VCPU_PROBE) <=
		    (expected < 0 ? n : (unsigned)expected + 1U));
}

static void all_policies_agree_with_a_naive_search_on_random_sets(void **state)
{
	const unsigned long sets = number_from("S2_TEST_SETS", 1000000);
	struct vm vms[S2_LOOKUPS] = {{0}};
	struct s2_test_rng rng = {4};
	uint64_t mpidr[SET_MAX];

	(void)state;
	for (int p = 0; p < S2_LOOKUPS; p++) {
		const struct s2_vgic_config cfg = lookup_config(p);

		vm_machine(&vms[p], 1);
		vm_start(&vms[p], &cfg, SET_MAX);
	}
	for (unsigned long s = 0; s < sets; s++) {
		const unsigned n =
			random_set(&rng, mpidr, 1U + (unsigned)s2_test_rng_below(&rng, SET_MAX));

		place(vms, mpidr, n);
		for (unsigned q = 0; q < 4; q++) {
			const uint64_t wanted = q < 2 ? mpidr[s2_test_rng_below(&rng, n)]
						      : random_mpidr(&rng, (unsigned)s + q);
			const int expected = naive(mpidr, n, wanted);

			s2_test_row("set %lu of %u, 0x%" PRIx64, s, n, wanted);
			for (int p = 0; p < S2_LOOKUPS; p++)
				assert_i64(lookup_find(&vms[p], wanted), expected);
			if (q == s % 4)
				check_hash_cost(&vms[S2_LOOKUP_HASH], wanted, expected, n);
		}
	}
	for (int p = 0; p < S2_LOOKUPS; p++) {
		vms[p].vgic->n_vcpus = SET_MAX;
		vm_stop(&vms[p]);
	}
}

static int naive_last(const uint64_t *mpidr, unsigned n, uint64_t wanted)
{
	for (unsigned i = n; i-- > 0;)
		if (((mpidr[i] ^ wanted) & S2_MPIDR_HWID) == 0)
			return (int)i;
	return -1;
}

/* Where duplicates are let in, KVM's forms part: first by scan, last by table. */
static void on_random_sets_with_duplicates_tables_name_the_last(void **state)
{
	const unsigned long sets = number_from("S2_TEST_SETS", 1000000) / 10;
	struct vm vms[S2_LOOKUPS] = {{0}};
	struct s2_test_rng rng = {9};
	uint64_t mpidr[SET_MAX];

	(void)state;
	for (int p = 0; p < S2_LOOKUPS; p++) {
		const struct s2_vgic_config cfg = lookup_config(p);

		vm_machine(&vms[p], 1);
		vm_start(&vms[p], &cfg, SET_MAX);
	}
	for (unsigned long s = 0; s < sets; s++) {
		const unsigned n = 2U + (unsigned)s2_test_rng_below(&rng, SET_MAX - 1U);
		uint64_t wanted;

		for (unsigned i = 0; i < n; i++)
			mpidr[i] = s2_test_rng_next(&rng) & 0x10f;
		wanted = mpidr[s2_test_rng_below(&rng, n)];
		place(vms, mpidr, n);
		for (int p = 0; p < S2_LOOKUPS; p++) {
			const bool last = s2_vgic_has_index(vms[p].vgic) && p != S2_LOOKUP_HASH;

			s2_test_row("set %lu of %u, %s", s, n, s2_vcpu_lookup_name(p));
			assert_i64(lookup_find(&vms[p], wanted),
				   last ? naive_last(mpidr, n, wanted) : naive(mpidr, n, wanted));
		}
	}
	for (int p = 0; p < S2_LOOKUPS; p++) {
		vms[p].vgic->n_vcpus = SET_MAX;
		vm_stop(&vms[p]);
	}
}

/* Sets that a hash may find hard: one field, multiples, one-hot, all in one slot. */
static uint64_t hard_mpidr(unsigned set, unsigned i)
{
	switch (set) {
	case 0:
		return s2_mpidr_of((uint8_t)(i >> 2), 0, 0, (uint8_t)(i % 4)).v;
	case 1:
		return s2_mpidr_of((uint8_t)i, (uint8_t)(i >> 8), 0, 0).v;
	case 2:
		return s2_mpidr_of((uint8_t)(i * 16), (uint8_t)(i >> 4), 0, 0).v;
	case 3:
		/* The default id modulo 1024 is 0 for all of these. */
		return s2_mpidr_of((uint8_t)(i >> 2), (uint8_t)(i % 4 * 64), 0, 0).v;
	default:
		return s2_mpidr_from_id(i * 37 % 512).v;
	}
}

static void the_hash_never_probes_more_than_the_scan_would(void **state)
{
	(void)state;
	for (unsigned set = 0; set < 5; set++) {
		const struct s2_vgic_config cfg = lookup_config(S2_LOOKUP_HASH);
		const unsigned n = set == 0 || set == 3 ? 512 : 500;
		uint64_t total = 0;
		uint64_t misses = 0;
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_start(&vm, &cfg, n);
		for (unsigned i = 0; i < n; i++)
			s2_vgic_set_mpidr(vm_vcpu(&vm, i), s2_mpidr(hard_mpidr(set, i)));
		lookup_rebuild(&vm);
		for (unsigned i = 0; i < n; i++) {
			s2_test_row("set %u vcpu %u", set, i);
			vm_mark(&vm);
			assert_i64(lookup_find(&vm, hard_mpidr(set, i)), i);
			assert_true(vm_counted(&vm, S2_OP_VCPU_PROBE) <= i + 1);
			assert_u64(vm_counted(&vm, S2_OP_MPIDR_GATHER), 1);
			total += vm_counted(&vm, S2_OP_VCPU_PROBE);
		}
		for (unsigned i = 0; i < 100; i++) {
			vm_mark(&vm);
			assert_i64(lookup_find(&vm, s2_mpidr_of(1, 2, 0xff, (uint8_t)i).v), -1);
			misses += vm_counted(&vm, S2_OP_VCPU_PROBE);
		}
		assert_true(misses <= (set == 4 ? 100 : 400));
		/* Not only bounded: short on average, and 1 for MPIDRs made of ids. */
		s2_test_row("set %u", set);
		assert_true(total <= (set == 4 ? n : 3 * n));
		vm_stop(&vm);
	}
}

/* The bound itself, with a hash that puts everything in one slot. */
static void even_one_slot_for_all_keeps_the_bound(void **state)
{
	const struct s2_vgic_config cfg = lookup_config(S2_LOOKUP_HASH);
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_start(&vm, &cfg, 32);
	lookup_rebuild(&vm);
	for (unsigned i = 0; i < 32; i++)
		vm.vgic->hash.slot[i] = (uint16_t)i;
	for (unsigned i = 32; i < 64; i++)
		vm.vgic->hash.slot[i] = S2_NO_VCPU;
	for (unsigned i = 0; i < 32; i++) {
		vm.vgic->hwid[i] = (uint64_t)i << 32;
		vm.vgic->vcpu[i]->mpidr = s2_mpidr(vm.vgic->hwid[i]);
	}
	for (unsigned i = 0; i < 32; i++) {
		vm.vgic->hash.multiplier = 0;
		vm_mark(&vm);
		/* Aff3 i is at id bit 20: beyond the 64 slots, so all start at 0. */
		assert_i64(lookup_find(&vm, (uint64_t)i << 32), i);
		assert_u64(vm_counted(&vm, S2_OP_VCPU_PROBE), i + 1);
	}
	vm_stop(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(all_policies_agree_with_a_naive_search_on_random_sets),
		s2_unit_test(on_random_sets_with_duplicates_tables_name_the_last),
		s2_unit_test(the_hash_never_probes_more_than_the_scan_would),
		s2_unit_test(even_one_slot_for_all_keeps_the_bound),
	};

	return cmocka_run_group_tests_name("hyp/lookup_sets", tests, NULL, NULL);
}
