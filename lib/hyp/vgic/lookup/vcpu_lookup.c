/* SPDX-License-Identifier: MIT */
/*
 * kvm_mpidr_to_vcpu() since v6.7, and what becomes of its table.
 *
 * The table answers with whatever vcpu its slot names, if that vcpu's present
 * MPIDR is the one asked for.  A slot that no vcpu owns holds index 0, so the
 * compare is what makes a lookup right.  Where two vcpus have one MPIDR the
 * table names the higher index, the scan the lower.
 */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/lookup/vcpu_index.h"
#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/state/gated.h"
#include "hyp/vgic/state/vcpu_tables.h"
#include "hyp/vgic/state/vgic.h"

#include <stdlib.h>

void s2_mpidr_table_drop(struct s2_vgic *vgic)
{
	free(vgic->table.entry);
	vgic->table.entry = NULL;
}

/* The bits of affinity in which at least two vcpus differ. */
static uint64_t differing_bits(const struct s2_vgic *vgic)
{
	uint64_t set = 0;
	uint64_t clr = ~UINT64_C(0);

	for (unsigned i = 0; i < vgic->n_vcpus; i++) {
		set |= vgic->hwid[i];
		clr &= vgic->hwid[i];
	}
	return vgic->n_vcpus ? set ^ clr : 0;
}

static bool table_fits(const struct s2_vgic *vgic, unsigned bits)
{
	return bits < 32U && s2_mpidr_table_bytes(bits) <= UINT64_C(1) << vgic->cfg.page_shift;
}

/* kvm_init_mpidr_data() */
static void table_build(struct s2_vgic *vgic)
{
	struct s2_mpidr_table table;

	if (vgic->table.entry || vgic->n_vcpus <= 1)
		return;
	table.gather = s2_mpidr_gather(differing_bits(vgic));
	if (!table_fits(vgic, table.gather.bits))
		return;
	table.entry = calloc(UINT64_C(1) << table.gather.bits, sizeof(*table.entry));
	if (!table.entry)
		return;
	vgic->aside = table.entry;
	for (unsigned i = 0; i < vgic->n_vcpus; i++) {
		s2_vgic_touch(vgic, "a vcpu's MPIDR", false);
		table.entry[s2_mpidr_index(&table.gather, s2_mpidr(vgic->hwid[i]))] = (uint16_t)i;
	}
	/* rcu_assign_pointer(): whoever looks finds it full, or not at all. */
	s2_vgic_touch(vgic, "mpidr_data", true);
	vgic->table = table;
	vgic->aside = NULL;
}

static inline uint16_t table_find(const struct s2_vgic *vgic, struct s2_cpu *cpu,
				  struct s2_mpidr hwid)
{
	const struct s2_found found = s2_mpidr_table_at(vgic, hwid);

	s2_step(cpu, S2_OP_MPIDR_GATHER, found.gathers);
	s2_step(cpu, S2_OP_VCPU_PROBE, found.probes);
	return found.index;
}

static uint16_t table_find_final(const struct s2_vgic *vgic, struct s2_cpu *cpu,
				 struct s2_mpidr hwid)
{
	return vgic->table.entry ? table_find(vgic, cpu, hwid) : s2_vcpu_scan(vgic, cpu, hwid);
}

static uint16_t table_find_or_scan(const struct s2_vgic *vgic, struct s2_cpu *cpu,
				   struct s2_mpidr hwid)
{
	if (vgic->table.entry) {
		const uint16_t index = table_find(vgic, cpu, hwid);

		if (index != S2_NO_VCPU)
			return index;
	}
	return s2_vcpu_scan(vgic, cpu, hwid);
}

static uint16_t table_fast_final(const struct s2_vgic *vgic, struct s2_cpu *cpu,
				 struct s2_mpidr hwid, bool *sure)
{
	*sure = vgic->table.entry != NULL;
	return *sure ? table_find(vgic, cpu, hwid) : S2_NO_VCPU;
}

static uint16_t table_fast(const struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr hwid,
			   bool *sure)
{
	*sure = false;
	return vgic->table.entry ? table_find(vgic, cpu, hwid) : S2_NO_VCPU;
}

static bool table_exists(const struct s2_vgic *vgic)
{
	return vgic->table.entry != NULL;
}

const struct s2_lookup_ops s2_lookup_table_final_ops = {
	.build = table_build,
	.find = table_find_final,
	.find_fast = table_fast_final,
	.has_index = table_exists,
};

/* ce5d2448eb8f: a vcpu that is made late destroys the table; a miss scans. */
const struct s2_lookup_ops s2_lookup_table_ops = {
	.build = table_build,
	.vcpus_changed = s2_mpidr_table_drop,
	.find = table_find_or_scan,
	.find_fast = table_fast,
	.has_index = table_exists,
};

static bool is_duplicate(const struct s2_vgic *vgic, unsigned index)
{
	for (unsigned i = 0; i < index; i++)
		if (vgic->hwid[i] == vgic->hwid[index])
			return true;
	return false;
}

struct s2_mpidr_report s2_vgic_mpidr_report(const struct s2_vgic *vgic)
{
	struct s2_mpidr_report report = {.bits = s2_mpidr_gather(differing_bits(vgic)).bits};

	report.table_fits = table_fits(vgic, report.bits);
	for (unsigned i = 0; i < vgic->n_vcpus; i++) {
		const struct s2_mpidr m = s2_mpidr(vgic->hwid[i]);

		report.duplicates += is_duplicate(vgic, i);
		report.far_aff0 += s2_mpidr_aff(m, 0) >= S2_SGI_LIST_BITS;
		report.aff3 += s2_mpidr_aff(m, 3) != 0;
	}
	return report;
}
