/* SPDX-License-Identifier: MIT */
/* A vcpu on a CPU: load, enter, leave, block, kick. */
#include "hyp/vgic/state/gated.h"
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/state/kick.h"
#include "hyp/vgic/state/locks.h"
#include "hyp/vgic/delivery/sgi_mail.h"
#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/state/vcpu_set.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/state/vgic_irq.h"
#include "hyp/vgic/delivery/vgic_lr.h"
#include "hyp/vgic/delivery/vgic_run.h"

#include <errno.h>

void s2_vgic_build_index(struct s2_vgic *vgic)
{
	s2_vgic_config_lock(vgic);
	if (vgic->lookup->build)
		vgic->lookup->build(vgic);
	if (vgic->cfg.routing.dispatch == S2_SGI_ROWS && !vgic->rows.row)
		s2_rows_build(vgic);
	s2_vgic_config_unlock(vgic);
}

int s2_vgic_load(struct s2_vgic_cpu *vcpu, struct s2_cpu *cpu)
{
	struct s2_vgic *vgic = vcpu->vgic;
	uint8_t n_lrs;

	if (!s2_vgic_has_cpu(vgic, cpu))
		return -EINVAL;
	if (vcpu->cpu || cpu->ich_of)
		return -EBUSY;
	/* kvm_arch_vcpu_run_pid_change(): each vcpu's first KVM_RUN. */
	if (!vcpu->has_run)
		s2_vgic_build_index(vgic);
	vcpu->has_run = true;
	vcpu->cpu = cpu;
	cpu->ich_of = vcpu;
	/* How many list registers there are is the CPU's. */
	n_lrs = cpu->ich.n_lrs;
	cpu->ich = vcpu->ich;
	cpu->ich.n_lrs = n_lrs;
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
	vcpu->cpu->ich_of = NULL;
	vcpu->cpu = NULL;
	vcpu->vgic->cpu_of[vcpu->index] = S2_NO_CPU;
	return 0;
}

struct s2_ich *s2_vgic_ich(struct s2_vgic_cpu *vcpu)
{
	return vcpu->cpu ? &vcpu->cpu->ich : &vcpu->ich;
}

/* kvm_vcpu_exit_request(): what came after the flush is asked for again, as no IPI tells of it. */
static bool try_enter(struct s2_vgic_cpu *vcpu)
{
	struct s2_vgic *vgic = vcpu->vgic;

	s2_vgic_touch(vgic, "vcpu->requests", true);
	s2_vcpu_set_to(&vgic->blocked, vcpu->index, false);
	s2_vcpu_set_to(&vgic->requested, vcpu->index, false);
	s2_vgic_touch(vgic, "the vcpu's list", false);
	s2_vgic_collect(vcpu, vcpu->cpu);
	s2_lr_flush(vcpu);
	s2_vgic_touch(vgic, "vcpu->mode", true);
	vcpu->entered = true;
	/* Whoever queues from here on must send an IPI. */
	s2_vcpu_set_to(&vgic->in_guest, vcpu->index, true);
	if (!s2_vgic_is_gated(vgic))
		return true;
	s2_vgic_touch(vgic, "vcpu->requests", false);
	if (!s2_vcpu_set_has(&vgic->requested, vcpu->index))
		return true;
	vcpu->entered = false;
	s2_vcpu_set_to(&vgic->in_guest, vcpu->index, false);
	s2_lr_fold(vcpu);
	s2_lr_prune(vcpu);
	return false;
}

int s2_vgic_enter(struct s2_vgic_cpu *vcpu)
{
	if (!vcpu->cpu || vcpu->entered)
		return -EINVAL;
	while (!try_enter(vcpu))
		;
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
	const bool stale = vgic->cfg.bug == S2_BUG_WFI_STALE_MASK;
	const uint64_t mask = s2_field_get(stale ? vcpu->ich.vmcr : ich->vmcr, S2_VMCR_PMR);

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
	/* As prepare_to_rcuwait() before the look: a kick that finds nobody blocked wakes nobody. */
	s2_vgic_touch(vcpu->vgic, "whether the vcpu sleeps", true);
	s2_vcpu_set_to(&vcpu->vgic->blocked, vcpu->index, true);
	s2_vgic_touch(vcpu->vgic, "what is pending", false);
	if (!s2_vgic_pending(vcpu))
		return s2_vcpu_set_has(&vcpu->vgic->blocked, vcpu->index);
	s2_vcpu_set_to(&vcpu->vgic->blocked, vcpu->index, false);
	return 0;
}

/*
 * A trapped deactivation.  Where another vcpu has the interrupt in a list
 * register, that vcpu leaves its guest first, as for a write of ICACTIVER.
 */
static void deactivate(struct s2_vgic_cpu *vcpu, uint32_t intid)
{
	struct s2_vgic *vgic = vcpu->vgic;
	struct s2_irq *irq = s2_vgic_irq(vgic, vcpu, intid);

	if (!irq || irq->hw)
		return;
	if (irq->vcpu != S2_NO_VCPU)
		s2_vgic_halt_one(vgic, vcpu->cpu, irq->vcpu);
	if (!irq->active)
		return;
	s2_lr_end_unlisted(vcpu, irq);
	/* It may be pending again, and another's to take. */
	s2_lock_irq(vgic, vcpu->cpu, irq);
	s2_irq_queue_unlock(vgic, vcpu->cpu, irq);
}

int s2_vgic_dir(struct s2_vgic_cpu *vcpu, uint32_t intid)
{
	if (!vcpu->entered)
		return -EINVAL;
	if (!(vcpu->cpu->ich.hcr & S2_ICH_HCR_TDIR)) {
		s2_ich_dir(&vcpu->cpu->ich, intid);
		return 0;
	}
	s2_vgic_exit(vcpu);
	s2_step(vcpu->cpu, S2_OP_SYSREG_TRAP, 1);
	deactivate(vcpu, intid);
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

void s2_vgic_halt_one(struct s2_vgic *vgic, struct s2_cpu *cpu, unsigned index)
{
	struct s2_vgic_cpu *vcpu = vgic->vcpu[index];

	if (!vcpu->entered)
		return;
	if (s2_vcpu_set_has(&vgic->in_guest, index) && vcpu->cpu != cpu)
		s2_step(cpu, S2_OP_KICK_IPI, 1);
	s2_vgic_exit(vcpu);
}

void s2_vgic_halt(struct s2_vgic *vgic, struct s2_cpu *cpu)
{
	for (unsigned i = 0; i < vgic->n_vcpus; i++)
		s2_vgic_halt_one(vgic, cpu, i);
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
