/* SPDX-License-Identifier: MIT */
/* A range flush of one's own, counted beside upstream's for three sizes of range. */
#include <stage2sim/mmu.h>
#include <stdio.h>

/* One switch for the whole range: by IPA while that is few TLBIs, else the whole VMID. */
static void few_or_all(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	uint64_t page = s2_page_size(s2_mmu_geometry(mmu));
	struct s2_flush_context cxt;

	s2_flush_enter(mmu, cpu, &cxt);
	for (uint64_t at = 0; at < range.size && range.size <= 16 * page; at += page)
		s2_tlbi_ipas2e1is(cpu, s2_ipa(range.ipa.v + at), S2_TTL_UNKNOWN);
	s2_dsb(cpu, S2_DSB_ISH); /* stage 2 goes first, then what was combined from it */
	if (range.size <= 16 * page)
		s2_tlbi_vmalle1is(cpu);
	else
		s2_tlbi_vmalls12e1is(cpu);
	s2_flush_exit(mmu, cpu, &cxt);
}

/* What a flush of @size issues by flavour @f, on CPU 0 of a machine of four. */
static struct s2_counts flush(const struct s2_flavour *f, uint64_t size)
{
	const struct s2_mmu_config cfg = {.flavour = f, .ipa_bits = 40, .vmid = {1}};
	struct s2_machine_config machine = {.cpus = 4};
	struct s2_counts counts = {{0}};
	struct s2_machine *m;
	struct s2_mmu *mmu;

	if (s2_features_parse("max", &machine.features, NULL) || s2_machine_create(&machine, &m))
		return counts;
	if (!s2_mmu_create(m, &cfg, &mmu)) {
		const struct s2_counts before = s2_machine_counts(m); /* the root's pages */

		s2_flush_vmid_range(mmu, s2_machine_cpu(m, 0), s2_range(0, size));
		counts = s2_machine_counts(m);
		counts = s2_counts_since(&before, &counts);
		s2_mmu_free(mmu);
	}
	s2_machine_destroy(m);
	return counts;
}

int main(void)
{
	static const uint64_t pages[] = {10, 512, UINT64_C(64) << 18};
	struct s2_flavour own = *s2_flavour_find("newest");

	own.flush_range_with = few_or_all;
	for (int i = 0; i < 3; i++) {
		const struct s2_counts a = flush(s2_flavour_find("newest"), pages[i] * 4096);
		const struct s2_counts b = flush(&own, pages[i] * 4096);

		printf("%llu pages: %29s %9s\n", (unsigned long long)pages[i], "upstream", "own");
		for (int op = 0; op < S2_OP_COUNT; op++)
			if (a.n[op] || b.n[op])
				printf("  %-25s %9llu %9llu\n", s2_op_name((enum s2_op)op),
				       (unsigned long long)a.n[op], (unsigned long long)b.n[op]);
		if (!a.n[S2_OP_DSB_ISH] || !b.n[S2_OP_DSB_ISH])
			return 1; /* a flush that does not wait is none */
	}
	return 0;
}
