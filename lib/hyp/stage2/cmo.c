/* SPDX-License-Identifier: MIT */
/* Cache maintenance of guest pages: asm/kvm_mmu.h, mm/cache.S. */
#include "hyp/stage2/mmu.h"

void s2_clean_dcache_guest_page(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_pa pa,
				uint64_t size, uint64_t step)
{
	/* With FWB the guest's accesses to RAM are cacheable, whatever it says. */
	if (mmu->fmt.fwb)
		return;
	s2_dc_civac_step(cpu, pa, size, step);
	s2_dsb(cpu, S2_DSB_SY);
}

/* icache_inval_all_pou() */
static void invalidate_whole_icache(struct s2_cpu *cpu)
{
	if (cpu->machine->features.dic)
		return;
	s2_ic_ialluis(cpu);
	s2_dsb(cpu, S2_DSB_ISH);
}

/* icache_inval_pou() */
static void invalidate_icache_lines(struct s2_cpu *cpu, struct s2_pa pa, uint64_t size,
				    uint64_t step)
{
	if (!cpu->machine->features.dic) {
		s2_ic_ivau_step(cpu, pa, size, step);
		s2_dsb(cpu, S2_DSB_ISH);
	}
	s2_isb(cpu);
}

/* MAX_DVM_OPS operations by line; more are dearer than losing the whole cache. */
static uint64_t icache_line_limit(const struct s2_mmu *mmu)
{
	if (!mmu->flavour->icache_limit)
		return UINT64_MAX;
	return (uint64_t)s2_table_entries(&mmu->geo) << mmu->machine->features.iline_shift;
}

void s2_invalidate_icache_guest_page(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_pa pa,
				     uint64_t size, uint64_t step)
{
	/* A VIPT cache may hold a line under any alias, which no address names. */
	if (cpu->machine->features.vipt || size > icache_line_limit(mmu))
		invalidate_whole_icache(cpu);
	else
		invalidate_icache_lines(cpu, pa, size, step);
}
