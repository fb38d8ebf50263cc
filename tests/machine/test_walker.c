/* SPDX-License-Identifier: MIT */
/* A guest's accesses through the tables that the hypervisor's walkers wrote. */
#include "support.h"

#include <stage2sim/pgtable.h>
#include <stage2sim/physics.h>

#include "hyp/stage2/mmu.h"

#define MIB UINT64_C(0x100000)
#define RW  (S2_PROT_R | S2_PROT_W)
#define RWX (RW | S2_PROT_X)

struct rig {
	struct s2_machine *m;
	struct s2_mmu *mmu;
	struct s2_physics *p;
	struct s2_cpu *cpu;
};

static void rig_init(struct rig *r, const char *spec, const struct s2_tlb_config *tlb)
{
	struct s2_machine_config cfg = {.cpus = 2};
	struct s2_physics_config physics = {.tlb = tlb};
	struct s2_mmu_config mmu = {s2_flavour_find("kvm-6.12"), 40, {7}};

	assert_i64(s2_features_parse(spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &r->m), 0);
	assert_i64(s2_mmu_create(r->m, &mmu, &r->mmu), 0);
	assert_i64(s2_physics_attach(r->m, &physics, &r->p), 0);
	r->cpu = s2_machine_cpu(r->m, 0);
}

static void rig_free(struct rig *r)
{
	s2_physics_detach(r->p);
	s2_mmu_free(r->mmu);
	s2_machine_destroy(r->m);
}

static void enter(struct rig *r)
{
	s2_load_vttbr(r->cpu, r->mmu->vtcr, r->mmu->vttbr);
	s2_write_sysreg(r->cpu, S2_SYSREG_HCR_EL2, S2_HCR_E2H);
	s2_count(r->cpu, S2_OP_GUEST_ENTRY, 1);
}

static void leave(struct rig *r)
{
	s2_count(r->cpu, S2_OP_GUEST_EXIT, 1);
}

static struct s2_guest_result touch(struct rig *r, enum s2_access kind, uint64_t ipa)
{
	const struct s2_guest_access access = {
		.kind = kind, .va = s2_va(ipa), .ipa = s2_ipa(ipa), .cacheable = true};
	struct s2_guest_result result;

	assert_i64(s2_guest_access(r->p, r->cpu, &access, &result), 0);
	return result;
}

static void map(struct rig *r, uint64_t ipa, uint64_t size, uint64_t pa, unsigned prot)
{
	assert_i64(s2_pgtable_map(r->mmu, r->cpu, s2_range(ipa, size), s2_pa(pa), prot, NULL, 0),
		   0);
}

static uint64_t count(const struct rig *r, enum s2_op op)
{
	return s2_machine_counts(r->m).n[op];
}

static void test_each_granule_translates_pages_and_blocks(void **state)
{
	static const char *const specs[] = {"max",
					    "max,-lpa2,pa=48",
					    "max,-lpa2,pa=48,granule=16k",
					    "max,granule=16k",
					    "max,-lpa2,granule=64k",
					    "cortex-a72"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct rig r;
		struct s2_guest_result result;
		uint64_t block;

		s2_test_row("%s", specs[i]);
		rig_init(&r, specs[i], NULL);
		block = s2_level_size(s2_mmu_geometry(r.mmu), 2);
		map(&r, 0, block, 4 * block, RWX);
		map(&r, block, block / 2, 8 * block, RW);
		enter(&r);
		result = touch(&r, S2_ACCESS_WRITE, 0x1234);
		assert_u64(result.pa.v, 4 * block + 0x1234);
		assert_i64(result.level, 2);
		result = touch(&r, S2_ACCESS_READ, block + 0x12340);
		assert_u64(result.pa.v, 8 * block + 0x12340);
		assert_i64(result.level, 3);
		assert_false(touch(&r, S2_ACCESS_FETCH, 0).fault.raised);
		rig_free(&r);
	}
}

static void test_faults_say_code_level_write_and_ipa(void **state)
{
	struct rig r;
	struct s2_fault fault;

	(void)state;
	rig_init(&r, "max,-lpa2,pa=48", NULL);
	map(&r, 2 * MIB, 0x1000, 0x40000000, S2_PROT_R);
	enter(&r);
	fault = touch(&r, S2_ACCESS_WRITE, 2 * MIB + 8).fault;
	assert_u64(s2_fault_status(&fault), 0x0f);
	assert_true(fault.write);
	assert_u64(fault.ipa.v, 2 * MIB + 8);
	fault = touch(&r, S2_ACCESS_FETCH, 2 * MIB).fault;
	assert_u64(s2_fault_status(&fault), 0x0f);
	assert_true(fault.exec);
	fault = touch(&r, S2_ACCESS_READ, 2 * MIB + 0x1000).fault;
	assert_u64(s2_fault_status(&fault), 0x07);
	fault = touch(&r, S2_ACCESS_READ, 4 * MIB).fault;
	assert_u64(s2_fault_status(&fault), 0x06);
	fault = touch(&r, S2_ACCESS_READ, UINT64_C(1) << 38).fault;
	assert_u64(s2_fault_status(&fault), 0x05);
	fault = touch(&r, S2_ACCESS_READ, UINT64_C(1) << 40).fault;
	assert_u64(s2_fault_status(&fault), 0x05);
	assert_u64(count(&r, S2_OP_S2_FAULT), 6);
	rig_free(&r);
}

static void test_the_walker_sets_af_if_ha_says_so(void **state)
{
	const struct s2_range page = s2_range(2 * MIB, 0x1000);
	struct s2_leaf leaf;
	struct s2_fault fault;
	struct rig r;
	bool young;

	(void)state;
	rig_init(&r, "max", NULL);
	map(&r, 2 * MIB, 0x1000, 0x40000000, RW);
	assert_i64(s2_pgtable_test_clear_young(r.mmu, r.cpu, page, true, &young), 0);
	enter(&r);
	assert_false(touch(&r, S2_ACCESS_READ, 2 * MIB).fault.raised);
	assert_i64(s2_pgtable_lookup(r.mmu, NULL, page.ipa, &leaf), 0);
	assert_true(s2_pte_accessed(leaf.pte));
	leave(&r);
	assert_i64(s2_pgtable_test_clear_young(r.mmu, r.cpu, page, true, &young), 0);
	assert_true(young);
	r.mmu->vtcr &= ~(UINT64_C(1) << 21);
	enter(&r);
	fault = touch(&r, S2_ACCESS_READ, 2 * MIB).fault;
	assert_u64(s2_fault_status(&fault), 0x0b);
	rig_free(&r);
}

static void test_only_an_in_context_regime_is_walked(void **state)
{
	const struct s2_guest_access access = {
		.kind = S2_ACCESS_READ, .va = s2_va(2 * MIB), .ipa = s2_ipa(2 * MIB)};
	struct s2_guest_result result;
	struct rig r;

	(void)state;
	rig_init(&r, "max", NULL);
	map(&r, 2 * MIB, 0x1000, 0x40000000, RW);
	assert_i64(s2_guest_access(r.p, r.cpu, &access, &result), -ENOENT);
	enter(&r);
	assert_i64(s2_guest_access(r.p, r.cpu, &access, &result), 0);
	leave(&r);
	assert_i64(s2_guest_access(r.p, r.cpu, &access, &result), -ENOENT);
	/* A walk that began in the guest may still end, until a DSB that waits for loads; */
	assert_i64(s2_guest_speculate(r.p, r.cpu, &access, &result), 0);
	/* who only counts the exits of a guest that is out already changes nothing of it. */
	leave(&r);
	s2_dsb(r.cpu, S2_DSB_ISHST);
	assert_i64(s2_guest_speculate(r.p, r.cpu, &access, &result), 0);
	s2_dsb(r.cpu, S2_DSB_NSH);
	assert_i64(s2_guest_speculate(r.p, r.cpu, &access, &result), -ENOENT);
	rig_free(&r);
	rig_init(&r, "cortex-a55", NULL);
	map(&r, 2 * MIB, 0x1000, 0x40000000, RW);
	s2_load_vttbr(r.cpu, r.mmu->vtcr, r.mmu->vttbr);
	assert_i64(s2_guest_speculate(r.p, r.cpu, &access, &result), -ENOENT);
	s2_isb(r.cpu);
	assert_i64(s2_guest_speculate(r.p, r.cpu, &access, &result), 0);
	assert_i64(s2_guest_access(r.p, r.cpu, &access, &result), -ENOENT);
	rig_free(&r);
}

static void test_hits_misses_and_walks_are_counted(void **state)
{
	const struct s2_tlb_config tlb = s2_tlb_config_default();
	struct rig r;

	(void)state;
	rig_init(&r, "max,-lpa2,pa=48", &tlb);
	map(&r, 2 * MIB, 4 * 0x1000, 0x40000000, RW);
	enter(&r);
	touch(&r, S2_ACCESS_READ, 2 * MIB);
	assert_u64(count(&r, S2_OP_WALK_READ), 3);
	touch(&r, S2_ACCESS_WRITE, 2 * MIB + 8);
	assert_u64(count(&r, S2_OP_TLB_HIT), 1);
	/* The walk cache knows the last table. */
	touch(&r, S2_ACCESS_READ, 2 * MIB + 0x1000);
	assert_u64(count(&r, S2_OP_TLB_MISS), 2);
	assert_u64(count(&r, S2_OP_WALK_READ), 4);
	leave(&r);
	s2_flush_vmid_ipa(r.mmu, r.cpu, s2_ipa(2 * MIB), S2_TTL_UNKNOWN);
	enter(&r);
	touch(&r, S2_ACCESS_READ, 2 * MIB);
	assert_u64(count(&r, S2_OP_TLB_MISS), 3);
	assert_u64(count(&r, S2_OP_WALK_READ), 7);
	/* Another page of the VM lost its combined entry only. */
	touch(&r, S2_ACCESS_READ, 2 * MIB + 0x1000);
	assert_u64(count(&r, S2_OP_TLB_HIT), 2);
	rig_free(&r);
}

/* A guest that moved a page in its stage 1 and did not tell: the old one, whatever IPA is meant. */
static void test_a_combined_entry_has_its_own_pa(void **state)
{
	const struct s2_tlb_config tlb = s2_tlb_config_default();
	struct s2_guest_access access = {.kind = S2_ACCESS_READ,
					 .va = s2_va(0xffff000000123008),
					 .ipa = s2_ipa(4 * MIB + 0x5008),
					 .asid = 3,
					 .s1_shift = 12};
	struct s2_guest_result result;
	struct rig r;

	(void)state;
	rig_init(&r, "max,-lpa2,pa=48", &tlb);
	map(&r, 4 * MIB, 2 * MIB, 0x40000000, RW);
	enter(&r);
	assert_i64(s2_guest_access(r.p, r.cpu, &access, &result), 0);
	assert_u64(result.pa.v, 0x40005008);
	access.ipa = s2_ipa(4 * MIB + 0x9008);
	assert_i64(s2_guest_access(r.p, r.cpu, &access, &result), 0);
	assert_true(result.hit);
	assert_u64(result.pa.v, 0x40005008);
	assert_u64(s2_pte_pa(result.pte, &r.mmu->fmt).v, 0x40000000);
	s2_guest_tlbi_vmalle1(r.p, r.cpu);
	assert_i64(s2_guest_access(r.p, r.cpu, &access, &result), 0);
	assert_u64(result.pa.v, 0x40009008);
	access.asid = 4;
	assert_i64(s2_guest_access(r.p, r.cpu, &access, &result), 0);
	assert_u64(s2_tlb_live(s2_physics_tlbs(r.p), 0, S2_TLB_COMBINED), 2);
	rig_free(&r);
}

/* Else a hit would give another PA than the walk before it. */
static void test_a_mapping_of_stage_1_keeps_the_offset(void **state)
{
	static const struct {
		uint8_t s1_shift;
		uint64_t va, ipa;
		int ret;
	} rows[] = {
		{0, MIB, MIB, 0},
		{0, 2 * MIB, MIB, -EINVAL},
		{12, 0x7008, MIB + 0x5008, 0},
		{12, 0x7008, MIB + 0x5010, -EINVAL},
		{21, 3 * MIB, MIB, 0},
		{21, 2 * MIB, MIB, -EINVAL},
		{11, MIB, MIB, -EINVAL},
		{53, MIB, MIB, -EINVAL},
	};
	struct rig r;

	(void)state;
	rig_init(&r, "max", NULL);
	map(&r, 0, 2 * MIB, 0x40000000, RW);
	enter(&r);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct s2_guest_access access = {.kind = S2_ACCESS_READ,
						       .va = s2_va(rows[i].va),
						       .ipa = s2_ipa(rows[i].ipa),
						       .s1_shift = rows[i].s1_shift};
		struct s2_guest_result result;

		s2_test_row("row %zu", i);
		assert_i64(s2_guest_access(r.p, r.cpu, &access, &result), rows[i].ret);
		assert_i64(s2_guest_speculate(r.p, r.cpu, &access, &result), rows[i].ret);
	}
	rig_free(&r);
}

/* E2H and TGE both set: the VMALLE1 is about the host. */
static void test_tge_decides_whose_entries_a_vmalle1_takes(void **state)
{
	const struct s2_tlb_config tlb = s2_tlb_config_default();
	struct s2_tlbs *tlbs;
	struct rig r;

	(void)state;
	rig_init(&r, "max", &tlb);
	tlbs = s2_physics_tlbs(r.p);
	map(&r, 2 * MIB, 0x1000, 0x40000000, RW);
	enter(&r);
	touch(&r, S2_ACCESS_READ, 2 * MIB);
	leave(&r);
	s2_write_sysreg(r.cpu, S2_SYSREG_HCR_EL2, S2_HCR_E2H | S2_HCR_TGE);
	s2_isb(r.cpu);
	s2_tlbi_vmalle1is(r.cpu);
	assert_u64(s2_tlb_live(tlbs, 0, S2_TLB_COMBINED), 1);
	s2_write_sysreg(r.cpu, S2_SYSREG_HCR_EL2, S2_HCR_E2H);
	s2_isb(r.cpu);
	s2_tlbi_vmalle1is(r.cpu);
	assert_u64(s2_tlb_live(tlbs, 0, S2_TLB_COMBINED), 0);
	assert_u64(s2_tlb_live(tlbs, 0, S2_TLB_S2_LEAF), 1);
	rig_free(&r);
}

/* The guest writes with its caches off; the host reads what its line held before. */
static void test_a_guest_with_caches_off_writes_past_the_cache(void **state)
{
	struct s2_machine_config cfg = {.cpus = 1};
	const struct s2_physics_config physics = {.memory = true, .detail = S2_MEMORY_VERSIONS};
	const struct s2_mmu_config mmu = {s2_flavour_find("kvm-6.12"), 40, {7}};
	struct s2_guest_access access = {
		.kind = S2_ACCESS_WRITE, .va = s2_va(2 * MIB), .ipa = s2_ipa(2 * MIB)};
	const struct s2_pa pa = s2_pa(0x40000000);
	struct s2_guest_result result;
	struct rig r;
	uint32_t version;

	(void)state;
	assert_i64(s2_features_parse("neoverse-n1", &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &r.m), 0);
	assert_i64(s2_mmu_create(r.m, &mmu, &r.mmu), 0);
	assert_i64(s2_physics_attach(r.m, &physics, &r.p), 0);
	r.cpu = s2_machine_cpu(r.m, 0);
	/* The map cleans the host's zeroing to the PoC. */
	assert_i64(s2_memory_write(s2_physics_memory(r.p), S2_AGENT_WRITE_BACK, pa, 0x1000, NULL),
		   0);
	map(&r, 2 * MIB, 0x1000, pa.v, RW);
	assert_u64(s2_physics_dc_counts(r.p).dirty, 64);
	assert_i64(s2_memory_apply(s2_physics_memory(r.p), S2_LINE_FILL, pa, 0x1000, NULL), 0);
	enter(&r);
	assert_i64(s2_guest_access(r.p, r.cpu, &access, &result), 0);
	assert_false(result.cacheable);
	assert_u64(result.version, 2);
	assert_i64(s2_memory_read(s2_physics_memory(r.p), S2_AGENT_WRITE_BACK, pa, &version), 0);
	assert_u64(version, 1);
	leave(&r);
	assert_i64(s2_pgtable_unmap(r.mmu, r.cpu, s2_range(2 * MIB, 0x1000)), 0);
	assert_i64(s2_memory_read(s2_physics_memory(r.p), S2_AGENT_WRITE_BACK, pa, &version), 0);
	assert_u64(version, 2);
	assert_i64(s2_physics_error(r.p), 0);
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(test_each_granule_translates_pages_and_blocks),
		s2_unit_test(test_faults_say_code_level_write_and_ipa),
		s2_unit_test(test_the_walker_sets_af_if_ha_says_so),
		s2_unit_test(test_only_an_in_context_regime_is_walked),
		s2_unit_test(test_hits_misses_and_walks_are_counted),
		s2_unit_test(test_a_combined_entry_has_its_own_pa),
		s2_unit_test(test_a_mapping_of_stage_1_keeps_the_offset),
		s2_unit_test(test_tge_decides_whose_entries_a_vmalle1_takes),
		s2_unit_test(test_a_guest_with_caches_off_writes_past_the_cache),
	};

	return cmocka_run_group_tests_name("machine/walker", tests, NULL, NULL);
}
