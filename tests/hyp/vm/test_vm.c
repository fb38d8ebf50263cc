/* SPDX-License-Identifier: MIT */
/*
 * The measured rules, driven by what guests and hosts do: each test repeats a
 * phase that was counted on real KVM hosts (v6.12, cortex-a55: no FWB, no
 * range TLBI; max: both) and expects its counts.
 */
#include "hyp/vm/vm_fixture.h"

#include <stage2sim/pgtable.h>

#define KIB   UINT64_C(0x400)
#define MIB   (KIB * KIB)
#define GIB   (KIB * MIB)
#define PAGE  (4 * KIB)
#define BLOCK (2 * MIB)
#define CODE  UINT64_C(0x40000000)
#define RAM   UINT64_C(0x80000000)
#define HVA   UINT64_C(0xffff80000000)

struct rig {
	struct vm_fixture f;
	struct s2_machine *m;
	struct s2_vm *vm;
	struct s2_cpu *cpu;
	struct s2_vcpu *vcpu; /* number 0, loaded on CPU 0 */
	int ram;	      /* its slot */
	struct s2_counts mark;
};

struct shape {
	const char *machine;
	const char *flavour;
	uint64_t size, backing;
	bool unpopulated, manual, initset;
	uint64_t chunk;
	int vcpus;
};

static void rig_up(struct rig *r, const struct shape *s)
{
	const struct s2_slot_config ram = {
		.ipa = {RAM},
		.size = s->size ? s->size : 32 * MIB,
		.hva = {HVA},
		.pa = {0x100000000},
		.backing = s->backing ? s->backing : PAGE,
		.populated = !s->unpopulated,
	};

	memset(r, 0, sizeof(*r));
	vm_fixture_machine(&r->f, s->machine, 4, s->flavour ? s->flavour : "kvm-6.12", NULL);
	r->f.config.split_chunk = s->chunk;
	r->f.config.manual_protect = s->manual;
	r->f.config.initially_set = s->initset;
	vm_fixture_vm(&r->f, &ram);
	r->m = r->f.m;
	r->vm = r->f.vm;
	r->cpu = s2_machine_cpu(r->m, 0);
	r->vcpu = vm_fixture_vcpu(&r->f, 0);
	for (int i = 1; i < s->vcpus; i++)
		vm_fixture_vcpu(&r->f, -1);
	r->mark = s2_machine_counts(r->m);
}

static void rig_down(struct rig *r)
{
	vm_fixture_down(&r->f);
}

/* What was issued since the last call. */
static struct s2_counts lap(struct rig *r)
{
	const struct s2_counts now = s2_machine_counts(r->m);
	const struct s2_counts since = s2_counts_since(&r->mark, &now);

	r->mark = now;
	return since;
}

/* Stage-2 TLBIs, data-cache lines and instruction-cache operations of a phase. */
struct expected {
	uint64_t ipas2e1is, ripas2e1is, vmalle1is, vmalls12e1is, ipas2e1, vmalle1, civac, ialluis,
		iallu;
};

static void expect(struct rig *r, struct expected e)
{
	const struct s2_counts c = lap(r);

	assert_u64(c.n[S2_OP_TLBI_IPAS2E1IS], e.ipas2e1is);
	assert_u64(c.n[S2_OP_TLBI_RIPAS2E1IS], e.ripas2e1is);
	assert_u64(c.n[S2_OP_TLBI_VMALLE1IS], e.vmalle1is);
	assert_u64(c.n[S2_OP_TLBI_VMALLS12E1IS], e.vmalls12e1is);
	assert_u64(c.n[S2_OP_TLBI_IPAS2E1], e.ipas2e1);
	assert_u64(c.n[S2_OP_TLBI_VMALLE1], e.vmalle1);
	assert_u64(c.n[S2_OP_DC_CIVAC], e.civac);
	assert_u64(c.n[S2_OP_IC_IALLUIS], e.ialluis);
	assert_u64(c.n[S2_OP_IC_IALLU], e.iallu);
}

static int64_t touch(struct rig *r, uint64_t pages, enum s2_access access)
{
	return s2_vcpu_access(r->vcpu, s2_ipa(RAM), pages * PAGE, access);
}

static const struct expected nothing;

static void rule_1_a_fault_cleans_its_page_or_block_and_flushes_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	assert_i64(touch(&r, 512, S2_ACCESS_WRITE), 512);
	expect(&r, (struct expected){.civac = 512 * 64});
	assert_i64(touch(&r, 512, S2_ACCESS_WRITE), 0);
	expect(&r, nothing);
	rig_down(&r);
	rig_up(&r, &(struct shape){.machine = "cortex-a55", .backing = BLOCK});
	assert_i64(touch(&r, 1024, S2_ACCESS_WRITE), 2);
	expect(&r, (struct expected){.civac = 2 * 32768});
	rig_down(&r);
	rig_up(&r, &(struct shape){.machine = "max"});
	assert_i64(touch(&r, 512, S2_ACCESS_WRITE), 512);
	expect(&r, nothing);
	rig_down(&r);
}

static void rule_2_unmap_flushes_leaf_by_leaf_and_each_freed_table(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	touch(&r, 1024, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA), 512 * PAGE, S2_UNMAP_CLEAR), 0);
	expect(&r, (struct expected){.ipas2e1is = 513, .vmalle1is = 513, .civac = 512 * 64});
	assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA), 512 * PAGE, S2_UNMAP_CLEAR), 0);
	expect(&r, nothing);
	/* The rest: 512 pages, their table, and the two tables above. */
	assert_i64(s2_vm_delete_slot(r.vm, r.cpu, r.ram), 0);
	expect(&r, (struct expected){.ipas2e1is = 514, .vmalle1is = 514, .civac = 512 * 64});
	rig_down(&r);
}

static void rule_3_with_fwb_and_range_leaves_cost_one_range_flush_a_gib(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "max,-lpa2", .size = 64 * GIB});
	for (uint64_t g = 0; g < 64; g++)
		assert_i64(s2_vcpu_access(r.vcpu, s2_ipa(RAM + g * GIB), PAGE, S2_ACCESS_WRITE), 1);
	lap(&r);
	assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA), 64 * GIB, S2_UNMAP_CLEAR), 0);
	/* 64 chunks of a range flush each; two tables freed in each GiB. */
	expect(&r, (struct expected){.ripas2e1is = 64, .ipas2e1is = 128, .vmalle1is = 192});
	rig_down(&r);
}

static void rule_4_a_range_is_one_vmalle1is_whatever_its_operations(void **state)
{
	/* Pages unmapped from page @first of a table that stays, and the operations by kind. */
	static const struct {
		const char *machine;
		uint64_t first, pages;
		uint64_t ripas2e1is, ipas2e1is;
	} rows[] = {
		{"max,-lpa2", 0, 1, 0, 1},  {"max,-lpa2", 0, 2, 1, 0},	 {"max,-lpa2", 0, 64, 1, 0},
		{"max,-lpa2", 1, 3, 1, 1},  {"max,-lpa2", 0, 100, 2, 0}, {"max,pa=48", 1, 3, 0, 3},
		{"max,pa=48", 16, 2, 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig r;

		s2_test_row("%s: %" PRIu64 " pages", rows[i].machine, rows[i].pages);
		rig_up(&r, &(struct shape){.machine = rows[i].machine, .size = BLOCK});
		assert_i64(touch(&r, 512, S2_ACCESS_WRITE), 512);
		lap(&r);
		assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA + rows[i].first * PAGE),
					   rows[i].pages * PAGE, S2_UNMAP_CLEAR),
			   0);
		expect(&r, (struct expected){.ripas2e1is = rows[i].ripas2e1is,
					     .ipas2e1is = rows[i].ipas2e1is,
					     .vmalle1is = 1});
		rig_down(&r);
	}
}

static void rules_5_to_8_dirty_logging_of_a_block(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55", .size = BLOCK, .backing = BLOCK});
	touch(&r, 1, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
	expect(&r, (struct expected){.vmalls12e1is = 1});
	assert_i64(touch(&r, 1, S2_ACCESS_WRITE), 1);
	expect(&r, (struct expected){.ipas2e1is = 1, .vmalle1is = 1, .civac = 64});
	assert_i64(touch(&r, 512, S2_ACCESS_WRITE), 511);
	expect(&r, (struct expected){.civac = 511 * 64});
	assert_i64(s2_vm_log_get(r.vm, r.cpu, r.ram), 512);
	expect(&r, (struct expected){.vmalls12e1is = 1});
	assert_i64(touch(&r, 512, S2_ACCESS_WRITE), 512);
	expect(&r, (struct expected){.ipas2e1 = 512, .vmalle1 = 512});
	assert_i64(s2_vm_log_get(r.vm, r.cpu, r.ram), 512);
	assert_i64(s2_vm_log_get(r.vm, r.cpu, r.ram), 0);
	expect(&r, (struct expected){.vmalls12e1is = 1});
	/* Rule 10: the block comes back over the table. */
	assert_i64(s2_vm_log_stop(r.vm, r.cpu, r.ram), 0);
	assert_i64(touch(&r, 1, S2_ACCESS_WRITE), 1);
	expect(&r, (struct expected){.vmalls12e1is = 1, .civac = 32768});
	rig_down(&r);
}

static void rule_6_every_chunk_cleared_flushes_the_whole_slot(void **state)
{
	static const struct shape shapes[] = {
		{.machine = "cortex-a55", .size = 64 * GIB, .manual = true},
		{.machine = "max,-lpa2", .size = 64 * GIB, .manual = true},
	};
	struct rig r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		s2_test_row("%s", shapes[i].machine);
		rig_up(&r, &shapes[i]);
		assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
		for (uint64_t g = 0; g < 64; g++)
			s2_vcpu_access(r.vcpu, s2_ipa(RAM + g * GIB), PAGE, S2_ACCESS_WRITE);
		lap(&r);
		for (uint64_t g = 0; g < 64; g++)
			assert_i64(s2_vm_log_clear(r.vm, r.cpu, r.ram, g * (GIB / PAGE), 64), 1);
		if (i)
			expect(&r, (struct expected){.ripas2e1is = 512, .vmalle1is = 512});
		else
			expect(&r, (struct expected){.vmalls12e1is = 64});
		assert_i64(s2_vm_log_clear(r.vm, r.cpu, r.ram, 0, 64 * GIB / PAGE), 0);
		expect(&r, nothing);
		rig_down(&r);
	}
}

static void rule_7_relaxing_is_broadcast_in_the_old_flavour_and_local_in_the_new(void **state)
{
	struct rig r;

	(void)state;
	for (int old = 0; old < 2; old++) {
		rig_up(&r, &(struct shape){.machine = "cortex-a55",
					   .flavour = old ? "kvm-6.1" : "kvm-6.12"});
		touch(&r, 1, S2_ACCESS_WRITE);
		assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
		lap(&r);
		assert_i64(touch(&r, 1, S2_ACCESS_WRITE), 1);
		if (old)
			expect(&r, (struct expected){.ipas2e1is = 1, .vmalle1is = 1});
		else
			expect(&r, (struct expected){.ipas2e1 = 1, .vmalle1 = 1});
		assert_true(s2_vm_log_is_dirty(r.vm, r.ram, 0));
		rig_down(&r);
	}
}

/* Or the log would miss what the guest then writes without a fault. */
static void a_page_that_is_read_while_it_is_logged_is_not_writable(void **state)
{
	static const enum s2_access harmless[] = {S2_ACCESS_READ, S2_ACCESS_FETCH};
	static const char *const flavours[] = {"kvm-5.4", "kvm-6.1", "kvm-6.12", "kvm-7.2"};

	(void)state;
	for (size_t i = 0; i < 4 * ARRAY_SIZE(flavours); i++) {
		const bool unpopulated = i / 2 % 2;
		struct s2_leaf leaf;
		struct rig r;

		rig_up(&r, &(struct shape){.machine = "cortex-a55,+vhe",
					   .flavour = flavours[i / 4],
					   .unpopulated = unpopulated});
		s2_test_row("%s, access %d, %s", flavours[i / 4], (int)harmless[i % 2],
			    unpopulated ? "nothing there" : "there");
		assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
		assert_i64(touch(&r, 1, harmless[i % 2]), 1);
		assert_i64(s2_pgtable_lookup(s2_vm_mmu(r.vm), NULL, s2_ipa(RAM), &leaf), 0);
		assert_true(s2_pte_valid(leaf.pte));
		assert_false(s2_pte_writable(leaf.pte));
		assert_false(s2_vm_log_is_dirty(r.vm, r.ram, 0));
		/* The write is a fault of its own, and is logged. */
		assert_i64(touch(&r, 1, S2_ACCESS_WRITE), 1);
		assert_true(s2_vm_log_is_dirty(r.vm, r.ram, 0));
		assert_false(s2_vm_log_is_dirty(r.vm, r.ram, 1));
		rig_down(&r);
	}
}

static void rule_9_eager_split_flushes_once_a_block_and_cleans_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r,
	       &(struct shape){
		       .machine = "cortex-a55", .backing = BLOCK, .manual = true, .chunk = BLOCK});
	touch(&r, 16 * 512, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
	expect(&r, (struct expected){.vmalls12e1is = 1, .ipas2e1is = 16, .vmalle1is = 16});
	rig_down(&r);
	/* Under initially-set the first clear does it. */
	rig_up(&r, &(struct shape){.machine = "cortex-a55",
				   .backing = BLOCK,
				   .manual = true,
				   .initset = true,
				   .chunk = BLOCK});
	touch(&r, 16 * 512, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
	expect(&r, nothing);
	assert_i64(s2_vm_log_clear(r.vm, r.cpu, r.ram, 0, 16 * 512), 16 * 512);
	expect(&r, (struct expected){.vmalls12e1is = 1, .ipas2e1is = 16, .vmalle1is = 16});
	rig_down(&r);
	/* A 1 GiB block: 1 + 512 with a 2 MiB chunk, 1 with a 1 GiB chunk. */
	for (int whole = 0; whole < 2; whole++) {
		rig_up(&r, &(struct shape){.machine = "cortex-a55",
					   .size = GIB,
					   .backing = GIB,
					   .chunk = whole ? GIB : BLOCK});
		assert_i64(touch(&r, 1, S2_ACCESS_WRITE), 1);
		lap(&r);
		assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
		expect(&r, (struct expected){.vmalls12e1is = 1,
					     .ipas2e1is = whole ? 1 : 513,
					     .vmalle1is = whole ? 1 : 513});
		rig_down(&r);
	}
}

static void rule_11_each_vcpus_first_on_cleans_all_that_is_mapped(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55", .vcpus = 2});
	touch(&r, 256, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vcpu_set_caches(r.vcpu, true), 0);
	expect(&r, (struct expected){.civac = 256 * 64});
	assert_false(s2_vcpu_tvm(r.vcpu));
	/* TVM is off: turning them off and on again executes nothing. */
	assert_i64(s2_vcpu_set_caches(r.vcpu, false), 0);
	assert_i64(s2_vcpu_set_caches(r.vcpu, true), 0);
	expect(&r, nothing);
	assert_i64(s2_vcpu_load(s2_vm_vcpu(r.vm, 1), s2_machine_cpu(r.m, 1)), 0);
	lap(&r);
	assert_i64(s2_vcpu_set_caches(s2_vm_vcpu(r.vm, 1), true), 0);
	expect(&r, (struct expected){.civac = 256 * 64});
	rig_down(&r);
	rig_up(&r, &(struct shape){.machine = "max"});
	touch(&r, 256, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vcpu_set_caches(r.vcpu, true), 0);
	expect(&r, nothing);
	rig_down(&r);
}

static void rule_12_the_first_set_way_after_on_cleans_and_arms_tvm(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	touch(&r, 256, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vcpu_set_way(r.vcpu, 1), 0);
	expect(&r, nothing);
	assert_i64(s2_vcpu_set_caches(r.vcpu, true), 0);
	lap(&r);
	assert_i64(s2_vcpu_set_way(r.vcpu, 1), 0);
	expect(&r, (struct expected){.civac = 256 * 64});
	assert_i64(s2_vcpu_set_way(r.vcpu, 64), 0);
	expect(&r, nothing);
	assert_i64(s2_vcpu_set_caches(r.vcpu, false), 0);
	expect(&r, (struct expected){.civac = 256 * 64});
	assert_i64(s2_vcpu_set_caches(r.vcpu, true), 0);
	expect(&r, (struct expected){.civac = 256 * 64});
	rig_down(&r);
}

static void rule_13_teardown_issues_no_tlbi_and_cleans_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	touch(&r, 4096, S2_ACCESS_WRITE);
	assert_i64(s2_vm_teardown(r.vm, r.cpu), -EBUSY);
	assert_i64(s2_vcpu_put(r.vcpu), 0);
	lap(&r);
	assert_i64(s2_vm_teardown(r.vm, r.cpu), 0);
	expect(&r, nothing);
	assert_i64(s2_vm_teardown(r.vm, r.cpu), -EINVAL);
	rig_down(&r);
}

static void rule_14_another_vcpu_on_the_cpu_flushes_its_context(void **state)
{
	struct s2_vcpu *one;
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55", .vcpus = 2});
	one = s2_vm_vcpu(r.vm, 1);
	s2_vcpu_put(r.vcpu);
	lap(&r);
	assert_i64(s2_vcpu_load(r.vcpu, r.cpu), 0);
	expect(&r, nothing);
	assert_i64(s2_vcpu_load(one, r.cpu), -EBUSY);
	s2_vcpu_put(r.vcpu);
	assert_i64(s2_vcpu_load(one, r.cpu), 0);
	expect(&r, (struct expected){.vmalle1 = 1, .iallu = 1});
	s2_vcpu_put(one);
	/* One that migrates away and back with nobody between is not flushed. */
	assert_i64(s2_vcpu_load(one, s2_machine_cpu(r.m, 1)), 0);
	expect(&r, (struct expected){.vmalle1 = 1, .iallu = 1});
	s2_vcpu_put(one);
	assert_i64(s2_vcpu_load(one, r.cpu), 0);
	expect(&r, nothing);
	rig_down(&r);
}

static void rule_15_the_first_fetch_invalidates_the_icache(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	assert_i64(touch(&r, 64, S2_ACCESS_FETCH), 64);
	expect(&r, (struct expected){.civac = 64 * 64, .ialluis = 64});
	rig_down(&r);
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	touch(&r, 64, S2_ACCESS_READ);
	lap(&r);
	assert_i64(touch(&r, 64, S2_ACCESS_FETCH), 64);
	expect(&r, (struct expected){.ipas2e1 = 64, .vmalle1 = 64, .ialluis = 64});
	rig_down(&r);
	rig_up(&r, &(struct shape){.machine = "max"});
	touch(&r, 64, S2_ACCESS_READ);
	assert_i64(touch(&r, 64, S2_ACCESS_FETCH), 0);
	expect(&r, nothing);
	rig_down(&r);
}

static void rule_16_a_write_to_the_zero_page_flushes_once_or_twice(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55", .unpopulated = true});
	assert_i64(touch(&r, 1024, S2_ACCESS_READ), 1024);
	expect(&r, (struct expected){.civac = 1024 * 64});
	/* A page that is left keeps the tables, so that none is freed between. */
	assert_i64(touch(&r, 256, S2_ACCESS_WRITE), 256);
	expect(&r, (struct expected){.ipas2e1is = 256, .vmalle1is = 256, .civac = 2 * 256 * 64});
	rig_down(&r);
	rig_up(&r, &(struct shape){.machine = "cortex-a55,+vhe",
				   .flavour = "kvm-6.1",
				   .unpopulated = true});
	touch(&r, 1024, S2_ACCESS_READ);
	lap(&r);
	assert_i64(touch(&r, 256, S2_ACCESS_WRITE), 256);
	/* The unmap's flush and the relaxed permission's; the unmap and change_pte() clean. */
	expect(&r, (struct expected){.ipas2e1is = 2 * 256,
				     .vmalle1is = 2 * 256,
				     .civac = 2 * 256 * 64});
	rig_down(&r);
}

static void rule_17_vmids_run_out_after_255_vms_and_everything_is_flushed_once(void **state)
{
	struct s2_vm_config vc = {.flavour = s2_flavour_find("kvm-6.12")};
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a72"});
	s2_vcpu_put(r.vcpu);
	vc.vmids = r.f.vmids;
	lap(&r);
	for (int i = 1; i < 600; i++) {
		struct s2_vm *vm;

		assert_i64(s2_vm_create(r.m, &vc, &vm), 0);
		assert_i64(s2_vm_add_vcpu(vm), 0);
		assert_i64(s2_vcpu_load(s2_vm_vcpu(vm, 0), r.cpu), 0);
		s2_vm_free(vm);
	}
	/* 600 VMs: 255 in each generation, so two rollovers. */
	assert_u64(s2_vmids_rollovers(r.f.vmids), 2);
	assert_u64(lap(&r).n[S2_OP_TLBI_ALLE1IS], 2);
	rig_down(&r);
}

static void rule_18_memory_in_two_slots_is_unmapped_twice(void **state)
{
	const struct s2_slot_config alias = {.ipa = {0x100000000},
					     .size = 32 * MIB,
					     .hva = {HVA},
					     .pa = {0x100000000},
					     .backing = PAGE,
					     .populated = true};
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	assert_true(s2_vm_add_slot(r.vm, &alias) >= 0);
	touch(&r, 16, S2_ACCESS_WRITE);
	s2_vcpu_access(r.vcpu, s2_ipa(0x100000000), 16 * PAGE, S2_ACCESS_WRITE);
	/* One page more in each, so that no table is freed. */
	s2_vcpu_access(r.vcpu, s2_ipa(RAM + MIB), PAGE, S2_ACCESS_WRITE);
	s2_vcpu_access(r.vcpu, s2_ipa(0x100000000 + MIB), PAGE, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA), 16 * PAGE, S2_UNMAP_EVENT), 0);
	expect(&r, (struct expected){.ipas2e1is = 32, .vmalle1is = 32, .civac = 32 * 64});
	rig_down(&r);
}

static void aging_flushes_the_vmid_only_if_anything_was_young(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	touch(&r, 16, S2_ACCESS_WRITE);
	lap(&r);
	assert_i64(s2_vm_age_hva(r.vm, r.cpu, s2_va(HVA), 32 * PAGE), 1);
	expect(&r, (struct expected){.vmalls12e1is = 1});
	assert_i64(s2_vm_age_hva(r.vm, r.cpu, s2_va(HVA), 32 * PAGE), 0);
	expect(&r, nothing);
	/* The access makes it young again without a flush: on this CPU without a fault too. */
	assert_i64(touch(&r, 1, S2_ACCESS_WRITE), 0);
	expect(&r, nothing);
	rig_down(&r);
}

static void reset_unmaps_ram_and_arms_tvm_without_fwb(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	touch(&r, 512, S2_ACCESS_WRITE);
	s2_vcpu_set_caches(r.vcpu, true);
	s2_vcpu_put(r.vcpu);
	lap(&r);
	assert_i64(s2_vcpu_reset(r.vcpu, r.cpu), 0);
	expect(&r,
	       (struct expected){.ipas2e1is = 512 + 2, .vmalle1is = 512 + 2, .civac = 512 * 64});
	assert_true(s2_vcpu_tvm(r.vcpu));
	rig_down(&r);
}

static void bad_requests_are_refused_and_change_nothing(void **state)
{
	struct s2_slot_config s = {.ipa = {RAM + MIB},
				   .size = MIB,
				   .pa = {0x200000000},
				   .backing = PAGE,
				   .populated = true};
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	assert_i64(s2_vm_add_slot(r.vm, &s), -EEXIST);
	s.ipa.v = 0x10000000000;
	assert_i64(s2_vm_add_slot(r.vm, &s), -ERANGE);
	s.ipa.v = RAM + 64 * MIB;
	s.size = 0;
	assert_i64(s2_vm_add_slot(r.vm, &s), -EINVAL);
	s.size = MIB;
	s.backing = 3 * PAGE;
	assert_i64(s2_vm_add_slot(r.vm, &s), -EINVAL);
	assert_i64(s2_vm_delete_slot(r.vm, r.cpu, 7), -EINVAL);
	assert_i64(s2_vm_log_stop(r.vm, r.cpu, r.ram), -EINVAL);
	assert_i64(s2_vm_log_clear(r.vm, r.cpu, r.ram, 0, 64), -EINVAL);
	assert_i64(s2_vcpu_access(r.vcpu, s2_ipa(0x10000000), PAGE, S2_ACCESS_READ), -EFAULT);
	assert_i64(s2_vcpu_access(r.vcpu, s2_ipa(RAM), 0, S2_ACCESS_READ), -EINVAL);
	assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA + 1), PAGE, S2_UNMAP_CLEAR), -EINVAL);
	assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA), PAGE, (enum s2_unmap_reason)3),
		   -EINVAL);
	assert_i64(s2_vcpu_access(r.vcpu, s2_ipa(RAM), PAGE, (enum s2_access)3), -EINVAL);
	assert_i64(s2_vcpu_reset(r.vcpu, r.cpu), -EINVAL);
	expect(&r, nothing);
	/* The log of a VM that is gone is not cleared. */
	assert_i64(s2_vm_log_start(r.vm, r.cpu, r.ram), 0);
	assert_i64(touch(&r, 1, S2_ACCESS_WRITE), 1);
	assert_i64(s2_vcpu_put(r.vcpu), 0);
	assert_i64(s2_vm_teardown(r.vm, r.cpu), 0);
	assert_i64(s2_vm_log_get(r.vm, r.cpu, r.ram), -EINVAL);
	assert_true(s2_vm_log_is_dirty(r.vm, r.ram, 0));
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(rule_1_a_fault_cleans_its_page_or_block_and_flushes_nothing),
		s2_unit_test(rule_2_unmap_flushes_leaf_by_leaf_and_each_freed_table),
		s2_unit_test(rule_3_with_fwb_and_range_leaves_cost_one_range_flush_a_gib),
		s2_unit_test(rule_4_a_range_is_one_vmalle1is_whatever_its_operations),
		s2_unit_test(rules_5_to_8_dirty_logging_of_a_block),
		s2_unit_test(rule_6_every_chunk_cleared_flushes_the_whole_slot),
		s2_unit_test(rule_7_relaxing_is_broadcast_in_the_old_flavour_and_local_in_the_new),
		s2_unit_test(a_page_that_is_read_while_it_is_logged_is_not_writable),
		s2_unit_test(rule_9_eager_split_flushes_once_a_block_and_cleans_nothing),
		s2_unit_test(rule_11_each_vcpus_first_on_cleans_all_that_is_mapped),
		s2_unit_test(rule_12_the_first_set_way_after_on_cleans_and_arms_tvm),
		s2_unit_test(rule_13_teardown_issues_no_tlbi_and_cleans_nothing),
		s2_unit_test(rule_14_another_vcpu_on_the_cpu_flushes_its_context),
		s2_unit_test(rule_15_the_first_fetch_invalidates_the_icache),
		s2_unit_test(rule_16_a_write_to_the_zero_page_flushes_once_or_twice),
		s2_unit_test(rule_17_vmids_run_out_after_255_vms_and_everything_is_flushed_once),
		s2_unit_test(rule_18_memory_in_two_slots_is_unmapped_twice),
		s2_unit_test(aging_flushes_the_vmid_only_if_anything_was_young),
		s2_unit_test(reset_unmaps_ram_and_arms_tvm_without_fwb),
		s2_unit_test(bad_requests_are_refused_and_change_nothing),
	};

	return cmocka_run_group_tests_name("vm", tests, NULL, NULL);
}
