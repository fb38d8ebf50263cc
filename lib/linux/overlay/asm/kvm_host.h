/* SPDX-License-Identifier: MIT */
/* nVHE: a call into EL2 is an HVC, and EL2's copy of the function. */
#ifndef S2K_ASM_KVM_HOST_H
#define S2K_ASM_KVM_HOST_H
#include_next <asm/kvm_host.h>
#ifndef __KVM_NVHE_HYPERVISOR__
#undef kvm_call_hyp_nvhe
/* The prefix is the one of the kernel's own link; pKVM's functions are not linked. */
#define kvm_call_hyp_nvhe(f, ...)                                                    \
	({                                                                           \
		extern char s2k_el2_##f[] asm("__kvm_nvhe_" #f) __attribute__((weak)); \
		s2k_hvc(#f);                                                         \
		if (!s2k_el2_##f)                                                    \
			s2k_stop("no function of EL2", #f, 0);                       \
		((u64(*)())s2k_el2_##f)(__VA_ARGS__);                                \
	})
#endif
#endif
