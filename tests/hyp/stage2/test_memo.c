/* SPDX-License-Identifier: MIT */
/*
 * What memos of calls and the index of tables rest on, change by change.
 * test_shortcuts.c has random programs, and the other short cuts.
 */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/pgtable.h>

#include "hyp/stage2/mmu.h"

#define MIB  (UINT64_C(1) << 20)
#define GIB  (UINT64_C(1) << 30)
#define BASE GIB

struct side {
	struct s2_machine *m;
	struct s2_cpu *cpu[2];
	struct s2_mmu *mmu[2];
};

static void side_up(struct side *s, const char *machine, const char *flavour, unsigned ipa_bits,
		    uint64_t run_limit)
{
	struct s2_machine_config mc = {.cpus = 2, .run_limit = run_limit};

	assert_i64(s2_features_parse(machine, &mc.features, NULL), 0);
	assert_i64(s2_machine_create(&mc, &s->m), 0);
	for (unsigned i = 0; i < 2; i++) {
		const struct s2_mmu_config cfg = {.flavour = s2_flavour_find(flavour),
						  .ipa_bits = ipa_bits,
						  .vmid = {(uint16_t)(i + 1)}};

		s->cpu[i] = s2_machine_cpu(s->m, i);
		assert_i64(s2_mmu_create(s->m, &cfg, &s->mmu[i]), 0);
	}
}

static void side_down(struct side *s)
{
	s2_mmu_free(s->mmu[0]);
	s2_mmu_free(s->mmu[1]);
	s2_machine_destroy(s->m);
}

static void expect_same_counts(const struct side *a, const struct side *b)
{
	const struct s2_counts x = s2_machine_counts(a->m), y = s2_machine_counts(b->m);

	for (int op = 0; op < S2_OP_COUNT; op++)
		if (x.n[op] != y.n[op])
			fail_msg("%s: %llu with short cuts, %llu without",
				 s2_op_name((enum s2_op)op), (unsigned long long)x.n[op],
				 (unsigned long long)y.n[op]);
	for (unsigned i = 0; i < 2; i++) {
		assert_u64(s2_read_sysreg(a->cpu[i], S2_SYSREG_VTTBR_EL2),
			   s2_read_sysreg(b->cpu[i], S2_SYSREG_VTTBR_EL2));
		assert_u64(s2_read_sysreg(a->cpu[i], S2_SYSREG_HCR_EL2),
			   s2_read_sysreg(b->cpu[i], S2_SYSREG_HCR_EL2));
	}
}

static const struct {
	const char *machine, *flavour;
	unsigned ipa_bits;
} shapes[] = {
	{"neoverse-n1", "kvm-6.1", 40},
	{"neoverse-n1", "kvm-6.12", 40},
	{"neoverse-n2", "kvm-6.12", 40},
	{"cortex-a72", "kvm-6.12", 40},
	{"max", "kvm-7.2", 48},
	{"neoverse-n1,granule=16k", "kvm-6.12", 47},
	{"max,granule=64k", "kvm-6.12", 48},
	{"cortex-a55", "kvm-6.1", 36},
};

/* A VM with more tables than it takes to make an index, mapped and unmapped page by page. */
static void an_indexed_vm_counts_closed_forms(void **state)
{
	const uint64_t pages = GIB / 4096, tables = 512;
	struct s2_counts c;
	struct side s;

	(void)state;
	side_up(&s, "neoverse-n1,-repeat_tlbi", "kvm-6.12", 40, 0);
	for (uint64_t i = 0; i < pages; i++)
		assert_i64(s2_pgtable_map(s.mmu[0], s.cpu[0], s2_range(BASE + i * 4096, 4096),
					  s2_pa(BASE), S2_PROT_R, NULL, S2_MAP_FAULT),
			   0);
	c = s2_machine_counts(s.m);
	/* Each call reads 3 levels twice, and writes its entry twice (locked, made). */
	assert_u64(c.n[S2_OP_PTE_READ], pages * 6);
	assert_u64(c.n[S2_OP_PTE_WRITE], 2 * (pages + tables + 1));
	assert_u64(c.n[S2_OP_DC_CIVAC], pages * 64);
	assert_u64(c.n[S2_OP_DSB_ISHST], pages);
	for (uint64_t i = 0; i < pages; i++)
		assert_i64(s2_pgtable_unmap(s.mmu[0], s.cpu[0], s2_range(BASE + i * 4096, 4096)),
			   0);
	c = s2_machine_counts(s.m);
	/* A flush by IPA for each page, each last-level table, and the one above. */
	assert_u64(c.n[S2_OP_TLBI_IPAS2E1IS], pages + tables + 1);
	assert_u64(c.n[S2_OP_TABLE_FREE], tables + 1);
	side_down(&s);
}

/* ---- what the short cuts rest on changes ---- */

#define TABLES UINT64_C(16) /* last-level ones of each VM: enough for an index */

static struct s2_range page_of(uint64_t i)
{
	return s2_range(BASE + i * 4096, 4096);
}

static void load_other(struct side *s)
{
	s2_mmu_load(s->mmu[1], s->cpu[0]);
}

static void load_own(struct side *s)
{
	s2_mmu_load(s->mmu[0], s->cpu[0]);
}

static void unload(struct side *s)
{
	s2_cpu_unload_stage2(s->cpu[0]);
}

static void write_vttbr(struct side *s)
{
	s2_write_sysreg(s->cpu[0], S2_SYSREG_VTTBR_EL2, 0x1234000);
}

static void write_hcr(struct side *s)
{
	s2_write_sysreg(s->cpu[0], S2_SYSREG_HCR_EL2, 0);
}

static void change_vmid(struct side *s)
{
	s2_mmu_set_vmid(s->mmu[0], s2_vmid(s2_mmu_vmid(s->mmu[0]).v ^ 64));
}

/* Each makes a flush issue or leave something else than before. */
static void (*const changes[])(struct side *s) = {load_other,  load_own,  unload,
						  write_vttbr, write_hcr, change_vmid};

static void fill(struct side *s)
{
	for (unsigned vm = 0; vm < 2; vm++)
		assert_i64(s2_pgtable_map(s->mmu[vm], s->cpu[0],
					  s2_range(BASE, TABLES * 512 * UINT64_C(4096)),
					  s2_pa(BASE), S2_PROT_R | S2_PROT_W, NULL,
					  S2_MAP_FORCE_PTE),
			   0);
}

/* A page goes and comes back, twice: the second time by what the first has taught. */
static void unmap_and_map(struct side *s, uint64_t i)
{
	for (unsigned twice = 0; twice < 2; twice++) {
		const struct s2_range page = page_of(i + twice);

		assert_i64(s2_pgtable_unmap(s->mmu[0], s->cpu[0], page), 0);
		assert_i64(s2_pgtable_map(s->mmu[0], s->cpu[0], page, s2_pa(page.ipa.v),
					  S2_PROT_R | S2_PROT_W, NULL, S2_MAP_FAULT),
			   0);
	}
}

static void a_short_cut_is_not_taken_on_what_has_changed(void **state)
{
	const unsigned n = ARRAY_SIZE(changes);

	(void)state;
	for (size_t shape = 0; shape < ARRAY_SIZE(shapes); shape++) {
		struct side fast, slow;

		if (strstr(shapes[shape].machine, "granule"))
			continue; /* page_of() speaks of 4 KiB */
		side_up(&fast, shapes[shape].machine, shapes[shape].flavour, 40, 0);
		side_up(&slow, shapes[shape].machine, shapes[shape].flavour, 40, 1);
		fill(&fast);
		fill(&slow);
		for (unsigned i = 0; i < n * n; i++) {
			s2_test_row("%s, change %u", shapes[shape].machine, i);
			changes[i % n](&fast);
			changes[i % n](&slow);
			unmap_and_map(&fast, i);
			unmap_and_map(&slow, i);
			changes[i / n](&fast);
			changes[i / n](&slow);
			unmap_and_map(&fast, 512 + i);
			unmap_and_map(&slow, 512 + i);
			expect_same_counts(&fast, &slow);
		}
		side_down(&fast);
		side_down(&slow);
	}
}

static void count_event(void *arg, const struct s2_event *event)
{
	(void)event;
	++*(unsigned *)arg;
}

static void count_flush(void *arg, const struct s2_flush_call *call)
{
	(void)call;
	++*(unsigned *)arg;
}

static void who_comes_to_watch_sees_every_call(void **state)
{
	unsigned seen = 0, flushes = 0;
	const struct s2_sink sink = {.event = count_event, .arg = &seen};
	struct side s;

	(void)state;
	side_up(&s, "neoverse-n1", "kvm-6.12", 40, 0);
	fill(&s);
	for (unsigned i = 0; i < 3; i++) {
		unmap_and_map(&s, 0);
		assert_u64(seen, 0);
		assert_i64(s2_machine_add_sink(s.m, &sink), 0);
		assert_i64(s2_pgtable_unmap(s.mmu[0], s.cpu[0], page_of(0)), 0);
		assert_true(seen > 0);
		seen = 0;
		assert_i64(s2_pgtable_map(s.mmu[0], s.cpu[0], page_of(0), s2_pa(BASE),
					  S2_PROT_R | S2_PROT_W, NULL, S2_MAP_FAULT),
			   0);
		assert_true(seen > 0);
		seen = 0;
		assert_i64(s2_machine_remove_sink(s.m, &seen), 0);
	}
	unmap_and_map(&s, 0);
	s2_mmu_watch_flushes(s.mmu[0], count_flush, &flushes);
	unmap_and_map(&s, 0);
	assert_u64(flushes, 2);
	side_down(&s);
}

/* The slots of the index must not outlive the tables that they tell of. */
static void tables_that_are_gone_are_not_found(void **state)
{
	struct s2_leaf leaf;
	struct side s;

	(void)state;
	side_up(&s, "neoverse-n1", "kvm-6.12", 40, 0);
	fill(&s);
	unmap_and_map(&s, 0);
	assert_i64(s2_pgtable_destroy(s.mmu[0], s.cpu[0]), 0);
	assert_i64(s2_pgtable_lookup(s.mmu[0], NULL, s2_ipa(BASE), &leaf), -EINVAL);
	assert_i64(s2_pgtable_unmap(s.mmu[0], s.cpu[0], page_of(0)), -EINVAL);
	assert_i64(s2_pgtable_map(s.mmu[0], s.cpu[0], page_of(1), s2_pa(BASE),
				  S2_PROT_R | S2_PROT_W, NULL, S2_MAP_FAULT),
		   -EINVAL);
	assert_i64(s2_pgtable_lookup(s.mmu[1], NULL, s2_ipa(BASE), &leaf), 0);
	assert_true(s2_pte_valid(leaf.pte));
	side_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(an_indexed_vm_counts_closed_forms),
		s2_unit_test(a_short_cut_is_not_taken_on_what_has_changed),
		s2_unit_test(who_comes_to_watch_sees_every_call),
		s2_unit_test(tables_that_are_gone_are_not_found),
	};

	return cmocka_run_group_tests_name("memo", tests, NULL, NULL);
}
