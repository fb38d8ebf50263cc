/* SPDX-License-Identifier: MIT */
/* What an unmap issues: of pages and of blocks, with and without FEAT_S2FWB and range TLBIs. */
#include <stage2sim/pgtable.h>
#include <stdio.h>

#define MIB UINT64_C(0x100000)
#define RAM UINT64_C(0x40000000) /* where the guest's memory is: IPA... */
#define PA  UINT64_C(0x80000000) /* ...and PA */

/* Maps @size bytes in units of @unit, and returns what their unmap alone issues. */
static int unmap(struct s2_machine *m, struct s2_mmu *mmu, uint64_t size, uint64_t unit,
		 struct s2_counts *issued)
{
	const unsigned how = unit == 2 * MIB ? 0 : S2_MAP_FORCE_PTE; /* blocks if they fit */
	struct s2_cpu *cpu = s2_machine_cpu(m, 0);
	struct s2_counts before, after;
	int ret = s2_pgtable_map(mmu, cpu, s2_range(RAM, size), s2_pa(PA), S2_PROT_R | S2_PROT_W,
				 NULL, how);

	before = s2_machine_counts(m); /* counts only ever grow: take the difference */
	if (!ret)
		ret = s2_pgtable_unmap(mmu, cpu, s2_range(RAM, size));
	after = s2_machine_counts(m);
	*issued = s2_counts_since(&before, &after);
	return ret;
}

static int show(const char *machine, uint64_t unit)
{
	struct s2_mmu_config cfg = {.flavour = s2_flavour_find("newest"), .vmid = {1}};
	struct s2_machine_config host = {.cpus = 4};
	struct s2_counts c;
	struct s2_machine *m;
	struct s2_mmu *mmu;
	int ret = s2_features_parse(machine, &host.features, NULL);

	if (ret)
		return ret;
	ret = s2_machine_create(&host, &m);
	if (ret)
		return ret;
	ret = s2_mmu_create(m, &cfg, &mmu);
	if (!ret) {
		ret = unmap(m, mmu, 64 * MIB, unit, &c);
		s2_mmu_free(mmu);
	}
	s2_machine_destroy(m);
	if (ret)
		return ret;
	printf("%-28s %5llu KiB  %6llu by IPA %4llu by range %8llu DC CIVAC %6llu DSB ISH\n",
	       machine, (unsigned long long)(unit / 1024),
	       (unsigned long long)c.n[S2_OP_TLBI_IPAS2E1IS],
	       (unsigned long long)c.n[S2_OP_TLBI_RIPAS2E1IS],
	       (unsigned long long)c.n[S2_OP_DC_CIVAC], (unsigned long long)c.n[S2_OP_DSB_ISH]);
	return 0;
}

int main(void)
{
	/* A preset, or a preset and what is different about yours. */
	static const char *const machines[] = {"cortex-a72", "neoverse-n2,-fwb", "neoverse-n2"};

	for (int i = 0; i < 3; i++)
		if (show(machines[i], 4096) || show(machines[i], 2 * MIB))
			return 1;
	return 0;
}
