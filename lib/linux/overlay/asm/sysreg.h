/* SPDX-License-Identifier: MIT */
/* MRS and MSR: by name, or by encoding. */
#ifndef S2K_ASM_SYSREG_H
#define S2K_ASM_SYSREG_H
#include_next <asm/sysreg.h>
#ifndef __ASSEMBLY__
#undef read_sysreg
#undef write_sysreg
#undef read_sysreg_s
#undef write_sysreg_s
#undef read_sysreg_par
#define read_sysreg(r)	      ((u64)s2k_mrs(#r))
#define write_sysreg(v, r)    s2k_msr(#r, (u64)(v))
#define read_sysreg_s(r)      ((u64)s2k_mrs_s(r))
#define write_sysreg_s(v, r)  s2k_msr_s(r, (u64)(v))
#define read_sysreg_par()     ((u64)s2k_mrs("par_el1"))
/* v6.16 and later: HCR_EL2 by a macro of its own. */
#undef write_sysreg_hcr
#define write_sysreg_hcr(v)   s2k_msr("hcr_el2", (u64)(v))
#endif
#endif
