/* SPDX-License-Identifier: MIT */
#include "hyp/stage2/memo.h"

void s2_memo_distrust(struct s2_mmu *mmu)
{
	mmu->map_memo.cpu = NULL;
	mmu->unmap_memo.cpu = NULL;
}

/* Whether sinks are as they were when the call was learnt; from here on they are told nothing. */
static bool sinks_rest(struct s2_memo *memo, const struct s2_cpu *cpu, uint64_t pa)
{
	struct s2_rest now = {.pa = pa};

	if (!s2_machine_at_rest(cpu->machine, cpu->index, &memo->tally.each, &now) ||
	    (cpu->observed && now.state != memo->rest.state))
		return false;
	memo->rest.from = now.from;
	memo->rest.size = now.size;
	return true;
}

bool s2_memo_trust(struct s2_memo *memo, const struct s2_mmu *mmu, const struct s2_cpu *cpu,
		   uint64_t pa)
{
	if (!memo->known || !s2_memo_allowed(mmu, cpu) || memo->own_vttbr != mmu->vttbr ||
	    memo->vcpu_vttbr != cpu->vcpu_vttbr ||
	    memo->vttbr != cpu->sysreg[S2_SYSREG_VTTBR_EL2] ||
	    memo->hcr != cpu->sysreg[S2_SYSREG_HCR_EL2] || !sinks_rest(memo, cpu, pa))
		return false;
	memo->cpu = cpu;
	memo->told = cpu->machine->told;
	memo->settings = cpu->settings;
	return true;
}

bool s2_memo_begin(struct s2_memo *memo, const struct s2_cpu *cpu, uint64_t pa)
{
	s2_memo_fold(memo, cpu->machine);
	memo->rest.pa = pa;
	if (!s2_machine_at_rest(cpu->machine, cpu->index, NULL, &memo->rest))
		return false;
	memo->insns = cpu->machine->told;
	memo->tally.each = cpu->machine->counts;
	return true;
}

/* Whether the call has left sinks as it found them. */
static bool left_at_rest(const struct s2_memo *memo, const struct s2_cpu *cpu)
{
	struct s2_rest now = {.pa = memo->rest.pa};

	return s2_machine_at_rest(cpu->machine, cpu->index, &memo->tally.each, &now) &&
	       now.state == memo->rest.state && now.findings == memo->rest.findings;
}

void s2_memo_end(struct s2_memo *memo, const struct s2_mmu *mmu, uint64_t key,
		 const struct s2_cpu *cpu)
{
	struct s2_machine *m = cpu->machine;

	/* The call may have been tallied in parts. */
	s2_machine_fold(m);
	memo->tally.each = s2_counts_since(&memo->tally.each, &m->counts);
	memo->key = key;
	memo->own_vttbr = mmu->vttbr;
	memo->vcpu_vttbr = cpu->vcpu_vttbr;
	memo->vttbr = cpu->sysreg[S2_SYSREG_VTTBR_EL2];
	memo->hcr = cpu->sysreg[S2_SYSREG_HCR_EL2];
	memo->insns = m->told - memo->insns;
	memo->known = left_at_rest(memo, cpu);
	if (memo->tally.listed)
		return;
	memo->tally.next = m->tallies;
	m->tallies = &memo->tally;
	memo->tally.listed = true;
}

void s2_memo_fold(struct s2_memo *memo, struct s2_machine *m)
{
	struct s2_tally **link = &m->tallies;

	s2_machine_fold(m);
	memo->known = false;
	memo->cpu = NULL;
	if (!memo->tally.listed)
		return;
	while (*link != &memo->tally)
		link = &(*link)->next;
	*link = memo->tally.next;
	memo->tally.listed = false;
}
