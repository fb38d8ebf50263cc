/* SPDX-License-Identifier: MIT */
/*
 * What a tool outside of this project does first: a machine, an MMU, a page
 * mapped and unmapped, counts.  Compiled as C and as C++.
 */
#include <stage2sim/stage2sim.h>

#include <stdio.h>
#include <string.h>

#define PAGE 4096U

static int map_and_unmap(struct s2_mmu *mmu, struct s2_cpu *cpu)
{
	const struct s2_range page = s2_range(0x80000000U, PAGE);
	int ret = s2_pgtable_map(mmu, cpu, page, s2_pa(0x40000000U), S2_PROT_R | S2_PROT_W, NULL, 0);

	return ret ? ret : s2_pgtable_unmap(mmu, cpu, page);
}

static int count(struct s2_machine *m, struct s2_counts *counts)
{
	struct s2_mmu_config cfg;
	struct s2_mmu *mmu;
	int ret;

	memset(&cfg, 0, sizeof(cfg));
	cfg.flavour = s2_flavour_at(0);
	cfg.ipa_bits = S2_DEFAULT_IPA_BITS;
	cfg.vmid = s2_vmid(1);
	ret = s2_mmu_create(m, &cfg, &mmu);
	if (ret)
		return ret;
	ret = map_and_unmap(mmu, s2_machine_cpu(m, 0));
	s2_mmu_free(mmu);
	*counts = s2_machine_counts(m);
	return ret;
}

int main(void)
{
	struct s2_machine_config cfg;
	struct s2_counts counts;
	struct s2_machine *m;
	int ret;

	memset(&cfg, 0, sizeof(cfg));
	cfg.cpus = 2;
	ret = s2_features_preset("cortex-a72", &cfg.features);
	if (!ret)
		ret = s2_machine_create(&cfg, &m);
	if (ret)
		return 1;
	ret = count(m, &counts);
	s2_machine_destroy(m);
	if (ret || counts.n[S2_OP_PTE_WRITE] == 0 || counts.n[S2_OP_DC_CIVAC] == 0)
		return 1;
	printf("%s %u\n", s2_op_name(S2_OP_TLBI_IPAS2E1IS),
	       (unsigned)counts.n[S2_OP_TLBI_IPAS2E1IS]);
	return 0;
}
