/* SPDX-License-Identifier: MIT */
/*
 * The oracle's rules about table pages, VMIDs and harvested pages: what keeps each, and the least
 * that breaks it.
 */
#include "check/oracle_rig.h"

/* A new table, filled and linked in by a plain store; by a release; after a DSB or a DMB. */
static void a_table_is_published_by_a_release_or_a_barrier(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 7; how++) {
		struct oracle_rig r;
		s2_pte table;

		s2_test_row("way %u", how);
		oracle_rig_up(&r, "max", "newest");
		map(&r, IPA, PAGE, PA, RW);
		table = store(&r, IPA, 2, 0, S2_MEM_PLAIN);
		s2_flush_vmid(r.mmu, r.cpu);
		/* Unlinked, it is written again: what map would do with a page of its own. */
		{
			const struct s2_table *page =
				s2_tablemem_find(r.m->tables, s2_pte_pa(table, &r.mmu->fmt));

			s2_pte_write(r.cpu, page->pa, leaf(&r, PA + PAGE, RW), 0, S2_MEM_PLAIN);
			page->entries[0] = leaf(&r, PA + PAGE, RW);
		}
		/* Others' walks are not ordered by a DSB of this CPU's own domain. */
		if (how == 2 || how == 3)
			s2_dsb(r.cpu, how == 2 ? S2_DSB_ISHST : S2_DSB_NSHST);
		if (how == 4 || how == 5)
			s2_dmb(r.cpu, how == 4 ? S2_DMB_ISHST : S2_DMB_ISH);
		/* Another CPU's orders nothing of this one. */
		if (how == 6)
			s2_dmb(s2_machine_cpu(r.m, 1), S2_DMB_ISH);
		store(&r, IPA, 2, table, how == 1 ? S2_MEM_RELEASE : S2_MEM_PLAIN);
		if (how == 1 || how == 2 || how == 4 || how == 5)
			expect_sound(&r);
		else
			expect_found(&r, S2_FOUND_UNPUBLISHED);
		oracle_rig_down(&r);
	}
}

static void enter(struct oracle_rig *r, struct s2_cpu *cpu, uint64_t vttbr)
{
	s2_write_sysreg(cpu, S2_SYSREG_VTCR_EL2, r->vtcr);
	s2_write_sysreg(cpu, S2_SYSREG_VTTBR_EL2, vttbr);
	s2_write_sysreg(cpu, S2_SYSREG_HCR_EL2, 0);
	s2_count(cpu, S2_OP_GUEST_ENTRY, 1);
}

static struct s2_pa unlink_table(struct oracle_rig *r)
{
	s2_pte table;

	store(r, IPA, 3, 0, S2_MEM_PLAIN);
	s2_flush_vmid_ipa(r->mmu, r->cpu, s2_ipa(IPA), 3);
	table = store(r, IPA, 2, 0, S2_MEM_PLAIN);
	return s2_pte_pa(table, &r->mmu->fmt);
}

/* f62d4c3eb687: with a CPU in the guest, freed before the flush; after it; with nobody there. */
static void a_table_is_freed_where_no_walker_comes(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		struct oracle_rig r;
		struct s2_pa page;

		s2_test_row("way %u", how);
		oracle_rig_up(&r, "max", "newest");
		map(&r, IPA, PAGE, PA, RW);
		if (how != 2)
			enter(&r, s2_machine_cpu(r.m, 1), r.vttbr);
		page = unlink_table(&r);
		if (how == 1)
			s2_flush_vmid_ipa(r.mmu, r.cpu, s2_ipa(IPA), S2_TTL_UNKNOWN);
		s2_table_event(r.cpu, S2_OP_TABLE_FREE, page.v, PAGE);
		s2_table_free(r.mmu->pool, s2_tablemem_find(r.m->tables, page));
		if (how)
			expect_sound(&r);
		else
			assert_u64(expect_found(&r, S2_FOUND_FREED_REACHABLE)->cpu, 1);
		/* Whoever comes later, by the walk-cache entry that was left. */
		if (how == 2) {
			enter(&r, s2_machine_cpu(r.m, 1), r.vttbr);
			expect_found(&r, S2_FOUND_ENTERED_FREED);
		}
		oracle_rig_down(&r);
	}
}

static void a_page_is_freed_once_and_not_read_afterwards(void **state)
{
	struct oracle_rig r;

	(void)state;
	oracle_rig_up(&r, "max", "newest");
	s2_pte_read(r.cpu, PA, 0, 0);
	expect_found(&r, S2_FOUND_READ_FREED);
	oracle_rig_down(&r);
	oracle_rig_up(&r, "max", "newest");
	s2_table_event(r.cpu, S2_OP_TABLE_FREE, PA, PAGE);
	expect_found(&r, S2_FOUND_FREED_TWICE);
	oracle_rig_down(&r);
}

/* A number given to another VM: at once; after a completed ALLE1IS; while the first one runs. */
static void a_number_is_another_vms_only_after_a_flush(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		const struct s2_mmu_config cfg = {s2_flavour_find("newest"), 40, {7}};
		struct s2_mmu *other;
		struct oracle_rig r;
		uint64_t vtcr, vttbr;

		s2_test_row("way %u", how);
		oracle_rig_up(&r, "max", "newest");
		assert_i64(s2_mmu_create(r.m, &cfg, &other), 0);
		s2_mmu_registers(other, &vtcr, &vttbr);
		enter(&r, s2_machine_cpu(r.m, 1), r.vttbr);
		if (how != 3)
			s2_count(s2_machine_cpu(r.m, 1), S2_OP_GUEST_EXIT, 1);
		s2_dsb(s2_machine_cpu(r.m, 1), S2_DSB_ISH);
		if (how)
			s2_tlbi_alle1is(r.cpu);
		if (how != 2)
			s2_dsb(r.cpu, S2_DSB_ISH);
		enter(&r, r.cpu, vttbr);
		if (how == 1)
			expect_sound(&r);
		else
			expect_found(&r, S2_FOUND_VMID_OF_ANOTHER);
		s2_mmu_free(other);
		oracle_rig_down(&r);
	}
}

/* A VM that goes on under another number must not come back by the one it has left. */
static void a_number_that_was_left_is_not_entered_with_what_it_holds(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 2; how++) {
		struct oracle_rig r;
		uint64_t renewed;

		s2_test_row("way %u", how);
		oracle_rig_up(&r, "max", "newest");
		renewed = (r.vttbr & UINT64_C(0xffffffffffff)) | UINT64_C(9) << 48;
		map(&r, IPA, PAGE, PA, RW);
		if (!how)
			store(&r, IPA, 3, 0, S2_MEM_PLAIN);
		s2_dsb(r.cpu, S2_DSB_ISH);
		{
			const struct s2_reliance given = {.kind = S2_RELY_VMID_GIVEN,
							  .vtcr = r.vtcr,
							  .vttbr = renewed,
							  .function = "test"};

			assert_i64(s2_rely(r.cpu, &given), 0);
		}
		enter(&r, s2_machine_cpu(r.m, 1), renewed);
		expect_sound(&r);
		enter(&r, r.cpu, r.vttbr);
		if (how)
			expect_sound(&r);
		else
			expect_found(&r, S2_FOUND_VMID_LEFT);
		oracle_rig_down(&r);
	}
}

static void a_harvested_page_can_be_written_by_nobody(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		struct oracle_rig r;

		s2_test_row("way %u", how);
		oracle_rig_up(&r, "max", "newest");
		map(&r, IPA, BLOCK, PA, RW);
		if (how)
			assert_i64(s2_pgtable_wrprotect(r.mmu, r.cpu, s2_range(IPA, BLOCK)), 0);
		if (how == 2)
			flush(&r);
		rely(&r, S2_RELY_DIRTY_HARVESTED, IPA + MIB, PAGE, S2_ACCESS_READ);
		if (how == 0)
			expect_found(&r, S2_FOUND_DIRTY_WRITABLE);
		else if (how == 1)
			expect_found(&r, S2_FOUND_DIRTY_HELD);
		else
			expect_sound(&r);
		oracle_rig_down(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_published_by_a_release_or_a_barrier),
		cmocka_unit_test(a_table_is_freed_where_no_walker_comes),
		cmocka_unit_test(a_page_is_freed_once_and_not_read_afterwards),
		cmocka_unit_test(a_number_is_another_vms_only_after_a_flush),
		cmocka_unit_test(a_number_that_was_left_is_not_entered_with_what_it_holds),
		cmocka_unit_test(a_harvested_page_can_be_written_by_nobody),
	};

	return cmocka_run_group_tests_name("oracle_tables", tests, NULL, NULL);
}
