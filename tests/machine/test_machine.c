/* SPDX-License-Identifier: MIT */
/* One call is one instruction: one count, one event; sinks come and go; machines share nothing. */
#include "support.h"

#include <string.h>
#include <sys/resource.h>

#include <stage2sim/tlbi.h>

#include "machine/machine.h"

static struct s2_machine *machine(const char *spec, unsigned cpus)
{
	struct s2_machine_config cfg = {.cpus = cpus};
	struct s2_machine *m;

	assert_i64(s2_features_parse(spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &m), 0);
	return m;
}

/* A sink that keeps the last event and counts all. */
struct seen {
	uint64_t events;
	unsigned cpu;
	uint64_t repeat;
	size_t n;
	struct s2_insn insns[S2_SEQUENCE_MAX];
};

static void see(void *arg, const struct s2_event *ev)
{
	struct seen *seen = arg;

	seen->events++;
	seen->cpu = ev->cpu;
	seen->repeat = ev->repeat;
	seen->n = ev->n_insns;
	memcpy(seen->insns, ev->insns, ev->n_insns * sizeof(*ev->insns));
}

static void watch(struct s2_machine *m, struct seen *seen)
{
	const struct s2_sink sink = {.event = see, .arg = seen};

	memset(seen, 0, sizeof(*seen));
	assert_i64(s2_machine_add_sink(m, &sink), 0);
}

static void dsb_ish(struct s2_cpu *cpu)
{
	s2_dsb(cpu, S2_DSB_ISH);
}

static void dsb_ishst(struct s2_cpu *cpu)
{
	s2_dsb(cpu, S2_DSB_ISHST);
}

static void dsb_nsh(struct s2_cpu *cpu)
{
	s2_dsb(cpu, S2_DSB_NSH);
}

static void dsb_nshst(struct s2_cpu *cpu)
{
	s2_dsb(cpu, S2_DSB_NSHST);
}

static void dsb_sy(struct s2_cpu *cpu)
{
	s2_dsb(cpu, S2_DSB_SY);
}

static void dmb_ish(struct s2_cpu *cpu)
{
	s2_dmb(cpu, S2_DMB_ISH);
}

static void dmb_ishst(struct s2_cpu *cpu)
{
	s2_dmb(cpu, S2_DMB_ISHST);
}

static void ipas2e1is(struct s2_cpu *cpu)
{
	s2_tlbi_ipas2e1is(cpu, s2_ipa(0x12345000), 3);
}

static void ipas2e1(struct s2_cpu *cpu)
{
	s2_tlbi_ipas2e1(cpu, s2_ipa(0x12345000), S2_TTL_UNKNOWN);
}

static void ripas2e1is(struct s2_cpu *cpu)
{
	s2_tlbi_ripas2e1is(cpu, 0x1234);
}

static void ripas2e1(struct s2_cpu *cpu)
{
	s2_tlbi_ripas2e1(cpu, 0x1234);
}

static void civac(struct s2_cpu *cpu)
{
	s2_dc_civac_range(cpu, s2_pa(0x1000), 0x1000);
}

static void civac_unaligned(struct s2_cpu *cpu)
{
	s2_dc_civac_range(cpu, s2_pa(0x103f), 2);
}

static void cvac(struct s2_cpu *cpu)
{
	s2_dc_cvac_range(cpu, s2_pa(0x1001), 64);
}

static void ivac(struct s2_cpu *cpu)
{
	s2_dc_ivac_range(cpu, s2_pa(0x1000), 1);
}

static void ivac_nothing(struct s2_cpu *cpu)
{
	s2_dc_ivac_range(cpu, s2_pa(0x1000), 0);
}

static void ivau(struct s2_cpu *cpu)
{
	s2_ic_ivau_range(cpu, s2_pa(0x1000), 0x1000);
}

static void vttbr(struct s2_cpu *cpu)
{
	s2_write_sysreg(cpu, S2_SYSREG_VTTBR_EL2, 0x77);
}

static void kicks(struct s2_cpu *cpu)
{
	s2_count(cpu, S2_OP_KICK_IPI, 5);
}

static void pte_read(struct s2_cpu *cpu)
{
	s2_pte_read(cpu, 0x8000, 1, 0);
}

static void pte_write(struct s2_cpu *cpu)
{
	s2_pte_write(cpu, 0x8000, 1, 0, S2_MEM_RELEASE);
}

static void table_alloc(struct s2_cpu *cpu)
{
	s2_table_event(cpu, S2_OP_TABLE_ALLOC, 0x8000, 0x1000);
}

static const struct {
	const char *op;
	void (*call)(struct s2_cpu *cpu);
	uint64_t n;
	bool broadcast;
	uint64_t addr, value;
} calls[] = {
	{"dsb_ish", dsb_ish, 1, false, 0, 0},
	{"dsb_ishst", dsb_ishst, 1, false, 0, 0},
	{"dsb_nsh", dsb_nsh, 1, false, 0, 0},
	{"dsb_nshst", dsb_nshst, 1, false, 0, 0},
	{"dsb_sy", dsb_sy, 1, false, 0, 0},
	{"dmb_ish", dmb_ish, 1, false, 0, 0},
	{"dmb_ishst", dmb_ishst, 1, false, 0, 0},
	{"isb", s2_isb, 1, false, 0, 0},
	{"tlbi_vmalls12e1is", s2_tlbi_vmalls12e1is, 1, true, 0, 0},
	{"tlbi_vmalls12e1", s2_tlbi_vmalls12e1, 1, false, 0, 0},
	{"tlbi_vmalle1is", s2_tlbi_vmalle1is, 1, true, 0, 0},
	{"tlbi_vmalle1", s2_tlbi_vmalle1, 1, false, 0, 0},
	{"tlbi_alle1is", s2_tlbi_alle1is, 1, true, 0, 0},
	{"tlbi_vale2is", s2_tlbi_vale2is, 1, true, 0, 0},
	/* TG 1 (4 KiB), level 3. */
	{"tlbi_ipas2e1is", ipas2e1is, 1, true, 0, 0x700000012345},
	{"tlbi_ipas2e1", ipas2e1, 1, false, 0, 0x12345},
	{"tlbi_ripas2e1is", ripas2e1is, 1, true, 0, 0x1234},
	{"tlbi_ripas2e1", ripas2e1, 1, false, 0, 0x1234},
	/* 64-byte lines; ends are rounded outwards. */
	{"dc_civac", civac, 64, false, 0x1000, 0x1000},
	{"dc_civac", civac_unaligned, 2, false, 0x103f, 2},
	{"dc_cvac", cvac, 2, false, 0x1001, 64},
	{"dc_ivac", ivac, 1, false, 0x1000, 1},
	{"dc_ivac", ivac_nothing, 0, false, 0x1000, 0},
	{"ic_ivau", ivau, 64, true, 0x1000, 0x1000},
	{"ic_ialluis", s2_ic_ialluis, 1, true, 0, 0},
	{"ic_iallu", s2_ic_iallu, 1, false, 0, 0},
	{"sysreg_write", vttbr, 1, false, S2_SYSREG_VTTBR_EL2, 0x77},
	{"hypercall", s2_hypercall, 1, false, 0, 0},
	{"kick_ipi", kicks, 5, false, 0, 0},
	{"pte_read", pte_read, 1, false, 0x8000, 1},
	{"pte_write", pte_write, 1, false, 0x8000, 1},
	{"table_alloc", table_alloc, 1, false, 0x8000, 0x1000},
};

static void each_call_counts_one_operation_and_gives_one_event(void **state)
{
	struct s2_machine *m = machine("max", 5);
	struct s2_cpu *cpu = s2_machine_cpu(m, 3);
	struct seen seen;

	(void)state;
	watch(m, &seen);
	s2_cpu_set_site(cpu, "test:here");
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		struct s2_counts before = s2_machine_counts(m), after, diff;
		int op = s2_op_find(calls[i].op);

		s2_test_row("call %zu, %s", i, calls[i].op);
		calls[i].call(cpu);
		after = s2_machine_counts(m);
		diff = s2_counts_since(&before, &after);
		assert_u64(seen.events, i + 1);
		assert_u64(seen.cpu, 3);
		assert_u64(seen.repeat, 1);
		assert_u64(seen.n, 1);
		assert_i64((int)seen.insns[0].op, op);
		assert_u64(seen.insns[0].count, calls[i].n);
		assert_u64(seen.insns[0].addr, calls[i].addr);
		assert_u64(seen.insns[0].value, calls[i].value);
		assert_string_equal(seen.insns[0].site, "test:here");
		/* Four other CPUs answer a broadcast. */
		assert_u64(diff.n[S2_OP_DVM_BROADCAST], calls[i].broadcast ? 4 * calls[i].n : 0);
		assert_u64(diff.n[op], calls[i].n);
		diff.n[op] = diff.n[S2_OP_DVM_BROADCAST] = 0;
		for (int k = 0; k < S2_OP_COUNT; k++)
			assert_u64(diff.n[k], 0);
	}
	s2_machine_destroy(m);
}

static void a_machine_of_one_cpu_broadcasts_to_nobody(void **state)
{
	struct s2_machine *m = machine("max", 1);

	(void)state;
	s2_tlbi_vmalle1is(s2_machine_cpu(m, 0));
	s2_ic_ialluis(s2_machine_cpu(m, 0));
	assert_u64(s2_machine_counts(m).n[S2_OP_DVM_BROADCAST], 0);
	s2_machine_destroy(m);
}

static void loading_stage2_is_a_switch_and_two_register_writes(void **state)
{
	struct s2_machine *m = machine("max", 2);
	struct s2_cpu *cpu = s2_machine_cpu(m, 0);
	struct seen seen;

	(void)state;
	watch(m, &seen);
	s2_load_vttbr(cpu, 0x1234, 0x5678);
	assert_u64(seen.events, 3);
	assert_u64(s2_machine_counts(m).n[S2_OP_VMID_SWITCH], 1);
	assert_u64(s2_machine_counts(m).n[S2_OP_SYSREG_WRITE], 2);
	assert_u64(s2_read_sysreg(cpu, S2_SYSREG_VTCR_EL2), 0x1234);
	assert_u64(s2_read_sysreg(cpu, S2_SYSREG_VTTBR_EL2), 0x5678);
	assert_u64(s2_read_sysreg(s2_machine_cpu(m, 1), S2_SYSREG_VTTBR_EL2), 0);
	s2_machine_destroy(m);
}

static void line_sizes_decide_how_many_lines_a_loop_has(void **state)
{
	struct s2_machine *m = machine("max,dline=128,iline=16", 2);
	struct s2_cpu *cpu = s2_machine_cpu(m, 0);

	(void)state;
	s2_dc_civac_range(cpu, s2_pa(0), 4096);
	s2_ic_ivau_range(cpu, s2_pa(0), 4096);
	assert_u64(s2_machine_counts(m).n[S2_OP_DC_CIVAC], 32);
	assert_u64(s2_machine_counts(m).n[S2_OP_IC_IVAU], 256);
	assert_u64(s2_machine_counts(m).n[S2_OP_DVM_BROADCAST], 256);
	s2_machine_destroy(m);
}

static void a_run_is_one_event_that_counts_for_all(void **state)
{
	struct s2_machine *m = machine("max", 3);
	struct s2_cpu *cpu = s2_machine_cpu(m, 1);
	struct seen seen;

	(void)state;
	watch(m, &seen);
	s2_run_begin(cpu, 10);
	s2_pte_write(cpu, 0x8000, 0x4000, 0x1000, S2_MEM_PLAIN);
	s2_tlbi_ipas2e1is_step(cpu, s2_ipa(0x40000000), 3, 0x1000);
	s2_dc_civac_step(cpu, s2_pa(0x4000), 0x1000, 0x1000);
	s2_ic_ivau_step(cpu, s2_pa(0x4000), 0x1000, 0x1000);
	assert_u64(seen.events, 0);
	s2_run_end(cpu);
	assert_u64(seen.events, 1);
	assert_u64(seen.repeat, 10);
	assert_u64(seen.n, 4);
	assert_u64(seen.insns[0].addr_step, 8);
	assert_u64(seen.insns[0].value_step, 0x1000);
	/* TLBI operands count 4 KiB. */
	assert_u64(seen.insns[1].value, 0x700000040000);
	assert_u64(seen.insns[1].value_step, 1);
	assert_u64(seen.insns[2].addr_step, 0x1000);
	assert_u64(seen.insns[3].addr_step, 0x1000);
	assert_u64(s2_machine_counts(m).n[S2_OP_PTE_WRITE], 10);
	assert_u64(s2_machine_counts(m).n[S2_OP_DC_CIVAC], 640);
	assert_u64(s2_machine_counts(m).n[S2_OP_DVM_BROADCAST], 1300);
	/* What follows is for itself again. */
	s2_isb(cpu);
	assert_u64(seen.events, 2);
	assert_u64(seen.repeat, 1);
	assert_u64(s2_machine_counts(m).n[S2_OP_ISB], 1);
	s2_machine_destroy(m);
}

static void an_empty_run_is_no_event(void **state)
{
	struct s2_machine *m = machine("max", 1);
	struct seen seen;

	(void)state;
	watch(m, &seen);
	s2_run_begin(s2_machine_cpu(m, 0), 10);
	s2_run_end(s2_machine_cpu(m, 0));
	assert_u64(seen.events, 0);
	s2_machine_destroy(m);
}

static void sinks_see_events_from_being_added_to_being_removed(void **state)
{
	struct s2_machine *m = machine("max", 2);
	struct s2_cpu *cpu = s2_machine_cpu(m, 0);
	struct seen seen[S2_MAX_SINKS + 1];
	const struct s2_sink one_more = {.event = see, .arg = &seen[S2_MAX_SINKS]};

	(void)state;
	s2_isb(cpu);
	for (int i = 0; i < S2_MAX_SINKS; i++)
		watch(m, &seen[i]);
	assert_i64(s2_machine_add_sink(m, &one_more), -ENOSPC);
	assert_i64(s2_machine_remove_sink(m, one_more.arg), -ENOENT);
	s2_isb(cpu);
	assert_i64(s2_machine_remove_sink(m, &seen[3]), 0);
	assert_i64(s2_machine_remove_sink(m, &seen[3]), -ENOENT);
	s2_isb(cpu);
	for (int i = 0; i < S2_MAX_SINKS; i++)
		assert_u64(seen[i].events, i == 3 ? 1 : 2);
	for (int i = 0; i < S2_MAX_SINKS; i++)
		if (i != 3)
			assert_i64(s2_machine_remove_sink(m, &seen[i]), 0);
	s2_isb(cpu);
	assert_u64(seen[0].events, 2);
	assert_u64(s2_machine_counts(m).n[S2_OP_ISB], 4);
	s2_machine_destroy(m);
}

static void machines_are_independent(void **state)
{
	enum {
		N = 50
	};
	struct s2_machine *m[N];

	(void)state;
	for (unsigned i = 0; i < N; i++)
		m[i] = machine(s2_features_preset_name(i % 6), 1 + i);
	for (unsigned i = 0; i < N; i++)
		for (unsigned k = 0; k <= i; k++)
			s2_isb(s2_machine_cpu(m[i], k));
	for (unsigned i = 0; i < N; i++) {
		assert_u64(s2_machine_counts(m[i]).n[S2_OP_ISB], i + 1);
		assert_u64(s2_machine_cpus(m[i]), i + 1);
		assert_string_equal(s2_machine_features(m[i])->name,
				    s2_features_preset_name(i % 6));
		if (i % 2)
			s2_machine_destroy(m[i]);
	}
	for (unsigned i = 0; i < N; i += 2) {
		s2_isb(s2_machine_cpu(m[i], 0));
		assert_u64(s2_machine_counts(m[i]).n[S2_OP_ISB], i + 2);
		s2_machine_destroy(m[i]);
	}
	s2_machine_destroy(NULL);
}

static void cpus_know_who_they_are_and_begin_in_the_host(void **state)
{
	struct s2_machine *m = machine("max", S2_MAX_CPUS);
	uint64_t live, held;

	(void)state;
	for (unsigned i = 0; i < S2_MAX_CPUS; i += 315) {
		struct s2_cpu *cpu = s2_machine_cpu(m, i);

		assert_u64(s2_cpu_index(cpu), i);
		assert_ptr_equal(s2_cpu_machine(cpu), m);
		/* VHE: HCR_EL2.E2H and TGE. */
		assert_u64(s2_read_sysreg(cpu, S2_SYSREG_HCR_EL2), S2_HCR_E2H | S2_HCR_TGE);
		assert_u64(s2_read_sysreg(cpu, S2_SYSREG_VTTBR_EL2), 0);
	}
	assert_null(s2_machine_cpu(m, S2_MAX_CPUS));
	s2_machine_table_memory(m, &live, &held);
	assert_u64(live, 0);
	assert_u64(held, 0);
	s2_machine_destroy(m);
	m = machine("cortex-a72", 1);
	assert_u64(s2_read_sysreg(s2_machine_cpu(m, 0), S2_SYSREG_HCR_EL2), 0);
	s2_machine_destroy(m);
}

static void what_cannot_be_is_refused(void **state)
{
	struct s2_machine_config good = {.cpus = 1}, cfg;
	struct s2_machine *m = NULL;

	(void)state;
	assert_i64(s2_features_preset("max", &good.features), 0);
	cfg = good;
	cfg.cpus = 0;
	assert_i64(s2_machine_create(&cfg, &m), -EINVAL);
	cfg.cpus = S2_MAX_CPUS + 1;
	assert_i64(s2_machine_create(&cfg, &m), -EINVAL);
	cfg = good;
	cfg.features.granule = S2_GRANULE_64K; /* with LPA2 */
	assert_i64(s2_machine_create(&cfg, &m), -EINVAL);
#ifndef S2_HAVE_JEMALLOC
	cfg = good;
	cfg.allocator = S2_ALLOCATOR_JEMALLOC;
	assert_i64(s2_machine_create(&cfg, &m), -EOPNOTSUPP);
#endif
	assert_null(m);
}

#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* The host's own memory runs out: a limit on the address space stands for that. */
static void without_memory_no_machine_is_made(void **state)
{
	enum {
		N = 64
	};
	struct s2_machine_config cfg = {.cpus = S2_MAX_CPUS};
	struct s2_machine *m[N] = {0};
	struct rlimit old, low;
	int ret = 0, n = 0;

	(void)state;
	if (SANITIZED)
		skip();
	assert_i64(s2_features_preset("max", &cfg.features), 0);
	assert_i64(getrlimit(RLIMIT_AS, &old), 0);
	low = old;
	low.rlim_cur = 1 << 20;
	assert_i64(setrlimit(RLIMIT_AS, &low), 0);
	/* An allocator may have something left, but not for all. */
	while (n < N && !ret)
		ret = s2_machine_create(&cfg, &m[n++]);
	assert_i64(setrlimit(RLIMIT_AS, &old), 0);
	assert_i64(ret, -ENOMEM);
	assert_null(m[n - 1]);
	while (n-- > 0)
		s2_machine_destroy(m[n]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(each_call_counts_one_operation_and_gives_one_event),
		s2_unit_test(a_machine_of_one_cpu_broadcasts_to_nobody),
		s2_unit_test(loading_stage2_is_a_switch_and_two_register_writes),
		s2_unit_test(line_sizes_decide_how_many_lines_a_loop_has),
		s2_unit_test(a_run_is_one_event_that_counts_for_all),
		s2_unit_test(an_empty_run_is_no_event),
		s2_unit_test(sinks_see_events_from_being_added_to_being_removed),
		s2_unit_test(machines_are_independent),
		s2_unit_test(cpus_know_who_they_are_and_begin_in_the_host),
		s2_unit_test(what_cannot_be_is_refused),
		s2_unit_test(without_memory_no_machine_is_made),
	};

	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
