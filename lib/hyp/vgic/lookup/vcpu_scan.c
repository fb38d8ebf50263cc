/* SPDX-License-Identifier: MIT */
/*
 * kvm_mpidr_to_vcpu() up to v6.6, and where there is no table: each vcpu in
 * turn.  Apart from the tables, so that the fast path of a lookup stays small.
 */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/state/vgic.h"

uint16_t s2_vcpu_scan(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid)
{
	for (unsigned i = 0; i < vgic->n_vcpus; i++) {
		if (vgic->hwid[i] == hwid.v) {
			s2_step(cpu, S2_OP_VCPU_PROBE, i + 1U);
			return (uint16_t)i;
		}
	}
	s2_step(cpu, S2_OP_VCPU_PROBE, vgic->n_vcpus);
	return S2_NO_VCPU;
}

static uint16_t never_fast(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid,
			   bool *sure)
{
	(void)vgic;
	(void)cpu;
	(void)hwid;
	*sure = false;
	return S2_NO_VCPU;
}

const struct s2_lookup_ops s2_lookup_scan_ops = {
	.find = s2_vcpu_scan,
	.find_fast = never_fast,
};
