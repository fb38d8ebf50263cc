/* SPDX-License-Identifier: MIT */
/*
 * The flush calls, as hyp/vhe/tlb.c and hyp/nvhe/tlb.c have them; one source
 * for both, told apart where the context is entered and left.
 */
#include <errno.h>

#include "hyp/stage2/mmu.h"

#define TCR_EPD_MASK (UINT64_C(1) << 7 | UINT64_C(1) << 23)
#define SCTLR_M	     UINT64_C(1)

/* Which DSB orders the table updates before the TLBI, and its domain. */
enum flush_domain {
	FLUSH_ISH,
	FLUSH_NSH,
	FLUSH_CONTEXT
};

const char *s2_flush_kind_name(enum s2_flush_kind kind)
{
	static const char *const names[S2_FLUSH_KINDS] = {
		[S2_FLUSH_VMID] = "tlb_vmid",
		[S2_FLUSH_VMID_IPA] = "tlb_ipa",
		[S2_FLUSH_VMID_IPA_NSH] = "tlb_ipa_nsh",
		[S2_FLUSH_VMID_RANGE] = "tlb_range",
		[S2_FLUSH_CPU_CONTEXT] = "tlb_cpu_ctx",
		[S2_FLUSH_VM_CONTEXT] = "tlb_vm_ctx",
	};

	return (unsigned)kind < S2_FLUSH_KINDS ? names[kind] : NULL;
}

/* A walk with the new VMID and the old stage 1 must not start (1165522, 1530923, 1319367). */
static void stop_stage1_walks(struct s2_cpu *cpu, struct s2_flush_context *cxt)
{
	cxt->tcr = s2_read_sysreg(cpu, S2_SYSREG_TCR_EL1);
	s2_write_sysreg(cpu, S2_SYSREG_TCR_EL1, cxt->tcr | TCR_EPD_MASK);
	if (!cpu->machine->features.vhe) {
		s2_isb(cpu);
		return;
	}
	cxt->sctlr = s2_read_sysreg(cpu, S2_SYSREG_SCTLR_EL1);
	s2_write_sysreg(cpu, S2_SYSREG_SCTLR_EL1, cxt->sctlr | SCTLR_M);
}

static void restore_stage1_walks(struct s2_cpu *cpu, const struct s2_flush_context *cxt)
{
	s2_write_sysreg(cpu, S2_SYSREG_TCR_EL1, cxt->tcr);
	if (cpu->machine->features.vhe)
		s2_write_sysreg(cpu, S2_SYSREG_SCTLR_EL1, cxt->sctlr);
}

/*
 * hyp/vhe/tlb.c: enter_vmid_context().  Nothing is put back where VTTBR_EL2 is
 * zeroed on exit: there each guest entry loads it (before 4288ff7ba195).
 */
static void enter_vmid_context_vhe(struct s2_mmu *mmu, struct s2_cpu *cpu,
				   struct s2_flush_context *cxt)
{
	cxt->restore = !mmu->flavour->exit_clears_vttbr && cpu->vcpu_vttbr &&
		       cpu->vcpu_vttbr != mmu->vttbr;
	if (cpu->machine->features.speculative_at)
		stop_stage1_walks(cpu, cxt);
	s2_load_stage2(cpu, mmu->vtcr, mmu->vttbr);
	/* With TGE clear the TLBIs are for the guest's EL1&0 regime. */
	s2_write_sysreg(cpu, S2_SYSREG_HCR_EL2,
			s2_read_sysreg(cpu, S2_SYSREG_HCR_EL2) & ~S2_HCR_TGE);
	s2_isb(cpu);
}

static void exit_vmid_context_vhe(struct s2_mmu *mmu, struct s2_cpu *cpu,
				  const struct s2_flush_context *cxt)
{
	if (mmu->flavour->exit_clears_vttbr)
		s2_write_sysreg(cpu, S2_SYSREG_VTTBR_EL2, 0);
	s2_write_sysreg(cpu, S2_SYSREG_HCR_EL2,
			s2_read_sysreg(cpu, S2_SYSREG_HCR_EL2) | S2_HCR_TGE);
	s2_isb(cpu);
	if (cxt->restore)
		s2_load_stage2(cpu, cpu->vcpu_vtcr, cpu->vcpu_vttbr);
	if (cpu->machine->features.speculative_at)
		restore_stage1_walks(cpu, cxt);
}

/* hyp/nvhe/tlb.c: the host's own stage 2 is off, so VTTBR_EL2 goes back to 0. */
static void enter_vmid_context_nvhe(struct s2_mmu *mmu, struct s2_cpu *cpu,
				    struct s2_flush_context *cxt)
{
	cxt->restore = false;
	if (cpu->machine->features.speculative_at)
		stop_stage1_walks(cpu, cxt);
	s2_load_vttbr(cpu, mmu->vtcr, mmu->vttbr);
	s2_isb(cpu);
}

static void exit_vmid_context_nvhe(struct s2_mmu *mmu, struct s2_cpu *cpu,
				   const struct s2_flush_context *cxt)
{
	s2_write_sysreg(cpu, S2_SYSREG_VTTBR_EL2, 0);
	if (mmu->flavour->nvhe_exit_isb || cpu->machine->features.speculative_at)
		s2_isb(cpu);
	if (cpu->machine->features.speculative_at)
		restore_stage1_walks(cpu, cxt);
}

/* nVHE completes walks begun before the trap to EL2, so it needs loads too (7e1b2329c205). */
static void order_before_switch(const struct s2_mmu *mmu, struct s2_cpu *cpu,
				enum flush_domain domain)
{
	bool full = !cpu->machine->features.vhe && mmu->flavour->nvhe_full_entry_dsb;

	switch (domain) {
	case FLUSH_ISH:
		s2_dsb(cpu, full ? S2_DSB_ISH : S2_DSB_ISHST);
		break;
	case FLUSH_NSH:
		s2_dsb(cpu, full ? S2_DSB_NSH : S2_DSB_NSHST);
		break;
	case FLUSH_CONTEXT:
		/* No table was changed; only the walks matter. */
		if (full)
			s2_dsb(cpu, S2_DSB_ISH);
		break;
	}
}

static void enter_vmid_context(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_flush_context *cxt,
			       enum flush_domain domain)
{
	order_before_switch(mmu, cpu, domain);
	if (cpu->machine->features.vhe)
		enter_vmid_context_vhe(mmu, cpu, cxt);
	else
		enter_vmid_context_nvhe(mmu, cpu, cxt);
}

static void exit_vmid_context(struct s2_mmu *mmu, struct s2_cpu *cpu,
			      const struct s2_flush_context *cxt)
{
	if (cpu->machine->features.vhe)
		exit_vmid_context_vhe(mmu, cpu, cxt);
	else
		exit_vmid_context_nvhe(mmu, cpu, cxt);
}

/* kvm_call_hyp(): a hypercall, or with VHE a call whose wrapper ends in an ISB. */
static void call_hyp(struct s2_cpu *cpu)
{
	if (!cpu->machine->features.vhe)
		s2_hypercall(cpu);
}

static void call_hyp_return(struct s2_cpu *cpu)
{
	if (cpu->machine->features.vhe)
		s2_isb(cpu);
}

/* Whether __tlbi() is the TLBI, a DSB ISH and the TLBI again (before a8f78680ee6b). */
static bool repeats_each(const struct s2_mmu *mmu)
{
	return mmu->machine->features.repeat_tlbi && mmu->flavour->repeat == S2_REPEAT_EACH;
}

/* __tlbi() of all of a VMID; @tlbi issues it. */
static void tlbi_vmid(const struct s2_mmu *mmu, struct s2_cpu *cpu,
		      void (*tlbi)(struct s2_cpu *cpu))
{
	tlbi(cpu);
	if (!repeats_each(mmu))
		return;
	s2_dsb(cpu, S2_DSB_ISH);
	tlbi(cpu);
}

/* __tlbi_level(ipas2e1is, ...) */
static void tlbi_ipa(const struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa, int level,
		     uint64_t step)
{
	s2_tlbi_ipas2e1is_step(cpu, ipa, level, step);
	if (!repeats_each(mmu))
		return;
	s2_dsb(cpu, S2_DSB_ISH);
	s2_tlbi_ipas2e1is_step(cpu, ipa, level, step);
}

/* __tlbi_level(ipas2e1, ...): the macro makes no difference between IS and not. */
static void tlbi_ipa_nsh(const struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa,
			 int level)
{
	s2_tlbi_ipas2e1(cpu, ipa, level);
	if (!repeats_each(mmu))
		return;
	s2_dsb(cpu, S2_DSB_ISH);
	s2_tlbi_ipas2e1(cpu, ipa, level);
}

/* __tlbi_sync_s1ish_hyp(): completes broadcast TLBIs; with one more where an erratum asks so. */
static void sync_broadcast(const struct s2_mmu *mmu, struct s2_cpu *cpu)
{
	s2_dsb(cpu, S2_DSB_ISH);
	if (!cpu->machine->features.repeat_tlbi || mmu->flavour->repeat != S2_REPEAT_SYNC)
		return;
	s2_tlbi_vale2is(cpu);
	s2_dsb(cpu, S2_DSB_ISH);
}

/* VTTBR_EL2 is loaded for a flush, and must not lead to pages that are no tables any more. */
static bool flushable(const struct s2_mmu *mmu, const struct s2_cpu *cpu)
{
	return mmu->root && cpu->machine == mmu->machine;
}

int s2_flush_enter(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_flush_context *cxt)
{
	if (!flushable(mmu, cpu))
		return -EINVAL;
	cxt->site = cpu->site;
	cpu->site = "tlb:own_flush";
	call_hyp(cpu);
	enter_vmid_context(mmu, cpu, cxt, FLUSH_ISH);
	return 0;
}

int s2_flush_exit(struct s2_mmu *mmu, struct s2_cpu *cpu, const struct s2_flush_context *cxt)
{
	if (!flushable(mmu, cpu))
		return -EINVAL;
	sync_broadcast(mmu, cpu);
	s2_isb(cpu);
	exit_vmid_context(mmu, cpu, cxt);
	call_hyp_return(cpu);
	cpu->site = cxt->site;
	return 0;
}

static void tlbflush_tell(struct s2_mmu *mmu, const struct s2_cpu *cpu,
			  const struct s2_flush_call *call)
{
	struct s2_flush_call told = *call;

	if (!mmu->on_flush)
		return;
	told.repeat = cpu->repeat;
	mmu->on_flush(mmu->on_flush_arg, &told);
}

int s2_flush_vmid(struct s2_mmu *mmu, struct s2_cpu *cpu)
{
	const struct s2_flush_call call = {.kind = S2_FLUSH_VMID, .level = S2_TTL_UNKNOWN};
	const char *site = cpu->site;
	struct s2_flush_context cxt;

	if (!flushable(mmu, cpu))
		return -EINVAL;
	tlbflush_tell(mmu, cpu, &call);
	cpu->site = "tlb:flush_vmid";
	call_hyp(cpu);
	enter_vmid_context(mmu, cpu, &cxt, FLUSH_ISH);
	tlbi_vmid(mmu, cpu, s2_tlbi_vmalls12e1is);
	sync_broadcast(mmu, cpu);
	s2_isb(cpu);
	exit_vmid_context(mmu, cpu, &cxt);
	call_hyp_return(cpu);
	cpu->site = site;
	return 0;
}

void s2_flush_vmid_ipa_step(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa, int level,
			    uint64_t step)
{
	const struct s2_flush_call call = {
		.kind = S2_FLUSH_VMID_IPA, .ipa = ipa, .level = level, .step = step};
	const char *site = cpu->site;
	struct s2_flush_context cxt;

	tlbflush_tell(mmu, cpu, &call);
	cpu->site = "tlb:flush_vmid_ipa";
	call_hyp(cpu);
	enter_vmid_context(mmu, cpu, &cxt, FLUSH_ISH);
	tlbi_ipa(mmu, cpu, ipa, level, step);
	/*
	 * Stage 2 must be gone before the combined entries go, or a walk in
	 * between makes a new combined entry of the old stage 2.
	 */
	s2_dsb(cpu, S2_DSB_ISH);
	tlbi_vmid(mmu, cpu, s2_tlbi_vmalle1is);
	sync_broadcast(mmu, cpu);
	s2_isb(cpu);
	exit_vmid_context(mmu, cpu, &cxt);
	call_hyp_return(cpu);
	cpu->site = site;
}

/* The address and hint that a flush by IPA is asked for. */
static int check_flush_ipa(const struct s2_mmu *mmu, const struct s2_cpu *cpu, struct s2_ipa ipa,
			   int level)
{
	if (!flushable(mmu, cpu))
		return -EINVAL;
	if (level != S2_TTL_UNKNOWN && (level < 0 || level > S2_LAST_LEVEL))
		return -EINVAL;
	return ipa.v < s2_ipa_limit(&mmu->geo) ? 0 : -ERANGE;
}

int s2_flush_vmid_ipa(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa, int level)
{
	const int ret = check_flush_ipa(mmu, cpu, ipa, level);

	if (!ret)
		s2_flush_vmid_ipa_step(mmu, cpu, ipa, level, 0);
	return ret;
}

int s2_flush_vmid_ipa_nsh(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa, int level)
{
	const struct s2_flush_call call = {
		.kind = S2_FLUSH_VMID_IPA_NSH, .ipa = ipa, .level = level};
	const char *site = cpu->site;
	struct s2_flush_context cxt;
	const int ret = check_flush_ipa(mmu, cpu, ipa, level);

	if (ret)
		return ret;
	tlbflush_tell(mmu, cpu, &call);
	cpu->site = "tlb:flush_vmid_ipa_nsh";
	call_hyp(cpu);
	enter_vmid_context(mmu, cpu, &cxt, FLUSH_NSH);
	tlbi_ipa_nsh(mmu, cpu, ipa, level);
	s2_dsb(cpu, S2_DSB_NSH);
	tlbi_vmid(mmu, cpu, s2_tlbi_vmalle1);
	s2_dsb(cpu, S2_DSB_NSH);
	s2_isb(cpu);
	exit_vmid_context(mmu, cpu, &cxt);
	call_hyp_return(cpu);
	cpu->site = site;
	return 0;
}

/* Where the operations of a range go, and by how much they advance in a run of calls. */
struct range_emit {
	const struct s2_mmu *mmu;
	struct s2_cpu *cpu;
	uint64_t step; /* in units of BADDR */
};

static void emit_range_op(void *arg, const struct s2_tlbi_op *op)
{
	const struct range_emit *emit = arg;
	struct s2_insn insn = {
		.op = op->range ? S2_OP_TLBI_RIPAS2E1IS : S2_OP_TLBI_IPAS2E1IS,
		.value = op->operand,
		.value_step = emit->step,
		.count = 1,
	};

	s2_issue_broadcast(emit->cpu, &insn);
	if (!repeats_each(emit->mmu))
		return;
	s2_dsb(emit->cpu, S2_DSB_ISH);
	s2_issue_broadcast(emit->cpu, &insn);
}

static uint64_t first_chunk(uint64_t pages)
{
	return pages < S2_TLBI_RANGE_MAX_PAGES ? pages : S2_TLBI_RANGE_MAX_PAGES;
}

/* log2 of the unit of BADDR. */
static unsigned range_unit_shift(const struct s2_mmu *mmu)
{
	return mmu->tlbi.lpa2 ? S2_GRANULE_64K : mmu->geo.page_shift;
}

static void decompose(const struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa start,
		      uint64_t pages, uint64_t step)
{
	struct range_emit emit = {mmu, cpu, step >> range_unit_shift(mmu)};

	s2_tlbi_range_decompose(&mmu->tlbi, mmu->flavour->range_order, start, pages, S2_TTL_UNKNOWN,
				emit_range_op, &emit);
}

/*
 * How many whole chunks make one run from @start on.  Only chunks of one
 * operation each do: with LPA2 single pages may come first, and their operands
 * advance by another step.
 */
static uint64_t chunk_run(const struct s2_mmu *mmu, const struct s2_cpu *cpu, struct s2_ipa start,
			  uint64_t pages)
{
	uint64_t n = pages / S2_TLBI_RANGE_MAX_PAGES;

	if (cpu->in_run || start.v & ((UINT64_C(1) << range_unit_shift(mmu)) - 1))
		return 1;
	if (n > cpu->machine->run_limit)
		n = cpu->machine->run_limit;
	return n > 1 ? n : 1;
}

/* The loop over the operations of one call. */
static void decompose_chunks(const struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa start,
			     uint64_t pages, uint64_t step)
{
	while (pages) {
		uint64_t chunk = first_chunk(pages), size = chunk << mmu->geo.page_shift;
		uint64_t n = chunk_run(mmu, cpu, start, pages);

		if (n > 1)
			s2_run_begin(cpu, n);
		decompose(mmu, cpu, start, chunk, n > 1 ? size : step);
		if (n > 1)
			s2_run_end(cpu);
		start.v += n * size;
		pages -= n * chunk;
	}
}

/*
 * __kvm_tlb_flush_vmid_range(): upstream hands it at most
 * S2_TLBI_RANGE_MAX_PAGES; with more, the loop over chunks is inside.  In a
 * run of calls the start advances by @step.
 */
static void flush_range_call(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa start,
			     uint64_t pages, uint64_t step)
{
	const struct s2_flush_call call = {.kind = S2_FLUSH_VMID_RANGE,
					   .ipa = start,
					   .level = S2_TTL_UNKNOWN,
					   .pages = pages,
					   .step = step};
	const char *site = cpu->site;
	struct s2_flush_context cxt;

	tlbflush_tell(mmu, cpu, &call);
	cpu->site = "tlb:flush_vmid_range";
	call_hyp(cpu);
	enter_vmid_context(mmu, cpu, &cxt, FLUSH_ISH);
	decompose_chunks(mmu, cpu, start, pages, step);
	s2_dsb(cpu, S2_DSB_ISH);
	tlbi_vmid(mmu, cpu, s2_tlbi_vmalle1is);
	sync_broadcast(mmu, cpu);
	s2_isb(cpu);
	exit_vmid_context(mmu, cpu, &cxt);
	call_hyp_return(cpu);
	cpu->site = site;
}

static void flush_range_per_chunk(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa start,
				  uint64_t pages)
{
	while (pages) {
		uint64_t chunk = first_chunk(pages);
		uint64_t n = chunk_run(mmu, cpu, start, pages);
		uint64_t size = chunk << mmu->geo.page_shift;

		if (n > 1)
			s2_run_begin(cpu, n);
		flush_range_call(mmu, cpu, start, chunk, n > 1 ? size : 0);
		if (n > 1)
			s2_run_end(cpu);
		start.v += n * size;
		pages -= n * chunk;
	}
}

/* TLBIs of a range call, the VMALLE1IS apart. */
static uint64_t range_ops(const struct s2_mmu *mmu, struct s2_ipa start, uint64_t pages)
{
	uint64_t full = pages / S2_TLBI_RANGE_MAX_PAGES, rest = pages % S2_TLBI_RANGE_MAX_PAGES;
	int n = 0;

	start.v += (pages - rest) << mmu->geo.page_shift;
	if (rest)
		n = s2_tlbi_range_decompose(&mmu->tlbi, mmu->flavour->range_order, start, rest,
					    S2_TTL_UNKNOWN, NULL, NULL);
	return full + (n > 0 ? (uint64_t)n : 0);
}

/* Whether the refills of a whole VMID's flush cost more than the TLBIs of a range. */
static bool range_is_cheaper(const struct s2_mmu *mmu, struct s2_ipa start, uint64_t pages)
{
	const struct s2_flush_costs *c = &mmu->flavour->costs;

	return range_ops(mmu, start, pages) * c->range_op <= c->lost_entries * c->refill;
}

static bool flush_as_range(const struct s2_mmu *mmu, struct s2_ipa start, uint64_t pages)
{
	if (!s2_mmu_uses_range(mmu))
		return false;
	switch (mmu->flavour->range_calls) {
	case S2_RANGE_VMID_ABOVE:
		return pages <= S2_TLBI_RANGE_MAX_PAGES;
	case S2_RANGE_VMID_ALWAYS:
		return false;
	case S2_RANGE_BY_COST:
		return range_is_cheaper(mmu, start, pages);
	default:
		return true;
	}
}

int s2_flush_vmid_range(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	const uint64_t page_mask = s2_page_size(&mmu->geo) - 1;
	const struct s2_ipa start = range.ipa;
	const uint64_t size = range.size, limit = s2_ipa_limit(&mmu->geo);
	const uint64_t pages = size >> mmu->geo.page_shift;

	if (!flushable(mmu, cpu) || !size || ((start.v | size) & page_mask))
		return -EINVAL;
	if (start.v >= limit || size > limit - start.v)
		return -ERANGE;
	if (mmu->flavour->flush_range_with)
		mmu->flavour->flush_range_with(mmu, cpu, range);
	else if (!flush_as_range(mmu, start, pages))
		s2_flush_vmid(mmu, cpu);
	else if (mmu->flavour->range_calls == S2_RANGE_PER_CHUNK)
		flush_range_per_chunk(mmu, cpu, start, pages);
	else
		flush_range_call(mmu, cpu, start, pages, 0);
	return 0;
}

int s2_flush_cpu_context(struct s2_mmu *mmu, struct s2_cpu *cpu)
{
	const struct s2_flush_call call = {.kind = S2_FLUSH_CPU_CONTEXT, .level = S2_TTL_UNKNOWN};
	const char *site = cpu->site;
	struct s2_flush_context cxt;

	if (!flushable(mmu, cpu))
		return -EINVAL;
	tlbflush_tell(mmu, cpu, &call);
	cpu->site = "tlb:flush_cpu_context";
	call_hyp(cpu);
	enter_vmid_context(mmu, cpu, &cxt, FLUSH_CONTEXT);
	tlbi_vmid(mmu, cpu, s2_tlbi_vmalle1);
	s2_ic_iallu(cpu);
	s2_dsb(cpu, S2_DSB_NSH);
	s2_isb(cpu);
	exit_vmid_context(mmu, cpu, &cxt);
	call_hyp_return(cpu);
	cpu->site = site;
	return 0;
}

int s2_flush_vm_context(struct s2_mmu *mmu, struct s2_cpu *cpu)
{
	const struct s2_flush_call call = {.kind = S2_FLUSH_VM_CONTEXT, .level = S2_TTL_UNKNOWN};
	const char *site = cpu->site;

	if (cpu->machine != mmu->machine)
		return -EINVAL;
	tlbflush_tell(mmu, cpu, &call);
	cpu->site = "tlb:flush_vm_context";
	call_hyp(cpu);
	order_before_switch(mmu, cpu, FLUSH_ISH);
	tlbi_vmid(mmu, cpu, s2_tlbi_alle1is);
	sync_broadcast(mmu, cpu);
	call_hyp_return(cpu);
	cpu->site = site;
	return 0;
}
