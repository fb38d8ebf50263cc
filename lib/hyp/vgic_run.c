/* SPDX-License-Identifier: MIT */
/* A vcpu on a CPU: load, enter, leave, block, kick. */
#include "hyp/vgic.h"

#include <errno.h>

void s2_vgic_build_index(struct s2_vgic *vgic)
{
	if (vgic->lookup->build)
		vgic->lookup->build(vgic);
	if (vgic->cfg.routing.dispatch == S2_SGI_ROWS && !vgic->rows.row)
		s2_rows_build(vgic);
}

int s2_vgic_load(struct s2_vgic_cpu *vcpu, struct s2_cpu *cpu)
{
	struct s2_vgic *vgic = vcpu->vgic;

	if (vcpu->cpu)
		return -EBUSY;
	/* kvm_arch_vcpu_run_pid_change(): each vcpu's first KVM_RUN. */
	if (!vcpu->has_run)
		s2_vgic_build_index(vgic);
	vcpu->has_run = true;
	vcpu->cpu = cpu;
	cpu->ich = vcpu->ich;
	vgic->cpu_of[vcpu->index] = (uint16_t)cpu->index;
	return 0;
}

int s2_vgic_put(struct s2_vgic_cpu *vcpu)
{
	if (!vcpu->cpu)
		return -EINVAL;
	if (vcpu->entered)
		s2_vgic_exit(vcpu);
	vcpu->ich = vcpu->cpu->ich;
	vcpu->cpu = NULL;
	vcpu->vgic->cpu_of[vcpu->index] = S2_NO_CPU;
	return 0;
}

struct s2_ich *s2_vgic_ich(struct s2_vgic_cpu *vcpu)
{
	return vcpu->cpu ? &vcpu->cpu->ich : &vcpu->ich;
}

int s2_vgic_enter(struct s2_vgic_cpu *vcpu)
{
	struct s2_vgic *vgic = vcpu->vgic;

	if (!vcpu->cpu || vcpu->entered)
		return -EINVAL;
	s2_vcpu_set_to(&vgic->blocked, vcpu->index, false);
	s2_vcpu_set_to(&vgic->requested, vcpu->index, false);
	s2_vgic_collect(vcpu, vcpu->cpu);
	s2_lr_flush(vcpu);
	vcpu->entered = true;
	/* Whoever queues from here on must send an IPI. */
	s2_vcpu_set_to(&vgic->in_guest, vcpu->index, true);
	s2_step(vcpu->cpu, S2_OP_GUEST_ENTRY, 1);
	return 0;
}

int s2_vgic_exit(struct s2_vgic_cpu *vcpu)
{
	if (!vcpu->entered)
		return -EINVAL;
	s2_step(vcpu->cpu, S2_OP_GUEST_EXIT, 1);
	vcpu->entered = false;
	s2_vcpu_set_to(&vcpu->vgic->in_guest, vcpu->index, false);
	s2_lr_fold(vcpu);
	s2_lr_prune(vcpu);
	return 0;
}

bool s2_vgic_pending(struct s2_vgic_cpu *vcpu)
{
	struct s2_vgic *vgic = vcpu->vgic;
	const struct s2_ich *ich = s2_vgic_ich(vcpu);
	const uint64_t mask = s2_field_get(ich->vmcr, S2_VMCR_PMR);

	s2_vgic_collect(vcpu, vcpu->cpu ? vcpu->cpu : &vgic->machine->cpus[0]);
	/* vgic_v4: a vPE with anything pending and enabled must run. */
	if (ich->vsgi && (ich->vsgi_pending & ich->vsgi_enabled))
		return true;
	if (!vgic->dist_enabled)
		return false;
	for (const struct s2_irq *irq = vcpu->ap_list.head; irq; irq = irq->next)
		if (s2_irq_pending(irq) && irq->enabled && !irq->active && irq->priority < mask)
			return true;
	return false;
}

/*
 * kvm_vcpu_wfi().  The mask is read from the CPU's interface, where the guest
 * last wrote it; a copy from the last vcpu_put would be stale (5eeaf10eec39).
 */
int s2_vgic_wfi(struct s2_vgic_cpu *vcpu)
{
	if (!vcpu->cpu || vcpu->entered)
		return -EINVAL;
	if (s2_vgic_pending(vcpu))
		return 0;
	s2_vcpu_set_to(&vcpu->vgic->blocked, vcpu->index, true);
	return 1;
}

int s2_vgic_dir(struct s2_vgic_cpu *vcpu, uint32_t intid)
{
	struct s2_irq *irq;

	if (!vcpu->entered)
		return -EINVAL;
	if (!(vcpu->cpu->ich.hcr & S2_ICH_HCR_TDIR)) {
		s2_ich_dir(&vcpu->cpu->ich, intid);
		return 0;
	}
	s2_vgic_exit(vcpu);
	s2_step(vcpu->cpu, S2_OP_SYSREG_TRAP, 1);
	irq = s2_vgic_irq(vcpu->vgic, vcpu, intid);
	/* What is active on another vcpu is not this one's to end. */
	if (irq && (irq->vcpu == vcpu->index || irq->vcpu == S2_NO_VCPU))
		irq->active = false;
	return s2_vgic_enter(vcpu);
}

struct s2_vgic_run_state s2_vgic_run_state(const struct s2_vgic_cpu *vcpu)
{
	const struct s2_vgic *vgic = vcpu->vgic;
	const struct s2_vgic_run_state state = {
		.loaded = vcpu->cpu != NULL,
		.in_guest = s2_vcpu_set_has(&vgic->in_guest, vcpu->index),
		.exiting = vcpu->entered && !s2_vcpu_set_has(&vgic->in_guest, vcpu->index),
		.blocked = s2_vcpu_set_has(&vgic->blocked, vcpu->index),
		.irq_requested = s2_vcpu_set_has(&vgic->requested, vcpu->index),
		.cpu = vcpu->cpu ? (int)vcpu->cpu->index : -1,
	};

	return state;
}

void s2_vgic_halt(struct s2_vgic *vgic, struct s2_cpu *cpu)
{
	for (unsigned i = 0; i < vgic->n_vcpus; i++) {
		struct s2_vgic_cpu *vcpu = vgic->vcpu[i];

		if (!vcpu->entered)
			continue;
		if (s2_vcpu_set_has(&vgic->in_guest, i) && vcpu->cpu != cpu)
			s2_step(cpu, S2_OP_KICK_IPI, 1);
		s2_vgic_exit(vcpu);
	}
}

void s2_vgic_kick_pending(struct s2_vgic *vgic, struct s2_cpu *cpu)
{
	for (unsigned i = 0; i < vgic->n_vcpus; i++)
		if (s2_vgic_pending(vgic->vcpu[i]))
			s2_vgic_kick(vgic, cpu, i);
}

void s2_vgic_collect_all(struct s2_vgic *vgic, struct s2_cpu *cpu)
{
	for (unsigned i = 0; i < vgic->n_vcpus; i++)
		s2_vgic_collect(vgic->vcpu[i], cpu);
}
