// SPDX-License-Identifier: MIT
/*
 * Flush calls, told before they are made: hyp/vhe/tlb.c and hyp/nvhe/tlb.c have theirs by
 * other names (gen/objects.py), and what calls them comes here.
 *
 * No kernel header: where a tree does not have one of them, nobody calls it.
 */
enum {
	VMID,
	IPA,
	IPA_NSH,
	RANGE
};

/* @kind as enum s2_flush_kind counts, by machine/host.c; @level of IPA, @pages of RANGE. */
void s2k_flush_call(int kind, unsigned long ipa, int level, unsigned long pages);

#define CALLS(el, real)                                                                      \
	void el##__kvm_tlb_flush_vmid(void *mmu);                                             \
	void el##__kvm_tlb_flush_vmid_ipa(void *mmu, unsigned long ipa, int level);           \
	void el##__kvm_tlb_flush_vmid_ipa_nsh(void *mmu, unsigned long ipa, int level);       \
	void el##__kvm_tlb_flush_vmid_range(void *mmu, unsigned long ipa, unsigned long pages); \
	void real##__kvm_tlb_flush_vmid(void *mmu);                                           \
	void real##__kvm_tlb_flush_vmid_ipa(void *mmu, unsigned long ipa, int level);         \
	void real##__kvm_tlb_flush_vmid_ipa_nsh(void *mmu, unsigned long ipa, int level);     \
	void real##__kvm_tlb_flush_vmid_range(void *mmu, unsigned long ipa,                   \
					      unsigned long pages);                           \
                                                                                              \
	void el##__kvm_tlb_flush_vmid(void *mmu)                                              \
	{                                                                                     \
		s2k_flush_call(VMID, 0, 0, 0);                                                \
		real##__kvm_tlb_flush_vmid(mmu);                                              \
	}                                                                                     \
	void el##__kvm_tlb_flush_vmid_ipa(void *mmu, unsigned long ipa, int level)            \
	{                                                                                     \
		s2k_flush_call(IPA, ipa, level, 0);                                           \
		real##__kvm_tlb_flush_vmid_ipa(mmu, ipa, level);                              \
	}                                                                                     \
	void el##__kvm_tlb_flush_vmid_ipa_nsh(void *mmu, unsigned long ipa, int level)        \
	{                                                                                     \
		s2k_flush_call(IPA_NSH, ipa, level, 0);                                       \
		real##__kvm_tlb_flush_vmid_ipa_nsh(mmu, ipa, level);                          \
	}                                                                                     \
	void el##__kvm_tlb_flush_vmid_range(void *mmu, unsigned long ipa, unsigned long pages) \
	{                                                                                     \
		s2k_flush_call(RANGE, ipa, 0, pages);                                         \
		real##__kvm_tlb_flush_vmid_range(mmu, ipa, pages);                            \
	}

CALLS(, tree_real_)
CALLS(__kvm_nvhe_, tree_real_el2_)
