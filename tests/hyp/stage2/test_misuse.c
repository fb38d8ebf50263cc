/* SPDX-License-Identifier: MIT */
/* Flavours, flushes and tables asked for what cannot be: refused, nothing issued or changed. */
#include "support.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#include <stage2sim/pgtable.h>

#define MIB (UINT64_C(1) << 20)

static const int no_numbers[] = {-1, 99, 255, 256, INT_MAX, INT_MIN};

static struct s2_flavour *set_choice(struct s2_flavour *f, unsigned choice, int value)
{
	*f = *s2_flavour_find("newest");
	switch (choice) {
	case 0: f->break_with = (enum s2_break)value; break;
	case 1: f->collapse = (enum s2_collapse)value; break;
	case 2: f->relax = (enum s2_relax)value; break;
	case 3: f->destroy = (enum s2_destroy)value; break;
	case 4: f->range_order = (enum s2_range_order)value; break;
	case 5: f->routing.lookup = (enum s2_vcpu_lookup)value; break;
	case 6: f->routing.dispatch = (enum s2_sgi_dispatch)value; break;
	case 7: f->routing.broadcast = (enum s2_sgi_broadcast)value; break;
	case 8: f->toggle = (enum s2_toggle)value; break;
	case 9: f->range_calls = (enum s2_range_calls)value; break;
	case 10: f->clear_flush = (enum s2_clear_flush)value; break;
	case 11: f->unmap_tlbi = (enum s2_unmap_tlbi)value; break;
	case 12: f->unmap_cmo = (enum s2_unmap_cmo)value; break;
	case 13: f->collapse_cmo = (enum s2_collapse_cmo)value; break;
	case 14: f->resched = (enum s2_resched)value; break;
	case 15: f->teardown = (enum s2_teardown)value; break;
	default: return NULL;
	}
	return f;
}

/* How many values each choice has, in the order above. */
static const int choices[] = {2, 3, 2, 2, 2, S2_LOOKUPS, S2_SGI_DISPATCHES, S2_SGI_BROADCASTS,
			      7, 5, 3, 4, 3, 2, 2, 9};

struct misuse {
	struct s2_machine *m, *other;
	struct s2_cpu *cpu, *foreign;
	struct s2_mmu *mmu;
	struct s2_counts before, other_before;
	struct s2_pgtable_state tables;
	unsigned flushes;
};

static void count_flush(void *arg, const struct s2_flush_call *call)
{
	(void)call;
	++*(unsigned *)arg;
}

static void remember(struct misuse *u)
{
	u->before = s2_machine_counts(u->m);
	u->other_before = s2_machine_counts(u->other);
	s2_pgtable_state(u->mmu, &u->tables);
	u->flushes = 0;
}

static void nothing_has_happened(const struct misuse *u)
{
	const struct s2_counts now = s2_machine_counts(u->m), other = s2_machine_counts(u->other);
	struct s2_pgtable_state tables;

	s2_pgtable_state(u->mmu, &tables);
	assert_memory_equal(&now, &u->before, sizeof(now));
	assert_memory_equal(&other, &u->other_before, sizeof(other));
	assert_memory_equal(&tables, &u->tables, sizeof(tables));
	assert_u64(u->flushes, 0);
}

/* An MMU of 1 TiB with 4 MiB mapped as pages and one block, watched. */
static void up(struct misuse *u, const char *flavour)
{
	struct s2_machine_config mc = {.cpus = 1};
	struct s2_mmu_config cfg = {s2_flavour_find(flavour), 40, {1}};

	memset(u, 0, sizeof(*u));
	assert_i64(s2_features_preset("max", &mc.features), 0);
	assert_i64(s2_machine_create(&mc, &u->m), 0);
	mc.cpus = 8;
	assert_i64(s2_machine_create(&mc, &u->other), 0);
	u->cpu = s2_machine_cpu(u->m, 0);
	u->foreign = s2_machine_cpu(u->other, 7);
	assert_i64(s2_mmu_create(u->m, &cfg, &u->mmu), 0);
	s2_mmu_watch_flushes(u->mmu, count_flush, &u->flushes);
	assert_i64(s2_pgtable_map(u->mmu, u->cpu, s2_range(0, 2 * MIB), s2_pa(64 * MIB),
				  S2_PROT_R | S2_PROT_W, NULL, 0),
		   0);
	assert_i64(s2_pgtable_map(u->mmu, u->cpu, s2_range(2 * MIB, 2 * MIB), s2_pa(66 * MIB),
				  S2_PROT_R | S2_PROT_W, NULL, S2_MAP_FORCE_PTE),
		   0);
	remember(u);
}

static void down(struct misuse *u)
{
	s2_mmu_free(u->mmu);
	s2_machine_destroy(u->m);
	s2_machine_destroy(u->other);
}

static void each_choice_of_a_flavour_is_one_of_its_enum(void **state)
{
	struct s2_mmu_config cfg = {NULL, 40, {1}};
	struct s2_flavour f;
	struct misuse u;

	(void)state;
	up(&u, "oldest");
	cfg.flavour = &f;
	for (unsigned c = 0; c < ARRAY_SIZE(choices); c++) {
		struct s2_mmu *mmu = NULL;
		const int bad[] = {choices[c], choices[c] + 1, 255, -1, INT_MAX, INT_MIN};

		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			s2_test_row("choice %u, value %d", c, bad[i]);
			assert_non_null(set_choice(&f, c, bad[i]));
			assert_i64(s2_flavour_check(&f), -EINVAL);
			assert_i64(s2_mmu_create(u.m, &cfg, &mmu), -EINVAL);
			assert_null(mmu);
		}
		for (int v = 0; v < choices[c]; v++) {
			s2_test_row("choice %u, value %d", c, v);
			set_choice(&f, c, v);
			f.range_flush = f.range_flush && f.range_order == S2_RANGE_DESCENDING;
			assert_i64(s2_flavour_check(&f), 0);
		}
	}
	assert_null(set_choice(&f, ARRAY_SIZE(choices), 0));
	nothing_has_happened(&u);
	down(&u);
}

static void every_flavour_that_there_is_passes(void **state)
{
	(void)state;
	for (size_t i = 0; s2_flavour_at(i); i++)
		assert_i64(s2_flavour_check(s2_flavour_at(i)), 0);
	assert_null(s2_flavour_at(SIZE_MAX));
	assert_null(s2_flavour_find(NULL));
	assert_null(s2_flavour_find(""));
}

/* With LPA2 it would decompose into nothing, and a flush would flush nothing. */
static void ascending_ranges_with_lpa2_are_no_flavour(void **state)
{
	struct s2_flavour f = *s2_flavour_find("newest");

	(void)state;
	assert_true(f.lpa2 && f.range_flush);
	f.range_order = S2_RANGE_ASCENDING;
	assert_i64(s2_flavour_check(&f), -EINVAL);
	f.lpa2 = false;
	assert_i64(s2_flavour_check(&f), 0);
	f.lpa2 = true;
	f.range_flush = false;
	assert_i64(s2_flavour_check(&f), 0);
}

static void an_mmu_that_cannot_be_is_refused(void **state)
{
	const struct s2_flavour *f = s2_flavour_find("newest");
	const struct {
		struct s2_mmu_config cfg;
		int error;
	} bad[] = {
		{{NULL, 40, {1}}, -EINVAL}, {{f, 40, {0}}, -EINVAL},	   {{f, 31, {1}}, -EINVAL},
		{{f, 53, {1}}, -EINVAL},    {{f, UINT_MAX, {1}}, -EINVAL}, {{f, 1, {1}}, -EINVAL},
	};
	struct s2_mmu *mmu = NULL;
	struct misuse u;

	(void)state;
	up(&u, "newest");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("%zu", i);
		assert_i64(s2_mmu_create(u.m, &bad[i].cfg, &mmu), bad[i].error);
		assert_null(mmu);
	}
	for (size_t i = 0; i < ARRAY_SIZE(no_numbers); i++)
		assert_null(s2_flush_kind_name((enum s2_flush_kind)no_numbers[i]));
	nothing_has_happened(&u);
	down(&u);
}

static void a_flush_is_made_on_a_cpu_of_the_machine(void **state)
{
	struct s2_flush_context cxt = {.site = "untouched"};
	const struct s2_ipa ipa = s2_ipa(0);
	struct misuse u;

	(void)state;
	up(&u, "newest");
	assert_i64(s2_flush_vmid(u.mmu, u.foreign), -EINVAL);
	assert_i64(s2_flush_vmid_ipa(u.mmu, u.foreign, ipa, 3), -EINVAL);
	assert_i64(s2_flush_vmid_ipa_nsh(u.mmu, u.foreign, ipa, 3), -EINVAL);
	assert_i64(s2_flush_vmid_range(u.mmu, u.foreign, s2_range(ipa.v, 4096)), -EINVAL);
	assert_i64(s2_flush_cpu_context(u.mmu, u.foreign), -EINVAL);
	assert_i64(s2_flush_vm_context(u.mmu, u.foreign), -EINVAL);
	assert_i64(s2_flush_enter(u.mmu, u.foreign, &cxt), -EINVAL);
	assert_i64(s2_flush_exit(u.mmu, u.foreign, &cxt), -EINVAL);
	assert_i64(s2_mmu_load(u.mmu, u.foreign), -EINVAL);
	assert_string_equal(cxt.site, "untouched");
	nothing_has_happened(&u);
	down(&u);
}

static void a_flush_by_ipa_has_a_level_and_an_ipa(void **state)
{
	static const int no_levels[] = {-1, 4, 5, 126, 128, INT_MAX, INT_MIN};
	static const uint64_t past[] = {UINT64_C(1) << 40, UINT64_MAX};
	struct misuse u;

	(void)state;
	up(&u, "newest");
	for (size_t i = 0; i < ARRAY_SIZE(no_levels); i++) {
		assert_i64(s2_flush_vmid_ipa(u.mmu, u.cpu, s2_ipa(0), no_levels[i]), -EINVAL);
		assert_i64(s2_flush_vmid_ipa_nsh(u.mmu, u.cpu, s2_ipa(0), no_levels[i]), -EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(past); i++) {
		assert_i64(s2_flush_vmid_ipa(u.mmu, u.cpu, s2_ipa(past[i]), 3), -ERANGE);
		assert_i64(s2_flush_vmid_ipa_nsh(u.mmu, u.cpu, s2_ipa(past[i]), 3), -ERANGE);
	}
	nothing_has_happened(&u);
	assert_i64(s2_flush_vmid_ipa(u.mmu, u.cpu, s2_ipa(0), S2_TTL_UNKNOWN), 0);
	assert_u64(u.flushes, 1);
	down(&u);
}

/* Ranges and CPUs that none of the operations takes. */
static const struct {
	uint64_t ipa, size;
	bool foreign;
	int error;
} ranges[] = {
	{0, 0, false, -EINVAL},
	{1, 4096, false, -EINVAL},
	{0, 4095, false, -EINVAL},
	{0, 4096, true, -EINVAL},
	{UINT64_C(1) << 40, 4096, false, -ERANGE},
	{0, (UINT64_C(1) << 40) + 4096, false, -ERANGE},
	{4096, UINT64_MAX - 4095, false, -ERANGE},
	{UINT64_MAX - 4095, 4096, false, -ERANGE},
};

static void a_table_operation_has_a_range_and_a_cpu(void **state)
{
	struct misuse u;

	(void)state;
	up(&u, "newest");
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		const struct s2_range range = s2_range(ranges[i].ipa, ranges[i].size);
		struct s2_cpu *cpu = ranges[i].foreign ? u.foreign : u.cpu;
		struct s2_memcache mc = {1};
		bool young = true;

		s2_test_row("range %zu", i);
		assert_i64(s2_pgtable_map(u.mmu, cpu, range, s2_pa(0), S2_PROT_R, &mc, 0),
			   ranges[i].error);
		assert_i64(s2_pgtable_unmap(u.mmu, cpu, range), ranges[i].error);
		assert_i64(s2_pgtable_wrprotect(u.mmu, cpu, range), ranges[i].error);
		assert_i64(s2_pgtable_test_clear_young(u.mmu, cpu, range, true, &young),
			   ranges[i].error);
		assert_i64(s2_pgtable_flush(u.mmu, cpu, range), ranges[i].error);
		assert_i64(s2_pgtable_split(u.mmu, cpu, range, &mc), ranges[i].error);
		assert_true(young);
		assert_u64(mc.nobjs, 1);
	}
	assert_i64(s2_pgtable_relax_perms(u.mmu, u.foreign, s2_ipa(0), S2_PROT_R), -EINVAL);
	assert_i64(s2_pgtable_relax_perms(u.mmu, u.cpu, s2_ipa(1), S2_PROT_R), -EINVAL);
	assert_i64(s2_pgtable_relax_perms(u.mmu, u.cpu, s2_ipa(UINT64_C(1) << 40), S2_PROT_R),
		   -ERANGE);
	assert_i64(s2_pgtable_mkyoung(u.mmu, u.foreign, s2_ipa(0)), -EINVAL);
	assert_i64(s2_pgtable_mkyoung(u.mmu, u.cpu, s2_ipa(UINT64_MAX - 4095)), -ERANGE);
	assert_i64(s2_pgtable_destroy(u.mmu, u.foreign), -EINVAL);
	nothing_has_happened(&u);
	down(&u);
}

static void a_mapping_has_flags_permissions_and_memory(void **state)
{
	static const unsigned no_prots[] = {1U << 5, UINT_MAX, S2_PROT_DEVICE | S2_PROT_NORMAL_NC,
					    S2_PROT_X | S2_PROT_DEVICE};
	static const unsigned no_flags[] = {1U << 3, 1U << 31, UINT_MAX, S2_MAP_FAULT | 8};
	const struct s2_range page = s2_range(8 * MIB, 4096);
	struct misuse u;

	(void)state;
	up(&u, "newest");
	for (size_t i = 0; i < ARRAY_SIZE(no_prots); i++)
		assert_i64(s2_pgtable_map(u.mmu, u.cpu, page, s2_pa(0), no_prots[i], NULL, 0),
			   -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(no_flags); i++)
		assert_i64(s2_pgtable_map(u.mmu, u.cpu, page, s2_pa(0), S2_PROT_R, NULL,
					  no_flags[i]),
			   -EINVAL);
	assert_i64(s2_pgtable_map(u.mmu, u.cpu, page, s2_pa(1), S2_PROT_R, NULL, 0), -EINVAL);
	assert_i64(s2_pgtable_map(u.mmu, u.cpu, page, s2_pa(UINT64_C(1) << 52), S2_PROT_R, NULL, 0),
		   -ERANGE);
	assert_i64(s2_pgtable_map(u.mmu, u.cpu, page, s2_pa(UINT64_MAX - 4095), S2_PROT_R, NULL, 0),
		   -ERANGE);
	assert_i64(s2_pgtable_relax_perms(u.mmu, u.cpu, s2_ipa(0), 1U << 5), -EINVAL);
	nothing_has_happened(&u);
	down(&u);
}

static void a_look_up_has_an_ipa_and_a_cpu(void **state)
{
	struct s2_leaf leaf;
	struct misuse u;

	(void)state;
	up(&u, "newest");
	assert_i64(s2_pgtable_lookup(u.mmu, u.foreign, s2_ipa(0), &leaf), -EINVAL);
	assert_i64(s2_pgtable_lookup(u.mmu, u.cpu, s2_ipa(UINT64_C(1) << 40), &leaf), -ERANGE);
	assert_i64(s2_pgtable_lookup(u.mmu, NULL, s2_ipa(UINT64_MAX), &leaf), -ERANGE);
	nothing_has_happened(&u);
	down(&u);
}

static void tables_that_were_destroyed_take_nothing_more(void **state)
{
	const struct s2_range page = s2_range(0, 4096);
	struct s2_leaf leaf;
	struct misuse u;
	bool young;

	(void)state;
	up(&u, "newest");
	assert_i64(s2_pgtable_destroy(u.mmu, u.cpu), 0);
	remember(&u);
	assert_i64(s2_pgtable_destroy(u.mmu, u.cpu), -EINVAL);
	assert_i64(s2_pgtable_map(u.mmu, u.cpu, page, s2_pa(0), S2_PROT_R, NULL, 0), -EINVAL);
	assert_i64(s2_pgtable_unmap(u.mmu, u.cpu, page), -EINVAL);
	assert_i64(s2_pgtable_test_clear_young(u.mmu, u.cpu, page, true, &young), -EINVAL);
	assert_i64(s2_pgtable_lookup(u.mmu, u.cpu, s2_ipa(0), &leaf), -EINVAL);
	assert_i64(s2_mmu_load(u.mmu, u.cpu), -EINVAL);
	assert_i64(s2_flush_vmid(u.mmu, u.cpu), -EINVAL);
	assert_i64(s2_flush_vmid_ipa(u.mmu, u.cpu, s2_ipa(0), 3), -EINVAL);
	assert_i64(s2_flush_vmid_ipa_nsh(u.mmu, u.cpu, s2_ipa(0), 3), -EINVAL);
	assert_i64(s2_flush_vmid_range(u.mmu, u.cpu, s2_range(0, 4096)), -EINVAL);
	assert_i64(s2_flush_cpu_context(u.mmu, u.cpu), -EINVAL);
	nothing_has_happened(&u);
	/* Names no VMID, and so no table. */
	assert_i64(s2_flush_vm_context(u.mmu, u.cpu), 0);
	down(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(each_choice_of_a_flavour_is_one_of_its_enum),
		s2_unit_test(every_flavour_that_there_is_passes),
		s2_unit_test(ascending_ranges_with_lpa2_are_no_flavour),
		s2_unit_test(an_mmu_that_cannot_be_is_refused),
		s2_unit_test(a_flush_is_made_on_a_cpu_of_the_machine),
		s2_unit_test(a_flush_by_ipa_has_a_level_and_an_ipa),
		s2_unit_test(a_table_operation_has_a_range_and_a_cpu),
		s2_unit_test(a_mapping_has_flags_permissions_and_memory),
		s2_unit_test(a_look_up_has_an_ipa_and_a_cpu),
		s2_unit_test(tables_that_were_destroyed_take_nothing_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
