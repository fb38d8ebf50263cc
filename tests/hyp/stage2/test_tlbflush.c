/* SPDX-License-Identifier: MIT */
/*
 * The exact instructions of each flush call, in order: VHE and nVHE, two
 * kernels, with and without the errata.  Lists are as measured on real hosts
 * (what one flush call executes); 6.1's sources have the nVHE exit and the
 * speculative-AT sequences, which were not measured.
 */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "hyp/stage2/mmu.h"

#define PAGE UINT64_C(4096)
#define GIB  (UINT64_C(1) << 30)

/* What a sink hears, as words: "dsb_ish vttbr ...", register writes by name. */
struct words {
	char s[4096];
	size_t n;
	uint64_t ripa[64], ipa[64]; /* operands of TLBIs */
	size_t n_ripa, n_ipa;
};

static const char *word(const struct s2_insn *insn)
{
	static const char *const regs[] = {"vttbr", "vtcr", "hcr", "tcr", "sctlr"};

	switch (insn->op) {
	case S2_OP_SYSREG_WRITE:
		if (insn->addr == S2_SYSREG_VTTBR_EL2 && !insn->value)
			return "vttbr=0";
		if (insn->addr == S2_SYSREG_HCR_EL2)
			return insn->value & S2_HCR_TGE ? "hcr+tge" : "hcr-tge";
		return regs[insn->addr];
	case S2_OP_VMID_SWITCH:
		return NULL; /* the two writes after it are the instructions */
	default:
		return strncmp(s2_op_name(insn->op), "tlbi_", 5) ? s2_op_name(insn->op)
								 : s2_op_name(insn->op) + 5;
	}
}

static void hear(void *arg, const struct s2_event *ev)
{
	struct words *w = arg;

	for (uint64_t k = 0; k < ev->repeat * ev->n_insns; k++) {
		const struct s2_insn *insn = &ev->insns[k % ev->n_insns];
		uint64_t value = insn->value + k / ev->n_insns * insn->value_step;

		if (insn->op == S2_OP_TLBI_RIPAS2E1IS && w->n_ripa < ARRAY_SIZE(w->ripa))
			w->ripa[w->n_ripa++] = value;
		if ((insn->op == S2_OP_TLBI_IPAS2E1IS || insn->op == S2_OP_TLBI_IPAS2E1) &&
		    w->n_ipa < ARRAY_SIZE(w->ipa))
			w->ipa[w->n_ipa++] = value;
		if (word(insn))
			w->n += (size_t)snprintf(w->s + w->n, sizeof(w->s) - w->n, "%s%s",
						 w->n ? " " : "", word(insn));
	}
}

struct rig {
	struct s2_machine *m;
	struct s2_cpu *cpu;
	struct s2_flavour flavour;
	struct s2_mmu *mmu, *other;
	struct words w;
	struct s2_flush_call calls[64];
	size_t n_calls;
};

static void told(void *arg, const struct s2_flush_call *call)
{
	struct rig *r = arg;

	for (uint64_t i = 0; i < call->repeat; i++) {
		assert_true(r->n_calls < ARRAY_SIZE(r->calls));
		r->calls[r->n_calls] = *call;
		r->calls[r->n_calls++].ipa.v += i * call->step;
	}
}

static void rig_up(struct rig *r, const char *spec, const char *flavour, unsigned ipa_bits)
{
	struct s2_machine_config cfg = {.cpus = 4};
	struct s2_mmu_config mmu = {&r->flavour, ipa_bits, {1}};
	const struct s2_sink sink = {.event = hear, .arg = &r->w};

	memset(r, 0, sizeof(*r));
	assert_i64(s2_flavour_parse(flavour, &r->flavour, NULL), 0);
	assert_i64(s2_features_parse(spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &r->m), 0);
	assert_i64(s2_mmu_create(r->m, &mmu, &r->mmu), 0);
	mmu.vmid = s2_vmid(2);
	assert_i64(s2_mmu_create(r->m, &mmu, &r->other), 0);
	assert_i64(s2_machine_add_sink(r->m, &sink), 0);
	r->cpu = s2_machine_cpu(r->m, 1);
	s2_mmu_watch_flushes(r->mmu, told, r);
}

static void rig_down(struct rig *r)
{
	s2_mmu_free(r->mmu);
	s2_mmu_free(r->other);
	s2_machine_destroy(r->m);
}

static void forget(struct rig *r)
{
	memset(&r->w, 0, sizeof(r->w));
	r->n_calls = 0;
}

/* Calls with the same form: what comes in, the TLBIs, what goes out. */
static void flush_vmid(struct rig *r)
{
	s2_flush_vmid(r->mmu, r->cpu);
}

static void flush_ipa(struct rig *r)
{
	s2_flush_vmid_ipa(r->mmu, r->cpu, s2_ipa(0x40001000), 3);
}

static void flush_ipa_nsh(struct rig *r)
{
	s2_flush_vmid_ipa_nsh(r->mmu, r->cpu, s2_ipa(0x40001000), 3);
}

static void flush_range(struct rig *r)
{
	assert_i64(s2_flush_vmid_range(r->mmu, r->cpu, s2_range(0x40000000, 3 * PAGE)), 0);
}

static void flush_cpu_context(struct rig *r)
{
	s2_flush_cpu_context(r->mmu, r->cpu);
}

static void flush_vm_context(struct rig *r)
{
	s2_flush_vm_context(r->mmu, r->cpu);
}

#define VMID_BODY  "vmalls12e1is dsb_ish"
#define IPA_BODY   "ipas2e1is dsb_ish vmalle1is dsb_ish"
#define NSH_BODY   "ipas2e1 dsb_nsh vmalle1 dsb_nsh"
#define RANGE_BODY "ripas2e1is ipas2e1is dsb_ish vmalle1is dsb_ish"
#define CPU_BODY   "vmalle1 ic_iallu dsb_nsh"
#define ALL_BODY   "alle1is dsb_ish"
/* After the last DSB of a broadcast. */
#define REP " vale2is dsb_ish"

/* The same where each TLBI is repeated; __tlbi() does not ask whom it reaches. */
#define EACH_VMID  "vmalls12e1is dsb_ish vmalls12e1is dsb_ish"
#define EACH_E1IS  "dsb_ish vmalle1is dsb_ish vmalle1is dsb_ish"
#define EACH_IPA   "ipas2e1is dsb_ish ipas2e1is " EACH_E1IS
#define EACH_RANGE "ripas2e1is dsb_ish ripas2e1is ipas2e1is dsb_ish ipas2e1is " EACH_E1IS
#define EACH_NSH   "ipas2e1 dsb_ish ipas2e1 dsb_nsh vmalle1 dsb_ish vmalle1 dsb_nsh"
#define EACH_CPU   "vmalle1 dsb_ish vmalle1 ic_iallu dsb_nsh"
#define EACH_ALL   "alle1is dsb_ish alle1is dsb_ish"

/* Entry and exit of a context; VHE ends in kvm_call_hyp()'s ISB. */
#define VHE_IN	    "vtcr vttbr hcr-tge isb "
#define VHE_OUT	    " isb hcr+tge isb isb"
#define VHE_OUT_61  " isb vttbr=0 hcr+tge isb isb"
#define AT_IN	    "tcr sctlr vtcr vttbr isb hcr-tge isb "
#define AT_OUT	    " isb hcr+tge isb tcr sctlr isb"
#define AT_OUT_61   " isb vttbr=0 hcr+tge isb tcr sctlr isb"
#define NVHE_IN	    "vtcr vttbr isb "
#define NVHE_OUT    " isb vttbr=0 isb"
#define NVHE_OUT_61 " isb vttbr=0"
#define NVHE_AT_IN  "tcr isb vtcr vttbr isb "
#define NVHE_AT_OUT " isb vttbr=0 isb tcr"

static const struct {
	const char *spec, *flavour;
	void (*call)(struct rig *r);
	const char *words;
} sequences[] = {
	/* VHE, 6.12 */
	{"max", "kvm-6.12", flush_vmid, "dsb_ishst " VHE_IN VMID_BODY VHE_OUT},
	{"max", "kvm-6.12", flush_ipa, "dsb_ishst " VHE_IN IPA_BODY VHE_OUT},
	{"max", "kvm-6.12", flush_ipa_nsh, "dsb_nshst " VHE_IN NSH_BODY VHE_OUT},
	{"max,-lpa2,pa=48", "kvm-6.12", flush_range, "dsb_ishst " VHE_IN RANGE_BODY VHE_OUT},
	{"max", "kvm-6.12", flush_cpu_context, VHE_IN CPU_BODY VHE_OUT},
	{"max", "kvm-6.12", flush_vm_context, "dsb_ishst " ALL_BODY " isb"},
	/* without FEAT_TLBIRANGE a range is the whole VMID */
	{"neoverse-v1", "kvm-6.12", flush_range, "dsb_ishst " VHE_IN VMID_BODY REP VHE_OUT},
	/* VHE, 6.1: VTTBR_EL2 zeroed; no range call */
	{"max", "kvm-6.1", flush_vmid, "dsb_ishst " VHE_IN VMID_BODY VHE_OUT_61},
	{"max", "kvm-6.1", flush_ipa, "dsb_ishst " VHE_IN IPA_BODY VHE_OUT_61},
	{"max", "kvm-6.1", flush_range, "dsb_ishst " VHE_IN VMID_BODY VHE_OUT_61},
	{"max", "kvm-6.1", flush_cpu_context, VHE_IN CPU_BODY VHE_OUT_61},
	{"max", "kvm-6.1", flush_vm_context, "dsb_ishst " ALL_BODY " isb"},
	/* VHE, TLBI-repeat: once a call, only what broadcasts, after the last DSB */
	{"neoverse-n2", "kvm-6.12", flush_vmid, "dsb_ishst " VHE_IN VMID_BODY REP VHE_OUT},
	{"neoverse-n2", "kvm-6.12", flush_ipa, "dsb_ishst " VHE_IN IPA_BODY REP VHE_OUT},
	{"neoverse-n2", "kvm-6.12", flush_ipa_nsh, "dsb_nshst " VHE_IN NSH_BODY VHE_OUT},
	{"neoverse-n2", "kvm-6.12", flush_range, "dsb_ishst " VHE_IN RANGE_BODY REP VHE_OUT},
	{"neoverse-n2", "kvm-6.12", flush_cpu_context, VHE_IN CPU_BODY VHE_OUT},
	{"neoverse-n2", "kvm-6.12", flush_vm_context, "dsb_ishst " ALL_BODY REP " isb"},
	{"neoverse-v1", "kvm-6.1", flush_ipa, "dsb_ishst " VHE_IN IPA_BODY REP VHE_OUT_61},
	/* VHE, speculative AT: one ISB more on entry, walks stopped meanwhile */
	{"cortex-a55", "kvm-6.12", flush_vmid, "dsb_ishst " AT_IN VMID_BODY AT_OUT},
	{"cortex-a55", "kvm-6.12", flush_ipa, "dsb_ishst " AT_IN IPA_BODY AT_OUT},
	{"cortex-a55", "kvm-6.12", flush_ipa_nsh, "dsb_nshst " AT_IN NSH_BODY AT_OUT},
	{"cortex-a55", "kvm-6.12", flush_cpu_context, AT_IN CPU_BODY AT_OUT},
	{"cortex-a55,+repeat_tlbi", "kvm-6.1", flush_ipa,
	 "dsb_ishst " AT_IN IPA_BODY REP AT_OUT_61},
	{"cortex-a55,+repeat_tlbi", "kvm-6.1", flush_vmid,
	 "dsb_ishst " AT_IN VMID_BODY REP AT_OUT_61},
	/* nVHE, 6.12: the first barrier is a full one, the host's own stage 2 is off */
	{"max,-vhe", "kvm-6.12", flush_vmid, "hypercall dsb_ish " NVHE_IN VMID_BODY NVHE_OUT},
	{"max,-vhe", "kvm-6.12", flush_ipa, "hypercall dsb_ish " NVHE_IN IPA_BODY NVHE_OUT},
	{"max,-vhe", "kvm-6.12", flush_ipa_nsh, "hypercall dsb_nsh " NVHE_IN NSH_BODY NVHE_OUT},
	{"neoverse-n2,-vhe,-repeat_tlbi", "kvm-6.12", flush_range,
	 "hypercall dsb_ish " NVHE_IN RANGE_BODY NVHE_OUT},
	{"max,-vhe", "kvm-6.12", flush_cpu_context, "hypercall dsb_ish " NVHE_IN CPU_BODY NVHE_OUT},
	{"max,-vhe", "kvm-6.12", flush_vm_context, "hypercall dsb_ish " ALL_BODY},
	{"cortex-a72", "kvm-6.12", flush_range, "hypercall dsb_ish " NVHE_IN VMID_BODY NVHE_OUT},
	{"cortex-a72,+repeat_tlbi", "kvm-6.12", flush_ipa,
	 "hypercall dsb_ish " NVHE_IN IPA_BODY REP NVHE_OUT},
	{"cortex-a72,+speculative_at", "kvm-6.12", flush_ipa,
	 "hypercall dsb_ish " NVHE_AT_IN IPA_BODY NVHE_AT_OUT},
	/* nVHE, 6.1 */
	{"cortex-a72", "kvm-6.1", flush_vmid, "hypercall dsb_ishst " NVHE_IN VMID_BODY NVHE_OUT_61},
	{"cortex-a72", "kvm-6.1", flush_ipa, "hypercall dsb_ishst " NVHE_IN IPA_BODY NVHE_OUT_61},
	{"cortex-a72", "kvm-6.1", flush_cpu_context, "hypercall " NVHE_IN CPU_BODY NVHE_OUT_61},
	{"cortex-a72", "kvm-6.1", flush_vm_context, "hypercall dsb_ishst " ALL_BODY},
	{"cortex-a72,+speculative_at", "kvm-6.1", flush_vmid,
	 "hypercall dsb_ishst " NVHE_AT_IN VMID_BODY NVHE_AT_OUT},
	/* TLBI-repeat before a8f78680ee6b: each TLBI, a DSB ISH, the same again; no VALE2IS */
	{"neoverse-n2", "kvm-6.12,repeat=each", flush_vmid, "dsb_ishst " VHE_IN EACH_VMID VHE_OUT},
	{"neoverse-n2", "kvm-6.12,repeat=each", flush_ipa, "dsb_ishst " VHE_IN EACH_IPA VHE_OUT},
	{"neoverse-n2", "kvm-6.12,repeat=each", flush_ipa_nsh,
	 "dsb_nshst " VHE_IN EACH_NSH VHE_OUT},
	{"neoverse-n2", "kvm-6.12,repeat=each", flush_range,
	 "dsb_ishst " VHE_IN EACH_RANGE VHE_OUT},
	{"neoverse-n2", "kvm-6.12,repeat=each", flush_cpu_context, VHE_IN EACH_CPU VHE_OUT},
	{"neoverse-n2", "kvm-6.12,repeat=each", flush_vm_context, "dsb_ishst " EACH_ALL " isb"},
	{"neoverse-v1", "kvm-6.1,repeat=each", flush_vmid,
	 "dsb_ishst " VHE_IN EACH_VMID VHE_OUT_61},
	{"cortex-a72,+repeat_tlbi", "kvm-6.1,repeat=each", flush_ipa,
	 "hypercall dsb_ishst " NVHE_IN EACH_IPA NVHE_OUT_61},
	/* ...as the oldest kernels have it of themselves, unless asked otherwise */
	{"neoverse-v1", "kvm-5.4", flush_ipa, "dsb_ishst " VHE_IN EACH_IPA VHE_OUT_61},
	{"neoverse-v1", "kvm-5.4,repeat=sync", flush_ipa,
	 "dsb_ishst " VHE_IN IPA_BODY REP VHE_OUT_61},
	/* ...and nothing of it where there is no erratum */
	{"max", "kvm-6.12,repeat=each", flush_ipa, "dsb_ishst " VHE_IN IPA_BODY VHE_OUT},
	{"max", "kvm-5.4", flush_vmid, "dsb_ishst " VHE_IN VMID_BODY VHE_OUT_61},
};

static void each_flush_call_is_exactly_its_sequence(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sequences); i++) {
		struct rig r;

		rig_up(&r, sequences[i].spec, sequences[i].flavour, 40);
		s2_test_row("row %zu: %s %s", i, sequences[i].spec, sequences[i].flavour);
		sequences[i].call(&r);
		if (strcmp(r.w.s, sequences[i].words) != 0)
			print_error("row %zu\n", i);
		assert_string_equal(r.w.s, sequences[i].words);
		assert_u64(r.n_calls, 1);
		assert_u64(r.calls[0].repeat, 1);
		/* What was changed on the way is as before. */
		assert_u64(s2_read_sysreg(r.cpu, S2_SYSREG_HCR_EL2),
			   s2_machine_features(r.m)->vhe ? S2_HCR_E2H | S2_HCR_TGE : 0);
		assert_u64(s2_read_sysreg(r.cpu, S2_SYSREG_TCR_EL1), 0);
		assert_u64(s2_read_sysreg(r.cpu, S2_SYSREG_SCTLR_EL1), 0);
		rig_down(&r);
	}
}

/* The table of facts 3.1: DSBs, TLBIs and ISBs of each primitive today. */
static void counts_are_those_of_the_facts_table(void **state)
{
	static const struct {
		void (*call)(struct rig *r);
		unsigned dsbs, tlbis, isbs_vhe, isbs_nvhe;
	} rows[] = {
		{flush_vmid, 2, 1, 4, 3},	 {flush_ipa, 3, 2, 4, 3},
		{flush_ipa_nsh, 3, 2, 4, 3},	 {flush_range, 3, 3, 4, 3},
		{flush_cpu_context, 1, 1, 4, 3}, {flush_vm_context, 2, 1, 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		const bool vhe = i % 2;
		unsigned dsbs = 0, tlbis = 0;
		struct s2_counts c;
		struct rig r;

		rig_up(&r, vhe ? "max,-lpa2,pa=48" : "max,-lpa2,pa=48,-vhe", "kvm-6.12", 40);
		s2_test_row("row %zu, %s", i / 2, vhe ? "VHE" : "nVHE");
		rows[i / 2].call(&r);
		c = s2_machine_counts(r.m);
		for (int op = S2_OP_TLBI_VMALLS12E1IS; op <= S2_OP_TLBI_VALE2IS; op++)
			tlbis += (unsigned)c.n[op];
		for (int op = S2_OP_DSB_ISH; op <= S2_OP_DSB_SY; op++)
			dsbs += (unsigned)c.n[op];
		/* flush_cpu_context has a leading DSB with nVHE only. */
		assert_u64(dsbs, rows[i / 2].dsbs + (!vhe && rows[i / 2].dsbs == 1));
		assert_u64(tlbis, rows[i / 2].tlbis);
		assert_u64(c.n[S2_OP_ISB], vhe ? rows[i / 2].isbs_vhe : rows[i / 2].isbs_nvhe);
		assert_u64(c.n[S2_OP_HYPERCALL], !vhe);
		/* VTCR, VTTBR, HCR twice; nVHE: VTCR, VTTBR, VTTBR zeroed. */
		if (rows[i / 2].call == flush_vm_context)
			assert_u64(c.n[S2_OP_SYSREG_WRITE], 0);
		else
			assert_u64(c.n[S2_OP_SYSREG_WRITE], vhe ? 4 : 3);
		rig_down(&r);
	}
}

static void vhe_puts_back_the_stage_2_of_another_vm(void **state)
{
	static const struct {
		const char *spec, *flavour, *words;
	} rows[] = {
		{"max", "kvm-6.12", "dsb_ishst " VHE_IN IPA_BODY " isb hcr+tge isb vtcr vttbr isb"},
		/* __load_stage2() has its ISB wherever it is called. */
		{"cortex-a55", "kvm-6.12",
		 "dsb_ishst " AT_IN IPA_BODY " isb hcr+tge isb vtcr vttbr isb tcr sctlr isb"},
		/* Before 4288ff7ba195 VTTBR_EL2 was zeroed, and loaded at each guest entry. */
		{"max", "kvm-6.1", "dsb_ishst " VHE_IN IPA_BODY VHE_OUT_61},
		{"cortex-a72", "kvm-6.12", "hypercall dsb_ish " NVHE_IN IPA_BODY NVHE_OUT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig r;

		rig_up(&r, rows[i].spec, rows[i].flavour, 40);
		s2_test_row("%s %s", rows[i].spec, rows[i].flavour);
		s2_mmu_load(r.other, r.cpu);
		flush_ipa(&r);
		assert_string_equal(r.w.s, rows[i].words);
		if (i < 2)
			assert_u64(s2_read_sysreg(r.cpu, S2_SYSREG_VTTBR_EL2), r.other->vttbr);
		else
			assert_u64(s2_read_sysreg(r.cpu, S2_SYSREG_VTTBR_EL2), 0);
		rig_down(&r);
	}
}

static void nothing_is_put_back_of_the_same_vm_another_cpu_or_an_unloaded_one(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, "max", "kvm-6.12", 40);
	for (int i = 0; i < 3; i++) {
		forget(&r);
		if (i == 0)
			s2_mmu_load(r.mmu, r.cpu);
		if (i == 1)
			s2_mmu_load(r.other, s2_machine_cpu(r.m, 0));
		if (i == 2) {
			s2_mmu_load(r.other, r.cpu);
			s2_cpu_unload_stage2(r.cpu);
		}
		assert_string_equal(r.w.s, "");
		flush_vmid(&r);
		assert_string_equal(r.w.s, "dsb_ishst " VHE_IN VMID_BODY VHE_OUT);
	}
	rig_down(&r);
}

static void hints_are_given_with_ttl_only_and_ipas_count_4k(void **state)
{
	static const struct {
		const char *spec;
		uint64_t ipa;
		int level;
		uint64_t operand; /* TG and level in 47:44 */
	} rows[] = {
		{"max", 0x40001000, 3, 0x700000040001},
		{"max", 0x40200000, 2, 0x600000040200},
		{"max", 0x80000000, 1, 0x500000080000},
		{"max", 0x40001000, S2_TTL_UNKNOWN, 0x40001},
		{"cortex-a55", 0x40001000, 3, 0x40001},
		{"max,granule=16k", 0x40004000, 3, 0xb00000040004},
		{"max,granule=64k", 0x40010000, 3, 0xf00000040010},
		{"max,granule=64k", 0x40000000, 2, 0xe00000040000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig r;

		rig_up(&r, rows[i].spec, "kvm-6.12", 40);
		s2_test_row("%s, level %d", rows[i].spec, rows[i].level);
		s2_flush_vmid_ipa(r.mmu, r.cpu, s2_ipa(rows[i].ipa), rows[i].level);
		assert_u64(r.w.ipa[0], rows[i].operand);
		assert_i64(r.calls[0].level, rows[i].level);
		rig_down(&r);
	}
}

/* Facts 3.3: how many operations a range needs. */
static void ranges_take_as_many_tlbis_as_the_facts_say(void **state)
{
	static const struct {
		const char *spec;
		uint64_t first, pages;
		unsigned ripa, ipa;
	} rows[] = {
		{"neoverse-n2", 0, 1, 0, 1},
		{"neoverse-n2", 0, 2, 1, 0},
		{"neoverse-n2", 0, 3, 1, 1},
		{"neoverse-n2", 0, 64, 1, 0},
		{"neoverse-n2", 0, 100, 2, 0},
		{"neoverse-n2", 0, 127, 2, 1},
		{"neoverse-n2", 0, 512, 1, 0},
		{"neoverse-n2", 0, 513, 1, 1},
		{"neoverse-n2", 0, 262144, 1, 0},
		{"neoverse-n2", 0, (1 << 20) - 1, 4, 1},
		{"neoverse-n2", 0, (1 << 21) - 1, 4, 1},
		{"neoverse-n2", 0, 1 << 21, 1, 0},
		{"neoverse-n2", 1, 3, 1, 1},
		/* LPA2: page by page to a 64 KiB boundary. */
		{"max", 1, 3, 0, 3},
		{"max", 0, 3, 1, 1},
		{"max", 1, (1 << 21) - 1, 4, 15},
		{"max", 1, (1 << 21) - 2, 4, 16}, /* the most: 20 */
		{"max", 15, 17, 1, 1},
		{"max,granule=16k", 1, 5, 1, 3},
		{"max,granule=64k", 1, 3, 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig r;
		uint64_t page;

		rig_up(&r, rows[i].spec, "kvm-6.12", 40);
		page = s2_page_size(s2_mmu_geometry(r.mmu));
		s2_test_row("%s, %d pages from page %d", rows[i].spec, (int)rows[i].pages,
			    (int)rows[i].first);
		assert_i64(
			s2_flush_vmid_range(r.mmu, r.cpu,
					    s2_range(rows[i].first * page, rows[i].pages * page)),
			0);
		assert_u64(r.n_calls, 1);
		assert_u64(r.w.n_ripa, rows[i].ripa);
		assert_u64(r.w.n_ipa, rows[i].ipa);
		rig_down(&r);
	}
}

/* A range of n operations, the VMALLE1IS among them: n TLBIs and n DSBs more, or 1 and 1. */
static void a_repeated_range_doubles_its_tlbis_or_adds_one(void **state)
{
	static const char *const flavours[] = {"kvm-6.12", "kvm-6.12,repeat=each"};
	/* Pages, and operations: one for each digit, a last odd page, the VMALLE1IS. */
	static const uint64_t rows[][2] = {{1, 2}, {3, 3}, {127, 4}, {(1 << 21) - 1, 6}};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		const bool each = i % 2;
		const uint64_t n = rows[i / 2][1], more = each ? n : 1;
		struct s2_counts plain, c;
		struct rig r;

		s2_test_row("%s, %d pages", flavours[i % 2], (int)rows[i / 2][0]);
		for (int erratum = 0; erratum < 2; erratum++) {
			rig_up(&r, erratum ? "neoverse-n2" : "neoverse-n2,-repeat_tlbi",
			       flavours[i % 2], 40);
			assert_i64(
				s2_flush_vmid_range(r.mmu, r.cpu,
						    s2_range(0, rows[i / 2][0] * PAGE)),
				0);
			plain = erratum ? plain : s2_machine_counts(r.m);
			c = s2_machine_counts(r.m);
			rig_down(&r);
		}
		assert_u64(plain.n[S2_OP_TLBI_RIPAS2E1IS] + plain.n[S2_OP_TLBI_IPAS2E1IS] +
				   plain.n[S2_OP_TLBI_VMALLE1IS],
			   n);
		assert_u64(c.n[S2_OP_TLBI_RIPAS2E1IS] + c.n[S2_OP_TLBI_IPAS2E1IS] +
				   c.n[S2_OP_TLBI_VMALLE1IS] + c.n[S2_OP_TLBI_VALE2IS],
			   n + more);
		assert_u64(c.n[S2_OP_TLBI_VALE2IS], !each);
		assert_u64(c.n[S2_OP_DSB_ISH], plain.n[S2_OP_DSB_ISH] + more);
		/* Every one of them is broadcast to the three other CPUs. */
		assert_u64(c.n[S2_OP_DVM_BROADCAST], 3 * (n + more));
	}
}

static void ranges_over_2_to_21_pages_are_whole_calls_each(void **state)
{
	static const struct {
		const char *spec;
		uint64_t size;
		unsigned calls;
	} rows[] = {
		{"neoverse-n2", 8 * GIB, 1},	  {"neoverse-n2", 8 * GIB + PAGE, 2},
		{"neoverse-n2", 64 * GIB, 8},	  {"max", 64 * GIB, 8},
		{"max,granule=16k", 64 * GIB, 2}, {"max,granule=64k", 512 * GIB, 4},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t next = 0, left = rows[i].size, page;
		struct s2_counts c;
		struct rig r;

		rig_up(&r, rows[i].spec, "kvm-6.12", 40);
		page = s2_page_size(s2_mmu_geometry(r.mmu));
		s2_test_row("%s, 0x%" PRIx64 " bytes", rows[i].spec, rows[i].size);
		assert_i64(s2_flush_vmid_range(r.mmu, r.cpu, s2_range(0, rows[i].size)), 0);
		assert_u64(r.n_calls, rows[i].calls);
		c = s2_machine_counts(r.m);
		assert_u64(c.n[S2_OP_TLBI_VMALLE1IS], rows[i].calls);
		assert_u64(c.n[S2_OP_VMID_SWITCH], rows[i].calls);
		assert_u64(c.n[S2_OP_DSB_ISHST], rows[i].calls);
		for (size_t k = 0; k < r.n_calls; k++) {
			assert_u64(r.calls[k].kind, S2_FLUSH_VMID_RANGE);
			assert_u64(r.calls[k].ipa.v, next);
			assert_u64(r.calls[k].pages, left / page > 1 << 21 ? 1 << 21 : left / page);
			/* A whole chunk is one operation. */
			if (r.calls[k].pages == 1 << 21) {
				struct s2_tlbi_span span;

				assert_i64(s2_tlbi_range_decode(&r.mmu->tlbi, r.w.ripa[k], &span),
					   0);
				assert_u64(span.start.v, next);
				assert_u64(span.size, r.calls[k].pages * page);
			}
			next += r.calls[k].pages * page;
			left -= r.calls[k].pages * page;
		}
		assert_u64(left, 0);
		rig_down(&r);
	}
}

static void a_range_that_is_none_is_refused_and_nothing_is_issued(void **state)
{
	static const struct {
		uint64_t start, size;
		int error;
	} rows[] = {
		{0, 0, -EINVAL},
		{1, PAGE, -EINVAL},
		{0, PAGE + 1, -EINVAL},
		{UINT64_C(1) << 40, PAGE, -ERANGE},
		{PAGE, UINT64_C(1) << 40, -ERANGE},
		{0, UINT64_MAX - PAGE + 1, -ERANGE},
	};
	static const char *const specs[] = {"max", "cortex-a72"};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		struct rig r;

		rig_up(&r, specs[i % 2], "kvm-6.12", 40);
		s2_test_row("%s, row %zu", specs[i % 2], i / 2);
		assert_i64(s2_flush_vmid_range(r.mmu, r.cpu,
					       s2_range(rows[i / 2].start, rows[i / 2].size)),
			   rows[i / 2].error);
		assert_string_equal(r.w.s, "");
		rig_down(&r);
	}
}

static void vttbr_holds_the_root_the_vmid_and_cnp(void **state)
{
	static const char *const specs[] = {"max", "cortex-a72", "max,granule=64k",
					    "max,granule=16k"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct rig r;

		rig_up(&r, specs[i], "kvm-6.12", 40);
		s2_test_row("%s", specs[i]);
		flush_vmid(&r);
		if (s2_machine_features(r.m)->vhe)
			assert_u64(s2_read_sysreg(r.cpu, S2_SYSREG_VTTBR_EL2), r.mmu->vttbr);
		assert_u64(r.mmu->vttbr >> 48, 1);
		assert_u64(r.other->vttbr >> 48, 2);
		assert_u64(r.mmu->vttbr & 1, 1);
		assert_u64(r.mmu->vttbr & UINT64_C(0xfffffffffffe), r.mmu->root->pa);
		rig_down(&r);
	}
}

static void kinds_have_names(void **state)
{
	(void)state;
	assert_string_equal(s2_flush_kind_name(S2_FLUSH_VMID_IPA_NSH), "tlb_ipa_nsh");
	assert_string_equal(s2_flush_kind_name(S2_FLUSH_VM_CONTEXT), "tlb_vm_ctx");
	assert_null(s2_flush_kind_name(S2_FLUSH_KINDS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(each_flush_call_is_exactly_its_sequence),
		s2_unit_test(counts_are_those_of_the_facts_table),
		s2_unit_test(vhe_puts_back_the_stage_2_of_another_vm),
		s2_unit_test(nothing_is_put_back_of_the_same_vm_another_cpu_or_an_unloaded_one),
		s2_unit_test(hints_are_given_with_ttl_only_and_ipas_count_4k),
		s2_unit_test(ranges_take_as_many_tlbis_as_the_facts_say),
		s2_unit_test(a_repeated_range_doubles_its_tlbis_or_adds_one),
		s2_unit_test(ranges_over_2_to_21_pages_are_whole_calls_each),
		s2_unit_test(a_range_that_is_none_is_refused_and_nothing_is_issued),
		s2_unit_test(vttbr_holds_the_root_the_vmid_and_cnp),
		s2_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests_name("tlbflush", tests, NULL, NULL);
}
