/* SPDX-License-Identifier: MIT */
/*
 * An unmap without a TLBI.  The VM leaves its VMID behind, with all that TLBs
 * hold under it, and goes on with another:
 *
 *     entries cleared | DSB | kick -- all have left | new number | all enter again
 *                                                                | clean, free tables
 *
 * The old number is not given back: the allocator has it as used until its
 * generation ends, with a flush of everything.  No kernel does this.
 */
#include "hyp/vm/vcpu.h"
#include "hyp/vm/vm.h"
#include "hyp/vm/vmid.h"

/* Runs on another CPU than the one that unmaps, which is in the host already. */
static bool runs_elsewhere(const struct s2_vcpu *vcpu, const struct s2_cpu *cpu)
{
	return vcpu->cpu && vcpu->cpu != cpu;
}

/*
 * All leave before any comes back: a guest's own broadcast TLBI goes by the
 * VMID of who issues it, and would miss vcpus that still run with the other.
 */
static void kick_and_wait(const struct s2_vm *vm, struct s2_cpu *cpu)
{
	for (int i = 0; i < vm->n_vcpus; i++) {
		struct s2_vcpu *vcpu = vm->vcpus[i];

		if (!runs_elsewhere(vcpu, cpu))
			continue;
		s2_count(cpu, S2_OP_KICK_IPI, 1);
		/* One that a guest access has in the guest enters again with the next. */
		vcpu->kicked = !s2_vcpu_in_guest(vcpu);
		if (vcpu->kicked)
			s2_count(vcpu->cpu, S2_OP_GUEST_EXIT, 1);
		s2_vcpu_exit(vcpu);
		/* Walks begun in the guest may read, and set AF in, tables about to be freed. */
		s2_dsb(vcpu->cpu, S2_DSB_NSH);
	}
}

static void load_new(const struct s2_vm *vm)
{
	for (int i = 0; i < vm->n_vcpus; i++) {
		struct s2_vcpu *vcpu = vm->vcpus[i];

		if (!vcpu->cpu)
			continue;
		s2_vcpu_load_stage2(vcpu, vcpu->cpu);
	}
}

static void enter_again(const struct s2_vm *vm)
{
	for (int i = 0; i < vm->n_vcpus; i++) {
		struct s2_vcpu *vcpu = vm->vcpus[i];

		if (vcpu->kicked)
			s2_count(vcpu->cpu, S2_OP_GUEST_ENTRY, 1);
		vcpu->kicked = false;
	}
}

void s2_vm_renew_vmid(void *arg, struct s2_cpu *cpu)
{
	struct s2_vm *vm = arg;
	const char *site = cpu->site;

	cpu->site = "unmap:new_vmid";
	/* What is walked under the new number must be the tables as they are now. */
	s2_dsb(cpu, S2_DSB_ISH);
	kick_and_wait(vm, cpu);
	/* Whoever is loaded next takes one; until then the VM needs none. */
	vm->vmid = 0;
	if (cpu->observed)
		s2_mmu_relies(vm->mmu, cpu, S2_RELY_VMID_LEFT, s2_ipa(0), 0, "unmap:new_vmid");
	load_new(vm);
	enter_again(vm);
	cpu->site = site;
}
