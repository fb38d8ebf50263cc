/* SPDX-License-Identifier: MIT */
/* There is no firmware to call. */
#ifndef S2K_ARM_SMCCC_H
#define S2K_ARM_SMCCC_H
#include_next <linux/arm-smccc.h>
#undef arm_smccc_1_1_hvc
#undef arm_smccc_1_1_smc
#undef arm_smccc_1_1_invoke
#define s2k_firmware(what)     s2k_stop("not modelled", what " to firmware", 0)
#define arm_smccc_1_1_hvc(...) s2k_firmware("HVC")
#define arm_smccc_1_1_smc(...) s2k_firmware("SMC")
#define arm_smccc_1_1_invoke(...)         \
	({                                \
		s2k_firmware("call");     \
		SMCCC_CONDUIT_NONE;       \
	})
#endif
