/* SPDX-License-Identifier: MIT */
/*
 * The exact instructions of each flush call, in order: VHE and nVHE, two
 * kernels, with and without the errata.  Lists are as measured on real hosts
 * (what one flush call executes); 6.1's sources have the nVHE exit and the
 * speculative-AT sequences, which were not measured.
 */
#include "hyp/stage2/tlbflush_rig.h"

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
		s2_unit_test(vttbr_holds_the_root_the_vmid_and_cnp),
		s2_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests_name("tlbflush", tests, NULL, NULL);
}
