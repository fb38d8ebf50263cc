/* SPDX-License-Identifier: MIT */
#include <stage2sim/psci.h>

#include "hyp/vgic/state/vgic.h"

bool s2_psci_is_on(const struct s2_vgic_cpu *vcpu)
{
	return !vcpu->powered_off;
}

void s2_psci_cpu_off(struct s2_vgic_cpu *vcpu)
{
	vcpu->powered_off = true;
}

/* kvm_psci_valid_affinity() */
static bool valid_affinity(uint64_t affinity)
{
	return !(affinity & ~S2_MPIDR_HWID);
}

enum s2_psci_ret s2_psci_cpu_on(struct s2_vgic *vgic, struct s2_cpu *cpu, uint64_t target)
{
	struct s2_vgic_cpu *vcpu;

	if (!s2_vgic_has_cpu(vgic, cpu) || !valid_affinity(target))
		return S2_PSCI_INVALID_PARAMS;
	vcpu = s2_vgic_lookup(vgic, cpu, s2_mpidr(target));
	if (!vcpu)
		return S2_PSCI_INVALID_PARAMS;
	if (!vcpu->powered_off)
		return S2_PSCI_ALREADY_ON;
	vcpu->powered_off = false;
	return S2_PSCI_SUCCESS;
}

/* psci_affinity_mask(); 0 if there is no such level. */
static uint64_t level_mask(uint64_t level)
{
	static const uint64_t masks[] = {
		S2_MPIDR_HWID,
		S2_MPIDR_AFF3 | S2_MPIDR_AFF2 | S2_MPIDR_AFF1,
		S2_MPIDR_AFF3 | S2_MPIDR_AFF2,
		S2_MPIDR_AFF3,
	};

	return level < sizeof(masks) / sizeof(masks[0]) ? masks[level] : 0;
}

enum s2_psci_ret s2_psci_affinity_info(struct s2_vgic *vgic, struct s2_cpu *cpu, uint64_t target,
				       uint64_t level)
{
	const uint64_t mask = level_mask(level);
	enum s2_psci_ret ret = S2_PSCI_INVALID_PARAMS;
	unsigned probes = 0;

	if (!s2_vgic_has_cpu(vgic, cpu) || !valid_affinity(target) || !mask)
		return ret;
	while (probes < vgic->n_vcpus && ret != S2_PSCI_AFFINITY_ON) {
		const unsigned i = probes++;

		if ((vgic->hwid[i] ^ target) & mask)
			continue;
		ret = vgic->vcpu[i]->powered_off ? S2_PSCI_AFFINITY_OFF : S2_PSCI_AFFINITY_ON;
	}
	if (probes)
		s2_step(cpu, S2_OP_VCPU_PROBE, probes);
	return ret;
}
