/* SPDX-License-Identifier: MIT */
/*
 * VMs under the oracle: random programs of every flavour break no rule, and
 * published faults of VMs and policies that are broken do.
 */
#include "property.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <stage2sim/oracle.h>
#include <stage2sim/pgtable.h>

#include "hyp/vm/vmid.h"
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
	OP_ACCESS_FEW,
	OP_UNMAP,
	OP_AGE,
	OP_LOG,
	OP_GET,
	OP_SWITCH,
	OP_RESET,
	OP_CACHES,
	OP_SET_WAY,
	OP_MAINTAIN,
	OP_POWER,
	N_OPS
};

struct shape {
	const char *machine, *flavour;
	uint64_t backing, split_chunk;
	bool unpopulated, initially_set, manual;
	enum s2_unmap_tlbi unmap_tlbi;
	enum s2_clear_flush clear_flush;
	s2_range_flush_fn flush;
};

struct world {
	struct vm_fixture f;
	struct s2_oracle *o;
	struct s2_vcpu *vcpu[VCPUS];
	struct s2_cpu *host;
	bool logging;
};

static void world_up(struct world *w, const struct shape *shape)
{
	const struct s2_slot_config ram = {
		.ipa = {RAM},
		.size = RAM_SIZE,
		.hva = {HVA},
		.pa = {UINT64_C(0x100000000)},
		.backing = shape->backing,
		.populated = !shape->unpopulated,
	};

	memset(w, 0, sizeof(*w));
	vm_fixture_machine(&w->f, shape->machine, 4, shape->flavour, NULL);
	w->f.config.split_chunk = w->f.flavour.split ? shape->split_chunk : 0;
	w->f.config.initially_set = shape->initially_set;
	w->f.config.manual_protect = shape->initially_set || shape->manual;
	w->f.flavour.unmap_tlbi = shape->unmap_tlbi;
	w->f.flavour.clear_flush = shape->clear_flush;
	w->f.flavour.flush_range_with = shape->flush;
	/* More than a program can break, so that none hides another. */
	assert_i64(s2_oracle_attach(w->f.m, &(struct s2_oracle_config){.keep = 1024}, &w->o), 0);
	vm_fixture_vm(&w->f, &ram);
	w->host = s2_machine_cpu(w->f.m, 3);
	for (int i = 0; i < VCPUS; i++)
		w->vcpu[i] = vm_fixture_vcpu(&w->f, i);
}

static void world_down(struct world *w)
{
	assert_i64(s2_oracle_error(w->o), 0);
	s2_oracle_detach(w->o);
	vm_fixture_down(&w->f);
}

static int64_t clear(struct world *w, uint64_t first, uint64_t n)
{
	if (!w->logging)
		return 0;
	if (!w->f.config.manual_protect)
		return s2_vm_log_get(w->f.vm, w->host, 0);
	return s2_vm_log_clear(w->f.vm, w->host, 0, first, n);
}

static int64_t toggle_log(struct world *w)
{
	w->logging = !w->logging;
	return w->logging ? s2_vm_log_start(w->f.vm, w->host, 0)
			  : s2_vm_log_stop(w->f.vm, w->host, 0);
}

static int64_t reload(struct world *w, unsigned i)
{
	int ret = s2_vcpu_put(w->vcpu[i]);

	return ret ? ret : s2_vcpu_load(w->vcpu[i], s2_machine_cpu(w->f.m, i));
}

static int64_t reset(struct world *w, unsigned i)
{
	int ret = s2_vcpu_put(w->vcpu[i]);

	if (!ret)
		ret = s2_vcpu_reset(w->vcpu[i], w->host);
	return ret ? ret : s2_vcpu_load(w->vcpu[i], s2_machine_cpu(w->f.m, i));
}

/* The guest maintains what it has touched; of what is not mapped the call says so. */
static int64_t maintain(struct s2_vcpu *vcpu, uint64_t first, uint64_t n, enum s2_line_op op)
{
	const int ret = s2_vcpu_maintain(vcpu, s2_range(RAM + first * PAGE, n * PAGE), op);

	return ret == -EFAULT ? 0 : ret;
}

/*
 * Caches off first: who cleans by set and way twice, writes in between, and goes
 * off by PSCI with caches on has KVM wait for a toggle that never comes.
 */
static int64_t power_cycle(struct world *w, unsigned i)
{
	int ret = s2_vcpu_set_caches(w->vcpu[i], false);

	if (!ret)
		ret = s2_vcpu_power_off(w->vcpu[i]);
	if (!ret)
		ret = s2_vcpu_power_on(w->vcpu[i]);
	return ret ? ret : s2_vcpu_load(w->vcpu[i], s2_machine_cpu(w->f.m, i));
}

/*
 * What upstream does break: a toggle that no trap tells it of; and of a block that
 * a fault replaced by a table, what has not been mapped again when it is unmapped
 * (a_block_replaced_by_a_table_is_not_cleaned).
 */
static bool is_known(const struct s2_violation *v)
{
	return v->rule == S2_RULE_DATA && (v->contract == S2_CONTRACT_KVM_COMPAT_ANY ||
					   !strcmp(v->site, "host:take"));
}

/* The first violation that is none of these, or NULL. */
static const struct s2_violation *unknown(const struct world *w)
{
	const struct s2_violation *v;

	for (size_t i = 0; (v = s2_oracle_violation(w->o, i)) != NULL; i++)
		if (!is_known(v))
			return v;
	return NULL;
}

static int64_t do_step(struct world *w, const struct s2_step *step)
{
	const uint64_t first = step->a, n = 1 + step->b % (PAGES - first);
	struct s2_vcpu *vcpu = w->vcpu[step->c % VCPUS];

	switch ((enum op)step->op) {
	case OP_ACCESS:
		return s2_vcpu_access(vcpu, s2_ipa(RAM + first * PAGE), 1,
				      (enum s2_access)(step->b % 3));
	case OP_ACCESS_FEW:
		return s2_vcpu_access(vcpu, s2_ipa(RAM + first % 8 * PAGE), 1,
				      (enum s2_access)(step->b % 3));
	case OP_UNMAP:
		return s2_vm_unmap_hva(w->f.vm, w->host, s2_va(HVA + first * PAGE), n * PAGE,
				       (enum s2_unmap_reason)(step->c % 3));
	case OP_AGE:
		return s2_vm_age_hva(w->f.vm, w->host, s2_va(HVA + first * PAGE), n * PAGE);
	case OP_LOG:
		return toggle_log(w);
	case OP_GET:
		return clear(w, first & ~UINT64_C(63), 64);
	case OP_SWITCH:
		return reload(w, step->c % VCPUS);
	case OP_CACHES:
		return s2_vcpu_set_caches(vcpu, !s2_vcpu_caches_on(vcpu));
	case OP_SET_WAY:
		return s2_vcpu_set_way(vcpu, 1 + step->b % 3);
	case OP_MAINTAIN:
		return maintain(vcpu, first % 8, 1 + n % 8,
				(enum s2_line_op)(S2_LINE_CLEAN + step->b % 3));
	case OP_POWER:
		return power_cycle(w, step->c % VCPUS);
	default:
		return reset(w, step->c % VCPUS);
	}
}

static bool breaks_no_rule(void *arg, const struct s2_step *steps, size_t n)
{
	const struct s2_violation *v;
	struct world w;
	bool sound = true;

	world_up(&w, arg);
	for (size_t i = 0; sound && i < n; i++)
		sound = do_step(&w, &steps[i]) >= 0 && !unknown(&w);
	v = unknown(&w);
	if (v) {
		char text[512];


		s2_violation_text(v, text, sizeof(text));
		print_message("%s\n", text);
	}
	world_down(&w);
	return sound;
}

static void print_step(void *arg, const struct s2_step *step)
{
	static const char *const names[N_OPS] = {"access", "access % 8", "unmap",  "age",
						 "log",	   "get",	 "switch", "reset",
						 "caches", "set/way",	 "dc",	   "power"};

	(void)arg;
	printf("%s page %" PRIu64 " n or kind %" PRIu64 " vcpu %" PRIu64 "\n", names[step->op],
	       step->a, step->op <= OP_ACCESS_FEW ? step->b % 3 : step->b, step->c % VCPUS);
}

static void random_vms_break_no_rule(void **state)
{
	static const struct shape shapes[] = {
		{.machine = "cortex-a55", .flavour = "kvm-6.12", .backing = PAGE},
		{.machine = "cortex-a55", .flavour = "kvm-6.1", .backing = BLOCK, .unpopulated = true},
		{.machine = "cortex-a72", .flavour = "kvm-6.12", .backing = BLOCK},
		{.machine = "cortex-a72", .flavour = "oldest", .backing = BLOCK},
		{.machine = "neoverse-n1", .flavour = "newest", .backing = BLOCK, .unpopulated = true},
		{.machine = "max", .flavour = "kvm-6.12", .backing = PAGE, .initially_set = true},
		{.machine = "max", .flavour = "newest", .backing = BLOCK, .split_chunk = BLOCK},
		{.machine = "max", .flavour = "newest", .backing = BLOCK, .split_chunk = BLOCK,
		 .initially_set = true},
		{.machine = "max,-vhe", .flavour = "newest", .backing = BLOCK, .manual = true},
		{.machine = "max", .flavour = "newest", .backing = BLOCK,
		 .clear_flush = S2_CLEAR_FLUSH_SPAN, .manual = true},
		{.machine = "max", .flavour = "newest", .backing = PAGE,
		 .clear_flush = S2_CLEAR_FLUSH_ROUND, .manual = true},
		{.machine = "neoverse-n1", .flavour = "newest", .backing = PAGE,
		 .unmap_tlbi = S2_UNMAP_TLBI_RANGE},
		{.machine = "max", .flavour = "newest", .backing = PAGE,
		 .unmap_tlbi = S2_UNMAP_TLBI_VMID},
		{.machine = "max", .flavour = "newest", .backing = BLOCK,
		 .unmap_tlbi = S2_UNMAP_NEW_VMID},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct shape shape = shapes[i];
		const struct s2_property property = {
			.name = shape.machine,
			.n_ops = N_OPS,
			.max_a = PAGES,
			.max_b = 3 * 64,
			.max_c = 6,
			.steps = 120,
			.programs = 40,
			.run = breaks_no_rule,
			.print = print_step,
			.arg = &shape,
		};

		s2_test_row("%s as %s", shape.machine, shape.flavour);
		s2_property_check(&property, 0x2545f491 + i);
	}
}

/*
 * A write past the caches to a block; logging, and a fault beside it replaces the
 * block by a table of one page (stage2_map_walk_leaf(): no CMO of the old block);
 * an unmap finds nothing there to clean; and the host may read what was before.
 */
static void a_block_replaced_by_a_table_is_not_cleaned(void **state)
{
	const struct shape shape = {.machine = "cortex-a72", .flavour = "newest", .backing = BLOCK};
	struct world w;

	(void)state;
	for (unsigned touched = 0; touched < 2; touched++) {
		world_up(&w, &shape);
		assert_i64(s2_vcpu_access(w.vcpu[0], s2_ipa(RAM), 1, S2_ACCESS_WRITE), 1);
		assert_i64(toggle_log(&w), 0);
		assert_i64(s2_vcpu_access(w.vcpu[0], s2_ipa(RAM + PAGE), 1, S2_ACCESS_WRITE), 1);
		/* Mapped again it is cleaned as everything that is mapped. */
		if (touched)
			assert_i64(s2_vcpu_access(w.vcpu[0], s2_ipa(RAM), 1, S2_ACCESS_READ), 1);
		assert_i64(s2_vm_unmap_hva(w.f.vm, w.host, s2_va(HVA), BLOCK, S2_UNMAP_CLEAR), 0);
		assert_i64(s2_oracle_contract_count(w.o, S2_CONTRACT_ARCH) > 0, !touched);
		assert_u64(s2_oracle_contract_count(w.o, S2_CONTRACT_ISOLATION), 0);
		world_down(&w);
	}
}

static void flush_nothing(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	(void)mmu;
	(void)cpu;
	(void)range;
}

/* All but the last page: an odd one is the decomposition's last operation. */
static void flush_without_the_last_page(struct s2_mmu *mmu, struct s2_cpu *cpu,
					struct s2_range range)
{
	struct s2_flush_context cxt;

	s2_flush_enter(mmu, cpu, &cxt);
	for (uint64_t at = 0; at + PAGE < range.size; at += PAGE)
		s2_tlbi_ipas2e1is(cpu, s2_ipa(range.ipa.v + at), S2_TTL_UNKNOWN);
	s2_dsb(cpu, S2_DSB_ISH);
	s2_tlbi_vmalle1is(cpu);
	s2_flush_exit(mmu, cpu, &cxt);
}

static void flush_stage_1_first(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	struct s2_flush_context cxt;

	s2_flush_enter(mmu, cpu, &cxt);
	s2_tlbi_vmalle1is(cpu);
	s2_dsb(cpu, S2_DSB_ISH);
	for (uint64_t at = 0; at < range.size; at += PAGE)
		s2_tlbi_ipas2e1is(cpu, s2_ipa(range.ipa.v + at), S2_TTL_UNKNOWN);
	s2_flush_exit(mmu, cpu, &cxt);
}

static void flush_all_pages(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	struct s2_flush_context cxt;

	s2_flush_enter(mmu, cpu, &cxt);
	for (uint64_t at = 0; at < range.size; at += PAGE)
		s2_tlbi_ipas2e1is(cpu, s2_ipa(range.ipa.v + at), S2_TTL_UNKNOWN);
	s2_dsb(cpu, S2_DSB_ISH);
	s2_tlbi_vmalle1is(cpu);
	s2_flush_exit(mmu, cpu, &cxt);
}

/* A policy of the user's own, against the public calls alone. */
static void a_flush_of_ones_own_is_judged(void **state)
{
	static const struct {
		s2_range_flush_fn flush;
		bool sound;
	} rows[] = {
		{flush_all_pages, true},
		{flush_nothing, false},
		{flush_without_the_last_page, false},
		{flush_stage_1_first, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct shape shape = {.machine = "max",
					    .flavour = "newest",
					    .backing = PAGE,
					    .flush = rows[i].flush};
		struct world w;

		s2_test_row("row %zu", i);
		world_up(&w, &shape);
		assert_true(s2_vcpu_access(w.vcpu[0], s2_ipa(RAM), RAM_SIZE, S2_ACCESS_WRITE) > 0);
		assert_i64(toggle_log(&w), 0);
		if (rows[i].sound)
			assert_u64(s2_oracle_count(w.o, S2_RULES), 0);
		else
			assert_true(s2_oracle_count(w.o, S2_RULE_DIRTY_LOG) > 0);
		world_down(&w);
	}
}

/* A second VM and enough others for the numbers to come round. */
static uint64_t violations_with(enum s2_vmid_fault fault, enum s2_rule rule, const char *flavour)
{
	const struct s2_slot_config ram = {.ipa = {RAM},
					   .size = BLOCK,
					   .hva = {HVA},
					   .pa = {UINT64_C(0x100000000)},
					   .backing = PAGE,
					   .populated = true};
	struct s2_vm *vm[300] = {NULL};
	struct s2_oracle *o;
	struct vm_fixture f;
	uint64_t n;

	vm_fixture_machine(&f, "cortex-a55,vmid=8", 3, flavour, NULL);
	s2_vmids_set_fault(f.vmids, fault);
	assert_i64(s2_oracle_attach(f.m, NULL, &o), 0);
	for (size_t i = 0; i < ARRAY_SIZE(vm); i++) {
		struct s2_vcpu *vcpu;

		assert_i64(s2_vm_create(f.m, &f.config, &vm[i]), 0);
		assert_i64(s2_vm_add_slot(vm[i], &ram), 0);
		vcpu = s2_vm_vcpu(vm[i], s2_vm_add_vcpu(vm[i]));
		assert_i64(s2_vcpu_load(vcpu, s2_machine_cpu(f.m, i ? 1 : 0)), 0);
		assert_true(s2_vcpu_access(vcpu, s2_ipa(RAM), PAGE, S2_ACCESS_WRITE) >= 0);
		/* The first one stays where it is; a vcpu of its own joins in at the end. */
		if (i)
			assert_i64(s2_vcpu_put(vcpu), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(vm); i += 7) {
		struct s2_vcpu *vcpu = s2_vm_vcpu(vm[i], s2_vm_add_vcpu(vm[i]));

		assert_i64(s2_vcpu_load(vcpu, s2_machine_cpu(f.m, 2)), 0);
		assert_true(s2_vcpu_access(vcpu, s2_ipa(RAM + PAGE), PAGE, S2_ACCESS_WRITE) >= 0);
		assert_i64(s2_vcpu_put(vcpu), 0);
	}
	n = s2_oracle_count(o, rule);
	assert_i64(s2_oracle_error(o), 0);
	for (size_t i = 0; i < ARRAY_SIZE(vm); i++)
		s2_vm_free(vm[i]);
	s2_oracle_detach(o);
	vm_fixture_down(&f);
	return n;
}

static void published_faults_of_vmids_are_found(void **state)
{
	static const char *const flavours[] = {"kvm-5.4", "kvm-6.1", "kvm-6.12"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flavours); i++) {
		s2_test_row("%s", flavours[i]);
		assert_u64(violations_with(S2_VMID_SOUND, S2_RULES, flavours[i]), 0);
		assert_true(violations_with(S2_VMID_OLD_ACCEPTED, S2_RULE_VMID, flavours[i]) > 0);
		assert_true(violations_with(S2_VMID_NOT_RESERVED, S2_RULE_VMID, flavours[i]) > 0);
	}
	assert_true(violations_with(S2_VMID_AFTER_VTTBR, S2_RULE_VMID, "kvm-6.12") > 0);
}

/* A VM that runs to its end: nobody can walk any more, so no TLBI is needed. */
static void each_end_of_a_vm_is_sound(void **state)
{
	static const char *const machines[] = {"max", "cortex-a55", "cortex-a72"};

	(void)state;
	for (unsigned how = 0; how <= S2_TEARDOWN_UNMAP_RANGE; how++) {
		for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
			const struct shape shape = {
				.machine = machines[i], .flavour = "kvm-6.12", .backing = PAGE};
			struct world w;

			s2_test_row("policy %u on %s", how, machines[i]);
			world_up(&w, &shape);
			w.f.flavour.teardown = (enum s2_teardown)how;
			assert_true(s2_vcpu_access(w.vcpu[0], s2_ipa(RAM), RAM_SIZE,
						   S2_ACCESS_WRITE) > 0);
			for (int v = 0; v < VCPUS; v++)
				assert_i64(s2_vcpu_put(w.vcpu[v]), 0);
			assert_i64(s2_vm_teardown(w.f.vm, w.host), 0);
			if (s2_oracle_violation(w.o, 0)) {
				char text[512];

				s2_violation_text(s2_oracle_violation(w.o, 0), text, sizeof(text));
				fail_msg("policy %u on %s: %s", how, machines[i], text);
			}
			assert_true(s2_oracle_decided(w.o) > 0);
			world_down(&w);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_vms_break_no_rule),
		cmocka_unit_test(a_block_replaced_by_a_table_is_not_cleaned),
		cmocka_unit_test(a_flush_of_ones_own_is_judged),
		cmocka_unit_test(published_faults_of_vmids_are_found),
		cmocka_unit_test(each_end_of_a_vm_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
