/* SPDX-License-Identifier: MIT */
#include <stage2sim/op.h>

#include <errno.h>
#include <string.h>

static const char *const op_names[S2_OP_COUNT] = {
	[S2_OP_TLBI_VMALLS12E1IS] = "tlbi_vmalls12e1is",
	[S2_OP_TLBI_VMALLS12E1] = "tlbi_vmalls12e1",
	[S2_OP_TLBI_VMALLE1IS] = "tlbi_vmalle1is",
	[S2_OP_TLBI_VMALLE1] = "tlbi_vmalle1",
	[S2_OP_TLBI_IPAS2E1IS] = "tlbi_ipas2e1is",
	[S2_OP_TLBI_IPAS2E1] = "tlbi_ipas2e1",
	[S2_OP_TLBI_RIPAS2E1IS] = "tlbi_ripas2e1is",
	[S2_OP_TLBI_RIPAS2E1] = "tlbi_ripas2e1",
	[S2_OP_TLBI_ALLE1IS] = "tlbi_alle1is",
	[S2_OP_TLBI_VALE2IS] = "tlbi_vale2is",
	[S2_OP_DVM_BROADCAST] = "dvm_broadcast",
	[S2_OP_DSB_ISH] = "dsb_ish",
	[S2_OP_DSB_ISHST] = "dsb_ishst",
	[S2_OP_DSB_NSH] = "dsb_nsh",
	[S2_OP_DSB_NSHST] = "dsb_nshst",
	[S2_OP_DSB_SY] = "dsb_sy",
	[S2_OP_DMB_ISH] = "dmb_ish",
	[S2_OP_DMB_ISHST] = "dmb_ishst",
	[S2_OP_ISB] = "isb",
	[S2_OP_DC_CIVAC] = "dc_civac",
	[S2_OP_DC_CVAC] = "dc_cvac",
	[S2_OP_DC_IVAC] = "dc_ivac",
	[S2_OP_DC_SETWAY] = "dc_setway",
	[S2_OP_IC_IVAU] = "ic_ivau",
	[S2_OP_IC_IALLUIS] = "ic_ialluis",
	[S2_OP_IC_IALLU] = "ic_iallu",
	[S2_OP_HYPERCALL] = "hypercall",
	[S2_OP_VMID_SWITCH] = "vmid_switch",
	[S2_OP_SYSREG_WRITE] = "sysreg_write",
	[S2_OP_SYSREG_TRAP] = "sysreg_trap",
	[S2_OP_GUEST_ENTRY] = "guest_entry",
	[S2_OP_GUEST_EXIT] = "guest_exit",
	[S2_OP_PTE_READ] = "pte_read",
	[S2_OP_PTE_WRITE] = "pte_write",
	[S2_OP_TABLE_ALLOC] = "table_alloc",
	[S2_OP_TABLE_FREE] = "table_free",
	[S2_OP_S2_FAULT] = "s2_fault",
	[S2_OP_TLB_HIT] = "tlb_hit",
	[S2_OP_TLB_MISS] = "tlb_miss",
	[S2_OP_WALK_READ] = "walk_read",
	[S2_OP_VCPU_PROBE] = "vcpu_probe",
	[S2_OP_VCPU_VISIT] = "vcpu_visit",
	[S2_OP_MPIDR_GATHER] = "mpidr_gather",
	[S2_OP_SGI_QUEUE] = "sgi_queue",
	[S2_OP_KICK_IPI] = "kick_ipi",
	[S2_OP_VCPU_WAKE] = "vcpu_wake",
	[S2_OP_IRQ_LOCK] = "irq_lock",
	[S2_OP_MMU_FIELD_WRITE] = "mmu_field_write",
	[S2_OP_MMU_ROLE_COMPUTE] = "mmu_role_compute",
	[S2_OP_MMU_ROLE_COMPARE] = "mmu_role_compare",
	[S2_OP_ROOT_UNLOAD] = "root_unload",
};

const char *s2_op_name(enum s2_op op)
{
	return (unsigned)op < S2_OP_COUNT ? op_names[op] : NULL;
}

int s2_op_find(const char *name)
{
	for (int op = 0; name && op < S2_OP_COUNT; op++)
		if (!strcmp(op_names[op], name))
			return op;
	return -ENOENT;
}

bool s2_op_is_broadcast(enum s2_op op)
{
	switch (op) {
	case S2_OP_TLBI_VMALLS12E1IS:
	case S2_OP_TLBI_VMALLE1IS:
	case S2_OP_TLBI_IPAS2E1IS:
	case S2_OP_TLBI_RIPAS2E1IS:
	case S2_OP_TLBI_ALLE1IS:
	case S2_OP_TLBI_VALE2IS:
	case S2_OP_IC_IVAU:
	case S2_OP_IC_IALLUIS:
		return true;
	default:
		return false;
	}
}

struct s2_counts s2_counts_since(const struct s2_counts *from, const struct s2_counts *to)
{
	struct s2_counts diff;

	for (int op = 0; op < S2_OP_COUNT; op++)
		diff.n[op] = to->n[op] - from->n[op];
	return diff;
}

void s2_counts_add(struct s2_counts *sum, const struct s2_counts *more)
{
	for (int op = 0; op < S2_OP_COUNT; op++)
		sum->n[op] += more->n[op];
}
