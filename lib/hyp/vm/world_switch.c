/* SPDX-License-Identifier: MIT */
/*
 * Into the guest and out of it, as far as translation sees it.  Reads beside
 * __kvm_vcpu_run() of kvm/hyp/vhe/switch.c and kvm/hyp/nvhe/switch.c.
 */
#include <errno.h>

#include "hyp/vm/fault.h"
#include "hyp/vm/tell.h"
#include "hyp/vm/vcpu.h"
#include "hyp/vm/vm.h"
#include "machine/physics.h"

/* __load_stage2(), where vcpu_load() has not done it; __activate_traps(). */
static void enter_guest(struct s2_vcpu *vcpu)
{
	const struct s2_mmu *mmu = vcpu->vm->mmu;
	struct s2_cpu *cpu = vcpu->cpu;

	cpu->site = "vcpu:run";
	if (s2_mmu_loads_at_run(mmu))
		s2_load_stage2(cpu, mmu->vtcr, mmu->vttbr);
	s2_write_sysreg(cpu, S2_SYSREG_HCR_EL2, cpu->machine->features.vhe ? S2_HCR_E2H : 0);
	s2_count(cpu, S2_OP_GUEST_ENTRY, 1);
	cpu->guest = vcpu;
}

/* __deactivate_traps(); without VHE __load_host_stage2() too. */
void s2_vcpu_exit(struct s2_vcpu *vcpu)
{
	struct s2_cpu *cpu = vcpu->cpu;

	if (!s2_vcpu_in_guest(vcpu))
		return;
	cpu->guest = NULL;
	cpu->site = "vcpu:run";
	s2_count(cpu, S2_OP_GUEST_EXIT, 1);
	if (cpu->machine->features.vhe)
		s2_write_sysreg(cpu, S2_SYSREG_HCR_EL2, S2_HCR_E2H | S2_HCR_TGE);
	else
		s2_write_sysreg(cpu, S2_SYSREG_VTTBR_EL2, 0);
}

void s2_cpu_enter_host(struct s2_cpu *cpu)
{
	if (cpu->guest)
		s2_vcpu_exit(cpu->guest);
}

int s2_vcpu_enter(struct s2_vcpu *vcpu)
{
	if (!vcpu->cpu || !vcpu->vm->mmu->root)
		return -EINVAL;
	if (!s2_vcpu_in_guest(vcpu))
		enter_guest(vcpu);
	return 0;
}

int s2_vcpu_guest_access(struct s2_vcpu *vcpu, struct s2_physics *p,
			 const struct s2_guest_access *access, struct s2_guest_result *result)
{
	if (!vcpu->cpu || !vcpu->vm->mmu->root || s2_guest_access_check(p, vcpu->cpu, access))
		return -EINVAL;
	for (int faults = 0; faults <= S2_VM_MAX_FAULTS; faults++) {
		int ret;

		if (!s2_vcpu_in_guest(vcpu))
			enter_guest(vcpu);
		ret = s2_guest_access(p, vcpu->cpu, access, result);
		if (!ret && !result->fault.raised)
			s2_tell_line(vcpu, access->kind, access->ipa, result->pa,
				     result->cacheable);
		if (ret || !result->fault.raised)
			return ret ? ret : faults;
		s2_vcpu_exit(vcpu);
		ret = s2_vcpu_abort(vcpu, &result->fault, NULL);
		if (ret)
			return ret;
	}
	return -ELOOP;
}
