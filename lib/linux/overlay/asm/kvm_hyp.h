/* SPDX-License-Identifier: MIT */
/* EL1 registers as EL2 names them: _EL12 with VHE. */
#ifndef S2K_ASM_KVM_HYP_H
#define S2K_ASM_KVM_HYP_H
#include_next <asm/kvm_hyp.h>
#undef read_sysreg_elx
#undef write_sysreg_elx
#define s2k_elx(r, nvh, vh) (s2k_cap[ARM64_HAS_VIRT_HOST_EXTN] ? r##vh : r##nvh)
#define read_sysreg_elx(r, nvh, vh)	read_sysreg_s(s2k_elx(r, nvh, vh))
#define write_sysreg_elx(v, r, nvh, vh) write_sysreg_s(v, s2k_elx(r, nvh, vh))
#endif
