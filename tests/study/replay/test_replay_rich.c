/* SPDX-License-Identifier: MIT */
/* What the kernel does between the lines of a rich log: tables at hand, flushes that an ioctl owes. */
#include "study/replay/replay_fixture.h"

static const struct setting a55_rich = {"cortex-a55", "kvm-6.12", S2_REPLAY_RICH, 0, NULL, NULL};
static const struct setting max_rich = {"max", "kvm-6.12", S2_REPLAY_RICH, 0, NULL, NULL};
static const struct setting a55_old = {"cortex-a55", "kvm-6.1", S2_REPLAY_RICH, 0, NULL, NULL};

#define VM                                                                                         \
	"vm-1 0 sys_ioctl(fd: 3, cmd: ae01, arg: 0)\n"                                             \
	"vm-1 0 sys_ioctl(fd: 4, cmd: ae41, arg: 0)\n"                                             \
	"vm-1 0 sys_ioctl(fd: 5, cmd: 4020aeae, arg: 0)\n"
#define RUN                                                                                        \
	"vm-1 0 sys_ioctl(fd: 5, cmd: ae80, arg: 0)\n"                                             \
	"vm-1 0 tlb_cpu_ctx: (f+0x0/0x90)\n"
#define MAP(task, ipa, size)                                                                       \
	task " 0 s2_map: (f+0x0/0x140) ipa=" ipa " size=" size " phys=" ipa " prot=0x6\n"
#define UNMAP(task, ipa, size) task " 0 s2_unmap: (f+0x0/0xc0) ipa=" ipa " size=" size "\n"
#define SPLIT(ipa, size)       "vm-1 0 s2_split: (f+0x0/0x80) ipa=" ipa " size=" size "\n"
#define FLUSHED(ipa, level)    "vm-1 0 tlb_ipa: (f+0x0/0xd8) ipa=" ipa " level=" level "\n"
#define CHANGE_PTE(task)                                                                           \
	task " 0 kvm_set_spte_hva: mmu notifier set pte hva: 0x00ffff8be00000\n"
#define BEGIN(task, name) task " 0 tracing_mark_write: BEGIN " name "\n"
#define END(task)	  task " 0 tracing_mark_write: END\n"

static struct heard replayed(const char *log, const struct setting *s)
{
	struct s2_error err = {0};
	struct heard h;

	assert_i64(replay_text(log, s, &h, &err), 0);
	return h;
}

/*
 * A clear of 64 pages splits the block that they lie in, flushed by the address
 * that the walk is at; the cache is of a whole chunk.
 */
static void a_split_of_part_of_a_block_has_a_table_for_it(void **state)
{
	struct heard h;

	(void)state;
	h = replayed(VM MAP("vm-1", "0x80000000", "0x200000") SPLIT("0x80040000", "0x40000")
			     FLUSHED("0x80040000", "2"),
		     &a55_rich);
	assert_u64(h.n_differences, 0);
	assert_u64(h.total.n[S2_OP_TLBI_IPAS2E1IS], 1);
}

/* A page of a block of 1 GiB: a table of blocks, and in it one of pages, is all there is. */
static void a_split_of_a_page_of_1_gib_has_a_table_for_each_level(void **state)
{
	struct heard h;

	(void)state;
	h = replayed(VM MAP("vm-1", "0x80000000", "0x40000000") SPLIT("0x80000000", "0x1000")
			     FLUSHED("0x80000000", "1") FLUSHED("0x80000000", "2"),
		     &a55_rich);
	assert_u64(h.n_differences, 0);
	assert_u64(h.total.n[S2_OP_TLBI_IPAS2E1IS], 2);
}

/* The cache is filled for the chunk, not for what is left of the range. */
static void a_partial_split_after_a_whole_one_has_as_many_tables(void **state)
{
	struct heard h;

	(void)state;
	h = replayed(VM MAP("vm-1", "0x80000000", "0x40000000")
			     MAP("vm-1", "0xc0000000", "0x40000000")
				     SPLIT("0x80000000", "0x40000000") FLUSHED("0x80000000", "1")
					     SPLIT("0xc0000000", "0x2000000")
						     FLUSHED("0xc0000000", "1"),
		     &a55_rich);
	assert_u64(h.n_differences, 0);
	assert_u64(h.total.n[S2_OP_TLBI_IPAS2E1IS], 2);
}

/* kvm_set_spte_gfn() has no memcache: it maps where a table is, in each slot, and else not. */
static void change_pte_maps_nothing_where_no_table_is(void **state)
{
	static const char log[] = VM BEGIN("vm-1", "change")
		CHANGE_PTE("vm-1") MAP("vm-1", "0x80000000", "0x1000")
			MAP("vm-1", "0x90000000", "0x1000") END("vm-1")
				BEGIN("vm-1", "map") RUN MAP("vm-1", "0x80000000", "0x1000")
					"vm-1 0 kvm_userspace_exit: reason KVM_EXIT_MMIO (6)\n" END(
						"vm-1") BEGIN("vm-1", "change beside")
						CHANGE_PTE("vm-1")
							MAP("vm-1", "0x80001000", "0x1000")
								END("vm-1");
	struct heard h;

	(void)state;
	h = replayed(log, &a55_old);
	assert_u64(h.n_differences, 0);
	assert_u64(h.n_phases, 3);
	assert_u64(h.phases[0].ops.n[S2_OP_DC_CIVAC], 0);
	assert_u64(h.phases[0].ops.n[S2_OP_TABLE_ALLOC], 0);
	/* Walked, and ended by the barrier of any map. */
	assert_u64(h.phases[0].ops.n[S2_OP_DSB_ISHST], 2);
	assert_u64(h.phases[1].ops.n[S2_OP_DC_CIVAC], 64);
	assert_u64(h.phases[2].ops.n[S2_OP_DC_CIVAC], 64);
}

/* The unmap before it has freed the table, so the fault maps anew and breaks nothing. */
static void change_pte_of_a_tables_only_page_leaves_the_map_to_the_fault(void **state)
{
	struct heard h;

	(void)state;
	h = replayed(VM RUN MAP("vm-1", "0x80000000", "0x1000")
			     UNMAP("vm-1", "0x80000000", "0x1000") FLUSHED("0x80000000", "3")
				     FLUSHED("0x80000000", "0") FLUSHED("0x80000000", "0")
					     CHANGE_PTE("vm-1") MAP("vm-1", "0x80000000", "0x1000")
		     "vm-1 0 kvm_entry: PC: 0x0000000040000014\n"
		     "vm-1 0 s2_map: (f+0x0/0x1a0) ipa=0x80000000 size=0x1000 phys=0x1174e3000 "
		     "prot=0x6\n",
		     &a55_old);
	assert_u64(h.n_differences, 0);
	/* Mapped, cleaned at the unmap, mapped. */
	assert_u64(h.total.n[S2_OP_DC_CIVAC], 3 * 64);
}

/* An address in no slot is not mapped: the next map is somebody else's, and has a cache. */
static void change_pte_is_over_with_the_next_event(void **state)
{
	struct heard h;

	(void)state;
	h = replayed(VM CHANGE_PTE("vm-1") RUN MAP("vm-1", "0x80000000", "0x1000"), &a55_old);
	assert_u64(h.n_differences, 0);
	assert_u64(h.total.n[S2_OP_DC_CIVAC], 64);
}

/* Inlined into the ioctl or called by it, it is one flush of the slot. */
static void flush_memslot_pays_what_a_clear_owes(void **state)
{
	static const struct {
		const struct setting *machine;
		const char *flush;
		enum s2_op op;
	} rows[] = {
		{&a55_rich, "vm-1 0 tlb_vmid: (f+0x0/0x90)\n", S2_OP_TLBI_VMALLS12E1IS},
		{&max_rich, "vm-1 0 tlb_range: (f+0x0/0x188) start=0x80000000 pages=1\n",
		 S2_OP_TLBI_IPAS2E1IS},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		char log[1024];
		struct heard h;

		s2_test_row("row %zu", i);
		snprintf(log, sizeof(log), "%s%s%s%s",
			 VM "vm-1 0 sys_ioctl(fd: 4, cmd: c018aec0, arg: 0)\n"
			    "vm-1 0 clear_masked: (f+0x0/0xc8) gfn_offset=0x0 mask=0x1\n"
			    "vm-1 0 s2_wrprotect: (f+0x0/0x90) ipa=0x80000000 size=0x1000\n",
			 i % 2 ? "vm-1 0 flush_memslot: (f+0x0/0x88) base_gfn=0x0 npages=1\n" : "",
			 rows[i / 2].flush, "vm-1 0 sys_ioctl(fd: 4, cmd: ae03, arg: 0)\n");
		h = replayed(log, rows[i / 2].machine);
		assert_u64(h.n_differences, 0);
		assert_u64(h.unplaced, 0);
		assert_u64(h.total.n[rows[i / 2].op], 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_split_of_part_of_a_block_has_a_table_for_it),
		s2_unit_test(a_split_of_a_page_of_1_gib_has_a_table_for_each_level),
		s2_unit_test(a_partial_split_after_a_whole_one_has_as_many_tables),
		s2_unit_test(change_pte_maps_nothing_where_no_table_is),
		s2_unit_test(change_pte_of_a_tables_only_page_leaves_the_map_to_the_fault),
		s2_unit_test(change_pte_is_over_with_the_next_event),
		s2_unit_test(flush_memslot_pays_what_a_clear_owes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
