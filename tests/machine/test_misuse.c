/* SPDX-License-Identifier: MIT */
/* Numbers of none, and CPUs of another machine: refused, and nothing has changed. */
#include "support.h"

#include <limits.h>
#include <string.h>

#include <stage2sim/log.h>
#include <stage2sim/residue.h>

static const int no_numbers[] = {-1, 99, 255, 256, 4096, INT_MAX, INT_MIN};

static void ignore_event(void *arg, const struct s2_event *event)
{
	(void)event;
	++*(unsigned *)arg;
}

static struct s2_machine_config config_of(unsigned cpus)
{
	struct s2_machine_config cfg = {.cpus = cpus};

	assert_i64(s2_features_preset("max", &cfg.features), 0);
	return cfg;
}

/* Two machines, of which only the first has physics; the second has more CPUs. */
struct misuse {
	struct s2_machine *m, *other;
	struct s2_physics *p;
	struct s2_cpu *cpu, *foreign;
	struct s2_counts before, other_before;
	unsigned events;
};

static void up(struct misuse *u, const char *spec)
{
	const struct s2_tlb_config tlb = s2_tlb_config_default();
	const struct s2_physics_config physics = {
		.tlb = &tlb, .residue = true, .memory = true, .detail = S2_MEMORY_VERSIONS};
	struct s2_machine_config cfg = config_of(2);
	struct s2_sink sink = {.event = ignore_event, .arg = &u->events};

	memset(u, 0, sizeof(*u));
	assert_i64(s2_features_parse(spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &u->m), 0);
	cfg.cpus = 64;
	assert_i64(s2_machine_create(&cfg, &u->other), 0);
	assert_i64(s2_physics_attach(u->m, &physics, &u->p), 0);
	assert_i64(s2_machine_add_sink(u->m, &sink), 0);
	u->cpu = s2_machine_cpu(u->m, 0);
	u->foreign = s2_machine_cpu(u->other, 63);
	u->before = s2_machine_counts(u->m);
	u->other_before = s2_machine_counts(u->other);
}

static void nothing_has_happened(const struct misuse *u)
{
	const struct s2_counts now = s2_machine_counts(u->m), other = s2_machine_counts(u->other);

	assert_memory_equal(&now, &u->before, sizeof(now));
	assert_memory_equal(&other, &u->other_before, sizeof(other));
	assert_u64(u->events, 0);
	assert_i64(s2_physics_error(u->p), 0);
}

static void down(struct misuse *u)
{
	s2_physics_detach(u->p);
	s2_machine_destroy(u->m);
	s2_machine_destroy(u->other);
}

static void a_machine_that_cannot_be_is_refused(void **state)
{
	struct s2_machine_config bad[8];
	struct s2_machine *m = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = config_of(1);
	bad[0].cpus = 0;
	bad[1].cpus = S2_MAX_CPUS + 1;
	bad[2].cpus = UINT_MAX;
	bad[3].allocator = (enum s2_allocator)3;
	bad[4].allocator = (enum s2_allocator)-1;
	bad[5].features.granule = (enum s2_granule)13;
	bad[6].features.dline_shift = 64;
	memset(bad[7].features.name, 'x', sizeof(bad[7].features.name));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("%zu", i);
		assert_i64(s2_machine_create(&bad[i], &m), -EINVAL);
		assert_null(m);
	}
}

static void indices_past_the_last_name_nothing(void **state)
{
	const struct s2_sink none = {.event = NULL, .arg = NULL};
	struct misuse u;

	(void)state;
	up(&u, "max");
	assert_null(s2_machine_cpu(u.m, 2));
	assert_null(s2_machine_cpu(u.m, UINT_MAX));
	assert_i64(s2_machine_add_sink(u.m, &none), -EINVAL);
	assert_i64(s2_machine_remove_sink(u.m, &none), -ENOENT);
	assert_null(s2_features_preset_name(SIZE_MAX));
	for (size_t i = 0; i < ARRAY_SIZE(no_numbers); i++) {
		assert_null(s2_op_name((enum s2_op)no_numbers[i]));
		assert_false(s2_op_is_broadcast((enum s2_op)no_numbers[i]));
		assert_null(s2_residue_stage_name((enum s2_residue_stage)no_numbers[i]));
	}
	assert_null(s2_op_name(S2_OP_COUNT));
	nothing_has_happened(&u);
	down(&u);
}

static void a_name_that_is_null_finds_nothing(void **state)
{
	struct s2_features f;

	(void)state;
	assert_i64(s2_op_find(NULL), -ENOENT);
	assert_i64(s2_op_find(""), -ENOENT);
	assert_i64(s2_features_preset(NULL, &f), -ENOENT);
}

static void an_instruction_of_no_number_is_not_issued(void **state)
{
	struct misuse u;
	uint64_t regs[S2_SYSREG_SCTLR_EL1 + 1];

	(void)state;
	up(&u, "max");
	for (int r = 0; r <= S2_SYSREG_SCTLR_EL1; r++)
		regs[r] = s2_read_sysreg(u.cpu, (enum s2_sysreg)r);
	for (size_t i = 0; i < ARRAY_SIZE(no_numbers); i++) {
		const int n = no_numbers[i];

		s2_test_row("number %d", n);
		assert_i64(s2_dsb(u.cpu, (enum s2_dsb_kind)n), -EINVAL);
		assert_i64(s2_write_sysreg(u.cpu, (enum s2_sysreg)n, 1), -EINVAL);
		assert_u64(s2_read_sysreg(u.cpu, (enum s2_sysreg)n), 0);
		assert_i64(s2_count(u.cpu, (enum s2_op)n, 1), -EINVAL);
	}
	/* An operation that is no DSB; a register just past the last. */
	assert_i64(s2_dsb(u.cpu, (enum s2_dsb_kind)S2_OP_ISB), -EINVAL);
	assert_i64(s2_dsb(u.cpu, (enum s2_dsb_kind)S2_OP_DVM_BROADCAST), -EINVAL);
	assert_i64(s2_write_sysreg(u.cpu, (enum s2_sysreg)(S2_SYSREG_SCTLR_EL1 + 1), 1), -EINVAL);
	assert_i64(s2_count(u.cpu, S2_OP_COUNT, 1), -EINVAL);
	for (int r = 0; r <= S2_SYSREG_SCTLR_EL1; r++)
		assert_u64(s2_read_sysreg(u.cpu, (enum s2_sysreg)r), regs[r]);
	nothing_has_happened(&u);
	down(&u);
}

/* A sink would take it for the instruction, with an operand that nobody gave. */
static void what_has_a_call_of_its_own_is_not_only_counted(void **state)
{
	struct misuse u;

	(void)state;
	up(&u, "max");
	for (int op = S2_OP_TLBI_VMALLS12E1IS; op <= S2_OP_HYPERCALL; op++) {
		s2_test_row("%s", s2_op_name((enum s2_op)op));
		if (op != S2_OP_DC_SETWAY)
			assert_i64(s2_count(u.cpu, (enum s2_op)op, 1), -EINVAL);
	}
	assert_i64(s2_count(u.cpu, S2_OP_SYSREG_WRITE, 1), -EINVAL);
	nothing_has_happened(&u);
	for (int op = S2_OP_SYSREG_TRAP; op < S2_OP_COUNT; op++)
		assert_i64(s2_count(u.cpu, (enum s2_op)op, 1), 0);
	assert_i64(s2_count(u.cpu, S2_OP_DC_SETWAY, 7), 0);
	assert_u64(s2_machine_counts(u.m).n[S2_OP_DC_SETWAY], 7);
	down(&u);
}

static void lines_past_the_memory_are_not_cleaned(void **state)
{
	static const struct {
		uint64_t pa, size;
	} past[] = {
		{UINT64_C(1) << 52, 1},
		{(UINT64_C(1) << 52) - 64, 65},
		{UINT64_MAX, 1},
		{0, UINT64_MAX},
		{4096, UINT64_MAX},
		{UINT64_MAX, UINT64_MAX},
	};
	struct misuse u;

	(void)state;
	up(&u, "max");
	for (size_t i = 0; i < ARRAY_SIZE(past); i++) {
		const struct s2_pa pa = s2_pa(past[i].pa);

		s2_test_row("%zu", i);
		assert_i64(s2_dc_civac_range(u.cpu, pa, past[i].size), -ERANGE);
		assert_i64(s2_dc_cvac_range(u.cpu, pa, past[i].size), -ERANGE);
		assert_i64(s2_dc_ivac_range(u.cpu, pa, past[i].size), -ERANGE);
		assert_i64(s2_ic_ivau_range(u.cpu, pa, past[i].size), -ERANGE);
	}
	nothing_has_happened(&u);
	assert_i64(s2_dc_cvac_range(u.cpu, s2_pa((UINT64_C(1) << 52) - 64), 64), 0);
	assert_u64(s2_machine_counts(u.m).n[S2_OP_DC_CVAC], 1);
	down(&u);
}

static void a_site_may_be_taken_back(void **state)
{
	struct misuse u;

	(void)state;
	up(&u, "max");
	s2_cpu_set_site(u.cpu, NULL);
	s2_isb(u.cpu);
	assert_u64(u.events, 1);
	down(&u);
}

/* ---- TLBs ---- */

static void tlbs_that_cannot_be_are_refused(void **state)
{
	struct s2_tlb_config bad[10];
	struct s2_tlbs *tlbs = NULL;
	struct s2_tlb_config good = s2_tlb_config_default();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = good;
	bad[0].sets = 0;
	bad[1].sets = 3;
	bad[2].ways = 0;
	bad[3].ways = 65;
	bad[4].walk_sets = 0;
	bad[5].walk_ways = 65;
	bad[6].replacement = (enum s2_tlb_replacement)3;
	bad[7].replacement = (enum s2_tlb_replacement)-1;
	bad[8].kinds = 1U << 4;
	bad[9].kinds = UINT_MAX;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("%zu", i);
		assert_i64(s2_tlbs_create(&bad[i], 1, 8, &tlbs), -EINVAL);
	}
	assert_i64(s2_tlbs_create(&good, 0, 8, &tlbs), -EINVAL);
	assert_i64(s2_tlbs_create(&good, S2_MAX_CPUS + 1, 8, &tlbs), -EINVAL);
	assert_i64(s2_tlbs_create(&good, UINT_MAX, 8, &tlbs), -EINVAL);
	assert_i64(s2_tlbs_create(&good, 1, 0, &tlbs), -EINVAL);
	assert_i64(s2_tlbs_create(&good, 1, 12, &tlbs), -EINVAL);
	assert_i64(s2_tlbs_create(&good, 1, UINT_MAX, &tlbs), -EINVAL);
	assert_null(tlbs);
}

/* What a TLB of two CPUs and 8 bits of VMID has no place for. */
static const struct {
	unsigned cpu;
	struct s2_tlb_tag tag;
} nowhere[] = {
	{2, {S2_TLB_S2_LEAF, {1}, 0}},
	{S2_ALL_CPUS, {S2_TLB_S2_LEAF, {1}, 0}},
	{INT_MAX, {S2_TLB_COMBINED, {1}, 0}},
	{0, {S2_TLB_S2_LEAF, {256}, 0}},
	{0, {S2_TLB_S2_WALK, {65535}, 0}},
	{0, {(enum s2_tlb_kind)0, {1}, 0}},
	{0, {(enum s2_tlb_kind)3, {1}, 0}},
	{0, {(enum s2_tlb_kind)16, {1}, 0}},
	{0, {(enum s2_tlb_kind)-1, {1}, 0}},
};

static void a_tlb_has_no_place_for_what_cannot_be(void **state)
{
	const struct s2_tlb_config cfg = s2_tlb_config_default();
	const struct s2_tlb_tag good = {S2_TLB_S2_LEAF, {1}, 0};
	struct s2_tlbs *tlbs;
	uint64_t data = 42;
	unsigned shift = 42;

	(void)state;
	assert_i64(s2_tlbs_create(&cfg, 2, 8, &tlbs), 0);
	assert_i64(s2_tlb_fill(tlbs, 0, &good, 0x1000, 12, 7), 0);
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		const struct s2_tlb_tag *tag = &nowhere[i].tag;

		s2_test_row("%zu", i);
		assert_i64(s2_tlb_fill(tlbs, nowhere[i].cpu, tag, 0x1000, 12, 8), -EINVAL);
		assert_false(s2_tlb_lookup(tlbs, nowhere[i].cpu, tag, 0x1000, &data, &shift));
	}
	assert_i64(s2_tlb_fill(tlbs, 0, &good, 0x2000, 64, 8), -EINVAL);
	assert_i64(s2_tlb_fill(tlbs, 0, &good, 0x2000, UINT_MAX, 8), -EINVAL);
	assert_i64(s2_tlb_fill(tlbs, 0, &good, 0x2000, 0, 8), 0); /* not kept */
	assert_u64(data, 42);
	assert_u64(shift, 42);
	assert_u64(s2_tlb_live(tlbs, 0, S2_TLB_S2_LEAF), 1);
	assert_u64(s2_tlb_live(tlbs, 2, S2_TLB_S2_LEAF), 0);
	assert_u64(s2_tlb_live(tlbs, 0, (enum s2_tlb_kind)3), 0);
	assert_u64(s2_tlb_live(tlbs, 0, (enum s2_tlb_kind)-1), 0);
	s2_tlbs_destroy(tlbs);
}

static void an_invalidation_of_what_cannot_be_removes_nothing(void **state)
{
	static const struct {
		unsigned cpu;
		struct s2_tlb_ipa_range range;
	} bad[] = {
		{2, {{1}, {0x1000}, 0x1000, 0}},
		{0, {{256}, {0x1000}, 0x1000, 0}},
		{0, {{1}, {0x1000}, 0, 0}},
		{0, {{1}, {0x1000}, UINT64_MAX, 0}},
		{0, {{1}, {0x1000}, 0x1000, 64}},
		{S2_ALL_CPUS, {{65535}, {0x1000}, 0x1000, 0}},
	};
	const struct s2_tlb_config cfg = s2_tlb_config_default();
	const struct s2_tlb_tag good = {S2_TLB_S2_LEAF, {1}, 0};
	struct s2_tlbs *tlbs;

	(void)state;
	assert_i64(s2_tlbs_create(&cfg, 2, 8, &tlbs), 0);
	assert_i64(s2_tlb_fill(tlbs, 0, &good, 0x1000, 12, 7), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("%zu", i);
		assert_i64(s2_tlb_inval_ipa(tlbs, bad[i].cpu, &bad[i].range), -EINVAL);
	}
	assert_i64(s2_tlb_inval_vmid(tlbs, 2, s2_vmid(1), false), -EINVAL);
	assert_i64(s2_tlb_inval_vmid(tlbs, 0, s2_vmid(256), false), -EINVAL);
	assert_i64(s2_tlb_inval_vmid(tlbs, S2_ALL_CPUS, s2_vmid(65535), true), -EINVAL);
	assert_u64(s2_tlb_live(tlbs, 0, S2_TLB_S2_LEAF), 1);
	assert_i64(s2_tlb_inval_vmid(tlbs, 0, s2_vmid(1), false), 0);
	assert_u64(s2_tlb_live(tlbs, 0, S2_TLB_S2_LEAF), 0);
	s2_tlbs_destroy(tlbs);
}

/* ---- memory ---- */

static void memory_that_cannot_be_is_refused(void **state)
{
	const struct s2_features good = config_of(1).features;
	struct s2_features bad = good;
	struct s2_memory *mem = NULL;

	(void)state;
	assert_i64(s2_memory_create(&good, 0, S2_MEMORY_STATES, &mem), -EINVAL);
	assert_i64(s2_memory_create(&good, S2_MAX_CPUS + 1, S2_MEMORY_STATES, &mem), -EINVAL);
	assert_i64(s2_memory_create(&good, UINT_MAX, S2_MEMORY_STATES, &mem), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(no_numbers); i++)
		assert_i64(s2_memory_create(&good, 1, (enum s2_memory_detail)no_numbers[i], &mem),
			   -EINVAL);
	bad.pa_bits = 64;
	assert_i64(s2_memory_create(&bad, 1, S2_MEMORY_STATES, &mem), -EINVAL);
	bad = good;
	bad.dline_shift = 255;
	assert_i64(s2_memory_create(&bad, 1, S2_MEMORY_STATES, &mem), -EINVAL);
	assert_null(mem);
}

static void memory_knows_its_agents_operations_and_cpus(void **state)
{
	struct s2_features f = config_of(1).features;
	struct s2_line before, line;
	struct s2_memory *mem;
	uint32_t version = 42;

	(void)state;
	f.dic = false;
	f.fwb = false;
	assert_i64(s2_memory_create(&f, 2, S2_MEMORY_VERSIONS, &mem), 0);
	assert_i64(s2_memory_write(mem, S2_AGENT_WRITE_BACK, s2_pa(0), 64, NULL), 0);
	assert_i64(s2_memory_line(mem, s2_pa(0), &before), 0);
	for (size_t i = 0; i < ARRAY_SIZE(no_numbers); i++) {
		const int n = no_numbers[i];

		s2_test_row("number %d", n);
		assert_i64(s2_memory_apply(mem, (enum s2_line_op)n, s2_pa(0), 64, NULL), -EINVAL);
		assert_i64(s2_memory_write(mem, (enum s2_agent)n, s2_pa(0), 64, &version), -EINVAL);
		assert_i64(s2_memory_read(mem, (enum s2_agent)n, s2_pa(0), &version), -EINVAL);
		assert_i64(s2_memory_fetch(mem, (unsigned)n, s2_pa(0), &version), -EINVAL);
		s2_memory_ic_iallu(mem, (unsigned)n);
	}
	assert_i64(s2_memory_fetch(mem, 2, s2_pa(0), &version), -EINVAL);
	assert_i64(s2_memory_fetch(mem, 0, s2_pa(UINT64_MAX), &version), -ERANGE);
	assert_i64(s2_memory_apply(mem, S2_LINE_CLEAN, s2_pa(0), 0, NULL), -EINVAL);
	assert_i64(s2_memory_apply(mem, S2_LINE_CLEAN, s2_pa(1), UINT64_MAX, NULL), -ERANGE);
	s2_memory_ic_ivau(mem, s2_pa(UINT64_MAX), UINT64_MAX);
	assert_i64(s2_memory_line(mem, s2_pa(0), &line), 0);
	assert_memory_equal(&line, &before, sizeof(line));
	assert_u64(version, 42);
	s2_memory_destroy(mem);
}

/* ---- physics ---- */

static void physics_of_unknown_parts_is_not_attached(void **state)
{
	struct s2_tlb_config tlb = s2_tlb_config_default();
	struct s2_physics_config cfg = {.memory = true, .detail = (enum s2_memory_detail)3};
	struct s2_physics *p = NULL;
	struct misuse u;

	(void)state;
	up(&u, "max");
	assert_i64(s2_physics_attach(u.other, &cfg, &p), -EINVAL);
	cfg.detail = S2_MEMORY_STATES;
	cfg.tlb = &tlb;
	tlb.replacement = (enum s2_tlb_replacement)3;
	assert_i64(s2_physics_attach(u.other, &cfg, &p), -EINVAL);
	assert_null(p);
	s2_isb(u.foreign); /* and no sink was left behind */
	down(&u);
}

static void a_guest_is_on_a_cpu_of_the_physics_machine(void **state)
{
	const struct s2_guest_access access = {.kind = S2_ACCESS_READ};
	struct s2_guest_result result, untouched;
	struct misuse u;

	(void)state;
	up(&u, "max");
	memset(&untouched, 0x5a, sizeof(untouched));
	result = untouched;
	assert_i64(s2_guest_access(u.p, u.foreign, &access, &result), -EINVAL);
	assert_i64(s2_guest_speculate(u.p, u.foreign, &access, &result), -EINVAL);
	assert_false(s2_physics_in_context(u.p, u.foreign));
	assert_i64(s2_guest_tlbi_vmalle1(u.p, u.foreign), -EINVAL);
	assert_i64(s2_guest_dc_setway(u.p, u.foreign), -EINVAL);
	assert_i64(s2_guest_ic_iallu(u.p, u.foreign), -EINVAL);
	assert_memory_equal(&result, &untouched, sizeof(result));
	nothing_has_happened(&u);
	down(&u);
}

static void an_access_that_cannot_be_is_not_made(void **state)
{
	static const struct s2_guest_access bad[] = {
		{.kind = (enum s2_access)3},
		{.kind = (enum s2_access)-1},
		{.s1_shift = 11},
		{.s1_shift = 53},
		{.s1_shift = 255},
		{.va = {0x1000}, .ipa = {0x2000}},
		{.s1_shift = 12, .va = {1}, .ipa = {2}},
	};
	struct s2_guest_result result;
	struct misuse u;

	(void)state;
	up(&u, "max");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("%zu", i);
		assert_i64(s2_guest_access(u.p, u.cpu, &bad[i], &result), -EINVAL);
		assert_i64(s2_guest_speculate(u.p, u.cpu, &bad[i], &result), -EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(no_numbers); i++)
		assert_i64(s2_guest_dc(u.p, (enum s2_line_op)no_numbers[i], s2_pa(0)), -EINVAL);
	assert_i64(s2_guest_dc(u.p, S2_LINE_EVICT, s2_pa(0)), -EINVAL);
	assert_i64(s2_guest_dc(u.p, S2_LINE_CLEAN, s2_pa(UINT64_MAX)), -ERANGE);
	nothing_has_happened(&u);
	down(&u);
}

static void registers_of_no_stage_2_are_not_watched(void **state)
{
	static const uint64_t vtcr[] = {0, UINT64_MAX, 0xc000, UINT64_C(1) << 22, 0x3f, 24};
	struct misuse u;

	(void)state;
	up(&u, "max,vmid=8");
	for (size_t i = 0; i < ARRAY_SIZE(vtcr); i++) {
		s2_test_row("%zu", i);
		assert_true(s2_physics_watch(u.p, vtcr[i], UINT64_MAX) < 0);
		assert_i64(s2_physics_watch(u.p, vtcr[i], 0), -ENOENT);
	}
	assert_u64(s2_residue_count(u.p, s2_vmid(256)), 0);
	assert_u64(s2_residue_count(u.p, s2_vmid(65535)), 0);
	assert_u64(s2_residue_at(u.p, s2_vmid(65535), s2_ipa(0), 0, NULL, NULL), 0);
	assert_u64(s2_residue_at(u.p, s2_vmid(1), s2_ipa(UINT64_MAX), UINT_MAX, NULL, NULL), 0);
	nothing_has_happened(&u);
	down(&u);
}

/* Any value of any register, and any operand, is something that software can write. */
static void hardware_takes_any_register_value(void **state)
{
	struct s2_test_rng rng = {7};
	struct misuse u;

	(void)state;
	up(&u, "max,vmid=8");
	for (int i = 0; i < 20000; i++) {
		const uint64_t value = s2_test_rng_next(&rng) >> s2_test_rng_below(&rng, 64);

		s2_write_sysreg(u.cpu, (enum s2_sysreg)s2_test_rng_below(&rng, 5), value);
		s2_tlbi_ripas2e1is(u.cpu, s2_test_rng_next(&rng));
		s2_tlbi_ripas2e1(u.cpu, value);
		s2_tlbi_ipas2e1is(u.cpu, s2_ipa(value), (int)s2_test_rng_next(&rng));
		s2_tlbi_ipas2e1(u.cpu, s2_ipa(~value), (int)value);
		s2_dsb(u.cpu, S2_DSB_ISH);
		s2_isb(u.cpu);
		s2_count(u.cpu, i % 2 ? S2_OP_GUEST_ENTRY : S2_OP_GUEST_EXIT, 1);
	}
	down(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_machine_that_cannot_be_is_refused),
		s2_unit_test(indices_past_the_last_name_nothing),
		s2_unit_test(a_name_that_is_null_finds_nothing),
		s2_unit_test(an_instruction_of_no_number_is_not_issued),
		s2_unit_test(what_has_a_call_of_its_own_is_not_only_counted),
		s2_unit_test(lines_past_the_memory_are_not_cleaned),
		s2_unit_test(a_site_may_be_taken_back),
		s2_unit_test(tlbs_that_cannot_be_are_refused),
		s2_unit_test(a_tlb_has_no_place_for_what_cannot_be),
		s2_unit_test(an_invalidation_of_what_cannot_be_removes_nothing),
		s2_unit_test(memory_that_cannot_be_is_refused),
		s2_unit_test(memory_knows_its_agents_operations_and_cpus),
		s2_unit_test(physics_of_unknown_parts_is_not_attached),
		s2_unit_test(a_guest_is_on_a_cpu_of_the_physics_machine),
		s2_unit_test(an_access_that_cannot_be_is_not_made),
		s2_unit_test(registers_of_no_stage_2_are_not_watched),
		s2_unit_test(hardware_takes_any_register_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
