/* SPDX-License-Identifier: MIT */
/* Alternatives: chosen where they stand, by what the machine has; nothing is patched. */
#ifndef S2K_ALTERNATIVE_MACROS_H
#define S2K_ALTERNATIVE_MACROS_H
#define __ASM_ALTERNATIVE_MACROS_H
#include <linux/bits.h>
#include <linux/stringify.h>
#include <linux/types.h>
#include <asm/cpucaps.h>

#define ARM64_CB_SHIFT 15
#define ARM64_CB_BIT   BIT(ARM64_CB_SHIFT)
#define ALTERNATIVE(old, new, cap, ...) \
	"s2k_alternative " __stringify(cap) ", \"" old "\", \"" new "\"\n"
/* What a callback would have put there; one that is not here is an error of the assembler. */
#define ALTERNATIVE_CB(old, cap, cb) S2K_CB_##cb
#define S2K_CB_kvm_compute_final_ctr_el0 "mov s2k_ctr_el0(%%rip), %0"
#define S2K_CB_kvm_update_va_mask	 "nop"

#define alternative_has_cap_likely(cap)	  (s2k_cap[cap] != 0)
#define alternative_has_cap_unlikely(cap) (s2k_cap[cap] != 0)
/* Their names before v6.4. */
#define alternative_has_feature_likely	 alternative_has_cap_likely
#define alternative_has_feature_unlikely alternative_has_cap_unlikely
#endif
