/* SPDX-License-Identifier: MIT */
/* Role words: what each context is for, computed from the vcpu's state. */
#include "hyp/context/x86_context.h"

#include <stage2sim/field.h>

#define ACC_ALL	    7
#define LEVEL_5	    5
#define LEVEL_4	    4
#define LEVEL_PAE   3
#define LEVEL_32BIT 2

static const struct s2_x86_role_bit role_bits[] = {
	{"level", false, ROLE_LEVEL},
	{"has_4_byte_gpte", false, ROLE_4_BYTE_GPTE},
	{"direct", false, ROLE_DIRECT},
	{"access", false, ROLE_ACCESS},
	{"invalid", false, ROLE_INVALID},
	{"efer_nx", false, ROLE_EFER_NX},
	{"cr0_wp", false, ROLE_CR0_WP},
	{"smep_andnot_wp", false, ROLE_SMEP_ANDNOT_WP},
	{"smap_andnot_wp", false, ROLE_SMAP_ANDNOT_WP},
	{"ad_disabled", false, ROLE_AD_DISABLED},
	{"guest_mode", false, ROLE_GUEST_MODE},
	{"passthrough", false, ROLE_PASSTHROUGH},
	{"smm", false, ROLE_SMM},
	{"valid", true, ROLE_EXT_VALID},
	{"execonly", true, ROLE_EXT_EXECONLY},
	{"cr4_pse", true, ROLE_EXT_CR4_PSE},
	{"cr4_pke", true, ROLE_EXT_CR4_PKE},
	{"cr4_smap", true, ROLE_EXT_CR4_SMAP},
	{"cr4_smep", true, ROLE_EXT_CR4_SMEP},
	{"cr4_la57", true, ROLE_EXT_CR4_LA57},
	{"efer_lma", true, ROLE_EXT_EFER_LMA},
};

const struct s2_x86_role_bit *s2_x86_role_bit_at(size_t index)
{
	return index < sizeof(role_bits) / sizeof(role_bits[0]) ? &role_bits[index] : NULL;
}

static uint32_t mmu_role_put(uint32_t value, uint32_t mask)
{
	return (uint32_t)s2_field_put(value, mask);
}

static uint32_t level_of(uint32_t base)
{
	return (uint32_t)s2_field_get(base, ROLE_LEVEL);
}

static uint32_t guest_level(const struct s2_x86_regs *regs)
{
	if (regs->efer & S2_EFER_LMA)
		return regs->cr4 & S2_CR4_LA57 ? LEVEL_5 : LEVEL_4;
	return regs->cr4 & S2_CR4_PAE ? LEVEL_PAE : LEVEL_32BIT;
}

static uint32_t paging_base(const struct s2_x86_regs *regs)
{
	const bool wp = regs->cr0 & S2_CR0_WP;

	return mmu_role_put(guest_level(regs), ROLE_LEVEL) |
	       mmu_role_put(!(regs->cr4 & S2_CR4_PAE), ROLE_4_BYTE_GPTE) |
	       mmu_role_put(!!(regs->efer & S2_EFER_NX), ROLE_EFER_NX) |
	       mmu_role_put(wp, ROLE_CR0_WP) |
	       mmu_role_put((regs->cr4 & S2_CR4_SMEP) && !wp, ROLE_SMEP_ANDNOT_WP) |
	       mmu_role_put((regs->cr4 & S2_CR4_SMAP) && !wp, ROLE_SMAP_ANDNOT_WP);
}

/* Protection keys and 57-bit addresses exist in long mode only. */
static uint32_t paging_ext(const struct s2_x86_regs *regs)
{
	const bool lma = regs->efer & S2_EFER_LMA;

	return mmu_role_put(!!(regs->cr4 & S2_CR4_PSE), ROLE_EXT_CR4_PSE) |
	       mmu_role_put(!!(regs->cr4 & S2_CR4_SMAP), ROLE_EXT_CR4_SMAP) |
	       mmu_role_put(!!(regs->cr4 & S2_CR4_SMEP), ROLE_EXT_CR4_SMEP) |
	       mmu_role_put(lma && (regs->cr4 & S2_CR4_PKE), ROLE_EXT_CR4_PKE) |
	       mmu_role_put(lma && (regs->cr4 & S2_CR4_LA57), ROLE_EXT_CR4_LA57) |
	       mmu_role_put(lma, ROLE_EXT_EFER_LMA);
}

struct s2_x86_roles s2_x86_calc_cpu_role(const struct s2_x86_vcpu *vcpu,
					 const struct s2_x86_regs *regs)
{
	struct s2_x86_roles role = {
		.cpu_base = mmu_role_put(ACC_ALL, ROLE_ACCESS) | mmu_role_put(vcpu->smm, ROLE_SMM) |
			    mmu_role_put(vcpu->guest_mode, ROLE_GUEST_MODE),
		.cpu_ext = ROLE_EXT_VALID,
	};

	if (!(regs->cr0 & S2_CR0_PG)) {
		role.cpu_base |= ROLE_DIRECT;
		return role;
	}
	role.cpu_base |= paging_base(regs);
	role.cpu_ext |= paging_ext(regs);
	return role;
}

/* kvm_mmu_get_tdp_level(): 5 levels only if the guest can address more than 4 reach. */
static uint32_t tdp_level(const struct s2_x86_vcpu *vcpu)
{
	return vcpu->paging == S2_X86_TDP5 && vcpu->cpuid.maxphyaddr > 48 ? LEVEL_5 : LEVEL_4;
}

static uint32_t tdp_root_base(const struct s2_x86_vcpu *vcpu, uint32_t cpu_base)
{
	return mmu_role_put(tdp_level(vcpu), ROLE_LEVEL) | mmu_role_put(ACC_ALL, ROLE_ACCESS) |
	       ROLE_DIRECT | ROLE_CR0_WP | ROLE_EFER_NX | (cpu_base & (ROLE_SMM | ROLE_GUEST_MODE));
}

/* Our shadow tables are never narrower than PAE, and always have NX. */
static uint32_t shadow_root_base(uint32_t cpu_base)
{
	const uint32_t level = level_of(cpu_base) > LEVEL_PAE ? level_of(cpu_base) : LEVEL_PAE;

	return (cpu_base & ~ROLE_LEVEL) | mmu_role_put(level, ROLE_LEVEL) | ROLE_EFER_NX;
}

/* kvm_calc_shadow_ept_root_page_role(): L1's EPT has 4 levels, execute-only, A/D bits on. */
static struct s2_x86_roles ept_role(void)
{
	const uint32_t base = mmu_role_put(LEVEL_4, ROLE_LEVEL) |
			      mmu_role_put(ACC_ALL, ROLE_ACCESS) | ROLE_GUEST_MODE;
	const struct s2_x86_roles role = {base, ROLE_EXT_VALID | ROLE_EXT_EXECONLY, base};

	return role;
}

/* kvm_init_shadow_npt_mmu(): NPT walks with L1's CR4 and EFER, paging always on. */
static struct s2_x86_roles npt_role(const struct s2_x86_vcpu *vcpu, const struct s2_x86_flow *flow)
{
	const struct s2_x86_regs regs = {
		.cr0 = S2_CR0_PG,
		.cr4 = vcpu->l1.cr4 & ~S2_CR4_PKE,
		.efer = vcpu->l1.efer,
	};
	struct s2_x86_roles role = flow->cpu_role(vcpu, &regs);
	const uint32_t level = tdp_level(vcpu);

	role.root_base = (role.cpu_base & ~ROLE_LEVEL) | mmu_role_put(level, ROLE_LEVEL);
	if (level == LEVEL_5 && level_of(role.cpu_base) == LEVEL_4)
		role.root_base |= ROLE_PASSTHROUGH;
	return role;
}

struct s2_x86_roles s2_x86_calc_role(const struct s2_x86_vcpu *vcpu, enum s2_x86_id id,
				     const struct s2_x86_flow *flow)
{
	struct s2_x86_roles role;

	if (id == S2_X86_GUEST)
		return vcpu->vendor == S2_X86_VMX ? ept_role() : npt_role(vcpu, flow);
	role = flow->cpu_role(vcpu, &vcpu->regs);
	/* The nested context builds no pages: only its cpu role counts. */
	if (id == S2_X86_ROOT)
		role.root_base = vcpu->paging == S2_X86_SHADOW ? shadow_root_base(role.cpu_base)
							       : tdp_root_base(vcpu, role.cpu_base);
	return role;
}

uint32_t s2_x86_root_token(uint32_t root_base, const struct s2_x86_cpuid *cpuid)
{
	uint32_t token = root_base * UINT32_C(2654435761);

	token ^= (uint32_t)cpuid->maxphyaddr | (uint32_t)cpuid->c_bit << 8 |
		 (uint32_t)cpuid->gbpages << 16;
	return token | UINT32_C(1) << 31;
}
