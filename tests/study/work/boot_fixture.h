/* SPDX-License-Identifier: MIT */
/* The boot of the 2025 thread, as s2-boot has it by default, and a small one. */
#ifndef S2_TEST_BOOT_FIXTURE_H
#define S2_TEST_BOOT_FIXTURE_H

#include "study/work/boot.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static inline struct s2_boot thread_boot(void)
{
	const struct s2_boot boot = {
		.vcpus = 64,
		.memory = 128 * GIB,
		.backing = 2 * MIB,
		.ipa_bits = 40,
		.touched = "linux",
		.kernel = 32 * MIB,
		.initramfs = 32 * MIB,
		.early = 2 * MIB,
		.per_vcpu = 256 * KIB,
		.vm_regs = 13,
		.vm_writes = 2000,
		.set_way = 100,
	};

	return boot;
}

static inline struct s2_boot small_boot(void)
{
	struct s2_boot boot = thread_boot();

	boot.vcpus = 4;
	boot.memory = 2 * GIB;
	boot.vm_writes = 10;
	return boot;
}

static inline struct s2_flavour toggling(enum s2_toggle toggle)
{
	struct s2_flavour flavour = *s2_flavour_find("newest");

	flavour.toggle = toggle;
	return flavour;
}

#endif
