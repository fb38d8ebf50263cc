/* SPDX-License-Identifier: MIT */
/* vcpus: creation, load and put, reset.  Reads beside kvm/arm.c and kvm/reset.c. */
#include <errno.h>
#include <stdlib.h>

#include "hyp/vm/vcpu.h"
#include "hyp/vm/caches.h"
#include "hyp/vm/kernel.h"
#include "hyp/vm/tell.h"
#include "hyp/vm/vmid.h"
#include "hyp/vm/vm.h"

/* vcpu_reset_hcr(): with FWB there is nothing that a trapped VM register would tell. */
static void reset_hcr(struct s2_vcpu *vcpu)
{
	const bool inverted = vcpu->vm->cfg.flavour->bug == S2_BUG_TVM_INVERTED;

	vcpu->tvm = !vcpu->vm->mmu->fmt.fwb && !inverted;
	vcpu->swept = true;
}

int s2_vm_add_vcpu(struct s2_vm *vm)
{
	struct s2_vcpu *vcpu;
	int ret;

	if (vm->dead)
		return -EBUSY;
	if (vm->n_vcpus == S2_MAX_VCPUS)
		return -ENOSPC;
	vcpu = calloc(1, sizeof(*vcpu));
	if (!vcpu)
		return -ENOMEM;
	vcpu->vm = vm;
	vcpu->index = vm->n_vcpus;
	reset_hcr(vcpu);
	ret = vm->kernel ? vm->kernel->add_vcpu(vcpu) : 0;
	if (ret) {
		free(vcpu);
		return ret;
	}
	vm->vcpus[vm->n_vcpus] = vcpu;
	return vm->n_vcpus++;
}

struct s2_vcpu *s2_vm_vcpu(struct s2_vm *vm, int index)
{
	return index >= 0 && index < vm->n_vcpus ? vm->vcpus[index] : NULL;
}

bool s2_vcpu_tvm(const struct s2_vcpu *vcpu)
{
	return vcpu->tvm;
}

static bool takes_vmid_late(const struct s2_vm *vm)
{
	return s2_vmids_has_fault(vm->vmids, S2_VMID_AFTER_VTTBR);
}

bool s2_vcpu_caches_on(const struct s2_vcpu *vcpu)
{
	return vcpu->caches_on;
}

void s2_vcpu_set_state(struct s2_vcpu *vcpu, bool caches_on, bool tvm)
{
	struct s2_vm *vm = vcpu->vm;

	vm->n_seen_on = vm->n_seen_on - vcpu->seen_on + caches_on;
	vcpu->seen_on = caches_on;
	vcpu->caches_on = caches_on;
	vcpu->tvm = tvm && !vm->mmu->fmt.fwb;
	vcpu->swept = tvm;
	if (vm->kernel)
		vm->kernel->set_tvm(vcpu);
}

static void update_vmid(struct s2_vm *vm, struct s2_cpu *cpu)
{
	uint64_t numbers = UINT64_C(1) << cpu->machine->features.vmid_bits;

	/* Above the number is the generation, which the register must not get. */
	if (!s2_vmids_update(vm->vmids, vm, cpu))
		return;
	s2_mmu_set_vmid(vm->mmu, s2_vmid((uint16_t)(vm->vmid & (numbers - 1))));
	if (cpu->observed)
		s2_mmu_relies(vm->mmu, cpu, S2_RELY_VMID_GIVEN, s2_ipa(0), 0,
			      "kvm_arm_vmid_update");
}

/* The number is in the register before a guest or a flush can use it (fa808ed4e199). */
void s2_vcpu_load_stage2(struct s2_vcpu *vcpu, struct s2_cpu *cpu)
{
	struct s2_vm *vm = vcpu->vm;

	if (!takes_vmid_late(vm))
		update_vmid(vm, cpu);
	else if (!vm->vmid)
		s2_mmu_set_vmid(vm->mmu, s2_vmid(0));
	if (!s2_mmu_loads_at_run(vm->mmu))
		s2_load_stage2(cpu, vm->mmu->vtcr, vm->mmu->vttbr);
	s2_mmu_load(vm->mmu, cpu);
}

/* A rollover has one of these. */
static uint64_t flushes_of_all(const struct s2_vm *vm)
{
	return s2_machine_counts(vm->machine).n[S2_OP_TLBI_ALLE1IS];
}

static int load_by_kernel(struct s2_vcpu *vcpu, struct s2_cpu *cpu)
{
	struct s2_vm *vm = vcpu->vm;
	const uint64_t before = vm->mmu->vttbr, flushes = flushes_of_all(vm);
	int ret = vm->kernel->load(vcpu, cpu);

	if (ret)
		return ret;
	if (vm->mmu->vttbr != before)
		s2_vmids_note(vm->vmids, flushes_of_all(vm) - flushes);
	if (cpu->observed && vm->mmu->vttbr != before)
		s2_mmu_relies(vm->mmu, cpu, S2_RELY_VMID_GIVEN, s2_ipa(0), 0,
			      "kvm_arm_vmid_update");
	s2_mmu_load(vm->mmu, cpu);
	vcpu->cpu = cpu;
	vcpu->has_run = true;
	return 0;
}

int s2_vcpu_load(struct s2_vcpu *vcpu, struct s2_cpu *cpu)
{
	struct s2_vm *vm = vcpu->vm;

	if (!s2_vm_callable(vm, cpu))
		return -EINVAL;
	if (vcpu->cpu || cpu->vcpu_vttbr)
		return -EBUSY;
	cpu->site = "vcpu:load";
	if (vm->kernel)
		return load_by_kernel(vcpu, cpu);
	s2_vcpu_load_stage2(vcpu, cpu);
	/* Two vcpus may use one ASID or one VA differently (94d0e5980d67, 01dc9262ff57). */
	if (vm->last_ran[cpu->index] != vcpu->index) {
		s2_flush_cpu_context(vm->mmu, cpu);
		vm->last_ran[cpu->index] = vcpu->index;
	}
	if (takes_vmid_late(vm))
		update_vmid(vm, cpu);
	vcpu->cpu = cpu;
	vcpu->has_run = true;
	return 0;
}

int s2_vcpu_put(struct s2_vcpu *vcpu)
{
	if (!vcpu->cpu)
		return -EINVAL;
	s2_vcpu_exit(vcpu);
	/* The thread is scheduled out: __switch_to() has a DSB that completes walks. */
	if (vcpu->cpu->observed)
		s2_mmu_relies(vcpu->vm->mmu, vcpu->cpu, S2_RELY_CPU_LEFT, s2_ipa(0), 0,
			      "kvm_arch_vcpu_put");
	s2_cpu_unload_stage2(vcpu->cpu);
	if (vcpu->vm->kernel)
		vcpu->vm->kernel->put(vcpu);
	else
		s2_vmids_clear_active(vcpu->vm->vmids, vcpu->cpu);
	vcpu->cpu = NULL;
	return 0;
}

static void icache_inval_all_pou(struct s2_cpu *cpu)
{
	if (cpu->machine->features.dic)
		return;
	s2_ic_ialluis(cpu);
	s2_dsb(cpu, S2_DSB_ISH);
}

int s2_vcpu_reset(struct s2_vcpu *vcpu, struct s2_cpu *cpu)
{
	struct s2_vm *vm = vcpu->vm;
	int ret = 0;

	if (vcpu->cpu || !s2_vm_callable(vm, cpu))
		return -EINVAL;
	s2_cpu_enter_host(cpu);
	cpu->site = "vcpu:init";
	/* The guest starts with its MMU off, on memory full of dirty lines. */
	if (vm->kernel)
		ret = vm->kernel->reset(vcpu, cpu);
	else if (vcpu->has_run && !vm->mmu->fmt.fwb)
		ret = s2_vm_unmap_all(vm, cpu);
	else if (vcpu->has_run)
		icache_inval_all_pou(cpu);
	if (ret)
		return ret;
	vm->n_seen_on -= vcpu->seen_on;
	vcpu->seen_on = false;
	vcpu->caches_on = false;
	if (vm->cfg.flavour->bug != S2_BUG_TVM_ONCE && !vm->kernel)
		reset_hcr(vcpu);
	s2_tell_vcpu(vcpu, S2_ACT_RESET, false, false);
	return 0;
}

int s2_vcpu_power_off(struct s2_vcpu *vcpu)
{
	if (!vcpu->cpu)
		return -EINVAL;
	/* One that a guest access has in the guest leaves by s2_vcpu_put(). */
	if (!s2_vcpu_in_guest(vcpu))
		s2_count(vcpu->cpu, S2_OP_GUEST_EXIT, 1);
	/* Who would not be seen to turn them on again must not be seen to leave. */
	if (s2_vcpu_sctlr_traps(vcpu)) {
		vcpu->vm->n_seen_on -= vcpu->seen_on;
		vcpu->seen_on = false;
	}
	s2_tell_vcpu(vcpu, S2_ACT_CACHES, false, false);
	return s2_vcpu_put(vcpu);
}

int s2_vcpu_power_on(struct s2_vcpu *vcpu)
{
	if (vcpu->cpu || vcpu->vm->dead)
		return -EINVAL;
	/* kvm_reset_vcpu(): SCTLR_EL1 as out of reset, HCR_EL2 (and so TVM) as it was. */
	vcpu->caches_on = false;
	return 0;
}
