/* SPDX-License-Identifier: MIT */
/* The log: each operation's line to the letter, what casemate gets, and that runs do not show. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/log.h>
#include <stage2sim/pgtable.h>

#include "machine/machine.h"

/* Text that a log writes; after @left lines one write fails, later ones would not. */
struct text {
	char *s;
	size_t len, cap;
	uint64_t lines, left;
};

static int write_text(void *arg, const char *s, size_t len)
{
	struct text *t = arg;

	if (!t->left--)
		return -EIO;
	assert_u64(strnlen(s, len), len);
	if (t->len + len + 1 > t->cap) {
		t->cap = 2 * t->cap + len + 4096;
		t->s = realloc(t->s, t->cap);
		assert_non_null(t->s);
	}
	memcpy(t->s + t->len, s, len);
	t->len += len;
	t->s[t->len] = '\0';
	t->lines++;
	return 0;
}

static struct s2_machine *machine(const char *spec, unsigned cpus, uint64_t run_limit)
{
	struct s2_machine_config cfg = {.cpus = cpus, .run_limit = run_limit};
	struct s2_machine *m;

	assert_i64(s2_features_parse(spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &m), 0);
	return m;
}

static struct s2_log *attach(struct s2_machine *m, struct text *t, bool casemate_only)
{
	const struct s2_log_config cfg = {
		.write = write_text, .arg = t, .casemate_only = casemate_only};
	struct s2_log *log;

	memset(t, 0, sizeof(*t));
	t->left = UINT64_MAX;
	assert_i64(s2_log_attach(m, &cfg, &log), 0);
	return log;
}

/* Every operation but dvm_broadcast, which other lines imply. */
static const struct {
	enum s2_op op;
	bool release;
	bool casemate;
	uint64_t addr, value;
	const char *line; /* between the tid and the source */
} lines[] = {
	{S2_OP_TLBI_VMALLS12E1IS, 0, 1, 0, 0, "tlbi vmalls12e1is"},
	{S2_OP_TLBI_VMALLS12E1, 0, 1, 0, 0, "tlbi vmalls12e1"},
	{S2_OP_TLBI_VMALLE1IS, 0, 1, 0, 0, "tlbi vmalle1is"},
	{S2_OP_TLBI_VMALLE1, 0, 1, 0, 0, "tlbi vmalle1"},
	{S2_OP_TLBI_IPAS2E1IS, 0, 1, 0, 0x700000012345, "tlbi ipas2e1is (value 0x700000012345)"},
	{S2_OP_TLBI_IPAS2E1, 0, 0, 0, 0x12345, "tlbi ipas2e1 (value 0x12345)"},
	{S2_OP_TLBI_RIPAS2E1IS, 0, 0, 0, 0x77, "tlbi ripas2e1is (value 0x77)"},
	{S2_OP_TLBI_RIPAS2E1, 0, 0, 0, 0x78, "tlbi ripas2e1 (value 0x78)"},
	{S2_OP_TLBI_ALLE1IS, 0, 1, 0, 0, "tlbi alle1is"},
	{S2_OP_TLBI_VALE2IS, 0, 1, 0, 0, "tlbi vale2is (value 0x0)"},
	{S2_OP_DSB_ISH, 0, 1, 0, 0, "barrier dsb (kind ish)"},
	{S2_OP_DSB_ISHST, 0, 1, 0, 0, "barrier dsb (kind ishst)"},
	{S2_OP_DSB_NSH, 0, 1, 0, 0, "barrier dsb (kind nsh)"},
	{S2_OP_DMB_ISH, 0, 0, 0, 0, "barrier dmb (kind ish)"},
	{S2_OP_DMB_ISHST, 0, 0, 0, 0, "barrier dmb (kind ishst)"},
	{S2_OP_DSB_NSHST, 0, 0, 0, 0, "barrier dsb (kind nshst)"},
	{S2_OP_DSB_SY, 0, 0, 0, 0, "barrier dsb (kind sy)"},
	{S2_OP_ISB, 0, 1, 0, 0, "barrier isb"},
	{S2_OP_DC_CIVAC, 0, 0, 0x1000, 0x2000,
	 "dc civac (address 0x1000) (size 0x2000) (line 0x40)"},
	{S2_OP_DC_CVAC, 0, 0, 0x1000, 0x2000, "dc cvac (address 0x1000) (size 0x2000) (line 0x40)"},
	{S2_OP_DC_IVAC, 0, 0, 0x1000, 0x2000, "dc ivac (address 0x1000) (size 0x2000) (line 0x40)"},
	{S2_OP_DC_SETWAY, 0, 0, 0, 0, "dc setway (count 0x3)"},
	{S2_OP_IC_IVAU, 0, 0, 0x1000, 0x2000, "ic ivau (address 0x1000) (size 0x2000) (line 0x80)"},
	{S2_OP_IC_IALLUIS, 0, 0, 0, 0, "ic ialluis"},
	{S2_OP_IC_IALLU, 0, 0, 0, 0, "ic iallu"},
	{S2_OP_HYPERCALL, 0, 0, 0, 0, "hvc call"},
	{S2_OP_VMID_SWITCH, 0, 0, 0, 0x1000000008001, "vmid switch (value 0x1000000008001)"},
	{S2_OP_SYSREG_WRITE, 0, 1, S2_SYSREG_VTTBR_EL2, 5,
	 "sysreg-write (sysreg vttbr_el2) (value 0x5)"},
	{S2_OP_SYSREG_WRITE, 0, 1, S2_SYSREG_VTCR_EL2, 5,
	 "sysreg-write (sysreg vtcr_el2) (value 0x5)"},
	{S2_OP_SYSREG_WRITE, 0, 1, S2_SYSREG_HCR_EL2, 5,
	 "sysreg-write (sysreg hcr_el2) (value 0x5)"},
	{S2_OP_SYSREG_WRITE, 0, 0, S2_SYSREG_TCR_EL1, 5,
	 "sysreg-write (sysreg tcr_el1) (value 0x5)"},
	{S2_OP_SYSREG_WRITE, 0, 0, S2_SYSREG_SCTLR_EL1, 5,
	 "sysreg-write (sysreg sctlr_el1) (value 0x5)"},
	{S2_OP_SYSREG_TRAP, 0, 0, 0, 0, "guest sysreg-trap (count 0x3)"},
	{S2_OP_GUEST_ENTRY, 0, 0, 0, 0, "guest entry (count 0x3)"},
	{S2_OP_GUEST_EXIT, 0, 0, 0, 0, "guest exit (count 0x3)"},
	{S2_OP_PTE_READ, 0, 1, 0x8008, 0x403, "mem-read (address 0x8008) (value 0x403)"},
	{S2_OP_PTE_WRITE, 0, 1, 0x8008, 0x403,
	 "mem-write (mem-order plain) (address 0x8008) (value 0x403)"},
	{S2_OP_PTE_WRITE, 1, 1, 0x8008, 0x403,
	 "mem-write (mem-order release) (address 0x8008) (value 0x403)"},
	{S2_OP_TABLE_ALLOC, 0, 1, 0x8000, 0x1000, "mem-init (address 0x8000) (size 0x1000)"},
	{S2_OP_TABLE_FREE, 0, 1, 0x8000, 0x1000, "mem-free (address 0x8000) (size 0x1000)"},
	{S2_OP_S2_FAULT, 0, 0, 0, 0, "guest s2-fault (count 0x3)"},
	{S2_OP_TLB_HIT, 0, 0, 0, 0, "tlb hit (count 0x3)"},
	{S2_OP_TLB_MISS, 0, 0, 0, 0, "tlb miss (count 0x3)"},
	{S2_OP_WALK_READ, 0, 0, 0, 0, "tlb walk-read (count 0x3)"},
	{S2_OP_VCPU_PROBE, 0, 0, 0, 0, "step vcpu-probe (count 0x3)"},
	{S2_OP_VCPU_VISIT, 0, 0, 0, 0, "step vcpu-visit (count 0x3)"},
	{S2_OP_MPIDR_GATHER, 0, 0, 0, 0, "step mpidr-gather (count 0x3)"},
	{S2_OP_SGI_QUEUE, 0, 0, 0, 0, "step sgi-queue (count 0x3)"},
	{S2_OP_KICK_IPI, 0, 0, 0, 0, "step kick-ipi (count 0x3)"},
	{S2_OP_VCPU_WAKE, 0, 0, 0, 0, "step vcpu-wake (count 0x3)"},
	{S2_OP_IRQ_LOCK, 0, 0, 0, 0, "step irq-lock (count 0x3)"},
	{S2_OP_MMU_FIELD_WRITE, 0, 0, 0, 0, "step mmu-field-write (count 0x3)"},
	{S2_OP_MMU_ROLE_COMPUTE, 0, 0, 0, 0, "step mmu-role-compute (count 0x3)"},
	{S2_OP_MMU_ROLE_COMPARE, 0, 0, 0, 0, "step mmu-role-compare (count 0x3)"},
	{S2_OP_ROOT_UNLOAD, 0, 0, 0, 0, "step root-unload (count 0x3)"},
};

static void issue_line(struct s2_cpu *cpu, size_t i)
{
	struct s2_insn insn = {
		.op = lines[i].op,
		.order = lines[i].release ? S2_MEM_RELEASE : S2_MEM_PLAIN,
		.addr = lines[i].addr,
		.value = lines[i].value,
		.count = 3,
	};

	s2_issue(cpu, &insn);
}

/* "head rest" becomes (head (id N) (tid T) rest (src "S")). */
static void expected_line(char *buf, size_t size, const char *line, uint64_t id, unsigned tid)
{
	int head = (int)strcspn(line, " ");

	snprintf(buf, size, "(%.*s (id %" PRIu64 ") (tid %u)%s (src \"test:line\"))\n", head, line,
		 id, tid, line + head);
}

static void each_operation_has_its_line(void **state)
{
	struct s2_machine *m = machine("max,iline=128", 4, 0);
	struct s2_cpu *cpu = s2_machine_cpu(m, 2);
	bool seen[S2_OP_COUNT] = {[S2_OP_DVM_BROADCAST] = true};
	struct s2_log *log;
	struct text t;

	(void)state;
	log = attach(m, &t, false);
	s2_cpu_set_site(cpu, "test:line");
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char expected[320];

		s2_test_row("%s", lines[i].line);
		t.len = 0;
		issue_line(cpu, i);
		expected_line(expected, sizeof(expected), lines[i].line, i, 2);
		assert_string_equal(t.s, expected);
		seen[lines[i].op] = true;
	}
	for (int op = 0; op < S2_OP_COUNT; op++) {
		s2_test_row("%s", s2_op_name((enum s2_op)op));
		assert_true(seen[op]);
	}
	assert_u64(t.lines, ARRAY_SIZE(lines));
	assert_i64(s2_log_detach(log, NULL), 0);
	free(t.s);
	s2_machine_destroy(m);
}

static void casemate_gets_what_it_accepts_and_the_rest_is_counted(void **state)
{
	struct s2_machine *m = machine("max", 4, 0);
	struct s2_cpu *cpu = s2_machine_cpu(m, 0);
	uint64_t id = 0, left_out = 99;
	struct s2_log *log;
	struct text t;

	(void)state;
	log = attach(m, &t, true);
	s2_cpu_set_site(cpu, "test:line");
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char expected[320] = "";

		s2_test_row("%s", lines[i].line);
		t.len = 0;
		if (t.s)
			t.s[0] = '\0';
		issue_line(cpu, i);
		/* Identifiers go on without gaps. */
		if (lines[i].casemate)
			expected_line(expected, sizeof(expected), lines[i].line, id++, 0);
		assert_string_equal(t.s, expected);
	}
	assert_i64(s2_log_detach(log, &left_out), 0);
	assert_u64(left_out, ARRAY_SIZE(lines) - id);
	free(t.s);
	s2_machine_destroy(m);
}

static void ignore_event(void *arg, const struct s2_event *event)
{
	(void)arg;
	(void)event;
}

static void what_cannot_be_logged_is_refused(void **state)
{
	struct s2_machine *m = machine("max", 5, 0);
	struct s2_log_config cfg = {.write = write_text, .casemate_only = true};
	const struct s2_sink sink = {.event = ignore_event, .arg = &cfg};
	struct s2_log *log = NULL;

	(void)state;
	/* casemate knows four CPUs. */
	assert_i64(s2_log_attach(m, &cfg, &log), -EINVAL);
	cfg.casemate_only = false;
	cfg.write = NULL;
	assert_i64(s2_log_attach(m, &cfg, &log), -EINVAL);
	cfg.write = write_text;
	for (int i = 0; i < S2_MAX_SINKS; i++)
		assert_i64(s2_machine_add_sink(m, &sink), 0);
	assert_i64(s2_log_attach(m, &cfg, &log), -ENOSPC);
	assert_null(log);
	s2_machine_destroy(m);
}

static void the_first_write_error_ends_the_log(void **state)
{
	struct s2_machine *m = machine("max", 1, 0);
	struct s2_cpu *cpu = s2_machine_cpu(m, 0);
	struct s2_log *log;
	struct text t;

	(void)state;
	log = attach(m, &t, false);
	t.left = 2;
	s2_run_begin(cpu, 1000);
	for (int i = 0; i < 5; i++)
		s2_isb(cpu);
	s2_run_end(cpu);
	s2_isb(cpu);
	assert_u64(t.lines, 2);
	assert_i64(s2_log_detach(log, NULL), -EIO);
	/* Counting goes on. */
	assert_u64(s2_machine_counts(m).n[S2_OP_ISB], 5001);
	free(t.s);
	s2_machine_destroy(m);
}

static void a_source_of_any_length_gives_a_whole_line(void **state)
{
	struct s2_machine *m = machine("max", 1, 0);
	struct s2_cpu *cpu = s2_machine_cpu(m, 0);
	char site[1001];
	struct s2_log *log;
	struct text t;

	(void)state;
	memset(site, 'x', sizeof(site) - 1);
	site[sizeof(site) - 1] = '\0';
	log = attach(m, &t, false);
	s2_cpu_set_site(cpu, site);
	/* Past the end of memory, where numbers are longest. */
	s2_dc_civac_step(cpu, s2_pa(UINT64_MAX - 4095), 4096, 0);
	assert_true(t.len < 384);
	assert_string_equal(t.s + t.len - 5, "x\"))\n");
	assert_i64(s2_log_detach(log, NULL), 0);
	free(t.s);
	s2_machine_destroy(m);
}

static void a_log_holds_what_was_issued_while_it_was_attached(void **state)
{
	struct s2_machine *m = machine("max", 1, 0);
	struct s2_cpu *cpu = s2_machine_cpu(m, 0);
	struct s2_log *log;
	struct text t;

	(void)state;
	s2_isb(cpu);
	log = attach(m, &t, false);
	s2_tlbi_alle1is(cpu);
	assert_i64(s2_log_detach(log, NULL), 0);
	s2_isb(cpu);
	assert_string_equal(t.s, "(tlbi (id 0) (tid 0) alle1is (src \"none:0\"))\n");
	free(t.s);
	s2_machine_destroy(m);
}

/* ---- workloads with long runs, unaligned ends, and everything that breaks a run ---- */

struct vm {
	struct s2_cpu *cpu;
	struct s2_mmu *mmu;
	uint64_t page, block;
};

#define RW (S2_PROT_R | S2_PROT_W)

static void map(const struct vm *vm, uint64_t ipa, uint64_t size, uint64_t pa, unsigned prot)
{
	(void)s2_pgtable_map(vm->mmu, vm->cpu, s2_range(ipa, size), s2_pa(pa), prot, NULL, 0);
}

static void pages_mapped_protected_and_unmapped(const struct vm *vm)
{
	uint64_t base = 4 * vm->block, size = 2 * vm->block + 5 * vm->page;
	bool young;

	map(vm, base + vm->page, size, vm->block + 2 * vm->page, RW);
	map(vm, base, size, vm->block + vm->page, RW);
	(void)s2_pgtable_wrprotect(vm->mmu, vm->cpu, s2_range(base, size));
	(void)s2_pgtable_relax_perms(vm->mmu, vm->cpu, s2_ipa(base + 7 * vm->page), RW);
	(void)s2_pgtable_test_clear_young(vm->mmu, vm->cpu, s2_range(base, size), true, &young);
	(void)s2_pgtable_mkyoung(vm->mmu, vm->cpu, s2_ipa(base + 9 * vm->page));
	(void)s2_pgtable_flush(vm->mmu, vm->cpu, s2_range(base, size));
	(void)s2_pgtable_unmap(vm->mmu, vm->cpu, s2_range(base + 3 * vm->page, vm->block));
	(void)s2_pgtable_unmap(vm->mmu, vm->cpu, s2_range(0, 16 * vm->block));
}

static void blocks_touched_in_their_middle(const struct vm *vm)
{
	uint64_t base = 8 * vm->block;

	map(vm, base, 6 * vm->block, 16 * vm->block, RW | S2_PROT_X);
	(void)s2_pgtable_flush(vm->mmu, vm->cpu, s2_range(base + 3 * vm->page, 3 * vm->block));
	(void)s2_pgtable_wrprotect(vm->mmu, vm->cpu, s2_range(base + 5 * vm->page, 2 * vm->block));
	(void)s2_pgtable_unmap(vm->mmu, vm->cpu, s2_range(base + 3 * vm->page, 2 * vm->block));
	(void)s2_pgtable_split(vm->mmu, vm->cpu, s2_range(base + 4 * vm->block, vm->page), NULL);
	map(vm, base + 5 * vm->block + vm->page, vm->page, 7 * vm->page, RW);
	map(vm, base + 4 * vm->block, 2 * vm->block, 20 * vm->block, RW);
	(void)s2_pgtable_unmap(vm->mmu, vm->cpu, s2_range(base, 6 * vm->block));
}

static void mixed_memory_types_and_addresses(const struct vm *vm)
{
	uint64_t base = 2 * vm->block;

	map(vm, base, vm->block / 2, 9 * vm->page, RW);
	map(vm, base + vm->block / 2, 16 * vm->page, 64 * vm->block, S2_PROT_R | S2_PROT_DEVICE);
	map(vm, base + 3 * vm->block, vm->block, 32 * vm->block, S2_PROT_R | S2_PROT_X);
	map(vm, base + vm->block, 7 * vm->page, vm->page, RW | S2_PROT_NORMAL_NC);
	(void)s2_pgtable_flush(vm->mmu, vm->cpu, s2_range(base, 4 * vm->block));
	(void)s2_pgtable_relax_perms(vm->mmu, vm->cpu, s2_ipa(base + vm->page), S2_PROT_X);
	(void)s2_pgtable_wrprotect(vm->mmu, vm->cpu, s2_range(0, 32 * vm->block));
	(void)s2_pgtable_destroy(vm->mmu, vm->cpu);
}

static void run_workload(const char *spec, const char *flavour, int which, uint64_t run_limit,
			 struct text *t, struct s2_counts *counts)
{
	struct s2_machine *m = machine(spec, 4, run_limit);
	struct s2_mmu_config cfg = {s2_flavour_find(flavour), 40, {3}};
	struct vm vm = {.cpu = s2_machine_cpu(m, 1)};
	struct s2_log *log;

	assert_i64(s2_mmu_create(m, &cfg, &vm.mmu), 0);
	vm.page = s2_page_size(s2_mmu_geometry(vm.mmu));
	vm.block = s2_level_size(s2_mmu_geometry(vm.mmu), 2);
	log = attach(m, t, false);
	if (which == 0)
		pages_mapped_protected_and_unmapped(&vm);
	else if (which == 1)
		blocks_touched_in_their_middle(&vm);
	else
		mixed_memory_types_and_addresses(&vm);
	assert_i64(s2_log_detach(log, NULL), 0);
	*counts = s2_machine_counts(m);
	s2_mmu_free(vm.mmu);
	s2_machine_destroy(m);
}

/* The last has every erratum, so the longest sequences. */
static const char *const run_machines[] = {"max", "cortex-a72", "cortex-a55,+repeat_tlbi"};

static void runs_of_one_of_three_and_of_any_length_are_the_same_text(void **state)
{
	static const char *const flavours[] = {"kvm-6.1", "kvm-6.12"};
	static const uint64_t limits[] = {3, 0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(run_machines) * 2 * 3; i++) {
		const char *spec = run_machines[i / 6], *flavour = flavours[i / 3 % 2];
		struct s2_counts one, any;
		struct text a, b;

		run_workload(spec, flavour, (int)(i % 3), 1, &a, &one);
		assert_true(a.lines > 1000);
		for (size_t k = 0; k < ARRAY_SIZE(limits); k++) {
			run_workload(spec, flavour, (int)(i % 3), limits[k], &b, &any);
			s2_test_row("%s, %s, workload %d, run limit %d", spec, flavour,
				    (int)(i % 3), (int)limits[k]);
			assert_memory_equal(&one, &any, sizeof(one));
			assert_u64(b.len, a.len);
			assert_memory_equal(a.s, b.s, a.len);
			free(b.s);
		}
		free(a.s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(each_operation_has_its_line),
		s2_unit_test(casemate_gets_what_it_accepts_and_the_rest_is_counted),
		s2_unit_test(what_cannot_be_logged_is_refused),
		s2_unit_test(the_first_write_error_ends_the_log),
		s2_unit_test(a_source_of_any_length_gives_a_whole_line),
		s2_unit_test(a_log_holds_what_was_issued_while_it_was_attached),
		s2_unit_test(runs_of_one_of_three_and_of_any_length_are_the_same_text),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
