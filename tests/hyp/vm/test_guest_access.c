/* SPDX-License-Identifier: MIT */
/*
 * A VM driven through the machine's physics (TLBs, hardware walker, residue)
 * against the same VM driven by looking at its tables: the one is what
 * hardware does, the other what s2_vcpu_access() takes for it.  Where the
 * hypervisor leaves no stale entry behind, nobody can tell the two apart.
 */
#include "property.h"

#include <stdio.h>

#include <stage2sim/residue.h>

#include "hyp/vm/vm_fixture.h"

#define PAGE	 UINT64_C(0x1000)
#define BLOCK	 UINT64_C(0x200000)
#define RAM	 UINT64_C(0x80000000)
#define HVA	 UINT64_C(0xffff80000000)
#define RAM_SIZE (4 * BLOCK)
#define PAGES	 (RAM_SIZE / PAGE)
#define VCPUS	 2

enum op {
	OP_ACCESS,
	OP_ACCESS_FEW, /* among few pages, so that they are met again */
	OP_UNMAP,
	OP_AGE,
	OP_LOG,
	OP_CLEAR,
	OP_SWITCH,
	OP_EXIT,
	N_OPS
};

struct shape {
	const char *machine, *flavour;
	uint64_t backing;
	bool unpopulated;
	unsigned cpus; /* that the vcpus use */
	bool new_vmid; /* unmaps give the VM a new VMID in place of TLBIs */
};

struct side {
	struct vm_fixture f; /* without physics: by looking at the tables */
	struct s2_vcpu *vcpu[VCPUS];
	unsigned on; /* the vcpu loaded on a shared CPU */
	bool logging;
};

static void side_up(struct side *s, const struct shape *shape, bool physics)
{
	const struct s2_tlb_config tlb = s2_tlb_config_default();
	const struct s2_physics_config pc = {.tlb = &tlb, .residue = true};
	const struct s2_slot_config ram = {
		.ipa = {RAM},
		.size = RAM_SIZE,
		.hva = {HVA},
		.pa = {UINT64_C(0x100000000)},
		.backing = shape->backing,
		.populated = !shape->unpopulated,
	};

	memset(s, 0, sizeof(*s));
	vm_fixture_machine(&s->f, shape->machine, 4, shape->flavour, physics ? &pc : NULL);
	if (shape->new_vmid)
		s->f.flavour.unmap_tlbi = S2_UNMAP_NEW_VMID;
	vm_fixture_vm(&s->f, &ram);
	for (unsigned i = 0; i < VCPUS; i++)
		s->vcpu[i] = vm_fixture_vcpu(&s->f, i < shape->cpus ? (int)i : -1);
}

static int64_t touch(struct side *s, struct s2_vcpu *vcpu, uint64_t ipa, enum s2_access kind)
{
	const struct s2_guest_access access = {
		.kind = kind, .va = s2_va(ipa), .ipa = s2_ipa(ipa), .cacheable = true};
	struct s2_guest_result result;

	if (!s->f.p)
		return s2_vcpu_access(vcpu, s2_ipa(ipa), 1, kind);
	return s2_vcpu_guest_access(vcpu, s->f.p, &access, &result);
}

static int64_t toggle_log(struct side *s, struct s2_cpu *host)
{
	s->logging = !s->logging;
	return s->logging ? s2_vm_log_start(s->f.vm, host, 0) : s2_vm_log_stop(s->f.vm, host, 0);
}

/* The other vcpu, where the two share a CPU. */
static int64_t switch_vcpu(struct side *s, const struct shape *shape)
{
	if (shape->cpus > 1)
		return 0;
	assert_i64(s2_vcpu_put(s->vcpu[s->on]), 0);
	s->on = !s->on;
	return s2_vcpu_load(s->vcpu[s->on], s2_machine_cpu(s->f.m, 0));
}

static int64_t do_step(struct side *s, const struct shape *shape, const struct s2_step *step)
{
	struct s2_vcpu *vcpu = s->vcpu[shape->cpus > 1 ? step->c % VCPUS : s->on];
	/* What the host does, it does on a CPU of its own. */
	struct s2_cpu *host = s2_machine_cpu(s->f.m, 3);
	const uint64_t first = step->a, n = 1 + step->b % (PAGES - first);
	const struct s2_va hva = s2_va(HVA + first * PAGE);

	switch ((enum op)step->op) {
	case OP_ACCESS:
		return touch(s, vcpu, RAM + first * PAGE, (enum s2_access)(step->b % 3));
	case OP_ACCESS_FEW:
		return touch(s, vcpu, RAM + first % 8 * PAGE, (enum s2_access)(step->b % 3));
	case OP_UNMAP:
		return s2_vm_unmap_hva(s->f.vm, host, hva, n * PAGE, S2_UNMAP_EVENT);
	case OP_AGE:
		return s2_vm_age_hva(s->f.vm, host, hva, n * PAGE);
	case OP_LOG:
		return toggle_log(s, host);
	case OP_CLEAR:
		return s->logging ? s2_vm_log_get(s->f.vm, host, 0) : 0;
	case OP_SWITCH:
		return switch_vcpu(s, shape);
	default:
		if (s->f.p)
			s2_vcpu_exit(vcpu);
		return 0;
	}
}

struct twins {
	const struct shape *shape;
	struct side hw, tables;
};

static bool same_counts(const struct twins *t)
{
	static const enum s2_op ops[] = {
		S2_OP_TLBI_VMALLS12E1IS, S2_OP_TLBI_VMALLE1IS, S2_OP_TLBI_VMALLE1,
		S2_OP_TLBI_IPAS2E1IS,	 S2_OP_TLBI_IPAS2E1,   S2_OP_TLBI_RIPAS2E1IS,
		S2_OP_DSB_ISH,		 S2_OP_DSB_ISHST,      S2_OP_DSB_NSH,
		S2_OP_DSB_NSHST,	 S2_OP_DC_CIVAC,       S2_OP_IC_IVAU,
		S2_OP_IC_IALLUIS,	 S2_OP_PTE_WRITE,      S2_OP_TABLE_ALLOC,
		S2_OP_TABLE_FREE,	 S2_OP_S2_FAULT,
	};
	const struct s2_counts a = s2_machine_counts(t->hw.f.m);
	const struct s2_counts b = s2_machine_counts(t->tables.f.m);

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (a.n[ops[i]] != b.n[ops[i]])
			return false;
	return true;
}

static bool same_state(const struct twins *t)
{
	for (uint64_t page = 0; page < PAGES; page++) {
		const struct s2_ipa ipa = s2_ipa(RAM + page * PAGE);
		struct s2_leaf a, b;

		assert_i64(s2_pgtable_lookup(s2_vm_mmu(t->hw.f.vm), NULL, ipa, &a), 0);
		assert_i64(s2_pgtable_lookup(s2_vm_mmu(t->tables.f.vm), NULL, ipa, &b), 0);
		if (a.pte != b.pte && (s2_pte_valid(a.pte) || s2_pte_valid(b.pte)) &&
		    !s2_pte_is_table(a.pte, a.level))
			return false;
		if (s2_vm_log_is_dirty(t->hw.f.vm, 0, page) !=
		    s2_vm_log_is_dirty(t->tables.f.vm, 0, page))
			return false;
	}
	return true;
}

struct grants {
	struct s2_vm *vm;
	bool more;
};

/* Whether an old leaf for the page at @ipa lets through what the tables do not. */
static bool grants_more(struct s2_vm *vm, const struct s2_pte_format *fmt, s2_pte old, uint64_t pa,
			uint64_t ipa)
{
	struct s2_leaf now;

	assert_i64(s2_pgtable_lookup(s2_vm_mmu(vm), NULL, s2_ipa(ipa), &now), 0);
	if (!s2_pte_valid(now.pte) || now.pa.v != pa)
		return true;
	if (s2_pte_writable(old) && !s2_pte_writable(now.pte))
		return true;
	return s2_pte_executable(old, fmt) && !s2_pte_executable(now.pte, fmt);
}

static void compare_residue(void *arg, const struct s2_residue *left)
{
	struct grants *g = arg;
	const struct s2_pte_format fmt = s2_mmu_pte_format(s2_vm_mmu(g->vm));

	/* A walk-cache entry into tables that are no longer linked. */
	if (left->subtree || !s2_pte_is_leaf(left->pte, left->level)) {
		g->more = true;
		return;
	}
	for (uint64_t at = 0; at < left->n * left->size; at += PAGE)
		g->more |= grants_more(g->vm, &fmt, left->pte, s2_pte_pa(left->pte, &fmt).v + at,
				       left->ipa.v + at);
}

/* The translation rule, between operations: no TLB may hold more than the tables give. */
static bool no_tlb_may_grant_more(const struct side *s)
{
	struct grants g = {.vm = s->f.vm};
	const struct s2_vmid vmid = s2_mmu_vmid(s2_vm_mmu(s->f.vm));

	if (s2_residue_count(s->f.p, vmid))
		s2_residue_each(s->f.p, vmid, compare_residue, &g);
	return !g.more;
}

/*
 * A permission that was widened is flushed on one CPU only, and others may
 * fault once more on what they hold.  Where that has happened what was issued
 * may differ, and tables too: a second fault may find that a block fits now.
 */
static bool twins_agree(void *arg, const struct s2_step *steps, size_t n)
{
	struct twins t = {.shape = arg};
	bool agree = true, once_more = false;

	side_up(&t.hw, t.shape, true);
	side_up(&t.tables, t.shape, false);
	for (size_t i = 0; agree && i < n; i++) {
		const int64_t a = do_step(&t.hw, t.shape, &steps[i]);
		const int64_t b = do_step(&t.tables, t.shape, &steps[i]);

		once_more |= t.shape->cpus > 1 && steps[i].op <= OP_ACCESS_FEW && a > b;
		/* Progress: every access goes through in the end. */
		agree = a >= 0 && b >= 0 && no_tlb_may_grant_more(&t.hw);
		if (!once_more)
			agree = agree && a == b;
		if (t.shape->cpus == 1)
			agree = agree && same_counts(&t);
	}
	agree = agree && !s2_physics_error(t.hw.f.p) && (once_more || same_state(&t));
	vm_fixture_down(&t.hw.f);
	vm_fixture_down(&t.tables.f);
	return agree;
}

static void print_step(void *arg, const struct s2_step *step)
{
	static const char *const names[N_OPS] = {"access", "access % 8", "unmap",  "age",
						 "log",	   "clear",	 "switch", "exit"};

	(void)arg;
	printf("%s page %" PRIu64 " n or kind %" PRIu64 " vcpu %" PRIu64 "\n", names[step->op],
	       step->a, step->op <= OP_ACCESS_FEW ? step->b % 3 : step->b, step->c % VCPUS);
}

static void check_shapes(const struct shape *shapes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct shape shape = shapes[i];
		const struct s2_property property = {
			.name = shape.machine,
			.n_ops = N_OPS,
			.max_a = PAGES,
			.max_b = 3 * 64,
			.max_c = VCPUS,
			.steps = 120,
			.programs = 60,
			.run = twins_agree,
			.print = print_step,
			.arg = &shape,
		};

		s2_test_row("%s as %s", shape.machine, shape.flavour);
		s2_property_check(&property, 0x5bd1e995 + i);
	}
}

static void a_cpu_alone_sees_exactly_what_its_tables_say(void **state)
{
	static const struct shape shapes[] = {
		{"cortex-a55", "kvm-6.12", PAGE, false, 1, false},
		{"cortex-a55", "kvm-6.1", BLOCK, true, 1, false},
		{"cortex-a72", "kvm-6.12", BLOCK, false, 1, false},
		{"cortex-a72", "kvm-6.1", PAGE, true, 1, false},
		{"neoverse-n1", "kvm-7.2", BLOCK, true, 1, false},
		{"max", "kvm-6.12", PAGE, true, 1, false},
		{"max,-vhe", "kvm-7.2", BLOCK, false, 1, false},
		{"neoverse-v1,-haf", "kvm-6.12", BLOCK, false, 1, false},
		{"neoverse-n1", "kvm-7.2", BLOCK, true, 1, true},
		{"cortex-a72", "kvm-6.12", PAGE, false, 1, true},
	};

	(void)state;
	check_shapes(shapes, ARRAY_SIZE(shapes));
}

static void cpus_that_hold_old_permissions_fault_once_more_and_no_harm_is_done(void **state)
{
	static const struct shape shapes[] = {
		{"cortex-a55", "kvm-6.12", PAGE, true, VCPUS, false},
		{"cortex-a72", "kvm-6.12", BLOCK, false, VCPUS, false},
		{"max", "kvm-7.2", BLOCK, false, VCPUS, false},
		{"cortex-a55", "kvm-6.1", PAGE, true, VCPUS, false},
		{"neoverse-n1", "kvm-7.2", BLOCK, true, VCPUS, true},
		{"cortex-a72", "kvm-6.12", PAGE, false, VCPUS, true},
	};

	(void)state;
	check_shapes(shapes, ARRAY_SIZE(shapes));
}

/* Aging takes AF away; who sets it again depends on the CPU. */
static void an_access_after_aging_faults_only_without_hardware_access_flags(void **state)
{
	static const struct {
		struct shape shape;
		int64_t faults;
	} rows[] = {
		{{"cortex-a72", "kvm-6.12", PAGE, false, 1, false}, 1},
		{{"cortex-a55", "kvm-6.12", PAGE, false, 1, false}, 0},
		{{"cortex-a55,-haf", "kvm-6.12", PAGE, false, 1, false}, 1},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		struct side s;

		s2_test_row("%s, physics %zu", rows[i / 2].shape.machine, i % 2);
		side_up(&s, &rows[i / 2].shape, i % 2);
		assert_i64(touch(&s, s.vcpu[0], RAM, S2_ACCESS_WRITE), 1);
		assert_i64(s2_vm_age_hva(s.f.vm, s2_machine_cpu(s.f.m, 3), s2_va(HVA), PAGE), 1);
		assert_i64(touch(&s, s.vcpu[0], RAM, S2_ACCESS_READ), rows[i / 2].faults);
		assert_i64(s2_vm_age_hva(s.f.vm, s2_machine_cpu(s.f.m, 3), s2_va(HVA), PAGE), 1);
		vm_fixture_down(&s.f);
	}
}

static void stage_2_is_loaded_with_the_vcpu_or_at_each_run(void **state)
{
	static const struct {
		struct shape shape;
		uint64_t load_switches, load_isbs, run_switches;
	} rows[] = {
		{{"cortex-a55", "kvm-6.12", PAGE, false, 1, false}, 1, 1, 0},
		{{"cortex-a55,-speculative_at", "kvm-6.12", PAGE, false, 1, false}, 1, 0, 0},
		{{"cortex-a55", "kvm-6.1", PAGE, false, 1, false}, 0, 0, 1},
		{{"cortex-a72", "kvm-6.12", PAGE, false, 1, false}, 0, 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_counts before, after;
		struct side s;

		s2_test_row("%s as %s", rows[i].shape.machine, rows[i].shape.flavour);
		side_up(&s, &rows[i].shape, true);
		assert_i64(s2_vcpu_put(s.vcpu[0]), 0);
		before = s2_machine_counts(s.f.m);
		/* It ran here last: no flush is part of this. */
		assert_i64(s2_vcpu_load(s.vcpu[0], s2_machine_cpu(s.f.m, 0)), 0);
		after = s2_machine_counts(s.f.m);
		assert_u64(after.n[S2_OP_VMID_SWITCH] - before.n[S2_OP_VMID_SWITCH],
			   rows[i].load_switches);
		assert_u64(after.n[S2_OP_ISB] - before.n[S2_OP_ISB], rows[i].load_isbs);
		assert_i64(touch(&s, s.vcpu[0], RAM, S2_ACCESS_WRITE), 1);
		before = s2_machine_counts(s.f.m);
		for (unsigned run = 1; run <= 2; run++) {
			s2_vcpu_exit(s.vcpu[0]);
			assert_i64(touch(&s, s.vcpu[0], RAM, S2_ACCESS_WRITE), 0);
			after = s2_machine_counts(s.f.m);
			assert_u64(after.n[S2_OP_VMID_SWITCH] - before.n[S2_OP_VMID_SWITCH],
				   run * rows[i].run_switches);
		}
		vm_fixture_down(&s.f);
	}
}

enum host_work {
	HOST_UNMAP,
	HOST_UNMAP_OTHER_VM,
	HOST_AGE,
	HOST_LOG_START,
	HOST_LOG_GET,
	HOST_LOG_STOP,
	HOST_RESET_SECOND,
	HOST_TEARDOWN_OTHER_VM,
	N_HOST_WORKS
};

static int64_t do_host_work(struct side *s, struct s2_vm *other, enum host_work work)
{
	struct s2_cpu *cpu = s2_machine_cpu(s->f.m, 0);

	switch (work) {
	case HOST_UNMAP:
		return s2_vm_unmap_hva(s->f.vm, cpu, s2_va(HVA), PAGE, S2_UNMAP_CLEAR);
	case HOST_UNMAP_OTHER_VM:
		return s2_vm_unmap_hva(other, cpu, s2_va(HVA), PAGE, S2_UNMAP_CLEAR);
	case HOST_AGE:
		return s2_vm_age_hva(s->f.vm, cpu, s2_va(HVA), PAGE) < 0;
	case HOST_LOG_START:
		return s2_vm_log_start(s->f.vm, cpu, 0);
	case HOST_LOG_GET:
		return s2_vm_log_get(s->f.vm, cpu, 0) < 0;
	case HOST_LOG_STOP:
		return s2_vm_log_stop(s->f.vm, cpu, 0);
	case HOST_RESET_SECOND:
		return s2_vcpu_reset(s->vcpu[1], cpu);
	default:
		return s2_vm_teardown(other, cpu);
	}
}

/* A VM of nothing but a page that is mapped. */
static struct s2_vm *neighbour(struct side *s)
{
	const struct s2_slot_config ram = {.ipa = {RAM},
					   .size = PAGE,
					   .hva = {HVA},
					   .pa = {UINT64_C(0x200000000)},
					   .backing = PAGE,
					   .populated = true};
	const struct s2_vm_config vc = {.flavour = &s->f.flavour, .vmids = s->f.vmids};
	struct s2_vm *vm;

	assert_i64(s2_vm_create(s->f.m, &vc, &vm), 0);
	assert_i64(s2_vm_add_slot(vm, &ram), 0);
	assert_i64(s2_vm_add_vcpu(vm), 0);
	assert_i64(s2_vcpu_load(s2_vm_vcpu(vm, 0), s2_machine_cpu(s->f.m, 2)), 0);
	assert_i64(s2_vcpu_access(s2_vm_vcpu(vm, 0), s2_ipa(RAM), PAGE, S2_ACCESS_WRITE), 1);
	assert_i64(s2_vcpu_put(s2_vm_vcpu(vm, 0)), 0);
	return vm;
}

/* What KVM does on a vcpu's own CPU it does in the host: the guest has been left. */
static void a_guest_exits_before_kvm_works_on_its_cpu_and_enters_after(void **state)
{
	static const struct shape shapes[] = {
		{"cortex-a55", "kvm-6.1", PAGE, false, 1, false},
		{"cortex-a55", "kvm-6.12", PAGE, false, 1, false},
		{"cortex-a72", "kvm-6.12", PAGE, false, 1, false},
		{"max", "kvm-6.12", PAGE, false, 1, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct s2_vm *other;
		struct side s;

		side_up(&s, &shapes[i], true);
		other = neighbour(&s);
		for (int work = 0; work < N_HOST_WORKS; work++) {
			struct s2_counts before, after;

			s2_test_row("%s, %s, work %d", shapes[i].machine, shapes[i].flavour, work);
			assert_true(touch(&s, s.vcpu[0], RAM, S2_ACCESS_WRITE) >= 0);
			before = s2_machine_counts(s.f.m);
			assert_i64(do_host_work(&s, other, (enum host_work)work), 0);
			after = s2_machine_counts(s.f.m);
			assert_u64(after.n[S2_OP_GUEST_EXIT] - before.n[S2_OP_GUEST_EXIT], 1);
			assert_u64(after.n[S2_OP_GUEST_ENTRY] - before.n[S2_OP_GUEST_ENTRY], 0);
			assert_true(touch(&s, s.vcpu[0], RAM, S2_ACCESS_WRITE) >= 0);
		}
		s2_vm_free(other);
		vm_fixture_down(&s.f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_cpu_alone_sees_exactly_what_its_tables_say),
		s2_unit_test(cpus_that_hold_old_permissions_fault_once_more_and_no_harm_is_done),
		s2_unit_test(an_access_after_aging_faults_only_without_hardware_access_flags),
		s2_unit_test(stage_2_is_loaded_with_the_vcpu_or_at_each_run),
		s2_unit_test(a_guest_exits_before_kvm_works_on_its_cpu_and_enters_after),
	};

	return cmocka_run_group_tests_name("guest_access", tests, NULL, NULL);
}
