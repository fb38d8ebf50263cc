/* SPDX-License-Identifier: MIT */
/* Wakes and IPIs: kvm_vcpu_kick(). */
#include "hyp/vgic/state/kick.h"
#include "hyp/vgic/state/vcpu_set.h"
#include "hyp/vgic/state/vgic.h"

void s2_vgic_kick_needed(struct s2_vgic *vgic, struct s2_cpu *cpu, unsigned index)
{
	s2_vcpu_set_to(&vgic->requested, index, true);
	s2_vgic_touch_on(vgic, cpu, "whether the vcpu runs", false);
	if (s2_vcpu_set_has(&vgic->blocked, index)) {
		s2_vcpu_set_to(&vgic->blocked, index, false);
		s2_step(cpu, S2_OP_VCPU_WAKE, 1);
		return;
	}
	if (s2_vcpu_set_has(&vgic->in_guest, index) && vgic->cpu_of[index] != cpu->index) {
		s2_vcpu_set_to(&vgic->in_guest, index, false);
		s2_step(cpu, S2_OP_KICK_IPI, 1);
	}
}

void s2_vgic_kick_running(struct s2_vgic *vgic, struct s2_cpu *cpu)
{
	for (unsigned i = 0; i < vgic->n_vcpus; i++) {
		if (!s2_vcpu_set_has(&vgic->in_guest, i) || vgic->cpu_of[i] == cpu->index)
			continue;
		s2_vcpu_set_to(&vgic->in_guest, i, false);
		s2_step(cpu, S2_OP_KICK_IPI, 1);
	}
}
