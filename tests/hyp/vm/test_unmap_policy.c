/* SPDX-License-Identifier: MIT */
/* What an unmap cleans, what a block made over a table costs, and a flush of one's own. */
#include "hyp/vm/teardown_rig.h"

/* Patch 7 spares every event; ours only memory that nobody can read afterwards. */
static void an_unmap_event_cleans_what_its_policy_says(void **state)
{
	static const struct {
		enum s2_unmap_cmo policy;
		enum s2_backing_life life;
		enum s2_unmap_reason reason;
		bool cleans;
	} rows[] = {
		{S2_UNMAP_CMO_ALWAYS, S2_BACKING_DIES, S2_UNMAP_EVENT, true},
		{S2_UNMAP_CMO_NOT_ON_EVENT, S2_BACKING_DIES, S2_UNMAP_EVENT, false},
		{S2_UNMAP_CMO_NOT_ON_EVENT, S2_BACKING_SHARED, S2_UNMAP_EVENT, false},
		{S2_UNMAP_CMO_NOT_ON_EVENT, S2_BACKING_DIES, S2_UNMAP_SWAP, true},
		{S2_UNMAP_CMO_NOT_ON_EVENT, S2_BACKING_DIES, S2_UNMAP_CLEAR, true},
		{S2_UNMAP_CMO_NOT_IF_DYING, S2_BACKING_DIES, S2_UNMAP_EVENT, false},
		{S2_UNMAP_CMO_NOT_IF_DYING, S2_BACKING_SHARED, S2_UNMAP_EVENT, true},
		{S2_UNMAP_CMO_NOT_IF_DYING, S2_BACKING_DIES, S2_UNMAP_SWAP, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct shape s = {.size = 2 * MIB, .life = rows[i].life};
		struct s2_flavour f = flavour(S2_TEARDOWN_WALK);
		struct rig r;

		s2_test_row("row %zu", i);
		f.unmap_cmo = rows[i].policy;
		rig_up(&r, &s, &f);
		map_all(&r, &s);
		assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA), MIB, rows[i].reason), 0);
		assert_u64(lap(&r).n[S2_OP_DC_CIVAC], rows[i].cleans ? MIB / 64 : 0);
		/* What was spared for one event is not for the next. */
		assert_i64(s2_pgtable_unmap(s2_vm_mmu(r.vm), r.cpu, s2_range(RAM + MIB, MIB)), 0);
		assert_u64(lap(&r).n[S2_OP_DC_CIVAC], MIB / 64);
		rig_down(&r);
	}
}

/*
 * A block re-made over 512 pages.  By unmapping: 512 leaves and their table
 * flushed, the leaves cleaned, then the block; patch 6 spares the first of the
 * two.  Since 2020 the table is unlinked with one flush of the VMID.
 */
static void a_block_over_a_table_costs_what_its_policy_says(void **state)
{
	static const struct {
		enum s2_collapse collapse;
		enum s2_collapse_cmo cmo;
		uint64_t by_ipa, whole, lines;
	} rows[] = {
		{S2_COLLAPSE_UNMAP, S2_COLLAPSE_CMO_ALWAYS, 513, 0, 2 * 32768},
		{S2_COLLAPSE_UNMAP, S2_COLLAPSE_CMO_ELIDED, 513, 0, 32768},
		{S2_COLLAPSE_FLUSH_VMID, S2_COLLAPSE_CMO_ALWAYS, 0, 1, 32768},
		{S2_COLLAPSE_FLUSH_RANGE, S2_COLLAPSE_CMO_ALWAYS, 0, 1, 32768},
	};
	const struct shape s = {.size = 2 * MIB};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_flavour f = flavour(S2_TEARDOWN_WALK);
		struct s2_pgtable_state tables;
		struct s2_counts c;
		struct rig r;

		s2_test_row("row %zu", i);
		f.collapse = rows[i].collapse;
		f.collapse_cmo = rows[i].cmo;
		rig_up(&r, &s, &f);
		map_all(&r, &s);
		assert_i64(s2_pgtable_map(s2_vm_mmu(r.vm), r.cpu, s2_range(RAM, s.size), s2_pa(PA),
					  S2_PROT_R, NULL, 0),
			   0);
		c = lap(&r);
		assert_flushes(&c, rows[i].by_ipa, rows[i].whole);
		assert_u64(c.n[S2_OP_DC_CIVAC], rows[i].lines);
		assert_u64(c.n[S2_OP_TABLE_FREE], 1);
		s2_pgtable_state(s2_vm_mmu(r.vm), &tables);
		assert_u64(tables.leaves[2], 1);
		assert_u64(tables.leaves[3], 0);
		assert_u64(tables.table_pages, 1 + ROOT_PAGES);
		/* The elision does not outlast the block. */
		assert_i64(s2_pgtable_unmap(s2_vm_mmu(r.vm), r.cpu, s2_range(RAM, s.size)), 0);
		assert_u64(lap(&r).n[S2_OP_DC_CIVAC], 32768);
		rig_down(&r);
	}
}

/* A flush of the user's own is used wherever KVM flushes a range. */
static void own_flush(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	struct s2_flush_context cxt;

	s2_flush_enter(mmu, cpu, &cxt);
	for (uint64_t at = 0; at < range.size; at += 2 * MIB)
		s2_tlbi_ipas2e1is(cpu, s2_ipa(range.ipa.v + at), S2_TTL_UNKNOWN);
	s2_dsb(cpu, S2_DSB_ISH);
	s2_tlbi_vmalle1is(cpu);
	s2_flush_exit(mmu, cpu, &cxt);
}

static void an_own_range_flush_takes_the_place_of_kvms(void **state)
{
	static const char *const machines[] = {"cortex-a72", "cortex-a55", "max"};
	const struct shape s = {.size = 8 * MIB};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		struct s2_flavour f = flavour(S2_TEARDOWN_WALK);
		struct shape shape = s;
		struct s2_counts c, kvm;
		struct rig r;

		s2_test_row("%s", machines[i]);
		shape.machine = machines[i];
		f.flush_range_with = own_flush;
		rig_up(&r, &shape, &f);
		assert_i64(s2_flush_vmid_range(s2_vm_mmu(r.vm), r.cpu, s2_range(RAM, 8 * MIB)), 0);
		c = lap(&r);
		assert_u64(c.n[S2_OP_TLBI_IPAS2E1IS], 4);
		assert_u64(c.n[S2_OP_TLBI_VMALLE1IS], 1);
		assert_u64(c.n[S2_OP_TLBI_VMALLS12E1IS], 0);
		/* But for the TLBIs it is what one of KVM's flushes by IPA issues. */
		s2_flush_vmid_ipa(s2_vm_mmu(r.vm), r.cpu, s2_ipa(RAM), S2_TTL_UNKNOWN);
		kvm = lap(&r);
		kvm.n[S2_OP_TLBI_IPAS2E1IS] = 4;
		kvm.n[S2_OP_DVM_BROADCAST] = c.n[S2_OP_DVM_BROADCAST];
		assert_memory_equal(&c, &kvm, sizeof(c));
		assert_i64(s2_flush_vmid_range(s2_vm_mmu(r.vm), r.cpu, s2_range(RAM, 1)), -EINVAL);
		rig_down(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(an_unmap_event_cleans_what_its_policy_says),
		s2_unit_test(a_block_over_a_table_costs_what_its_policy_says),
		s2_unit_test(an_own_range_flush_takes_the_place_of_kvms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
